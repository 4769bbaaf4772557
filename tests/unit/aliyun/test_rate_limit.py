"""The token bucket, in virtual time."""

import asyncio

import pytest

from rds_ssl.aliyun.pace import RateLimits
from rds_ssl.aliyun.rate_limit import BURST, RateLimiter
from rds_ssl.core.model import Priority
from support import virtual_time
from support.virtual_time import START, VirtualTimeLoop

READ, WRITE = "DescribeDBInstanceSSL", "ModifyDBInstanceSSL"


async def _take(limiter: RateLimiter, priority: Priority, into: list[tuple[str, float]]) -> None:
    await limiter.acquire(priority, READ)
    into.append((priority.name, round(asyncio.get_running_loop().time() - START, 3)))


def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    taken: list[tuple[str, float]] = []

    async def work() -> None:
        limiter = RateLimiter(2)
        await asyncio.gather(*(_take(limiter, Priority.CHANGE, taken) for _ in range(BURST + 3)))

    virtual_time.run(work())

    assert [at for _, at in taken] == [0, 0, 0, 0, 0, 0.5, 1.0, 1.5]


def test_a_large_rate_has_a_burst_of_a_part_of_a_second() -> None:
    taken: list[tuple[str, float]] = []

    async def work() -> None:
        limiter = RateLimiter(40)
        await asyncio.gather(*(_take(limiter, Priority.CHANGE, taken) for _ in range(11)))

    virtual_time.run(work())

    assert [at for _, at in taken] == [0] * 10 + [0.025]


def test_a_pause_of_the_loop_lets_no_more_go_than_a_server_has_saved_up() -> None:
    taken: list[tuple[str, float]] = []

    async def work() -> None:
        limiter = RateLimiter(20)
        for _ in range(4):
            await asyncio.sleep(3)  # As if the loop had been held, or nobody had asked.
            await asyncio.gather(*(_take(limiter, Priority.CHANGE, taken) for _ in range(40)))

    virtual_time.run(work())

    times = [at for _, at in taken]
    most = max(sum(at <= each < at + 1 for each in times) for at in times)
    assert most <= 26


def test_the_urgent_go_first_and_equals_in_the_order_they_came() -> None:
    order: list[str] = []

    async def take(limiter: RateLimiter, name: str, priority: Priority) -> None:
        await limiter.acquire(priority, READ)
        order.append(name)

    async def work() -> None:
        limiter = RateLimiter(1)
        for _ in range(BURST):
            await limiter.acquire(Priority.RESYNC, READ)
        await asyncio.gather(
            take(limiter, "resync 1", Priority.RESYNC),
            take(limiter, "resync 2", Priority.RESYNC),
            take(limiter, "change 1", Priority.CHANGE),
            take(limiter, "in flight", Priority.IN_FLIGHT),
            take(limiter, "change 2", Priority.CHANGE),
        )

    virtual_time.run(work())

    assert order == ["in flight", "change 1", "change 2", "resync 1", "resync 2"]


def test_no_rate_is_no_limit() -> None:
    taken: list[tuple[str, float]] = []

    async def work() -> None:
        limiter = RateLimiter(0)
        await asyncio.gather(*(_take(limiter, Priority.RESYNC, taken) for _ in range(1000)))

    virtual_time.run(work())

    assert {at for _, at in taken} == {0}


@pytest.mark.parametrize("rate", [0, 5], ids=["without a limit", "with a limit"])
def test_a_pause_holds_everybody_until_its_latest_end(rate: float) -> None:
    taken: list[tuple[str, float]] = []

    async def work() -> None:
        limiter = RateLimiter(rate)
        limiter.pause(READ, START + 30)
        limiter.pause(READ, START + 10)
        await _take(limiter, Priority.IN_FLIGHT, taken)

    virtual_time.run(work())

    assert taken == [("IN_FLIGHT", 30)]


@pytest.mark.parametrize("rate", [0, 5], ids=["without a limit", "with a limit"])
def test_a_pause_of_one_operation_holds_no_other(rate: float) -> None:
    order: list[tuple[str, float]] = []

    async def take(limiter: RateLimiter, priority: Priority, action: str) -> None:
        await limiter.acquire(priority, action)
        order.append((action, round(asyncio.get_running_loop().time() - START, 3)))

    async def work() -> None:
        limiter = RateLimiter(rate)
        limiter.pause(WRITE, START + 30)
        await asyncio.gather(
            take(limiter, Priority.IN_FLIGHT, WRITE), take(limiter, Priority.RESYNC, READ)
        )

    virtual_time.run(work())

    assert order == [(READ, 0), (WRITE, 30)]


