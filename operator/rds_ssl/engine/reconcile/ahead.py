"""
Newer material ahead of an edit of the settings that waits for a person, or cannot be carried out.

A certificate must not expire because of what else is declared. Source: docs/operations.md, "While
an edit waits", and `rds_ssl.core.planning.ahead`.
"""

from dataclasses import replace

from rds_ssl.core import outcomes
from rds_ssl.core.api.conditions import Verdict
from rds_ssl.core.api.states import StateStatus
from rds_ssl.core.api.status import AppliedStatus, PlanStatus
from rds_ssl.core.checks import certificates
from rds_ssl.core.gates.gate import Circumstances, gate
from rds_ssl.core.gates.hold import BUDGET, Hold
from rds_ssl.core.gates.with_edit import awaits_edit
from rds_ssl.core.planning.ahead import separate
from rds_ssl.core.planning.chain import taken_over
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.planning.fields import Field
from rds_ssl.engine.reconcile import gating, holding, starting
from rds_ssl.engine.reconcile.attempt import Idle
from rds_ssl.engine.reconcile.ports import Ports
from rds_ssl.engine.reconcile.stages import Decided, Intent, Order, Planned, Read, Seen
from rds_ssl.engine.reconcile.standing import planned_of, standing_of


def material_ahead(ports: Ports, whole: Planned) -> Order | Decided | Read | None:
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
    seen, waits = holding.told(ports, edit, edit_hold, edit_at)
    after = holding.look_again(ports, edit, edit_hold, edit_at)
    return _go(ports, replace(ahead, seen=seen), hold, at, waits=waits, after=after)


def beside_stalled(
    ports: Ports, seen: Seen, desired: Desired, stopped: Decided
) -> Order | Decided | Read:
    """
    Let newer material go although what else is declared cannot be carried out.

    It goes at once: whoever has to put the declaration right may be long about it.

    Args:
        stopped: How the pass ends if there is no newer material that can go alone.
    """
    waits = stopped.verdict
    if waits is None or waits.stalled is None:
        return stopped
    seen = seen.shown(endpoint=None).update(plan=stopped.draft.status.plan)
    ahead = _alone(ports, seen, desired)
    if ahead is None:
        return stopped
    at = gating.circumstances(ports, ahead)
    if isinstance(at, Read):
        return at
    hold = gate(ahead.plan, seen.declaration, seen.observed, at)
    return _go(ports, ahead, hold, at, waits=waits, after=stopped.look_after)


def destinations(seen: Seen, desired: Desired, intent: Intent) -> frozenset[str]:
    """Return where newer material alone may lead, by its digest, and has not led yet."""
    applied = seen.status.applied
    if intent is not Intent.DECLARED or applied is None or applied.state is None:
        return frozenset()
    apart = (separate(desired, seen.observed, applied, trust=each) for each in (True, False))
    found = {each.ahead.digest for each in apart if each is not None}
    return frozenset(found - {applied.state.digest})


def _go(
    ports: Ports,
    ahead: Planned,
    hold: Hold | None,
    at: Circumstances,
    *,
    waits: Verdict,
    after: float,
) -> Order | Decided | Read:
    """
    Return what comes of newer material beside an edit that stays.

    Args:
        hold: What holds the material.
        waits: What is said of the edit.
        after: Seconds until the edit is looked at again.
    """
    stopped = starting.stopped(ports, ahead, hold)
    if isinstance(stopped, Read):
        return stopped
    if stopped is not None:
        seen = ahead.seen.update(rotation=_told_by(stopped, ahead))
        verdict = outcomes.beside(waits, stopped.verdict)
        left = min(after, stopped.look_after)
        return replace(stopped, draft=seen, verdict=verdict, look_after=left)
    if hold is None and not gating.reserve(ports, ahead, at):
        hold = BUDGET
    if hold is None:
        order = starting.order(ports, ahead, at)
        return replace(order, verdict=outcomes.beside(waits, order.verdict))
    return _waits(ports, ahead, hold, at, waits=waits, after=after)


