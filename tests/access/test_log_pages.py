"""Who looked, as its reader finds it: by partner, person, site, kind, way and day; programs rolled up; pages that lose nothing."""

import csv
import io
import json
import re
import subprocess
import sys
from datetime import timedelta

import pytest

from access import sharing, viewing
from access.models import Category, ViewingEntry
from access.principal import acting
from access.viewer import Viewer
from access.viewing import Look
from access.views import leaves, looks
from tests.cast import HEALTH, INVENTORY, World
from tests.partners.pages import text

LINE = re.compile(r'<th scope="row" class="nowrap">')


def look(
    world: World, words: str, *, partner: str = "northwind", site: str = "hq", kind=HEALTH, way: str = "page"
) -> None:
    viewer: Viewer = getattr(world, partner).viewer()
    place = world.acme.sites[site]
    with acting(viewer):
        viewing.record(viewer, [Look(world.acme.pk, Category(kind), place.pk, "device", words, ["dv-1"])], way=way)


@pytest.fixture
def acme(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY, HEALTH})
    world.acme.shares("branch", with_=world.rival, categories={INVENTORY, HEALTH})
    return world.acme


def page(world: World, browse, query: str = "") -> str:
    return text(browse(world.acme.people["alan"]).get(f"/access/log{query}"))


def test_given_looks_of_two_partners_when_filtered_by_one_then_the_other_is_not_there(world, acme, browse):
    look(world, "Northwind's look")
    look(world, "Rival's look", partner="rival", site="branch")

    shown = page(world, browse, f"?partner={world.rival.organization.public_id}")

    assert "Rival&#x27;s look" in shown
    assert "Northwind&#x27;s look" not in shown


def test_given_looks_at_two_sites_when_filtered_by_one_then_the_other_is_not_there(world, acme, browse):
    look(world, "At the headquarters")
    look(world, "At the branch", partner="rival", site="branch")

    shown = page(world, browse, f"?site={acme.sites['branch'].public_id}")

    assert "At the branch" in shown
    assert "At the headquarters" not in shown


@pytest.mark.parametrize(
    "query", ["?kind=traffic", "?how=export", "?person=nobody", "?to=2020-01-01", "?partner=staff"]
)
def test_given_filters_that_nothing_fits_then_it_says_so_and_not_that_nobody_looked(world, acme, browse, query):
    look(world, "The only look")

    shown = page(world, browse, query)

    assert "No look fits these filters." in shown
    assert "The only look" not in shown


@pytest.mark.parametrize(
    "query",
    ["?from=yesterday", "?to=2026-02-31", "?from=9999-12-31&to=9999-12-31", "?older=x~y", "?newer=~", "?page=-1"],
)
def test_given_words_that_mean_nothing_then_the_page_still_opens(world, acme, browse, query):
    assert browse(acme.people["ada"]).get(f"/access/log{query}").status_code == 200


def test_given_a_day_where_the_customer_is_then_a_look_just_after_its_midnight_belongs_to_it(world, acme):
    type(acme.organization).objects.filter(pk=acme.pk).update(timezone="Pacific/Auckland")
    ada = acme.viewer()
    ada.organization.timezone = "Pacific/Auckland"
    look(world, "Early")
    with acting(ada):
        at = ViewingEntry.objects.visible_to(ada).get(object_words="Early").at
        day = at.astimezone(looks.zone_of(ada)).date()

        def found(**days: str) -> int:
            return looks.filtered(ada, {"from": days.get("first", ""), "to": days.get("last", "")}).count()

        assert found(first=day.isoformat(), last=day.isoformat()) == 1
        assert found(last=(day - timedelta(days=1)).isoformat()) == 0
        assert found(first=(day + timedelta(days=1)).isoformat()) == 0


def test_given_many_calls_of_a_program_in_a_day_then_they_are_one_line_that_says_how_many_and_opens(
    world, acme, browse
):
    for number in range(7):
        look(world, f"Call {number}", way="api")
    look(world, "One page")

    shown = page(world, browse)
    each = re.search(r'href="(/access/log\?how=api[^"]+)">hq: Health and alerts, 7 reads', shown)

    assert each is not None
    assert len(LINE.findall(shown)) == 2
    opened = page(world, browse, each[1].removeprefix("/access/log").replace("&amp;", "&"))
    assert all(f"Call {number}" in opened for number in range(7))


