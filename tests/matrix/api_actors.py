"""Who tries the API: the actors of the pages and of the seed's tokens, and programs whose time is over. And a few more things to try on."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from access import accounts, onboarding
from access.models import Membership, Organization, OrganizationKind, Scope, ServiceAccount, User
from access.principal import acting, principal
from access.viewer import Viewer
from partners import destinations, proposals
from partners.models import Tender
from tests.matrix.actors import Actor

DEAD = "dead"


@dataclass
class Stage:
    """The seeded cast with everybody who tries the API, and a count of what was tried."""

    ids: dict[str, str]
    actors: dict[str, Actor]
    tried: Counter[str] = field(default_factory=Counter)
    written: dict[str, int] = field(default_factory=dict)  # rows touched so far in the transaction of the running test

    @classmethod
    def of(cls, printed: dict[str, Any]) -> "Stage":
        return cls(more_ids(printed), with_programs(printed))


def with_programs(printed: dict[str, Any]) -> dict[str, Actor]:
    """The actors of the pages, with tokens that are wrong, over or whose company is: all of these are nobody."""
    ada = viewer_of(User.objects.get(email=printed["users"]["ada"]["email"]))
    tokens = {
        "token-wrong": printed["tokens"]["acme"][:-1] + ("A" if printed["tokens"]["acme"][-1] != "A" else "B"),
        "token-expired": _expired(ada),
        "token-revoked": _revoked(ada),
        "token-of-suspended": _of_suspended(),
        "token-of-closed": _of_closed(),
        "token-malformed": "sct_aaaaaaaaaaaa_\u00e9",
    }
    dead = {name: Actor(name, "nobody", Client(), DEAD, "", "", t, bearer(t)) for name, t in tokens.items()}
    return printed["actors"] | dead


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def more_ids(printed: dict[str, Any]) -> dict[str, str]:
    """What the seed has not got: somebody removed, a destination removed, a question, the id of a key."""
    ids = dict(printed["ids"])
    people = {name: User.objects.get(email=user["email"]) for name, user in printed["users"].items()}
    ids["member-lars"] = "me-2222222223"
    ids["key-fw-hq"] = printed["device_keys"]["fw-hq"].split("_")[1]
    ada, nora = viewer_of(people["ada"]), viewer_of(people["nora"])
    with acting(ada):
        assert ada.organization is not None
        row, _ = destinations.add_webhook(owner=ada.organization, url="https://gone.example.com/x", name="Gone", by=ada)
        destinations.remove(row, by=ada)
        ids["destination-gone"] = row.public_id
    with acting(nora):
        tender = Tender.objects.get(public_id=ids["tender-hq"])
        ids["question"] = str(proposals.ask(tender, question="May we come and look?", by=nora).pk)
    return ids


def viewer_of(user: User) -> Viewer:
    with principal(kind="login", user=user.pk):
        membership = Membership.objects.select_related("organization").filter(user=user).earliest("created_at")
    membership.user = user
    return Viewer.of_membership(membership)


def _expired(boss: Viewer) -> str:
    with acting(boss):
        account, token = accounts.issue(by=boss, name="Over", scope=Scope.WRITE, days=1)
        ServiceAccount.objects.filter(pk=account.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    return token


def _revoked(boss: Viewer) -> str:
    with acting(boss):
        account, token = accounts.issue(by=boss, name="Stopped", scope=Scope.WRITE, days=1)
        accounts.revoke(account, by=boss)
    return token


def _company(kind: OrganizationKind, name: str, person: str) -> tuple[Organization, str]:
    user = User.objects.create_user(f"{person}@example.com", "x" * 20, name=person.capitalize())
    organization, _ = onboarding.open_organization(kind=kind, name=name, first_member=user)
    boss = viewer_of(user)
    with acting(boss):
        return organization, accounts.issue(by=boss, name="Script", scope=Scope.WRITE, days=1)[1]


def _of_suspended() -> str:
    organization, token = _company(OrganizationKind.PARTNER, "Quiet", "quinn")
    staff = Viewer.of_staff(User.objects.create_user("stan@example.com", "x" * 20, name="Stan", is_staff=True))
    with acting(staff):
        onboarding.suspend(organization, by=staff)
    return token


def _of_closed() -> str:
    organization, token = _company(OrganizationKind.CUSTOMER, "Shut", "shona")
    boss = viewer_of(User.objects.get(email="shona@example.com"))
    with acting(boss):
        onboarding.close_organization(organization, by=boss)
    return token
