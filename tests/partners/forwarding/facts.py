"""Facts as the sender hands them over, with the cast of the tests."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from partners.forwarding import business_mails, mails
from partners.forwarding.message import AccessFacts, AlertFacts, Figure

LINK = "https://smartcare.example/alerts/al-7k2p9m"
STOP = "https://smartcare.example/mail/stop/" + "x" * 90
AT = datetime(2026, 11, 24, 3, 30, 5, tzinfo=UTC)
ALL = frozenset({"inventory", "health", "traffic", "configuration", "contracts"})
HEALTH = frozenset({"health"})

ALERT = AlertFacts(
    alert_id="al-7k2p9m",
    customer_id="or-acme",
    site_id="si-hq",
    device_id="dv-1",
    customer_name="Acme",
    site_name="Lyon office",
    device_label="Lyon firewall",
    rule="time-to-threshold",
    severity="major",
    sentence="memory full about 14 Dec",
    figures=(
        Figure(name="memory_used", value=91.666666, unit="%", category="health"),
        Figure(name="canary_bps", value=4711, unit="bit/s", category="traffic"),
    ),
    link=LINK,
    at=AT,
    opened_at=AT,
)
ACCESS = AccessFacts(
    grant_id="gr-1",
    customer_id="or-acme",
    partner_id="or-northwind",
    site_id="si-hq",
    customer_name="Acme",
    partner_name="Northwind",
    site_name="Lyon office",
    sentence="Northwind can look at device list and health for Lyon office until 24 December 2026.",
    categories=frozenset({"inventory", "health"}),
    forward_alerts=True,
    expires_at=datetime(2026, 12, 24, 22, 59, tzinfo=UTC),
    link="https://smartcare.example/access/grants/gr-1",
    at=AT,
    purpose="keep an eye on the firewall",
)
ASK = mails.AskFacts(
    partner_name="Northwind",
    site_name="Lyon office",
    wanted="traffic totals",
    sentence="Northwind could look at traffic totals for Lyon office.",
    reason="We want to size\nthe new uplink.",
    lapses_at=AT,
    link=LINK,
)
INVITATION = mails.InvitationFacts(customer_name="Acme", inviter_name="Ada", expires_at=AT, link=LINK)
VERIFICATION = mails.VerificationFacts(organization_name="Northwind", expires_at=AT, link=LINK)
STAFF = mails.StaffFacts(
    staff_name="Bea",
    sentence="Bea of SmartCare can look at health for Lyon office for 4 hours.",
    reason="The site does not answer.",
    until=AT,
    link=LINK,
)
FIRST_REPORT = mails.FirstReportFacts(
    device_label="Workshop router", site_name="Depot", seen_by="No partner sees it.", link=LINK
)
FAILING = mails.FailingFacts(host="hooks.example", failing_since=AT, waiting=3, is_disabled=False, link=LINK)
WAITING = mails.WaitingFacts(name="Tickets", host="hooks.example", person="Nils", link=LINK)
TENDER = business_mails.TenderFacts(customer_name="Acme", title="Twelve switches", answers_until=AT, link=LINK)
CONTRACT = business_mails.ContractFacts(
    customer_name="Acme",
    partner_name="Northwind",
    title="Care",
    starts_on=AT.date(),
    ends_on=date(2027, 11, 24),
    link=LINK,
)
ANSWER = business_mails.AnswerFacts(partner_name="Northwind", title="Twelve switches", link=LINK)


@dataclass(frozen=True)
class Kind:
    """One kind of mail: the facts it is made of and how."""

    facts: Any
    make: Callable[[Any], mails.Mail]
    can_be_stopped: bool = False

    def __call__(self, **change: object) -> mails.Mail:
        return self.make(replace(self.facts, **change))


def alert_mail(facts: AlertFacts) -> mails.Mail:
    return mails.alert(mails.AlertEvent.OPENED, facts, categories=ALL, unsubscribe_url=STOP)


KINDS = {
    "alert": Kind(ALERT, alert_mail, can_be_stopped=True),
    "given": Kind(ACCESS, mails.access_given),
    "changed": Kind(ACCESS, partial(mails.access_changed, changes=["Traffic totals are new."])),
    "ended": Kind(ACCESS, partial(mails.access_ended, reason="Ada of Acme stopped it.")),
    "requested": Kind(ASK, mails.access_requested),
    "ending soon": Kind(ACCESS, partial(mails.ending_soon, unsubscribe_url=STOP), can_be_stopped=True),
    "invitation": Kind(INVITATION, mails.invitation),
    "verification": Kind(VERIFICATION, mails.verification),
    "break glass": Kind(STAFF, mails.break_glass),
    "lockbox": Kind(STAFF, mails.lockbox_request),
    "first report": Kind(FIRST_REPORT, partial(mails.first_report, unsubscribe_url=STOP), can_be_stopped=True),
    "failing": Kind(FAILING, partial(mails.webhook_failing, unsubscribe_url=STOP), can_be_stopped=True),
    "waits": Kind(WAITING, mails.webhook_waits),
    "tender": Kind(TENDER, business_mails.tender_invited),
    "chosen": Kind(TENDER, business_mails.proposal_chosen),
    "not chosen": Kind(TENDER, business_mails.proposal_not_chosen),
    "tender over": Kind(TENDER, business_mails.tender_over),
    "contract filed": Kind(CONTRACT, business_mails.contract_filed),
    "contract ended": Kind(CONTRACT, business_mails.contract_ended),
    "proposal": Kind(ANSWER, business_mails.proposal_sent),
    "question": Kind(ANSWER, business_mails.question_asked),
}
