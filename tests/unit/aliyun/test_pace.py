"""A pass that has to wait for its turn at the API ends, and is called back."""

import asyncio
import contextlib
from typing import Self

import pytest

from rds_ssl.aliyun.pace import Pace, RateLimits
from rds_ssl.aliyun.rate_limit import BURST, LAPSE, PATIENCE_BEGUN, RateLimiter
from rds_ssl.aliyun.waiting import IDLE_ABOVE, Caller
from rds_ssl.core.errors import TurnAwaited
from rds_ssl.core.model import Priority
from support.engine_world import played

READ, WRITE = "DescribeDBInstanceSSL", "ModifyDBInstanceSSL"

RATE = 1.0


class Bucket:
    """A limiter whose burst is spent, and whom it has called back."""

    def __init__(self, *, spent: bool = True) -> None:
        self.woken: list[Caller] = []
        self.waited: list[tuple[Priority, float]] = []
        self.limiter = RateLimiter(
            RATE,
            lambda caller, _priority: self.woken.append(caller),
            waited=lambda priority, seconds: self.waited.append((priority, seconds)),
        )
        self._spent = spent

    async def __aenter__(self) -> Self:
        if self._spent:
            for _ in range(BURST):
                await self.limiter.acquire(Priority.CHANGE, READ)
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def spend(self) -> None:
        """Take whatever is there for others."""
        for number in range(100):
            await self.a_pass("shop", f"m{number}").acquire(Priority.CHANGE, READ)

    def a_pass(self, namespace: str, name: str) -> Pace:
        return Pace(self.limiter, (namespace, name))


def now() -> float:
    return asyncio.get_running_loop().time()


@played
async def test_a_pass_without_a_token_ends_at_once_and_is_called_back_with_one() -> None:
    async with Bucket() as bucket:
        began = now()
        with pytest.raises(TurnAwaited):
            await bucket.a_pass("shop", "a").acquire(Priority.CHANGE, READ)
        assert now() == began

        await asyncio.sleep(1.5)
        assert bucket.woken == [("shop", "a")]
        await asyncio.sleep(0.1)

        began = now()
        await bucket.a_pass("shop", "a").acquire(Priority.CHANGE, READ)
        assert now() == began


@played
async def test_a_paused_operation_holds_no_pass_and_another_one_goes_on() -> None:
    async with Bucket(spent=False) as bucket:
        bucket.limiter.pause(READ, now() + 300, "Throttling.User")

        began = now()
        with pytest.raises(TurnAwaited) as raised:
            await bucket.a_pass("shop", "a").acquire(Priority.IN_FLIGHT, READ)
        assert now() == began
        await bucket.a_pass("shop", "b").acquire(Priority.RESYNC, WRITE)

        assert (raised.value.seconds, raised.value.code) == (300, "Throttling.User")
        await asyncio.sleep(301)
        assert bucket.woken == [("shop", "a")]


@played
async def test_how_long_a_pass_waited_is_told_from_its_first_attempt_on() -> None:
    async with Bucket(spent=False) as bucket:
        bucket.limiter.pause(READ, now() + 300, "Throttling.User")
        with pytest.raises(TurnAwaited):
            await bucket.a_pass("shop", "a").acquire(Priority.RESYNC, READ)
        await asyncio.sleep(100)
        with pytest.raises(TurnAwaited):
            await bucket.a_pass("shop", "a").acquire(Priority.CHANGE, READ)
        assert bucket.waited == []

        await asyncio.sleep(201)

        assert bucket.waited == [(Priority.CHANGE, pytest.approx(300, abs=0.1))]


@played
async def test_the_tenants_of_an_account_take_turns() -> None:
    async with Bucket() as bucket:
        for number in range(100):
            with pytest.raises(TurnAwaited):
                await bucket.a_pass("many", f"m{number}").acquire(Priority.CHANGE, READ)
        for number in range(3):
            with pytest.raises(TurnAwaited):
                await bucket.a_pass("few", f"f{number}").acquire(Priority.CHANGE, READ)

        await asyncio.sleep(7)

        assert sum(namespace == "few" for namespace, _ in bucket.woken) == 3


