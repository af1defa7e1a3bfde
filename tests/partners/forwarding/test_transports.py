"""Transports against real receivers on loopback: an HTTP server for webhooks, an SMTP server for mail."""

import email
import email.policy
import json
import socket
import threading
from functools import partial

import pytest
from aiosmtpd.controller import Controller
from django.test import override_settings
from standardwebhooks.webhooks import Webhook

from partners.forwarding import signing
from partners.forwarding.egress import post
from partners.forwarding.mails import Mail
from partners.forwarding.transports.base import Delivered, GiveUp, Hopeless, TryLater
from partners.forwarding.transports.email import EmailTransport
from partners.forwarding.transports.webhook import WebhookTransport
from tests.partners.forwarding.facts import KINDS, STOP
from tests.partners.forwarding.receivers import LOOPBACK, Resolver, read_request, receiver, silent

DELIVERY = "3f0c5f1e-5b2c-4b7e-9d57-0c9b8f2f7d11"
BODY = b'{"type":"alert.opened"}'


def parsed(request):
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}, body


def webhook(hook, **changes):
    made = {"url": hook.url(), "secrets": [signing.new_secret()], "allow": LOOPBACK, "deadline_s": 5.0} | changes
    return WebhookTransport(**made)


def answering(status, *headers):
    lines = [f"HTTP/1.1 {status} X", *headers, "Content-Length: 0", "", ""]
    return "\r\n".join(lines).encode()


# --- Webhooks


def test_when_a_webhook_is_delivered_then_the_receiver_can_verify_it_under_the_deliverys_id():
    secret = signing.new_secret()
    with receiver() as hook:
        outcome = webhook(hook, secrets=[secret]).deliver(BODY, delivery_id=DELIVERY)

    headers, body = parsed(hook.requests[0])
    assert isinstance(outcome, Delivered)
    assert outcome.status_code == 200
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == DELIVERY
    assert Webhook(secret).verify(body, headers) == json.loads(BODY)


def test_when_a_webhook_is_delivered_again_then_its_id_is_the_same():
    with receiver() as hook:
        for _ in range(2):
            webhook(hook).deliver(BODY, delivery_id=DELIVERY)

    assert {parsed(request)[0]["webhook-id"] for request in hook.requests} == {DELIVERY}


def test_when_a_webhook_is_delivered_then_no_byte_shows_the_secret():
    secret = signing.new_secret()
    with receiver() as hook:
        transport = webhook(hook, secrets=[secret])
        transport.deliver(BODY, delivery_id=DELIVERY)

    assert secret.removeprefix("whsec_").encode() not in hook.requests[0]
    assert secret not in repr(transport)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_given_a_2xx_when_delivered_then_it_is_taken(status):
    with receiver(answering(status)) as hook:
        outcome = webhook(hook).deliver(BODY, delivery_id=DELIVERY)

    assert isinstance(outcome, Delivered)
    assert outcome.status_code == status


@pytest.mark.parametrize("status", [101, 300, 301, 302, 307, 308, 400, 401, 403, 404, 409, 429, 500, 502, 503, 504])
def test_given_any_other_answer_when_delivered_then_it_is_tried_later(status):
    with receiver(answering(status, "Location: https://elsewhere.example/")) as hook:
        outcome = webhook(hook).deliver(BODY, delivery_id=DELIVERY)

    assert isinstance(outcome, TryLater)
    assert (outcome.status_code, outcome.wait_s) == (status, None)
    assert outcome.error == f"status_{status // 100}xx"


def test_given_a_410_when_delivered_then_the_destination_is_gone():
    with receiver(answering(410)) as hook:
        outcome = webhook(hook).deliver(BODY, delivery_id=DELIVERY)

    assert isinstance(outcome, GiveUp)
    assert outcome.reason is Hopeless.GONE


def test_given_a_retry_after_when_delivered_then_the_wait_is_passed_on():
    with receiver(answering(503, "Retry-After: 77")) as hook:
        outcome = webhook(hook).deliver(BODY, delivery_id=DELIVERY)

    assert isinstance(outcome, TryLater)
    assert outcome.wait_s == 77


