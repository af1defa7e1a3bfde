"""Was the forecast right? Every one is closed once, by a rule, with the reason.

Source: handbook, track record.
"""

from dataclasses import dataclass
from typing import Literal

from telemetry.analysis.facts import DAY, HOUR

Grade = Literal["hit", "miss", "averted", "unknown"]

AFTER_S = 48 * HOUR  # this long after its range a forecast may still come true, and an action may still show
MISSING_SHARE = 0.25
CONFIRMED_WITHIN_S = 30 * DAY


@dataclass(frozen=True, slots=True)
class Forecast:
    """What was said: raised_at and the range, epoch seconds. The dates are None for alerts that name none."""

    raised_at: float
    eta_lo: float | None = None
    eta: float | None = None
    eta_hi: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known of it at `now`; times are epoch seconds, None for what has not happened.

    happened_at: limit crossed, device dead, port down for good. cleared_at: the alert closed itself. acted_at: first
    recorded action on the device since it was raised. recovered_at: the quantity is back at its level before the rise.
    gone_at: device retired or site closed. missing_share: part of the time without data, 0 to 1. confirmed: a
    person's "was real" (True) or "was not" (False).
    """

    now: float
    happened_at: float | None = None
    cleared_at: float | None = None
    acted_at: float | None = None
    recovered_at: float | None = None
    gone_at: float | None = None
    missing_share: float = 0.0
    confirmed: bool | None = None


@dataclass(frozen=True, slots=True)
class Graded:
    """inside: whether a hit fell inside the predicted range; None where there was none."""

    grade: Grade
    reason: str
    inside: bool | None = None


def grade(forecast: Forecast, outcome: Outcome) -> Graded | None:
    """The grade, or None while it is too early to tell."""
    deadline = (forecast.eta_hi + AFTER_S) if forecast.eta_hi is not None else forecast.raised_at + CONFIRMED_WITHIN_S
    if _came_true(forecast, outcome, deadline):
        return _hit(forecast, outcome)
    if outcome.gone_at is not None:
        return Graded("unknown", "the device or its site is gone")
    if _acted(forecast, outcome):
        return _after_action(outcome)
    over = outcome.cleared_at is not None or outcome.now > deadline
    if over and outcome.missing_share > MISSING_SHARE:
        return Graded("unknown", "too much of the time is without data")
    if outcome.confirmed is False:
        return Graded("miss", "a person said it was not real")
    if outcome.cleared_at is not None and (forecast.eta_hi is not None or outcome.now > deadline):
        return Graded("miss", "it cleared by itself")
    return Graded("miss", "its time has passed and nothing happened") if outcome.now > deadline else None


def _came_true(forecast: Forecast, outcome: Outcome, deadline: float) -> bool:
    if outcome.confirmed and forecast.eta_hi is None:
        return True
    happened = outcome.happened_at
    if happened is None or not forecast.raised_at <= happened <= deadline:
        return False
    return forecast.eta_hi is None or outcome.cleared_at is None or happened <= outcome.cleared_at


def _hit(forecast: Forecast, outcome: Outcome) -> Graded:
    if outcome.happened_at is None:
        return Graded("hit", "a person said it was real")
    if forecast.eta_lo is None or forecast.eta_hi is None:
        return Graded("hit", "it failed within 30 days")
    inside = forecast.eta_lo <= outcome.happened_at <= forecast.eta_hi
    return Graded("hit", "it happened as foretold" if inside else "it happened outside the range", inside)


def _acted(forecast: Forecast, outcome: Outcome) -> bool:
    end = forecast.eta_hi if forecast.eta_hi is not None else forecast.raised_at + CONFIRMED_WITHIN_S
    return outcome.acted_at is not None and forecast.raised_at <= outcome.acted_at <= end


def _after_action(outcome: Outcome) -> Graded | None:
    acted = outcome.acted_at
    if acted is None:
        return None
    recovered = outcome.recovered_at
    if recovered is not None and acted <= recovered <= acted + AFTER_S:
        return Graded("averted", "somebody acted and it recovered")
    if outcome.now > acted + AFTER_S:
        return Graded("unknown", "somebody acted and it did not recover")
    return None
