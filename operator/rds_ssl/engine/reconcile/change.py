"""
The one way from a state that is wanted to the call: plan, retry, gates, preflight, slot, order.

What an object declares comes here, and SSL off for an object that is deleted: the two differ by
their `Intent` alone. The order of the rules is that of the lines of `change`. Source:
docs/architecture.md, "The life of one change".
"""

from dataclasses import replace

from rds_ssl.core.errors import AliyunError
from rds_ssl.core.gates import approval
from rds_ssl.core.gates.gate import gate
from rds_ssl.core.model import Impact, Phase, Reason
from rds_ssl.core.operation.retry import may_fall_back
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.planning.plan import PlanResult
from rds_ssl.core.rds import faults
from rds_ssl.engine.reconcile import ahead, api_failures, gating, holding, starting
from rds_ssl.engine.reconcile.ports import Ports
from rds_ssl.engine.reconcile.stages import Decided, Intent, Order, Planned, Read, Seen
from rds_ssl.engine.reconcile.standing import standing_of, unsupported

_AT_ONCE = 0.05
"""Seconds: a renewal is sent once more, with another value."""

_CANNOT_BE = frozenset({Reason.ENDPOINT_NOT_FOUND, Reason.ENGINE_NOT_SUPPORTED})
"""Why an instance cannot have what is declared, which somebody has to put right."""


def change(
    ports: Ports, seen: Seen, desired: Desired, intent: Intent
) -> Order | Decided | Read | tuple[Seen, PlanResult]:
    """
    Return what is to be sent next towards *desired*, if it may go now.

    Returns:
        The order, for which a slot is reserved; how the pass ends if nothing may go; what has to be
        read to tell; or how an instance stands that needs no plan.
    """
    standing = standing_of(ports, seen, desired, intent)
    last, to = seen.status.last_approval, standing.plan.to if standing.plan else None
    if last is not None and to is not None and last.to in ahead.destinations(seen, desired, intent):
        to = last.to
    spent = approval.end_approval(last, to=to, now=ports.now())
    if spent != last:
        seen = seen.update(last_approval=spent)
        # Under the digest that the next pass will give it.
        standing = standing_of(ports, seen, desired, intent)
    plan = standing.plan
    if plan is None:
        return seen, standing
    planned = Planned(
        seen=seen, desired=desired, intent=intent, comparison=standing.comparison, plan=plan
    )
    stuck = unsupported(planned)
    if stuck is not None:
        return _stopped(ports, planned, stuck)
    stays = intent is Intent.DELETION or Impact.MOVES_ENDPOINT in plan.impacts
    shown = seen.shown(endpoint=None if stays else desired.connection_string)
    planned = replace(planned, seen=shown)
    at = gating.circumstances(ports, planned)
    if isinstance(at, Read):
        return at
    hold = gate(plan, seen.declaration, seen.observed, at)
    stopped = starting.stopped(ports, planned, hold)
    if stopped is not None:
        return _stopped(ports, planned, stopped)
    if hold is not None and hold.reason is Reason.AWAITING_APPROVAL:
        true = ahead.came_true(ports, planned)
        if isinstance(true, Seen):
            return change(ports, true, desired, intent)
        outcome = true or ahead.material_ahead(ports, planned)
        if outcome is not None:
            return outcome
    return starting.start(ports, planned, hold, at)


def _stopped(ports: Ports, whole: Planned, stopped: Decided | Read) -> Order | Decided | Read:
    """Return what may go although the plan as a whole cannot."""
    operation = whole.seen.status.operation
    tried = operation is not None and operation.digest == whole.step.digest
    if isinstance(stopped, Read) or whole.intent is not Intent.DECLARED or tried:
        return stopped
    verdict = stopped.verdict
    if verdict is None or verdict.finding.reason not in _CANNOT_BE:
        return stopped
    return ahead.beside_stalled(ports, whole.seen, whole.desired, stopped)


def refused(ports: Ports, order: Order, seen: Seen, error: AliyunError) -> Decided | None:
    """
    Return what an answer to a call means after which nothing was executed.

    *seen*: after the answer. None: the instance is as wanted by now.
    """
    operation, desired = seen.status.operation, order.planned.desired
    fault = faults.classify(error, write=True)
    if operation is None or operation.phase is not Phase.REFUSED:
        if fault.read_back:
            return api_failures.busy(ports, seen)  # Refused because of another change.
        return api_failures.not_executed(ports, seen, error)
    if standing_of(ports, seen, desired, order.planned.intent).plan is None:
        return None
    if may_fall_back(operation):
        return Decided(draft=seen, verdict=order.verdict, look_after=_AT_ONCE)
    rotates = order.planned.intent is Intent.ROTATION
    seen = seen.update(plan=seen.status.plan if rotates else None, rotation=None)
    finding = api_failures.refusal(seen, operation.code or "", desired, seen.observed)
    look_after = min(api_failures.refused_after(fault), holding.next_look(ports, seen))
    return seen.stalled(finding, look_after=look_after)
