"""
One pass over one object: gather, check, plan, gate, act, report. Every trigger ends here.

The order of the checks is that of the lines of `Reconciler._pass`, then of `Evaluation.evaluate`.
Source: docs/architecture.md, "The life of one change".
"""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from rds_ssl.core import eligibility, verdicts
from rds_ssl.core.approval import ended
from rds_ssl.core.conditions import Finding, Verdict
from rds_ssl.core.declaration import Declaration, ManagementPolicy
from rds_ssl.core.errors import (
    AliyunError,
    KubeConflict,
    KubeError,
    KubeNotFound,
    MaterialError,
    ObservationError,
)
from rds_ssl.core.faults import classify
from rds_ssl.core.material import TRANSIENT
from rds_ssl.core.model import Disposition, Priority, Reason
from rds_ssl.core.status import Status
from rds_ssl.engine.admission import Admission
from rds_ssl.engine.change import Change
from rds_ssl.engine.deletion import GONE, WAY_OUT, Deletion, Release, with_way_out
from rds_ssl.engine.evaluation import Evaluation
from rds_ssl.engine.faulting import Faulting
from rds_ssl.engine.following import Following
from rds_ssl.engine.gating import Gating
from rds_ssl.engine.memory import Memory, Settled
from rds_ssl.engine.objects import Key, Resource, older_claimant
from rds_ssl.engine.sending import Sending
from rds_ssl.engine.unusable import PATIENCE
from rds_ssl.engine.work import Result, Tools, Work
from rds_ssl.engine.workqueue import WorkQueue

_log = logging.getLogger(__name__)

_One = TypeVar("_One")
_Other = TypeVar("_Other")

_AFTER_NOT_FOUND = 5.0

_SOON = 60.0

_LEAVING = 120.0
"""Seconds to the next look at a deleted object, at most: nobody tells when its namespace goes."""


