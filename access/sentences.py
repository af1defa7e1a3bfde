"""Consent in words that can be read aloud: what a grant, a request or a draft says, and what a change changes.

One function per kind of sentence and one translatable string per number of items, so that what a person reads is what the database
holds (A20). `parse` is the way back, for the test. Texts: ux.md, section 8.4. Never "only": the partner may see other sites too.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import combinations
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext

from access.lengths import last_day
from access.models import SHAREABLE, Category, Grant, Organization
from access.sharing import Terms

NAMES = {
    Category.INVENTORY: gettext_lazy("device list"),
    Category.HEALTH: gettext_lazy("health and alerts"),
    Category.TRAFFIC: gettext_lazy("traffic totals"),
    Category.CONFIGURATION: gettext_lazy("configuration"),
    Category.CONTRACTS: gettext_lazy("contracts"),
}
# What stands under a box of the form.
DETAILS = {
    Category.INVENTORY: gettext_lazy("Names, models, serials, software versions"),
    Category.HEALTH: gettext_lazy("Readings, scores, alerts and predictions"),
    Category.TRAFFIC: gettext_lazy("How much, never what. No web addresses, no content"),
    Category.CONFIGURATION: gettext_lazy("Settings, with passwords and keys always removed"),
    Category.CONTRACTS: gettext_lazy("Support end dates and prices"),
}


def listed(items: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'; a comma before the last "and" when an item holds one of its own."""
    words = [str(i) for i in items]
    has_and = any(re.search(r"\b" + re.escape(gettext("and")) + r"\b", w) for w in words)
    while len(words) > 5:
        words[:2] = [gettext("%(a)s, %(b)s") % {"a": words[0], "b": words[1]}]
    if len(words) < 2:
        return words[0] if words else ""
    plain = {
        2: gettext("%(a)s and %(b)s"),
        3: gettext("%(a)s, %(b)s and %(c)s"),
        4: gettext("%(a)s, %(b)s, %(c)s and %(d)s"),
        5: gettext("%(a)s, %(b)s, %(c)s, %(d)s and %(e)s"),
    }
    with_comma = {
        2: gettext("%(a)s, and %(b)s"),
        3: gettext("%(a)s, %(b)s, and %(c)s"),
        4: gettext("%(a)s, %(b)s, %(c)s, and %(d)s"),
        5: gettext("%(a)s, %(b)s, %(c)s, %(d)s, and %(e)s"),
    }
    return (with_comma if has_and else plain)[len(words)] % dict(zip("abcde", words, strict=False))


def categories(chosen: Iterable[Category | str]) -> str:
    """Kinds of data in their fixed order: 'device list, health and alerts, and traffic totals'."""
    wanted = {Category(c) for c in chosen}
    return listed([str(NAMES[c]) for c in SHAREABLE if c in wanted])


def day(when: date) -> str:
    """'24 December 2026'."""
    return date_format(when, pgettext("date in a sentence", "j F Y"))


def moment(when: datetime, customer: Organization) -> str:
    """'24 December 2026, 14:00' where the customer is."""
    local = when.astimezone(ZoneInfo(customer.timezone))
    return f"{day(local.date())}, {date_format(local, 'H:i')}"


def nobody() -> str:
    return gettext("No partner sees anything. You still see everything and still get your alerts.")


def nobody_new() -> str:
    """Nobody is chosen on the form, while some partner sees something: nobody's sentence would not be true."""
    return gettext("Nobody new sees anything. What partners see today stays as it is.")


def nothing_yet(partner: str, where: Sequence[str]) -> str:
    """A draft without a site or a kind of data, of a partner that sees nothing there."""
    if not where:
        return gettext("%(partner)s would see nothing: nothing is chosen yet.") % {"partner": partner}
    words = {"partner": partner, "where": listed(where)}
    return gettext("%(partner)s would see nothing of %(where)s: nothing is chosen yet.") % words


