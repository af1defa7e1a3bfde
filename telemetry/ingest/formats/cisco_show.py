"""Outputs of a few `show` commands, read as far as they are understood. Nothing here ever fails: what does not look as
expected is passed over, because a device must not lose its report over the wording of one release.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from telemetry.ingest.batch import GAUGE, STATE, Component, Sample, Software

LINES: Final = 20_000
LINE_CHARS: Final = 200  # longer lines are no table rows, and would cost the patterns quadratic time

_NAME_LINE: Final = re.compile(r'NAME:\s*"([^"]{1,80})"\s*,\s*DESCR:\s*"([^"]{0,120})"')
_PID_LINE: Final = re.compile(r"PID:\s*([^\s,]*)\s*,\s*VID:\s*([^\s,]*)\s*,\s*SN:\s*(\S*)")
_VERSION: Final = re.compile(r"\b(?:Version|version:?)\s+([0-9A-Za-z][0-9A-Za-z.()\-]{1,60}[0-9A-Za-z)])")
_SENSOR_LINE: Final = re.compile(
    r"\s*(\S(?:.{0,40}?\S)?)\s{2,}(\S(?:.{0,20}?\S)?)\s{2,}([A-Za-z]+)\s+(-?\d+(?:\.\d+)?)\s+(Celsius|mV|mA|V|A|Watts?)\b"
)
_FAN_LINE: Final = re.compile(
    r"\s*(\d{1,2})\s+(\d{1,2})\s+(\d{1,6})\s+(OK|FAULTY|NOT PRESENT|Good|Bad)\b", re.IGNORECASE
)
_FAN_HEADER: Final = re.compile(r"\s*Switch\s+FAN\s+Speed\s+State\b", re.IGNORECASE)
_SUPPLY_LINE: Final = re.compile(
    r"\s*(\d{1,2}[A-Z])\s+(?:(Not Present)|\S+\s+\S+\s+(OK|Good|Faulty|Bad|No Input Power|Disabled))\b", re.IGNORECASE
)
_SWITCH: Final = re.compile(r"\bSwitch\s+(\d{1,2})\b", re.IGNORECASE)
_SUPPLY: Final = re.compile(r"\bPower Supply(?: Module)?\s*([A-Z0-9]{0,2})\b", re.IGNORECASE)
_FAN: Final = re.compile(r"\bFAN(?:\s+Tray)?\s*(\d{0,2})\b", re.IGNORECASE)
_OPTIC: Final = re.compile(r"\b(?:SFP|QSFP|XFP|[0-9]+G?BASE-?\w*|transceiver)", re.IGNORECASE)

_SENSOR_STATES: Final = {
    **dict.fromkeys(("green", "normal", "good", "ok"), "ok"),
    **dict.fromkeys(("yellow", "warning", "minor"), "warning"),
    **dict.fromkeys(("red", "critical", "major"), "critical"),
    "shutdown": "shutdown",
    "faulty": "failed",
}
_UNIT_STATES: Final = {
    **dict.fromkeys(("ok", "good"), "ok"),
    **dict.fromkeys(("faulty", "bad", "no input power", "disabled"), "failed"),
    "not present": "absent",
}
_UNITS: Final = {
    "Celsius": ("sensor.temperature", 1.0),
    "V": ("sensor.voltage", 1.0),
    "mV": ("sensor.voltage", 1000.0),
    "A": ("sensor.current", 1.0),
    "mA": ("sensor.current", 1000.0),
    "Watt": ("sensor.power", 1.0),
    "Watts": ("sensor.power", 1.0),
}


def inventory(text: str) -> Iterator[Component]:
    """`show inventory`: pairs of lines, NAME and DESCR, then PID, VID and SN."""
    named: re.Match[str] | None = None
    for line in _lines(text):
        if found := _NAME_LINE.search(line):
            named = found
        elif named and (found := _PID_LINE.search(line)):
            yield _component(named[1].strip(), named[2].strip(), *found.groups())
            named = None


def software(text: str, system: str) -> Software | None:
    """The version in `show version` or in a system description; `system` may say which system it is of."""
    found = _VERSION.search(text[:4_000])
    return Software(system_name(f"{system} {text[:4_000]}"), found[1], "os") if found else None


def environment(text: str, t: float) -> Iterator[Sample]:
    """`show environment [all]`: temperatures, voltages, fans and power supplies at time t (seconds since 1970)."""
    in_fan_table = False
    for line in _lines(text):
        if _FAN_HEADER.match(line):
            in_fan_table = True
        elif found := _SENSOR_LINE.match(line):
            yield from _sensor(found, t)
        elif in_fan_table and (found := _FAN_LINE.match(line)):
            where = f"fan/{found[1]}/{found[2]}"
            yield Sample("fan.speed", where, (), GAUGE, int(found[3]), None, t)
            yield Sample("fan.status", where, (), STATE, None, _UNIT_STATES[found[4].lower()], t)
        elif found := _SUPPLY_LINE.match(line):
            state = _UNIT_STATES[(found[2] or found[3]).lower()]
            yield Sample("psu.status", f"psu/{found[1]}", (), STATE, None, state, t)


def _lines(text: str) -> Iterator[str]:
    for count, line in enumerate(text.splitlines()):
        if count >= LINES:
            return
        if len(line) <= LINE_CHARS:
            yield line


def _sensor(found: re.Match[str], t: float) -> Iterator[Sample]:
    """`Temp: Inlet  Switch 1  GREEN  25 Celsius` is sensor/1/inlet."""
    label, place, state, number, unit = found.groups()
    switch = _SWITCH.search(place)
    name = label.removeprefix("Temp:").strip().lower().replace(" ", "-")
    where = f"sensor/{switch[1] if switch else place.replace(' ', '-')}/{name}"
    metric, divisor = _UNITS[unit]
    yield Sample(metric, where, (), GAUGE, float(number) / divisor, None, t)
    known = _SENSOR_STATES.get(state.lower())
    if known:
        yield Sample("sensor.status", where, (), STATE, None, known, t)


def _component(name: str, descr: str, pid: str, vid: str, serial: str) -> Component:
    component_id, part_class = _place(name, descr)  # NAME has at most 80 characters, so an id has fewer than 128
    parent = None if part_class == "chassis" else "chassis/1"
    switch = _SWITCH.search(name)
    if switch and parent:
        parent = f"chassis/{switch[1]}"
    extra = (("descr", descr),) if descr and descr != name else ()
    return Component(component_id, part_class, parent, name, pid or None, serial or None, vid or None, extra=extra)


def _place(name: str, descr: str) -> tuple[str, str]:
    """Id and class of a part, by the words Cisco uses: `Switch 1 - Power Supply A` is psu/1A."""
    switch = _SWITCH.search(name)
    stack = switch[1] if switch else ""
    if found := _SUPPLY.search(name):
        return f"psu/{stack}{found[1].upper()}".rstrip("/") or "psu/1", "powerSupply"
    if found := _FAN.search(name):
        return f"fan/{stack or 1}/{found[1] or 1}", "fan"
    if _OPTIC.search(descr):
        return f"optic/{name}", "optic"
    if switch and name.lower() in (f"switch {stack}", f"switch{stack}"):
        return f"chassis/{stack}", "chassis"
    if name.lower() in ("chassis", "1") or "chassis" in descr.lower():
        return "chassis/1", "chassis"
    return f"module/{name}", "module"


def system_name(said: str) -> str:
    for sign, name in (
        ("NX-OS", "NX-OS"),
        ("IOS-XE", "IOS-XE"),
        ("IOSXE", "IOS-XE"),
        ("IOS XE", "IOS-XE"),
        ("Adaptive Security", "ASA"),
        ("IOS XR", "IOS-XR"),
        ("IOS", "IOS"),
    ):
        if sign in said:
            return name
    return "os"
