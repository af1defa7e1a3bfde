"""A customer's page: what is shared, what is not, what remains when it ends; and the partner's own notes."""

import re

import pytest

from access.models import ViewingEntry
from access.principal import acting, principal
from partners.models import Contract, PartnerNote
from tests.cast import HEALTH, INVENTORY, World
from tests.partners.pages import QUERIES_A_PAGE, WEIGHT_GZIPPED, asked, text, weight


def page_of(world, browse, company="acme", person="nora", partner="northwind"):
    customer = getattr(world, company).organization
    viewer = getattr(world, partner).people[person]
    return browse(viewer).get(f"/p/{getattr(world, partner).slug}/customers/{customer.public_id}")


@pytest.fixture
def shared(world: World):
    for site in ("hq", "branch"):
        world.acme.raises(world.acme.installs(f"canary-{site}-sw", site=site), title=f"canary-{site}-title")
    return world.acme.shares("hq", with_=world.northwind, categories={HEALTH, INVENTORY})


def test_when_opened_then_the_header_says_what_and_until_when(world, browse, shared):
    page = text(page_of(world, browse))

    assert f"You see 1 site: device list, and health and alerts. Until {shared.expires_at:%-d %B %Y}." in page
    assert "canary-hq-title" in page


def test_when_opened_then_nothing_of_a_site_that_is_not_shared_is_there(world, browse, shared):
    page = text(page_of(world, browse))

    assert "canary-branch" not in page
    assert "branch" not in page
    assert "depot" not in page


def test_when_a_kind_is_not_shared_then_the_page_says_so_and_offers_to_ask(world, browse, shared):
    page = text(page_of(world, browse))

    assert "Acme does not share configuration with you." in page
    assert f"/p/northwind/access/ask?customer={world.acme.organization.public_id}&amp;cat=configuration" in page
    assert "Acme does not share device list" not in page


def test_when_another_partner_holds_a_grant_then_its_name_is_not_on_the_page(world, browse, shared):
    world.acme.shares("hq", with_=world.rival, categories={HEALTH})

    assert "Rival" not in text(page_of(world, browse))


def test_given_access_that_was_revoked_then_notes_and_date_stay_and_no_data(world, browse, shared):
    client = browse(world.northwind.people["nora"])
    address = f"/p/northwind/customers/{world.acme.organization.public_id}"
    client.post(f"{address}/notes", {"text": "canary-our-note"})

    world.acme.revokes(shared)

    page = text(client.get(address))
    assert "canary-our-note" in page
    assert "Access ended on" in page
    assert "The customer stopped it." in page
    assert not {"hq", "branch"} & set(re.findall(r"\w+", page))  # whole words: a random token may hold "hq"
    assert "Open alerts" not in page


def test_given_the_third_partner_with_ended_access_then_it_sees_the_date_alone(world, browse):
    world.acme.installs("canary-sw", site="branch")
    world.acme.lets_expire(world.acme.shares("branch", with_=world.third, categories={HEALTH}))

    page = text(page_of(world, browse, person="theo", partner="third"))

    assert "Its end date has passed." in page
    assert "canary" not in page
    assert "branch" not in page


def test_a4_given_a_customer_it_never_dealt_with_and_one_that_never_was_then_the_answers_are_equal(
    world, browse, shared
):
    client = browse(world.northwind.people["nora"])

    theirs = client.get(f"/p/northwind/customers/{world.globex.organization.public_id}")
    nobodys = client.get("/p/northwind/customers/or-2222222222")

    assert (theirs.status_code, theirs.content) == (404, nobodys.content)


def test_given_another_partner_is_asked_for_as_if_it_were_a_customer_then_it_does_not_exist(world, browse, shared):
    client = browse(world.northwind.people["nora"])

    assert client.get(f"/p/northwind/customers/{world.rival.organization.public_id}").status_code == 404


