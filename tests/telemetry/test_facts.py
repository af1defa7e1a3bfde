"""What a device says of itself: kept once, with a line of history for every change."""

from datetime import timedelta
from typing import Any

import pytest

from access.principal import job
from telemetry import facts
from telemetry.ingest.memory import forget_everything
from telemetry.models import ConfigurationSnapshot, Device, DeviceInventory, FactInbox, InventoryChange
from tests.cast import World
from tests.telemetry.ingest.senders import Sender, cpu, device_key, now, report

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_memory() -> None:
    forget_everything()


@pytest.fixture
def switch(world: World) -> Device:
    return world.acme.installs("core switch", site="hq", serial="SN1", vendor="Cisco")


@pytest.fixture
def sender(world: World, switch: Device) -> Sender:
    return device_key(world.acme, switch)


def inventory(*parts: dict[str, Any], complete: bool = True, version: str = "17.9.4") -> dict[str, Any]:
    return {
        "complete": complete,
        "components": list(parts),
        "software": [{"name": "IOS-XE", "version": version, "role": "os"}],
    }


def part(name: str, serial: str = "", **more: Any) -> dict[str, Any]:
    kind = {"psu": "powerSupply", "fan": "fan"}[name.split("/")[0]]
    return {"id": name, "class": kind, "name": name, "serial": serial, **more}


class Worker:
    """Tells and applies, in turn."""

    def __init__(self, world: World, switch: Device, sender: Sender) -> None:
        self.world, self.switch, self.sender, self.told = world, switch, sender, 0

    def hears(self, **device: Any) -> list[tuple[str, str, str]]:
        """The changes that a report with this about the device makes."""
        self.told += 1
        answer = self.sender.posts(report(cpu(), at=now() - timedelta(seconds=60 - self.told), **device))
        assert answer.status_code == 202, answer.content
        with job(self.world.acme.pk):
            before = set(InventoryChange.unscoped.values_list("pk", flat=True))
            facts.apply_waiting([Device.unscoped.select_related("customer").get(pk=self.switch.pk)])
            new = InventoryChange.unscoped.exclude(pk__in=before).order_by("what")
            return [(change.what, change.before, change.after) for change in new]

    @property
    def row(self) -> DeviceInventory:
        with job(self.world.acme.pk):
            return DeviceInventory.unscoped.get(device=self.switch.pk)


@pytest.fixture
def worker(world: World, switch: Device, sender: Sender) -> Worker:
    return Worker(world, switch, sender)


def test_when_a_first_inventory_comes_then_it_stands_and_history_has_one_line(worker: Worker) -> None:
    changes = worker.hears(inventory=inventory(part("psu/1", "P1"), part("fan/1")))

    assert changes == [("inventory", "", "first report")]
    assert [component["id"] for component in worker.row.components] == ["psu/1", "fan/1"]
    assert (worker.row.software, worker.row.software_version) == ("IOS-XE", "17.9.4")


def test_when_a_part_is_replaced_then_history_says_by_what(worker: Worker) -> None:
    worker.hears(inventory=inventory(part("psu/1", "P1")))

    assert worker.hears(inventory=inventory(part("psu/1", "P2"))) == [("component psu/1", "P1", "P2")]


def test_given_a_complete_inventory_when_a_part_is_not_named_then_it_is_gone(worker: Worker) -> None:
    worker.hears(inventory=inventory(part("psu/1", "P1"), part("psu/2", "P2")))

    assert worker.hears(inventory=inventory(part("psu/1", "P1"))) == [("component psu/2", "P2", "")]


def test_given_an_incomplete_inventory_when_a_part_is_not_named_then_it_stays(worker: Worker) -> None:
    worker.hears(inventory=inventory(part("psu/1", "P1"), part("psu/2", "P2")))

    assert worker.hears(inventory=inventory(part("fan/1"), complete=False)) == [("component fan/1", "", "fan/1")]
    assert len(worker.row.components) == 3


def test_when_the_software_is_updated_then_history_has_both_versions(worker: Worker) -> None:
    worker.hears(inventory=inventory())

    assert worker.hears(inventory=inventory(version="17.12.1")) == [("software", "IOS-XE 17.9.4", "IOS-XE 17.12.1")]


def test_when_a_device_tells_its_name_for_the_first_time_then_that_is_no_change(worker: Worker) -> None:
    assert worker.hears(identity={"serial": "SN1", "hostname": "sw1"}) == []
    assert worker.row.hostname == "sw1"


def test_when_a_device_is_renamed_then_history_has_both_names(worker: Worker) -> None:
    worker.hears(identity={"serial": "SN1", "hostname": "sw1"})
    forget_everything()

    assert worker.hears(identity={"serial": "SN1", "hostname": "sw2"}) == [("hostname", "sw1", "sw2")]


def test_given_facts_there_and_back_before_the_worker_came_when_applied_then_the_last_word_counts(
    world: World, switch: Device, sender: Sender, worker: Worker
) -> None:
    worker.hears(inventory=inventory(version="1"))
    for number, version in enumerate(("2", "1")):
        sender.posts(report(cpu(), at=now() - timedelta(seconds=number), inventory=inventory(version=version)))

    with job(world.acme.pk):
        assert facts.apply_waiting([Device.unscoped.get(pk=switch.pk)]) == 2
        assert not FactInbox.unscoped.exists()
    assert worker.row.software_version == "1"


def test_given_a_serial_that_another_device_holds_when_told_then_both_keep_what_they_had(
    world: World, switch: Device, worker: Worker
) -> None:
    world.acme.installs("other", site="hq", serial="SN2", vendor="Cisco")

    with job(world.acme.pk):
        facts.apply_inventory(Device.unscoped.get(pk=switch.pk), {"identity": {"serial": "SN2", "hostname": "sw9"}})

    assert (worker.row.serial, worker.row.hostname) == ("SN1", "sw9")


@pytest.mark.parametrize(("kept", "rows"), [(False, 0), (True, 1)])
def test_outputs_of_commands_are_kept_only_where_the_customer_keeps_configurations(
    world: World, switch: Device, kept: bool, rows: int
) -> None:
    with job(world.acme.pk):
        device = Device.unscoped.select_related("customer").get(pk=switch.pk)
        device.customer.keep_configuration = kept
        told = {"attachments": [["show inventory", "enable secret hunter2\nhostname sw1"]]}
        facts.apply_inventory(device, told)
        facts.apply_inventory(device, told)
        snapshots = list(ConfigurationSnapshot.unscoped.filter(device=switch.pk))

    assert len(snapshots) == rows
    assert all("hunter2" not in snapshot.text and "hostname sw1" in snapshot.text for snapshot in snapshots)


def test_given_another_customers_job_when_it_applies_then_it_finds_nothing(
    world: World, switch: Device, sender: Sender
) -> None:
    sender.posts(report(cpu(), inventory=inventory()))

    with job(world.globex.pk):
        assert facts.apply_waiting([switch]) == 0
