"""The first line alone (A15): the door's filters as a login that no policy binds, condition by condition.

Under row-level security a forgotten condition stays hidden, because the database makes up for it. Here nothing does.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models.functions import Now
from django.utils import timezone

from access import accounts, requests
from access.errors import Invalid
from access.models import (
    SHAREABLE,
    Category,
    Grant,
    Membership,
    Organization,
    OrganizationStatus,
    Scope,
    ServiceAccount,
    Site,
    SiteGroupPermission,
    SiteUserPermission,
    StaffPermission,
    StaffWay,
    UnscopedQuery,
    User,
    sites_visible_to,
)
from access.models.tenancy import held_sites
from access.principal import acting
from access.viewer import NOBODY, Viewer
from telemetry.models import Alert, Device, DeviceInventory, DeviceKey
from tests.cast import HEALTH, INVENTORY, TRAFFIC, Company, World, make_user

LOGIN = ("USER", "PASSWORD", "HOST", "PORT")


@pytest.fixture
def unguarded_login(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A connection of the owner's login instead of the application's: every row is there for whoever does not filter."""
    ours, owner = connections["default"], connections["owner"]
    was = {name: ours.settings_dict[name] for name in LOGIN}
    with django_db_blocker.unblock():
        ours.close()
    ours.settings_dict.update({name: owner.settings_dict[name] for name in LOGIN})
    yield
    with django_db_blocker.unblock():
        ours.close()
    ours.settings_dict.update(was)


@pytest.fixture
def world(unguarded_login: None, db: None) -> World:
    """The cast, made and looked at without row-level security."""
    return World.build()


def seen(viewer: Viewer, category: Category = Category.ANY) -> set[str]:
    return {s.name for s in sites_visible_to(viewer, category)}


def labels(viewer: Viewer) -> set[str]:
    return {d.label for d in Device.objects.visible_to(viewer)}


def change(rows: Any, **values: Any) -> None:
    """What no act of the product does, or not by itself."""
    assert rows.update(**values) > 0


def test_when_nobody_filters_then_this_login_sees_everything_or_these_tests_would_prove_nothing(world: World):
    with acting(world.rival.viewer()):
        assert {s.name for s in Site.unscoped.all()} == {"hq", "branch", "depot", "plant"}


# ---- the customer: its own, while the person is a member


def test_when_a_customer_looks_then_it_sees_its_own_sites_and_devices_alone(world: World):
    world.acme.installs("core", site="hq")
    world.globex.installs("press", site="plant")
    ada, gwen = world.acme.viewer(), world.globex.viewer()

    assert (seen(ada), labels(ada)) == ({"hq", "branch", "depot"}, {"core"})
    assert (seen(gwen), labels(gwen)) == ({"plant"}, {"press"})


MEMBERSHIP_ENDS = {
    "the person is inactive": lambda c: change(User.objects.filter(pk=c.viewer().user_id), is_active=False),
    "the membership is gone": lambda c: Membership.objects.filter(organization=c.pk).delete(),
    "the organization is suspended": lambda c: change(
        Organization.objects.filter(pk=c.pk), status=OrganizationStatus.SUSPENDED
    ),
}


@pytest.mark.parametrize("ends", MEMBERSHIP_ENDS)
@pytest.mark.parametrize("company", ["acme", "northwind"])
def test_a12_given_a_viewer_from_before_when_its_membership_no_longer_holds_then_it_sees_nothing(
    world: World, company: str, ends: str
):
    world.acme.installs("core", site="hq")
    world.acme.shares("hq", with_=world.northwind, categories=SHAREABLE)
    who: Company = getattr(world, company)
    viewer = who.viewer()
    assert "hq" in seen(viewer)
    assert labels(viewer) == {"core"}

    MEMBERSHIP_ENDS[ends](who)

    assert (seen(viewer), labels(viewer)) == (set(), set())


def test_when_a_person_is_a_member_elsewhere_only_then_acting_for_this_customer_shows_nothing(world: World):
    gwen = world.globex.viewer()
    ada = world.acme.viewer()

    assert seen(Viewer(kind="customer", user=gwen.user, organization=ada.organization, role="owner")) == set()


def test_a12_when_nobody_looks_then_there_is_nothing(world: World):
    world.acme.installs("core", site="hq")

    assert (seen(NOBODY), labels(NOBODY)) == (set(), set())


