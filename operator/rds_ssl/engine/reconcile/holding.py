"""What an object shows, and says, of a plan that a gate holds, and when it is looked at again."""

from dataclasses import replace

from rds_ssl.core import outcomes
from rds_ssl.core.api.conditions import CHANGE_PENDING, RECONCILING, Verdict
from rds_ssl.core.gates.gate import Circumstances, not_before
from rds_ssl.core.gates.hold import Hold
from rds_ssl.core.model import Finding, Reason
from rds_ssl.core.planning.renewal import renewal_at
from rds_ssl.engine.reconcile import gating, material_problems
from rds_ssl.engine.reconcile.ports import Ports
from rds_ssl.engine.reconcile.stages import AfterWrite, Decided, Intent, Planned, Seen
from rds_ssl.engine.reporting import Event


def next_look(ports: Ports, seen: Seen) -> float:
    """Return the seconds to the next look at an object with which all is well, or held."""
    after = material_problems.next_look(ports, seen)
    renewal = renewal_in(ports, seen)
    return min(after, renewal + 0.1) if renewal else after


def endpoint_of(seen: Seen) -> str:
    """Return the endpoint: declared, pinned, protected now, the instance's own; empty if none."""
    pinned = seen.status.instance.endpoint if seen.status.instance else None
    protected = seen.observed.connection_string if seen.observed.enabled else None
    internal = seen.instance.connection_string if seen.instance else ""
    return seen.declaration.connection_string or pinned or protected or internal


def renewal_in(ports: Ports, seen: Seen) -> float | None:
    """Return the seconds until the certificate is to be renewed by a call; None: by none."""
    at = renewal_at(seen.declaration, seen.observed, engine=seen.engine or "")
    return None if at is None else max(0.0, (at - ports.now()).total_seconds())


def held(ports: Ports, planned: Planned, hold: Hold, at: Circumstances) -> Decided:
    """Return the end of a pass whose plan does not go."""
    seen, plan = planned.seen, planned.plan
    look_after = look_again(ports, planned, hold, at)
    known = planned.known
    if known and known.digest == plan.digest and hold.passing and _is_moving(seen):
        # These two share one PATCH: what comes next comes within seconds.
        draft = replace(seen, status=seen.resource.status)
        return Decided(draft=draft, verdict=None, look_after=look_after)
    draft, verdict = told(ports, planned, hold, at)
    return Decided(
        draft=draft,
        verdict=verdict,
        look_after=look_after,
        by_the_way=not hold.passing,
        request_open=gating.request_open(seen, hold, at),
    )


def told(ports: Ports, planned: Planned, hold: Hold, at: Circumstances) -> tuple[Seen, Verdict]:
    """Return what the object shows, and says, of a plan that is held."""
    seen, plan = planned.seen, planned.plan
    verdict = outcomes.held(
        plan,
        hold,
        seen.declaration,
        in_force=ready_in_force(ports, seen) if plan.material_only else None,
        warnings=seen.warnings,
    )
    shown = gating.plan_status(
        plan,
        held_by=hold.reason,
        since=at.seen_since,
        not_before=not_before(plan, seen.declaration, at, hold),
    )
    rotates = planned.intent is Intent.ROTATION
    seen = seen.update(rotation=shown) if rotates else seen.update(plan=shown)
    return seen.then(*_told_once(planned, hold)), verdict


def _told_once(planned: Planned, hold: Hold) -> tuple[AfterWrite, ...]:
    """Return the Event about a hold, once for each plan and gate; none for what passes soon."""
    plan, memory = planned.plan, planned.seen.memory
    told = memory.held_rotation if planned.intent is Intent.ROTATION else memory.held
    if not told.is_new(plan.digest, hold.reason, before=planned.known) or hold.passing:
        return ()
    # What lets it go comes first: the API server cuts what is too long.
    message = f"{plan.digest}: {hold.message} {plan.summary}"
    event = Event(reason="ChangeHeld", message=message)
    return (AfterWrite(event=event, hold=(plan.digest, hold.reason)),)


def look_again(ports: Ports, planned: Planned, hold: Hold, at: Circumstances) -> float:
    """Return the seconds until the gates may answer otherwise, or until the usual next look."""
    after = next_look(ports, planned.seen)
    if hold.until is not None:
        after = min(after, max(0.0, (hold.until - at.now).total_seconds()) + 0.1)
    if planned.plan.drift and at.seen_since == at.now:
        after = min(after, ports.timings.limits.poll)  # Was it but a moment's state?
    return after


def ready_in_force(ports: Ports, seen: Seen) -> tuple[bool, Finding]:
    """Return the Ready of settings that are in force while a rotation waits."""
    past = material_problems.expired(ports, seen)
    if past is not None:
        return False, past
    applied = seen.status.applied
    verified = applied is not None and applied.request_id
    return True, outcomes.in_force(
        seen.declaration,
        reason=Reason.VERIFIED if verified else Reason.ADOPTED,
        endpoint=endpoint_of(seen),
    )


def _is_moving(seen: Seen) -> bool:
    """True if the object says already that its plan is held for a moment."""
    status = seen.resource.status
    moving = {Reason.QUIET_PERIOD.value, Reason.AWAITING_BUDGET.value}
    conditions = (status.condition(CHANGE_PENDING), status.condition(RECONCILING))
    return status.observed_generation == seen.resource.generation and all(
        each is not None and each.reason in moving for each in conditions
    )
