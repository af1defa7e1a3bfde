"""The analysis of what arrived (T3): every report once in effect, whoever dies, lapses, fails or comes late."""

from datetime import timedelta

import pytest
from django.utils import timezone

from access.principal import job
from telemetry import watch
from telemetry.analysis.health import NOT_REACHED
from telemetry.models import Alert, AnalysisDue, Maintenance
from tests.cast import World
from tests.telemetry.ingest.senders import cpu, fan, reached, text
from tests.telemetry.watching import FAN, Reporter, analysed, elsewhere


@pytest.fixture
def switch(world: World) -> Reporter:
    return Reporter.at(world.acme, "hq", "switch")


@pytest.fixture
def router(world: World) -> Reporter:
    return Reporter.at(world.globex, "plant", "router")


@pytest.fixture
def lasting_switch(lasting_world: World) -> Reporter:
    return Reporter.at(lasting_world.acme, "hq", "switch")


def poison(reporter: Reporter) -> Alert:
    """A row that makes the device's analysis fail, as an error of ours would."""
    alert = reporter.customer.raises(reporter.device, rule="device_silent")
    with job(reporter.customer.pk):
        Alert.unscoped.filter(pk=alert.pk).update(severity=9)
    return alert


def cure(reporter: Reporter, alert: Alert) -> None:
    with job(reporter.customer.pk):
        Alert.unscoped.filter(pk=alert.pk).update(severity=alert.severity, resolved_at=timezone.now())


# ---- the way of a report


def test_when_reports_are_analysed_then_the_cursor_is_at_the_last_one_and_the_flag_is_gone(switch: Reporter):
    switch.says(cpu(0.2))
    switch.says(cpu(0.3))

    assert analysed() == 1

    assert switch.flag is None
    assert switch.state.read_up_to > 0
    assert switch.health.last_seen_at is not None
    assert analysed() == 0


def test_when_a_fan_fails_in_two_reports_then_there_is_one_alert_and_one_change_to_tell(switch: Reporter):
    switch.fan_fails()

    analysed()

    assert switch.alerts() == [(*FAN, True)]
    assert (switch.transitions(), switch.told()) == (["opened"], 1)
    assert switch.health.state != "healthy"


def test_when_each_report_is_analysed_alone_then_the_alerts_are_those_of_one_batch(switch: Reporter, router: Reporter):
    for reporter, at_once in ((switch, False), (router, True)):
        for state in ["failed"] * 3 + ["ok"] * 4 + ["failed"] * 2:
            reporter.says(fan(state))
            if not at_once:
                analysed()
        analysed()

    assert switch.alerts() == router.alerts() == [(*FAN, True)]
    assert switch.transitions() == ["opened", "resolved", "reopened"]


def test_when_the_fault_is_over_then_the_alert_is_resolved_and_that_is_told(switch: Reporter):
    switch.fan_fails()
    analysed()
    switch.fan_runs()

    analysed()

    assert switch.alerts() == [(*FAN, False)]
    assert (switch.transitions(), switch.told()) == (["opened", "resolved"], 2)


def test_when_two_customers_report_then_one_batch_keeps_them_apart(switch: Reporter, router: Reporter):
    switch.fan_fails()
    router.says(fan("ok"))

    assert analysed() == 2

    assert switch.alerts() == [(*FAN, True)]
    assert router.alerts() == []


# ---- once in effect


def test_given_an_analysed_device_when_its_flag_is_raised_without_news_then_nothing_changes(switch: Reporter):
    switch.fan_fails()
    analysed()
    before = switch.state
    switch.is_flagged_again()

    assert analysed() == 1

    assert (switch.transitions(), switch.told()) == (["opened"], 1)
    assert (switch.state.read_up_to, bytes(switch.state.blob)) == (before.read_up_to, bytes(before.blob))
    assert switch.flag is None


def test_given_a_cursor_that_was_lost_when_the_same_reports_are_read_again_then_nothing_changes(switch: Reporter):
    switch.fan_fails()
    analysed()
    before = switch.state
    switch.changes_state(read_up_to=0)
    switch.is_flagged_again()

    analysed()

    assert (switch.transitions(), switch.told()) == (["opened"], 1)
    assert (switch.state.read_up_to, bytes(switch.state.blob)) == (before.read_up_to, bytes(before.blob))


def test_when_a_report_comes_while_the_device_is_analysed_then_its_flag_stays_for_it(switch: Reporter):
    switch.says(cpu(0.2))
    due = watch.claim(10)
    switch.says(cpu(0.3))

    watch.run(due)

    flag = switch.flag
    assert flag is not None
    assert (flag.lease_until, flag.attempts) == (None, 0)
    assert analysed() == 1
    assert switch.flag is None


def test_given_a_lapsed_lease_when_another_worker_has_the_device_then_the_first_leaves_nothing(
    lasting_switch: Reporter,
):
    switch = lasting_switch
    switch.fan_fails()
    slow = watch.claim(10)
    switch.lease_lapses()
    quick = elsewhere(lambda: watch.claim(10))

    with pytest.raises(watch.LeaseLost):
        watch.analyse(slow)

    assert switch.alerts() == []
    elsewhere(lambda: watch.run(quick))
    watch.run(slow)  # and what it may still try afterwards
    assert (switch.transitions(), switch.told()) == (["opened"], 1)


