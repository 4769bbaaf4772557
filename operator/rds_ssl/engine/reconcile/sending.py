"""
The one dangerous call.

Order of `send`: material read anew · token taken, slot reserved · the object read from etcd ·
write-ahead record · the call. Source: docs/architecture.md, "The life of one change".
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from rds_ssl.core.api.states import BeforeStatus, CertificateStatus
from rds_ssl.core.api.status import OperationStatus
from rds_ssl.core.errors import AliyunError, ApiError, KubeError, NotLeading, TurnAwaited
from rds_ssl.core.gates.hold import OTHER, RATE, Hold
from rds_ssl.core.model import LEFT_BEHIND, Disposition, Phase, Priority, Restart
from rds_ssl.core.operation.retry import may_fall_back
from rds_ssl.core.operation.verification import Watch
from rds_ssl.core.planning.parameters import Material
from rds_ssl.core.rds import faults
from rds_ssl.core.secret_text import SecretText
from rds_ssl.engine.claims import is_successor, loses, older_claimant
from rds_ssl.engine.objects import Resource
from rds_ssl.engine.proofs import Standing
from rds_ssl.engine.reconcile import (
    api_failures,
    attempt,
    finishing,
    gating,
    holding,
    observing,
    rivals,
)
from rds_ssl.engine.reconcile.attempt import NotExecuted, Sent
from rds_ssl.engine.reconcile.deletion import INHERITED
from rds_ssl.engine.reconcile.gating import approval_of, plan_status
from rds_ssl.engine.reconcile.outgoing import wire
from rds_ssl.engine.reconcile.ports import Ports
from rds_ssl.engine.reconcile.stages import Decided, Intent, Order, Read, Seen
from rds_ssl.engine.reporting import Event

_log = logging.getLogger(__name__)

_NOT_EXECUTED = frozenset(
    {
        Disposition.BUSY,
        Disposition.THROTTLED,
        Disposition.BLOCKED,
        Disposition.UNAVAILABLE,
        Disposition.GONE,
    }
)
"""Answers to a write after which nothing was executed, and the state itself was not refused."""

_ACTION = "ModifyDBInstanceSSL"

_AGAIN_AT_ONCE = 0.05
"""Seconds: the object, or its material, is another one than the plan was made of."""

_FRESH = 10.0
"""
Seconds from the writing of the record to the call, at most: an Event takes 2 of them. A process
that stood still for longer finds that others have taken the call for lost, and made it themselves.
"""

_AGAIN_SOON = 1.0
"""Seconds: another namespace's claim is being looked at."""

