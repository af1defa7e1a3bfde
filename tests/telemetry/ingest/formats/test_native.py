import copy
import json
from datetime import UTC, datetime
from uuid import UUID

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.ingest.batch import Agent, CanonicalBatch, Counts, DecodeError, Event, Identity, Sample
from telemetry.ingest.formats import native
from tests.telemetry.ingest.messages import (
    NATIVE_JSON,
    NATIVE_LINES,
    NDJSON,
    SENT,
    a_device,
    a_report,
    as_json,
    as_lines,
    meta,
    outcome_of,
    said,
    sample,
    small,
)
from tests.telemetry.ingest.test_strictjson import values

HEADER = {key: value for key, value in a_report().items() if key != "devices"} | {"type": "report"}
END = {"type": "end", "report_id": HEADER["report_id"]}
DEVICE_LINE = {"type": "device", "ref": "d1", "identity": {"serial": "FOC2601TST1", "vendor": "Cisco"}}
CPU_LINE = {"type": "sample", "d": "d1", "m": "device.cpu.utilization", "i": "cpu/1", "v": 0.23}
GOOD = {"m": "fan.speed", "i": "fan/1", "v": 1}


def decode(report, request=NATIVE_JSON):
    return native.decode(as_json(report), request)


def refusal_of(report, request=NATIVE_JSON):
    with pytest.raises(DecodeError) as refusal:
        native.decode(report if isinstance(report, bytes) else as_json(report), request)
    return refusal.value


def only_sample(**fields):
    return decode(a_report(fields)).devices[0].samples[0]


def rejection_of(*samples, **device):
    """The single rejection of a report that holds one good sample before the bad item."""
    batch = decode(a_report(devices=[a_device(samples=[GOOD, *samples], **device)]))
    assert batch.rejected_total == 1
    return batch.rejected[0]


# the shared samples


def test_when_the_sample_report_is_decoded_then_everything_in_it_is_there():
    batch = native.decode(sample("native/report_v1.json"), NATIVE_JSON)

    assert batch.counts == Counts(devices=2, samples=15, events=1)
    assert batch.rejected_total == 0
    assert batch.idempotency_key == UUID("0193586e-7b1c-7c3e-9b1e-3f6f0f7d9a01")
    assert batch.sent_at == datetime(2026, 11, 24, 2, 20, 3, 120_000, UTC)
    assert (batch.seq, batch.boot_id, batch.interval_s) == (1842, "b9b3c3f0", 300)
    assert batch.agent == Agent("smartcare-collector", "1.0.0", "site-collector")


def test_when_the_sample_report_is_decoded_then_the_switch_is_described():
    switch = native.decode(sample("native/report_v1.json"), NATIVE_JSON).devices[0]

    assert switch.identity == Identity(
        serial="FOC2601TST1",
        vendor="Cisco",
        model="C9200L-24P-4G",
        mac="00:00:5e:00:53:10",
        sys_object_id="1.3.6.1.4.1.9.1.2694",
        hostname="sw1",
    )
    assert switch.inventory.complete is True
    assert [part.id for part in switch.inventory.components] == ["chassis/1", "psu/1A", "fan/1/2", "if/Gi1/0/7"]
    assert switch.inventory.components[3].extra == (("alias", "uplink-to-ap1"), ("if_index", 15), ("if_type", 6))
    assert switch.events[0].dedupe_id == "sw1:46"


def test_when_the_sample_report_is_decoded_then_a_full_counter_is_exact():
    samples = native.decode(sample("native/report_v1.json"), NATIVE_JSON).devices[0].samples
    started = datetime(2026, 11, 14, 2, 18, tzinfo=UTC).timestamp()

    assert samples[9] == Sample(
        "if.io", "if/Gi1/0/7", (("dir", "rx"),), "counter", 18446744073709551610, None, 1795486803.12, started
    )


def test_when_the_sample_report_is_decoded_then_the_firewall_is_known_to_be_away():
    firewall = native.decode(sample("native/report_v1.json"), NATIVE_JSON).devices[1]

    assert (firewall.reachable, firewall.error) == (False, "snmp timeout after 3 tries")


