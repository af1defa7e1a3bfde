"""A test of a webhook says how it fares; one that takes alerts goes on taking them, whatever it answers."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from access.principal import acting
from partners import destinations
from partners.models import Destination
from telemetry.models import Device
from tests.cast import HEALTH, World
from tests.partners.hooks import Hook, hook_of, sent, told
from tests.partners.pages import text


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.EGRESS_ALLOW = ["127.0.0.1"]


@pytest.fixture
def device(world: World) -> Device:
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, forward_alerts=True)
    return world.acme.installs("core", site="hq")


@pytest.fixture
def hook(world: World, device: Device) -> Iterator[Hook]:
    with hook_of(world.northwind) as made:
        yield made


def asks_for_a_test(world: World, hook: Hook) -> Destination:
    """The destination after nora has asked for a test."""
    viewer = world.northwind.viewer()
    with acting(viewer):
        destinations.test(hook.destination, by=viewer)
        return Destination.objects.get(pk=hook.destination.pk)


def kinds(hook: Hook) -> list[str]:
    return [message["type"] for message in hook.messages]


def test_given_a_verified_webhook_when_tested_then_alerts_go_there_before_it_has_answered(world, device, hook):
    hook.answers_challenges = False

    assert asks_for_a_test(world, hook).is_usable
    sent()
    world.acme.raises(device)
    told()
    sent()

    assert kinds(hook) == ["destination.verification", "alert.opened"]


def test_given_a_verified_webhook_when_tested_then_a_challenge_reaches_it_and_the_log_says_that_it_was_answered(
    world, hook
):
    asks_for_a_test(world, hook)
    sent()

    assert kinds(hook) == ["destination.verification"]
    assert hook.now.is_usable
    with acting(world.northwind.viewer()):
        assert [d.state for d in hook.destination.deliveries.order_by("created_at")][-1] == "delivered"


@pytest.mark.parametrize("answer", ["500 Broken", "410 Gone", "404 Not Found"])
def test_given_a_verified_webhook_when_it_fails_the_test_then_it_is_neither_failing_nor_switched_off(
    world, hook, answer
):
    hook.answers_challenges = False
    hook.answers = [answer]
    asks_for_a_test(world, hook)
    sent()

    row = hook.now
    assert (row.failing_since, row.disabled_at) == (None, None)
    assert row.is_usable


def test_given_a_webhook_that_fails_when_it_answers_a_test_then_it_fails_no_longer(world, hook):
    hook.changes(failing_since=timezone.now() - timedelta(days=1))
    asks_for_a_test(world, hook)
    sent()

    assert hook.now.failing_since is None


def test_given_a_webhook_that_was_given_up_when_tested_then_it_gets_alerts_once_it_has_answered(world, hook):
    hook.changes(disabled_at=timezone.now(), disabled_reason="gone")

    assert not asks_for_a_test(world, hook).is_usable
    sent()

    assert hook.now.is_usable


def test_given_two_challenges_when_the_first_is_answered_then_the_other_is_not_sent(world, device):
    with hook_of(world.northwind, verified=False) as unverified:
        asks_for_a_test(world, unverified)
        sent()

        assert kinds(unverified) == ["destination.verification"]


@pytest.mark.parametrize(
    ("verified", "words"), [(True, "the log shows what came of it"), (False, "must be answered before alerts are sent")]
)
def test_when_tested_from_the_page_then_it_says_what_that_means(world, browse, hook, verified, words):
    if not verified:
        hook.changes(verified_at=None)
    nora: Client = browse(world.northwind.people["nora"])
    one = f"/p/northwind/settings/webhooks/{hook.destination.public_id}"

    assert words in text(nora.post(f"{one}/test", follow=True))
