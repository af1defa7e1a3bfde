"""A partner's web server: keeps a synced ledger of what arrived, fails now and then as servers do.

python -m tests.chaos.receiver --port N --ledger FILE
"""

import argparse
import json
import os
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FAILS_ONE_IN = 8


class Ledger:
    """One line of JSON for each message that came, on the disk before it is answered."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = threading.Lock()
        self.seen: set[str] = set()

    def keep(self, line: dict[str, Any]) -> None:
        with self._lock:
            os.write(self._file, json.dumps(line).encode() + b"\n")
            os.fdatasync(self._file)
            self.seen.add(line["id"])


class Handler(BaseHTTPRequestHandler):
    ledger: Ledger
    timeout = 15

    def do_POST(self) -> None:  # the name that http.server calls
        body = self.rfile.read(int(self.headers["Content-Length"]))
        said = json.loads(body)
        message_id = self.headers["webhook-id"]
        challenge = said["data"].get("challenge", "")
        # The same ids fail in every run, and each once: so every run has retries, and none has more than one each.
        fails = (
            not challenge and message_id not in self.ledger.seen and zlib.crc32(message_id.encode()) % FAILS_ONE_IN == 0
        )
        status = 503 if fails else 200
        self.ledger.keep(
            {
                "hook": self.path,
                "id": message_id,
                "type": said["type"],
                "alert": said["data"].get("alert_id"),
                "device": said["data"].get("device_id"),
                "status": status,
                "at": time.time(),
                "signed": self.headers["webhook-signature"],
                "timestamp": self.headers["webhook-timestamp"],
                "body": body.decode(),
            }
        )
        answer = json.dumps({"challenge": challenge}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the ledger says it."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ledger", required=True)
    wanted = parser.parse_args()
    Handler.ledger = Ledger(wanted.ledger)
    ThreadingHTTPServer(("127.0.0.1", wanted.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
