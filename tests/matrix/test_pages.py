"""Every page as everybody: who may open it, and no marked word in any byte for somebody who may not read it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.matrix import canaries
from tests.matrix.actors import Actor
from tests.matrix.table import ROWS, Row

pytestmark = pytest.mark.django_db
SLUGS = ("northwind", "rival", "third")
LEFT_OUT = ("accounts/", "api/v1/")  # allauth's own pages; the API has its own matrix
SERVED = {200}
REFUSED = {302, 401, 403, 404, 405}


def routes(patterns: Any = None, prefix: str = "") -> Iterator[str]:
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(entry, URLResolver):
            yield from routes(entry.url_patterns, prefix + str(entry.pattern))
        elif isinstance(entry, URLPattern):
            yield prefix + str(entry.pattern)


def test_when_a_route_is_added_then_it_needs_a_row_in_the_table():
    known = {row.route for row in ROWS}
    there = {r for r in routes() if not r.startswith(LEFT_OUT) or r == "api/v1/schema/"}

    assert there == known, f"without a row: {sorted(there - known)}; without a route: {sorted(known - there)}"


def path_of(row: Row, ids: dict[str, str], slug: str) -> str:
    path = row.route.replace("<slug:partner_slug>", slug)
    for name in row.ids:
        start, end = path.index("<"), path.index(">") + 1
        path = path[:start] + (name[1:] if name.startswith("=") else ids[name]) + path[end:]
    return f"/{path}" + (f"?{row.query}" if row.query else "")


def may_open(row: Row, actor: Actor, slug: str) -> bool:
    """The verdict, from the table alone."""
    match row.who:
        case "public":
            return True
        case "signed-in":
            return actor.name not in {"nobody", "inactive"}
        case "nobody" | "ingest":
            return False
        case "staff":
            return actor.kind == "staff"
        case "partner":
            works_here = actor.company == slug or (actor.name == "freda-as-rival" and slug in {"rival", "northwind"})
            return works_here and (not row.ids or slug in row.readers)
        case "member":
            return actor.kind == "customer" and (not row.ids or actor.company == "acme")
        case _:
            owner = not row.ids or actor.company == "acme" or actor.company in row.readers or actor.name in row.readers
            return actor.kind == "customer" and owner


def sees(actor: Actor, slug: str) -> str:
    """In northwind's name freda may read what northwind may; in rival's she may not."""
    return "northwind" if actor.name == "freda-as-rival" and slug == "northwind" else actor.sees


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.route or "/")
def test_given_everybody_when_opening_a_page_then_only_those_of_the_table_get_it_and_nobody_reads_a_foreign_word(
    row: Row, printed: dict[str, Any], actors: dict[str, Actor]
):
    faults = []
    for slug in SLUGS if row.who == "partner" else ("",):
        path = path_of(row, printed["ids"], slug)
        for actor in actors.values():
            if actor.is_program:
                continue
            response = actor.client.get(path)
            faults += judged(row, actor, slug, path, response)
    assert not faults, "\n".join(faults)


def judged(row: Row, actor: Actor, slug: str, path: str, response: Any) -> list[str]:
    faults = []
    body = b"".join(response.streaming_content) if response.streaming else response.content
    leaked = canaries.leaks(sees(actor, slug), body, repr(response.headers).encode())
    if leaked:
        faults.append(f"{actor.name} reads {sorted(leaked)[:3]} at {path}")
    allowed = may_open(row, actor, slug)
    status = response.status_code
    if allowed and not row.posts and status not in SERVED | {302}:
        faults.append(f"{actor.name} may open {path} but gets {status}")
    if not allowed and status not in REFUSED:
        faults.append(f"{actor.name} may not open {path} but gets {status}")
    if row.posts and status == 200:
        faults.append(f"{path} acts by GET for {actor.name}")
    return faults


@pytest.mark.parametrize("row", [r for r in ROWS if r.posts], ids=lambda r: r.route)
def test_given_strangers_when_they_post_to_a_page_then_nothing_changes(
    row: Row, printed: dict[str, Any], actors: dict[str, Actor]
):
    faults = []
    for slug in SLUGS if row.who == "partner" else ("",):
        path = path_of(row, printed["ids"], slug)
        for actor in actors.values():
            if actor.is_program or may_open(row, actor, slug):
                continue
            response = actor.client.post(path)
            # What succeeds answers 302 as well, but leads back into the product.
            onward = response.headers.get("Location", "/accounts/")
            if response.status_code not in REFUSED or not onward.startswith("/accounts/"):
                faults.append(f"{actor.name} posts to {path}: {response.status_code} {onward}")
            if leaked := canaries.leaks(sees(actor, slug), response.content):
                faults.append(f"{actor.name} reads {sorted(leaked)[:3]} after posting to {path}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "path", ["/devices/{}", "/sites/{}", "/alerts/{}", "/access/grants/{}", "/access/requests/{}", "/contracts/{}"]
)
def test_a4_given_a_foreign_and_a_random_id_when_opened_then_both_answers_are_the_same_byte_for_byte(
    path: str, printed: dict[str, Any], actors: dict[str, Actor]
):
    name = {
        "/devices/{}": "fw-hq",
        "/sites/{}": "hq",
        "/alerts/{}": "hq-open",
        "/access/grants/{}": "grant-northwind-hq",
    }
    foreign = printed["ids"][
        {**name, "/access/requests/{}": "request-northwind-acme", "/contracts/{}": "contract-acme-rival"}[path]
    ]
    random = foreign[:3] + "2" * 10

    for who in ("gwen", "mallory"):
        one = actors[who].client.get(path.format(foreign), headers={"X-Request-ID": "the-same-id"})
        other = actors[who].client.get(path.format(random), headers={"X-Request-ID": "the-same-id"})
        assert one.status_code == other.status_code == 404
        assert masked(one.content, foreign) == masked(other.content, random)


def masked(body: bytes, public_id: str) -> bytes:
    return body.replace(public_id.encode(), b"ID")


@pytest.mark.parametrize("bad", ["..%2f..%2fetc", "dv-", "%00", "a" * 300, "1", "-1", "dv-2222222222'--", "null", "☃"])
def test_given_a_malformed_id_when_opened_then_it_is_a_plain_404(
    bad: str, printed: dict[str, Any], actors: dict[str, Actor]
):
    client: Client = actors["ada"].client
    for root in ("devices", "sites", "alerts", "access/grants", "access/requests", "settings/notifications"):
        assert client.get(f"/{root}/{bad}").status_code in {400, 404}
