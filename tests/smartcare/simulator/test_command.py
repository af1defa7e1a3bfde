"""`manage.py simulate`, as an operator calls it."""

import io
import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from smartcare.management.commands.simulate import Command

from .conftest import Server


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"device_keys": {"fw-hq": "scd_a_1", "sw-hq": "scd_b_2"}, "ids": {"fw-hq": "fw-7k2p"}}))
    return path


def simulate(server: Server, keys: Path, *arguments: str, err: io.StringIO | None = None) -> dict[str, Any]:
    """Run the command as the command line would; what it printed."""
    out = io.StringIO()
    command = Command(stdout=out, stderr=err or io.StringIO())
    parser = command.create_parser("manage.py", "simulate")
    options = parser.parse_args(["--url", server.url, "--keys", str(keys), *arguments])
    command.handle(**vars(options))
    lines = out.getvalue().splitlines()
    assert len(lines) == 1
    return json.loads(lines[0])


def test_when_the_time_is_over_then_one_line_of_json_tells_what_was_sent(server: Server, keys: Path):
    told = simulate(server, keys, "--speed", "400000", "--seconds", "0.8")

    assert told.keys() >= {"accepted", "duplicates", "rejected", "retried", "seconds"}
    assert told["accepted"] == len(server.seen) >= 2
    assert told["seconds"] >= 0.8


def test_given_what_seed_printed_when_devices_report_then_they_use_the_products_names(server: Server, keys: Path):
    simulate(server, keys, "--speed", "400000", "--seconds", "0.8")

    identities = [post.part["identity"] for post in server.seen]
    assert {identity.get("device_id") for identity in identities} == {"fw-7k2p", None}


def test_given_a_number_of_devices_when_it_is_less_than_the_keys_then_the_first_report(server: Server, keys: Path):
    simulate(server, keys, "--devices", "1", "--speed", "400000", "--seconds", "0.8")

    assert {post.headers["Authorization"] for post in server.seen} == {"Bearer scd_a_1"}


def test_given_more_devices_than_keys_when_called_then_it_says_so(server: Server, keys: Path):
    with pytest.raises(CommandError, match="holds the keys of 2 devices, not of 3"):
        simulate(server, keys, "--devices", "3")


def test_given_no_keys_file_when_called_then_it_says_so(server: Server, tmp_path: Path):
    with pytest.raises(CommandError, match="missing.json"):
        simulate(server, tmp_path / "missing.json")


def test_when_the_process_is_told_to_end_then_the_result_is_still_printed(server: Server, keys: Path):
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()

    told = simulate(server, keys, "--interval", "3600", "--seconds", "60")

    assert told["seconds"] < 5


def test_when_the_command_is_over_then_signals_mean_what_they_did_before(server: Server, keys: Path):
    before = signal.getsignal(signal.SIGTERM)

    simulate(server, keys, "--seconds", "0.1")

    assert signal.getsignal(signal.SIGTERM) is before


def test_given_a_terminal_when_the_fleet_runs_then_progress_is_shown_there_alone(server: Server, keys: Path):
    err, silent = Terminal(), io.StringIO()

    simulate(server, keys, "--speed", "400000", "--seconds", "1.2", err=err)
    simulate(server, keys, "--seconds", "0.1", err=silent)

    assert "2 devices" in err.getvalue()
    assert "accepted" in err.getvalue()
    assert silent.getvalue() == ""


def test_given_the_present_of_an_earlier_run_when_called_again_then_the_devices_go_on_with_their_lives(
    server: Server, keys: Path
):
    told = simulate(server, keys, "--speed", "400000", "--seconds", "1")
    simulate(server, keys, "--speed", "400000", "--seconds", "1", "--present", str(told["present"]))

    boots = {
        (post.part["identity"]["hostname"], sample["start"])
        for post in server.seen
        for sample in post.part["samples"]
        if sample["m"] == "if.io"
    }
    assert len(boots) == 2


def test_given_a_present_without_zone_when_called_then_it_is_refused(server: Server, keys: Path):
    with pytest.raises(CommandError, match="--present"):
        simulate(server, keys, "--present", "2026-11-24T02:15:00")
