"""
Following what was sent to its end: busy, verified, failed, or no effect at all.

Source: docs/architecture.md, "The life of one change"; the rules are in `rds_ssl.core.operation`.
"""

import logging
from datetime import datetime

from rds_ssl.core import approval
from rds_ssl.core.comparison import compare
from rds_ssl.core.model import Cause, Observed, Phase, Priority
from rds_ssl.core.operation import End, Watch, judge
from rds_ssl.core.status import (
    HISTORY_LENGTH,
    AppliedStatus,
    ApprovalStatus,
    BeforeStatus,
    HistoryEntry,
    OperationStatus,
    StateStatus,
)
from rds_ssl.engine.reporting import Event
from rds_ssl.engine.work import VERIFIED, Result, Tools, Work

_log = logging.getLogger(__name__)

UNKNOWN_REQUEST = "unknown"
"""In place of the id of an own call whose answer was lost."""

_REISSUED = {
    True: "its server certificate is another one",
    False: "its server certificate is the same",
    None: "whether its server certificate is the same is not shown",
}

_PHASES = {
    End.FAILED: Phase.FAILED,
    End.NOT_CONVERGING: Phase.NOT_CONVERGING,
    End.TIMED_OUT: Phase.TIMED_OUT,
}


class Following:
    """Looks at unfinished operations."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def follow(self, work: Work) -> Result | None:
        """
        Look at an unfinished operation.

        Returns:
            How the pass ends, or None: the operation has ended, *work* says how, and the pass goes
            on to judge the object by what was just read.
        """
        tools, memory = self._tools, work.memory
        operation = work.status.operation
        if operation is None:
            return None
        if memory.not_executed == operation.start_time:
            work.set(operation=memory.previous)
            return None
        if memory.watch is None or memory.watched != operation.start_time:
            at = tools.monotonic()
            accepted = at if operation.phase is Phase.ACCEPTED else None
            memory.follow(operation.start_time, Watch(started=at, accepted=accepted))
            tools.budget.inherit(work.resource)
        watch = memory.watch
        if watch is None:
            raise TypeError("nothing is watched")
        work.instance = await work.cloud.describe_attribute(
            work.declaration, priority=Priority.IN_FLIGHT
        )
        memory.see(work.instance, now=tools.monotonic())
        comparison = None
        if work.instance.running:
            work.observed = await work.cloud.describe_ssl(
                work.declaration, priority=Priority.IN_FLIGHT, engine=work.engine
            )
            if operation.target is not None:
                comparison = compare(operation.target, work.observed)
        judgement = judge(
            operation,
            watch,
            running=work.instance.running,
            observed=work.observed,
            comparison=comparison,
            monotonic=tools.monotonic(),
            now=tools.now(),
            limits=tools.pace.limits,
        )
        memory.watch = judgement.watch
        if judgement.end is End.NONE:
            await self._note_acceptance(work, operation)
            return Result(verdict=None, look_after=judgement.look_after)
        self._end(work, operation, judgement.end, judgement.watch)
        return None

    async def _note_acceptance(self, work: Work, operation: OperationStatus) -> None:
        watch = work.memory.watch
        if operation.phase is Phase.SENDING and watch is not None and watch.accepted is not None:
            accepted = operation.model_copy(
                update={"phase": Phase.ACCEPTED, "request_id": work.memory.request_id}
            )
            work.resource = await self._tools.reporter.record(work.resource, accepted)
            work.set(operation=accepted)

    def _end(self, work: Work, operation: OperationStatus, end: End, watch: Watch) -> None:
        tools, memory = self._tools, work.memory
        if end is End.SEND_AGAIN:
            # The record goes: whatever holds the next attempt must not hold a slot. One that was
            # inherited was given by nobody, and there may be more of them than are allowed.
            memory.no_effect, memory.permitted = operation, operation.digest
            memory.unfollow()
            tools.budget.release(work.key)
            work.set(operation=memory.previous or _failed_before(operation))
            return
        memory.no_effect = None
        request_id = memory.request_id or operation.request_id
        entry = self._entry(work, operation, end, watch, request_id)
        history = (entry, *work.status.history)
        if end is End.VERIFIED:
            if work.observed and work.observed.enabled:
                # Pinned although nobody may name it any more: protection never moves by itself.
                sent = operation.target.connection_string if operation.target else None
                work.show(endpoint=sent or work.observed.connection_string)
            work.set(
                operation=None,
                plan=None,
                applied=AppliedStatus(
                    state=operation.target,
                    time=tools.now(),
                    expire_time=work.observed.expire_time if work.observed else None,
                    # A call whose answer was lost is an own one all the same.
                    request_id=request_id or UNKNOWN_REQUEST,
                ),
                history=history[:HISTORY_LENGTH],
                last_approval=_done(work.status.last_approval, operation, now=tools.now()),
            )
        else:
            reason = work.observed.modify_status_reason if work.observed else ""
            work.set(
                operation=operation.model_copy(
                    update={"phase": _PHASES[end], "end_time": tools.now()}
                ),
                history=history[:HISTORY_LENGTH],
            )
            _log.warning("%s: %s", end.value, reason, extra=work.fields(request_id or ""))
        took = int((tools.now() - operation.start_time).total_seconds())
        verified = end is End.VERIFIED
        event = Event(
            reason="ChangeVerified" if verified else f"Change{end.value}",
            message=f"{'In force' if verified else entry.changes + ' ' + end.value} after {took} s;"
            f" cause: {entry.cause}; the instance was {'' if entry.restart_seen else 'not '}seen to"
            f" be busy; {_REISSUED[entry.reissued]}."
            + (f" Request {request_id}." if request_id else " The answer to the call was lost."),
            warning=not verified,
        )

        def recorded() -> None:
            memory.unfollow()
            tools.changed(VERIFIED if verified else end.value)
            tools.reporter.announce(work.resource, event)

        work.after_write.append(recorded)

    def give_up(self, work: Work) -> bool:
        """End an operation that is overdue and cannot be read any more; whether it is."""
        operation, watch = work.status.operation, work.memory.watch
        limits = self._tools.pace.limits
        if operation is None or watch is None:
            return False
        age = (self._tools.now() - operation.start_time).total_seconds()
        watched = self._tools.monotonic() - watch.started
        if age < limits.apply_timeout or watched < limits.settle:
            return False
        self._end(work, operation, End.TIMED_OUT, watch)
        return True

    def _entry(
        self,
        work: Work,
        operation: OperationStatus,
        end: End,
        watch: Watch,
        request_id: str | None,
    ) -> HistoryEntry:
        plan, target = work.status.plan, operation.target
        return HistoryEntry(
            time=self._tools.now(),
            cause=(plan.cause if plan else None) or _cause(work, target),
            changes=plan.summary if plan else f"to {operation.digest}",
            fields=tuple(dict.fromkeys(each.field for step in plan.steps for each in step.changes))
            if plan
            else (),
            impacts=plan.impacts if plan else (),
            material=operation.material,
            approval=operation.approval,
            restart_seen=watch.busy_seen,
            reissued=_reissued(operation.before, work.observed),
            renews=target.renews if target else None,
            request_id=request_id,
            result=end.value,
        )


def _done(
    last: ApprovalStatus | None, operation: OperationStatus, *, now: datetime
) -> ApprovalStatus | None:
    """End the approval whose plan is done, whatever else this pass may stumble over."""
    if last is None or last.to != operation.digest:
        return last
    return approval.ended(last, to=None, now=now)


def _cause(work: Work, target: StateStatus | None) -> Cause:
    """Tell what asked for a call whose plan somebody took out of the status."""
    if target is not None and target.renews:
        return Cause.RENEWAL
    if work.resource.deleting:
        return Cause.DELETION
    was = work.status.applied.state if work.status.applied else None
    rotation = was is not None and target is not None and was.settings == target.settings
    return Cause.ROTATION if rotation else Cause.SPEC


def _reissued(before: BeforeStatus | None, now: Observed | None) -> bool | None:
    """Whether the server certificate is another one; by its end where it is not shown."""
    if before is None or now is None:
        return None
    old, new = before.server_certificate, now.server_certificate
    if old is not None and new is not None:
        return old.sha256 != new.sha256
    if before.expire_time is not None and now.expire_time is not None:
        return before.expire_time != now.expire_time
    return None


def _failed_before(operation: OperationStatus) -> OperationStatus | None:
    """
    Give back the failure that an attempt without effect followed, as far as its record tells.

    An accepted attempt is no first contact, whatever the attempts after it came to.
    """
    failures = operation.attempt - 1 - (operation.unanswered or 0)
    if failures < 1:
        return None
    return operation.model_copy(
        update={
            "phase": Phase.FAILED,
            "attempt": failures,
            "unanswered": None,
            "request_id": UNKNOWN_REQUEST,
        }
    )
