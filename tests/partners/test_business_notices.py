"""Mails about tenders, proposals and contracts: each side hears of its own, nobody of anybody else."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.utils import timezone

from access.models import Membership, Organization, Role, User, ViewingEntry
from access.principal import acting, job
from partners import contracts, proposals, tenders
from partners.contracts import Paper
from partners.models import Contract, Proposal, Tender
from telemetry import jobs
from tests.cast import HEALTH, Company, World

pytestmark = pytest.mark.django_db(transaction=True)
KINDS = ("tender_invited", "tender_over", "contract_filed", "contract_ended", "proposal_sent", "question_asked")


@pytest.fixture
def world(lasting_world: World) -> World:
    lasting_world.northwind.joins("sally", Role.SALES)
    return lasting_world


@pytest.fixture
def tender(world: World) -> Tender:
    ada = world.acme.viewer("ada")
    with acting(ada):
        return tenders.open(
            site=world.acme.sites["hq"],
            title="Twelve switches",
            wish="canary-wish",
            partners=[world.northwind.organization, world.rival.organization],
            days=14,
            by=ada,
        )


def delivered() -> None:
    mail.outbox.clear()
    for kind in KINDS:
        jobs.run_due(f"notice.{kind}")


def subjects(name: str) -> list[str]:
    return [m.subject for m in mail.outbox if f"{name}@example.com" in m.to]


def everything() -> str:
    return "".join(f"{m.subject}{m.body}{m.alternatives}" for m in mail.outbox)


def sends(company: Company, tender: Tender) -> Proposal:
    viewer = company.viewer()
    with acting(viewer):
        row = proposals.visible_to(viewer).get(tender=tender)
        proposals.draft(row, by=viewer, values={"summary": f"canary-{company.slug}-offer"})
        return proposals.send(row, by=viewer)


def looks(world: World) -> set[tuple[str, str]]:
    viewer = world.acme.viewer()
    with acting(viewer):
        rows = ViewingEntry.objects.visible_to(viewer).filter(way="email", object_kind="tender")
        return set(rows.values_list("looker_name", "person_name"))


def test_when_a_tender_opens_then_the_admins_and_sales_people_of_each_partner_are_asked_and_nobody_else(world, tender):
    delivered()

    asked = ["Acme asks you for a proposal: Twelve switches"]
    assert subjects("nora") == subjects("sally") == subjects("rita") == asked
    assert {a for m in mail.outbox for a in m.to} == {"nora@example.com", "sally@example.com", "rita@example.com"}


def test_when_partners_are_asked_then_no_mail_names_another_or_what_is_wished_for(world, tender):
    delivered()

    for message in mail.outbox:
        rest = f"{message.subject}{message.body}{message.alternatives}".replace(f"acting={world.rival.slug}", "")
        assert ("Rival" in rest, "canary-wish" in rest) == (False, False)
        assert "gives you no access to data" in message.body


def test_when_a_partner_is_asked_by_mail_then_the_customer_s_log_names_who_was_written_to(world, tender):
    delivered()

    assert looks(world) == {("Northwind", "Nora"), ("Northwind", "Sally"), ("Rival", "Rita")}


def test_given_a_colleague_assigned_to_another_customer_when_asked_then_that_colleague_gets_no_mail(world, tender):
    with job(world.northwind.pk):
        of_sally = Membership.objects.filter(user=world.northwind.people["sally"])
        of_sally.update(only_customers=[str(world.globex.pk)])

    delivered()

    assert (subjects("sally"), len(subjects("nora"))) == ([], 1)


@pytest.mark.parametrize("state", ["suspended", "closed"])
def test_given_a_partner_that_was_stopped_before_the_mail_left_then_it_gets_none(world, tender, state):
    with job(world.northwind.pk):
        Organization.objects.filter(pk=world.northwind.pk).update(status=state)

    delivered()

    assert (subjects("nora"), len(subjects("rita"))) == ([], 1)


def test_given_somebody_who_left_before_the_mail_was_sent_then_that_person_gets_none(world, tender):
    User.objects.filter(email="sally@example.com").update(is_active=False)

    delivered()

    assert (subjects("sally"), len(subjects("nora"))) == ([], 1)


def test_given_a_tender_that_ended_before_the_mail_left_then_nobody_is_asked_any_more(world, tender):
    ada = world.acme.viewer("ada")
    with acting(ada):
        tenders.close(tender, by=ada)

    delivered()

    assert subjects("nora") == ["Acme no longer waits for proposals: Twelve switches"]


def test_when_a_proposal_is_chosen_then_each_reads_its_own_outcome_alone(world, tender):
    chosen = sends(world.northwind, tender)
    sends(world.rival, tender)
    delivered()
    ada = world.acme.viewer("ada")
    with acting(ada):
        tenders.choose(chosen, by=ada)

    delivered()

    assert subjects("nora") == ["Acme chose your proposal: Twelve switches"]
    assert subjects("rita") == ["Acme did not take your proposal: Twelve switches"]
    assert "canary-" not in everything()


def test_when_nobody_is_chosen_then_the_words_are_those_for_who_was_not_chosen(world, tender):
    sends(world.northwind, tender)
    sends(world.rival, tender)
    delivered()
    ada = world.acme.viewer("ada")
    with acting(ada):
        tenders.close(tender, by=ada)

    delivered()

    assert subjects("nora") == subjects("rita") == ["Acme did not take your proposal: Twelve switches"]


def test_given_a_partner_that_declined_when_the_tender_ends_then_it_hears_no_more_of_it(world, tender):
    rita, ada = world.rival.viewer(), world.acme.viewer("ada")
    with acting(rita):
        proposals.decline(proposals.visible_to(rita).get(tender=tender), by=rita)
    delivered()
    with acting(ada):
        tenders.close(tender, by=ada)

    delivered()

    assert subjects("rita") == []


def test_when_a_proposal_is_sent_then_those_who_decide_are_told_and_not_what_it_says(world, tender):
    """By a partner that holds nothing of the customer: it may not queue work of it in its own name."""
    delivered()
    sends(world.rival, tender)

    delivered()

    assert subjects("ada") == ["Rival sent a proposal: Twelve switches"]
    assert (subjects("alan"), "canary-" in everything()) == ([], False)


def test_when_a_partner_asks_twice_in_a_day_then_one_mail_says_so_and_not_who_asked(world, tender):
    rita = world.rival.viewer()
    delivered()
    with acting(rita):
        for question in ("canary-how-many?", "canary-when?"):
            proposals.ask(tenders.visible_to(rita).get(pk=tender.pk), question=question, by=rita)

    delivered()

    assert subjects("ada") == ["A question about your request: Twelve switches"]
    assert ("Rival" in everything(), "canary-" in everything()) == (False, False)


def links() -> dict[str, str]:
    """Where each mail leads, by its reader."""
    found = {}
    for message in mail.outbox:
        [link] = {w for w in message.body.split() if w.startswith(settings.PUBLIC_URL) and "unsubscribe" not in w}
        found |= {to.split("@")[0]: link.removeprefix(settings.PUBLIC_URL) for to in message.to}
    return found


def test_when_a_mail_is_about_a_tender_then_its_link_is_a_page_that_its_reader_can_open(world, tender, browse):
    everybody = {n: u for c in (world.acme, world.northwind, world.rival) for n, u in c.people.items()}
    seen = {}

    def open_all(step: str) -> None:
        delivered()
        seen[step] = {
            who: (path.rsplit("/", 1)[0], browse(everybody[who]).get(path).status_code) for who, path in links().items()
        }

    open_all("asked")
    chosen = sends(world.northwind, tender)
    open_all("sent")
    ada = world.acme.viewer("ada")
    with acting(ada):
        tenders.choose(chosen, by=ada)
    open_all("over")

    theirs = {"nora": "northwind", "sally": "northwind", "rita": "rival"}
    assert seen == {
        "asked": {who: (f"/p/{slug}/tenders", 200) for who, slug in theirs.items()},
        "sent": {"ada": ("/proposals", 200)},
        "over": {who: (f"/p/{slug}/proposals", 200) for who, slug in theirs.items()},
    }


def filed(world: World, partner: Company) -> Contract:
    ada, today = world.acme.viewer("ada"), timezone.now().date()
    with acting(ada):
        paper = Paper(title="Care", starts_on=today, ends_on=today + timedelta(days=365))
        return contracts.open(partner=partner.organization, paper=paper, by=ada)


def test_when_a_contract_goes_to_another_partner_then_each_reads_its_own_half(world):
    contract = filed(world, world.rival)
    delivered()
    before = subjects("rita")
    ada = world.acme.viewer("ada")
    with acting(ada):
        contracts.transfer(contract, to=world.northwind.organization, starts_on=timezone.now().date(), by=ada)

    delivered()

    assert before == subjects("nora") == subjects("sally") == ["Acme filed a contract with you: Care"]
    assert subjects("rita") == ["Acme ended its contract with you: Care"]
    assert all("Rival" not in f"{m.body}{m.alternatives}" for m in mail.outbox if "nora@example.com" in m.to)
    assert all("Northwind" not in f"{m.body}{m.alternatives}" for m in mail.outbox if "rita@example.com" in m.to)


def test_when_a_mail_is_about_a_contract_then_it_says_that_data_is_another_matter(world):
    filed(world, world.rival)

    delivered()

    assert "gives nobody access to data" in mail.outbox[0].body


def test_given_an_admin_assigned_elsewhere_when_access_is_given_then_that_admin_is_not_told(world):
    world.northwind.joins("nadia", Role.ADMIN)
    with job(world.northwind.pk):
        of_nadia = Membership.objects.filter(user=world.northwind.people["nadia"])
        of_nadia.update(only_customers=[str(world.globex.pk)])
    mail.outbox.clear()

    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    jobs.run_due("notice.access_given")

    assert (len(subjects("nora")), subjects("nadia")) == (1, [])
