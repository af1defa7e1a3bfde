from django.apps import AppConfig


class SmartcareConfig(AppConfig):
    name = "smartcare"
    verbose_name = "SmartCare"

    def ready(self) -> None:
        # Web processes also know the broker: without this, a wake from a request would go to a default broker that is not there.
        from smartcare import celery  # noqa: F401
        from smartcare.staff.admin import checks  # noqa: F401 - registers the system check
