"""One-use links: they let somebody join, and share nothing."""

from datetime import timedelta

import pytest
from django.utils import timezone

from access import acts, invitations
from access.errors import Ended, Invalid, NotAllowed
from access.models import AuditEntry, Category, Invitation, InvitationKind, Membership, Role, Site
from access.principal import acting, job
from tests.cast import Company, World, make_user


@pytest.fixture
def mailed(monkeypatch) -> list[tuple[str, str]]:
    """What a package above would mail: to whom, with which token."""
    letters: list[tuple[str, str]] = []
    monkeypatch.setitem(acts._handlers, "invitation.made", [lambda row, token, by: letters.append((row.email, token))])
    return letters


def invites(company: Company, name: str = "", email: str = "Bob@Example.com ", role: Role = Role.VIEWER):
    boss = company.viewer(name)
    with acting(boss):
        return invitations.invite_member(by=boss, email=email, role=role)


def invites_partner(company: Company, name: str = "", email: str = "rita@example.com"):
    boss = company.viewer(name)
    with acting(boss):
        return invitations.invite_partner(by=boss, email=email)


def joins(token: str, name: str = "bob") -> Membership:
    return invitations.accept_as_member(token, user=make_user(name))


def accepts(partner: Company, token: str, name: str = "") -> Invitation:
    admin = partner.viewer(name)
    with acting(admin):
        return invitations.accept_as_partner(token, by=admin)


def test_when_a_colleague_is_invited_then_the_mail_holds_a_link_that_lets_that_person_join(world: World, mailed):
    invites(world.acme, role=Role.APPROVER)

    ((address, token),) = mailed
    membership = joins(token)

    assert (address, membership.role) == ("bob@example.com", Role.APPROVER)
    assert membership.organization_id == world.acme.pk


def test_when_a_link_is_used_twice_then_the_second_is_too_late(world: World):
    _, token = invites(world.acme)
    joins(token)

    with pytest.raises(Ended):
        joins(token, "eve")
    assert invitations.read(token) is None


def test_given_a_link_older_than_14_days_when_it_is_used_then_it_is_too_late(world: World):
    row, token = invites(world.acme)
    with job(world.acme.pk):
        Invitation.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(seconds=1))

    with pytest.raises(Ended):
        joins(token)
    assert row.expires_at - timezone.now() > timedelta(days=13)


def test_given_a_withdrawn_invitation_when_its_link_is_used_then_it_is_too_late(world: World):
    row, token = invites(world.acme)
    ada = world.acme.viewer()
    with acting(ada):
        invitations.withdraw(row, by=ada)

    with pytest.raises(Ended):
        joins(token)
    with acting(ada), pytest.raises(Ended):
        invitations.withdraw(row, by=ada)


def test_when_the_same_person_is_invited_again_then_the_older_link_stops_working(world: World):
    _, old = invites(world.acme)
    _, new = invites(world.acme, email="bob@example.COM")

    with pytest.raises(Ended):
        joins(old)
    assert joins(new, "robert").role == Role.VIEWER


@pytest.mark.parametrize("token", ["", "x" * 43, "ä", "\x00"])
def test_when_a_link_was_never_made_then_it_is_too_late_as_well(world: World, token):
    assert invitations.read(token) is None
    with pytest.raises(Ended):
        joins(token)


def test_given_a_member_when_he_accepts_another_link_then_he_is_told_so_and_the_link_stays_good(world: World):
    _, token = invites(world.acme)

    with pytest.raises(Invalid):
        invitations.accept_as_member(token, user=world.acme.people["alan"])
    assert invitations.read(token) is not None


def test_when_the_page_behind_a_link_is_opened_then_it_says_who_invites_to_what(world: World):
    _, token = invites(world.northwind, role=Role.ENGINEER, email="x@example.com")

    found = invitations.read(token)

    assert (found.kind, found.organization, found.role) == (InvitationKind.MEMBER, "Northwind", "engineer")


