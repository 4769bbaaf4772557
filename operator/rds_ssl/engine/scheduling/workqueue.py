"""
What to look at next: a queue of keys on asyncio.

Nothing to take off the shelf was found. `asyncio.Queue` hands a key out twice and to two workers at
once, the Kubernetes client has no queue (its informer calls back from a thread), and kopf's own
queues hold events, not keys, and cannot be woken during a delay (docs/decisions/001-the-loop.md).
The model is the work queue of Go's controllers; timers are the loop's own.
"""

import asyncio
import functools
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Generic

from rds_ssl.core.model import Priority
from rds_ssl.engine.scheduling.turns import Key, Tenant, Turns

BACKOFF_BASE = 1.0
"""Seconds before the first new attempt, at most."""

BACKOFF_CAP = 300.0
"""Seconds before any new attempt, at most: somebody who repaired something waits no longer."""

GRACE = 10.0
"""Seconds that passes get to finish at the end; well within the 30 s that a Pod gets."""

RESISTANCE = 1.0
"""Seconds that a cancelled pass gets to clean up."""

MOST = 2
"""A tenant has at most the workers divided by this, while another one waits."""

SPARE = 4
"""
The workers divided by this are for whoever comes next: a tenant that is alone leaves them free. One
that waits for an answer gives no worker back before it has it, however urgent another one is.
"""

# 2 ** 1000 is no float; beyond this exponent the cap holds with any sensible base.
_MAX_EXPONENT = 32

_log = logging.getLogger(__name__)


