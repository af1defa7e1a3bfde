"""Refused reports in the customer's words: what was wrong, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from access.viewer import Viewer
from telemetry.ingest import keys
from telemetry.models import Collector, Device, DeviceKey, Refusal

LISTED: Final = 5

type Words = str | Promise


@dataclass(frozen=True, slots=True)
class Reason:
    """title: what was wrong, as the head of a line. remedy: what to do, in a sentence."""

    title: Words
    remedy: Words


# Codes of telemetry/ingest; tests/telemetry/test_refusals.py holds the two together.
REASONS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        # the key
        "key_cut": Reason(
            _("The key is not complete"),
            _("It has three parts, and the last one 43 characters. Copy the whole line, or make a new key."),
        ),
        "wrong_secret": Reason(
            _("The key's secret is wrong"),
            _("The first parts are right, the last is not. Somebody mistyped it or guesses: make a new key."),
        ),
        "wrong_kind": Reason(
            _("The key begins with the wrong letters"),
            _("A device's key begins with scd_, a collector's with scc_. Copy it as it was shown."),
        ),
        "key_revoked": Reason(
            _("The key was stopped"), _("Stopped, or its device is retired. Give the device a new key.")
        ),
        "wrong_channel": Reason(
            _("The key came the wrong way"),
            _("A Call Home address carries a key of its own; all others send their key in the Authorization header."),
        ),
        # whose report it is
        "not_this_device": Reason(
            _("The report speaks of another device"),
            _("A device's key reports that device alone: check its serial number, or use a collector's key."),
        ),
        "outside_site": Reason(
            _("The report speaks of a device that is not at this site"),
            _("A collector reports devices of its own site: move the device here, or register it."),
        ),
        "report_id_reused": Reason(
            _("Two different reports had the same id"), _("An agent gives each report a new report_id.")
        ),
        # the request
        "unsupported_type": Reason(
            _("The content type is not one of this address"),
            _(
                "Reports are application/json or application/x-ndjson; OpenTelemetry and Prometheus have addresses of their own."
            ),
        ),
        "unsupported_encoding": Reason(_("The compression is unknown here"), _("Use gzip, zstd or deflate, or none.")),
        "length_required": Reason(
            _("The request did not say how long it is"), _("Send Content-Length, or end the stream properly.")
        ),
        "too_large": Reason(
            _("The report is too large"), _("Send smaller ones more often: at most 1 MiB, a collector 8 MiB.")
        ),
        "too_many": Reason(
            _("The report holds too much"), _("Split it: fewer devices, samples or events in one report.")
        ),
        # the body
        "malformed": Reason(
            _("The body is no report"),
            _(
                "It is not the JSON, XML or protobuf that this address takes. Quotation marks often get lost in a shell."
            ),
        ),
        "unsupported_schema": Reason(
            _("The schema is unknown"), _('Write "schema": "smartcare.report/1" at the beginning of the report.')
        ),
        "truncated": Reason(_("The report was cut on its way"), _("A proxy or a full disk may cut it. Try again.")),
        "trailing_data": Reason(_("Something follows after the report"), _("Send one compressed report in a request.")),
        "bad_compression": Reason(
            _("The body could not be unpacked"), _("The Content-Encoding says what the body is not.")
        ),
        "too_deep": Reason(
            _("The report is nested too deeply"), _("At most 8 levels, OpenTelemetry 24, Call Home 64.")
        ),
        "nul_character": Reason(_("A text holds a character that cannot be kept"), _("Leave out U+0000.")),
        "bad_utf8": Reason(_("A text is not valid Unicode"), _("Send UTF-8.")),
        "lone_surrogate": Reason(_("A text is not valid Unicode"), _("Send UTF-8.")),
        "duplicate_key": Reason(_("A name stands twice in one object"), _("Each field of the report once.")),
        "number_not_finite": Reason(
            _("A number is none"), _("NaN and Infinity cannot be kept: leave the reading out.")
        ),
        "number_too_large": Reason(_("A number is too large"), _("Send counters above 2⁵³ as a string of digits.")),
        "forbidden_xml": Reason(_("The XML declares entities"), _("Call Home messages have none: is this one?")),
        "too_many_elements": Reason(_("The XML is too large"), _("Send fewer attachments in one message.")),
        "wrong_type": Reason(
            _("A field has the wrong type"), _("The place says which; the format is in the API's pages.")
        ),
        "bad_value": Reason(_("A field has a value that cannot be"), _("The place says which.")),
        "string_too_long": Reason(_("A text is too long"), _("At most 4,000 characters, 64 in a label.")),
        "unknown_metric": Reason(
            _("No reading has a known name"),
            _("Names are those of the vocabulary, or custom.… once an owner allows it."),
        ),
        "too_many_labels": Reason(_("A reading has too many labels"), _("At most 8.")),
        "series_limit": Reason(
            _("The device has too many different readings"), _("At most 2,000: do not put changing words into labels.")
        ),
        "too_old": Reason(
            _("The report is more than 7 days old"), _("Check the device's clock; older reports are not taken.")
        ),
        "in_future": Reason(_("The report comes from the future"), _("Check the device's clock.")),
        "internal_decode_error": Reason(
            _("We could not read it: our fault"), _("It is kept and will be read after a correction. Do nothing.")
        ),
    }
)
OTHER: Final = Reason(_("The report could not be read"), _("The answer to the sender says where."))

DOORS: Final[Mapping[str, Words]] = MappingProxyType(
    {
        "native": _("Reports"),
        "otlp.metrics": _("OpenTelemetry metrics"),
        "otlp.logs": _("OpenTelemetry logs"),
        "callhome": _("Call Home"),
        "prometheus": _("Prometheus"),
    }
)


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """A refusal as pages and files show it. sender: what the key belongs to."""

    refusal: Refusal
    sender: str
    reason: Reason

    @property
    def door(self) -> Words:
        return DOORS.get(self.refusal.format, self.refusal.format)

    @property
    def is_ours(self) -> bool:
        return self.refusal.code == "internal_decode_error"


def rows(
    viewer: Viewer,
    *,
    device: Device | None = None,
    collector: Collector | None = None,
    within_days: int = 1,
    at_most: int = LISTED,
) -> list[RefusalRow]:
    """The newest refusals of the viewer's own company, of one sender if named."""
    since = timezone.now() - timedelta(days=within_days)
    found: QuerySet[Refusal] = Refusal.objects.visible_to(viewer).filter(last_at__gt=since)
    if device is not None:
        found = found.filter(device=device)
    if collector is not None:
        found = found.filter(collector=collector)
    return [
        RefusalRow(row, _sender(row), REASONS.get(row.code, OTHER))
        for row in found.select_related("device", "collector").order_by("-last_at", "pk")[:at_most]
    ]


def _sender(row: Refusal) -> str:
    holder = row.device or row.collector
    return str(holder.label if isinstance(holder, Device) else holder.name if holder else row.key_id)


def judged(presented: str, *, device: Device, viewer: Viewer) -> str:
    """Whether this is a key with which the device can report: "" if so, else a code of REASONS, or "other_key".

    Looks among the viewer's own keys alone: what belongs to others is as unknown as what belongs to nobody.
    """
    form = keys.FORM.fullmatch(presented.strip())
    if form is None:
        return "key_cut"
    kind, key_id, secret = form.groups()
    key = DeviceKey.objects.visible_to(viewer).filter(key_id=key_id).first()
    if key is None:
        return "other_key"
    if not keys.is_secret_of(bytes(key.digest), secret):
        return "wrong_secret" if len(secret) == keys.SECRET_CHARS else "key_cut"
    if kind != ("d" if key.device_id else "c"):
        return "wrong_kind"
    if key.device_id != device.pk:
        return "other_key"
    return "key_revoked" if key.revoked_at or device.retired_at else ""
