import json
from datetime import UTC, datetime

import pytest
from google.protobuf.json_format import MessageToJson
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from telemetry.ingest import body
from telemetry.ingest.batch import CanonicalBatch, Component, Counts, DecodeError, Identity, Software
from telemetry.ingest.formats import otlp, wire
from telemetry.ingest.limits import COLLECTOR
from tests.telemetry.ingest.messages import (
    LOGS_BINARY,
    LOGS_JSON,
    METRICS_BINARY,
    METRICS_JSON,
    NOW,
    PROTOBUF,
    meta,
    outcome_of,
    said,
    sample,
    small,
)

T = 1_795_486_425_531_129_525
START = T - 10**9
SERIAL = {"hw.serial_number": "FOC1"}


def attributes(**pairs):
    return [
        KeyValue(key=key, value=AnyValue(**{kind_of(value): value}))
        for key, value in {**pairs.pop("of", {}), **pairs}.items()
    ]


def kind_of(value):
    kinds = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value", bytes: "bytes_value"}
    return kinds[type(value)]


def request_of(*points, name="hw.temperature", shape="gauge", resource=SERIAL, **data):
    """One metric. points: value, or (value, attributes), or keyword arguments of NumberDataPoint."""
    request = ExportMetricsServiceRequest()
    holder = request.resource_metrics.add()
    holder.resource.attributes.extend(attributes(of=resource))
    metric = holder.scope_metrics.add().metrics.add(name=name)
    target = getattr(metric, shape)
    for key, value in data.items():
        setattr(target, key, value)
    for point in points:
        value, told = point if isinstance(point, tuple) else (point, {})
        made = target.data_points.add(time_unix_nano=T, attributes=attributes(of=told))
        if value is not None:
            setattr(made, "as_int" if isinstance(value, int) else "as_double", value)
    target.SetInParent()
    return request


def decode(request, request_meta=METRICS_BINARY):
    return otlp.decode_metrics(request.SerializeToString(), request_meta)


def samples_of(*points, **request):
    batch = decode(request_of(*points, **request))
    assert batch.rejected_total == 0
    return [found for device in batch.devices for found in device.samples]


def only(*points, **request):
    (found,) = samples_of(*points, **request)
    return found


def rejections_of(request):
    batch = decode(request)
    return batch.rejected_total, {note.code for note in batch.rejected}


def counters(*points, **more):
    return request_of(*points, shape="sum", **{"is_monotonic": True, "aggregation_temporality": 2, **more})


# what real exporters sent


def test_when_the_python_sdk_exports_then_the_device_and_its_samples_are_known():
    batch = otlp.decode_metrics(
        body.decompress(sample("otlp/python_proto_gzip/001.body"), "gzip", COLLECTOR), METRICS_BINARY
    )

    (device,) = batch.devices
    assert device.identity == Identity(
        serial="FOC12345678", vendor="Cisco", model="C9200L-24P-4G", hostname="sw1.branch7.example"
    )
    assert device.inventory.software == (Software("os", "17.9.4", "os"),)
    assert device.inventory.components == (
        Component("chassis/1", "chassis", model="C9200L-24P-4G", serial="FOC12345678"),
    )
    assert [(s.metric, s.instance, s.labels, s.value, s.state) for s in device.samples] == [
        ("if.io", "if/Gi1/0/1", (("dir", "rx"),), 123456789, None),
        ("if.io", "if/Gi1/0/1", (("dir", "tx"),), 987654321, None),
        ("if.io", "if/Gi1/0/2", (("dir", "rx"),), 5000, None),
        ("if.io", "if/Gi1/0/2", (("dir", "tx"),), 6000, None),
        ("if.crc_errors", "if/Gi1/0/1", (), 7, None),
        ("if.crc_errors", "if/Gi1/0/2", (), 7, None),
        ("sensor.temperature", "sensor/1", (), 47.5, None),
        ("fan.speed", "fan/1", (), 5400, None),
        ("psu.status", "psu/A", (), None, "ok"),
        ("device.cpu.utilization", "cpu/0", (), 0.23, None),
        ("device.memory.usage", "pool/system", (("state", "used"),), 400000000, None),
        ("device.memory.usage", "pool/system", (("state", "free"),), 600000000, None),
        ("device.uptime", "", (), 864000.0, None),
    ]


