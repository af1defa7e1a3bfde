"""Documents that cannot rot: what they name is there, and nothing in them is of one machine alone."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s#]+)[^)]*\)")
FOLDERS = {p.name for p in ROOT.iterdir() if p.is_dir()} | {".ci", ".github"}
OF_LAUNCH = {"stack", "test"}  # run before Django does (smartcare/launch.py)
MACHINE = re.compile(r"(?<![\w.])/(?:home|root|work|Users|tmp)/|\bpypi\.|\bnpmjs\b|\bproxy\.golang\b")
PACKAGES = ("access", "telemetry", "partners", "smartcare")


def named(document: Path) -> str:
    return str(document.relative_to(ROOT))


def codes(document: Path) -> list[str]:
    """Inline code, and the lines of shell blocks."""
    text = document.read_text()
    shell = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return CODE.findall(FENCED.sub("", text)) + [line for block in shell for line in block.splitlines()]


def is_path(code: str) -> bool:
    """`access/gate.py`, `tests/proofs`, `docs/devices/`, `pyproject.toml`; no addresses, no shell."""
    if not re.fullmatch(r"[\w.*/-]+", code) or code.startswith("/"):
        return False
    return (
        code.split("/")[0] in FOLDERS
        if "/" in code
        else code in {"pyproject.toml", "manage.py", "Dockerfile", "Makefile"}
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_when_a_document_names_a_path_then_it_is_there(document: Path):
    gone = [code for code in codes(document) if is_path(code) and not list(ROOT.glob(code.rstrip("/")))]

    assert gone == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_when_a_document_links_to_a_file_then_it_is_there(document: Path):
    links = [link for link in LINK.findall(document.read_text()) if not re.match(r"\w+:", link)]

    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_when_a_document_names_a_command_then_it_can_be_run(document: Path):
    commands = {name for code in codes(document) for name in re.findall(r"manage\.py ([a-z][a-z_-]*)", code)}
    targets = {name for code in codes(document) for name in re.findall(r"^make ([a-z]+)", code)}
    made = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert commands - OF_LAUNCH - set(get_commands()) == set()
    assert targets - made == set()


# Quotes lines of the source as they were changed; what they call may be any library's.
QUOTES = {ROOT / "docs" / "mutation.md"}


@pytest.mark.parametrize("document", [d for d in DOCUMENTS if d not in QUOTES], ids=named)
def test_when_a_document_names_a_function_then_it_is_defined(document: Path):
    """`gate.refusal()`: in a module of that name."""
    asked = {found for code in codes(document) for found in re.findall(r"\b([a-z_]+)\.([a-z_]+)\(\)", code)}
    missing = []
    for module, function in asked:
        files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
        files = [f for f in files if module in (f.stem, f.parent.name if f.stem == "__init__" else "")]
        if not any(re.search(rf"^def {function}\b", file.read_text(), re.MULTILINE) for file in files):
            missing.append(f"{module}.{function}")

    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_when_a_document_is_read_elsewhere_then_it_names_no_place_of_this_machine(document: Path):
    assert MACHINE.findall(document.read_text()) == []


def test_when_a_setting_is_in_the_readme_then_the_example_has_it():
    known = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    # What the installation's environment is; tests and pictures have variables of their own.
    written = set(re.findall(r"`([A-Z][A-Z_]{3,})(?:=[^`]*)?`", (ROOT / "README.md").read_text()))

    assert written - known - {"REQUIRE_BROWSER", "REQUIRE_CLIENTS", "CHROMIUM"} == set()