def test_when_the_sample_comes_in_lines_then_the_batch_is_the_same():
    whole = native.decode(sample("native/report_v1.json"), NATIVE_JSON)
    in_lines = native.decode(sample("native/report_v1.ndjson"), NATIVE_LINES)

    assert said(in_lines) == said(whole)
    assert in_lines.body_sha256 != whole.body_sha256


def test_when_the_sample_is_checked_by_the_published_schema_then_it_is_valid():
    schema = json.loads(sample("native/schema_v1.json"))

    jsonschema.Draft202012Validator(schema).validate(json.loads(sample("native/report_v1.json")))


@pytest.mark.parametrize(
    ("name", "hostname"),
    [
        ("html_in_hostname.json", "<img src=x onerror=alert(1)>"),
        ("formula_in_hostname.json", '=HYPERLINK("x")'),
    ],
)
def test_when_a_host_name_is_an_attack_on_pages_then_it_is_kept_as_it_is(name, hostname):
    batch = native.decode(sample(f"hostile/{name}"), NATIVE_JSON)

    assert batch.devices[0].identity.hostname == hostname


# the report as a whole


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"schema": "smartcare.report/2"}, "unsupported_schema", "schema"),
        ({"schema": None}, "unsupported_schema", "schema"),
        ({"report_id": None}, "bad_value", "report_id"),
        ({"report_id": "1"}, "bad_value", "report_id"),
        ({"report_id": "{0193586e-7b1c-7c3e-9b1e-3f6f0f7d9a01}"}, "bad_value", "report_id"),
        ({"report_id": 7}, "wrong_type", "report_id"),
        ({"sent_at": None}, "bad_value", "sent_at"),
        ({"sent_at": "2026-11-24T02:20:03"}, "bad_value", "sent_at"),
        ({"sent_at": 1795486803}, "wrong_type", "sent_at"),
        ({"seq": -1}, "bad_value", "seq"),
        ({"seq": True}, "wrong_type", "seq"),
        ({"seq": 1 << 53}, "bad_value", "seq"),
        ({"boot_id": "b" * 65}, "bad_value", "boot_id"),
        ({"interval_s": 9}, "bad_value", "interval_s"),
        ({"interval_s": 86_401}, "bad_value", "interval_s"),
        ({"interval_s": "300"}, "wrong_type", "interval_s"),
        ({"agent": "me"}, "wrong_type", "agent"),
        ({"agent": {"name": "me"}}, "bad_value", "agent.version"),
        ({"agent": {"name": "me", "version": "1", "kind": "toaster"}}, "bad_value", "agent.kind"),
        ({"devices": []}, "wrong_type", "devices"),
        ({"devices": {}}, "wrong_type", "devices"),
        ({"devices": None}, "wrong_type", "devices"),
    ],
)
def test_given_a_header_that_breaks_the_schema_when_decoded_then_the_report_is_refused(changes, code, path):
    refusal = refusal_of(a_report(**changes))

    assert (refusal.status, refusal.code, refusal.path) == (400, code, path)


@pytest.mark.parametrize("body", [b"[]", b"7", b"null", b'"smartcare.report/1"'])
def test_given_json_that_is_no_object_when_decoded_then_it_is_refused(body):
    assert refusal_of(body).code == "wrong_type"


def test_given_fields_of_a_later_version_when_decoded_then_they_are_ignored():
    batch = decode(a_report(devices=[a_device(weather="sunny")], colour="blue"))

    assert said(batch) == said(decode(a_report()))


@pytest.mark.parametrize("changes", [{"seq": 0}, {"seq": (1 << 53) - 1}, {"interval_s": 10}, {"interval_s": 86_400.0}])
def test_given_a_header_at_the_edge_of_the_schema_when_decoded_then_it_is_kept(changes):
    (field, value), *_ = changes.items()

    assert getattr(decode(a_report(**changes)), field) == value