class WorkQueue(Generic[Key]):
    """
    Keys to be looked at, each one once and by one pass at a time.

    A key is in at most one of these states, plus in flight: nothing, delayed, queued. Whose turn it
    is says `rds_ssl.engine.scheduling.turns`; how many passes of one tenant run at a time, `MOST`
    and `SPARE`. All methods belong to one loop's thread; times are that loop's, in seconds.
    """

    def __init__(
        self,
        *,
        base: float = BACKOFF_BASE,
        cap: float = BACKOFF_CAP,
        jitter: random.Random | None = None,
        tenant: Callable[[Key], Tenant] | None = None,
        may_start: Callable[[], bool] = lambda: True,
    ) -> None:
        """
        Make an empty queue.

        Args:
            base: Of the backoff, in seconds.
            cap: Of the backoff, in seconds.
            jitter: A seeded one in tests.
            tenant: Whose a key is; None: there is one tenant, who may have every worker.
            may_start: Whether a pass may begin at this moment. Where it may not, nothing does until
                `run` is called again.
        """
        self._base = base
        self._cap = cap
        self._jitter = jitter or random.Random()  # noqa: S311  # Spreads load, hides nothing.
        self._tenant = tenant
        self._allowed = may_start
        self._waiting: Turns[Key] = Turns(tenant or (lambda _key: ""))
        self._running: Counter[Tenant] = Counter()
        """Passes of each tenant."""
        self._delayed: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._in_flight: dict[Key, asyncio.Task[None]] = {}
        # The next two hold keys in flight only: those to run again, and those dropped meanwhile.
        self._again: dict[Key, tuple[float, Priority]] = {}
        self._dropped: set[Key] = set()
        self._step: Callable[[Key], Awaitable[None]] | None = None
        self._workers = 0
        self._stopping = False
        self._ended: asyncio.Event | None = None

    @property
    def depth(self) -> int:
        """How many keys wait for a pass; delayed ones do not."""
        return len(self._waiting) + len(self._again)

    @property
    def oldest_age(self) -> float:
        """Seconds for which the longest waiting key has been waiting; 0 if none is."""
        waiting = list(self._waiting.since())
        waiting += (since for since, _ in self._again.values())
        return asyncio.get_running_loop().time() - min(waiting) if waiting else 0.0

    @property
    def in_flight(self) -> int:
        """How many passes run."""
        return len(self._in_flight)

    def add(self, key: Key, *, priority: Priority = Priority.CHANGE) -> None:
        """
        Look at *key* as soon as a worker is free; a delay it had ends.

        Added while its pass runs, it gets another one afterwards: what was new may have come too
        late for the running one. Of several priorities the most urgent counts until the pass.
        """
        self._dropped.discard(key)
        self._end_delay(key)
        now = asyncio.get_running_loop().time()
        if key in self._in_flight:
            since, known = self._again.get(key, (now, priority))
            self._again[key] = (since, min(known, priority))
            return
        self._waiting.put(key, since=now, priority=priority)
        self._start_passes()

    def add_after(self, key: Key, seconds: float, *, priority: Priority = Priority.CHANGE) -> None:
        """
        Look at *key* in *seconds*; the earliest wish wins, and a queued key needs none.

        Called for a key that was dropped while its pass runs, it does nothing: the wish is that
        pass's, and the object is gone. Only `add` brings such a key back.
        """
        if key in self._dropped or self._is_waiting(key):
            return
        if seconds <= 0:
            self.add(key, priority=priority)
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        if key in self._delayed and self._delayed[key].when() <= due:
            return
        self._end_delay(key)
        self._delayed[key] = loop.call_at(due, self._is_due, key, priority)

    def backoff(self, key: Key, *, least: float = 0.0) -> float:
        """
        Look at *key* again after a failure, later each time until `forget`; in *least* seconds.

        Gives the delay in seconds: *base*, twice as much each time up to *cap*, and of that a
        random part between a half and all, so that what failed together does not come back
        together.
        """
        if key in self._dropped:
            return 0.0
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        longest = min(self._cap, self._base * 2.0 ** min(failures, _MAX_EXPONENT))
        delay = max(longest * self._jitter.uniform(0.5, 1.0), min(least, self._cap))
        self.add_after(key, delay)
        return delay

    def forget(self, key: Key) -> None:
        """Count no failure of *key* any more; what it waits for stays."""
        self._failures.pop(key, None)

    def drop(self, key: Key) -> None:
        """
        Leave no trace of *key*, because its object is gone.

        A pass that runs goes on, but is the last one.
        """
        self._end_delay(key)
        self._waiting.discard(key)
        self._again.pop(key, None)
        self._failures.pop(key, None)
        if key in self._in_flight:
            self._dropped.add(key)

    async def run(self, workers: int, step: Callable[[Key], Awaitable[None]]) -> None:
        """
        Run *step* for each key, up to *workers* at a time, until `stop`.

        An exception of *step* is a bug, since what is expected to fail is an outcome there: it is
        logged and the key backs off. If this coroutine is cancelled, so are the passes. It may be
        called again afterwards and goes on with what is queued.

        Raises:
            RuntimeError: It runs already.
            ValueError: There are no *workers*.
        """
        if self._ended is not None:
            raise RuntimeError("the queue runs already")
        if workers < 1:
            raise ValueError("a queue needs a worker")
        self._step, self._workers, self._stopping = step, workers, False
        self._ended = asyncio.Event()
        try:
            self._start_passes()
            await self._ended.wait()
        finally:
            await self._end_passes(grace=0)
            self._step = self._ended = None

    async def stop(self, grace: float = GRACE) -> None:
        """
        Begin no new pass, wait *grace* seconds for the running ones, cancel the rest, end `run`.

        What is queued or delayed stays, and a cancelled pass's key is queued again. Not to be
        called by a pass, which would wait for itself.
        """
        if self._ended is None:
            return
        await self._end_passes(grace=grace)
        if self._ended is not None:
            self._ended.set()

    async def _end_passes(self, *, grace: float) -> None:
        self._stopping = True
        if self._in_flight and grace > 0:
            await asyncio.wait(self._in_flight.values(), timeout=grace)
        if not self._in_flight:
            return
        running = tuple(self._in_flight.values())
        _log.warning("cancelling passes that did not end in time", extra={"passes": len(running)})
        for task in running:
            task.cancel()
        _, resisting = await asyncio.wait(running, timeout=RESISTANCE)
        if resisting:
            _log.error("passes resist being cancelled", extra={"passes": len(resisting)})

    def _is_waiting(self, key: Key) -> bool:
        return key in self._again or key in self._waiting

    def _is_due(self, key: Key, priority: Priority) -> None:
        del self._delayed[key]
        self.add(key, priority=priority)

    def _end_delay(self, key: Key) -> None:
        timer = self._delayed.pop(key, None)
        if timer is not None:
            # Cancelled timers let go of the key at once; the loop sweeps them out in time.
            timer.cancel()

    def _tenant_of(self, key: Key) -> Tenant:
        return "" if self._tenant is None else self._tenant(key)

    def _may_start(self, tenant: Tenant) -> bool:
        """True if one more pass of a tenant leaves enough workers to others."""
        if self._tenant is None:
            return True
        workers = self._workers
        most = workers - max(1, workers // SPARE)
        if self._waiting.beside(tenant):
            most = workers // MOST
        return self._running[tenant] < max(1, most)

    def _start_passes(self) -> None:
        if self._step is None or self._stopping:
            return
        while len(self._in_flight) < self._workers and self._allowed():
            key = self._waiting.take(self._may_start)
            if key is None:
                return
            self._running[self._tenant_of(key)] += 1
            task = asyncio.create_task(self._pass(key, self._step))
            # Not a `finally` of the pass: a task that is cancelled before its start runs none.
            task.add_done_callback(functools.partial(self._pass_ended, key))
            self._in_flight[key] = task

    async def _pass(self, key: Key, step: Callable[[Key], Awaitable[None]]) -> None:
        try:
            await step(key)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            _log.exception("a pass was cancelled from within", extra={"key": str(key)})
            self.backoff(key)
        except Exception:  # noqa: BLE001  # A bug in a pass must not end the others.
            _log.exception("a pass failed in a way nobody foresaw", extra={"key": str(key)})
            self.backoff(key)

    def _pass_ended(self, key: Key, task: asyncio.Task[None]) -> None:
        del self._in_flight[key]
        self._running -= Counter({self._tenant_of(key): 1})
        if task.cancelled() and key not in self._dropped:
            now = asyncio.get_running_loop().time()
            self._again.setdefault(key, (now, Priority.IN_FLIGHT))
        self._dropped.discard(key)
        if key in self._again:
            since, priority = self._again.pop(key)
            self._end_delay(key)
            self._waiting.put(key, since=since, priority=priority)
        self._start_passes()
