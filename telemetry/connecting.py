"""How a device is connected: what a person copies, for each kind of sender. The key in it is shown this once."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _

PROMISED_S: Final = 86_400
"""Of a report that is sent by hand: nobody should be told of silence ten minutes later."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to connect. code: what is copied. label: of the way, and of the box with the code."""

    label: str | Promise
    says: str | Promise
    code: str


def by_key(key: str, *, url: str, device: str, now: datetime) -> Sequence[Way]:
    """For senders that can send a header. url: of this product; device: public id of the device that reports."""
    report = _first_report(device, now)
    return (
        Way(
            _("Linux or Mac"),
            _(
                "Run this on the device, or on any computer beside it. It sends one small report as this device and stops."
            ),
            f"curl {url}/ingest/v1/reports \\\n"
            f"  -H 'Authorization: Bearer {key}' \\\n"
            "  -H 'Content-Type: application/json' \\\n"
            f"  -d '{report}'",
        ),
        Way(
            _("Windows"),
            _("Run this in PowerShell. It sends one small report as this device and stops."),
            f"Invoke-RestMethod {url}/ingest/v1/reports -Method Post `\n"
            f"  -Headers @{{Authorization='Bearer {key}'}} `\n"
            "  -ContentType 'application/json' `\n"
            f"  -Body '{report}'",
        ),
        Way(
            _("OpenTelemetry"),
            _("For an exporter or Collector on the device: its environment."),
            f"OTEL_EXPORTER_OTLP_ENDPOINT={url}/ingest/otlp\n"
            "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n"
            f'OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20{key}"',
        ),
        Way(
            _("Prometheus"),
            _("For a Prometheus agent on the device: a part of its configuration."),
            f"remote_write:\n  - url: {url}/ingest/prometheus/v1/write\n    authorization:\n      credentials: {key}",
        ),
        Way(_("The key alone"), _("For anything else: it is sent as a bearer token."), key),
    )


def by_code(code: str, *, url: str) -> Sequence[Way]:
    """For a device that has a claim code and fetches its key by itself."""
    return (
        Way(
            _("Linux or Mac"),
            _(
                "Run this on the device with its own serial number. The answer holds its key: keep it there, nobody gets it again."
            ),
            f"curl {url}/ingest/v1/enrol \\\n  -H 'Content-Type: application/json' \\\n  -d '{_enrolment(code)}'",
        ),
        Way(
            _("Windows"),
            _("The same in PowerShell."),
            f"Invoke-RestMethod {url}/ingest/v1/enrol -Method Post `\n"
            "  -ContentType 'application/json' `\n"
            f"  -Body '{_enrolment(code)}'",
        ),
        Way(_("The code alone"), _("For an agent that asks for it, or to read out on the telephone."), code),
    )


def _enrolment(code: str) -> str:
    return json.dumps({"claim_code": code, "identity": {"serial": "SERIAL-NUMBER", "vendor": "MAKER"}})


def by_collector(key: str, *, url: str) -> Sequence[Way]:
    """For a program that reports for the devices of a site."""
    return (
        Way(
            _("OpenTelemetry Collector"),
            _("An exporter in its configuration. Name each device in the resource, at best by its serial number."),
            f"exporters:\n  otlphttp:\n    endpoint: {url}/ingest/otlp\n"
            f'    headers:\n      authorization: "Bearer {key}"',
        ),
        Way(
            _("Prometheus"),
            _("A part of its configuration; its targets are the names or addresses of the devices."),
            f"remote_write:\n  - url: {url}/ingest/prometheus/v1/write\n    authorization:\n      credentials: {key}",
        ),
        Way(_("The key alone"), _("For anything else: it is sent as a bearer token."), key),
    )


def by_address(key: str, *, url: str) -> Sequence[Way]:
    """For Call Home, which can send no header: the address holds the key."""
    address = f"{url}/ingest/callhome/v1/{key}"
    return (
        Way(
            _("Cisco IOS and IOS-XE"),
            _("Paste it in configuration mode; the last line, afterwards, sends a first message."),
            "service call-home\ncall-home\n"
            " contact-email-addr it@company.example\n profile SmartCare\n  active\n"
            "  destination transport-method http\n  no destination transport-method email\n"
            f"  destination address http {address}\n"
            "  subscribe-to-alert-group environment severity minor\n"
            "  subscribe-to-alert-group diagnostic severity minor\n"
            '  subscribe-to-alert-group syslog severity major pattern ".*"\n'
            "  subscribe-to-alert-group inventory periodic daily 02:30\n end\n"
            "call-home send alert-group inventory profile SmartCare",
        ),
        Way(_("The address alone"), _("It holds a key: treat it like one."), address),
    )


def _first_report(device: str, now: datetime) -> str:
    """Always the same text, so that sending it twice is one report; without a shell's substitutions, so that every shell
    takes it."""
    said = {
        "schema": "smartcare.report/1",
        "report_id": str(uuid.uuid4()),
        "sent_at": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "interval_s": PROMISED_S,
        "devices": [{"ref": "self", "reachable": True, "identity": {"device_id": device}}],
    }
    fields = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in said.items())
    return "{" + ",\n       ".join(fields) + "}"
