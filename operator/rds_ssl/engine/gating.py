"""
From what this process knows to what the gates ask; the answers are in `rds_ssl.core.gate`.

Everything that must outlive a process comes from the objects: approvals, the changes of the day,
failures with the same material, when a drift was first seen.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from rds_ssl.core.approval import Approval
from rds_ssl.core.gate import Circumstances, Hold
from rds_ssl.core.maintenance import is_bound, opening
from rds_ssl.core.model import APPROVE_ANNOTATION, Impact, Phase, Restart
from rds_ssl.core.plan import Plan
from rds_ssl.core.setbacks import setbacks
from rds_ssl.core.status import HistoryEntry, PlanStatus
from rds_ssl.engine.admission import Admission
from rds_ssl.engine.objects import Objects
from rds_ssl.engine.work import Tools, Work


def approval_of(work: Work) -> Approval:
    """Give what there is of approvals for an object."""
    return Approval(
        annotation=work.resource.annotations.get(APPROVE_ANNOTATION, "").strip(),
        last=work.status.last_approval,
        history=work.status.history,
    )


def seen_since(known: PlanStatus | None, plan: Plan, *, now: datetime) -> datetime:
    """Give the time at which this very plan was first seen."""
    if known is None or known.digest != plan.digest or known.since is None:
        return now
    return min(known.since, now)


def asks_on(work: Work, hold: Hold, at: Circumstances) -> bool:
    """
    Whether a reconcile-now waits with the plan that is held.

    It allows one more attempt after a failure. Answered while that attempt waits for its window, it
    would be forgotten when the window opens.
    """
    again = work.status.operation is not None or at.setbacks.failures > 0
    return hold.moving or (again and hold.until is not None)


class Gating:
    """Gathers what the gates ask."""

    def __init__(self, tools: Tools, admission: Admission) -> None:
        self._tools = tools
        self._admission = admission

    async def circumstances(self, work: Work, plan: Plan) -> Circumstances:
        """
        Gather them; the attributes are read only where the instance's own window counts.

        Raises:
            AliyunError: The attributes could not be read.
        """
        tools, pace = self._tools, self._tools.pace
        now, maintenance = tools.now(), work.declaration.maintenance
        maintain_time = ""
        if maintenance.use_instance_window and plan.restart is not Restart.NONE:
            instance = work.instance or await self._admission.attribute(work)
            maintain_time = instance.maintain_time
        return Circumstances(
            now=now,
            read_only=pace.read_only,
            approval=approval_of(work),
            asked=_asks_for_one_more(work),
            seen_since=seen_since(work.resource.status.plan, plan, now=now),
            # A drift is put back only after a second look that agrees with the first.
            drift_delay=timedelta(seconds=max(pace.drift_delay, pace.limits.poll)),
            history=work.status.history,
            opening=opening(maintenance, maintain_time, now=now) if is_bound(maintenance) else None,
            maintain_time=maintain_time,
            quiet_for=work.memory.quiet_for(now=tools.monotonic(), period=pace.quiet_period),
            restarts=self._restarts(work),
            most_restarts=pace.max_changes_per_day,
            setbacks=setbacks(plan.material, tools.objects.histories_with(plan.material)),
        )

    def _restarts(self, work: Work) -> Sequence[datetime]:
        """
        Tell when calls that may have restarted the instance ended.

        From the histories of all objects that name it, and from what this process has sent, which
        it remembers of objects that are gone as well.
        """
        recorded = tuple(_recorded(work, self._tools.objects))
        known = {each.request_id for each in recorded}
        sent = self._tools.budget.restarts(work.declaration.instance_id)
        lost = (at for request_id, at in sent.items() if request_id not in known)
        return (*(each.time for each in recorded), *lost)

    def reserve(self, work: Work, plan: Plan, at: Circumstances) -> bool:
        """Ask for a slot."""
        instance_id = work.declaration.instance_id
        instance = work.instance or work.memory.instance
        return self._tools.budget.reserve(
            work.key,
            account=work.cloud.account,
            instance_id=instance_id,
            primary=(instance.master_instance_id if instance else "") or instance_id,
            material=plan.material,
            alone=at.setbacks.failures > 0,
        )


def _asks_for_one_more(work: Work) -> bool:
    """Whether a person wants another attempt at what has failed for this very object."""
    operation = work.status.operation
    failed = operation is not None and operation.phase is Phase.FAILED
    return failed and work.resource.asked is not None


def _recorded(work: Work, objects: Objects) -> Iterator[HistoryEntry]:
    """Yield what may have restarted the instance; who only observes now has perhaps sent some."""
    histories = [work.status.history]
    # Who has no status of the instance has never reached it.
    histories += (
        other.status.history
        for other in objects.beside(work.resource)
        if other.status.instance is not None
    )
    yield from (each for history in histories for each in history if Impact.RESTART in each.impacts)
