"""The gate: each thing that must hold at the moment of sending, alone missing, with its word."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from access import gate, onboarding, principal
from access.models import Grant, Membership, Role, Site, User
from access.principal import acting, job
from access.viewer import Viewer
from tests.cast import HEALTH, INVENTORY, TRAFFIC, Company, World


@pytest.fixture
def grant(world: World) -> Grant:
    world.acme.shares("branch", with_=world.northwind, categories={HEALTH}, forward_alerts=True)
    world.acme.shares("hq", with_=world.rival, categories={HEALTH}, forward_alerts=True)
    return world.acme.shares("hq", with_=world.northwind, categories={HEALTH, INVENTORY}, forward_alerts=True)


def asked(world: World, grant: Grant, /, **other: Any) -> str:
    """What the gate says about sending an alert at hq to Northwind under the grant."""
    facts = {
        "customer": world.acme.pk,
        "site": world.acme.sites["hq"].pk,
        "owner": world.northwind.pk,
        "grant": grant.pk,
        "generation": grant.generation,
    } | other
    with job(world.acme.pk, world.globex.pk, world.northwind.pk, world.rival.pk):
        return gate.refusal(**facts)


def set_to(world: World, rows: Any, **values: Any) -> None:
    with job(world.acme.pk, world.globex.pk, world.northwind.pk):
        assert rows.update(**values) == 1


def test_a9_when_everything_holds_then_it_may_be_sent(world: World, grant: Grant):
    assert asked(world, grant) == ""
    assert asked(world, grant, category=INVENTORY) == ""


def test_when_the_customer_is_closed_then_nothing_is_sent_to_anybody(world: World, grant: Grant):
    ada = world.acme.viewer()
    with acting(ada):
        onboarding.close_organization(world.acme.organization, by=ada)

    assert asked(world, grant) == "customer_closed"
    assert asked(world, grant, owner=world.acme.pk, grant=None, site=None) == "customer_closed"


def test_when_the_site_is_closed_then_nothing_about_it_is_sent(world: World, grant: Grant):
    set_to(world, Site.unscoped.filter(pk=world.acme.sites["hq"].pk), closed_at=timezone.now())

    assert asked(world, grant) == "site_closed"
    assert asked(world, grant, owner=world.acme.pk, grant=None) == "site_closed"


def test_when_the_site_is_another_customers_then_nothing_is_sent(world: World, grant: Grant):
    plant = world.globex.sites["plant"].pk

    assert asked(world, grant, site=plant) == "site_closed"
    assert asked(world, grant, site=plant, owner=world.acme.pk) == "site_closed"


def test_when_the_customer_is_its_own_receiver_then_no_grant_is_asked_for(world: World, grant: Grant):
    assert asked(world, grant, owner=world.acme.pk, grant=None, generation=None) == ""
    assert asked(world, grant, owner=world.acme.pk, grant=None, site=None) == ""


def suspend(company: Company, sam: User) -> None:
    by = Viewer.of_staff(sam)
    with acting(by):
        onboarding.suspend(company.organization, by=by)


def test_when_the_partner_is_not_active_then_it_gets_nothing_and_others_do(world: World, grant: Grant):
    suspend(world.rival, world.sam)
    assert asked(world, grant) == ""

    suspend(world.northwind, world.sam)

    assert asked(world, grant) == "partner_inactive"


ANOTHER = {
    "none": lambda w, g: {"grant": None},
    "one that never was": lambda w, g: {"grant": uuid4()},
    "another partner's": lambda w, g: {"owner": w.rival.pk},
    "for another site": lambda w, g: {"site": w.acme.sites["branch"].pk},
    "another customer's": lambda w, g: {"customer": w.globex.pk, "site": w.globex.sites["plant"].pk},
}


@pytest.mark.parametrize("which", ANOTHER)
def test_a10_when_the_delivery_names_a_grant_that_is_not_this_pairs_then_it_has_ended(
    world: World, grant: Grant, which: str
):
    assert asked(world, grant, **ANOTHER[which](world, grant)) == "grant_ended"


def test_when_a_delivery_about_no_site_names_a_grant_then_it_is_not_that_grants(world: World, grant: Grant):
    assert asked(world, grant, site=None) == "grant_ended"


def test_a8_given_an_end_that_has_passed_when_asked_then_the_grant_has_ended(world: World, grant: Grant):
    world.acme.lets_expire(grant)

    assert asked(world, grant) == "grant_ended"


@pytest.mark.parametrize(
    "ended", [{"closed_at": True}, {"closed_at": True, "revoked_at": True}], ids=["closed", "revoked"]
)
def test_a9_given_a_grant_that_was_ended_when_asked_then_it_has_ended_whatever_its_generation(
    world: World, grant: Grant, ended: dict[str, bool]
):
    set_to(world, Grant.objects.filter(pk=grant.pk), **dict.fromkeys(ended, timezone.now()))

    assert asked(world, grant) == "grant_ended"


def test_a10_when_the_grant_has_changed_since_the_delivery_was_planned_then_it_is_not_sent(world: World, grant: Grant):
    world.acme.changes(grant, categories=frozenset({HEALTH}))

    assert asked(world, grant) == "grant_changed"
    assert asked(world, grant, generation=None) == "grant_changed"


def test_when_the_kind_is_not_covered_then_it_is_not_sent(world: World, grant: Grant):
    assert asked(world, grant, category=TRAFFIC) == "category_not_covered"


def test_when_alerts_are_not_to_be_sent_then_they_are_not_pushed_but_may_be_fetched(world: World):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})

    assert asked(world, grant) == "not_forwarded"
    assert asked(world, grant, pushing=True) == "not_forwarded"
    assert asked(world, grant, pushing=False) == ""


# ---- persons


def may_get_mail(world: World, name: str, *, owner: Any = None) -> str:
    with job(world.acme.pk, world.northwind.pk):
        return gate.recipient_refusal(
            owner=owner or world.northwind.pk, user=world.northwind.people[name].pk if name else None
        )


@pytest.mark.parametrize("role", Role)
def test_when_a_member_is_mailed_then_everybody_but_sales_may_be(world: World, role: Role):
    company = world.acme if role in {Role.OWNER, Role.APPROVER, Role.VIEWER} else world.northwind
    user = company.joins("mia", role)

    with job(world.acme.pk, world.northwind.pk):
        said = gate.recipient_refusal(owner=company.pk, user=user.pk)

    assert said == ("no_longer_a_member" if role == Role.SALES else "")


def test_when_the_person_is_a_member_elsewhere_or_nobody_then_no_mail_goes_out(world: World):
    assert may_get_mail(world, "nora") == ""
    assert may_get_mail(world, "nora", owner=world.acme.pk) == "no_longer_a_member"
    assert may_get_mail(world, "") == "no_longer_a_member"


def _sells(world: World) -> None:
    nora = world.northwind.viewer("nora")
    with acting(nora):
        row = Membership.objects.select_related("organization", "user").get(
            user=world.northwind.people["nils"], organization=world.northwind.organization
        )
        onboarding.change_role(row, role=Role.SALES, by=nora)


GONE = {
    "inactive": lambda w: User.objects.filter(pk=w.northwind.people["nils"].pk).update(is_active=False),
    "suspended": lambda w: suspend(w.northwind, w.sam),
    "removed": lambda w: w.northwind.loses("nils"),
    "sales now": _sells,
}


@pytest.mark.parametrize("how", GONE)
def test_when_a_person_may_no_longer_get_mail_then_the_gate_says_so(world: World, how: str):
    assert may_get_mail(world, "nils") == ""

    GONE[how](world)

    assert may_get_mail(world, "nils") == "no_longer_a_member"
    assert may_get_mail(world, "nora") == ("no_longer_a_member" if how == "suspended" else "")


# ---- what a grant covers, and the lock


def covered(world: World, grant: Any) -> frozenset[Any]:
    with job(world.acme.pk):
        return gate.categories_now(grant)


def test_when_a_message_is_rendered_then_it_holds_what_this_grant_covers_now(world: World, grant: Grant):
    assert covered(world, grant.pk) == {HEALTH, INVENTORY}
    assert covered(world, None) == frozenset()
    world.acme.changes(grant, categories=frozenset({HEALTH}))
    assert covered(world, grant.pk) == {HEALTH}

    world.acme.lets_expire(grant)

    assert covered(world, grant.pk) == frozenset()


def test_when_a_grant_is_closed_then_it_covers_nothing(world: World, grant: Grant):
    set_to(world, Grant.objects.filter(pk=grant.pk), closed_at=timezone.now())

    assert covered(world, grant.pk) == frozenset()


def locks() -> list[str]:
    """Advisory locks that this transaction holds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT mode FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() ORDER BY 1")
        return [mode for (mode,) in cursor.fetchall()]


def test_a9_when_something_passes_to_a_partner_then_it_holds_the_shared_lock_of_site_and_partner(world: World):
    acme, site, northwind = world.acme.pk, world.acme.sites["hq"].pk, world.northwind.pk
    before = locks()

    with gate.passage(customer=acme, site=site, owner=northwind, statement_ms=1234):
        held, told = locks(), principal.current()

    assert held == [*before, "ShareLock"]
    assert (told.kind, told.customers, told.statement_ms) == (
        "job",
        ",".join(sorted(map(str, (acme, northwind)))),
        1234,
    )


@pytest.mark.parametrize(("site", "owner"), [("hq", "acme"), ("", "northwind"), ("", "acme")])
def test_when_the_customer_sends_to_itself_or_about_no_site_then_nobody_has_to_wait(
    world: World, site: str, owner: str
):
    before = locks()
    place = world.acme.sites[site].pk if site else None

    with gate.passage(customer=world.acme.pk, site=place, owner=getattr(world, owner).pk):
        assert locks() == before
