"""Mounted at /ingest/. The web server's own requests never get here: smartcare/wsgi.py takes them before Django."""

from django.urls import path

from telemetry.ingest import views

app_name = "ingest"
urlpatterns = [path("<path:path>", views.door, name="door")]
