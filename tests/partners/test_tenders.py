"""Tenders: the same facts for all who are invited; a partner never learns of another one, the customer compares by one set of rows."""

from datetime import date
from typing import Any

import pytest
from django.db import connection

from access import viewing
from access.errors import Ended, Invalid, NotAllowed
from access.models import Category, Grant, Membership, Role, ViewingEntry
from access.principal import acting, job
from access.viewing import Look
from partners import proposals, tenders
from partners.models import Proposal, ProposalState, Tender, TenderQuestion
from telemetry.models import DeviceKind, ModelLifecycle
from tests.cast import HEALTH, INVENTORY, Company, World
from tests.partners.pages import asked
from tests.partners.tendering import opened, own, sends


def compared(world: World, tender: Tender) -> list[proposals.Compared]:
    viewer = world.acme.viewer()
    with acting(viewer):
        return proposals.compare(tender, viewer=viewer)


@pytest.fixture
def tender(world: World) -> Tender:
    return opened(world, world.northwind, world.rival)


# ---- opening


def test_when_a_tender_opens_then_its_facts_are_numbers_and_stay_as_they_were(world):
    ModelLifecycle.objects.create(vendor="Edge", model="Old", end_of_support=date(2020, 1, 1))
    world.acme.installs("canary-sw", site="hq", vendor="Edge", model="Old", serial="canary-1")
    world.acme.installs("canary-fw", site="hq", kind=DeviceKind.FIREWALL)
    world.acme.installs("elsewhere", site="branch")

    tender = opened(world, world.northwind)
    world.acme.installs("later", site="hq")

    viewer = world.northwind.viewer()
    with acting(viewer):
        facts = tenders.visible_to(viewer).get(pk=tender.pk).facts
    assert facts["devices"] == 2
    assert facts["kinds"] == {"firewall": 1, "switch": 1}
    assert facts["support"] == {"supported": 0, "ends_soon": 0, "ended": 1, "unknown": 1}
    assert "canary" not in str(facts)


def test_given_many_models_when_facts_are_counted_then_they_are_looked_up_in_as_few_questions(world):
    ModelLifecycle.objects.create(vendor="edge", model="M-3", end_of_support=date(2020, 1, 1))
    viewer = world.acme.viewer()
    for number in range(6):
        world.acme.installs(f"device {number}", site="hq", vendor="Edge", model=f"m-{number}", serial=f"S{number}")

    with acting(viewer), asked() as found:
        facts = tenders.facts(world.acme.sites["hq"], by=viewer)

    assert facts["support"] == {"supported": 0, "ends_soon": 0, "ended": 1, "unknown": 5}
    assert len(found) <= 3


def test_when_a_tender_opens_then_nobody_is_given_access_by_it(world, tender):
    viewer = world.acme.viewer()

    with acting(viewer):
        assert not Grant.objects.filter(site=tender.site_id).exists()


def test_given_invited_and_other_companies_then_only_the_invited_and_the_customer_see_the_tender(world, tender):
    seen = {}
    for company in (world.acme, world.globex, world.northwind, world.rival, world.third):
        viewer = company.viewer()
        with acting(viewer):
            seen[company.organization.name] = tenders.visible_to(viewer).filter(pk=tender.pk).exists()

    assert seen == {"Acme": True, "Globex": False, "Northwind": True, "Rival": True, "Third": False}


def test_a18_given_two_invited_partners_then_neither_row_level_security_nor_the_door_shows_one_the_other(world, tender):
    sends(world.rival, tender)
    viewer = world.northwind.viewer()

    with acting(viewer):
        by_database = set(Proposal.objects.values_list("partner", flat=True))
        by_door = set(proposals.visible_to(viewer).values_list("partner", flat=True))
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM list_invited(%s)", [tender.pk])
            told = cursor.fetchone()[0]
        assert tenders.invited(tender, viewer=viewer) == []

    assert by_database == by_door == {world.northwind.pk}
    assert told == 0


