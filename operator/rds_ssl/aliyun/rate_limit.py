"""
How fast the cloud API may be called: token buckets with priorities.

aiolimiter was weighed: its queue is first come, first served (a resync of 1,000 objects would keep
a change in flight from being watched), its rate is fixed and it cannot be paused by the API's own
hint. Those three are all that this module does.

The API's quotas are per account and operation: a throttled write must not keep the reads waiting
that watch a change, so a pause is for one operation, and so is a lower rate after it
(`rds_ssl.aliyun.throttling`). Above all of them stands the rate that was set.

A pass of the engine does not wait here for long, or one account's pause would hold all workers: it
ends, its place stays, and it is called back once its tokens are there (`Pace`). Between callers of
one priority the tenants take turns, as in `rds_ssl.engine.scheduling.turns`.
"""

import asyncio
import heapq
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rds_ssl.aliyun.throttling import Meter, Slowdown
from rds_ssl.aliyun.tokens import Tokens
from rds_ssl.aliyun.waiting import Caller, Place, Rounds
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

PATIENCE = 0.25
"""Seconds for which a pass waits for its first token; then it gives its worker back."""

PATIENCE_BEGUN = 2.0
"""
Seconds for which it waits for one more: it goes before those that have not begun, and what it has
read so far would have to be read again.
"""

PATIENCE_SENDING = 5.0
"""Seconds for which it waits once it has a token to write with."""

LAPSE = 30.0
"""Seconds after which tokens that were set aside for a pass go to others."""

MEASURED_LEAST = 1.0
"""Calls a second that an operation without a limit is taken to have been called at, at least."""


@dataclass(slots=True, kw_only=True)
class _Slowed:
    """An operation that was throttled: a rate of its own, and tokens that come by it."""

    slowdown: Slowdown
    tokens: Tokens
    code: str
    """What the API said."""

    def refill(self, now: float) -> None:
        self.tokens.rate = rate = self.slowdown.rate(now)
        self.tokens.depth = max(1.0, rate * BURST_SECONDS)
        self.tokens.refill(now)


@dataclass(slots=True, kw_only=True)
class _Aside:
    """Tokens of a pass that was called back."""

    count: int
    since: float
    action: str
    """For which one of them was taken from the operation's own; empty: it is spent."""


