"""REST over devices and alerts."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from access.api.filters import one_of
from access.api.views import ID, ConsentViews
from access.errors import Invalid, require
from access.models import Category, Organization
from telemetry import alerting, enrolment, fleet, looks, readings, summaries
from telemetry.api import serializers as s
from telemetry.models import (
    Alert,
    AlertComment,
    CommentAudience,
    Device,
    DeviceHealth,
    DeviceKey,
    DeviceKind,
    Forecast,
    Severity,
)
from telemetry.spans import span_of
from telemetry.summaries import DeviceRow
from telemetry.views.devices import categories_of

STATES = tuple(summaries.STATE_WORDS)
SEVERITIES = {x.word: x for x in Severity}


@extend_schema_view(
    list=extend_schema(
        responses=s.DeviceOut(many=True),
        parameters=[
            OpenApiParameter("site", str),
            OpenApiParameter("kind", str, enum=DeviceKind.values),
            OpenApiParameter("state", str, enum=STATES),
            OpenApiParameter("search", str, description="Part of a name, model, serial number or address"),
        ],
    ),
    retrieve=extend_schema(responses=s.DeviceOut, parameters=[ID]),
    create=extend_schema(request=s.DeviceIn, responses={201: s.DeviceOut}),
    partial_update=extend_schema(request=s.DeviceChange, responses=s.DeviceOut, parameters=[ID]),
    destroy=extend_schema(responses={204: None}, parameters=[ID], description="Retire"),
)
class Devices(ConsentViews):
    """Devices: the customer's own, or those at sites a partner sees anything of."""

    out = s.DeviceOut
    ordering = ("label", "pk")

    def get_queryset(self) -> QuerySet[Device]:
        wanted = self.request.query_params
        found = Device.objects.visible_to(self.viewer).select_related("site")
        if self.action != "list":
            return found
        found = found.filter(retired_at=None)
        if wanted.get("site"):
            found = found.filter(site__public_id=wanted["site"])
        if kind := one_of(wanted, "kind", DeviceKind.values):
            found = found.filter(kind=kind)
        if state := one_of(wanted, "state", STATES):
            found = found.filter(
                pk__in=DeviceHealth.objects.visible_to(self.viewer).filter(state=state).values("device")
            )
        if wanted.get("search"):
            found = found.filter(summaries.matches(self.viewer, wanted["search"]))
        return found

    def rows(self, devices: list[Device]) -> list[DeviceRow]:
        rows = {d.pk: DeviceRow(d, d.site) for d in devices}
        summaries.complete(self.viewer, rows)
        return list(rows.values())

    def _shown(self, devices: list[Device]) -> Any:
        rows = self.rows(devices)
        looks.device_list(self.viewer, rows, way="api")  # an answer to a change shows the device as well
        customers = dict(
            Organization.objects.filter(pk__in={d.customer_id for d in devices}).values_list("pk", "public_id")
        )
        return self.shown(rows, many=True, customers=customers)

    def _one(self, public_id: str) -> Device:
        device: Device = get_object_or_404(self.get_queryset(), public_id=public_id)
        return device

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        assert page is not None
        return self.get_paginated_response(self._shown(page))

    def retrieve(self, request: Request, public_id: str) -> Response:
        return Response(self._shown([self._one(public_id)])[0])

    def create(self, request: Request) -> Response:
        said = self.read(s.DeviceIn, request)
        device = fleet.register(by=self.viewer, **said | {"kind": DeviceKind(said["kind"])})
        return Response(self._shown([self._one(device.public_id)])[0], status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, public_id: str) -> Response:
        device = self._one(public_id)
        require(self.viewer.may_edit, "Only owners and approvers change devices")  # also where nothing is to change
        said = self.read(s.DeviceChange, request)
        if "site" in said and said["site"].pk != device.site_id:  # first: it waits for whoever is closing it
            fleet.move(device, to=said["site"], by=self.viewer)
        if "label" in said or "kind" in said:
            kind = DeviceKind(said.get("kind", device.kind))
            fleet.rename(device, label=said.get("label", device.label), kind=kind, by=self.viewer)
        return Response(self._shown([self._one(public_id)])[0])

    def destroy(self, request: Request, public_id: str) -> Response:
        fleet.retire(self._one(public_id), by=self.viewer)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=s.ClaimIn, responses={201: s.ClaimMade})
    @action(detail=False, methods=["post"])
    def claims(self, request: Request) -> Response:
        """Make a claim code for a new device."""
        said = self.read(s.ClaimIn, request)
        row, code = enrolment.make_code(by=self.viewer, **said | {"kind": DeviceKind(said["kind"])})
        return Response(
            {"id": row.public_id, "claim_code": code, "expires_at": row.expires_at}, status=status.HTTP_201_CREATED
        )

    @extend_schema(request=None, responses={201: s.KeyMade}, parameters=[ID])
    @action(detail=True, methods=["post"])
    def keys(self, request: Request, public_id: str) -> Response:
        """A new key for this device; at most two live at once."""
        issued = fleet.issue_key(device=self._one(public_id), by=self.viewer)
        return Response({"key_id": issued.row.key_id, "key": issued.secret}, status=status.HTTP_201_CREATED)

    @extend_schema(
        request=None, responses={204: None}, parameters=[ID, OpenApiParameter("key_id", str, OpenApiParameter.PATH)]
    )
    @action(detail=True, methods=["delete"], url_path="keys/(?P<key_id>[a-z0-9]{12})")
    def stop_key(self, request: Request, public_id: str, key_id: str) -> Response:
        """Stop a key: it is refused from its next request."""
        found = DeviceKey.objects.visible_to(self.viewer).filter(device=self._one(public_id))
        fleet.stop_key(get_object_or_404(found, key_id=key_id), by=self.viewer)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(responses=s.ForecastOut(many=True), parameters=[ID])
    @action(detail=True, methods=["get"], pagination_class=None)
    def forecasts(self, request: Request, public_id: str) -> Response:
        device = self._one(public_id)
        rows = (
            Forecast.objects.visible_to(self.viewer)
            .filter(device=device)
            .select_related("alert")
            .order_by("-made_at")[:100]
        )
        looks.device(self.viewer, device, categories_of(self.viewer, device) & {Category.HEALTH}, way="api")
        return Response(s.ForecastOut(rows, many=True, context=self.get_serializer_context()).data)

    @extend_schema(
        responses=s.ReadingsOut,
        parameters=[
            ID,
            OpenApiParameter("metric", str, required=True),
            OpenApiParameter("instance", str),
            OpenApiParameter("from", datetime),
            OpenApiParameter("to", datetime),
            OpenApiParameter("step", int, description="seconds; left out: chosen so that about 300 points come back"),
        ],
    )
    @action(detail=True, methods=["get"], pagination_class=None)
    def readings(self, request: Request, public_id: str) -> Response:
        device, wanted = self._one(public_id), request.query_params
        metric = wanted.get("metric", "")
        if not metric:
            raise Invalid("Name a metric", "metric")
        since, until, step_s = span_of(wanted)
        found = readings.series(
            self.viewer,
            device,
            metric,
            instance=wanted.get("instance"),
            since=since,
            until=until,
            step_s=step_s,
        )
        looks.device(self.viewer, device, readings.kinds_shown(self.viewer, device, metric), way="api")
        return Response(found)