def test_given_only_bad_items_when_decoded_then_the_first_says_why_nothing_is_kept():
    refusal = refusal_of(a_report({"m": "no.such", "v": 1}, {"m": "fan.speed", "v": "x"}))

    assert (refusal.status, refusal.code, refusal.path) == (400, "unknown_metric", "devices[0].samples[0].m")


def test_given_a_device_without_items_when_decoded_then_its_sign_of_life_is_kept():
    assert decode(a_report(devices=[a_device(samples=[])])).counts == Counts(1, 0, 0)


def test_given_bad_samples_beside_an_unreachable_device_when_decoded_then_that_it_is_away_is_kept():
    away = a_device(ref="d2", identity={"serial": "B"}, reachable=False, samples=[])

    batch = decode(a_report(devices=[a_device(samples=[{"m": "no.such", "v": 1}]), away]))

    assert batch.devices[1].reachable is False
    assert batch.rejected_total == 1


# limits


def many(count, **fields):
    return [{"m": "sensor.temperature", "i": f"sensor/{number}", "v": 20, **fields} for number in range(count)]


def an_event(**fields):
    return {"at": SENT.isoformat(), "text": "Fan failed", **fields}


@pytest.mark.parametrize(
    ("allow", "report"),
    [
        (
            small(devices=2),
            lambda n: a_report(devices=[a_device(ref=f"d{i}", identity={"serial": f"S{i}"}) for i in range(n)]),
        ),
        (small(samples=2), lambda n: a_report(*many(n))),
        (small(events=2), lambda n: a_report(devices=[a_device(events=[an_event()] * n)])),
        (
            small(components=2),
            lambda n: a_report(
                devices=[
                    a_device(
                        inventory={
                            "complete": True,
                            "components": [{"id": f"fan/{i}", "class": "fan"} for i in range(n)],
                        }
                    )
                ]
            ),
        ),
    ],
    ids=["devices", "samples", "events", "components"],
)
def test_given_as_many_as_allowed_when_one_more_comes_then_the_report_is_too_large(allow, report):
    native.decode(as_json(report(2)), meta(allow=allow))

    refusal = refusal_of(report(3), meta(allow=allow))

    assert (refusal.status, refusal.code) == (413, "too_many")


def test_given_samples_of_several_devices_when_counted_then_the_sum_is_limited():
    devices = [a_device(ref=f"d{i}", identity={"serial": f"S{i}"}, samples=many(2)) for i in range(2)]

    assert refusal_of(a_report(devices=devices), meta(allow=small(samples=3))).status == 413


def test_given_eight_labels_when_a_ninth_comes_then_the_sample_is_rejected():
    labels = {f"l{number}": "x" for number in range(8)}

    assert len(only_sample(m="custom.a", v=1, l=labels).labels) == 8
    assert rejection_of({"m": "custom.a", "v": 1, "l": {**labels, "l8": "x"}}).code == "too_many_labels"


def test_given_a_label_of_64_characters_when_one_more_comes_then_the_report_is_refused():
    assert only_sample(m="custom.a", v=1, l={"k": "x" * 64}).labels == (("k", "x" * 64),)
    assert refusal_of(a_report({"m": "custom.a", "v": 1, "l": {"k": "x" * 65}})).code == "string_too_long"


def test_given_a_text_of_4000_characters_when_one_more_comes_then_the_report_is_refused():
    batch = decode(a_report(devices=[a_device(events=[an_event(text="x" * 4000)])]))
    refusal = refusal_of(a_report(devices=[a_device(events=[an_event(text="x" * 4001)])]))

    assert len(batch.devices[0].events[0].text) == 4000
    assert (refusal.status, refusal.code) == (400, "string_too_long")


def test_given_more_bad_items_than_are_listed_when_decoded_then_all_are_counted():
    batch = decode(a_report(GOOD, *[{"m": "no.such", "v": 1}] * 150))

    assert len(batch.rejected) == 100
    assert batch.rejected_total == 150


# samples


@pytest.mark.parametrize(
    ("value", "kept"), [(7, 7), ("7", 7), (0.5, 0.5), (-7, -7), ("18446744073709551615", (1 << 64) - 1), ("007", 7)]
)
def test_when_a_gauge_is_a_number_or_a_decimal_string_then_it_is_exact(value, kept):
    got = only_sample(m="sensor.temperature", i="sensor/1", v=value).value

    assert (got, type(got)) == (kept, type(kept))


