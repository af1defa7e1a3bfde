"""Calling the API as somebody of the cast, in as few words as a client needs."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client

from access import accounts
from access.models import Scope
from access.principal import acting
from tests.cast import Company, World

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


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


def token_of(company: Company, *, scope: Scope = Scope.WRITE, days: int = 30) -> str:
    viewer = company.viewer()
    with acting(viewer):
        return accounts.issue(by=viewer, name="Script", scope=scope, days=days)[1]


@pytest.fixture
def person(world: World) -> Callable[..., Caller]:
    """person(company, name) -> a caller with that person's session."""

    def signed_in(company: Company, name: str = "", **options: Any) -> Caller:
        client = Client(**options)
        client.force_login(company.people[name] if name else next(iter(company.people.values())), backend=BACKEND)
        return Caller(client)

    return signed_in


@pytest.fixture
def program(world: World) -> Callable[..., Caller]:
    """program(company, scope=…) -> a caller with a token of that company."""

    def with_token(company: Company, **options: Any) -> Caller:
        return Caller(Client(), {"Authorization": f"Bearer {token_of(company, **options)}"})

    return with_token
