"""An instance restarts only so often a day, whoever's objects it was and whatever they are now."""

from rds_ssl.engine.reconcile.ports import Timings
from support.engine_world import EngineWorld, played

PACE = Timings(quiet_period=0.0, drift_delay=0.0, max_changes_per_day=2)
BOLD = {"adoptionPolicy": "Overwrite", "approvalRequired": []}


async def declare(world: EngineWorld, name: str) -> None:
    """Declare the instance of ``a`` with a certificate of the object's own, and let it be sent."""
    world.write_pair(name, world.issuer.leaf(world.host("a")))
    certificate = {"secretRef": {"name": f"{name}-tls"}}
    world.declare(name, instanceID="pgm-a", serverCertificate=certificate, **BOLD)
    await world.run(200)


async def rotate(world: EngineWorld, name: str) -> None:
    world.write_pair(name, world.issuer.leaf(world.host("a")))
    await world.run(200)


@played
async def test_what_an_object_sent_that_only_observes_now_counts_for_the_one_after_it() -> None:
    async with EngineWorld(timings=PACE) as world:
        world.add_instance("a")
        await declare(world, "a")
        await rotate(world, "a")
        world.edit("a", managementPolicy="Observe")
        await world.restart()
        await declare(world, "b")

        assert world.cost("a")[0] == 2
        assert world.conditions("b")["ChangePending"] == ("True", "ChangeLimitReached")


@played
async def test_what_is_recorded_of_one_object_adds_to_what_is_remembered_of_another() -> None:
    async with EngineWorld(timings=PACE) as world:
        world.add_instance("a")
        await declare(world, "a")
        await world.restart()
        world.edit("a", managementPolicy="Observe")
        await declare(world, "b")
        assert world.cost("a")[0] == 2
        world.kube.delete(("shop", "b"))
        world.edit("a", managementPolicy="Enforce")
        await rotate(world, "a")

        assert world.cost("a")[0] == 2
        assert world.conditions("a")["ChangePending"] == ("True", "ChangeLimitReached")
        await world.run(24 * 3600)

        assert world.cost("a")[0] == 3
        assert world.ready("a") == ("True", "Verified")