def test_when_the_python_sdk_exports_a_histogram_then_it_alone_is_rejected():
    batch = otlp.decode_metrics(sample("otlp/python_json/001.body"), METRICS_JSON)

    assert batch.counts == Counts(1, 13, 0)
    assert [note.path for note in batch.rejected] == ["resourceMetrics[0] icmp.rtt"]


def test_when_the_same_export_is_json_then_the_batch_is_the_same():
    binary = body.decompress(sample("otlp/python_proto_gzip/001.body"), "gzip", COLLECTOR)

    as_json = otlp.decode_metrics(sample("otlp/python_proto_gzip/001.decoded.json"), METRICS_JSON)

    assert said(as_json) == said(otlp.decode_metrics(binary, METRICS_BINARY))


def test_when_the_sdk_repeats_itself_on_shutdown_then_it_is_another_report():
    first, second = (
        otlp.decode_metrics(
            body.decompress(sample(f"otlp/python_proto_gzip/{n}.body"), "gzip", COLLECTOR), METRICS_BINARY
        )
        for n in ("001", "002")
    )

    assert first.idempotency_key != second.idempotency_key
    assert first.sent_at < second.sent_at


def test_when_the_same_body_comes_twice_then_its_key_is_the_same():
    assert decode(request_of(1)).idempotency_key == decode(request_of(1)).idempotency_key
    assert decode(request_of(1)).idempotency_key.version == 8


# points


def test_when_a_counter_comes_then_it_is_exact_and_knows_since_when_it_counts():
    request = counters((9_007_199_254_740_993, {"network.interface.name": "eth0"}), name="system.network.io")
    request.resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points[0].start_time_unix_nano = START

    found = decode(request).devices[0].samples[0]

    assert (found.value, found.kind, found.instance) == (9_007_199_254_740_993, "counter", "if/eth0")
    assert (found.t, found.start) == (T / 1e9, START / 1e9)


def test_when_a_double_counts_whole_things_then_it_becomes_whole():
    assert decode(counters(7.0, name="hw.network.io")).devices[0].samples[0].value == 7


def test_when_a_sum_is_not_monotonic_then_it_is_what_the_vocabulary_says():
    assert only(400, name="system.memory.usage", shape="sum", aggregation_temporality=2).kind == "gauge"


@pytest.mark.parametrize(
    ("request_made", "count", "code"),
    [
        (counters(1, 2, name="hw.network.io", aggregation_temporality=1), 2, "wrong_type"),
        (request_of(shape="histogram"), 0, "wrong_type"),
        (counters(-1, name="hw.network.io"), 1, "bad_value"),
        (request_of(float("nan")), 1, "bad_value"),
        (request_of(float("inf")), 1, "bad_value"),
        (request_of(None), 1, "bad_value"),
        (request_of((1, {"hw.id": "x" * 129})), 1, "bad_value"),
        (request_of((1, {"hw.id": "a\0b"})), 1, "bad_value"),
        (request_of(1, 2, resource={"host.name": "a\0b"}), 2, "bad_value"),
        (request_of(1, resource={"host.name": "x" * 256}), 1, "bad_value"),
        (request_of(1, name="x" * 80), 1, "unknown_metric"),
        (request_of(1, name=""), 1, "unknown_metric"),
        (request_of(1, name="ifInOctets"), 1, "unknown_metric"),
        (request_of((1, {"k": "x" * 65}), name="my.own"), 1, "bad_value"),
        (request_of((1, {"k": "\0"}), name="my.own"), 1, "bad_value"),
        (request_of((1, {f"k{n}": "x" for n in range(9)}), name="my.own"), 1, "too_many_labels"),
        (request_of((2, {"hw.type": "fan", "hw.state": "ok"}), name="hw.status"), 1, "bad_value"),
        (request_of((1, {"hw.type": "fan", "hw.state": "sleepy"}), name="hw.status"), 1, "bad_value"),
        (request_of((1, {"hw.type": "fan"}), name="hw.status"), 1, "wrong_type"),
    ],
)
def test_when_points_cannot_be_kept_then_they_are_counted_and_the_request_stands(request_made, count, code):
    total, codes = rejections_of(request_made)

    assert total == count
    assert codes == {code}


