"""Slots of changes that a process before this one has begun."""

from rds_ssl.core.errors import KubeConflict
from support.engine_world import EngineWorld, played
from support.line import Call

MANY = 80
"""Changes under way: more than the workers have looked at within one answer of the cloud."""


@played
async def test_changes_of_the_process_before_hold_their_slots_before_anybody_looks_at_them() -> (
    None
):
    async with EngineWorld(budget=MANY) as world:
        world.line.latency = lambda: 0.05
        world.rds.config(durations={"change": 600.0})
        for number in range(MANY):
            world.add_instance(f"a{number}")
            world.declare(f"a{number}")
        await world.run(60)
        assert sum(world.cost(f"a{number}")[0] for number in range(MANY)) == MANY
        await world.crash()
        world.passes.clear()
        world.add_instance("next")
        world.declare("next")

        world.start()
        while not world.passes:
            await world.run(0.01)

        assert world.engine is not None
        assert len(world.engine.budget) == MANY
        await world.run(60)
        assert world.conditions("next")["ChangePending"] == ("True", "AwaitingBudget")
        assert not world.modifies("next")


@played
async def test_the_next_attempts_of_records_that_no_call_followed_share_the_slots() -> None:
    """Both write-ahead records are written and answered with 409, so that no call follows them."""
    lost: list[Call] = []

    def lose(call: Call) -> None:
        if call.phase == "Sending" and len(lost) < 2:
            lost.append(call)
            raise KubeConflict("409", status=409)

    async with EngineWorld(budget=1) as world:
        world.line.after.append(lose)
        for name in "ab":
            world.add_instance(name)
            world.declare(name)
        await world.run(600)

        first, second = world.accepted
        assert len(lost) == 2
        assert second.at >= first.ends_at
        assert world.ready("a")[0] == world.ready("b")[0] == "True"


@played
async def test_a_new_process_knows_the_slots_of_changes_under_way_before_its_first_pass() -> None:
    async with EngineWorld(budget=1) as world:
        world.rds.config(durations={"change": 100.0})
        others = [f"a{number}" for number in range(12)]
        for name in others:  # Listed before the one whose change is under way.
            world.add_instance(name)
            world.declare(name, suspend=True)
        world.add_instance("z")
        world.declare("z")
        await world.run(10)
        assert world.status("z")["operation"]["phase"] == "Accepted"

        await world.crash()
        for name in others:
            world.edit(name, suspend=None)
        world.start()
        await world.run(20)

        assert world.status("z")["operation"]["phase"] == "Accepted"
        assert [name for name in others if world.modifies(name)] == []
