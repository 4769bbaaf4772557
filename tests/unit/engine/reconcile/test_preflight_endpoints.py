"""Which endpoint is protected, and what is said of one that is none."""

import pytest

from support import pki
from support.engine_world import EngineWorld, played


async def until_accepted(world: EngineWorld, calls: int) -> None:
    """Wait until the cloud has accepted so many calls."""
    while world.cost("a")[0] < calls:
        await world.run(0.2)


NET_INFO = "DescribeDBInstanceNetInfo"


def message(world: EngineWorld) -> str:
    """Give the message of Stalled."""
    return str((world.condition("Stalled", "a") or {})["message"])


def asked(world: EngineWorld) -> int:
    """Count the calls for endpoints."""
    return len([each for each in world.calls("a") if each["action"] == NET_INFO])


@played
@pytest.mark.parametrize(
    ("host", "why"),
    [("nobody.pg.rds.aliyuncs.com", "is no endpoint"), ("pgm-a-rw.pg.rds.aliyuncs.com", "read/")],
    ids=["unknown", "read/write-splitting"],
)
async def test_what_is_no_endpoint_is_told_with_those_that_are_and_not_sent(
    host: str, why: str
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a", connectionString=host)
        await world.run(60)

        assert world.ready("a") == ("False", "EndpointNotFound")
        assert why in message(world)
        assert "pgm-a.pg.rds.aliyuncs.com, pgm-a-public.pg.rds.aliyuncs.com." in message(world)
        assert world.modifies("a") == []


@played
async def test_the_own_internal_endpoint_is_chosen_pinned_and_costs_no_look_at_others() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a")
        await world.run(60)

        assert world.status("a")["instance"]["endpoint"] == world.host("a")
        assert world.truth("a")["ssl"]["connection_string"] == world.host("a")
        assert asked(world) == 0


@played
async def test_a_public_endpoint_that_is_declared_is_protected() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a", connectionString="PGM-A-public.pg.rds.aliyuncs.com")
        await world.run(60)

        assert world.ready("a")[0] == "True"
        assert world.truth("a")["ssl"]["connection_string"] == "pgm-a-public.pg.rds.aliyuncs.com"
        assert asked(world) == 1


@played
async def test_protection_never_moves_by_itself_when_the_pinned_host_is_renamed() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a", approvalRequired=[], driftPolicy="Correct")
        await world.run(60)
        before = world.cost("a")

        world.rds.patch_instance(
            "pgm-a",
            connection_string="renamed.pg.rds.aliyuncs.com",
            ssl={"connection_string": "renamed.pg.rds.aliyuncs.com"},
        )
        await world.run(3000)

        assert world.ready("a") == ("False", "EndpointNotFound")
        assert "any more" in message(world)
        assert "renamed.pg.rds.aliyuncs.com" in message(world)
        assert world.cost("a") == before
        world.edit("a", connectionString="renamed.pg.rds.aliyuncs.com")
        await world.run(60)
        assert world.ready("a")[0] == "True"
        assert world.cost("a") == before


@played
async def test_without_the_right_to_read_endpoints_the_api_decides() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.fault({"code": "NoPermission", "status": 403}, action=NET_INFO, times=9)
        world.declare("a", connectionString="nobody.pg.rds.aliyuncs.com")
        await world.run(60)

        assert world.ready("a") == ("False", "EndpointNotFound")
        assert "(Endpoint.NotFound)" in message(world)
        assert len(world.modifies("a")) == 1


@played
@pytest.mark.parametrize("rows", [1, 0])
async def test_rows_that_ask_for_ssl_keep_it_on(rows: int) -> None:
    async with EngineWorld() as world:
        kind = "hostssl" if rows else "host"
        world.add_instance("a", hba_rows=[[kind, "all", "all", "0.0.0.0/0", "md5"]])
        world.declare("a", approvalRequired=[])
        await world.run(60)

        world.edit("a", enabled=False)
        await world.run(60)

        assert world.truth("a")["ssl"]["enabled"] is bool(rows)
        if rows:
            assert world.ready("a") == ("False", "HostSSLRowsPresent")
            world.rds.patch_instance("pgm-a", hba_rows=[["host", "all", "all", "0.0.0.0/0", "md5"]])
            await world.run(700)
        assert world.ready("a")[0] == "True"
        assert world.cost("a")[0] == 2


@played
async def test_a_custom_certificate_is_checked_against_the_endpoint_that_is_chosen() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        other: pki.Leaf = world.root.leaf("elsewhere.example.com")
        world.write_pair("a", other)
        world.declare_custom("a")
        await world.run(60)

        assert world.ready("a") == ("False", "MaterialInvalid")
        assert world.host("a") in message(world)
        assert world.modifies("a") == []


@played
@pytest.mark.parametrize("crash", [False, True])
async def test_an_endpoint_that_is_not_named_any_more_while_it_is_applied_stays(
    *,
    crash: bool,
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a", approvalRequired=[])
        await world.run(300)
        world.edit("a", connectionString="pgm-a-public.pg.rds.aliyuncs.com")
        await until_accepted(world, 2)
        world.edit("a", connectionString=None)
        if crash:
            await world.restart()
        await world.run(1500)

        assert world.cost("a")[0] == 2
        assert world.ready("a")[0] == "True"
