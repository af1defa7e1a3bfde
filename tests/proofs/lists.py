"""Lists that are no rooms of the door: grants, requests, journals, contracts, destinations. Their filters alone, without any policy.

Who acts for a company is asked before such a list is made (access/context.py), so those who do not are left out here.
"""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import models

from access.models import TenantModel
from access.principal import principal
from tests.proofs.doors import _as_owner
from tests.proofs.house import House
from tests.proofs.rules import PARTIES, Rule, both, either, mine, nobody, own, sent_proposal
from tests.proofs.truth import Eyes, Truth


def partner(t: Truth, e: Eyes, r: dict[str, Any]) -> bool:
    return e.kind == "partner"


RULES: dict[str, Rule] = {
    "access_grant": PARTIES,
    "access_accessrequest": PARTIES,
    "access_auditentry": mine("customer_id"),
    "access_viewingentry": either(own, mine("looker_id")),
    "access_unsealedlook": mine("customer_id"),
    "access_seal": mine("customer_id"),
    "access_anchor": mine("customer_id"),
    "access_ownreadsummary": mine("customer_id"),
    "partners_destination": mine("owner_id"),
    "partners_delivery": mine("owner_id"),
    "partners_deliveryattempt": mine("owner_id"),
    "partners_contract": PARTIES,
    "partners_proposal": sent_proposal,
    "partners_partnernote": both(mine("owner_id"), partner),
}
MODELS: list[type[models.Model]] = [
    m for m in apps.get_models() if not issubclass(m, TenantModel) and hasattr(m._default_manager, "visible_to")
]


def faults(house: House) -> list[str]:
    """Where a list shows more or less than the rule says, and lists without a rule."""
    truth = house.truth()
    found = [f"{m._meta.db_table} has no rule" for m in MODELS if m._meta.db_table not in RULES]
    for eyes in house.eyes.values():
        acts = bool(truth.me(eyes)) or eyes.kind in {"staff", ""}
        if eyes.viewer is not None and acts:
            with principal(**eyes.principal):
                found += [fault for model in MODELS for fault in _judged(house, truth, eyes, model)]
    return found


def _judged(house: House, truth: Truth, eyes: Eyes, model: Any) -> Iterator[str]:
    table = model._meta.db_table
    rule = RULES.get(table, nobody)
    seen = _as_owner(house.behind, model._default_manager.visible_to(eyes.viewer))
    expected = {row["id"] for row in truth.rows(table) if rule(truth, eyes, row)}
    if seen != expected:
        yield f"{table}: the list shows {eyes.name} {len(seen - expected)} too many, {len(expected - seen)} too few"
