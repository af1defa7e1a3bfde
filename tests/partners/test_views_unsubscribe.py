"""The link in a mail: asks by GET, acts by POST, without session and without CSRF (RFC 8058); knows nobody's address."""

import pytest
from django.test import Client

from access.models import AuditEntry
from access.principal import acting, job
from partners import destinations
from partners.models import Destination
from tests.cast import World
from tests.partners.pages import text


@pytest.fixture
def link(world: World) -> str:
    return destinations.unsubscribe_path(its(world))


def its(world: World) -> Destination:
    with job(world.northwind.pk):
        return Destination.objects.get(owner=world.northwind.pk)


def test_when_the_link_is_opened_then_nothing_changes_and_no_address_is_shown(world, link):
    response = Client().get(link)

    assert response.status_code == 200
    assert "nora@example.com" not in text(response)
    assert its(world).enabled


def test_when_a_mail_program_posts_one_click_then_the_destination_is_off(world, link):
    response = Client(enforce_csrf_checks=True).post(link, {"List-Unsubscribe": "One-Click"})

    assert response.status_code == 200
    assert not its(world).enabled


def test_when_it_is_used_then_the_owner_finds_it_in_its_journal(world, link):
    Client().post(link)
    Client().post(link)

    nora = world.northwind.viewer()
    with acting(nora):
        assert AuditEntry.objects.filter(action="destination.unsubscribed").count() == 1


def test_when_the_destination_was_removed_then_the_link_leads_nowhere(world, link):
    nora, row = world.northwind.viewer(), its(world)
    with acting(nora):
        destinations.remove(row, by=nora)

    assert Client().get(link).status_code == 404


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1] + ("a" if t[-1] != "a" else "b"), lambda t: "de-2222222222", lambda t: "x"]
)
def test_when_the_token_is_not_ours_then_there_is_nothing(world, link, change):
    token = link.removeprefix("/unsubscribe/")

    assert Client().post(f"/unsubscribe/{change(token)}").status_code == 404
    assert its(world).enabled