@played
async def test_a_more_urgent_pass_is_called_back_before_all_that_wait() -> None:
    async with Bucket() as bucket:
        for number in range(100):
            with pytest.raises(TurnAwaited):
                await bucket.a_pass("shop", f"m{number}").acquire(Priority.RESYNC, READ)
        with pytest.raises(TurnAwaited):
            await bucket.a_pass("shop", "urgent").acquire(Priority.IN_FLIGHT, READ)

        await asyncio.sleep(1.1)

        assert bucket.woken == [("shop", "urgent")]


@played
async def test_a_pass_is_called_back_with_as_many_tokens_as_it_has_come_to_need() -> None:
    async with Bucket(spent=False) as bucket:
        first = bucket.a_pass("shop", "a")
        for _ in range(BURST):
            await first.acquire(Priority.CHANGE, READ)
        bucket.limiter.pause(WRITE, now() + 10)
        with pytest.raises(TurnAwaited):
            await first.acquire(Priority.CHANGE, WRITE)

        await asyncio.sleep(20)
        assert bucket.woken == [("shop", "a")]
        with pytest.raises(TurnAwaited):
            await bucket.spend()

        began = now()
        again = bucket.a_pass("shop", "a")
        for _ in range(BURST + 1):
            await again.acquire(Priority.CHANGE, WRITE)

        assert now() == began


@played
async def test_a_pass_that_has_begun_goes_before_those_that_have_not() -> None:
    async with Bucket() as bucket:
        begun = bucket.a_pass("shop", "begun")
        await asyncio.sleep(1)
        await begun.acquire(Priority.CHANGE, READ)
        for number in range(100):
            with pytest.raises(TurnAwaited):
                await bucket.a_pass("shop", f"m{number}").acquire(Priority.CHANGE, READ)
        began = now()

        await begun.acquire(Priority.CHANGE, READ)

        assert now() - began <= PATIENCE_BEGUN
        assert bucket.woken == []


@played
async def test_tokens_that_nobody_comes_for_go_to_others() -> None:
    async with Bucket() as bucket:
        with pytest.raises(TurnAwaited):
            await bucket.a_pass("shop", "gone").acquire(Priority.CHANGE, READ)
        await asyncio.sleep(LAPSE + BURST + 2)

        others = [bucket.a_pass("shop", f"m{number}") for number in range(BURST)]
        for each in others:
            await each.acquire(Priority.CHANGE, READ)

        with pytest.raises(TurnAwaited):
            await bucket.a_pass("shop", "gone").acquire(Priority.CHANGE, READ)


@played
async def test_limiters_that_nobody_needs_are_forgotten_and_one_with_a_pause_is_not() -> None:
    limits = RateLimits(RATE)
    paused = limits.of("https://rds", "paused")
    paused.pause(READ, now() + 10_000)

    for number in range(10 * IDLE_ABOVE):
        limits.of("https://rds", f"made up {number}")

    assert len(vars(limits)["_limiters"]) <= IDLE_ABOVE + 1
    assert limits.of("https://rds", "paused") is paused


@played
async def test_who_waits_is_told_by_priority_over_all_callers() -> None:
    limits = RateLimits(RATE)
    for identity in ("one", "another"):
        limiter = limits.of("https://rds", identity)
        for number in range(BURST + 3):
            with contextlib.suppress(TurnAwaited):
                await Pace(limiter, ("shop", f"{number}")).acquire(Priority.RESYNC, READ)

    assert limits.waiting() == {
        ("in_flight",): 0,
        ("change",): 0,
        ("first_look",): 0,
        ("resync",): 6,
    }


@played
async def test_the_burst_is_the_share_that_was_given() -> None:
    limiter = RateLimits(RATE, burst=2).of("https://rds", "one")
    await limiter.acquire(Priority.CHANGE, READ)
    await limiter.acquire(Priority.CHANGE, READ)
    began = now()

    await limiter.acquire(Priority.CHANGE, READ)

    assert now() - began == pytest.approx(1 / RATE)


@played
async def test_resyncs_have_half_of_the_rate_and_the_other_half_is_there_at_once() -> None:
    async with Bucket() as bucket:
        for number in range(100):
            with pytest.raises(TurnAwaited) as raised:
                await bucket.a_pass("shop", f"m{number}").acquire(Priority.RESYNC, READ)
        assert raised.value.seconds == pytest.approx(100 / (RATE / 2), rel=0.1)

        await asyncio.sleep(60)

        assert 30 <= len(bucket.woken) <= 30 + BURST
        for number in range(BURST):
            await bucket.a_pass("shop", f"c{number}").acquire(Priority.CHANGE, READ)
