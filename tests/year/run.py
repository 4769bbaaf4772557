"""One play of a year, in this process."""

import logging
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from rds_ssl.engine.reconcile.ports import Timings
from support import virtual_time
from support.engine_world import EngineWorld
from year.figures import Figures, figures
from year.fleet import BEGINS, members
from year.runner import AT_ONCE, PACE, Runner, WithGates, WithoutGates
from year.scenario import scenario

TOLD_EVERY = 30
"""Days between two lines of progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """Which year; *timings* and *at_once* are the operator's settings."""

    seed: int
    objects: int
    days: int
    timings: Timings = PACE
    at_once: int = AT_ONCE


def play(year: Year, *, gated: bool, told: Callable[[int], None] = lambda _day: None) -> Figures:
    """Play it with the operator, or with an ordinary one; *told* is called after each day."""
    logging.getLogger("rds_ssl").addHandler(logging.NullHandler())
    fleet = members(year.objects)
    deeds = scenario(fleet, seed=year.seed, days=year.days)

    async def played() -> Figures:
        async with EngineWorld(
            timings=year.timings, budget=year.at_once, seed=year.seed, started=False, begins=BEGINS
        ) as world:
            operator = WithGates if gated else WithoutGates
            runner = Runner(world, fleet, operator, seed=year.seed)
            await runner.play(deeds, days=year.days, told=told)
            return figures(runner)

    return virtual_time.run(played())


def measured(year: Year, gated: bool) -> tuple[Figures, dict[str, float]]:  # noqa: FBT001  # For starmap.
    """Play it, tell of its progress, and say what it took: CPU seconds, MiB."""
    name = "rds-ssl" if gated else "ordinary"

    def told(day: int) -> None:
        if day % TOLD_EVERY == 0:
            spent = time.process_time()
            print(f"{name:>10}  day {day:>3}  {spent:4.0f} s of CPU", file=sys.stderr, flush=True)

    found = play(year, gated=gated, told=told)
    # ru_maxrss is in KiB on Linux.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found, {"cpu_seconds": round(time.process_time(), 1), "peak_mib": round(peak, 1)}