def test_when_a_counter_is_full_then_it_is_kept():
    assert only_sample(m="if.io", i="if/1", v="18446744073709551615").value == (1 << 64) - 1


@pytest.mark.parametrize(
    ("bad", "code", "field"),
    [
        ({"m": "no.such.metric", "v": 1}, "unknown_metric", "m"),
        ({"m": "custom.", "v": 1}, "unknown_metric", "m"),
        ({"m": "custom.Loud", "v": 1}, "unknown_metric", "m"),
        ({"m": "custom." + "a" * 58, "v": 1}, "unknown_metric", "m"),
        ({"m": 7, "v": 1}, "wrong_type", "m"),
        ({"v": 1}, "wrong_type", "m"),
        ({"m": "fan.speed"}, "bad_value", "v"),
        ({"m": "fan.speed", "v": True}, "wrong_type", "v"),
        ({"m": "fan.speed", "v": [1]}, "wrong_type", "v"),
        ({"m": "fan.speed", "v": "fast"}, "bad_value", "v"),
        ({"m": "fan.speed", "v": ""}, "bad_value", "v"),
        ({"m": "fan.speed", "v": "-1"}, "bad_value", "v"),
        ({"m": "fan.speed", "v": "1" * 21}, "bad_value", "v"),
        ({"m": "fan.speed", "v": "\u0661"}, "bad_value", "v"),
        ({"m": "fan.speed", "s": "ok"}, "bad_value", "v"),
        ({"m": "fan.speed", "v": 1, "s": "ok"}, "wrong_type", "s"),
        ({"m": "if.io", "v": -1}, "bad_value", "v"),
        ({"m": "if.io", "v": -0.5}, "bad_value", "v"),
        ({"m": "if.io", "v": "18446744073709551616"}, "bad_value", "v"),
        ({"m": "if.io", "v": 1e20}, "bad_value", "v"),
        ({"m": "fan.status", "s": "sleepy"}, "bad_value", "s"),
        ({"m": "fan.status", "v": 1}, "wrong_type", "s"),
        ({"m": "fan.status", "s": "ok", "v": 1}, "wrong_type", "v"),
        ({"m": "fan.status", "s": 1}, "wrong_type", "s"),
        ({"m": "custom.mood", "s": ""}, "bad_value", "s"),
        ({"m": "custom.mood", "s": "x" * 33}, "bad_value", "s"),
        ({"m": "fan.speed", "v": 1, "i": "x" * 129}, "bad_value", "i"),
        ({"m": "fan.speed", "v": 1, "i": 1}, "bad_value", "i"),
        ({"m": "fan.speed", "v": 1, "l": []}, "wrong_type", "l"),
        ({"m": "fan.speed", "v": 1, "l": {"k": 1}}, "wrong_type", "l"),
        ({"m": "fan.speed", "v": 1, "t": "yesterday"}, "bad_value", "t"),
        ({"m": "fan.speed", "v": 1, "t": 1795486803}, "wrong_type", "t"),
        ({"m": "if.io", "v": 1, "start": "2026-11-24"}, "bad_value", "start"),
        ("not an object", "wrong_type", None),
        (None, "wrong_type", None),
    ],
)
def test_when_a_sample_cannot_be_kept_then_it_alone_is_rejected_by_name(bad, code, field):
    rejection = rejection_of(bad)

    path = "devices[0].samples[1]" + (f".{field}" if field else "")
    assert (rejection.code, rejection.path) == (code, path)


@pytest.mark.parametrize(
    ("fields", "kind"), [({"v": 1}, "gauge"), ({"v": 1, "start": SENT.isoformat()}, "counter"), ({"s": "on"}, "state")]
)
def test_given_a_name_of_the_senders_own_when_decoded_then_its_fields_tell_its_kind(fields, kind):
    assert only_sample(m="custom.thing", **fields).kind == kind


