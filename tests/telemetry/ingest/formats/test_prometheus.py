import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.ingest import body
from telemetry.ingest.batch import CanonicalBatch, Counts, Identity
from telemetry.ingest.formats import prometheus, wire
from telemetry.ingest.limits import COLLECTOR
from tests.telemetry.ingest.messages import PROTOBUF, REMOTE_WRITE, meta, outcome_of, sample, small

T = 1_795_486_462_192
TARGET = {"job": "snmp", "device": "sw1", "instance": "192.0.2.1:161"}
STALE = struct.pack("<Q", 0x7FF0000000000002)


def label(name, value):
    return wire.bytes_field(1, wire.bytes_field(1, name) + wire.bytes_field(2, value))


def point(value, t=T):
    raw = value if isinstance(value, bytes) else struct.pack("<d", value)
    return wire.bytes_field(2, wire.field(1, wire.FIXED64, raw) + wire.varint_field(2, t & (1 << 64) - 1))


def series(name, *values, **labels):
    told = {"__name__": name, **TARGET, **labels}
    parts = [label(key.encode(), text.encode()) for key, text in sorted(told.items()) if text is not None]
    parts += [value if isinstance(value, bytes) and len(value) > 8 else point(value) for value in values]
    return wire.bytes_field(1, b"".join(parts))


def decode(*all_series, request=REMOTE_WRITE):
    return prometheus.decode(b"".join(all_series), request)


def only(name, value, **labels):
    batch = decode(series(name, value, **labels))
    assert batch.rejected_total == 0
    (device,) = batch.devices
    (found,) = device.samples
    return found


def test_when_a_prometheus_agent_writes_then_its_series_are_sorted_by_device():
    raw = body.decompress(sample("prometheus/remote_write/001.body"), "snappy", COLLECTOR)

    batch = prometheus.decode(raw, REMOTE_WRITE)

    (device,) = batch.devices
    assert device.identity == Identity(alias="rtr1", hostname="rtr1")
    assert device.reachable is True
    assert batch.counts == Counts(1, 15, 0)
    assert batch.rejected_total == 0
    assert batch.sent_at == datetime.fromtimestamp(T / 1000, UTC)
    assert [(s.metric, s.instance, s.labels, s.value) for s in device.samples[2:5]] == [
        ("if.io", "if/eth0", (("dir", "rx"),), 1_369_330_720),
        ("if.io", "if/ifb0", (("dir", "rx"),), 0),
        ("if.io", "if/ifb1", (("dir", "rx"),), 0),
    ]


@pytest.mark.parametrize(
    "raw", [b"", wire.bytes_field(3, wire.varint_field(1, 1) + wire.bytes_field(2, b"up")), series("up")]
)
def test_when_a_request_holds_no_samples_then_it_is_legal_and_empty(raw):
    assert prometheus.decode(raw, REMOTE_WRITE).is_empty


@pytest.mark.parametrize(
    ("name", "value", "labels", "expected"),
    [
        ("ifHCInOctets", 7.0, {"ifName": "Gi1"}, ("if.io", "if/Gi1", (("dir", "rx"),), 7, 64)),
        ("ifOutErrors", 7.0, {"ifDescr": "Gi1"}, ("if.errors", "if/Gi1", (("dir", "tx"),), 7, 32)),
        ("ifHCInMulticastPkts", 7.0, {"ifName": "Gi1"},
         ("if.packets", "if/Gi1", (("cast", "multicast"), ("dir", "rx")), 7, 64)),
        ("ifHighSpeed", 1000.0, {"ifName": "Gi1"}, ("if.speed", "if/Gi1", (), 1e9, None)),
        ("ifOperStatus", 2.0, {"ifName": "Gi1"}, ("if.oper_status", "if/Gi1", (), "down", None)),
        ("ifOperStatus", 1.0, {"ifName": "Gi1", "ifOperStatus": "dormant"}, ("if.oper_status", "if/Gi1", (), "dormant", None)),
        ("ifOperStatus_info", 1.0, {"ifName": "Gi1", "ifOperStatus": "up"}, ("if.oper_status", "if/Gi1", (), "up", None)),
        ("ciscoEnvMonFanState", 1.0, {"ciscoEnvMonFanStatusDescr": "Fan 1", "ciscoEnvMonFanState": "notFunctioning"},
         ("fan.status", "fan/Fan 1", (), "failed", None)),
        ("ciscoEnvMonTemperatureState", 5.0, {"ciscoEnvMonTemperatureStatusIndex": "1"},
         ("sensor.status", "sensor/1", (), "absent", None)),
        ("cefcFRUPowerOperStatus", 8.0, {"entPhysicalName": "PS A"}, ("psu.status", "psu/PS A", (), "failed", None)),
        ("ciscoMemoryPoolUsed", 7.0, {"ciscoMemoryPoolName": "Processor"},
         ("device.memory.usage", "pool/Processor", (("state", "used"),), 7, None)),
        ("upsEstimatedChargeRemaining", 57.0, {}, ("battery.charge", "", (), 0.57, None)),
        ("up", 1.0, {}, ("device.reachable", "", (), "up", None)),
        ("node_network_receive_bytes_total", 7.0, {"exported_device": "eth0"}, ("if.io", "if/eth0", (("dir", "rx"),), 7, 64)),
        ("room_Temperature", 7.5, {"rack": "a"}, ("custom.room_temperature", "", (("rack", "a"),), 7.5, None)),
        ("hits_total", 7.0, {"exported_device": "x"}, ("custom.hits_total", "", (("device", "x"),), 7, None)),
    ],
)  # fmt: skip
def test_when_an_exporter_names_an_object_then_it_is_ours(name, value, labels, expected):
    found = only(name, value, **labels)

    shown = found.value if found.state is None else found.state
    assert (found.metric, found.instance, found.labels, shown, found.bits) == expected


