"""The front door: order of work, what each client understands, and that it never says 500, 429 or "go elsewhere"."""

import gzip
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.test import Client
from django.utils import timezone

from access.principal import acting, job
from telemetry import enrolment, samples
from telemetry.ingest import door, quarantine, rooms
from telemetry.ingest.admission import admission
from telemetry.ingest.doors import DOORS, find_door
from telemetry.ingest.memory import forget_everything
from telemetry.models import Device, DeviceEvent, Quarantine
from telemetry.models.devices import KeyChannel
from tests.cast import World
from tests.telemetry.ingest.senders import REPORTS, Sender, collector_key, cpu, device_key, report

pytestmark = pytest.mark.django_db
SAMPLES = Path(__file__).parents[3] / ".." / "shared" / "samples"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the shared samples are not beside this checkout")
OTLP_METRICS = "/ingest/otlp/v1/metrics"
OTLP_LOGS = "/ingest/otlp/v1/logs"
WRITE = "/ingest/prometheus/v1/write"
PROTOBUF = "application/x-protobuf"


@pytest.fixture(autouse=True)
def _fresh_memory() -> None:
    forget_everything()


@pytest.fixture
def switch(world: World) -> Device:
    return world.acme.installs("core switch", site="hq", serial="SN1")


@pytest.fixture
def sender(world: World, switch: Device) -> Sender:
    return device_key(world.acme, switch)


@pytest.fixture
def poller(world: World) -> Sender:
    return collector_key(world.acme, "hq")


# ---- order of work


@pytest.mark.parametrize("method", ["get", "put", "delete", "head"])
def test_when_a_door_is_not_posted_to_then_405(method: str) -> None:
    answer = getattr(Client(), method)(REPORTS)

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize("path", ["/ingest/v1/report", "/ingest/", "/ingest/v2/reports", "/ingest/v1/reports/"])
def test_when_there_is_no_such_door_then_404_and_no_redirect(path: str) -> None:
    assert Client().post(path, b"{}", content_type="application/json").status_code == 404


def test_given_a_wrong_key_when_the_body_is_nonsense_then_the_key_is_what_counts(sender: Sender) -> None:
    sender.key = sender.key[:-4] + "AAAA"

    assert sender.posts(b"\xff\xfe not json").status_code == 401


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "application/jsonx"])
def test_when_the_type_is_unknown_then_415(sender: Sender, kind: str) -> None:
    assert sender.posts(report(cpu()), content_type=kind).status_code == 415


def test_when_the_encoding_is_unknown_then_415_says_what_is_known(sender: Sender) -> None:
    answer = sender.posts(report(cpu()), HTTP_CONTENT_ENCODING="br")

    assert answer.status_code == 415
    assert "gzip" in answer.headers["Accept-Encoding"]


def test_when_the_body_is_larger_than_allowed_then_413(sender: Sender) -> None:
    assert sender.posts(b" " * (1024 * 1024 + 1)).status_code == 413


def test_when_a_report_is_gzipped_then_it_is_read(sender: Sender) -> None:
    body = gzip.compress(json.dumps(report(cpu())).encode())

    assert sender.posts(body, HTTP_CONTENT_ENCODING="gzip").status_code == 202


def test_when_a_request_names_its_id_then_the_answer_has_it(sender: Sender) -> None:
    assert sender.posts(report(cpu()), HTTP_X_REQUEST_ID="abc-12345678").headers["X-Request-ID"] == "abc-12345678"


def test_when_a_request_id_could_split_a_header_then_another_is_given(sender: Sender) -> None:
    answer = sender.posts(report(cpu()), HTTP_X_REQUEST_ID="abc\r\nSet-Cookie: x")

    assert "\n" not in answer.headers["X-Request-ID"]
    assert "Set-Cookie" not in answer.headers


# ---- pace and load


def test_given_a_device_beyond_its_burst_when_it_reports_then_503_and_later_never_429(sender: Sender) -> None:
    answers = [sender.posts(report(cpu(0)))]
    while answers[-1].status_code == 202 and len(answers) < 200:  # its tokens come back while we send
        answers.append(sender.posts(report(cpu(len(answers) / 200))))

    assert len(answers) > 30
    assert answers[-1].status_code == 503
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 5


