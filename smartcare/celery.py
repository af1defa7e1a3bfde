"""The Celery application and the only list of periodic work."""

import os

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smartcare.settings")

app = Celery("smartcare")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["smartcare"], related_name="sweep")
app.autodiscover_tasks(["telemetry"])

# Every loss of a wake costs at most one round of the sweep. Two beats are harmless: everything it does is claimed.
app.conf.beat_schedule = {
    "sweep": {"task": "smartcare.sweep", "schedule": 2.0, "options": {"expires": 10, "queue": "maint"}},
    "silence": {"task": "telemetry.silence", "schedule": 15.0, "options": {"expires": 15, "queue": "analyse"}},
    "housekeeping": {
        "task": "smartcare.housekeeping",
        "schedule": 600.0,
        "options": {"expires": 300, "queue": "maint"},
    },
}
app.conf.task_routes = {"telemetry.run": {"queue": "maint"}}
app.conf.task_queues = None
QUEUES = "analyse,deliver,mail,maint"


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Celery would replace the handlers, and with them the filter that keeps keys out of logs."""