def test_given_a_bad_point_when_a_good_one_is_beside_it_then_that_one_is_kept():
    batch = decode(request_of((1, {"hw.id": "\0"}), (2, {"hw.id": "a"})))

    assert batch.counts.samples == 1
    assert batch.rejected_total == 1


def test_when_a_point_has_no_time_then_the_time_of_receipt_counts():
    request = request_of(1)
    request.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0].time_unix_nano = 0

    batch = decode(request)

    assert batch.devices[0].samples[0].t == NOW.timestamp()
    assert batch.sent_at is None


def test_when_a_point_says_it_has_no_value_then_there_is_a_gap():
    request = request_of(1)
    request.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0].flags = 1

    assert decode(request).is_empty


def test_when_a_request_is_empty_then_it_is_legal():
    assert otlp.decode_metrics(b"", METRICS_BINARY).is_empty
    assert otlp.decode_metrics(b"{}", METRICS_JSON).is_empty
    assert otlp.decode_logs(b"{}", LOGS_JSON).is_empty


# names and attributes


@pytest.mark.parametrize(
    ("name", "value", "told", "expected"),
    [
        ("hw.network.up", 1, {"hw.id": "Gi1"}, ("if.oper_status", "if/Gi1", (), "up")),
        ("hw.network.up", 0, {"hw.id": "Gi1"}, ("if.oper_status", "if/Gi1", (), "down")),
        ("hw.network.bandwidth.limit", 125_000_000, {"hw.id": "Gi1"}, ("if.speed", "if/Gi1", (), 1_000_000_000)),
        ("hw.temperature.limit", 70, {"hw.id": "1", "hw.limit_type": "high.critical"},
         ("sensor.temperature.limit", "sensor/1", (("limit", "high.critical"),), 70)),
        ("system.cpu.utilization", 0.75, {"cpu.mode": "idle", "cpu.logical_number": 3},
         ("device.cpu.utilization", "cpu/3", (), 0.25)),
        ("system.memory.usage", 5, {"state": "used"}, ("device.memory.usage", "pool/system", (("state", "used"),), 5)),
        ("system.memory.utilization", 0.5, {"system.memory.state": "used"},
         ("device.memory.utilization", "pool/system", (), 0.5)),
        ("system.filesystem.usage", 5, {"system.filesystem.mountpoint": "/flash", "state": "used"},
         ("fs.usage", "disk//flash", (("state", "used"),), 5)),
        ("system.network.packet.count", 5, {"system.device": "eth0", "network.io.direction": "receive"},
         ("if.packets", "if/eth0", (("dir", "rx"),), 5)),
        ("hw.errors", 5, {"hw.id": "Gi1", "hw.type": "network", "network.io.direction": "transmit"},
         ("if.errors", "if/Gi1", (("dir", "tx"),), 5)),
        ("hw.errors", 5, {"hw.id": "Gi1", "hw.type": "network", "error.type": "crc"}, ("if.crc_errors", "if/Gi1", (), 5)),
        ("fan.speed", 5, {"hw.id": "psu/1/fan"}, ("fan.speed", "psu/1/fan", (), 5)),
        ("if.io", 5, {"smartcare.instance": "Gi1", "dir": "rx"}, ("if.io", "if/Gi1", (("dir", "rx"),), 5)),
        ("ifHCOutOctets", 5, {"ifName": "Gi1", "ifAlias": "uplink"}, ("if.io", "if/Gi1", (("dir", "tx"),), 5)),
        ("ifOperStatus", 7, {"ifName": "Gi1"}, ("if.oper_status", "if/Gi1", (), "lowerLayerDown")),
        ("ciscoEnvMonFanState", 3, {"ciscoEnvMonFanStatusDescr": "Fan 1"}, ("fan.status", "fan/Fan 1", (), "failed")),
        ("sysUpTime", 12_345, {}, ("device.uptime", "", (), 123.45)),
        ("cpmCPUTotal5minRev", 57, {"cpmCPUTotalIndex": "1"}, ("device.cpu.utilization", "cpu/1", (), 0.57)),
        ("my.Own-metric", 5, {"room": "a", "rack": 7, "on": True},
         ("custom.my.own_metric", "", (("on", "true"), ("rack", "7"), ("room", "a")), 5)),
    ],
)  # fmt: skip
def test_when_a_name_of_another_vocabulary_comes_then_it_is_ours(name, value, told, expected):
    found = only((value, told), name=name)

    shown = found.value if found.state is None else found.state
    assert (found.metric, found.instance, found.labels, shown) == expected


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("system.cpu.utilization", {"cpu.mode": "user"}),
        ("system.memory.utilization", {"state": "cached"}),
        ("cefcFanTrayOperStatus", {"entPhysicalName": "Fan 1"}),
    ],
)
def test_when_a_point_only_completes_a_picture_then_it_is_neither_kept_nor_rejected(name, told):
    assert samples_of((1, told), name=name) == []