def test_given_a_colleague_narrowed_to_other_customers_then_the_tender_is_not_hers(world, tender):
    world.northwind.joins("sally", Role.SALES)
    boss = world.northwind.viewer()
    with acting(boss):
        Membership.objects.filter(user=world.northwind.people["sally"]).update(only_customers=[str(world.globex.pk)])
    sally = world.northwind.viewer("sally")

    with acting(sally):
        assert not tenders.visible_to(sally).exists()
        assert not proposals.visible_to(sally).exists()


@pytest.mark.parametrize("person", ["alan", "gwen", "rita"])
def test_given_somebody_who_does_not_decide_there_when_opening_then_it_is_refused(world, person):
    viewer = {"alan": world.acme, "gwen": world.globex, "rita": world.rival}[person].viewer(person)

    with acting(viewer), pytest.raises(NotAllowed):
        tenders.open(
            site=world.acme.sites["hq"], title="x", wish="y", partners=[world.rival.organization], days=7, by=viewer
        )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": " "}, "title"),
        ({"wish": ""}, "wish"),
        ({"days": 0}, "days"),
        ({"days": 91}, "days"),
        ({"partners": []}, "partners"),
        ({"partners": "twice"}, "partners"),
        ({"partners": "customer"}, "partners"),
    ],
)
def test_given_a_wish_that_cannot_be_when_opening_then_the_field_is_named(world, changes, field):
    lists = {"twice": [world.rival.organization] * 2, "customer": [world.globex.organization]}
    facts: dict[str, Any] = {"title": "x", "wish": "y", "partners": [world.rival.organization], "days": 7} | changes
    if isinstance(facts["partners"], str):
        facts["partners"] = lists[facts["partners"]]
    viewer = world.acme.viewer()

    with acting(viewer), pytest.raises(Invalid) as no:
        tenders.open(site=world.acme.sites["hq"], by=viewer, **facts)

    assert no.value.field == field


# ---- questions


def asks(company: Company, tender: Tender, question: str = "How many ports?") -> TenderQuestion:
    viewer = company.viewer()
    with acting(viewer):
        return proposals.ask(tender, question=question, by=viewer)


def read_by(company: Company, tender: Tender) -> list[str]:
    viewer = company.viewer()
    with acting(viewer):
        return [q.question for q in tenders.questions(tender, viewer=viewer)]


def test_when_one_partner_asks_then_the_other_reads_it_only_once_it_is_answered(world, tender):
    question = asks(world.northwind, tender)
    before = read_by(world.rival, tender)
    viewer = world.acme.viewer()

    with acting(viewer):
        tenders.answer(question, text="Forty-eight", by=viewer)

    assert (before, read_by(world.rival, tender)) == ([], ["How many ports?"])
    assert read_by(world.third, tender) == []


def test_a18_given_an_unanswered_question_of_another_then_row_level_security_alone_hides_it(world, tender):
    asks(world.northwind, tender)
    viewer = world.rival.viewer()

    with acting(viewer):
        assert TenderQuestion.objects.count() == 0


def test_when_a_question_is_answered_twice_then_the_first_answer_stays(world, tender):
    question = asks(world.northwind, tender)
    viewer = world.acme.viewer()

    with acting(viewer):
        tenders.answer(question, text="Forty-eight", by=viewer)
        with pytest.raises(Ended):
            tenders.answer(question, text="Ninety-six", by=viewer)


def test_given_a_partner_that_is_not_invited_when_asking_then_it_is_refused(world, tender):
    viewer = world.third.viewer()

    with acting(viewer), pytest.raises(NotAllowed):
        proposals.ask(tender, question="Who else?", by=viewer)


def test_given_twenty_questions_of_one_partner_when_it_asks_another_then_it_is_refused(world, tender):
    for number in range(proposals.MOST_QUESTIONS):
        asks(world.northwind, tender, f"Question {number}?")

    with pytest.raises(Invalid):
        asks(world.northwind, tender)


# ---- drafting, sending, declining


