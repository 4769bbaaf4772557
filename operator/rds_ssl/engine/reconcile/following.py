"""
Following what was sent to its end: busy, verified, failed, or no effect at all.

The rules are in `rds_ssl.core.operation.verification`. Source: docs/architecture.md, "The life of
one change".
"""

import logging
from dataclasses import replace
from datetime import datetime

from rds_ssl.core.api.states import BeforeStatus, StateStatus
from rds_ssl.core.api.status import (
    HISTORY_LENGTH,
    AppliedStatus,
    ApprovalStatus,
    HistoryEntry,
    OperationStatus,
    PlanStatus,
)
from rds_ssl.core.gates import approval
from rds_ssl.core.model import Cause, Observed, Phase, Priority, Restart
from rds_ssl.core.operation.verification import End, Watch, verify
from rds_ssl.core.planning.chain import changes_chain
from rds_ssl.core.planning.diff import compare
from rds_ssl.core.planning.fields import Comparison, Field
from rds_ssl.engine.reconcile import attempt, observing
from rds_ssl.engine.reconcile.attempt import Idle, NotExecuted, Sent, WithoutEffect
from rds_ssl.engine.reconcile.ports import VERIFIED, Ports
from rds_ssl.engine.reconcile.stages import AfterWrite, Decided, Gathered, Seen
from rds_ssl.engine.reporting import Event

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


async def follow(ports: Ports, gathered: Gathered) -> Gathered | Decided:
    """
    Look at an unfinished operation.

    Returns:
        How the pass ends; or what it goes on with, if the operation has ended: its status says how,
        and it is a `Seen` if the settings were read.

    Raises:
        AliyunError: A read failed.
        ObservationError: An answer makes no sense.
        KubeError: The API server.
    """
    operation, known = gathered.status.operation, gathered.attempt
    if operation is None or not gathered.in_flight:
        return gathered
    if attempt.is_over(known, operation):
        return gathered.update(operation=known.replaced)
    sent = known
    if not isinstance(sent, Sent) or sent.started != operation.start_time:
        sent = _inherited(ports, gathered, operation)
    stage, comparison, observed = gathered, None, None
    stage = await observing.read_attributes(ports, stage, priority=Priority.IN_FLIGHT)
    running = stage.instance is not None and stage.instance.running
    if running:
        observed = await observing.read_settings(stage, priority=Priority.IN_FLIGHT)
        stage = observing.seen(stage, observed)
        if operation.target is not None:
            comparison = _compare(operation.target, observed, stage.status.applied)
    judgement = verify(
        operation,
        sent.watch,
        running=running,
        observed=observed,
        comparison=comparison,
        monotonic=ports.monotonic(),
        now=ports.now(),
        limits=ports.timings.limits,
    )
    sent = attempt.watched(sent, judgement.watch)
    gathered.memory.attempt = sent
    stage = replace(stage, attempt=sent)
    if judgement.end is End.NONE:
        stage = await _with_acceptance(ports, stage, operation, sent)
        return Decided(draft=stage, verdict=None, look_after=judgement.look_after)
    return _end(ports, stage, operation, judgement.end, sent)


def _compare(target: StateStatus, observed: Observed, applied: AppliedStatus | None) -> Comparison:
    """Compare what was sent; intermediates that it only repeats need no proof."""
    comparison = compare(target, observed)
    if changes_chain(target, applied):
        return comparison
    return replace(comparison, unknown=comparison.unknown - {Field.CHAIN})


def give_up(ports: Ports, gathered: Gathered) -> Gathered:
    """Return it with its operation ended, if that is overdue and cannot be read any more."""
    operation, sent = gathered.status.operation, gathered.memory.attempt
    limits = ports.timings.limits
    if operation is None or not isinstance(sent, Sent) or not gathered.in_flight:
        return gathered
    gathered = replace(gathered, attempt=sent)  # It may be known for the first time.
    watched = ports.monotonic() - sent.watch.started
    # By the record, which may say anything, or by what this process has seen itself.
    age = max((ports.now() - operation.start_time).total_seconds(), watched)
    if age < limits.apply_timeout or watched < limits.settle:
        return gathered
    return _end(ports, gathered, operation, End.TIMED_OUT, sent)


def _inherited(ports: Ports, gathered: Gathered, operation: OperationStatus) -> Sent:
    """Return what is known of an operation that another process began, from now on."""
    at, known = ports.monotonic(), gathered.attempt
    ports.budget.inherit(gathered.resource)
    replaced = None
    if isinstance(known, NotExecuted) and known.started == operation.start_time:
        replaced = known.replaced
    sent = Sent(
        started=operation.start_time,
        replaced=replaced,
        watch=Watch(started=at, accepted=at if operation.phase is Phase.ACCEPTED else None),
        without_effect=attempt.without_effect(known),
    )
    gathered.memory.attempt = sent
    return sent


async def _with_acceptance(
    ports: Ports, stage: Gathered, operation: OperationStatus, sent: Sent
) -> Gathered:
    """Return it with the record that the call is known to be accepted, if that is new."""
    if operation.phase is not Phase.SENDING or sent.watch.accepted is None:
        return stage
    accepted = operation.model_copy(update={"phase": Phase.ACCEPTED, "request_id": sent.request_id})
    resource = await ports.reporter.record(stage.resource, accepted)
    return replace(stage, resource=resource).update(operation=accepted)