def test_when_a_sample_names_no_time_then_it_has_the_reports():
    assert only_sample(m="fan.speed", v=1).t == SENT.timestamp()


def test_when_labels_come_in_any_order_then_the_series_is_the_same():
    one = only_sample(m="if.packets", v=1, l={"dir": "rx", "cast": "unicast"})
    other = only_sample(m="if.packets", v=1, l={"cast": "unicast", "dir": "rx"})

    assert one.labels == other.labels == (("cast", "unicast"), ("dir", "rx"))


def test_given_a_rejected_sample_when_a_later_one_is_named_then_its_place_is_the_senders():
    device = decode(a_report({"m": "no.such", "v": 1}, GOOD)).devices[0]

    assert device.path_of_sample(0) == "devices[0].samples[1]"
    assert decode(a_report(GOOD)).devices[0].path_of_sample(0) == "devices[0].samples[0]"


# devices, events, inventory


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"ref": None}, "bad_value", "devices[1].ref"),
        ({"ref": "r" * 33}, "bad_value", "devices[1].ref"),
        ({"ref": "d1"}, "bad_value", "devices[1].ref"),
        ({"identity": None}, "wrong_type", "devices[1].identity"),
        ({"identity": {"hostname": "sw1"}}, "bad_value", "devices[1].identity"),
        ({"identity": {"mac": "not a mac"}}, "bad_value", "devices[1].identity"),
        ({"identity": {"serial": ""}}, "bad_value", "devices[1].identity"),
        ({"identity": {"serial": 7}}, "wrong_type", "devices[1].identity.serial"),
        ({"identity": {"serial": "x" * 256}}, "bad_value", "devices[1].identity.serial"),
        ({"reachable": "yes"}, "wrong_type", "devices[1].reachable"),
        ({"error": "x" * 501}, "bad_value", "devices[1].error"),
        ({"uptime_s": -1}, "bad_value", "devices[1].uptime_s"),
        ({"uptime_s": True}, "wrong_type", "devices[1].uptime_s"),
        ({"clock": "noon"}, "bad_value", "devices[1].clock"),
        ({"samples": {}}, "wrong_type", "devices[1].samples"),
        ({"events": 1}, "wrong_type", "devices[1].events"),
    ],
)
def test_when_a_device_cannot_be_kept_then_the_others_stand(changes, code, path):
    bad = a_device(**{"ref": "d2", **changes})

    batch = decode(a_report(devices=[a_device(), bad]))

    assert [device.ref for device in batch.devices] == ["d1"]
    assert (batch.rejected[0].code, batch.rejected[0].path) == (code, path)


@pytest.mark.parametrize("mac", ["00:00:5e:00:53:af", "00-00-5E-00-53-AF", "0000.5e00.53af", "00005E0053AF"])
def test_when_a_mac_is_written_in_any_usual_way_then_it_is_one_identity(mac):
    assert decode(a_report(devices=[a_device(identity={"mac": mac})])).devices[0].identity.mac == "00:00:5e:00:53:af"


def test_given_a_serial_when_the_mac_is_nonsense_then_the_mac_is_forgotten():
    identity = decode(a_report(devices=[a_device(identity={"serial": "A", "mac": "n/a"})])).devices[0].identity

    assert identity == Identity(serial="A")


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"at": None}, "bad_value", ".at"),
        ({"at": "x"}, "bad_value", ".at"),
        ({"text": None}, "bad_value", ".text"),
        ({"text": ""}, "bad_value", ".text"),
        ({"severity": "loud"}, "bad_value", ".severity"),
        ({"severity": 1}, "wrong_type", ".severity"),
        ({"code": "x" * 65}, "bad_value", ".code"),
        ({"component": "x" * 129}, "bad_value", ".component"),
        ({"id": "x" * 129}, "bad_value", ".id"),
    ],
)
def test_when_an_event_cannot_be_kept_then_it_alone_is_rejected(fields, code, field):
    rejection = rejection_of(events=[an_event(), an_event(**fields)])

    assert (rejection.code, rejection.path) == (code, f"devices[0].events[1]{field}")


