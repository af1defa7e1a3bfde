"""The web server's command line, the same for `serve` and `demo`: granian, one WSGI application, plain HTTP behind a proxy."""

import sys
from pathlib import Path

# Its filter takes secrets out of paths before they are written (a Call Home key is part of one).
LOG_CONFIG = Path(__file__).with_name("server_log.json")
ACCESS = '%(addr)s "%(method)s %(path)s" %(status)d %(dt_ms).1f ms'
# For each worker: at most 14 wait for somebody's body (telemetry/ingest/rooms.py), so two are always there.
THREADS = 16
HEADERS_WITHIN_MS = 10_000
HEADERS_BYTES = 128 * 1024  # all of them; smartcare/wsgi.py says how many and how long
NO_COLLECTED_FILES = "ignore:No directory at"  # static files are found where they lie, nothing is collected
STOPS_WITHIN_S = 20  # an answer under way may take its 5 s statement and a call


def command(*, host: str, port: int, workers: int = 1, access_log: bool = True, respawn: bool = True) -> list[str]:
    """Program and arguments. respawn: replace a worker that ended by itself; without it the server then ends too."""
    return [
        *(sys.executable, "-W", NO_COLLECTED_FILES, "-m", "granian", "--interface", "wsgi", "--no-ws", "--http", "1"),
        *("--host", host, "--port", str(port), "--workers", str(workers), "--blocking-threads", str(THREADS)),
        *("--http1-header-read-timeout", str(HEADERS_WITHIN_MS), "--http1-buffer-size", str(HEADERS_BYTES)),
        *("--workers-kill-timeout", str(STOPS_WITHIN_S)),
        *("--log-config", str(LOG_CONFIG), "--log-level", "error"),
        *(["--access-log", "--access-log-fmt", ACCESS] if access_log else ["--no-access-log"]),
        *(["--respawn-failed-workers"] if respawn else ["--no-respawn-failed-workers"]),
        "smartcare.served:application",
    ]