class RateLimiter:
    """
    The tokens of one caller at one endpoint, with a pause and a rate of its own for each operation.

    Waiters are served by priority, then in turns of their tenants, of each in the order they came;
    resyncs get half of the rate at most. Times are the running loop's, in seconds. All methods
    belong to that loop's thread.
    """

    def __init__(
        self,
        rate: float,
        wake: Callable[[Caller, Priority], None] = lambda _caller, _priority: None,
        *,
        burst: float = BURST,
        waited: Callable[[Priority, float], None] = lambda _priority, _seconds: None,
    ) -> None:
        """
        Make it, with a full bucket.

        Args:
            rate: Calls per second; 0 is no limit (a pause, and a lower rate after it, still hold).
            wake: See `Pace`.
            burst: Calls that may go at once, at least one.
            waited: Called with the seconds for which a pass has waited, when it is called back.
        """
        if rate < 0:
            raise ValueError("a rate is at least 0")
        self._rate = rate
        self._wake, self._waited = wake, waited
        self._tokens = Tokens(rate, max(1.0, burst, rate * BURST_SECONDS))
        self._slowed: dict[str, _Slowed] = {}
        self._meters: defaultdict[str, Meter] = defaultdict(Meter)
        """Without a rate: how fast each operation is called."""
        self._paused: dict[str, tuple[float, str]] = {}
        self._waiting: dict[str, list[Place]] = {}
        self._called_back: dict[Caller, Place] = {}
        """Those that wait to be."""
        self._aside: dict[Caller, _Aside] = {}
        self._rounds = {each: Rounds() for each in Priority}
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many callers wait; for metrics."""
        return self.waiting_by_priority.total()

    @property
    def waiting_by_priority(self) -> Counter[Priority]:
        """The same, by what they wait for."""
        return Counter(
            each.priority for queue in self._waiting.values() for each in queue if each.waits
        )

    @property
    def slowed(self) -> Mapping[str, float]:
        """The calls per second of each operation that was throttled."""
        now = asyncio.get_running_loop().time()
        return {action: each.slowdown.rate(now) for action, each in self._slowed.items()}

    @property
    def is_idle(self) -> bool:
        """True if a new one would do the same."""
        now = asyncio.get_running_loop().time()
        self._refill(now)
        paused = any(until > now for until, _ in self._paused.values())
        held = paused or self.waiting or self._aside or self._slowed
        return self._tokens.is_full and not held

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

        *begun*: a pass that has had a token already, see `PATIENCE_BEGUN`.
        """
        turn = asyncio.get_running_loop().create_future()
        self._add(
            Place(
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
                self._tokens.give_back(1)
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
            if self._take_aside(caller, action):
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
        why = self._code_of(action, paused=paused > 0)
        self._call_back(priority, action, caller, wants=had + 1)
        raise TurnAwaited(action=action, seconds=max(paused, expected), code=why)

    def pause(self, action: str, until: float, code: str = "") -> None:
        """Hand out nothing for *action* before *until* (loop time); *code*: what the API said."""
        if until > self._due_of(action):
            self._paused[action] = until, code
            self._serve()

    def answered(self, action: str) -> None:
        """Note that a call was answered, and not with a throttling code."""
        if not self._rate and action not in self._slowed:
            self._meters[action].note(asyncio.get_running_loop().time())

    def throttled(self, action: str, *, sent: float, until: float, code: str) -> None:
        """
        Note that a call was throttled: its operation is called more slowly from now on.

        Args:
            sent: When the call was.
            until: See `pause`.
            code: What the API said.
        """
        now = asyncio.get_running_loop().time()
        slowed = self._slowed.get(action)
        if slowed is None:
            rate = self._rate or max(MEASURED_LEAST, self._meters[action].rate(now))
            slowdown = Slowdown(rate, ceiling=self._rate, now=now, until=until)
            slowed = _Slowed(slowdown=slowdown, tokens=Tokens(rate, 1.0), code=code)
            self._slowed[action] = slowed
            slowed.refill(now)
        else:
            slowed.code = code
            slowed.slowdown.throttled(sent=sent, now=now, until=until)
        self.pause(action, until, code)

    def _call_back(self, priority: Priority, action: str, caller: Caller, *, wants: int) -> None:
        known = self._called_back.get(caller)
        order, number = next(self._order), 0
        if known is not None:
            known.left = True
            priority, wants = min(priority, known.priority), max(wants, known.wants)
            if priority == known.priority:
                order, number = known.order, known.round
        place = Place(
            action=action,
            priority=priority,
            begun=False,
            round=number or self._rounds[priority].next_of(caller[0]),
            order=order,
            caller=caller,
            wants=wants,
            has=known.has if known else 0,
            since=known.since if known else asyncio.get_running_loop().time(),
        )
        self._called_back[caller] = place
        self._add(place)

    def _leave(self, caller: Caller) -> None:
        """Call somebody back no more: it has what it waited for."""
        place = self._called_back.pop(caller, None)
        if place is not None:
            place.left = True
            self._tokens.give_back(place.has)

    def _take_aside(self, caller: Caller, action: str) -> bool:
        aside = self._aside.get(caller)
        if aside is None:
            return False
        aside.count -= 1
        if aside.count == 0:
            del self._aside[caller]
        if aside.action == action:
            aside.action = ""
        elif action in self._slowed:
            # Counted when it is used: it was not known for what.
            self._slowed[action].tokens.take(Priority.CHANGE)
        return True

    def _expected(self, action: str, priority: Priority, tenant: str, *, begun: bool) -> float:
        """Estimate the seconds until a token, if nobody comes in between."""
        now = asyncio.get_running_loop().time()
        self._refill(now)
        slowed = self._slowed.get(action)
        if not self._rate and slowed is None:
            return 0.0
        rounds = self._rounds[priority]
        number = max(rounds.served, rounds.last.get(tenant, 0)) + 1
        mine = priority, not begun, number
        ahead, of_part = Counter[str](), Counter[str]()
        for of, queue in self._waiting.items():
            if of != action and self._due_of(of) > now:
                continue
            for each in queue:
                if each.waits and each.rank[:3] <= mine:
                    ahead[of] += each.wants - each.has
                    if each.priority is Priority.RESYNC:
                        of_part[of] += each.wants - each.has
        seconds = self._tokens.wait(priority, ahead.total(), of_part.total())
        if slowed is not None:
            mine_alone = slowed.tokens.wait(priority, ahead[action], of_part[action])
            seconds = max(seconds, mine_alone)
        return seconds

    def _add(self, place: Place) -> None:
        heapq.heappush(self._waiting.setdefault(place.action, []), place)
        self._serve()

    def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._refill(now)
        while True:
            ready = {action: self._ready(action, now) for action in self._waiting}
            queues = [self._waiting[action] for action, at in ready.items() if at <= now]
            if not queues:
                break
            self._give(min(queues, key=lambda queue: queue[0]), now)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        earliest = min(ready.values(), default=math.inf)
        if earliest < math.inf:
            self._timer = loop.call_at(earliest, self._serve)

    def _give(self, queue: list[Place], now: float) -> None:
        """Give the first of a queue a token."""
        place = queue[0]
        self._tokens.take(place.priority)
        place.has += 1
        self._rounds[place.priority].note(place.round)
        if place.turn is None and place.has < place.wants:
            return
        if place.action in self._slowed:
            self._slowed[place.action].tokens.take(place.priority)
        heapq.heappop(queue)
        if place.turn is not None:
            place.turn.set_result(None)
            return
        del self._called_back[place.caller]
        self._aside[place.caller] = _Aside(count=place.has, since=now, action=place.action)
        self._waited(place.priority, now - place.since)
        self._wake(place.caller, place.priority)

    def _ready(self, action: str, now: float) -> float:
        """Return the time from which the first waiter may be served; never without one."""
        queue = self._waiting[action]
        while queue and not queue[0].waits:
            heapq.heappop(queue)
        if not queue:
            return math.inf
        priority, slowed = queue[0].priority, self._slowed.get(action)
        wait = self._tokens.wait(priority)
        if slowed is not None:
            wait = max(wait, slowed.tokens.wait(priority))
        return max(now + wait, self._due_of(action))

    def _due_of(self, action: str) -> float:
        return self._paused.get(action, (0.0, ""))[0]

    def _code_of(self, action: str, *, paused: bool) -> str:
        """Return what the API has said of an operation that it holds; empty: it holds none."""
        if paused:
            return self._paused[action][1]
        return self._slowed[action].code if action in self._slowed else ""

    def _refill(self, now: float) -> None:
        self._tokens.refill(now)
        for action, slowed in list(self._slowed.items()):
            slowed.refill(now)
            if slowed.slowdown.is_over(now):
                del self._slowed[action]
        for caller, aside in list(self._aside.items()):
            if now - aside.since > LAPSE:
                del self._aside[caller]
                self._tokens.give_back(aside.count)
