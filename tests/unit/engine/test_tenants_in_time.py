"""What one namespace does costs another no time: attacks, and the victim's rotation meanwhile."""

import pytest

from support.engine_world import played
from support.tenants import (
    MALLORY_KEY,
    RATE,
    VICTIM_KEY,
    Mallory,
    rotation_delay,
    tenants,
)

MOMENTS = (0.0, 1.3, 7.0)
"""Seconds after the attack at which the victim rotates."""


@played
async def test_without_an_attack_a_rotation_goes_out_after_its_quiet_period() -> None:
    async with tenants() as world:
        assert await rotation_delay(world) <= 2


@played
@pytest.mark.parametrize("moment", MOMENTS)
async def test_an_account_that_answers_429_holds_up_nobody_else(moment: float) -> None:
    async with tenants() as world:
        mallory = Mallory(world)
        mallory.write_key("keys", *MALLORY_KEY)
        for number in range(17):
            mallory.add_instance(f"m{number}")
            world.rds.fault(
                {"kind": "throttle", "retry_after_ms": 300_000},
                instance=f"pgm-m{number}",
                times=100,
            )
            mallory.declare(f"m{number}", credentials="keys")
        await world.run(1)
        mallory.write_again()
        await world.run(moment)

        assert await rotation_delay(world) <= 5


@played
@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_thousand_objects_with_a_wrong_secret_hold_up_nobody_else(moment: float) -> None:
    async with tenants() as world:
        mallory = Mallory(world)
        mallory.write_key("keys", MALLORY_KEY[0], "wrong")
        for number in range(1000):
            mallory.declare(f"m{number}", credentials="keys")
        await world.run(1)
        mallory.write_again()
        await world.run(moment)

        assert await rotation_delay(world) <= 10


@played
@pytest.mark.parametrize("moment", MOMENTS)
async def test_unreachable_regions_hold_up_nobody_else(moment: float) -> None:
    async with tenants() as world:
        mallory = Mallory(world)
        mallory.write_key("keys", *MALLORY_KEY)
        for number in range(300):
            world.unreachable_hosts.add(f"rds.xx-dead-{number}.aliyuncs.com")
            mallory.declare(f"m{number}", credentials="keys", region=f"xx-dead-{number}")
        await world.run(1)
        mallory.write_again()
        await world.run(moment)

        assert await rotation_delay(world) <= 10


@played
@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_gateway_that_answers_an_account_with_html_holds_up_nobody_else(
    moment: float,
) -> None:
    async with tenants() as world:
        mallory = Mallory(world)
        mallory.write_key("keys", "X" * 9000, "secret")
        for number in range(200):
            world.rds.fault({"kind": "html", "status": 400}, instance=f"pgm-m{number}", times=1000)
            mallory.declare(f"m{number}", credentials="keys")
        await world.run(1)
        mallory.write_again()
        await world.run(moment)

        assert await rotation_delay(world) <= 5


@played
@pytest.mark.parametrize("moment", MOMENTS)
async def test_whoever_names_a_key_without_its_secret_takes_no_turn_of_its_owner(
    moment: float,
) -> None:
    async with tenants() as world:
        mallory = Mallory(world)
        for number in range(300):
            mallory.write_key(f"k{number}", VICTIM_KEY[0], f"wrong-{number}")
            mallory.declare(f"m{number}", credentials=f"k{number}")
        await world.run(1)
        mallory.write_again()
        await world.run(moment)

        assert await rotation_delay(world) <= 5
        assert RATE > 0