def test_when_a_status_comes_as_one_point_for_each_state_then_the_one_that_is_true_counts():
    found = samples_of(
        (0, {"hw.id": "1", "hw.type": "temperature", "hw.state": "ok"}),
        (1, {"hw.id": "1", "hw.type": "temperature", "hw.state": "degraded"}),
        (0, {"hw.id": "1", "hw.type": "temperature", "hw.state": "failed"}),
        name="hw.status",
    )

    assert [(one.metric, one.instance, one.state) for one in found] == [("sensor.status", "sensor/1", "warning")]


@pytest.mark.parametrize(
    ("resource", "identity"),
    [
        ({"smartcare.device.id": "dev-1", "hw.serial_number": "S"}, Identity(device_id="dev-1", serial="S")),
        ({"device.id": "D", "host.id": "H", "device.manufacturer": "Cisco"}, Identity(serial="D", vendor="Cisco")),
        ({"host.id": "H", "host.name": "sw1"}, Identity(serial="H", hostname="sw1")),
        ({"host.name": "sw1"}, Identity(alias="sw1", hostname="sw1")),
        ({"snmp.target": "192.0.2.1"}, Identity(alias="192.0.2.1", hostname="192.0.2.1")),
        ({"service.name": "collector"}, Identity()),
        ({"host.name": ""}, Identity()),
    ],
)
def test_when_a_resource_names_a_device_then_the_first_name_wins(resource, identity):
    assert decode(request_of(1, resource=resource)).devices[0].identity == identity


def test_given_a_resource_without_a_name_when_points_name_devices_then_they_are_told_apart():
    batch = decode(
        request_of((1, {"snmp.target": "a"}), (2, {"snmp.target": "b"}), (3, {"snmp.target": "a"}), resource={})
    )

    assert [(d.identity.alias, [s.value for s in d.samples]) for d in batch.devices] == [("a", [1, 3]), ("b", [2])]


def test_given_a_resource_with_a_name_when_a_point_names_another_device_then_the_resource_wins():
    batch = decode(request_of((1, {"snmp.target": "b"}), resource={"host.name": "a"}))

    assert [device.identity.alias for device in batch.devices] == ["a"]


# limits and hostile bytes


