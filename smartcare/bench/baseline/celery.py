"""One task for each report. It does nothing: what the work itself costs is not what is compared."""

import os

from celery import Celery

app = Celery("baseline", broker=os.environ["REDIS_URL"])
app.conf.task_ignore_result = True
app.conf.task_default_queue = "baseline"
app.conf.broker_connection_retry_on_startup = True


@app.task(name="baseline.process_report")
def process_report(report_id: int) -> None:
    """Stands for the hand-over alone."""
