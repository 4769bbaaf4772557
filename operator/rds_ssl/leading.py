"""Passes are made while this process leads, and all of them end before another one may."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from typing import Protocol

from rds_ssl.core.lease import DEADLINE, DURATION, scope
from rds_ssl.engine.election import Election
from rds_ssl.engine.objects import Key
from rds_ssl.engine.scheduling.workqueue import WorkQueue
from rds_ssl.kube.client import KubeClient
from rds_ssl.kube.leases import Leases
from rds_ssl.settings import Settings

_log = logging.getLogger(__name__)

_GRACE = 1.5
"""Seconds for the running passes once the Lease is lost; then they are cancelled."""

_MARGIN = DURATION - DEADLINE - 1.0
"""Seconds after the loss by which nothing may run any more; a second later another one may lead."""

STUCK = 70
"""Exit code (EX_SOFTWARE of sysexits) of a process that could not end its passes."""


def lease_of(settings: Settings, kube: KubeClient) -> Leases | None:
    """Return the Lease by which the leader is elected; None: there is no election."""
    mode = settings.leader_election
    if mode == "off" or (mode == "auto" and settings.kubeconfig):
        return None
    namespace = settings.lease_namespace or kube.namespace
    return Leases(
        kube,
        namespace=namespace,
        name=settings.shard.name(settings.lease_name),
        serves=scope(namespaces=settings.namespaces, selector=settings.selector),
    )


class Work(Protocol):
    """What is done while this process leads; see `rds_ssl.wiring.Parts`."""

    @property
    def queue(self) -> WorkQueue[Key]:
        """What is to be looked at."""

    async def take_over(self) -> None:
        """Begin."""

    async def measured_step(self, key: Key) -> None:
        """Make a pass."""


def _end_process(status: int) -> None:
    """End it here and now, with whatever does not let go."""
    logging.shutdown()
    os._exit(status)


async def lead(
    parts: Work,
    election: Election,
    *,
    workers: int,
    end_process: Callable[[int], None] = _end_process,
) -> None:
    """
    Let the queue run whenever this process leads.

    A pass that does not end in time, once it leads no more, is the end of the process (exit code
    `STUCK`).

    Returns once the queue was stopped from outside, or once another process may have led between
    two times that this one did: what is remembered of calls and instances counts no more then.
    """
    term: int | None = None
    while True:
        await election.acquire()
        # From now on: a take-over of many objects takes as long as a Lease lasts.
        hold = asyncio.create_task(election.hold())
        passes: asyncio.Task[None] | None = None
        try:
            if term is None:
                term = election.term
                await parts.take_over()
            elif term != election.term:
                return
            if hold.done():
                continue
            passes = asyncio.create_task(parts.queue.run(workers, parts.measured_step))
            await asyncio.wait([passes, hold], return_when=asyncio.FIRST_COMPLETED)
            if passes.done():
                passes.result()
                return
            await _end_in_time(parts.queue, passes)
            if parts.queue.in_flight:
                _log.critical("a pass did not end after the Lease was lost: the process ends")
                end_process(STUCK)
        finally:
            hold.cancel()
            if passes is not None:
                passes.cancel()


async def _end_in_time(queue: WorkQueue[Key], passes: asyncio.Task[None]) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_MARGIN):
            await queue.stop(_GRACE)
            await passes