def _waits(
    ports: Ports, ahead: Planned, hold: Hold, at: Circumstances, *, waits: Verdict, after: float
) -> Decided:
    seen, says = holding.told(ports, ahead, hold, at)
    return Decided(
        draft=seen,
        verdict=outcomes.beside(waits, says),
        look_after=min(after, holding.look_again(ports, ahead, hold, at)),
        by_the_way=not hold.passing,
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


def _alone(ports: Ports, seen: Seen, desired: Desired) -> Planned | None:
    """
    Return the plan of newer material beside what cannot be carried out; None if there is none.

    Client CAs that a person has to approve stay with the rest.
    """
    needed, was = set(seen.declaration.approval_required), seen.status.applied
    states = [separate(desired, seen.observed, was, trust=trust) for trust in (True, False)]
    candidates = [each.ahead for each in states if each is not None]
    if was is not None and was.state and was.state.settings == desired.state.settings:
        candidates.insert(0, desired)  # What cannot be carried out is no setting of the instance.
    for state in candidates:
        ahead = planned_of(ports, seen, state, Intent.ROTATION)
        if ahead is not None and _goes_alone(ahead) and not needed & {*ahead.plan.impacts}:
            return ahead
    return None


def _pair(ports: Ports, whole: Planned, *, trust: bool) -> tuple[Planned, Planned] | None:
    """
    Return the same, with client CAs and lists as material, or as part of the edit.

    None as well if a person has to approve the material too. What the two do together one of them
    does alone, so that to approve the edit is to approve both.
    """
    seen, needed = whole.seen, set(whole.seen.declaration.approval_required)
    apart = separate(whole.desired, seen.observed, seen.status.applied, trust=trust)
    if apart is None:
        return None
    ahead = planned_of(ports, seen, apart.ahead, Intent.ROTATION)
    edit = planned_of(ports, seen, apart.edit, Intent.DECLARED, elsewhere=apart.elsewhere)
    if ahead is None or edit is None or not _goes_alone(ahead):
        return None
    if needed & {*ahead.plan.impacts}:
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
    stopped = starting.stopped(ports, planned, hold)
    return stopped if stopped is not None else starting.start(ports, planned, hold, at)


def _told_by(stopped: Decided, ahead: Planned) -> PlanStatus | None:
    """Return the plan that is told with what stops it: whoever approves it has to see it."""
    plan = stopped.draft.status.plan
    return plan if plan is not None and plan.digest == ahead.plan.digest else None


def came_true(ports: Ports, whole: Planned) -> Seen | Read | None:
    """
    Return it with newer material on record that is in force although no call is known to have
    brought it, as one that was overdue: what comes after it would wait with the edit.

    Returns:
        None if nothing is so.
    """
    seen, was = whole.seen, whole.seen.status.applied
    if was is None or was.state is None or whole.intent is not Intent.DECLARED:
        return None
    state = _came_true(ports, whole, was.state)
    if state is None:
        return None
    if seen.instance is None:
        return Read.ATTRIBUTES
    if not seen.instance.running:
        return None  # What is shown may be half of a change.
    applied = AppliedStatus(
        state=state,
        time=ports.now(),
        settings_time=was.settings_time or was.time,
        expire_time=seen.observed.expire_time,
    )
    return replace(seen, attempt=Idle()).update(applied=applied, operation=None)


def _came_true(ports: Ports, whole: Planned, was: StateStatus) -> StateStatus | None:
    """Return the state of newer material that is in force and not on record; None: nothing is."""
    seen = whole.seen
    for trust in (True, False):
        apart = separate(whole.desired, seen.observed, seen.status.applied, trust=trust)
        if apart is None:
            continue
        state = taken_over(apart.ahead, seen.observed)
        # Client CAs that somebody else has put there are none that were declared.
        trusts = [(each.client_ca, each.revocation_list) for each in (state, was)]
        if not trust and trusts[0] != trusts[1]:
            continue
        standing = standing_of(ports, seen, apart.ahead, Intent.ROTATION)
        if standing.plan is None and not standing.declared_applied:
            return state
    return None


def _goes_alone(ahead: Planned) -> bool:
    """True if it brings material alone, and a certificate for the endpoint that stays in force."""
    leaf, found = ahead.desired.server_certificate, ahead.comparison
    if not ahead.plan.material_only:
        return False
    if leaf is None or Field.SERVER_CERTIFICATE not in found.different | found.unknown:
        return True
    # So far it was judged by the endpoint declared.
    return certificates.covers(leaf, ahead.desired.connection_string)
