"""`demo`, `stack` and `bench`: bring the servers up, then run the command with their addresses, then stop them.

    manage.py stack [--data DIR] -- COMMAND ARGUMENT…

`stack` migrates the embedded database before COMMAND starts (again and again without harm); a database named by
DATABASE_URL is left as it is. With --data the SECRET_KEY is kept beside the data, unless one is given. COMMAND runs in
the checkout. Standard output is its own.
"""

import argparse
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from smartcare import devstack
from smartcare.demo import memory
from smartcare.devstack import environment, folders

ROOT = Path(__file__).resolve().parent.parent
KEEPER = Path(devstack.__file__).with_name("keeper.py")
KEPT = ROOT / ".data"
ADDRESSES = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Read by the settings, so they must stand before Django starts. A cast without authenticators, a receiver on this
# machine, devices whose whole life is a day.
OF_THE_DEMO = {
    "SECOND_FACTOR": "optional",
    "EGRESS_ALLOW": "127.0.0.1",
    "ANALYSIS_WARM_UP_S": str(6 * 3600),
    "ALLOWED_HOSTS": "127.0.0.1,localhost",
    "DEBUG": "",
}
CHECK_WITHIN_S = 100  # from its start; the rest of the 120 s is for stopping
# The last line of a check that could not begin; smartcare/demo/check writes all others.
NOTHING_SEEN = {
    "ok": False,
    "reports_accepted": 0,
    "reports_analysed": 0,
    "alerts_opened": 0,
    "deliveries_sent": 0,
    "leaks": 0,
    "seconds": 0.0,
}


def main(argv: list[str]) -> int:
    """Exit code of the command, 1 with a sentence if there are no servers, 128 + n when ended by signal n."""
    command, arguments = argv[0], argv[1:]
    try:
        return {"stack": stack, "demo": demo, "bench": bench}[command](arguments)
    except devstack.StackError as error:
        say(str(error))
        return 1


def stack(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="manage.py stack",
        usage="%(prog)s [--data DIR] -- COMMAND ARGUMENT…",
        description="Run a command with the servers up; python and celery are on its PATH.",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep the servers' data there (else: thrown away)")
    options, command = arguments, []
    if "--" in arguments:  # by hand: a second -- is the command's own
        options, command = arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :]
    wanted = parser.parse_args(options)
    if not command:
        parser.error("name the command after --")
    is_given = bool(os.environ.get("SECRET_KEY"))
    with up(wanted.data.absolute() if wanted.data else None) as data:
        if wanted.data and not is_given:  # kept data is sealed and signed with it
            os.environ["SECRET_KEY"] = memory.secret_key(data)
        return supervise(command)


def demo(arguments: list[str]) -> int:
    """Django's `demo` command on servers of its own: seeded sign-ins must never reach a database somebody uses."""
    began = time.time()
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--port", type=int)
    parser.add_argument("--data", type=Path)
    wanted, _ = parser.parse_known_args(arguments)
    kept = wanted.data.absolute() if wanted.data else KEPT
    if wants_help(arguments):
        return help_of("demo")
    with red_if_it_cannot_start(wanted.check):
        port = wanted.port or (memory.free_port() if wanted.check else int(environment.DEFAULT_PORT))
        if memory.free_port(port) != port:
            raise devstack.StackError(
                f"Somebody listens on port {port} already, perhaps another demonstration: choose another with --port."
            )
        if wanted.fresh and not wanted.check and folders.is_ours(kept):
            folders.remove(kept)
        set_for_the_demo(port, secrets.token_urlsafe(50) if wanted.check else memory.secret_key(kept))
        with up(None if wanted.check else kept) as data:
            found = {"port": port, "data": data, "began": began, **outside_ports(data)}
            words = [word for name, value in found.items() for word in (f"--{name}", str(value))]
            return django(["demo", *arguments, *words])


