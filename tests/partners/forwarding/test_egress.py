"""What leaves the house, seen at the socket: real servers on loopback, every connect of the process recorded."""

import gzip
import ssl
import threading
from ipaddress import ip_address
from time import time

import pytest
from django.utils.http import http_date

from partners.forwarding.addresses import Reason, Refused, Target
from partners.forwarding.channel import GuardedSocket
from partners.forwarding.egress import BODY_KEPT, Kind, Unreachable, _default_tls, post, system_resolver
from tests.partners.forwarding.literals import NOT_ADDRESSES_OF_OURS, NOT_PUBLIC, NUMBERS_THAT_THE_SYSTEM_RESOLVES
from tests.partners.forwarding.receivers import LOOPBACK, OK, Resolver, after_request, read_request, receiver, silent

PUBLIC = "8.8.8.8"


def send(url, *, body=b"{}", headers=None, **options):
    return post(url, body, headers or {}, **{"deadline_s": 5.0, "allow": LOOPBACK, **options})


# --- The way that works


def test_when_posted_then_the_receiver_gets_the_body_the_headers_and_its_own_host_name(connections):
    with receiver() as hook:
        reply = send(hook.url("sink.test"), body=b"hello", headers={"X-One": "1"}, resolve=Resolver(["127.0.0.1"]))

    assert (reply.status, reply.body_head) == (200, b"ok")
    head, _, body = hook.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook?x=1 HTTP/1.1\r\n")
    assert f"Host: sink.test:{hook.port}".encode() in head
    assert b"X-One: 1" in head
    assert body == b"hello"
    assert connections == [("127.0.0.1", hook.port)]


def test_when_posted_then_the_head_holds_each_header_once_and_asks_for_no_encoding():
    with receiver() as hook:
        send(hook.url(), body=b"hello", headers={"Content-Type": "application/json"})

    lines = hook.requests[0].partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert sorted(lines[1:]) == [
        "Accept-Encoding: identity",
        "Connection: close",
        "Content-Length: 5",
        "Content-Type: application/json",
        f"Host: 127.0.0.1:{hook.port}",
        "User-Agent: SmartCare-Webhooks/1",
    ]


def test_given_https_when_posted_then_the_certificate_of_the_name_is_asked_for_and_checked(authority, tmp_path):
    asked_for = []
    tls = authority.server("sink.test", tmp_path)
    tls.sni_callback = lambda channel, name, context: asked_for.append(name)

    with receiver(tls=tls) as hook:
        reply = send(hook.url("sink.test", "https"), resolve=Resolver(["127.0.0.1"]), tls=authority.trusted())

    assert reply.status == 200
    assert asked_for == ["sink.test"]


def test_given_a_certificate_of_another_name_when_posted_then_nothing_is_sent(authority, tmp_path):
    with receiver(tls=authority.server("other.test", tmp_path)) as hook, pytest.raises(Unreachable) as caught:
        send(hook.url("sink.test", "https"), resolve=Resolver(["127.0.0.1"]), tls=authority.trusted())

    assert caught.value.kind is Kind.TLS
    assert hook.requests == []


def test_given_a_certificate_of_an_unknown_authority_when_posted_then_nothing_is_sent(authority, tmp_path):
    with receiver(tls=authority.server("sink.test", tmp_path)) as hook, pytest.raises(Unreachable) as caught:
        send(hook.url("sink.test", "https"), resolve=Resolver(["127.0.0.1"]))

    assert caught.value.kind is Kind.TLS
    assert hook.requests == []


def test_given_a_first_address_that_is_dead_when_posted_then_the_next_one_is_used(connections):
    with receiver() as hook:
        reply = send(hook.url("sink.test"), resolve=Resolver(["127.0.0.2", "127.0.0.1"]))

    assert reply.status == 200
    assert connections == [("127.0.0.2", hook.port), ("127.0.0.1", hook.port)]


# --- Addresses written into the URL, and addresses behind a name


@pytest.mark.parametrize("host", NOT_ADDRESSES_OF_OURS)
def test_given_a_host_that_is_no_public_name_when_posted_then_nothing_is_looked_up_or_connected(host, connections):
    never_asked = Resolver([PUBLIC])

    with pytest.raises(Refused):
        send(f"https://{host}/hook", allow=[], resolve=never_asked)

    assert never_asked.asked == []
    assert connections == []