# ---- the partner: a row of guardian's and the live grant it points at


@pytest.fixture
def grant(world: World) -> Grant:
    """Health at hq for Northwind; Rival holds another kind there and the same kind elsewhere."""
    world.acme.shares("hq", with_=world.rival, categories={TRAFFIC})
    world.acme.shares("branch", with_=world.rival, categories={HEALTH})
    return world.acme.shares("hq", with_=world.northwind, categories={HEALTH})


def test_a2_when_a_partner_looks_then_kind_and_site_of_its_own_grant_decide(world: World, grant: Grant):
    device = world.acme.installs("core", site="hq")
    world.acme.installs("edge", site="branch")
    world.acme.raises(device)
    nora = world.northwind.viewer()

    assert {c: seen(nora, c) for c in SHAREABLE} == {c: {"hq"} if c is HEALTH else set() for c in SHAREABLE}
    assert labels(nora) == {"core"}
    assert Alert.objects.visible_to(nora).count() == 1
    assert DeviceInventory.objects.visible_to(nora).count() == 0
    # A table asked in the name of another kind answers for that kind.
    assert Alert.objects.visible_to(nora, INVENTORY).count() == 0


GRANT_ENDS = {
    "revoked": {"revoked_at": Now(), "closed_at": Now()},
    "expired": {"expires_at": Now(), "granted_at": Now() - timedelta(days=9)},
}


@pytest.mark.parametrize("how", GRANT_ENDS)
def test_a8_given_rows_of_guardian_that_were_left_behind_when_the_grant_has_ended_then_they_open_nothing(
    world: World, grant: Grant, how: str
):
    world.acme.installs("core", site="hq")
    nora = world.northwind.viewer()
    assert seen(nora) == {"hq"}

    change(Grant.objects.filter(pk=grant.pk), **GRANT_ENDS[how])

    assert SiteGroupPermission.objects.filter(grant=grant).exists()
    assert (seen(nora), labels(nora)) == (set(), set())


def test_a6_given_a_row_of_guardian_for_another_group_than_its_grant_says_then_it_opens_nothing_to_either(
    world: World, grant: Grant
):
    change(SiteGroupPermission.objects.filter(grant=grant), group=world.third.organization.group)

    assert (seen(world.northwind.viewer()), seen(world.third.viewer())) == (set(), set())


def test_a18_when_two_partners_hold_the_same_site_then_each_sees_the_kind_of_its_own_grant(world: World, grant: Grant):
    rita, nora = world.rival.viewer(), world.northwind.viewer()

    assert (seen(rita, TRAFFIC), seen(rita, HEALTH)) == ({"hq"}, {"branch"})
    assert (seen(nora, TRAFFIC), seen(nora, HEALTH)) == (set(), {"hq"})


def test_given_a_colleague_who_looks_after_one_customer_then_the_others_stay_out_of_view(world: World, grant: Grant):
    world.globex.shares("plant", with_=world.northwind)
    nora = world.northwind.viewer()
    assert seen(nora) == {"hq", "plant"}

    narrowed = {
        customers: Viewer(
            kind="partner", user=nora.user, organization=nora.organization, role=nora.role, only_customers=customers
        )
        for customers in ((world.globex.pk,), ())
    }

    assert [seen(v) for v in narrowed.values()] == [{"plant"}, set()]


def test_when_a_partner_is_asked_for_without_an_organization_then_it_holds_nothing(world: World, grant: Grant):
    assert seen(Viewer(kind="partner", user=world.northwind.viewer().user)) == set()
    assert not held_sites(Viewer(kind="partner"), Category.ANY).exists()


# ---- a program


def account(company: Company) -> tuple[Viewer, Any]:
    boss = company.viewer()
    with acting(boss):
        made, _ = accounts.issue(by=boss, name="script", scope=Scope.READ, days=30)
    made.organization = company.organization
    return Viewer.of_account(made), ServiceAccount.objects.filter(pk=made.pk)


ACCOUNT_ENDS = {
    "stopped": lambda c, rows: change(rows, revoked_at=timezone.now()),
    "expired": lambda c, rows: change(rows, expires_at=timezone.now() - timedelta(seconds=1)),
    "its organization is suspended": lambda c, rows: change(
        Organization.objects.filter(pk=c.pk), status=OrganizationStatus.SUSPENDED
    ),
    "it is another organization's": lambda c, rows: change(rows, organization=Organization.objects.get(slug="third")),
    "who made it may no longer sign in": lambda c, rows: change(
        User.objects.filter(pk=c.viewer().user_id), is_active=False
    ),
}


