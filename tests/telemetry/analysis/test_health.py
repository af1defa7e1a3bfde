import pytest

from telemetry.analysis import health
from telemetry.analysis.findings import Finding, severity_by_eta
from telemetry.analysis.health import Score

NOW = 1_000_000.0


def finding(severity, kind="memory_exhaustion", subject=""):
    return Finding("rule", 1, kind, subject, severity, "", {})


def score(*findings, **more):
    return health.device_score(findings, last_seen=NOW - 60, now=NOW, **more)


@pytest.mark.parametrize(
    ("severities", "value", "band"),
    [
        ([], 100.0, "ok"),
        (["info"], 92.0, "ok"),
        (["warning"], 85.0, "ok"),
        (["major"], 65.0, "risk"),
        (["warning", "info"], 78.2, "watch"),
        (["critical", "major"], 26.0, "risk"),
    ],
)
def test_given_findings_when_scored_then_the_product_of_what_they_leave_counts(severities, value, band):
    result = score(*[finding(severity) for severity in severities])

    assert (result.value, result.band) == (pytest.approx(value), band)


@pytest.mark.parametrize("marked", [0.0, 0.37, 1.0])
def test_given_several_findings_when_scored_then_the_reasons_add_up_exactly(marked):
    result = score(finding("critical"), finding("warning"), finding("info"), finding("major", "x"), marked_share=marked)

    assert sum(reason.points for reason in result.reasons) == pytest.approx(100 - result.value, abs=1e-9)
    assert result.value >= 0


def test_given_a_finding_that_a_parent_explains_when_scored_then_it_costs_half():
    explained = frozenset({("wan_loss", "gateway")})

    result = score(finding("major", "wan_loss", "gateway"), explained=explained)

    assert result.value == pytest.approx(82.5)


def test_given_no_report_for_a_day_when_scored_then_there_is_no_number():
    assert health.device_score([], last_seen=NOW - 90_000, now=NOW) == Score(None, "mute")
    assert health.device_score([], last_seen=None, now=NOW).band == "mute"


def test_given_a_silent_device_when_scored_then_it_is_down():
    assert score(finding("critical", "device_silent")).band == "down"


def test_given_a_bad_edge_when_the_site_is_scored_then_good_switches_cannot_hide_it():
    devices = [("firewall", Score(40.0, "risk"))] + [("switch", Score(100.0, "ok"))] * 9

    assert health.group_score(devices).value == 60.0


def test_given_devices_without_a_number_when_the_site_is_scored_then_they_do_not_count():
    assert health.group_score([("switch", Score(None, "mute")), ("ap", Score(90.0, "ok"))]).value == 90.0
    assert health.group_score([("switch", Score(None, "mute"))]).value is None


@pytest.mark.parametrize(
    ("hours", "early", "severity"),
    [(23, 10, "critical"), (71, 30, "major"), (150, 90, "warning"), (200, 80, "info"), (200, 23, "major")],
)
def test_given_a_date_when_it_is_far_or_near_then_the_severity_follows_its_middle_and_early_end(hours, early, severity):
    assert severity_by_eta(NOW, NOW + hours * 3600, NOW + early * 3600) == severity
