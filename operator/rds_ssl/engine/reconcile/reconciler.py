"""
One pass over one object: gather, observe, check, plan, gate, act, report. Every trigger ends here.

The order of the stages is that of the lines of `Reconciler._pass` and `Reconciler._look`; of the
checks, that of `rds_ssl.engine.reconcile.evaluation.evaluate`; of the gates, that of
`rds_ssl.engine.reconcile.change.change`. Source: docs/architecture.md, "The life of one change".
"""

import logging

from rds_ssl.core.errors import (
    AliyunError,
    KubeConflict,
    KubeError,
    KubeNotFound,
    KubeUnavailable,
    NotLeading,
    ObservationError,
)
from rds_ssl.core.model import Disposition, Priority
from rds_ssl.core.rds.faults import classify
from rds_ssl.engine.objects import Key, Resource, namespace_of
from rds_ssl.engine.reconcile import api_failures, attempt, change, deletion
from rds_ssl.engine.reconcile.attempt import Sent
from rds_ssl.engine.reconcile.evaluation import evaluate
from rds_ssl.engine.reconcile.finishing import as_before, finish, give_back
from rds_ssl.engine.reconcile.following import follow, give_up
from rds_ssl.engine.reconcile.gathering import gather, select, with_material
from rds_ssl.engine.reconcile.memory import Memory, Settled
from rds_ssl.engine.reconcile.observing import identify, observe, read
from rds_ssl.engine.reconcile.ports import Ports
from rds_ssl.engine.reconcile.sending import send
from rds_ssl.engine.reconcile.stages import Decided, Gathered, Order, Read, Seen
from rds_ssl.engine.scheduling.workqueue import WorkQueue

_log = logging.getLogger(__name__)

_AFTER_NOT_FOUND = 5.0

_AGAIN_AT_ONCE = 0.05

_SOON = 60.0
"""Seconds: who is looked at again within them goes before those that are looked at by the way."""


class _ReadError(Exception):
    """A read that a stage has asked for has failed."""

    def __init__(self, stage: Seen, error: AliyunError | ObservationError) -> None:
        super().__init__(str(error))
        self.stage = stage
        self.error = error


