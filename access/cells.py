"""Cells of the matrix in words: what one partner, or staff, sees at a site or at the several of a column. Asks the database nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext

from access import sentences
from access.lengths import REMIND_DAYS, days_left, last_day
from access.models import SHAREABLE, AccessRequest, Grant, Organization, Site, StaffPermission, StaffState
from access.viewer import Viewer

State = Literal["on", "soon", "pend", "none"]  # shared, ends within 14 days, asked, nothing


@dataclass(frozen=True, slots=True)
class Column:
    """One site, or several under one head. key: public id of the site; of several: what an address calls them by."""

    label: str
    sites: tuple[Site, ...]
    key: str
    of_several: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One partner (or staff) in one column. shared: codes of what is shared now; sentence: the same for those who listen."""

    partner: str  # public id; "" for staff
    site_id: str  # the column's key
    site: str  # its label
    state: State
    shared: tuple[str, ...]
    alerts: bool
    text: str
    sentence: str
    until: date | None = None
    grant: str = ""  # public ids of what stands behind the cell, if anything
    request: str = ""
    permission: str = ""
    of_several: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    note: str
    cells: tuple[Cell, ...]
    partner: str = ""  # public id; "" for staff
    asked: str = ""  # public id of the waiting request


@dataclass(slots=True)
class Known:
    """What is known of one partner before its row is drawn."""

    organization: Organization
    grants: dict[UUID, Grant] = field(default_factory=dict)  # the latest of each site
    request: AccessRequest | None = None
    invited_at: datetime | None = None

    @property
    def is_seeing(self) -> bool:
        return any(is_live(g) for g in self.grants.values())


def is_live(grant: Grant) -> bool:
    return bool(getattr(grant, "is_live", False))


def short(day: date) -> str:
    """'22 Feb'; with the year when it is another one."""
    return date_format(day, "j M" if day.year == timezone.now().year else "j M Y")


def short_moment(when: datetime, customer: Organization) -> str:
    """'22 Feb, 14:00' where the customer is."""
    return f"{short(last_day(when, customer))}, {date_format(when.astimezone(ZoneInfo(customer.timezone)), 'H:i')}"


def end_words(grant: Grant, customer: Organization, viewer: Viewer) -> str:
    """How an ended access ended: by whom or by the clock, and on which day."""
    day = short(last_day(grant.revoked_at or grant.expires_at, customer))
    if grant.given_back:
        return gettext("Given back by them on %(day)s") % {"day": day}
    if grant.revoked_at is None:
        return gettext("Ended by itself on %(day)s") % {"day": day}
    if grant.revoked_by_id is None:
        return gettext("Stopped on %(day)s") % {"day": day}
    if grant.revoked_by_id == viewer.user_id:
        return gettext("Stopped by you on %(day)s") % {"day": day}
    assert grant.revoked_by is not None
    return gettext("Stopped by %(name)s on %(day)s") % {"name": grant.revoked_by.name, "day": day}


