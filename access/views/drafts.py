"""What the consent form says so far, and what the page shows of it: options, sentence, what changes, the button's words."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext, ngettext

from access import matrix, policy, sentences, site_groups
from access.errors import Invalid
from access.lengths import OFFERED, end_after, last_day
from access.models import SHAREABLE, AccessRequest, Category, Grant, Organization, Site
from access.sharing import Terms
from access.viewer import Viewer
from access.views.numbers import whole
from access.views.pages import PageRequest

DEFAULT_DAYS = 90
LENGTH_WORDS = {7: "7 days", 30: "30 days", 90: "90 days", 365: "1 year"}
AS_TODAY = "keep"  # as a length: the end stays the one that the partner has today


def length_words(days: int) -> str:
    """'30 days', '1 year'; any number of days a partner may ask for."""
    return LENGTH_WORDS.get(days) or ngettext("%(n)d day", "%(n)d days", days) % {"n": days}


@dataclass(frozen=True, slots=True)
class Draft:
    """What the form says so far. partner None: nobody. current: live grants of the partner at the chosen sites."""

    partner: Organization | None
    sites: tuple[Site, ...]
    categories: frozenset[Category]
    forward_alerts: bool
    days: int
    purpose: str
    current: tuple[Grant, ...] = ()
    keeps_end: bool = False
    problems: dict[str, str] = field(default_factory=dict)  # by field: why it could not be saved

    @property
    def is_complete(self) -> bool:
        return bool(self.partner and self.sites and self.categories)

    @property
    def has_access(self) -> bool:
        """The partner sees something at every chosen site today."""
        return bool(self.current) and len(self.current) == len(self.sites)

    @property
    def can_keep_end(self) -> bool:
        """Whether there is one end to keep: each chosen site has access, and all of it ends together."""
        return self.has_access and len({g.expires_at for g in self.current}) == 1

    @property
    def is_uniform(self) -> bool:
        """Whether the partner has the very same at every chosen site today."""
        today = {(g.category_set, g.forward_alerts, g.purpose) for g in self.current}
        return self.can_keep_end and len(today) == 1

    def terms(self, customer: Organization) -> Terms:
        end = self.current[0].expires_at if self.keeps_end and self.can_keep_end else end_after(self.days, customer)
        return Terms(self.categories, end, self.forward_alerts, self.purpose)

    def check(self) -> None:
        """Raises Invalid, naming the first field that is not answered yet."""
        if self.partner is None:
            raise Invalid(gettext("Choose a partner"), "partner")
        if not self.sites:
            raise Invalid(gettext("Choose at least one site"), "site")
        if not self.categories:
            raise Invalid(gettext("Choose at least one kind of data"), "cat")

    @property
    def look_as_url(self) -> str:
        """Where the partner's whole view under this draft is shown; "" while the draft is not complete."""
        if self.partner is None or not self.is_complete:
            return ""
        said = {
            "partner": self.partner.public_id,
            "site": [s.public_id for s in self.sites],
            "cat": sorted(c.value for c in self.categories),
            "days": AS_TODAY if self.keeps_end else self.days,
        }
        said |= {"forward_alerts": "1"} if self.forward_alerts else {}
        return f"{reverse('look_as', args=[self.partner.public_id])}?{urlencode(said, doseq=True)}"

    def as_today(self) -> "Draft":
        """The form of a cell that holds an access: its very terms, so that a change changes what one touches and nothing else."""
        grant = self.current[0]
        return replace(
            self,
            categories=grant.category_set,
            forward_alerts=grant.forward_alerts,
            purpose=grant.purpose,
        )


def standing(grants: Iterable[Grant]) -> str:
    """A short mark of how these accesses stand. A form carries it, so that nobody decides about what has changed in between."""
    facts = sorted(f"{g.public_id} {g.generation} {g.changed_at and g.changed_at.isoformat()}" for g in grants)
    return hashlib.sha256("|".join(facts).encode()).hexdigest()[:16]


def require_standing(marked: str | None, grants: Iterable[Grant]) -> None:
    """marked: what the form carried; None: no form. Raises Invalid if the accesses are no longer as they were shown."""
    if marked is not None and marked != standing(grants):
        words = gettext(
            "Somebody of your company decided about this in between. This is how it stands now: please look again"
        )
        raise Invalid(words)


def read_draft(request: PageRequest, data: QueryDict) -> Draft:
    """From a query string or a posted form; unknown partners and sites of others are simply not there."""
    named = data.get("partner", "")
    partner = policy.directory().filter(public_id=named).first() if named else None
    sites = _chosen_sites(request.viewer, data)
    chosen = frozenset(c for c in SHAREABLE if c.value in data.getlist("cat"))
    days = data.get("days", "")
    draft = Draft(
        partner=partner,
        sites=sites,
        categories=chosen,
        forward_alerts=bool(data.get("forward_alerts")) and Category.HEALTH in chosen,
        days=whole(days, most=366) or DEFAULT_DAYS,
        purpose=data.get("purpose", "").strip()[:300],
    )
    return replace(draft, current=live_grants(draft), keeps_end=days == AS_TODAY)


def _chosen_sites(viewer: Viewer, data: QueryDict) -> tuple[Site, ...]:
    """Those named one by one, and with `site=all` or `group=`, as cells of a large matrix lead here, those of the column."""
    named, group = set(data.getlist("site")), data.get("group", "")
    if not (named or group):
        return ()
    found = matrix.open_sites(viewer)
    if matrix.ALL_SITES in named:
        return found
    together = site_groups.group_of(found, group) if group else None
    return tuple(s for s in found if s.public_id in named or (together is not None and s in together.sites))


