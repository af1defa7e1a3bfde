"""What a partner may see, had, asked for; asking answers alike whether a customer exists; giving back ends at once."""

import re

import pytest
from django.utils import timezone

from access import requests
from access.models import AccessRequest, Category, Grant, Site
from access.principal import acting
from tests.cast import HEALTH, INVENTORY, World
from tests.partners.pages import QUERIES_A_PAGE, asked, text

REASON = "We want to see why your switches restart at night."


def nora(world: World, browse):
    return browse(world.northwind.people["nora"])


def wish(**changes) -> dict:
    return {"customer_name": "Acme", "cat": ["inventory", "health"], "days": "30", "reason": REASON} | changes


def requests_of(company) -> list[AccessRequest]:
    viewer = company.viewer()
    with acting(viewer):
        return list(AccessRequest.objects.visible_to(viewer).order_by("asked_at"))


def test_when_opened_then_live_grants_stand_with_site_and_end(world, browse):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, days=9, purpose="canary-purpose")

    page = text(nora(world, browse).get("/p/northwind/access"))

    assert all(words in page for words in ("Acme", "hq", "canary-purpose", "9 days left"))
    assert "branch" not in page


def test_given_access_that_ended_then_the_receipt_names_the_site_and_why_and_no_person(world, browse):
    grant = world.acme.shares("hq", with_=world.third, categories={HEALTH})
    world.acme.revokes(grant)
    world.acme.lets_expire(world.acme.shares("branch", with_=world.third, categories={INVENTORY}))

    page = text(browse(world.third.people["theo"]).get("/p/third/access"))

    assert re.search(r"Acme</a>, <a href=[^>]+>hq</a>", page)
    assert "The customer stopped it." in page
    assert re.search(r"Acme</a>, <a href=[^>]+>branch</a>", page)
    assert "Its end date has passed." in page
    assert "Ada" not in page
    assert "depot" not in page


def test_given_no_dealings_then_the_page_says_so_and_names_nobody(world, browse):
    world.acme.shares("hq", with_=world.northwind)

    page = text(browse(world.rival.people["rita"]).get("/p/rival/access"))

    assert "Acme" not in page
    assert "You have asked nobody." in page


def test_when_asking_with_preview_then_the_sentence_is_shown_and_nothing_is_sent(world, browse):
    page = text(nora(world, browse).post("/p/northwind/access/ask", wish(preview="1")))

    assert "Northwind could look at device list, and health and alerts for all your sites until" in page
    assert "Send" in page
    assert requests_of(world.northwind) == []


def test_when_sent_then_the_customer_has_the_request_in_the_askers_words(world, browse):
    nora(world, browse).post("/p/northwind/access/ask", wish(forward_alerts="1"))

    (row,) = requests_of(world.acme)
    assert (row.reason, row.days, row.categories, row.forward_alerts) == (REASON, 30, ["inventory", "health"], True)


def test_given_a_site_it_knows_when_asking_for_that_then_the_request_names_it(world, browse):
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})
    client = nora(world, browse)
    chosen = {"customer": world.acme.organization.public_id, "site": [world.acme.sites["hq"].public_id]}

    preview = text(client.post("/p/northwind/access/ask", wish(preview="1", **chosen)))
    client.post("/p/northwind/access/ask", wish(**chosen))

    assert "for hq until" in preview
    (row,) = requests_of(world.acme)
    assert row.sites == [world.acme.sites["hq"].pk]


def test_given_a_site_it_does_not_know_when_asking_for_that_then_it_is_refused(world, browse):
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})
    chosen = {"customer": world.acme.organization.public_id, "site": [world.acme.sites["branch"].public_id]}

    response = nora(world, browse).post("/p/northwind/access/ask", wish(**chosen))

    assert "branch" not in text(response).replace(world.acme.sites["branch"].public_id, "")
    assert requests_of(world.acme) == []


def test_when_asking_a_customer_and_a_name_nobody_has_then_pages_and_lists_read_the_same(world, browse):
    client = nora(world, browse)

    answers = [client.post("/p/northwind/access/ask", wish(customer_name=name)) for name in ("Acme", "Noone")]
    page = text(client.get("/p/northwind/access"))

    assert [a.status_code for a in answers] == [302, 302]
    lines = page.split("What you asked for")[1].split("Ended")[0].split("<li>")[1:]
    first, second = (blank(line, world) for line in lines)
    assert first == second


def blank(line: str, world: World) -> str:
    for row in requests_of(world.northwind):
        line = line.replace(row.public_id, "rq").replace(row.customer_name, "name")
    import re

    return re.sub(r'class="av[^>]*>[^<]*<', 'class="av"><', line).strip().removesuffix("</ul>").split("</li>")[0]


