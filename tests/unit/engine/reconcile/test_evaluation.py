"""What follows from what was read: no difference, or a call at its time."""

from datetime import timedelta

from support.engine_world import EngineWorld, played


@played
async def test_an_intermediate_that_the_vendor_does_not_show_is_no_difference() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a", world.root.intermediate().leaf(world.host("a")))
        world.declare_custom("a")

        await world.run(1500)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)


@played
async def test_a_certificate_is_sent_as_soon_as_it_is_valid() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        tomorrow = world.clock() + timedelta(days=1)
        world.write_pair("a", world.root.leaf(world.host("a"), not_before=tomorrow))
        world.declare_custom("a")
        await world.run(3600)
        assert world.conditions("a")["MaterialReady"] == ("False", "NotYetValid")
        assert world.modifies("a") == []

        await world.run(86400)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)
