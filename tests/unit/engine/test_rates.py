"""Five hundred objects at five calls a second: what the cloud sees, and what a rotation waits."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from rds_ssl.aliyun.rate_limit import BURST
from rds_ssl.engine.reconcile.ports import Timings
from support.engine_world import EngineWorld, played
from support.simulator import ACCESS_KEY_ID

RATE = 5.0
OBJECTS = 500
WORKERS = 16
QUIET = 10.0
RESYNC = 60.0
"""Seconds: far less than at half of the rate is possible."""

STRETCHED = OBJECTS / (RATE / 2)
"""Seconds between two looks at an object, then."""

IN_TIME = 3.0
"""Seconds after its quiet period within which a rotation goes out."""

ROTATED = "rotated"


@asynccontextmanager
async def many(
    *,
    objects: int = OBJECTS,
    resync: float = RESYNC,
    rate: float = RATE,
    enabled: bool = True,
    **spec: object,
) -> AsyncIterator[EngineWorld]:
    """Give a world with a Ready object, more that nobody has looked at, and a limit."""
    instance = {"ssl": {"enabled": True}} if enabled else {}
    timings = Timings(quiet_period=QUIET, resync=resync, max_changes_per_day=0)
    async with EngineWorld(timings=timings, rate=rate, workers=WORKERS) as world:
        world.rds.config(rate_limit=RATE)
        world.add_instance(ROTATED)
        world.write_pair(ROTATED)
        world.declare_custom(ROTATED)
        await world.run(300)
        assert world.ready(ROTATED) == ("True", "Verified")
        for number in range(objects):
            world.add_instance(name(number), **instance)
            world.declare(name(number), **spec)
        yield world


def name(number: int) -> str:
    return f"m{number}"


async def rotation_delay(world: EngineWorld) -> float:
    """Rotate the certificate of the one; return the seconds until the call."""
    before, began = len(_sent(world)), world.monotonic()
    world.write_pair(ROTATED)
    while len(_sent(world)) == before and world.monotonic() - began < 600:
        await world.run(0.1)
    return world.monotonic() - began


def _sent(world: EngineWorld) -> list[float]:
    return [each.at for each in world.accepted if each.instance_id == f"pgm-{ROTATED}"]


def calls(world: EngineWorld) -> list[tuple[float, str]]:
    """Return when each call came since the ledger was cleared, and for which instance."""
    found = world.rds.calls()
    return [(datetime.fromisoformat(each["time"]).timestamp(), each["instance"]) for each in found]


def check_limit(world: EngineWorld) -> None:
    """The cloud saw no more than the rate and its burst in any second, and refused nothing."""
    assert world.rds.stats()["highest_rate"][ACCESS_KEY_ID] <= RATE + BURST
    assert not any("Throttling" in each["code"] for each in world.rds.calls())


@played
async def test_resyncs_take_half_of_the_rate_and_a_rotation_is_in_time() -> None:
    async with many() as world:
        await world.run(1.5 * STRETCHED)
        world.rds.clear_calls()
        seconds = 2 * STRETCHED

        await world.run(seconds)

        found = calls(world)
        assert 0.45 * RATE * seconds <= len(found) <= 0.5 * RATE * seconds + BURST
        looks = Counter(instance for _, instance in found)
        assert len(looks) == OBJECTS + 1
        assert set(looks.values()) <= {1, 2, 3}
        assert await rotation_delay(world) <= QUIET + IN_TIME
        check_limit(world)


@played
async def test_first_looks_take_the_whole_rate_and_a_rotation_is_in_time() -> None:
    async with many(resync=600.0) as world:
        world.rds.clear_calls()
        await world.run(20)
        assert len(calls(world)) >= RATE * 20

        assert await rotation_delay(world) <= QUIET + IN_TIME

        looked = {instance for _, instance in calls(world)}
        assert len(looked) < OBJECTS / 2
        check_limit(world)


@played
async def test_plans_that_are_held_are_looked_at_by_the_way_and_a_rotation_is_in_time() -> None:
    async with many(objects=200, suspend=True, enabled=False) as world:
        await world.run(STRETCHED)
        held = [world.condition("ChangePending", name(number)) for number in range(200)]
        told = [world.status(name(number)) for number in range(200)]
        assert all(each is not None and each["reason"] == "Suspended" for each in held)
        world.rds.clear_calls()

        await world.run(100)

        assert len(calls(world)) <= 0.5 * RATE * 100 + BURST
        assert told == [world.status(name(number)) for number in range(200)]
        assert await rotation_delay(world) <= QUIET + IN_TIME
        check_limit(world)


@played
async def test_an_account_that_allows_less_is_left_in_peace_also_where_no_rate_was_set() -> None:
    allows = 2.0
    async with many(objects=100, rate=0.0) as world:
        world.rds.config(rate_limit=allows)
        await world.run(300)
        world.rds.clear_calls()

        await world.run(300)

        refused = sum("Throttling" in each["code"] for each in world.rds.calls())
        assert refused <= 0.02 * len(world.rds.calls())
        assert len(world.rds.calls()) >= 0.4 * allows * 300
        assert await rotation_delay(world) <= QUIET + 2 * IN_TIME
