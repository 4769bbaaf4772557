"""An account that allows less than was set: how much is refused, and how much goes through."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from rds_simulator.ledger import RateLimit
from rds_ssl.aliyun.pace import Pace, RateLimits
from rds_ssl.aliyun.rate_limit import BURST, RateLimiter
from rds_ssl.aliyun.rds import PAUSE_WITHOUT_HINT
from rds_ssl.aliyun.throttling import CUT, CUT_FAR, FLOOR, LONGEST, SOON, Slowdown
from rds_ssl.core.errors import TurnAwaited
from rds_ssl.core.model import Priority
from support.engine_world import played

READ, WRITE = "DescribeDBInstanceSSL", "ModifyDBInstanceSSL"
CODE = "Throttling.User"

LATENCY = 0.05
"""Seconds from a call to its answer."""

CALLERS = 16
"""That call again as soon as they may."""

CONVERGED = 300.0
"""Seconds that it may take to find out what the account allows."""

MEASURED = 1200.0


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Account:
    """What the API allows, with the bucket of the simulator; and what became of each call."""

    limiter: RateLimiter
    allows: float
    """Calls a second of each operation."""
    bucket: RateLimit = field(default_factory=RateLimit)
    sent: list[tuple[float, str, bool]] = field(default_factory=list)

    async def call(self, action: str, priority: Priority = Priority.CHANGE) -> None:
        await self.limiter.acquire(priority, action)
        sent = now()
        await asyncio.sleep(LATENCY)
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=sent)
        fine = self.bucket.allows("LTAI", action, self.allows, at)
        self.sent.append((sent, action, fine))
        if fine:
            self.limiter.answered(action)
        else:
            self.limiter.throttled(action, sent=sent, until=now() + PAUSE_WITHOUT_HINT, code=CODE)

    async def busy(self, seconds: float, action: str = READ) -> None:
        """Call as fast as one may for some time."""

        async def caller() -> None:
            while True:
                await self.call(action)

        tasks = [asyncio.create_task(caller()) for _ in range(CALLERS)]
        await asyncio.sleep(seconds)
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def most_in_a_second(self) -> int:
        """Give the most calls that were sent in any second."""
        times = [sent for sent, _, _ in self.sent]
        return max(
            sum(at <= each < at + 1 for each in times[i : i + 200]) for i, at in enumerate(times)
        )

    def since(self, start: float, action: str = READ) -> tuple[float, float]:
        """Give the share of refused calls, and the accepted ones per second."""
        found = [fine for sent, of, fine in self.sent if sent >= start and of == action]
        return 1 - sum(found) / len(found), sum(found) / (now() - start)


@played
@pytest.mark.parametrize(
    ("rate", "allows"),
    [(0.0, 1.0), (5.0, 1.0), (5.0, 2.0), (0.0, 4.5), (5.0, 4.5), (20.0, 10.0)],
    ids=lambda each: f"{each:g}",
)
async def test_an_account_that_allows_less_than_was_set_refuses_one_call_in_a_hundred_at_most(
    rate: float, allows: float
) -> None:
    account = Account(RateLimiter(rate), allows)
    await account.busy(CONVERGED)
    start = now()

    await account.busy(MEASURED)

    refused, through = account.since(start)
    assert refused <= 0.01
    assert through >= 0.85 * allows


@played
async def test_one_that_allows_all_that_was_set_is_called_at_that_rate() -> None:
    account = Account(RateLimiter(5.0), allows=15.0)

    await account.busy(100)

    assert len(account.sent) >= 5 * 100
    assert account.most_in_a_second() <= 5 + BURST


@played
@pytest.mark.parametrize("rate", [0.0, 5.0], ids=["without a rate", "with a rate"])
async def test_what_an_account_allows_again_is_used_again_within_minutes(rate: float) -> None:
    account = Account(RateLimiter(rate), allows=1.0)
    await account.busy(CONVERGED)
    assert account.limiter.slowed[READ] <= 1.5

    account.allows = 1000.0
    await account.busy(900)

    assert account.limiter.slowed == {}
    start = now()
    await account.busy(5)
    assert account.since(start)[1] >= (rate or 100)


@played
async def test_a_rate_that_was_set_is_never_passed() -> None:
    account = Account(RateLimiter(5.0), allows=3.0)

    await account.busy(600)
    account.allows = 1000.0
    await account.busy(900)

    assert account.most_in_a_second() <= 5 + BURST


@played
async def test_a_burst_of_refusals_lowers_the_rate_once() -> None:
    limiter = RateLimiter(8.0)
    sent = now()
    for _ in range(CALLERS):
        await asyncio.sleep(0.01)
        limiter.throttled(READ, sent=sent, until=now(), code=CODE)

    assert limiter.slowed == {READ: pytest.approx(8.0 * CUT_FAR, rel=0.05)}

    later = now()
    await asyncio.sleep(0.1)
    limiter.throttled(READ, sent=later, until=now(), code=CODE)
    assert limiter.slowed == {READ: pytest.approx(8.0 * CUT_FAR**2, rel=0.05)}


@played
async def test_without_a_rate_the_first_refusal_sets_one_by_what_was_answered() -> None:
    account = Account(RateLimiter(0.0), allows=20.0)

    await account.busy(LATENCY * 3)

    assert 20 * CUT_FAR <= account.limiter.slowed[READ] <= 20


@played
async def test_a_throttled_operation_slows_no_other() -> None:
    account = Account(RateLimiter(5.0), allows=1.0)
    await account.busy(CONVERGED)
    account.allows, start = 1000.0, now()

    await account.busy(20, WRITE)

    assert account.since(start, WRITE)[1] >= 5


@played
@pytest.mark.parametrize("rate", [0.0, 5.0], ids=["without a rate", "with a rate"])
async def test_an_account_that_refuses_everything_is_still_asked_now_and_then(rate: float) -> None:
    account = Account(RateLimiter(rate), allows=0.000_1)
    await account.busy(CONVERGED)
    start = now()

    await account.busy(MEASURED)

    count = sum(sent >= start for sent, _, _ in account.sent)
    assert 0.5 * FLOOR * MEASURED <= count <= 1.5 * FLOOR * MEASURED


@played
async def test_what_a_slow_operation_has_goes_to_the_urgent_first() -> None:
    account = Account(RateLimiter(5.0), allows=1000.0)
    account.limiter.throttled(READ, sent=now(), until=now(), code=CODE)
    resyncs = [asyncio.create_task(account.call(READ, Priority.RESYNC)) for _ in range(100)]
    await asyncio.sleep(5)
    began = now()

    await account.call(READ, Priority.IN_FLIGHT)

    assert now() - began <= 1.0
    assert not all(each.done() for each in resyncs)
    for each in resyncs:
        each.cancel()


@played
async def test_a_pass_that_waits_for_a_slow_operation_says_what_the_api_has_said() -> None:
    limiter = RateLimiter(0.0)
    limiter.throttled(READ, sent=now(), until=now(), code=CODE)
    waiting = [asyncio.create_task(limiter.acquire(Priority.CHANGE, READ)) for _ in range(20)]
    await asyncio.sleep(0.1)

    with pytest.raises(TurnAwaited) as raised:
        await Pace(limiter, ("shop", "a")).acquire(Priority.CHANGE, READ)

    assert raised.value.code == CODE
    assert raised.value.seconds > 1
    for each in waiting:
        each.cancel()


@played
async def test_what_is_known_of_a_throttled_account_is_not_forgotten_with_idle_ones() -> None:
    limits = RateLimits(5.0)
    slow = limits.of("https://rds", "slow")
    slow.throttled(READ, sent=now(), until=now(), code=CODE)
    for number in range(1000):
        limits.of("https://rds", f"key-{number}")

    assert limits.of("https://rds", "slow") is slow
    assert limits.slowed() == {(READ,): pytest.approx(5.0 * CUT_FAR)}


# -- the way back ----------------------------------------------------------------------------------


def slowed(rate: float = 4.0, *, ceiling: float = 0.0, until: float = 0.0) -> Slowdown:
    return Slowdown(rate, ceiling=ceiling, now=0.0, until=until)


def test_the_way_back_begins_when_the_api_may_be_called_again() -> None:
    assert slowed(until=60.0).rate(59.0) == 4.0 * CUT_FAR
    assert slowed(until=60.0).rate(70.0) > 4.0 * CUT_FAR


def test_a_rate_that_was_back_is_cut_less_than_one_that_is_still_too_high() -> None:
    found, still = slowed(), slowed()

    before = found.rate(60.0)
    found.throttled(sent=60.0, now=60.0, until=60.0)
    still.throttled(sent=1.0, now=1.0, until=1.0)

    assert found.rate(60.0) == pytest.approx(before * CUT)
    assert still.rate(1.0) == pytest.approx(4.0 * CUT_FAR**2, rel=0.1)
    assert SOON / (4.0 * CUT_FAR) < 60.0


@pytest.mark.parametrize("rate", [0.2, 1.0, 5.0, 50.0])
def test_the_way_back_to_where_it_was_throttled_takes_minutes_at_most(rate: float) -> None:
    assert slowed(rate).rate(LONGEST) >= rate * 0.99


def test_a_rate_below_the_floor_that_was_set_stays_the_most_there_is() -> None:
    assert slowed(0.1, ceiling=0.1).rate(0.0) == 0.1


def test_the_floor_is_left_again_once_nothing_is_refused_any_more() -> None:
    slow, now = Slowdown(5.0, ceiling=5.0, now=0.0, until=2.0), 0.0
    for _ in range(5):  # Somebody else has used up the account's quota of a minute.
        now += 2.1
        slow.throttled(sent=now - 0.05, now=now, until=now + 2)
    lowest = slow.rate(now + 2)

    assert lowest == pytest.approx(0.2, abs=0.01)
    assert slow.rate(now + 6 * LONGEST) >= 4.0
