"""Customers, partners, devices, keys and webhooks of a run, made by the product's own functions, in a process of their own.

python -m tests.chaos.world HOOKS DEVICES: prints one line of JSON (`World`).
"""

import json
import sys
from dataclasses import asdict, dataclass, field

import django

HOOK_OWNERS = ("acme", "globex", "northwind")


@dataclass
class Sender:
    """Who reports: a device for itself, or a collector for several devices (by serial)."""

    name: str
    key: str
    serials: list[str]


@dataclass
class World:
    """hooks: owner to the secret of its webhook. devices: serial to the device's key in the database."""

    senders: list[Sender] = field(default_factory=list)
    hooks: dict[str, str] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)
    grant: str = ""

    @classmethod
    def read(cls, text: str) -> "World":
        said = json.loads(text)
        return cls([Sender(**sender) for sender in said.pop("senders")], **said)


def build(hooks: str, devices: int) -> World:
    """acme shares hq with northwind, with alerts. Half of the devices are acme's and report themselves; the other half
    are globex's and have a collector."""
    from access.principal import acting
    from partners import destinations
    from telemetry import fleet
    from tests.cast import HEALTH
    from tests.cast import World as Cast

    cast = Cast.build()
    world = World()
    grant = cast.acme.shares("hq", with_=cast.northwind, categories={HEALTH}, forward_alerts=True)
    world.grant = str(grant.pk)
    for n in range(devices - devices // 2):
        serial = f"ACME-{n}"
        device = cast.acme.installs(serial, site="hq" if n % 3 else "branch", serial=serial)
        world.devices[serial] = str(device.pk)
        world.senders.append(Sender(serial, cast.acme.key_for(device), [serial]))
    serials = [f"GLOBEX-{n}" for n in range(devices // 2)]
    for serial in serials:
        world.devices[serial] = str(cast.globex.installs(serial, site="plant", serial=serial).pk)
    gwen = cast.globex.viewer()
    with acting(gwen):
        collector = fleet.open_collector(site=cast.globex.sites["plant"], name="poller", by=gwen)
        key = fleet.issue_key(collector=collector, by=gwen).secret
    world.senders.append(Sender("poller", key, serials))
    for name in HOOK_OWNERS:
        company = getattr(cast, name)
        boss = company.viewer()
        with acting(boss):
            _, world.hooks[name] = destinations.add_webhook(
                owner=company.organization, url=f"{hooks}/{name}", name=name, by=boss
            )
    return world


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(json.dumps(asdict(build(sys.argv[1], int(sys.argv[2])))) + "\n")