def set_for_the_demo(port: int, secret_key: str) -> None:
    """Whatever the environment says: an installation's own settings are nothing for a demonstration."""
    for name in ADDRESSES:
        if os.environ.pop(name, None):
            say(f"{name} is ignored: the demo has servers of its own")
    address = f"http://{memory.LOOPBACK}:{port}"
    os.environ |= OF_THE_DEMO | {"PORT": str(port), "PUBLIC_URL": address, "SECRET_KEY": secret_key}


def outside_ports(data: Path) -> dict[str, int]:
    """Where webhooks and mails of the demonstration go; the same ports at the next start if they are still free."""
    remembered = memory.Memory(data)
    receiver = memory.free_port(remembered.get("receiver_port"))
    mail = memory.free_port(remembered.get("mail_port"))
    remembered.keep(receiver_port=receiver, mail_port=mail)
    os.environ["EMAIL_URL"] = f"smtp://{memory.LOOPBACK}:{mail}"
    return {"receiver-port": receiver, "mail-port": mail}


@contextlib.contextmanager
def red_if_it_cannot_start(is_check: bool) -> Iterator[None]:
    """A check ends in time and with a line of JSON, also where it did not come to its own."""
    try:
        if is_check:
            signal.signal(signal.SIGALRM, out_of_time)
            signal.alarm(CHECK_WITHIN_S)  # replaced by the check's own alarm once it has begun
        yield
    except Exception:
        if is_check:
            print(json.dumps(NOTHING_SEEN), flush=True)
        raise


def bench(arguments: list[str]) -> int:
    if wants_help(arguments):
        return help_of("bench")
    with up(None):
        return django(["bench", *arguments])


@contextlib.contextmanager
def up(data: Path | None) -> Iterator[Path]:
    """Servers and environment; the folder of their data. A signal that arrives meanwhile ends everything in order."""
    for number in SIGNALS:
        signal.signal(number, end)
    os.chdir(ROOT)
    environment.complete(os.environ)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    with contextlib.ExitStack() as undo:
        folder = data or undo.enter_context(devstack.throw_away())
        started = undo.enter_context(devstack.servers(folder, durable=True, env=os.environ))
        undo.callback(ignore_signals)  # an impatient second Ctrl-C must not leave a server half stopped
        say(f"{', '.join(server.name for server in started) or 'no server of its own'} up, data in {folder}")
        if any(isinstance(server, devstack.Postgres) for server in started):
            migrate()
        yield folder


def migrate() -> None:
    """A process of its own: this one stays free of Django's settings. Raises StackError if it fails."""
    say("migrating")
    # Without the system checks, which take as long as the migrations and are the business of `make check`.
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"]
    if subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False).returncode:
        raise devstack.StackError("The migrations failed: see the lines above.")


def supervise(command: list[str]) -> int:
    """Run the command in its own process group, hand signals on to it, wait for it and for what it leaves behind."""
    words: list[str | Path] = [sys.executable, "-I", "-S", KEEPER, *command]
    process = subprocess.Popen(devstack.guarded(words, on_death=signal.SIGUSR1, adopt=True), process_group=0)
    for number in SIGNALS:
        signal.signal(number, lambda caught, frame: process.send_signal(caught))
    try:
        return process.wait()
    finally:
        ignore_signals()


def django(arguments: list[str]) -> int:
    from django.core.management import execute_from_command_line  # needs the servers' addresses

    execute_from_command_line(["manage.py", *arguments])
    return 0


def wants_help(arguments: list[str]) -> bool:
    return bool({"-h", "--help"} & set(arguments))


def help_of(command: str) -> int:
    """Needs settings, which need addresses; nobody is called there."""
    environment.complete(os.environ)
    os.environ |= {"DATABASE_URL": "postgresql://127.0.0.1/smartcare", "REDIS_URL": "redis://127.0.0.1"}
    return django([command, "--help"])


def out_of_time(number: int, frame: FrameType | None) -> None:
    raise devstack.StackError(f"The servers were not ready within {CHECK_WITHIN_S} s: this machine is too busy.")


def end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def ignore_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def say(text: str) -> None:
    print(f"smartcare: {text}", file=sys.stderr, flush=True)
