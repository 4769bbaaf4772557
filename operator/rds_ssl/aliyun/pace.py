"""The calls of one pass at the rate of its account: none of them waits long."""

from rds_ssl.aliyun.rate_limit import Caller, RateLimiter
from rds_ssl.core.model import Priority

PATIENCE = 0.25
"""Seconds for which a pass waits for its first token; then it gives its worker back."""

PATIENCE_BEGUN = 2.0
"""
Seconds for which it waits for one more: it goes before those that have not begun, and what it has
read so far would have to be read again.
"""

PATIENCE_SENDING = 5.0
"""Seconds for which it waits once it has a token to write with."""


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

    def pause(self, action: str, until: float, code: str = "") -> None:
        """See `RateLimiter.pause`."""
        self._limiter.pause(action, until, code)
