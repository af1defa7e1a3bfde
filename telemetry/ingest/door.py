"""The front door of devices: from a WSGI request to a committed report and its answer.

In front of Django on purpose: its middleware costs more than the whole of this. So limits, request ids, metrics and logs
are the door's own. What may be refused cheaply is refused early: method, key, pace and load before a byte of body.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import re
import secrets
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import structlog
from django.utils import timezone

from access.failpoints import failpoint
from telemetry.ingest import answers, body, enrol, quarantine, rfc3339, rooms, timing
from telemetry.ingest.accept import accept_one, committer, key_stopped
from telemetry.ingest.admission import admission
from telemetry.ingest.answers import Answer, Hints, Receipt
from telemetry.ingest.batch import CALLHOME, CanonicalBatch, Counts, DecodeError, Note, RequestMeta, uuid_from_digest
from telemetry.ingest.doors import ENROL_PATH, Door, find_door
from telemetry.ingest.keys import BadKey, KeyStopped, Sender, find
from telemetry.ingest.metrics import ANSWERS, SECONDS
from telemetry.ingest.refusals import refusals
from telemetry.ingest.store import StoreAway, give_up_connection
from telemetry.ingest.waker import waker

log = structlog.get_logger(__name__)

type Environ = dict[str, Any]
type StartResponse = Callable[[str, list[tuple[str, str]]], Any]

BEARER: Final = "bearer "
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_\-.]{8,64}", re.ASCII)
_LINES: Final = {status: f"{status.value} {status.phrase}" for status in HTTPStatus}
_jitter: Final = random.SystemRandom().random
_process: Final = secrets.token_hex(5)
_count: Final = itertools.count(1)


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """WSGI: every path below /ingest/. Never 500, never a redirect."""
    answer = respond(environ)
    start_response(_LINES[HTTPStatus(answer.status)], list(answer.headers))
    return [answer.body]  # a list: the web server sends one at once, and anything else piece by piece


def respond(environ: Environ) -> Answer:
    """The answer of one request, whatever happens; with its request id and length among the headers."""
    started = time.perf_counter()
    request_id = _request_id(environ)
    # Or lines of the log would name the page that this thread answered last.
    structlog.contextvars.bind_contextvars(request_id=request_id)
    path: str = environ.get("PATH_INFO", "")
    found = find_door(path)
    if found is not None:
        door, path_key = found
        name, content_type = door.name, _content_type(environ, door)
        answer = _whatever_happens(name, content_type, lambda: _serve(door, environ, content_type, path_key))
    elif path == ENROL_PATH:
        name = enrol.NAME
        answer = _whatever_happens(name, answers.JSON, lambda: enrol.serve(environ))
    else:
        name = "none"
        answer = Answer(404, (("Content-Type", answers.TEXT),), b"no such door\n")
    ANSWERS.labels(name, str(answer.status)).inc()
    SECONDS.labels(name).observe(time.perf_counter() - started)
    return _complete(answer, request_id)


def _whatever_happens(name: str, content_type: str, serve: Callable[[], Answer]) -> Answer:
    try:
        return serve()
    except DecodeError as error:
        log.info("ingest.refused", door=name, status=error.status, code=error.code)
        return answers.refused(name, error, content_type)
    except StoreAway as away:
        log.info("ingest.try_later", door=name, why=str(away))
    except Exception:
        # Unexpected, before anything was committed or after: the sender keeps its report and comes again.
        log.exception("ingest.failed", door=name)
        give_up_connection()
    return answers.try_later(name, _jitter, content_type)


def _serve(door: Door, environ: Environ, content_type: str, path_key: str) -> Answer:
    if environ.get("REQUEST_METHOD") != "POST":
        raise answers.wrong_method()
    try:
        sender = _admitted(door, environ, path_key)
    except (DecodeError, StoreAway):
        # Refused with the body still on its way: read a little of it, or the sender sees a broken connection, no answer.
        body.discard(environ)
        raise
    try:
        return _answered(door, environ, content_type, sender)
    except DecodeError as error:
        refusals.tell(sender.key_id, door.name, error.code, error.status, error.path)
        raise


def _answered(door: Door, environ: Environ, content_type: str, sender: Sender) -> Answer:
    """Raises DecodeError, StoreAway."""
    try:
        media_type = _media_type(door, content_type)
        encoding = body.content_encoding(environ.get("HTTP_CONTENT_ENCODING"), door.encodings)
        wire = _read(door, environ, sender)
    except (DecodeError, StoreAway):
        body.discard(environ)
        raise
    plain = body.decompress(wire, encoding, sender.limits) if door.encodings else wire
    meta = RequestMeta(
        format=door.name,
        content_type=media_type,
        received_at=timezone.now(),
        limits=sender.limits,
        source_clock=_clock(environ),
    )
    batch = _decoded(door, plain, meta, sender)
    if isinstance(batch, Receipt):
        return _kept(door, sender, batch, Hints(meta.received_at), content_type)
    outcome, hints = accept_one(sender, timing.correct(batch, meta))
    if isinstance(outcome, DecodeError):
        raise outcome
    waker.wake()
    failpoint("accept.before_answer")
    return _kept(door, sender, outcome, hints, content_type)


def _kept(door: Door, sender: Sender, receipt: Receipt, hints: Hints, content_type: str) -> Answer:
    answer = answers.kept(door.name, receipt, hints, content_type)
    if receipt.rejected_total and receipt.kept_nothing:
        # Its client takes this for a success, so nobody would ever look why.
        first = receipt.rejected[0]
        refusals.tell(sender.key_id, door.name, first.code, answer.status, first.path)
    return answer


def _admitted(door: Door, environ: Environ, path_key: str) -> Sender:
    """Who sends, if it may come in now; cheapest question first. Raises DecodeError, StoreAway."""
    if committer.is_slow():
        raise StoreAway("slow")
    sender = _sender(door, environ, path_key)
    if not admission.admits(sender):
        raise StoreAway("admission")
    return sender


def _read(door: Door, environ: Environ, sender: Sender) -> bytes:
    limits = sender.limits
    most = limits.callhome_wire_bytes if door.name == CALLHOME else limits.wire_bytes
    try:
        with rooms.REPORTS.place(sender.id, limits.bodies_at_once):
            return body.read_wire(environ, most)
    except rooms.Full:
        raise StoreAway("bodies") from None


def _sender(door: Door, environ: Environ, path_key: str) -> Sender:
    try:
        return find(path_key, "path") if door.key_in_path else find(_bearer(environ), "header")
    except BadKey as bad:
        refusal = answers.unauthenticated(door.name)
        refusals.tell_of_key(bad, door.name, refusal.status)
        raise refusal from None
    except KeyStopped as stopped:
        refusal = key_stopped()
        refusals.tell(stopped.key_id, door.name, stopped.why, refusal.status)
        raise refusal from None


def _bearer(environ: Environ) -> str:
    header: str = environ.get("HTTP_AUTHORIZATION", "")
    # OpenTelemetry's environment variables write "Bearer%20…", and not every SDK decodes it.
    header = header.replace("%20", " ", 1)
    return header[len(BEARER) :].strip() if header[: len(BEARER)].lower() == BEARER else ""


def _content_type(environ: Environ, door: Door) -> str:
    return environ.get("CONTENT_TYPE") or door.default_type


def _media_type(door: Door, content_type: str) -> str:
    """The one of the door's types, without parameters. Raises DecodeError 415."""
    media_type = content_type.split(";", 1)[0].strip().lower()
    if door.content_types and media_type not in door.content_types:
        raise answers.unsupported_type(door.content_types)
    if door.refuses_type is not None and door.refuses_type(content_type):
        raise answers.unsupported_type(door.content_types)
    return media_type