def test_when_a_counter_is_beyond_64_bits_then_it_is_rejected():
    largest_double_below = float((1 << 64) - 2048)

    assert only("ifHCInOctets", largest_double_below, ifName="Gi1").value == (1 << 64) - 2048
    assert decode(series("ifHCInOctets", float(1 << 64), ifName="Gi1")).rejected_total == 1


def test_when_a_counter_comes_then_it_is_one():
    assert only("ifHCInOctets", 7.0, ifName="Gi1").kind == "counter"
    assert only("hits_total", 7.0).kind == "counter"
    assert only("hits", 7.0).kind == "gauge"


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("sysDescr", {"sysDescr": "Cisco IOS"}),
        ("node_uname_info", {"release": "6.1"}),
        ("ifOperStatus", {"ifName": "Gi1", "ifOperStatus": "down", "__value__": "0"}),
    ],
)
def test_when_a_series_measures_nothing_then_it_is_neither_kept_nor_rejected(name, labels):
    value = 0.0 if labels.pop("__value__", None) else 1.0
    batch = decode(series(name, value, **labels))

    assert batch.is_empty
    assert batch.rejected_total == 0


def test_when_a_scrape_failed_then_the_device_is_not_reachable():
    (device,) = decode(series("up", point(1.0, T), point(0.0, T + 1000))).devices

    assert device.reachable is False
    assert [found.state for found in device.samples] == ["up", "down"]


def test_when_a_series_has_ended_then_nothing_is_stored_and_nothing_is_wrong():
    batch = decode(series("ifHCInOctets", 7.0, STALE, ifName="Gi1"))

    assert batch.counts == Counts(1, 1, 0)
    assert batch.rejected_total == 0


@pytest.mark.parametrize(
    ("raw", "count", "code"),
    [
        (series("a", float("nan")), 1, "bad_value"),
        (series("a", float("inf"), float("-inf")), 2, "bad_value"),
        (series("a", point(1.0, 0)), 1, "bad_value"),
        (series("a", point(1.0, -5)), 1, "bad_value"),
        (series("a", point(1.0, 1 << 62)), 1, "bad_value"),
        (series("ifHCInOctets", -1.0, ifName="Gi1"), 1, "bad_value"),
        (series("ifHCInOctets", 1.0, ifIndex="7"), 1, "bad_value"),
        (series("ifHCInOctets", 1.0, ifName="x" * 129), 1, "bad_value"),
        (series("ifOperStatus", 1.5, ifName="Gi1"), 1, "bad_value"),
        (series("ifOperStatus", 1.0, ifName="Gi1", ifOperStatus="sleepy"), 1, "bad_value"),
        (series("ifInOctets", 1.0, 2.0, ifName="Gi1"), 2, "unknown_metric"),
        (series("", 1.0), 1, "unknown_metric"),
        (series("x" * 80, 1.0), 1, "unknown_metric"),
        (series("a", 1.0, **{f"l{n}": "x" for n in range(9)}), 1, "too_many_labels"),
        (series("a", 1.0, rack="x" * 65), 1, "bad_value"),
        (series("a", 1.0, rack="\0"), 1, "bad_value"),
        (series("a", 1.0, device="x" * 256), 1, "bad_value"),
        (wire.bytes_field(1, label(b"__name__", b"a\xff") + point(1.0)), 1, "bad_value"),
    ],
)
def test_when_samples_cannot_be_kept_then_they_are_counted_and_the_request_stands(raw, count, code):
    batch = decode(series("good", 1.0), raw)

    assert batch.rejected_total == count
    assert {note.code for note in batch.rejected} == {code}
    assert batch.counts.samples == 1