_AFTER_GONE = 1.0
"""Seconds: the watch has shown by then that the object is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAccepted:
    """An answer after which nothing was executed, and the stage after it."""

    seen: Seen
    error: AliyunError


async def send(ports: Ports, order: Order) -> Decided | NotAccepted:
    """
    Send one step of a plan for which a slot is reserved.

    A call that has to wait for its turn is not made in this pass: the slot is kept for the next
    one, which looks at everything anew.

    Raises:
        KubeError: The API server, before anything was sent, or when the acceptance was recorded.
        NotLeading: Nothing was sent, for another process may lead by now.
    """
    seen = order.planned.seen
    try:
        await seen.cloud.reserve(Priority.CHANGE)
    except TurnAwaited as error:
        return _awaits_turn(ports, order, error)
    # The token may have taken a while: material may have changed meanwhile.
    material = await _material(ports, order)
    if material is None:
        return Decided(draft=seen, verdict=None, look_after=_AGAIN_AT_ONCE)
    operation = _operation(ports, order)
    parameters = await wire(order, material, operation)
    fresh = await _authoritative(ports, order)
    if isinstance(fresh, Decided):
        return fresh
    closed = order.closes is not None and ports.now() >= order.closes
    if closed or rivals.is_stale(ports, seen):
        return Decided(draft=seen, verdict=None, look_after=_AGAIN_AT_ONCE)
    left = seen.status.operation
    pending = NotExecuted(
        started=operation.start_time,
        digest=operation.digest,
        replaced=left if left and left.phase in LEFT_BEHIND else None,
        without_effect=attempt.without_effect(seen.attempt),
    )
    # What is left before stays known if the record is written and its answer is lost.
    seen.memory.attempt = pending
    plan = plan_status(order.planned.plan, held_by=None, since=order.since)
    rotates = order.planned.intent is Intent.ROTATION
    draft = replace(seen.shown(endpoint=None), resource=fresh, attempt=pending).update(
        operation=operation,
        plan=seen.status.plan if rotates else plan,
        rotation=plan if rotates else None,
        last_approval=approval_of(seen).spend(order.planned.plan, now=ports.now()),
    )
    began = ports.monotonic()
    seen = await finishing.write(ports, draft, order.verdict)
    recorded = seen.status.operation or operation  # Its times as they are in the record.
    known = replace(pending, started=recorded.start_time, answered=True)
    if await _meets_another(ports, seen, known):
        return _not_sent(seen, known, "another process is about to change the instance as well")
    await _announce(ports, order, seen)
    if ports.monotonic() - began > min(_FRESH, ports.timings.limits.settle / 2):
        return _not_sent(seen, known, "the process stood still")
    restarts = order.planned.plan.restart is not Restart.NONE
    return await _call(ports, seen, parameters, recorded, pending, restarts=restarts)


async def _meets_another(ports: Ports, seen: Seen, known: NotExecuted) -> bool:
    """
    True if another process has recorded a change of the same instance, or of one beside it.

    Raises:
        KubeError: It cannot be told; the call is not made.
    """
    try:
        return await rivals.meets_another(ports, seen, seen.resource)
    except KubeError:
        seen.memory.attempt = known
        raise


def _not_sent(seen: Seen, known: NotExecuted, why: str) -> Decided:
    """Return that a call was not made although it is recorded, and that all is looked at anew."""
    _log.warning("%s; the call is not made", why, extra=seen.log_fields())
    seen.memory.attempt = known
    draft = replace(seen, attempt=known)
    return Decided(draft=draft, verdict=None, look_after=_AGAIN_AT_ONCE, looked=False)


def _awaits_turn(ports: Ports, order: Order, error: TurnAwaited) -> Decided:
    """Return that the call waits for its turn, and says so if it is not over at once."""
    decided = api_failures.read_failed(ports, order.planned.seen, error)
    if decided.verdict is None:
        return replace(decided, awaits_slot=True)
    told = _awaits(ports, order, RATE, look_after=decided.look_after)
    return replace(told, looked=False, awaits_slot=True)


def _awaits(ports: Ports, order: Order, hold: Hold, *, look_after: float) -> Decided:
    """Return that a plan for which there is a slot waits for something else, and says so."""
    planned = order.planned
    at = gating.circumstances(ports, planned)
    if planned.intent is Intent.ROTATION or isinstance(at, Read):
        # Of newer material beside an edit that waits, the edit says what it waits for.
        return Decided(draft=planned.seen, verdict=None, look_after=look_after)
    draft, verdict = holding.told(ports, planned, hold, at)
    return Decided(draft=draft, verdict=verdict, look_after=look_after)


async def _announce(ports: Ports, order: Order, seen: Seen) -> None:
    """Tell what is about to be done, and why, before it is."""
    plan = order.planned.plan
    ports.started(plan)
    approved = seen.status.operation.approval if seen.status.operation else None
    why = f" Cause: {plan.cause.value}." + (f" Approved as {approved}." if approved else "")
    # The digest first: a long summary is cut where an Event has no more room.
    event = Event(
        reason="ChangeStarted", message=f"Plan {plan.digest}.{why} {plan.summary} Sent to RDS."
    )
    await ports.reporter.announce_first(seen.resource, event)


async def _material(ports: Ports, order: Order) -> Material | None:
    """Return what is sent, key included; None if it is not what the plan was made of."""
    seen = order.planned.seen
    if not order.planned.step.enabled:
        return Material()
    planned = seen.material
    # Facts kept for the version that the watch shows now cost no request.
    now = await ports.materials.gather(seen.declaration, seen.key[0])
    if now.fingerprint != planned.fingerprint:
        return None
    if planned.material is not None or now.material is not None:
        return now.material or planned.material
    fresh = await ports.materials.gather(seen.declaration, seen.key[0], fresh=True)
    return fresh.material if fresh.fingerprint == planned.fingerprint else None


async def _authoritative(ports: Ports, order: Order) -> Resource | Decided:
    """Read the object from etcd; the end of the pass if the plan does not hold for it any more."""
    seen = order.planned.seen
    instance_id = seen.declaration.instance_id
    listed = await ports.resources.list_by_instance(instance_id)
    claimants = [Resource.of(manifest, seen.resource) for manifest in listed]
    mine = next((each for each in claimants if each.uid == seen.resource.uid), None)
    if mine is None:
        return Decided(draft=seen, verdict=None, look_after=_AFTER_GONE)
    winner = older_claimant(mine, claimants, ports.proofs)
    if isinstance(winner, Standing):
        return Decided(draft=seen, verdict=None, look_after=_AGAIN_SOON, looked=False)
    if winner is not None:
        return Decided(draft=seen, verdict=loses(mine, winner), look_after=ports.resync_after())
    deletes = order.planned.intent is Intent.DELETION
    if deletes and any(is_successor(each, mine, ports.proofs) for each in claimants):
        return seen.released(INHERITED)  # Perhaps of one that the watch does not show yet.
    met = rivals.any_in_flight(ports, claimants, mine)
    if met or await rivals.meets_another(ports, seen, mine):
        return _awaits(ports, order, OTHER, look_after=rivals.after_other(ports))
    ports.objects.refresh(mine)
    known = seen.resource
    same = mine.inputs == known.inputs and all(
        mine.raw_status.get(part) == known.raw_status.get(part) for part in ("operation", "applied")
    )
    return mine if same else Decided(draft=seen, verdict=None, look_after=_AGAIN_AT_ONCE)


def _operation(ports: Ports, order: Order) -> OperationStatus:
    """Return the record of the call."""
    seen, digest = order.planned.seen, order.planned.step.digest
    before, lost = seen.status.operation, attempt.without_effect(seen.attempt)
    number, unanswered = 1, 0
    if lost is not None and lost.digest == digest:
        number, unanswered = lost.attempt + 1, (lost.unanswered or 0) + 1
    elif before is not None and before.digest == digest:
        again = before.phase is Phase.FAILED or may_fall_back(before)
        number = before.attempt + 1 if again else 1
    observed = seen.observed
    leaf = observed.server_certificate
    return OperationStatus(
        digest=digest,
        target=order.planned.step.state,
        inputs_digest=order.inputs_digest,
        phase=Phase.SENDING,
        start_time=ports.now(),
        attempt=number,
        material=tuple(sorted(order.planned.plan.material)),
        approval=approval_of(seen).digest_of(order.planned.plan),
        unanswered=unanswered or None,
        before=BeforeStatus(
            enabled=observed.enabled,
            server_certificate=CertificateStatus.of(leaf) if leaf else None,
            expire_time=observed.expire_time,
            last_modify_status=observed.last_modify_status or None,
        ),
    )


async def _call(
    ports: Ports,
    seen: Seen,
    parameters: Mapping[str, str | SecretText],
    operation: OperationStatus,
    pending: NotExecuted,
    *,
    restarts: bool,
) -> Decided | NotAccepted:
    """Make the call whose record is written."""
    memory = seen.memory
    sent = Sent(
        started=operation.start_time,
        watch=Watch(started=ports.monotonic(), accepted=None),
        replaced=pending.replaced,
        without_effect=pending.without_effect,
    )
    # Whatever happens from here on, this process watches: a cancelled call may be executed.
    memory.attempt = sent
    try:
        request_id = await seen.cloud.modify_ssl(seen.declaration, parameters)
    except NotLeading:
        memory.attempt = attempt.not_executed(sent, operation.digest)
        raise
    except AliyunError as error:
        return await _not_accepted(ports, seen, sent, operation, error)
    at = ports.monotonic()
    sent = replace(sent, watch=Watch(started=at, accepted=at), request_id=request_id)
    memory.attempt = sent
    memory.failures.written()
    if restarts:
        ports.budget.note_restart(seen.declaration.instance_id, request_id, ports.now())
    accepted = operation.model_copy(update={"phase": Phase.ACCEPTED, "request_id": request_id})
    resource = await ports.reporter.record(seen.resource, accepted)
    _log.info("accepted", extra={"action": _ACTION, **seen.log_fields(request_id)})
    draft = replace(seen, resource=resource, attempt=sent).update(operation=accepted)
    return Decided(draft=draft, verdict=None, look_after=1.0)


async def _not_accepted(
    ports: Ports, seen: Seen, sent: Sent, operation: OperationStatus, error: AliyunError
) -> Decided | NotAccepted:
    fault = faults.classify(error, write=True)
    request_id = error.request_id if isinstance(error, ApiError) else ""
    _log.warning(
        "%s: %s",
        error,
        getattr(error, "message", ""),
        extra={"action": _ACTION, **seen.log_fields(request_id)},
    )
    memory = seen.memory
    if fault.disposition is Disposition.UNKNOWN:
        memory.attempt = replace(sent, watch=Watch(started=ports.monotonic(), accepted=None))
        return Decided(draft=seen, verdict=None, look_after=1.0)
    ports.changed(fault.reason.value)
    memory.attempt = attempt.ended(sent)
    if fault.read_back:
        seen = await observing.read_back(ports, seen)
    if fault.disposition in _NOT_EXECUTED or (fault.read_back and _at_work(seen)):
        memory.attempt = attempt.not_executed(sent, operation.digest)
        seen = replace(seen, attempt=memory.attempt).update(operation=sent.replaced)
        return NotAccepted(seen=seen, error=error)
    code = error.code if isinstance(error, ApiError) else type(error).__name__
    refused = operation.model_copy(
        update={
            "phase": Phase.REFUSED,
            "code": code,
            "end_time": ports.now(),
            "request_id": None,
        }
    )
    seen = replace(seen, attempt=memory.attempt).update(operation=refused)
    return NotAccepted(seen=seen, error=error)


def _at_work(seen: Seen) -> bool:
    """True if the instance is seen to be at work on another change."""
    setting = seen.observed.last_modify_status == "setting"
    return setting or (seen.instance is not None and not seen.instance.running)
