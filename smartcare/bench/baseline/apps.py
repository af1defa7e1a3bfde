from django.apps import AppConfig


class BaselineConfig(AppConfig):
    name = "smartcare.bench.baseline"
    label = "baseline"

    def ready(self) -> None:
        # So that the web process knows the broker.
        from smartcare.bench.baseline import celery  # noqa: F401
