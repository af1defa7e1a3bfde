import base64
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.ingest.batch import CanonicalBatch, Counts, Identity
from telemetry.ingest.formats import callhome, callhome_xml, cisco_show, cisco_syslog
from tests.telemetry.ingest.messages import CALLHOME_XML, NOW, meta, outcome_of, sample, small

AT = datetime(2026, 11, 24, 2, 20, 12, tzinfo=UTC)


def a_message(group="syslog", text="Something happened", *, attachments="", **changes):
    """A small message; `changes` replace whole elements by name."""
    parts = {
        "MessageId": "<MessageId>M41:FOC1:6743A1C3</MessageId>",
        "Type": f"<Type>http://www.cisco.com/2005/05/callhome/{group}</Type>",
        "CreationDate": "<CreationDate>2026-11-24 02:20:12 GMT+00:00</CreationDate>",
        "BlockGroup": "<BlockGroup><GroupId>G1</GroupId><Number>0</Number></BlockGroup>",
        "Severity": "<Severity>2</Severity>",
        "EventTime": "<EventTime>2026-11-24 02:20:12 GMT+00:00</EventTime>",
        "SerialNumber": "<SerialNumber>FOC1</SerialNumber>",
        "DeviceId": "<DeviceId>C9200L@C@FOC2</DeviceId>",
        "Card": "",
        **changes,
    }
    return (
        "<Envelope><Header><Session>{MessageId}</Session></Header><Body><Block>"
        "<Header>{Type}{CreationDate}{BlockGroup}{Severity}</Header><Content><CallHome>{EventTime}"
        "<MessageDescription>" + text + "</MessageDescription>"
        "<Event><Type>x</Type><SubType>minor</SubType></Event>"
        "<CustomerData><ContractData>{DeviceId}<CustomerId>4711</CustomerId></ContractData></CustomerData>"
        "<Device><Chassis><Model>C9200L</Model>{SerialNumber}{Card}</Chassis></Device></CallHome></Content>"
        "<Attachments>" + attachments + "</Attachments></Block></Body></Envelope>"
    ).format(**parts).encode()  # fmt: skip


def attachment(name, text, encoding="plain"):
    return f'<Attachment><Name>{name}</Name><Data encoding="{encoding}"><![CDATA[{text}]]></Data></Attachment>'


def nested(levels):
    return b"<a>" * levels + b"</a>" * levels


def device_of(body):
    (device,) = callhome.decode(body, CALLHOME_XML).devices
    return device


def event_of(body):
    (event,) = device_of(body).events
    return event


# recorded messages


def test_when_a_syslog_message_comes_then_its_own_severity_wins():
    event = event_of(sample("callhome/iosxe_syslog.xml"))

    assert (event.code, event.severity) == ("PLATFORM_ENV-1-FAN", "alert")
    assert event.text == "Faulty system fan detected"
    assert event.at == AT.timestamp()


def test_when_a_message_comes_then_its_chassis_is_the_device():
    device = device_of(sample("callhome/iosxe_syslog.xml"))

    assert device.identity == Identity(
        serial="FOC2601TST1",
        vendor="Cisco",
        model="C9200L-24P-4G",
        sys_object_id="1.3.6.1.4.1.9.1.2694",
        hostname="sw1",
    )


@pytest.mark.parametrize("name", ["iosxe_inventory_full", "iosxe_configuration", "asa_telemetry"])
def test_when_a_periodic_message_comes_then_parts_and_readings_are_kept_and_nothing_has_happened(name):
    device = device_of(sample(f"callhome/{name}.xml"))

    assert device.events == ()
    assert [(part.id, part.model, part.serial) for part in device.inventory.components] == [
        ("chassis/1", "C9200L-24P-4G", "FOC2601TST1"),
        ("psu/1A", "PWR-C5-600WAC", "ART0000TST1"),
    ]
    assert [(program.name, program.version) for program in device.inventory.software] == [("IOS-XE", "17.9.4")]
    assert device.inventory.complete is False
    assert {(s.metric, s.instance, s.value if s.state is None else s.state) for s in device.samples} == {
        ("sensor.temperature", "sensor/1/inlet", 25.0),
        ("sensor.status", "sensor/1/inlet", "ok"),
        ("sensor.temperature", "sensor/1/hotspot", 43.0),
        ("sensor.status", "sensor/1/hotspot", "ok"),
        ("fan.speed", "fan/1/1", 5400),
        ("fan.status", "fan/1/1", "ok"),
        ("fan.speed", "fan/1/2", 0),
        ("fan.status", "fan/1/2", "failed"),
    }


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("iosxe_environment_minor", "callhome.environment.minor"),
        ("iosxe_diagnostic", "callhome.diagnostic.gold"),
    ],
)
def test_when_something_is_wrong_with_the_device_then_there_is_an_error(name, code):
    event = event_of(sample(f"callhome/{name}.xml"))

    assert (event.code, event.severity) == (code, "error")


