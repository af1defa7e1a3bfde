from django.urls import path

from smartcare.bench.baseline.views import Reports

urlpatterns = [path("ingest/v1/reports", Reports.as_view())]
