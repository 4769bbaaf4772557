"""
May a state whose last operation ended badly be sent again?

The rules are in `rds_ssl.core.operation.retry`; what only a person can allow is told with the plan,
so that it can be approved.
"""

from dataclasses import replace

from rds_ssl.core import outcomes
from rds_ssl.core.api.status import OperationStatus
from rds_ssl.core.model import Finding, Phase
from rds_ssl.core.operation.retry import Retry, may_retry
from rds_ssl.core.planning.desired import Desired, inputs_digest
from rds_ssl.core.planning.diff import surroundings
from rds_ssl.engine.reconcile import refusals
from rds_ssl.engine.reconcile.attempt import permits
from rds_ssl.engine.reconcile.gating import approval_of, past, plan_status, seen_since
from rds_ssl.engine.reconcile.ports import Ports
from rds_ssl.engine.reconcile.stages import Decided, Planned, Read, Seen

_RESTS_ON_THE_INSTANCE = frozenset({Phase.REFUSED, Phase.TIMED_OUT})
"""Ends after which it depends on what the instance is now whether the call may be made again."""


def refused(ports: Ports, planned: Planned, *, after: float) -> Decided | Read | None:
    """
    Return why a state whose last operation ended badly is not sent again; None if it may.

    Args:
        after: Seconds to the usual next look.
    """
    seen, plan, step = planned.seen, planned.plan, planned.step
    operation = seen.status.operation
    if operation is None or permits(seen.attempt, step.digest):
        return None
    if seen.instance is None and operation.phase in _RESTS_ON_THE_INSTANCE:
        return Read.ATTRIBUTES
    given, sent = approval_of(seen), _as_recorded(step, operation)
    ended = operation.end_time or operation.start_time
    answer, wait = may_retry(
        operation.model_copy(update={"end_time": past(ports, seen, ended)}),
        digest=sent.digest,
        inputs=inputs_of(seen, sent),
        now=ports.now(),
        asked=seen.resource.asked is not None,
        approved=given.names(plan),
        running_for=seen.memory.sightings.running_for(ports.monotonic()),
        limits=ports.timings.limits,
    )
    if answer is Retry.YES:
        return None
    beside = answer is Retry.LATER and operation.digest != sent.digest
    seen = _as_shown(seen) if beside else seen.update(plan=None)
    if operation.phase is Phase.REFUSED:
        finding = refusals.refusal(seen, operation.code or "", step, seen.observed)
    else:
        renews = step.renews is not None
        finding = outcomes.operation_ended(
            operation.phase,
            last=answer is Retry.NO,
            renewal=renews and operation.digest == sent.digest,
        )
        if answer is Retry.NO and not renews:
            # Told with its plan: whoever approves it has to see what it is.
            way_out = f"{finding.message} To send it once more, {given.remark(plan)}"
            finding = Finding(reason=finding.reason, message=way_out)
            since = seen_since(planned.known, plan, now=ports.now())
            seen = seen.update(plan=plan_status(plan, held_by=finding.reason, since=since))
    later = answer is Retry.LATER
    decided = seen.stalled(finding, look_after=min(wait, after) if later else after)
    return replace(decided, request_open=later, by_the_way=not later)


def _as_shown(seen: Seen) -> Seen:
    """Return it with the plans that the object shows, if they are of its declaration."""
    status = seen.resource.status
    if status.observed_generation != seen.resource.generation:
        return seen.update(plan=None)
    return seen.update(plan=status.plan, rotation=status.rotation)


def inputs_of(seen: Seen, desired: Desired) -> str:
    """Return a digest of everything that a refusal of *desired* may rest on."""
    instance = seen.instance or seen.memory.sightings.instance
    shown = surroundings(seen.observed, instance.kind if instance else ())
    return inputs_digest(desired, chain=seen.material.refusable, surroundings=shown)


def _as_recorded(desired: Desired, operation: OperationStatus) -> Desired:
    """Return it as *operation* names it: before intermediates were recorded, without them."""
    untold = operation.target is not None and operation.target.chain is None
    return replace(desired, chain=()) if untold else desired
