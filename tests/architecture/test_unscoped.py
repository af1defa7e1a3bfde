"""Who may ask on nobody's behalf, who may write SQL by hand, and what no code may do. Each exception says why."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from django.db.migrations.loader import MigrationLoader

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("access", "telemetry", "partners", "smartcare")  # from the bottom up
# Reads and writes tenant rows without the door, because no person is asking, or one whose right was just asked.
MAY_BYPASS = {
    "access/models/tenancy.py": "is the door",
    "access/gate.py": "asks again at an exit, as work of the customer",
    "access/onboarding.py": "closes a site its customer has just been asked to close",
    "access/sharing.py": "locks the sites of a decision, in their order",
    "access/tenants.py": "names and numbers of sites are facts of an account, for staff",
    "telemetry/alerting.py": "the state machine of alerts, as work of the customer or by who was let in to the alert",
    "telemetry/enrolment.py": "a device that enrols is nobody yet; its code says whose it will be",
    "telemetry/facts.py": "work of the customer",
    "telemetry/fleet.py": "changes devices whose customer is asked first, with their keys and alerts",
    "telemetry/ingest/quarantine.py": "work of the customer",
    "telemetry/jobs.py": "the queue",
    "telemetry/silence.py": "work of the customer",
    "telemetry/watch.py": "work of the customer",
    "partners/forwarding/facts.py": "renders at the exit, after the gate",
    "partners/forwarding/looks.py": "notes what was sent",
    "partners/forwarding/sending.py": "the exit, with the gate's answer",
    "partners/notices.py": "mails to the customer about its own sites",
    "partners/tasks.py": "work of the customer",
    "smartcare/story/": "tells the cast's past, as work of each customer",
    "smartcare/bench/": "measures beside the door, in a database of its own",
}
# SQL put together from pieces: which pieces, and why they cannot be somebody's words.
PIECES = {
    "access/audit.py": set(),
    "access/expiry.py": {"function"},  # names in that module
    "access/seal.py": {"function"},
    "access/tenants.py": {"function"},
    "access/sharing.py": {"function"},  # one of two words
    "access/roles.py": {"APP", "BACKUP", "name", "rights_on(name)"},  # tables and roles of the catalogue
    "smartcare/bench/": None,  # names and numbers of our own, in a database of its own
}


@dataclass(frozen=True)
class Module:
    path: str
    tree: ast.Module


@cache
def modules() -> list[Module]:
    """Of the product; migrations have a test of their own."""
    files = (file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py")))
    found = (file for file in files if "migrations" not in file.parts)
    return [Module(str(file.relative_to(ROOT)), ast.parse(file.read_text())) for file in found]


def listed(path: str, table: dict[str, object]) -> str | None:
    return next((entry for entry in table if path == entry or (entry.endswith("/") and path.startswith(entry))), None)


def unscoped(module: Module) -> Iterator[int]:
    """Lines that use the manager without the door; `.unscoped.none()` shows nothing to anybody."""
    harmless = {
        id(node.func.value)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "none"
    }
    past = {"unscoped", "_base_manager", "_default_manager"}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and node.attr in past and id(node) not in harmless:
            yield node.lineno


def test_unscoped_is_used_only_where_no_person_is_asking():
    used = {module.path: lines for module in modules() if (lines := list(unscoped(module)))}

    strays = {path: lines for path, lines in used.items() if not listed(path, MAY_BYPASS)}
    unused = {entry for entry in MAY_BYPASS if not any(listed(path, {entry: ""}) for path in used)}

    assert strays == {}, "Use objects.visible_to(viewer), or say in MAY_BYPASS why no person is asking"
    assert unused == set(), "Nothing there goes past the door any more: take it off the list"


def pages_and_api() -> list[Module]:
    return [
        m for m in modules() if "/views/" in m.path or "/api/" in m.path or m.path.endswith(("/forms.py", "home.py"))
    ]


def test_no_page_and_no_api_goes_past_the_door():
    assert [(m.path, lines) for m in pages_and_api() if (lines := list(unscoped(m)))] == []


def test_pages_and_the_api_write_no_sql():
    calls = [
        f"{m.path}:{node.lineno}"
        for m in pages_and_api()
        for node in ast.walk(m.tree)
        if isinstance(node, ast.Attribute) and node.attr in {"execute", "raw", "extra", "cursor", "RawSQL"}
        if not (node.attr == "cursor" and isinstance(node.value, ast.Name) and node.value.id == "self")
    ]

    assert calls == [], "Put the question into a function of the package, behind the door"


def joined(node: ast.AST) -> Iterator[ast.expr]:
    """What is put into a string: values of an f-string, operands of +, arguments of % and format()."""
    for part in ast.walk(node):
        if isinstance(part, ast.FormattedValue):
            yield part.value
        elif isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mod):
            yield part.right
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr == "format":
            yield from part.args


def is_constant(piece: ast.expr) -> bool:
    """A name in capitals (of this module or another), a literal, or placeholders alone."""
    text = ast.unparse(piece).split("(")[0]
    return isinstance(piece, ast.Constant) or text.split(".")[-1].isupper()


def test_sql_is_put_together_from_our_own_words_alone():
    """Values travel as parameters. Whoever can run SQL can also set the context: row-level security is no help against that."""
    strays = []
    for module in modules():
        allowed = PIECES[entry] if (entry := listed(module.path, PIECES)) else set()
        if allowed is None:
            continue
        for node in ast.walk(module.tree):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if not is_call or node.func.attr not in {"execute", "raw", "executemany"} or not node.args:
                continue
            for piece in joined(node.args[0]):
                if not is_constant(piece) and ast.unparse(piece) not in allowed and not of_a_table(piece):
                    strays.append(f"{module.path}:{node.lineno}: {ast.unparse(piece)}")

    assert strays == [], "Pass values as parameters; a piece of our own stands in PIECES"


def of_a_table(piece: ast.expr) -> bool:
    """Names from a model's own description, or one of our categories."""
    text = ast.unparse(piece)
    return "_meta.db_table" in text or text in {"tables.hot", "self.tables.hot", "category.value"}