def nothing_left(partner: str) -> str:
    """Every kind of data was taken off a running access."""
    return gettext("Choose what %(partner)s may still see, or stop this access.") % {"partner": partner}


def no_longer(partner: str, where: Sequence[str]) -> str:
    """What partner and customer read of an access that has ended."""
    return gettext("%(partner)s can no longer see %(where)s.") % {"partner": partner, "where": listed(where)}


def _with_alerts(sentence: str, forward_alerts: bool) -> str:
    return f"{sentence} {gettext('Alerts are sent to them as they happen.')}" if forward_alerts else sentence


def can_look(
    partner: str, what: Iterable[Category | str], where: Sequence[str], until: date, *, forward_alerts: bool = False
) -> str:
    """The consent sentence: what is so, or will be so after the button. Nobody's sentence when no kind of data is chosen."""
    kinds = categories(what)
    if not kinds or not where:
        return nobody()
    sentence = gettext("%(partner)s can look at %(what)s for %(where)s until %(until)s.")
    words = {"partner": partner, "what": kinds, "where": listed(where), "until": day(until)}
    return _with_alerts(sentence % words, forward_alerts)


def could_look(
    partner: str, what: Iterable[Category | str], where: Sequence[str], until: date, *, forward_alerts: bool = False
) -> str:
    """What a request asks for. where: the sites' names; empty for all sites."""
    sentence = gettext("%(partner)s could look at %(what)s for %(where)s until %(until)s.")
    place = listed(where) if where else gettext("all your sites")
    words = {"partner": partner, "what": categories(what), "where": place, "until": day(until)}
    if not forward_alerts:
        return sentence % words
    return f"{sentence % words} {gettext('Alerts would be sent to them as they happen.')}"


def of_grant(grant: Grant) -> str:
    """The sentence of one stored grant; its partner, site and customer are read from the row. One that has ended says so."""
    if grant.revoked_at or grant.closed_at or grant.expires_at <= timezone.now():
        return no_longer(grant.partner.name, [grant.site.name])
    return can_look(
        grant.partner.name,
        grant.ordered_categories,
        [grant.site.name],
        last_day(grant.expires_at, grant.customer),
        forward_alerts=grant.forward_alerts,
    )


def of_terms(partner: Organization, sites: Sequence[str], terms: Terms | None, customer: Organization) -> str:
    """The sentence of a draft, before anything is stored."""
    if terms is None:
        return nobody()
    until = last_day(terms.expires_at, customer)
    return can_look(partner.name, terms.categories, sites, until, forward_alerts=terms.forward_alerts)


def for_hours(hours: int) -> str:
    """'4 hours', '3 days'."""
    if hours % 24 == 0 and hours > 24:
        return ngettext("%(n)d day", "%(n)d days", hours // 24) % {"n": hours // 24}
    return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}


def staff_could_look(person: str, what: Iterable[Category | str], where: Sequence[str], hours: int) -> str:
    """What a member of staff asks for. where: the sites' names; empty for all sites."""
    return gettext(
        "%(person)s of SmartCare could look at %(what)s for %(where)s for %(length)s, starting when you say yes."
    ) % {
        "person": person,
        "what": categories(what),
        "where": listed(where) if where else gettext("all your sites"),
        "length": for_hours(hours),
    }


def staff_can_look(person: str, what: Iterable[Category | str], where: Sequence[str], until: str) -> str:
    """A running permission of staff. until: words of `moment`."""
    return gettext("%(person)s of SmartCare can look at %(what)s for %(where)s until %(until)s.") % {
        "person": person,
        "what": categories(what),
        "where": listed(where) if where else gettext("all your sites"),
        "until": until,
    }


def left(days: int) -> str:
    """'9 days left'; 'ends today' on the last day."""
    if days <= 0:
        return gettext("ends today")
    return ngettext("%(n)d day left", "%(n)d days left", days) % {"n": days}


