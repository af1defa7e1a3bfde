"""Reports by the letter of the published schema."""

import json
import os
from pathlib import Path
from uuid import UUID

import jsonschema
import pytest

from smartcare.simulator.hardware import Kind
from smartcare.simulator.plan import DeviceSpec, build
from smartcare.simulator.repertoire import STORIES
from smartcare.simulator.report import (
    Document,
    device_part,
    halves,
    iso,
    new_id,
    samples_at,
    seal,
)
from smartcare.simulator.sample import Sample

from .builders import DAY, PRESENT, a_device

SHARED = Path(os.environ.get("SMARTCARE_SHARED") or Path(__file__).resolve().parents[4] / "shared")
SCHEMA = SHARED / "samples" / "native" / "schema_v1.json"


def a_document(story: str = "healthy", kind: Kind | None = None) -> Document:
    device = a_device(story, kind)
    samples = samples_at(device, PRESENT - 300) + samples_at(device, PRESENT)
    part = device_part(device, samples, device.events(PRESENT - DAY, PRESENT))
    part["inventory"] = device.inventory(PRESENT) | {"at": iso(PRESENT)}
    head = {"schema": "smartcare.report/1", "report_id": new_id(PRESENT), "seq": 1, "boot_id": "a-1"}
    agent = {"name": "smartcare-simulator", "version": "1.0.0", "kind": "device"}
    return head | {"sent_at": iso(PRESENT), "interval_s": 300, "agent": agent, "devices": [part]}


@pytest.mark.skipif(not SCHEMA.exists(), reason=f"no schema at {SCHEMA.name}: set SMARTCARE_SHARED to its handbook")
@pytest.mark.parametrize("story", STORIES)
def test_when_a_report_is_made_then_it_is_valid_under_the_schema(story: str):
    schema = json.loads(SCHEMA.read_text())
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())

    errors = list(validator.iter_errors(json.loads(seal(a_document(story), compress=False).body)))

    assert not errors


def test_when_reports_are_made_then_every_sample_has_its_own_time_and_counters_their_start():
    samples = a_document(kind=Kind.SWITCH)["devices"][0]["samples"]

    assert {sample["t"] for sample in samples} == {iso(PRESENT - 300), iso(PRESENT)}
    assert {sample["m"] for sample in samples if "start" in sample} == {
        "if.io",
        "if.packets",
        "if.errors",
        "if.discards",
        "if.flaps",
    }


def test_given_a_counter_beyond_exact_floats_when_it_is_told_then_it_is_a_decimal_string(monkeypatch):
    device = a_device()
    huge = Sample("if.io", "if/wan1", 2**60, {"dir": "rx"}, counter=True)
    monkeypatch.setattr(device, "samples", lambda t: [huge])

    assert samples_at(device, PRESENT)[0]["v"] == str(2**60)


def test_when_a_report_is_sealed_twice_then_the_bytes_are_the_same():
    document = a_document()

    assert seal(document, compress=True).body == seal(document, compress=True).body
    assert seal(document, compress=True).plain().body == seal(document, compress=False).body


def test_when_ids_are_made_one_after_the_other_then_they_are_version_7_and_sort_by_time():
    ids = [new_id(PRESENT + n / 100) for n in range(500)]

    assert ids == sorted(set(ids))
    assert {UUID(each).version for each in ids} == {7}
    assert {UUID(each).variant for each in ids} == {"specified in RFC 4122"}


def test_when_a_time_is_written_then_it_is_rfc_3339_with_milliseconds():
    assert iso(PRESENT + 0.1234) == "2026-11-24T02:15:00.123Z"


def test_given_one_sample_and_inventory_when_divided_then_the_inventory_goes_alone():
    document = a_document()
    part = document["devices"][0]
    part["samples"], part["events"] = part["samples"][:1], []

    first, second = (each["devices"][0] for each in halves(document) or ())

    assert "inventory" in first
    assert not first["samples"]
    assert "inventory" not in second
    assert len(second["samples"]) == 1


def test_given_one_sample_alone_when_divided_then_there_are_no_halves():
    document = a_document()
    part = document["devices"][0]
    del part["inventory"]
    part["samples"], part["events"] = part["samples"][:1], []

    assert halves(document) is None


def test_given_a_name_of_the_product_when_identity_is_told_then_no_serial_is_made_up():
    named, unnamed = build(
        [DeviceSpec("fw-1", "k", device_id="fw-7k2p"), DeviceSpec("fw-2", "k")], seed=1, present=PRESENT
    )

    assert device_part(named, [], [])["identity"].keys() == {"device_id", "vendor", "model", "hostname"}
    assert {"serial", "mac"} < device_part(unnamed, [], [])["identity"].keys()
