"""What a process remembers of an object."""

from rds_ssl.engine.reconcile.memory import Inputs
from rds_ssl.engine.reconcile.ports import Timings
from support.engine_world import EngineWorld, played


@played
async def test_an_edit_after_an_hour_of_rest_waits_for_a_whole_quiet_period() -> None:
    async with EngineWorld(timings=Timings(quiet_period=10.0)) as world:
        world.add_instance("a")
        world.write_pair("a")
        world.declare("a")
        await world.run(3600)
        world.edit("a", serverCertificate={"secretRef": {"name": "a-tls"}})

        await world.run(9)
        assert len(world.modifies("a")) == 1
        await world.run(2)

        assert len(world.modifies("a")) == 2


def test_unrest_without_end_is_cut_short_after_six_periods_of_it() -> None:
    inputs = Inputs()
    inputs.note("rest", now=0.0, period=10.0)
    for second in range(3600, 3700, 5):
        inputs.note(second, now=float(second), period=10.0)

    assert inputs.quiet_for(now=3658.0, period=10.0) == 2.0
    assert inputs.quiet_for(now=3660.0, period=10.0) == 0.0
