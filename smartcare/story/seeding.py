"""The story from its beginning, once."""

from pathlib import Path
from typing import Any, Final

from django.db import transaction

from smartcare.story import business, companies, consent, equipment, history, printed, telling, troubles
from smartcare.story.world import Progress, World, recall
from telemetry import lifecycle

CATALOGUE: Final = Path(__file__).with_name("catalogue.csv")


def seed(progress: Progress, *, days: int = 35, lead_s: float = 0.0) -> dict[str, Any]:
    """Make sure that the cast is there; what `seed --json` prints. All or nothing: an interrupted run leaves no trace.

    days: how far back the devices' readings go, 0 for none. lead_s: how long before now they end, for somebody who lets
    the devices report from there on. Raises what the database raises; run it on a migrated one.
    """
    with transaction.atomic():
        world = recall()
        if world is not None:
            progress("the cast is there already")
            return printed.everything(world)
        world = _tell(progress)
        said = printed.everything(world, just_told=True)
        if days:
            progress(f"readings of {days} days")
            history.happen(world, said, days=days, lead_s=lead_s)
        return said


def _tell(progress: Progress) -> World:
    progress("companies and people")
    companies.open_all()
    progress("devices, and what their maker announced")
    lifecycle.load(CATALOGUE)
    equipment.install(_recalled())
    world = _recalled()
    progress("alerts, forecasts, comments")
    troubles.happen(world)
    progress("grants, requests, looks")
    consent.settle(world)
    progress("contracts, proposals, destinations")
    business.agree(world)
    telling.tell(world)
    return world


def _recalled() -> World:
    world = recall()
    assert world is not None
    return world
