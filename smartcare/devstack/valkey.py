"""The embedded Valkey: one socket, no TCP, refuses writes when full instead of forgetting."""

import socket
from pathlib import Path
from typing import ClassVar, Self

from smartcare.devstack import binaries
from smartcare.devstack.server import Server


class Valkey(Server):
    """Broker and cache. durable: keeps an append-only file, so that a restart finds what was queued."""

    name: ClassVar[str] = "valkey"
    answers_within_s: ClassVar[float] = 30.0

    @property
    def socket(self) -> Path:
        return self.folder.sockets / "valkey.sock"

    @property
    def environment(self) -> dict[str, str]:
        return {"REDIS_URL": f"redis+socket://{self.socket}?virtual_host=0"}

    def start(self) -> Self:
        data = self.folder.path / "valkey"
        data.mkdir(mode=0o700, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(data),
            "appendonly": "yes" if self.durable else "no",
            "save": "",  # no snapshots: the append-only file is the whole truth
            "maxmemory-policy": "noeviction",
        }
        self._run([binaries.valkey(), *(word for name, value in settings.items() for word in (f"--{name}", value))])
        return self

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(32).startswith(b"+PONG")  # while it loads its file it answers -LOADING
        except OSError:
            return False