def test_given_a_draft_when_the_customer_looks_then_neither_door_nor_database_shows_it(world, tender):
    viewer, row = world.northwind.viewer(), own(world.northwind, tender)
    with acting(viewer):
        proposals.draft(row, by=viewer, values={"text": "canary-draft", "price_cents": 1})
    ada = world.acme.viewer()

    with acting(ada):
        assert not Proposal.objects.filter(pk=row.pk).exists()
        assert not proposals.visible_to(ada).filter(pk=row.pk).exists()
        told = {i.partner.slug: i.state for i in tenders.invited(tender, viewer=ada)}
    assert told == {"northwind": "invited", "rival": "invited"}


def test_when_a_proposal_is_sent_then_the_customer_reads_it_and_it_changes_no_more(world, tender):
    row = sends(world.northwind, tender, price_cents=940_000)
    viewer = world.northwind.viewer()

    assert [c.proposal.price_cents for c in compared(world, tender)] == [940_000]
    with acting(viewer):
        with pytest.raises(Ended):
            proposals.draft(row, by=viewer, values={"price_cents": 1})
        with pytest.raises(Ended):
            proposals.send(row, by=viewer)


def test_given_a_draft_without_a_summary_when_sending_then_it_is_asked_for(world, tender):
    viewer, row = world.northwind.viewer(), own(world.northwind, tender)

    with acting(viewer), pytest.raises(Invalid) as no:
        proposals.send(row, by=viewer)

    assert no.value.field == "summary"


def test_when_a_partner_declines_then_its_draft_is_emptied_and_the_customer_learns_it(world, tender):
    viewer, row = world.northwind.viewer(), own(world.northwind, tender)
    with acting(viewer):
        proposals.draft(row, by=viewer, values={"text": "canary-draft"})
        proposals.decline(row, by=viewer)
    ada = world.acme.viewer()

    with acting(ada):
        kept = Proposal.objects.get(pk=row.pk)
        told = {i.partner.slug: i.state for i in tenders.invited(tender, viewer=ada)}
    assert (kept.text, kept.state) == ("", ProposalState.DECLINED)
    assert told["northwind"] == "declined"


def test_given_a_tender_whose_days_are_over_when_sending_then_it_is_too_late(world, tender):
    row = own(world.northwind, tender)
    with job(world.acme.pk):
        Tender.objects.filter(pk=tender.pk).update(answers_until="2026-01-01T00:00:00Z")
    viewer = world.northwind.viewer()

    with acting(viewer), pytest.raises(Ended):
        proposals.draft(row, by=viewer, values={"summary": "Late"})


def test_given_anothers_proposal_when_writing_then_it_is_refused(world, tender):
    row = own(world.northwind, tender)

    for company in (world.rival, world.acme):
        viewer = company.viewer()
        with acting(viewer), pytest.raises(NotAllowed):
            proposals.draft(row, by=viewer, values={"summary": "Ours"})


def test_given_a_field_that_is_no_part_of_a_proposal_when_drafting_then_it_is_refused(world, tender):
    viewer, row = world.northwind.viewer(), own(world.northwind, tender)

    with acting(viewer), pytest.raises(Invalid):
        proposals.draft(row, by=viewer, values={"state": "chosen"})


# ---- comparing and ending


def test_when_proposals_are_compared_then_they_stand_by_name_and_labels_name_single_facts(world):
    tender = opened(world, world.rival, world.northwind, world.third)
    sends(world.rival, tender, price_cents=100, yearly_cents=10, work_hours=30, survives_one_failure=False)
    sends(world.northwind, tender, price_cents=50, yearly_cents=40, work_hours=20, survives_one_failure=True)
    sends(world.third, tender)

    rows = compared(world, tender)

    assert [r.proposal.partner.slug for r in rows] == ["northwind", "rival", "third"]
    assert [r.cost_cents for r in rows] == [170, 130, None]
    assert [r.labels for r in rows] == [["fewest_hours", "only_one_that_survives_a_failure"], ["lowest_price"], []]