@pytest.mark.parametrize("host", NUMBERS_THAT_THE_SYSTEM_RESOLVES)
def test_given_an_odd_form_of_loopback_when_loopback_is_allowed_then_it_is_still_refused(host, connections):
    with pytest.raises(Refused) as caught:
        send(f"https://{host}/hook", resolve=system_resolver)

    assert caught.value.reason is Reason.NAME
    assert connections == []


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_given_a_name_with_an_address_that_is_not_public_when_posted_then_nothing_is_connected(address, connections):
    with pytest.raises(Refused) as caught:
        send("https://inside.test/hook", allow=[], resolve=Resolver([address]))

    assert caught.value.reason is Reason.NOT_PUBLIC
    assert connections == []


def test_given_an_allowed_name_when_the_system_resolves_it_then_it_is_reached_on_loopback(connections):
    with receiver() as hook:
        reply = send(hook.url("localhost"), allow=["localhost"])

    assert reply.status == 200
    assert connections[-1] == ("127.0.0.1", hook.port)


# --- Names that turn against us


def test_given_a_resolver_that_flips_when_posted_then_the_judged_address_is_used_and_no_second_look_up_made(
    connections,
):
    flipping = Resolver([PUBLIC], ["127.0.0.1"])

    with pytest.raises(Unreachable) as caught:  # the guard stops what would go to the internet
        send("https://rebind.test/", allow=[], resolve=flipping)

    assert caught.value.kind is Kind.CONNECT
    assert flipping.asked == ["rebind.test"]
    assert connections == [(PUBLIC, 443)]


def test_given_a_resolver_that_has_flipped_when_posted_again_then_nothing_is_connected(connections):
    flipped = Resolver(["127.0.0.1"])

    with pytest.raises(Refused) as caught:
        send("https://rebind.test/", allow=[], resolve=flipped)

    assert caught.value.reason is Reason.NOT_PUBLIC
    assert connections == []


@pytest.mark.parametrize("addresses", [[PUBLIC, "10.0.0.1"], ["127.0.0.1", PUBLIC], ["2606:4700::1111", "::1", PUBLIC]])
def test_given_several_addresses_of_which_one_is_private_when_posted_then_none_is_connected(addresses, connections):
    with pytest.raises(Refused) as caught:
        send("https://mixed.test/", allow=[], resolve=Resolver(addresses))

    assert caught.value.reason is Reason.NOT_PUBLIC
    assert connections == []


def test_given_plain_http_when_a_name_has_also_a_public_address_then_none_is_connected(connections):
    with pytest.raises(Refused) as caught:
        send("http://mixed.test/", resolve=Resolver(["127.0.0.1", PUBLIC]))

    assert caught.value.reason is Reason.SCHEME
    assert connections == []


def test_given_https_on_an_odd_port_when_a_name_is_public_then_allowed_networks_do_not_help(connections):
    with pytest.raises(Refused) as caught:
        send("https://public.test:9999/", resolve=Resolver([PUBLIC]))

    assert caught.value.reason is Reason.PORT
    assert connections == []


@pytest.mark.parametrize("answer", [[], ["not an address"]])
def test_given_a_resolver_without_an_address_when_posted_then_it_is_a_name_that_is_not_found(answer, connections):
    with pytest.raises(Unreachable) as caught:
        send("https://nobody.test/", resolve=Resolver(answer))

    assert caught.value.kind is Kind.NAME
    assert connections == []


def test_given_a_resolver_that_fails_when_posted_then_it_is_a_name_that_is_not_found():
    def fails(host):
        raise OSError("no such host")

    with pytest.raises(Unreachable) as caught:
        send("https://nobody.test/", resolve=fails)

    assert caught.value.kind is Kind.NAME


def test_when_a_guarded_socket_is_asked_to_go_elsewhere_then_it_refuses_before_connecting(connections):
    target = Target.of("https://public.test/")
    judged = [ip_address(PUBLIC), ip_address("127.0.0.1")]

    for elsewhere in [("127.0.0.1", 443), ("8.8.4.4", 443), (PUBLIC, 80)]:
        with GuardedSocket(target, judged, family=2) as channel:
            with pytest.raises(Refused):
                channel.connect(elsewhere)
            with pytest.raises(Refused):
                channel.connect_ex(elsewhere)

    assert connections == []


