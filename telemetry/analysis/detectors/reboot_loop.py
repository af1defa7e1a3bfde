"""D5: a device that restarts again and again without anybody having asked for it.

Source: handbook, detector D5.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis.facts import DAY, HOUR, Event, Floats, Interval
from telemetry.analysis.findings import Finding, Severity

RULE = "reboot-loop"
VERSION = 1
KIND = "reboot_loop"

KEPT = 8
ROW = np.dtype([("at", "<f8", KEPT), ("reason", "u1", KEPT), ("up", "<f8"), ("up_at", "<f8")])
SLACK_S = 30.0  # an uptime this much below what the last one implies is a restart
SAME_BOOT_S = 600.0  # event and uptime speak of one restart
SITE_S = 600.0  # another device of the site restarted: the power did it
WITHIN_S = 7 * DAY
FEWEST = 2
FEWEST_CRITICAL = 3


class Reason(IntEnum):
    """Why a device restarted; the numbers are part of the stored state."""

    UNKNOWN = 0
    CRASH = 1
    MEMORY = 2
    FIRMWARE = 3
    REQUESTED = 4
    POWER = 5
    MAINTENANCE = 6


EXPLAINED = {Reason.FIRMWARE, Reason.REQUESTED, Reason.POWER, Reason.MAINTENANCE}
_WORDS: tuple[tuple[Reason, tuple[str, ...]], ...] = (
    (Reason.MEMORY, ("oom", "out of memory")),
    (Reason.CRASH, ("crash", "exception", "watchdog", "panic")),
    (Reason.FIRMWARE, ("firmware", "upgrade", "install")),
    (Reason.POWER, ("power",)),
    (Reason.REQUESTED, ("requested", "reload command", "administrator", "operator")),
)
_BOOT_WORDS = ("boot", "reload", "restart")


class Boot(NamedTuple):
    """A restart: when, why, and with which sample it became known."""

    at: float
    reason: Reason
    seen_at: float


def fresh() -> NDArray[Any]:
    """One row without restarts."""
    row = np.zeros(1, ROW)
    row["at"] = row["up"] = row["up_at"] = np.nan
    return row


def reason_in(text: str) -> Reason | None:
    """The reason in an event's text; None if it does not speak of a restart."""
    words = text.lower()
    if not any(word in words for word in _BOOT_WORDS):
        return None
    return next((reason for reason, marks in _WORDS if any(mark in words for mark in marks)), Reason.UNKNOWN)


def boots_in(row: Any, t: Floats, uptime: Floats, events: Iterable[Event]) -> list[Boot]:
    """Restarts that uptimes and events of a block tell of, by the time they became known; moves the row's uptime on.

    t, uptime: shape (n,), seconds, NaN where missing.
    """
    present = np.flatnonzero(np.isfinite(uptime))
    found = []
    if present.size:
        when, up = t[present], uptime[present]
        implied = np.concatenate(([row["up"]], up[:-1])) + np.diff(when, prepend=row["up_at"])
        found = [
            Boot(float(when[i] - up[i]), Reason.UNKNOWN, float(when[i])) for i in np.flatnonzero(up < implied - SLACK_S)
        ]
        row["up"], row["up_at"] = up[-1], when[-1]
    for event in events:
        reason = reason_in(event.text)
        if reason is not None:
            found.append(Boot(event.at, reason, event.seen_at))
    return sorted(found, key=lambda boot: (boot.seen_at, boot.reason == Reason.UNKNOWN, boot.at))


def remember(row: Any, boot: Boot) -> bool:
    """Keep a restart; False if it is one already known, which may only learn its reason."""
    same = np.flatnonzero(np.abs(row["at"] - boot.at) <= SAME_BOOT_S)
    if same.size:
        if boot.reason != Reason.UNKNOWN:
            row["reason"][same[-1]] = boot.reason
        return False
    row["at"][:-1] = row["at"][1:]
    row["reason"][:-1] = row["reason"][1:]
    row["at"][-1], row["reason"][-1] = boot.at, boot.reason
    return True


def evaluate(
    row: Any, *, at: float, maintenance: Sequence[Interval], site_boots: Sequence[tuple[float, float]]
) -> Finding | None:
    """The loop that holds at `at`, if any. site_boots: (boot, seen) times of the site's other devices."""
    known = [other for other, seen in site_boots if seen <= at]
    unexplained = [
        (float(boot), Reason(int(reason)))
        for boot, reason in zip(row["at"], row["reason"], strict=True)
        if boot > at - WITHIN_S and not _is_explained(float(boot), Reason(int(reason)), maintenance, known)
    ]
    if len(unexplained) < FEWEST:
        return None
    recent = sum(boot > at - DAY for boot, _ in unexplained)
    evidence = {
        "boots": [{"at": round(boot), "reason": reason.name.lower()} for boot, reason in unexplained],
        "hours_between": [
            round((later - earlier) / HOUR, 1)
            for (earlier, _), (later, _) in zip(unexplained, unexplained[1:], strict=False)
        ],
    }
    severity: Severity = "critical" if recent >= FEWEST_CRITICAL else "major"
    return Finding(RULE, VERSION, KIND, "", severity, "The device keeps restarting", evidence)


def _is_explained(boot: float, reason: Reason, maintenance: Sequence[Interval], site: Sequence[float]) -> bool:
    if reason in EXPLAINED or any(window.holds(boot) for window in maintenance):
        return True
    return reason == Reason.UNKNOWN and any(abs(boot - other) <= SITE_S for other in site)
