"""Every operation of the API as everybody, with ids of all owners: the table's verdict, equal 404s, no marked word, no row touched."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, transaction
from drf_spectacular.generators import SchemaGenerator

from smartcare.errors import NOT_FOUND
from tests.matrix import canaries
from tests.matrix.actors import Actor
from tests.matrix.api_actors import DEAD, Stage
from tests.matrix.api_table import CALLS, Call

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unhurried")]
ROOT = "/api/v1"
METHODS = {"get", "post", "put", "patch", "delete"}
MALFORMED = (
    "1",
    "DV-2222222222",
    "dv-",
    "dv-2222222222'--",
    "a" * 300,
    "..%2f..%2fetc",
    "%00",
    "%ED%A0%80",
    "null",
    "☃",
)
# Headers that differ between two equal answers: a name for the request, and the clock.
OF_THE_MOMENT = {"X-Request-ID", "Date"}
# A token's use is noted to the minute, a session may be prolonged: neither is a tenant's data.
NOT_TENANTS = {"access_serviceaccount", "django_session"}


@pytest.fixture(autouse=True)
def from_here(stage: Stage, db: None) -> None:
    """Each test runs in a transaction of its own, in which nothing has been written yet."""
    stage.written = written()


def schema() -> dict[str, set[str]]:
    """{path without /api/v1: methods} of the OpenAPI schema."""
    found = SchemaGenerator().get_schema(request=None, public=True)
    return {path.removeprefix(ROOT): METHODS & set(operations) for path, operations in found["paths"].items()}


# ---- the table


def test_when_an_operation_is_added_then_it_needs_a_row_in_the_table():
    there = {(method.upper(), path) for path, methods in schema().items() for method in methods}
    known = {(call.method, call.path) for call in CALLS}

    assert there == known, f"without a row: {sorted(there - known)}; without an operation: {sorted(known - there)}"


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_given_everybody_when_calling_an_operation_then_the_answer_is_the_table_s_and_nobody_reads_a_foreign_word(
    call: Call, stage: Stage
):
    faults: list[str] = []
    is_first = call == next(c for c in CALLS if (c.method, c.path) == (call.method, call.path))
    for actor in stage.actors.values():
        if is_nobody(actor):
            if not is_first:  # no body changes what is refused before it is read
                continue
            first = stage.ids[call.cases[0][0]] if call.cases else ""
            faults += wrong(
                call, actor, ask(call, actor, stage, path_of(call, stage, first)), verdict(call, actor, True), ""
            )
            continue
        never = ask(call, actor, stage, path_of(call, stage, random_like(call, stage))) if call.cases else None
        if never is not None:
            faults += wrong(call, actor, never, verdict(call, actor, there=False), "an id that never was")
        for name, companies in call.cases or (("", frozenset()),):
            found = ask(call, actor, stage, path_of(call, stage, stage.ids.get(name, "")))
            there = not name or actor.company in companies
            faults += wrong(call, actor, found, verdict(call, actor, there), name)
            if never is not None and not there:
                faults += differs(actor, name, found, never)
    assert not faults, "\n".join(faults)


@dataclass
class Found:
    """One answer, and the tables in which it added, changed or removed rows."""

    response: Any
    touched: set[str]

    @property
    def status(self) -> int:
        return int(self.response.status_code)

    @property
    def body(self) -> bytes:
        return bytes(self.response.content)

    @property
    def headers(self) -> dict[str, str]:
        return {k: v for k, v in self.response.headers.items() if k not in OF_THE_MOMENT}


def ask(call: Call, actor: Actor, stage: Stage, path: str, method: str = "") -> Found:
    """Call it, look which tables it touched, and undo it: each call finds the cast as it was seeded."""
    stage.tried[method or call.method] += 1
    body = None if call.body is None else json.dumps(named(call.body, stage.ids))
    with transaction.atomic():
        response = actor.client.generic(
            method or call.method, path + acting_as(actor, path), body or "", "application/json", headers=actor.headers
        )
        transaction.set_rollback(True)
    before, stage.written = stage.written, written()
    touched = {table for table, count in stage.written.items() if count != before.get(table, 0)}
    return Found(response, touched - NOT_TENANTS)


def written() -> dict[str, int]:
    """Rows added, changed and removed so far in this transaction, by table; also those that were undone since."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables"
            " WHERE n_tup_ins + n_tup_upd + n_tup_del > 0"
        )
        return dict(cursor.fetchall())


def acting_as(actor: Actor, path: str) -> str:
    """Somebody of two companies says for which of them."""
    if actor.name != "freda-as-rival":
        return ""
    return ("&" if "?" in path else "?") + "acting=rival"


def path_of(call: Call, stage: Stage, public_id: str) -> str:
    path = ROOT + call.path.replace("{public_id}", public_id)
    if call.second:
        start, end = path.index("{"), path.index("}") + 1
        path = path[:start] + named(call.second, stage.ids) + path[end:]
    return path + (f"?{named(call.query, stage.ids)}" if call.query else "")


