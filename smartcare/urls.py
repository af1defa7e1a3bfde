"""Every address of the product. The map for people is docs/ARCHITECTURE.md; a route without a row in the matrix test fails."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from smartcare import errors, health, home, metrics, preview

urlpatterns = [
    path("", home.overview, name="overview"),
    path("home", home.home, name="home"),
    path("search", home.search, name="search"),
    path("help/shortcuts", home.shortcuts, name="shortcuts"),
    path("help/how-we-check", home.how_we_check, name="how_we_check"),
    path("access/preview", preview.fragment, name="preview"),
    path("access/look-as/<str:public_id>", preview.look_as, name="look_as"),
    path("", include("access.urls")),
    path("", include("telemetry.urls")),
    path("", include("partners.urls")),
    path("staff/", include("smartcare.staff.urls")),
    path("ingest/", include("telemetry.ingest.urls")),
    path("api/v1/", include("smartcare.api")),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("accounts/", include("allauth.urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.broken