def test_given_as_many_points_as_allowed_when_one_more_comes_then_the_request_is_too_large():
    allow = meta(METRICS_BINARY.format, PROTOBUF, allow=small(samples=3))

    assert decode(request_of(1, 2, 3), allow).counts.samples == 3
    with pytest.raises(DecodeError) as refusal:
        decode(request_of(1, 2, 3, 4), allow)
    assert (refusal.value.status, refusal.value.code) == (413, "too_many")


def test_given_as_many_devices_as_allowed_when_one_more_comes_then_the_request_is_too_large():
    allow = meta(METRICS_BINARY.format, PROTOBUF, allow=small(devices=2))
    points = [(1, {"snmp.target": f"t{number}"}) for number in range(3)]

    assert len(decode(request_of(*points[:2], resource={}), allow).devices) == 2
    assert outcome_of(decode, request_of(*points, resource={}), allow).status == 413


def test_given_a_million_tiny_messages_when_counted_first_then_no_objects_are_built():
    pairs = wire.bytes_field(7, b"") * 1_000_000  # attributes of one point, two bytes each
    point = wire.bytes_field(1, pairs)
    request = wire.bytes_field(1, wire.bytes_field(2, wire.bytes_field(2, wire.bytes_field(5, point))))

    refusal = outcome_of(otlp.decode_metrics, request, METRICS_BINARY)

    assert (refusal.status, refusal.code) == (413, "too_many")


def test_given_a_string_that_is_not_utf8_when_decoded_then_only_its_point_is_rejected():
    raw = request_of((1, {"hw.id": "fan/good"}), (2, {"hw.id": "fan/bad!"})).SerializeToString()

    batch = otlp.decode_metrics(raw.replace(b"fan/bad!", b"fan/bad\xff"), METRICS_BINARY)

    assert [found.instance for found in batch.devices[0].samples] == ["fan/good"]
    assert batch.rejected_total == 1


def test_given_values_nested_without_end_when_decoded_then_it_is_refused():
    value = b""
    for _ in range(5000):
        value = wire.bytes_field(5, wire.bytes_field(1, value))
    pair = wire.bytes_field(1, b"k") + wire.bytes_field(2, value)
    request = wire.bytes_field(1, wire.bytes_field(1, wire.bytes_field(1, pair)))

    assert outcome_of(otlp.decode_metrics, request, METRICS_BINARY).status == 400


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[]", "wrong_type"),
        ('{"resourceMetrics": 7}', "wrong_type"),
        ('{"resourceMetrics": [7]}', "wrong_type"),
        ('{"resourceMetrics": [{"resource": []}]}', "wrong_type"),
        ('{"resourceMetrics": [{"resource": {"attributes": [{"key": 1}]}}]}', "wrong_type"),
        ("[" * 25 + "]" * 25, "too_deep"),
        ('{"a": 1, "a": 1}', "duplicate_key"),
    ],
)
def test_given_json_that_is_no_request_when_decoded_then_it_is_refused(text, code):
    refusal = outcome_of(otlp.decode_metrics, text.encode(), METRICS_JSON)

    assert (refusal.status, refusal.code) == (400, code)


@pytest.mark.parametrize("field", ['"asInt": "x"', '"asInt": 1.5', '"asInt": "9223372036854775808"', '"timeUnixNano": -1',
                                   '"asDouble": "x"', '"asDouble": []', '"asInt": "--1"'])  # fmt: skip
def test_given_a_number_that_is_none_when_decoded_then_the_request_is_refused(field):
    text = '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"fan.speed","gauge":{"dataPoints":[{%s}]}}]}]}]}'

    refusal = outcome_of(otlp.decode_metrics, (text % field).encode(), METRICS_JSON)

    assert (refusal.status, refusal.code) == (400, "wrong_type")


