"""What Django's admin may show. It reads tables by their names, past the door and without a look in anybody's log (access.md, 9)."""

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.contrib.admin import AdminSite
from django.contrib.admin.models import LogEntry
from django.contrib.admin.sites import all_sites
from django.core.checks import CheckMessage, Error, Tags, register
from django.db.models import Model

from access.models import Organization, User
from telemetry.models import ModelLifecycle

# Why each of these is about no customer.
ALLOWED: dict[type[Model], str] = {
    Organization: "partners alone, with their public profiles",
    User: "staff alone",
    ModelLifecycle: "dates that vendors publish",
    LogEntry: "what staff changed in the admin",
}


@register(Tags.admin)
def about_no_customer(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    import_module("smartcare.staff.admin.site")  # here, since it needs every package to be ready
    return faults(all_sites)


def faults(sites: Iterable[AdminSite]) -> list[CheckMessage]:
    """Every model of these is one of those above, also what stands inside the page of another."""
    shown = {model for found in sites for model in _models_of(found)}
    return [
        Error(
            f"{model.__module__}.{model.__name__} is in Django's admin, where no customer's data may be",
            hint="Give it a page of its own under /staff/, behind the door; or say in ALLOWED why it is about no customer",
            id="smartcare.E001",
        )
        for model in sorted(shown - ALLOWED.keys(), key=lambda m: m._meta.label)
    ]


def _models_of(found: AdminSite) -> Iterable[type[Model]]:
    for model, admin in found._registry.items():
        yield model
        yield from (inline.model for inline in admin.inlines)
