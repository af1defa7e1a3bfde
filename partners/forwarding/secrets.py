"""Webhook secrets at rest: a stolen dump or backup opens none of them.

A blob is version (1 byte), key id (4), nonce (12), AES-256-GCM text and tag. The keys are derived from SECRET_KEY and,
for opening alone, from SECRET_KEY_FALLBACKS: rotating SECRET_KEY keeps every destination working, and a blob sealed
with an older key says so (`is_current`), so that it can be sealed again before the fallback is dropped.
"""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

VERSION: Final = b"\x01"
KEY_ID_BYTES: Final = 4
NONCE_BYTES: Final = 12  # NIST SP 800-38D, 8.2.2: a random nonce of 96 bits
KEY_BYTES: Final = 32
# Changing it locks out everything sealed before.
INFO: Final = b"smartcare/webhook-secret/1"


class CannotOpen(Exception):
    """The blob was changed, belongs to another destination, or its key is no longer in the settings."""


def seal(plain: str, aad: str) -> bytes:
    """`plain`, readable again only with this installation's key and the same `aad` (the destination's id)."""
    head = current_head()
    nonce = os.urandom(NONCE_BYTES)
    return head + nonce + AESGCM(_key(settings.SECRET_KEY)).encrypt(nonce, plain.encode(), head + aad.encode())


def open_sealed(blob: bytes | memoryview, aad: str) -> str:
    """What was sealed for `aad`. Raises CannotOpen; the destination then needs a new secret."""
    head, nonce, text = _parts(bytes(blob))
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        if head == VERSION + _key_id(secret):
            try:
                return AESGCM(_key(secret)).decrypt(nonce, text, head + aad.encode()).decode()
            except (InvalidTag, ValueError):
                continue  # changed or cut; or two keys share an id, and the next one decides
    raise CannotOpen("No key of this installation opens the secret")


def is_current(blob: bytes | memoryview) -> bool:
    """Was it sealed with today's SECRET_KEY? Otherwise seal it again before its key leaves the fallbacks."""
    return bytes(blob).startswith(current_head())


def current_head() -> bytes:
    """What every blob begins with that was sealed with today's SECRET_KEY."""
    return VERSION + _key_id(settings.SECRET_KEY)


def _parts(blob: bytes) -> tuple[bytes, bytes, bytes]:
    head_bytes = len(VERSION) + KEY_ID_BYTES
    return blob[:head_bytes], blob[head_bytes : head_bytes + NONCE_BYTES], blob[head_bytes + NONCE_BYTES :]


def _derived(secret: str) -> bytes:
    derived: bytes = HKDF(SHA256(), length=KEY_BYTES + KEY_ID_BYTES, salt=None, info=INFO).derive(secret.encode())
    return derived


def _key(secret: str) -> bytes:
    return _derived(secret)[:KEY_BYTES]


def _key_id(secret: str) -> bytes:
    return _derived(secret)[KEY_BYTES:]