def _end(
    ports: Ports, stage: Gathered, operation: OperationStatus, end: End, sent: Sent
) -> Gathered:
    """Return it with the end of its operation."""
    if end is End.SEND_AGAIN:
        # The record goes: whatever holds the next attempt must not hold a slot.
        left = sent.replaced or _failed_before(operation)
        # Remembered at once: whether the status is written that says so, may remain unknown.
        proved = WithoutEffect(operation=operation, replaced=left)
        stage.memory.attempt = proved
        return replace(stage, attempt=proved).update(operation=left)
    entry = _entry(ports, stage, operation, end, sent)
    history = (entry, *stage.status.history)[:HISTORY_LENGTH]
    took = int((ports.now() - operation.start_time).total_seconds())
    plan = _plan_of(stage)
    # A plan that somebody took out of the status is taken for one that was said to restart.
    predicted = plan.restart if plan else Restart.UNKNOWN
    follows = AfterWrite(
        event=_event(entry, end, took),
        counted=_counted(end),
        restart=(predicted, sent.watch.left_running),
    )
    observed = stage.observed if isinstance(stage, Seen) else None
    if end is not End.VERIFIED:
        reason = observed.modify_status_reason if observed else ""
        _log.warning("%s: %s", end.value, reason, extra=stage.log_fields(entry.request_id or ""))
        ended = operation.model_copy(update={"phase": _PHASES[end], "end_time": ports.now()})
        draft = replace(stage.then(follows), attempt=Idle())
        return draft.update(operation=ended, history=history, rotation=None)
    if isinstance(stage, Seen) and stage.observed.enabled:
        # Pinned although nobody may name it any more: protection never moves by itself.
        named = operation.target.connection_string if operation.target else None
        stage = stage.shown(endpoint=named or stage.observed.connection_string)
    applied = AppliedStatus(
        state=operation.target,
        time=ports.now(),
        settings_time=_settings_time(stage.status.applied, operation.target) or ports.now(),
        expire_time=observed.expire_time if observed else None,
        # A call whose answer was lost is an own one all the same.
        request_id=entry.request_id or UNKNOWN_REQUEST,
    )
    return replace(stage.then(follows), attempt=Idle()).update(
        operation=None,
        plan=stage.status.plan if stage.status.rotation else None,
        rotation=None,
        applied=applied,
        history=history,
        last_approval=_done(stage.status.last_approval, operation, now=ports.now()),
    )


def _event(entry: HistoryEntry, end: End, took: int) -> Event:
    verified = end is End.VERIFIED
    return Event(
        reason="ChangeVerified" if verified else f"Change{end.value}",
        message=f"{'In force' if verified else entry.changes + ' ' + end.value} after {took} s;"
        f" cause: {entry.cause}; the instance was {'' if entry.restart_seen else 'not '}seen to"
        f" be busy; {_REISSUED[entry.reissued]}."
        + (
            f" Request {entry.request_id}."
            if entry.request_id
            else " The answer to the call was lost."
        ),
        warning=not verified,
    )


def _counted(end: End) -> str:
    return VERIFIED if end is End.VERIFIED else end.value


def _entry(
    ports: Ports, stage: Gathered, operation: OperationStatus, end: End, sent: Sent
) -> HistoryEntry:
    plan, target = _plan_of(stage), operation.target
    steps = plan.steps if plan else ()
    return HistoryEntry(
        time=ports.now(),
        cause=(plan.cause if plan else None) or _cause(stage, target),
        changes=plan.summary if plan else f"to {operation.digest}",
        fields=tuple(dict.fromkeys(each.field for step in steps for each in step.changes)),
        impacts=plan.impacts if plan else (),
        material=operation.material,
        approval=operation.approval,
        restart_seen=sent.watch.busy_seen,
        reissued=_reissued(operation.before, stage.observed if isinstance(stage, Seen) else None),
        renews=target.renews if target else None,
        request_id=sent.request_id or operation.request_id,
        result=end.value,
    )


def _plan_of(stage: Gathered) -> PlanStatus | None:
    """Return the plan that the operation under way belongs to; newer material goes first."""
    return stage.status.rotation or stage.status.plan


def _settings_time(applied: AppliedStatus | None, target: StateStatus | None) -> datetime | None:
    """Return since when the settings of *target* are in force, if they were before."""
    was = applied.state if applied else None
    if applied is None or was is None or target is None or was.settings != target.settings:
        return None
    return applied.settings_time or applied.time


def _done(
    last: ApprovalStatus | None, operation: OperationStatus, *, now: datetime
) -> ApprovalStatus | None:
    """Return the approval, ended if its plan is done, whatever else this pass may stumble over."""
    if last is None or last.to != operation.digest:
        return last
    return approval.end_approval(last, to=None, now=now)


def _cause(stage: Gathered, target: StateStatus | None) -> Cause:
    """Return what asked for a call whose plan somebody took out of the status."""
    if target is not None and target.renews:
        return Cause.RENEWAL
    if stage.resource.deleting:
        return Cause.DELETION
    was = stage.status.applied.state if stage.status.applied else None
    rotation = was is not None and target is not None and was.settings == target.settings
    return Cause.ROTATION if rotation else Cause.SPEC


def _reissued(before: BeforeStatus | None, now: Observed | None) -> bool | None:
    """Return whether the server certificate is another one; by its end where it is not shown."""
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
    Return the failure that an attempt without effect followed, as far as its record tells.

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
