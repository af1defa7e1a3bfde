# ruff: noqa: E501  one route, one row
"""The table: for each route who may open it, with which ids. A route without a row fails the test.

who: "public", "signed-in", "customer", "partner", "staff", or roles joined by "|". own/foreign name ids of the seed: `own` belongs to
acme (or to the partner in the path), so strangers must get a 404 for it; {partner} is the slug in the path.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    route: str  # as the resolver spells it
    who: str
    ids: tuple[str, ...] = ()  # names of printed ids, in the order of the route's parameters (the partner's slug apart)
    posts: bool = False  # changes something: POST only (GET gives 405 or a form)
    readers: tuple[str, ...] = ()  # of `own` ids: companies that may open this very page; empty: the owner alone
    query: str = ""
    data: dict[str, str] = field(default_factory=dict)


P = "p/<slug:partner_slug>/"
# fmt: off
ROWS = (
    # the portal
    Row("", "customer"),
    Row("home", "signed-in"),
    Row("search", "customer", query="q=canary"),
    Row("help/shortcuts", "public"),
    Row("help/how-we-check", "public"),
    Row("start", "customer"),
    Row("start/<str:public_id>/waiting", "customer", ("fw-hq",)),
    Row("start/<str:public_id>/try-key", "customer", ("fw-hq",), posts=True),
    Row("start/<str:public_id>/share", "customer", ("fw-hq",)),
    Row("sites", "customer"),
    Row("sites/new", "customer"),
    Row("sites/<str:public_id>", "customer", ("hq",)),
    Row("sites/<str:public_id>/edit", "customer", ("hq",)),
    Row("sites/<str:public_id>/close", "customer", ("hq",)),
    Row("devices", "customer", query="q=canary"),
    Row("devices/new", "customer"),
    Row("devices/new/<str:public_id>/withdraw", "customer", ("claim-hq",), posts=True),
    Row("devices/import", "customer"),
    Row("devices/refused", "customer"),
    Row("devices/<str:public_id>", "customer", ("fw-hq",)),
    Row("devices/<str:public_id>/edit", "customer", ("fw-hq",)),
    Row("devices/<str:public_id>/retire", "customer", ("fw-hq",), posts=True),
    Row("devices/<str:public_id>/keys", "customer", ("fw-hq",)),
    Row("devices/<str:public_id>/readings", "customer", ("fw-hq",), query="metric=device.cpu.utilization"),
    Row("collectors", "customer"),
    Row("collectors/<str:public_id>/keys", "customer", ("collector-hq",)),
    Row("collectors/<str:public_id>/retire", "customer", ("collector-hq",), posts=True),
    Row("alerts", "customer"),
    Row("alerts/<str:public_id>", "customer", ("hq-open",)),
    Row("alerts/<str:public_id>/<str:verb>", "customer", ("hq-open", "=claim"), posts=True),
    Row("contracts", "customer"),
    Row("contracts/<str:public_id>", "customer", ("contract-acme-rival",)),
    Row("proposals", "customer"),
    Row("proposals/ask", "customer"),  # owners and approvers
    Row("proposals/<str:public_id>", "customer", ("tender-hq",)),
    Row("proposals/<str:public_id>/close", "customer", ("tender-hq",)),
    Row("proposals/<str:public_id>/questions/<uuid:question>", "customer", ("asked", "question"), posts=True),
    Row("proposals/<str:public_id>/<str:proposal_id>", "customer", ("tender-hq", "proposal-hq-northwind")),
    Row("proposals/<str:public_id>/<str:proposal_id>/choose", "customer", ("tender-hq", "proposal-hq-northwind")),
    # consent
    Row("access", "customer"),
    Row("access/grant", "customer"),
    Row("access/preview", "customer"),
    Row("access/look-as/<str:public_id>", "customer", ("northwind",), readers=("acme", "globex", "mallory")),
    Row("access/grants/<str:public_id>", "customer", ("grant-northwind-hq",)),
    Row("access/grants/<str:public_id>/stop", "customer", ("grant-northwind-hq",), posts=True),
    Row("access/stop", "customer"),
    Row("access/receipts/<int:number>", "customer", ("receipt-acme",)),
    Row("access/requests/<str:public_id>", "customer", ("request-northwind-acme",)),
    Row("access/requests/<str:public_id>/allow", "customer", ("request-northwind-acme",), posts=True),
    Row("access/requests/<str:public_id>/decline", "customer", ("request-northwind-acme",), posts=True),
    Row("access/staff/<str:public_id>", "nobody", ("=sp-2222222222",)),
    Row("access/staff/<str:public_id>/<str:verb>", "customer", ("=sp-2222222222", "=allow"), posts=True),
    Row("access/log", "customer"),
    Row("access/log/check", "customer"),
    Row("access/log/journal", "customer"),
    Row("access/log/script", "customer"),
    Row("access/changes", "customer"),
    Row("access/invite", "customer"),
    # settings
    Row("settings/company", "member"),
    Row("settings/people", "member"),
    Row("settings/people/invite", "member"),
    Row("settings/people/<str:public_id>", "member", ("member-alan",), posts=True),
    Row("settings/api", "member"),
    Row("settings/notifications", "customer"),
    Row("settings/notifications/email", "customer"),
    Row("settings/notifications/webhook", "customer"),
    Row("settings/notifications/<str:public_id>", "customer", ("destination-acme-webhook",)),
    Row("settings/notifications/<str:public_id>/test", "customer", ("destination-acme-webhook",), posts=True),
    Row("settings/notifications/<str:public_id>/keep", "customer", ("destination-acme-webhook",), posts=True),
    Row("settings/notifications/<str:public_id>/secret", "customer", ("destination-acme-webhook",), posts=True),
    Row("settings/notifications/<str:public_id>/remove", "customer", ("destination-acme-webhook",)),
    Row("settings/notifications/<str:public_id>/deliveries/<str:delivery_id>/replay", "customer", ("destination-acme-webhook", "delivery-acme"), posts=True),
    # the partner's pages
    Row(P + "triage", "partner"),
    Row(P + "customers", "partner"),
    Row(P + "customers/<str:public_id>", "partner", ("acme",), readers=("northwind", "third", "rival")),
    Row(P + "customers/<str:public_id>/notes", "partner", ("acme",), posts=True, readers=("northwind", "third", "rival")),
    Row(P + "customers/<str:public_id>/notes/<str:note_id>/remove", "partner", ("acme", "note-northwind"), posts=True, readers=("northwind",)),
    Row(P + "devices", "partner", query="q=canary"),
    Row(P + "devices/<str:public_id>", "partner", ("fw-hq",), readers=("northwind",)),
    Row(P + "alerts", "partner"),
    Row(P + "alerts/<str:public_id>", "partner", ("hq-open",), readers=("northwind",)),
    Row(P + "alerts/<str:public_id>/<slug:verb>", "partner", ("hq-open", "=claim"), posts=True, readers=("northwind",)),
    Row(P + "access", "partner"),
    Row(P + "access/ask", "partner"),
    Row(P + "access/log", "partner"),
    Row(P + "access/requests/<str:public_id>/withdraw", "partner", ("request-northwind-acme",), posts=True, readers=("northwind",)),
    Row(P + "access/<str:public_id>", "partner", ("grant-northwind-hq",), readers=("northwind",)),
    Row(P + "access/<str:public_id>/give-back", "partner", ("grant-northwind-hq",), readers=("northwind",)),
    Row(P + "team", "partner"),
    Row(P + "team/<str:public_id>", "partner", ("member-nils",), readers=("northwind",)),
    Row(P + "contracts", "partner"),
    Row(P + "contracts/<str:public_id>", "partner", ("contract-acme-rival",), readers=("rival",)),
    Row(P + "tenders", "partner"),
    Row(P + "tenders/<str:public_id>", "partner", ("tender-hq",), readers=("northwind", "rival", "third")),
    Row(P + "tenders/<str:public_id>/ask", "partner", ("tender-hq",), posts=True, readers=("northwind", "rival", "third")),
    Row(P + "proposals", "partner"),
    Row(P + "proposals/<str:public_id>", "partner", ("proposal-branch-northwind",), readers=("northwind",)),
    Row(P + "proposals/<str:public_id>/send", "partner", ("proposal-branch-northwind",), readers=("northwind",)),
    Row(P + "proposals/<str:public_id>/decline", "partner", ("proposal-branch-northwind",), readers=("northwind",)),
    Row(P + "settings/company", "partner"),
    Row(P + "settings/people", "partner"),
    Row(P + "settings/people/invite", "partner"),
    Row(P + "settings/people/<str:public_id>", "partner", ("member-nils",), posts=True, readers=("northwind",)),
    Row(P + "settings/api", "partner"),
    Row(P + "settings/webhooks", "partner"),
    Row(P + "settings/webhooks/email", "partner"),
    Row(P + "settings/webhooks/webhook", "partner"),
    Row(P + "settings/webhooks/<str:public_id>", "partner", ("destination-northwind-webhook",), readers=("northwind",)),
    Row(P + "settings/webhooks/<str:public_id>/test", "partner", ("destination-northwind-webhook",), posts=True, readers=("northwind",)),
    Row(P + "settings/webhooks/<str:public_id>/keep", "partner", ("destination-northwind-webhook",), posts=True, readers=("northwind",)),
    Row(P + "settings/webhooks/<str:public_id>/secret", "partner", ("destination-northwind-webhook",), posts=True, readers=("northwind",)),
    Row(P + "settings/webhooks/<str:public_id>/remove", "partner", ("destination-northwind-webhook",), readers=("northwind",)),
    Row(P + "settings/webhooks/<str:public_id>/deliveries/<str:delivery_id>/replay", "partner", ("destination-northwind-webhook", "delivery-northwind"), posts=True, readers=("northwind",)),
    # staff
    Row("staff/", "staff"),
    Row("staff/search", "staff", query="q=canary"),
    Row("staff/tenants/<str:tenant>", "staff", ("acme",)),
    Row("staff/tenants/<str:tenant>/lockbox", "staff", ("acme",)),
    Row("staff/tenants/<str:tenant>/break-glass", "staff", ("acme",)),
    Row("staff/tenants/<str:tenant>/devices", "nobody", ("acme",)),  # only under a permission: none here
    Row("staff/tenants/<str:tenant>/devices/<str:public_id>", "nobody", ("acme", "fw-hq")),
    Row("staff/tenants/<str:tenant>/alerts/<str:public_id>", "nobody", ("acme", "hq-open")),
    Row("staff/permissions", "staff"),
    Row("staff/permissions/<str:public_id>", "nobody", ("=sp-2222222222",)),
    Row("staff/permissions/<str:public_id>/end", "nobody", ("=sp-2222222222",), posts=True),
    Row("staff/permissions/<str:public_id>/review", "nobody", ("=sp-2222222222",), posts=True),
    Row("staff/partners", "staff"),
    Row("staff/partners/<str:public_id>", "staff", ("northwind",)),
    Row("staff/partners/<str:public_id>/<slug:verb>", "staff", ("northwind", "=verify"), posts=True),
    Row("staff/people", "staff"),
    Row("staff/jobs", "staff"),
    Row("staff/audit", "staff"),
    Row("staff/admin/", "staff"),
    Row("staff/admin/partners/", "staff"),
    Row("staff/admin/staff/", "staff"),
    Row("staff/admin/models/", "staff"),
    Row("staff/admin/models/add/", "staff"),
    Row("staff/admin/models/<path:object_id>/change/", "nobody", ("=999999",)),
    Row("staff/admin/models/<path:object_id>/delete/", "nobody", ("=999999",)),
    Row("staff/admin/models/<path:object_id>/history/", "nobody", ("=999999",)),
    Row("staff/admin/log/", "staff"),
    Row("staff/kitchen-sink", "nobody"),  # DEBUG alone
    # without an organization
    Row("welcome", "signed-in"),
    Row("welcome/<slug:slug>", "public", ("=northwind",)),
    Row("switch/<str:public_id>", "signed-in", ("acme",), posts=True),
    Row("invitations/<str:token>", "nobody", ("=none-of-ours",)),
    Row("unsubscribe/<str:token>", "nobody", ("=none-of-ours",)),
    # machines
    Row("ingest/<path:path>", "ingest", ("=v1/reports",)),
    Row("healthz", "public"),
    Row("readyz", "public"),
    Row("metrics", "public"),  # loopback, as here, or a token
    Row("api/v1/schema/", "public"),
)
# fmt: on
