"""Closing a site, or withdrawing a code, while somebody joins there: whoever is first, nothing lives on that must not."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from access import onboarding, sharing
from access.errors import Invalid, NotAllowed
from access.models import Category, Grant, Organization
from access.principal import acting
from access.sharing import Terms
from telemetry import enrolment, fleet, imports
from telemetry.enrolment import EnrolmentRefused
from telemetry.models import ClaimCode, Collector, Device, DeviceKey
from tests.cast import Customer, World

WAITS = """SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock'"""
MOST_LOOKS = 5_000


def one_behind_the_other(first: Callable[[], object], second: Callable[[], object], behind: Any) -> list[object]:
    """Both acts on connections of their own, the second begun when the first is done but not committed; that commits once the
    second waits for it, or has ended. Returns what came of each: its result, or the exception."""
    results: list[object] = [None, None]
    is_done, may_commit = threading.Event(), threading.Event()

    def runs(place: int, act: Callable[[], object]) -> None:
        try:
            results[place] = act()
        except Exception as error:
            results[place] = error
        finally:
            is_done.set()
            connection.close()

    def held() -> object:
        with transaction.atomic():
            result = first()
            is_done.set()
            assert may_commit.wait(20)
        return result

    one = threading.Thread(target=runs, args=(0, held))
    one.start()
    assert is_done.wait(20)
    other = threading.Thread(target=runs, args=(1, second))
    other.start()
    for _ in range(MOST_LOOKS):
        behind.execute(WAITS)
        if behind.fetchone()[0] or not other.is_alive():
            break
    may_commit.set()
    one.join(20)
    other.join(20)
    return results


@pytest.fixture
def acme(lasting_world: World) -> Customer:
    return lasting_world.acme


def as_owner(acme: Customer, act: Callable[..., object]) -> Callable[[], object]:
    """The act by the owner, in a transaction of hers; it is given her as viewer, the site and a device there."""
    owner, site = acme.viewer(), acme.sites["hq"]
    with acting(owner):
        device = fleet.register(site=acme.sites["depot"], label=f"spare {act.__name__}", by=owner)

    def run() -> object:
        with acting(owner):
            return act(owner, site, device)

    return run


def registers(owner: Any, site: Any, device: Any) -> object:
    device = fleet.register(site=site, label="New", by=owner)
    return fleet.issue_key(device=device, by=owner)


def opens_a_collector(owner: Any, site: Any, device: Any) -> object:
    return fleet.issue_key(collector=fleet.open_collector(site=site, name="poller", by=owner), by=owner)


def moves_a_device_there(owner: Any, site: Any, device: Any) -> object:
    return fleet.move(device, to=site, by=owner) or "moved"


def makes_a_code(owner: Any, site: Any, device: Any) -> object:
    return enrolment.make_code(site=site, by=owner)


def imports_a_file(owner: Any, site: Any, device: Any) -> object:
    return imports.register(imports.read(f"name,site\nNew,{site.name}\n", by=owner), by=owner)


def closes(owner: Any, site: Any, device: Any) -> object:
    return onboarding.close_site(site, by=owner)


JOINING = [registers, opens_a_collector, moves_a_device_there, makes_a_code, imports_a_file]


def alive(acme: Customer) -> list[object]:
    """What could still report, or join, at the site."""
    at_site = {"site": acme.sites["hq"]}
    with acting(acme.viewer()):
        return [
            *Device.unscoped.filter(**at_site, retired_at=None),
            *Collector.unscoped.filter(**at_site, retired_at=None),
            *DeviceKey.unscoped.filter(**at_site, revoked_at=None),
            *enrolment.open_codes(acme.viewer()).filter(**at_site),
        ]


@pytest.mark.parametrize("join", JOINING)
def test_given_somebody_who_is_joining_when_the_site_is_closed_then_that_ends_with_the_others(
    acme: Customer, behind: Any, join: Any
) -> None:
    joined, closed = one_behind_the_other(as_owner(acme, join), as_owner(acme, closes), behind)

    assert not isinstance(joined, Exception), joined
    assert not isinstance(closed, Exception), closed
    assert alive(acme) == []


@pytest.mark.parametrize("join", JOINING)
def test_given_a_site_that_is_being_closed_when_somebody_joins_then_it_is_refused(
    acme: Customer, behind: Any, join: Any
) -> None:
    closed, joined = one_behind_the_other(as_owner(acme, closes), as_owner(acme, join), behind)

    assert not isinstance(closed, Exception), closed
    assert isinstance(joined, Invalid)
    assert "closed" in str(joined)
    assert alive(acme) == []


