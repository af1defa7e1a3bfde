"""Signatures a receiver can check with any Standard Webhooks 1.0 library.

Source: Standard Webhooks 1.0, "Webhook metadata" and "Signature scheme" (symmetric, v1).
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets as random_source
from collections.abc import Sequence
from datetime import datetime

PREFIX = "whsec_"
SECRET_BYTES = 32  # the standard asks for 24 to 64
SHORTEST_SECRET_BYTES = 24
# The signed text is "id.timestamp.body": an id with a dot in it could be read as another id and timestamp.
MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def new_secret() -> str:
    """A secret for one destination; the only moment it exists in clear outside `secrets.open_sealed`."""
    return PREFIX + base64.b64encode(random_source.token_bytes(SECRET_BYTES)).decode()


def headers(secrets: str | Sequence[str], *, message_id: str, timestamp: datetime, body: bytes) -> dict[str, str]:
    """The three headers under which `body` may be trusted; with two secrets a receiver may check either (rotation).

    `timestamp` is the moment of this attempt: receivers refuse what is more than 5 minutes away.
    Raises ValueError for a secret, an id or a timestamp that no receiver could check.
    """
    if not MESSAGE_ID.fullmatch(message_id):
        raise ValueError("A message id is 1 to 128 letters, digits, '-' and '_'")
    if timestamp.utcoffset() is None:
        raise ValueError("A signature needs an aware timestamp")
    keys = [_key(secret) for secret in ([secrets] if isinstance(secrets, str) else secrets)]
    if not keys:
        raise ValueError("A webhook is never sent without a signature")
    seconds = str(int(timestamp.timestamp()))
    signed = b".".join((message_id.encode(), seconds.encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{_signature(key, signed)}" for key in keys),
    }


def _signature(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(PREFIX) or len(key) < SHORTEST_SECRET_BYTES:
        raise ValueError("Not a webhook secret")  # never the secret itself: this text reaches logs
    return key
