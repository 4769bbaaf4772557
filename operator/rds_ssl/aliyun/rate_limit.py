"""
How fast the cloud API may be called: a token bucket with priorities.

aiolimiter was weighed: its queue is first come, first served (a resync of 1,000 objects would keep
a change in flight from being watched), its rate is fixed and it cannot be paused by the API's own
hint. Those three are all that this module does.

The API's quotas are per account and operation: a throttled write must not keep the reads waiting
that watch a change, so a pause is for one operation.

A pass of the engine does not wait here for long, or one account's pause would hold all workers: it
ends, its place stays, and it is called back once its tokens are there (`rds_ssl.aliyun.pace`).
Between callers of one priority the tenants take turns, as in `rds_ssl.engine.scheduling.turns`.
"""

import asyncio
import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from rds_ssl.core.errors import TurnAwaited
from rds_ssl.core.model import Priority

BURST = 5
"""Tokens of a full bucket: a change reads and writes a few times within a second."""

BURST_SECONDS = 0.25
"""
Of a larger rate, for how long tokens are saved up. Much less than the second that a server's bucket
is deep as a rule: what was saved while the loop was held goes out in a bunch, on top of what is
due, and with a bucket as deep as the server's that was refused (1.15 % at 20 calls a second).
"""

# The loop's clock is a float: at the time a token is due, 0.9999999 of it may have been counted.
_ALMOST_ONE = 1 - 1e-6


LAPSE = 30.0
"""Seconds after which tokens that were set aside for a pass go to others."""

IDLE_ABOVE = 256
"""Limiters, or tenants of one, above which those that nobody needs are forgotten."""

Caller = tuple[str, str]
"""Namespace and name of an object; the namespace is the tenant."""

_NOBODY: Caller = ("", "")


@dataclass(slots=True, eq=False, kw_only=True)
class _Place:
    """One that waits: in a pass, with *turn*, or to be called back."""

    action: str
    priority: Priority
    begun: bool
    round: int
    order: int
    caller: Caller = _NOBODY
    turn: asyncio.Future[None] | None = None
    wants: int = 1
    """Tokens until it is called back."""
    has: int = 0
    left: bool = False

    @property
    def rank(self) -> tuple[Priority, bool, int, int]:
        """Who is served first; *begun* before others, and the tenants in rounds."""
        return self.priority, not self.begun, self.round, self.order

    @property
    def waits(self) -> bool:
        """True if it still does."""
        return not self.left and (self.turn is None or not self.turn.done())

    def __lt__(self, other: "_Place") -> bool:
        return self.rank < other.rank


@dataclass(slots=True)
class _Rounds:
    """Of one priority: a tenant's next place is in the next round, whoever else has how many."""

    served: int = 0
    last: dict[str, int] = field(default_factory=dict)

    def next_of(self, tenant: str) -> int:
        number = max(self.served, self.last.get(tenant, 0)) + 1
        self.last[tenant] = number
        return number

    def note(self, number: int) -> None:
        self.served = max(self.served, number - 1)
        if len(self.last) > IDLE_ABOVE:
            self.last = {each: of for each, of in self.last.items() if of > self.served}


