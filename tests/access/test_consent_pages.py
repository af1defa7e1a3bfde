"""Giving, changing, answering and stopping in the browser's words: what the page says is what the button writes."""

import re
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from access import requests, sharing
from access.lengths import last_day
from access.models import SHAREABLE, AccessRequest, AuditEntry, Category, Grant
from access.principal import acting, job
from tests.cast import CONFIGURATION, HEALTH, INVENTORY, PASSWORD, TRAFFIC, World
from tests.partners.pages import text
from tests.signing_in import sign_in

AN_HOUR = 3600


@pytest.fixture
def ada(world: World, browse) -> Client:
    return browse(world.acme.people["ada"])


@pytest.fixture
def stale(world: World) -> Client:
    """Ada, who signed in an hour ago."""
    return sign_in(Client(), world.acme.people["ada"], ago_s=AN_HOUR)


def form(world: World, *sites: str, kinds=(INVENTORY,), partner: str = "northwind", **more) -> dict:
    return {
        "partner": getattr(world, partner).organization.public_id,
        "site": [world.acme.sites[s].public_id for s in sites],
        "cat": [Category(k).value for k in kinds],
        "days": "90",
    } | more


def live(world: World) -> dict[tuple[str, str], Grant]:
    ada = world.acme.viewer()
    with acting(ada):
        rows = Grant.objects.visible_to(ada).live().select_related("partner", "site")
        return {(g.partner.name, g.site.name): g for g in rows}


def asks(world: World, *sites: str, kinds=(TRAFFIC,), days: int = 30, forward: bool = False) -> AccessRequest:
    nora = world.northwind.viewer()
    with acting(nora):
        return requests.ask(
            by=nora,
            customer_name="Acme",
            categories={Category(k) for k in kinds},
            days=days,
            reason="We want to size the new line by what really flows.",
            sites=[world.acme.sites[s].public_id for s in sites],
            forward_alerts=forward,
        )


# ---- the form


def test_given_a_partner_that_sees_something_when_nobody_is_chosen_then_it_does_not_say_that_nobody_sees(world, ada):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})

    page = text(ada.get("/access/grant"))

    assert "Nobody new sees anything. What partners see today stays as it is." in page
    assert "No partner sees anything." not in page


def test_given_nobody_sees_anything_when_nobody_is_chosen_then_it_says_that(ada):
    assert "No partner sees anything." in text(ada.get("/access/grant"))


def test_given_a_cell_that_holds_an_access_when_opened_then_it_stands_as_it_is_with_its_own_end(world, ada):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH, TRAFFIC}, days=20)
    end = last_day(grant.expires_at, world.acme.organization)

    page = text(ada.get("/access/grant", form(world, "hq") | {"cat": [], "days": []}))

    assert f"Until {end:%-d %B %Y}, as today" in page
    assert page.count("Stays as it is:") == 2
    assert "Ends later" not in page


def test_when_one_kind_is_taken_away_and_the_end_is_kept_then_nothing_else_changes(world, ada):
    before = world.acme.shares("hq", with_=world.northwind, categories={HEALTH, TRAFFIC}, days=20, purpose="Watch")

    ada.post("/access/grant", form(world, "hq", kinds=[HEALTH], days="keep", purpose="Watch"))

    after = live(world)["Northwind", "hq"]
    assert (after.pk, after.categories, after.expires_at) == (before.pk, [HEALTH], before.expires_at)


def test_given_sites_with_different_ends_then_there_is_no_end_to_keep_and_the_length_is_a_new_one(world, ada):
    for site, days in (("hq", 20), ("branch", 40)):
        world.acme.shares(site, with_=world.northwind, categories={HEALTH}, days=days)

    page = text(ada.get("/access/grant", form(world, "hq", "branch", kinds=[HEALTH], days="keep")))

    assert ", as today" not in page
    assert "Ends later" in page


@pytest.mark.parametrize(
    ("without", "field", "words"),
    [
        ("partner", "partner", "Choose a partner"),
        ("site", "site", "Choose at least one site"),
        ("cat", "cat", "Choose at least one kind of data"),
    ],
)
def test_given_something_is_left_open_when_sent_then_the_summary_leads_to_it_and_the_rest_is_kept(
    world, ada, without, field, words
):
    sent = form(world, "hq", kinds=[HEALTH], purpose="Typed with care") | {without: []}

    page = text(ada.post("/access/grant", sent))

    assert f'<a href="#f-{field}">{words}</a>' in page
    assert "data-error-summary" in page
    assert f'id="f-{field}"' in page
    assert "Typed with care" in page
    assert live(world) == {}


