"""
Several processes of one installation in the engine's world: shards that come and go.

::

    async with Fleet(rate=5.0) as fleet:
        await fleet.start("1/2", "2/2")
        fleet.base.add_instance("a")
        ...
        await fleet.kill("1/2")
        assert not fleet.overlaps()
"""

import itertools
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from rds_ssl.core.shards import Shard
from support.engine_world import Accepted, EngineWorld
from support.line import Call

Json = dict[str, Any]


class Fleet:
    """The processes that live, by what they were started as; `base` is their cluster and cloud."""

    def __init__(self, *, seed: int = 1, **world: Any) -> None:  # noqa: ANN401  # See EngineWorld.
        self._world, self._seeds = world, itertools.count(seed)
        self._stack = AsyncExitStack()
        self.base = EngineWorld(started=False, seed=seed, **world)
        self.alive: dict[str, EngineWorld] = {}
        self.all: list[EngineWorld] = []
        """Those that have ended as well."""
        self.calls: list[tuple[float, str]] = []
        """When who called the cloud."""

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.base)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def start(
        self, *shards: str, selects: Callable[[Json], bool] | None = None, name: str = ""
    ) -> EngineWorld:
        """Start processes; give the last one."""
        for shard in shards:
            world = EngineWorld(
                cluster=self.base,
                seed=next(self._seeds),
                shard=shard,
                selects=selects,
                **self._world,
            )
            await self._stack.enter_async_context(world)
            world.line.before.append(self._noted(name or shard))
            self.alive[name or shard] = world
            self.all.append(world)
        return self.all[-1]

    async def kill(self, *names: str) -> None:
        """End processes at once; all, if none is named."""
        for name in names or tuple(self.alive):
            await self.alive.pop(name).kill()

    def _noted(self, name: str) -> Callable[[Call], None]:
        def note(call: Call) -> None:
            if call.port == "cloud":
                self.calls.append((self.base.monotonic(), name))

        return note

    # -- what became of it ----------------------------------------------------------------------

    @property
    def accepted(self) -> Sequence[Accepted]:
        """Give the changes that the cloud accepted from any of them, the oldest first."""
        return sorted((each for world in self.all for each in world.accepted), key=lambda it: it.at)

    def overlaps(self, *instances: str) -> list[Accepted]:
        """Give the changes that began before another one of their instance, or of these, ended."""
        together = {f"pgm-{each}" for each in instances}
        return [
            later
            for earlier, later in itertools.combinations(self.accepted, 2)
            if later.at < earlier.ends_at
            and (
                later.instance_id == earlier.instance_id
                or {later.instance_id, earlier.instance_id} <= together
            )
        ]

    def most_calls(self, name: str, *, seconds: float) -> int:
        """Give the most calls of the cloud that a process has made within so many seconds."""
        times = [at for at, who in self.calls if who == name]
        return max(
            (sum(first <= each < first + seconds for each in times) for first in times), default=0
        )


def names_in(shard: str, count: int, *, prefix: str = "db") -> list[str]:
    """Give names of which the instances belong to a shard."""
    owner, found = Shard.parse(shard), (f"{prefix}{number}" for number in itertools.count())
    return list(itertools.islice((each for each in found if owner.owns(f"pgm-{each}")), count))
