"""
What happens to the instance when its object goes.

Only ``deletionPolicy: Disable`` has a finalizer. SSL is turned off through the same path as every
other change; declaring Disable has approved it. Source: design, "Deletion".
"""

from rds_ssl.aliyun.rate_limit import Priority
from rds_ssl.core import eligibility, verdicts
from rds_ssl.core.declaration import DeletionPolicy, ManagementPolicy
from rds_ssl.core.desired import Desired, inputs_digest
from rds_ssl.core.gate import BUDGET
from rds_ssl.core.model import FINALIZER, Observed
from rds_ssl.core.operation import UNFINISHED, Rearm, rearm
from rds_ssl.core.plan import stand
from rds_ssl.engine.faulting import Faulting
from rds_ssl.engine.objects import Resource
from rds_ssl.engine.reporting import Event
from rds_ssl.engine.sending import Order, Sending, plan_status
from rds_ssl.engine.work import Result, Tools, Work


class Deletion:
    """Finalizers, and turning SSL off."""

    def __init__(self, tools: Tools, sending: Sending, faulting: Faulting) -> None:
        self._tools = tools
        self._sending = sending
        self._faulting = faulting

    async def keep_finalizer(self, resource: Resource, *, owner: bool) -> Resource:
        """Add or take away the finalizer of a living object; one PATCH if it is not right."""
        declaration = resource.declaration
        wanted = (
            owner
            and declaration is not None
            and declaration.deletion_policy is DeletionPolicy.DISABLE
        )
        if wanted == resource.has_finalizer or (resource.has_finalizer and declaration is None):
            return resource
        others = [each for each in resource.finalizers if each != FINALIZER]
        return await self._patch(resource, [*others, FINALIZER] if wanted else others)

    async def let_go(self, resource: Resource, message: str, *, warning: bool = False) -> None:
        """Take the finalizer away: the object disappears."""
        self._tools.reporter.announce(
            resource, Event(reason="Released", message=message, warning=warning)
        )
        others = [each for each in resource.finalizers if each != FINALIZER]
        await self._patch(resource, others)

    async def _patch(self, resource: Resource, finalizers: list[str]) -> Resource:
        manifest = await self._tools.resources.patch_finalizers(
            *resource.key, resource_version=resource.resource_version, finalizers=finalizers
        )
        written = Resource.of(manifest)
        self._tools.objects.put(written)
        return written

    def reprieve(self, resource: Resource) -> str:
        """Say why SSL is left as it is although the object goes; empty if it is turned off."""
        declaration = resource.declaration
        if declaration is None:
            return "the object is not valid"
        if declaration.deletion_policy is not DeletionPolicy.DISABLE:
            return "deletionPolicy is Retain"
        if self._tools.pace.read_only:
            return "the operator is READ_ONLY"
        if declaration.management_policy is not ManagementPolicy.ENFORCE:
            return "managementPolicy is not Enforce"
        if declaration.suspend:
            return "the object is suspended"
        if resource.status.applied is None and not resource.in_flight:
            return "the object has never been applied"
        rivals = self._tools.objects.claimants(resource.instance_id)
        if any(each.uid != resource.uid and each.claims and not each.deleting for each in rivals):
            return "another object declares the same instance"
        return ""

    async def disable(self, work: Work) -> Result | None:
        """
        Turn SSL off; None once it is off and the finalizer may go.

        Raises:
            AliyunError: A read failed.
            KubeError: The API server.
        """
        tools = self._tools
        if work.observed is None:
            work.observed = await work.cloud.describe_ssl(
                work.declaration, priority=Priority.CHANGE, engine=work.engine
            )
        observed = work.observed
        endpoint = observed.connection_string or (
            work.status.instance.endpoint if work.status.instance else None
        )
        desired = Desired(enabled=False, connection_string=endpoint or "")
        operation = work.status.operation
        plan = stand(
            desired,
            observed,
            engine=work.engine or "",
            uid=work.resource.uid,
            applied=work.status.applied,
            operation=operation,
        ).plan
        if plan is None:
            return None
        inputs = inputs_digest(desired, chain=(), surroundings=repr(observed.enabled))
        stopped = await self._may_not(work, desired, observed, inputs)
        if stopped is not None:
            return stopped
        if not tools.budget.reserve(
            work.key, account=work.cloud.account, instance_id=work.declaration.instance_id
        ):
            work.awaits_budget = True
            work.set(plan=plan_status(plan, held_by=BUDGET.reason))
            verdict = verdicts.held(plan, BUDGET, work.declaration, in_force=None, warning=None)
            return Result(verdict=verdict, look_after=tools.resync_after())
        order = Order(plan=plan, desired=desired, inputs_digest=inputs, in_force=False)
        outcome = await self._sending.send(work, order)
        if isinstance(outcome, Result):
            return outcome
        if work.status.operation is None:
            return self._faulting.not_executed(work, outcome)
        finding = self._faulting.refusal(work, work.status.operation.code or "", desired, observed)
        return Result(verdict=verdicts.stalled(finding), look_after=600.0)

    async def _may_not(
        self, work: Work, desired: Desired, observed: Observed, inputs: str
    ) -> Result | None:
        """Say why SSL cannot be turned off now; None if it can."""
        tools, operation = self._tools, work.status.operation
        work.instance = await work.cloud.describe_attribute(
            work.declaration, priority=Priority.CHANGE
        )
        work.memory.see(work.instance, now=tools.monotonic())
        gone = eligibility.unavailable(work.instance)
        if gone is not None:
            return Result(verdict=verdicts.stalled(gone), look_after=600.0)
        if not work.instance.running:
            return self._faulting.busy(work)
        if operation is not None and operation.phase not in UNFINISHED:
            answer, wait = rearm(
                operation,
                digest=desired.digest,
                inputs=inputs,
                now=tools.now(),
                asked=work.resource.asked is not None,
                running_for=work.memory.running_for(tools.monotonic()),
                limits=tools.pace.limits,
            )
            if answer is not Rearm.YES:
                finding = (
                    self._faulting.refusal(work, operation.code, desired, observed)
                    if operation.code
                    else verdicts.ended(operation.phase, last=answer is Rearm.NO)
                )
                return Result(verdict=verdicts.stalled(finding), look_after=wait or 600.0)
        return None