def test_when_sent_twice_then_it_is_one_decision_in_the_journal(world, ada):
    for _ in range(2):
        assert ada.post("/access/grant", form(world, "hq")).status_code == 302

    owner = world.acme.viewer()
    with acting(owner):
        actions = AuditEntry.objects.visible_to(owner).filter(object_kind="grant").values_list("action", flat=True)
        assert list(actions) == ["grant.opened"]


def test_given_a_site_of_somebody_else_when_sent_then_it_is_not_there(world, ada):
    sent = form(world, "hq") | {"site": [world.globex.sites["plant"].public_id]}

    page = text(ada.post("/access/grant", sent))

    assert "Choose at least one site" in page
    assert live(world) == {}


def test_given_a_viewer_when_opened_then_the_form_shows_and_says_who_decides_and_sending_is_refused(world, browse):
    alan = browse(world.acme.people["alan"])
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})

    page = text(alan.get("/access/grant", form(world, "hq")))

    assert "Owners and approvers of your company decide." in page
    assert "Let Northwind see this" not in page
    assert "Stop now" not in page
    assert alan.post("/access/grant", form(world, "branch")).status_code == 403


def test_given_a_contract_holder_then_the_form_and_the_matrix_say_that_it_gives_no_sight(world, ada):
    with job(world.acme.pk):
        from partners.models import Contract  # noqa: PLC0415 - the one test here that knows of contracts

        today = timezone.localdate()
        dates = {"starts_on": today, "ends_on": today + timedelta(days=30)}
        Contract(customer=world.acme.organization, partner=world.rival.organization, title="Care", **dates).save(
            force_insert=True
        )
    world.acme.revokes(world.acme.shares("hq", with_=world.rival, categories={HEALTH}))

    assert "Holding the contract gives no extra sight of your data." in text(ada.get("/access/grant"))
    assert "Contract holder" in text(ada.get("/access"))


def test_when_a_draft_is_looked_at_as_the_partner_then_back_leads_to_the_same_draft(world, ada):
    query = form(world, "hq", kinds=[HEALTH], purpose="Kept")

    page = text(ada.get(f"/access/look-as/{query['partner']}", query))

    back = next(u for u in re.findall(r'href="(/access/grant\?[^"]+)"', page))
    assert "purpose=Kept" in back
    assert "cat=health" in back


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_when_the_preview_is_opened_by_its_address_then_it_is_a_page_and_for_htmx_a_part(world, ada, headers):
    page = text(ada.get("/access/preview", form(world, "hq"), headers=headers))

    assert ("<html" in page) is not bool(headers)
    assert "Northwind can look at device list for hq" in page
    assert live(world) == {}


# ---- who is there


def test_given_a_sign_in_of_an_hour_ago_when_access_is_given_then_it_asks_first_and_comes_back_with_every_choice(
    world, stale
):
    sent = form(world, "hq", "branch", kinds=[HEALTH, TRAFFIC], forward_alerts="1", days="30", purpose="Night & day")

    asked = stale.post("/access/grant", sent)
    assert asked.headers["Location"].startswith("/accounts/reauthenticate/?next=")
    assert live(world) == {}
    assert "confirm that it is you" in text(stale.get(asked.headers["Location"]))

    back = stale.post(asked.headers["Location"], {"password": PASSWORD}).headers["Location"]
    again = dict.fromkeys(("partner", "days", "purpose", "forward_alerts"), "")
    query = parse_qsl(urlsplit(back).query)
    again |= dict(query) | {name: [v for n, v in query if n == name] for name in ("site", "cat")}
    assert "Let Northwind see this" in text(stale.get(back))
    stale.post("/access/grant", again)

    assert set(live(world)) == {("Northwind", "hq"), ("Northwind", "branch")}
    given = live(world)["Northwind", "hq"]
    assert (given.categories, given.forward_alerts, given.purpose) == ([HEALTH, TRAFFIC], True, "Night & day")


