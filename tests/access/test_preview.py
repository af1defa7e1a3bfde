"""See as this partner: equals what it will then see, and leaves no trace (A21)."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from access import preview, sharing, viewing
from access.errors import NotAllowed
from access.models import SHAREABLE, AuditEntry, Category, Grant, Organization, Role, Site, TenantModel, ViewingEntry
from access.principal import acting, job
from access.sharing import Terms
from access.viewer import Viewer
from access.viewing import Look
from tests.cast import CONFIGURATION, HEALTH, INVENTORY, TRAFFIC, World

TENANT_MODELS = [m for m in apps.get_models() if issubclass(m, TenantModel)]


@pytest.fixture
def furnished(world: World) -> World:
    """Devices and alerts at two sites, so that there is something to see and something to hide."""
    for site in ("hq", "branch"):
        device = world.acme.installs(f"switch {site}", site=site, serial=f"S-{site}", model="SW-24")
        world.acme.raises(device)
    return world


def terms(*categories: Category, days: int = 30) -> Terms:
    return Terms(frozenset(categories), timezone.now() + timedelta(days=days))


def everything_of(viewer: Viewer) -> dict[str, set]:
    """Every row of every tenant table, through the door, and through row-level security alone."""
    shown: dict[str, set] = {}
    for model in TENANT_MODELS:
        if hasattr(model.objects, "visible_to"):
            rows = model.objects.visible_to(viewer)
            shown[f"{model.__name__} through the door"] = set(rows.values_list("pk", flat=True))
        shown[f"{model.__name__} past it"] = set(model.unscoped.values_list("pk", flat=True))
    return shown


def as_partner(partner) -> dict[str, set]:
    nora = partner.viewer()
    with acting(nora):
        return everything_of(nora)


def as_previewed(customer, partner, draft) -> dict[str, set]:
    with preview.as_if(customer.viewer(), partner.organization, draft) as stand_in:
        return everything_of(stand_in)


@pytest.mark.parametrize(
    "kinds", [(INVENTORY,), (HEALTH,), (INVENTORY, HEALTH), (TRAFFIC,), (CONFIGURATION,), SHAREABLE], ids=str
)
@pytest.mark.parametrize("names", [("hq",), ("hq", "branch")], ids=str)
def test_a21_when_a_draft_is_previewed_then_it_equals_what_the_partner_then_sees(furnished: World, kinds, names):
    acme, northwind = furnished.acme, furnished.northwind
    chosen, wanted = [acme.sites[n] for n in names], terms(*kinds)

    previewed = as_previewed(acme, northwind, dict.fromkeys(chosen, wanted))
    with acting(acme.viewer()):
        sharing.give(partner=northwind.organization, sites=chosen, terms=wanted, by=acme.viewer())

    assert previewed == as_partner(northwind)
    assert previewed["Site through the door"] == {s.pk for s in chosen}
    assert bool(previewed["Alert through the door"]) == (HEALTH in kinds)


def test_a21_given_other_access_when_one_site_is_previewed_then_the_rest_stays_as_it_is(furnished: World):
    acme, northwind = furnished.acme, furnished.northwind
    acme.shares("branch", with_=northwind, categories={HEALTH})
    acme.shares("hq", with_=northwind, categories={HEALTH, INVENTORY})

    previewed = as_previewed(acme, northwind, {acme.sites["hq"]: terms(INVENTORY)})
    with acting(acme.viewer()):
        sharing.give(partner=northwind.organization, sites=[acme.sites["hq"]], terms=terms(INVENTORY), by=acme.viewer())

    assert previewed == as_partner(northwind)
    assert previewed["Site through the door"] == {acme.sites["hq"].pk, acme.sites["branch"].pk}


def test_given_access_when_nothing_is_drafted_then_the_customer_sees_what_the_partner_sees_now(furnished: World):
    furnished.acme.shares("hq", with_=furnished.northwind, categories={HEALTH})

    assert as_previewed(furnished.acme, furnished.northwind, {}) == as_partner(furnished.northwind)


def test_given_an_end_that_has_passed_when_looking_as_the_partner_then_nothing_is_seen(furnished: World):
    furnished.acme.lets_expire(furnished.acme.shares("hq", with_=furnished.northwind, categories={HEALTH}))

    assert as_previewed(furnished.acme, furnished.northwind, {})["Site past it"] == set()


def test_when_looking_as_a_partner_then_what_other_customers_share_with_it_stays_hidden(furnished: World):
    furnished.globex.installs("router", site="plant")
    furnished.globex.shares("plant", with_=furnished.northwind, categories=SHAREABLE)

    previewed = as_previewed(furnished.acme, furnished.northwind, {furnished.acme.sites["hq"]: terms(*SHAREABLE)})

    assert previewed["Site past it"] == {furnished.acme.sites["hq"].pk}
    assert previewed["Device past it"] == {furnished.acme.devices["switch hq"].pk}


def rows_of(world: World) -> tuple[list, int, int]:
    with job(world.acme.pk, world.northwind.pk):
        grants = list(Grant.objects.order_by("pk").values())
        return grants, AuditEntry.objects.count(), ViewingEntry.objects.count()


def test_a21_when_a_draft_is_previewed_then_nothing_is_written(furnished: World):
    furnished.acme.shares("hq", with_=furnished.northwind, categories={HEALTH})
    before = rows_of(furnished)

    as_previewed(furnished.acme, furnished.northwind, dict.fromkeys(furnished.acme.sites.values(), terms(*SHAREABLE)))

    assert rows_of(furnished) == before
    assert as_partner(furnished.northwind)["Site through the door"] == {furnished.acme.sites["hq"].pk}


def test_a21_when_a_page_records_its_look_in_a_preview_then_no_look_is_kept(furnished: World):
    hq = furnished.acme.sites["hq"]
    before = rows_of(furnished)

    with preview.as_if(furnished.acme.viewer(), furnished.northwind.organization, {hq: terms(HEALTH)}) as stand_in:
        viewing.record(stand_in, [Look(furnished.acme.pk, HEALTH, hq.pk, "site", "hq")], way="page")

    assert rows_of(furnished) == before


def test_when_something_is_written_in_a_preview_then_the_database_refuses(furnished: World):
    hq = furnished.acme.sites["hq"]

    with (
        pytest.raises(DatabaseError, match="read-only"),
        preview.as_if(furnished.acme.viewer(), furnished.northwind.organization, {hq: terms(HEALTH)}),
    ):
        Site.unscoped.filter(pk=hq.pk).update(city="Elsewhere")


@pytest.mark.parametrize("fails", [False, True])
def test_when_a_preview_is_over_then_the_customer_acts_and_writes_as_before(furnished: World, fails):
    ada = furnished.acme.viewer()
    with acting(ada):
        try:
            with preview.as_if(ada, furnished.northwind.organization, {furnished.acme.sites["hq"]: terms(HEALTH)}):
                if fails:
                    raise LookupError("a template that fails")
        except LookupError:
            pass

        changed = Site.objects.visible_to(ada).filter(name="hq").update(city="Lyon")
        with connection.cursor() as cursor:
            cursor.execute("SELECT app_kind(), current_setting('transaction_read_only')")
            told = cursor.fetchone()
    assert (changed, told) == (1, ("customer", "off"))


def test_when_looking_as_a_partner_then_nothing_may_be_done_in_its_name(furnished: World):
    stand_in = Viewer.stand_in(furnished.acme.viewer(), furnished.northwind.organization)

    rights = (
        stand_in.may_write,
        stand_in.may_answer,
        stand_in.may_decide,
        stand_in.may_edit,
        stand_in.may_manage_people,
    )
    assert not any(rights)


def test_when_a_partner_or_staff_would_preview_then_it_is_refused(furnished: World):
    for stranger in (furnished.northwind.viewer(), Viewer.of_staff(furnished.sam)):
        with (
            pytest.raises((NotAllowed, ValueError)),
            preview.as_if(stranger, furnished.northwind.organization, {}),
        ):
            pass


def test_when_a_customer_drafts_a_site_of_another_then_it_is_refused(furnished: World):
    plant = furnished.globex.sites["plant"]

    with (
        pytest.raises(NotAllowed),
        preview.as_if(furnished.acme.viewer(), furnished.northwind.organization, {plant: terms(HEALTH)}),
    ):
        pass


def test_given_a_person_who_left_when_the_setting_is_forged_then_neither_line_shows_a_row(furnished: World):
    furnished.acme.shares("hq", with_=furnished.northwind, categories=SHAREABLE)
    april = furnished.acme.joins("april", Role.APPROVER)
    stand_in = Viewer.stand_in(furnished.acme.viewer("april"), furnished.northwind.organization)
    furnished.acme.loses("april")

    with acting(stand_in):
        assert set().union(*everything_of(stand_in).values()) == set()
    assert april.is_active


def test_given_a_stranger_who_claims_to_preview_for_acme_then_neither_line_shows_a_row(furnished: World):
    """The user of one customer, the name of another: what a forged setting would look like."""
    furnished.acme.shares("hq", with_=furnished.northwind, categories=SHAREABLE)
    gwen = furnished.globex.viewer()
    forged = Viewer(
        kind="partner",
        user=gwen.user,
        organization=furnished.northwind.organization,
        preview_of=furnished.acme.organization,
    )

    with acting(forged):
        assert set().union(*everything_of(forged).values()) == set()


def test_given_a_suspended_partner_when_looking_as_it_then_nothing_is_seen(furnished: World):
    furnished.acme.shares("hq", with_=furnished.northwind, categories=SHAREABLE)
    with acting(Viewer.of_staff(furnished.sam)):
        Organization.objects.filter(pk=furnished.northwind.pk).update(status="suspended")

    assert set().union(*as_previewed(furnished.acme, furnished.northwind, {}).values()) == set()


def test_when_the_form_asks_then_kinds_sentence_and_changes_agree(furnished: World):
    acme, northwind = furnished.acme, furnished.northwind
    acme.shares("hq", with_=northwind, categories={INVENTORY}, days=7)

    data = preview.preview(acme.viewer(), northwind.organization, [acme.sites["hq"]], terms(INVENTORY, HEALTH))

    (hq,) = data.sites
    assert hq.shared == (INVENTORY, HEALTH)
    assert hq.hidden == tuple(c for c in SHAREABLE if c not in hq.shared)
    assert data.sentence.startswith("Northwind can look at device list, and health and alerts for hq until ")
    assert [c.kind for c in hq.changes] == ["ends later", "new"]


def test_when_nothing_is_chosen_then_the_preview_shows_nothing(furnished: World):
    data = preview.preview(
        furnished.acme.viewer(), furnished.northwind.organization, [furnished.acme.sites["hq"]], None
    )

    assert data.shows_nothing
    assert data.sentence == "No partner sees anything. You still see everything and still get your alerts."


def test_given_no_transaction_around_it_when_a_draft_is_previewed_then_it_is_rolled_back_all_the_same(
    lasting_world: World,
):
    acme, northwind = lasting_world.acme, lasting_world.northwind
    assert not connection.in_atomic_block

    with preview.looking_as(
        acme.viewer(), northwind.organization, sites=[acme.sites["hq"]], terms=terms(HEALTH)
    ) as stand_in:
        seen = {s.name for s in Site.objects.visible_to(stand_in, HEALTH)}

    assert seen == {"hq"}
    assert as_partner(northwind)["Site past it"] == set()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('transaction_read_only'), coalesce(current_setting('app.kind', true), '')"
        )
        assert cursor.fetchone() == ("off", "")
