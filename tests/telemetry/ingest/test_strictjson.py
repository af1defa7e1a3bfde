import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.ingest import strictjson
from telemetry.ingest.batch import DecodeError
from telemetry.ingest.limits import DEVICE, MIB
from tests.telemetry.ingest.messages import outcome_of, sample

MANY = 120_000

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
values = st.recursive(
    scalars | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def levels(value):
    if isinstance(value, dict):
        return 1 + max(map(levels, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(levels, value), default=0)
    return 0


def code_of(body, depth=8):
    with pytest.raises(DecodeError) as refusal:
        strictjson.loads(body, depth, MANY)
    assert refusal.value.status == 400
    return refusal.value.code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("nan_value.json", "number_not_finite"),
        ("overflow_1e999.json", "number_not_finite"),
        ("integer_5000_digits.json", "number_too_large"),
        ("nul_in_string.json", "nul_character"),
        ("lone_surrogate.json", "lone_surrogate"),
        ("duplicate_keys.json", "duplicate_key"),
        ("deep_nesting.json", "too_deep"),
    ],
)
def test_when_a_hostile_body_is_read_then_it_is_refused_by_name(name, code):
    assert code_of(sample(f"hostile/{name}")) == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed"),
        (b"{", "malformed"),
        (b"{} {}", "malformed"),
        (b'{"a":1,}', "malformed"),
        (b'{"a": Infinity}', "number_not_finite"),
        (b'{"a": -Infinity}', "number_not_finite"),
        (b'{"a": {"b": 1, "b": 1}}', "duplicate_key"),
        (b'"\xff"', "bad_utf8"),
        (b'"\xed\xa0\x80"', "bad_utf8"),  # half a surrogate pair, encoded as if it were a character
        (b"\xff\xfe[\x00]\x00", "bad_utf8"),  # UTF-16: json.loads would have guessed it
        (b'"\x00"', "malformed"),
        (b'"\\ud83d"', "lone_surrogate"),
        (b'"\\ude00\\ud83d"', "lone_surrogate"),
        (b'"\\ud83d\\\\\\ude00"', "lone_surrogate"),  # a backslash between the halves
        (b'"\\u0000"', "nul_character"),
        (b'"\\\\\\u0000"', "nul_character"),
        (b"9223372036854775808", "number_too_large"),
        (b"-9223372036854775809", "number_too_large"),
        (b"1" + b"0" * 400 + b".5", "number_not_finite"),
        (b"[" * 9 + b"]" * 9, "too_deep"),
        (b'{"a":' * 9 + b"1" + b"}" * 9, "too_deep"),
        (b"[" * 100_000, "too_deep"),
        (b"]" * 100_000, "malformed"),
        (b"][" * 50_000, "malformed"),
    ],
)
def test_when_a_body_breaks_a_rule_then_the_code_names_the_rule(body, code):
    assert code_of(body) == code


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"\\\\u0000"', "\\u0000"),  # an escaped backslash and plain letters
        (b'"\\\\ud800"', "\\ud800"),
        (b"9223372036854775807", (1 << 63) - 1),
        (b"-9223372036854775808", -(1 << 63)),
        (b"[" * 8 + b"]" * 8, [[[[[[[[]]]]]]]]),
        (b'"[[[[[[[[[[[[[[[["', "[" * 16),
        (b'["\\"[[[[[[[[[[[[", 1]', ['"[[[[[[[[[[[[', 1]),
        (b'["\\\\", "]", "\\\\\\""]', ["\\", "]", '\\"']),
        ('"é"'.encode(), "é"),
    ],
)
def test_when_a_body_only_looks_dangerous_then_it_is_read(body, value):
    assert strictjson.loads(body, 8, MANY) == value


@given(values)
def test_when_any_value_is_written_and_read_then_it_comes_back(value):
    assert strictjson.loads(json.dumps(value).encode(), 30, MANY) == value


@given(values, st.integers(0, 6), st.booleans())
def test_when_depth_is_scanned_then_the_scan_agrees_with_the_value(value, depth, ascii_only):
    body = json.dumps(value, ensure_ascii=ascii_only).encode()

    assert strictjson.deeper_than(strictjson.outside_strings(body, MANY), depth) == (levels(value) > depth)


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:\\u0d8e1-. ntf', max_size=60).map(str.encode))
def test_when_any_bytes_are_read_then_there_is_a_value_or_a_refusal(body):
    outcome = outcome_of(strictjson.loads, body, 8, MANY)

    assert not isinstance(outcome, DecodeError) or outcome.status == 400


@pytest.mark.parametrize("body", [b"[1,1,1,1]", b"[[[],[]]]", b'{"a":{"b":1},"c":2,"d":3}', b'["","","",""]'])
def test_given_as_many_values_as_allowed_when_one_fewer_is_then_the_body_is_too_large(body):
    strictjson.loads(body, 8, 5)

    refusal = outcome_of(strictjson.loads, body, 8, 3)
    assert (refusal.status, refusal.code) == (413, "too_many")


@pytest.mark.parametrize("unit", [b"[[[[]]]],", b"[],", b"{},", b'"",', b'"ab",', b'{"a":{"b":0}},', b"0,"])
def test_given_a_body_of_tiny_values_when_read_then_memory_stays_small(unit):
    body = b"[" + unit * (8 * MIB // len(unit)) + b"0]"

    tracemalloc.start()
    outcome = outcome_of(strictjson.loads, body, 8, DEVICE.json_values)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert outcome.status == 413
    assert peak < 64 * MIB


def test_when_lines_are_read_then_each_has_its_number_and_empty_ones_are_passed_over():
    assert list(strictjson.lines(b'{"a":1}\r\n\n [2] \n', 8, MANY)) == [(1, {"a": 1}), (3, [2])]


@pytest.mark.parametrize("body", [b"1 2\n", b'{"a":\n1}\n', b'{"a":1}\n{"b":\n'])
def test_when_a_line_is_not_one_value_then_the_line_is_named(body):
    with pytest.raises(DecodeError) as refusal:
        list(strictjson.lines(body, 8, MANY))

    assert refusal.value.code == "malformed"
    assert refusal.value.path.startswith("line ")
