"""Slots of changes that a process before this one has begun."""

from support.engine_world import EngineWorld, played

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
