"""Instances and counters: small rules that more than one foreign format needs."""

from __future__ import annotations

from math import isfinite
from typing import Final

LARGEST_COUNTER: Final = (1 << 64) - 1
INSTANCE_CHARS: Final = 128

CLASSES: Final = ("if", "fan", "psu", "sensor", "poe", "cpu", "pool", "disk", "battery", "chassis", "radio")
_PREFIXES: Final = tuple(f"{name}/" for name in CLASSES)


class BadPoint(Exception):
    """This data point cannot be kept; the rest of the request can."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def instance(part_class: str, name: str) -> str:
    """`class/name`, unless the name has a class already (`Gi1/0/1` has none). Raises BadPoint if it is too long."""
    if part_class and name and not name.startswith(_PREFIXES):
        name = f"{part_class}/{name}"
    if len(name) > INSTANCE_CHARS:
        raise BadPoint("bad_value", f"an instance has at most {INSTANCE_CHARS} characters")
    return name


def scaled(value: int | float, factor: float) -> int | float:
    """The value in our unit; an integer stays one where nothing is scaled down."""
    if factor >= 1:
        return value if factor == 1 else value * factor
    return value / (1 / factor)  # 57 / 100 is 0.57, 57 * 0.01 is not


def counted(value: int | float) -> int | float:
    """A counter's value, whole where it is whole. Raises BadPoint for what no counter can show."""
    if not 0 <= value <= LARGEST_COUNTER:
        raise BadPoint("bad_value", "a counter is between 0 and 18446744073709551615")
    return int(value) if type(value) is float and value.is_integer() else value


def finite(value: float) -> float:
    if not isfinite(value):
        raise BadPoint("bad_value", "not a finite number")
    return value