@dataclass(frozen=True, slots=True)
class Drawing:
    """Turns what was read into rows of words."""

    viewer: Viewer
    customer: Organization
    columns: tuple[Column, ...]
    url_of: Callable[[Cell], str]

    def partner(self, of: Known) -> Row:
        cells = tuple(self._linked(self._cell(of, column)) for column in self.columns)
        asked = of.request.public_id if of.request else ""
        return Row(of.organization.name, self._note(of), cells, of.organization.public_id, asked)

    def staff(self, permissions: list[StaffPermission]) -> Row:
        cells = tuple(self._linked(self._staff_cell(permissions, column)) for column in self.columns)
        return Row(gettext("SmartCare staff"), gettext("Only when you allow it"), cells)

    def _linked(self, cell: Cell) -> Cell:
        return replace(cell, url=self.url_of(cell))

    def _cell(self, of: Known, column: Column) -> Cell:
        here = [of.grants[site.pk] for site in column.sites if site.pk in of.grants]
        live = [grant for grant in here if is_live(grant)]
        asked = of.request if of.request and _is_about(of.request, column) else None
        wish = self._wish(asked)
        name = of.organization.name
        if not live:
            cell = _nothing(column, gettext("Asked") if asked else gettext("Nothing"), "pend" if asked else "none")
            told = _told(name, column.label, gettext("nothing"), wish)
            return replace(cell, partner=of.organization.public_id, sentence=told, request=_id(asked))
        first = min(live, key=lambda g: g.expires_at)
        left, until = days_left(first.expires_at, self.customer), last_day(first.expires_at, self.customer)
        is_soon = left <= REMIND_DAYS
        text, told_end = self._end(column, live, sentences.left(left) if is_soon else "", until)
        kinds = [c for c in SHAREABLE if any(c in g.category_set for g in live)]
        alerts = any(g.forward_alerts for g in live)
        told_alerts = gettext("alerts are sent") if alerts else ""
        return Cell(
            partner=of.organization.public_id,
            site_id=column.key,
            site=column.label,
            state="soon" if is_soon else "on",
            shared=tuple(c.value for c in kinds),
            alerts=alerts,
            text=text,
            sentence=_told(name, column.label, sentences.categories(kinds), told_end, told_alerts, wish),
            until=until,
            grant="" if column.of_several else first.public_id,
            request=_id(asked),
            of_several=column.of_several,
        )

    @staticmethod
    def _end(column: Column, live: list[Grant], left: str, until: date) -> tuple[str, str]:
        """What the cell says, and what is said aloud. left: in words when the (first) end is near."""
        to = left or gettext("to %(day)s") % {"day": short(until)}
        if not column.of_several:
            return to, to
        numbers = {"n": len(live), "all": len(column.sites)}
        words = ngettext("%(n)d of %(all)d site", "%(n)d of %(all)d sites", numbers["all"]) % numbers
        ends = {g.expires_at for g in live}
        aloud = to if len(ends) == 1 else gettext("the first of them %(end)s") % {"end": to}
        return (f"{words}, {left}" if left else words), f"{words}, {aloud}"

    def _wish(self, asked: AccessRequest | None) -> str:
        if asked is None:
            return ""
        return gettext("asked for %(kinds)s") % {"kinds": sentences.categories(asked.ordered_categories)}

    def _staff_cell(self, permissions: list[StaffPermission], column: Column) -> Cell:
        here = [p for p in permissions if p.all_sites or any(site.pk in p.sites for site in column.sites)]
        running = [p for p in here if p.state == StaffState.ALLOWED]
        staff = gettext("SmartCare staff")
        if not running:
            cell = _nothing(column, gettext("Asked") if here else gettext("Nothing"), "pend" if here else "none")
            told = _told(staff, column.label, gettext("nothing"), gettext("asked") if here else "")
            return replace(cell, sentence=told, permission=_id(here[0]) if here else "")
        kinds = tuple(c.value for c in SHAREABLE if any(c.value in p.categories for p in running))
        end = running[-1].expires_at
        assert end is not None
        text = gettext("to %(moment)s") % {"moment": short_moment(end, self.customer)}
        names = sentences.listed(sorted({p.user.name for p in running}))
        return Cell(
            partner="",
            site_id=column.key,
            site=column.label,
            state="soon",
            shared=kinds,
            alerts=False,
            text=text,
            sentence=_told(staff, column.label, sentences.categories(kinds), text, names),
            until=last_day(end, self.customer),
            permission=_id(running[0]),
            of_several=column.of_several,
        )

    def _note(self, of: Known) -> str:
        """The purpose of what is live, else what is asked, else how it ended."""
        live = [g for g in of.grants.values() if is_live(g)]
        purposes = {g.purpose for g in live if g.purpose}
        if live:
            return purposes.pop() if len(purposes) == 1 else ""
        if of.request is not None:
            asked_on = short(last_day(of.request.asked_at, self.customer))
            return gettext("Asked on %(day)s") % {"day": asked_on}
        if of.grants:
            last = max(of.grants.values(), key=lambda g: g.revoked_at or g.expires_at)
            return end_words(last, self.customer, self.viewer)
        assert of.invited_at is not None
        return gettext("Accepted your invitation on %(day)s") % {"day": short(last_day(of.invited_at, self.customer))}


def _is_about(request: AccessRequest, column: Column) -> bool:
    """A wish for no site by name is one for all of them."""
    return not request.sites or any(site.pk in request.sites for site in column.sites)


def _id(row: AccessRequest | StaffPermission | None) -> str:
    return row.public_id if row else ""


def _nothing(column: Column, text: str, state: State) -> Cell:
    """partner and sentence are filled in by the caller."""
    return Cell(
        partner="",
        site_id=column.key,
        site=column.label,
        state=state,
        shared=(),
        alerts=False,
        text=text,
        sentence="",
        of_several=column.of_several,
    )


def _told(name: str, site: str, *parts: str) -> str:
    """'Brightwire: Lyon office, device list and traffic totals, 9 days left'."""
    return gettext("%(name)s: %(facts)s") % {"name": name, "facts": ", ".join([site, *(p for p in parts if p)])}
