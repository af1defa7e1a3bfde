import subprocess
import sys

IMPURE = ("django", "celery", "rest_framework", "psycopg2", "telemetry.models")
PROGRAM = f"""
import sys
from telemetry import vocabulary
from telemetry.ingest import answers, batch, body, limits, rfc3339, strictjson, timing
from telemetry.ingest.formats import callhome, native, otlp, prometheus
print(sorted(name for name in sys.modules if name.startswith({IMPURE!r})))
"""


def test_when_all_decoders_are_imported_then_no_database_and_no_framework_comes_with_them():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