class Reconciler:
    """The work queue's function: one key, one pass."""

    def __init__(self, ports: Ports, queue: WorkQueue[Key]) -> None:
        self._ports = ports
        self._queue = queue
        self._memories: dict[Key, Memory] = {}

    def forget(self, resource: Resource) -> None:
        """Drop what is remembered of an object that is gone."""
        memory = self._memories.pop(resource.key, None)
        if resource.in_flight or (memory is not None and isinstance(memory.attempt, Sent)):
            self._ports.budget.cool_down(resource, self._ports.timings.limits.settle)

    def force(self, key: Key) -> None:
        """Let the next pass look although nothing it knows has changed."""
        if key in self._memories:
            self._memories[key].last.forced = True

    async def step(self, key: Key) -> str:
        """Make one pass; return its result in a word, for the metrics."""
        resource = self._ports.objects.get(key)
        if resource is None:
            return "gone"
        memory = self._memories.setdefault(key, Memory())
        forced, ended = memory.last.forced, False
        try:
            look_after = await self._pass(resource, memory)
            ended = True
        except KubeConflict as error:
            _log.info("%s", error, extra=resource.log_fields)
            await self._reread(resource)
            return "conflict"
        except KubeNotFound as error:
            self.force(key)
            self._queue.add_after(key, _AFTER_NOT_FOUND)
            _log.info("%s", error, extra=resource.log_fields)
            return "gone"
        except KubeError as error:
            self.force(key)
            asked = error.retry_after if isinstance(error, KubeUnavailable) else None
            self._queue.backoff(key, least=asked or 0.0)
            _log.warning("%s", error, extra=resource.log_fields)
            return "kube_error"
        except NotLeading as error:
            self.force(key)
            self._queue.add(key)  # For when this process leads again.
            _log.warning("%s", error, extra=resource.log_fields)
            return "not_leading"
        finally:
            if not ended:
                # Cancelled, or a bug: still to be done.
                memory.last.forced = memory.last.forced or forced
        self._queue.forget(key)
        if look_after is not None:
            self._queue.add_after(key, look_after, priority=_priority(memory, look_after))
        return "done"

    async def _reread(self, resource: Resource) -> None:
        """Bring the cache up to date after a conflict: the watch may be behind, or broken."""
        self.force(resource.key)
        self._queue.backoff(resource.key)
        try:
            await self._ports.reporter.reread(resource)
        except KubeError as error:
            _log.info("%s", error, extra=resource.log_fields)

    async def _pass(self, resource: Resource, memory: Memory) -> float | None:
        """Make the pass; return the seconds to the next look, None for never."""
        ports, now = self._ports, self._ports.monotonic()
        forced, memory.last.forced = memory.last.forced, False
        if resource.deleting and not resource.has_finalizer:
            return None
        self._note_lost_record(resource, memory)
        finished: Decided | None = None
        try:
            stage = await gather(ports, resource, memory)
            if isinstance(stage, Gathered):
                rest = memory.last.rests(stage.facts, now=now)
                if stage.material.read and rest is not None and not forced:
                    return rest  # No fact has changed, and the time has not come.
                settled, memory.last.settled = memory.last.settled, None
                decided = await self._look(stage, None if forced else settled)
            else:
                decided = stage
            if resource.deleting:
                decided = await deletion.let_go_or_wait(ports, decided)
            look_after = await finish(ports, decided)
            finished = decided
            if not resource.claims and ports.objects.named_beside(resource):
                self._wake_rivals(resource)
        finally:
            give_back(ports, resource, memory, finished)
        return look_after

    async def _look(self, stage: Gathered, settled: Settled | None) -> Decided:
        """Ask the cloud, and decide; *settled* is what the last look found, if that was nothing."""
        ports, declaration = self._ports, stage.declaration
        asks = stage.resource.asked is not None
        known = ports.outages.blocks(stage.cloud.place, stage.key, asks=asks)
        if known is not None:
            return api_failures.as_others(ports, give_up(ports, stage), known)
        try:
            followed = await follow(ports, stage)
            if isinstance(followed, Decided):
                decided = followed  # A change is under way.
            else:
                stage = followed
                ended = stage.resource.in_flight
                stopped = select(ports, stage, declaration) if ended else None
                if stopped is not None:
                    return stopped
                stage = await with_material(ports, stage)
                stage = await identify(ports, stage)
                stage = seen = await observe(ports, stage)
                # Meanwhile a claimant that counts may have reached the instance, too.
                stopped = None if seen.resource.deleting else select(ports, seen, declaration)
                if stopped is not None:
                    return stopped
                decided = as_before(ports, seen, settled) or await self._decide(seen)
        except (AliyunError, ObservationError) as error:
            return _failed(ports, stage, error)
        except _ReadError as failed:
            return _failed(ports, failed.stage, failed.error)
        stage.memory.failures.answered()
        return decided

    async def _decide(self, seen: Seen) -> Decided:
        """Check, plan and gate; then send, at most once."""
        outcome = await self._judge(seen)
        if isinstance(outcome, Decided):
            return outcome
        answer = await send(self._ports, outcome)
        if isinstance(answer, Decided):
            return answer
        refused = change.refused(self._ports, outcome, answer.seen, answer.error)
        if refused is not None:
            return refused
        # It is as declared by now, by somebody else's change.
        again = await self._judge(answer.seen)
        if isinstance(again, Decided):
            return again
        return Decided(draft=answer.seen, verdict=outcome.verdict, look_after=_AGAIN_AT_ONCE)

    async def _judge(self, seen: Seen) -> Order | Decided:
        """Return what follows from what was read, and read what it takes to tell."""
        judge = deletion.turn_off if seen.resource.deleting else evaluate
        outcome = judge(self._ports, seen)
        while isinstance(outcome, Read):
            try:
                seen = await read(self._ports, seen, outcome)
            except (AliyunError, ObservationError) as error:
                # What was read so far is shown: a claim on the instance rests on it.
                raise _ReadError(seen.shown(endpoint=None), error) from error
            outcome = judge(self._ports, seen)
        return outcome

    def _wake_rivals(self, before: Resource) -> None:
        """Let the others that name an instance know of a first pass, or that it was reached."""
        after = self._ports.objects.get(before.key)
        if after is None:
            return
        first = before.status.observed_generation < 0 <= after.status.observed_generation
        if first or (after.claims and not before.claims):
            for key in self._ports.objects.named_beside(after):
                if namespace_of(key) == namespace_of(after.key):
                    self.force(key)
                self._queue.add(key)

    def _note_lost_record(self, resource: Resource, memory: Memory) -> None:
        """Let an instance rest if somebody took the record of a call away that is followed."""
        lost = not (resource.in_flight or resource.operation_lost)
        if lost and isinstance(memory.attempt, Sent):
            memory.attempt = attempt.ended(memory.attempt)
            self._ports.budget.cool_down(resource, self._ports.timings.limits.settle)


def _failed(ports: Ports, stage: Gathered, error: AliyunError | ObservationError) -> Decided:
    """Return the end of a pass that could not read what it had to."""
    if (
        stage.resource.deleting
        and isinstance(error, AliyunError)
        and classify(error, write=False).disposition is Disposition.GONE
    ):
        return stage.released(deletion.GONE)
    return api_failures.read_failed(ports, give_up(ports, stage), error)


def _priority(memory: Memory, look_after: float) -> Priority:
    """Return who lets whom go first at the next look: what is seldom looked at lets everybody."""
    if isinstance(memory.attempt, Sent):
        return Priority.IN_FLIGHT
    return Priority.CHANGE if look_after < _SOON else Priority.RESYNC
