"""Looks at telemetry in the words of the viewing log; a customer's own reads are only counted."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from access import viewing
from access.models import Category
from access.viewer import Viewer
from access.viewing import Look
from telemetry.models import Device
from telemetry.summaries import AlertRow, DeviceRow, SiteRow


def device_list(viewer: Viewer, rows: Iterable[DeviceRow], *, way: str) -> None:
    """One entry per site and kind of data that the list showed."""
    by_site: dict[tuple[UUID, UUID], list[DeviceRow]] = defaultdict(list)
    for row in rows:
        by_site[row.device.customer_id, row.site.pk].append(row)
    looks = []
    for (customer, site), found in by_site.items():
        words = f"{found[0].site.name}: {len(found)} device{'' if len(found) == 1 else 's'}"
        ids = [r.device.public_id for r in found]
        shown = [Category.INVENTORY] * any(r.inventory for r in found) + [Category.HEALTH] * any(
            r.health for r in found
        )
        looks += [Look(customer, c, site, "devices", words, ids, len(found)) for c in shown or [Category.ANY]]
    viewing.record(viewer, looks, way=way)


def device(viewer: Viewer, subject: Device, categories: Iterable[Category], *, way: str) -> None:
    looks = [
        Look(subject.customer_id, c, subject.site_id, "device", subject.label, [subject.public_id])
        for c in list(categories) or [Category.ANY]
    ]
    viewing.record(viewer, looks, way=way)


def alert_list(viewer: Viewer, rows: Iterable[AlertRow], *, way: str) -> None:
    by_site: dict[tuple[UUID, UUID], list[AlertRow]] = defaultdict(list)
    for row in rows:
        by_site[row.alert.customer_id, row.site.pk].append(row)
    looks = [
        Look(
            customer,
            Category.HEALTH,
            site,
            "alerts",
            f"{found[0].site.name}: {len(found)} alert{'' if len(found) == 1 else 's'}",
            [r.alert.public_id for r in found],
            len(found),
        )
        for (customer, site), found in by_site.items()
    ]
    viewing.record(viewer, looks, way=way)


def site_list(viewer: Viewer, rows: Iterable[SiteRow], *, way: str) -> None:
    looks = [
        Look(
            r.site.customer_id,
            Category.HEALTH if r.has_health else Category.ANY,
            r.site.pk,
            "site",
            r.site.name,
            [r.site.public_id],
        )
        for r in rows
    ]
    viewing.record(viewer, looks, way=way)
