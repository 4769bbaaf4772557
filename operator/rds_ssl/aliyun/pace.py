"""The calls of each pass, and the limiter of each caller of an endpoint."""

from collections import Counter
from collections.abc import Callable

from rds_ssl.aliyun.rate_limit import (
    BURST,
    PATIENCE,
    PATIENCE_BEGUN,
    PATIENCE_SENDING,
    RateLimiter,
)
from rds_ssl.aliyun.waiting import Caller
from rds_ssl.core.model import Priority

_FEW_LIMITERS = 64
"""Callers of which no one is looked for that has not called for long."""


class Pace:
    """
    The calls of one pass: none of them waits long.

    A pass that has to wait ends (`TurnAwaited`). Its place stays, and the limiter calls it back
    once there are as many tokens as it has had, and the one that it lacked: what it has read by
    then is read again.
    """

    def __init__(self, limiter: RateLimiter, caller: Caller) -> None:
        self._limiter = limiter
        self._caller = caller
        self._had = 0
        self._patience = PATIENCE

    async def acquire(self, priority: Priority, action: str) -> None:
        """
        Take a token.

        Raises:
            TurnAwaited: There is none for now.
        """
        await self._limiter.acquire_soon(
            priority, action, self._caller, had=self._had, patience=self._patience
        )
        self._had += 1
        self._patience = max(self._patience, PATIENCE_BEGUN)

    def sends(self) -> None:
        """Note that a change is about to be sent: what follows belongs to it."""
        self._patience = PATIENCE_SENDING

    def answered(self, action: str) -> None:
        """See `RateLimiter.answered`."""
        self._limiter.answered(action)

    def throttled(self, action: str, *, sent: float, until: float, code: str) -> None:
        """See `RateLimiter.throttled`."""
        self._limiter.throttled(action, sent=sent, until=until, code=code)


class RateLimits:
    """
    One `RateLimiter` for each (endpoint, identity), made when first asked for.

    *wake* is called for a pass that has waited for its turn, with the priority that it waited with.
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
        Make it, without limiters.

        Args:
            rate: Of each, the share of this process in what a caller may have.
            wake: See `Pace`.
            burst: As *rate*.
            waited: Called with the seconds that a pass has waited, when it is called back.
        """
        self._rate = rate
        self._wake = wake
        self._burst = burst
        self._waited = waited
        self._limiters: dict[tuple[str, str], RateLimiter] = {}
        self._look_at = _FEW_LIMITERS

    def __len__(self) -> int:
        return len(self._limiters)

    def of(self, endpoint: str, identity: str) -> RateLimiter:
        """
        Return the limiter of a caller.

        *identity* is what stays the same over time and what nobody has without the right to it, see
        `rds_ssl.aliyun.credentials.identity_of`: whoever shares it shares the rate.
        """
        key = (endpoint, identity)
        if key not in self._limiters:
            if len(self._limiters) >= self._look_at:
                self._forget_idle()
            self._limiters[key] = RateLimiter(
                self._rate, self._wake, burst=self._burst, waited=self._waited
            )
        return self._limiters[key]

    def slowed(self) -> dict[tuple[str], float]:
        """Return the calls per second of throttled operations, of the slowest caller of each."""
        lowest: dict[tuple[str], float] = {}
        for limiter in self._limiters.values():
            for action, rate in limiter.slowed.items():
                lowest[action,] = min(rate, lowest.get((action,), rate))
        return lowest

    def waiting(self) -> dict[tuple[str], int]:
        """Return how many objects wait for their turn, by the name of their priority."""
        found = Counter[Priority]()
        for limiter in self._limiters.values():
            found.update(limiter.waiting_by_priority)
        return {(each.name.lower(),): found[each] for each in Priority}

    def _forget_idle(self) -> None:
        """Drop what a rotation of keys leaves behind."""
        for key in [key for key, limiter in self._limiters.items() if limiter.is_idle]:
            del self._limiters[key]
        # Twice as many before the next look, so that a look costs little for each.
        self._look_at = max(_FEW_LIMITERS, 2 * len(self._limiters))
