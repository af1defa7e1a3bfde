"""What docs/devices/ tells people to copy, copied: against the real web server where it runs here, else as its client would send."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from access.principal import acting
from telemetry import connecting, vocabulary
from telemetry.ingest.formats import otlp
from telemetry.models import DeviceInventory
from telemetry.models.devices import KeyChannel
from tests.cast import World
from tests.telemetry.ingest.messages import METRICS_JSON, NOW
from tests.telemetry.ingest.programs import program
from tests.telemetry.ingest.recordings import FORM
from tests.telemetry.ingest.senders import Sender, collector_key, device_key
from tests.telemetry.ingest.test_door import CALL_HOME
from tests.telemetry.ingest.test_door_server import Server, head, rows, serving, url_of_the_test_database

GUIDES = Path(__file__).resolve().parents[3] / "docs" / "devices"
README, CISCO = (GUIDES / "README.md").read_text(), (GUIDES / "call-home.md").read_text()
SYSTEMS = ("IOS and IOS-XE", "NX-OS", "ASA")
DOOR = "https://smartcare.example/"
GIVEN_UP_S = 30
in_server = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[Server]:
    yield from serving(url_of_the_test_database())


@pytest.fixture
def poller(lasting_world: World) -> Sender:
    return collector_key(lasting_world.acme, "hq")


def block(page: str, heading: str) -> str:
    """The code below a heading."""
    found = re.search(rf"^#+ {re.escape(heading)}$.*?^```(?:sh)?\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert found is not None, heading
    return found[1]


def here(text: str, server: Server) -> str:
    assert DOOR in text
    return text.replace(DOOR, f"http://127.0.0.1:{server.port}/")


def runs(script: str, key: str) -> str:
    """In a shell that knows the key and nothing of ours; what it printed."""
    environment = {"PATH": os.environ["PATH"], "SMARTCARE_KEY": key}
    done = subprocess.run(
        [program("bash"), "-eu", "-c", script], env=environment, capture_output=True, text=True, timeout=GIVEN_UP_S
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---- a shell


@in_server
@pytest.mark.skipif(not Path("/proc/uptime").exists(), reason="the line reads /proc, which is Linux's")
def test_when_the_line_for_a_shell_is_run_then_the_device_it_names_is_at_the_site_with_its_reading(
    server: Server, lasting_world: World, poller: Sender, behind: Any
) -> None:
    program("curl")

    answer = json.loads(runs(here(block(README, "A shell"), server), poller.key))

    assert (answer["status"], answer["accepted"]) == ("accepted", {"devices": 1, "samples": 1, "events": 0})
    assert answer["rejected"] == answer["warnings"] == []
    with acting(lasting_world.acme.viewer()):
        found = DeviceInventory.unscoped.select_related("site").get(serial="LAB-0001")
    assert (found.vendor, found.site.name) == ("Example", "hq")
    assert rows(behind, "healthsample") == 1


# ---- an OpenTelemetry SDK

PROGRAM = """
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

