"""T1: keep each report exactly once, answer only what has been committed. Design: docs/decisions/0004-storage.md.

One statement for all requests that wait, so one fsync. The statement is a function of a role that may store and nothing
else; it asks the live key and the device's present place again, so nothing remembered here decides anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import structlog
from django.db import DataError
from django.utils import timezone

from access.failpoints import failpoint
from telemetry.ingest import aliases, keys
from telemetry.ingest.answers import Hints, Receipt, report_id_reused
from telemetry.ingest.batch import NATIVE, CanonicalBatch, Counts, DecodeError
from telemetry.ingest.group import Committer
from telemetry.ingest.keys import KeyStopped, Sender
from telemetry.ingest.prepare import Prepared, prepare
from telemetry.ingest.statement import CALL, parameters
from telemetry.ingest.store import StoreAway, ask, ask_in_turn, state_of

log = structlog.get_logger(__name__)

# Verdicts of ingest_accept(); a report it says nothing about was stored.
STORED: Final = 0
REPEATED: Final = 1
REUSED: Final = 2
STOPPED: Final = 3
MOVED: Final = 4
UNSTORABLE: Final = 5

NO_PARTITION: Final = "23514"  # check_violation: "no partition of relation found for row"
DEADLOCK: Final = "40P01"

type Verdict = tuple[int, Counts | None]
type Outcome = Receipt | DecodeError


def accept(batches: Sequence[tuple[Sender, CanonicalBatch]]) -> list[Outcome]:
    """Keep these reports in one commit; for each its receipt, or why it was refused.

    Raises StoreAway if nothing was committed: every sender then keeps its report and tries again.
    """
    outcomes: list[Outcome | None] = [None] * len(batches)
    waiting: list[tuple[int, Prepared]] = []
    for index, (sender, batch) in enumerate(batches):
        prepared = _prepared(sender, batch)
        if isinstance(prepared, Prepared):
            waiting.append((index, prepared))
        else:
            outcomes[index] = prepared
    verdicts = keep([prepared for _, prepared in waiting]) if waiting else []
    for (index, prepared), verdict in zip(waiting, verdicts, strict=True):
        outcomes[index] = _outcome(prepared, verdict, again=_alone)
    return [outcome for outcome in outcomes if outcome is not None]


def accept_one(sender: Sender, batch: CanonicalBatch) -> tuple[Outcome, Hints]:
    """The same for one request among others: it shares its commit with whoever waits at the same time."""
    prepared = _prepared(sender, batch)
    if not isinstance(prepared, Prepared):
        return prepared, Hints(timezone.now())
    outcome = _outcome(prepared, committer.keep(prepared), again=committer.keep)
    return outcome, hints(prepared)


def hints(prepared: Prepared) -> Hints:
    seq = prepared.batch.seq
    return Hints(
        server_time=timezone.now(),
        next_interval_s=prepared.batch.interval_s,
        expect_seq=None if seq is None else seq + 1,
        need=prepared.need,
    )


def _prepared(sender: Sender, batch: CanonicalBatch) -> Prepared | Outcome:
    """Ready to be stored, or the answer already: a refusal, or a success that leaves nothing to store."""
    try:
        prepared = prepare(sender, batch)
    except KeyStopped:
        keys.forget(sender)
        return key_stopped()
    except DecodeError as error:
        return error
    if not prepared.devices and batch.format != NATIVE:
        return _receipt(prepared, prepared.counts)  # metadata only, or every point refused: its client calls it success
    return prepared


def _alone(prepared: Prepared) -> Verdict:
    return keep([prepared])[0]


def _outcome(prepared: Prepared, verdict: Verdict, again) -> Outcome:  # type: ignore[no-untyped-def]  # Callable[[Prepared], Verdict]
    if verdict[0] == MOVED:
        fresh = _looked_up_again(prepared)
        if not isinstance(fresh, Prepared):
            return fresh
        prepared, verdict = fresh, again(fresh)
    kind, counts = verdict
    if kind == STORED:
        prepared.remember()
        return _receipt(prepared, prepared.counts)
    if kind == REPEATED:
        return replace(_receipt(prepared, counts or prepared.counts), duplicate=True)
    if kind == REUSED:
        return report_id_reused()
    if kind == STOPPED:
        keys.forget(prepared.sender)
        return key_stopped()
    if kind == UNSTORABLE:
        return DecodeError(400, "bad_value", "a value of this report cannot be stored; nothing was kept")
    raise StoreAway("a device of the report is on the move")


def _looked_up_again(prepared: Prepared) -> Prepared | Outcome:
    """A device has been moved or retired since it was looked up: prepare the report once more, for where it is now."""
    aliases.forget(prepared.sender, prepared.asked.devices)
    try:
        sender = keys.again(prepared.sender)
    except KeyStopped:
        return key_stopped()
    return _prepared(sender, prepared.asked)


def _receipt(prepared: Prepared, counts: Counts) -> Receipt:
    batch = prepared.batch
    return Receipt(batch.idempotency_key, counts, batch.rejected, batch.rejected_total, batch.warnings)


def key_stopped() -> DecodeError:
    return DecodeError(403, "key_revoked", "this key is no longer valid here")


# ---- the statement


def keep(group: Sequence[Prepared]) -> list[Verdict]:
    """Store a group in one statement. A report that cannot be stored is told apart by trying each alone."""
    failpoint("accept.before_statement")
    try:
        rows = _call(group)
        failpoint("accept.stored")
    except DataError as error:
        if len(group) == 1:
            # Not the message: it quotes the value.
            state = getattr(error.__cause__, "pgcode", None)
            log.warning("ingest.unstorable", sender=str(group[0].sender.id), sqlstate=state)
            return [(UNSTORABLE, None)]
        return [keep([prepared])[0] for prepared in group]
    verdicts: list[Verdict] = [(STORED, None)] * len(group)
    for position, verdict, devices, samples, events in rows:
        counts = None if devices is None else Counts(devices, samples, events)
        verdicts[position - 1] = (verdict, counts)
    return verdicts


def _call(group: Sequence[Prepared]) -> list[tuple]:  # type: ignore[type-arg]  # columns of ingest_accept()
    values = parameters(group)
    try:
        return ask_in_turn(CALL, values)
    except StoreAway as away:
        state = state_of(away)
        if state == NO_PARTITION:
            log.error("ingest.no_partition", advice="the sweep makes day partitions ahead: is beat running?")
            ask("SELECT count(*) FROM make_day_partitions(3)")
        elif state != DEADLOCK:
            raise
        return ask_in_turn(CALL, values)


committer: Final = Committer(keep)