def test_given_two_workers_when_both_claim_then_no_device_is_given_twice(lasting_switch: Reporter):
    lasting_switch.says()

    assert len(watch.claim(10)) == 1
    assert elsewhere(lambda: watch.claim(10)) == []


def test_when_a_report_brings_events_alone_then_it_is_analysed_like_any_other(switch: Reporter):
    link = {"at": text(switch.began), "text": "Interface Gi1/0/1, changed state to down", "code": "LINK-3-UPDOWN"}

    switch.tells(link)  # the first of all
    analysed()
    at_first = switch.state.read_up_to
    switch.says()
    analysed()
    switch.tells({**link, "id": "another"})
    analysed()

    assert 0 < at_first < switch.state.read_up_to
    assert switch.flag is None


# ---- what fails or kills


def test_given_a_device_that_cannot_be_analysed_when_others_are_due_then_they_are_analysed_all_the_same(
    switch: Reporter, router: Reporter
):
    poison(switch)
    switch.says()
    router.fan_fails()

    assert analysed() == 2

    assert router.alerts() == [(*FAN, True)]
    flag = switch.flag
    assert flag is not None
    assert "ValueError" in flag.last_error
    assert flag.run_at > timezone.now()
    assert flag.lease_until is None


def test_given_a_device_that_cannot_be_analysed_when_its_cause_is_gone_then_nothing_of_it_was_lost(
    switch: Reporter,
):
    cause = poison(switch)
    switch.fan_fails()
    analysed()
    cure(switch, cause)
    switch.is_due_now()

    analysed()

    assert switch.alerts()[1:] == [(*FAN, True)]
    assert switch.flag is None


def test_given_a_device_that_cannot_be_analysed_when_tried_five_times_then_it_rests_for_an_hour(switch: Reporter):
    poison(switch)
    switch.says()

    for _ in range(6):
        analysed()
        last = switch.flag
        switch.is_due_now()

    assert last is not None
    assert "five attempts" in last.last_error
    assert timedelta(minutes=55) < last.run_at - timezone.now() <= timedelta(hours=1)


def test_given_a_device_at_rest_when_new_reports_come_then_it_rests_on_and_others_do_not_wait(
    switch: Reporter, router: Reporter
):
    poison(switch)
    switch.says()
    for _ in range(6):
        switch.is_due_now()
        analysed()
    at_rest = switch.flag

    switch.says()
    router.fan_fails()
    claimed = analysed()

    assert claimed == 1
    assert router.alerts() == [(*FAN, True)]
    still = switch.flag
    assert at_rest is not None
    assert still is not None
    assert (still.run_at, still.attempts) == (at_rest.run_at, at_rest.attempts)
    assert still.touched == at_rest.touched + 1


def test_given_a_device_after_its_rest_when_its_cause_is_gone_then_it_is_analysed(switch: Reporter):
    cause = poison(switch)
    switch.fan_fails()
    for _ in range(6):
        analysed()
        switch.is_due_now()
    cure(switch, cause)

    analysed()

    assert switch.alerts()[1:] == [(*FAN, True)]
    assert switch.flag is None


def test_given_a_device_after_its_rest_when_it_fails_again_then_it_has_had_one_try_and_rests_another_hour(
    switch: Reporter,
):
    poison(switch)
    switch.says()
    for _ in range(6):
        analysed()
        switch.is_due_now()

    for _ in range(3):
        analysed()
        flag = switch.flag
        assert flag is not None
        assert "ValueError" in flag.last_error
        assert timedelta(minutes=55) < flag.run_at - timezone.now() <= timedelta(hours=1)
        switch.is_due_now()


def test_given_a_batch_that_died_with_its_process_when_claimed_again_then_each_is_tried_alone(
    switch: Reporter, router: Reporter
):
    for reporter in (switch, router):
        reporter.fan_fails()
    watch.claim(10)  # and then the process is gone
    for reporter in (switch, router):
        reporter.lease_lapses()

    watch.run(watch.claim(10))

    assert sorted([switch.alerts(), router.alerts()]) == [[], [(*FAN, True)]]
    waiting = switch.flag or router.flag
    assert waiting is not None
    assert (waiting.lease_until, waiting.attempts) == (None, 1)
    assert analysed() == 1
    assert switch.alerts() == router.alerts() == [(*FAN, True)]


def test_given_a_batch_whose_process_died_when_its_leases_have_lapsed_then_one_wake_is_enough_for_all_of_it(
    world: World,
):
    reporters = [Reporter.at(world.acme, "hq", f"sw-{n}") for n in range(4)]
    for reporter in reporters:
        reporter.says()
    watch.claim(10)  # and dies
    for reporter in reporters:
        reporter.lease_lapses()

    analysed()

    assert [reporter.flag for reporter in reporters] == [None] * 4