class Reconciler:
    """The work queue's function: one key, one pass."""

    def __init__(self, tools: Tools, queue: WorkQueue[Key]) -> None:
        self._tools = tools
        self._queue = queue
        self._memories: dict[Key, Memory] = {}
        faulting = Faulting(tools)
        self._faulting = faulting
        self._following = Following(tools)
        sending = Sending(tools)
        admission = Admission(tools, faulting)
        gating = Gating(tools, admission)
        change = Change(tools, sending, faulting, admission, gating)
        self._evaluation = Evaluation(tools, change, faulting, admission)
        self._deletion = Deletion(tools, change, admission)

    def forget(self, resource: Resource) -> None:
        """Drop what is remembered of an object that is gone."""
        memory = self._memories.pop(resource.key, None)
        if resource.in_flight or (memory is not None and memory.watch is not None):
            self._leave(resource)

    def _miss(self, resource: Resource, memory: Memory) -> None:
        """Notice that somebody took the record of a call away that this process follows."""
        if memory.watch is not None:
            memory.unfollow()
            self._leave(resource)
            self._tools.budget.release(resource.key)

    def _leave(self, resource: Resource) -> None:
        """Let an instance rest of whose change no record is left."""
        self._tools.budget.linger(resource, self._tools.pace.limits.settle)

    def rouse(self, key: Key) -> None:
        """Let the next pass look although nothing it knows has changed."""
        if key in self._memories:
            self._memories[key].roused = True

    async def step(self, key: Key) -> str:
        """Make one pass; give its result in a word, for the metrics."""
        resource = self._tools.objects.get(key)
        if resource is None:
            return "gone"
        memory = self._memories.setdefault(key, Memory())
        roused = memory.roused
        ended = False
        try:
            look_after = await self._pass(resource, memory)
            ended = True
        except KubeConflict as error:
            _log.info("%s", error, extra=_extra(resource))
            await self._reread(resource)
            return "conflict"
        except KubeNotFound as error:
            self.rouse(key)
            self._queue.add_after(key, _AFTER_NOT_FOUND)
            _log.info("%s", error, extra=_extra(resource))
            return "gone"
        except KubeError as error:
            self.rouse(key)
            self._queue.backoff(key)
            _log.warning("%s", error, extra=_extra(resource))
            return "kube_error"
        finally:
            if not ended:
                memory.roused = memory.roused or roused  # Cancelled, or a bug: still to be done.
        self._queue.forget(key)
        if look_after is not None:
            self._queue.add_after(key, look_after, priority=_priority(memory, look_after))
        return "done"

    async def _reread(self, resource: Resource) -> None:
        """Bring the cache up to date after a conflict: the watch may be behind, or broken."""
        key = resource.key
        self.rouse(key)
        self._queue.backoff(key)
        try:
            await self._tools.reporter.reread(resource)
        except KubeError as error:
            _log.info("%s", error, extra=_extra(resource))

    async def _pass(self, resource: Resource, memory: Memory) -> float | None:
        """Make the pass; give the seconds to the next look, None for never."""
        now = self._tools.monotonic()
        roused, memory.roused = memory.roused, False
        declaration = resource.declaration
        if resource.deleting:
            return await self._delete(resource, memory)
        if resource.operation_lost:
            return await self._say(resource, memory, verdicts.stalled(verdicts.RECORD_LOST))
        if declaration is None:
            return await self._say(
                resource, memory, verdicts.stalled(verdicts.invalid(resource.faults))
            )
        if not resource.in_flight:
            self._miss(resource, memory)
            stopped = self._selection(resource, declaration)
            if stopped is not None:
                return await self._say(resource, memory, stopped, disown=True)
            resource = await self._deletion.keep_finalizer(
                resource, owner=declaration.management_policy is ManagementPolicy.ENFORCE
            )
        try:
            cloud, credentials = await self._tools.clouds.open(declaration, resource.key[0])
        except MaterialError as error:
            return await self._credentials_problem(resource, memory, error)
        work = Work(
            resource=resource,
            declaration=declaration,
            memory=memory,
            cloud=cloud,
            status=resource.status,
            began=self._tools.now(),
        )
        seen: object = (resource.inputs, credentials)
        if not resource.in_flight:
            work.gathered = await self._tools.materials.gather(declaration, resource.key[0])
            seen = (resource.inputs, credentials, work.gathered.fingerprint)
            if not roused and seen == memory.fingerprint and now < memory.due - 0.01:
                return memory.due - now  # No fact has changed, and the time has not come.
        last, memory.settled = memory.settled, None
        result = await self._look(work, None if roused else last)
        look_after = await self._finish(work, result)
        if work.gathered is not None:
            seen = (resource.inputs, credentials, work.gathered.fingerprint)
        self._note_settled(work, result)
        memory.fingerprint = seen if result.looked else None
        memory.due = self._tools.monotonic() + look_after
        return look_after

    async def _look(self, work: Work, last: Settled | None) -> Result:
        """Read the cloud and judge, if not as *last*; faults of the cloud become results here."""
        tools, memory, declaration = self._tools, work.memory, work.declaration
        if tools.outages.blocks(work.cloud.endpoint, work.key):
            return self._faulting.unreachable(work)
        try:
            if work.resource.in_flight:
                unfinished = await self._following.follow(work)
                if unfinished is not None:
                    return self._answered(memory, unfinished)
                stopped = None if work.in_flight else self._selection(work.resource, declaration)
                if stopped is not None:
                    work.set(**self._disowned(work.status))
                    return Result(verdict=stopped, look_after=tools.resync_after())
            if work.observed is None:
                await self._observe(work)
            as_before = self._as_before(work, last)
            return self._answered(memory, as_before or await self._evaluation.evaluate(work))
        except AliyunError as error:
            self._following.give_up(work)
            return self._faulting.read_failed(work, error)
        except ObservationError as error:
            self._following.give_up(work)
            return self._faulting.unanswerable(work, str(error))

    def _as_before(self, work: Work, last: Settled | None) -> Result | None:
        """End a look that has read what the last one did, which found nothing to do."""
        now = self._tools.now()
        if last is None or not last.since <= now < last.until or _facts(work) != last.facts:
            return None
        work.memory.settled = last  # For the next look as well.
        left = (last.until - now).total_seconds()
        return Result(verdict=None, look_after=min(self._tools.resync_after(), left + 0.1))

    def _note_settled(self, work: Work, result: Result) -> None:
        """Note what the next look may rely on, if this one has found out that nothing is to do."""
        if result.settled_until is not None:
            work.memory.settled = Settled(
                facts=_facts(work), since=work.began, until=result.settled_until
            )

    def _answered(self, memory: Memory, result: Result) -> Result:
        memory.blocked_count = 0
        memory.unreachable_since = None
        return result

    async def _observe(self, work: Work) -> None:
        """Read the instance: its attributes at first contact, its settings always."""
        has_work = work.has_work
        priority = Priority.CHANGE if has_work else Priority.RESYNC
        if work.status.instance is None or not work.status.instance.engine:
            work.instance = await work.cloud.describe_attribute(work.declaration, priority=priority)
            work.memory.see(work.instance, now=self._tools.monotonic())
        settings = work.cloud.describe_ssl(work.declaration, priority=priority, engine=work.engine)
        if has_work and work.instance is None and work.rotates and self._may_go(work):
            # A rotation whose time has come needs both before its call, and somebody waits.
            instance, work.observed = await _both(
                work.cloud.describe_attribute(work.declaration, priority=priority), settings
            )
            work.instance = instance
            work.memory.see(instance, now=self._tools.monotonic())
        else:
            work.observed = await settings

    def _may_go(self, work: Work) -> bool:
        """Guess whether nothing but the quiet period has held a plan of this object."""
        plan = work.status.plan
        if plan is None:
            return self._tools.pace.quiet_period == 0
        return plan.held_by == Reason.QUIET_PERIOD

    def _selection(self, resource: Resource, declaration: Declaration) -> Verdict | None:
        """Say why this object is not for this operator to act on."""
        finding = eligibility.unusable(declaration)
        if finding is not None:
            return verdicts.stalled(finding)
        if declaration.management_policy is not ManagementPolicy.ENFORCE:
            return None
        rivals = self._tools.objects.beside(resource)
        winner = older_claimant(resource, rivals)
        if winner is None:
            return None
        name = winner.key[1] if winner.key[0] == resource.key[0] else None
        return verdicts.stalled(verdicts.conflict(resource.instance_id, name))

    def _disowned(self, status: Status) -> dict[str, object]:
        """Give what an object loses with the instance: it starts again as first contact."""
        spent = ended(status.last_approval, to=None, now=self._tools.now())
        return {"applied": None, "plan": None, "last_approval": spent}

    # -- reporting ----------------------------------------------------------------------------

    async def _finish(self, work: Work, result: Result) -> float:
        if result.verdict is not None:
            known = work.resource
            before = work.before or known
            work.resource = await self._tools.reporter.write(
                work.resource, work.status, result.verdict, answers=not work.asks_on
            )
            work.written()
            self._tools.reporter.announce_problem(before, work.memory, result.verdict)
            self._tools.reporter.announce_warnings(known, result.verdict, work.warnings)
        if not (work.in_flight or work.awaits_budget):
            self._tools.budget.release(work.key)
        return result.look_after

    async def _say(
        self, resource: Resource, memory: Memory, verdict: Verdict, *, disown: bool = False
    ) -> float:
        """Report without having looked at the cloud."""
        status = resource.status
        conflict = verdict.stalled is not None and verdict.stalled.reason is Reason.CONFLICT
        if disown and conflict:
            status = status.model_copy(update={**self._disowned(status), "operation": None})
        await self._tools.reporter.write(resource, status, verdict)
        self._tools.reporter.announce_problem(resource, memory, verdict)
        self._tools.outages.gone(resource.key)
        if not resource.in_flight or conflict:
            self._tools.budget.release(resource.key)
        memory.fingerprint = None
        return self._tools.resync_after()

    async def _credentials_problem(
        self, resource: Resource, memory: Memory, error: MaterialError, *, way_out: str = ""
    ) -> float:
        waited = memory.waited(
            (resource.inputs, error.reason, str(error)), now=self._tools.monotonic()
        )
        finding = Finding(reason=error.reason, message=f"{error} {way_out}".rstrip())
        known = resource.status.condition("Stalled")
        was_stalled = known is not None and known.message == finding.message
        patient = error.reason in TRANSIENT and waited < PATIENCE and not was_stalled
        verdict = verdicts.waiting(finding) if patient else verdicts.stalled(finding)
        look_after = await self._say(resource, memory, verdict)
        return min(look_after, PATIENCE - waited + 0.1) if patient else look_after

    # -- deletion -----------------------------------------------------------------------------

    async def _delete(self, resource: Resource, memory: Memory) -> float | None:
        if not resource.has_finalizer:
            return None
        deletion, declaration = self._deletion, resource.declaration
        release = deletion.reprieve(resource)
        if release is not None or declaration is None:
            await deletion.let_go(resource, release or GONE)
            return None
        if resource.operation_lost:
            if await deletion.forsakes(resource, memory, verdicts.RECORD_LOST.message):
                return None
            lost = with_way_out(verdicts.stalled(verdicts.RECORD_LOST))
            return min(await self._say(resource, memory, lost), _LEAVING)
        try:
            cloud, _ = await self._tools.clouds.open(declaration, resource.key[0])
        except MaterialError as error:
            if await deletion.forsakes(resource, memory, str(error)):
                return None
            after = await self._credentials_problem(resource, memory, error, way_out=WAY_OUT)
            return min(after, _LEAVING)
        work = Work(
            resource=resource,
            declaration=declaration,
            memory=memory,
            cloud=cloud,
            status=resource.status,
            began=self._tools.now(),
        )
        outcome = await self._turn_off(work)
        if isinstance(outcome, Release):
            await deletion.let_go(work.resource, outcome, work=work)
            return None
        verdict = outcome.verdict
        held = (verdict.stalled or verdict.reconciling or verdict.finding) if verdict else None
        why = f"SSL is left as it is. {held.message}" if held else "SSL is left as it is."
        if await deletion.forsakes(work.resource, memory, why):
            work.written()
            return None
        if verdict is not None:
            outcome = replace(outcome, verdict=with_way_out(verdict))
        return min(await self._finish(work, outcome), _LEAVING)

    async def _turn_off(self, work: Work) -> Result | Release:
        """Follow what is under way, then turn SSL off; faults of the cloud become results here."""
        if self._tools.outages.blocks(work.cloud.endpoint, work.key):
            return self._faulting.unreachable(work)
        try:
            unfinished = await self._following.follow(work) if work.resource.in_flight else None
            return unfinished or await self._deletion.disable(work)
        except AliyunError as error:
            if classify(error, write=False).disposition is Disposition.GONE:
                return GONE
            self._following.give_up(work)
            return self._faulting.read_failed(work, error)
        except ObservationError as error:
            self._following.give_up(work)
            return self._faulting.unanswerable(work, str(error))


