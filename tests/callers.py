"""Calling the API as somebody of the cast, in as few words as a client needs."""

import json
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from access import accounts
from access.models import Scope
from access.principal import acting
from tests.cast import Company
from tests.signing_in import sign_in


@dataclass
class Caller:
    """Somebody, or a program, at the API. `path` begins after /api/v1."""

    client: Client
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        kind = headers.pop("content_type", "application/json")
        return self.client.generic(method, f"/api/v1{path}", data, kind, headers=self.headers | headers)

    def get(self, path: str, **headers: str) -> Any:
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self("POST", path, body, **headers)

    def reads(self, path: str) -> Any:
        """The JSON of a 200; of a list its results."""
        response = self.get(path)
        assert response.status_code == 200, response.content
        found = json.loads(response.content)
        return found["results"] if isinstance(found, dict) and "results" in found else found

    def does(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of a change that is carried out; None where there is nothing to say."""
        response = self(method, path, body)
        assert response.status_code in {200, 201, 204}, response.content
        return json.loads(response.content) if response.content else None


def token_of(company: Company, *, scope: Scope = Scope.WRITE, days: int = 30) -> str:
    viewer = company.viewer()
    with acting(viewer):
        return accounts.issue(by=viewer, name="Script", scope=scope, days=days)[1]


def person(company: Company, name: str = "", **options: Any) -> Caller:
    """With a session: the named person, or who opened the company."""
    user = company.people[name] if name else next(iter(company.people.values()))
    return Caller(sign_in(Client(**options), user))


def program(company: Company, **options: Any) -> Caller:
    """With a token of that company."""
    return Caller(Client(), {"Authorization": f"Bearer {token_of(company, **options)}"})
