"""Keys of a device or a collector: made (shown once), replaced without a gap, stopped, all replaced when it changed hands."""

from collections.abc import Sequence

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from access.views.pages import PageRequest, acted, for_customer
from telemetry import connecting, fleet, refusals
from telemetry.connecting import Way
from telemetry.models import Collector, Device, DeviceKey, KeyChannel

STOPPED_SHOWN = 10


@for_customer
def of_device(request: PageRequest, public_id: str) -> HttpResponse:
    found = Device.objects.visible_to(request.viewer).select_related("site")
    return _keys(request, device=get_object_or_404(found, public_id=public_id))


@for_customer
def of_collector(request: PageRequest, public_id: str) -> HttpResponse:
    found = Collector.objects.visible_to(request.viewer).select_related("site")
    return _keys(request, collector=get_object_or_404(found, public_id=public_id))


def _keys(request: PageRequest, *, device: Device | None = None, collector: Collector | None = None) -> HttpResponse:
    holder = device or collector
    assert holder is not None
    found = DeviceKey.objects.visible_to(request.viewer).filter(device=device, collector=collector)
    ways: list[Way] = []
    if request.method == "POST":

        def act() -> str | None:
            if stopped := request.POST.get("stop"):
                fleet.stop_key(get_object_or_404(found, key_id=stopped), by=request.viewer)
                return "The key is refused from now on."
            channel = KeyChannel.PATH if device and request.POST.get("sends") == KeyChannel.PATH else KeyChannel.HEADER
            make = fleet.rekey if request.POST.get("others") == "stop" else fleet.issue_key
            made = make(device=device, collector=collector, by=request.viewer, channel=channel)
            ways.extend(_ways(made.secret, device, channel))
            return None

        acted(request, act)
    rows = list(found.select_related("created_by").order_by("-created_at"))
    live = [key for key in rows if key.revoked_at is None]
    return render(
        request,
        "portal/keys.html",
        {
            "device": device,
            "collector": collector,
            "holder": holder,
            "keys": live + [key for key in rows if key.revoked_at is not None][:STOPPED_SHOWN],
            "live": live,
            "ways": ways,
            "refused": refusals.rows(request.viewer, device=device, collector=collector),
        },
    )


def _ways(key: str, device: Device | None, channel: KeyChannel) -> Sequence[Way]:
    url = settings.PUBLIC_URL
    if device is None:
        return connecting.by_collector(key, url=url)
    if channel == KeyChannel.PATH:
        return connecting.by_address(key, url=url)
    return connecting.by_key(key, url=url, device=device.public_id, now=timezone.now())
