"""What waits because of an account, or of another object, says so; and many cost one probe."""

from collections import Counter

import pytest

from support.engine_world import MODIFY, played
from support.tenants import MALLORY_KEY, QUIET, VICTIM, Mallory, tenants

SOME = 40


@played
async def test_many_objects_with_a_wrong_secret_cost_one_probe_and_each_says_what_is_wrong() -> (
    None
):
    async with tenants() as world:
        mallory = Mallory(world)
        mallory.write_key("keys", MALLORY_KEY[0], "wrong")
        for number in range(SOME):
            mallory.add_instance(f"m{number}")
            mallory.declare(f"m{number}", credentials="keys")

        await world.run(300)

        messages = Counter(
            next(
                each
                for each in mallory.status(f"m{number}")["conditions"]
                if each["type"] == "Ready"
            )["message"]
            for number in range(SOME)
        )
        assert len(messages) == 1
        assert "Secret keys" in next(iter(messages))
        assert len(mallory.calls()) <= SOME / 2

        mallory.write_key("keys", *MALLORY_KEY)
        await world.run(100)
        ready = [mallory.status(f"m{number}")["conditions"][0] for number in range(SOME)]
        assert {each["reason"] for each in ready} == {"Verified"}


@played
async def test_a_key_that_is_enabled_again_is_noticed_by_one_probe_for_all() -> None:
    async with tenants() as world:
        mallory = Mallory(world)
        mallory.write_key("keys", *MALLORY_KEY)
        world.rds.put_access_key(MALLORY_KEY[0], secret=MALLORY_KEY[1], active=False)
        for number in range(SOME):
            mallory.add_instance(f"m{number}")
            mallory.declare(f"m{number}", credentials="keys")
        await world.run(100)
        world.rds.put_access_key(MALLORY_KEY[0], secret=MALLORY_KEY[1])

        await world.run(400)

        assert all(
            mallory.status(f"m{number}")["conditions"][0]["status"] == "True"
            for number in range(SOME)
        )


@pytest.mark.parametrize("action", [MODIFY, "DescribeDBInstanceSSL"])
@played
async def test_a_change_that_waits_for_its_turn_says_so_and_goes_when_it_comes(action: str) -> None:
    async with tenants() as world:
        throttle = {"kind": "throttle", "retry_after_ms": 100_000}
        world.rds.fault(throttle, action=action, instance=f"pgm-{VICTIM}")
        world.write_pair(VICTIM)
        await world.run(QUIET + 2)
        world.write_pair(VICTIM)  # Another look, while the account is to be left alone.
        await world.run(20)

        assert world.conditions(VICTIM)["Reconciling"][1] in {"Throttled", "AwaitingBudget"}
        assert world.ready(VICTIM) == ("True", "Verified")
        assert world.engine is not None
        assert world.engine.queue.in_flight == 0

        await world.run(150)
        assert len([each for each in world.modifies(VICTIM) if each["accepted"]]) == 2
