"""The agents' HTTP client: one connection per thread, kept open, straight to the server."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from smartcare.simulator.report import Report, iso

PATH = "/ingest/v1/reports"
TIMEOUT_S = (3.05, 15.0)  # connect, between bytes of the answer
NO_ANSWER = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """status: HTTP code, NO_ANSWER if there was none. retry_after_s: what the server asked for."""

    status: int
    retry_after_s: float | None = None
    body: Mapping[str, Any] = field(default_factory=dict)


class Door:
    """Posts reports to {url}/ingest/v1/reports. May be used by many threads."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + PATH
        self._threads = threading.local()

    def post(self, report: Report, key: str, now: float) -> Answer:
        """Send a report once; never raises for what the network or the server does."""
        headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "SmartCare-Clock": iso(now),
        }
        if report.gzipped:
            headers["Content-Encoding"] = "gzip"
        try:
            # A redirect would turn the POST into a GET: it is an answer like any other.
            response = self._session().post(
                self._url, data=report.body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False
            )
        except requests.RequestException:
            return Answer(NO_ANSWER)
        return Answer(response.status_code, retry_after(response.headers.get("Retry-After"), now), _json(response))

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = self._threads.session = requests.Session()
            session.trust_env = False  # a proxy of the environment is not for devices
        return session


def retry_after(header: str | None, now: float) -> float | None:
    """Seconds to wait by a Retry-After header, a number or a date (RFC 9110, 10.2.3); None if it says nothing."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now)


def _json(response: requests.Response) -> Mapping[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
