"""The devices of a run, in a process of their own that nobody kills: each report is sent until it is acknowledged.

python -m tests.chaos.load WORLD URL LEDGER RATE: begins at once; a line on standard input (or its end) says that no more
reports are to be made. The ledger gets a line for each acknowledgement, on the disk before the next report is made.
"""

import http.client
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.chaos import script
from tests.chaos.world import Sender, World

TIMEOUT_S = 8.0
AGAIN_S = (0.3, 1.0)  # after no answer; at most after a 503, whatever it asks for: the storm is short


class Ledger:
    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = threading.Lock()

    def keep(self, line: dict[str, Any]) -> None:
        with self._lock:
            os.write(self._file, json.dumps(line, separators=(",", ":")).encode() + b"\n")
            os.fdatasync(self._file)


class Reporter(threading.Thread):
    """One sender. It has one report under way at a time, so its reports arrive in the order of their making."""

    def __init__(self, sender: Sender, url: str, ledger: Ledger, rate: float, over: threading.Event) -> None:
        super().__init__(name=sender.name)
        self._sender, self._ledger, self._pause_s, self._over = sender, ledger, 1 / rate, over
        self._address = urlsplit(url).netloc
        self._connection: http.client.HTTPConnection | None = None
        self.refused: list[str] = []

    def run(self) -> None:
        n, due = 0, time.monotonic()
        while not self._over.is_set():
            n += 1
            at = time.time()
            document = script.report(self._sender.serials, n, at)
            self._send_until_acknowledged(document, n, at)
            due = max(due + self._pause_s, time.monotonic() - 1.0)
            self._over.wait(max(0.0, due - time.monotonic()))

    def _send_until_acknowledged(self, document: dict[str, Any], n: int, at: float) -> None:
        body, tries, began = script.as_sent(document), 0, time.monotonic()
        while True:
            tries += 1
            tried = time.monotonic()
            status, text = self._post(body)
            if status in (200, 202):
                break
            if status not in (0, 503):
                self.refused.append(f"{status} {text[:200]!r}")
                return
            time.sleep(AGAIN_S[status == 503])
        samples = script.SAMPLES_A_DEVICE * len(self._sender.serials)
        done = time.monotonic()
        self._ledger.keep(
            {
                "id": document["report_id"],
                "sender": self._sender.name,
                "n": n,
                "at": round(at, 3),
                "samples": samples,
                "status": status,
                "tries": tries,
                "answer_s": round(done - tried, 4),
                "all_s": round(done - began, 3),
            }
        )

    def _post(self, body: bytes) -> tuple[int, bytes]:
        """0 if there was no answer."""
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(self._address, timeout=TIMEOUT_S)
            headers = {"Authorization": f"Bearer {self._sender.key}", "Content-Type": "application/json"}
            self._connection.request("POST", "/ingest/v1/reports", body, headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            return 0, b""


def main() -> int:
    world = World.read(Path(sys.argv[1]).read_text())
    url, ledger, rate = sys.argv[2], Ledger(Path(sys.argv[3])), float(sys.argv[4])
    over = threading.Event()
    reporters = [Reporter(sender, url, ledger, rate, over) for sender in world.senders]
    for reporter in reporters:
        reporter.daemon = True
        reporter.start()
    sys.stdin.readline()
    over.set()
    give_up_at = time.monotonic() + 60
    for reporter in reporters:
        reporter.join(max(0.0, give_up_at - time.monotonic()))
    sys.stdout.write(
        json.dumps(
            {
                "refused": [text for reporter in reporters for text in reporter.refused],
                "unfinished": [reporter.name for reporter in reporters if reporter.is_alive()],
            }
        )
        + "\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
