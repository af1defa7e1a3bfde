"""The seeded cast, committed once for all tests of the matrix: they only look, and what they write is rolled back."""

from collections.abc import Iterator
from typing import Any

import pytest

from access.api.throttles import PerViewer
from access.models import Membership, User
from access.principal import acting, principal
from access.viewer import Viewer
from partners import tenders
from partners.models import TenderQuestion
from smartcare.story import seed
from telemetry.models import ClaimCode
from tests.conftest import empty_everything
from tests.matrix.actors import Actor, of_seed
from tests.matrix.api_actors import Stage


@pytest.fixture(scope="module")
def printed(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    with django_db_blocker.unblock():
        found = seed(lambda _: None, days=2)
        found["actors"] = of_seed(found)
        found["ids"] |= unprinted()
    yield found
    with django_db_blocker.unblock():
        empty_everything()


def unprinted() -> dict[str, str]:
    """Ids of seeded things that the seed does not print: with ids of nothing a row of the matrix would prove nothing."""
    with principal(kind="login", user=User.objects.get(email="ada@acme.example").pk):
        ada = Viewer.of_membership(Membership.objects.select_related("organization", "user").get())
    with acting(ada):
        claim = ClaimCode.unscoped.filter(site__name__startswith="Headquarters").get()
        open_ones = TenderQuestion.objects.filter(tender__in=tenders.visible_to(ada), answered_at=None)
        question = open_ones.select_related("tender").order_by("pk")[0]
    return {"claim-hq": claim.public_id, "question": str(question.pk), "asked": question.tender.public_id}


@pytest.fixture
def actors(printed: dict[str, Any]) -> dict[str, Actor]:
    return printed["actors"]


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is fast enough would meet the limit of calls a minute."""
    monkeypatch.setattr(PerViewer, "rate", "1000000/min", raising=False)


@pytest.fixture(scope="module")
def stage(printed: dict[str, Any], django_db_blocker: Any) -> Iterator[Stage]:
    """The same for the API, with programs."""
    with django_db_blocker.unblock():
        found = Stage.of(printed)
    yield found
    print(f"\nAPI matrix: {dict(found.tried)}")
