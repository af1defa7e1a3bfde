"""A partner asks, the customer answers. Asking shows the partner nothing, not even whether the customer exists.

Rules (access.md section 5, ux.md section 8): one open request per partner and customer, a pause after a no, lapse after 30 days.
An answer takes away or shortens, it never adds. Call everything inside `acting(viewer)`.

What a partner does here takes the same time whether the customer exists or not: its side alone is written at once. The customer's
journal and its people are told by the next sweep (`tell`), two seconds later at most; the request itself is there at once.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Lower, Now
from django.utils import timezone

from access import acts, audit, sharing
from access.answering import Answer as Answer
from access.answering import drafted as drafted
from access.answering import require_decider
from access.errors import Ended, Invalid, NotAllowed, require
from access.lengths import LONGEST_DAYS
from access.models import SHAREABLE, AccessRequest, Category, Grant, RequestState, Site, User
from access.principal import job
from access.viewer import Viewer

LAPSES_AFTER = timedelta(days=30)
PAUSE_AFTER_A_NO = timedelta(days=30)
SHORTEST_REASON = 20  # characters


class Paused(NotAllowed):
    """The customer said no a while ago. The day from which the partner may ask again is in `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__("They said no. You can ask again after a pause")
        self.until = until


@transaction.atomic
def ask(
    *,
    by: Viewer,
    customer_name: str,
    categories: Collection[Category],
    days: int,
    reason: str,
    sites: Collection[str] = (),
    forward_alerts: bool = False,
) -> AccessRequest:
    """Ask a customer for access; answers alike whether a customer of that name exists or not.

    sites: public ids of sites the partner sees in part; none: all sites of the customer. Raises NotAllowed, Paused, Invalid.
    """
    require(by.is_partner and by.may_write, "Only partners ask for access")
    name = " ".join(customer_name.split())
    _check_wish(name, categories, days, reason, forward_alerts=forward_alerts)
    partner = by.organization
    assert partner is not None
    _one_at_a_time(partner.pk)
    known = _known_sites(by, name, sites)
    _lapse_overdue(partner.pk)
    customer = known[0].customer_id if known else None
    _refuse_repetition(partner.pk, name, customer)
    customer = customer or _free_customer(partner.pk, name)
    row = AccessRequest(
        customer_id=customer,
        customer_name=name,
        partner=partner,
        sites=[s.pk for s in known],
        categories=_values(categories),
        forward_alerts=forward_alerts,
        days=days,
        reason=reason.strip(),
        asked_by=by.user,
        lapses_at=timezone.now() + LAPSES_AFTER,
    )
    row.save(force_insert=True)
    row.refresh_from_db()
    _note_of_partner(row, by=by, action="request.made", after=_facts(row))
    return row


@transaction.atomic
def withdraw(request: AccessRequest, *, by: Viewer) -> AccessRequest:
    """The partner takes its request back. Raises NotAllowed, Ended."""
    mine = by.is_partner and by.may_write and request.partner_id == by.organization_id
    require(mine, "This request is not yours to withdraw")
    row = _lock_waiting(request.pk)
    _set_state(row, RequestState.WITHDRAWN, by=by)
    _note_of_partner(row, by=by, action="request.withdrawn")
    return row


@transaction.atomic
def decline(request: AccessRequest, *, by: Viewer) -> AccessRequest:
    """Say no: the partner learns only that, and may ask again after 30 days. Raises NotAllowed, Ended."""
    require_decider(request, by)
    row = _lock_waiting(request.pk)
    _tell(row)
    _set_state(row, RequestState.DECLINED, by=by, pause_until=timezone.now() + PAUSE_AFTER_A_NO)
    _answered(row, by=by, action="request.declined")
    return row


@transaction.atomic
def approve(request: AccessRequest, answer: Answer | None = None, *, by: Viewer) -> list[Grant]:
    """Say yes, to all or to a part: one decision, one grant per site. Raises NotAllowed, Invalid, Ended."""
    require_decider(request, by)
    row = _lock_waiting(request.pk)
    terms = drafted(row, answer or Answer(), by=by)
    _tell(row)
    grants = sharing.decide(partner=row.partner, terms=terms, by=by, request=row)
    _set_state(row, RequestState.ALLOWED, by=by)
    _answered(row, by=by, action="request.allowed", after={"grants": [g.public_id for g in grants]})
    return grants


@transaction.atomic
def lapse(request_id: UUID) -> AccessRequest | None:
    """Book a request that nobody answered in time. Inside a job of the partner. None if somebody was first."""
    overdue = AccessRequest.objects.select_for_update(of=("self",)).select_related("partner")
    row = overdue.filter(pk=request_id, state=RequestState.WAITING, lapses_at__lte=Now()).first()
    if row is None:
        return None
    _set_state(row, RequestState.LAPSED)
    _note_of_partner(row, by=None, action="request.lapsed")
    return row


@transaction.atomic
def tell(request_id: UUID) -> bool:
    """Tell the customer's journal and people what its side does not know yet. Inside a job of customer and partner."""
    untold = AccessRequest.objects.select_for_update(of=("self",)).exclude(told=F("state"))
    row = untold.select_related("partner", "customer", "asked_by", "answered_by").filter(pk=request_id).first()
    if row is None or row.customer_id is None:
        return False
    _tell(row)
    return True


def _tell(row: AccessRequest) -> None:
    """An answer tells first what it answers, if the sweep has not: the journal then reads in order."""
    if row.told == row.state:
        return
    told: dict[str, tuple[str, User | None]] = {
        RequestState.WAITING: ("request.made", row.asked_by),
        RequestState.WITHDRAWN: ("request.withdrawn", row.answered_by),
        RequestState.LAPSED: ("request.lapsed", None),
    }
    action, person = told[row.state]
    by = Viewer(kind="partner", user=person, organization=row.partner, alias="" if person else row.partner.name)
    _note_of_customer(row, by=None if action == "request.lapsed" else by, action=action, after=_facts(row))
    _mark_told(row)
    assert row.customer_id is not None
    with job(row.customer_id, row.partner_id):
        if action in acts.ACTS:
            acts.happened(action, row)


def _mark_told(row: AccessRequest) -> None:
    row.told = row.state
    row.save(update_fields=["told"])


def _check_wish(name: str, categories: Collection[Category], days: int, reason: str, *, forward_alerts: bool) -> None:
    if not name or len(name) > 120:
        raise Invalid("Name the company you ask", "customer_name")
    if not categories or not set(categories) <= set(SHAREABLE):
        raise Invalid("Choose at least one kind of data", "categories")
    if forward_alerts and Category.HEALTH not in categories:
        raise Invalid("Alerts can be sent only together with health and alerts", "forward_alerts")
    if not 1 <= days <= LONGEST_DAYS:
        raise Invalid("Access lasts from 1 to 366 days", "days")
    if not SHORTEST_REASON <= len(reason.strip()) <= 1000:
        raise Invalid("Say in 20 to 1,000 characters why you ask: the customer reads your words", "reason")


def _one_at_a_time(partner: UUID) -> None:
    """Two requests of one partner at once would both find nothing open: no unique key covers unknown names."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"ask:{partner}"])


def _known_sites(by: Viewer, name: str, public_ids: Collection[str]) -> list[Site]:
    """Sites the partner sees, all of the customer it names; one that it does not see is as unknown as one that is not there."""
    if not public_ids:
        return []
    visible = Site.objects.visible_to(by, Category.ANY).filter(public_id__in=set(public_ids))
    found = list(visible.select_related("customer").order_by("name"))
    if len(found) != len(set(public_ids)) or len({s.customer_id for s in found}) != 1:
        raise Invalid("Unknown site", "sites")
    if found[0].customer.name.lower() != name.lower():
        raise Invalid("Unknown site", "sites")
    return found


def _refuse_repetition(partner: UUID, name: str, customer: UUID | None) -> None:
    """By the name that was typed, so that a name nobody has gives the same answers; by customer where it is known."""
    same = Q(lower_name=Lower(Value(name))) | (Q(customer=customer) if customer else Q())
    asked = AccessRequest.objects.filter(partner=partner).annotate(lower_name=Lower("customer_name")).filter(same)
    if asked.filter(state=RequestState.WAITING).exists():
        raise Invalid("You have asked this company already: wait for the answer, or withdraw it", "customer_name")
    pause = asked.filter(pause_until__gt=Now()).order_by("-pause_until").values_list("pause_until", flat=True).first()
    if pause is not None:
        raise Paused(pause)


def _free_customer(partner: UUID, name: str) -> UUID | None:
    """The customer of this name, if this partner may ask it now.

    One whose name has changed since an open or declined request is left alone without a word: the answer would tell that the two
    names are one company.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT find_customer(%s)", [name])
        found: UUID | None = cursor.fetchone()[0]
    # Asked for a name nobody has as well, of nobody: each question takes time.
    same = AccessRequest.objects.filter(partner=partner, customer=found or partner)
    busy = same.filter(Q(state=RequestState.WAITING) | Q(pause_until__gt=Now())).exists()
    return None if busy else found


def _lapse_overdue(partner: UUID) -> None:
    """Those the sweep has not come to yet must not stand in the way."""
    overdue = AccessRequest.objects.filter(partner=partner, state=RequestState.WAITING, lapses_at__lte=Now())
    for pk in overdue.values_list("pk", flat=True):
        lapse(pk)


def _lock_waiting(pk: UUID) -> AccessRequest:
    rows = AccessRequest.objects.select_for_update(of=("self",)).select_related("partner", "customer")
    row = rows.filter(pk=pk, state=RequestState.WAITING, lapses_at__gt=Now()).first()
    if row is None:
        raise Ended("This request has been answered, withdrawn or has lapsed")
    return row


def _set_state(
    row: AccessRequest, state: RequestState, *, by: Viewer | None = None, pause_until: datetime | None = None
) -> None:
    row.state = state
    row.answered_at = timezone.now()
    row.answered_by = by.user if by else None
    row.pause_until = pause_until
    row.save(update_fields=["state", "answered_at", "answered_by", "pause_until"])


def _answered(row: AccessRequest, *, by: Viewer, action: str, after: dict[str, object] | None = None) -> None:
    """Customer's journal first, then the partner's: each takes its chain's lock, always in this order."""
    assert row.customer_id is not None
    _note_of_customer(row, by=by, action=action, after=after)
    # The partner reads which company answered, never which person.
    company = Viewer(kind="customer", alias=row.customer_name, organization=row.customer)
    _note_of_partner(row, by=company, action=action, after=after)
    _mark_told(row)
    with job(row.customer_id, row.partner_id):
        acts.happened("request.answered", row, by=by, reason=action)


def _note_of_customer(row: AccessRequest, *, by: Viewer | None, action: str, after: dict[str, object] | None) -> None:
    assert row.customer_id is not None
    _note(row, row.customer_id, by=by, action=action, words=row.partner.name, after=after)


def _note_of_partner(
    row: AccessRequest, *, by: Viewer | None, action: str, after: dict[str, object] | None = None
) -> None:
    _note(row, row.partner_id, by=by, action=action, words=row.customer_name, after=after)


def _note(
    row: AccessRequest, journal: UUID, *, by: Viewer | None, action: str, words: str, after: dict[str, object] | None
) -> None:
    facts = {"state": row.state} | (after or {})
    audit.record(customer=journal, by=by, action=action, kind="request", id=row.public_id, words=words, after=facts)


def _facts(row: AccessRequest) -> dict[str, object]:
    return {
        "categories": list(row.categories),
        "sites": list(row.sites),
        "days": row.days,
        "forward_alerts": row.forward_alerts,
        "reason": row.reason,
    }


def _values(categories: Iterable[Category]) -> list[str]:
    return [c.value for c in SHAREABLE if c in set(categories)]
