"""Who probes a silent endpoint, and who waits."""

from rds_ssl.core.errors import NotSent
from rds_ssl.engine.places import Place
from rds_ssl.engine.scheduling.outages import PROBER_SILENT, Outages
from support.engine_world import NAMESPACE, EngineWorld, played

PLACE = Place(endpoint="https://rds", identity="one", namespace="shop")
NO_CONNECTION = NotSent(action="DescribeDBInstanceSSL", kind="no connection")

A, B, C = (("shop", name) for name in "abc")


async def two_ready(world: EngineWorld) -> None:
    """Bring the objects ``a``, of other credentials, and ``b`` to Ready."""
    world.write_credentials("own")
    for name in "ab":
        world.add_instance(name)
    world.declare("a", credentialsSecretRef={"name": "own"})
    world.declare("b")
    await world.run(300)
    assert world.ready("a") == world.ready("b") == ("True", "Verified")


def calls_to(world: EngineWorld, instance_id: str) -> int:
    """Count what was called for an instance, answered or not."""
    return sum(each.about == instance_id and each.port == "cloud" for each in world.line.calls)


@played
async def test_a_prober_that_lost_its_credentials_makes_room_for_another() -> None:
    async with EngineWorld() as world:
        await two_ready(world)
        world.rds.fault({"kind": "reset-before"}, times=9999)
        world.ask("a", "now")
        await world.run(0.5)  # It is the prober now.
        world.edit("b", suspend=True)
        await world.run(0.5)
        before = calls_to(world, "pgm-b")

        world.kube.delete_data("Secret", (NAMESPACE, "own"))
        await world.run(5)

        assert calls_to(world, "pgm-b") > before
        world.rds.clear_faults()
        await world.run(30)
        assert world.status("b")["observedGeneration"] == 2
        assert "Reconciling" not in world.conditions("b")


@played
async def test_a_prober_that_is_silent_is_replaced() -> None:
    async with EngineWorld() as world:
        outages = Outages(lambda _key, _seconds: None)
        outages.failed(PLACE, A, NO_CONNECTION)
        assert outages.blocks(PLACE, B)

        await world.run(PROBER_SILENT + 1)

        assert not outages.blocks(PLACE, B)
        assert outages.blocks(PLACE, A)