def test_given_a_receiver_that_says_nothing_when_delivered_then_it_is_tried_later():
    with receiver(silent) as hook:
        outcome = webhook(hook, deadline_s=0.2).deliver(BODY, delivery_id=DELIVERY)

    assert isinstance(outcome, TryLater)
    assert (outcome.error, outcome.status_code) == ("deadline", None)
    assert 0.2 <= outcome.duration_s < 5


def test_given_a_destination_that_is_not_allowed_when_delivered_then_it_is_given_up_and_not_connected(connections):
    with receiver() as hook:
        outcome = webhook(hook, allow=[]).deliver(BODY, delivery_id=DELIVERY)

    assert isinstance(outcome, GiveUp)
    assert (outcome.reason, outcome.error) == (Hopeless.ADDRESS, "not_https")
    assert connections == []


def test_given_a_name_that_turned_private_when_delivered_then_it_is_given_up_and_not_connected(connections):
    turned = partial(post, resolve=Resolver(["10.0.0.1"]))
    transport = WebhookTransport(url="https://hooks.example/", secrets=[signing.new_secret()], post=turned)

    outcome = transport.deliver(BODY, delivery_id=DELIVERY)

    assert isinstance(outcome, GiveUp)
    assert (outcome.reason, outcome.error) == (Hopeless.ADDRESS, "address_not_public")
    assert connections == []


def test_given_https_when_delivered_then_the_body_arrives_through_tls(authority, tmp_path):
    way_out = partial(post, resolve=Resolver(["127.0.0.1"]), tls=authority.trusted())
    with receiver(tls=authority.server("sink.test", tmp_path)) as hook:
        outcome = webhook(hook, url=hook.url("sink.test", "https"), post=way_out).deliver(BODY, delivery_id=DELIVERY)

    assert isinstance(outcome, Delivered)
    assert parsed(hook.requests[0])[1] == BODY


# --- Verification of a webhook


def echoing(channel, gone):
    challenge = json.loads(parsed(read_request(channel))[1])["data"]["challenge"].encode()
    channel.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(challenge), challenge))


def test_given_a_receiver_that_returns_the_challenge_when_verified_then_it_is_verified():
    with receiver(echoing) as hook:
        assert isinstance(webhook(hook).verify("a-challenge", delivery_id=DELIVERY), Delivered)


def test_given_a_receiver_that_says_ok_to_everything_when_verified_then_it_is_not():
    with receiver() as hook:
        outcome = webhook(hook).verify("a-challenge", delivery_id=DELIVERY)

    assert isinstance(outcome, TryLater)
    assert outcome.error == "challenge_not_answered"


def test_given_a_receiver_that_refuses_with_the_challenge_when_verified_then_it_is_not():
    with receiver(b"HTTP/1.1 400 No\r\nContent-Length: 11\r\n\r\na-challenge") as hook:
        assert isinstance(webhook(hook).verify("a-challenge", delivery_id=DELIVERY), TryLater)


def test_when_a_webhook_is_verified_then_the_challenge_is_signed_like_the_rest():
    secret = signing.new_secret()
    with receiver() as hook:
        webhook(hook, secrets=[secret]).verify("a-challenge", delivery_id=DELIVERY)

    headers, body = parsed(hook.requests[0])
    told = Webhook(secret).verify(body, headers)
    assert (told["type"], told["data"]) == ("destination.verification", {"challenge": "a-challenge"})


def test_given_a_destination_that_is_not_allowed_when_verified_then_it_is_given_up():
    with receiver() as hook:
        outcome = webhook(hook, allow=[]).verify("a-challenge", delivery_id=DELIVERY)

    assert isinstance(outcome, GiveUp)
    assert 0 <= outcome.duration_s < 5


# --- Mail


class Sink:
    """An SMTP server that keeps what it takes and answers as told, step by step."""

    def __init__(self):
        self.envelopes = []
        self.answers = {}

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        if "MAIL" not in self.answers:
            envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if "RCPT" not in self.answers:
            envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK")

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.envelopes.append(envelope)
        return self.answers.get("DATA", "250 OK")

    async def handle_QUIT(self, server, session, envelope):  # noqa: N802
        return self.answers.get("QUIT", "221 Bye")

    def mail(self):
        return email.message_from_bytes(self.envelopes[-1].content, policy=email.policy.default)