def test_when_an_event_has_no_id_then_equal_events_of_one_time_are_one():
    events = [an_event(), an_event(severity="info"), an_event(text="Fan recovered")]

    first, again, other = decode(a_report(devices=[a_device(events=events)])).devices[0].events

    assert first == again
    assert first.dedupe_id != other.dedupe_id


def test_when_an_event_says_everything_then_everything_is_kept():
    told = an_event(id="sw1:46", severity="alert", code="PLATFORM_ENV-1-FAN", component="fan/1/2")

    (event,) = decode(a_report(devices=[a_device(events=[told])])).devices[0].events

    assert event == Event("sw1:46", SENT.timestamp(), "alert", "PLATFORM_ENV-1-FAN", "fan/1/2", "Fan failed")


@pytest.mark.parametrize(
    ("inventory", "path"),
    [
        ([], ""),
        ({}, ".complete"),
        ({"complete": 1}, ".complete"),
        ({"complete": True, "at": "x"}, ".at"),
        ({"complete": True, "components": {}}, ".components"),
        ({"complete": True, "components": [7]}, ".components[0]"),
        ({"complete": True, "components": [{"class": "fan"}]}, ".components[0].id"),
        ({"complete": True, "components": [{"id": "fan/1"}]}, ".components[0].class"),
        ({"complete": True, "components": [{"id": "fan/1", "class": "wing"}]}, ".components[0].class"),
        ({"complete": True, "components": [{"id": "fan/1", "class": "fan", "serial": 7}]}, ".components[0].serial"),
        ({"complete": True, "software": [{"name": "IOS"}]}, ".software[0].version"),
    ],
)
def test_when_a_part_of_the_inventory_cannot_be_kept_then_the_samples_stand(inventory, path):
    assert rejection_of(inventory=inventory).path == f"devices[0].inventory{path}"


def test_given_a_rejected_component_when_the_inventory_claims_to_be_complete_then_it_no_longer_does():
    listed = {"complete": True, "components": [{"id": "fan/1", "class": "fan"}, {"id": "fan/2", "class": "wing"}]}

    inventory = decode(a_report(devices=[a_device(inventory=listed)])).devices[0].inventory

    assert inventory.complete is False  # or fan/2 would count as taken out
    assert [part.id for part in inventory.components] == ["fan/1"]


def test_given_fields_of_the_senders_own_when_a_component_is_read_then_small_ones_are_kept():
    component = {"id": "if/1", "class": "interface", "alias": "uplink", "deep": {}, "long": "x" * 256, "none": None}
    listed = {"complete": False, "components": [component]}

    (part,) = decode(a_report(devices=[a_device(inventory=listed)])).devices[0].inventory.components

    assert part.extra == (("alias", "uplink"),)


# lines


def lines(*middle, end=END, count=None):
    return as_lines(HEADER, *middle, {**end, "lines": len(middle) + 1 if count is None else count})


def test_when_a_report_comes_in_lines_then_it_is_what_json_would_have_said():
    assert said(native.decode(lines(DEVICE_LINE, CPU_LINE), NATIVE_LINES)) == said(decode(a_report()))


@pytest.mark.parametrize(
    "body",
    [
        as_lines(HEADER, DEVICE_LINE, CPU_LINE),
        lines(DEVICE_LINE, CPU_LINE, count=2),
        lines(DEVICE_LINE, CPU_LINE, count=4),
        lines(DEVICE_LINE, CPU_LINE, count="3"),
        lines(DEVICE_LINE, CPU_LINE, end={"type": "end", "report_id": "another"}),
        lines(DEVICE_LINE, CPU_LINE)[:-40],
        as_lines(HEADER, DEVICE_LINE)[:-2],  # ends with a brace, and is cut all the same
        as_lines(HEADER, DEVICE_LINE)[:-20],
        as_lines(HEADER),
    ],
)
def test_given_lines_without_their_end_when_decoded_then_the_report_is_truncated(body):
    refusal = refusal_of(body, NATIVE_LINES)

    assert (refusal.status, refusal.code) == (400, "truncated")


