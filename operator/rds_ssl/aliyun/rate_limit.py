"""
How fast the cloud API may be called: a token bucket with priorities.

aiolimiter was weighed: its queue is first come, first served (a resync of 1,000 objects would keep
a change in flight from being watched), its rate is fixed and it cannot be paused by the API's own
hint. Those three are all that this module does.

The API's quotas are per account and operation: a throttled write must not keep the reads waiting
that watch a change, so a pause is for one operation.
"""

import asyncio
import heapq
import itertools
import math

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


_FEW_LIMITERS = 64
"""Callers of which no one is looked for that has not called for long."""

_Turn = tuple[Priority, int, asyncio.Future[None]]


class RateLimiter:
    """
    A token bucket for one caller at one endpoint, with a pause of its own for each operation.

    Waiters are served by priority, then in the order they came. Times are the running loop's, in
    seconds. All methods belong to that loop's thread.
    """

    def __init__(self, rate: float) -> None:
        """*rate* is in calls per second; 0 is no limit (a pause still holds)."""
        if rate < 0:
            raise ValueError("a rate is at least 0")
        self._rate = rate
        self._burst = max(float(BURST), rate * BURST_SECONDS)
        self._tokens = self._burst
        self._counted_at: float | None = None
        self._paused_until: dict[str, float] = {}
        self._waiting: dict[str, list[_Turn]] = {}
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many callers wait; for metrics."""
        return sum(1 for queue in self._waiting.values() for _, _, turn in queue if not turn.done())

    async def acquire(self, priority: Priority, action: str) -> None:
        """Wait for a token and take it. A caller that is cancelled meanwhile has taken none."""
        turn = asyncio.get_running_loop().create_future()
        queue = self._waiting.setdefault(action, [])
        heapq.heappush(queue, (priority, next(self._order), turn))
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # The token came and the caller went in the same turn of the loop.
                self._tokens = min(self._burst, self._tokens + 1)
            self._serve()
            raise

    @property
    def resting(self) -> bool:
        """True if a new one would do the same: its bucket is full, nothing paused, nobody waits."""
        now = asyncio.get_running_loop().time()
        self._refill(now)
        full = not self._rate or self._tokens >= self._burst
        paused = any(until > now for until in self._paused_until.values())
        return full and not paused and not self.waiting

    def pause(self, action: str, until: float) -> None:
        """Hand out nothing for *action* before *until* (loop time); the latest end counts."""
        if until > self._paused_until.get(action, 0.0):
            self._paused_until[action] = until
            self._serve()

    def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._refill(now)
        while not self._rate or self._tokens >= _ALMOST_ONE:
            queue = min(
                (queue for action, queue in self._waiting.items() if self._due(action) <= now),
                key=lambda queue: queue[0],
                default=None,
            )
            if queue is None:
                break
            _, _, turn = heapq.heappop(queue)
            if not turn.done():
                turn.set_result(None)
                self._tokens = max(0.0, self._tokens - 1)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        earliest = min(map(self._due, self._waiting), default=math.inf)
        if earliest < math.inf:
            token = now + (1 - self._tokens) / self._rate if self._rate else now
            self._timer = loop.call_at(max(token, earliest), self._serve)

    def _due(self, action: str) -> float:
        """Return the time from which its first waiter may be served; never without one."""
        return self._paused_until.get(action, 0.0) if self._waiting[action] else math.inf

    def _refill(self, now: float) -> None:
        if self._counted_at is not None:
            self._tokens = min(self._burst, self._tokens + (now - self._counted_at) * self._rate)
        self._counted_at = now


class RateLimits:
    """One `RateLimiter` for each (endpoint, principal), made when first asked for."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._limiters: dict[tuple[str, str], RateLimiter] = {}
        self._look_at = _FEW_LIMITERS

    def __len__(self) -> int:
        return len(self._limiters)

    def of(self, endpoint: str, principal: str) -> RateLimiter:
        """
        Return the limiter of a caller.

        *principal* is what stays the same over time: an access key's id, or a role's ARN (each
        temporary key of a role has an id of its own, and the account's limit is one).
        """
        key = (endpoint, principal)
        if key not in self._limiters:
            if len(self._limiters) >= self._look_at:
                self._forget_resting()
            self._limiters[key] = RateLimiter(self._rate)
        return self._limiters[key]

    def _forget_resting(self) -> None:
        """Drop what a rotation of keys leaves behind."""
        for key in [key for key, limiter in self._limiters.items() if limiter.resting]:
            del self._limiters[key]
        # Twice as many before the next look, so that a look costs little for each.
        self._look_at = max(_FEW_LIMITERS, 2 * len(self._limiters))