def test_when_a_guarded_socket_is_given_a_name_then_it_resolves_nothing(connections):
    target = Target.of("https://public.test/")

    with (
        GuardedSocket(target, [ip_address(PUBLIC)], family=2) as channel,
        pytest.raises(ValueError, match="public"),
    ):
        channel.connect(("public.test", 443))

    assert connections == []


# --- Ways out of our hands


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_given_a_redirect_to_loopback_when_posted_then_it_is_an_answer_and_not_followed(status, connections):
    with receiver() as inside:
        location = f"HTTP/1.1 {status} Elsewhere\r\nLocation: {inside.url()}\r\nContent-Length: 0\r\n\r\n".encode()
        with receiver(location) as hook:
            reply = send(hook.url())

    assert reply.status == status
    assert connections == [("127.0.0.1", hook.port)]
    assert inside.requests == []


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_given_a_proxy_in_the_environment_when_posted_then_it_is_not_used(name, monkeypatch, connections):
    with receiver() as proxy, receiver() as hook:
        monkeypatch.setenv(name, proxy.url())

        send(hook.url())

    assert connections == [("127.0.0.1", hook.port)]
    assert proxy.requests == []


@pytest.mark.parametrize("name", ["X: y\r\nZ", "", "X Y", "Ü"])
def test_given_a_header_name_that_would_break_the_head_when_posted_then_nothing_is_sent(name):
    with receiver() as hook, pytest.raises(ValueError, match="Not a header"):
        send(hook.url(), headers={name: "1"})

    assert hook.requests == []


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\rb", "a\n folded", "\0", "ü"])
def test_given_a_header_value_that_would_break_the_head_when_posted_then_nothing_is_sent(value):
    with receiver() as hook, pytest.raises(ValueError, match="Not a header"):
        send(hook.url(), headers={"X-One": value})

    assert hook.requests == []


@pytest.mark.parametrize(
    "name", ["host", "Content-Length", "TRANSFER-ENCODING", "connection", "accept-encoding", "Expect"]
)
def test_given_a_header_the_client_sets_itself_when_posted_then_it_is_refused(name):
    with receiver() as hook, pytest.raises(ValueError, match="sets itself"):
        send(hook.url(), headers={name: "1"})

    assert hook.requests == []


# --- Answers meant to hurt


def test_given_an_endless_body_when_posted_then_64_kib_are_kept_and_the_connection_is_closed():
    with receiver(after_request(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 4096)) as hook:
        reply = send(hook.url())

    assert reply.status == 200
    assert reply.body_head == b"x" * 65_536
    assert reply.duration_s < 2


def test_given_a_huge_announced_body_when_posted_then_64_kib_are_kept():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"

    with receiver(after_request(head, b"y" * 65536)) as hook:
        reply = send(hook.url())

    assert reply.body_head == b"y" * BODY_KEPT


def test_given_endless_tiny_chunks_when_posted_then_the_bytes_on_the_wire_are_limited_too():
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    with receiver(after_request(head, b"1;" + b"e" * 1000 + b"\r\nz\r\n")) as hook:
        reply = send(hook.url())

    assert reply.status == 200
    assert set(reply.body_head) == {ord("z")}
    assert len(reply.body_head) < 256


def test_given_a_decompression_bomb_when_posted_then_it_is_not_inflated():
    bomb = gzip.compress(bytes(20_000_000))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()

    with receiver(head + bomb) as hook:
        reply = send(hook.url())

    assert reply.body_head == bomb[:BODY_KEPT]


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nnonsense\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
    ids=["short", "bad chunk", "no last chunk"],
)
def test_given_a_body_that_breaks_off_when_posted_then_the_status_still_counts(head):
    with receiver(head) as hook:
        reply = send(hook.url())

    assert (reply.status, reply.body_head) == (200, b"abc")


def test_given_a_body_that_drips_when_posted_then_the_deadline_holds_and_the_status_counts():
    with receiver(after_request(b"HTTP/1.1 200 OK\r\n\r\n", b".", every_s=0.02)) as hook:
        reply = send(hook.url(), deadline_s=0.4)

    assert reply.status == 200
    assert reply.duration_s < 1


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX: "], ids=["status", "header"])
def test_given_a_head_that_drips_when_posted_then_the_deadline_holds(head):
    with receiver(after_request(head, b"H", every_s=0.02)) as hook, pytest.raises(Unreachable) as caught:
        send(hook.url(), deadline_s=0.4)

    assert caught.value.kind is Kind.DEADLINE


