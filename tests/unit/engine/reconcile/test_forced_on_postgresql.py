"""Forced encryption on PostgreSQL, of which the vendor's documents disagree: RDS decides."""

from typing import Any

import pytest

from support.engine_world import EngineWorld, played

TAKEN = {"force-on-postgresql": "accepted"}


def stalled_message(world: EngineWorld) -> str:
    """Give the message of Stalled."""
    condition = world.condition("Stalled", "a")
    return condition["message"] if condition else ""


def last_values(world: EngineWorld) -> dict[str, Any]:
    """Give the parameters of the last call, those that are no secret."""
    values: dict[str, Any] = world.modifies("a")[-1]["values"]
    return values


@played
async def test_where_rds_refuses_it_the_object_says_what_to_do_and_nothing_is_repeated() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a", forceEncryption=True)
        await world.run(5000)

        assert world.ready("a") == ("False", "RequestRejected")
        assert "remove spec.forceEncryption" in stalled_message(world)
        assert "spec.clientAuthentication" in stalled_message(world)
        assert [each["code"] for each in world.modifies("a")] == ["InvalidParam"]
        await world.restart()
        await world.run(5000)
        assert len(world.modifies("a")) == 1

        world.edit("a", forceEncryption=None)
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)


@played
async def test_another_refused_setting_is_not_blamed_on_it() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.fault(
            {"code": "IncorrectDBSslStatus", "status": 400}, action="ModifyDBInstanceSSL"
        )
        world.declare("a", forceEncryption=True)
        await world.run(300)

        assert world.ready("a") == ("False", "SSLStatusRejected")
        assert "forceEncryption" not in stalled_message(world)


@played
@pytest.mark.parametrize("omitted", ["resets", "keeps"])
async def test_where_rds_takes_it_it_is_in_force_out_of_sight(omitted: str) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.config(switches={**TAKEN, "omitted": omitted})
        world.write_pair("a")
        world.declare_custom("a", forceEncryption=True, approvalRequired=[])
        await world.run(300)

        assert world.ready("a") == ("True", "AppliedNotEchoed")
        assert world.truth("a")["ssl"]["force_encryption"]
        assert world.cost("a") == (1, 1)
        await world.restart()
        await world.run(2000)
        assert world.ready("a") == ("True", "AppliedNotEchoed")

        world.write_pair("a")
        await world.run(400)
        assert world.truth("a")["ssl"]["force_encryption"]
        assert world.cost("a")[0] == 2

        world.edit("a", forceEncryption=None)
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")
        assert not world.truth("a")["ssl"]["force_encryption"]
        assert last_values(world)["ForceEncryption"] == "0"
        assert world.cost("a")[0] == 3


@played
async def test_ssl_is_turned_off_together_with_it_where_rds_took_it() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.config(switches=TAKEN)
        world.declare("a", forceEncryption=True, approvalRequired=[])
        await world.run(300)

        world.edit("a", enabled=False, forceEncryption=None)
        await world.run(300)

        assert world.ready("a")[0] == "True"
        assert last_values(world)["ForceEncryption"] == "0"
        assert not world.truth("a")["ssl"]["enabled"]


@played
async def test_what_is_not_declared_is_not_sent_to_a_postgresql_that_may_refuse_it() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a")
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")
        assert "ForceEncryption" not in last_values(world)