@extend_schema_view(
    list=extend_schema(
        responses=s.AlertOut(many=True),
        parameters=[
            OpenApiParameter("state", str, enum=["open", "resolved"]),
            OpenApiParameter("site", str),
            OpenApiParameter("device", str),
            OpenApiParameter("severity", str, enum=list(SEVERITIES)),
        ],
    ),
    retrieve=extend_schema(responses=s.AlertOut, parameters=[ID]),
)
class Alerts(ConsentViews):
    """Alerts, for who may see health."""

    out = s.AlertOut
    ordering = ("-opened_at", "pk")

    def get_queryset(self) -> QuerySet[Alert]:
        wanted = self.request.query_params
        found = Alert.objects.visible_to(self.viewer).select_related("claimed_by", "customer")
        if self.action != "list":
            return found
        if state := one_of(wanted, "state", ("open", "resolved")):
            found = found.open() if state == "open" else found.resolved()
        if wanted.get("site"):
            found = found.filter(site__public_id=wanted["site"])
        if wanted.get("device"):
            found = found.filter(device__public_id=wanted["device"])
        if word := one_of(wanted, "severity", SEVERITIES):
            found = found.filter(severity=SEVERITIES[word])
        return found

    def _shown(self, alerts: list[Alert], **context: Any) -> Any:
        rows = summaries.alert_rows(self.viewer, alerts)
        looks.alert_list(self.viewer, rows, way="api")  # an answer to a change shows the alert as well
        return self.shown(rows, many=True, **context)

    def _one(self, public_id: str) -> Alert:
        alert: Alert = get_object_or_404(self.get_queryset(), public_id=public_id)
        return alert

    def _answer(self, public_id: str) -> Response:
        shown = self._shown([self._one(public_id)], detail=True)
        if not shown:  # the access ended between two statements
            raise Http404
        return Response(shown[0])

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        assert page is not None
        return self.get_paginated_response(self._shown(page))

    def retrieve(self, request: Request, public_id: str) -> Response:
        return self._answer(public_id)

    @extend_schema(request=None, responses=s.AlertOut, parameters=[ID])
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, public_id: str) -> Response:
        alerting.acknowledge(self._one(public_id), by=self.viewer)
        return self._answer(public_id)

    @extend_schema(request=None, responses=s.AlertOut, parameters=[ID])
    @action(detail=True, methods=["post"])
    def claim(self, request: Request, public_id: str) -> Response:
        alerting.claim(self._one(public_id), by=self.viewer)
        return self._answer(public_id)

    @extend_schema(request=None, responses=s.AlertOut, parameters=[ID])
    @action(detail=True, methods=["post"])
    def release(self, request: Request, public_id: str) -> Response:
        alerting.release(self._one(public_id), by=self.viewer)
        return self._answer(public_id)

    @extend_schema(request=s.SnoozeIn, responses=s.AlertOut, parameters=[ID])
    @action(detail=True, methods=["post"])
    def snooze(self, request: Request, public_id: str) -> Response:
        alerting.snooze(self._one(public_id), until=self.read(s.SnoozeIn, request)["until"], by=self.viewer)
        return self._answer(public_id)

    @extend_schema(request=s.ResolveIn, responses=s.AlertOut, parameters=[ID])
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, public_id: str) -> Response:
        alerting.resolve(self._one(public_id), by=self.viewer, **self.read(s.ResolveIn, request))
        return self._answer(public_id)

    @extend_schema(methods=["GET"], responses=s.CommentOut(many=True), parameters=[ID])
    @extend_schema(methods=["POST"], request=s.CommentIn, responses={201: s.CommentOut}, parameters=[ID])
    @action(detail=True, methods=["get", "post"], pagination_class=None)
    def comments(self, request: Request, public_id: str) -> Response:
        alert = self._one(public_id)
        if request.method == "POST":
            said = self.read(s.CommentIn, request)
            row = alerting.comment(alert, text=said["text"], audience=CommentAudience(said["audience"]), by=self.viewer)
            return Response(s.CommentOut(row).data, status=status.HTTP_201_CREATED)
        looks.alert_list(self.viewer, summaries.alert_rows(self.viewer, [alert]), way="api")
        rows = AlertComment.objects.visible_to(self.viewer).filter(alert=alert).order_by("at")
        return Response(s.CommentOut(summaries.readable_comments(self.viewer, rows), many=True).data)