@pytest.mark.parametrize(("currency", "price"), [("CHF", 1), ("EUR", 100)])
def test_given_two_currencies_or_equal_prices_when_compared_then_none_is_the_lowest(world, tender, currency, price):
    sends(world.rival, tender, price_cents=100, yearly_cents=0)
    sends(world.northwind, tender, price_cents=price, yearly_cents=0, currency=currency)

    assert [r.labels for r in compared(world, tender)] == [[], []]


def test_given_two_starts_in_the_past_when_compared_then_none_is_the_earliest(world, tender):
    sends(world.rival, tender, starts_on=date(2001, 1, 1))
    sends(world.northwind, tender, starts_on=date(2002, 1, 1))

    assert [r.labels for r in compared(world, tender)] == [[], []]


@pytest.mark.parametrize(("left_out", "lowest"), [("yearly_cents", False), ("price_cents", False), ("", True)])
def test_given_half_a_price_when_compared_then_what_is_left_out_is_not_free(world, tender, left_out, lowest):
    cheap = {"price_cents": 1, "yearly_cents": 1}
    sends(world.rival, tender, price_cents=100, yearly_cents=100)
    sends(world.northwind, tender, **{k: v for k, v in cheap.items() if k != left_out})

    assert [r.labels for r in compared(world, tender)] == [["lowest_price"] if lowest else [], []]


def test_when_compared_then_what_each_partner_sees_comes_from_its_grant_alone(world, tender):
    world.acme.shares("hq", with_=world.rival, categories={HEALTH, INVENTORY})
    sends(world.rival, tender)
    sends(world.northwind, tender)

    assert {r.proposal.partner.slug: r.sees for r in compared(world, tender)} == {
        "northwind": [],
        "rival": [INVENTORY, HEALTH],
    }


def test_when_a_proposal_is_chosen_then_each_partner_learns_its_own_outcome_alone(world, tender):
    row = sends(world.northwind, tender)
    sends(world.rival, tender)
    viewer = world.acme.viewer()

    with acting(viewer):
        tenders.choose(row, by=viewer)

    assert own(world.northwind, tender).state == ProposalState.CHOSEN
    assert own(world.rival, tender).state == ProposalState.NOT_CHOSEN


def test_when_a_tender_ends_then_drafts_can_no_longer_be_sent(world, tender):
    viewer, row = world.northwind.viewer(), own(world.northwind, tender)
    with acting(viewer):
        proposals.draft(row, by=viewer, values={"summary": "Soon"})
    ada = world.acme.viewer()
    with acting(ada):
        tenders.close(tender, by=ada)

    with acting(viewer), pytest.raises(Ended):
        proposals.send(row, by=viewer)
    with acting(ada), pytest.raises(Ended):
        tenders.close(tender, by=ada)


def test_when_a_tender_is_closed_then_accesses_stay_until_somebody_ends_them(world, tender):
    grant = world.acme.shares("hq", with_=world.rival, categories={INVENTORY})
    viewer = world.acme.viewer()

    with acting(viewer):
        tenders.close(tender, by=viewer)
        assert Grant.objects.live().filter(pk=grant.pk).exists()


def test_given_a_draft_when_the_customer_chooses_it_then_it_cannot_be_chosen(world, tender):
    row = own(world.northwind, tender)
    viewer = world.acme.viewer()

    with acting(viewer), pytest.raises(Ended):
        tenders.choose(row, by=viewer)


def test_given_an_invited_partner_without_access_when_it_looks_then_its_look_can_be_written_down(world, tender):
    viewer = world.rival.viewer()
    with acting(viewer):
        viewing.record(
            viewer,
            [Look(tender.customer_id, Category.ANY, None, "tender", tender.title, [tender.public_id])],
            way="api",
        )

    ada = world.acme.viewer()
    with acting(ada):
        assert ViewingEntry.objects.visible_to(ada).filter(object_kind="tender", looker=world.rival.pk).count() == 1
