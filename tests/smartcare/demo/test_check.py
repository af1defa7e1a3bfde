"""The parts of `demo --check` that decide: what is a leak, how long is waited."""

import re
import signal
import time

import pytest

from access.models import SHAREABLE
from smartcare.demo.check.marks import Leaks
from smartcare.demo.check.verdict import Broken, Patience, Tally, no_longer_than
from smartcare.story import canaries
from smartcare.story.cast import CONTRACTS, HEALTH, INVENTORY, TRAFFIC

MAY_SEE = {
    "ada": [canaries.inside("acme", "x"), canaries.told("rival", "x"), canaries.contract("acme", "rival", "x")],
    "northwind": [
        *(canaries.at_site("acme", "hq", c, "x") for c in (HEALTH, INVENTORY, "any", "name")),
        canaries.purpose("acme", "northwind", "x"),
        canaries.own("northwind", "x"),
        canaries.contract("globex", "northwind", "x"),
    ],
    "rival": [canaries.own("rival", "x"), canaries.contract("acme", "rival", "x"), canaries.tender("acme", "x")],
    "third": [canaries.at_site("acme", "branch", "name", "x"), canaries.purpose("acme", "third", "x")],
}
MAY_NOT_SEE = {
    "ada": [canaries.own("northwind", "x"), canaries.at_site("globex", "plant", "any", "x")],
    "northwind": [
        *(canaries.at_site("acme", "hq", c, "x") for c in (TRAFFIC, CONTRACTS)),
        *(canaries.at_site("acme", "branch", c, "x") for c in (*SHAREABLE, "name", "any")),
        canaries.inside("acme", "x"),
        canaries.told("rival", "x"),
        canaries.at_site("globex", "plant", "name", "x"),
    ],
    "rival": [canaries.at_site("acme", "hq", "name", "x"), canaries.purpose("acme", "northwind", "x")],
    "third": [canaries.at_site("acme", "hq", "any", "x"), canaries.purpose("acme", "northwind", "x")],
}


@pytest.mark.parametrize(("reader", "mark"), [(r, m) for r, marks in MAY_SEE.items() for m in marks])
def test_when_a_reader_sees_its_own_then_it_is_no_leak(reader: str, mark: str) -> None:
    leaks = Leaks()

    leaks.look(reader, "/", f"<p>a text {mark}</p>")

    assert not leaks.found


@pytest.mark.parametrize(("reader", "mark"), [(r, m) for r, marks in MAY_NOT_SEE.items() for m in marks])
def test_when_a_reader_sees_what_is_not_shared_then_it_is_a_leak_by_name(reader: str, mark: str) -> None:
    leaks = Leaks()

    leaks.look(reader, "/somewhere", f"<p>a text {mark}</p>")

    assert leaks.found == {(reader, "/somewhere", mark)}


def test_when_there_is_a_leak_then_the_last_line_says_no_whatever_else_held() -> None:
    assert Tally(leaks=1).as_line(ok=True, seconds=1)["ok"] is False
    assert Tally().as_line(ok=True, seconds=1)["ok"] is True


def test_when_nothing_comes_then_waiting_ends_and_says_for_what() -> None:
    patience = Patience(until=time.monotonic() + 60, between=lambda: None)

    with pytest.raises(Broken, match=re.escape("waited in vain for rain")):
        patience.wait("rain", lambda: None, within_s=0)


def test_given_all_time_used_up_when_waiting_then_one_more_question_is_asked_and_no_more() -> None:
    asked = []
    patience = Patience(until=time.monotonic() - 1, between=lambda: None)

    with pytest.raises(Broken):
        patience.wait("rain", lambda: asked.append(1), within_s=60)

    assert len(asked) == 1


def test_when_a_program_ends_meanwhile_then_waiting_ends_with_its_reason() -> None:
    def gone() -> None:
        raise Broken("the worker ended")

    patience = Patience(until=time.monotonic() + 60, between=gone)

    with pytest.raises(Broken, match="the worker ended"):
        patience.wait("rain", lambda: None, within_s=60)


def test_when_something_hangs_then_the_time_limit_ends_it() -> None:
    began = time.monotonic()

    with pytest.raises(Broken, match="out of time"), no_longer_than(0.1):
        signal.pause()

    assert time.monotonic() - began < 5
