"""What a check says: good, worth knowing, or a fault with what to do about it."""

from dataclasses import asdict, dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    NOTE = "note"  # works, but somebody should know
    FAULT = "fault"  # a promise does not hold
    SKIPPED = "skipped"  # could not be asked


@dataclass(frozen=True, slots=True)
class Finding:
    """name: what was looked at. said: how it is. advice: what to do; empty where there is nothing to do."""

    name: str
    state: State
    said: str
    advice: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def good(name: str, said: str) -> Finding:
    return Finding(name, State.OK, said)


def note(name: str, said: str, advice: str = "") -> Finding:
    return Finding(name, State.NOTE, said, advice)


def fault(name: str, said: str, advice: str) -> Finding:
    return Finding(name, State.FAULT, said, advice)


def skipped(name: str, why: str) -> Finding:
    return Finding(name, State.SKIPPED, f"not asked: {why}")


def failed(name: str, said: str) -> Finding:
    return fault(name, said, "Look at the lines above; if they do not help, report this as a bug.")
