"""One view, as the tutorials have it."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from smartcare.bench.baseline.celery import process_report
from smartcare.bench.baseline.models import Device, Report, Sample, Token


class SampleSerializer(serializers.ModelSerializer[Sample]):
    m = serializers.CharField(source="metric", max_length=64)
    i = serializers.CharField(source="instance", max_length=128, required=False, default="")
    l = serializers.DictField(source="labels", required=False, default=dict)  # noqa: E741 - the field's name on the wire
    v = serializers.FloatField(source="value", required=False, default=None)
    s = serializers.CharField(source="state", max_length=32, required=False, default="")

    class Meta:
        model = Sample
        fields = ["m", "i", "l", "v", "s"]


class DeviceSerializer(serializers.Serializer[Any]):
    identity = serializers.DictField()
    samples = SampleSerializer(many=True)


class ReportSerializer(serializers.ModelSerializer[Report]):
    devices = DeviceSerializer(many=True)

    class Meta:
        model = Report
        fields = ["report_id", "sent_at", "devices"]

    @transaction.atomic
    def create(self, validated_data: dict[str, Any]) -> Report:
        devices = validated_data.pop("devices")
        report: Report = Report.objects.create(**validated_data)
        serials = [device["identity"]["serial"] for device in devices]
        known = {device.serial: device for device in Device.objects.filter(serial__in=serials)}
        Sample.objects.bulk_create(
            Sample(report=report, device=known[device["identity"]["serial"]], at=report.sent_at, **sample)
            for device in devices
            for sample in device["samples"]
        )
        return report


class KeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Token, None]:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            return Token.objects.get(key=key), None
        except Token.DoesNotExist:
            raise AuthenticationFailed from None


class HasKey(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, Token)


class Reports(APIView):
    authentication_classes = [KeyAuthentication]
    permission_classes = [HasKey]

    def post(self, request: Request) -> Response:
        serializer = ReportSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        report = serializer.save()
        process_report.delay(report.pk)
        return Response({"report_id": str(report.report_id)}, status=202)