def test_when_opened_then_the_look_is_in_the_customers_log_under_its_grant(world, browse, shared):
    page_of(world, browse)

    ada = world.acme.viewer()
    with acting(ada):
        looks = list(ViewingEntry.objects.visible_to(ada))
    assert [(e.object_words, e.category, e.grant_id) for e in looks] == [("hq: 1 device, 1 alert", "health", shared.pk)]


def test_given_the_device_list_alone_when_opened_then_that_look_is_logged_too(world, browse):
    world.acme.installs("sw-1", site="hq")
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})

    page_of(world, browse)

    ada = world.acme.viewer()
    with acting(ada):
        assert [(e.object_words, e.category) for e in ViewingEntry.objects.visible_to(ada)] == [("hq", "any")]


def test_when_a_note_is_added_then_only_the_own_company_reads_it(world, browse, shared):
    world.acme.shares("hq", with_=world.rival, categories={HEALTH})
    address = f"customers/{world.acme.organization.public_id}"
    browse(world.northwind.people["nils"]).post(f"/p/northwind/{address}/notes", {"text": "canary-note"})

    assert "canary-note" in text(page_of(world, browse))
    assert "canary-note" not in text(page_of(world, browse, person="rita", partner="rival"))
    ada = world.acme.viewer()
    with acting(ada):
        assert not PartnerNote.objects.exists()


def test_when_somebody_else_removes_a_note_then_it_is_refused_but_an_admin_may(world, browse, shared):
    address = f"/p/northwind/customers/{world.acme.organization.public_id}"
    sally = world.northwind.joins("sally", "sales")
    browse(world.northwind.people["nils"]).post(f"{address}/notes", {"text": "canary-note"})
    nora = world.northwind.viewer()
    with acting(nora):
        note = PartnerNote.objects.get()

    refused = browse(sally).post(f"{address}/notes/{note.public_id}/remove")
    browse(world.northwind.people["nora"]).post(f"{address}/notes/{note.public_id}/remove")

    assert refused.status_code == 403
    with acting(nora):
        assert not PartnerNote.objects.exists()


def test_given_a_contract_alone_then_the_page_shows_no_data_and_says_that_a_contract_shows_none(world, browse):
    world.acme.installs("canary-sw", site="hq")
    with principal(kind="job", customers=[world.acme.pk]):
        Contract(
            customer=world.acme.organization,
            partner=world.rival.organization,
            title="Care",
            starts_on="2026-01-01",
            ends_on="2027-01-01",
        ).save(force_insert=True)

    page = text(page_of(world, browse, person="rita", partner="rival"))

    assert "A contract shows no data." in page
    assert "canary" not in page


def test_when_the_list_is_opened_then_who_shares_comes_first_and_strangers_are_absent(world, browse, shared):
    world.globex.lets_expire(world.globex.shares("plant", with_=world.northwind))

    page = text(browse(world.northwind.people["nora"]).get("/p/northwind/customers"))

    assert page.index("Acme") < page.index("Globex")
    assert "plant" not in page
    assert "Acme" not in text(browse(world.rival.people["rita"]).get("/p/rival/customers"))


def test_when_the_list_is_exported_then_it_has_the_same_rows(world, browse, shared):
    client = browse(world.northwind.people["nora"])

    rows = client.get("/p/northwind/customers?format=json").json()
    table = text(client.get("/p/northwind/customers?format=csv"))

    assert [(r["name"], r["sites"], r["kinds"]) for r in rows] == [("Acme", 1, "inventory health")]
    assert table.splitlines()[1].split(",")[1] == "Acme"


def test_given_thirty_customers_then_queries_and_weight_stay_in_budget(many, browse):
    client = browse(many.northwind.people["nora"])
    one = many.customers[3].organization.public_id

    for path in ("/p/northwind/customers", f"/p/northwind/customers/{one}"):
        with asked() as queries:
            response = client.get(path)
        assert response.status_code == 200
        assert len(queries) <= QUERIES_A_PAGE, queries.statements
        assert weight(response) <= WEIGHT_GZIPPED