def test_given_a_no_when_asking_again_then_the_day_of_the_next_try_is_named(world, browse):
    client = nora(world, browse)
    client.post("/p/northwind/access/ask", wish())
    ada = world.acme.viewer()
    (row,) = requests_of(world.acme)
    with acting(ada):
        requests.decline(row, by=ada)

    page = text(client.post("/p/northwind/access/ask", wish()))

    until = timezone.now() + requests.PAUSE_AFTER_A_NO
    assert f"You can ask again from {until:%-d %B %Y} on." in page
    assert "Ada" not in text(client.get("/p/northwind/access"))


@pytest.mark.parametrize("wrong", [{"reason": "short"}, {"cat": []}, {"days": "8"}, {"customer_name": ""}])
def test_when_the_wish_is_incomplete_then_nothing_is_sent_and_the_text_is_kept(world, browse, wrong):
    response = nora(world, browse).post("/p/northwind/access/ask", wish(**wrong))

    assert response.status_code == 200
    assert "Nothing was saved" in text(response)
    assert requests_of(world.acme) == []


def test_when_withdrawn_then_the_customer_sees_it_withdrawn(world, browse):
    client = nora(world, browse)
    client.post("/p/northwind/access/ask", wish())
    (row,) = requests_of(world.northwind)

    client.post(f"/p/northwind/access/requests/{row.public_id}/withdraw")

    assert [r.state for r in requests_of(world.acme)] == ["withdrawn"]


def test_when_another_partner_withdraws_it_then_it_does_not_exist_for_it(world, browse):
    nora(world, browse).post("/p/northwind/access/ask", wish())
    (row,) = requests_of(world.northwind)

    response = browse(world.rival.people["rita"]).post(f"/p/rival/access/requests/{row.public_id}/withdraw")

    assert response.status_code == 404


def test_when_an_admin_gives_back_then_nothing_is_seen_any_more_and_the_customer_has_the_receipt(world, browse):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    client = nora(world, browse)
    confirm = client.get(f"/p/northwind/access/{grant.public_id}/give-back")

    client.post(f"/p/northwind/access/{grant.public_id}/give-back")

    assert "Only they can give it again" in text(confirm)
    viewer, ada = world.northwind.viewer(), world.acme.viewer()
    with acting(viewer):
        assert not Site.objects.visible_to(viewer, Category.ANY).exists()
    with acting(ada):
        now = Grant.objects.get(pk=grant.pk)
    assert now.given_back
    assert now.drained_at is not None


def test_when_an_engineer_gives_back_then_it_is_refused_and_access_stays(world, browse):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})

    response = browse(world.northwind.people["nils"]).post(f"/p/northwind/access/{grant.public_id}/give-back")

    assert response.status_code == 403
    viewer = world.northwind.viewer()
    with acting(viewer):
        assert Site.objects.visible_to(viewer).exists()


def test_when_opening_anothers_grant_then_it_does_not_exist(world, browse):
    grant = world.acme.shares("hq", with_=world.northwind)

    assert browse(world.rival.people["rita"]).get(f"/p/rival/access/{grant.public_id}/give-back").status_code == 404


def test_given_thirty_customers_then_the_queries_stay_few(many, browse):
    client = browse(many.northwind.people["nora"])

    for path in ("/p/northwind/access", "/p/northwind/access/ask"):
        with asked() as queries:
            assert client.get(path).status_code == 200
        assert len(queries) <= QUERIES_A_PAGE, queries.statements


def test_when_one_access_is_opened_then_its_sentence_end_and_purpose_stand_there_and_nobodys_name(world, browse):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, days=9, purpose="Night watch")

    page = text(nora(world, browse).get(f"/p/northwind/access/{grant.public_id}"))

    assert "Northwind can look at health and alerts for hq until" in page
    assert all(words in page for words in ("9 days left", "Night watch", "Give back"))
    assert "Ada" not in page


def test_given_access_that_was_stopped_then_its_page_is_the_receipt_with_the_moment_and_why(world, browse):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    world.acme.revokes(grant)
    client = nora(world, browse)

    page = text(client.get(f"/p/northwind/access/{grant.public_id}"))
    told = client.get(f"/p/northwind/access/{grant.public_id}?format=json").json()

    assert "Northwind can no longer see hq." in page
    assert "The customer stopped it." in page
    assert "Give back" not in page
    assert (told["live"], told["site"], told["why"]) == (False, "hq", "The customer stopped it.")
    assert told["ended_at"] is not None
    assert "Ada" not in page


def test_given_access_of_another_partner_then_its_page_is_not_there(world, browse):
    grant = world.acme.shares("hq", with_=world.rival, categories={HEALTH})

    assert nora(world, browse).get(f"/p/northwind/access/{grant.public_id}").status_code == 404
