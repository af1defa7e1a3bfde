from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    name = "telemetry"
    verbose_name = "What devices said, and what it means"

    def ready(self) -> None:
        from telemetry import tasks  # noqa: F401 - registers the handlers of jobs
