"""Where alerts go: the same pages for partners and customers, each seeing its own; secrets once; replay through the gate."""

import pytest
from django.core import mail

from access.principal import acting, job
from partners import destinations
from partners.forwarding import sending
from partners.models import Delivery, Destination
from telemetry import jobs
from tests.cast import HEALTH, World
from tests.partners.pages import QUERIES_A_PAGE, asked, text

HOOKS = "/p/northwind/settings/webhooks"


@pytest.fixture
def nora(world: World, browse):
    return browse(world.northwind.people["nora"])


@pytest.fixture
def hook(world: World) -> Destination:
    viewer = world.northwind.viewer()
    with acting(viewer):
        row, _ = destinations.add_webhook(
            owner=world.northwind.organization, url="https://canary-hook.example.com/in", name="Tickets", by=viewer
        )
    return row


def now(world: World, row: Destination) -> Destination:
    with job(world.northwind.pk):
        return Destination.objects.get(pk=row.pk)


def sent_to_northwind(world: World) -> Delivery:
    """An alert at a site that is shared with alerts goes out to nora by mail."""
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, forward_alerts=True)
    world.acme.raises(world.acme.installs("canary-sw", site="hq"), title="canary-title")
    jobs.run_due("transition.recorded")
    sending.send_due()
    with job(world.northwind.pk, world.acme.pk):
        return Delivery.objects.select_related("destination", "grant").get(grant=grant, subject="alert")


def test_when_a_partner_opens_its_destinations_then_it_sees_its_own_alone(world, nora, browse, hook):
    page = text(nora.get(HOOKS))

    assert "canary-hook.example.com" in page
    assert "Waiting for the receiver to answer our test" in page
    assert "rita@example.com" not in page
    assert "canary-hook" not in text(browse(world.rival.people["rita"]).get("/p/rival/settings/webhooks"))


def test_given_a_customer_when_it_opens_notifications_then_it_sees_its_own_alone(world, browse, hook):
    page = text(browse(world.acme.people["ada"]).get("/settings/notifications"))

    assert "ada@example.com" in page
    assert "canary-hook" not in page


def test_a4_given_anothers_destination_and_one_that_never_was_then_the_answers_are_equal(world, browse, hook):
    rita = browse(world.rival.people["rita"])

    theirs = rita.get(f"/p/rival/settings/webhooks/{hook.public_id}")
    nobodys = rita.get("/p/rival/settings/webhooks/de-2222222222")

    assert (theirs.status_code, theirs.content) == (404, nobodys.content)


def test_when_a_webhook_is_added_then_its_secret_is_in_that_answer_and_in_no_other(world, nora):
    answer = text(
        nora.post(f"{HOOKS}/webhook", {"name": "Tickets", "url": "https://hooks.example.com/x", "minimum": "3"})
    )

    secret = answer.split("<code>")[1].split("</code>")[0]
    assert secret.startswith("whsec_")
    viewer = world.northwind.viewer()
    with acting(viewer):
        row = Destination.objects.get(kind="webhook")
    assert row.minimum_severity == 3
    for path in (HOOKS, f"{HOOKS}/{row.public_id}"):
        assert secret not in text(nora.get(path))


def test_when_the_address_is_inside_then_it_is_refused_in_words_and_nothing_is_kept(world, nora):
    answer = text(nora.post(f"{HOOKS}/webhook", {"url": "https://10.0.0.1/x", "minimum": "2"}))

    assert "The address needs a full host name" in answer
    with job(world.northwind.pk):
        assert not Destination.objects.filter(owner=world.northwind.pk, kind="webhook").exists()


def test_when_mail_is_added_then_only_members_of_the_company_can_be_chosen(world, nora):
    form = text(nora.get(f"{HOOKS}/email"))
    stranger = nora.post(f"{HOOKS}/email", {"member": "me-2222222222", "minimum": "2"})

    assert "nils@example.com" in form
    assert "rita@example.com" not in form
    assert "Nothing was saved" in text(stranger)


