import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from defusedxml.ElementTree import fromstring
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from telemetry.ingest import answers
from telemetry.ingest.answers import Hints, Receipt
from telemetry.ingest.batch import (
    CALLHOME,
    FORMATS,
    NATIVE,
    OTLP_LOGS,
    OTLP_METRICS,
    PROMETHEUS,
    Counts,
    DecodeError,
    Note,
)
from telemetry.ingest.formats import wire
from tests.telemetry.ingest.messages import JSON, PROTOBUF, sample

REPORT = UUID("0193586e-7b1c-7c3e-9b1e-3f6f0f7d9a01")
HINTS = Hints(datetime(2026, 11, 24, 2, 20, 3, 402_000, UTC), 300, 1843, ("inventory:d2",))
REJECTED = (Note("devices[0].samples[2]", "unknown_metric", "no such metric"),)
WHOLE = Receipt(REPORT, Counts(2, 15, 1))
PARTLY = Receipt(REPORT, Counts(2, 14, 1), REJECTED, rejected_total=3)
TOO_LARGE = DecodeError(413, "too_large", "more than 10 bytes; send smaller reports")


def headers(answer):
    return dict(answer.headers)


def test_when_a_native_report_is_kept_then_the_answer_has_the_published_shape():
    answer = answers.kept(NATIVE, Receipt(REPORT, Counts(2, 15, 1), warnings=(Note("p", "c", "m"),)), HINTS)

    shown = json.loads(answer.body)
    published = json.loads(sample("native/response_202.json"))
    assert answer.status == 202
    assert shown.keys() == published.keys()
    assert {**shown, "warnings": None} == {**published, "warnings": None}
    assert shown["warnings"][0].keys() == published["warnings"][0].keys()


def test_when_a_native_report_comes_again_then_it_is_200_with_the_first_counts():
    answer = answers.kept(NATIVE, Receipt(REPORT, Counts(2, 15, 1), duplicate=True), HINTS)

    assert answer.status == 200
    assert json.loads(answer.body)["duplicate"] is True
    assert json.loads(answer.body)["accepted"] == {"devices": 2, "samples": 15, "events": 1}


def test_when_a_native_report_is_kept_in_part_then_the_rest_is_listed_and_counted():
    shown = json.loads(answers.kept(NATIVE, PARTLY, HINTS).body)

    assert shown["rejected"] == [
        {"path": "devices[0].samples[2]", "code": "unknown_metric", "message": "no such metric"}
    ]
    assert shown["rejected_total"] == 3


def test_when_there_are_no_hints_then_none_are_given():
    shown = json.loads(answers.kept(NATIVE, WHOLE, Hints(HINTS.server_time)).body)

    assert not {"next_interval_s", "expect_seq"} & shown.keys()
    assert shown["need"] == []


@pytest.mark.parametrize("door", [OTLP_METRICS, OTLP_LOGS])
def test_when_an_otlp_export_is_kept_whole_then_the_answer_is_empty_in_its_own_encoding(door):
    binary, text = (answers.kept(door, WHOLE, HINTS, kind) for kind in (PROTOBUF, JSON))

    assert (binary.status, headers(binary)["Content-Type"], binary.body) == (200, PROTOBUF, b"")
    assert (text.status, headers(text)["Content-Type"], text.body) == (200, JSON, b"{}")


@pytest.mark.parametrize(
    ("door", "response", "counter"),
    [
        (OTLP_METRICS, ExportMetricsServiceResponse, "rejected_data_points"),
        (OTLP_LOGS, ExportLogsServiceResponse, "rejected_log_records"),
    ],
)
def test_when_an_otlp_export_is_kept_in_part_then_its_client_reads_how_much(door, response, counter):
    answer = answers.kept(door, PARTLY, HINTS, PROTOBUF)

    partial = response.FromString(answer.body).partial_success
    assert answer.status == 200
    assert getattr(partial, counter) == 3
    assert partial.error_message == "unknown_metric: no such metric"


@pytest.mark.parametrize(("door", "counter"), [(OTLP_METRICS, "rejectedDataPoints"), (OTLP_LOGS, "rejectedLogRecords")])
def test_when_an_otlp_export_in_json_is_kept_in_part_then_the_answer_is_json(door, counter):
    shown = json.loads(answers.kept(door, PARTLY, HINTS, f"{JSON}; charset=utf-8").body)

    assert shown == {"partialSuccess": {counter: "3", "errorMessage": "unknown_metric: no such metric"}}


