"""Requests at a pace, over connections that take turns, in a process of its own.

python -m tests.chaos.pace PLAN: prints counts by status and percentiles of the time from when a request was due to its
whole answer, so that a late start counts as waiting.
"""

import http.client
import json
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.chaos.census import percentile


def run(plan: dict[str, Any]) -> dict[str, Any]:
    """plan: port, per_second, connections, and `requests`: a file of lines [key, body]."""
    requests = [json.loads(line) for line in Path(plan["requests"]).read_text().splitlines()]
    statuses: Counter[int] = Counter()
    times: list[float] = []
    start, pace, turns = time.perf_counter() + 0.5, plan["per_second"], plan["connections"]

    def send(first: int) -> None:
        line = http.client.HTTPConnection("127.0.0.1", plan["port"], timeout=20)
        for number in range(first, len(requests), turns):
            key, body = requests[number]
            due = start + number / pace
            time.sleep(max(0.0, due - time.perf_counter()))
            line.request(
                "POST",
                "/ingest/v1/reports",
                body,
                {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
            )
            answer = line.getresponse()
            answer.read()
            times.append(time.perf_counter() - due)
            statuses[answer.status] += 1

    threads = [threading.Thread(target=send, args=(first,)) for first in range(turns)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shares = {"p50_ms": 0.5, "p99_ms": 0.99, "most_ms": 1.0}
    taken = {"statuses": dict(statuses), "seconds": round(time.perf_counter() - start, 1)}
    return taken | {name: round(1000 * percentile(times, share), 1) for name, share in shares.items()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(json.loads(Path(sys.argv[1]).read_text()))) + "\n")
