"""Places where a test may pull the plug: off unless asked for twice, and none of them unknown."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from access import failpoints
from access.failpoints import DIED, PLACE, PLACES, WANTED, armed_by

ROOT = Path(__file__).parents[2]
PASSES = "from access.failpoints import failpoint; failpoint('job.claimed'); print('passed')"


def passes(**environment: str) -> subprocess.CompletedProcess[str]:
    """A process that goes by a failpoint, with nothing in its environment but this."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    command = [sys.executable, "-c", PASSES]
    return subprocess.run(command, cwd=ROOT, env=kept | environment, capture_output=True, text=True, check=False)


def test_when_nobody_asks_then_no_place_ends_the_process():
    assert armed_by({}) == armed_by({"DEBUG": "1"}) == armed_by({WANTED: "1"}) == ""
    assert passes().stdout == "passed\n"


@pytest.mark.parametrize("off", ["", "0", "no", "false", "off"])
def test_given_production_when_one_variable_alone_names_a_place_then_it_does_nothing(off: str):
    assert armed_by({PLACE: "job.claimed", "DEBUG": off}) == ""
    assert passes(**{PLACE: "job.claimed", "DEBUG": off}).stdout == "passed\n"


@pytest.mark.parametrize("second", [{WANTED: "1"}, {"DEBUG": "1"}])
def test_when_it_is_asked_for_twice_then_the_process_ends_there_without_a_word(second: dict[str, str]):
    ended = passes(**{PLACE: "job.claimed"}, **second)

    assert (ended.returncode, ended.stdout, ended.stderr) == (DIED, "", "")


def test_when_a_name_is_no_place_then_it_does_nothing():
    assert armed_by({PLACE: "job.claimed ", WANTED: "1"}) == armed_by({PLACE: "*", WANTED: "1"}) == ""


def test_given_these_tests_when_they_run_then_no_place_is_armed():
    assert failpoints._armed == ""


def test_when_the_product_goes_by_a_place_then_it_is_listed_and_each_that_is_listed_is_gone_by():
    named = set()
    for package in ("access", "telemetry", "partners", "smartcare"):
        for path in (ROOT / package).rglob("*.py"):
            named |= set(re.findall(r"^\s+failpoint\(\"([a-z_.]+)\"\)$", path.read_text(), re.MULTILINE))

    assert named == set(PLACES)


def test_when_variables_are_set_for_production_then_none_of_them_is_a_failpoint():
    for name in (".env.example", "docker-compose.yml", "Dockerfile"):
        assert "FAILPOINT" not in (ROOT / name).read_text()
