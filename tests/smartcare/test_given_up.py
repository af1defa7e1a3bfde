"""Work that was given up: listed without anybody's data, done again by id or kind, once in effect."""

import json
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from access.models import AuditEntry
from access.principal import job
from partners.models import Delivery
from smartcare import given_up
from smartcare.doctor import State, queues
from telemetry import jobs, samples
from telemetry.ingest import door, quarantine
from telemetry.ingest.doors import find_door
from telemetry.models import AnalysisDue, Device, Job, Quarantine
from tests.cast import HEALTH, Company, World
from tests.partners.hooks import change, deliveries, hook_of, sent, told
from tests.telemetry.ingest.senders import REPORTS, cpu, device_key, report
from tests.telemetry.watching import Reporter, analysed

KIND = "test.given_up"


@pytest.fixture
def ran() -> Iterator[list[jobs.Claim]]:
    """Jobs of the test's kind that were done."""
    done: list[jobs.Claim] = []
    jobs.handles(KIND)(done.append)
    yield done
    del jobs._handlers[KIND]


def dead_job(company: Company, *, error: str = "ValueError: canary-acme-hq-health-x is odd") -> str:
    ref = uuid.uuid4()
    with job(company.pk):
        jobs.enqueue(KIND, customer=company.pk, ref=ref)
        Job.objects.filter(ref=ref).update(state="dead", attempts=5, last_error=error, finished_at=timezone.now())
        return str(Job.objects.get(ref=ref).pk)


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("jobs", *arguments, stdout=out, stderr=out)
    return out.getvalue()


# ---- listed


def test_when_work_was_given_up_then_it_is_listed_with_whose_it_is_and_the_kind_of_error_alone(world: World) -> None:
    pk = dead_job(world.acme)

    text = said()

    assert pk in text
    assert world.acme.organization.public_id in text
    assert "ValueError" in text
    assert "canary" not in text
    assert world.acme.organization.name not in text
    assert f"1 {KIND}" in text


def test_when_the_words_of_errors_are_asked_for_then_they_are_shown(world: World) -> None:
    dead_job(world.acme)

    assert "canary-acme-hq-health-x is odd" in said("--whole-errors")


def test_given_a_job_that_killed_its_process_when_listed_then_that_is_the_error(world: World) -> None:
    dead_job(world.acme, error="")

    assert given_up.KILLED in said()


def test_when_one_customer_is_asked_for_then_the_others_are_left_out(world: World) -> None:
    ours, theirs = dead_job(world.acme), dead_job(world.globex)

    text = said("--customer", world.globex.organization.public_id)

    assert theirs in text
    assert ours not in text


def test_when_asked_for_json_then_it_is_one_object_with_counts_and_rows(world: World) -> None:
    pk = dead_job(world.acme)
    out = StringIO()

    call_command("jobs", "--json", stdout=out)

    found = json.loads(out.getvalue())
    assert found["given_up"] == {KIND: 1}
    (row,) = found["work"]
    assert datetime.fromisoformat(row["since"]) <= timezone.now()
    assert (row["id"], row["organization"], row["error"]) == (pk, world.acme.organization.public_id, "ValueError")


def test_given_nothing_was_given_up_when_listed_then_it_says_so(world: World) -> None:
    assert "Nothing was given up" in said()


# ---- done again


def test_when_a_job_is_done_again_by_its_id_then_it_runs_once_and_is_done(world: World, ran: list[jobs.Claim]) -> None:
    pk, other = dead_job(world.acme), dead_job(world.globex)

    text = said("--again", pk)

    assert "1 of 1" in text
    assert jobs.run_due(KIND) == 1
    assert [str(claim.id) for claim in ran] == [pk]
    assert [one.id for one in given_up.listed()] == [other]
    with pytest.raises(CommandError, match="Nothing that was given up"):
        said("--again", pk)


def test_when_a_kind_is_done_again_then_all_of_it_is(world: World, ran: list[jobs.Claim]) -> None:
    wanted = {dead_job(world.acme), dead_job(world.globex)}

    said("--again", KIND)
    jobs.run_due(KIND)

    assert {str(claim.id) for claim in ran} == wanted
    assert given_up.listed() == []


def test_given_a_job_that_somebody_else_began_again_when_done_again_then_it_is_left_alone(
    world: World, ran: list[jobs.Claim]
) -> None:
    dead_job(world.acme)
    (one,) = given_up.listed()
    assert given_up.again(one)
    jobs.run_due(KIND)

    assert not given_up.again(one)
    assert jobs.run_due(KIND) == 0