names = st.sampled_from(
    ["hw.network.io", "hw.status", "system.cpu.utilization", "if.io", "ifOperStatus", "my.own", "\0"]
)
scalars = (
    st.sampled_from(["", "receive", "fan", "ok", "Gi1", "x\0", "x" * 300])
    | st.booleans()
    | st.integers(0, 9)
    | st.floats()
)
keys = st.sampled_from(["hw.id", "hw.type", "hw.state", "network.io.direction", "host.name", "hw.serial_number", "k"])
pairs = st.dictionaries(keys, scalars, max_size=4)
numbers = st.none() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats()


@st.composite
def metric_requests(draw):
    request = ExportMetricsServiceRequest()
    for _ in range(draw(st.integers(0, 2))):
        shape = draw(st.sampled_from(["gauge", "sum", "histogram", "summary"]))
        points = [] if shape in ("histogram", "summary") else draw(st.lists(st.tuples(numbers, pairs), max_size=3))
        made = request_of(*points, name=draw(names), shape=shape, resource=draw(pairs))
        if shape == "sum":
            data = made.resource_metrics[0].scope_metrics[0].metrics[0].sum
            data.is_monotonic, data.aggregation_temporality = draw(st.booleans()), draw(st.integers(0, 2))
        request.MergeFrom(made)
    return request


@given(metric_requests())
@settings(max_examples=150)
def test_when_any_request_is_written_both_ways_then_the_batch_is_the_same(request_made):
    as_json = MessageToJson(request_made, use_integers_for_enums=True).encode()
    in_json = outcome_of(otlp.decode_metrics, as_json, METRICS_JSON)

    binary = otlp.decode_metrics(request_made.SerializeToString(), METRICS_BINARY)

    if b"\\u0000" in as_json:  # refused whole in JSON, by the item in protobuf
        assert in_json.code == "nul_character"
    else:
        assert said(in_json) == said(binary)


# logs


def log_request(*records, resource=SERIAL):
    request = ExportLogsServiceRequest()
    holder = request.resource_logs.add()
    holder.resource.attributes.extend(attributes(of=resource))
    scope = holder.scope_logs.add()
    for record in records:
        told = record.pop("told", {})
        text = record.pop("text", None)
        made = scope.log_records.add(**{"time_unix_nano": T, **record}, attributes=attributes(of=told))
        if text is not None:
            made.body.CopyFrom(AnyValue(**{kind_of(text): text}))
    return request


def events_of(*records):
    batch = otlp.decode_logs(log_request(*records).SerializeToString(), LOGS_BINARY)
    assert batch.rejected_total == 0
    return batch.devices[0].events


@pytest.mark.parametrize(
    ("number", "severity"),
    [(1, "debug"), (5, "debug"), (8, "debug"), (9, "info"), (12, "info"), (13, "warning"), (16, "warning"),
     (17, "error"), (20, "error"), (21, "critical"), (24, "critical"), (0, "info"), (25, "info")],
)  # fmt: skip
def test_when_a_record_has_a_severity_number_then_it_has_syslogs_name(number, severity):
    assert events_of({"text": "x", "severity_number": number})[0].severity == severity


def test_when_a_record_holds_a_cisco_message_then_code_and_severity_are_the_messages():
    text = "46: sw1: Nov 24 02:20:12.000: %PLATFORM_ENV-1-FAN: Faulty system fan detected"

    (event,) = events_of({"text": text, "told": {"hw.id": "fan/1"}})

    assert (event.code, event.severity, event.component, event.text) == ("PLATFORM_ENV-1-FAN", "alert", "fan/1", text)


@pytest.mark.parametrize(
    ("told", "severity", "code"),
    [
        ({"syslog.severity.code": 3, "syslog.msg_id": "LINK"}, "error", "LINK"),
        ({"syslog.severity": "notice"}, "notice", ""),
        ({"syslog.severity": "loud"}, "info", ""),
        ({"syslog.severity.code": 9}, "info", ""),
    ],
)
def test_when_a_record_carries_syslog_attributes_then_they_are_used(told, severity, code):
    (event,) = events_of({"text": "x", "told": told})

    assert (event.severity, event.code) == (severity, code)


