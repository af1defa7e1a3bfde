"""Work in a forked child: what it finds comes back through a pipe, what it spoils goes with it."""

import os
import pickle
import resource
import select
import signal
import time
from collections.abc import Callable
from typing import Any


class TookTooLong(Exception):
    """The child was ended: it ran in circles, or waited for something that never came."""


def in_child(work: Callable[[], Any], *, cpu_s: float, wall_s: float, log: str = os.devnull) -> Any:
    """Result of work() in a child process; its output goes to `log`. Raises TookTooLong, RuntimeError if the child died."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(work, writing, cpu_s, log)
    os.close(writing)
    try:
        answer = _read(reading, time.monotonic() + wall_s)
    except TookTooLong:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.close(reading)
        _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        raise TookTooLong
    if not answer:
        raise RuntimeError(f"The child ended with status {status} and no answer; see {log}")
    return pickle.loads(answer)


def _child(work: Callable[[], Any], writing: int, cpu_s: float, log: str) -> None:
    """Never returns: the parent's pytest, servers and temporary folders are not this process's to end."""
    code = 1
    try:
        target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(target, 1)
        os.dup2(target, 2)
        used = sum(os.times()[:2])
        limit = int(used + cpu_s) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
        answer = pickle.dumps(work())
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(answer)
        code = 0
    except BaseException as error:  # noqa: BLE001
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(code)


def _read(pipe: int, until: float) -> bytes:
    parts: list[bytes] = []
    while True:
        left = until - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            raise TookTooLong
        part = os.read(pipe, 1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)
