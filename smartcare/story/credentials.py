"""Passwords, tokens and keys of the cast: random per database, and the same each time they are printed.

Each is an HMAC under SECRET_KEY of the organization's id, which the database drew at random, and of a name. Nothing is
fixed in code, and nothing is kept in clear. Where SECRET_KEY has changed since, the next seeding sets them anew.
"""

import base64
import hashlib
import hmac
from uuid import UUID, uuid5

from django.conf import settings

from access.models.identity import ALPHABET

PASSWORD_LETTERS, GROUP = 20, 5  # 98 bits, in groups that can be typed
KEY_ID_LETTERS = 12


def _code(owner: UUID, name: str) -> bytes:
    return hmac.new(settings.SECRET_KEY.encode(), f"story:{owner}:{name}".encode(), hashlib.sha256).digest()


def _letters(code: bytes, count: int) -> str:
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in code[:count])


def password(owner: UUID, person: str) -> str:
    """'abcde-fghjk-mnpqr-stvwx'. owner: the person's organization, or the person where there is none."""
    letters = _letters(_code(owner, f"password:{person}"), PASSWORD_LETTERS)
    return "-".join(letters[at : at + GROUP] for at in range(0, PASSWORD_LETTERS, GROUP))


def secret(owner: UUID, name: str) -> str:
    """The secret half of a token or key, 256 bits."""
    return base64.urlsafe_b64encode(_code(owner, f"secret:{name}")).decode().rstrip("=")


def key_id(owner: UUID, name: str) -> str:
    """The public half. Without SECRET_KEY in it: by this the row is found again when SECRET_KEY has changed."""
    return _letters(hashlib.sha256(f"story:{owner}:key:{name}".encode()).digest(), KEY_ID_LETTERS)


def digest(text: str) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(text.encode()).digest()


def row_id(owner: UUID, name: str) -> UUID:
    """Primary key of a row that the story writes itself, so that it finds the row again."""
    return uuid5(owner, f"story:{name}")
