"""What a process of `serve` loads: the application, in a process that ends with its supervisor and cuts off stalled senders."""

import ctypes
import os
import signal
import sys

from smartcare import stalled
from smartcare.wsgi import application

PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """Ask the kernel to end this process when the one that started it is gone, even if that was killed: a server that nobody
    supervises would hold the port and serve an old version. At once: what was answered is stored, the rest comes again."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # it ended before the kernel was asked
        sys.exit(1)


end_with(os.getppid())
stalled.start()

__all__ = ["application"]
