"""The data folder, which one stack at a time may use, and the short private folder of its sockets."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from smartcare.devstack.errors import InUse, StackError
from smartcare.devstack.guard import NOBODY

LOCK = "smartcare.lock"  # also the sign that a folder is one of ours
THROW_AWAY = "smartcare-"
LONGEST_SOCKET_PATH = 103  # bytes; macOS ends at 104 with the zero, Linux at 108
LONGEST_NAME_IN_IT = "/.s.PGSQL.5432.lock"
STOPPING_S = 30.0  # servers of a killed supervisor shut down by themselves: a checkpoint on a slow disk


@dataclass(frozen=True)
class DataFolder:
    """A data folder this process holds the lock of.

    lock: file descriptor. The servers inherit it, so the folder stays locked until the last of their processes is gone,
    even if the supervisor was killed.
    """

    path: Path
    sockets: Path
    lock: int

    def log(self, name: str) -> Path:
        return self.path / f"{name}.log"

    def append_to_log(self, name: str) -> BinaryIO:
        """For this user alone: a failed statement is logged with the data in it."""
        return os.fdopen(os.open(self.log(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "ab")


@contextlib.contextmanager
def claimed(path: Path) -> Iterator[DataFolder]:
    """The folder, made if missing, for this process alone. Raises InUse if a living stack has it."""
    path = path.absolute()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = path.resolve()
    lock = _lock(path, patience_s=STOPPING_S)
    try:
        sockets = _new_private_folder(_sockets_of(path))
        try:
            yield DataFolder(path, sockets, lock)
        finally:
            shutil.rmtree(sockets, ignore_errors=True)
    finally:
        os.close(lock)


@contextlib.contextmanager
def throw_away() -> Iterator[Path]:
    """A data folder that is gone afterwards; also removes what killed processes have left behind."""
    _remove_abandoned()
    path = Path(tempfile.mkdtemp(prefix=THROW_AWAY)).resolve()
    (path / LOCK).write_text(str(os.getpid()))  # known as ours and as in use, also if no server is ever started
    try:
        yield path
    finally:
        remove(path)  # waits for the last process that still writes there


def is_ours(path: Path) -> bool:
    return (path / LOCK).exists()


def remove(path: Path, patience_s: float = STOPPING_S) -> None:
    """Throw away a stack's data. Raises StackError for a folder that is not one of ours, InUse while it is used."""
    if not path.exists():
        return
    if not is_ours(path):
        if any(path.iterdir()):
            raise StackError(f"{path} was not made by SmartCare ({LOCK} is missing): it is left alone.")
        path.rmdir()
        return
    lock = _lock(path.resolve(), patience_s)
    try:
        _erase(path)
    finally:
        os.close(lock)


def _erase(path: Path) -> None:
    """With what belongs to it elsewhere. We hold its lock: nobody uses it."""
    for belonging in (_elsewhere(path), _sockets_of(path.resolve())):
        with contextlib.suppress(OSError, StackError):
            _require_own(belonging, or_of_user=NOBODY)
            shutil.rmtree(belonging)
    for entry in path.iterdir():
        if entry.name != LOCK:  # the sign goes last: what an interruption leaves is still known as ours
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    shutil.rmtree(path)


def fingerprint(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:10]


def relocated(path: Path) -> Path:
    """A place that any user can pass through, for root whose data folder other users cannot enter.

    Kept as long as the data folder: `remove` takes both.
    """
    place = _elsewhere(path)
    place.mkdir(mode=0o700, exist_ok=True)
    _require_own(place)
    place.chmod(0o711)
    return place


def _elsewhere(path: Path) -> Path:
    return Path("/var/tmp") / f"smartcare-{os.getuid()}-{fingerprint(path.resolve())}"  # noqa: S108 - owner is checked


def _lock(path: Path, patience_s: float) -> int:
    descriptor = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    give_up_at = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            holder = _holder(path)
            living = holder != os.getpid() and _is_alive(holder)  # our own servers may still be ending
            if living or time.monotonic() > give_up_at:
                os.close(descriptor)
                raise InUse(
                    f"Another SmartCare (process {holder or 'unknown'}) runs on {path}: "
                    "stop it first, or give this one a folder of its own."
                ) from None
            time.sleep(0.05)  # its supervisor is gone and its servers are still stopping
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def _holder(path: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        return int((path / LOCK).read_text())
    return 0


def _is_alive(pid: int) -> bool:
    """0 means that the holder has not yet written its number: alive."""
    if pid == 0:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Killed, and its parent has not asked for its exit code yet (a container without an init process never asks)."""
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return False


def _remove_abandoned() -> None:
    for path in Path(tempfile.gettempdir()).glob(f"{THROW_AWAY}*/"):
        with contextlib.suppress(OSError, StackError):
            if _is_abandoned(path):
                remove(path, patience_s=0)


def _is_abandoned(path: Path) -> bool:
    return path.lstat().st_uid == os.getuid() and is_ours(path) and not _is_alive(_holder(path))


def _sockets_of(path: Path) -> Path:
    return _socket_root() / f"sc-{os.getuid()}-{fingerprint(path)}"


def _socket_root() -> Path:
    """The temporary folder, or /tmp where its name is too long for a socket."""
    for root in (Path(tempfile.gettempdir()).resolve(), Path("/tmp")):  # noqa: S108 - the folder in it is private
        longest = f"{root}/sc-{os.getuid()}-{'0' * 10}{LONGEST_NAME_IN_IT}"
        if len(os.fsencode(longest)) <= LONGEST_SOCKET_PATH:
            return root
    return root


def _new_private_folder(path: Path) -> Path:
    """Made anew: a killed stack's sockets go with the old one. We hold the data folder's lock: nobody listens there."""
    if path.exists(follow_symlinks=False):
        _require_own(path, or_of_user=NOBODY)
        shutil.rmtree(path)
    path.mkdir(mode=0o700)
    return path


def _require_own(path: Path, or_of_user: int | None = None) -> None:
    """Raises StackError if somebody else made the folder, or made it a link.

    or_of_user: accepted besides, if we are root; what root's PostgreSQL runs as where it cannot run as root's own.
    """
    found = path.lstat()
    owners = {os.getuid()} | ({or_of_user} if or_of_user and os.getuid() == 0 else set())
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
        raise StackError(f"{path} exists and is not a folder of this user: remove it.")
