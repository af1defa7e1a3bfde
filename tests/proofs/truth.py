"""What is so, read by the owner past every policy; and who may know it, computed from the words of access.md in plain Python.

Nothing here asks the product's functions, its querysets or guardian's rows: an oracle that shares code with what it judges
shares its faults.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from access.viewer import Viewer

KINDS = ("inventory", "health", "traffic", "configuration", "contracts")
Ids = frozenset[str]


@dataclass(frozen=True)
class Eyes:
    """One way of asking the database: the settings of a principal, and the viewer the door is asked with (None: no door)."""

    name: str
    kind: str = ""
    organization: str = ""
    user: str = ""
    account: str = ""
    customers: tuple[str, ...] = ()
    preview_of: str = ""
    viewer: Viewer | None = field(default=None, compare=False)

    @property
    def principal(self) -> dict[str, Any]:
        """Keyword arguments of access.principal.principal."""
        return {
            "kind": self.kind,
            "organization": self.organization or None,
            "user": self.user or None,
            "account": self.account or None,
            "customers": self.customers,
            "preview_of": self.preview_of or None,
        }


def remembered[**P, R](method: Callable[P, R]) -> Callable[P, R]:
    """The truth does not change while it is looked at: answers are kept with the instance."""

    @wraps(method)
    def ask(*args: P.args, **kwargs: P.kwargs) -> R:
        owner: Any = args[0]
        key = (method.__name__, *args[1:])
        if key not in owner.kept:
            owner.kept[key] = method(*args, **kwargs)
        return owner.kept[key]

    return ask


class Truth:
    """Rows of every table as they are. `place` is (table's oid, ctid): a row's identity also where there is no id."""

    def __init__(self, behind: Any) -> None:
        self._behind = behind
        self.kept: dict[Any, Any] = {}
        behind.execute("SELECT to_jsonb(statement_timestamp()) #>> '{}'")
        self.now: str = behind.fetchone()[0]

    @remembered
    def rows(self, table: str) -> list[dict[str, Any]]:
        self._behind.execute(f'SELECT t.tableoid::bigint, t.ctid::text, to_jsonb(t) FROM "{table}" t')
        return [row | {"place": (oid, ctid)} for oid, ctid, row in self._behind.fetchall()]

    @property
    @remembered
    def tables(self) -> list[str]:
        """Tables under row-level security; partitions by their parent alone."""
        self._behind.execute(
            "SELECT DISTINCT c.relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid"
            " WHERE NOT c.relispartition ORDER BY 1"
        )
        return [row[0] for row in self._behind.fetchall()]

    # ---- who somebody is

    @remembered
    def me(self, eyes: Eyes) -> Ids:
        """Organizations the eyes act for: only while the organization is active, and the person or program belongs to it."""
        if eyes.kind == "job":
            return frozenset(eyes.customers)
        if eyes.kind not in {"customer", "partner"}:
            return frozenset()
        return frozenset(
            o["id"]
            for o in self.rows("access_organization")
            if o["id"] == eyes.organization and o["kind"] == eyes.kind and o["status"] == "active"
            if self._belongs(eyes, o["id"])
        )

    def _belongs(self, eyes: Eyes, organization: str) -> bool:
        member = self._is_active(eyes.user) and any(
            m["organization_id"] == organization and m["user_id"] == eyes.user for m in self.rows("access_membership")
        )
        program = any(
            a["id"] == eyes.account
            and a["organization_id"] == organization
            and a["revoked_at"] is None
            and a["expires_at"] > self.now
            for a in self.rows("access_serviceaccount")
        )
        return member or program

    def _is_active(self, user: str) -> bool:
        return any(u["id"] == user and u["is_active"] for u in self.rows("access_user"))

    @remembered
    def owner(self, eyes: Eyes) -> Ids:
        """Customers whose own side this is: their people, or work done for them."""
        return self.me(eyes) if eyes.kind in {"customer", "job"} else frozenset()

    @remembered
    def is_staff(self, eyes: Eyes) -> bool:
        return eyes.kind == "staff" and any(
            u["id"] == eyes.user and u["is_active"] and u["is_staff"] for u in self.rows("access_user")
        )

    # ---- what may be seen

    @remembered
    def live(self) -> list[dict[str, Any]]:
        """Grants not revoked and not past their end; whether the sweep has booked anything plays no part."""
        return [g for g in self.rows("access_grant") if g["revoked_at"] is None and g["expires_at"] > self.now]

    @remembered
    def owned_sites(self, eyes: Eyes) -> Ids:
        return frozenset(s["id"] for s in self.rows("access_site") if s["customer_id"] in self.owner(eyes))

    @remembered
    def held_sites(self, eyes: Eyes, category: str) -> Ids:
        """Of a partner, or of a customer's person who looks in its place at its own sites."""
        partner = self.me(eyes) if eyes.kind == "partner" else self._previewed(eyes)
        return frozenset(
            g["site_id"]
            for g in self.live()
            if g["partner_id"] in partner
            and (eyes.kind != "preview" or g["customer_id"] == eyes.preview_of)
            and (category == "any" or category in g["categories"])
        )

    def _previewed(self, eyes: Eyes) -> Ids:
        if eyes.kind != "preview" or not self.me(
            Eyes(eyes.name, "customer", organization=eyes.preview_of, user=eyes.user)
        ):
            return frozenset()
        return frozenset(
            o["id"]
            for o in self.rows("access_organization")
            if o["id"] == eyes.organization and o["kind"] == "partner" and o["status"] == "active"
        )

    @remembered
    def staff_sites(self, eyes: Eyes, category: str) -> Ids:
        if not self.is_staff(eyes):
            return frozenset()
        permissions = [
            p
            for p in self.rows("access_staffpermission")
            if p["user_id"] == eyes.user
            and p["ended_at"] is None
            and p["starts_at"] is not None
            and p["starts_at"] <= self.now < p["expires_at"]
            and (category == "any" or category in p["categories"])
        ]
        return frozenset(
            s["id"]
            for s in self.rows("access_site")
            for p in permissions
            if s["customer_id"] == p["customer_id"] and (p["all_sites"] or s["id"] in p["sites"])
        )

    @remembered
    def sites(self, eyes: Eyes, category: str) -> Ids:
        return self.owned_sites(eyes) | self.held_sites(eyes, category) | self.staff_sites(eyes, category)

    @remembered
    def answered_sites(self, eyes: Eyes) -> Ids:
        """Where alerts may be answered: by the customer, and by partners with health; never by staff, never in a preview."""
        held = self.held_sites(eyes, "health") if eyes.kind == "partner" else frozenset()
        return self.owned_sites(eyes) | held

    @remembered
    def stays(self, sites: Ids) -> frozenset[int]:
        return frozenset(t["number"] for t in self.rows("telemetry_devicestay") if t["site_id"] in sites)

    # ---- who knows of whom

    @remembered
    def related(self, eyes: Eyes) -> Ids:
        """Organizations known by name: those one deals or dealt with, and those one belongs to."""
        grants = self.rows("access_grant")
        mine = self.me(eyes)
        customers = {g["customer_id"] for g in grants if eyes.kind == "partner" and g["partner_id"] in mine}
        partners = {g["partner_id"] for g in grants if g["customer_id"] in self.owner(eyes)}
        own = {m["organization_id"] for m in self.rows("access_membership") if eyes.kind and m["user_id"] == eyes.user}
        return frozenset(customers | partners | own)

    @remembered
    def dealt_with(self, eyes: Eyes) -> Ids:
        """Customers a partner has a contract with, or that invited it to propose."""
        mine = self.me(eyes) if eyes.kind == "partner" else frozenset()
        papers = [*self.rows("partners_contract"), *self.rows("partners_proposal")]
        return frozenset(row["customer_id"] for row in papers if row["partner_id"] in mine)

    @remembered
    def invited_to(self, eyes: Eyes) -> Ids:
        return frozenset(p["tender_id"] for p in self.rows("partners_proposal") if p["partner_id"] in self.me(eyes))
