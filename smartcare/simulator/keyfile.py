"""The file of device keys: what `manage.py seed --json` prints, or a plain object of keys."""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from smartcare.simulator.hardware import kind_of
from smartcare.simulator.plan import DeviceSpec

TEXTS = tuple(field.name for field in fields(DeviceSpec) if field.name not in {"name", "key", "kind"})


def read(path: Path) -> list[DeviceSpec]:
    """The devices of a keys file, in its order.

    Either the seed's object (`device_keys`, and `ids` for the names the product has given), or {device: key}, where a
    key may also be {"key": …, "kind": …, "fault": …, …} with any field of DeviceSpec. Raises ValueError with a
    sentence that says what is wrong; OSError if there is no such file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a JSON object")
    return parse(content)


def parse(content: Mapping[str, Any]) -> list[DeviceSpec]:
    """The devices of a keys file's content; see `read`."""
    keys = content.get("device_keys", content)
    if not isinstance(keys, dict) or not keys:
        raise ValueError("The keys file names no device: expected device_keys, or an object of device: key")
    names = content.get("ids", {}) if keys is not content else {}
    return [_spec(name, said, names) for name, said in keys.items()]


def _spec(name: str, said: Any, names: Mapping[str, Any]) -> DeviceSpec:
    said = {"key": said} if isinstance(said, str) else said
    if not isinstance(said, dict) or not isinstance(said.get("key"), str):
        raise ValueError(f"{name}: expected its key, or an object with `key`")
    unknown = set(said) - {"key", "kind", *TEXTS}
    if unknown:
        raise ValueError(f"{name}: unknown field {', '.join(sorted(unknown))}")
    kind = kind_of(said["kind"]) if said.get("kind") else None
    if said.get("kind") and kind is None:
        raise ValueError(f"{name}: unknown kind {said['kind']}")
    texts = {text: said[text] for text in TEXTS if said.get(text)}
    given = names.get(name)
    return DeviceSpec(name, said["key"], kind, **({"device_id": given} if isinstance(given, str) else {}) | texts)