def test_when_the_connection_is_tested_then_there_is_an_event_for_it_and_nothing_else():
    device = device_of(sample("callhome/test_message.xml"))

    assert [event.code for event in device.events] == ["callhome.test"]
    assert device.samples == ()


def test_given_an_illegal_character_when_decoded_then_the_escape_sequence_is_gone():
    event = event_of(sample("callhome/iosxe_illegal_charref.xml"))

    assert event.code == "PLATFORM_ENV-1-FAN"
    assert "\x1b" not in event.text
    assert "[0m" not in event.text


@pytest.mark.parametrize(
    ("name", "code"),
    [("billion_laughs", "forbidden_xml"), ("xxe", "forbidden_xml"), ("deep_nesting", "too_deep")],
)
def test_when_hostile_xml_comes_then_it_is_refused_at_once(name, code):
    body = sample(f"hostile/{name}.xml")

    began = time.process_time()
    refusal = outcome_of(callhome.decode, body, CALLHOME_XML)

    assert (refusal.status, refusal.code) == (400, code)
    assert time.process_time() - began < 0.1


def test_when_a_message_is_kept_as_it_came_then_the_key_in_it_is_not():
    body = sample("callhome/iosxe_syslog.xml")

    kept = callhome.without_secrets(body)

    assert b"not-a-real-secret" in body
    assert b"not-a-real-secret" not in kept
    assert b"scd_callhome0001_<" in kept
    assert callhome.decode(kept, CALLHOME_XML).devices == callhome.decode(body, CALLHOME_XML).devices


# identity of the message


def key(**changes):
    return callhome.decode(a_message(**changes), CALLHOME_XML).idempotency_key


def test_when_a_message_has_an_id_then_the_id_is_its_identity():
    assert key() == key(text="other words")
    assert key() != key(MessageId="<MessageId>M42:FOC1:6743A1C3</MessageId>")


def test_when_a_message_has_no_id_then_group_number_and_type_are_its_identity():
    part_one = "<BlockGroup><GroupId>G1</GroupId><Number>1</Number></BlockGroup>"

    assert key(MessageId="") == key(MessageId="", text="other words")
    assert key(MessageId="") != key(MessageId="", BlockGroup=part_one)
    assert key(MessageId="") != key(MessageId="", group="test")


def test_when_a_message_has_neither_then_its_body_is_its_identity():
    assert key(MessageId="", BlockGroup="") == key(MessageId="", BlockGroup="")
    assert key(MessageId="", BlockGroup="") != key(MessageId="", BlockGroup="", text="other words")


def test_when_the_chassis_has_no_serial_then_the_device_id_has_one():
    assert device_of(a_message(SerialNumber="")).identity.serial == "FOC2"


def test_when_no_serial_is_told_then_it_can_only_be_the_sender():
    assert device_of(a_message(SerialNumber="", DeviceId="")).identity.is_sender


# meaning


@pytest.mark.parametrize(
    ("level", "severity"),
    [("0", "debug"), ("1", "info"), ("2", "notice"), ("3", "warning"), ("4", "error"), ("5", "error"), ("6", "critical"),
     ("7", "alert"), ("8", "emergency"), ("9", "emergency"), ("10", "info"), ("", "info"), ("x", "info")],
)  # fmt: skip
def test_when_a_block_has_a_severity_then_it_has_syslogs_name(level, severity):
    assert event_of(a_message("diagnostic", Severity=f"<Severity>{level}</Severity>")).severity == severity


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24 02:20:12 GMT+00:00",
        "2026-11-24 02:20:12 GMT+0000",
        "2026-11-24T02:20:12",
        "2026-11-24T02:20:12Z",
        "2026-11-24T02:20:12.500",
        "2026-11-24 03:50:12 GMT+01:30",
        "2026-11-23 22:20:12 GMT-04:00",
        " 2026-11-24 02:20:12 UTC ",
    ],
)
def test_when_a_time_is_written_as_devices_do_then_it_is_read(text):
    assert callhome.parse_time(text) == AT


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-24 02:20:12", "2026-11-24 02:20:12 GMT+99:00", "24.11.2026"]
)
def test_when_a_time_is_none_then_there_is_none(text):
    assert callhome.parse_time(text) is None


def test_when_a_message_has_no_readable_time_then_the_time_of_receipt_counts():
    body = a_message(EventTime="<EventTime>*</EventTime>", CreationDate="")

    assert event_of(body).at == NOW.timestamp()
    assert callhome.decode(body, CALLHOME_XML).sent_at is None


def test_when_a_group_is_unknown_then_there_is_an_event():
    assert event_of(a_message("crash")).code == "callhome.crash.minor"


