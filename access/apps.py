from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "access"
    verbose_name = "Who may see what, and who looked"

    def ready(self) -> None:
        from access import checks  # noqa: F401 - registers the system checks
        from access.api import schema  # noqa: F401 - registers what OpenAPI says of signing in
