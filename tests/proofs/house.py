"""The seeded cast, committed, with what the proofs need besides: every category held by somebody, staff in an emergency, a row in
each table, and everybody who might ask."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from access import accounts, sharing, staff
from access.models import Category, Membership, Organization, OrganizationKind, Scope, Site, User
from access.onboarding import open_organization
from access.principal import acting, principal
from access.sharing import Terms
from access.viewer import NOBODY, Viewer
from smartcare.story import seed
from tests.conftest import empty_everything
from tests.matrix.actors import Actor, of_seed
from tests.matrix.unprinted import unprinted
from tests.proofs import edges
from tests.proofs.truth import Eyes, Truth

NAMED = ("acme", "globex", "northwind", "rival", "third", "brightwire", "shut", "idle")
CONTRACTS = (Category.TRAFFIC, Category.CONFIGURATION, Category.CONTRACTS)


@dataclass
class House:
    """printed: what `seed` prints. eyes: everybody, by name. behind: a cursor of the owner."""

    printed: dict[str, Any]
    actors: dict[str, Actor]
    eyes: dict[str, Eyes]
    behind: Any

    @property
    def ids(self) -> dict[str, str]:
        ids: dict[str, str] = self.printed["ids"]
        return ids

    def truth(self) -> Truth:
        return Truth(self.behind)


@pytest.fixture(scope="module")
def house(behind: Any, django_db_blocker: Any) -> Iterator[House]:
    with django_db_blocker.unblock():
        printed = seed(lambda _: None, days=2)
        printed["ids"] |= unprinted()
        actors = of_seed(printed)
        _brightwire(printed)
        _emergency(printed)
        edges.build(printed, viewer_of)
        _fill(behind)
        edges.fill(behind, printed["ids"])
        made = House(printed, actors, {e.name: e for e in _everybody(printed)}, behind)
    yield made
    with django_db_blocker.unblock():
        empty_everything()


def user(email: str) -> User:
    return User.objects.get(email=email)


def viewer_of(person: User, organization: str) -> Viewer:
    """The person in an organization named by public id."""
    with principal(kind="login", user=person.pk):
        rows = Membership.objects.select_related("organization")
        membership = rows.get(user=person, organization__public_id=organization)
    membership.user = person
    return Viewer.of_membership(membership)


def _brightwire(printed: dict[str, Any]) -> None:
    """A partner with grants of two customers, of the kinds that nobody else holds: they must not mix."""
    bo = User.objects.create_user("bo@brightwire.example", "x" * 20, name="Bo")
    brightwire, _ = open_organization(kind=OrganizationKind.PARTNER, name="Brightwire", first_member=bo)
    printed["ids"]["brightwire"] = brightwire.public_id
    for boss, customer, site, kinds in (
        ("ada", "acme", "branch", CONTRACTS),
        ("gwen", "globex", "plant", (Category.HEALTH,)),
    ):
        by = viewer_of(user(printed["users"][boss]["email"]), printed["ids"][customer])
        terms = Terms(frozenset(kinds), timezone.now() + timedelta(days=30))
        with acting(by):
            place = Site.objects.visible_to(by).get(public_id=printed["ids"][site])
            sharing.give(partner=brightwire, sites=[place], terms=terms, by=by)


def _emergency(printed: dict[str, Any]) -> None:
    """Bea of staff broke the glass for health at headquarters; sam has asked globex, which has not answered."""
    sam = Viewer.of_staff(user("sam@smartcare.example"))
    with acting(sam):
        globex = Organization.objects.get(public_id=printed["ids"]["globex"])
        reason = "Your reports stopped coming in at noon"
        staff.ask(by=sam, customer=globex, sites=[], categories=[Category.HEALTH], hours=4, reason=reason)
    bea = Viewer.of_staff(User.objects.create_user("bea@smartcare.example", "x" * 20, name="Bea", is_staff=True))
    with acting(bea):
        acme = Organization.objects.get(public_id=printed["ids"]["acme"])
        hq = Site.unscoped.get(public_id=printed["ids"]["hq"])
        reason = "A flood in the building: which devices still answer at headquarters?"
        staff.break_glass(by=bea, customer=acme, sites=[hq], categories=[Category.HEALTH], reason=reason)


def _fill(behind: Any) -> None:
    """A row in each table that the story leaves empty, written past every policy: reading it is what is judged."""
    behind.execute("SELECT id, customer_id, site_id, stay_number FROM telemetry_device ORDER BY label")
    devices = behind.fetchall()
    for device, customer, site, stay in devices:
        where = {"device": device, "customer": customer, "site": site, "stay": stay}
        for statement in FILLED.values():
            behind.execute(statement, where)
    for statement in FILLED_ONCE.values():
        behind.execute(statement)


STAY_DAY = "VALUES (%(customer)s, %(stay)s, current_date, '\\x00', "
FILLED = {
    "telemetry_deviceevent": "INSERT INTO telemetry_deviceevent (id, customer_id, site_id, device_id, stay, at, received_at, received,"
    " severity, code, component, text, dedupe_id) VALUES (gen_random_uuid(), %(customer)s, %(site)s, %(device)s, %(stay)s, now(), now(),"
    " 1, 5, '', '', 'x', gen_random_uuid())",
    "telemetry_factinbox": "INSERT INTO telemetry_factinbox (id, customer_id, site_id, device_id, received, received_at, digest, facts)"
    " VALUES (gen_random_uuid(), %(customer)s, %(site)s, %(device)s, 1, now(), '\\x00', '{}')",
    "telemetry_quarantine": "INSERT INTO telemetry_quarantine (id, customer_id, site_id, key_id, format, content_type, received_at, error,"
    " sha256, body, tries) VALUES (gen_random_uuid(), %(customer)s, %(site)s, 'k', 'native', 'x', now(), 'x',"
    " sha256(%(device)s::text::bytea), '\\x00', 1)",
    "telemetry_refusal": "INSERT INTO telemetry_refusal (id, customer_id, site_id, device_id, key_id, format, code, status, place,"
    " first_at, last_at, times) VALUES (gen_random_uuid(), %(customer)s, %(site)s, %(device)s, left(%(device)s::text, 12), 'native',"
    " 'malformed', 400, '', now(), now(), 1)",
    "telemetry_claimcode": "INSERT INTO telemetry_claimcode (id, public_id, customer_id, site_id, digest, hint, label, kind, created_at,"
    " expires_at) VALUES (gen_random_uuid(), left(gen_random_uuid()::text, 16), %(customer)s, %(site)s,"
    " sha256(gen_random_uuid()::text::bytea), 'x', '', 'other', now(), now() + interval '1 day')",
    "telemetry_detectorstate": "INSERT INTO telemetry_detectorstate (id, customer_id, site_id, device_id, blob, read_up_to, expected,"
    " updated_at) VALUES (gen_random_uuid(), %(customer)s, %(site)s, %(device)s, '\\x00', 0, '\\x00', now()) ON CONFLICT DO NOTHING",
    "telemetry_analysisdue": "INSERT INTO telemetry_analysisdue (device_id, customer_id, touched, since, run_at, attempts, last_error)"
    " VALUES (%(device)s, %(customer)s, 0, now(), now() + interval '1 day', 0, '') ON CONFLICT DO NOTHING",
    **{
        f"telemetry_{kind}{table}": f"INSERT INTO telemetry_{kind}{table} {rest} ON CONFLICT DO NOTHING"
        for kind in ("health", "traffic")
        for table, rest in (
            ("block", "(customer_id, stay, day, data, samples) " + STAY_DAY + "1)"),
            ("rollup", "(customer_id, stay, day, data) VALUES (%(customer)s, %(stay)s, current_date, '\\x00')"),
            (
                "latest",
                "(customer_id, stay, values, times, updated_at) VALUES (%(customer)s, %(stay)s, '\\x00', '\\x00', now())",
            ),
        )
    },
}
FILLED_ONCE = {
    "partners_tender": "INSERT INTO partners_tender (id, public_id, customer_id, site_id, title, wish, facts, state, answers_until)"
    " SELECT gen_random_uuid(), left(gen_random_uuid()::text, 16), s.customer_id, s.id, 'x', 'x', '{}', 'open', now() + interval '1 day'"
    " FROM access_site s WHERE NOT EXISTS (SELECT FROM partners_tender t WHERE t.customer_id = s.customer_id)",
    "telemetry_silencememory": "INSERT INTO telemetry_silencememory (customer_id, memory, updated_at) SELECT id, '{}', now()"
    " FROM access_organization WHERE kind = 'customer' ON CONFLICT DO NOTHING",
    "partners_delivery": "INSERT INTO partners_delivery (id, public_id, customer_id, owner_id, destination_id, subject, event,"
    " subject_key, state, reason, attempts, expires_at, finished_at)"
    " SELECT gen_random_uuid(), left(gen_random_uuid()::text, 16), owner_id, owner_id, id,"
    " 'verification', 'destination.verification', 'verification:' || id, 'delivered', '', 1, now() + interval '1 day', now()"
    " FROM partners_destination",
    "partners_tenderquestion": "INSERT INTO partners_tenderquestion (id, customer_id, tender_id, asked_by_id, question, answer, asked_at,"
    " answered_at) SELECT gen_random_uuid(), customer_id, tender_id, partner_id, 'When?', '', now(), a"
    " FROM partners_proposal, unnest(ARRAY[now(), NULL]) a",
    "access_seal": "INSERT INTO access_seal (id, customer_id, seq, entry_id, sealed_at, prev_hash, hash) SELECT gen_random_uuid(),"
    " customer_id, row_number() OVER (PARTITION BY customer_id), id, now(), '\\x00', '\\x00' FROM access_viewingentry",
    "access_anchor": "INSERT INTO access_anchor (id, customer_id, number, day, audit_seq, audit_hash, looks_seq, looks_hash, made_at,"
    " signature) SELECT gen_random_uuid(), id, 1, current_date, 0, '\\x00', 0, '\\x00', now(), '\\x00' FROM access_organization",
    "access_ownreadsummary": "INSERT INTO access_ownreadsummary (id, customer_id, person_name, day, category, reads)"
    " SELECT gen_random_uuid(), id, 'x', current_date, 'health', 1 FROM access_organization WHERE kind = 'customer'",
    "access_invitation": "INSERT INTO access_invitation (id, public_id, organization_id, kind, email, role, digest, invited_by_id,"
    " created_at, expires_at) SELECT gen_random_uuid(), left(gen_random_uuid()::text, 16), organization_id, 'member', 'x@example.com',"
    " 'viewer', sha256(id::text::bytea), user_id, now(), now() + interval '1 day' FROM access_membership",
}


def _everybody(printed: dict[str, Any]) -> Iterator[Eyes]:
    ids = printed["ids"]
    keys = dict(Organization.objects.none().values_list("public_id", "pk"))
    with principal(kind="staff", user=user("sam@smartcare.example").pk):
        keys = {public: str(pk) for public, pk in Organization.objects.values_list("public_id", "pk")}
    org = {name: keys[ids[name]] for name in NAMED}
    people = {name: user(said["email"]) for name, said in printed["users"].items()}
    people |= {name: user(f"{name}@example.com") for name in ("april", "lars", "freda", "mallory", "ivan", "root")}
    people["bo"], people["bea"] = user("bo@brightwire.example"), user("bea@smartcare.example")

    def member(name: str, company: str, kind: str, called: str = "") -> Eyes:
        viewer = viewer_of(people[name], ids[company])
        return Eyes(called or name, kind, organization=org[company], user=str(people[name].pk), viewer=viewer)

    def forged(called: str, name: str, company: str, kind: str) -> Eyes:
        """A principal nobody should ever get: the person is no member. Both lines must still show nothing."""
        like = viewer_of(
            people["ada" if kind == "customer" else "nora"], ids["acme" if kind == "customer" else "northwind"]
        )
        viewer = Viewer(kind=like.kind, user=people[name], organization=like.organization, role=like.role)
        return Eyes(called, kind, organization=org[company], user=str(people[name].pk), viewer=viewer)

    yield Eyes("nobody", viewer=NOBODY)
    for name, company in (("ada", "acme"), ("alan", "acme"), ("april", "acme"), ("gwen", "globex")):
        yield member(name, company, "customer")
    for name, company in (("nora", "northwind"), ("nils", "northwind"), ("rita", "rival"), ("theo", "third")):
        yield member(name, company, "partner")
    yield member("bo", "brightwire", "partner")
    yield member("freda", "rival", "partner", "freda for rival")
    yield member("freda", "northwind", "partner", "freda for northwind")
    for name in ("sam", "bea"):
        viewer = Viewer.of_staff(people[name] if name == "bea" else user("sam@smartcare.example"))
        yield Eyes(name, "staff", user=str(viewer.user_id), viewer=viewer)
    yield Eyes("root as staff", "staff", user=str(people["root"].pk), viewer=Viewer.of_staff(people["root"]))
    yield forged("lars, who left", "lars", "northwind", "partner")
    yield forged("mallory as acme", "mallory", "acme", "customer")
    yield forged("root as acme", "root", "acme", "customer")
    yield forged("ivan, inactive", "ivan", "acme", "customer")
    yield Eyes("acme as a partner", "partner", organization=org["acme"], user=str(people["ada"].pk))
    yield Eyes("northwind as a customer", "customer", organization=org["northwind"], user=str(people["nora"].pk))
    yield Eyes("nora signing in", "login", user=str(people["nora"].pk))
    yield Eyes("work of acme", "job", customers=(org["acme"],))
    yield Eyes("work of globex and northwind", "job", customers=(org["globex"], org["northwind"]))
    stand_in = Viewer.stand_in(
        viewer_of(people["ada"], ids["acme"]), viewer_of(people["nora"], ids["northwind"]).organization
    )
    yield Eyes(
        "ada as northwind", "preview", organization=org["northwind"], user=str(people["ada"].pk), preview_of=org["acme"], viewer=stand_in
    )  # fmt: skip
    yield Eyes(
        "gwen as northwind for acme",
        "preview",
        organization=org["northwind"],
        user=str(people["gwen"].pk),
        preview_of=org["acme"],
    )
    yield from _programs(printed, people, org)
    yield from edges.eyes(printed, org, viewer_of)


def _programs(printed: dict[str, Any], people: dict[str, User], org: dict[str, str]) -> Iterator[Eyes]:
    """Service accounts: live, and stopped."""
    for name, company, kind in (("gwen", "globex", "customer"), ("nora", "northwind", "partner")):
        boss = viewer_of(people[name], printed["ids"][company])
        with acting(boss):
            live, _ = accounts.issue(by=boss, name="live", scope=Scope.READ, days=30)
            stopped, _ = accounts.issue(by=boss, name="stopped", scope=Scope.WRITE, days=30)
            accounts.revoke(stopped, by=boss)
        for account in (live, stopped):
            account.organization = boss.organization  # forgotten when the row was read anew
            viewer = Viewer.of_account(account)
            called = f"a program of {company}, {account.name}"
            yield Eyes(called, kind, organization=org[company], account=str(account.pk), viewer=viewer)


def as_json(row: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in row.items() if name != "place"})