def test_when_no_device_is_named_then_the_target_is_and_then_the_sender():
    assert decode(series("a", 1.0, device=None)).devices[0].identity.alias == "192.0.2.1:161"
    assert decode(series("a", 1.0, device=None, instance=None)).devices[0].identity.is_sender


def test_when_the_order_of_fields_is_unusual_then_it_is_read_all_the_same():
    swapped = wire.bytes_field(2, wire.varint_field(2, T) + wire.field(1, wire.FIXED64, struct.pack("<d", 7.0)))
    unknown = wire.bytes_field(4, b"histogram") + wire.varint_field(9, 1 << 40) + wire.field(8, wire.FIXED32, b"abcd")
    raw = wire.bytes_field(
        1, swapped + unknown + label(b"__name__", b"a") + wire.bytes_field(2, wire.varint_field(2, T))
    )

    (device,) = prometheus.decode(raw, REMOTE_WRITE).devices

    assert [(found.value, found.t) for found in device.samples] == [(7.0, T / 1000), (0.0, T / 1000)]


def test_given_as_many_samples_as_allowed_when_one_more_comes_then_the_request_is_too_large():
    allow = meta(REMOTE_WRITE.format, PROTOBUF, allow=small(samples=2))

    assert decode(series("a", 1.0, 2.0), request=allow).counts.samples == 2
    refusal = outcome_of(prometheus.decode, series("a", 1.0, 2.0) + series("b", 3.0), allow)
    assert (refusal.status, refusal.code) == (413, "too_many")


def test_given_as_many_devices_as_allowed_when_one_more_comes_then_the_request_is_too_large():
    allow = meta(REMOTE_WRITE.format, PROTOBUF, allow=small(devices=1))

    assert outcome_of(prometheus.decode, series("a", 1.0) + series("a", 1.0, device="sw2"), allow).status == 413


def test_when_version_two_comes_then_the_sender_is_told_to_fall_back():
    request = meta(REMOTE_WRITE.format, f"{PROTOBUF};proto=io.prometheus.write.v2.Request")

    assert outcome_of(prometheus.decode, b"", request).status == 415


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00",
        b"\x0a",
        b"\x0a\x05abc",
        b"\x0b",
        b"\xff" * 12,
        b"\x0a\x02\x0a\x7f",
        b"\x0a\x02\x12\x09",
        b"\x0a\x03\x0a\x01\x08",
    ],
)
def test_when_bytes_are_no_message_then_they_are_refused(raw):
    assert outcome_of(prometheus.decode, raw, REMOTE_WRITE).code == "malformed"


@given(st.binary(max_size=200))
def test_when_any_bytes_come_then_there_is_a_batch_or_a_refusal(raw):
    outcome = outcome_of(prometheus.decode, raw, REMOTE_WRITE)

    assert isinstance(outcome, CanonicalBatch) or outcome.status == 400


names = st.sampled_from(["up", "ifHCInOctets", "ifOperStatus", "sysDescr", "a_total", ""])


@given(
    st.lists(
        st.tuples(names, st.floats() | st.just(STALE), st.integers(-(1 << 63), (1 << 63) - 1), st.text(max_size=9))
    ),
    st.data(),
)
def test_when_a_request_is_damaged_anywhere_then_there_is_a_batch_or_a_refusal(told, data):
    raw = bytearray(b"".join(series(name, point(value, t), ifName=text) for name, value, t, text in told))
    if raw and data.draw(st.booleans()):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))

    outcome = outcome_of(prometheus.decode, bytes(raw), REMOTE_WRITE)

    assert isinstance(outcome, CanonicalBatch) or outcome.status in {400, 413}
