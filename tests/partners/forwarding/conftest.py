"""Settings for running these tests alone, until the product's own are there."""

from pathlib import Path

import django
from django.conf import settings

if not settings.configured:
    settings.configure(
        SECRET_KEY="for these tests alone",
        USE_TZ=True,
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [Path(__file__).parents[3] / "templates"],
            }
        ],
        DEFAULT_FROM_EMAIL="SmartCare <no-reply@smartcare.example>",
    )
    django.setup()
