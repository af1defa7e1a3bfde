"""What the API says of devices and alerts, field by field, as far as the viewer's kinds of data go."""

from typing import Any

from rest_framework import serializers

from access.api.fields import Viewed, VisibleSite
from telemetry import alerting, evidence
from telemetry.models import CommentAudience, DeviceKind, Forecast, Severity
from telemetry.summaries import AlertRow, DeviceRow


class DeviceOut(Viewed):
    """A device. Keys of kinds that are not shared are absent, not null: their absence tells nothing but the grant."""

    id = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    kind = serializers.ChoiceField(choices=DeviceKind.choices)
    site = serializers.CharField()
    customer = serializers.CharField()
    retired_at = serializers.DateTimeField(required=False, allow_null=True)
    inventory = serializers.DictField(required=False, help_text="with the kind inventory")
    health = serializers.DictField(required=False, help_text="with the kind health")

    def to_representation(self, row: DeviceRow) -> dict[str, Any]:
        device = row.device
        found: dict[str, Any] = {
            "id": device.public_id,
            "label": device.label,
            "kind": device.kind,
            "site": row.site.public_id,
            "customer": self.context["customers"].get(device.customer_id, ""),
        }
        if self.viewer.is_customer:
            found["retired_at"] = device.retired_at
        if row.inventory is not None:
            i = row.inventory
            found["inventory"] = {
                "vendor": i.vendor,
                "model": i.model,
                "serial": i.serial,
                "mac": i.mac,
                "hostname": i.hostname,
                "address": i.address,
                "software": i.software,
                "software_version": i.software_version,
                "notes": i.notes,
                "changed_at": i.changed_at,
            }
        if row.health is not None:
            h = row.health
            found["health"] = {
                "state": h.state,
                "score": h.score,
                "reasons": [{"text": text, "points": points} for text, points in h.reasons],
                "last_seen_at": h.last_seen_at,
                "open_alerts": row.open_alerts,
            }
        return found


class DeviceIn(Viewed):
    label = serializers.CharField(max_length=120)  # type: ignore[assignment]
    kind = serializers.ChoiceField(choices=DeviceKind.choices, default=DeviceKind.OTHER)
    site = VisibleSite()
    vendor = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    model = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    serial = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")


class DeviceChange(Viewed):
    label = serializers.CharField(max_length=120, required=False)  # type: ignore[assignment]
    kind = serializers.ChoiceField(choices=DeviceKind.choices, required=False)
    site = VisibleSite(required=False)


class KeyMade(serializers.Serializer[Any]):
    key_id = serializers.CharField()
    key = serializers.CharField(help_text="Shown now and never again")


class ClaimIn(Viewed):
    site = VisibleSite()
    label = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")  # type: ignore[assignment]
    kind = serializers.ChoiceField(choices=DeviceKind.choices, default=DeviceKind.OTHER)


class ClaimMade(serializers.Serializer[Any]):
    id = serializers.CharField()
    claim_code = serializers.CharField(help_text="Shown now and never again; good for one device")
    expires_at = serializers.DateTimeField()


class ForecastOut(Viewed):
    id = serializers.CharField(source="public_id")
    alert = serializers.CharField(source="alert.public_id")
    rule = serializers.CharField()
    subject = serializers.CharField()
    title = serializers.CharField(source="alert.title")
    made_at = serializers.DateTimeField()
    eta_lo = serializers.DateTimeField()
    eta = serializers.DateTimeField()
    eta_hi = serializers.DateTimeField()
    level = serializers.FloatField(allow_null=True)
    limit = serializers.FloatField(allow_null=True)
    unit = serializers.CharField()
    grade = serializers.CharField()
    open = serializers.SerializerMethodField()

    def get_open(self, row: Forecast) -> bool:
        return row.alert.resolved_at is None


class AlertOut(Viewed):
    """An alert. `taken` says who has it in the words the customer chose; a partner never reads another partner's name."""

    id = serializers.CharField()
    device = serializers.CharField(allow_null=True, help_text="null once it is at a site that is not shared with you")
    device_label = serializers.CharField(allow_blank=True)
    site = serializers.CharField()
    rule = serializers.CharField()
    subject = serializers.CharField()
    severity = serializers.ChoiceField(choices=[x.word for x in Severity])
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=["open", "resolved"])
    opened_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    resolved_at = serializers.DateTimeField(allow_null=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    snoozed_until = serializers.DateTimeField(allow_null=True)
    taken = serializers.CharField()
    eta_lo = serializers.DateTimeField(allow_null=True)
    eta = serializers.DateTimeField(allow_null=True)
    eta_hi = serializers.DateTimeField(allow_null=True)
    evidence = serializers.DictField(required=False)

    def to_representation(self, row: AlertRow) -> dict[str, Any]:
        a = row.alert
        found: dict[str, Any] = {
            "id": a.public_id,
            "device": row.device.public_id if row.device.pk else None,
            "device_label": row.device.label,
            "site": row.site.public_id,
            "rule": a.rule,
            "subject": a.subject,
            "severity": a.severity_word,
            "title": a.title,
            "state": "resolved" if a.resolved_at else "open",
            "opened_at": a.opened_at,
            "updated_at": a.updated_at,
            "resolved_at": a.resolved_at,
            "acknowledged_at": a.acknowledged_at,
            "snoozed_until": a.snoozed_until,
            "taken": alerting.who_has_it(a, self.viewer, a.customer.claim_words),
            "eta_lo": a.eta_lo,
            "eta": a.eta,
            "eta_hi": a.eta_hi,
        }
        if self.context.get("detail"):
            found["evidence"] = evidence.figures(self.viewer, a)
        return found


class SnoozeIn(Viewed):
    until = serializers.DateTimeField()


class ResolveIn(Viewed):
    resolution = serializers.ChoiceField(choices=["handled", "ignored"], default="handled")
    note = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    feedback = serializers.ChoiceField(choices=["real", "not_real"], required=False)


class CommentIn(Viewed):
    text = serializers.CharField(max_length=4000)
    audience = serializers.ChoiceField(choices=CommentAudience.choices, default=CommentAudience.COMPANY)


class CommentOut(serializers.Serializer[Any]):
    id = serializers.CharField(source="public_id")
    author = serializers.CharField(source="author_name")
    audience = serializers.CharField()
    text = serializers.CharField()
    at = serializers.DateTimeField()


class ReadingsOut(serializers.Serializer[Any]):
    """One metric of a device; per series an array of [time, value] or, with a step, [time, mean, min, max]."""

    metric = serializers.CharField()
    unit = serializers.CharField()
    step_s = serializers.IntegerField(allow_null=True)
    tier = serializers.CharField()
    series = serializers.ListField(child=serializers.DictField())
