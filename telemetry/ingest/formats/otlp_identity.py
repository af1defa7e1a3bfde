"""Which device a resource or a data point speaks of, and what it says about it."""

from __future__ import annotations

from typing import Final

from telemetry.ingest.batch import Component, Identity, Inventory, Software
from telemetry.ingest.formats import otlp_mapping as mapping
from telemetry.ingest.formats.instances import BadPoint
from telemetry.ingest.formats.otlp_model import UNSTORABLE, UNSTORABLE_TEXT, Attributes

IDENTITY_CHARS: Final = 255
NOBODY: Final = Identity()  # so it can only be the sender


def identity_of(attributes: Attributes) -> Identity:
    """The device these attributes name; NOBODY if they name none. Raises BadPoint for an unusable name."""
    if mapping.IDENTIFYING.isdisjoint(attributes):
        return NOBODY
    device_id = first(attributes, mapping.DEVICE_ID)
    serial = first(attributes, mapping.SERIAL)
    name = first(attributes, mapping.ALIAS)
    if not (device_id or serial or name):
        return NOBODY
    return Identity(
        device_id=device_id,
        serial=serial,
        vendor=first(attributes, mapping.VENDOR),
        model=first(attributes, mapping.MODEL),
        hostname=name,
        alias=None if device_id or serial else name,
    )


def inventory_of(resource: Attributes, identity: Identity) -> Inventory | None:
    """Model, serial and software of the device as a whole, if the resource tells any."""
    if mapping.DESCRIBING.isdisjoint(resource):
        return None
    model, firmware = first(resource, mapping.MODEL), first(resource, ("hw.firmware_version",))
    version = first(resource, ("os.version",))
    chassis = Component("chassis/1", "chassis", model=model, serial=identity.serial, fw_rev=firmware)
    software = (Software(first(resource, ("os.name",)) or "os", version, "os"),) if version else ()
    components = (chassis,) if model or firmware else ()
    return Inventory(complete=False, components=components, software=software) if components or software else None


def first(attributes: Attributes, names: tuple[str, ...]) -> str | None:
    """The first of these attributes that is there, as text. Raises BadPoint if it cannot be stored."""
    for name in names:
        value = attributes.get(name)
        if value is not None and value != "":
            text = value if type(value) is str else str(value)
            if len(text) > IDENTITY_CHARS:
                raise BadPoint("bad_value", f"{name} has more than {IDENTITY_CHARS} characters")
            if UNSTORABLE in text:
                raise BadPoint("bad_value", UNSTORABLE_TEXT)
            return text
    return None