@pytest.mark.parametrize("verb", ["allow", "decline"])
def test_given_a_sign_in_of_an_hour_ago_when_a_request_is_answered_then_it_asks_first(world, stale, verb):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    row = asks(world, "hq")

    answer = stale.post(f"/access/requests/{row.public_id}/{verb}", {"shown": "1", "cat": "traffic", "days": "7"})

    assert answer.headers["Location"].startswith("/accounts/reauthenticate/?next=%2Faccess%2Frequests%2F")
    assert "days%3D7" in answer.headers["Location"]
    assert live(world)["Northwind", "hq"].categories == [HEALTH]


def test_given_a_sign_in_of_an_hour_ago_when_all_is_stopped_then_it_asks_first(world, stale):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})

    assert stale.post("/access/stop").headers["Location"].startswith("/accounts/reauthenticate/?next=%2Faccess%2Fstop")
    assert live(world)


def test_given_a_sign_in_of_an_hour_ago_when_one_access_is_stopped_then_nothing_stands_in_the_way(world, stale):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})

    stale.post(f"/access/grants/{grant.public_id}/stop")

    assert live(world) == {}


# ---- answering


def page_of(client: Client, row: AccessRequest, query: dict | None = None) -> str:
    return text(client.get(f"/access/requests/{row.public_id}", query or {}))


def test_given_kinds_of_today_when_one_is_taken_off_with_the_answer_then_it_ends_and_the_page_says_so_before(
    world, ada
):
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY, HEALTH})
    row = asks(world, "hq")
    hq = world.acme.sites["hq"].public_id
    answer = {"shown": "1", "cat": "traffic", "keep": "health", "site": hq, "days": "30"}

    first, then = page_of(ada, row), page_of(ada, row, answer)
    ada.post(f"/access/requests/{row.public_id}/allow", answer)

    assert first.count("Has today") == 2
    assert "Ends now: device list" not in first
    assert "Ends now: device list" in then
    assert live(world)["Northwind", "hq"].categories == [HEALTH, TRAFFIC]


def test_given_sites_where_the_partner_has_different_things_today_then_each_has_a_sentence_that_is_true(world, ada):
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})
    world.acme.shares("branch", with_=world.northwind, categories={HEALTH})
    row = asks(world, "hq", "branch")

    page = page_of(ada, row)
    ada.post(f"/access/requests/{row.public_id}/allow", {})

    assert "Northwind can look at device list and traffic totals for hq until" in page
    assert "Northwind can look at health and alerts, and traffic totals for branch until" in page
    assert live(world)["Northwind", "hq"].categories == [INVENTORY, TRAFFIC]
    assert live(world)["Northwind", "branch"].categories == [HEALTH, TRAFFIC]


def test_given_every_site_is_taken_off_then_nothing_is_allowed_at_any(world, ada):
    for site in ("hq", "branch"):
        world.acme.shares(site, with_=world.northwind, categories={HEALTH})
    row = asks(world, "hq", "branch")

    sent = ada.post(f"/access/requests/{row.public_id}/allow", {"shown": "1", "cat": "traffic"})

    assert "Choose at least one site" in text(ada.get(sent.headers["Location"]))
    assert {tuple(g.categories) for g in live(world).values()} == {(HEALTH,)}


def test_when_more_is_sent_than_was_asked_then_nothing_of_it_is_given(world, ada):
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})
    row = asks(world, "hq", days=30)
    more = {
        "shown": "1",
        "cat": [c.value for c in SHAREABLE],
        "keep": [c.value for c in SHAREABLE],
        "site": world.acme.sites["hq"].public_id,
        "days": "366",
        "forward_alerts": "",
    }

    ada.post(f"/access/requests/{row.public_id}/allow", more)

    grant = live(world)["Northwind", "hq"]
    assert grant.categories == [INVENTORY, TRAFFIC]
    assert CONFIGURATION not in grant.categories
    assert grant.expires_at < timezone.now() + timedelta(days=32)


def test_when_a_length_is_chosen_then_the_links_keep_what_is_ticked_and_no_token_is_in_them(world, ada):
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})
    row = asks(world, "hq", kinds=(HEALTH, TRAFFIC), days=90)

    page = page_of(ada, row, {"shown": "1", "cat": "traffic", "days": "30"})

    links = re.findall(r'<a href="\?([^"]+)"', page)
    assert len(links) == 3
    assert all("cat=traffic" in link and "health" not in link for link in links)
    assert "90 days, as asked" in page
    assert "Allow for 30 days" in page


