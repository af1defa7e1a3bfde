"""A list of devices as it is usually written: guardian for who may see, the ORM for the rest, one look-up where it is needed.

On the same tables and past row-level security, without sessions, navigation, journal or counts: less than any page of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.template import Context, Engine

from access.models import Organization, User
from smartcare.bench.baseline import guardian_lists
from telemetry.models import DeviceHealth, DeviceInventory

SHOWN = 75
PAGE = Engine().from_string(
    "<!doctype html><title>Devices</title><table>{% for row in rows %}<tr><td>{{ row.label }}<td>{{ row.site }}<td>{{ row.customer }}"
    "<td>{{ row.state }}<td>{{ row.score }}<td>{{ row.model }}</tr>{% endfor %}</table>"
)


def of_partner(user: User) -> str:
    rows = guardian_lists.health(user).order_by("-urgency", "device_id")[:SHOWN]
    return PAGE.render(Context({"rows": list(_shown(rows, user))}))


def of_customer(organization: Organization) -> str:
    rows = DeviceHealth.unscoped.filter(customer=organization.pk).order_by("-urgency", "device_id")[:SHOWN]
    return PAGE.render(Context({"rows": list(_shown(rows, None))}))


def _shown(rows: Iterable[Any], user: User | None) -> Iterator[dict[str, Any]]:
    for row in rows:
        device, site = row.device, row.site
        may = user is None or guardian_lists.may(user, "view_inventory", site)
        inventory = DeviceInventory.unscoped.filter(device=device.pk).first() if may else None
        yield {
            "label": device.label,
            "site": site.name,
            "customer": site.customer.name,
            "state": row.state,
            "score": row.score,
            "model": inventory.model if inventory else "",
        }
