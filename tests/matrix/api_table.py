"""The API's table: for each operation of the schema who gets which answer, with which ids. A path without a row fails the test.

Written from interface.md, not from the code. Who does not see a thing gets the 404 of a thing that is not there; who sees it but may
not do that gets a 403.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

Answers = Mapping[str, int]
Case = tuple[str, frozenset[str]]  # the name of a printed id, and the companies for which it exists

CUSTOMERS = ("acme", "globex", "nobody")  # mallory's company is called "nobody": it has nothing to do with the cast
EVERYBODY = frozenset({"acme", "globex", "nobody", "northwind", "rival", "third"})
OWNERS = ("ada", "gwen", "mallory")
ADMINS = ("nora", "rita", "theo")
DECIDERS = ("ada", "april", "token-acme", "gwen", "token-globex", "mallory")
ACME_DECIDES = ("ada", "april", "token-acme")
NORTHWIND = ("nora", "nils", "token-northwind")
RIVAL = ("rita", "token-rival", "freda-as-rival")
THIRD = ("theo", "token-third")
PARTNERS = (*NORTHWIND, *RIVAL, *THIRD)
MANAGE = (*DECIDERS, *PARTNERS)  # destinations: everybody but those who only read


def only(*actors: str, ok: int = 200, rest: int = 403, **more: int) -> Answers:
    """`ok` for these actors, `rest` for all others; more: by company or kind ("partner", "customer")."""
    return {**more, **dict.fromkeys(actors, ok), "*": rest}


def case(name: str, *companies: str) -> Case:
    return name, frozenset(companies)


@dataclass(frozen=True)
class Call:
    """One operation. answers: by actor, company or kind, else "*", for those for whom the id exists.

    "@name" in a body or query stands for a printed id. logged: a partner that reads is written down in the viewing log.
    """

    method: str
    path: str  # as the schema spells it, without /api/v1
    answers: Answers = field(default_factory=lambda: {"*": 200})
    cases: tuple[Case, ...] = ()
    body: Any = None
    query: str = ""
    second: str = ""  # the second id of a path: "@name" or as it stands
    logged: bool = False

    def __str__(self) -> str:
        what = ",".join(sorted(self.body)) if isinstance(self.body, dict) else ""
        return f"{self.method} {self.path}{'?' + self.query if self.query else ''} {what}".strip()

    @property
    def is_safe(self) -> bool:
        return self.method == "GET"

    @property
    def logs(self) -> bool:
        return self.logged and self.is_safe


ID = "/{public_id}"
SITES = (case("hq", "acme", "northwind"), case("branch", "acme"), case("plant", "globex"))
DEVICES = (case("fw-hq", "acme", "northwind"), case("fw-branch", "acme"), case("fw-plant", "globex"))
KEYLESS = (case("rt-hq", "acme", "northwind"), case("rt-plant", "globex"))
ALERTS = (case("hq-open", "acme", "northwind"), case("branch-open", "acme"), case("plant-open", "globex"))
GRANTS = (case("grant-northwind-hq", "acme", "northwind"), case("grant-third-hq", "acme", "third"))  # live, revoked
REQUESTS = (
    case("request-northwind-acme", "acme", "northwind"),
    case("request-northwind-globex", "globex", "northwind"),
    case("request-rival-acme", "acme", "rival"),
)
WEBHOOKS = tuple(case(f"destination-{c}-webhook", c) for c in ("acme", "globex", "northwind", "rival"))
ACCOUNTS = tuple(case(f"account-{c}", c) for c in ("acme", "globex", "northwind", "rival"))
DELIVERIES = (case("delivery-acme", "acme"), case("delivery-northwind", "northwind"))
CONTRACTS = (case("contract-acme-rival", "acme", "rival"), case("contract-globex-northwind", "globex", "northwind"))
TENDER = (case("tender-hq", "acme", "northwind", "rival", "third"),)
PROPOSALS = (
    case("proposal-hq-northwind", "acme", "northwind"),
    case("proposal-hq-rival", "rival"),
    case("proposal-branch-rival", "acme", "rival"),
    case("proposal-branch-third", "third"),
)
TODAY = timezone.now().date()
NEW_REQUEST = {
    "customer_name": "Nobody Ltd",
    "categories": ["inventory"],
    "days": 7,
    "reason": "So that we can help before something fails",
}
NEW_GRANT = {"partner": "@rival", "site": "@branch", "categories": ["inventory"], "days": 7}
NEW_CONTRACT = {
    "partner": "@third",
    "title": "Care",
    "starts_on": str(TODAY),
    "ends_on": str(TODAY + timedelta(days=365)),
    "covers": [{"site": "@branch", "what": "All of it"}],
}
ENDS_ANOTHERS = {"partner": "@third", "grants": [{"grant": "@grant-northwind-hq", "action": "end"}]}
NEW_TENDER = {"site": "@branch", "title": "A line", "wish": "A second one", "partners": ["@rival"], "days": 7}

# Somebody who names a thing it does not see reads "unknown" (400); partners may not do these things at all (403).
NAMES_BRANCH = only(*ACME_DECIDES, ok=201, rest=400, alan=403, partner=403)
AT_HQ = only(*ACME_DECIDES, ok=201, rest=400, alan=403, northwind=403)  # northwind sees the site, and may not
AT_PLANT = only("gwen", "token-globex", ok=201, rest=400)
IN_VAIN = {"*": 400}
NOT_TOLD_YET = only(*ACME_DECIDES, rival=404, third=404)  # a question of northwind that is not answered
ANSWERS = only(*DECIDERS, *NORTHWIND)  # of an alert
DECIDES = only(*DECIDERS)

# fmt: off
CALLS = (
    # sites
    Call("GET", "/sites", logged=True),
    Call("POST", "/sites", only(*DECIDERS, ok=201), body={"name": "A new place"}),
    Call("GET", "/sites" + ID, cases=SITES, logged=True),
    Call("PATCH", "/sites" + ID, DECIDES, SITES, {"city": "Bern"}),
    Call("POST", "/sites" + ID + "/close", DECIDES, SITES),
    # devices
    Call("GET", "/devices", logged=True),
    Call("GET", "/devices", query="site=@plant", logged=True),
    Call("GET", "/devices", query="search=canary", logged=True),
    Call("GET", "/devices", query="state=risk&site=@branch", logged=True),
    Call("POST", "/devices", AT_HQ, body={"label": "New", "site": "@hq"}),
    Call("POST", "/devices", AT_PLANT, body={"label": "New", "site": "@plant"}),
    Call("POST", "/devices/claims", AT_HQ, body={"site": "@hq"}),
    Call("POST", "/devices/claims", AT_PLANT, body={"site": "@plant"}),
    Call("GET", "/devices" + ID, cases=DEVICES, logged=True),
    Call("PATCH", "/devices" + ID, DECIDES, DEVICES, {"label": "Renamed"}),
    Call("PATCH", "/devices" + ID, only(*ACME_DECIDES, ok=400), DEVICES[:1], {"site": "@plant"}),
    Call("DELETE", "/devices" + ID, only(*DECIDERS, ok=204), DEVICES),
    Call("GET", "/devices" + ID + "/forecasts", cases=DEVICES, logged=True),
    Call("GET", "/devices" + ID + "/readings", cases=DEVICES, query="metric=device.memory.utilization", logged=True),
    Call("GET", "/devices" + ID + "/readings", cases=DEVICES[:1], query="metric=if.io", logged=True),
    Call("POST", "/devices" + ID + "/keys", only(*DECIDERS, ok=201), KEYLESS),
    Call("DELETE", "/devices" + ID + "/keys/{key_id}", only(*ACME_DECIDES, ok=204, northwind=404), DEVICES[:1], second="@key-fw-hq"),
    Call("DELETE", "/devices" + ID + "/keys/{key_id}", {"*": 404}, (case("fw-branch", "acme"),), second="@key-fw-hq"),
    # alerts
    Call("GET", "/alerts", logged=True),
    Call("GET", "/alerts", query="site=@plant", logged=True),
    Call("GET", "/alerts", query="device=@fw-branch", logged=True),
    Call("GET", "/alerts" + ID, cases=ALERTS, logged=True),
    Call("POST", "/alerts" + ID + "/acknowledge", ANSWERS, ALERTS),
    Call("POST", "/alerts" + ID + "/claim", ANSWERS, ALERTS),
    Call("POST", "/alerts" + ID + "/release", only(*DECIDERS), ALERTS),  # northwind did not take it
    Call("POST", "/alerts" + ID + "/snooze", ANSWERS, ALERTS, {"until": (timezone.now() + timedelta(days=2)).isoformat()}),
    Call("POST", "/alerts" + ID + "/resolve", ANSWERS, ALERTS, {}),
    Call("GET", "/alerts" + ID + "/comments", cases=ALERTS, logged=True),
    Call("POST", "/alerts" + ID + "/comments", only(*DECIDERS, *NORTHWIND, ok=201), ALERTS, {"text": "We look at it"}),
    # consent
    Call("GET", "/grants"),
    Call("GET", "/grants", query="live=true"),
    Call("POST", "/grants", NAMES_BRANCH, body=NEW_GRANT),
    Call("POST", "/grants", only(rest=400, alan=400, partner=403), body=NEW_GRANT | {"partner": "@globex"}),
    Call("POST", "/grants", only("gwen", "token-globex", ok=201, rest=400, partner=403), body=NEW_GRANT | {"site": "@plant"}),
    Call("GET", "/grants" + ID, cases=GRANTS),
    Call("PATCH", "/grants" + ID, DECIDES, GRANTS[:1], {"purpose": "Something else"}),
    Call("PATCH", "/grants" + ID, only(*DECIDERS, ok=409), GRANTS[1:], {"purpose": "Something else"}),
    Call("DELETE", "/grants" + ID, only(*DECIDERS, "nora"), GRANTS[:1]),
    Call("DELETE", "/grants" + ID, only(*DECIDERS, "theo", ok=409), GRANTS[1:]),
    Call("GET", "/access-requests"),
    Call("POST", "/access-requests", only(*PARTNERS, ok=201), body=NEW_REQUEST),
    Call("POST", "/access-requests", only(rest=400, customer=403), body=NEW_REQUEST | {"customer_name": "Acme", "sites": ["@branch"]}),
    Call("GET", "/access-requests" + ID, cases=REQUESTS),
    Call("DELETE", "/access-requests" + ID, only(*PARTNERS), REQUESTS),
    Call("POST", "/access-requests" + ID + "/approve", DECIDES, REQUESTS, {}),
    Call("POST", "/access-requests" + ID + "/approve", only(rest=400, alan=403, partner=403), REQUESTS[:1], {"sites": ["@plant"]}),
    Call("POST", "/access-requests" + ID + "/decline", DECIDES, REQUESTS),
    Call("GET", "/viewing-log"),
    Call("GET", "/viewing-log/verify", only(rest=200, partner=403)),
    Call("GET", "/audit-log"),
    # the own company
    Call("GET", "/members"),
    Call("POST", "/members", only(*OWNERS, ok=201, nora=400, rita=400, theo=400), body={"email": "new@example.com", "role": "viewer"}),
    Call("PATCH", "/members" + ID, only("ada"), (case("member-alan", "acme"),), {"role": "approver"}),
    Call("PATCH", "/members" + ID, only("nora"), (case("member-nils", "northwind"),), {"role": "sales"}),
    Call("DELETE", "/members" + ID, only("ada", "alan", ok=204), (case("member-alan", "acme"),)),
    Call("DELETE", "/members" + ID, only("nora", "nils", ok=204), (case("member-nils", "northwind"),)),
    Call("DELETE", "/members" + ID, {"*": 404}, (case("member-lars"),)),  # removed
    Call("GET", "/service-accounts"),
    Call("POST", "/service-accounts", only(*OWNERS, *ADMINS, ok=201), body={"name": "Script"}),
    Call("DELETE", "/service-accounts" + ID, only(*OWNERS, *ADMINS, ok=204), ACCOUNTS),
    Call("GET", "/partners", only(rest=200, partner=403)),
    Call("GET", "/partners", only(rest=200, partner=403), query="search=north"),
    Call("POST", "/partners", only("ada", "april", "gwen", "mallory", ok=201), body={"email": "new@partner.example"}),
    Call("GET", "/partners" + ID, only(rest=200, partner=403), (case("northwind", *EVERYBODY), case("globex", *PARTNERS))),
    # destinations and deliveries
    Call("GET", "/destinations"),
    Call("POST", "/destinations", only(*MANAGE, ok=201), body={"kind": "webhook", "url": "https://hooks.example.com/in"}),
    Call("POST", "/destinations", only(*ACME_DECIDES, ok=201, rest=400, alan=403), body={"kind": "email", "member": "@member-alan"}),
    Call("POST", "/destinations", only(*NORTHWIND, ok=201, rest=400), body={"kind": "email", "member": "@member-nils"}),
    Call("GET", "/destinations" + ID, cases=WEBHOOKS),
    Call("GET", "/destinations" + ID, {"*": 404}, (case("destination-gone"),)),  # removed
    Call("PATCH", "/destinations" + ID, only(*MANAGE), WEBHOOKS, {"name": "Tickets"}),
    Call("DELETE", "/destinations" + ID, only(*MANAGE, ok=204), WEBHOOKS),
    Call("POST", "/destinations" + ID + "/test", only(*MANAGE), WEBHOOKS),
    Call("POST", "/destinations" + ID + "/keep", only(*MANAGE, ok=409), WEBHOOKS),  # somebody answers for it already
    Call("POST", "/destinations" + ID + "/secret", only(*MANAGE, ok=201), WEBHOOKS),
    Call("GET", "/deliveries"),
    Call("GET", "/deliveries", query="destination=@destination-acme-webhook"),
    Call("GET", "/deliveries" + ID, cases=DELIVERIES),
    Call("POST", "/deliveries" + ID + "/replay", only(*MANAGE), DELIVERIES),
    # contracts
    Call("GET", "/contracts"),
    Call("POST", "/contracts", NAMES_BRANCH, body=NEW_CONTRACT),
    Call("GET", "/contracts" + ID, cases=CONTRACTS),
    Call("POST", "/contracts" + ID + "/end", DECIDES, CONTRACTS),
    Call("POST", "/contracts" + ID + "/transfer", only(*DECIDERS, ok=201), CONTRACTS, {"partner": "@third"}),
    Call("POST", "/contracts" + ID + "/transfer", only(rest=400, partner=403), CONTRACTS, ENDS_ANOTHERS),
    # tenders and proposals
    Call("GET", "/tenders", logged=True),
    Call("POST", "/tenders", NAMES_BRANCH, body=NEW_TENDER),
    Call("POST", "/tenders", only(rest=400, partner=403), body=NEW_TENDER | {"partners": ["@globex"]}),
    Call("GET", "/tenders" + ID, cases=TENDER, logged=True),
    Call("GET", "/tenders" + ID + "/questions", cases=TENDER, logged=True),
    Call("POST", "/tenders" + ID + "/questions", only(*PARTNERS, ok=201), TENDER, {"question": "How many ports?"}),
    Call("POST", "/tenders" + ID + "/questions/{question}/answer", NOT_TOLD_YET, TENDER, {"answer": "Yes"}, second="@question"),
    Call("POST", "/tenders" + ID + "/choose", only(*ACME_DECIDES), TENDER, {"proposal": "@proposal-hq-northwind"}),
    Call("POST", "/tenders" + ID + "/choose", only(rest=400, partner=403), TENDER, {"proposal": "@proposal-hq-rival"}),  # a draft
    Call("POST", "/tenders" + ID + "/close", only(*ACME_DECIDES), TENDER, {}),
    Call("POST", "/tenders" + ID + "/close", only(*ACME_DECIDES, alan=403), TENDER, {"end_grants": ["@grant-northwind-hq"]}),
    Call("POST", "/tenders" + ID + "/close", only(rest=400, partner=403), TENDER, {"end_grants": ["@grant-third-hq"]}),  # ended before
    Call("GET", "/proposals"),
    Call("GET", "/proposals", query="tender=@tender-hq"),
    Call("GET", "/proposals" + ID, cases=PROPOSALS),
    Call("PATCH", "/proposals" + ID, only(*RIVAL), PROPOSALS[1:2], {"summary": "Twelve switches"}),
    Call("PATCH", "/proposals" + ID, only(*NORTHWIND, ok=409), PROPOSALS[:1], {"summary": "Ten switches"}),
    Call("POST", "/proposals" + ID + "/send", only(*THIRD), PROPOSALS[3:]),
    Call("POST", "/proposals" + ID + "/decline", only(*THIRD), PROPOSALS[3:]),
)
# fmt: on
