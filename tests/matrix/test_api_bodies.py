"""What is sent to the API: other people's ids in bodies, and values of every wrong kind in every field. Never a fault, never a hint."""

import json
from typing import Any

import pytest
from django.db import transaction

from tests.matrix import canaries
from tests.matrix.api_actors import Stage
from tests.matrix.api_table import CALLS, NEW_CONTRACT, NEW_GRANT, NEW_REQUEST, NEW_TENDER, Call
from tests.matrix.test_api import ROOT, named, path_of, verdict

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unhurried")]

UNSTORABLE = ["a\x00b", "\ud800", {"\x00": 1}, ["\udfff"]]
WRONG = [
    None,
    True,
    -1,
    0,
    10**30,
    -(10**400),
    1e308,
    "",
    " ",
    "x" * 100_000,
    [],
    {},
    [[[]]],
    {"a": {"b": 1}},
    ["x"],
    "2026-02-30",
    "☃",
]


def writers() -> list[Call]:
    return [c for c in CALLS if isinstance(c.body, dict) and c.body]


def sends(call: Call, body: Any, who: str, stage: Stage) -> Any:
    """Call it and undo it."""
    actor = stage.actors[who]
    owned = next((stage.ids[name] for name, companies in call.cases if actor.company in companies), "st-2222222222")
    with transaction.atomic():
        response = actor.client.generic(
            call.method, path_of(call, stage, owned), json.dumps(body), "application/json", headers=actor.headers
        )
        transaction.set_rollback(True)
    return response


def who_may(call: Call, stage: Stage) -> str:
    """Somebody who is not turned away before the body is read."""
    for who in ("ada", "nora", "rita", "theo", "gwen"):
        actor = stage.actors[who]
        there = not call.cases or any(actor.company in companies for _, companies in call.cases)
        if verdict(call, actor, there) not in {401, 403, 404}:
            return who
    raise LookupError(f"{call}: nobody may")


@pytest.mark.parametrize("call", writers(), ids=str)
def test_given_any_value_in_any_field_then_it_is_never_a_fault_and_what_cannot_be_stored_is_a_400(
    call: Call, stage: Stage
):
    body, who = named(call.body, stage.ids), who_may(call, stage)
    faults = []

    for name in body:
        for value in WRONG + UNSTORABLE:
            response = sends(call, body | {name: value}, who, stage)
            if response.status_code >= 500 or (value in UNSTORABLE and response.status_code != 400):
                faults.append(f"{name}={str(value)[:20]!r}: {response.status_code} {response.content[:120]!r}")
            if response.status_code >= 400 and response.headers["Content-Type"] != "application/problem+json":
                faults.append(f"{name}={str(value)[:20]!r}: an error as {response.headers['Content-Type']}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("call", writers(), ids=str)
def test_given_a_field_that_does_not_exist_then_it_is_refused_by_name(call: Call, stage: Stage):
    body, who = named(call.body, stage.ids), who_may(call, stage)

    response = sends(call, body | {"customer_id": "or-2222222222"}, who, stage)

    assert response.status_code == 400
    assert "customer_id" in json.loads(response.content)["errors"]


REFERENCES = [
    # operation, body, what is replaced in it, by whose thing, who sends it
    ("POST", "/devices", {"label": "x", "site": "?"}, "plant", "ada"),
    ("POST", "/devices", {"label": "x", "site": "?"}, "branch", "nora"),
    ("POST", "/devices", {"label": "x", "site": "?"}, "hq", "gwen"),
    ("POST", "/devices/claims", {"site": "?"}, "plant", "ada"),
    ("POST", "/grants", NEW_GRANT | {"site": "?"}, "plant", "ada"),
    ("POST", "/grants", NEW_GRANT | {"site": "?"}, "hq", "gwen"),
    ("POST", "/grants", NEW_GRANT | {"partner": "?"}, "globex", "ada"),
    ("POST", "/access-requests", NEW_REQUEST | {"sites": ["?"]}, "branch", "nora"),
    ("POST", "/access-requests", NEW_REQUEST | {"sites": ["?"], "customer_name": "Acme"}, "hq", "rita"),
    ("POST", "/access-requests", NEW_REQUEST | {"sites": ["?"], "customer_name": "Globex"}, "plant", "theo"),
    ("POST", "/destinations", {"kind": "email", "member": "?"}, "member-nora", "ada"),
    ("POST", "/destinations", {"kind": "email", "member": "?"}, "member-ada", "nora"),
    ("POST", "/contracts", NEW_CONTRACT | {"covers": [{"site": "?", "what": "x"}]}, "plant", "ada"),
    ("POST", "/contracts", NEW_CONTRACT | {"partner": "?"}, "globex", "ada"),
    ("POST", "/contracts/{contract-acme-rival}/transfer", {"partner": "?"}, "globex", "ada"),
    (
        "POST",
        "/contracts/{contract-globex-northwind}/transfer",
        {"partner": "@third", "grants": [{"grant": "?"}]},
        "grant-northwind-hq",
        "gwen",
    ),
    ("POST", "/tenders", NEW_TENDER | {"site": "?"}, "plant", "ada"),
    ("POST", "/tenders", NEW_TENDER | {"partners": ["?"]}, "globex", "ada"),
    ("POST", "/tenders/{tender-hq}/choose", {"proposal": "?"}, "proposal-hq-rival", "ada"),
    ("POST", "/tenders/{tender-hq}/choose", {"proposal": "?"}, "proposal-branch-rival", "ada"),
    ("PATCH", "/devices/{fw-hq}", {"site": "?"}, "plant", "ada"),
    ("POST", "/access-requests/{request-northwind-acme}/approve", {"sites": ["?"]}, "plant", "ada"),
]


@pytest.mark.parametrize(("method", "path", "body", "foreign", "who"), REFERENCES)
def test_a4_given_another_s_id_in_a_body_then_the_refusal_is_that_of_an_id_that_never_was(
    method: str, path: str, body: dict[str, Any], foreign: str, who: str, stage: Stage
):
    for name, public_id in stage.ids.items():
        path = path.replace(f"{{{name}}}", public_id)
    theirs = stage.ids[foreign]
    answers = [refused(method, path, body, one, who, stage) for one in (theirs, theirs[:3] + "2" * 10)]

    assert [a.status_code for a in answers] == [400, 400]
    assert answers[0].content == answers[1].content
    assert not canaries.leaks(stage.actors[who].sees, answers[0].content)


def refused(method: str, path: str, body: dict[str, Any], public_id: str, who: str, stage: Stage) -> Any:
    sent = json.dumps(named(body, stage.ids)).replace('"?"', json.dumps(public_id))
    actor = stage.actors[who]
    with transaction.atomic():
        response = actor.client.generic(method, ROOT + path, sent, "application/json", headers=actor.headers)
        transaction.set_rollback(True)
    return response