@pytest.mark.parametrize("first", ["joins", "closes"])
def test_given_a_device_that_is_enrolling_when_its_site_is_closed_then_no_key_of_it_lives(
    acme: Customer, behind: Any, first: str
) -> None:
    owner = acme.viewer()
    with acting(owner):
        _, code = enrolment.make_code(site=acme.sites["hq"], label="Spare", by=owner)

    def enrols() -> object:
        return enrolment.enrol(code, {"serial": "SN7"})

    if first == "joins":
        results = one_behind_the_other(enrols, as_owner(acme, closes), behind)
        assert not any(isinstance(result, Exception) for result in results), results
    else:
        closed, enrolled = one_behind_the_other(as_owner(acme, closes), enrols, behind)
        assert not isinstance(closed, Exception), closed
        assert isinstance(enrolled, EnrolmentRefused)
    assert alive(acme) == []


@pytest.mark.parametrize("first", ["enrols", "withdraws"])
def test_when_a_code_is_used_and_withdrawn_at_once_then_whoever_is_second_is_refused(
    acme: Customer, behind: Any, first: str
) -> None:
    owner = acme.viewer()
    with acting(owner):
        row, code = enrolment.make_code(site=acme.sites["hq"], label="Spare", by=owner)

    def enrols() -> object:
        return enrolment.enrol(code, {"serial": "SN7"})

    def withdraws() -> object:
        with acting(owner):
            return enrolment.withdraw_code(row, by=owner)

    acts = (enrols, withdraws) if first == "enrols" else (withdraws, enrols)
    won, lost = one_behind_the_other(*acts, behind)

    assert not isinstance(won, Exception), won
    assert isinstance(lost, Invalid if first == "enrols" else EnrolmentRefused)
    with acting(owner):
        assert ClaimCode.unscoped.filter(used_at=None).exists() == (first == "withdraws")


def test_given_a_code_that_is_looked_up_when_it_is_withdrawn_before_it_is_taken_then_no_device_enrols(
    acme: Customer, behind: Any
) -> None:
    """The statement that takes the code began before the withdrawal did, and waited for another lock meanwhile."""
    owner = acme.viewer()
    with acting(owner):
        row, code = enrolment.make_code(site=acme.sites["hq"], label="Spare", by=owner)

    def holds_the_row_and_withdraws() -> object:
        with acting(owner):
            ClaimCode.unscoped.select_for_update().get(pk=row.pk)
            return row

    def enrols() -> object:
        return enrolment.enrol(code, {"serial": "SN7"})

    results: list[object] = []
    enrolling = threading.Thread(target=lambda: results.append(_outcome(enrols)))
    with acting(owner):
        holds_the_row_and_withdraws()
        enrolling.start()
        for _ in range(MOST_LOOKS):
            behind.execute(WAITS)
            if behind.fetchone()[0]:
                break
        enrolment.withdraw_code(row, by=owner)
    enrolling.join(20)

    (result,) = results
    assert isinstance(result, EnrolmentRefused)
    with acting(owner):
        assert not Device.unscoped.exists()


def _outcome(act: Callable[[], object]) -> object:
    try:
        return act()
    except Exception as error:
        return error
    finally:
        connection.close()


# ---- access to it


def lives(acme: Customer) -> list[Grant]:
    with acting(acme.viewer()):
        return list(Grant.objects.filter(site=acme.sites["hq"], closed_at=None))


def gives_access(owner: Any, site: Any, device: Any) -> object:
    partner = Organization.objects.get(name="Northwind")
    terms = Terms(frozenset({Category.HEALTH}), timezone.now() + timedelta(days=30))
    return sharing.give(partner=partner, sites=[site], terms=terms, by=owner)


def test_given_somebody_who_is_giving_access_when_the_site_is_closed_then_that_ends_with_it(
    acme: Customer, behind: Any
) -> None:
    given, closed = one_behind_the_other(as_owner(acme, gives_access), as_owner(acme, closes), behind)

    assert not isinstance(given, Exception), given
    assert not isinstance(closed, Exception), closed
    assert lives(acme) == []


def test_given_a_site_that_is_being_closed_when_access_is_given_then_it_is_refused(acme: Customer, behind: Any) -> None:
    closed, given = one_behind_the_other(as_owner(acme, closes), as_owner(acme, gives_access), behind)

    assert not isinstance(closed, Exception), closed
    assert isinstance(given, NotAllowed)
    assert lives(acme) == []
