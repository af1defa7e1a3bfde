"""A partner asks, the customer answers. Asking shows the partner nothing, not even whether the customer exists.

Rules (access.md section 5, ux.md section 8): one open request per partner and customer, a pause after a no, lapse after 30 days.
An answer takes away or shortens, it never adds. Call everything inside `acting(viewer)`.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, Value
from django.db.models.functions import Lower, Now
from django.utils import timezone

from access import acts, audit, sharing
from access.errors import Ended, Invalid, NotAllowed, require
from access.lengths import LONGEST_DAYS, end_after
from access.models import SHAREABLE, AccessRequest, Category, Grant, RequestState, Site
from access.principal import job, principal
from access.sharing import Terms
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
    _record(row, by=by, action="request.made", after=_facts(row))
    if customer is not None:
        with job(customer, partner.pk):
            acts.happened("request.made", row, by=by)
    return row


@transaction.atomic
def withdraw(request: AccessRequest, *, by: Viewer) -> AccessRequest:
    """The partner takes its request back. Raises NotAllowed, Ended."""
    mine = by.is_partner and by.may_write and request.partner_id == by.organization_id
    require(mine, "This request is not yours to withdraw")
    row = _lock_waiting(request.pk)
    _set_state(row, RequestState.WITHDRAWN)
    _record(row, by=by, action="request.withdrawn")
    return row


@transaction.atomic
def decline(request: AccessRequest, *, by: Viewer) -> AccessRequest:
    """Say no: the partner learns only that, and may ask again after 30 days. Raises NotAllowed, Ended."""
    _require_decider(request, by)
    row = _lock_waiting(request.pk)
    _set_state(row, RequestState.DECLINED, by=by, pause_until=timezone.now() + PAUSE_AFTER_A_NO)
    _answered(row, by=by, action="request.declined")
    return row


@dataclass(frozen=True, slots=True)
class Answer:
    """A yes, in the customer's words: what stays of the request. None: as asked.

    remove: kinds that the partner has today and loses with this answer. Nothing here can add to what was asked.
    """

    categories: frozenset[Category] | None = None
    sites: frozenset[str] | None = None  # public ids
    days: int | None = None
    forward_alerts: bool | None = None
    purpose: str = ""
    remove: frozenset[Category] = frozenset()


def drafted(request: AccessRequest, answer: Answer, *, by: Viewer) -> dict[Site, Terms]:
    """Terms that `approve` would write, for each site: what is allowed plus what the partner has there today.

    One end date for all kinds at a site (ux.md 8.5): the one chosen here, so it may end what is there today later or earlier;
    `sentences.what_changes` names it. Raises NotAllowed, Invalid.
    """
    _require_decider(request, by)
    asked = frozenset(request.ordered_categories)
    allowed = asked if answer.categories is None else answer.categories
    days = request.days if answer.days is None else answer.days
    if not allowed or not allowed <= asked:
        raise Invalid("An answer can only take away: choose among what was asked for", "categories")
    if days > request.days:
        raise Invalid("An answer can only shorten what was asked for", "days")
    if answer.forward_alerts and not request.forward_alerts:
        raise Invalid("Sending alerts was not asked for", "forward_alerts")
    sends = request.forward_alerts if answer.forward_alerts is None else answer.forward_alerts
    assert by.organization is not None
    end = end_after(days, by.organization)
    sites = _answered_sites(request, answer.sites, by=by)
    today = {
        g.site_id: g for g in Grant.objects.live().filter(partner=request.partner_id, site__in=sites, closed_at=None)
    }
    return {site: _merged(today.get(site.pk), allowed, sends=sends, end=end, answer=answer) for site in sites}


@transaction.atomic
def approve(request: AccessRequest, answer: Answer | None = None, *, by: Viewer) -> list[Grant]:
    """Say yes, to all or to a part: one decision, one grant per site. Raises NotAllowed, Invalid, Ended."""
    _require_decider(request, by)
    row = _lock_waiting(request.pk)
    terms = drafted(row, answer or Answer(), by=by)
    grants = sharing.decide(partner=row.partner, terms=terms, by=by, request=row)
    _set_state(row, RequestState.ALLOWED, by=by)
    _answered(row, by=by, action="request.allowed", after={"grants": [g.public_id for g in grants]})
    return grants


@transaction.atomic
def lapse(request_id: UUID) -> AccessRequest | None:
    """Book a request that nobody answered in time. Inside a job of customer and partner. None if somebody was first."""
    overdue = AccessRequest.objects.select_for_update(of=("self",)).select_related("partner", "customer")
    row = overdue.filter(pk=request_id, state=RequestState.WAITING, lapses_at__lte=Now()).first()
    if row is None:
        return None
    _set_state(row, RequestState.LAPSED)
    _record(row, by=None, action="request.lapsed")
    if row.customer_id is not None:
        acts.happened("request.lapsed", row)
    return row


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
    if found is None:
        return None
    busy = AccessRequest.objects.filter(
        Q(state=RequestState.WAITING) | Q(pause_until__gt=Now()), partner=partner, customer=found
    )
    return None if busy.exists() else found


def _lapse_overdue(partner: UUID) -> None:
    """Those the sweep has not come to yet must not stand in the way."""
    overdue = AccessRequest.objects.filter(partner=partner, state=RequestState.WAITING, lapses_at__lte=Now())
    for pk, customer in overdue.values_list("pk", "customer_id"):
        with principal(kind="job", customers={partner, customer or partner}):
            lapse(pk)


def _require_decider(request: AccessRequest, by: Viewer) -> None:
    mine = by.may_decide and request.customer_id is not None and request.customer_id == by.organization_id
    require(mine, "Only owners and approvers of your company answer requests")


def _lock_waiting(pk: UUID) -> AccessRequest:
    rows = AccessRequest.objects.select_for_update(of=("self",)).select_related("partner", "customer")
    row = rows.filter(pk=pk, state=RequestState.WAITING, lapses_at__gt=Now()).first()
    if row is None:
        raise Ended("This request has been answered, withdrawn or has lapsed")
    return row


def _answered_sites(request: AccessRequest, chosen: frozenset[str] | None, *, by: Viewer) -> list[Site]:
    asked = Site.objects.visible_to(by).filter(closed_at=None)
    if request.sites:
        asked = asked.filter(pk__in=request.sites)
    sites = {s.public_id: s for s in asked.order_by("name")}
    if chosen is not None and not chosen <= set(sites):
        raise Invalid("An answer can only take away: choose among the sites that were asked for", "sites")
    return [s for s in sites.values() if chosen is None or s.public_id in chosen]


def _merged(today: Grant | None, allowed: frozenset[Category], *, sends: bool, end: datetime, answer: Answer) -> Terms:
    """What is allowed plus what is there: an answer to "may I see more?" takes nothing away unless the customer says so."""
    kept = frozenset(today.ordered_categories if today else ()) - answer.remove
    categories = kept | allowed
    already = bool(today and today.forward_alerts and answer.forward_alerts is not False)
    purpose = answer.purpose or (today.purpose if today else "")
    return Terms(
        categories=categories,
        expires_at=end,
        forward_alerts=(already or sends) and Category.HEALTH in categories,
        purpose=purpose,
    )


def _set_state(
    row: AccessRequest, state: RequestState, *, by: Viewer | None = None, pause_until: datetime | None = None
) -> None:
    row.state = state
    row.answered_at = timezone.now()
    row.answered_by = by.user if by else None
    row.pause_until = pause_until
    row.save(update_fields=["state", "answered_at", "answered_by", "pause_until"])


def _answered(row: AccessRequest, *, by: Viewer, action: str, after: dict[str, object] | None = None) -> None:
    assert row.customer_id is not None
    _record(row, by=by, action=action, after=after)
    with job(row.customer_id, row.partner_id):
        acts.happened("request.answered", row, by=by, reason=action)


def _record(row: AccessRequest, *, by: Viewer | None, action: str, after: dict[str, object] | None = None) -> None:
    """In the customer's journal, then in the partner's own, always in this order: each takes its chain's lock.

    The partner reads which company answered, never which person.
    """
    facts = {"state": row.state} | (after or {})
    if row.customer_id is not None:
        words = row.partner.name
        audit.record(
            customer=row.customer_id, by=by, action=action, kind="request", id=row.public_id, words=words, after=facts
        )
    company = Viewer(kind="customer", alias=row.customer_name) if by is not None and by.is_customer else by
    audit.record(
        customer=row.partner_id,
        by=company,
        action=action,
        kind="request",
        id=row.public_id,
        words=row.customer_name,
        after=facts,
    )


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
