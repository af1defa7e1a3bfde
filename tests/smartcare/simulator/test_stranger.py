"""The simulator knows the wire format and nothing of the product."""

import ast
import sys
from pathlib import Path

import smartcare.simulator

FOLDER = Path(smartcare.simulator.__file__).parent
ALLOWED = {"requests", "numpy"} | set(sys.stdlib_module_names)


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(f"{'.' * node.level}{node.module or ''}")
    return found


def test_when_the_simulator_is_read_then_it_imports_nothing_of_the_product_and_no_framework():
    strays = {
        (path.name, name)
        for path in FOLDER.glob("*.py")
        for name in imported(path)
        if not name.startswith("smartcare.simulator") and name.partition(".")[0] not in ALLOWED
    }

    assert not strays
