"""
Where the CPU goes: own time by library, and the costliest functions.

    PYTHONPATH=tests python -m bench.profile [--objects NUMBER] [--top NUMBER] [--idle SECONDS]

Of a cold start; with `--idle`, of that many seconds of looks at objects with which all is well.

The operator runs under cProfile, which makes small functions look more expensive than they are:
shares tell where to look, `make bench` tells what came of it.
"""

import argparse
import cProfile
import os
import pstats
import re
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path

from bench.material import Mint
from bench.meter import STILL_SECONDS
from bench.programs import Pace, Program, start_ours
from bench.scale import Scale
from bench.stage import Stage
from bench.world import World

_FILE = "BENCH_PROFILE"
"""In the environment of the process that is profiled: where its profile goes."""

_BEGIN = "BENCH_PROFILE_ON_SIGNAL"
"""There as well: not from its start, but from the signal SIGUSR1 on."""

_IDLE_RESYNC = 2
"""Seconds between two looks at an object."""

_LIBRARY = re.compile(r"(?:site-packages|lib-dynload|python3\.\d+)/(?!site-packages)(\w+)")
_OURS = re.compile(r"rds_ssl/(?:(\w+)/)?\w+\.py$")

_WHOLE = frozenset({"run", "_pass", "measured_step", "step"})
"""All there is."""

_Function = tuple[str, int, str]


def main() -> int:
    """Command line; with `_FILE` in the environment, the operator itself."""
    if path := os.environ.get(_FILE):
        _operate(path)
        return 0
    parser = argparse.ArgumentParser(prog="python -m bench.profile")
    parser.add_argument("--objects", type=int, default=200)
    parser.add_argument("--top", type=int, default=10)
    parser.add_argument("--idle", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        path = str(Path(directory, "profile"))
        _play(options.objects, options.idle, path)
        _tell(pstats.Stats(path), options.top)
    return 0


def _operate(path: str) -> None:
    # Its import is a part of what is profiled.
    from rds_ssl.cli import main as operator  # noqa: PLC0415

    # Not of the wall: whoever is woken by what is sent takes the processor meanwhile.
    profile = cProfile.Profile(time.process_time)
    if _BEGIN in os.environ:
        signal.signal(signal.SIGUSR1, lambda *_: profile.enable())
    else:
        profile.enable()
    try:
        operator(prog_name="rds-ssl")
    finally:
        profile.disable()
        profile.dump_stats(path)


def _play(objects: int, idle: int, path: str) -> None:
    """Profile a cold start, or if *idle* is not 0 that many seconds after it, into *path*."""
    scale = Scale(objects=objects)
    with World() as world:
        stage = Stage(world=world, mint=Mint(keys=scale.keys), scale=scale, run=1)
        world.new_cloud()
        with stage.population("profile", Program.OURS) as people, stage.watch(people) as watch:
            people.create(range(objects))
            with start_ours(
                world.accounts[Program.OURS],
                api_url=world.rds.url,
                pace=Pace(resync=_IDLE_RESYNC) if idle else Pace(),
                module="bench.profile",
                environ={_FILE: path, **({_BEGIN: "1"} if idle else {})},
            ) as process:
                watch.wait_all(objects, seconds=2 * scale.patience)
                if idle:
                    time.sleep(STILL_SECONDS)
                    os.kill(process.pid, signal.SIGUSR1)
                    time.sleep(idle)
                process.terminate()


def _tell(stats: pstats.Stats, top: int) -> None:
    found: Mapping[_Function, tuple[int, int, float, float, object]] = stats.stats  # type: ignore[attr-defined]  # As pstats documents it.
    working = {each: row for each, row in found.items() if _works(each)}
    libraries: defaultdict[str, float] = defaultdict(float)
    for (file, _, name), (_, _, own, _, _) in working.items():
        libraries[_library(file, name)] += own
    whole = sum(libraries.values())
    for title, times in (
        ("own time by library", libraries),
        ("own time by function", {_named(each): row[2] for each, row in working.items()}),
        (
            "the operator's functions, with all that they call",
            {
                _named(each): row[3]
                for each, row in working.items()
                if _OURS.search(each[0]) and each[2] not in _WHOLE
            },
        ),
    ):
        print(f"{title}, of {whole:.1f} s under cProfile")
        for name, seconds in sorted(times.items(), key=itemgetter(1), reverse=True)[:top]:
            print(f"  {100 * seconds / whole:5.1f} %  {name}")


def _works(function: _Function) -> bool:
    """To wait is no work."""
    return "'poll' of 'select.epoll'" not in function[2]


def _named(function: _Function) -> str:
    file, line, name = function
    return name if file == "~" else f"{Path(file).stem}:{line} {name}"


def _library(file: str, name: str) -> str:
    """Return the package that a function is of; of what is written in C, the function itself."""
    if ours := _OURS.search(file):
        return f"rds_ssl.{ours[1]}" if ours[1] else "rds_ssl"
    if library := _LIBRARY.search(file):
        return library[1]
    return name if file == "~" else file


if __name__ == "__main__":
    sys.exit(main())
