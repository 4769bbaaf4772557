"""
What a caller of the cloud signs with: a key that stays, or temporary ones that are renewed.

A `RenewingProvider` is one identity, whoever asks for it: renewed early, behind the back of those
who ask, while the old key still lives; and once, however many ask. While a renewal fails, the old
key is used to its end; then all who ask are told the same failure until the next attempt is due.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from random import SystemRandom
from typing import Protocol

from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.core.errors import NoCredentials
from rds_ssl.core.model import Disposition
from rds_ssl.core.rds.faults import classify

_RANDOM = SystemRandom()

_log = logging.getLogger(__name__)

EARLY = 0.25
"""The part of a key's life before its end in which it is renewed: 15 minutes of an hour, as the
vendor's library does it."""

LONGEST_LIFE = 12 * 3600.0
"""Seconds: the longest session of a role. An end that is told for later is not believed."""

SHORTEST_LIFE = 30.0
"""Seconds for which a key is used that was over when it came: two clocks do not agree, and the
service that gets it will say so if it is true."""

END_MARGIN = 10.0
"""Seconds before its end from which a key is not used any more: a call takes some; or a tenth of
its life, if that is less."""

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
"""Seconds to the next attempt after one that failed, and the most that they grow to."""

LONGEST_PAUSE_BLOCKED = 300.0
"""The same where somebody has to act first: to ask more often brings nothing, and counts against
the limit of the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A temporary key, and for how many seconds from now it lives."""

    credentials: Credentials
    life: float


class Source(Protocol):
    """Where temporary keys come from."""

    async def issue(self) -> Issued:
        """
        Ask for a key.

        Raises:
            NoCredentials: There is none.
        """

    def hurry(self) -> None:
        """Note that a person has perhaps mended what kept keys from being given."""


class Provider(Protocol):
    """What one identity signs with."""

    @property
    def principal(self) -> str:
        """Who it is: the same for all of its keys. For limits and budgets."""

    async def credentials(self) -> Credentials:
        """
        Return a key that can be used.

        Raises:
            NoCredentials: There is none.
        """

    async def after_refusal(self, refused: Credentials) -> Credentials | None:
        """
        Return another key in place of one that the cloud does not accept; None if there is none.

        Raises:
            NoCredentials: A new one was asked for, and not given.
        """

    def accepted(self, used: Credentials) -> None:
        """Note that the cloud has accepted a key."""

    def hurry(self) -> None:
        """Note that a person has perhaps mended what kept keys from being given."""


class StaticProvider:
    """A key that stays."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    @property
    def principal(self) -> str:
        """The access key's id."""
        return self._credentials.access_key_id

    async def credentials(self) -> Credentials:
        """Return it."""
        return self._credentials

    async def after_refusal(self, refused: Credentials) -> Credentials | None:
        """Return None: there is no other."""
        del refused
        return None

    def accepted(self, used: Credentials) -> None:
        """Do nothing."""

    def hurry(self) -> None:
        """Do nothing."""


class RenewingProvider:
    """Temporary keys of one identity; see the module. Times are the running loop's, in seconds."""

    def __init__(
        self,
        source: Source,
        *,
        principal: str,
        spread: Callable[[float, float], float] = _RANDOM.uniform,
    ) -> None:
        """*spread* gives a number between two others, by chance."""
        self._source = source
        self._principal = principal
        self._spread = spread
        self._issued: Issued | None = None
        self._renew_at = self._ends_at = 0.0
        self._renewal: asyncio.Task[None] | None = None
        self._failure: NoCredentials | None = None
        self._failures = 0
        self._told = ""
        self._attempted = self._next_attempt = 0.0
        self._refusals = 0
        """Keys in a row that were refused before they were accepted once."""
        self._next_after_refusal = 0.0

    @property
    def principal(self) -> str:
        """Who it is: a role's ARN, as a rule."""
        return self._principal

    async def credentials(self) -> Credentials:
        """
        Return a key that lives, at once if there is one.

        Raises:
            NoCredentials: There is none, by the last attempt or by one that was waited for.
        """
        loop = asyncio.get_running_loop()
        while True:
            now, issued = loop.time(), self._issued
            if issued is not None and now < self._ends_at:
                if now >= max(self._renew_at, self._next_attempt):
                    self._start()
                return issued.credentials
            if self._renewal is None and self._failure is not None and now < self._next_attempt:
                raise self._failure.again(retry_in=self._next_attempt - now)
            # Who waits may be cancelled; the others wait for the same.
            await asyncio.shield(self._start())

    async def after_refusal(self, refused: Credentials) -> Credentials | None:
        """
        Return another key in place of one that the cloud does not accept.

        A key that was never accepted is replaced more and more slowly: the next one would be
        refused as well. None: that time has not come.

        Raises:
            NoCredentials: A new one was asked for, and not given.
        """
        now = asyncio.get_running_loop().time()
        issued = self._issued
        if issued is not None and issued.credentials == refused:
            if self._refusals and now < self._next_after_refusal:
                return None
            self._refusals += 1
            self._next_after_refusal = now + self._pause(self._refusals + 2)
            # What was given before it is of no use either; an attempt under way may be.
            self._issued = None
        return await self.credentials()

    def accepted(self, used: Credentials) -> None:
        """Note that the cloud has accepted a key."""
        if self._refusals and self._issued is not None and self._issued.credentials == used:
            self._refusals = 0

    def hurry(self) -> None:
        """Let whoever asks next not wait for the next attempt: a person says it will succeed."""
        self._next_attempt = min(self._next_attempt, self._attempted + FIRST_PAUSE)
        self._source.hurry()

    def _start(self) -> asyncio.Task[None]:
        """Return the attempt under way, made now if there is none."""
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew())
        return self._renewal

    async def _renew(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            issued = await self._source.issue()
        except NoCredentials as error:
            self._failed(error, loop.time())
            return
        finally:
            self._renewal = None
        now = loop.time()
        life = max(1.0, min(issued.life if issued.life > 0 else SHORTEST_LIFE, LONGEST_LIFE))
        if self._failures:
            _log.info("there are credentials again", extra={"principal": self._principal})
        self._issued, self._failure, self._failures, self._told = issued, None, 0, ""
        self._ends_at = now + life - min(END_MARGIN, life / 10)
        # Not all identities that began together are renewed together.
        self._renew_at = now + life * (1 - EARLY * self._spread(1.0, 1.2))
        self._next_attempt = 0.0

    def _failed(self, error: NoCredentials, now: float) -> None:
        self._failures += 1
        self._failure = error
        blocked = classify(error, write=False).disposition is Disposition.BLOCKED
        pause = self._pause(self._failures, LONGEST_PAUSE_BLOCKED if blocked else LONGEST_PAUSE)
        self._attempted = now
        self._next_attempt = now + max(pause, min(error.retry_after or 0.0, LONGEST_PAUSE))
        if self._issued is not None and now >= self._ends_at:
            self._issued = None
        if str(error) != self._told:
            self._told = str(error)
            _log.warning("%s", error, extra={"principal": self._principal})

    def _pause(self, count: int, most: float = LONGEST_PAUSE) -> float:
        """Return the seconds to wait after so many failures in a row."""
        return min(most, FIRST_PAUSE * 2.0 ** min(count - 1, 20)) * self._spread(0.8, 1.2)
