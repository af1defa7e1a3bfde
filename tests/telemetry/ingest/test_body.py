import gzip
import io
import tracemalloc
import zlib

import cramjam
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from telemetry.ingest import body
from telemetry.ingest.batch import DecodeError
from telemetry.ingest.limits import COLLECTOR, DEVICE, MIB
from tests.telemetry.ingest.messages import outcome_of, sample, small

TEXT = b'{"schema":"smartcare.report/1"}' * 40


def raw_deflate(data):
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


COMPRESSORS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "snappy": lambda data: bytes(cramjam.snappy.compress_raw(data)),
}


class Stream(io.BytesIO):
    """wsgi.input that hands out at most seven bytes at a time and counts them."""

    handed_out = 0

    def read(self, size=-1):
        piece = super().read(min(size, 7) if size >= 0 else 7)
        self.handed_out += len(piece)
        return piece


def environ(data=b"", **more):
    return {"wsgi.input": Stream(data), **more}


def refusal_of(call, *arguments):
    with pytest.raises(DecodeError) as refusal:
        call(*arguments)
    return refusal.value.status, refusal.value.code


def test_given_a_length_when_reading_then_exactly_that_many_bytes_are_taken():
    request = environ(b"hello world, and more", CONTENT_LENGTH="11")

    assert body.read_wire(request, 100) == b"hello world"


def test_given_a_chunked_body_when_the_server_ends_it_then_it_is_read_whole():
    request = environ(b"x" * 5000, **{"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"})

    assert body.read_wire(request, 5000) == b"x" * 5000


def test_given_a_chunked_body_when_the_server_does_not_end_it_then_a_length_is_asked_for():
    assert refusal_of(body.read_wire, environ(HTTP_TRANSFER_ENCODING="chunked"), 10) == (411, "length_required")


def test_given_neither_length_nor_chunks_when_reading_then_the_body_is_empty():
    request = environ(b"belongs to the next request")

    assert body.read_wire(request, 10) == b""
    assert request["wsgi.input"].handed_out == 0


def test_given_a_length_above_the_limit_when_reading_then_not_a_byte_is_taken():
    request = environ(b"x" * 11, CONTENT_LENGTH="11")

    assert refusal_of(body.read_wire, request, 10) == (413, "too_large")
    assert request["wsgi.input"].handed_out == 0


@pytest.mark.parametrize("length", ["10", ""])
def test_given_a_body_at_the_limit_when_reading_then_it_is_taken(length):
    request = environ(b"x" * 10, CONTENT_LENGTH=length, **{"wsgi.input_terminated": True})

    assert body.read_wire(request, 10) == b"x" * 10


def test_given_an_endless_chunked_body_when_reading_then_it_stops_behind_the_limit():
    request = environ(b"x" * 10_000, **{"wsgi.input_terminated": True})

    assert refusal_of(body.read_wire, request, 10) == (413, "too_large")
    assert request["wsgi.input"].handed_out == 11


def test_given_fewer_bytes_than_promised_when_reading_then_it_is_truncated():
    assert refusal_of(body.read_wire, environ(b"abc", CONTENT_LENGTH="4"), 10) == (400, "truncated")


@pytest.mark.parametrize("length", ["-1", "1e3", "٣", "0x10", "9" * 30])
def test_given_a_length_that_is_no_number_when_reading_then_it_is_asked_for(length):
    assert refusal_of(body.read_wire, environ(b"abc", CONTENT_LENGTH=length), 10) == (411, "length_required")


@pytest.mark.parametrize(
    "framing", [{"CONTENT_LENGTH": "999999999"}, {"wsgi.input_terminated": True}, {"CONTENT_LENGTH": "none"}, {}]
)
def test_given_a_sender_without_a_key_when_discarding_then_little_is_read(framing):
    request = environ(b"x" * 200_000, **framing)

    body.discard(request)

    assert request["wsgi.input"].handed_out <= 64 * 1024


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        (None, "identity"),
        ("", "identity"),
        ("identity", "identity"),
        ("GZip", "gzip"),
        ("x-gzip", "gzip"),
        (" zstd ", "zstd"),
    ],
)
def test_when_an_encoding_is_named_then_it_is_known(header, encoding):
    assert body.content_encoding(header) == encoding


@pytest.mark.parametrize("header", ["gzip, gzip", "br", "gzip,identity", "snappy", "compress"])
def test_given_an_unknown_or_second_encoding_when_named_then_it_is_unsupported(header):
    assert refusal_of(body.content_encoding, header) == (415, "unsupported_encoding")


@pytest.mark.parametrize("header", [None, "identity", "gzip"])
def test_given_the_prometheus_door_when_the_body_is_not_snappy_then_it_is_unsupported(header):
    assert refusal_of(body.content_encoding, header, body.SNAPPY_ONLY) == (415, "unsupported_encoding")


