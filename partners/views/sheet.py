"""How tenders and proposals are shown, to both sides: the fact sheet, the rows of a proposal, sums of money. The same rows for all."""

from collections.abc import Mapping
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext, gettext_lazy, ngettext

from access import sentences
from access.lengths import last_day
from access.models import Organization
from access.views.pages import PageRequest
from partners.models import Proposal
from partners.proposals import YEARS, Compared, left_out, whole_cost
from partners.views.contracts import money
from telemetry.models import DeviceKind

SUPPORT = {
    "supported": gettext_lazy("Supported by the maker"),
    "ends_soon": gettext_lazy("Support ends within half a year"),
    "ended": gettext_lazy("No longer supported"),
    "unknown": gettext_lazy("Support unknown"),
}
LABELS = {
    "lowest_price": gettext_lazy("Lowest price"),
    "fewest_hours": gettext_lazy("Fewest hours"),
    "earliest_start": gettext_lazy("Earliest"),
    "only_one_that_survives_a_failure": gettext_lazy("Only one"),
}
# What "In short" says of whoever carries the label; each goes on from the partner's name.
SAYS = {
    "lowest_price": gettext_lazy("costs least over 3 years"),
    "fewest_hours": gettext_lazy("needs the fewest hours of work"),
    "earliest_start": gettext_lazy("could start first"),
    "only_one_that_survives_a_failure": gettext_lazy("alone goes on when one unit fails"),
}


def facts(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """Rows of `ui/_kv.html` from the numbers that were frozen when the tender opened; kinds and states that do not occur are left out."""
    kinds, support = found.get("kinds") or {}, found.get("support") or {}
    rows = [{"label": gettext("Devices"), "value": str(found.get("devices", 0))}]
    rows += [{"label": str(k.label), "value": str(kinds[k.value])} for k in DeviceKind if kinds.get(k.value)]
    rows += [
        {"label": str(words), "value": str(support[state])} for state, words in SUPPORT.items() if support.get(state)
    ]
    return rows


def zone_of(request: PageRequest) -> str:
    """Where the reader's company is."""
    return request.viewer.organization.timezone if request.viewer.organization else "UTC"


def sum_of(cents: int | None, currency: str) -> str:
    """'9,400.00 EUR'; '' where none is stated."""
    return "" if cents is None else f"{money(cents)} {currency}"


def price_note(row: Proposal) -> str:
    """'over 3 years: 9,400.00 once, 600.00 a year'; what is not stated is not taken for nothing in the words."""
    words = {"years": YEARS, "once": money(row.price_cents), "yearly": money(row.yearly_cents)}
    if row.price_cents is None and row.yearly_cents is None:
        return gettext("over %(years)d years") % words
    if row.yearly_cents is None:
        return gettext("over %(years)d years: %(once)s once, no yearly price stated") % words
    if row.price_cents is None:
        return gettext("over %(years)d years: %(yearly)s a year, no price once stated") % words
    return gettext("over %(years)d years: %(once)s once, %(yearly)s a year") % words


def stated(row: Proposal) -> list[dict[str, Any]]:
    """What a partner states besides its price, always the same rows; "" is "not stated". key: which label belongs to the row."""
    survives = {True: gettext("Yes"), False: gettext("No"), None: ""}[row.survives_one_failure]
    hours = row.work_hours
    worked = "" if hours is None else ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}
    return [
        {"label": gettext("Work on site"), "value": worked, "key": "fewest_hours"},
        {"label": gettext("Could start"), "value": day(row.starts_on), "key": "earliest_start"},
        {
            "label": gettext("Survives one failure"),
            "value": survives,
            "key": "only_one_that_survives_a_failure",
        },
    ]


def day(when: Any) -> str:
    return date_format(when, "j M Y") if when else ""


def card(row: Compared, customer: Organization, url: str) -> dict[str, Any]:
    """For `ui/_compare_card.html`: one proposal beside the others."""
    badges = {name: LABELS[name] for name in row.labels}
    return {
        "partner": row.proposal.partner.name,
        "summary": row.proposal.summary,
        "price": sum_of(row.cost_cents, row.proposal.currency) or gettext("Not stated"),
        "price_note": price_note(row.proposal),
        "lowest_price": "lowest_price" in badges,
        "facts": [f | {"badge": badges.get(f["key"], "")} for f in stated(row.proposal)] + [sight(row, customer)],
        "chosen": row.proposal.state == "chosen",
        "read_url": url,
    }


def sight(row: Compared, customer: Organization) -> dict[str, str]:
    """Whether this partner sees the site today, which no proposal changes."""
    label = gettext("Can see your data")
    if not row.sees or row.sees_until is None:
        return {"label": label, "value": gettext("No")}
    words = {"day": day(last_day(row.sees_until, customer)), "kinds": sentences.categories(row.sees)}
    return {"label": label, "value": gettext("Until %(day)s: %(kinds)s") % words}


def in_short(rows: list[Compared]) -> list[str]:
    """One sentence for each partner, from the labels alone, in the order of the names. Of a single proposal there is nothing to say."""
    if len(rows) < 2:
        return []
    return [_in_short(row) for row in rows]


def _in_short(row: Compared) -> str:
    name = {"name": row.proposal.partner.name}
    if not row.labels:
        return gettext("%(name)s stands out in no row.") % name
    said = sentences.listed([str(SAYS[label]) for label in row.labels])
    return gettext("%(name)s %(said)s.") % (name | {"said": said})


def exported(row: Compared) -> dict[str, Any]:
    """A line of the comparison as a file; empty is "not stated", and a sum with a part left out is none."""
    p = row.proposal
    return {
        "proposal": p.public_id,
        "partner": p.partner.name,
        "state": p.state,
        "summary": p.summary,
        "currency": p.currency,
        "price": plain(p.price_cents),
        "yearly": plain(p.yearly_cents),
        "cost_3_years": plain(whole_cost(p)),
        "cost_3_years_note": left_out(p),
        "work_hours": p.work_hours,
        "starts_on": p.starts_on,
        "survives_one_failure": p.survives_one_failure,
        "sees": " ".join(c.value for c in row.sees),
        "labels": " ".join(row.labels),
        "sent_at": p.sent_at,
    }


def plain(cents: int | None) -> str | None:
    """'9400.00', for programs."""
    return None if cents is None else f"{cents // 100}.{cents % 100:02}"
