"""What work costs in processor time, read from /proc: whole trees of processes, with children that have ended."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
PARENT, USER, SYSTEM, CHILDREN_USER, CHILDREN_SYSTEM = 1, 11, 12, 13, 14
"""Places in /proc/PID/stat after the name, see proc_pid_stat(5)."""


def processes() -> dict[int, list[int]]:
    """pid -> the numbers of its stat line after the state; processes that end meanwhile are missing."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue
        found[int(entry.parent.name)] = [0, *map(int, fields[1:15])]
    return found


def cpu_seconds(roots: Iterable[int]) -> float:
    """User and system time of these processes, all that descend from them, and what these have waited for."""
    known = processes()
    tree = set(roots)
    while more := {pid for pid, stat in known.items() if stat[PARENT] in tree} - tree:
        tree |= more
    counted = (USER, SYSTEM, CHILDREN_USER, CHILDREN_SYSTEM)
    return sum(known[pid][field] for pid in tree if pid in known for field in counted) / TICKS


@dataclass(frozen=True, slots=True)
class Meter:
    """Named trees of processes. cost(since) tells what each has used since an earlier reading."""

    roots: Mapping[str, tuple[int, ...]]

    def read(self) -> dict[str, float]:
        return {name: cpu_seconds(pids) for name, pids in self.roots.items()}

    def since(self, earlier: Mapping[str, float]) -> dict[str, float]:
        return {name: round(now - earlier[name], 3) for name, now in self.read().items()}


def parent_of(pid: int) -> int:
    return processes()[pid][PARENT]


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"
