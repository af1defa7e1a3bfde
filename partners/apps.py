from django.apps import AppConfig


class PartnersConfig(AppConfig):
    name = "partners"
    verbose_name = "What leaves the house"

    def ready(self) -> None:
        from partners import tasks  # noqa: F401 - registers the handlers of jobs and takes part in acts of access