def test_given_an_analysis_at_rest_when_done_again_then_it_does_not_wait_for_its_hour(world: World) -> None:
    switch = Reporter.at(world.acme, "hq", "switch")
    switch.says()
    switch.changes_flag(attempts=6, run_at=timezone.now() + timedelta(hours=1), last_error="ValueError('9')")
    (one,) = given_up.listed()
    assert (one.kind, one.error_kind) == ("analysis", "ValueError")

    said("--again", "analysis")

    assert analysed() == 1
    with job(world.acme.pk):
        assert not AnalysisDue.objects.exists()


def test_given_an_analysis_that_is_tried_just_now_when_listed_then_it_is_not_among_them(world: World) -> None:
    switch = Reporter.at(world.acme, "hq", "switch")
    switch.says()
    switch.changes_flag(attempts=7, lease_until=timezone.now() + timedelta(seconds=20))

    assert given_up.listed() == []


def test_given_a_delivery_that_was_given_up_when_done_again_then_the_gate_is_asked_and_its_owner_can_read_of_it(
    world: World, settings: Any
) -> None:
    settings.EGRESS_ALLOW = ["127.0.0.1"]
    device = world.acme.installs("core", site="hq")
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, forward_alerts=True)
    with hook_of(world.northwind) as hook:
        world.acme.raises(device)
        told()
        (delivery,) = deliveries(world.acme, hook.destination)
        change(world.acme, delivery, state="dead", reason="status_5xx", attempts=10, finished_at=timezone.now())
        (one,) = given_up.listed()
        assert (one.organization, one.error) == (world.northwind.organization.public_id, "status_5xx")
        world.acme.revokes(grant)

        said("--again", delivery.public_id)
        while sent():
            pass

        assert hook.messages == [] or all(m["type"] != "alert.opened" for m in hook.messages)
    with job(world.northwind.pk):
        assert Delivery.objects.get(pk=delivery.pk).state == "cancelled"
        assert AuditEntry.objects.filter(customer=world.northwind.pk, action="delivery.replayed").count() == 1


# ---- bodies that broke a decoder


@pytest.fixture
def broken_decoder(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """The decoder of native reports, with a fault of ours in it while `broken`."""
    state = {"broken": True}
    real, _ = find_door(REPORTS) or (None, "")
    assert real is not None

    def decode(*arguments: Any) -> Any:
        if state["broken"]:
            raise RuntimeError("canary-acme-hq-health-body")
        return real.decode(*arguments)

    faulty = type(real)(name=real.name, decode=decode, content_types=real.content_types, default_type=real.default_type)
    monkeypatch.setattr(door, "find_door", lambda path: (faulty, "") if path == REPORTS else find_door(path))
    monkeypatch.setattr(quarantine, "door_named", lambda name: faulty)
    return state


@pytest.fixture
def switch(world: World) -> Device:
    return world.acme.installs("switch", site="hq", serial="SN1")


def test_given_a_body_in_quarantine_when_read_again_before_the_correction_then_it_is_kept(
    world: World, switch: Device, broken_decoder: dict[str, bool]
) -> None:
    device_key(world.acme, switch).posts(report(cpu(0.3)))

    text = said("--again", "quarantine")

    assert "0 of 1" in text
    assert "still cannot be read" in text
    (one,) = given_up.listed()
    assert (one.kind, one.error_kind, one.tries) == ("quarantine", "RuntimeError", 2)
    (noted,) = queues.bodies_are_read()
    assert noted.state is State.NOTE
    assert "manage.py jobs --again quarantine" in noted.advice


def test_given_a_body_in_quarantine_when_read_again_after_the_correction_then_it_is_stored_once(
    world: World, switch: Device, broken_decoder: dict[str, bool]
) -> None:
    device_key(world.acme, switch).posts(report(cpu(0.3)))
    (one,) = given_up.listed()
    broken_decoder["broken"] = False

    assert "1 of 1" in said("--again", one.id)

    assert not given_up.again(one)
    assert given_up.listed() == []
    with job(world.acme.pk):
        (found,) = samples.news({switch.stay_number: 0}).values()
        assert Quarantine.unscoped.filter(decoded_at=None).count() == 0
    assert [data.v.tolist() for data in found.health.series.values()] == [[0.3]]
    (noted,) = queues.bodies_are_read()
    assert noted.state is State.OK