def test_given_a_device_that_kills_every_process_when_it_has_used_up_its_attempts_then_no_other_has(
    switch: Reporter, router: Reporter
):
    for reporter in (switch, router):
        reporter.says()
    killer = router.device.pk

    for _ in range(12):
        due = watch.claim(10)
        tried = next((d for d in due if d.attempts > 1), None)
        if tried is None or (tried.device_id == killer and tried.attempts <= watch.MOST_ATTEMPTS):
            watch._give_back([d for d in due if d.attempts > 1][1:])  # as far as it gets before it dies
        else:
            watch.run(due)
        for reporter in (switch, router):
            reporter.changes_flag(lease_until=None)

    assert switch.flag is None
    assert router.flag is not None
    assert "five attempts" in router.flag.last_error


# ---- time


def test_when_news_is_older_than_a_day_then_it_is_kept_and_raises_nothing(switch: Reporter):
    for minutes in range(3):
        switch.fan_fails(1, at=timezone.now().replace(microsecond=0) - timedelta(hours=25, minutes=-minutes))

    analysed()

    assert switch.alerts() == []
    assert switch.state.read_up_to > 0
    assert switch.flag is None


def test_given_maintenance_when_a_fan_fails_then_nothing_is_raised_until_it_is_over(switch: Reporter):
    with job(switch.customer.pk):
        Maintenance.unscoped.create(
            customer_id=switch.customer.pk,
            site=switch.device.site,
            starts_at=timezone.now() - timedelta(hours=1),
            ends_at=timezone.now() + timedelta(hours=1),
        )
    switch.fan_fails()
    analysed()
    assert switch.alerts() == []

    with job(switch.customer.pk):
        Maintenance.unscoped.update(ends_at=timezone.now() - timedelta(seconds=1))
    switch.fan_fails(1)
    analysed()

    assert switch.alerts() == [(*FAN, True)]


def test_given_maintenance_of_another_device_when_a_fan_fails_then_it_is_raised(world: World, switch: Reporter):
    other = Reporter.at(world.acme, "hq", "other")
    with job(world.acme.pk):
        Maintenance.unscoped.create(
            customer_id=world.acme.pk,
            site=other.device.site,
            device=other.device,
            starts_at=timezone.now() - timedelta(hours=1),
            ends_at=timezone.now() + timedelta(hours=1),
        )
    for reporter in (switch, other):
        reporter.fan_fails()

    analysed()

    assert switch.alerts() == [(*FAN, True)]
    assert other.alerts() == []


def test_when_reports_come_in_another_order_than_they_were_made_then_the_alerts_are_the_same(
    switch: Reporter, router: Reporter
):
    made = [("failed", 1), ("failed", 2), ("ok", 3), ("ok", 4), ("ok", 5), ("ok", 6), ("failed", 7), ("failed", 8)]
    for reporter, order in ((switch, made), (router, list(reversed(made)))):
        for state, minute in order:
            reporter.says(fan(state), at=reporter.began + timedelta(minutes=minute))
    analysed()

    assert switch.alerts() == router.alerts() == [(*FAN, True)]


def test_given_no_principal_when_flags_are_asked_for_then_there_are_none(switch: Reporter):
    switch.says()

    assert not AnalysisDue.objects.exists()


# ---- the word for a device that does not answer


def test_given_a_healthy_device_when_one_report_says_it_does_not_answer_then_it_is_not_called_healthy(switch: Reporter):
    switch.says(cpu(), reached(True))
    analysed()
    before = switch.health

    switch.says(reached(False))
    analysed()

    after = switch.health
    assert (before.state, before.reasons) == ("ok", [])
    assert (after.state, after.reasons, after.score) == ("watch", [[NOT_REACHED, 0]], before.score)
    assert after.urgency > before.urgency
    assert switch.alerts() == []


def test_given_a_device_not_reached_when_it_answers_again_then_it_is_healthy(switch: Reporter):
    switch.says(cpu(), reached(False))
    analysed()

    switch.says(cpu(), reached(True))
    analysed()

    assert (switch.health.state, switch.health.reasons) == ("ok", [])


def test_given_a_device_not_reached_when_a_report_says_nothing_of_it_then_the_word_stays(switch: Reporter):
    switch.says(cpu(), reached(False))
    analysed()

    switch.says(cpu())
    analysed()

    assert (switch.health.state, switch.health.reasons) == ("watch", [[NOT_REACHED, 0]])


def test_given_a_device_heard_since_when_a_report_comes_late_then_it_says_nothing_of_now(switch: Reporter):
    switch.says(cpu(), reached(True))
    analysed()

    switch.says(reached(False), at=switch.began)
    analysed()

    assert switch.health.state == "ok"


def test_given_an_alert_that_says_so_when_it_is_raised_then_it_is_the_one_reason_and_the_device_is_down(
    switch: Reporter,
):
    for _ in range(2):
        switch.says(cpu(), reached(False))
        analysed()

    assert switch.alerts() == [("unreachable", "", True)]
    assert switch.health.state == "down"
    assert [text for text, _ in switch.health.reasons] == ["The collector cannot reach the device"]
