"""Holes in a real database, and the proofs that must notice each."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.proofs.house import house
from tests.sabotage.database import Saboteur
from tests.sabotage.holes import Verdict

__all__ = ["house"]
# One of each kind in every run of the suite; all of them with `make sabotage`.
FEW = (
    "telemetry_devicehealth: row-level security off",
    "telemetry_alert: no FORCE",
    "access_grant.reads dropped",
    "partners_partnernote.changes: USING (true)",
    "access_invitation.changes: WITH CHECK (true)",
    "telemetry_deviceinventory.reads: any kind of data instead of inventory",
    "app_sites(): without g.expires_at > statement_timestamp()",
    "telemetry_alert.device_id → telemetry_device: single",
    "access_auditentry.audit_chain off",
    "access_viewingentry.only_added dropped",
    "TRUNCATE ON access_site to sc_app",
    "sc_app is BYPASSRLS",
)


@pytest.fixture
def saboteur(house: Any, django_db_blocker: Any) -> Any:
    with django_db_blocker.unblock():
        yield Saboteur.of(house)


def test_when_one_hole_of_each_kind_is_planted_in_the_database_then_a_test_turns_red(saboteur: Saboteur):
    holes = [hole for hole in saboteur.holes() if hole.name in FEW]

    verdicts = list(saboteur.judged(holes))

    assert {v.name for v in verdicts} == set(FEW)
    assert [v for v in verdicts if v.verdict != "caught"] == []


@pytest.mark.soak
def test_when_any_hole_is_planted_in_the_database_then_a_test_turns_red(saboteur: Saboteur):
    """SABOTAGE_VERDICTS: a file for the verdicts. SABOTAGE_HOLES: only holes with this in their name."""
    assert saboteur.sound() == []
    wanted = os.environ.get("SABOTAGE_HOLES", "")
    holes = [hole for hole in saboteur.holes() if wanted in hole.name]
    verdicts: list[Verdict] = []
    try:
        for verdict in saboteur.judged(holes):
            verdicts.append(verdict)
    finally:
        if place := os.environ.get("SABOTAGE_VERDICTS"):
            Path(place).write_text(json.dumps([vars(v) for v in verdicts]))

    assert [v for v in verdicts if not v.is_good] == []
