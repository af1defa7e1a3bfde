"""What an outsider might ask to find out about somebody else: every page, the API, and the forms that take a name or an address."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.core import mail
from django.db import transaction

from tests.matrix.actors import Actor
from tests.matrix.table import ROWS, Row
from tests.matrix.test_pages import path_of
from tests.proofs.house import House
from tests.proofs.masking import masked

SAME = {"X-Request-ID": "the-same-request"}
RESOURCES = {
    "sites": "hq",
    "devices": "fw-hq",
    "alerts": "hq-open",
    "grants": "grant-northwind-hq",
    "access-requests": "request-northwind-acme",
    "contracts": "contract-acme-rival",
    "destinations": "destination-acme-webhook",
    "deliveries": "delivery-acme",
    "tenders": "tender-hq",
    "proposals": "proposal-hq-northwind",
    "members": "member-alan",
    "service-accounts": "account-acme",
    "partners": "northwind",
    "viewing-log": "",
    "audit-log": "",
}
REASON = "We look after networks like yours and would like to help"


@dataclass(frozen=True)
class Question:
    """One request. acts: it makes something, whose ids and times are new each time."""

    method: str
    path: str
    data: Any = None
    headers: dict[str, str] = field(default_factory=dict, hash=False)
    acts: bool = False

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path} {self.data or ''}".strip()


def answers(actor: Actor, questions: Iterator[Question]) -> dict[str, bytes]:
    """Masked answers by question; whatever was written by asking has not happened afterwards."""
    found = {}
    for question in questions:
        with transaction.atomic():
            more = {"content_type": "application/json"} if question.path.startswith("/api/") and question.data else {}
            call = getattr(actor.client, question.method)
            headers = SAME | actor.headers | question.headers
            response = call(question.path, *([question.data] if question.data else []), headers=headers, **more)
            found[str(question)] = masked(response, made=question.acts)
            transaction.set_rollback(True)
        mail.outbox.clear()
    return found


def pages(house: House, *kinds: str, slugs: tuple[str, ...] = ("",)) -> Iterator[Question]:
    """Every page of the matrix, with ids of acme's things."""
    for row in ROWS:
        if row.route.startswith(("metrics", "ingest", "api/")):
            continue
        for slug in slugs if row.who == "partner" else ("",):
            if row.who in kinds and _is_asked(row):
                yield Question("get", path_of(row, house.ids, slug))


def _is_asked(row: Row) -> bool:
    return row.route not in {"home"}  # a redirect to one's own first page


def api(house: House) -> Iterator[Question]:
    for resource, name in RESOURCES.items():
        yield Question("get", f"/api/v1/{resource}")
        if name:
            yield Question("get", f"/api/v1/{resource}/{house.ids[name]}")
    for query in ("search=EN", "search=canary-acme", "state=down", f"site={house.ids['hq']}"):
        yield Question("get", f"/api/v1/devices?{query}")
    yield Question("get", f"/api/v1/alerts?device={house.ids['fw-hq']}")
    device = house.ids["fw-hq"]
    yield Question("get", f"/api/v1/devices/{device}/readings?metric=device.cpu.utilization")
    yield Question("post", f"/api/v1/alerts/{house.ids['hq-open']}/claim", {})


def of_customer(house: House) -> Iterator[Question]:
    """A customer that types in what another one has: a site's name, a serial number, an address, ids."""
    ids = house.ids
    serial = _serial_of(house, ids["fw-hq"])
    plant = ids["plant"]
    yield Question("post", "/sites/new", {"name": "Headquarters", "city": "", "timezone": "Europe/Paris"}, acts=True)
    yield Question("post", "/api/v1/sites", {"name": "Headquarters"}, acts=True)
    yield Question(
        "post",
        "/api/v1/devices",
        {"label": "x", "site": plant, "vendor": "Example Networks", "serial": serial},
        acts=True,
    )
    yield Question("post", "/api/v1/devices", {"label": "x", "site": ids["hq"]})
    grant = {"partner": ids["rival"], "site": ids["hq"], "categories": ["health"], "days": 30}
    yield Question("post", "/api/v1/grants", grant)
    for email in ("ada@acme.example", "alan@acme.example"):
        yield Question("post", "/access/invite", {"email": email}, acts=True)
        yield Question("post", "/settings/people/invite", {"email": email, "role": "viewer"}, acts=True)
        yield Question("post", "/api/v1/members", {"email": email, "role": "viewer"}, acts=True)


def of_partner(house: House, slug: str) -> Iterator[Question]:
    """A partner that asks a customer by its name, and for things of it by their ids."""
    wish = {"categories": ["health"], "cat": ["health"], "days": "30", "reason": REASON}
    for name in ("Acme", "ACME ", "Acme Holding"):
        yield Question("post", f"/p/{slug}/access/ask", {"customer": name, "customer_name": name, **wish}, acts=True)
        api_wish = {"customer_name": name, "categories": ["health"], "days": 30, "reason": REASON}
        yield Question("post", "/api/v1/access-requests", api_wish, acts=True)
    asked = {
        "customer_name": "Acme",
        "sites": [house.ids["hq"]],
        "categories": ["health"],
        "days": 30,
        "reason": REASON,
    }
    yield Question("post", "/api/v1/access-requests", asked)
    yield Question("get", f"/p/{slug}/access/ask?customer={house.ids['acme']}&site={house.ids['hq']}")
    yield Question("get", f"/p/{slug}/devices?q=EN&customer={house.ids['acme']}")
    yield Question("get", f"/p/{slug}/alerts?q=Storage")
    yield Question("get", f"/p/{slug}/customers?q=acme")


def of_stranger() -> Iterator[Question]:
    """Somebody without an account, who tries addresses: forms that would say "taken" or "unknown"."""
    for email in ("ada@acme.example", "Ada@Acme.example"):
        yield Question("post", "/accounts/password/reset/", {"email": email}, acts=True)
        yield Question("post", "/accounts/login/", {"login": email, "password": "not the right password"}, acts=True)
    for path in ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"):
        yield Question("get", path)


def signing_up(email: str) -> Question:
    return Question("post", "/accounts/signup/", {"email": email, "password1": "a long enough sentence"}, acts=True)


def _serial_of(house: House, device: str) -> str:
    house.behind.execute(
        "SELECT i.serial FROM telemetry_deviceinventory i JOIN telemetry_device d ON d.id = i.device_id WHERE d.public_id = %s",
        [device],
    )
    return str(house.behind.fetchone()[0])