class RateLimiter:
    """
    A token bucket for one caller at one endpoint, with a pause of its own for each operation.

    Waiters are served by priority, then in turns of their tenants, of each in the order they came.
    Times are the running loop's, in seconds. All methods belong to that loop's thread.
    """

    def __init__(
        self,
        rate: float,
        wake: Callable[[Caller, Priority], None] = lambda _caller, _priority: None,
    ) -> None:
        """*rate*: calls a second, 0 for no limit (a pause holds); *wake*: see `acquire_soon`."""
        if rate < 0:
            raise ValueError("a rate is at least 0")
        self._rate = rate
        self._wake = wake
        self._burst = max(float(BURST), rate * BURST_SECONDS)
        self._tokens = self._burst
        self._counted_at: float | None = None
        self._paused: dict[str, tuple[float, str]] = {}
        self._waiting: dict[str, list[_Place]] = {}
        self._called_back: dict[Caller, _Place] = {}
        """Those that wait to be."""
        self._aside: dict[Caller, tuple[int, float]] = {}
        """Tokens of those that were called back, and since when."""
        self._rounds = {each: _Rounds() for each in Priority}
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many callers wait; for metrics."""
        return sum(1 for queue in self._waiting.values() for each in queue if each.waits)

    @property
    def is_idle(self) -> bool:
        """True if a new one would do the same."""
        now = asyncio.get_running_loop().time()
        self._refill(now)
        paused = any(until > now for until, _ in self._paused.values())
        rested = self._tokens >= self._burst - 1 + _ALMOST_ONE
        return rested and not (paused or self.waiting or self._aside)

    async def acquire(
        self,
        priority: Priority,
        action: str,
        *,
        tenant: str = "",
        begun: bool = False,
    ) -> None:
        """
        Wait for a token and take it. A caller that is cancelled meanwhile has taken none.

        *begun*: for a pass that has had a token already; it goes before those that have not.
        """
        turn = asyncio.get_running_loop().create_future()
        self._add(
            _Place(
                action=action,
                priority=priority,
                begun=begun,
                round=self._rounds[priority].next_of(tenant),
                order=next(self._order),
                turn=turn,
            )
        )
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # The token came and the caller went in the same turn of the loop.
                self._tokens = min(self._burst, self._tokens + 1)
            self._serve()
            raise

    async def acquire_soon(
        self, priority: Priority, action: str, caller: Caller, *, had: int, patience: float
    ) -> None:
        """
        Take a token that is there within *patience* seconds, or be called back.

        Args:
            had: The tokens that the pass has had: it is called back with as many, and one more.

        Raises:
            TurnAwaited: It is not; *wake* is called with *caller* once it is.
        """
        now = asyncio.get_running_loop().time()
        paused = self._due_of(action) - now
        begun = had > 0
        if paused <= patience:
            if self._take_aside(caller):
                return
            if self._expected(action, priority, caller[0], begun=begun) <= patience:
                try:
                    async with asyncio.timeout(patience):
                        await self.acquire(priority, action, tenant=caller[0], begun=begun)
                except TimeoutError:
                    pass
                else:
                    self._leave(caller)
                    return
        expected = self._expected(action, priority, caller[0], begun=False)
        why = self._paused[action][1] if paused > 0 else ""
        self._call_back(priority, action, caller, wants=had + 1)
        raise TurnAwaited(action=action, seconds=max(paused, expected), code=why)

    def pause(self, action: str, until: float, code: str = "") -> None:
        """Hand out nothing for *action* before *until* (loop time); *code*: what the API said."""
        if until > self._due_of(action):
            self._paused[action] = until, code
            self._serve()

    def _call_back(self, priority: Priority, action: str, caller: Caller, *, wants: int) -> None:
        known = self._called_back.get(caller)
        order, number = next(self._order), 0
        if known is not None:
            known.left = True
            priority, wants = min(priority, known.priority), max(wants, known.wants)
            if priority == known.priority:
                order, number = known.order, known.round
        place = _Place(
            action=action,
            priority=priority,
            begun=False,
            round=number or self._rounds[priority].next_of(caller[0]),
            order=order,
            caller=caller,
            wants=wants,
            has=known.has if known else 0,
        )
        self._called_back[caller] = place
        self._add(place)

    def _leave(self, caller: Caller) -> None:
        """Call somebody back no more: it has what it waited for."""
        place = self._called_back.pop(caller, None)
        if place is not None:
            place.left = True
            self._tokens = min(self._burst, self._tokens + place.has)

    def _take_aside(self, caller: Caller) -> bool:
        count, since = self._aside.pop(caller, (0, 0.0))
        if count > 1:
            self._aside[caller] = count - 1, since
        return count > 0

    def _expected(self, action: str, priority: Priority, tenant: str, *, begun: bool) -> float:
        """Estimate the seconds until a token, if nobody comes in between."""
        if not self._rate:
            return 0.0
        now = asyncio.get_running_loop().time()
        self._refill(now)
        rounds = self._rounds[priority]
        number = max(rounds.served, rounds.last.get(tenant, 0)) + 1
        mine = priority, not begun, number
        ahead = sum(
            each.wants - each.has
            for of, queue in self._waiting.items()
            if of == action or self._due_of(of) <= now
            for each in queue
            if each.waits and each.rank[:3] <= mine
        )
        return max(0.0, ahead + 1 - self._tokens) / self._rate

    def _add(self, place: _Place) -> None:
        heapq.heappush(self._waiting.setdefault(place.action, []), place)
        self._serve()

    def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._refill(now)
        while not self._rate or self._tokens >= _ALMOST_ONE:
            queues = [queue for action, queue in self._waiting.items() if self._due(action) <= now]
            if not queues:
                break
            self._give(min(queues, key=lambda queue: queue[0]), now)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        earliest = min(map(self._due, self._waiting), default=math.inf)
        if earliest < math.inf:
            token = now + (1 - self._tokens) / self._rate if self._rate else now
            self._timer = loop.call_at(max(token, earliest), self._serve)

    def _give(self, queue: list[_Place], now: float) -> None:
        """Give the first of a queue a token."""
        place = queue[0]
        self._tokens = max(0.0, self._tokens - 1)
        place.has += 1
        self._rounds[place.priority].note(place.round)
        if place.turn is not None:
            heapq.heappop(queue)
            place.turn.set_result(None)
        elif place.has >= place.wants:
            heapq.heappop(queue)
            del self._called_back[place.caller]
            self._aside[place.caller] = place.has, now
            self._wake(place.caller, place.priority)

    def _due(self, action: str) -> float:
        """Return the time from which its first waiter may be served; never without one."""
        queue = self._waiting[action]
        while queue and not queue[0].waits:
            heapq.heappop(queue)
        return self._due_of(action) if queue else math.inf

    def _due_of(self, action: str) -> float:
        return self._paused.get(action, (0.0, ""))[0]

    def _refill(self, now: float) -> None:
        if self._counted_at is not None:
            self._tokens = min(self._burst, self._tokens + (now - self._counted_at) * self._rate)
        self._counted_at = now
        for caller, (count, since) in list(self._aside.items()):
            if now - since > LAPSE:
                del self._aside[caller]
                self._tokens = min(self._burst, self._tokens + count)


class RateLimits:
    """
    One `RateLimiter` for each (endpoint, identity), made when first asked for.

    *wake* is called for a pass that has waited for its turn, with the priority that it waited with.
    """

    def __init__(
        self,
        rate: float,
        wake: Callable[[Caller, Priority], None] = lambda _caller, _priority: None,
    ) -> None:
        self._rate = rate
        self._wake = wake
        self._limiters: dict[tuple[str, str], RateLimiter] = {}

    def of(self, endpoint: str, identity: str) -> RateLimiter:
        """
        Return the limiter of a caller.

        *identity* is what stays the same over time and what nobody has without the right to it, see
        `rds_ssl.aliyun.credentials.identity_of`: whoever shares it shares the rate.
        """
        key = (endpoint, identity)
        if key not in self._limiters:
            if len(self._limiters) >= IDLE_ABOVE:
                self._limiters = {
                    each: limiter for each, limiter in self._limiters.items() if not limiter.is_idle
                }
            self._limiters[key] = RateLimiter(self._rate, self._wake)
        return self._limiters[key]
