"""Advance one device by a block of samples: old state and facts in, new state and findings out.

Pure and deterministic: the same state and block give the same bytes, whatever else is computed beside them, and blocks
of any size add up to the same. Live work, replays and `detect` call the same function. Time comes from the data.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from telemetry.analysis import blob as blobs
from telemetry.analysis import tables
from telemetry.analysis.blob import DeviceState, UnknownState
from telemetry.analysis.context import Context as Context
from telemetry.analysis.context import Support as Support
from telemetry.analysis.detectors import end_of_support, presence, together
from telemetry.analysis.facts import DeviceFacts
from telemetry.analysis.findings import Finding
from telemetry.analysis.hysteresis import Change, Tracks
from telemetry.analysis.running import Run


@dataclass(frozen=True, slots=True)
class Advance:
    """state: to be stored. findings: everything that holds now; what is not in here is over.

    changes: what was raised, updated and cleared on the way, oldest first. expected: local hours of the week in which
    reports are to be expected, 21 bytes for the dead-man's switch. marked_share: part of the last day in which many
    signals were unlike themselves, for the health score. repeated: the block had been applied before.
    """

    state: bytes
    findings: list[Finding]
    changes: list[Change]
    expected: bytes = b""
    marked_share: float = 0.0
    repeated: bool = False


def advance(state: bytes | None, block: DeviceFacts, now: float, context: Context | None = None) -> Advance:
    """Apply a block to a device's state; None, or a state of another version, begins anew.

    now: the caller's clock, which only the dates of support are compared with. Without a sequence number only samples
    newer than those already seen count, so a repeated block changes nothing.
    """
    context = context or Context()
    before = _read(state)
    if state is not None and 0 < block.sequence <= before.sequence:
        findings = Tracks(before.tracks).open_findings()
        return Advance(state, findings, [], _expected(before), _marked(before), repeated=True)
    run = Run(before, block, context)
    run.apply()
    end_of_support.watch(run.tracks, context.support, now=now)
    after = run.state
    after.sequence = max(before.sequence, block.sequence)
    after.tracks = run.tracks.as_dict()
    changes = sorted(run.tracks.changes, key=lambda change: change.at)
    return Advance(
        blobs.pack(after, tables.DTYPES), run.tracks.open_findings(), changes, _expected(after), _marked(after)
    )


def advance_many(devices: Sequence[tuple[bytes | None, DeviceFacts, Context]], now: float) -> list[Advance]:
    """`advance` for each of up to some hundred devices, in their order; no device sees another's facts."""
    return [advance(state, block, now, context) for state, block, context in devices]


def open_findings(state: bytes) -> list[Finding]:
    """What held when this state was written. Raises UnknownState for a state of another version."""
    return Tracks(blobs.unpack(state, tables.DTYPES).tracks).open_findings()


def _read(state: bytes | None) -> DeviceState:
    if state is not None:
        try:
            return blobs.unpack(state, tables.DTYPES)
        except UnknownState:
            pass
    return tables.begin()


def _marked(state: DeviceState) -> float:
    return round(together.marked_share(state.tables["together"][0]), 4)


def _expected(state: DeviceState) -> bytes:
    return presence.packed(presence.expected_hours(state.tables["presence"][0]))