def test_when_mail_to_a_colleague_is_added_then_it_is_there(world, nora):
    from access.models import Membership

    viewer = world.northwind.viewer()
    with acting(viewer):
        nils = Membership.objects.get(organization=world.northwind.pk, user=world.northwind.people["nils"])

    nora.post(f"{HOOKS}/email", {"member": nils.public_id, "minimum": "4"})

    with acting(viewer):
        assert Destination.objects.get(email="nils@example.com").minimum_severity == 4


def test_when_the_secret_is_replaced_then_the_new_one_is_shown_and_both_sign_for_a_day(world, nora, hook):
    answer = text(nora.post(f"{HOOKS}/{hook.public_id}/secret"))

    assert "whsec_" in answer
    row = now(world, hook)
    assert row.old_secret_until is not None
    assert bytes(row.secret) != bytes(hook.secret)


def test_when_changed_then_severity_and_switch_are_kept(world, nora, hook):
    nora.post(f"{HOOKS}/{hook.public_id}", {"name": "Calls", "minimum": "4"})

    row = now(world, hook)
    assert (row.name, row.minimum_severity, row.enabled) == ("Calls", 4, False)


def test_when_tested_then_a_challenge_waits_to_be_sent(world, nora, hook):
    nora.post(f"{HOOKS}/{hook.public_id}/test")

    with job(world.northwind.pk):
        assert Delivery.objects.filter(destination=hook, event="destination.verification").count() == 2


def test_when_removed_then_it_is_gone_from_the_page(world, nora, hook):
    confirm = nora.get(f"{HOOKS}/{hook.public_id}/remove")
    nora.post(f"{HOOKS}/{hook.public_id}/remove")

    assert "What waits to be sent there is dropped." in text(confirm)
    assert "canary-hook" not in text(nora.get(HOOKS))


@pytest.mark.parametrize("act", ["", "/test", "/secret", "/remove"])
def test_given_a_sales_person_when_posting_then_it_is_refused(world, browse, hook, act):
    sally = browse(world.northwind.joins("sally", "sales"))

    response = sally.post(f"{HOOKS}/{hook.public_id}{act}", {"name": "x", "minimum": "2"})

    assert response.status_code == 403
    assert now(world, hook).name == "Tickets"


def test_when_something_was_sent_then_the_log_shows_it_with_its_tries_and_without_its_content(world, nora):
    sent_to_northwind(world)
    assert "canary-title" in mail.outbox[-1].subject + mail.outbox[-1].body

    page = text(nora.get(HOOKS))

    assert "An alert was raised" in page
    assert "Delivered" in page
    assert "Acme" in page
    assert "canary" not in page


def test_when_replayed_then_it_is_sent_once_more(world, nora):
    delivery = sent_to_northwind(world)
    before = len(mail.outbox)

    nora.post(f"{HOOKS}/{delivery.destination.public_id}/deliveries/{delivery.public_id}/replay")
    sending.send_due()

    assert len(mail.outbox) == before + 1


def test_a10_given_access_that_ended_when_replayed_then_nothing_goes_out(world, nora):
    delivery = sent_to_northwind(world)
    world.acme.revokes(delivery.grant)
    before = len(mail.outbox)

    nora.post(f"{HOOKS}/{delivery.destination.public_id}/deliveries/{delivery.public_id}/replay")
    sending.send_due()

    assert len(mail.outbox) == before
    with job(world.northwind.pk):
        assert Delivery.objects.get(pk=delivery.pk).reason == "grant_ended"


def test_when_another_company_replays_it_then_it_does_not_exist(world, browse):
    delivery = sent_to_northwind(world)

    address = f"/p/rival/settings/webhooks/{delivery.destination.public_id}/deliveries/{delivery.public_id}/replay"

    assert browse(world.rival.people["rita"]).post(address).status_code == 404


def test_given_thirty_customers_then_the_queries_stay_few(many, browse):
    client = browse(many.northwind.people["nora"])
    with job(many.northwind.pk):
        row = Destination.objects.get(owner=many.northwind.pk)

    for path in (HOOKS, f"{HOOKS}/{row.public_id}"):
        with asked() as queries:
            assert client.get(path).status_code == 200
        assert len(queries) <= QUERIES_A_PAGE, queries.statements