def test_when_a_text_is_long_or_missing_then_the_event_still_has_one():
    assert len(event_of(a_message(text="x" * 5000)).text) == 4000
    assert event_of(a_message("diagnostic", "")).text == "Call Home message of group diagnostic"


def test_when_cards_are_in_the_envelope_then_they_are_parts():
    card = "<Card><Model>NIM-2T</Model><SerialNumber>C1</SerialNumber><LocationWithinContainer>2</LocationWithinContainer></Card>"

    parts = device_of(a_message(Card=card)).inventory.components

    assert [(part.id, part.parent, part.model) for part in parts] == [
        ("chassis/1", None, "C9200L"),
        ("module/2", "chassis/1", "NIM-2T"),
    ]


def test_when_a_licence_message_comes_to_the_same_address_then_nothing_is_kept_and_nothing_is_wrong():
    body = a_message(Type="<Type>http://www.cisco.com/2012/smart/licensing</Type>").replace(b"CallHome>", b"Smart>")

    batch = callhome.decode(body, CALLHOME_XML)

    assert batch.is_empty
    assert batch.warnings == ()


@pytest.mark.parametrize("body", [b"<a/>", b"<Envelope><Body/></Envelope>", b"<!-- hello --><a>text</a>"])
def test_when_the_message_is_not_understood_then_it_is_accepted_with_a_warning(body):
    batch = callhome.decode(body, CALLHOME_XML)

    assert batch.is_empty
    assert [note.code for note in batch.warnings] == ["not_understood"]


# attachments


@pytest.mark.parametrize(
    "command",
    [
        "show running-config",
        "show running-config all",
        "show startup-config",
        "show run",
        "show inventory | include secret",
        "show environment; show run",
        "show version\nshow running-config",
        "show tech-support",
        "show logging",
        "more nvram:startup-config",
        "show inventory ../x",
    ],
)
def test_when_an_attachment_may_hold_secrets_then_it_is_dropped(command):
    device = device_of(a_message(attachments=attachment(command, "username admin password 0 hunter2")))

    assert device.attachments == ()
    assert "hunter2" not in repr(device)


def test_when_an_attachment_is_harmless_then_it_is_kept_as_it_came():
    device = device_of(a_message(attachments=attachment("  show   version ", "Cisco IOS Software, Version 17.9.4")))

    assert [(kept.name, kept.text) for kept in device.attachments] == [
        ("show version", "Cisco IOS Software, Version 17.9.4")
    ]
    assert device.inventory.software[0].version == "17.9.4"


def test_when_an_attachment_is_base64_then_it_is_read():
    text = base64.b64encode(b'NAME: "Chassis", DESCR: "C9200L"\nPID: C9200L , VID: V02 , SN: FOC1').decode()

    device = device_of(a_message(attachments=attachment("show inventory", text, "base64")))

    assert device.inventory.components[0].name == "Chassis"


def test_when_an_attachment_claims_to_be_base64_then_it_is_empty():
    (kept,) = device_of(a_message(attachments=attachment("show version", "a", "base64"))).attachments

    assert kept.text == ""


@pytest.mark.parametrize(
    ("name", "descr", "part_id", "part_class"),
    [
        ("Switch 1", "C9200L-24P-4G", "chassis/1", "chassis"),
        ("Switch 2", "C9200L-24P-4G", "chassis/2", "chassis"),
        ("Chassis", "Cisco ISR4331 Chassis", "chassis/1", "chassis"),
        ("Switch 1 - Power Supply A", "Switch 1 - Power Supply A", "psu/1A", "powerSupply"),
        ("Power Supply Module 0", "250W AC Power Supply", "psu/0", "powerSupply"),
        ("Switch 1 - FAN 2", "Switch 1 - FAN 2", "fan/1/2", "fan"),
        ("Fan Tray", "Cisco ISR4330 Fan Assembly", "fan/1/1", "fan"),
        ("Te1/1/1", "SFP-10GBase-SR", "optic/Te1/1/1", "optic"),
        ("NIM subslot 0/1", "NIM-ES2-4", "module/NIM subslot 0/1", "module"),
    ],
)
def test_when_show_inventory_names_a_part_then_it_gets_the_id_native_agents_use(name, descr, part_id, part_class):
    (part,) = cisco_show.inventory(f'NAME: "{name}", DESCR: "{descr}"\nPID: P , VID: V01 , SN: S1')

    assert (part.id, part.part_class, part.serial, part.hw_rev) == (part_id, part_class, "S1", "V01")