def test_given_a_request_that_was_declined_then_its_page_says_from_when_they_may_ask_again(world, ada):
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})
    row = asks(world, "hq")
    owner = world.acme.viewer()
    with acting(owner):
        requests.decline(row, by=owner)

    assert "They may ask again from" in page_of(ada, row)


def test_given_a_request_nobody_answered_in_time_then_its_page_says_lapsed_before_any_sweep(world, ada):
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})
    row = asks(world, "hq")
    with job(world.northwind.pk, world.acme.pk):
        AccessRequest.objects.filter(pk=row.pk).update(lapses_at=timezone.now() - timedelta(minutes=1))

    page = page_of(ada, row)

    assert "Lapsed" in page
    assert "Say no" not in page


def test_given_an_open_request_of_a_partner_that_sees_something_then_its_cell_still_leads_to_where_it_can_be_stopped(
    world, ada
):
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})
    row = asks(world, "hq")

    matrix = text(ada.get("/access"))
    cell = re.search(r'<a class="cell on" href="([^"]+)"', matrix)
    form_page = text(ada.get(cell[1].replace("&amp;", "&")))

    assert "Northwind asks for traffic totals, hq, 30 days" in matrix
    assert "Stop now: hq" in form_page
    assert f"/access/requests/{row.public_id}" in form_page


# ---- one access


def test_given_its_last_days_then_the_page_offers_to_give_it_again_or_to_let_it_end(world, ada):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, days=9)

    page = text(ada.get(f"/access/grants/{grant.public_id}"))
    again = re.search(r'href="([^"]+)">Give it again', page)

    assert "This access ends in 9 days." in page
    assert "Let it end" in page
    assert "Ends later: health and alerts" in text(ada.get(again[1].replace("&amp;", "&")))


def test_when_it_is_stopped_twice_then_the_second_says_that_it_has_ended(world, ada):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    url = f"/access/grants/{grant.public_id}"

    ada.post(f"{url}/stop")
    ada.post(f"{url}/stop")

    page = text(ada.get(url))
    assert "This access has already ended" in page
    assert "Access stopped" in page


def test_given_access_of_another_customer_when_stopped_then_it_is_not_there(world, browse):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    gwen = browse(world.globex.people["gwen"])

    assert gwen.post(f"/access/grants/{grant.public_id}/stop").status_code == 404
    assert live(world)


def test_given_two_approvers_when_both_decide_the_same_then_it_stays_the_first_ones_decision(world, browse, ada):
    world.acme.joins("anna", "approver")
    ada.post("/access/grant", form(world, "hq"))
    first = live(world)["Northwind", "hq"]

    browse(world.acme.people["anna"]).post("/access/grant", form(world, "hq"))

    second = live(world)["Northwind", "hq"]
    assert (second.pk, second.decision, second.changed_at) == (first.pk, first.decision, None)
    assert sharing.facts(second) == sharing.facts(first)


def mark_of(page: str) -> str:
    return re.search(r'name="standing" value="(\w+)"', page)[1]


def test_given_somebody_decided_in_between_when_the_form_is_sent_then_it_shows_what_is_so_now_and_changes_nothing(
    world, ada
):
    sent = form(world, "hq", kinds=[HEALTH])
    sent["standing"] = mark_of(text(ada.get("/access/grant", sent)))
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})

    page = text(ada.post("/access/grant", sent))

    assert "Somebody of your company decided about this in between." in page
    assert "Ends now: device list" in page
    assert live(world)["Northwind", "hq"].categories == [INVENTORY]
    ada.post("/access/grant", sent | {"standing": mark_of(page)})
    assert live(world)["Northwind", "hq"].categories == [HEALTH]


def test_given_more_was_given_in_between_when_a_request_is_allowed_then_nothing_is_taken_away_unseen(world, ada):
    grant = world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})
    row = asks(world, "hq")
    page = page_of(ada, row)
    world.acme.changes(grant, categories={INVENTORY, HEALTH})
    answer = {"shown": "1", "cat": "traffic", "keep": "inventory", "site": world.acme.sites["hq"].public_id}

    sent = ada.post(f"/access/requests/{row.public_id}/allow", answer | {"standing": mark_of(page)})

    assert "Somebody of your company decided about this in between." in text(ada.get(sent.headers["Location"]))
    assert live(world)["Northwind", "hq"].categories == [INVENTORY, HEALTH]
