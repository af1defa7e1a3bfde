"""What the pages for device makers say is what the decoders do."""

import json
import re
from pathlib import Path

import pytest
import yaml

from telemetry import vocabulary
from telemetry.ingest import answers, limits
from telemetry.ingest.answers import Hints, Receipt
from telemetry.ingest.batch import NATIVE, Counts, Note
from telemetry.ingest.formats import native
from telemetry.ingest.formats.mib_mapping import MIB_RULES
from telemetry.ingest.formats.otlp_mapping import INSTANCE_BY, RULES
from tests.telemetry.ingest.messages import NATIVE_JSON, NATIVE_LINES, NOW

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "device-protocol.md").read_text()
DEVICES = ROOT / "docs" / "devices"
SOURCES = [*(ROOT / "telemetry" / "ingest").glob("*.py"), *(ROOT / "telemetry" / "ingest" / "formats").glob("*.py")]
OWN_WORDS = {"https://smartcare.example", "https://ucum.org"}


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def rows(heading):
    """Cells of the table below a heading, without its head."""
    section = PAGE.split(f"# {heading}\n", 1)[1].split("\n#", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines[2:]]


def test_when_the_page_shows_reports_then_there_are_some_of_each_kind():
    assert len(blocks("json report")) == 2
    assert len(blocks("ndjson report")) == 1


@pytest.mark.parametrize("report", blocks("json report"), ids=["short", "full"])
def test_when_a_report_of_the_page_is_sent_then_all_of_it_is_kept(report):
    batch = native.decode(report.encode(), NATIVE_JSON)

    assert batch.rejected_total == 0
    assert batch.counts.samples >= 2


@pytest.mark.parametrize("report", blocks("ndjson report"))
def test_when_the_lines_of_the_page_are_sent_then_all_of_them_are_kept(report):
    batch = native.decode(report.encode(), NATIVE_LINES)

    assert batch.rejected_total == 0
    assert batch.counts == Counts(1, 1, 1)


def test_when_the_page_shows_an_answer_then_it_has_the_shape_of_ours():
    (shown,) = map(json.loads, blocks("json answer"))
    receipt = Receipt(native.decode(blocks("json report")[1].encode(), NATIVE_JSON).idempotency_key, Counts(2, 2, 1))

    ours = json.loads(answers.kept(NATIVE, receipt, Hints(NOW, 300, 1843)).body)

    assert list(shown) == list(ours)
    assert shown["report_id"] == ours["report_id"]
    assert shown["rejected"][0].keys() == {"path", "code", "message"} == set(Note.__slots__)


def test_when_the_page_lists_metrics_then_they_are_the_vocabulary():
    assert rows("Metrics") == [
        [
            f"`{metric.name}`",
            metric.kind,
            ", ".join(metric.states) or metric.unit,
            f"{metric.instance}/NAME" if metric.instance else "",
            "; ".join(name + (f" = {', '.join(values)}" if values else "") for name, values in metric.labels.items()),
            metric.category,
        ]
        for metric in vocabulary.METRICS.values()
    ]


def test_when_a_decoder_refuses_something_then_the_page_explains_the_code():
    explained = set(re.findall(r"`([a-z_0-9]+)`", " ".join(row[0] for row in rows("Codes"))))

    literal = re.compile(r'(?:DecodeError\(\s*\d{3}|_Refused\(|BadItem\(|BadPoint\(|\.add\([^"\n]*),?\s*"([a-z_0-9]+)"')
    used = {code for source in SOURCES for code in literal.findall(source.read_text())}

    assert {"malformed", "bad_value", "too_many", "unknown_metric", "report_id_reused"} <= used
    assert used <= explained


def test_when_the_page_states_limits_then_they_are_enforced():
    stated = " ".join(" ".join(row) for row in rows("Limits"))
    device, collector = limits.DEVICE, limits.COLLECTOR

    for both in (device, collector):
        assert f"{both.wire_bytes // limits.MIB} MiB" in stated
        assert f"{both.body_bytes // limits.MIB} MiB" in stated
        assert f"{both.devices_kept}, {both.samples}, {both.events}" in stated
    assert f"{limits.DEVICE_PACE.burst} at once" in stated
    assert f"{limits.collector_pace(0).rate:.0f} a second" in stated
    assert f"{limits.collector_pace(0).burst} at once" in stated


def test_when_the_page_lists_classes_of_components_then_they_are_known():
    for name in native.read_inventory.__globals__["COMPONENT_CLASSES"]:
        assert f"`{name}`" in PAGE


def test_when_files_for_collectors_are_read_then_they_are_valid():
    for path in DEVICES.glob("*.yaml"):
        assert isinstance(yaml.safe_load(path.read_text()), dict)


def test_when_pages_name_a_server_then_it_is_none_that_exists():
    for path in [ROOT / "docs" / "device-protocol.md", *DEVICES.iterdir()]:
        servers = set(re.findall(r"https?://[^/\s`)\"']+", path.read_text()))
        assert servers <= OWN_WORDS, path.name


def test_when_the_collector_is_configured_as_shown_then_every_metric_is_understood():
    receiver = yaml.safe_load((DEVICES / "otel-collector-snmp.yaml").read_text())["receivers"]["snmp/sw1"]
    oids = {name: oid for metric in vocabulary.METRICS.values() for name, oid in metric.mib.items()}

    for name, metric in receiver["metrics"].items():
        columns = metric.get("column_oids", metric.get("scalar_oids"))
        asked = {column["oid"].removesuffix(".0") for column in columns}
        if name in MIB_RULES:
            assert asked == {oids[name]}, name
        else:
            assert name in RULES
            assert asked <= set(vocabulary.METRICS[name].mib.values()), name
            assert all({"name": "network.interface.name"} in column["attributes"] for column in columns)


def test_when_the_collector_names_instances_as_shown_then_their_attributes_are_known():
    receiver = yaml.safe_load((DEVICES / "otel-collector-snmp.yaml").read_text())["receivers"]["snmp/sw1"]
    by_attribute = {name for rule in MIB_RULES.values() for name in rule.instance_by} | set(INSTANCE_BY["if"])

    assert set(receiver["attributes"]) - {"network.io.direction"} <= by_attribute


def test_when_snmp_exporter_is_configured_as_shown_then_every_object_is_understood():
    module = yaml.safe_load((DEVICES / "snmp-exporter-generator.yaml").read_text())["modules"]["smartcare"]
    by_label = {name for rule in MIB_RULES.values() for name in rule.instance_by}

    assert set(module["walk"]) <= set(MIB_RULES)
    assert {lookup["lookup"] for lookup in module["lookups"]} <= by_label
