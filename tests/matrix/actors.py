"""Everybody who might try: the cast, people between two companies, ex-members, programs, staff, nobody."""

from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from access import onboarding
from access.models import Membership, Organization, OrganizationKind, Role, User
from access.principal import acting, principal
from access.viewer import Viewer
from tests.signing_in import sign_in


@dataclass
class Actor:
    """name: of the person or program. sees: whose canaries it may read. companies: slugs and kinds it acts for."""

    name: str
    sees: str
    client: Client
    kind: str = ""  # customer, partner, staff, nobody
    company: str = ""
    role: str = ""
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def is_program(self) -> bool:
        return bool(self.token)


def of_seed(printed: dict[str, Any]) -> dict[str, Actor]:
    """The actors of a seeded database, at least fourteen."""
    people = {name: User.objects.get(email=user["email"]) for name, user in printed["users"].items()}
    found = {
        "nobody": Actor("nobody", "nobody", Client(), "nobody"),
        "ada": _person("ada", people["ada"], "acme", "customer", Role.OWNER),
        "alan": _person("alan", people["alan"], "acme", "customer", Role.VIEWER),
        "gwen": _person("gwen", people["gwen"], "globex", "customer", Role.OWNER),
        "nora": _person("nora", people["nora"], "northwind", "partner", Role.ADMIN),
        "nils": _person("nils", people["nils"], "northwind", "partner", Role.ENGINEER),
        "rita": _person("rita", people["rita"], "rival", "partner", Role.ADMIN),
        "theo": _person("theo", people["theo"], "third", "partner", Role.ADMIN),
        "sam": _person("sam", people["sam"], "sam", "staff", ""),
    }
    boss = {"acme": people["ada"], "northwind": people["nora"], "rival": people["rita"]}
    april = _joins("april", boss["acme"], printed["ids"]["acme"], Role.APPROVER)
    found["april"] = _person("april", april, "acme", "customer", Role.APPROVER)
    lars = _joins("lars", boss["northwind"], printed["ids"]["northwind"], Role.ENGINEER)
    found["lars"] = _person("lars", lars, "nobody", "nobody", "")  # signed in while a member
    _leaves(lars, boss["northwind"])
    # freda works for a partner with a grant and for one without: in rival's name she must see rival's alone.
    freda = _joins("freda", boss["rival"], printed["ids"]["rival"], Role.ENGINEER)
    _joins_too(freda, boss["northwind"], printed["ids"]["northwind"], Role.ENGINEER)
    found["freda-as-rival"] = _person("freda-as-rival", freda, "rival", "partner", Role.ENGINEER)
    mallory = User.objects.create_user("mallory@example.com", "x" * 20, name="Mallory")
    onboarding.open_organization(kind=OrganizationKind.CUSTOMER, name="Mallory Ltd", first_member=mallory)
    found["mallory"] = _person("mallory", mallory, "nobody", "customer", Role.OWNER)
    inactive = User.objects.create_user("ivan@example.com", "x" * 20, name="Ivan")
    found["inactive"] = _person("inactive", inactive, "nobody", "nobody", "")
    User.objects.filter(pk=inactive.pk).update(is_active=False)
    root = User.objects.create_superuser("root@example.com", "x" * 20, name="Root")
    User.objects.filter(pk=root.pk).update(is_staff=False)
    found["superuser"] = _person("superuser", root, "nobody", "nobody", "")
    kinds = {"acme": "customer", "globex": "customer", "northwind": "partner", "rival": "partner", "third": "partner"}
    for company, kind in kinds.items():
        token = printed["tokens"][company]
        found[f"token-{company}"] = Actor(
            f"token-{company}", company, Client(), kind, company, "", token, {"Authorization": f"Bearer {token}"}
        )
    token = printed["tokens"]["alan"]
    found["token-alan"] = Actor(
        "token-alan", "acme", Client(), "customer", "acme", Role.VIEWER, token, {"Authorization": f"Bearer {token}"}
    )
    return found


def _person(name: str, user: User, sees: str, kind: str, role: str) -> Actor:
    client = sign_in(Client(), user)
    return Actor(name, sees, client, kind, sees if kind in {"customer", "partner"} else "", role)


def _joins(name: str, boss: User, organization: str, role: Role) -> User:
    user = User.objects.create_user(f"{name}@example.com", "x" * 20, name=name.capitalize())
    _joins_too(user, boss, organization, role)
    return user


def _joins_too(user: User, boss: User, public_id: str, role: Role) -> None:
    viewer = _viewer(boss)
    with acting(viewer):
        organization = Organization.objects.get(public_id=public_id)
        onboarding.add_member(organization=organization, user=user, role=role, by=viewer)


def _leaves(user: User, boss: User) -> None:
    viewer = _viewer(boss)
    with acting(viewer):
        membership = Membership.objects.select_related("organization", "user").get(
            user=user, organization=viewer.organization_id
        )
        onboarding.remove_member(membership, by=viewer)


def _viewer(user: User) -> Viewer:
    with principal(kind="login", user=user.pk):
        membership = Membership.objects.select_related("organization").get(user=user)
    membership.user = user
    return Viewer.of_membership(membership)