def test_given_a_door_without_compression_when_none_is_used_then_it_is_fine():
    assert body.content_encoding(None, ()) == "identity"
    assert refusal_of(body.content_encoding, "gzip", ()) == (415, "unsupported_encoding")


@pytest.mark.parametrize("encoding", COMPRESSORS)
@given(data=st.binary(max_size=3000) | st.just(b"") | st.just(bytes(70_000)))
def test_when_a_body_is_compressed_then_it_comes_back(encoding, data):
    assert body.decompress(COMPRESSORS[encoding](data), encoding, COLLECTOR) == data


def test_when_deflate_comes_without_its_header_then_it_is_read_all_the_same():
    assert body.decompress(raw_deflate(TEXT), "deflate", COLLECTOR) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize("more", [b"x", b"\0", TEXT])
def test_given_something_behind_the_stream_when_decompressing_then_it_is_refused(encoding, more):
    wire = COMPRESSORS[encoding](TEXT) + more

    assert refusal_of(body.decompress, wire, encoding, COLLECTOR) == (400, "trailing_data")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_given_two_streams_when_decompressing_then_the_second_is_refused(encoding):
    wire = COMPRESSORS[encoding](TEXT) * 2

    assert refusal_of(body.decompress, wire, encoding, COLLECTOR) == (400, "trailing_data")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_given_a_stream_cut_anywhere_when_decompressing_then_it_is_refused(encoding):
    wire = COMPRESSORS[encoding](TEXT)

    for end in range(len(wire)):
        assert refusal_of(body.decompress, wire[:end], encoding, COLLECTOR)[0] == 400


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("bomb_10MiB_zeros.json.gz", (413, "too_large")),
        ("gzip_two_members.json.gz", (400, "trailing_data")),
        ("gzip_cut_short.json.gz", (400, "truncated")),
    ],
)
def test_when_a_hostile_gzip_comes_then_it_is_refused(name, answer):
    assert refusal_of(body.decompress, sample(f"hostile/{name}"), "gzip", DEVICE) == answer


def test_when_six_bytes_promise_four_gigabytes_then_nothing_is_allocated():
    wire = sample("hostile/snappy_length_bomb.bin")

    tracemalloc.start()
    answer = refusal_of(body.decompress, wire, "snappy", COLLECTOR)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert answer == (413, "too_large")
    assert peak < 100_000


@pytest.mark.parametrize("encoding", COMPRESSORS)
def test_given_a_bomb_when_decompressing_then_memory_stays_near_the_allowance(encoding):
    wire = COMPRESSORS[encoding](bytes(64 * MIB))

    tracemalloc.start()
    answer = refusal_of(body.decompress, wire, encoding, DEVICE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert answer == (413, "too_large")
    assert peak < DEVICE.inflated_bytes(len(wire)) + 9 * MIB  # one slice of zstd may make 8 MiB


@pytest.mark.parametrize("encoding", [*COMPRESSORS, "identity"])
def test_given_a_body_at_the_limit_when_decompressing_then_one_byte_more_is_too_much(encoding):
    allow = small(body_bytes=2000, inflation_free_bytes=2000)
    compress = COMPRESSORS.get(encoding, bytes)

    assert len(body.decompress(compress(bytes(2000)), encoding, allow)) == 2000
    assert refusal_of(body.decompress, compress(bytes(2001)), encoding, allow) == (413, "too_large")


def test_given_more_than_the_free_part_when_inflating_then_a_hundredfold_is_the_limit():
    allow = small(inflation_free_bytes=1000)
    wire = gzip.compress(bytes(100_000))

    assert len(wire) < 1000  # so the ratio is above a hundred
    assert refusal_of(body.decompress, wire, "gzip", allow) == (413, "too_large")
    assert allow.inflated_bytes(10) == 1000
    assert allow.inflated_bytes(11) == 1100


def test_given_a_zstd_window_above_eight_mebibytes_when_decompressing_then_it_is_refused():
    parameters = zstandard.ZstdCompressionParameters(window_log=24, write_content_size=False)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    wire = stream.compress(TEXT) + stream.flush()

    assert refusal_of(body.decompress, wire, "zstd", COLLECTOR) == (400, "bad_compression")


@pytest.mark.parametrize("encoding", COMPRESSORS)
@given(wire=st.binary(max_size=300))
def test_when_any_bytes_are_decompressed_then_there_is_a_body_or_a_refusal(encoding, wire):
    outcome = outcome_of(body.decompress, wire, encoding, DEVICE)

    assert isinstance(outcome, bytes) or outcome.status in {400, 413}
