"""The REST API: one list of resources, each from the package it is about."""

from django.urls import include, path

urlpatterns = [
    path("", include("access.api.urls")),
    path("", include("telemetry.api.urls")),
    path("", include("partners.api.urls")),
]
