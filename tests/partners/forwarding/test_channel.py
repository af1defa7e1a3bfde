"""Deadlines and sockets below the client."""

import socket
import threading
import warnings
from contextlib import ExitStack
from ipaddress import ip_address

import pytest

from partners.forwarding.addresses import Target
from partners.forwarding.channel import Deadline, connect, secure
from partners.forwarding.egress import Kind, Unreachable, post
from tests.partners.forwarding.receivers import LOOPBACK, OK, Receiver, receiver, silent

HERE = ip_address("127.0.0.1")


def target(port):
    return Target.of(f"http://127.0.0.1:{port}/", LOOPBACK)


def test_when_time_is_left_then_the_deadline_tells_how_much():
    deadline = Deadline(60)

    assert 59 < deadline.left_s() <= 60
    assert 0 <= deadline.spent_s() < 1


@pytest.mark.parametrize("seconds", [0, -1])
def test_when_no_time_is_left_then_the_deadline_ends_like_a_socket_does(seconds):
    with pytest.raises(TimeoutError):
        Deadline(seconds).left_s()


def test_given_a_receiver_whose_queue_is_full_when_connecting_then_the_time_limit_holds():
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = listener.getsockname()[1]
        for _ in range(4):  # the kernel keeps one or two more than it was told
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))

        with pytest.raises(TimeoutError):
            connect(target(port), HERE, [HERE], timeout_s=0.2)


def test_given_a_receiver_that_never_greets_when_securing_then_the_time_limit_holds(authority):
    with receiver(silent) as hook:
        channel = connect(target(hook.port), HERE, [HERE], timeout_s=5)

        with pytest.raises(TimeoutError):
            secure(channel, "sink.test", authority.trusted(), timeout_s=0.2)

    assert channel.fileno() == -1


def test_given_nobody_listening_when_connecting_then_the_socket_is_not_left_behind():
    with receiver() as hook:
        port = hook.port

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", ResourceWarning)
        with pytest.raises(ConnectionRefusedError):
            connect(target(port), HERE, [HERE], timeout_s=5)

    assert [str(warning.message) for warning in seen] == []


def test_given_a_receiver_that_reads_in_sips_when_a_large_body_is_posted_then_the_deadline_holds():
    def sips(channel: socket.socket, gone: threading.Event) -> None:
        while not gone.wait(0.01) and channel.recv(65536):
            pass

    with receiver(sips) as hook, pytest.raises(Unreachable) as caught:
        post(hook.url(), bytes(32_000_000), {}, deadline_s=0.5, allow=LOOPBACK)

    assert caught.value.kind is Kind.DEADLINE


class Receiver6(Receiver):
    """The same on ::1."""

    ADDRESS = "::1"


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
def test_given_an_ipv6_address_when_posted_then_it_is_reached(connections):
    try:
        hook = Receiver6(OK)
    except OSError as error:
        pytest.skip(f"this machine has no ::1: {error}")

    reply = post(f"http://[::1]:{hook.port}/", b"{}", {}, deadline_s=5, allow=["::1"])
    hook.close()

    assert reply.status == 200
    assert f"Host: [::1]:{hook.port}".encode() in hook.requests[0]
    assert connections == [("::1", hook.port)]