@pytest.mark.parametrize("ends", ACCOUNT_ENDS)
@pytest.mark.parametrize("company", ["acme", "northwind"])
def test_given_a_program_when_its_key_no_longer_holds_then_it_sees_nothing(
    world: World, grant: Grant, company: str, ends: str
):
    who: Company = getattr(world, company)
    account(who)  # another one, which stays
    viewer, rows = account(who)
    assert "hq" in seen(viewer)

    ACCOUNT_ENDS[ends](who, rows)

    assert seen(viewer) == set()


@pytest.mark.parametrize("company", ["acme", "northwind"])
def test_given_a_program_that_no_person_made_when_its_organization_is_suspended_then_it_sees_nothing(
    world: World, grant: Grant, company: str
):
    who: Company = getattr(world, company)
    viewer, rows = account(who)
    change(rows, created_by=None)
    assert "hq" in seen(viewer)

    ACCOUNT_ENDS["its organization is suspended"](who, rows)

    assert seen(viewer) == set()


# ---- a customer's person in a partner's place


@pytest.fixture
def stand_in(world: World, grant: Grant) -> Viewer:
    world.globex.shares("plant", with_=world.northwind)
    return Viewer.stand_in(world.acme.viewer(), world.northwind.organization)


def test_a21_when_a_customer_looks_as_a_partner_then_it_sees_what_that_partner_sees_of_itself_alone(
    world: World, stand_in: Viewer
):
    assert (seen(stand_in), seen(stand_in, TRAFFIC)) == ({"hq"}, set())


@pytest.mark.parametrize("ends", MEMBERSHIP_ENDS)
def test_a21_when_the_person_is_no_longer_the_customers_then_the_partners_place_shows_nothing(
    world: World, stand_in: Viewer, ends: str
):
    MEMBERSHIP_ENDS[ends](world.acme)

    assert seen(stand_in) == set()


def test_a21_given_a_suspended_partner_when_looked_at_from_its_place_then_it_sees_nothing(
    world: World, stand_in: Viewer
):
    change(Organization.objects.filter(pk=world.northwind.pk), status=OrganizationStatus.SUSPENDED)

    assert seen(stand_in) == set()


# ---- staff


@pytest.fixture
def sam(world: World) -> Viewer:
    return Viewer.of_staff(world.sam)


def permits(world: World, **values: Any) -> Any:
    """A permission of sam's for health at hq that runs; as a queryset, to be changed."""
    now = timezone.now()
    row = StaffPermission(
        **{
            "customer": world.acme.organization,
            "user": world.sam,
            "way": StaffWay.BREAK_GLASS,
            "sites": [world.acme.sites["hq"].pk],
            "categories": [HEALTH.value],
            "reason": "Readings are missing since noon",
            "hours": 4,
            "lapses_at": now + timedelta(days=1),
            "starts_at": now - timedelta(hours=1),
            "expires_at": now + timedelta(hours=2),
        }
        | values
    )
    row.save(force_insert=True)
    return StaffPermission.unscoped.filter(pk=row.pk)


def test_a19_when_staff_look_then_the_permission_says_which_sites_and_kinds(world: World, sam: Viewer):
    for label, site in (("core", "hq"), ("edge", "branch")):
        world.acme.raises(world.acme.installs(label, site=site))
    world.globex.installs("press", site="plant")
    assert (seen(sam), labels(sam)) == (set(), set())

    permits(world)

    assert (seen(sam), seen(sam, HEALTH), seen(sam, INVENTORY)) == ({"hq"}, {"hq"}, set())
    assert labels(sam) == {"core"}
    assert (Alert.objects.visible_to(sam).count(), DeviceInventory.objects.visible_to(sam).count()) == (1, 0)


def test_a19_when_the_permission_is_for_all_sites_then_it_is_for_all_of_that_customer(world: World, sam: Viewer):
    permits(world, all_sites=True, sites=[])

    assert seen(sam) == {"hq", "branch", "depot"}


STAFF_ENDS: dict[str, Any] = {
    "it has not begun": {"starts_at": timezone.now() + timedelta(hours=1)},
    "it is over": {"expires_at": timezone.now() - timedelta(minutes=1)},
    "it was ended": {"ended_at": timezone.now()},
    "it is another customer's": "globex",
    "it is somebody else's": "user",
}