def test_when_a_partner_accepts_a_customer_s_call_then_it_sees_nothing(world: World):
    _, token = invites_partner(world.acme)

    row = accepts(world.rival, token)

    rita = world.rival.viewer()
    with acting(rita):
        assert not Site.objects.visible_to(rita, Category.ANY).exists()
        assert not Site.unscoped.exists()
    assert row.accepted_for_id == world.rival.pk


def test_when_a_partner_accepts_then_both_journals_say_so(world: World):
    _, token = invites_partner(world.acme)
    accepts(world.rival, token)

    for company, actors in ((world.acme, ["Ada", "Rita"]), (world.rival, ["Rita"])):
        with job(company.pk):
            entries = AuditEntry.objects.filter(customer=company.pk, object_kind="invitation").order_by("seq")
            assert [e.actor_name for e in entries] == actors


def test_when_a_link_is_used_for_the_other_kind_then_it_is_refused(world: World):
    _, member = invites(world.acme)
    _, partner = invites_partner(world.acme)

    with pytest.raises(Ended):
        accepts(world.rival, member)
    with pytest.raises(Ended):
        joins(partner)


def test_when_an_engineer_accepts_for_a_partner_then_it_is_refused(world: World):
    _, token = invites_partner(world.acme)

    with pytest.raises(NotAllowed):
        accepts(world.northwind, token, "nils")


def test_when_somebody_who_may_not_invite_does_then_it_is_refused(world: World):
    world.acme.joins("april", Role.APPROVER)

    for company, name in ((world.acme, "april"), (world.acme, "alan"), (world.northwind, "nils")):
        with pytest.raises(NotAllowed):
            invites(company, name)
    for company, name in ((world.acme, "alan"), (world.northwind, "")):
        with pytest.raises(NotAllowed):
            invites_partner(company, name)
    assert invites_partner(world.acme, "april")


def test_when_another_customer_withdraws_an_invitation_then_it_is_refused(world: World):
    row, _ = invites(world.acme)
    gwen = world.globex.viewer()

    with acting(gwen), pytest.raises(NotAllowed):
        invitations.withdraw(row, by=gwen)


@pytest.mark.parametrize("email", ["", "nobody", "a@b@c", "x@example.com\nBcc: y@example.com"])
def test_when_an_address_is_none_then_the_form_says_so(world: World, email):
    with pytest.raises(Invalid) as error:
        invites(world.acme, email=email)

    assert error.value.field == "email"


def test_when_a_role_of_the_other_kind_of_company_is_offered_then_it_is_refused(world: World):
    with pytest.raises(Invalid):
        invites(world.acme, role=Role.ENGINEER)
    with pytest.raises(Invalid):
        invites(world.northwind, role=Role.OWNER)


def test_given_a_hundred_open_invitations_when_one_more_is_made_then_it_is_refused(world: World, monkeypatch):
    monkeypatch.setattr(invitations, "MOST_OPEN", 2)
    invites(world.acme, email="a@example.com")
    invites(world.acme, email="b@example.com")

    with pytest.raises(Invalid):
        invites(world.acme, email="c@example.com")


def test_when_a_token_is_kept_then_only_as_a_digest(lasting_world: World, behind):
    _, token = invites(lasting_world.acme)

    for table in ("access_invitation", "access_auditentry"):
        behind.execute(f"SELECT count(*), count(*) FILTER (WHERE t::text LIKE %s) FROM {table} t", [f"%{token}%"])
        rows, found = behind.fetchone()
        assert rows > 0
        assert found == 0


def test_when_a_known_and_an_unknown_address_are_invited_then_both_answers_are_alike(world: World):
    known, _ = invites(world.acme, email=world.globex.people["gwen"].email)
    unknown, _ = invites(world.acme, email="nobody@example.org")

    assert (known.kind, known.role, known.accepted_at) == (unknown.kind, unknown.role, unknown.accepted_at)


def test_when_a_member_is_invited_again_then_the_form_says_so_and_no_mail_goes(world: World):
    ada = world.acme.viewer("ada")
    with acting(ada), pytest.raises(Invalid, match="member already"):
        invitations.invite_member(by=ada, email="ALAN@example.com ", role=Role.VIEWER)
