"""
From what this process knows to what the gates ask; the answers are in `rds_ssl.core.gates.gate`.

Everything that must outlive a process comes from the objects: approvals, the changes of the day,
failures with the same material, when a drift was first seen.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from rds_ssl.core.api.status import ChangeStatus, HistoryEntry, PlanStatus, StepStatus
from rds_ssl.core.formats import write_time
from rds_ssl.core.gates.approval import Approval
from rds_ssl.core.gates.failures import Outcome, failure_history
from rds_ssl.core.gates.gate import Circumstances
from rds_ssl.core.gates.hold import Hold
from rds_ssl.core.model import APPROVE_ANNOTATION, Impact, Phase, Reason, Restart
from rds_ssl.core.planning.plan import Plan
from rds_ssl.core.windows import is_bound, opening
from rds_ssl.engine.proofs import Standing
from rds_ssl.engine.reconcile.attempt import WithoutEffect
from rds_ssl.engine.reconcile.ports import Ports
from rds_ssl.engine.reconcile.stages import Planned, Read, Seen

_log = logging.getLogger(__name__)


def approval_of(seen: Seen) -> Approval:
    """Return what there is of approvals for an object."""
    return Approval(
        annotation=seen.resource.annotations.get(APPROVE_ANNOTATION, "").strip(),
        last=seen.status.last_approval,
        history=seen.status.history,
    )


def seen_since(known: PlanStatus | None, plan: Plan, *, now: datetime) -> datetime:
    """Return the time at which this very plan was first seen."""
    if known is None or known.digest != plan.digest or known.since is None:
        return now
    return min(known.since, now)


def plan_status(
    plan: Plan,
    *,
    held_by: Reason | None,
    since: datetime | None = None,
    not_before: datetime | None = None,
) -> PlanStatus:
    """Return the status of a plan; *since* is when it was first seen."""
    return PlanStatus(
        digest=plan.digest,
        cause=plan.cause,
        summary=plan.summary,
        steps=tuple(
            StepStatus(changes=tuple(map(ChangeStatus.of, each.changes))) for each in plan.steps
        ),
        impacts=plan.impacts,
        restart=plan.restart,
        held_by=held_by.value if held_by else None,
        since=since,
        not_before=not_before,
    )


def request_open(seen: Seen, hold: Hold, at: Circumstances) -> bool:
    """
    True if a reconcile-now waits with the plan that is held.

    It allows one more attempt after a failure. Answered while that attempt waits for its window, it
    would be forgotten when the window opens.
    """
    again = seen.status.operation is not None or at.failures.failures > 0
    return hold.moving or (again and hold.until is not None)


def circumstances(ports: Ports, planned: Planned) -> Circumstances | Read:
    """Return what the gates ask; the attributes only where the instance's own window counts."""
    timings, seen, plan = ports.timings, planned.seen, planned.plan
    now, maintenance = ports.now(), seen.declaration.maintenance
    maintain_time = ""
    if maintenance.use_instance_window and plan.restart is not Restart.NONE:
        if seen.instance is None:
            return Read.ATTRIBUTES
        maintain_time = seen.instance.maintain_time
    return Circumstances(
        now=now,
        read_only=timings.read_only,
        approval=approval_of(seen),
        asked=_asks_for_one_more(seen),
        seen_since=seen_since(planned.known, plan, now=now),
        # A drift is put back only after a second look that agrees with the first.
        drift_delay=timedelta(seconds=max(timings.drift_delay, timings.limits.poll)),
        history=tuple(_past(ports, seen, each) for each in seen.status.history),
        opening=opening(maintenance, maintain_time, now=now) if is_bound(maintenance) else None,
        maintain_time=maintain_time,
        quiet_for=seen.memory.inputs.quiet_for(now=ports.monotonic(), period=timings.quiet_period),
        restarts=_restarts(ports, seen),
        most_restarts=timings.max_changes_per_day,
        failures=failure_history(plan.material, _histories(ports, seen, plan.material)),
    )


def reserve(ports: Ports, planned: Planned, at: Circumstances) -> bool:
    """Ask for a slot; True if there is one, else there is a place among those that wait."""
    seen = planned.seen
    if isinstance(seen.attempt, WithoutEffect):
        # Whatever slot that attempt had: one that was inherited was given by nobody, and there may
        # be more of them than are allowed.
        ports.budget.give_back(seen.key)
    instance_id = seen.declaration.instance_id
    instance = seen.instance or seen.memory.sightings.instance
    return ports.budget.reserve(
        seen.key,
        account=seen.cloud.account,
        instance_id=instance_id,
        primary=(instance.master_instance_id if instance else "") or instance_id,
        material=planned.plan.material,
        alone=at.failures.failures > 0,
    )


def _restarts(ports: Ports, seen: Seen) -> Sequence[datetime]:
    """
    Return when calls that may have restarted the instance ended.

    From the histories of all objects that name it, and from what this process has sent, which
    it remembers of objects that are gone as well.
    """
    recorded = tuple(_recorded(ports, seen))
    known = {each.request_id for each in recorded}
    sent = ports.budget.restarts(seen.declaration.instance_id)
    lost = (at for request_id, at in sent.items() if request_id not in known)
    times = (*(each.time for each in recorded), *lost)
    return tuple(past(ports, seen, each) for each in times)


def _histories(ports: Ports, seen: Seen, material: frozenset[str]) -> Iterator[tuple[Outcome, ...]]:
    """
    Yield what became of material on objects of the namespace, and on others of the account.

    Anybody can let a CA that is not theirs fail on an instance of their own.
    """
    for key, outcomes in ports.objects.histories_with(material):
        if ports.proofs.same_account(key, seen.key, seen.cloud.account):
            yield tuple(each._replace(time=past(ports, seen, each.time)) for each in outcomes)


def past(ports: Ports, seen: Seen, time: datetime) -> datetime:
    """Return a time of a status as it counts: one in the future has been written by mistake."""
    now = ports.now()
    counts = seen.memory.future.past(time, now=now)
    if counts != time and counts == now:
        _log.warning(
            "the status has the time %s, which has not come; it counts as %s",
            write_time(time),
            write_time(counts),
            extra=seen.log_fields(),
        )
    return counts


def _past(ports: Ports, seen: Seen, entry: HistoryEntry) -> HistoryEntry:
    time = past(ports, seen, entry.time)
    return entry if time == entry.time else entry.model_copy(update={"time": time})


def _asks_for_one_more(seen: Seen) -> bool:
    """True if a person wants another attempt at what has failed for this very object."""
    operation = seen.status.operation
    failed = operation is not None and operation.phase is Phase.FAILED
    return failed and seen.resource.asked is not None


def _recorded(ports: Ports, seen: Seen) -> Iterator[HistoryEntry]:
    """Yield what may have restarted the instance; who only observes now has perhaps sent some."""
    histories = [seen.status.history]
    # Who has no status of the instance has never reached it.
    histories += (
        other.status.history
        for other in ports.beside(seen.resource)
        if other.status.instance is not None
        and ports.proofs.standing(other, mine=seen.resource) is not Standing.NOTHING
    )
    yield from (each for history in histories for each in history if Impact.RESTART in each.impacts)
