"""A server on loopback that answers what a test tells it to."""

import gzip
import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

PATH = "/ingest/v1/reports"


@dataclass
class Seen:
    """One post as it arrived."""

    raw: bytes
    headers: Mapping[str, str]

    @property
    def body(self) -> bytes:
        return gzip.decompress(self.raw) if self.headers.get("Content-Encoding") == "gzip" else self.raw

    @property
    def report(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def part(self) -> dict[str, Any]:
        return self.report["devices"][0]


@dataclass
class Server:
    """Answers the tries in order as told, then 202."""

    url: str
    seen: list[Seen] = field(default_factory=list)
    _told: deque[Response] = field(default_factory=deque)

    def will_answer(self, *statuses: int, headers: Mapping[str, str] | None = None, **body: Any) -> None:
        self._told += [
            Response(json.dumps(body), status, dict(headers or {}), content_type="application/json")
            for status in statuses
        ]

    def answer(self, request: Request) -> Response:
        post = Seen(request.get_data(), dict(request.headers))
        self.seen.append(post)
        if self._told:
            return self._told.popleft()
        taken = {"accepted": {"devices": 1, "samples": len(post.part.get("samples", ())), "events": 0}}
        return Response(json.dumps(taken), 202, content_type="application/json")


@pytest.fixture(scope="session")
def http() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1", threaded=True) as http:
        yield http


@pytest.fixture
def server(http: HTTPServer) -> Iterator[Server]:
    http.clear()
    server = Server(http.url_for("").rstrip("/"))
    http.expect_request(PATH, method="POST").respond_with_handler(server.answer)
    yield server
    assert all(request.path == PATH for request, _ in http.log)
