"""When a finding counts as raised, and when as over: the memory between evaluations."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from telemetry.analysis.findings import SEVERITIES, Finding

RAISE_AFTER = 2  # consecutive evaluations true
CLEAR_AFTER = 4  # consecutive evaluations false

Subject = tuple[str, str, str]  # (kind, subject, rule): two rules may speak of one thing, each with its own memory
What = Literal["raised", "updated", "cleared"]


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a finding's life, at the time of the sample that caused it."""

    at: float
    what: What
    finding: Finding


@dataclass(frozen=True, slots=True)
class Track:
    """How one subject has fared. finding: the newest statement, kept while it is open or on the way there."""

    trues: int = 0
    falses: int = 0
    open: bool = False
    since: float = 0.0
    finding: Finding | None = None

    def as_list(self) -> list[Any]:
        return [self.trues, self.falses, int(self.open), self.since, self.finding.as_dict() if self.finding else None]

    @classmethod
    def from_list(cls, data: list[Any]) -> "Track":
        trues, falses, is_open, since, finding = data
        return cls(trues, falses, bool(is_open), since, Finding.from_dict(finding) if finding else None)


class Tracks:
    """All tracks of one device, with the changes made since it was read."""

    def __init__(self, tracks: Mapping[Subject, Track] | None = None) -> None:
        self._tracks = dict(tracks or {})
        self.changes: list[Change] = []

    def __iter__(self) -> Iterator[tuple[Subject, Track]]:
        return iter(sorted(self._tracks.items()))

    def as_dict(self) -> dict[Subject, Track]:
        return dict(self._tracks)

    def is_open(self, subject: Subject) -> bool:
        track = self._tracks.get(subject)
        return track is not None and track.open

    def open_since(self, subject: Subject) -> float | None:
        track = self._tracks.get(subject)
        return track.since if track is not None and track.open else None

    def finding(self, subject: Subject) -> Finding | None:
        """The newest statement, if it is open."""
        track = self._tracks.get(subject)
        return track.finding if track is not None and track.open else None

    def knows(self, subject: Subject) -> bool:
        return subject in self._tracks

    def open_findings(self) -> list[Finding]:
        """What holds now, one for each (kind, subject): of two rules the graver counts."""
        held: dict[tuple[str, str], Finding] = {}
        for _, track in self:
            if track.open and track.finding is not None:
                key = (track.finding.kind, track.finding.subject)
                other = held.get(key)
                if other is None or SEVERITIES.index(track.finding.severity) > SEVERITIES.index(other.severity):
                    held[key] = track.finding
        return list(held.values())

    def true(self, at: float, finding: Finding, *, muted: bool = False, raise_after: int = RAISE_AFTER) -> None:
        """The detector says so now. While muted it is remembered, not raised."""
        subject = (finding.kind, finding.subject, finding.rule)
        track = self._tracks.get(subject, Track())
        track = replace(track, trues=min(track.trues + 1, RAISE_AFTER), falses=0, finding=finding)
        if track.open:
            self.changes.append(Change(at, "updated", finding))
        elif track.trues >= raise_after and not muted:
            track = replace(track, open=True, since=at)
            self.changes.append(Change(at, "raised", finding))
        self._tracks[subject] = track

    def false(self, at: float, subject: Subject, *, at_once: bool = False, clear_after: int = CLEAR_AFTER) -> None:
        """The detector does not say so now. at_once: what it spoke of is back where it was before."""
        track = self._tracks.get(subject)
        if track is None:
            return
        track = replace(track, trues=0, falses=track.falses + 1)
        if track.open and (at_once or track.falses >= clear_after):
            if track.finding is not None:
                self.changes.append(Change(at, "cleared", track.finding))
            track = replace(track, open=False)
        if track.open:
            self._tracks[subject] = track
        else:
            del self._tracks[subject]

    def of_rule(self, rule: str) -> list[Subject]:
        """Everything one rule remembers."""
        return [subject for subject, _ in self if subject[2] == rule]