@pytest.mark.parametrize(
    ("head", "repeated"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-Many: 1\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"X" * 4096),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b"\x00\xff" * 512 + b"\r\n"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", b"\r\n"),
        (b"HTTP/1.1 99999 No\r\n", b"\r\n"),
    ],
    ids=["many headers", "one long header", "endless 100", "noise", "another protocol", "no status"],
)
def test_given_an_endless_head_when_posted_then_it_is_given_up_long_before_the_deadline(head, repeated):
    with receiver(after_request(head, repeated)) as hook, pytest.raises(Unreachable) as caught:
        send(hook.url())

    assert caught.value.kind is Kind.PROTOCOL


def test_given_a_receiver_that_hangs_up_when_posted_then_the_connection_is_broken():
    def hangs_up(channel, gone):
        read_request(channel)

    with receiver(hangs_up) as hook, pytest.raises(Unreachable) as caught:
        send(hook.url())

    assert caught.value.kind is Kind.BROKEN


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_given_a_receiver_that_says_nothing_when_posted_then_the_deadline_holds(scheme):
    with receiver(silent) as hook, pytest.raises(Unreachable) as caught:
        send(hook.url(scheme=scheme), deadline_s=0.3)

    assert caught.value.kind is Kind.DEADLINE


def test_given_a_receiver_that_reads_nothing_when_a_large_body_is_posted_then_the_deadline_holds():
    with receiver(silent) as hook, pytest.raises(Unreachable) as caught:
        send(hook.url(), body=bytes(32_000_000), deadline_s=0.5)

    assert caught.value.kind is Kind.DEADLINE


def test_given_a_resolver_that_hangs_when_posted_then_the_deadline_holds(connections):
    never = threading.Event()

    with pytest.raises(Unreachable) as caught:
        send("https://slow.test/", deadline_s=0.2, resolve=lambda host: ["127.0.0.1"] if never.wait(5) else [])
    never.set()

    assert caught.value.kind is Kind.DEADLINE
    assert connections == []


def test_given_nobody_listening_when_posted_then_the_connection_is_refused():
    with receiver() as hook:
        url = hook.url()

    with pytest.raises(Unreachable) as caught:
        send(url)

    assert caught.value.kind is Kind.CONNECT


def test_given_plain_http_behind_https_when_posted_then_tls_fails():
    def speaks_plainly(channel, gone):
        channel.recv(4096)
        channel.sendall(OK)

    with receiver(speaks_plainly) as hook, pytest.raises(Unreachable) as caught:
        send(hook.url(scheme="https"))

    assert caught.value.kind is Kind.TLS


def test_when_the_default_authorities_are_loaded_then_names_and_certificates_are_checked():
    context = _default_tls()

    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_given_a_system_without_authorities_when_they_are_loaded_then_the_bundled_ones_are_used(monkeypatch):
    nothing = ssl.DefaultVerifyPaths(None, None, "", "", "", "")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nothing)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda self, purpose=None: None)

    context = _default_tls.__wrapped__()

    assert len(context.get_ca_certs()) > 50


def test_when_errors_are_stored_then_they_are_these_words():
    assert {kind.value for kind in Kind} == {
        "name_not_found",
        "connection_refused",
        "tls_failed",
        "deadline",
        "connection_broken",
        "not_http",
    }
    assert {reason.value for reason in Reason} == {
        "malformed_url",
        "not_https",
        "user_in_url",
        "port_not_allowed",
        "no_host_name",
        "address_not_public",
    }


# --- Retry-After


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120.0), (" 7 ", 7.0), ("0", 0.0), ("-5", None), ("soon", None), ("1e9", None), ("", None)],
)
def test_given_a_retry_after_when_posted_then_its_seconds_are_told(value, seconds):
    with receiver(f"HTTP/1.1 503 Busy\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n".encode()) as hook:
        reply = send(hook.url())

    assert (reply.status, reply.retry_after_s) == (503, seconds)


@pytest.mark.parametrize(("ahead_s", "least", "most"), [(300, 280, 301), (-300, 0, 0)])
def test_given_a_retry_after_date_when_posted_then_the_seconds_until_then_are_told(ahead_s, least, most):
    head = f"HTTP/1.1 429 Slow\r\nRetry-After: {http_date(time() + ahead_s)}\r\nContent-Length: 0\r\n\r\n".encode()

    with receiver(head) as hook:
        reply = send(hook.url())

    assert least <= reply.retry_after_s <= most