def test_given_calls_of_two_kinds_then_they_are_two_lines(world, acme, browse):
    for kind in (HEALTH, INVENTORY):
        for _ in range(2):
            look(world, "Call", kind=kind, way="api")

    assert len(LINE.findall(page(world, browse))) == 2


def test_when_exported_then_every_read_is_a_row_and_both_formats_say_the_same(world, acme, browse):
    for number in range(3):
        look(world, f"Call {number}", way="api")
    client = browse(acme.people["ada"])

    rows = list(csv.DictReader(io.StringIO(client.get("/access/log?format=csv").content.decode())))
    same = json.loads(client.get("/access/log?format=json").content)

    assert [r["object"] for r in rows] == [r["object"] for r in same] == ["Call 2", "Call 1", "Call 0"]
    assert {r["site"] for r in rows} == {"hq"}


def test_given_more_rows_than_an_export_holds_then_it_is_refused_with_what_to_do(world, acme, browse, monkeypatch):
    monkeypatch.setattr("access.views.log.ALL_WITHIN", 2)
    for number in range(3):
        look(world, f"Look {number}")

    answer = browse(acme.people["ada"]).get("/access/log?format=csv")

    assert answer.status_code == 400
    assert "choose a shorter time" in text(answer)


def test_given_many_looks_when_one_leafs_to_the_end_and_back_then_each_is_shown_once(world, acme):
    for number in range(23):
        look(world, f"Look {number}")
    ada = acme.viewer()
    with acting(ada):
        rows = looks.filtered(ada, {})
        there, query = [], {}
        while True:
            found = leaves.leaf(rows, query, looks.KEY, size=10)
            there.append(found)
            if not found.older:
                break
            query = {"older": found.older, "page": str(found.number + 1)}
        back = leaves.leaf(rows, {"newer": there[-1].newer, "page": "2"}, looks.KEY, size=10)

    assert [len(leaf.rows) for leaf in there] == [10, 10, 3]
    assert [leaf.number for leaf in there] == [1, 2, 3]
    assert [e.object_words for leaf in there for e in leaf.rows] == [f"Look {n}" for n in reversed(range(23))]
    assert [e.pk for e in back.rows] == [e.pk for e in there[1].rows]
    assert not there[0].newer


def test_given_an_access_that_was_stopped_then_the_log_says_so_instead_of_its_old_end(world, acme, browse):
    look(world, "Before the end")
    ada = acme.viewer()
    with acting(ada):
        sharing.stop_all(by=ada)

    assert "Stopped " in page(world, browse)


def test_when_opened_by_the_partner_then_it_is_not_there(world, acme, browse):
    assert browse(world.northwind.people["nora"]).get("/access/log").status_code == 404


def test_when_journal_and_script_are_taken_home_then_the_script_finds_the_journal_whole_and_a_change_in_it(
    world, acme, browse, tmp_path
):
    look(world, "A look")
    alan = browse(acme.people["alan"])
    journal, script = tmp_path / "journal.jsonl", tmp_path / "verify_journal.py"
    journal.write_bytes(b"".join(alan.get("/access/log/journal").streaming_content))
    script.write_bytes(alan.get("/access/log/script").content)

    def checked() -> int:
        return subprocess.run([sys.executable, "-I", "-S", str(script), str(journal)], check=False).returncode

    whole = checked()
    journal.write_text(journal.read_text(encoding="utf-8").replace("Ada", "Eva", 1), encoding="utf-8")
    assert (whole, checked()) == (0, 1)


def test_given_a_partner_then_neither_journal_nor_script_is_there(world, acme, browse):
    nora = browse(world.northwind.people["nora"])

    assert [nora.get(f"/access/log/{what}").status_code for what in ("journal", "script")] == [404, 404]
