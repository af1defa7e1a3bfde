"""The environment's settings, beyond what already stops the start."""

from collections.abc import Iterator

from django.conf import settings
from django.core import checks

from partners.forwarding.addresses import is_host_or_network
from smartcare.doctor.findings import Finding, fault, good, note

LONG_ENOUGH = 50  # characters of SECRET_KEY
# Said by Django's deployment checks; both are for whoever runs the domain to decide.
HSTS_IS_A_DECISION = {"security.W021", "security.W005"}


def settings_fit() -> Iterator[Finding]:
    found = [*_secret(), *_public(), *_second_factor(), *_egress()]
    yield from found or [good("settings", f"fit for {settings.PUBLIC_URL}")]


def _secret() -> Iterator[Finding]:
    if len(settings.SECRET_KEY) < LONG_ENOUGH or len(set(settings.SECRET_KEY)) < 10:
        yield fault(
            "SECRET_KEY",
            f"is shorter than {LONG_ENOUGH} characters, or always the same few",
            "export SECRET_KEY=$(python3 -c 'import secrets; print(secrets.token_urlsafe(50))'), "
            "and keep the old one in SECRET_KEY_FALLBACKS until people have signed in again",
        )


def _public() -> Iterator[Finding]:
    if settings.DEBUG:
        yield fault("DEBUG", "is on: visitors see source and settings when something fails", "unset DEBUG")
    if "*" in settings.ALLOWED_HOSTS:
        yield fault("ALLOWED_HOSTS", "answers every name", "list the names of PUBLIC_URL and of the health check")
    if not settings.IS_HTTPS:
        yield note(
            "PUBLIC_URL", f"{settings.PUBLIC_URL} is for this machine alone", "set the https:// address people type"
        )


def _second_factor() -> Iterator[Finding]:
    if settings.SECOND_FACTOR != "required":
        advice = "unset SECOND_FACTOR before anybody else can reach this"
        kind = note if settings.IS_LOOPBACK else fault
        yield kind("SECOND_FACTOR", "staff and partner admins get in with a password alone", advice)


def _egress() -> Iterator[Finding]:
    if useless := [entry for entry in settings.EGRESS_ALLOW if not is_host_or_network(entry)]:
        yield fault(
            "EGRESS_ALLOW",
            f"{', '.join(useless)} matches no address at all: an entry is a host name, an address or a network",
            "write it without port, path or https://: any port of a listed host is allowed",
        )
    if settings.EGRESS_ALLOW:
        yield note(
            "EGRESS_ALLOW",
            f"webhooks may reach {', '.join(settings.EGRESS_ALLOW)} although that is not public",
            "leave it empty unless a receiver stands inside your own network",
        )


def own_checks() -> Iterator[Finding]:
    """Django's system checks and ours; those for deployment only where this is one."""
    found = checks.run_checks(include_deployment_checks=settings.IS_HTTPS)
    serious = [m for m in found if m.level >= checks.WARNING and not m.is_silenced() and m.id not in HSTS_IS_A_DECISION]
    for message in serious:
        kind = fault if message.level >= checks.ERROR else note
        yield kind(f"check {message.id}", str(message.msg), str(message.hint or "see manage.py check --deploy"))
    if not serious:
        yield good("system checks", "nothing to complain about")
