import pytest

from telemetry.analysis import trackrecord
from telemetry.analysis.grading import Forecast, Graded, Outcome, grade
from telemetry.analysis.trackrecord import Case

DAY = 86400.0
SAID = Forecast(raised_at=0.0, eta_lo=3 * DAY, eta=5 * DAY, eta_hi=8 * DAY)
UNDATED = Forecast(raised_at=0.0)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome(now=5 * DAY, happened_at=4 * DAY), Graded("hit", "it happened as foretold", True)),
        (Outcome(now=5 * DAY, happened_at=1 * DAY), Graded("hit", "it happened outside the range", False)),
        (Outcome(now=9.5 * DAY, happened_at=9.4 * DAY), Graded("hit", "it happened outside the range", False)),
        (Outcome(now=4 * DAY), None),
        (Outcome(now=9 * DAY), None),
        (Outcome(now=10.1 * DAY), Graded("miss", "its time has passed and nothing happened")),
        (Outcome(now=4 * DAY, cleared_at=3 * DAY), Graded("miss", "it cleared by itself")),
        (
            Outcome(now=4 * DAY, cleared_at=3.1 * DAY, acted_at=3 * DAY, recovered_at=3.05 * DAY),
            Graded("averted", "somebody acted and it recovered"),
        ),
        (Outcome(now=4 * DAY, acted_at=3 * DAY), None),
        (Outcome(now=6 * DAY, acted_at=3 * DAY), Graded("unknown", "somebody acted and it did not recover")),
        (Outcome(now=4 * DAY, gone_at=3 * DAY), Graded("unknown", "the device or its site is gone")),
        (
            Outcome(now=11 * DAY, missing_share=0.3),
            Graded("unknown", "too much of the time is without data"),
        ),
        (Outcome(now=4 * DAY, confirmed=False), Graded("miss", "a person said it was not real")),
    ],
)
def test_given_a_dated_forecast_when_something_or_nothing_happens_then_the_rule_grades_it(outcome, expected):
    assert grade(SAID, outcome) == expected


def test_given_an_alert_without_a_date_when_a_person_confirms_it_then_it_is_a_hit():
    assert grade(UNDATED, Outcome(now=DAY, confirmed=True)).grade == "hit"
    assert grade(UNDATED, Outcome(now=20 * DAY, cleared_at=2 * DAY)) is None
    assert grade(UNDATED, Outcome(now=31 * DAY, cleared_at=2 * DAY)).grade == "miss"
    assert grade(UNDATED, Outcome(now=20 * DAY, happened_at=19 * DAY)).grade == "hit"


def cases(hit=0, miss=0, averted=0):
    return (
        [Case(Graded("hit", "", True), lead_s=DAY * n) for n in range(1, hit + 1)]
        + [Case(Graded("miss", ""))] * miss
        + [Case(Graded("averted", ""))] * averted
    )


def test_given_closed_cases_when_the_record_is_drawn_up_then_precision_is_a_range():
    record = trackrecord.record(cases(hit=33, miss=6, averted=2), unforeseen=11)

    assert record.precision == (pytest.approx(33 / 41), pytest.approx(35 / 41))
    assert record.limits[0] < record.precision[0]
    assert record.limits[1] > record.precision[1]
    assert record.recall == 0.75
    assert record.lead_median_s == 17 * DAY


def test_given_fewer_than_twenty_cases_when_shown_then_it_is_too_early_and_nothing_is_demoted():
    record = trackrecord.record(cases(miss=19))

    assert record.is_early
    assert not record.is_demoted


def test_given_a_rule_that_is_wrong_beyond_doubt_when_twenty_cases_are_closed_then_it_is_demoted():
    assert trackrecord.record(cases(hit=3, miss=22)).is_demoted
    assert not trackrecord.record(cases(hit=10, miss=12)).is_demoted


def test_given_no_cases_when_drawn_up_then_there_are_no_figures():
    record = trackrecord.record([])

    assert (record.precision, record.recall, record.lead_median_s) == (None, None, None)
