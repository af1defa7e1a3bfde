"""Every page that somebody may open, asked with what no form of ours sends: an answer in words, never a failure of ours."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.matrix.actors import Actor
from tests.matrix.table import ROWS, Row
from tests.matrix.test_pages import SLUGS, path_of

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
READERS = {"customer": ("ada",), "partner": ("nora",), "staff": ("sam",), "public": ("ada",), "signed-in": ("ada",)}
VALUES = ("²", "٣", "9" * 5_000, "-1", "1e9", "99999999999999999999", "a\0b", "0", "[]", "2026-13-45", "%")
# `request.GET.get("page")`, `wanted["site"]`, `data.getlist("cat")`: every name by which a view reads what was sent.
READ = re.compile(r"""(?:GET|POST|wanted|data|posted|asked|said|query)(?:\.get(?:list)?\(|\[)["'](\w+)["']""")


def names() -> list[str]:
    files = (f for package in ("access", "telemetry", "partners", "smartcare") for f in (ROOT / package).rglob("*.py"))
    found = {
        name for f in files if "views" in f.parts or f.parent.name == "staff" for name in READ.findall(f.read_text())
    }
    return sorted(found - {"format"})


def test_the_names_that_views_read_are_found():
    assert {"page", "days", "severity", "site", "q", "older", "hours", "since", "partner"} <= set(names())


@pytest.mark.parametrize("row", [r for r in ROWS if r.who in READERS], ids=lambda r: r.route or "/")
def test_given_values_that_no_form_sends_when_a_page_is_asked_with_them_then_it_answers(
    row: Row, printed: dict[str, Any], actors: dict[str, Actor]
):
    faults = []
    for slug in SLUGS[:1] if row.who == "partner" else ("",):
        path = path_of(row, printed["ids"], slug).split("?")[0]
        for who in READERS[row.who]:
            client = actors[who].client
            for value in VALUES:
                sent = dict.fromkeys(names(), value)
                answers = [client.get(f"{path}?{urlencode(sent)}"), client.post(path, sent)]
                faults += [f"{who} {path} {value[:20]!r}: {a.status_code}" for a in answers if a.status_code >= 500]
    assert not faults, "\n".join(faults)
