"""Northwind's webhook in a demonstration: the seeded one stays switched off, this one goes to the receiver on this machine."""

from partners import destinations
from partners.models import Destination
from smartcare.demo.memory import Memory
from smartcare.demo.stage import Addresses
from smartcare.story.world import recall

COMPANY, PERSON = "northwind", "nora"
NAME = "The receiver of this demonstration"


def connect(addresses: Addresses, memory: Memory) -> None:
    """The same webhook at each start; a new one where the receiver's address has changed. Its challenge is sent by the worker."""
    world = recall()
    assert world is not None
    viewer, url = world.viewers[PERSON], addresses.hook(COMPANY)
    with world.acting(PERSON):
        mine = Destination.objects.filter(owner=viewer.organization_id, name=NAME, removed_at=None)
        if mine.filter(url=url).exists():
            return
        for outdated in mine:
            destinations.remove(outdated, by=viewer)
        assert viewer.organization is not None
        _, secret = destinations.add_webhook(owner=viewer.organization, url=url, name=NAME, by=viewer)
    memory.keep(webhook_secret=secret)
