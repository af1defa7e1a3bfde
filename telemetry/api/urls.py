from rest_framework.routers import SimpleRouter

from telemetry.api import views

router = SimpleRouter(trailing_slash=False)
router.register("devices", views.Devices, basename="api-devices")
router.register("alerts", views.Alerts, basename="api-alerts")

urlpatterns = router.urls
