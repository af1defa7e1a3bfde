"""What a device says it consists of, in the words of the report format."""

from typing import Any

from smartcare.simulator.hardware import Hardware

CHASSIS = "chassis/1"
Part = dict[str, Any]


def inventory(hardware: Hardware, serial: str | None, version: str) -> dict[str, Any]:
    """The `inventory` object of a report; every instance that samples name is a component."""
    chassis: Part = {"id": CHASSIS, "class": "chassis", "name": hardware.model, "model": hardware.model}
    chassis |= {"hw_rev": "V02", "fw_rev": version} | ({"serial": serial} if serial else {})
    return {
        "complete": True,
        "components": [chassis, *_parts(hardware), *_ports(hardware)],
        "software": [{"name": hardware.system, "version": version, "role": "os"}],
    }


def _parts(hardware: Hardware) -> list[Part]:
    parts = [
        _part("cpu/1", "other", "Processor"),
        _part("pool/system", "other", "Memory"),
        _part("disk/flash", "disk", "Internal flash"),
        _part("sensor/hotspot", "sensor", "Hottest spot"),
    ]
    if hardware.rpm:
        parts.append(_part("fan/1", "fan", "Fan 1"))
    if hardware.rail:
        parts += [_part("psu/1", "powerSupply", "Power supply 1"), _part("sensor/12v", "sensor", "12 V rail")]
    if hardware.poe_w is not None:
        parts.append(_part("poe/1", "other", "Power over Ethernet"))
    return parts + [_part(f"radio/{name}", "radio", f"Radio {name}") for name in hardware.radios]


def _ports(hardware: Hardware) -> list[Part]:
    return [
        _part(port.instance, "interface", port.name) | {"alias": port.alias, "if_index": n, "if_type": 6}
        for n, port in enumerate(hardware.ports, 1)
    ]


def _part(instance: str, part_class: str, name: str) -> Part:
    return {"id": instance, "class": part_class, "parent": CHASSIS, "name": name}
