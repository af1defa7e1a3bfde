"""The first command on a fresh machine: which Python is taken, what is installed, and when nothing is."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
# Answers like a Python that can make environments; one it "makes" writes down what it is called with.
FAKE_PYTHON = """#!/bin/sh
case "$1" in
  -c) echo {version} ;;
  -m) made="$4/bin"; mkdir -p "$made" && printf '%s\\n' '{environment}' > "$made/python" && chmod +x "$made/python" ;;
esac
"""
FAKE_ENVIRONMENT = """#!/bin/sh
[ "$1" = -c ] && echo 3.13 || echo "$@" >> {log}"""
SHIM_OF_A_VERSION_NOT_SELECTED = "#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2\nexit 127\n"


class Checkout:
    """A copy of what is needed to start, on a machine whose Pythons are the ones a test puts there."""

    def __init__(self, root: Path) -> None:
        self.root, self.bin, self.home = root / "checkout", root / "bin", root / "home"
        for folder in (self.root / "smartcare", self.bin, self.home):
            folder.mkdir(parents=True)
        for name in ("manage.py", "smartcare/bootstrap.py"):
            (self.root / name).write_text((ROOT / name).read_text())
        for listed in ("demo", "test", "lint"):
            (self.root / "smartcare" / f"requirements-{listed}.txt").write_text(f"# {listed}\n")
        self.log = root / "log"

    def has(self, name: str, text: str) -> Path:
        program = self.bin / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(text)
        program.chmod(0o755)
        return program

    def has_python(self, version: str, name: str | None = None) -> Path:
        environment = FAKE_ENVIRONMENT.format(log=self.log)
        return self.has(name or f"python{version}", FAKE_PYTHON.format(version=version, environment=environment))

    def runs(self, *arguments: str, stands_in: Path | None = None) -> subprocess.CompletedProcess[str]:
        """`-S`: a starter in which nothing is installed."""
        manage = os.path.relpath(self.root / "manage.py", stands_in or self.root)
        return subprocess.run(
            [sys.executable, "-S", manage, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=stands_in or self.root,
            env=self.environment(),
        )

    def environment(self) -> dict[str, str]:
        needed_by_the_starter = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
        return needed_by_the_starter | {"PATH": f"{self.bin}:/usr/bin:/bin", "HOME": str(self.home)}

    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture
def bootstrap(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module as an old Python sees it: it cannot itself be the one that is looked for."""
    old = checkout.has("python3", FAKE_PYTHON.format(version="3.11", environment=""))
    monkeypatch.setattr(sys, "executable", str(old))
    monkeypatch.setenv("PATH", str(checkout.bin))
    monkeypatch.setenv("HOME", str(checkout.home))
    for name in ("PYENV_ROOT", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    module = load(checkout.root / "smartcare" / "bootstrap.py")
    monkeypatch.setattr(module, "PLACES", [])
    return module


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_given_a_shim_that_exits_127_when_looking_for_python_then_one_that_runs_is_taken(bootstrap, checkout):
    checkout.has("python3.13", SHIM_OF_A_VERSION_NOT_SELECTED)
    works = checkout.has_python("3.13", str(checkout.home / ".pyenv/versions/3.13.0/bin/python"))

    assert bootstrap.find_python() == str(works)


def test_given_a_program_of_another_version_under_that_name_when_looking_for_python_then_it_is_passed_over(
    bootstrap, checkout
):
    checkout.has("python3.13", FAKE_PYTHON.format(version="3.10", environment=""))
    fits = checkout.has_python("3.12")

    assert bootstrap.find_python() == str(fits)


def test_given_several_versions_when_looking_for_python_then_the_one_most_used_with_it_is_taken(bootstrap, checkout):
    for version in ("3.12", "3.14", "3.13"):
        checkout.has_python(version)

    assert bootstrap.find_python() == str(checkout.bin / "python3.13")


def test_given_a_python_that_uv_installed_off_path_when_looking_for_python_then_it_is_found(bootstrap, checkout):
    folder = checkout.home / ".local/share/uv/python/cpython-3.13.1-linux-x86_64-gnu/bin"
    installed = checkout.has_python("3.13", str(folder / "python3.13"))

    assert bootstrap.find_python() == str(installed)


def test_given_no_fitting_python_when_an_environment_is_needed_then_one_sentence_says_what_to_install(bootstrap):
    with pytest.raises(SystemExit) as ended:
        bootstrap.make_venv()

    assert "Python 3.12, 3.13 or 3.14" in str(ended.value)


@pytest.fixture
def fresh(checkout: Checkout) -> Checkout:
    """A machine whose starter is too old to be used itself."""
    checkout.has_python("3.13")
    text = (checkout.root / "smartcare/bootstrap.py").read_text()
    starter = "    yield sys.executable\n"
    assert starter in text
    (checkout.root / "smartcare/bootstrap.py").write_text(text.replace(starter, ""))
    return checkout


def test_given_a_fresh_machine_when_tests_are_asked_for_then_their_list_is_installed_and_the_command_goes_on_inside(
    fresh,
):
    done = fresh.runs("test", "-k", "door")

    assert done.returncode == 0, done.stderr
    install, command = fresh.calls()
    assert install.startswith("-m pip install")
    assert "--require-hashes -r" in install
    assert install.endswith("requirements-test.txt")
    assert command == "manage.py test -k door"


@pytest.mark.parametrize("command", ["demo", "stack", "bench", "serve", "seed", "doctor", "detect"])
def test_given_a_fresh_machine_when_any_other_command_is_asked_for_then_the_short_list_is_installed(fresh, command):
    fresh.runs(command)

    assert fresh.calls()[0].endswith("requirements-demo.txt")


def test_when_the_environment_is_made_then_standard_output_is_left_to_the_command(fresh):
    assert fresh.runs("seed", "--json").stdout == ""


def test_given_another_folder_when_started_then_the_command_is_found_and_stays_there(fresh, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    fresh.runs("detect", "--input", ".", stands_in=elsewhere)

    assert fresh.calls()[-1] == "../checkout/manage.py detect --input ."


def test_given_an_installed_list_when_started_again_then_nothing_is_installed(fresh):
    fresh.runs("demo")
    before = len(fresh.calls())

    fresh.runs("demo")

    assert fresh.calls()[before:] == ["manage.py demo"]


def test_given_the_list_of_the_tests_when_the_demo_is_started_then_nothing_is_installed(fresh):
    fresh.runs("test")
    before = len(fresh.calls())

    fresh.runs("demo")

    assert fresh.calls()[before:] == ["manage.py demo"]


def test_given_a_changed_list_when_started_again_then_it_is_installed_again(fresh):
    fresh.runs("demo")
    before = len(fresh.calls())
    (fresh.root / "smartcare/requirements-demo.txt").write_text("# demo, one version newer\n")

    fresh.runs("demo")

    assert "pip install" in fresh.calls()[before]


def test_given_an_environment_of_an_old_python_when_started_then_it_is_made_anew(fresh):
    old = fresh.root / ".venv/bin/python"
    old.parent.mkdir(parents=True)
    old.write_text(FAKE_PYTHON.format(version="3.11", environment=""))
    old.chmod(0o755)

    fresh.runs("demo")

    assert "manage.py demo" in fresh.calls()


def test_given_an_environment_that_holds_everything_already_when_asked_then_nothing_is_made(
    bootstrap, checkout, monkeypatch
):
    monkeypatch.setattr(bootstrap, "PROOF", {"run": ("json",)})
    monkeypatch.setattr(bootstrap, "WANTED", [sys.version_info[:2]])

    bootstrap.ensure("run")

    assert not (checkout.root / ".venv").exists()


def test_when_loaded_then_it_needs_nothing_but_the_standard_library():
    imported = subprocess.run(
        [sys.executable, "-S", "-I", "-c", f"import runpy; runpy.run_path({str(ROOT / 'smartcare/bootstrap.py')!r})"],
        check=False,
    )

    assert imported.returncode == 0
