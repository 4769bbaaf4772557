"""
The one way from a state that is wanted to the call: plan, retry, gates, preflight, slot, order.

What an object declares comes here, and SSL off for an object that is deleted: the two differ by
their `Intent` alone. The order of the rules is that of the lines of `change`. Source:
docs/architecture.md, "The life of one change".
"""

from dataclasses import replace

from rds_ssl.core import outcomes
from rds_ssl.core.api.conditions import Verdict
from rds_ssl.core.api.status import AppliedStatus, PlanStatus
from rds_ssl.core.checks import certificates
from rds_ssl.core.errors import AliyunError
from rds_ssl.core.gates import approval
from rds_ssl.core.gates.gate import (
    BUDGET,
    Circumstances,
    Hold,
    closes,
    gate,
)
from rds_ssl.core.gates.with_edit import awaits_edit
from rds_ssl.core.model import UNFINISHED, Impact, Phase, Reason
from rds_ssl.core.operation.retry import may_fall_back
from rds_ssl.core.planning.ahead import separate
from rds_ssl.core.planning.chain import taken_over
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.planning.fields import Field
from rds_ssl.core.planning.plan import PlanResult
from rds_ssl.core.planning.renewal import tried
from rds_ssl.core.rds import faults
from rds_ssl.engine.reconcile import (
    api_failures,
    gating,
    holding,
    material_problems,
    preflight,
    retry,
)
from rds_ssl.engine.reconcile.attempt import Idle
from rds_ssl.engine.reconcile.ports import Ports
from rds_ssl.engine.reconcile.stages import (
    Decided,
    Intent,
    Order,
    Planned,
    Read,
    Seen,
)
from rds_ssl.engine.reconcile.standing import planned_of, standing_of, unsupported

_AT_ONCE = 0.05
"""Seconds: a renewal is sent once more, with another value."""


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
    to = standing.plan.to if standing.plan else None
    spent = approval.end_approval(seen.status.last_approval, to=to, now=ports.now())
    if spent != seen.status.last_approval:
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
        return stuck
    stays = intent is Intent.DELETION or Impact.MOVES_ENDPOINT in plan.impacts
    shown = seen.shown(endpoint=None if stays else desired.connection_string)
    planned = replace(planned, seen=shown)
    at = gating.circumstances(ports, planned)
    if isinstance(at, Read):
        return at
    hold = gate(plan, seen.declaration, seen.observed, at)
    stopped = _stopped(ports, planned, hold)
    if stopped is not None:
        return stopped
    if hold is not None and hold.reason is Reason.AWAITING_APPROVAL:
        outcome = _came_true(ports, planned) or _material_ahead(ports, planned)
        if outcome is not None:
            return outcome
    return _start(ports, planned, hold, at)


def _start(ports: Ports, planned: Planned, hold: Hold | None, at: Circumstances) -> Order | Decided:
    if hold is not None:
        return holding.held(ports, planned, hold, at)
    if not gating.reserve(ports, planned, at):
        return replace(holding.held(ports, planned, BUDGET, at), awaits_slot=True)
    return _order(ports, planned, at)


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


# -- a plan that goes, or not ---------------------------------------------------------------------


def _stopped(ports: Ports, planned: Planned, hold: Hold | None) -> Decided | Read | None:
    """Return what stands in the way of a plan whatever the gates say; None if nothing does."""
    seen, step, operation = planned.seen, planned.step, planned.seen.status.operation
    if Impact.MOVES_ENDPOINT in planned.plan.impacts:
        # Nobody is to approve what cannot be.
        stopped = preflight.unknown_endpoint(seen.update(plan=None), step)
        if stopped is not None:
            return stopped
    policy = hold is not None and hold.reason in {Reason.OBSERVING, Reason.SUSPENDED}
    if operation is not None and operation.phase not in UNFINISHED and not policy:
        stopped = retry.refused(ports, planned, after=holding.next_look(ports, seen))
        if stopped is not None:
            return stopped
    other = operation is None or operation.digest != step.digest
    if other and not policy and tried(seen.status.history, step.renews):
        after = holding.next_look(ports, seen)
        return seen.update(plan=None).stalled(outcomes.NOT_RENEWED, look_after=after)
    if hold is not None and planned.intent is not Intent.DELETION:
        return None
    # What goes has nobody who comes back to it when its window opens: he is told now.
    return preflight.refused(ports, seen, step)


# -- newer material ahead of an edit that waits ---------------------------------------------------


def _material_ahead(ports: Ports, whole: Planned) -> Order | Decided | Read | None:
    """
    Let newer material go while an edit of the settings waits for a person.

    Once the edit is approved both go together; the material does not wait for that for long.

    Returns:
        None if it waits with the edit, in one plan.
    """
    seen, pair = whole.seen, _separated(ports, whole)
    if pair is None:
        return None
    ahead, edit = pair
    at, edit_at = gating.circumstances(ports, ahead), gating.circumstances(ports, edit)
    if isinstance(at, Read) or isinstance(edit_at, Read):
        return Read.ATTRIBUTES
    if at.approval.allows(edit.plan):
        return _together(ports, whole, edit)
    hold = gate(ahead.plan, seen.declaration, seen.observed, at)
    edit_hold = gate(edit.plan, seen.declaration, seen.observed, edit_at)
    if edit_hold is None:
        return None
    operation = seen.status.operation
    begun = operation is not None and operation.digest == ahead.step.digest
    if seen.resource.asked is None and not begun:
        hold = awaits_edit(ahead.plan, since=at.seen_since, now=at.now) or hold
    stopped = _stopped(ports, ahead, hold)
    if isinstance(stopped, Read):
        return stopped
    seen, waits = holding.told(ports, edit, edit_hold, edit_at)
    after = holding.look_again(ports, edit, edit_hold, edit_at)
    if stopped is not None:
        verdict = outcomes.beside(waits, stopped.verdict)
        left = min(after, stopped.look_after)
        seen = seen.update(rotation=_told_by(stopped, ahead))
        return replace(stopped, draft=seen, verdict=verdict, look_after=left)
    ahead = replace(ahead, seen=seen)
    if hold is None and not gating.reserve(ports, ahead, at):
        hold = BUDGET
    if hold is None:
        order = _order(ports, ahead, at)
        return replace(order, verdict=outcomes.beside(waits, order.verdict))
    return _held_ahead(ports, ahead, hold, at, waits=waits, after=after)