def test_operations_share_the_bucket_and_the_order_of_the_urgent() -> None:
    order: list[tuple[str, float]] = []

    async def take(limiter: RateLimiter, priority: Priority, action: str) -> None:
        await limiter.acquire(priority, action)
        order.append((f"{priority.name} {action}", asyncio.get_running_loop().time() - START))

    async def work() -> None:
        limiter = RateLimiter(1)
        for _ in range(BURST):
            await limiter.acquire(Priority.RESYNC, READ)
        await asyncio.gather(
            take(limiter, Priority.RESYNC, READ),
            take(limiter, Priority.CHANGE, WRITE),
            take(limiter, Priority.IN_FLIGHT, READ),
        )

    virtual_time.run(work())

    assert order == [
        (f"IN_FLIGHT {READ}", pytest.approx(1)),
        (f"CHANGE {WRITE}", pytest.approx(2)),
        (f"RESYNC {READ}", pytest.approx(3)),
    ]


def test_a_pause_also_holds_those_who_wait_already() -> None:
    taken: list[tuple[str, float]] = []

    async def work() -> None:
        limiter = RateLimiter(1)
        for _ in range(BURST):
            await limiter.acquire(Priority.CHANGE, READ)
        waiting = asyncio.create_task(_take(limiter, Priority.CHANGE, taken))
        await asyncio.sleep(0)
        limiter.pause(READ, START + 9)
        await waiting

    virtual_time.run(work())

    assert taken == [("CHANGE", 9)]


def test_a_cancelled_waiter_costs_nobody_a_token() -> None:
    taken: list[tuple[str, float]] = []

    async def work() -> None:
        limiter = RateLimiter(1)
        for _ in range(BURST):
            await limiter.acquire(Priority.CHANGE, READ)
        gone = asyncio.create_task(limiter.acquire(Priority.IN_FLIGHT, READ))
        stays = asyncio.create_task(_take(limiter, Priority.RESYNC, taken))
        await asyncio.sleep(0)
        assert limiter.waiting == 2
        gone.cancel()
        await stays
        assert gone.cancelled()
        assert limiter.waiting == 0

    virtual_time.run(work())

    assert taken == [("RESYNC", 1)]


def test_a_token_given_to_a_waiter_that_is_cancelled_in_the_same_turn_comes_back() -> None:
    taken: list[tuple[str, float]] = []

    async def work() -> None:
        limiter = RateLimiter(1)
        for _ in range(BURST):
            await limiter.acquire(Priority.CHANGE, READ)
        late = asyncio.create_task(limiter.acquire(Priority.CHANGE, READ))
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.advance(1)
        # An end that is past: the token is granted here, and the task has not run on yet.
        limiter.pause(READ, START - 50)
        late.cancel()
        await asyncio.gather(late, return_exceptions=True)
        for _ in range(BURST):
            await _take(limiter, Priority.CHANGE, taken)

    virtual_time.run(work())

    assert [at for _, at in taken] == [1, 2, 3, 4, 5]


def test_an_idle_bucket_does_not_overflow() -> None:
    taken: list[tuple[str, float]] = []

    async def work() -> None:
        limiter = RateLimiter(1)
        await limiter.acquire(Priority.CHANGE, READ)
        await asyncio.sleep(1000)
        await asyncio.gather(*(_take(limiter, Priority.CHANGE, taken) for _ in range(BURST + 1)))

    virtual_time.run(work())

    assert [at for _, at in taken] == [1000] * BURST + [1001]


def test_each_caller_at_each_endpoint_has_one_bucket() -> None:
    limits = RateLimits(5)

    one = limits.of("https://rds.aliyuncs.com", "LTAI1")

    assert limits.of("https://rds.aliyuncs.com", "LTAI1") is one
    assert limits.of("https://rds.aliyuncs.com", "LTAI2") is not one
    assert limits.of("https://rds.cn-chengdu.aliyuncs.com", "LTAI1") is not one


def test_the_buckets_of_keys_that_were_rotated_away_are_forgotten() -> None:
    async def work() -> int:
        limits = RateLimits(5)
        for number in range(1000):
            await limits.of("https://rds", f"key-{number}").acquire(Priority.CHANGE, READ)
            await asyncio.sleep(1)
        return len(limits)

    assert virtual_time.run(work()) < 100


def test_a_bucket_that_is_in_use_is_never_forgotten() -> None:
    async def work() -> bool:
        limits = RateLimits(1)
        taken, paused = limits.of("https://rds", "taken"), limits.of("https://rds", "paused")
        for _ in range(BURST):
            await taken.acquire(Priority.CHANGE, READ)
        paused.pause(READ, START + 1000)
        for number in range(1000):
            limits.of("https://rds", f"key-{number}")
        return limits.of("https://rds", "taken") is taken and (
            limits.of("https://rds", "paused") is paused
        )

    assert virtual_time.run(work())


def test_a_negative_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        RateLimiter(-1)
