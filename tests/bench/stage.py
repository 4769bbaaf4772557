"""What a scenario plays on, and how it starts a program there."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from bench.material import Mint
from bench.meter import Meter
from bench.population import Population, population
from bench.programs import FloorProcess, Pace, Program, start
from bench.ready_watch import ReadyWatch
from bench.scale import Scale
from bench.world import World
from support.watched_process import WatchedProcess

PATIENCE_OF_ONE = 120.0
"""Seconds for single objects: an ordinary operator tries again after a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The world of one run."""

    world: World
    mint: Mint
    scale: Scale
    run: int
    """Its number; names namespaces."""

    def population(
        self, name: str, program: Program, *, mint: Mint | None = None
    ) -> AbstractContextManager[Population]:
        """Make a population in a namespace of its own; *mint* in place of the stage's own."""
        return population(self.world, mint or self.mint, namespace=f"{name}-{program}-{self.run}")

    def watch(self, people: Population) -> ReadyWatch:
        """Watch a population become Ready."""
        return ReadyWatch(self.world.cluster, people.namespace)

    def start(
        self, program: Program, pace: Pace | None = None, *, api_url: str | None = None
    ) -> WatchedProcess:
        """Start an operator; without *api_url* it meets the simulator itself."""
        return start(
            program,
            self.world.accounts[program],
            api_url=api_url or self.world.rds.url,
            pace=pace or Pace(),
        )

    def start_floor(self, people: Population, *, objects: int) -> FloorProcess:
        """Start the bare calls for so many objects."""
        return FloorProcess(
            self.world.accounts[Program.FLOOR],
            api_url=self.world.rds.url,
            namespace=people.namespace,
            objects=objects,
        )

    def meter(self, program: Program, process: WatchedProcess | None = None) -> Meter:
        """Measure from now on, see `Meter`."""
        return Meter(self.world, program, process)
