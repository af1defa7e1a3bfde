"""Mails about access itself: they always go, say no more than they may, and are rendered when they are sent."""

import pytest
from django.core import mail
from django.utils import timezone

from access import invitations, requests, seal
from access.models import Category, InvitationKind, Role
from access.principal import acting, job
from access.tasks import SWEEPS
from telemetry import jobs
from tests.cast import HEALTH, World

pytestmark = pytest.mark.django_db(transaction=True)
KINDS = (
    "notice.invited",
    "notice.answered",
    "notice.anchor",
    "notice.access_given",
    "notice.access_ended",
    "notice.requested",
)


def run_all() -> None:
    for kind in KINDS:
        jobs.run_due(kind)


def sent_to(address: str) -> list[str]:
    return [m.subject for m in mail.outbox if address in m.to]


def test_when_ada_invites_a_colleague_then_a_link_that_works_once_is_mailed_and_stored_nowhere_in_clear(
    lasting_world: World, behind
):
    ada = lasting_world.acme.viewer("ada")
    with acting(ada):
        _, token = invitations.invite_member(by=ada, email="new@example.com", role=Role.VIEWER)

    run_all()

    [message] = [m for m in mail.outbox if "new@example.com" in m.to]
    assert f"/invitations/{token}" in message.body
    behind.execute("SELECT count(*) FROM telemetry_job WHERE payload::text LIKE %s", [f"%{token}%"])
    assert behind.fetchone() == (0,)
    assert invitations.read(token).kind == InvitationKind.MEMBER


def test_when_access_is_given_and_stopped_then_owner_and_partner_admin_are_told_and_the_engineer_is_not(
    lasting_world: World,
):
    grant = lasting_world.acme.shares("hq", with_=lasting_world.northwind, categories={HEALTH})
    run_all()
    lasting_world.acme.revokes(grant)
    run_all()

    assert len(sent_to("ada@example.com")) == len(sent_to("nora@example.com")) == 2
    assert sent_to("nils@example.com") == sent_to("alan@example.com") == []


def test_when_a_request_is_declined_then_the_partner_reads_no_and_the_day_but_not_who(lasting_world: World):
    nora, ada = lasting_world.northwind.viewer("nora"), lasting_world.acme.viewer("ada")
    with acting(nora):
        row = requests.ask(
            by=nora,
            customer_name="Acme",
            categories=[Category.HEALTH],
            days=30,
            reason="To watch what we installed last year",
        )
    for step in SWEEPS:
        step()
    with acting(ada):
        requests.decline(row, by=ada)

    run_all()

    [message] = [m for m in mail.outbox if "nora@example.com" in m.to and "answered" in m.subject]
    assert "no" in message.body
    assert "Ada" not in message.body


def test_when_a_day_is_anchored_then_the_signed_heads_leave_by_mail(lasting_world: World):
    with job(lasting_world.acme.pk):
        anchor = seal.anchor(lasting_world.acme.pk, day=timezone.now().date())

    run_all()

    assert anchor is not None
    [message] = [m for m in mail.outbox if "ada@example.com" in m.to and "Checksum" in m.subject]
    assert bytes(anchor.audit_hash).hex() in message.body