def test_when_a_record_names_no_time_then_the_observers_counts_and_then_ours():
    observed, received = events_of(
        {"text": "a", "time_unix_nano": 0, "observed_time_unix_nano": T}, {"text": "b", "time_unix_nano": 0}
    )

    assert (observed.at, received.at) == (T / 1e9, NOW.timestamp())


def test_when_a_text_is_too_long_then_it_is_cut_and_still_told_apart():
    one, other = events_of({"text": "x" * 5000}, {"text": "x" * 5000 + "y"})

    assert len(one.text) == 4000
    assert one.dedupe_id != other.dedupe_id


@pytest.mark.parametrize("record", [{"text": "a\0b"}, {"text": ""}, {}, {"text": "a", "told": {"msg_id": "\0"}}])
def test_when_a_record_cannot_be_kept_then_the_others_stand(record):
    batch = otlp.decode_logs(log_request({"text": "fine"}, dict(record)).SerializeToString(), LOGS_BINARY)

    assert batch.counts == Counts(1, 0, 1)
    assert batch.rejected_total == 1


def test_given_as_many_records_as_allowed_when_one_more_comes_then_the_request_is_too_large():
    allow = meta(LOGS_BINARY.format, PROTOBUF, allow=small(events=1))
    two = log_request({"text": "a"}, {"text": "b"})

    assert outcome_of(otlp.decode_logs, log_request({"text": "a"}).SerializeToString(), allow).counts.events == 1
    assert outcome_of(otlp.decode_logs, two.SerializeToString(), allow).status == 413
    allow_json = meta(LOGS_JSON.format, LOGS_JSON.content_type, allow=small(events=1))
    assert outcome_of(otlp.decode_logs, MessageToJson(two).encode(), allow_json).status == 413


def test_when_a_structured_body_comes_then_it_is_told_as_json_both_ways():
    request = log_request({"severity_number": 13})
    request.resource_logs[0].scope_logs[0].log_records[0].body.kvlist_value.values.extend(
        attributes(port="Gi1", up=False, n=3)
    )
    request.resource_logs[0].scope_logs[0].log_records[0].body.kvlist_value.values.add(
        key="raw"
    ).value.bytes_value = b"\xff"

    binary = otlp.decode_logs(request.SerializeToString(), LOGS_BINARY)
    in_json = otlp.decode_logs(MessageToJson(request).encode(), LOGS_JSON)

    assert json.loads(binary.devices[0].events[0].text) == {"port": "Gi1", "up": False, "n": 3, "raw": "/w=="}
    assert said(in_json) == said(binary)


def test_when_a_log_export_is_decoded_then_its_newest_time_is_its_own():
    batch = otlp.decode_logs(log_request({"text": "x"}).SerializeToString(), LOGS_BINARY)

    assert batch.sent_at == datetime.fromtimestamp(T / 1e9, UTC)


@given(
    st.binary(max_size=200),
    st.sampled_from(
        [(otlp.decode_metrics, METRICS_BINARY), (otlp.decode_logs, LOGS_BINARY), (otlp.decode_metrics, METRICS_JSON)]
    ),
)
def test_when_any_bytes_come_then_there_is_a_batch_or_a_refusal(raw, door):
    outcome = outcome_of(door[0], raw, door[1])

    assert isinstance(outcome, CanonicalBatch) or outcome.status == 400


@given(metric_requests(), st.data())
def test_when_a_request_is_damaged_anywhere_then_there_is_a_batch_or_a_refusal(request_made, data):
    raw = bytearray(request_made.SerializeToString())
    for _ in range(min(3, len(raw))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))

    outcome = outcome_of(otlp.decode_metrics, bytes(raw), METRICS_BINARY)

    assert isinstance(outcome, CanonicalBatch) or outcome.status in {400, 413}
