"""The inventory part of a native report: components and software of one device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from telemetry.ingest.batch import Component, Inventory, Rejections, Scalar, Software
from telemetry.ingest.formats import native_fields as fields
from telemetry.ingest.formats.native_fields import BadItem

COMPONENT_CLASSES: Final = frozenset(
    (
        "chassis",
        "module",
        "powerSupply",
        "fan",
        "sensor",
        "port",
        "interface",
        "optic",
        "disk",
        "battery",
        "radio",
        "other",
    )
)
NAMED: Final = ("parent", "name", "model", "serial", "hw_rev", "fw_rev")
_READ_ALREADY: Final = frozenset(("id", "class", *NAMED))
MOST_EXTRAS: Final = 16  # of a component; beyond, a sender is storing its own data with us
_SCALARS: Final = (str, int, float, bool)


def read_inventory(raw: Any, path: str, rejections: Rejections) -> Inventory | None:
    """The inventory, without the components that cannot be kept.

    A bad inventory is refused as a whole and the device's samples stand. `complete` is dropped together with a refused
    component: otherwise the part would be marked as removed because of a typing error.
    """
    if raw is None:
        return None
    try:
        if type(raw) is not dict:
            raise BadItem("wrong_type", "inventory is an object")
        complete = fields.flag(raw, "complete")
        if complete is None:
            raise BadItem("bad_value", "complete is required", "complete")
        at = fields.moment(raw, "at")
        listed, programs = _objects(raw, "components"), _objects(raw, "software")
    except BadItem as bad:
        rejections.add(bad.below(path), bad.code, bad.message)
        return None
    refused_before = rejections.total
    components = _each(listed, f"{path}.components", _component, rejections)
    all_kept = rejections.total == refused_before
    software = _each(programs, f"{path}.software", _software, rejections)
    return Inventory(complete and all_kept, at, tuple(components), tuple(software))


def _objects(raw: dict[str, Any], key: str) -> list[Any]:
    value = raw.get(key)
    if value is not None and type(value) is not list:
        raise BadItem("wrong_type", f"{key} is a list", key)
    return value or []


def _each[Part](
    listed: list[Any], path: str, read: Callable[[dict[str, Any]], Part], rejections: Rejections
) -> list[Part]:
    kept = []
    for index, raw in enumerate(listed):
        try:
            if type(raw) is not dict:
                raise BadItem("wrong_type", "an object is required")
            kept.append(read(raw))
        except BadItem as bad:
            rejections.add(bad.below(f"{path}[{index}]"), bad.code, bad.message)
    return kept


def _component(raw: dict[str, Any]) -> Component:
    component_id, part_class = fields.required_text(raw, "id", 128), fields.required_text(raw, "class", 32)
    if part_class not in COMPONENT_CLASSES:
        raise BadItem("bad_value", f"class is one of {', '.join(sorted(COMPONENT_CLASSES))}", "class")
    said = {key: fields.text(raw, key, 255) or None for key in NAMED}
    return Component(component_id, part_class, **said, extra=_extra(raw))


def _extra(raw: dict[str, Any]) -> tuple[tuple[str, Scalar], ...]:
    """What the sender adds of its own, as far as it is small and flat."""
    if len(raw) <= 2:
        return ()
    more = [(key, value) for key, value in raw.items() if key not in _READ_ALREADY and type(value) in _SCALARS]
    short = [pair for pair in more if len(pair[0]) <= 64 and len(str(pair[1])) <= 255]
    return tuple(sorted(short, key=lambda pair: pair[0])[:MOST_EXTRAS])


def _software(raw: dict[str, Any]) -> Software:
    name, version = fields.required_text(raw, "name", 255), fields.required_text(raw, "version", 255)
    return Software(name, version, fields.text(raw, "role", 64))
