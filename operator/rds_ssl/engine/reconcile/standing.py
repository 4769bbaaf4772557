"""How an instance stands to a state that is wanted: the plan, if there is one."""

from dataclasses import replace

from rds_ssl.core.api.status import OperationStatus
from rds_ssl.core.model import Phase
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.planning.fields import Field
from rds_ssl.core.planning.plan import PlanResult
from rds_ssl.core.planning.planner import make_plan, unsupported_transition
from rds_ssl.engine.reconcile import holding, preflight
from rds_ssl.engine.reconcile.ports import Ports
from rds_ssl.engine.reconcile.stages import Decided, Intent, Planned, Seen


def standing_of(
    ports: Ports,
    seen: Seen,
    desired: Desired,
    intent: Intent,
    *,
    elsewhere: frozenset[Field] = frozenset(),
) -> PlanResult:
    """Return how the instance stands; a renewal is due only where nothing else is to be done."""

    def to(state: Desired) -> PlanResult:
        known = seen.status.instance
        return make_plan(
            state,
            seen.observed,
            engine=seen.engine or "",
            engine_version=(known.engine_version or "") if known else "",
            uid=seen.resource.uid,
            applied=seen.status.applied,
            operation=seen.status.operation,
            last_approval=seen.status.last_approval,
            history=seen.status.history,
            deleting=intent is Intent.DELETION,
            at_rest=_is_at_rest(seen),
            elsewhere=elsewhere,
            now=ports.now(),
        )

    standing = to(desired)
    if (
        intent is not Intent.DELETION
        and standing.plan is None
        and standing.declared_applied
        and holding.renewal_in(ports, seen) == 0
    ):
        return to(replace(desired, renews=seen.observed.expire_time))
    return standing


def unsupported(planned: Planned) -> Decided | None:
    """Return that no call leads from what is in force to the state wanted; None if one may."""
    seen, desired = planned.seen, planned.desired
    finding = unsupported_transition(
        desired,
        seen.observed,
        planned.comparison,
        engine=seen.engine or "",
        own=_may_have_brought_other_material(seen.status.operation, desired),
    )
    if finding is None:
        return None
    return seen.update(plan=None).stalled(finding, look_after=preflight.STALLED_AFTER)


def planned_of(
    ports: Ports,
    seen: Seen,
    desired: Desired,
    intent: Intent,
    *,
    elsewhere: frozenset[Field] = frozenset(),
) -> Planned | None:
    """Return the plan that leads to *desired*; None if none is needed."""
    standing = standing_of(ports, seen, desired, intent, elsewhere=elsewhere)
    if standing.plan is None:
        return None
    return Planned(
        seen=seen,
        desired=desired,
        intent=intent,
        comparison=standing.comparison,
        plan=standing.plan,
    )


def _is_at_rest(seen: Seen) -> bool:
    """True if the object says that it was as declared, the declaration of now, when it was read."""
    status = seen.resource.status
    return (
        seen.was_ready is True
        and status.observed_generation == seen.resource.generation
        and status.plan is None
        and status.operation is None
    )


def _may_have_brought_other_material(operation: OperationStatus | None, desired: Desired) -> bool:
    if operation is None or operation.phase is Phase.REFUSED:
        return False
    return operation.target is None or operation.target.material != desired.state.material
