"""Journey 10: staff look at a device, after the customer has said yes."""

from typing import Any

from django.core import mail

from access.models import ViewingEntry
from access.principal import acting
from telemetry.jobs import run_due
from tests.browsing import PHONE
from tests.cast import World
from tests.journeys.walk import walking

REASON = "You told us on the phone that the core switch shows no readings."


def test_journey_10_staff_look_at_a_device_in_2_clicks_and_a_yes(
    lasting_world: World, address: str, browser: Any, js: bool, record_property: Any
):
    acme = lasting_world.acme
    device = acme.installs("Core switch", site="hq", serial="CS1000", model="EN-24")
    with (
        walking(browser, address, lasting_world.sam, js=js) as sam,
        walking(browser, address, acme.people["ada"], js=js, size=PHONE) as ada,
    ):
        sam.goes(f"/staff/tenants/{acme.organization.public_id}")
        assert "Network data closed" in sam.reads()
        sam.clicks_on("Ask for permission", role="link")
        sam.types("Reason", REASON)
        sam.page.locator("label").filter(has_text="Device list").locator("input").check(force=True)
        sam.clicks_on("Ask Acme")
        assert sam.clicks == 2

        run_due("notice.staff_asked")
        told = next(m for m in mail.outbox if "ada@example.com" in m.to)
        ada.follows(next(w for w in told.body.split() if w.startswith(f"{address}/access/staff/")))
        assert REASON in ada.reads()
        ada.clicks_on("Allow for 4 hours")
        assert ada.clicks == 2

        sam.goes(f"/staff/tenants/{acme.organization.public_id}/devices/{device.public_id}")
        assert "EN-24" in sam.reads()
        assert "You can look at data of Acme" in sam.page.locator(".banner").inner_text()
    owner = acme.viewer()
    with acting(owner):
        assert ViewingEntry.objects.visible_to(owner).filter(person_name="Sam").exists()  # type: ignore[attr-defined]
    record_property(
        "journey",
        f"10 staff look at a device, {'with' if js else 'without'} scripts: {sam.clicks} clicks, {ada.clicks} of the customer",
    )
