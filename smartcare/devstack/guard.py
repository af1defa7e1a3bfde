"""Run a program that dies with its supervisor and, where asked, without root's rights.

    python -I -S guard.py --supervisor PID --signal N [--as namespace|nobody] [--adopt] [--probe PATH …] -- PROGRAM …

A program of its own, not a `preexec_fn`: between fork and exec of a process with threads nothing may run that could
wait for a lock. Replaces itself by PROGRAM. With `--probe` it only reports by its exit code whether those paths can be
used with the rights it has taken on. With `--adopt` orphans of PROGRAM become its children.
"""

import argparse
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
# Loaded now: with the rights taken on later, Python's own files may be out of reach.
KERNEL = None
if sys.platform == "linux":
    with contextlib.suppress(ImportError):  # a Python built without libffi
        import ctypes

        KERNEL = ctypes.CDLL(None)
INHERITED_IF_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
INSIDE = 1000  # root's number inside the namespace; any number but 0 will do
NOBODY = 65534

USABLE, NOT_USABLE, RIGHTS_REFUSED, SUPERVISOR_GONE = 0, 1, 70, 71


def enter_namespace() -> None:
    """A user namespace in which root's own files belong to an ordinary user. Raises OSError where it is refused."""
    user, group = os.geteuid(), os.getegid()
    os.unshare(os.CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{INSIDE} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{INSIDE} {group} 1")


def become_nobody() -> None:
    """Raises OSError where root may not change its user (CAP_SETUID taken away)."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


RIGHTS = {"own": lambda: None, "namespace": enter_namespace, "nobody": become_nobody}


def ask_kernel(option: int, value: int) -> None:
    """prctl(2), where there is one."""
    if KERNEL is not None:
        KERNEL.prctl(option, value, 0, 0, 0)


def die_with(supervisor: int, number: int) -> None:
    """Ask the kernel for a signal when the supervisor's thread ends; where it cannot, there is the clean stop alone.

    Comes after a change of rights, which clears the request.
    """
    ask_kernel(PR_SET_PDEATHSIG, number)
    if os.getppid() != supervisor:  # it ended before the kernel was asked
        sys.exit(SUPERVISOR_GONE)


def is_usable(path: str) -> bool:
    """A folder can be passed through, a file read and run."""
    return os.access(path, os.X_OK if os.path.isdir(path) else os.R_OK | os.X_OK)


def execute(program: list[str]) -> NoReturn:
    os.execvp(program[0], program)  # noqa: S606 - the caller's own program, no shell


def main(argv: list[str]) -> int:
    """Exit code of a probe, or of rights refused; does not come back from a program."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--supervisor", type=int, required=True)
    parser.add_argument("--signal", type=int, default=int(signal.SIGKILL))
    parser.add_argument("--as", dest="rights", choices=RIGHTS, default="own")
    parser.add_argument("--adopt", action="store_true")
    parser.add_argument("--probe", action="append", default=[])
    parser.add_argument("program", nargs="*")
    wanted = parser.parse_args(argv)
    try:
        RIGHTS[wanted.rights]()
    except OSError as error:
        sys.stderr.write(f"{wanted.rights}: {error}\n")
        return RIGHTS_REFUSED
    if wanted.probe:
        return USABLE if all(is_usable(path) for path in wanted.probe) else NOT_USABLE
    for number in INHERITED_IF_IGNORED:  # a shell starts its background jobs with SIGINT ignored
        signal.signal(number, signal.SIG_DFL)
    if wanted.adopt:
        ask_kernel(PR_SET_CHILD_SUBREAPER, 1)
    die_with(wanted.supervisor, wanted.signal)
    execute(wanted.program)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
