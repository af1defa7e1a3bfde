"""The API is what its schema says: generated calls, as a customer's and as a partner's program, never meet a fault or an undeclared answer.

In process, through the whole WSGI application; each call is undone, so that all of them find the same world.
"""

import itertools
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from access import requests
from access.api.throttles import PerViewer
from access.models import Category
from access.principal import acting, job
from partners import contracts, destinations, proposals, tenders
from partners.contracts import Cover, Paper
from partners.models import Proposal
from tests.callers import token_of
from tests.cast import CONTRACTS, HEALTH, INVENTORY, World
from tests.conftest import empty_everything

EXAMPLES = 10
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
TRIED: Counter[str] = Counter()


def loaded() -> Any:
    config = SchemathesisConfig()
    # Its systematic cases are some hundreds an operation: for a night, not for each run. API_SCHEMA_ALL=1 brings them.
    config.projects.default.phases.coverage.enabled = bool(os.environ.get("API_SCHEMA_ALL"))
    found = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True), config=config)
    found.app = get_wsgi_application()
    return found


schema = loaded()


@dataclass
class Place:
    """Tokens of a customer and of a partner, and for each kind of thing an id that both know."""

    tokens: dict[str, str]
    ids: dict[str, str]
    every_other: Iterator[bool] = field(default_factory=lambda: itertools.cycle([True, True, False]))


@pytest.fixture(scope="module")
def place(django_db_setup: None, django_db_blocker: Any) -> Iterator[Place]:
    """Committed once: every call is undone."""
    with django_db_blocker.unblock():
        found = built(World.build())
    yield found
    with django_db_blocker.unblock():
        empty_everything()


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PerViewer, "rate", "1000000/min", raising=False)


def built(world: World) -> Place:
    device = world.acme.installs("sw", site="hq", serial="S1", vendor="Edge", model="M1")
    alert = world.acme.raises(device)
    kinds = {HEALTH, INVENTORY, CONTRACTS}
    grant = world.acme.shares("hq", with_=world.northwind, categories=kinds, forward_alerts=True, purpose="Care")
    ada, nora = world.acme.viewer(), world.northwind.viewer()
    today = date.today()
    with acting(ada):
        paper = Paper("Care", today - timedelta(days=9), today + timedelta(days=90), 100)
        covers = [Cover(world.acme.sites["hq"], "All")]
        contract = contracts.open(partner=world.northwind.organization, paper=paper, covers=covers, by=ada)
        invited = [world.northwind.organization, world.rival.organization]
        tender = tenders.open(site=world.acme.sites["hq"], title="New", wish="Better", partners=invited, days=9, by=ada)
        hook, _ = destinations.add_webhook(owner=ada.organization, url="https://a.example.com/x", name="A", by=ada)
    with acting(nora):
        own = proposals.visible_to(nora).get(tender=tender)
        question = proposals.ask(tender, question="How many?", by=nora)
        asked = requests.ask(by=nora, customer_name="Acme", categories=[Category.TRAFFIC], days=9, reason="x" * 30)
    with job(world.acme.pk, world.northwind.pk):
        Proposal.objects.filter(pk=own.pk).update(summary="Ours")
    tokens = {"ada": token_of(world.acme), "nora": token_of(world.northwind)}
    ids = {
        "sites": world.acme.sites["hq"].public_id,
        "devices": device.public_id,
        "alerts": alert.public_id,
        "grants": grant.public_id,
        "access-requests": asked.public_id,
        "partners": world.rival.organization.public_id,
        "destinations": hook.public_id,
        "contracts": contract.public_id,
        "tenders": tender.public_id,
        "proposals": own.public_id,
        "question": str(question.pk),
    }
    return Place(tokens, ids)


@pytest.mark.parametrize("who", ["ada", "nora"])
@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
def test_given_any_call_then_the_answer_is_one_that_the_schema_declares(case: Any, who: str, place: Place, db: None):
    name_something_real(case, place)
    with transaction.atomic():
        response = case.call(headers={"Authorization": f"Bearer {place.tokens[who]}"})
        transaction.set_rollback(True)

    TRIED[f"{who} {response.status_code // 100}xx"] += 1
    case.validate_response(response, checks=CHECKS)


def name_something_real(case: Any, place: Place) -> None:
    """Two calls of three name something that is there: a made-up id would only ever meet the 404."""
    if not case.path_parameters or not next(place.every_other):
        return
    kind = case.path.split("/")[3]
    for name in case.path_parameters:
        if real := place.ids.get(kind if name == "public_id" else name):
            case.path_parameters[name] = real


@pytest.fixture(scope="module", autouse=True)
def counted() -> Iterator[None]:
    """As Django's own test client does: a request must not close the connection of the transaction it runs in."""
    for moment in (request_started, request_finished):
        moment.disconnect(close_old_connections)
    yield
    for moment in (request_started, request_finished):
        moment.connect(close_old_connections)
    print(f"\ngenerated calls: {dict(TRIED)}")
