"""
How long the control plane's build will take on this machine, and how far it is.

Nothing here starts the build: ``go_build`` does, and shows its output to a ``Progress``.
"""

import dataclasses
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping

TRIAL = "n = 1\nfor _ in range(2_000_000): n = n * 5 % 1_000_003"
"""For a Python of its own: work of a fixed size, a fifth of a second on a core of today."""

TRIAL_SECONDS = 0.22
"""What TRIAL took on each core of the machine on which the figures below were measured, idle."""

PROCESSOR_SECONDS = 350.0
"""Of the compiler, in all, on a core on which TRIAL takes TRIAL_SECONDS."""

ALONE_SECONDS = 60.0
"""Of these no other can be beside: the chain of the largest packages, and the linker."""


def expected_seconds() -> float:
    """Return how long the build takes on this machine, as busy as it is now; tries it for 1 s."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return seconds_for(cores=cores, slowdown=_trial(cores) / TRIAL_SECONDS)


def seconds_for(*, cores: int, slowdown: float) -> float:
    """
    Return how long the build takes on so many cores.

    Args:
        cores: Those that may be used.
        slowdown: How many times as long as TRIAL_SECONDS the trial took, on all of them at once.
    """
    return max(PROCESSOR_SECONDS / cores, ALONE_SECONDS) * slowdown


def in_words(seconds: float) -> str:
    """Return the time as somebody would say it who is not sure: ``about 3 min``."""
    if seconds < 50:
        return f"about {max(round(seconds / 10), 1) * 10} s"
    return f"about {max(round(seconds / 60), 1)} min"


def _trial(cores: int) -> float:
    """Return the seconds that TRIAL takes when every core has one to do."""
    started = time.monotonic()
    tries = [subprocess.Popen([sys.executable, "-I", "-S", "-c", TRIAL]) for _ in range(cores)]
    for each in tries:
        each.wait()
    return time.monotonic() - started


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the output of ``go build -v`` says about how far it is."""

    sizes: Mapping[str, int]
    """Bytes of source by import path, of every package that may have to be compiled."""
    commands: frozenset[str]
    """Import paths of the programs themselves, which come last and are linked."""

    def line(self, output: str, *, seconds: float) -> str:
        """
        Return what is being done.

        Args:
            output: All that was said so far.
            seconds: Since the build began; with what is done by now it tells what is left.
        """
        begun = [line for line in output.splitlines() if is_package(line)]
        if not begun:
            return "looking at what there is to compile"
        if begun[-1] in self.commands:
            return "linking"
        share = sum(self.sizes.get(each, 0) for each in begun) / max(sum(self.sizes.values()), 1)
        text = f"compiling, {len(begun)} of {len(self.sizes)} packages"
        if share > 0.05:  # Before, a few large ones decide.
            text += f", {in_words(seconds * (1 - share) / share)} more"
        return f"{text}, now {begun[-1]}"


def is_package(line: str) -> bool:
    """True if a line of go's output is an import path: it says one for each that it compiles."""
    return re.fullmatch(r"[\w.~/-]+", line) is not None