def test_given_one_noisy_device_when_another_reports_then_it_is_heard(world: World, sender: Sender) -> None:
    for n in range(35):
        sender.posts(report(cpu(n / 100)))
    quiet = device_key(world.acme, world.acme.installs("edge", site="hq", serial="SN2"))

    assert quiet.posts(report(cpu(), serial="SN2")).status_code == 202


@pytest.fixture
def over_the_mark(settings: Any) -> Iterator[None]:
    settings.INGEST_HIGH_WATER = 0
    admission.sample_again()
    yield
    admission.sample_again()


def test_given_work_above_high_water_when_a_device_reports_then_503(over_the_mark: None, sender: Sender) -> None:
    answer = sender.posts(report(cpu()))

    assert answer.status_code == 503
    assert 1 <= int(answer.headers["Retry-After"]) <= 5


# ---- the other doors


@needs_samples
@pytest.mark.parametrize(
    ("path", "folder", "kind", "encoding", "status"),
    [
        (OTLP_METRICS, "otlp/python_proto_gzip", PROTOBUF, "gzip", 200),
        (OTLP_METRICS, "otlp/python_json", "application/json", "", 200),
        (WRITE, "prometheus/remote_write", PROTOBUF, "snappy", 204),
    ],
)
def test_when_a_recorded_client_sends_then_its_door_says_what_it_calls_success(
    poller: Sender, path: str, folder: str, kind: str, encoding: str, status: int
) -> None:
    body = (SAMPLES / folder / "001.body").read_bytes()
    more = {"HTTP_CONTENT_ENCODING": encoding} if encoding else {}

    answer = poller.posts(body, path, content_type=kind, **more)

    assert answer.status_code == status, answer.content


def test_given_a_path_key_when_a_call_home_message_comes_as_a_form_then_its_event_is_kept(
    world: World, switch: Device
) -> None:
    key = device_key(world.acme, switch, channel=KeyChannel.PATH).key
    body = CALL_HOME.replace("SERIAL", "SN1").encode()

    answer = Client().post(f"/ingest/callhome/v1/{key}", body, content_type="application/x-www-form-urlencoded")

    assert answer.status_code == 200, answer.content
    assert answer.headers["Content-Type"].startswith("text/xml")
    with job(world.acme.pk):
        assert DeviceEvent.unscoped.filter(device=switch).exists()


def test_given_a_header_key_when_it_is_used_in_a_path_then_403(sender: Sender) -> None:
    answer = Client().post(f"/ingest/callhome/v1/{sender.key}", b"<a/>", content_type="text/xml")

    assert answer.status_code == 403


def test_given_a_path_key_when_it_is_used_in_a_header_then_403(world: World, switch: Device) -> None:
    assert device_key(world.acme, switch, channel=KeyChannel.PATH).posts(report(cpu())).status_code == 403


def test_given_no_key_when_call_home_comes_then_403_and_no_challenge() -> None:
    answer = Client().post("/ingest/callhome/v1/nonsense", b"<a/>", content_type="text/xml")

    assert answer.status_code == 403
    assert "WWW-Authenticate" not in answer.headers


@pytest.mark.parametrize("kind", [PROTOBUF, "application/json"])
def test_when_an_empty_otlp_request_comes_then_200(sender: Sender, kind: str) -> None:
    answer = sender.posts(b"" if kind == PROTOBUF else b"{}", OTLP_METRICS, content_type=kind)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == kind


def test_when_prometheus_sends_version_2_then_415(sender: Sender) -> None:
    kind = "application/x-protobuf;proto=io.prometheus.write.v2.Request"

    assert sender.posts(b"\x00", WRITE, content_type=kind, HTTP_CONTENT_ENCODING="snappy").status_code == 415


def test_when_prometheus_compresses_in_another_way_then_415_names_the_one_it_must_use(sender: Sender) -> None:
    answer = sender.posts(
        b"", "/ingest/prometheus/v1/write", content_type="application/x-protobuf", HTTP_CONTENT_ENCODING="gzip"
    )

    assert (answer.status_code, answer["Accept-Encoding"]) == (415, "snappy")


