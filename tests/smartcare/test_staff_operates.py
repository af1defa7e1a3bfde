"""What an operator does without a database prompt: open a partner, switch a person off and on."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.core import mail
from django.test import Client

from access import accounts, onboarding
from access.errors import Invalid
from access.models import AuditEntry, Invitation, Membership, Organization, Role, Scope, User
from access.principal import acting, job
from partners.models import Destination
from telemetry import jobs
from tests.cast import World, make_user
from tests.partners.pages import text
from tests.signing_in import sign_in

NEW = {"name": "Brightwire", "city": "Lyon", "email": "bea@brightwire.example"}


@pytest.fixture
def sam(world: World) -> Client:
    return sign_in(Client(), world.sam)


def opened() -> Organization:
    return Organization.objects.get(name="Brightwire")


def people(client: Client, email: str, do: str) -> str:
    return text(client.post("/staff/people", {"email": email, "do": do}, follow=True))


def test_when_staff_open_a_partner_then_it_is_there_and_its_admin_is_invited(world, sam):
    answer = sam.post("/staff/partners", NEW)

    with acting(world.acme.viewer()):
        partner = opened()
    assert answer["Location"] == f"/staff/partners/{partner.public_id}"
    assert (partner.kind, partner.city, partner.slug, partner.group is not None) == (
        "partner",
        "Lyon",
        "brightwire",
        True,
    )
    with job(partner.pk):
        invitation = Invitation.objects.get(organization=partner)
        actions = list(
            AuditEntry.objects.filter(customer=partner.pk).order_by("seq").values_list("action", "actor_name")
        )
    assert (invitation.email, invitation.role) == (NEW["email"], Role.ADMIN)
    assert actions == [("partner.opened", "Sam"), ("invitation.made", "Sam")]


def test_when_the_invited_admin_joins_then_he_is_in_charge_and_gets_its_alerts(world, sam):
    mail.outbox.clear()
    sam.post("/staff/partners", NEW)
    jobs.run_due("notice.invited")
    link = re.search(r"/invitations/[\w-]+", mail.outbox[-1].body).group()
    bea = make_user("bea")

    sign_in(Client(), bea).post(link)

    with job(opened_pk(world)):
        assert Membership.objects.get(user=bea).role == Role.ADMIN
        assert Destination.objects.get(owner=opened_pk(world)).member_id == bea.pk


def opened_pk(world: World):
    with acting(world.acme.viewer()):
        return opened().pk


def link_sent() -> str:
    jobs.run_due("notice.invited")
    found = re.search(r"/invitations/[\w-]+", mail.outbox[-1].body)
    assert found is not None
    return found.group()


def test_given_a_mail_that_went_nowhere_when_staff_invite_again_then_the_new_link_works_and_the_old_one_does_not(
    world, sam
):
    sam.post("/staff/partners", NEW)
    old = link_sent()
    with acting(world.acme.viewer()):
        page = f"/staff/partners/{opened().public_id}"
    assert "Nobody has joined yet" in text(sam.get(page))

    answer = sam.post(f"{page}/invite", {"email": "bea@brightwire.test"}, follow=True)

    assert "Invited by mail" in text(answer)
    new = link_sent()
    assert mail.outbox[-1].to == ["bea@brightwire.test"]
    bea = make_user("bea")
    assert old != new
    sign_in(Client(), bea).post(old)
    with job(opened_pk(world)):
        assert not Membership.objects.filter(organization=opened_pk(world)).exists()
    sign_in(Client(), bea).post(new)
    with job(opened_pk(world)):
        assert Membership.objects.get(organization=opened_pk(world)).user == bea
        actions = AuditEntry.objects.filter(customer=opened_pk(world)).order_by("seq").values_list("action", flat=True)
        assert list(actions)[:4] == ["partner.opened", "invitation.made", "invitation.withdrawn", "invitation.made"]


@pytest.mark.parametrize("address", ["", "nobody"])
def test_when_the_new_address_is_none_then_the_link_sent_before_still_works(world, sam, address):
    sam.post("/staff/partners", NEW)
    old = link_sent()
    with acting(world.acme.viewer()):
        page = f"/staff/partners/{opened().public_id}"

    assert "This is no e-mail address" in text(sam.post(f"{page}/invite", {"email": address}, follow=True))

    sign_in(Client(), make_user("bea")).post(old)
    with job(opened_pk(world)):
        assert Membership.objects.filter(organization=opened_pk(world)).exists()


def test_given_a_partner_with_people_when_staff_would_invite_another_admin_then_that_is_not_theirs_to_do(world, sam):
    page = f"/staff/partners/{world.northwind.organization.public_id}"
    assert "Nobody has joined yet" not in text(sam.get(page))

    answer = sam.post(f"{page}/invite", {"email": "mallory@example.test"}, follow=True)

    assert "who invite their colleagues" in text(answer)
    with job(world.northwind.pk):
        assert not Invitation.objects.filter(email="mallory@example.test").exists()


@pytest.mark.parametrize("wrong", [{"name": ""}, {"name": "   "}, {"email": "nobody"}])
def test_when_the_form_is_wrong_then_nothing_is_opened(world, sam, wrong):
    page = text(sam.post("/staff/partners", NEW | wrong))

    assert "Nothing was saved" in page
    with acting(world.acme.viewer()):
        assert not Organization.objects.filter(city="Lyon").exists()


def test_when_a_complete_address_is_searched_then_the_person_is_shown_with_companies(world, sam):
    page = text(sam.get("/staff/people?q=nora@example.com"))

    assert "Nora" in page
    assert "Northwind" in page
    assert "Switch off" in page


@pytest.mark.parametrize("part", ["nora", "nora@example", "@example.com", "%", ""])
def test_when_a_part_of_an_address_is_searched_then_nobody_is_shown(world, sam, part):
    assert "Nora" not in text(sam.get("/staff/people", {"q": part}))


def test_when_a_person_is_switched_off_then_sessions_and_keys_end_and_companies_read_it_in_their_journal(world, sam):
    olaf = world.acme.joins("olaf", Role.OWNER)
    viewer = world.acme.viewer("olaf")
    with acting(viewer):
        _, token = accounts.issue(by=viewer, name="script", scope=Scope.READ, days=30)
    session = sign_in(Client(), olaf)
    assert session.get("/sites").status_code == 200

    page = people(sam, olaf.email, "off")

    assert "Olaf is switched off" in page
    assert session.get("/sites").status_code == 302
    assert accounts.authenticate(token) is None
    with acting(world.acme.viewer()):
        told = (
            AuditEntry.objects.filter(customer=world.acme.pk).order_by("-seq").values_list("action", "actor_name")[:2]
        )
        assert list(told) == [("person.switched_off", "Sam"), ("account.revoked", "Sam")]
    assert LogEntry.objects.get().object_repr == olaf.email


def test_when_switched_on_again_then_the_person_may_sign_in_and_keys_stay_stopped(world, sam):
    ada, viewer = world.acme.people["ada"], world.acme.viewer()
    with acting(viewer):
        _, token = accounts.issue(by=viewer, name="script", scope=Scope.READ, days=30)
    assert accounts.authenticate(token) is not None
    people(sam, ada.email, "off")
    assert "Ada is switched on" in people(sam, ada.email, "on")

    ada.refresh_from_db()
    assert ada.is_active
    assert sign_in(Client(), ada).get("/sites").status_code == 200
    assert accounts.authenticate(token) is None


def member(user: User) -> Membership:
    return Membership.objects.select_related("organization", "user").get(user=user)


def test_given_the_only_active_owner_when_it_leaves_then_somebody_else_must_be_in_charge_first(world, sam):
    acme = world.acme
    also = acme.joins("olga", Role.OWNER)
    people(sam, also.email, "off")
    viewer = acme.viewer()

    with acting(viewer), pytest.raises(Invalid, match="Somebody must stay in charge"):
        onboarding.remove_member(member(acme.people["ada"]), by=viewer)
    with acting(viewer):
        onboarding.remove_member(member(also), by=viewer)


def test_given_the_only_one_in_charge_when_switched_off_then_the_page_says_who_has_nobody_now(world, sam):
    assert "Nobody is in charge of Globex now" in people(sam, "gwen@example.com", "off")


@pytest.mark.parametrize(
    ("email", "do"), [("sam@example.com", "off"), ("none@example.com", "off"), ("ada@example.com", "x")]
)
def test_given_oneself_or_nobody_or_no_act_then_nothing_changes(world, sam, email, do):
    email = world.sam.email if email.startswith("sam") else email
    sam.post("/staff/people", {"email": email, "do": do})

    assert not User.objects.filter(is_active=False).exists()


@pytest.mark.parametrize("stranger", ["ada", "nora"])
@pytest.mark.parametrize("path", ["/staff/people", "/staff/partners"])
def test_given_somebody_who_is_not_staff_when_posting_then_nothing_is_there(world, browse, stranger, path):
    client = browse(world.acme.people.get(stranger) or world.northwind.people[stranger])

    assert client.post(path, {"email": "gwen@example.com", "do": "off"} | NEW).status_code == 404
    assert not User.objects.filter(is_active=False).exists()


def test_when_staff_did_these_then_the_list_of_acts_has_them(world, sam):
    sam.post("/staff/partners", NEW)
    people(sam, "ada@example.com", "off")
    people(sam, "ada@example.com", "on")

    page = text(sam.get("/staff/audit"))

    for words in ("Partner opened by staff", "Person switched off by staff", "Person switched on again by staff"):
        assert words in page
