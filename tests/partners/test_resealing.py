"""After a change of SECRET_KEY webhooks' secrets are sealed with the new one, before the former leaves the settings."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from access.principal import acting, job
from partners import destinations, resealing, tasks
from partners.forwarding import secrets
from partners.models import Destination
from smartcare.doctor import State, sealing
from tests.cast import Company, World

pytestmark = pytest.mark.django_db(transaction=True)
FORMER, TODAY = "former" * 10, "today" * 12


@pytest.fixture
def world(lasting_world: World, settings: Any) -> Iterator[World]:
    with override_settings(SECRET_KEY=FORMER, SECRET_KEY_FALLBACKS=[]):
        yield lasting_world


def hooked(company: Company) -> tuple[Destination, str]:
    viewer = company.viewer()
    with acting(viewer):
        return destinations.add_webhook(
            owner=company.organization, url="https://hooks.example.com/in", name="", by=viewer
        )


def now(row: Destination) -> Destination:
    with job(row.owner_id):
        return Destination.objects.get(pk=row.pk)


def changed(*, fallback: bool = True) -> Any:
    return override_settings(SECRET_KEY=TODAY, SECRET_KEY_FALLBACKS=[FORMER] if fallback else [])


def test_given_a_new_key_when_housekeeping_comes_then_secrets_of_all_companies_open_without_the_former(world: World):
    rows = [hooked(world.northwind), hooked(world.acme)]

    with changed():
        assert resealing.reseal_secrets() == 2
    with changed(fallback=False):
        opened = [secrets.open_sealed(now(row).secret, str(row.pk)) for row, _ in rows]

    assert opened == [clear for _, clear in rows]


def test_given_a_secret_that_is_being_replaced_when_housekeeping_comes_then_both_are_sealed_again(world: World):
    row, first = hooked(world.northwind)
    nora = world.northwind.viewer()
    with acting(nora):
        second = destinations.replace_secret(now(row), by=nora)

    with changed():
        resealing.reseal_secrets()
    with changed(fallback=False):
        found = now(row)
        opened = [secrets.open_sealed(blob, str(row.pk)) for blob in (found.secret, found.old_secret)]

    assert opened == [second, first]
    assert found.old_secret_until is not None
    assert found.old_secret_until > timezone.now() + timedelta(hours=23)


def test_given_today_s_key_when_housekeeping_comes_then_nothing_is_written(world: World):
    row, _ = hooked(world.northwind)
    before = bytes(now(row).secret)

    assert resealing.reseal_secrets() == 0
    assert bytes(now(row).secret) == before


def test_given_a_secret_that_no_key_opens_when_housekeeping_comes_then_the_others_are_sealed_all_the_same(world: World):
    lost, _ = hooked(world.northwind)
    with override_settings(SECRET_KEY="third" * 12):
        kept, clear = hooked(world.acme)

    with override_settings(SECRET_KEY=TODAY, SECRET_KEY_FALLBACKS=["third" * 12]):
        assert resealing.reseal_secrets() == 1
        assert secrets.open_sealed(now(kept).secret, str(kept.pk)) == clear
        assert resealing.sealed_otherwise() == [(lost.pk, lost.owner_id)]


def test_given_a_removed_webhook_then_it_has_nothing_to_seal(world: World):
    row, _ = hooked(world.northwind)
    nora = world.northwind.viewer()
    with acting(nora):
        destinations.remove(now(row), by=nora)

    with changed():
        assert resealing.sealed_otherwise() == []


def test_then_housekeeping_does_it():
    assert resealing.reseal_secrets in tasks.HOUSEKEEPING


def test_when_examined_then_the_doctor_says_whether_the_former_key_may_go(world: World):
    hooked(world.northwind)

    with changed():
        (waits,) = sealing.secrets_are_of_today()
    with changed(fallback=False):
        (lost,) = sealing.secrets_are_of_today()
    with changed():
        resealing.reseal_secrets()
        (done,) = sealing.secrets_are_of_today()

    assert [f.state for f in (waits, lost, done)] == [State.NOTE, State.FAULT, State.OK]
    assert "SECRET_KEY_FALLBACKS may go" in done.said
