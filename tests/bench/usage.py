"""What a process uses, as the kernel counts it."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Of one process since it began."""

    cpu_seconds: float
    """User and system, with children that have ended."""
    rss_mib: float
    rss_peak_mib: float


def usage(pid: int) -> Usage:
    """Look at a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return Usage(
        cpu_seconds=cpu_seconds(pid),
        rss_mib=_mib(status, "VmRSS"),
        rss_peak_mib=_mib(status, "VmHWM"),
    )


def cpu_seconds(pid: int) -> float:
    """Give user and system time, with children that have ended."""
    # The second field is the name, in parentheses, and may hold anything.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / _TICKS


def _mib(status: str, name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", status)
    return int(found.group(1)) / 1024 if found else 0.0
