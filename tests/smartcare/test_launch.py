"""`manage.py stack`: its command gets environment and signals, its output is its own, nothing of it stays behind."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
# With addresses given, `stack` starts no servers and migrates nothing: what is left is the subject of this file.
ADDRESSES = {"DATABASE_URL": "postgresql://sc_app@/smartcare", "REDIS_URL": "redis://host:6379/0"}


def stack(*command: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "stack", "--", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | ADDRESSES | environment,
    )


def output_of(*command: str, **environment: str) -> str:
    process = stack(*command, **environment)
    out, complaint = process.communicate(timeout=60)
    assert process.returncode == 0, complaint
    return out


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ends_within(seconds: float, pid: int) -> bool:
    give_up_at = time.monotonic() + seconds
    while lives(pid):
        if time.monotonic() > give_up_at:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def processes() -> Iterator[list[int]]:
    """Numbers of processes that must not be left, whatever the test finds."""
    numbers: list[int] = []
    yield numbers
    for number in filter(lives, numbers):
        os.kill(number, signal.SIGKILL)


def test_when_the_command_prints_then_its_output_stands_alone():
    assert output_of("echo", "42") == "42\n"


def test_when_the_command_has_options_and_dashes_of_its_own_then_it_gets_them_all():
    assert output_of("printf", "%s ", "--data", "--", "-x") == "--data -- -x "


def test_given_no_command_when_run_then_it_says_how():
    process = stack()

    assert "-- COMMAND" in process.communicate(timeout=60)[1]
    assert process.returncode == 2


@pytest.mark.parametrize("code", [0, 3, 255])
def test_when_the_command_ends_then_its_exit_code_is_handed_on(code):
    assert stack("sh", "-c", f"exit {code}").wait(60) == code


def test_when_a_signal_ends_the_command_then_the_exit_code_says_which():
    assert stack("sh", "-c", "kill -KILL $$").wait(60) == 128 + signal.SIGKILL


def test_given_a_command_that_is_not_there_when_run_then_the_code_is_the_shells():
    process = stack("no-such-program")

    assert "no-such-program" in process.communicate(timeout=60)[1]
    assert process.returncode == 127


def test_when_the_command_looks_for_python_and_celery_then_they_are_those_of_the_environment():
    found = output_of("sh", "-c", "command -v python celery").split()

    assert {Path(path).parent for path in found} == {Path(sys.executable).parent}


def test_given_nothing_set_when_run_then_the_command_has_all_that_settings_need():
    asked = "import os; print(all(map(os.environ.get, ['SECRET_KEY', 'ALLOWED_HOSTS', 'DJANGO_SETTINGS_MODULE'])))"

    assert output_of("python", "-c", asked, SECRET_KEY="", ALLOWED_HOSTS="") == "True\n"


def kept(folder: Path, **environment: str) -> str:
    """The command's SECRET_KEY with its data kept in a folder."""
    command = [sys.executable, str(ROOT / "manage.py"), "stack", "--data", str(folder), "--", "printenv", "SECRET_KEY"]
    env = {name: value for name, value in os.environ.items() if name != "SECRET_KEY"} | ADDRESSES | environment
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def test_given_kept_data_when_run_again_then_the_secret_that_it_is_sealed_with_is_the_same(tmp_path):
    first, again, elsewhere = kept(tmp_path / "a"), kept(tmp_path / "a"), kept(tmp_path / "b")

    assert first == again != elsewhere
    assert len(first) >= 50
    assert kept(tmp_path / "a", SECRET_KEY="given" * 12) == "given" * 12
    assert all(file.stat().st_mode & 0o077 == 0 for file in (tmp_path / "a").iterdir() if file.suffix == ".json")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"PUBLIC_URL": "", "PORT": ""}, "http://127.0.0.1:8000"),
        ({"PUBLIC_URL": "", "PORT": "8123"}, "http://127.0.0.1:8123"),
        ({"PUBLIC_URL": "http://localhost:9000"}, "http://localhost:9000"),
    ],
)
def test_when_run_then_the_public_address_is_the_given_one_or_this_machine(given, expected):
    assert output_of("printenv", "PUBLIC_URL", **given).strip() == expected


def test_given_another_folder_when_run_then_the_command_stands_in_the_checkout(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "stack", "--", "pwd"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=os.environ | ADDRESSES,
    )

    assert Path(done.stdout.strip()) == ROOT


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_when_a_signal_arrives_then_the_command_gets_it_and_ends_in_its_own_way(number):
    process = stack(
        "sh", "-c", f"trap 'echo ended; exit 5' {number.name[3:]}; echo ready; while :; do sleep 0.05; done"
    )
    assert first_line(process) == "ready"

    process.send_signal(number)

    assert process.communicate(timeout=60)[0] == "ended\n"
    assert process.returncode == 5


@pytest.mark.parametrize("how", ["{} &", "setsid {} &", "(setsid sh -c '{} & wait' &);"])
def test_given_programs_left_in_the_background_when_the_command_ends_then_they_end(how, tmp_path):
    nobody_elses = f"300.{os.getpid()}"  # two tests at once must not see each other's
    os.mkfifo(tmp_path / "ready")
    program = f'sh -c "echo up > {tmp_path}/ready; exec sleep {nobody_elses}"'

    process = stack("sh", "-c", f"{how.format(program)} cat {tmp_path}/ready")

    assert process.communicate(timeout=60)[0] == "up\n"
    assert not running("sleep", nobody_elses)


def running(*words: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if entry.read_text().split("\0")[:-1] == list(words):
                found.append(entry.parent.name)
    return found


def test_given_a_background_program_that_ignores_requests_when_the_command_ends_then_it_is_made_to_end(
    processes, tmp_path
):
    os.mkfifo(tmp_path / "ready")
    process = stack(
        "sh", "-c", 'python -c "$PROGRAM" > "$READY" & cat "$READY"', PROGRAM=STUBBORN, READY=str(tmp_path / "ready")
    )
    stubborn = int(first_line(process))
    processes.append(stubborn)

    process.communicate(timeout=60)

    assert not lives(stubborn)


STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), flush=True)
os.close(1)
time.sleep(300)
"""


def test_when_the_supervisor_is_killed_then_the_command_and_its_background_programs_end(processes):
    process = stack("sh", "-c", "setsid sleep 300 & echo $! $$; sleep 300")
    left = [int(number) for number in first_line(process).split()]
    processes.extend(left)

    process.kill()
    process.wait(10)

    assert all(ends_within(10, pid) for pid in left)


def test_given_a_terminal_when_the_command_reads_from_it_then_it_is_not_stopped():
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE_TERMINAL, sys.executable, str(ROOT / "manage.py"), "stack", "--", "cat"],
        stdin=terminal,
        stdout=terminal,
        stderr=subprocess.DEVNULL,
        env=os.environ | ADDRESSES,
        start_new_session=True,
    )
    os.close(terminal)

    os.write(controller, b"typed\n\x04")
    seen = b""
    while seen.count(b"typed") < 2:  # the terminal's echo, then cat's
        seen += os.read(controller, 1024)

    assert process.wait(60) == 0
    os.close(controller)


TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