def test_when_the_shared_report_lacks_its_end_then_it_is_truncated():
    assert refusal_of(sample("hostile/truncated.ndjson"), NATIVE_LINES).code == "truncated"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed"),
        (b"\n\n", "malformed"),
        (as_lines(DEVICE_LINE, {**END, "lines": 1}), "malformed"),
        (as_lines(HEADER, {**END, "lines": 1}), "wrong_type"),
        (b'[]\n{"type":"end"}\n', "wrong_type"),
        (b'{"type":"report"} {"type":"end"}\n{"type":"end"}\n', "malformed"),
    ],
)
def test_given_lines_that_are_no_report_when_decoded_then_they_are_refused(body, code):
    assert refusal_of(body, NATIVE_LINES).code == code


@pytest.mark.parametrize(
    ("stray", "code"),
    [
        ({**CPU_LINE, "d": "d9"}, "bad_value"),
        ({**CPU_LINE, "d": None}, "bad_value"),
        ({**CPU_LINE, "d": ["d1"]}, "bad_value"),
        ({**CPU_LINE, "type": "poem"}, "wrong_type"),
        ({**CPU_LINE, "type": ["sample"]}, "wrong_type"),
    ],
)
def test_given_a_line_that_belongs_nowhere_when_decoded_then_it_is_rejected_by_its_number(stray, code):
    batch = native.decode(lines(DEVICE_LINE, CPU_LINE, stray), NATIVE_LINES)

    assert [(note.path, note.code) for note in batch.rejected] == [("line 4", code)]
    assert batch.counts == Counts(1, 1, 0)


def test_given_parameters_behind_the_media_type_when_decoded_then_they_do_not_matter():
    request = meta(content_type=f"{NDJSON}; charset=utf-8")

    assert native.decode(lines(DEVICE_LINE, CPU_LINE), request).counts == Counts(1, 1, 0)


# any body


@st.composite
def damaged_reports(draw):
    """A full report with one to three nodes replaced by anything, or taken out."""
    report = copy.deepcopy(
        a_report(
            {"m": "if.io", "i": "if/1", "l": {"dir": "rx"}, "v": "7", "t": SENT.isoformat(), "start": SENT.isoformat()},
            {"m": "fan.status", "i": "fan/1", "s": "ok"},
        )
    )
    report["devices"][0] |= {
        "events": [an_event(id="e", code="c")],
        "inventory": {"complete": True, "components": [{"id": "fan/1", "class": "fan"}], "software": []},
    }
    for _ in range(draw(st.integers(1, 3))):
        holder, key = draw(st.sampled_from(list(places(report))))
        if draw(st.booleans()):
            holder[key] = draw(values)
        else:
            del holder[key]
    return report


def places(node):
    """Every (container, key) in a JSON value."""
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(value, dict | list):
            yield from places(value)


def decodes_or_refuses(body, request):
    outcome = outcome_of(native.decode, body, request)

    assert isinstance(outcome, CanonicalBatch) or outcome.status in {400, 413}


@given(damaged_reports())
@settings(max_examples=300)
def test_when_a_report_is_damaged_anywhere_then_it_is_decoded_or_refused(report):
    decodes_or_refuses(as_json(report), NATIVE_JSON)


@given(damaged_reports(), st.lists(st.integers(0, 6), max_size=6))
def test_when_lines_are_damaged_and_mixed_then_they_are_decoded_or_refused(report, order):
    device = report.get("devices", [{}])
    device = device[0] if isinstance(device, list) and device and isinstance(device[0], dict) else {}
    parts = [HEADER, DEVICE_LINE, {**device, "type": "device"}, CPU_LINE, {"type": "sample", "d": "d1"}, END, report]

    decodes_or_refuses(as_lines(*(parts[number] for number in order)), NATIVE_LINES)
    decodes_or_refuses(lines(*(parts[number] for number in order)), NATIVE_LINES)


@given(st.binary(max_size=80), st.sampled_from([NATIVE_JSON, NATIVE_LINES]))
def test_when_any_bytes_come_then_they_are_refused(body, request_meta):
    with pytest.raises(DecodeError):
        native.decode(body, request_meta)
