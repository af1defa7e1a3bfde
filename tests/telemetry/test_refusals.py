"""Every reason the front door can give has words for the customer."""

import ast
from collections.abc import Iterator
from pathlib import Path

from telemetry.refusals import DOORS, REASONS

INGEST = Path(__file__).parents[2] / "telemetry" / "ingest"
# Where each of these takes the code.
PLACES = {
    "DecodeError": 1,
    "Note": 1,
    "BadItem": 0,
    "BadPoint": 0,
    "_Refused": 0,
    "BadKey": 0,
    "KeyStopped": 0,
    "add": 1,
    "_refuse": 1,
}
# No key yet, or no refusal of a report.
NOBODYS = {"bad_key", "method_not_allowed", "try_later"}
WARNINGS = {"clock_adjusted", "clock_unsync", "alias_used", "unknown_instance"}


def codes() -> Iterator[str]:
    for path in INGEST.rglob("*.py"):
        if path.name == "enrol.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            place = PLACES.get(name)
            if place is not None and len(node.args) > place:
                said = node.args[place]
                if isinstance(said, ast.Constant) and isinstance(said.value, str):
                    yield said.value


def test_when_the_door_knows_a_reason_then_it_has_words() -> None:
    found = set(codes())

    assert len(found) > 20
    assert found - NOBODYS - WARNINGS <= set(REASONS)


def test_when_a_remedy_is_read_then_it_is_a_sentence() -> None:
    for reason in REASONS.values():
        assert str(reason.remedy).endswith((".", "?"))
        assert not str(reason.title).endswith(".")


def test_when_a_door_is_known_then_it_has_a_name() -> None:
    from telemetry.ingest.doors import CALLHOME_DOOR
    from telemetry.ingest.doors import DOORS as THERE

    assert set(DOORS) == {door.name for door in (*THERE.values(), CALLHOME_DOOR)}