def test_given_a_page_answered_before_when_a_report_is_refused_then_its_line_in_the_log_names_its_own_request(
    sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    structlog.contextvars.bind_contextvars(request_id="of-the-page-before")

    request = {"PATH_INFO": REPORTS, "REQUEST_METHOD": "POST", "HTTP_AUTHORIZATION": f"Bearer {sender.key}"}

    with caplog.at_level("INFO"):
        answer = door.respond({**request, "CONTENT_LENGTH": "1", "wsgi.input": io.BytesIO(b"{")})

    (line,) = [record.msg for record in caplog.records if "ingest.refused" in str(record.msg)]
    assert ("X-Request-ID", line["request_id"]) in answer.headers


def test_given_all_places_for_bodies_taken_when_a_report_comes_then_503_and_later(
    monkeypatch: pytest.MonkeyPatch, sender: Sender
) -> None:
    monkeypatch.setattr(rooms, "REPORTS", rooms.Room(0, patience_s=0))

    answer = sender.posts(report(cpu()))

    assert answer.status_code == 503
    assert 1 <= int(answer["Retry-After"]) <= 5


def test_when_an_ingest_key_is_used_to_read_then_it_opens_nothing(sender: Sender) -> None:
    answer = Client().get("/api/v1/devices/", HTTP_AUTHORIZATION=f"Bearer {sender.key}")

    assert answer.status_code in {401, 403}


# ---- enrolment


def test_given_a_claim_code_when_a_device_enrols_then_its_key_works_and_the_code_is_used(world: World) -> None:
    boss = world.acme.viewer()
    with acting(boss):
        _, code = enrolment.make_code(site=world.acme.sites["hq"], by=boss)
    asked = json.dumps({"claim_code": code, "identity": {"serial": "SN77", "vendor": "Cisco"}})

    answer = Client().post("/ingest/v1/enrol", asked, content_type="application/json")

    assert answer.status_code == 200, answer.content
    assert Sender(answer.json()["key"], world.acme).posts(report(cpu(), serial="SN77")).status_code == 202
    assert Client().post("/ingest/v1/enrol", asked, content_type="application/json").status_code == 403


@pytest.mark.parametrize(
    "asked", [b"", b"[]", b"{}", b'{"claim_code": 7}', b'{"claim_code": "x", "identity": []}', b"\xff"]
)
def test_when_an_enrolment_is_malformed_then_400(db: None, asked: bytes) -> None:
    assert Client().post("/ingest/v1/enrol", asked, content_type="application/json").status_code == 400


# ---- what nobody expected


@pytest.fixture
def broken_decoder(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """A decoder with a fault in it, until the switch is turned."""
    state = {"broken": True}
    real = DOORS["v1/reports"]

    def decode(body: bytes, meta: Any) -> Any:
        if state["broken"]:
            raise IndexError("a fault of ours")
        return real.decode(body, meta)

    faulty = type(real)(name=real.name, decode=decode, content_types=real.content_types, default_type=real.default_type)
    monkeypatch.setattr(door, "find_door", lambda path: (faulty, "") if path == REPORTS else find_door(path))
    return state


def test_given_a_fault_in_a_decoder_when_a_report_comes_then_it_is_kept_and_the_sender_goes_on(
    broken_decoder: dict[str, bool], world: World, sender: Sender
) -> None:
    body = json.dumps(report(cpu()))

    answer = sender.posts(body)

    assert answer.status_code == 202
    assert answer.json()["rejected"][0]["code"] == "internal_decode_error"
    with job(world.acme.pk):
        assert Quarantine.unscoped.count() == 1


def test_given_a_body_in_quarantine_when_the_fault_is_gone_then_its_samples_stand(
    broken_decoder: dict[str, bool], world: World, sender: Sender, switch: Device
) -> None:
    sender.posts(report(cpu(0.3)))
    broken_decoder["broken"] = False

    with job(world.acme.pk):
        Quarantine.unscoped.update(received_at=timezone.now() - timedelta(minutes=3))
    assert quarantine.read_again() == 1

    with job(world.acme.pk):
        (found,) = samples.news({switch.stay_number: 0}).values()
        assert Quarantine.unscoped.filter(decoded_at=None).count() == 0
    assert [data.v.tolist() for data in found.health.series.values()] == [[0.3]]


def test_given_a_fault_anywhere_when_a_report_comes_then_503_and_never_500(
    monkeypatch: pytest.MonkeyPatch, sender: Sender
) -> None:
    def fault(*_: Any) -> Any:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(door, "accept_one", fault)

    answer = sender.posts(report(cpu()))

    assert answer.status_code == 503
    assert b"fault" not in answer.content


def test_when_a_refusal_is_logged_then_neither_key_nor_body_is_in_it(
    sender: Sender, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    sender.posts(b'{"canary": "canary-acme-body"}')
    Client().post(f"/ingest/callhome/v1/{sender.key}", b"<canary-acme-xml/>", content_type="text/xml")

    said = capsys.readouterr().err + caplog.text
    assert sender.key.split("_", 2)[2] not in said
    assert "canary" not in said


# ---- hostile bodies


HOSTILE = {
    "nul_in_string.json": 400,
    "deep_nesting.json": 400,
    "truncated.ndjson": 400,
    "overflow_1e999.json": 400,
    "integer_5000_digits.json": 400,
    "nan_value.json": 400,
    "duplicate_keys.json": 400,
    "lone_surrogate.json": 400,
    "bomb_10MiB_zeros.json.gz": 413,
    "gzip_two_members.json.gz": 400,
    "gzip_cut_short.json.gz": 400,
}


@needs_samples
@pytest.mark.parametrize("name", HOSTILE)
def test_when_a_hostile_body_comes_then_it_is_refused_as_the_page_says(sender: Sender, name: str) -> None:
    kind = "application/x-ndjson" if ".ndjson" in name else "application/json"
    more = {"HTTP_CONTENT_ENCODING": "gzip"} if name.endswith(".gz") else {}

    answer = sender.posts((SAMPLES / "hostile" / name).read_bytes(), content_type=kind, **more)

    assert answer.status_code == HOSTILE[name], answer.content


@needs_samples
def test_when_a_snappy_bomb_comes_then_413(sender: Sender) -> None:
    body = (SAMPLES / "hostile" / "snappy_length_bomb.bin").read_bytes()

    answer = sender.posts(body, WRITE, content_type=PROTOBUF, HTTP_CONTENT_ENCODING="snappy")

    assert answer.status_code == 413


@needs_samples
@pytest.mark.parametrize("name", ["billion_laughs.xml", "xxe.xml", "deep_nesting.xml"])
def test_when_hostile_xml_comes_then_400(world: World, switch: Device, name: str) -> None:
    key = device_key(world.acme, switch, channel=KeyChannel.PATH).key
    body = (SAMPLES / "hostile" / name).read_bytes()

    assert Client().post(f"/ingest/callhome/v1/{key}", body, content_type="text/xml").status_code == 400


CALL_HOME = """<?xml version="1.0" encoding="UTF-8"?>
<soap-env:Envelope xmlns:soap-env="http://www.w3.org/2003/05/soap-envelope">
<soap-env:Header><aml-session:Session xmlns:aml-session="http://www.cisco.com/2004/01/aml-session">
<aml-session:MessageId>M1:SERIAL:abcd</aml-session:MessageId></aml-session:Session></soap-env:Header>
<soap-env:Body><aml-block:Block xmlns:aml-block="http://www.cisco.com/2004/01/aml-block">
<aml-block:Header><aml-block:Type>http://www.cisco.com/2005/05/callhome/environment</aml-block:Type>
<aml-block:Severity>4</aml-block:Severity></aml-block:Header>
<aml-block:Content><ch:CallHome xmlns:ch="http://www.cisco.com/2005/05/callhome" version="1.0">
<ch:MessageDescription>%PLATFORM_ENV-1-FAN: Faulty system fan detected</ch:MessageDescription>
<ch:Event><ch:Type>environment</ch:Type><ch:SubType>minor</ch:SubType></ch:Event>
<ch:Device><rme:Chassis xmlns:rme="http://www.cisco.com/rme/4.0"><rme:Model>C9200L</rme:Model>
<rme:SerialNumber>SERIAL</rme:SerialNumber></rme:Chassis></ch:Device>
</ch:CallHome></aml-block:Content></aml-block:Block></soap-env:Body></soap-env:Envelope>
"""