@pytest.mark.parametrize("ends", STAFF_ENDS)
def test_a19_when_a_permission_of_staff_does_not_hold_now_then_it_shows_nothing(world: World, sam: Viewer, ends: str):
    rows = permits(world)
    assert seen(sam) == {"hq"}

    values = STAFF_ENDS[ends]
    if values == "globex":
        values = {"customer": world.globex.organization}
    elif values == "user":
        values = {"user": make_user("sue", is_staff=True)}
    change(rows, **values)

    assert seen(sam) == set()


@pytest.mark.parametrize("fact", ["is_active", "is_staff"])
def test_a19_when_the_person_is_no_longer_staff_or_active_then_a_running_permission_shows_nothing(
    world: World, sam: Viewer, fact: str
):
    permits(world)

    change(User.objects.filter(pk=world.sam.pk), **{fact: False})

    assert seen(sam) == set()


# ---- tables, rows and models


def test_when_a_table_is_the_customers_alone_then_no_grant_and_no_permission_opens_it(world: World, sam: Viewer):
    world.acme.key_for(world.acme.installs("core", site="hq"))
    world.acme.shares("hq", with_=world.northwind, categories=SHAREABLE)
    permits(world, categories=[c.value for c in SHAREABLE])

    viewers = (world.acme.viewer(), world.northwind.viewer(), sam, world.globex.viewer())
    assert [DeviceKey.objects.visible_to(v).count() for v in viewers] == [1, 0, 0, 0]


def test_when_a_row_is_held_already_then_what_hangs_on_it_can_be_reached_and_no_other_row(world: World):
    alert = world.acme.raises(world.acme.installs("core", site="hq"))
    world.acme.raises(world.acme.installs("edge", site="branch"))

    assert {t.alert_id for t in alert.transitions.all()} == {alert.pk}
    with pytest.raises(UnscopedQuery, match="Alert"):
        Alert.objects.count()


def test_when_a_row_is_validated_then_its_own_checks_count_and_nobody_elses_rows_are_asked(world: World):
    hq = world.acme.sites["hq"]
    double = Site(customer=hq.customer, name=hq.name, public_id=hq.public_id)
    double.full_clean()  # would say that there is one already

    key = DeviceKey(customer=hq.customer, site=hq)
    with pytest.raises(ValidationError, match="Constraint"):
        key.validate_constraints()
    key.validate_constraints(exclude={"device", "collector"})  # fields that a form does not have


def test_a13_when_a_person_would_be_given_a_right_of_its_own_then_the_model_refuses(world: World):
    with pytest.raises(TypeError, match="partners"):
        SiteUserPermission(user=world.sam, content_object=world.acme.sites["hq"]).save()


def test_when_new_sites_are_made_then_each_has_a_public_name_and_the_clock_of_utc(world: World):
    hq, branch = world.acme.sites["hq"], world.acme.sites["branch"]

    assert {s.public_id[:3] for s in (hq, branch)} == {"st-"}
    assert hq.public_id != branch.public_id
    assert (hq.timezone, str(hq)) == ("UTC", "hq")


def test_the_kinds_of_data_their_permissions_and_their_order():
    assert [(c.value, c.label, c.codename) for c in SHAREABLE] == [
        ("inventory", "Device list", "view_inventory"),
        ("health", "Health and alerts", "view_health"),
        ("traffic", "Traffic totals", "view_traffic"),
        ("configuration", "Configuration", "view_configuration"),
        ("contracts", "Contracts", "view_contracts"),
    ]
    assert (Category.ANY.value, Category.ANY.label) == ("any", "At least one kind")
    assert Category.ANY.codenames == [c.codename for c in SHAREABLE]
    assert [c.codenames for c in SHAREABLE] == [[c.codename] for c in SHAREABLE]


# ---- asking for more


def test_a18_given_no_policy_when_a_partner_names_a_site_that_it_cannot_see_then_the_site_is_unknown(world: World):
    nora = world.northwind.viewer()
    hidden = world.acme.sites["hq"].public_id

    with acting(nora), pytest.raises(Invalid) as error:
        requests.ask(
            by=nora,
            customer_name="Acme",
            categories={HEALTH},
            days=30,
            reason="So that we can help in time",
            sites=[hidden],
        )

    assert error.value.field == "sites"
