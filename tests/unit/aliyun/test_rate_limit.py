"""The token bucket, on a loop whose clock is moved by hand."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from rds_ssl.aliyun.rate_limit import BURST, RateLimiter, RateLimits
from rds_ssl.core.model import Priority

READ, WRITE = "DescribeDBInstanceSSL", "ModifyDBInstanceSSL"


class Clock:
    """A loop that jumps to its next timer instead of waiting."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._now = 100.0
        self.loop.time = lambda: self._now  # type: ignore[method-assign]
        select = self.loop._selector.select  # type: ignore[attr-defined]  # noqa: SLF001

        def jump(timeout: float | None) -> Any:  # noqa: ANN401
            if timeout:
                self._now += timeout
            return select(0)

        self.loop._selector.select = jump  # type: ignore[attr-defined]  # noqa: SLF001

    def advance(self, seconds: float) -> None:
        self._now += seconds

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(asyncio.wait_for(work, 10_000))


@pytest.fixture
def clock() -> Iterator[Clock]:
    """A virtual clock, at 100 s."""
    made = Clock()
    yield made
    made.loop.close()


async def _take(limiter: RateLimiter, priority: Priority, into: list[tuple[str, float]]) -> None:
    await limiter.acquire(priority, READ)
    into.append((priority.name, round(asyncio.get_running_loop().time() - 100, 3)))


def test_a_burst_goes_at_once_and_the_rest_at_the_rate(clock: Clock) -> None:
    taken: list[tuple[str, float]] = []

    async def work() -> None:
        limiter = RateLimiter(2)
        await asyncio.gather(*(_take(limiter, Priority.CHANGE, taken) for _ in range(BURST + 3)))

    clock.run(work())

    assert [at for _, at in taken] == [0, 0, 0, 0, 0, 0.5, 1.0, 1.5]


def test_a_large_rate_has_a_burst_of_a_part_of_a_second(clock: Clock) -> None:
    taken: list[tuple[str, float]] = []

    async def work() -> None:
        limiter = RateLimiter(40)
        await asyncio.gather(*(_take(limiter, Priority.CHANGE, taken) for _ in range(11)))

    clock.run(work())

    assert [at for _, at in taken] == [0] * 10 + [0.025]


def test_a_pause_of_the_loop_lets_no_more_go_than_a_server_has_saved_up(clock: Clock) -> None:
    taken: list[tuple[str, float]] = []

    async def work() -> None:
        limiter = RateLimiter(20)
        for _ in range(4):
            await asyncio.sleep(3)  # As if the loop had been held, or nobody had asked.
            await asyncio.gather(*(_take(limiter, Priority.CHANGE, taken) for _ in range(40)))

    clock.run(work())

    times = [at for _, at in taken]
    most = max(sum(at <= each < at + 1 for each in times) for at in times)
    assert most <= 26


def test_the_urgent_go_first_and_equals_in_the_order_they_came(clock: Clock) -> None:
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

    clock.run(work())

    assert order == ["in flight", "change 1", "change 2", "resync 1", "resync 2"]


def test_no_rate_is_no_limit(clock: Clock) -> None:
    taken: list[tuple[str, float]] = []

    async def work() -> None:
        limiter = RateLimiter(0)
        await asyncio.gather(*(_take(limiter, Priority.RESYNC, taken) for _ in range(1000)))

    clock.run(work())

    assert {at for _, at in taken} == {0}


@pytest.mark.parametrize("rate", [0, 5], ids=["without a limit", "with a limit"])
def test_a_pause_holds_everybody_until_its_latest_end(clock: Clock, rate: float) -> None:
    taken: list[tuple[str, float]] = []

    async def work() -> None:
        limiter = RateLimiter(rate)
        limiter.pause(READ, 130)
        limiter.pause(READ, 110)
        await _take(limiter, Priority.IN_FLIGHT, taken)

    clock.run(work())

    assert taken == [("IN_FLIGHT", 30)]


