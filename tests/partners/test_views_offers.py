"""A partner's pages of tenders and proposals: its own and nobody else's, not even that there is anybody else (A18)."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from access.models import Membership, Role, ViewingEntry
from access.principal import acting, job
from partners import tenders
from partners.models import ProposalState, Tender
from tests.cast import World
from tests.partners.pages import QUERIES_A_PAGE, asked, text
from tests.partners.tendering import answers, asks, chooses, closes, drafts, opened, own, sends


@pytest.fixture
def tender(world: World) -> Tender:
    return opened(world, world.rival, world.northwind)


@pytest.fixture
def nora(world: World, browse: Any) -> Any:
    return browse(world.northwind.people["nora"])


def paths(world: World, tender: Tender) -> list[str]:
    """Every page of northwind about it."""
    one = own(world.northwind, tender).public_id
    lists = ["tenders", "proposals", f"tenders/{tender.public_id}", f"proposals/{one}"]
    more = [f"proposals/{one}/send", f"proposals/{one}/decline"]
    files = [f"{p}?format={f}" for p in ("tenders", "proposals") for f in ("csv", "json")]
    return [f"/p/northwind/{p}" for p in (*lists, *more, *files, "triage")]


def everything(client: Any, world: World, tender: Tender) -> dict[str, str]:
    """What each page of northwind says; what is new with each answer is taken out."""
    return {p: plain(text(client.get(p, follow=True))) for p in paths(world, tender)}


def plain(body: str) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", body)


# ---- A18


def test_a18_given_a_rival_that_offers_asks_and_is_chosen_then_no_page_of_a_partner_differs_by_it(world, nora, tender):
    alone = opened(world, world.northwind, title="Twelve switches alone")
    for each in (tender, alone):
        sends(world.northwind, each)
    before = everything(nora, world, tender)

    row = sends(world.rival, tender, price_cents=1)
    asks(world.rival, tender, "canary-rival-question?")

    assert everything(nora, world, tender) == before
    chooses(world, row)
    closes(world, alone)
    taken, nobodys = everything(nora, world, tender), everything(nora, world, alone)
    # That the customer took somebody else's and that it took nobody's read the same.
    assert [state_words(taken[p]) for p in taken] == [state_words(nobodys[p]) for p in nobodys]
    assert "ival" not in "".join(taken.values())


def state_words(page: str) -> list[str]:
    main = page.split("<main", 1)[-1].split("</main>")[0]
    return sorted(set(re.findall(r"chip (?:\w+)|Not taken|did not take|Over since|chosen|Chosen", main)))


def test_a18_when_another_partner_is_invited_too_then_every_page_stays_the_same(world, browse):
    """The same tender twice, once alone: what differs is its id and its moment."""
    alone, among = (
        opened(world, world.northwind),
        opened(world, world.northwind, world.rival, world.third),
    )
    for company in (world.rival, world.third):
        sends(company, among, text="canary-theirs")
    nora = browse(world.northwind.people["nora"])

    bodies = []
    for tender in (alone, among):
        body = text(nora.get(f"/p/northwind/tenders/{tender.public_id}"))
        body = body.replace(tender.public_id, "TE").replace(own(world.northwind, tender).public_id, "PR")
        bodies.append(re.sub(r"<time.*?</time>", "", plain(body)))

    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("page", ["tenders/{t}", "tenders/{t}/ask", "proposals/{p}", "proposals/{p}/send"])
def test_a4_given_a_partner_that_is_not_invited_then_its_answer_is_that_of_a_thing_that_is_not_there(
    world, browse, tender, page
):
    theo = browse(world.third.people["theo"])
    row = sends(world.northwind, tender)
    theirs = "/p/third/" + page.format(t=tender.public_id, p=row.public_id)
    nobodys = "/p/third/" + page.format(t="te-2222222222", p="pr-2222222222")

    for call in (theo.get, theo.post):
        one, other = call(theirs), call(nobodys)
        assert (one.status_code, one.content) == (other.status_code, other.content)
        assert one.status_code in {404, 405}
    assert "Twelve switches" not in text(theo.get("/p/third/tenders")) + text(theo.get("/p/third/proposals"))


@pytest.mark.parametrize("verb", ["", "/send", "/decline"])
def test_given_a_rivals_proposal_when_it_is_opened_or_written_to_then_it_is_not_there(world, browse, tender, verb):
    row = drafts(world.northwind, tender)
    rita = browse(world.rival.people["rita"])
    path = f"/p/rival/proposals/{row.public_id}{verb}"

    assert (rita.get(path).status_code, rita.post(path, {"summary": "Ours"}).status_code) == (404, 404)
    assert own(world.northwind, tender).state == ProposalState.DRAFT


# ---- the inbox


def test_given_nobody_asks_when_the_inbox_is_opened_then_it_says_so(world, nora):
    assert "No customer is asking now." in text(nora.get("/p/northwind/tenders"))


def test_when_a_tender_is_opened_then_the_fact_sheet_has_the_numbers_of_its_day_and_no_name(world, nora):
    world.acme.installs("canary-sw", site="hq", serial="canary-serial", vendor="Edge", model="canary-model")
    tender = opened(world, world.northwind)
    world.acme.installs("later", site="hq")

    page = plain(text(nora.get(f"/p/northwind/tenders/{tender.public_id}")))
    page = re.sub(r"\b[a-z]{2}-\w{10}\b", "", page)  # a random token or id may happen to spell the site's name

    assert "canary-wish" in page
    assert "<dt>Devices</dt><dd>1</dd>" in page
    assert "canary-sw" not in page
    assert "canary-serial" not in page
    assert "canary-model" not in page
    assert "hq" not in page


def test_when_the_inbox_or_a_tender_is_read_then_the_customers_log_names_the_reader(world, nora, tender):
    nora.get(f"/p/northwind/tenders/{tender.public_id}")
    nora.get("/p/northwind/tenders?format=csv")

    viewer = world.acme.viewer()
    with acting(viewer):
        found = ViewingEntry.objects.visible_to(viewer).filter(object_kind="tender")
        assert set(found.values_list("person_name", "way")) == {("Nora", "page"), ("Nora", "export")}


def test_given_a_colleague_narrowed_to_other_customers_then_there_is_nothing_for_her(world, browse, tender):
    world.northwind.joins("sally", Role.SALES)
    boss = world.northwind.viewer()
    with acting(boss):
        Membership.objects.filter(user=world.northwind.people["sally"]).update(only_customers=[str(world.globex.pk)])
    sally = browse(world.northwind.people["sally"])

    assert "Twelve switches" not in text(sally.get("/p/northwind/tenders")) + text(sally.get("/p/northwind/proposals"))
    assert sally.get(f"/p/northwind/tenders/{tender.public_id}").status_code == 404
    assert sally.get(f"/p/northwind/proposals/{own(world.northwind, tender).public_id}").status_code == 404


# ---- questions


def test_when_a_partner_asks_then_its_question_waits_and_a_rival_reads_it_only_with_its_answer(
    world, nora, browse, tender
):
    rita = browse(world.rival.people["rita"])
    at = f"/tenders/{tender.public_id}"

    nora.post(f"/p/northwind{at}/ask", {"question": "How many ports?"})
    mine, theirs = text(nora.get(f"/p/northwind{at}")), text(rita.get(f"/p/rival{at}"))
    assert ("How many ports?" in mine, "not answered yet" in mine, "How many ports?" in theirs) == (True, True, False)

    viewer = world.acme.viewer()
    with acting(viewer):
        [question] = tenders.questions(tender, viewer=viewer)
    answers(world, question, "Forty-eight")
    theirs = text(rita.get(f"/p/rival{at}"))
    assert ("Forty-eight" in theirs, "orthwind" in theirs) == (True, False)


def test_given_an_empty_question_when_asked_then_nothing_is_saved(world, nora, tender):
    page = text(nora.post(f"/p/northwind/tenders/{tender.public_id}/ask", {"question": "  "}))

    assert "Nothing was saved" in page


def test_given_a_tender_that_is_over_then_it_is_read_and_not_asked_about(world, nora, tender):
    closes(world, tender)

    page = text(nora.get(f"/p/northwind/tenders/{tender.public_id}"))
    refused = nora.post(f"/p/northwind/tenders/{tender.public_id}/ask", {"question": "Why?"}, follow=True)

    assert "no longer waits for proposals" in page
    assert "<textarea" not in page
    assert "This tender is over" in text(refused)


# ---- drafting and sending


DRAFT = {
    "summary": "Twelve switches",
    "price": "9400.50",
    "yearly": "600",
    "currency": "EUR",
    "work_hours": "16",
    "starts_on": "2027-01-04",
    "survives_one_failure": "yes",
    "text": "We begin in January.",
}


def draft_at(world: World, tender: Tender) -> str:
    return f"/p/northwind/proposals/{own(world.northwind, tender).public_id}"


def test_when_a_draft_is_saved_then_it_is_there_with_money_in_cents_and_the_form_shows_it_again(world, nora, tender):
    at = draft_at(world, tender)

    nora.post(at, DRAFT)
    row, page = own(world.northwind, tender), text(nora.get(at))

    assert (row.state, row.price_cents, row.yearly_cents, row.work_hours) == ("draft", 940_050, 60_000, 16)
    assert (row.survives_one_failure, str(row.starts_on)) == (True, "2027-01-04")
    assert all(words in page for words in ('value="9400.5', 'value="2027-01-04"', "We begin in January."))


def test_when_a_draft_leaves_things_empty_then_they_are_not_stated(world, nora, tender):
    nora.post(draft_at(world, tender), {"summary": "Twelve switches", "currency": "EUR"})

    row = own(world.northwind, tender)
    assert (row.price_cents, row.work_hours, row.survives_one_failure, row.starts_on) == (None, None, None, None)


@pytest.mark.parametrize(
    ("prices", "amount", "note"),
    [
        ({"price_cents": 9_400_05, "yearly_cents": 600_00}, "11200.05", ""),
        ({"price_cents": 9_400_05}, None, "no yearly price stated"),
    ],
)
def test_when_a_partner_takes_its_proposals_as_a_file_then_the_sum_is_a_number_too_if_no_part_of_it_is_left_out(
    world, nora, tender, prices, amount, note
):
    drafts(world.northwind, tender, currency="EUR", **prices)

    [row] = nora.get("/p/northwind/proposals?format=json").json()

    assert (row["cost_3_years_amount"], row["currency"], row["cost_3_years_note"]) == (amount, "EUR", note)
    assert row["cost_3_years"].endswith(" EUR")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("summary", ""),
        ("price", "-1"),
        ("price", "NaN"),
        ("price", "1e20"),
        ("price", "1.005"),
        ("currency", "euro"),
        ("work_hours", "99999"),
        ("starts_on", "soon"),
        ("survives_one_failure", "perhaps"),
    ],
)
def test_given_a_value_that_cannot_be_when_saved_then_the_field_is_named_and_the_words_are_kept(
    world, nora, tender, field, value
):
    page = text(nora.post(draft_at(world, tender), DRAFT | {field: value}))

    assert "Nothing was saved" in page
    assert "We begin in January." in page
    assert own(world.northwind, tender).state == ProposalState.INVITED


def test_when_it_is_to_be_sent_then_a_page_shows_what_the_customer_will_read_and_one_button_sends_it(
    world, nora, browse, tender
):
    at = draft_at(world, tender)

    onward = nora.post(at, DRAFT | {"send": "1"})
    page = text(nora.get(f"{at}/send"))
    before = own(world.northwind, tender).state
    nora.post(f"{at}/send")

    assert onward.headers["Location"] == f"{at}/send"
    assert "11,200.50 EUR" in page
    assert (before, own(world.northwind, tender).state) == (ProposalState.DRAFT, ProposalState.SENT)
    assert "Twelve switches" in text(browse(world.acme.people["ada"]).get(f"/proposals/{tender.public_id}"))


def seen_on(page: str) -> str:
    found = re.search(r'name="seen" value="(\w+)"', page)
    assert found is not None
    return found[1]


def test_given_a_colleague_who_changes_the_draft_while_it_is_read_over_when_it_is_sent_then_nothing_goes_out_unread(
    world, nora, tender
):
    at = draft_at(world, tender)
    nora.post(at, DRAFT)
    read = seen_on(text(nora.get(f"{at}/send")))
    drafts(world.northwind, tender, price_cents=1)

    answer = nora.post(f"{at}/send", {"seen": read}, follow=True)

    assert own(world.northwind, tender).state == ProposalState.DRAFT
    assert "changed it since you read it" in text(answer)
    assert "0.01" in text(answer)  # what would be sent now
    nora.post(f"{at}/send", {"seen": seen_on(text(answer))})
    assert own(world.northwind, tender).state == ProposalState.SENT


def test_given_two_who_write_at_once_when_the_second_saves_then_the_first_s_words_are_not_lost_unasked(
    world, nora, tender
):
    at = draft_at(world, tender)
    read = seen_on(text(nora.get(at)))
    drafts(world.northwind, tender, text="Of a colleague")

    page = text(nora.post(at, DRAFT | {"seen": read}))

    assert "A colleague has saved another draft meanwhile" in page
    assert "We begin in January." in page
    assert own(world.northwind, tender).text == "Of a colleague"
    nora.post(at, DRAFT | {"seen": seen_on(page)})
    assert own(world.northwind, tender).text == DRAFT["text"]


def test_given_an_engineer_when_a_proposal_is_due_then_he_drafts_it_and_others_send_it(world, browse, tender):
    nils = browse(world.northwind.people["nils"])
    at = draft_at(world, tender)

    onward = nils.post(at, DRAFT | {"send": "1"})
    page = text(nils.get(at))
    refused = [text(nils.post(f"{at}/{verb}", follow=True)) for verb in ("send", "decline")]

    assert onward.headers["Location"] == at
    assert "Admins and sales of your company send it" in page
    assert f"{at}/decline" not in page
    assert all("Admins and sales of your company send or decline a proposal" in words for words in refused)
    assert own(world.northwind, tender).state == ProposalState.DRAFT


def test_given_sales_when_a_proposal_is_drafted_then_they_send_it(world, browse, tender):
    world.northwind.joins("sally", Role.SALES)
    sally = browse(world.northwind.people["sally"])
    at = draft_at(world, tender)
    sally.post(at, DRAFT)

    sally.post(f"{at}/send")

    assert own(world.northwind, tender).state == ProposalState.SENT


def test_when_it_was_sent_then_the_page_reads_it_and_changes_nothing(world, nora, tender):
    sends(world.northwind, tender, price_cents=1)
    at = draft_at(world, tender)

    page = text(nora.get(at))
    nora.post(at, DRAFT)

    assert "<textarea" not in page
    assert own(world.northwind, tender).price_cents == 1
    assert nora.get(f"{at}/send").headers["Location"] == at


def test_when_a_partner_declines_then_its_draft_is_gone_and_the_page_says_so(world, nora, tender):
    drafts(world.northwind, tender, text="canary-draft")
    at = draft_at(world, tender)

    asked_first = text(nora.get(f"{at}/decline"))
    nora.post(f"{at}/decline")

    assert "Send no proposal" in asked_first
    assert own(world.northwind, tender).state == ProposalState.DECLINED
    assert "canary-draft" not in text(nora.get(at))


def test_given_a_tender_whose_days_are_over_then_the_draft_is_read_only(world, nora, tender):
    drafts(world.northwind, tender)
    with job(world.acme.pk):
        Tender.objects.filter(pk=tender.pk).update(answers_until=timezone.now() - timedelta(hours=1))
    at = draft_at(world, tender)

    assert "never saw it" in text(nora.get(at))
    nora.post(f"{at}/send")
    assert own(world.northwind, tender).state == ProposalState.DRAFT


def test_given_a_draft_that_is_saved_too_late_then_the_page_says_so_and_keeps_what_was_typed(world, nora, tender):
    drafts(world.northwind, tender)
    with job(world.acme.pk):
        Tender.objects.filter(pk=tender.pk).update(answers_until=timezone.now() - timedelta(hours=1))

    page = text(nora.post(draft_at(world, tender), {"summary": "An hour of typing", "currency": "EUR"}))

    assert "Answers were awaited until" in page
    assert "An hour of typing" in page
    assert own(world.northwind, tender).summary == "canary-northwind-summary"


@pytest.mark.parametrize("act", ["send", "decline"])
def test_given_a_tender_that_is_over_when_a_partner_answers_then_it_is_told_that_it_came_too_late(
    world, nora, tender, act
):
    drafts(world.northwind, tender)
    closes(world, tender)

    page = text(nora.post(f"{draft_at(world, tender)}/{act}", follow=True))

    assert "is over" in page
    assert own(world.northwind, tender).sent_at is None


@pytest.mark.parametrize(("end", "words"), [("mine", "chose your proposal"), ("close", "did not take your proposal")])
def test_when_it_is_over_then_a_partner_reads_its_own_outcome(world, nora, tender, end, words):
    row = sends(world.northwind, tender)
    if end == "mine":
        chooses(world, row)
    else:
        closes(world, tender)

    assert words in text(nora.get(draft_at(world, tender)))


# ---- budgets and the menu


@pytest.mark.parametrize("number", range(6))
def test_when_a_partner_opens_its_pages_then_each_asks_few_questions_however_many_tenders_there_are(
    world, nora, tender, number
):
    drafts(world.northwind, tender)
    path = paths(world, tender)[number]
    nora.get(path)
    with asked() as few:
        assert nora.get(path).status_code == 200
    for _ in range(5):
        opened(world, world.northwind, world.rival)
    with asked() as many:
        nora.get(path)

    assert len(many) == len(few) <= QUERIES_A_PAGE, "\n".join(many.statements)


def test_when_tenders_wait_for_an_answer_then_the_menu_counts_them_and_not_those_that_were_answered(
    world, nora, tender
):
    opened(world, world.northwind)
    waiting = menu(text(nora.get("/p/northwind/team")))
    sends(world.northwind, tender)

    assert (waiting, menu(text(nora.get("/p/northwind/team")))) == ("2", "1")


def menu(page: str) -> str:
    found = re.search(r'<span>Tenders</span><span class="n">(\d+)', page)
    return found.group(1) if found else ""