def _clock(environ: Environ) -> datetime | None:
    """The sender's own clock at this attempt, if it says so; nonsense counts as not said."""
    text: str = environ.get("HTTP_SMARTCARE_CLOCK", "")
    if not text:
        return None
    try:
        return rfc3339.parse(text[:64])
    except ValueError:
        return None


def _decoded(door: Door, plain: bytes, meta: RequestMeta, sender: Sender) -> CanonicalBatch | Receipt:
    """The batch; a receipt with everything rejected where a decoder broke down: the body waits in quarantine then, since
    a sender told to come again would bring the same body for ever."""
    try:
        return door.decode(plain, meta)
    except DecodeError:
        raise
    except Exception as error:
        log.exception("ingest.decoder_failed", door=door.name, sender=str(sender.id))
        quarantine.keep(sender, plain, meta, error)
        why = Note("", "internal_decode_error", "kept as it came; it will be read after a correction on our side")
        key = uuid_from_digest(hashlib.sha256(plain).digest())
        return Receipt(key, Counts(0, 0, 0), (why,), 1)


def _complete(answer: Answer, request_id: str) -> Answer:
    headers = [*answer.headers, ("X-Request-ID", request_id), ("Cache-Control", "no-store")]
    if answer.status != HTTPStatus.NO_CONTENT:
        headers.append(("Content-Length", str(len(answer.body))))
    return Answer(answer.status, tuple(headers), answer.body)


def _request_id(environ: Environ) -> str:
    given: str = environ.get("HTTP_X_REQUEST_ID", "")
    # Unique is enough: random bytes from the kernel for each request would cost more than its metrics.
    return given if given and REQUEST_ID.fullmatch(given) else f"{_process}-{next(_count):06x}"