@pytest.mark.parametrize("rate", [0, 5], ids=["without a limit", "with a limit"])
def test_a_pause_of_one_operation_holds_no_other(clock: Clock, rate: float) -> None:
    order: list[tuple[str, float]] = []

    async def take(limiter: RateLimiter, priority: Priority, action: str) -> None:
        await limiter.acquire(priority, action)
        order.append((action, round(asyncio.get_running_loop().time() - 100, 3)))

    async def work() -> None:
        limiter = RateLimiter(rate)
        limiter.pause(WRITE, 130)
        await asyncio.gather(
            take(limiter, Priority.IN_FLIGHT, WRITE), take(limiter, Priority.RESYNC, READ)
        )

    clock.run(work())

    assert order == [(READ, 0), (WRITE, 30)]


def test_operations_share_the_bucket_and_the_order_of_the_urgent(clock: Clock) -> None:
    order: list[tuple[str, float]] = []

    async def take(limiter: RateLimiter, priority: Priority, action: str) -> None:
        await limiter.acquire(priority, action)
        order.append((f"{priority.name} {action}", asyncio.get_running_loop().time() - 100))

    async def work() -> None:
        limiter = RateLimiter(1)
        for _ in range(BURST):
            await limiter.acquire(Priority.RESYNC, READ)
        await asyncio.gather(
            take(limiter, Priority.RESYNC, READ),
            take(limiter, Priority.CHANGE, WRITE),
            take(limiter, Priority.IN_FLIGHT, READ),
        )

    clock.run(work())

    assert order == [
        (f"IN_FLIGHT {READ}", pytest.approx(1)),
        (f"CHANGE {WRITE}", pytest.approx(2)),
        (f"RESYNC {READ}", pytest.approx(3)),
    ]


def test_a_pause_also_holds_those_who_wait_already(clock: Clock) -> None:
    taken: list[tuple[str, float]] = []

    async def work() -> None:
        limiter = RateLimiter(1)
        for _ in range(BURST):
            await limiter.acquire(Priority.CHANGE, READ)
        waiting = asyncio.create_task(_take(limiter, Priority.CHANGE, taken))
        await asyncio.sleep(0)
        limiter.pause(READ, 109)
        await waiting

    clock.run(work())

    assert taken == [("CHANGE", 9)]


def test_a_cancelled_waiter_costs_nobody_a_token(clock: Clock) -> None:
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

    clock.run(work())

    assert taken == [("RESYNC", 1)]


def test_a_token_given_to_a_waiter_that_is_cancelled_in_the_same_turn_comes_back(
    clock: Clock,
) -> None:
    taken: list[tuple[str, float]] = []

    async def work() -> None:
        limiter = RateLimiter(1)
        for _ in range(BURST):
            await limiter.acquire(Priority.CHANGE, READ)
        late = asyncio.create_task(limiter.acquire(Priority.CHANGE, READ))
        await asyncio.sleep(0)
        clock.advance(1)
        # An end that is past: the token is granted here, and the task has not run on yet.
        limiter.pause(READ, 50)
        late.cancel()
        await asyncio.gather(late, return_exceptions=True)
        for _ in range(BURST):
            await _take(limiter, Priority.CHANGE, taken)

    clock.run(work())

    assert [at for _, at in taken] == [1, 2, 3, 4, 5]


def test_an_idle_bucket_does_not_overflow(clock: Clock) -> None:
    taken: list[tuple[str, float]] = []

    async def work() -> None:
        limiter = RateLimiter(1)
        await limiter.acquire(Priority.CHANGE, READ)
        await asyncio.sleep(1000)
        await asyncio.gather(*(_take(limiter, Priority.CHANGE, taken) for _ in range(BURST + 1)))

    clock.run(work())

    assert [at for _, at in taken] == [1000] * BURST + [1001]


def test_each_caller_at_each_endpoint_has_one_bucket() -> None:
    limits = RateLimits(5)

    one = limits.of("https://rds.aliyuncs.com", "LTAI1")

    assert limits.of("https://rds.aliyuncs.com", "LTAI1") is one
    assert limits.of("https://rds.aliyuncs.com", "LTAI2") is not one
    assert limits.of("https://rds.cn-chengdu.aliyuncs.com", "LTAI1") is not one


def test_a_negative_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        RateLimiter(-1)
