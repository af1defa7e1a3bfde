"""The usual way to list what a partner may see: guardian's own helper, on the same tables, without row-level security."""

from django.db.models import QuerySet
from guardian.core import ObjectPermissionChecker  # noqa: TID251 - likewise
from guardian.shortcuts import get_objects_for_user  # noqa: TID251 - the baseline, measured beside the door

from access.models import Site, User
from telemetry.models import DeviceHealth


def health(user: User) -> "QuerySet[DeviceHealth]":
    """Health of devices at sites whose health the user's groups may view. Knows no end of a grant."""
    sites = get_objects_for_user(user, "access.view_health", klass=Site.unscoped.all(), with_superuser=False)
    return DeviceHealth.unscoped.filter(site__in=sites)


def may(user: User, codename: str, site: Site) -> bool:
    """Whether the user may, asked for one site."""
    return bool(ObjectPermissionChecker(user).has_perm(codename, site))