provider = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])
provider.get_meter("program").create_gauge("system.cpu.utilization", unit="1").set(0.42, {"cpu.logical_number": 0})
assert provider.force_flush()
"""


@in_server
def test_when_a_program_has_the_two_variables_then_its_sdk_reports_without_a_line_of_ours(
    server: Server, lasting_world: World, poller: Sender, behind: Any, tmp_path: Path
) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    variables = here(block(README, "An OpenTelemetry SDK"), server)
    resource = "export OTEL_RESOURCE_ATTRIBUTES=hw.serial_number=SDK-1,device.manufacturer=Example\n"

    runs(f"set -a\n{variables}\n{resource}{sys.executable} -I {tmp_path}/program.py", poller.key)

    with acting(lasting_world.acme.viewer()):
        assert DeviceInventory.unscoped.filter(vendor="Example", serial="SDK-1").exists()
    assert rows(behind, "healthsample") > 0


# ---- Cisco Call Home


def address(system: str) -> str:
    """Where the lines for this system send to."""
    (found,) = re.findall(r"(https://\S+)$", block(CISCO, system), re.MULTILINE)
    return str(found)


@in_server
@pytest.mark.parametrize("system", SYSTEMS)
def test_when_a_device_posts_to_the_address_of_its_lines_then_its_message_is_an_event(
    server: Server, lasting_world: World, behind: Any, system: str
) -> None:
    chassis = lasting_world.acme.installs("chassis", site="hq")
    key = device_key(lasting_world.acme, chassis, channel=KeyChannel.PATH)
    assert address(system).endswith("/KEY")
    path = urlsplit(address(system)).path.removesuffix("KEY") + key.key
    body = CALL_HOME.replace("SERIAL", "FOC1").encode()

    nameless = Sender("none", lasting_world.acme)  # the device sends no header; this one must not matter
    status, _, answer = server.exchange(head(nameless, path, f"Content-Length: {len(body)}", kind=FORM) + body)

    assert status == 200, answer
    behind.execute("SELECT code FROM telemetry_deviceevent")
    assert behind.fetchall() == [("PLATFORM_ENV-1-FAN",)]


@pytest.mark.parametrize("system", SYSTEMS)
def test_when_lines_for_cisco_are_copied_then_no_configuration_leaves_the_device(system: str) -> None:
    subscribed = re.findall(r"(?:subscribe-to-alert-group|alert-group) ([a-z-]+)", block(CISCO, system))

    assert "inventory" in subscribed
    assert not {"configuration", "all", "full"} & set(subscribed)


def test_when_the_page_and_the_guide_tell_how_ios_is_set_up_then_they_tell_the_same() -> None:
    def told(lines: str) -> list[str]:
        kept = [line.strip() for line in lines.splitlines()]
        return [line for line in kept if not line.startswith(("contact-email", "end", "call-home send"))]

    page = connecting.by_address("KEY", url=DOOR.rstrip("/"))[0].code

    assert told(page) == told(block(CISCO, "IOS and IOS-XE"))


# ---- OpenTelemetry's Collector, whose program is not here: what its SNMP receiver makes of the configuration


COLLECTOR = yaml.safe_load((GUIDES / "otel-collector-snmp.yaml").read_text())
# What a switch has in these objects, and what is kept of it.
WORTH = {
    "sysUpTime": (8_640_000, "device.uptime", 86_400),
    "cpmCPUTotal5minRev": (23, "device.cpu.utilization", 0.23),
    "ciscoMemoryPoolUsed": (1_000, "device.memory.usage", 1_000),
    "ciscoMemoryPoolFree": (3_000, "device.memory.usage", 3_000),
    "ciscoEnvMonTemperatureStatusValue": (41, "sensor.temperature", 41),
    "ciscoEnvMonFanState": (3, "fan.status", "failed"),
    "ciscoEnvMonSupplyState": (1, "psu.status", "ok"),
    "ifOperStatus": (2, "if.oper_status", "down"),
    "ifHighSpeed": (1_000, "if.speed", 10**9),
    "if.io": (2**53 + 5, "if.io", 2**53 + 5),
    "if.errors": (7, "if.errors", 7),
    "if.discards": (9, "if.discards", 9),
}


def point(value: int, column: dict[str, Any]) -> dict[str, Any]:
    attributes = [
        {"key": told["name"], "value": {"stringValue": told.get("value", "Gi1/0/1")}}
        for told in column.get("attributes", ())
    ]
    return {"timeUnixNano": str(int(NOW.timestamp()) * 10**9), "asInt": str(value), "attributes": attributes}


def exported(name: str) -> bytes:
    """One metric of the configuration as the receiver and the resource processor hand it to the exporter."""
    metric = COLLECTOR["receivers"]["snmp/sw1"]["metrics"][name]
    columns = metric.get("column_oids") or metric["scalar_oids"]
    data: dict[str, Any] = {"dataPoints": [point(WORTH[name][0], column) for column in columns]}
    kind = "sum" if "sum" in metric else "gauge"
    if kind == "sum":
        assert metric["sum"] == {"value_type": "int", "monotonic": True, "aggregation": "cumulative"}
        data |= {"isMonotonic": True, "aggregationTemporality": 2}
    upserted = COLLECTOR["processors"]["resource/sw1"]["attributes"]
    resource = {"attributes": [{"key": a["key"], "value": {"stringValue": a["value"]}} for a in upserted]}
    metrics = [{"name": name, "unit": metric["unit"], kind: data}]
    return json.dumps({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": metrics}]}]}).encode()


@pytest.mark.parametrize("name", sorted(WORTH))
def test_when_the_collector_exports_a_metric_as_configured_then_it_is_ours_in_our_unit(name: str) -> None:
    _, metric, kept = WORTH[name]

    batch = otlp.decode_metrics(exported(name), METRICS_JSON)

    assert batch.rejected_total == 0
    (device,) = batch.devices
    who = device.identity
    assert (who.vendor, who.serial, who.model) == ("Cisco", "FOC2601TST1", "C9200L-24P-4G")
    told = {(s.metric, s.state if s.state is not None else s.value) for s in device.samples}
    assert told == {(metric, kept)}
    labels = {dict(s.labels).get("dir") for s in device.samples}
    assert labels == ({"rx", "tx"} if metric in {"if.io", "if.errors", "if.discards"} else {None})


def test_when_the_collector_is_configured_then_each_of_its_metrics_was_tried() -> None:
    assert set(COLLECTOR["receivers"]["snmp/sw1"]["metrics"]) == set(WORTH)
    assert {metric for _, metric, _ in WORTH.values()} <= set(vocabulary.METRICS)


def test_when_the_collectors_pipeline_is_followed_then_each_part_is_configured_and_it_ends_here() -> None:
    for pipeline in COLLECTOR["service"]["pipelines"].values():
        for stage in ("receivers", "processors", "exporters"):
            assert set(pipeline[stage]) <= set(COLLECTOR[stage])
    assert set(COLLECTOR["service"]["extensions"]) <= set(COLLECTOR["extensions"])
    exporter = COLLECTOR["exporters"]["otlphttp/smartcare"]
    assert exporter["endpoint"] == f"{DOOR}ingest/otlp"  # it adds /v1/metrics by itself
    assert exporter["headers"]["authorization"] == "Bearer ${env:SMARTCARE_KEY}"


# ---- Prometheus: tests/telemetry/ingest/test_real_clients.py runs the agent with its file


def test_when_prometheus_checks_the_agents_file_then_it_is_valid(tmp_path: Path) -> None:
    shipped = (GUIDES / "prometheus-agent.yaml").read_text()
    (tmp_path / "key").write_text("scc_x")
    (tmp_path / "agent.yaml").write_text(shipped.replace("/etc/prometheus/smartcare.key", str(tmp_path / "key")))

    done = subprocess.run(
        [program("promtool", package="prometheus"), "check", "config", "--agent", str(tmp_path / "agent.yaml")],
        capture_output=True,
        text=True,
        timeout=GIVEN_UP_S,
    )

    assert done.returncode == 0, done.stderr


def test_when_the_agents_file_asks_the_exporter_then_module_and_login_are_those_of_the_generators_file() -> None:
    agent = yaml.safe_load((GUIDES / "prometheus-agent.yaml").read_text())
    generator = yaml.safe_load((GUIDES / "snmp-exporter-generator.yaml").read_text())
    (job,) = agent["scrape_configs"]

    assert set(job["params"]["module"]) == set(generator["modules"])
    assert set(job["params"]["auth"]) == set(generator["auths"])