def test_when_call_home_is_kept_then_the_answer_is_an_empty_envelope():
    answer = answers.kept(CALLHOME, WHOLE, HINTS)

    body = fromstring(answer.body)[0]
    assert (answer.status, headers(answer)["Content-Type"]) == (200, "text/xml; charset=utf-8")
    assert body.tag == "{http://www.w3.org/2003/05/soap-envelope}Body"
    assert len(body) == 0


def test_when_prometheus_writes_then_the_answer_is_204_without_a_body():
    assert answers.kept(PROMETHEUS, PARTLY, HINTS) == answers.Answer(204)


def test_when_a_door_is_unknown_then_there_is_no_answer():
    with pytest.raises(ValueError):
        answers.kept("carrier pigeon", WHOLE, HINTS)


def test_when_a_native_report_is_refused_then_code_message_and_place_are_told():
    answer = answers.refused(NATIVE, DecodeError(400, "bad_value", "seq is an integer", "seq"))

    assert answer.status == 400
    assert json.loads(answer.body) == {"code": "bad_value", "message": "seq is an integer", "path": "seq"}


def test_when_the_schema_is_unknown_then_the_known_one_is_named():
    answer = answers.refused(NATIVE, DecodeError(400, "unsupported_schema", "supported: smartcare.report/1", "schema"))

    assert json.loads(answer.body)["supported"] == ["smartcare.report/1"]


@pytest.mark.parametrize(
    ("status", "code"), [(400, 3), (401, 16), (403, 7), (409, 6), (411, 3), (413, 8), (415, 3), (503, 14), (418, 2)]
)
def test_when_an_otlp_export_is_refused_then_its_client_reads_a_status_in_its_own_encoding(status, code):
    error = DecodeError(status, "some_code", "some words", "place")

    binary, text = (answers.refused(OTLP_METRICS, error, kind) for kind in (PROTOBUF, JSON))

    assert binary.status == text.status == status
    assert headers(binary)["Content-Type"] == PROTOBUF
    assert list(wire.fields(binary.body)) == [(1, wire.VARINT, code), (2, wire.BYTES, b"some_code: some words (place)")]
    assert json.loads(text.body) == {"code": code, "message": "some_code: some words (place)"}


def test_when_call_home_is_refused_then_the_answer_is_a_fault_that_stays_xml():
    answer = answers.refused(CALLHOME, DecodeError(400, "malformed", "not XML: <&>"))

    fault = fromstring(answer.body)[0][0]
    assert fault[0][0].text == "env:Sender"
    assert fault[1][0].text == "malformed: not XML: <&>"


@pytest.mark.parametrize("door", FORMATS)
@pytest.mark.parametrize(("chance", "wait"), [(0.0, "1"), (0.2, "2"), (0.5, "3"), (0.999999, "5"), (1.0, "5")])
def test_when_it_has_to_wait_then_the_sender_is_told_one_to_five_seconds(door, chance, wait):
    answer = answers.try_later(door, lambda: chance)

    assert answer.status == 503
    assert headers(answer)["Retry-After"] == wait


def test_when_a_key_is_missing_then_it_is_asked_for_except_of_devices_that_cannot_answer():
    native = answers.refused(NATIVE, answers.unauthenticated(NATIVE))
    callhome = answers.refused(CALLHOME, answers.unauthenticated(CALLHOME))

    assert native.status == 401
    assert headers(native)["WWW-Authenticate"].startswith("Bearer")
    assert callhome.status == 403


def test_when_a_request_is_refused_for_its_form_then_the_right_form_is_named():
    method = answers.refused(NATIVE, answers.wrong_method())
    encoding = answers.refused(NATIVE, DecodeError(415, "unsupported_encoding", "no"))
    kind = answers.refused(NATIVE, answers.unsupported_type((JSON,)))

    assert (method.status, headers(method)["Allow"]) == (405, "POST")
    assert headers(encoding)["Accept-Encoding"] == "gzip, zstd, deflate"
    assert kind.status == 415
    assert "Accept-Encoding" not in headers(kind)
    assert "application/json" in json.loads(kind.body)["message"]


def test_when_an_id_is_used_for_another_report_then_it_is_a_conflict():
    answer = answers.refused(NATIVE, answers.report_id_reused())

    assert (answer.status, json.loads(answer.body)["code"]) == (409, "report_id_reused")


def test_when_words_of_a_sender_are_repeated_then_any_of_them_can_be_written():
    assert answers.refused(NATIVE, DecodeError(400, "x", "\ud800\0é")).body
    assert answers.refused(CALLHOME, DecodeError(400, "x", "\ud800é")).body
