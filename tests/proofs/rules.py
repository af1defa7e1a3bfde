"""Who may read and write each table's rows, row by row: access.md sections 1 and 4 as a table.

Every table under row-level security has a line here, or the test fails: a new table is a decision. A missing act is refused
to everybody. Written from the text, not from the policies.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.proofs.truth import Eyes, Truth

Row = dict[str, Any]
Rule = Callable[[Truth, Eyes, Row], bool]


def nobody(t: Truth, e: Eyes, r: Row) -> bool:
    return False


@dataclass(frozen=True)
class Rules:
    """reads, adds, changes, removes of one table."""

    reads: Rule
    adds: Rule = nobody
    changes: Rule = nobody
    removes: Rule = nobody


# ---- words


def own(t: Truth, e: Eyes, r: Row) -> bool:
    """The customer's side: its people and its work."""
    return r["customer_id"] in t.owner(e)


def mine(column: str) -> Rule:
    """The organization the eyes act for, customer or partner."""
    return lambda t, e, r: r[column] in t.me(e)


def at(category: str, column: str = "site_id") -> Rule:
    return lambda t, e, r: r[column] in t.sites(e, category)


def owned_site(t: Truth, e: Eyes, r: Row) -> bool:
    return r["site_id"] in t.owned_sites(e)


def answered(t: Truth, e: Eyes, r: Row) -> bool:
    return r["site_id"] in t.answered_sites(e)


def stayed(category: str) -> Rule:
    """Samples hang on the stay, so on the site where they were measured."""
    return lambda t, e, r: r["stay"] in t.stays(t.sites(e, category))


def staff(t: Truth, e: Eyes, r: Row) -> bool:
    return t.is_staff(e)


def a_job(t: Truth, e: Eyes, r: Row) -> bool:
    return e.kind == "job"


def somebody(t: Truth, e: Eyes, r: Row) -> bool:
    return e.kind != ""


def either(*rules: Rule) -> Rule:
    return lambda t, e, r: any(rule(t, e, r) for rule in rules)


def both(*rules: Rule) -> Rule:
    return lambda t, e, r: all(rule(t, e, r) for rule in rules)


def as_kind(*kinds: str) -> Rule:
    return lambda t, e, r: e.kind in kinds


# ---- sentences


def known_company(t: Truth, e: Eyes, r: Row) -> bool:
    """Partners are a public directory; a customer is known to itself, to those it dealt with, and to staff by name."""
    public = r["kind"] == "partner" and e.kind != ""
    return public or t.is_staff(e) or r["id"] in t.me(e) | t.related(e) | t.dealt_with(e)


def known_member(t: Truth, e: Eyes, r: Row) -> bool:
    colleague, oneself = r["organization_id"] in t.me(e), bool(e.user) and r["user_id"] == e.user
    addressee = e.kind == "job" and r["organization_id"] in t.related(e)
    return colleague or oneself or addressee or t.is_staff(e)


def joins(t: Truth, e: Eyes, r: Row) -> bool:
    return r["organization_id"] in t.me(e) or (e.kind == "login" and r["user_id"] == e.user) or t.is_staff(e)


def its_grant(t: Truth, e: Eyes, r: Row) -> bool:
    stood_in = e.kind == "preview" and r["customer_id"] == e.preview_of and r["partner_id"] == e.organization
    may_preview = bool(t.me(Eyes("", "customer", organization=e.preview_of, user=e.user)))
    return own(t, e, r) or r["partner_id"] in t.me(e) or t.is_staff(e) or (stood_in and may_preview)


def of_its_grant(rule: Rule) -> Rule:
    """guardian's row follows its grant."""
    return lambda t, e, r: any(rule(t, e, g) for g in t.rows("access_grant") if g["id"] == r["grant_id"])


def may_say_it_looked(t: Truth, e: Eyes, r: Row) -> bool:
    of_the_whole = r["site_id"] is None and r["customer_id"] in t.related(e) | t.dealt_with(e)
    return own(t, e, r) or r["site_id"] in t.sites(e, "any") or of_the_whole or t.is_staff(e)


def readable_comment(t: Truth, e: Eyes, r: Row) -> bool:
    to_partners, to_customer = r["audience"] == "partners", r["audience"] == "customer" and own(t, e, r)
    return to_partners or to_customer or r["author_organization_id"] in t.me(e)


def sent_proposal(t: Truth, e: Eyes, r: Row) -> bool:
    return (own(t, e, r) and r["state"] != "draft") or r["partner_id"] in t.me(e)


def its_tender(t: Truth, e: Eyes, r: Row) -> bool:
    return own(t, e, r) or r["id"] in t.invited_to(e)


def readable_question(t: Truth, e: Eyes, r: Row) -> bool:
    """Answered ones are shared among the invited; an unanswered one of somebody else would say that there is somebody else."""
    shared = r["answered_at"] is not None and r["tender_id"] in t.invited_to(e)
    return own(t, e, r) or shared or r["asked_by_id"] in t.me(e)


def deals_with_owner(t: Truth, e: Eyes, r: Row) -> bool:
    """A customer's work sends to the destinations of the partners it dealt with."""
    return e.kind == "job" and r["owner_id"] in t.related(e)


def told_work(t: Truth, e: Eyes, r: Row) -> bool:
    """Work may be queued for oneself, and for a customer by those it deals with (an answered alert) and by staff (a notice)."""
    return r["customer_id"] in t.me(e) | t.related(e) or t.is_staff(e)


