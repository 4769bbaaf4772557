"""
May a state whose last operation ended badly be sent again?

The rules are in `rds_ssl.core.operation.rearm`; what only a person can allow is told with the plan,
so that it can be approved.
"""

from rds_ssl.core import verdicts
from rds_ssl.core.comparison import observed_material
from rds_ssl.core.conditions import Finding
from rds_ssl.core.desired import Desired, inputs_digest
from rds_ssl.core.model import Observed, Phase
from rds_ssl.core.operation import Rearm, rearm
from rds_ssl.core.plan import Plan
from rds_ssl.engine.admission import Admission
from rds_ssl.engine.faulting import Faulting
from rds_ssl.engine.gating import approval_of, seen_since
from rds_ssl.engine.sending import plan_status
from rds_ssl.engine.work import Result, Tools, Work

_RESTS_ON_THE_INSTANCE = frozenset({Phase.REFUSED, Phase.TIMED_OUT})
"""Ends after which it depends on what the instance is now whether the call may be made again."""


class Rearming:
    """Looks at operations that ended badly."""

    def __init__(self, tools: Tools, faulting: Faulting, admission: Admission) -> None:
        self._tools = tools
        self._faulting = faulting
        self._admission = admission

    async def refused(
        self, work: Work, plan: Plan, observed: Observed, *, after: float
    ) -> Result | None:
        """
        Say why a state whose last operation ended badly is not sent again; None if it may.

        Args:
            after: Seconds to the usual next look.
        """
        operation, desired = work.status.operation, plan.steps[0].desired
        if operation is None or work.memory.permitted == desired.digest:
            return None
        tools, memory = self._tools, work.memory
        if work.instance is None and operation.phase in _RESTS_ON_THE_INSTANCE:
            await self._admission.attribute(work)
        given = approval_of(work)
        answer, wait = rearm(
            operation,
            digest=desired.digest,
            inputs=inputs_of(work, desired, observed),
            now=tools.now(),
            asked=work.resource.asked is not None,
            approved=given.names(plan),
            running_for=memory.running_for(tools.monotonic()),
            limits=tools.pace.limits,
        )
        if answer is Rearm.YES:
            return None
        work.asks_on = answer is Rearm.LATER
        work.set(plan=None)
        if operation.phase is Phase.REFUSED:
            finding = self._faulting.refusal(work, operation.code or "", desired, observed)
        else:
            renews = desired.renews is not None
            finding = verdicts.ended(
                operation.phase,
                last=answer is Rearm.NO,
                renewal=renews and operation.digest == desired.digest,
            )
            if answer is Rearm.NO and not renews:
                # Told with its plan: whoever approves it has to see what it is.
                way_out = f"{finding.message} To send it once more, {given.remark(plan)}"
                finding = Finding(reason=finding.reason, message=way_out)
                since = seen_since(work.resource.status.plan, plan, now=tools.now())
                work.set(plan=plan_status(plan, held_by=finding.reason, since=since))
        return Result(
            verdict=verdicts.stalled(finding, material=work.material_finding),
            look_after=min(wait, after) if answer is Rearm.LATER else after,
        )


def inputs_of(work: Work, desired: Desired, observed: Observed) -> str:
    """Name everything that a refusal of *desired* may rest on."""
    chain = work.gathered.refusable if work.gathered else ()
    instance = work.instance or work.memory.instance
    shown = (
        observed.enabled,
        observed.ca_type,
        observed.connection_string,
        observed_material(observed),
        observed.acl,
        observed.replication_acl,
        observed.force_encryption,
        observed.minimum_tls_version,
        observed.expire_time,
        *(instance.kind if instance else ()),
    )
    return inputs_digest(desired, chain=chain, surroundings=repr(shown))
