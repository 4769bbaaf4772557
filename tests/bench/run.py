"""Runs of the bench: each scenario for each program in turn, on one control plane and one cloud."""

import contextlib
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import trials
from bench.life import COLD, LIFE, ROTATION, WARM, Life
from bench.material import Mint
from bench.meter import Sample
from bench.programs import Program
from bench.scale import Scale
from bench.stage import Stage
from bench.world import World

SCENARIOS = (*LIFE, *trials.TRIALS)
SMOKE = (COLD, ROTATION, WARM)
"""Those of a small run, unless it is told otherwise."""

ROOT = Path(__file__).parents[2]

PROGRAMS = (Program.FLOOR, Program.OURS, Program.ORDINARY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What to measure."""

    scale: Scale
    scenarios: Sequence[str]
    programs: Sequence[Program] = PROGRAMS
    runs: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where it was measured."""

    processors: int
    system: str
    python: str
    commit: str
    load_before: tuple[float, float, float]
    """Of the last 1, 5 and 15 minutes."""
    load_after: tuple[float, float, float]


@dataclass(slots=True, kw_only=True)
class Report:
    """What was measured, run by run."""

    choice: Choice
    samples: list[tuple[int, Sample]] = field(default_factory=list)
    """With the number of the run, from 1 on."""
    failures: list[str] = field(default_factory=list)
    """What did not end in time."""
    machine: Machine | None = None
    """None until the end."""
    seconds: float = 0.0


def default_scenarios(scale: Scale) -> Sequence[str]:
    """Choose by size."""
    return SMOKE if scale.small else SCENARIOS


def measure(choice: Choice) -> Report:
    """Measure, and tell of the progress on standard error."""
    began, load_before = time.monotonic(), os.getloadavg()
    report = Report(choice=choice)
    mint = Mint(keys=choice.scale.keys)
    with World() as world:
        for run in range(1, choice.runs + 1):
            stage = Stage(world=world, mint=mint, scale=choice.scale, run=run)
            for sample in _run(stage, choice, report):
                report.samples.append((run, sample))
                spent = time.monotonic() - began
                _say(f"{spent:6.0f} s  run {run}  {sample.scenario:9} {sample.program}")
    report.seconds = time.monotonic() - began
    report.machine = Machine(
        processors=os.cpu_count() or 0,
        system=platform.platform(),
        python=platform.python_version(),
        commit=_commit(),
        load_before=load_before,
        load_after=os.getloadavg(),
    )
    return report


def _run(stage: Stage, choice: Choice, report: Report) -> Iterator[Sample]:
    """Yield the samples of one run; what does not end in time is left out and noted."""
    lives = set(choice.scenarios) & set(LIFE)
    # Whoever comes later in a run meets a warmer and fuller API server: so turn about.
    turn = (stage.run - 1) % len(choice.programs)
    programs = (*choice.programs[turn:], *choice.programs[:turn])
    operators = [each for each in programs if each is not Program.FLOOR]
    for program in programs if lives else ():
        with _noted(report, f"life {program}"):
            yield from _live(stage, program, lives)
    for name in trials.TRIALS:
        if name in choice.scenarios:
            with _noted(report, name):
                yield from trials.play(stage, name, operators)


def _live(stage: Stage, program: Program, wanted: set[str]) -> Iterator[Sample]:
    with stage.population("life", program) as people:
        yield from Life(stage=stage, program=program, people=people).samples(wanted)


@contextlib.contextmanager
def _noted(report: Report, what: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        report.failures.append(f"{what}: {error}")
        _say(report.failures[-1])


def _commit() -> str:
    """Name the commit, with a mark if something is not committed; empty outside a repository."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
