"""What a pass had read before a read failed."""

from support.engine_world import EngineWorld, played


@played
async def test_a_read_refused_at_first_contact_names_the_engine_that_was_read_before_it() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.fault(
            {"code": "InstanceEngineType.NotSupport", "status": 400},
            action="DescribeDBInstanceSSL",
            times=9999,
        )
        world.declare("a")

        await world.run(10)

        stalled = world.condition("Stalled", "a")
        assert stalled is not None
        assert "RDS offers no SSL for PostgreSQL" in stalled["message"]


@played
async def test_the_instance_is_shown_although_its_endpoints_cannot_be_read() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.fault(
            {"code": "InvalidParameter", "status": 400},
            action="DescribeDBInstanceNetInfo",
            times=9999,
        )
        world.declare("a", connectionString="other.pg.rds.aliyuncs.com")

        await world.run(10)

        assert "instance" in world.status("a"), world.status("a")
