"""A supervisor of its own: brings the servers up, says where they are in one line of JSON, waits for its end.

python running_stack.py [DATA]
"""

import contextlib
import json
import os
import signal
import sys
from pathlib import Path

from smartcare import devstack


def main() -> None:
    env = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL") if name in os.environ}
    with contextlib.ExitStack() as undo:
        data = Path(sys.argv[1]) if len(sys.argv) > 1 else undo.enter_context(devstack.throw_away())
        started = undo.enter_context(devstack.servers(data, durable=True, env=env))
        told = {
            "pids": [server.pid for server in started],
            "sockets": [str(server.folder.sockets) for server in started],
            "data": str(data),
        }
        for server in started:
            if isinstance(server, devstack.Postgres):
                told |= {"rights": server.rights, "programs": str(server.programs), "cluster": str(server.cluster)}
        print(json.dumps(env | told), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        main()
    except devstack.StackError as error:
        sys.exit(str(error))
