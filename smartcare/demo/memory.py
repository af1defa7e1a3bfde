"""What a demonstration remembers between two starts, in a file of its data folder. Standard library only: it is read
before Django's settings, which need the secret."""

import json
import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

NAME = "demo.json"
LOOPBACK = "127.0.0.1"


class Memory:
    """Read once, written at each change. Only who holds the data folder's lock may change anything but the secret."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._content: dict[str, Any] = {}
        with suppress(FileNotFoundError, ValueError):
            self._content = json.loads(self.path.read_text())

    def get(self, name: str) -> Any:
        """None for what was never kept."""
        return self._content.get(name)

    def keep(self, **values: Any) -> None:
        self._content |= values
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self._content, file)
        fresh.replace(self.path)


def secret_key(folder: Path) -> str:
    """The SECRET_KEY of this data folder, made at its first start: sessions and sign-ins outlive a restart."""
    memory = Memory(folder)
    if memory.get("secret_key") is None:
        memory.keep(secret_key=secrets.token_urlsafe(50))
    kept: str = memory.get("secret_key")
    return kept


def free_port(wanted: int | None = None) -> int:
    """The wanted port of this machine if nobody listens there, else one that is free now."""
    for port in (wanted, 0):
        with suppress(OSError), socket.socket() as probe:
            if port is not None:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((LOOPBACK, port))
                return int(probe.getsockname()[1])
    raise OSError("no free port on this machine")