def named(value: Any, ids: dict[str, str]) -> Any:
    """The same with "@name" replaced by the printed id; in a query at the end of its values."""
    match value:
        case dict():
            return {k: named(v, ids) for k, v in value.items()}
        case list():
            return [named(v, ids) for v in value]
        case str() if value.startswith("@"):
            return ids[value[1:]]
        case str() if "=@" in value:
            return "&".join(f"{k}={named(v, ids)}" for k, _, v in (part.partition("=") for part in value.split("&")))
    return value


def random_like(call: Call, stage: Stage) -> str:
    return stage.ids[call.cases[0][0]][:3] + "2" * 10


def is_nobody(actor: Actor) -> bool:
    """Turned away before any id is looked at: one id is as good as another."""
    return actor.kind not in {"customer", "partner"}


def verdict(call: Call, actor: Actor, there: bool) -> int:
    """The status that the table wants. there: the id exists for the actor's company, or the path has none."""
    if actor.kind == DEAD or actor.name in {"nobody", "inactive"}:
        return 401
    if actor.kind in {"nobody", "staff"}:  # signed in, and of no company
        return 403
    if (
        actor.name == "token-alan" and not call.is_safe
    ):  # a token that only reads is refused before anything is looked for
        return 403
    if call.path.startswith("/partners") and actor.kind == "partner":  # the directory as a whole is for customers
        return 403
    keys = (actor.name, actor.company, actor.kind, "*")
    return next(call.answers[key] for key in keys if key in call.answers) if there else 404


def wrong(call: Call, actor: Actor, found: Found, wanted: int, what: str) -> list[str]:
    """What is amiss with one answer, each in a line."""
    faults = []
    who = f"{actor.name} {call} {what}"
    if found.status != wanted:
        faults.append(f"{who}: {found.status} instead of {wanted}: {found.body[:160]!r}")
    if leaked := canaries.leaks(actor.sees, found.body, repr(found.response.headers).encode()):
        faults.append(f"{who} reads {sorted(leaked)[:3]}")
    if found.status == 404 and found.body != NOT_FOUND:
        faults.append(f"{who}: a 404 in other words: {found.body[:80]!r}")
    if found.status >= 400:
        faults += [f"{who} gets {found.status} and has touched {sorted(found.touched)}"] if found.touched else []
        if found.response.headers["Content-Type"] != "application/problem+json":
            faults.append(f"{who}: an error as {found.response.headers['Content-Type']}")
    elif (
        call.logs and actor.kind == "partner" and shows_something(found) and "access_viewingentry" not in found.touched
    ):
        faults.append(f"{who} looked, and it was not written down")
    return faults


def shows_something(found: Found) -> bool:
    shown = json.loads(found.body)
    return bool(shown["results"] if isinstance(shown, dict) and "results" in shown else shown)


def differs(actor: Actor, name: str, found: Found, never: Found) -> list[str]:
    """A4: what is not yours and what is not there are one answer."""
    if (found.status, found.body, found.headers) == (never.status, never.body, never.headers):
        return []
    return [f"{actor.name} can tell {name} from an id that never was: {found.body[:80]!r} {never.body[:80]!r}"]


# ---- ids that are none, methods that are not there


@pytest.mark.parametrize("call", [c for c in CALLS if c.cases and c.is_safe and not c.query], ids=str)
def test_a4_given_a_malformed_id_when_calling_then_it_is_the_404_of_an_id_that_never_was(call: Call, stage: Stage):
    for who in ("ada", "token-rival", "nobody"):
        for bad in MALFORMED:
            found = ask(call, stage.actors[who], stage, path_of(call, stage, bad))
            assert (found.status, found.body) == (404, NOT_FOUND), bad


@pytest.mark.parametrize("path", sorted(schema()))
def test_given_methods_that_are_not_there_then_they_are_refused_and_options_tells_nothing(path: str, stage: Stage):
    calls = [c for c in CALLS if c.path == path]
    call, there = calls[0], {c.method for c in calls}
    owned = stage.ids[call.cases[0][0]] if call.cases else ""

    for who in ("gwen", "token-northwind"):
        actor = stage.actors[who]
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - there:
            found = ask(call, actor, stage, path_of(call, stage, owned), method)
            assert found.status == 405, (who, method)
            assert found.response.headers["Content-Type"] == "application/problem+json"
            assert not found.touched
        options = ask(call, actor, stage, path_of(call, stage, owned), "OPTIONS")
        never = ask(call, actor, stage, path_of(call, stage, "dv-2222222222"), "OPTIONS")
        assert (options.status, options.body) == (204, b"")
        assert options.headers == never.headers


