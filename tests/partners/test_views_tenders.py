"""The customer's pages of tenders: asking, comparing by the same rows for all, answering, choosing, closing; who may and who only reads."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from access.models import Grant, Role
from access.principal import acting, job
from partners import proposals, tenders
from partners.models import ProposalState, Tender, TenderQuestion
from tests.cast import HEALTH, INVENTORY, PASSWORD, World, partner
from tests.partners.pages import QUERIES_A_PAGE, WEIGHT_GZIPPED, asked, text, weight
from tests.partners.tendering import answers, asks, chooses, closes, drafts, opened, own, sends
from tests.signing_in import sign_in

SAME_SIGHT = "Choosing a proposal does not change who can see your data."


@pytest.fixture
def tender(world: World) -> Tender:
    return opened(world, world.rival, world.northwind)


@pytest.fixture
def ada(world: World, browse: Any) -> Any:
    return browse(world.acme.people["ada"])


@pytest.fixture
def alan(world: World, browse: Any) -> Any:
    """A viewer of acme."""
    return browse(world.acme.people["alan"])


def page_of(client: Any, tender: Tender, rest: str = "") -> str:
    return text(client.get(f"/proposals/{tender.public_id}{rest}"))


def fresh(world: World, tender: Tender) -> Tender:
    viewer = world.acme.viewer()
    with acting(viewer):
        return tenders.visible_to(viewer).get(pk=tender.pk)


def states(world: World, tender: Tender) -> dict[str, str]:
    viewer = world.acme.viewer()
    with acting(viewer):
        return {i.partner.slug: i.state for i in tenders.invited(tender, viewer=viewer)}


# ---- the list


def test_given_no_tender_when_the_list_is_opened_then_it_says_what_each_partner_would_need_to_see(world, ada):
    page = text(ada.get("/proposals"))

    assert "Ask 2 or 3 partners" in page
    assert "how many devices of which kind" in page
    assert 'href="/proposals/ask"' in page


def test_given_a_viewer_when_the_list_is_opened_then_there_is_no_button_to_ask(world, alan):
    assert 'href="/proposals/ask"' not in text(alan.get("/proposals"))


def test_given_tenders_when_the_list_is_opened_then_each_says_how_many_were_sent_and_drafts_do_not_count(
    world, ada, tender
):
    sends(world.rival, tender)
    drafts(world.northwind, tender)

    [row] = ada.get("/proposals?format=json").json()

    assert (row["title"], row["proposals"], row["site"]) == ("Twelve switches", 1, "hq")
    assert "Twelve switches" in text(ada.get("/proposals"))


def test_given_another_customer_when_the_pages_are_opened_then_the_tender_is_not_there(world, browse, tender):
    row = sends(world.rival, tender)
    gwen = browse(world.globex.people["gwen"])
    one = f"/proposals/{tender.public_id}"

    assert "Twelve switches" not in text(gwen.get("/proposals"))
    found = [gwen.get(f"{one}{p}") for p in ("", "/close", f"/{row.public_id}", f"/{row.public_id}/choose")]
    nobodys = gwen.get("/proposals/te-2222222222")
    assert {(r.status_code, r.content) for r in found} == {(404, nobodys.content)}


# ---- asking


def form_of(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "site": world.acme.sites["hq"].public_id,
        "title": "New firewall",
        "wish": "One that lasts",
        "partners": [world.rival.organization.public_id, world.northwind.organization.public_id],
        "days": "30",
    } | changes


def test_when_an_owner_asks_then_the_tender_opens_for_those_partners_and_nobody_is_given_access(world, ada):
    response = ada.post("/proposals/ask", form_of(world))

    viewer = world.acme.viewer()
    with acting(viewer):
        row = tenders.visible_to(viewer).get()
        assert not Grant.objects.exists()
    assert response.headers["Location"] == f"/proposals/{row.public_id}"
    assert states(world, row) == {"rival": "invited", "northwind": "invited"}
    assert timedelta(days=29) < row.answers_until - timezone.now() < timedelta(days=30)


def test_when_an_approver_asks_then_it_opens_and_when_a_viewer_does_then_it_is_refused(world, browse, alan):
    world.acme.joins("april", Role.APPROVER)

    refused = alan.post("/proposals/ask", form_of(world))
    taken = browse(world.acme.people["april"]).post("/proposals/ask", form_of(world))

    assert (refused.status_code, taken.status_code) == (403, 302)


def test_given_a_viewer_when_the_form_is_opened_then_it_can_be_read_and_not_sent(world, alan):
    page = text(alan.get("/proposals/ask"))

    assert "What each partner will read" in page
    assert "Ask them" not in page


@pytest.mark.parametrize(
    "changes",
    [{"title": ""}, {"wish": " "}, {"partners": []}, {"days": "91"}, {"site": "si-2222222222"}, {"partners": ["og-2"]}],
    ids=["no title", "no wish", "nobody", "too long", "no such site", "no such partner"],
)
def test_given_a_form_that_cannot_be_when_sent_then_nothing_is_saved_and_what_was_typed_is_kept(world, ada, changes):
    response = ada.post("/proposals/ask", form_of(world, **changes))

    assert "Nothing was saved" in text(response)
    assert "One that lasts" in text(response) or "wish" in changes
    viewer = world.acme.viewer()
    with acting(viewer):
        assert not tenders.visible_to(viewer).exists()


def test_given_a_site_of_another_customer_when_asking_about_it_then_it_is_no_choice(world, ada):
    response = ada.post("/proposals/ask", form_of(world, site=world.globex.sites["plant"].public_id))

    assert "Nothing was saved" in text(response)


def test_when_another_site_is_chosen_then_the_preview_counts_its_devices(world, ada):
    world.acme.installs("one", site="branch")
    world.acme.installs("two", site="branch")

    page = text(ada.get(f"/proposals/ask?site={world.acme.sites['branch'].public_id}"))

    assert "<dt>Devices</dt><dd>2</dd>" in page
    assert "<dt>Switch</dt><dd>2</dd>" in page


def test_when_only_the_preview_is_asked_for_then_nothing_is_sent(world, ada):
    page = text(ada.post("/proposals/ask", form_of(world, preview="1")))

    assert "One that lasts" in page
    viewer = world.acme.viewer()
    with acting(viewer):
        assert not tenders.visible_to(viewer).exists()


# ---- comparing


@pytest.fixture
def answered(world: World, tender: Tender) -> Tender:
    sends(world.rival, tender, price_cents=100_000, yearly_cents=10_000, work_hours=30, survives_one_failure=False)
    sends(
        world.northwind,
        tender,
        price_cents=150_000,
        work_hours=20,
        survives_one_failure=True,
        starts_on=date(2027, 1, 4),
        text="canary-the-whole-text",
    )
    return tender


def rows_of(page: str) -> list[list[str]]:
    cards = page.split('<section class="card cmp">')[1:]
    return [[part.split("</dt>")[0] for part in card.split("</dl>")[0].split("<dt>")[1:]] for card in cards]


def test_when_proposals_are_compared_then_all_have_the_same_rows_in_the_order_of_their_names(world, ada, answered):
    page = page_of(ada, answered)

    first, second = rows_of(page)
    assert first == second == ["Work on site", "Could start", "Survives one failure", "Can see your data"]
    assert page.index(">Northwind</h2>") < page.index(">Rival</h2>")


def test_when_something_is_not_stated_then_the_row_says_so(world, ada, answered):
    assert page_of(ada, answered).count("Not stated") == 1  # rival's start


def test_when_proposals_are_compared_then_labels_name_single_facts_and_nobody_is_recommended(world, ada, answered):
    page = page_of(ada, answered)

    assert page.count("Lowest price") == 1
    assert page.count("Fewest hours") == 1
    assert page.count("Only one<") == 1
    cards = page.split('<section class="card cmp">', 1)[1].split("Questions and answers")[0]
    assert "btn pri" not in cards
    assert "chip ok" not in cards
    assert "ecommend" not in page


def test_when_proposals_are_compared_then_in_short_has_one_sentence_for_each_from_the_labels(world, ada, answered):
    page = page_of(ada, answered)

    assert (
        "Northwind needs the fewest hours of work and alone goes on when one unit fails. Rival costs least over" in page
    )


def test_when_proposals_are_compared_then_the_page_says_that_choosing_changes_nobodys_sight(world, ada, answered):
    assert SAME_SIGHT in page_of(ada, answered)


def test_when_a_partner_has_access_then_its_card_says_what_and_until_when_and_the_others_no(world, ada, answered):
    world.acme.shares("hq", with_=world.rival, categories={HEALTH, INVENTORY})

    northwind, rival = page_of(ada, answered).split('<section class="card cmp">')[1:]

    assert "device list, and health and alerts" in rival.split("</dl>")[0]
    assert "Can see your data</dt><dd>No</dd>" in northwind


def test_given_a_draft_when_the_customer_compares_then_it_is_invited_and_nothing_of_it_is_there(world, ada, tender):
    drafts(world.northwind, tender, text="canary-draft", price_cents=4_711_00)

    page = page_of(ada, tender)

    assert "canary-northwind" not in page
    assert "4,711" not in page
    assert page.count("Has not answered yet") == 2


def test_when_the_comparison_is_taken_as_a_file_then_it_has_the_rows_of_the_page(world, ada, answered):
    rows = ada.get(f"/proposals/{answered.public_id}?format=json").json()
    lines = list(csv.DictReader(io.StringIO(text(ada.get(f"/proposals/{answered.public_id}?format=csv")))))

    assert [r["partner"] for r in rows] == [r["partner"] for r in lines] == ["Northwind", "Rival"]
    assert [r["yearly"] or None for r in rows] == [r["yearly"] or None for r in lines] == [None, "100.00"]


def test_given_no_yearly_price_when_the_comparison_is_a_file_then_it_has_no_sum_and_says_why(world, ada, answered):
    rows = ada.get(f"/proposals/{answered.public_id}?format=json").json()
    lines = list(csv.DictReader(io.StringIO(text(ada.get(f"/proposals/{answered.public_id}?format=csv")))))

    assert [r["cost_3_years"] for r in rows] == [None, "1300.00"]
    assert [r["cost_3_years"] for r in lines] == ["", "1300.00"]
    said = ["no yearly price stated", ""]
    assert [r["cost_3_years_note"] for r in rows] == [r["cost_3_years_note"] for r in lines] == said


def test_when_one_proposal_is_read_then_all_that_its_partner_wrote_is_there_and_nothing_of_another(
    world, ada, answered
):
    page = page_of(ada, answered, f"/{own(world.northwind, answered).public_id}")

    assert "canary-the-whole-text" in page
    assert "canary-rival-summary" not in page


def test_given_a_draft_when_the_customer_opens_it_by_its_id_then_it_is_not_there(world, ada, tender):
    row = drafts(world.northwind, tender)

    for path in (row.public_id, f"{row.public_id}/choose"):
        assert ada.get(f"/proposals/{tender.public_id}/{path}").status_code == 404


def test_given_twenty_proposals_then_the_page_asks_as_few_questions_and_stays_light(world, ada, browse):
    few = opened(world, world.northwind)
    sends(world.northwind, few, text="x" * 8000)
    many = opened(world, *(partner(f"Partner {n:02}", f"person{n}") for n in range(20)))
    with job(world.acme.pk):
        rows = list(proposals.Proposal.objects.filter(tender=many).select_related("partner"))
    for row in rows:
        with job(row.partner_id):
            proposals.Proposal.objects.filter(pk=row.pk).update(
                state=ProposalState.SENT, sent_at=timezone.now(), text="y" * 8000, summary="z" * 300, price_cents=1
            )

    ada.get("/proposals")
    with asked() as by_few:
        ada.get(f"/proposals/{few.public_id}")
    with asked() as by_many:
        response = ada.get(f"/proposals/{many.public_id}")

    assert text(response).count('class="card cmp"') == 20
    assert len(by_many) == len(by_few) <= QUERIES_A_PAGE, by_many.statements
    assert weight(response) < WEIGHT_GZIPPED


@pytest.mark.parametrize("path", ["/proposals", "/proposals/ask", "/proposals/{t}/{p}", "/proposals/{t}/{p}/choose"])
def test_when_a_page_of_the_customer_is_opened_then_it_asks_few_questions(world, ada, answered, path):
    at = path.format(t=answered.public_id, p=own(world.rival, answered).public_id)
    ada.get(at)

    with asked() as found:
        assert ada.get(at).status_code == 200

    assert len(found) <= QUERIES_A_PAGE, "\n".join(found.statements)


# ---- questions


def test_when_a_question_is_answered_then_it_is_shown_with_its_answer_and_without_who_asked(world, ada, tender):
    question = asks(world.northwind, tender, "How many ports?")

    before = page_of(ada, tender)
    response = ada.post(f"/proposals/{tender.public_id}/questions/{question.pk}", {"answer": "Forty-eight"})
    after = page_of(ada, tender)

    assert "How many ports?" in before
    assert "Northwind" not in before.split("Questions and answers")[1].split("What you asked for")[0]
    assert response.status_code == 302
    assert "Forty-eight" in after


def test_given_many_questions_when_the_page_is_opened_then_those_that_wait_come_first_and_the_rest_on_more_pages(
    world, ada, tender
):
    answers(world, asks(world.northwind, tender, "Answered one?"), "Yes")
    for number in range(12):
        asks(world.northwind, tender, f"Question {number}?")

    first, second = page_of(ada, tender), page_of(ada, tender, "?page=2")

    assert first.count("<textarea") == 10
    assert "Answered one?" not in first
    assert "Answered one?" in second


@pytest.mark.parametrize("answer", ["", "   ", "x" * 4001])
def test_given_an_answer_that_cannot_be_when_sent_then_the_page_says_so_and_keeps_the_words(world, ada, tender, answer):
    question = asks(world.northwind, tender, "How many ports?")

    page = text(ada.post(f"/proposals/{tender.public_id}/questions/{question.pk}", {"answer": answer}))

    assert "Nothing was saved" in page
    assert answer.strip() in page
    with job(world.acme.pk):
        assert not TenderQuestion.objects.get(pk=question.pk).answered_at


def test_given_a_viewer_when_answering_then_it_is_refused(world, alan, tender):
    question = asks(world.northwind, tender, "How many ports?")

    assert "<textarea" not in page_of(alan, tender)
    refused = alan.post(f"/proposals/{tender.public_id}/questions/{question.pk}", {"answer": "Forty-eight"})
    assert refused.status_code == 403


def test_given_a_question_of_another_tender_when_answered_here_then_it_is_not_there(world, ada, tender):
    question = asks(world.northwind, opened(world, world.northwind), "Elsewhere?")

    response = ada.post(f"/proposals/{tender.public_id}/questions/{question.pk}", {"answer": "x"})

    assert response.status_code == 404


# ---- the end


def test_when_a_proposal_is_to_be_chosen_then_the_sentence_stands_above_the_button_and_nothing_has_happened(
    world, ada, answered
):
    page = page_of(ada, answered, f"/{own(world.rival, answered).public_id}/choose")

    assert page.index(SAME_SIGHT) < page.index("Choose Rival</button>")
    assert fresh(world, answered).state == "open"


def test_when_a_proposal_is_chosen_then_the_tender_is_over_and_accesses_stay(world, ada, answered):
    grant = world.acme.shares("hq", with_=world.northwind)
    row = own(world.rival, answered)

    ada.post(f"/proposals/{answered.public_id}/{row.public_id}/choose")

    assert fresh(world, answered).state == "chosen"
    assert states(world, answered) == {"rival": "chosen", "northwind": "not_chosen"}
    page = page_of(ada, answered)
    assert "Your choice" in page
    assert "/choose" not in page
    with job(world.acme.pk):
        assert Grant.objects.live().filter(pk=grant.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_given_a_ticked_access_when_choosing_then_that_one_ends_and_no_other(lasting_world, browse):
    world = lasting_world
    tender = opened(world, world.rival, world.northwind)
    row = sends(world.rival, tender)
    ends = world.acme.shares("hq", with_=world.northwind)
    stays = world.acme.shares("hq", with_=world.rival)
    ada = browse(world.acme.people["ada"])

    page = page_of(ada, tender, f"/{row.public_id}/choose")
    ada.post(f"/proposals/{tender.public_id}/{row.public_id}/choose", {"end_grants": [ends.public_id]})

    assert f'value="{ends.public_id}" checked' not in page
    assert fresh(world, tender).state == "chosen"
    with job(world.acme.pk):
        assert set(Grant.objects.live().values_list("pk", flat=True)) == {stays.pk}


def test_given_a_sign_in_of_an_hour_ago_when_choosing_then_it_asks_who_is_there_and_comes_back_with_every_box(
    world, answered
):
    grant = world.acme.shares("hq", with_=world.northwind)
    stale = sign_in(Client(), world.acme.people["ada"], ago_s=3600)
    at = f"/proposals/{answered.public_id}/{own(world.rival, answered).public_id}/choose"

    asked_first = stale.post(at, {"end_grants": [grant.public_id]}).headers["Location"]
    back = stale.post(asked_first, {"password": PASSWORD}).headers["Location"]

    assert asked_first.startswith("/accounts/reauthenticate/?next=")
    assert fresh(world, answered).state == "open"
    assert f'value="{grant.public_id}" checked' in text(stale.get(back))


def test_given_an_access_of_another_site_when_it_is_named_with_the_choice_then_nothing_happens(world, ada, answered):
    elsewhere = world.acme.shares("branch", with_=world.northwind)
    row = own(world.rival, answered)

    response = ada.post(
        f"/proposals/{answered.public_id}/{row.public_id}/choose", {"end_grants": [elsewhere.public_id]}
    )

    assert response.status_code == 400
    assert fresh(world, answered).state == "open"


@pytest.mark.parametrize("act", ["choose", "close"])
def test_given_a_viewer_when_ending_it_then_there_is_no_button_and_posting_is_refused(world, alan, answered, act):
    row = own(world.rival, answered)
    path = f"/proposals/{answered.public_id}/" + (f"{row.public_id}/choose" if act == "choose" else "close")

    assert "<form" not in text(alan.get(path)).split("<main", 1)[1].split("</main>")[0]
    assert alan.post(path).status_code == 403
    assert f"/{act}" not in page_of(alan, answered)
    assert fresh(world, answered).state == "open"


def test_when_a_tender_is_closed_then_it_can_be_read_and_nothing_can_be_done(world, ada, answered):
    ada.post(f"/proposals/{answered.public_id}/close")

    page = page_of(ada, answered)
    assert fresh(world, answered).state == "closed"
    assert "/choose" not in page
    assert "/close" not in page
    assert "canary-rival-summary" in page


@pytest.mark.parametrize("path", ["{p}/choose", "close"])
def test_given_a_tender_that_is_over_when_it_is_ended_again_then_one_is_led_back_to_it(world, ada, answered, path):
    row = own(world.rival, answered)
    chooses(world, row)
    at = f"/proposals/{answered.public_id}/{path.format(p=row.public_id)}"

    for response in (ada.get(at), ada.post(at)):
        assert (response.status_code, response.headers["Location"]) == (302, f"/proposals/{answered.public_id}")


@pytest.mark.parametrize("path", ["{p}/choose", "close"])
def test_given_a_tender_that_is_over_when_it_is_ended_with_accesses_then_it_is_said_that_none_was_ended(
    world, ada, answered, path
):
    grant = world.acme.shares("hq", with_=world.rival, categories={HEALTH})
    row = own(world.rival, answered)
    chooses(world, row)

    at = f"/proposals/{answered.public_id}/{path.format(p=row.public_id)}"
    page = text(ada.post(at, {"end_grants": [grant.public_id]}, follow=True))

    assert "No access was ended" in page
    with acting(world.acme.viewer()):
        assert Grant.objects.live().filter(pk=grant.pk).exists()


def test_given_a_tender_whose_days_are_over_then_the_page_says_that_nothing_more_can_come(world, ada, answered):
    with job(world.acme.pk):
        Tender.objects.filter(pk=answered.pk).update(answers_until=timezone.now() - timedelta(hours=1))

    assert "No more proposals can come" in page_of(ada, answered)
    assert "Waits for your choice" in text(ada.get("/proposals"))


# ---- around it


def test_given_sent_proposals_when_the_first_page_is_opened_then_it_leads_to_the_comparison(world, ada, answered):
    home = text(ada.get("/"))

    assert f'href="/proposals/{answered.public_id}"' in home
    assert "2 proposals: Twelve switches" in home


def test_given_sent_proposals_when_the_first_page_is_opened_then_it_asks_few_questions(world, ada, answered):
    ada.get("/")

    with asked() as found:
        ada.get("/")

    assert len(found) <= QUERIES_A_PAGE, "\n".join(found.statements)


def test_given_no_proposal_that_waits_when_the_first_page_is_opened_then_it_says_nothing_of_them(world, ada, answered):
    closes(world, answered)

    assert "Twelve switches" not in text(ada.get("/"))


def test_when_a_question_was_answered_before_then_the_second_answer_is_refused_in_words(world, ada, tender):
    question = asks(world.northwind, tender, "How many ports?")
    answers(world, question, "Forty-eight")

    response = ada.post(f"/proposals/{tender.public_id}/questions/{question.pk}", {"answer": "Ninety-six"}, follow=True)

    assert "answered already" in text(response)
    assert "Ninety-six" not in text(response)