async def _both(
    one: Coroutine[Any, Any, _One], other: Coroutine[Any, Any, _Other]
) -> tuple[_One, _Other]:
    """Wait for two reads at a time; the first error is raised, and ends the other read."""
    tasks = asyncio.create_task(one), asyncio.create_task(other)
    try:
        return await asyncio.gather(*tasks)
    finally:
        for each in tasks:
            each.cancel()


def _priority(memory: Memory, look_after: float) -> Priority:
    """Tell who lets whom go first at the next look: what is seldom looked at lets everybody."""
    if memory.watch is not None:
        return Priority.IN_FLIGHT
    return Priority.CHANGE if look_after < _SOON else Priority.RESYNC


def _facts(work: Work) -> object:
    """Give all that the judgement of an object rests on beside the clock; lists by fingerprint."""
    gathered, observed = work.gathered, work.observed
    if gathered is None or observed is None:
        return None
    lists = observed.revocation_list
    return (
        work.resource.resource_version,
        gathered.fingerprint,
        replace(observed, revocation_list=None, client_ca_pem="", revocation_list_pem=""),
        None if lists is None else tuple(each.sha256 for each in lists),
    )


def _extra(resource: Resource) -> dict[str, str]:
    namespace, name = resource.key
    return {"namespace": namespace, "object_name": name, "instance_id": resource.instance_id}
