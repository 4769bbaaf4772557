"""The way of a rotation: what it costs before its call, and what it does not."""

import asyncio

import pytest

from rds_ssl.engine.reconcile.ports import Timings
from support.engine_world import MODIFY, EngineWorld, played
from support.line import Call

SSL, ATTRIBUTE = "DescribeDBInstanceSSL", "DescribeDBInstanceAttribute"


class CloudCalls:
    """The calls to the cloud from now on, each with the time at which it was executed."""

    def __init__(self, world: EngineWorld) -> None:
        self.seen: list[tuple[str, float]] = []
        world.line.before.append(self._note)

    def _note(self, call: Call) -> None:
        if call.port == "cloud":
            self.seen.append((call.what, asyncio.get_running_loop().time()))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.seen]


async def in_force(world: EngineWorld, **spec: object) -> CloudCalls:
    """Bring a custom certificate into force, and note what comes after."""
    world.add_instance("a")
    world.write_pair("a")
    world.declare_custom("a", **spec)
    await world.run(60)
    assert world.ready("a") == ("True", "Verified")
    return CloudCalls(world)


@pytest.mark.parametrize("quiet", [0.0, 10.0])
def test_a_rotation_reads_settings_and_attributes_at_the_same_time(quiet: float) -> None:
    @played
    async def story() -> None:
        async with EngineWorld(timings=Timings(quiet_period=quiet, resync=6000)) as world:
            calls = await in_force(world)
            world.write_pair("a")
            await world.run(quiet + 5)

            sent = calls.names.index(MODIFY)
            before = dict(calls.seen[sent - 2 : sent])
            assert before.keys() == {SSL, ATTRIBUTE}
            assert before[SSL] == before[ATTRIBUTE]
            # One look while the inputs have to stand still, if they have to.
            assert calls.names[: sent - 2] == ([SSL] if quiet else [])

    story()


@played
async def test_a_rotation_that_is_held_costs_one_call_a_look() -> None:
    async with EngineWorld(timings=Timings(quiet_period=0, resync=600)) as world:
        calls = await in_force(world)
        world.edit("a", suspend=True)
        await world.run(5)
        world.write_pair("a")
        await world.run(5)
        calls.seen.clear()
        await world.run(3000)

        assert set(calls.names) == {SSL}
        assert 4 <= len(calls.names) <= 6


@pytest.mark.parametrize("failing", [SSL, ATTRIBUTE])
def test_one_of_the_two_reads_may_fail_and_the_rotation_goes_later(failing: str) -> None:
    @played
    async def story() -> None:
        async with EngineWorld() as world:
            calls = await in_force(world)
            world.rds.fault({"code": "ServiceUnavailable", "status": 503}, action=failing)
            world.write_pair("a")
            await world.run(120)

            assert calls.names.count(MODIFY) == 1
            assert calls.names.count(failing) >= 2
            assert world.ready("a") == ("True", "Verified")

    story()
