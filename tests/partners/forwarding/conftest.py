"""Settings for running these tests alone, until the product's own are there."""

from pathlib import Path

import django
import pytest
from django.conf import settings

if not settings.configured:
    settings.configure(
        SECRET_KEY="for these tests alone",
        USE_TZ=True,
        TIME_ZONE="UTC",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [Path(__file__).parents[3] / "templates"],
            }
        ],
        DEFAULT_FROM_EMAIL="SmartCare <no-reply@smartcare.example>",
    )
    django.setup()

from tests.partners.forwarding.receivers import Authority, ConnectGuard

GUARD = ConnectGuard()


@pytest.fixture(autouse=True)
def connections():
    """Every (address, port) this test connected to; anything but loopback is stopped."""
    with GUARD.watching() as seen:
        yield seen


@pytest.fixture(scope="session")
def authority():
    return Authority()
