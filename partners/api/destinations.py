"""REST over destinations and deliveries: each organization's own."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from access.api.filters import one_of
from access.api.views import ID, ConsentViews
from partners import deliveries, destinations
from partners.api import serializers as s
from partners.models import Delivery, DeliveryState, Destination, DestinationKind
from telemetry.models import Severity


@extend_schema_view(
    list=extend_schema(responses=s.DestinationOut(many=True)),
    retrieve=extend_schema(responses=s.DestinationOut, parameters=[ID]),
    create=extend_schema(request=s.DestinationIn, responses={201: s.DestinationMade}),
    partial_update=extend_schema(request=s.DestinationChange, responses=s.DestinationOut, parameters=[ID]),
    destroy=extend_schema(responses={204: None}, parameters=[ID]),
)
class Destinations(ConsentViews):
    """Mail addresses and webhooks where the own organization wants alerts. A webhook gets none before it has answered our test."""

    out = s.DestinationOut
    ordering = ("created_at", "pk")

    def get_queryset(self) -> QuerySet[Destination]:
        found: QuerySet[Destination] = Destination.objects.visible_to(self.viewer).judged()
        return found.filter(removed_at=None).select_related("created_by")

    def _one(self, public_id: str) -> Destination:
        row: Destination = get_object_or_404(self.get_queryset(), public_id=public_id)
        return row

    def list(self, request: Request) -> Response:
        return self.listed(self.get_queryset())

    def retrieve(self, request: Request, public_id: str) -> Response:
        return Response(self.shown(self._one(public_id)))

    def create(self, request: Request) -> Response:
        said = self.read(s.DestinationIn, request)
        owner = self.viewer.organization
        assert owner is not None  # IsViewer let nobody else in
        place: dict[str, Any] = {
            "owner": owner,
            "name": said["name"],
            "minimum": said["minimum_severity"],
            "by": self.viewer,
        }
        secret = {}
        if said["kind"] == DestinationKind.WEBHOOK:
            row, clear = destinations.add_webhook(url=said["url"], **place)
            secret = {"secret": clear}
        else:
            row = destinations.add_email(member=said["member"], **place)
        return Response(self.shown(self._one(row.public_id)) | secret, status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, public_id: str) -> Response:
        row, said = self._one(public_id), self.read(s.DestinationChange, request)
        destinations.change(
            row,
            by=self.viewer,
            name=said.get("name", row.name),
            minimum=said.get("minimum_severity", Severity(row.minimum_severity)),
            enabled=said.get("enabled", row.enabled),
        )
        return Response(self.shown(row))

    def destroy(self, request: Request, public_id: str) -> Response:
        destinations.remove(self._one(public_id), by=self.viewer)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=s.DestinationOut, parameters=[ID])
    @action(detail=True, methods=["post"])
    def test(self, request: Request, public_id: str) -> Response:
        """Send a signed challenge. A webhook that is verified gets alerts meanwhile; others get none before they have answered."""
        row = self._one(public_id)
        destinations.test(row, by=self.viewer)
        return Response(self.shown(self._one(public_id)))

    @extend_schema(request=None, responses=s.DestinationOut, parameters=[ID])
    @action(detail=True, methods=["post"])
    def keep(self, request: Request, public_id: str) -> Response:
        """Answer for a webhook whose owner's person has left: alerts are sent there again."""
        destinations.keep(self._one(public_id), by=self.viewer)
        return Response(self.shown(self._one(public_id)))

    @extend_schema(request=None, responses={201: s.SecretMade}, parameters=[ID])
    @action(detail=True, methods=["post"])
    def secret(self, request: Request, public_id: str) -> Response:
        """Replace the secret of a webhook."""
        clear = destinations.replace_secret(self._one(public_id), by=self.viewer)
        return Response({"secret": clear}, status=status.HTTP_201_CREATED)


@extend_schema_view(
    list=extend_schema(
        responses=s.DeliveryOut(many=True),
        parameters=[
            OpenApiParameter("state", str, enum=DeliveryState.values),
            OpenApiParameter("destination", str, description="Id of one destination"),
        ],
    ),
    retrieve=extend_schema(responses=s.DeliveryDetail, parameters=[ID]),
)
class Deliveries(ConsentViews):
    """What was sent to the own destinations: that it was, not what it said."""

    out = s.DeliveryOut
    ordering = ("-created_at", "pk")

    def get_queryset(self) -> QuerySet[Delivery]:
        found = deliveries.log(self.viewer)
        if self.action != "list":
            return found
        wanted = self.request.query_params
        if state := one_of(wanted, "state", DeliveryState.values):
            found = found.filter(state=state)
        if wanted.get("destination"):
            found = found.filter(destination__public_id=wanted["destination"])
        return found

    def list(self, request: Request) -> Response:
        return self.listed(self.get_queryset())

    def _one(self, public_id: str) -> Delivery:
        row: Delivery = get_object_or_404(self.get_queryset(), public_id=public_id)
        return row

    def retrieve(self, request: Request, public_id: str) -> Response:
        return Response(s.DeliveryDetail(self._one(public_id), context=self.get_serializer_context()).data)

    @extend_schema(request=None, responses=s.DeliveryDetail, parameters=[ID])
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, public_id: str) -> Response:
        """Send it once more, if it still may be: what it is allowed to say is asked again then."""
        deliveries.replay(self._one(public_id), by=self.viewer)
        return Response(s.DeliveryDetail(self._one(public_id), context=self.get_serializer_context()).data)
