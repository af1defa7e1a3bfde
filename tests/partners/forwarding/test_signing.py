"""Signatures, checked by the independent library a receiver would use."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from partners.forwarding import signing

BODY = json.dumps({"type": "alert.opened", "data": {"sentence": "Größe: 98 % 🔥"}}, ensure_ascii=False).encode()


def signed(secrets, body=BODY, *, message_id="msg_7k2p", timestamp=None):
    return signing.headers(secrets, message_id=message_id, timestamp=timestamp or timezone.now(), body=body)


def test_when_a_secret_is_made_then_it_holds_at_least_24_random_bytes_and_differs_from_the_next():
    first, second = signing.new_secret(), signing.new_secret()

    assert first.startswith("whsec_")
    assert len(base64.b64decode(first.removeprefix("whsec_"), validate=True)) >= 24
    assert first != second


def test_when_a_body_is_signed_then_an_independent_library_accepts_it():
    secret = signing.new_secret()

    headers = signed(secret)

    assert Webhook(secret).verify(BODY, headers) == json.loads(BODY)


@given(st.text(st.characters(codec="utf-8")), st.binary(min_size=24, max_size=64))
def test_given_any_text_and_key_when_signed_then_an_independent_library_accepts_it(text, key):
    secret = "whsec_" + base64.b64encode(key).decode()

    headers = signed(secret, text.encode())

    Webhook(secret).verify(text.encode(), headers, json_parse=False)


def test_given_a_rotation_when_signed_with_both_secrets_then_a_receiver_with_either_accepts():
    old, new = signing.new_secret(), signing.new_secret()

    headers = signed([new, old])

    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        Webhook(secret).verify(BODY, headers)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_other"},
        {"webhook-timestamp": str(int(timezone.now().timestamp()) + 30)},
    ],
    ids=["id", "timestamp"],
)
def test_when_a_signed_header_is_changed_then_the_receiver_refuses(change):
    secret = signing.new_secret()

    headers = signed(secret) | change

    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, headers)


def test_when_the_body_is_changed_then_the_receiver_refuses():
    secret = signing.new_secret()

    headers = signed(secret)

    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY.replace(b"98", b"99"), headers)


def test_given_another_destinations_secret_when_checked_then_the_receiver_refuses():
    headers = signed(signing.new_secret())

    with pytest.raises(WebhookVerificationError):
        Webhook(signing.new_secret()).verify(BODY, headers)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_given_a_timestamp_more_than_five_minutes_away_when_checked_then_the_receiver_refuses(minutes):
    secret = signing.new_secret()

    headers = signed(secret, timestamp=timezone.now() + timedelta(minutes=minutes))

    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, headers)


def test_when_signed_then_the_values_are_those_of_the_published_construction():
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    headers = signed(
        secret,
        b'{"test": 2432232314}',
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=datetime.fromtimestamp(1614265330, UTC),
    )

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_c2hvcnQ=",
        "whsec_!!!!",
        "whsec_" + "A" * 20 + "!" + "A" * 20,
        base64.b64encode(bytes(32)).decode(),
        "whsec_" + "A" * 33,
    ],
    ids=["empty", "nothing after the prefix", "short", "not base64", "a mistyped sign", "no prefix", "cut base64"],
)
def test_given_a_secret_no_receiver_could_hold_when_signing_then_it_is_refused_without_being_named(secret):
    with pytest.raises(ValueError, match=r"^Not a webhook secret$"):
        signed(secret)


def test_given_no_secret_when_signing_then_nothing_unsigned_comes_out():
    with pytest.raises(ValueError, match="never sent without"):
        signed([])


@pytest.mark.parametrize("message_id", ["", "a.b", "a b", "a\r\nx: y", "x" * 129, "ü"])
def test_given_an_id_that_could_be_read_two_ways_when_signing_then_it_is_refused(message_id):
    with pytest.raises(ValueError, match="message id"):
        signed(signing.new_secret(), message_id=message_id)


def test_given_a_naive_timestamp_when_signing_then_it_is_refused():
    with pytest.raises(ValueError, match="aware"):
        signed(signing.new_secret(), timestamp=datetime(2026, 11, 24))