class ChangeKind(StrEnum):
    NEW = "new"
    LATER = "ends later"
    EARLIER = "ends earlier"
    STAYS = "stays"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of "What changes": a kind of data (None: sending alerts) at one site."""

    kind: ChangeKind
    category: Category | None
    words: str


def what_changes(current: Grant | None, draft: Terms | None, customer: Organization) -> list[Change]:
    """What is new, ends later or earlier than today, stays or is taken away; in the order of the kinds, alerts last.

    current: the live grant of the pair; draft None: everything stops. Days are compared, since days are what people read.
    """
    before = set(current.ordered_categories) if current else set()
    after = set(draft.categories) if draft else set()
    old = last_day(current.expires_at, customer) if current else None
    new = last_day(draft.expires_at, customer) if draft else None
    found = [
        _change(c, str(NAMES[c]), had=c in before, has=c in after, old=old, new=new)
        for c in SHAREABLE
        if c in before | after
    ]
    sent, to_send = bool(current and current.forward_alerts), bool(draft and draft.forward_alerts)
    if sent or to_send:
        found.append(_change(None, gettext("sending alerts"), had=sent, has=to_send, old=old, new=new))
    return found


def _change(
    category: Category | None, what: str, *, had: bool, has: bool, old: date | None, new: date | None
) -> Change:
    if not has or new is None:
        return Change(ChangeKind.REMOVED, category, gettext("Ends now: %(what)s") % {"what": what})
    words = {"what": what, "new": day(new), "old": day(old) if old else ""}
    if not had or old is None:
        return Change(ChangeKind.NEW, category, gettext("New: %(what)s, until %(new)s") % words)
    if new > old:
        return Change(ChangeKind.LATER, category, gettext("Ends later: %(what)s, %(new)s instead of %(old)s") % words)
    if new < old:
        return Change(
            ChangeKind.EARLIER, category, gettext("Ends earlier: %(what)s, %(new)s instead of %(old)s") % words
        )
    return Change(ChangeKind.STAYS, category, gettext("Stays as it is: %(what)s, until %(old)s") % words)


@dataclass(frozen=True, slots=True)
class Said:
    """What a consent sentence says, read back from its text."""

    partner: str
    categories: frozenset[Category]
    sites: tuple[str, ...]
    until: date
    forward_alerts: bool


def parse(sentence: str, *, sites: Iterable[str]) -> Said | None:
    """Read an English consent sentence back; None for nobody's. sites: names the customer has (a name may hold "and").

    Raises ValueError if the text is no consent sentence or could mean two things.
    """
    if sentence == nobody():
        return None
    kinds = {categories(c): frozenset(c) for n in range(1, 6) for c in combinations(SHAREABLE, n)}
    pattern = (
        r"(?P<partner>.+) can look at (?P<what>"
        + "|".join(re.escape(k) for k in sorted(kinds, key=len, reverse=True))
        + r") for (?P<where>.+) until (?P<until>\d{1,2} [A-Z][a-z]+ \d{4})\.(?P<alerts> Alerts are sent to them as they happen\.)?"
    )
    found = re.fullmatch(pattern, sentence)
    if found is None:
        raise ValueError(f"No consent sentence: {sentence}")
    meant = [chosen for chosen in _choices(sorted(set(sites)), found["where"]) if listed(chosen) == found["where"]]
    if len(meant) != 1:
        raise ValueError(f"{len(meant)} meanings: {found['where']}")
    until = datetime.strptime(found["until"] + " +0000", "%d %B %Y %z").date()
    return Said(found["partner"], kinds[found["what"]], tuple(meant[0]), until, found["alerts"] is not None)


def _choices(names: list[str], where: str) -> Iterable[tuple[str, ...]]:
    inside = [n for n in names if n in where]
    return (c for n in range(1, len(inside) + 1) for c in combinations(inside, n))
