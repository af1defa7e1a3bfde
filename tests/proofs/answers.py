"""Functions that answer across tenants and are asked by no policy: what each tells everybody, and what it should."""

from collections.abc import Iterator
from typing import Any

from django.db import connection

from access.principal import principal
from tests.proofs.house import House
from tests.proofs.truth import Eyes, Truth


def faults(house: House) -> list[str]:
    truth = house.truth()
    found = []
    for eyes in house.eyes.values():
        with principal(**eyes.principal), connection.cursor() as cursor:
            found += [*_devices(truth, eyes, cursor), *_invited(truth, eyes, cursor)]
    return found


def _devices(truth: Truth, eyes: Eyes, cursor: Any) -> Iterator[str]:
    """Staff learn how many devices in use an account has; nobody else does, of anybody."""
    for company in truth.rows("access_organization"):
        in_use = (
            d for d in truth.rows("telemetry_device") if d["customer_id"] == company["id"] and d["retired_at"] is None
        )
        expected = len(list(in_use)) if truth.is_staff(eyes) else 0
        cursor.execute("SELECT count_devices(%s)", [company["id"]])
        (told,) = cursor.fetchone()
        if told != expected:
            yield f"count_devices tells {eyes.name} {told} instead of {expected}"


def _invited(truth: Truth, eyes: Eyes, cursor: Any) -> Iterator[str]:
    """A customer reads whom it invited, and of a draft that it is not answered yet; no partner reads who else was asked."""
    for tender in truth.rows("partners_tender"):
        expected = {
            (p["partner_id"], "invited" if p["state"] == "draft" else p["state"])
            for p in truth.rows("partners_proposal")
            if p["tender_id"] == tender["id"] and p["customer_id"] in truth.owner(eyes)
        }
        cursor.execute("SELECT partner_id::text, state FROM list_invited(%s)", [tender["id"]])
        if set(cursor.fetchall()) != expected:
            yield f"list_invited tells {eyes.name} of others than it invited"
