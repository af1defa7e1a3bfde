"""Run a command on a machine that refuses user namespaces: `python refused_namespaces.py COMMAND…`, as root.

Made by a namespace in which everybody keeps his number and whose own limit of further namespaces is zero. Exit code 77
where this machine does not let us make one.
"""

import os
import sys
from pathlib import Path

CANNOT = 77


def main(command: list[str]) -> int:
    ready, tell_ready = os.pipe()
    go, tell_go = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.unshare(os.CLONE_NEWUSER)
            os.write(tell_ready, b".")
            os.read(go, 1)
            os.setresgid(0, 0, 0)
            os.setresuid(0, 0, 0)
            Path("/proc/sys/user/max_user_namespaces").write_text("0")
        except OSError as error:
            sys.stderr.write(f"{error}\n")
            os._exit(CANNOT)
        os.execvp(command[0], command)
    os.close(tell_ready)
    if os.read(ready, 1):
        for mapping in ("uid_map", "gid_map"):
            Path(f"/proc/{pid}/{mapping}").write_text("0 0 65536")
        os.write(tell_go, b".")
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