def test_the_context_is_told_to_one_transaction_and_in_one_place():
    """A session-level SET would tell it to the next request on the connection as well."""
    told = {m.path for m in modules() if "app.kind" in ast.unparse(m.tree)}
    session = re.compile(r"\bSET\s+(SESSION\s+)?app\.|set_config\([^)]*app\.[^)]*false\)", re.IGNORECASE)

    assert told == {"access/principal.py"}
    assert [m.path for m in modules() if session.search(ast.unparse(m.tree))] == []
    text = (ROOT / "access" / "principal.py").read_text()
    assert "set_config(%s, %s, true)" in text


def migrations() -> list[Path]:
    return sorted(file for package in PACKAGES for file in (ROOT / package).glob("migrations/0*.py"))


def test_migrations_depend_downwards_only():
    """Django may run a package's migrations after those of the packages it stands on, never before."""
    order = {package: number for number, package in enumerate(PACKAGES)}
    wrong = [
        f"{file.parent.parent.name} {file.stem} needs {package} {name}"
        for file in migrations()
        for package, name in import_module(
            ".".join(file.relative_to(ROOT).with_suffix("").parts)
        ).Migration.dependencies
        if package in order and order[package] > order[file.parent.parent.name]
    ]

    assert wrong == []


@pytest.mark.django_db
def test_migrations_have_one_end_for_each_package():
    assert MigrationLoader(None).detect_conflicts() == {}


@pytest.mark.parametrize("file", migrations(), ids=lambda file: f"{file.parent.parent.name}-{file.stem}")
def test_policies_are_written_by_the_operations_that_forbid_for_all(file: Path):
    """By hand somebody might write FOR ALL, which widens reading, or forget FORCE."""
    text = re.sub(r"\s+", " ", file.read_text())

    assert "FOR ALL" not in text
    if "ENABLE ROW LEVEL SECURITY" in text:
        assert "FORCE ROW LEVEL SECURITY" in text
    for created in re.findall(r"CREATE POLICY[^\"';]*", text):
        assert re.search(r" FOR (SELECT|INSERT|UPDATE|DELETE) TO ", created), created
