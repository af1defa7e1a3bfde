"""Closing a site while a device enrols there: whoever is first, no key lives at a closed site."""

import threading
from typing import Any

from django.db import connection, transaction

from access import onboarding
from access.principal import acting
from telemetry import enrolment
from telemetry.models import Device, DeviceKey
from tests.cast import World
from tests.telemetry.watching import elsewhere

WAITS = """SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ILIKE '%claimcode%'"""


def test_given_a_device_that_is_enrolling_when_its_site_is_closed_then_its_key_ends_with_the_others(
    lasting_world: World, behind: Any
) -> None:
    acme = lasting_world.acme
    owner, site = acme.viewer(), acme.sites["hq"]
    with acting(owner):
        _, code = enrolment.make_code(site=site, label="Spare", by=owner)
    enrolled, may_commit = threading.Event(), threading.Event()

    def enrols() -> None:
        try:
            with transaction.atomic():
                enrolment.enrol(code, {"serial": "SN7"})
                enrolled.set()
                assert may_commit.wait(20)
        finally:
            connection.close()

    def closes() -> None:
        with acting(owner):
            onboarding.close_site(site, by=owner)

    joining = threading.Thread(target=enrols)
    joining.start()
    assert enrolled.wait(20)
    closing = threading.Thread(target=lambda: elsewhere(closes))
    closing.start()
    for _ in range(2_000):
        behind.execute(WAITS)
        if behind.fetchone()[0] or not closing.is_alive():
            break
    may_commit.set()
    joining.join(20)
    closing.join(20)

    with acting(owner):
        assert not DeviceKey.unscoped.filter(revoked_at=None).exists()
        assert not Device.unscoped.filter(retired_at=None).exists()
