"""May a plan go now, whatever the gates say; and the order that lets it go."""

from dataclasses import replace

from rds_ssl.core import outcomes
from rds_ssl.core.gates.gate import Circumstances, closes
from rds_ssl.core.gates.hold import BUDGET, Hold
from rds_ssl.core.model import UNFINISHED, Impact, Reason
from rds_ssl.core.planning.renewal import tried
from rds_ssl.engine.reconcile import gating, holding, preflight, retry
from rds_ssl.engine.reconcile.ports import Ports
from rds_ssl.engine.reconcile.stages import Decided, Intent, Order, Planned, Read


def stopped(ports: Ports, planned: Planned, hold: Hold | None) -> Decided | Read | None:
    """Return what stands in the way of a plan whatever the gates say; None if nothing does."""
    seen, step, operation = planned.seen, planned.step, planned.seen.status.operation
    if Impact.MOVES_ENDPOINT in planned.plan.impacts:
        # Nobody is to approve what cannot be.
        found = preflight.unknown_endpoint(seen.update(plan=None), step)
        if found is not None:
            return found
    policy = hold is not None and hold.reason in {Reason.OBSERVING, Reason.SUSPENDED}
    if operation is not None and operation.phase not in UNFINISHED and not policy:
        found = retry.refused(ports, planned, after=holding.next_look(ports, seen))
        if found is not None:
            return found
    other = operation is None or operation.digest != step.digest
    if other and not policy and tried(seen.status.history, step.renews):
        after = holding.next_look(ports, seen)
        return seen.update(plan=None).stalled(outcomes.NOT_RENEWED, look_after=after)
    if hold is not None and planned.intent is not Intent.DELETION:
        return None
    # What goes has nobody who comes back to it when its window opens: he is told now.
    return preflight.refused(ports, seen, step, wanted=planned.desired)


def start(ports: Ports, planned: Planned, hold: Hold | None, at: Circumstances) -> Order | Decided:
    """Return the order of a plan in whose way nothing stands, if no gate holds it."""
    if hold is not None:
        return holding.held(ports, planned, hold, at)
    if not gating.reserve(ports, planned, at):
        return replace(holding.held(ports, planned, BUDGET, at), awaits_slot=True)
    return order(ports, planned, at)


def order(ports: Ports, planned: Planned, at: Circumstances) -> Order:
    """Return the order of a plan for which a slot is reserved."""
    seen, plan = planned.seen, planned.plan
    return Order(
        planned=planned,
        inputs_digest=retry.inputs_of(seen, planned.step),
        verdict=outcomes.applying(
            plan,
            seen.declaration,
            in_force=plan.material_only and holding.ready_in_force(ports, seen)[0],
            warnings=seen.warnings,
        ),
        since=at.seen_since,
        closes=closes(plan, seen.declaration, at),
    )