def mailer(port):
    backend = "django.core.mail.backends.smtp.EmailBackend"
    options = {"host": "127.0.0.1", "port": port, "timeout": 2}
    return override_settings(
        MAILERS={"default": {"BACKEND": backend, "OPTIONS": options}},
        DEFAULT_FROM_EMAIL="SmartCare <no-reply@smartcare.example>",
    )


class AnyPort(Controller):
    """aiosmtpd takes any free port, and then looks for itself on port 0."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def sink():
    handler = Sink()
    controller = AnyPort(handler, hostname="127.0.0.1", port=0)
    controller.start()
    try:
        with mailer(controller.port):
            yield handler
    finally:
        controller.stop()


def deliver(mail=None, recipient="nora@northwind.example"):
    return EmailTransport(recipient=recipient).deliver(mail or KINDS["alert"](), delivery_id=DELIVERY)


def test_when_a_mail_is_delivered_then_its_one_recipient_gets_text_and_html(sink):
    outcome = deliver()

    assert isinstance(outcome, Delivered)
    assert sink.envelopes[0].rcpt_tos == ["nora@northwind.example"]
    assert sink.envelopes[0].mail_from == "no-reply@smartcare.example"
    assert sink.mail()["Subject"] == "Lyon firewall: memory full about 14 Dec"
    assert [part.get_content_type() for part in sink.mail().walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert "memory full about 14 Dec" in sink.mail().get_body(("plain",)).get_content()
    assert (sink.mail()["Cc"], sink.mail()["Bcc"], sink.mail()["Reply-To"]) == (None, None, None)


def test_when_a_mail_is_delivered_again_then_its_message_id_is_the_same_and_names_the_delivery(sink):
    ids = set()
    for _ in range(2):
        deliver()
        ids.add(sink.mail()["Message-ID"])

    assert ids == {f"<{DELIVERY}@smartcare.example>"}


def test_given_a_kind_that_can_be_stopped_when_delivered_then_one_click_is_offered_on_one_unbroken_line(sink):
    deliver(KINDS["alert"]())

    assert f"\r\nList-Unsubscribe: <{STOP}>\r\n".encode() in sink.envelopes[0].content
    assert sink.mail()["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert sink.mail()["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if not kind.can_be_stopped])
def test_given_a_kind_that_always_goes_out_when_delivered_then_no_header_offers_to_stop_it(kind, sink):
    deliver(kind())

    assert sink.mail()["List-Unsubscribe"] is None
    assert sink.mail()["List-Unsubscribe-Post"] is None


def test_given_hostile_text_in_a_subject_when_delivered_then_it_adds_no_header_and_no_recipient(sink):
    deliver(KINDS["first report"](device_label="x\r\nBcc: all@example.com\r\n\r\nGrößte Firma 🔥 " + "lang " * 60))

    assert sink.envelopes[0].rcpt_tos == ["nora@northwind.example"]
    assert sink.mail()["Bcc"] is None
    assert sink.mail()["Subject"].startswith("We hear x Bcc: all@example.com Größte Firma 🔥 lang")


@pytest.mark.parametrize("subject", ["a\r\nBcc: x@example.com", "a\nb"])
def test_given_a_mail_that_was_not_made_here_when_its_subject_breaks_the_head_then_nothing_is_sent(subject, sink):
    mail = Mail(subject=subject, text="x", html="x")

    with pytest.raises(ValueError):  # noqa: PT011 - Python's mail package words it
        deliver(mail)

    assert sink.envelopes == []


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "nobody",
        "a@b.example\r\nBcc: c@d.example",
        "a@b.example, c@d.example",
        "A <a@b.example>",
        "<a@b.example>",
        "a@b.example\x00",
        "@b.example",
        "a@",
    ],
)
def test_given_something_that_is_not_one_address_when_delivered_then_nothing_is_sent(recipient, connections):
    outcome = deliver(recipient=recipient)

    assert isinstance(outcome, GiveUp)
    assert outcome.reason is Hopeless.RECIPIENT
    assert connections == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("550 5.1.1 No such user", Hopeless.NO_SUCH_MAILBOX),
        ("550 No such user", Hopeless.NO_SUCH_MAILBOX),
        ("551 User not local", Hopeless.NO_SUCH_MAILBOX),
        ("553 5.1.3 Bad address", Hopeless.NO_SUCH_MAILBOX),
        ("550 5.7.1 Relaying denied", Hopeless.REJECTED),
        ("554 5.7.1 Blocked", Hopeless.REJECTED),
        ("554 Blocked", Hopeless.REJECTED),
    ],
)
def test_given_a_recipient_refused_for_good_when_delivered_then_it_is_given_up(answer, reason, sink):
    sink.answers["RCPT"] = answer

    outcome = deliver()

    assert isinstance(outcome, GiveUp)
    assert (outcome.reason, outcome.status_code) == (reason, int(answer[:3]))
    assert sink.envelopes == []


@pytest.mark.parametrize(
    "answer", ["450 4.2.1 Greylisted", "451 Local error", "452 4.2.2 Full", "552 5.2.2 Over quota"]
)
def test_given_a_recipient_refused_for_now_when_delivered_then_it_is_tried_later(answer, sink):
    sink.answers["RCPT"] = answer

    outcome = deliver()

    assert isinstance(outcome, TryLater)
    assert outcome.error == f"recipient_{answer[:3]}"


def test_given_a_message_refused_for_good_when_delivered_then_it_is_given_up_and_the_address_is_kept(sink):
    sink.answers["DATA"] = "554 5.6.0 Content rejected"

    outcome = deliver()

    assert isinstance(outcome, GiveUp)
    assert outcome.reason is Hopeless.REJECTED


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("DATA", "451 4.3.0 Try again"),
        ("MAIL", "550 5.7.1 Sender refused"),
        ("MAIL", "451 4.7.1 Slow down"),
        ("RCPT", "421 4.3.2 Closing"),
    ],
)
def test_given_a_server_that_cannot_or_will_not_take_our_mail_when_delivered_then_it_is_tried_later(step, answer, sink):
    sink.answers[step] = answer

    assert isinstance(deliver(), TryLater)


def test_given_a_server_that_stumbles_over_the_good_bye_when_delivered_then_it_is_still_delivered(sink):
    sink.answers["QUIT"] = "500 What?"

    assert isinstance(deliver(), Delivered)


def test_given_no_server_when_delivered_then_it_is_tried_later():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with mailer(port):
        outcome = deliver()

    assert isinstance(outcome, TryLater)
    assert outcome.error == "ConnectionRefusedError"


@pytest.mark.parametrize(
    "greeting", [b"", b"554 No service\r\n", b"220 hello\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"]
)
def test_given_a_server_that_hangs_up_when_delivered_then_it_is_tried_later(greeting):
    def hangs_up(channel: socket.socket, gone: threading.Event) -> None:
        channel.sendall(greeting)

    with receiver(hangs_up) as server, mailer(server.port):
        assert isinstance(deliver(), TryLater)


def test_given_a_server_that_babbles_after_taking_the_mail_when_delivered_then_it_is_still_delivered(sink):
    sink.answers["QUIT"] = "221 " + "bye " * 3000  # longer than smtplib reads a line: it raises

    assert isinstance(deliver(), Delivered)
    assert len(sink.envelopes) == 1


@pytest.mark.parametrize("answer", ["250 OK", "451 Later", "554 Never"])
@pytest.mark.parametrize("step", ["RCPT", "DATA"])
def test_when_a_mail_is_handed_over_then_the_outcome_says_how_long_it_took(step, answer, sink):
    if not answer.startswith("250"):
        sink.answers[step] = answer

    assert 0 < deliver().duration_s < 5


@pytest.mark.parametrize(("code", "outcome"), [(499, TryLater), (500, GiveUp)])
@pytest.mark.parametrize("step", ["RCPT", "DATA"])
def test_given_a_code_at_the_border_when_refused_then_only_5xx_is_for_good(step, code, outcome, sink):
    sink.answers[step] = f"{code} No"

    assert isinstance(deliver(), outcome)


def test_given_a_server_that_hangs_up_after_taking_the_mail_when_delivered_then_it_is_delivered(sink):
    sink.answers["DATA"] = "250 OK"
    sink.answers["QUIT"] = "421 4.4.2 Gone"

    assert isinstance(deliver(), Delivered)
