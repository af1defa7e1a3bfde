"""Secrets at rest: may a former SECRET_KEY leave the settings?"""

from collections.abc import Iterator

from django.conf import settings

from partners import resealing
from smartcare.doctor.findings import Finding, fault, good, note


def secrets_are_of_today() -> Iterator[Finding]:
    """Housekeeping seals again every ten minutes, so that what is left after that is what no key opens."""
    left = len(resealing.sealed_otherwise())
    if not left:
        said = "all sealed with today's SECRET_KEY"
        yield good("webhook secrets", said + (": SECRET_KEY_FALLBACKS may go" if settings.SECRET_KEY_FALLBACKS else ""))
    elif settings.SECRET_KEY_FALLBACKS:
        yield note(
            "webhook secrets",
            f"{left} still sealed with a former SECRET_KEY",
            "keep it in SECRET_KEY_FALLBACKS until the worker has sealed them again, which it does every ten minutes",
        )
    else:
        yield fault(
            "webhook secrets",
            f"{left} sealed with a SECRET_KEY that is in no setting: nothing can be sent there",
            "put the former SECRET_KEY into SECRET_KEY_FALLBACKS, or let their owners replace the secrets",
        )
