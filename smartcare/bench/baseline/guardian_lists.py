"""The usual way to list what a partner may see: guardian's own helper, on the same tables, without row-level security."""

from django.db.models import QuerySet
from guardian.shortcuts import get_objects_for_user  # noqa: TID251 - the baseline, measured beside the door

from access.models import Site, User
from telemetry.models import DeviceHealth


def health(user: User) -> "QuerySet[DeviceHealth]":
    """Health of devices at sites whose health the user's groups may view. Knows no end of a grant."""
    sites = get_objects_for_user(user, "access.view_health", klass=Site.unscoped.all(), with_superuser=False)
    return DeviceHealth.unscoped.filter(site__in=sites)