# ---- the table


def of_site(category: str, *, removable: bool = False) -> Rules:
    return Rules(at(category), owned_site, owned_site, owned_site if removable else nobody)


def customers_own() -> Rules:
    return Rules(own, owned_site, owned_site)


def measured(category: str) -> Rules:
    return Rules(stayed(category), both(a_job, stayed(category)), both(a_job, stayed(category)))


def company_s(column: str) -> Rules:
    return Rules(mine(column), mine(column), mine(column))


OWN = Rules(own, own, own)
PARTIES = either(own, mine("partner_id"))
HANDED_OVER = Rules(either(own, mine("owner_id")), either(own, mine("owner_id")), either(own, mine("owner_id")))

TABLES = {
    # people and companies
    "access_organization": Rules(known_company, as_kind("login", "staff"), either(mine("id"), staff)),
    "access_membership": Rules(known_member, joins, mine("organization_id"), either(mine("organization_id"), staff)),
    "access_serviceaccount": company_s("organization_id"),
    "access_invitation": company_s("organization_id"),
    # consent
    "access_site": Rules(either(own, at("any", "id"), staff), own, own),
    "access_grant": Rules(its_grant, own, own),
    "access_sitegrouppermission": Rules(of_its_grant(its_grant), of_its_grant(own), nobody, of_its_grant(own)),
    "access_siteuserpermission": Rules(nobody),
    "access_accessrequest": Rules(PARTIES, mine("partner_id"), PARTIES),
    "access_staffpermission": Rules(
        either(own, staff), both(staff, lambda t, e, r: r["user_id"] == e.user), either(own, staff)
    ),
    # journals: only ever added
    "access_auditentry": Rules(mine("customer_id"), somebody),
    "access_viewingentry": Rules(either(own, mine("looker_id")), may_say_it_looked),
    "access_unsealedlook": Rules(own, nobody, nobody, own),
    "access_seal": Rules(own, own),
    "access_anchor": Rules(mine("customer_id"), mine("customer_id")),
    "access_ownreadsummary": OWN,
    # any kind of data opens these, and no more than these
    "telemetry_device": of_site("any"),
    "telemetry_devicestay": of_site("any"),
    # inventory
    "telemetry_deviceinventory": of_site("inventory"),
    "telemetry_inventorychange": of_site("inventory"),
    "telemetry_devicealias": of_site("inventory", removable=True),
    # health
    "telemetry_alert": Rules(at("health"), owned_site, answered),
    "telemetry_alerttransition": Rules(at("health"), answered),
    "telemetry_alertcomment": Rules(
        both(at("health"), readable_comment), both(answered, mine("author_organization_id"))
    ),
    "telemetry_forecast": of_site("health"),
    "telemetry_devicehealth": of_site("health"),
    "telemetry_detectorstate": of_site("health"),
    "telemetry_maintenance": of_site("health"),
    "telemetry_deviceevent": Rules(at("health")),  # written by ingest_accept() alone
    "telemetry_healthsample": Rules(stayed("health")),
    "telemetry_healthlayout": Rules(stayed("health")),
    "telemetry_healthlatest": measured("health"),
    "telemetry_healthblock": measured("health"),
    "telemetry_healthrollup": measured("health"),
    # traffic
    "telemetry_trafficfigures": of_site("traffic"),
    "telemetry_trafficsample": Rules(stayed("traffic")),
    "telemetry_trafficlayout": Rules(stayed("traffic")),
    "telemetry_trafficlatest": measured("traffic"),
    "telemetry_trafficblock": measured("traffic"),
    "telemetry_trafficrollup": measured("traffic"),
    # configuration, contracts
    "telemetry_configurationsnapshot": of_site("configuration"),
    "partners_contractcoverage": of_site("contracts", removable=True),
    # the customer's own
    "telemetry_collector": customers_own(),
    "telemetry_devicekey": customers_own(),
    "telemetry_claimcode": customers_own(),
    "telemetry_report": Rules(own),
    "telemetry_quarantine": Rules(own, nobody, both(a_job, own)),
    "telemetry_refusal": Rules(own),  # written by ingest_refused() alone
    "telemetry_factinbox": Rules(own, nobody, nobody, both(a_job, own)),
    "telemetry_analysisdue": Rules(own, own, own, own),
    "telemetry_silencememory": OWN,
    "telemetry_job": Rules(mine("customer_id"), told_work, mine("customer_id"), mine("customer_id")),
    # business
    "partners_contract": Rules(PARTIES, own, own),
    "partners_tender": Rules(its_tender, own, own),
    "partners_proposal": Rules(sent_proposal, own, PARTIES),
    "partners_tenderquestion": Rules(
        readable_question,
        both(mine("asked_by_id"), lambda t, e, r: r["tender_id"] in t.invited_to(e)),
        own,
    ),
    "partners_partnernote": Rules(mine("owner_id"), mine("owner_id"), mine("owner_id"), mine("owner_id")),
    # exits
    "partners_destination": Rules(
        either(mine("owner_id"), deals_with_owner), mine("owner_id"), either(mine("owner_id"), deals_with_owner)
    ),
    "partners_delivery": HANDED_OVER,
    "partners_deliveryattempt": HANDED_OVER,
}
