"""The door for a new device: a claim code for a key, once. No key yet, so guesses are slowed down for everybody."""

from __future__ import annotations

import json
import time
from typing import Any, Final

from django.db import DatabaseError, InterfaceError

from telemetry import enrolment
from telemetry.enrolment import EnrolmentRefused
from telemetry.ingest import answers, body, rooms, strictjson
from telemetry.ingest.answers import Answer
from telemetry.ingest.batch import DecodeError
from telemetry.ingest.limits import UNAUTHENTICATED_BYTES, Pace, TokenBuckets
from telemetry.ingest.store import StoreAway, give_up_connection

NAME: Final = "enrol"
DEPTH: Final = 4
VALUES: Final = 100
BODIES_AT_ONCE: Final = 2
CODE_CHARS: Final = 64
IDENTITY_CHARS: Final = 255
PACE: Final = Pace(rate=10, burst=50)
"""Of this process, for all comers: a code has 78 bits, so this only keeps the database from being asked for sport."""

_buckets: Final = TokenBuckets(time.monotonic)


def serve(environ: dict[str, Any]) -> Answer:
    """Raises DecodeError, StoreAway."""
    if environ.get("REQUEST_METHOD") != "POST":
        raise answers.wrong_method()
    if not _buckets.admit(NAME, PACE):
        body.discard(environ)
        raise StoreAway("enrolment")
    try:
        with rooms.PAGES.place(NAME, BODIES_AT_ONCE):
            plain = body.read_wire(environ, UNAUTHENTICATED_BYTES)
    except rooms.Full:
        raise StoreAway("bodies") from None
    code, identity = _asked(plain)
    try:
        enrolled = enrolment.enrol(code, identity)
    except EnrolmentRefused as refusal:
        raise DecodeError(refusal.status, refusal.code, str(refusal)) from refusal
    except (DatabaseError, InterfaceError) as error:
        give_up_connection()
        raise StoreAway("enrolment") from error
    said = {"device_id": enrolled.device_public_id, "key": enrolled.key}
    return Answer(200, (("Content-Type", answers.JSON),), json.dumps(said).encode())


def _asked(plain: bytes) -> tuple[str, dict[str, Any]]:
    said = strictjson.loads(plain, DEPTH, VALUES)
    if type(said) is not dict:
        raise DecodeError(400, "wrong_type", "an object with claim_code and identity is required")
    code, identity = said.get("claim_code"), said.get("identity", {})
    if type(code) is not str or not 0 < len(code) <= CODE_CHARS:
        raise DecodeError(400, "wrong_type", "claim_code is required, a string", "claim_code")
    if type(identity) is not dict:
        raise DecodeError(400, "wrong_type", "identity is an object", "identity")
    texts = {name: value for name, value in identity.items() if type(value) is str}
    if any(len(value) > IDENTITY_CHARS for value in texts.values()):
        raise DecodeError(400, "string_too_long", f"at most {IDENTITY_CHARS} characters", "identity")
    return code, texts
