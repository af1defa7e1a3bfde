import re

import pytest

from telemetry import vocabulary
from telemetry.ingest.formats import mib_mapping, otlp_mapping, prometheus_mapping
from telemetry.vocabulary import CATEGORIES, METRICS

METRIC = pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
TRAFFIC = {"if.io", "if.packets", "wifi.clients", "fw.sessions", "vpn.tunnels"}
CLASSES = {"", "if", "fan", "psu", "sensor", "poe", "cpu", "pool", "disk", "battery", "chassis", "radio"}
UNITS = {"", "s", "1", "By", "Cel", "V", "A", "W", "rpm", "bit/s", "dBm", "mA"}


@METRIC
def test_when_a_metric_is_named_then_it_has_a_category(metric):
    assert vocabulary.category_of(metric.name) in CATEGORIES


def test_when_traffic_is_asked_for_then_it_is_exactly_what_tells_who_talks_how_much():
    assert {name for name in METRICS if vocabulary.category_of(name) == "traffic"} == TRAFFIC
    assert {metric.category for metric in METRICS.values()} == {"health", "traffic"}


@METRIC
def test_when_a_metric_is_defined_then_its_parts_fit_together(metric):
    assert vocabulary.NAME.fullmatch(metric.name)
    assert metric.instance in CLASSES
    assert metric.unit in UNITS or re.fullmatch(r"\{[a-z]+\}", metric.unit)
    assert (metric.kind == "state") == bool(metric.states)
    assert (metric.unit == "") == (metric.kind == "state")
    assert metric.kind in {"gauge", "counter", "state"}
    assert all(len(state) <= 32 for state in metric.states)
    assert all(re.fullmatch(r"1(\.\d+)+", oid) for oid in metric.mib.values())


def test_when_a_name_is_the_senders_own_then_it_counts_as_health():
    assert vocabulary.category_of("custom.room.door") == "health"
    assert vocabulary.is_custom("custom.room.door")
    assert vocabulary.lookup("custom.room.door") is None


@pytest.mark.parametrize("name", ["", "custom.", "custom", "custom.Door", "room.door", "custom." + "x" * 58, "if.io "])
def test_when_nobody_agreed_on_a_name_then_it_has_no_category(name):
    assert not vocabulary.is_custom(name)
    with pytest.raises(KeyError):
        vocabulary.category_of(name)


@pytest.mark.parametrize(
    ("foreign", "name"),
    [
        ("node_load1", "custom.node_load1"),
        ("My-App/Latency", "custom.my_app_latency"),
        ("x" * 57, "custom." + "x" * 57),
        ("x" * 58, None),
        ("", None),
    ],
)
def test_when_a_foreign_name_is_taken_in_then_it_fits_or_is_refused(foreign, name):
    assert vocabulary.custom_name(foreign) == name


@pytest.mark.parametrize(("name", "rule"), prometheus_mapping.RULES.items())
def test_when_a_mib_object_is_mapped_then_metric_states_and_labels_exist(name, rule):
    metric = METRICS[rule.metric]

    assert set(rule.states.values()) <= set(metric.states)
    assert bool(rule.states) == (metric.kind == "state")
    assert dict(rule.labels).keys() <= metric.labels.keys()
    assert all(not metric.labels[key] or value in metric.labels[key] for key, value in rule.labels)
    assert not rule.bits or metric.kind == "counter"


@pytest.mark.parametrize("name", mib_mapping.MIB_RULES)
def test_when_a_mib_object_is_mapped_then_the_vocabulary_knows_its_oid(name):
    assert name in METRICS[mib_mapping.MIB_RULES[name].metric].mib


@pytest.mark.parametrize("name", mib_mapping.REFUSED_OBJECTS)
def test_when_a_mib_object_is_refused_then_the_vocabulary_knows_it_and_nobody_maps_it(name):
    assert any(name in metric.mib for metric in METRICS.values())
    assert name not in mib_mapping.MIB_RULES


@METRIC
def test_when_opentelemetry_has_a_name_for_a_metric_then_it_is_mapped_there(metric):
    for name in metric.otel:
        assert metric.name in {rule.metric for rule in otlp_mapping.RULES[name]}


@pytest.mark.parametrize("name", otlp_mapping.RULES)
def test_when_an_opentelemetry_name_is_mapped_then_metric_and_labels_exist(name):
    for rule in otlp_mapping.RULES[name]:
        metric = METRICS[rule.metric]
        assert name == metric.name or name in metric.otel
        assert {label.name for label in rule.labels} <= metric.labels.keys()
        assert rule.read in (otlp_mapping.Read.ONE_HOT, otlp_mapping.Read.UP_DOWN) or metric.kind != "state"


@pytest.mark.parametrize(("said", "state"), otlp_mapping.STATE_WORDS.items())
def test_when_opentelemetrys_word_for_a_state_differs_then_ours_is_one_of_ours(said, state):
    assert state in vocabulary.SENSOR_STATES
    assert state in vocabulary.UNIT_STATES