def _held_ahead(
    ports: Ports, ahead: Planned, hold: Hold, at: Circumstances, *, waits: Verdict, after: float
) -> Decided:
    seen, says = holding.told(ports, ahead, hold, at)
    return Decided(
        draft=seen,
        verdict=outcomes.beside(waits, says),
        look_after=min(after, holding.look_again(ports, ahead, hold, at)),
        request_open=gating.request_open(seen, hold, at),
        awaits_slot=hold is BUDGET,
    )


def _separated(ports: Ports, whole: Planned) -> tuple[Planned, Planned] | None:
    """
    Return the plan of newer material alone, and that of the edit; None if they are one.

    Where a person has to approve newer client CAs as well, they are part of the edit, and the
    server certificate goes alone.
    """
    if whole.intent is not Intent.DECLARED:
        return None
    return _pair(ports, whole, trust=True) or _pair(ports, whole, trust=False)


def _pair(ports: Ports, whole: Planned, *, trust: bool) -> tuple[Planned, Planned] | None:
    """
    Return the same, with client CAs and lists as material, or as part of the edit.

    None as well if a person has to approve more than the edit: the material, or what the two do
    together only.
    """
    seen, needed = whole.seen, set(whole.seen.declaration.approval_required)
    apart = separate(whole.desired, seen.observed, seen.status.applied, trust=trust)
    if apart is None:
        return None
    ahead = planned_of(ports, seen, apart.ahead, Intent.ROTATION)
    edit = planned_of(ports, seen, apart.edit, Intent.DECLARED, elsewhere=apart.elsewhere)
    if ahead is None or edit is None or not _goes_alone(ahead):
        return None
    if needed & {*ahead.plan.impacts} or not needed & {*whole.plan.impacts} <= {*edit.plan.impacts}:
        return None
    return ahead, edit


def _together(ports: Ports, whole: Planned, edit: Planned) -> Order | Decided | Read:
    """Let an edit that is approved go with the newer material: one call, and one restart."""
    seen = whole.seen
    planned = replace(whole, plan=replace(whole.plan, digest=edit.plan.digest))
    at = gating.circumstances(ports, planned)
    if isinstance(at, Read):
        return at
    hold = gate(planned.plan, seen.declaration, seen.observed, at)
    stopped = _stopped(ports, planned, hold)
    return stopped if stopped is not None else _start(ports, planned, hold, at)


def _told_by(stopped: Decided, ahead: Planned) -> PlanStatus | None:
    """Return the plan that is told with what stops it: whoever approves it has to see it."""
    plan = stopped.draft.status.plan
    return plan if plan is not None and plan.digest == ahead.plan.digest else None


def _came_true(
    ports: Ports, whole: Planned
) -> Order | Decided | Read | tuple[Seen, PlanResult] | None:
    """
    Go on with newer material on record that is in force although no call is known to have brought
    it, as one that was overdue: what comes after it would wait with the edit. None: nothing is so.
    """
    seen, was, apart = whole.seen, whole.seen.status.applied, None
    if whole.intent is Intent.DECLARED:
        apart = separate(whole.desired, seen.observed, was)
    if was is None or apart is None:
        return None
    standing = standing_of(ports, seen, apart.ahead, Intent.ROTATION)
    if standing.plan is not None or standing.declared_applied:
        return None
    if seen.instance is None:
        return Read.ATTRIBUTES
    if not seen.instance.running:
        return None  # What is shown may be half of a change.
    applied = AppliedStatus(
        state=taken_over(apart.ahead, seen.observed),
        time=ports.now(),
        settings_time=was.settings_time or was.time,
        expire_time=seen.observed.expire_time,
    )
    seen = replace(seen, attempt=Idle()).update(applied=applied, operation=None)
    return change(ports, seen, whole.desired, whole.intent)


def _goes_alone(ahead: Planned) -> bool:
    """True if it brings material alone, and a certificate for the endpoint that stays in force."""
    leaf, found = ahead.desired.server_certificate, ahead.comparison
    if not ahead.plan.material_only:
        return False
    if leaf is None or Field.SERVER_CERTIFICATE not in found.different | found.unknown:
        return True
    # So far it was judged by the endpoint declared.
    return certificates.covers(leaf, ahead.desired.connection_string)


def _order(ports: Ports, planned: Planned, at: Circumstances) -> Order:
    seen, plan = planned.seen, planned.plan
    return Order(
        planned=planned,
        inputs_digest=retry.inputs_of(seen, planned.step),
        verdict=outcomes.applying(
            plan,
            seen.declaration,
            in_force=plan.material_only and holding.ready_in_force(ports, seen)[0],
            warning=material_problems.expiring(ports, seen),
            warnings=seen.warnings,
        ),
        since=at.seen_since,
        closes=closes(plan, seen.declaration, at),
    )
