"""The forms a keys file may have."""

import json
from pathlib import Path

import pytest

from smartcare.simulator.hardware import Kind
from smartcare.simulator.keyfile import parse, read


def test_given_what_seed_prints_when_read_then_devices_have_their_keys_and_names():
    content = {"users": {}, "device_keys": {"fw-hq": "scd_a_b"}, "ids": {"fw-hq": "fw-7k2p", "acme": "acme-1"}}

    (device,) = parse(content)

    assert (device.name, device.key, device.device_id) == ("fw-hq", "scd_a_b", "fw-7k2p")


def test_given_a_plain_object_when_read_then_the_order_is_kept():
    assert [device.name for device in parse({"b": "k1", "a": "k2"})] == ["b", "a"]


def test_given_an_object_per_device_when_read_then_its_wishes_are_taken():
    said = {"key": "k", "kind": "firewall", "fault": "memory_leak", "serial": "S1", "site": "hq"}

    (device,) = parse({"x": said})

    assert (device.kind, device.fault, device.serial, device.site) == (Kind.EDGE, "memory_leak", "S1", "hq")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({}, "names no device"),
        ({"device_keys": []}, "names no device"),
        ({"x": 3}, "x: expected its key"),
        ({"x": {"kind": "ap"}}, "x: expected its key"),
        ({"x": {"key": "k", "falut": "silent"}}, "unknown field falut"),
        ({"x": {"key": "k", "kind": "toaster"}}, "unknown kind toaster"),
    ],
)
def test_given_a_file_that_is_wrong_when_read_then_a_sentence_says_what(content: dict, reason: str):
    with pytest.raises(ValueError, match=reason):
        parse(content)


@pytest.mark.parametrize("text", ["not json", "[1]"])
def test_given_a_file_that_is_no_object_when_read_then_its_name_is_told(tmp_path: Path, text: str):
    (tmp_path / "keys.json").write_text(text)

    with pytest.raises(ValueError, match="keys.json"):
        read(tmp_path / "keys.json")


def test_given_a_file_when_read_then_it_is_parsed(tmp_path: Path):
    (tmp_path / "keys.json").write_text(json.dumps({"fw": "k"}))

    assert [device.name for device in read(tmp_path / "keys.json")] == ["fw"]
