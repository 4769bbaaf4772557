"""Looks that read what the last one read: they cost little, and hide nothing."""

from datetime import timedelta

from rds_ssl.engine.reconcile.ports import Timings
from support import pki
from support.engine_world import NAMESPACE, EngineWorld, played

HOUR = 3600.0
HOURLY = Timings(quiet_period=0.0, resync=HOUR)


async def settled(world: EngineWorld, issuer: pki.Authority | None = None) -> None:
    """Bring a certificate into force, and look at it a few times."""
    world.add_instance("a")
    leaf = (issuer or world.issuer).leaf(world.host("a"), not_after=world.clock() + pki.CA_LIFETIME)
    world.write_pair("a", leaf)
    world.declare_custom("a")
    await world.run(5 * HOUR)
    assert world.ready("a") == ("True", "Verified")


@played
async def test_an_intermediate_of_the_chain_that_ends_is_told_although_nothing_has_changed() -> (
    None
):
    async with EngineWorld(timings=HOURLY) as world:
        ends = world.clock() + timedelta(days=2)
        issuer = world.root.intermediate("Short", extras=pki.Extras(not_after=ends))
        await settled(world, issuer)
        assert "Short" not in (world.condition("MaterialReady", "a") or {})["message"]

        await world.run(48 * HOUR)

        message = (world.condition("MaterialReady", "a") or {})["message"]
        assert "CN=Short in the chain expired" in message
        assert len(world.modifies("a")) == 1


@played
async def test_an_intermediate_that_is_declared_and_perhaps_not_in_force_is_told_when_it_ends() -> (
    None
):
    async with EngineWorld(timings=HOURLY) as world:
        ends = world.clock() + timedelta(days=2)
        issuer = world.root.intermediate("Short", extras=pki.Extras(not_after=ends))
        world.add_instance("a")
        host, until = world.host("a"), world.clock() + pki.CA_LIFETIME
        leaf = world.write_pair("a", issuer.leaf(host, not_after=until))
        world.meddle(
            "a",
            enabled=True,
            server_cert=leaf.chain_pem.decode(),
            server_key=leaf.key_pem().decode(),
        )
        world.declare_custom("a")
        await world.run(5 * HOUR)
        assert world.ready("a") == ("True", "Adopted")
        assert "Short" not in (world.condition("MaterialReady", "a") or {})["message"]

        await world.run(48 * HOUR)

        message = (world.condition("MaterialReady", "a") or {})["message"]
        assert "CN=Short in the chain expired" in message
        assert world.modifies("a") == []


@played
async def test_a_status_edited_by_hand_is_put_right_at_the_next_look() -> None:
    async with EngineWorld(timings=HOURLY) as world:
        await settled(world)
        ready = world.condition("Ready", "a")
        assert ready is not None
        wrong = [{**ready, "status": "False", "reason": "Edited", "message": "by hand"}]
        world.kube.put_status((NAMESPACE, "a"), {"conditions": wrong})
        assert world.ready("a") == ("False", "Edited")

        await world.run(2 * HOUR)

        assert world.ready("a") == ("True", "Verified")
        assert world.conditions("a")["MaterialReady"][0] == "True"


@played
async def test_a_change_elsewhere_is_taken_back_after_any_number_of_quiet_looks() -> None:
    async with EngineWorld(timings=HOURLY) as world:
        await settled(world)
        other = world.issuer.leaf(world.host("a"))
        world.meddle("a", server_cert=other.chain_pem.decode(), server_key=other.key_pem().decode())

        await world.run(2 * HOUR)

        assert len(world.modifies("a")) == 2
        assert world.ready("a") == ("True", "Verified")


@played
async def test_a_quiet_look_is_one_call_and_no_write() -> None:
    async with EngineWorld(timings=HOURLY) as world:
        await settled(world)
        writes, world.passes[:] = world.kube.writes["patch_status"], []
        world.rds.clear_calls()

        await world.run(24 * HOUR)

        looks = len(
            [each for each in world.calls("a") if each["action"] == "DescribeDBInstanceSSL"]
        )
        assert 20 <= looks == len(world.calls("a"))
        assert world.kube.writes["patch_status"] == writes


@played
async def test_a_clock_that_is_set_back_is_judged_by_as_it_is() -> None:
    async with EngineWorld(timings=HOURLY) as world:
        await settled(world)
        told = (world.condition("MaterialReady", "a") or {})["message"]

        world.set_clock(back=timedelta(days=20000))
        await world.run(2 * HOUR)

        message = (world.condition("MaterialReady", "a") or {})["message"]
        assert message != told
        assert "is valid from" in message
        assert len(world.modifies("a")) == 1


@played
async def test_a_certificate_is_renewed_when_that_is_due_after_months_of_quiet_looks() -> None:
    async with EngineWorld(timings=Timings(quiet_period=0.0, resync=12 * HOUR)) as world:
        world.add_instance("a", profile="mysql-8.0")
        # Sixty days before the end of 365, when nothing is to be warned of yet.
        world.declare("a", serverCertificate={"renewBefore": "1440h"})
        await world.run(304 * 24 * HOUR)
        assert world.cost("a")[0] == 1

        await world.run(2 * 24 * HOUR)

        assert world.cost("a")[0] == 2
        assert world.status("a")["history"][0]["cause"] == "renewal"