@pytest.mark.parametrize("call", [c for c in CALLS if c.is_safe], ids=str)
def test_given_head_when_asked_then_it_answers_like_get_without_a_body_and_is_a_look(call: Call, stage: Stage):
    owned = stage.ids[call.cases[0][0]] if call.cases else ""

    for who in ("ada", "token-northwind", "rita"):
        actor = stage.actors[who]
        got = ask(call, actor, stage, path_of(call, stage, owned))
        head = ask(call, actor, stage, path_of(call, stage, owned), "HEAD")
        assert (head.status, head.body) == (got.status, b"")
        assert ("access_viewingentry" in head.touched) == ("access_viewingentry" in got.touched)


# ---- ids of others in queries


STRANGERS = ("nora", "rita", "theo", "mallory", "token-rival")


@pytest.mark.parametrize(
    ("path", "foreign", "strangers"),
    [
        ("/devices?site={}", "plant", STRANGERS),
        ("/devices?search={}", "plant", STRANGERS),
        ("/alerts?site={}", "plant", STRANGERS),
        ("/alerts?device={}", "fw-plant", STRANGERS),
        ("/alerts?device={}", "fw-branch", STRANGERS),
        ("/deliveries?destination={}", "destination-globex-webhook", STRANGERS),
        ("/proposals?tender={}", "tender-hq", ("mallory", "gwen", "token-globex")),
        ("/partners?search={}", "globex", ("ada", "mallory")),
    ],
)
def test_a4_given_a_foreign_id_in_a_query_then_it_finds_what_an_id_that_never_was_finds(
    path: str, foreign: str, strangers: tuple[str, ...], stage: Stage
):
    theirs = stage.ids[foreign]
    random = theirs[:3] + "2" * 10

    for who in strangers:
        actor = stage.actors[who]
        one = actor.client.get(ROOT + path.format(theirs), headers=actor.headers)
        other = actor.client.get(ROOT + path.format(random), headers=actor.headers)
        assert one.status_code == other.status_code == 200
        assert one.content.replace(theirs.encode(), b"ID") == other.content.replace(random.encode(), b"ID")


@pytest.mark.parametrize("who", ["nora", "token-northwind", "nils"])
def test_given_a_partner_without_traffic_when_asking_for_it_then_it_reads_what_an_unknown_metric_gives(
    who: str, stage: Stage
):
    actor = stage.actors[who]
    path = f"{ROOT}/devices/{stage.ids['fw-hq']}/readings?metric="

    traffic = actor.client.get(f"{path}if.io", headers=actor.headers)
    unknown = actor.client.get(f"{path}no.such", headers=actor.headers)
    health = actor.client.get(f"{path}device.memory.utilization", headers=actor.headers)

    assert traffic.status_code == unknown.status_code == 200
    assert traffic.content.replace(b"if.io", b"M") == unknown.content.replace(b"no.such", b"M")
    assert json.loads(traffic.content)["series"] == []
    assert json.loads(health.content)["series"] != []


# ---- pages of lists


@pytest.mark.parametrize("path", ["/sites", "/devices", "/alerts", "/grants", "/viewing-log", "/audit-log", "/members"])
def test_given_pages_of_two_when_followed_to_the_end_then_nothing_is_missing_twice_or_somebody_else_s(
    path: str, stage: Stage
):
    for who in ("ada", "nora", "theo", "gwen"):
        actor = stage.actors[who]
        whole = json.loads(actor.client.get(f"{ROOT}{path}?page_size=200", headers=actor.headers).content)["results"]
        if path.endswith("-log") and actor.kind == "customer":
            whole = whole[:20]  # long ones: their first pages tell enough
        found, url = [], f"{ROOT}{path}?page_size=2"
        while url and len(found) < len(whole):
            response = actor.client.get(url, headers=actor.headers)
            assert not canaries.leaks(actor.sees, response.content)
            page = json.loads(response.content)
            found += page["results"]
            url = page["next"]
        if path != "/viewing-log":  # following the pages is itself a look
            assert found[: len(whole)] == whole


def test_when_the_matrix_has_run_then_it_was_as_large_as_it_says(stage: Stage):
    """Counted from the table, so that a row that is lost shows."""
    paths, operations = schema(), {(c.method, c.path) for c in CALLS}
    ids = {name for c in CALLS for name, _ in c.cases}
    nobodies = sum(is_nobody(actor) for actor in stage.actors.values())
    somebodies = len(stage.actors) - nobodies
    calls = sum(somebodies * (len(c.cases) + 1 if c.cases else 1) for c in CALLS) + nobodies * len(operations)

    print(
        f"\n{len(paths)} paths, {len(operations)} operations, {len(stage.actors)} actors, {len(ids)} ids, {calls} calls"
    )
    assert len(paths) >= 54
    assert len(operations) >= 76
    assert len(stage.actors) >= 20
    assert calls >= 3_500