def test_when_show_environment_lists_supplies_then_their_states_are_known():
    text = (
        "SW  PID                 Serial#     Status           Sys Pwr  PoE Pwr  Watts\n"
        "1A  PWR-C1-715WAC       DCB1234X    OK               Good     Good     715\n"
        "1B  Not Present\n"
        "2A  PWR-C1-715WAC       DCB1235X    No Input Power   Bad      Bad      715\n"
        " V1: VX1          R0                Normal            850 mV\n"
    )

    found = [(s.metric, s.instance, s.state or s.value) for s in cisco_show.environment(text, 0.0)]

    assert found == [
        ("psu.status", "psu/1A", "ok"),
        ("psu.status", "psu/1B", "absent"),
        ("psu.status", "psu/2A", "failed"),
        ("sensor.voltage", "sensor/R0/v1:-vx1", 0.85),
        ("sensor.status", "sensor/R0/v1:-vx1", "ok"),
    ]


@given(st.text(max_size=300) | st.text(alphabet=' \n1AOKFAULTY"NAME:DESCRPIDVSN,Celsius', max_size=300))
def test_when_a_command_shows_anything_then_reading_it_never_fails(text):
    list(cisco_show.inventory(text))
    list(cisco_show.environment(text, 0.0))
    cisco_show.software(text, text)
    cisco_syslog.find(text)


def test_when_a_command_shows_very_much_then_reading_it_takes_no_longer_than_it_is_long():
    text = 'NAME: "a", DESCR: "b"\n' + "PID:" * 50_000 + "\n" + ("a  " * 66 + "\n") * 20_000

    began = time.process_time()
    device_of(a_message(attachments=attachment("show environment all", text) + attachment("show inventory", text)))

    assert time.process_time() - began < 5


# XML


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"<a>", b"<a></b>", b"<a/><b/>", b"\0", b"\x1f\x8b\x08", b"<a>&nbsp;</a>"]
)
def test_when_a_body_is_no_xml_then_it_is_refused(body):
    refusal = outcome_of(callhome.decode, body, CALLHOME_XML)

    assert refusal.status == 400
    assert refusal.code in {"malformed", "forbidden_xml"}


def test_when_a_document_type_is_declared_then_it_is_refused_even_without_entities():
    assert outcome_of(callhome.decode, b"<!DOCTYPE a><a/>", CALLHOME_XML).code == "forbidden_xml"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (b"a\x1b[31mred\x1b[0m", "ared"),
        (b"a&#27;[0mb", "ab"),
        (b"a&#x1B;b", "ab"),
        (b"a\x07\x00b", "ab"),
        (b"a&#0;&#xFFFE;&#xD800;b&#65;", "abA"),
        (b"a&#4294967296;b", "ab"),
        (b"caf\xe9", "caf\ufffd"),
    ],
)
def test_when_a_device_sends_forbidden_characters_then_the_rest_of_the_text_is_kept(sent, read):
    assert callhome_xml.parse(b"<a>" + sent + b"</a>", CALLHOME_XML.limits).text == read


def test_given_elements_at_the_allowed_depth_when_one_more_is_opened_then_it_is_refused():
    assert isinstance(outcome_of(callhome.decode, nested(64), CALLHOME_XML), CanonicalBatch)
    assert outcome_of(callhome.decode, nested(65), CALLHOME_XML).code == "too_deep"


def test_given_as_many_elements_as_allowed_when_one_more_comes_then_it_is_refused():
    allow = meta(CALLHOME_XML.format, "", allow=small(xml_elements=4))

    assert isinstance(outcome_of(callhome.decode, b"<a><b/><b/><b/></a>", allow), CanonicalBatch)
    assert outcome_of(callhome.decode, b"<a><b/><b/><b/><b/></a>", allow).code == "too_many_elements"


def test_when_namespaces_differ_then_local_names_decide():
    body = a_message().replace(b"<Envelope>", b'<x:Envelope xmlns:x="urn:x">').replace(b"</Envelope>", b"</x:Envelope>")

    assert callhome.decode(body, CALLHOME_XML).counts == Counts(1, 0, 1)


@given(st.binary(max_size=100))
def test_when_any_bytes_come_then_there_is_a_batch_or_a_refusal(body):
    outcome = outcome_of(callhome.decode, body, CALLHOME_XML)

    assert isinstance(outcome, CanonicalBatch) or outcome.status == 400


@given(st.data())
@settings(max_examples=200)
def test_when_a_message_is_damaged_anywhere_then_there_is_a_batch_or_a_refusal(data):
    body = bytearray(
        a_message(text="%FAN-1-X: &#65;", attachments=attachment("show inventory", 'NAME: "a", DESCR: ""'))
    )
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 9))] = data.draw(
            st.binary(max_size=6) | st.sampled_from([b"<", b"&", b"<a>"])
        )

    outcome = outcome_of(callhome.decode, bytes(body), CALLHOME_XML)

    assert isinstance(outcome, CanonicalBatch) or outcome.status == 400