def live_grants(draft: Draft) -> tuple[Grant, ...]:
    """Live grants of the chosen partner at the chosen sites."""
    if draft.partner is None or not draft.sites:
        return ()
    found = Grant.objects.live().filter(partner=draft.partner, site__in=draft.sites)
    return tuple(found.select_related("partner", "site", "customer").order_by("site__name"))


def form_context(request: PageRequest, draft: Draft) -> dict[str, Any]:
    viewer = request.viewer
    customer = viewer.organization
    assert customer is not None
    terms = draft.terms(customer) if draft.is_complete else None
    has_today = {c for g in draft.current for c in g.category_set}
    live = _live_by_partner(viewer)
    return {
        "draft": draft,
        "partners": _partner_options(draft, live),
        "sites": [
            {"value": s.public_id, "label": s.name, "checked": s in draft.sites}
            for s in Site.objects.visible_to(viewer).filter(closed_at=None).order_by("name")
        ],
        "kinds": [_kind(c, draft, has_today) for c in SHAREABLE],
        "lengths": _lengths(draft, customer),
        "sentence": _sentence(draft, terms, customer, anybody=bool(live)),
        "changes": _changes(draft, terms, customer),
        "current": list(draft.current),
        "asked": _asked(draft, viewer),
        "standing": standing(draft.current),
        "button": _button(draft),
    }


def _kind(category: Category, draft: Draft, has_today: set[Category]) -> dict[str, Any]:
    is_sensitive = category == Category.CONFIGURATION
    chip, state = (
        ("Has today", "acc") if category in has_today else ("Sensitive", "watch") if is_sensitive else ("", "")
    )
    is_chosen = category in draft.categories
    return {
        "value": category.value,
        "label": category.label,
        "help": sentences.DETAILS[category],
        "checked": is_chosen,
        "chip": chip,
        "chip_state": state,
        "shared": is_chosen,
    }


def _lengths(draft: Draft, customer: Organization) -> list[dict[str, Any]]:
    keeps = draft.keeps_end and draft.can_keep_end
    lengths = [{"value": d, "label": LENGTH_WORDS[d], "checked": not keeps and d == draft.days} for d in OFFERED]
    if not draft.can_keep_end:
        return lengths
    end = sentences.day(last_day(draft.current[0].expires_at, customer))
    label = gettext("Until %(day)s, as today") % {"day": end}
    return [{"value": AS_TODAY, "label": label, "checked": keeps}, *lengths]


def _sentence(draft: Draft, terms: Terms | None, customer: Organization, *, anybody: bool) -> str:
    """What will be so after the button; of a form that is not filled in, what is so without it."""
    names = [s.name for s in draft.sites]
    if draft.partner is None:
        return sentences.nobody_new() if anybody else sentences.nobody()
    if terms is not None:
        return sentences.of_terms(draft.partner, names, terms, customer)
    if draft.current and not draft.categories:
        return sentences.nothing_left(draft.partner.name)
    return sentences.nothing_yet(draft.partner.name, names)


def _changes(draft: Draft, terms: Terms | None, customer: Organization) -> list[dict[str, Any]]:
    """What changes, site by site: nothing is widened or lengthened without being named."""
    if terms is None or draft.partner is None:
        return []
    by_site = {g.site_id: g for g in draft.current}
    several = len(draft.sites) > 1
    return [
        {"words": f"{site.name}: {c.words}" if several else c.words, "kind": c.kind}
        for site in draft.sites
        for c in sentences.what_changes(by_site.get(site.pk), terms, customer)
    ]


def _asked(draft: Draft, viewer: Viewer) -> AccessRequest | None:
    """What the chosen partner waits for: answering it is a page of its own, and what is given here is given unasked."""
    if draft.partner is None:
        return None
    waiting = AccessRequest.objects.visible_to(viewer).waiting()
    return waiting.filter(partner=draft.partner).select_related("partner").first()


def _button(draft: Draft) -> str:
    """The button repeats the act."""
    if draft.partner is None:
        return gettext("Share with nobody")
    if not draft.sites:
        return gettext("Choose at least one site")
    if not draft.categories:
        return gettext("Choose at least one kind of data")
    return gettext("Let %(name)s see this") % {"name": draft.partner.name}


def _live_by_partner(viewer: Viewer) -> dict[Any, list[Grant]]:
    live = Grant.objects.visible_to(viewer).live().select_related("partner", "site", "customer")
    found: dict[Any, list[Grant]] = {}
    for grant in live.order_by("site__name"):
        found.setdefault(grant.partner_id, []).append(grant)
    return found


def _partner_options(draft: Draft, live: dict[Any, list[Grant]]) -> list[dict[str, Any]]:
    nobody = {
        "value": "none",
        "label": gettext("Nobody"),
        "help": gettext("Keep your data to yourself. Monitoring and predictions still work for you."),
        "chip": gettext("Default"),
        "chip_state": "plain",
        "checked": draft.partner is None,
    }
    return [nobody, *(_partner_option(p, draft, live.get(p.pk, [])) for p in policy.directory())]


def _partner_option(partner: Organization, draft: Draft, grants: list[Grant]) -> dict[str, Any]:
    help_text = gettext("A separate company, not part of SmartCare.")
    if grants:
        words = {"sites": sentences.listed([g.site.name for g in grants])}
        help_text += " " + gettext("Sees something at %(sites)s.") % words
    return {
        "value": partner.public_id,
        "label": partner.name,
        "help": help_text,
        "chip": gettext("Has access") if grants else "",
        "chip_state": "acc" if grants else "",
        "checked": partner == draft.partner,
    }
