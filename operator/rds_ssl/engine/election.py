"""
Which of several processes works: the one that holds the Lease.

``kubernetes.aio.leaderelection`` is not used: its first acquisition ends in an exception, it goes
on leading when the API server cannot be reached, or hangs, and it gives nothing up at the end.
Source: docs/decisions/023-leader-election.md.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from rds_ssl.core.errors import KubeConflict, KubeError, KubeNotFound, NotLeading
from rds_ssl.core.lease import DEADLINE, RENEW, Lease, Watch, claim, release

_log = logging.getLogger(__name__)

_ATTEMPT = 5.0
"""Seconds for one request; two of them fit before a leader has to stop."""

_RELEASE = 2.0
"""Seconds to give the Lease up, at the end of the process."""


class Store(Protocol):
    """Where the Lease is; see `rds_ssl.kube.leases.Leases`."""

    @property
    def what(self) -> str:
        """What it is called in a sentence."""

    @property
    def serves(self) -> str:
        """Which objects this process would serve; see `rds_ssl.core.lease.scope`."""

    async def read(self, *, deadline: float) -> Lease | None:
        """Read it."""

    async def write(
        self, spec: Mapping[str, object], before: Lease | None, *, deadline: float
    ) -> Lease:
        """Create or change it."""


class Election(Protocol):
    """Tells whether this process works."""

    @property
    def leads(self) -> bool:
        """True if it does, at this moment."""

    @property
    def told(self) -> str:
        """Who leads, in words; empty if there is nothing to say."""

    @property
    def followed(self) -> bool:
        """True if it has waited for another one that led."""

    @property
    def term(self) -> int:
        """Number of the time for which it leads; another one may have led between two of them."""

    async def acquire(self) -> None:
        """Return once it leads."""

    async def hold(self) -> None:
        """Return once it does not lead any more, or in another term."""

    async def release(self) -> None:
        """Let another one lead at once."""


def uptime() -> float:
    """Return the seconds since the machine was started, also those in which it was suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Alone:
    """The only process there is."""

    leads = True
    told = ""
    followed = False
    term = 0

    async def acquire(self) -> None:
        """See `Election.acquire`: at once."""

    async def hold(self) -> None:
        """See `Election.hold`: never."""
        await asyncio.Event().wait()

    async def release(self) -> None:
        """See `Election.release`: nobody waits."""


