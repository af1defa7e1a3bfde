"""The partner's alerts: what is shown, to whom, and what may be done."""

import pytest

from access.models import ClaimWords, ViewingEntry
from access.principal import acting, job
from telemetry import alerting
from telemetry.models import Alert, CommentAudience
from tests.cast import HEALTH, INVENTORY, World
from tests.partners.pages import QUERIES_A_PAGE, asked, text


@pytest.fixture
def seen(world: World):
    """Northwind sees health at hq and nothing of branch; both have an alert."""
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    at_hq = world.acme.raises(world.acme.installs("canary-hq-switch", site="hq"), title="canary-hq-title")
    world.acme.raises(world.acme.installs("canary-branch-switch", site="branch"), title="canary-branch-title")
    return at_hq


def nora(world: World, browse):
    return browse(world.northwind.people["nora"])


def test_when_the_list_is_opened_then_it_holds_the_shared_site_and_nothing_of_another(world, browse, seen):
    page = text(nora(world, browse).get("/p/northwind/alerts"))

    assert "canary-hq-title" in page
    assert "canary-branch" not in page


def test_given_a_partner_without_a_grant_when_it_opens_the_list_then_nothing_of_acme_is_there(world, browse, seen):
    page = text(browse(world.rival.people["rita"]).get("/p/rival/alerts"))

    assert "canary" not in page
    assert "Acme" not in page


def test_given_a_partner_that_sees_the_device_list_alone_when_it_opens_the_alerts_then_there_are_none(
    world, browse, seen
):
    world.acme.shares("hq", with_=world.rival, categories={INVENTORY})

    page = text(browse(world.rival.people["rita"]).get("/p/rival/alerts"))

    assert "canary" not in page


def test_when_a_list_is_opened_then_the_look_is_in_the_customers_log(world, browse, seen):
    nora(world, browse).get("/p/northwind/alerts")

    ada = world.acme.viewer()
    with acting(ada):
        looks = list(ViewingEntry.objects.visible_to(ada))
    assert [(e.person_name, e.category, e.site_id, e.way) for e in looks] == [
        ("Nora", "health", world.acme.sites["hq"].pk, "page")
    ]
    assert looks[0].object_ids == [seen.public_id]


def test_when_a_partner_exports_then_it_gets_the_same_rows_and_the_log_says_export(world, browse, seen):
    rows = nora(world, browse).get("/p/northwind/alerts?format=json").json()

    assert [r["title"] for r in rows] == ["canary-hq-title"]
    ada = world.acme.viewer()
    with acting(ada):
        assert list(ViewingEntry.objects.visible_to(ada).values_list("way", flat=True)) == ["export"]


def test_when_the_customer_revokes_then_the_list_is_empty_and_the_page_is_gone(world, browse, seen):
    grant = world.acme.shares("hq", with_=world.northwind)
    client = nora(world, browse)
    assert client.get(f"/p/northwind/alerts/{seen.public_id}").status_code == 200

    world.acme.revokes(grant)

    assert "canary" not in text(client.get("/p/northwind/alerts"))
    assert client.get(f"/p/northwind/alerts/{seen.public_id}").status_code == 404


def test_a4_given_a_foreign_alert_and_one_that_never_was_when_opened_then_the_answers_are_equal_byte_for_byte(
    world, browse, seen
):
    with job(world.acme.pk):
        foreign = Alert.unscoped.get(site=world.acme.sites["branch"].pk)
    client = nora(world, browse)

    theirs = client.get(f"/p/northwind/alerts/{foreign.public_id}")
    nobodys = client.get("/p/northwind/alerts/al-2222222222")

    assert (theirs.status_code, theirs.content) == (404, nobodys.content)


def test_given_another_partners_address_when_opened_then_it_does_not_exist(world, browse, seen):
    assert browse(world.rival.people["rita"]).get("/p/northwind/alerts").status_code == 404


def test_when_an_alert_is_taken_then_the_partner_has_it(world, browse, seen):
    nora(world, browse).post(f"/p/northwind/alerts/{seen.public_id}/claim")

    with job(world.acme.pk):
        assert Alert.unscoped.get(pk=seen.pk).claimed_by_id == world.northwind.pk


def test_given_a_sales_person_when_posting_then_it_is_refused_and_nothing_changes(world, browse, seen):
    sally = world.northwind.joins("sally", "sales")

    response = browse(sally).post(f"/p/northwind/alerts/{seen.public_id}/claim")

    assert response.status_code == 403
    with job(world.acme.pk):
        assert Alert.unscoped.get(pk=seen.pk).claimed_by_id is None


def test_when_acting_on_a_foreign_alert_then_it_does_not_exist(world, browse, seen):
    response = browse(world.rival.people["rita"]).post(f"/p/rival/alerts/{seen.public_id}/claim")

    assert response.status_code == 404


@pytest.mark.parametrize("words", [ClaimWords.SOMEONE, ClaimWords.PROVIDER])
def test_a18_given_a_rival_took_it_when_northwind_reads_then_neither_rival_nor_its_people_are_named(
    world, browse, seen, words
):
    world.acme.shares("hq", with_=world.rival, categories={HEALTH})
    rita, ada = world.rival.viewer(), world.acme.viewer()
    ada.organization.claim_words = words
    with acting(ada):
        ada.organization.save(update_fields=["claim_words"])
    with acting(rita):
        alerting.claim(seen, by=rita)
        alerting.comment(seen, text="canary-for-the-customer", audience=CommentAudience.CUSTOMER, by=rita)
        alerting.comment(seen, text="canary-for-rival", audience=CommentAudience.COMPANY, by=rita)

    page = text(nora(world, browse).get(f"/p/northwind/alerts/{seen.public_id}"))

    assert "Rival" not in page
    assert "Rita" not in page
    assert "canary-for" not in page
    assert words.label in page


def test_a18_given_the_default_words_when_customer_or_rival_acted_then_the_history_reads_the_same(world, browse, seen):
    world.acme.shares("hq", with_=world.rival, categories={HEALTH})
    other = world.acme.raises(world.acme.installs("sw-2", site="hq"), title="canary-other")
    for viewer, alert in ((world.rival.viewer(), seen), (world.acme.viewer(), other)):
        with acting(viewer):
            alerting.claim(alert, by=viewer)
            alerting.resolve(alert, by=viewer, note="canary-what-was-done")
    client = nora(world, browse)

    first, second = (text(client.get(f"/p/northwind/alerts/{a.public_id}")) for a in (seen, other))

    assert "canary-what-was-done" not in first + second
    assert first.count("Someone") == second.count("Someone") > 0


def test_when_the_customer_writes_to_partners_then_its_company_is_named_and_not_the_person(world, browse, seen):
    ada = world.acme.viewer()
    with acting(ada):
        alerting.comment(seen, text="canary-hello-partners", audience=CommentAudience.PARTNERS, by=ada)
        alerting.comment(seen, text="canary-among-ourselves", audience=CommentAudience.COMPANY, by=ada)

    page = text(nora(world, browse).get(f"/p/northwind/alerts/{seen.public_id}"))

    assert "canary-hello-partners" in page
    assert "canary-among-ourselves" not in page
    assert "Ada" not in page


def test_given_thirty_customers_when_lists_and_pages_are_opened_then_the_queries_stay_few(many, browse):
    client = browse(many.northwind.people["nora"])

    for path in ("/p/northwind/alerts", f"/p/northwind/alerts/{many.alerts[0].public_id}"):
        with asked() as queries:
            assert client.get(path).status_code == 200
        assert len(queries) <= QUERIES_A_PAGE, queries.statements
