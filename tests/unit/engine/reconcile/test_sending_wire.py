"""What the wire does to an object: the older signature, a clock that is off, a throttled change."""

import pytest

from support.engine_world import MODIFY, EngineWorld, played

SSL = "DescribeDBInstanceSSL"


@played
async def test_an_endpoint_that_reads_v1_only_costs_one_read_and_nothing_else() -> None:
    calls: dict[str, list[tuple[str, str]]] = {}
    for signatures in ("v3", "v1"):
        async with EngineWorld() as world:
            world.rds.config(signatures=signatures)
            world.add_instance("a")
            world.write_pair("a")
            world.declare_custom("a")

            await world.run(100)

            assert world.ready("a") == ("True", "Verified")
            assert world.cost("a") == (1, 1)
            assert [call["code"] for call in world.modifies("a")] == ["OK"]
            assert {call["place"] for call in world.calls("a")} == {"body"}
            assert world.rds.stats()["keys_in_url"] == 0
            calls[signatures] = [(call["action"], call["code"]) for call in world.calls("a")]

    extra = [call for call in calls["v1"] if call[1] == "MissingAction"]
    assert len(extra) == 1
    assert extra[0][0].startswith("Describe")
    assert [call for call in calls["v1"] if call not in extra] == calls["v3"]


@played
async def test_an_endpoint_that_reads_neither_signature_gets_no_change() -> None:
    async with EngineWorld() as world:
        for action in ("DescribeDBInstanceSSL", "DescribeDBInstanceAttribute"):
            world.rds.fault({"code": "MissingAction"}, action=action, times=9999)
        world.add_instance("a")
        world.declare("a")

        await world.run(3000)

        assert world.ready("a")[1] == "RequestMalformed"
        assert world.modifies("a") == []


@played
@pytest.mark.parametrize(
    ("skew", "words"),
    [
        (-1020, "about 17 minutes ahead of the RDS API's"),
        (3 * 3600, "about 180 minutes behind the RDS API's"),
    ],
)
async def test_a_clock_that_is_off_is_named_with_how_far_and_which_way(
    skew: int, words: str
) -> None:
    async with EngineWorld() as world:
        world.rds.clock(skew=skew)
        world.add_instance("a")
        world.declare("a")

        await world.run(120)

        condition = world.condition("Reconciling", "a")
        assert condition is not None
        assert condition["reason"] == "ApiUnavailable"
        assert words in condition["message"]
        assert world.modifies("a") == []

        world.rds.clock(skew=0)
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")


@played
async def test_a_throttled_change_does_not_hold_up_the_reads_that_watch_another() -> None:
    async with EngineWorld() as world:
        for name in "ab":
            world.add_instance(name)
        world.declare("a")
        await world.run(1)
        assert world.cost("a")[0] == 1
        world.rds.fault({"kind": "throttle", "retry_after_ms": 200_000}, action=MODIFY)
        world.declare("b")

        await world.run(60)

        assert world.cost("b")[0] == 0
        assert world.ready("a") == ("True", "Verified")

        await world.run(300)

        assert world.ready("b") == ("True", "Verified")