class Elector:
    """
    Takes the Lease, and keeps it.

    Whether it leads is read off the clock, not remembered: a process that was stopped and goes on
    knows at once.
    """

    def __init__(
        self,
        store: Store,
        identity: str,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float] = uptime,
    ) -> None:
        """
        Make it.

        Args:
            store: Holds the Lease.
            identity: This process; no other one may have the same.
            now: The time of day, for people who read the Lease.
            clock: Seconds; it goes on while the process, or the machine, is stopped.
        """
        self._store = store
        self._identity = identity
        self._now = now
        self._clock = clock
        self._watch = Watch(identity=identity)
        self._until = 0.0
        """By the clock, until when it leads."""
        self.term = 0
        """How often it has taken the Lease from nobody or from another one."""
        self._acquired = ""
        """When it did so last, as the Lease has it."""
        self._unanswered = False
        """Whether the last attempt has come to nothing because of the API server."""
        self._told = ""
        """Who leads, or what is wrong, as it was logged last."""
        self.followed = False

    @property
    def leads(self) -> bool:
        """See `Election.leads`."""
        return self._clock() < self._until

    @property
    def told(self) -> str:
        """See `Election.told`."""
        if self.leads:
            return f"leads as {self._identity}"
        return self._standing_by if self._watch.other else "stands by: nobody leads"

    @property
    def _standing_by(self) -> str:
        told = f"stands by: {self._watch.other} leads"
        return f"{told}, but {self._at_odds}" if self._at_odds else told

    @property
    def _at_odds(self) -> str:
        """Why to wait for this Lease is a mistake, in words; empty if it is none."""
        theirs = self._watch.lease.serves if self._watch.lease else ""
        if not theirs or theirs == self._store.serves:
            return ""
        return (
            f"serves other objects ({theirs}) than this process would ({self._store.serves});"
            " unless this is a change of settings under way, give one of the two another LEASE_NAME"
        )

    async def acquire(self) -> None:
        """See `Election.acquire`."""
        while not await self._attempt(_ATTEMPT):
            other = self._watch.other
            self.followed = self.followed or bool(other)
            if other and not self._unanswered:
                level = logging.WARNING if self._at_odds else logging.INFO
                self._tell(level, self._standing_by)
            await asyncio.sleep(RENEW * random.uniform(0.8, 1.0))  # noqa: S311  # Jitter.
        self._tell(logging.INFO, f"leads as {self._identity}")

    async def hold(self) -> None:
        """See `Election.hold`."""
        term = self.term
        while (left := self._until - self._clock()) > 0:
            await asyncio.sleep(min(RENEW, left))
            left = self._until - self._clock()
            if left > 0 and not await self._attempt(min(left, _ATTEMPT)) and self._watch.other:
                self._until = 0.0
            if self.term != term:
                break
        what = "leads anew: the Lease was another one" if self.leads else "does not lead any more"
        self._tell(logging.WARNING, f"{what}: {self.told}")

    async def release(self) -> None:
        """See `Election.release`."""
        lease, leads = self._watch.lease, self.leads
        self._until = 0.0
        if not leads or lease is None:
            return
        try:
            async with asyncio.timeout(_RELEASE):
                while not await self._let_go(lease):
                    # A renewal that was under way, or an edit by hand: it is still this one's.
                    lease = await self._store.read(deadline=_RELEASE)
        except (KubeError, TimeoutError) as error:
            _log.warning("%s; the next leader has to wait", error or "no answer")

    async def _let_go(self, lease: Lease | None) -> bool:
        """Give the Lease up as it was read; False if it is another version by now."""
        if lease is None or lease.holder != self._identity:
            return True
        try:
            await self._store.write(release(now=self._time()), lease, deadline=_RELEASE)
        except KubeConflict:
            return False
        return True

    async def _attempt(self, deadline: float) -> bool:
        """Take the Lease or renew it, if nobody else has it; False if it is not held by that."""
        began = self._clock()
        try:
            async with asyncio.timeout(deadline):
                held = await self._try(deadline)
        except (KubeError, TimeoutError) as error:
            self._unanswered = True
            self._tell(logging.WARNING, str(error) or "no answer")
            return False
        self._unanswered = False
        if held:
            # From before the first request: another one may have seen the renewal ever since.
            self._until = began + DEADLINE
        return held

    async def _try(self, deadline: float) -> bool:
        lease = self._watch.lease
        if lease is None or lease.holder != self._identity:
            lease = await self._look(deadline)
        for _ in range(2):
            if not self._watch.may_lead(at=self._clock()):
                return False
            try:
                await self._take(lease, deadline)
            except (KubeConflict, KubeNotFound):
                lease = await self._look(deadline)  # Perhaps only edited: once more.
            else:
                return True
        return False

    async def _look(self, deadline: float) -> Lease | None:
        lease = await self._store.read(deadline=deadline)
        self._watch = self._watch.seen(lease, at=self._clock())
        return lease

    async def _take(self, lease: Lease | None, deadline: float) -> None:
        mine = (self._identity, self._acquired)
        same = lease is not None and (lease.holder, lease.acquired) == mine
        spec = claim(lease, self._identity, now=self._time(), same_term=same)
        written = await self._store.write(spec, lease, deadline=deadline)
        self._watch = self._watch.seen(written, at=self._clock())
        if not same:
            self.term += 1
            self._acquired = written.acquired

    def _tell(self, level: int, what: str) -> None:
        if what != self._told:
            _log.log(level, "%s: %s", self._store.what, what)
        self._told = what

    def _time(self) -> str:
        """Return the time of day as a Lease has it: in microseconds."""
        return self._now().isoformat(timespec="microseconds").replace("+00:00", "Z")


def before_a_write(leads: Callable[[], bool]) -> Callable[[], None]:
    """
    Return what is asked at the last moment before a write leaves for the cloud.

    It raises `NotLeading` if another process may lead by now.
    """

    def check() -> None:
        if not leads():
            raise NotLeading("another process may lead by now: nothing was sent")

    return check
