"""The morning page: all customers that share health, worst first, and nothing of any other."""

from datetime import timedelta

from django.utils import timezone

from access.models import ViewingEntry
from access.principal import acting, job
from telemetry import alerting
from telemetry.models import DeviceHealth
from tests.cast import CONTRACTS, HEALTH, INVENTORY, World
from tests.partners.pages import QUERIES_A_PAGE, WEIGHT_GZIPPED, asked, text, weight


def fares(company, device, *, state: str, score: int | None) -> None:
    with job(company.pk):
        DeviceHealth.unscoped.filter(device=device).update(state=state, score=score)


def triage(world: World, browse, query: str = "") -> str:
    return text(browse(world.northwind.people["nora"]).get(f"/p/northwind/triage{query}"))


def test_given_nobody_shares_when_opened_then_it_says_how_customers_appear(world, browse):
    page = triage(world, browse)

    assert "Customers appear here when they give you access" in page
    assert "/p/northwind/access/ask" in page


def test_when_two_customers_share_health_then_the_worse_one_comes_first(world, browse):
    fares(world.acme, world.acme.installs("sw-1", site="hq"), state="ok", score=97)
    fares(world.globex, world.globex.installs("sw-9", site="plant"), state="risk", score=41)
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    world.globex.shares("plant", with_=world.northwind, categories={HEALTH})

    page = triage(world, browse)

    assert page.index("Globex: At risk, 41") < page.index("Acme: Healthy, 97")
    assert "1 customer needs you" in page
    assert "Healthy: 1" in page


def test_given_a_site_that_is_not_shared_is_down_then_the_tile_does_not_know(world, browse):
    fares(world.acme, world.acme.installs("sw-1", site="hq"), state="ok", score=97)
    fares(world.acme, world.acme.installs("canary-sw-2", site="branch"), state="down", score=0)
    world.acme.raises(world.acme.devices["canary-sw-2"], title="canary-down")
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})

    page = triage(world, browse)

    assert "Acme: Healthy, 97" in page
    assert "canary" not in page


def test_given_a_customer_shares_all_but_health_then_it_has_no_tile(world, browse):
    fares(world.acme, world.acme.installs("sw-1", site="hq"), state="risk", score=12)
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY, CONTRACTS})

    page = triage(world, browse)

    assert "At risk" not in page
    assert 'class="tile' not in page


def test_when_the_customer_revokes_then_tile_and_queue_vanish_at_once(world, browse):
    world.acme.raises(world.acme.installs("canary-sw", site="hq"), title="canary-title")
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    assert "canary-title" in triage(world, browse)

    world.acme.revokes(grant)

    page = triage(world, browse)
    assert "canary" not in page
    assert 'class="tile' not in page


def test_when_opened_then_each_customer_finds_the_look_in_its_own_log(world, browse):
    alert = world.acme.raises(world.acme.installs("sw-1", site="hq"))
    world.globex.installs("sw-9", site="plant")
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, purpose="Care")
    world.globex.shares("plant", with_=world.northwind, categories={HEALTH})

    triage(world, browse)

    for company, words, ids in (
        (world.acme, "hq: 1 device, 1 alert", [alert.public_id]),
        (world.globex, "plant: 1 device", []),
    ):
        owner = company.viewer()
        with acting(owner):
            looks = list(ViewingEntry.objects.visible_to(owner))
        assert [(e.object_words, e.object_ids, e.category) for e in looks] == [(words, ids, "health")]


def test_when_an_alert_is_snoozed_then_it_leaves_the_queue_and_stands_under_snoozed(world, browse):
    alert = world.acme.raises(world.acme.installs("sw-1", site="hq"), title="canary-title")
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    nora = world.northwind.viewer()
    with acting(nora):
        alerting.snooze(alert, until=timezone.now() + timedelta(days=2), by=nora)

    assert "canary-title" not in triage(world, browse)
    assert "canary-title" in triage(world, browse, "?queue=snoozed")


def test_when_taken_from_the_queue_then_one_returns_to_it(world, browse):
    alert = world.acme.raises(world.acme.installs("sw-1", site="hq"))
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})

    response = browse(world.northwind.people["nora"]).post(
        f"/p/northwind/alerts/{alert.public_id}/claim", {"next": "/p/northwind/triage"}
    )

    assert response.headers["Location"] == "/p/northwind/triage"


def test_given_a_member_of_two_partners_when_opening_one_then_the_other_ones_customers_are_not_mixed_in(world, browse):
    world.acme.raises(world.acme.installs("sw-1", site="hq"), title="canary-acme")
    world.globex.raises(world.globex.installs("sw-9", site="plant"), title="canary-globex")
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    world.globex.shares("plant", with_=world.rival, categories={HEALTH})
    freda = world.northwind.joins("freda", "engineer")
    joins(world.rival, freda)
    client = browse(freda)

    ours, theirs = (text(client.get(f"/p/{slug}/triage")) for slug in ("northwind", "rival"))

    assert ("canary-acme" in ours, "canary-globex" in ours) == (True, False)
    assert ("canary-acme" in theirs, "canary-globex" in theirs) == (False, True)


def joins(company, user) -> None:
    from access import onboarding

    boss = company.viewer()
    with acting(boss):
        onboarding.add_member(organization=company.organization, user=user, role="engineer", by=boss)


def test_given_a_member_assigned_to_one_customer_then_the_others_are_not_there(world, browse):
    world.acme.raises(world.acme.installs("sw-1", site="hq"), title="canary-acme")
    world.globex.raises(world.globex.installs("sw-9", site="plant"), title="canary-globex")
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    world.globex.shares("plant", with_=world.northwind, categories={HEALTH})
    nora = world.northwind.viewer()
    with acting(nora):
        world.northwind.people["nils"].memberships.update(only_customers=[str(world.acme.pk)])

    page = text(browse(world.northwind.people["nils"]).get("/p/northwind/triage"))

    assert "canary-acme" in page
    assert "lobex" not in page


def test_given_thirty_customers_then_queries_and_weight_stay_in_budget(many, browse):
    client = browse(many.northwind.people["nora"])

    with asked() as queries:
        response = client.get("/p/northwind/triage")

    assert text(response).count('class="tile ') == 30
    assert len(queries) <= QUERIES_A_PAGE, queries.statements
    assert weight(response) <= WEIGHT_GZIPPED
