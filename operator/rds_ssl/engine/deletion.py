"""
What happens to the instance when its object goes.

Only ``deletionPolicy: Disable`` has a finalizer. SSL is turned off through the same path as every
other change; declaring Disable has approved it. In a namespace that is being deleted there is one
attempt, and nothing holds the object after it: credentials may be gone, nobody can create them any
more, and a namespace must not hang because of this operator. Source: design, "Deletion".
"""

import logging
from dataclasses import dataclass, replace

from rds_ssl.core import eligibility, verdicts
from rds_ssl.core.comparison import observed_material_digest
from rds_ssl.core.conditions import Finding, Verdict
from rds_ssl.core.declaration import DeletionPolicy, ManagementPolicy
from rds_ssl.core.desired import Desired, inputs_digest
from rds_ssl.core.gate import BUDGET, Circumstances, Hold, closes, gate, not_before
from rds_ssl.core.model import FINALIZER, Observed, Phase, Priority
from rds_ssl.core.operation import UNFINISHED, Rearm, rearm
from rds_ssl.core.plan import Plan, stand
from rds_ssl.core.status import write_time
from rds_ssl.engine.faulting import Faulting
from rds_ssl.engine.gating import Gating, asks_on
from rds_ssl.engine.hostssl import held_by_rows
from rds_ssl.engine.memory import Memory
from rds_ssl.engine.objects import Resource
from rds_ssl.engine.reporting import Event
from rds_ssl.engine.sending import HEIR, Order, Sending, plan_status
from rds_ssl.engine.work import Result, Tools, Work

_log = logging.getLogger(__name__)

WAY_OUT = "Or set spec.deletionPolicy to Retain: the object goes at once, and SSL stays as it is."
"""Follows everything that a person has to act on before the object can go."""

_STALLED_AFTER = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Nothing holds the object any more; *warning* if SSL is not off although Disable says so."""

    message: str
    warning: bool = False


OFF = Release(message="SSL is off, as deletionPolicy says.")
GONE = Release(message="The instance is gone.")


def _as_it_is(why: str, *, warning: bool = True) -> Release:
    return Release(message=f"SSL is left as it is: {why}.", warning=warning)


_NEVER_APPLIED = _as_it_is("the object has never been applied")
_INHERITED = _as_it_is("another object declares the same instance")


def with_way_out(verdict: Verdict) -> Verdict:
    """Say how the object can go without what it waits for, if a person has to act."""
    pending = None if verdict.reconciling else verdict.change_pending
    held = verdict.stalled or pending
    if held is None:
        return verdict  # What goes on by itself within minutes needs no way out.
    longer = replace(held, message=f"{held.message.rstrip('.')}. {WAY_OUT}")
    return replace(
        verdict,
        finding=longer if verdict.finding == held else verdict.finding,
        stalled=longer if verdict.stalled else None,
        change_pending=verdict.change_pending if verdict.stalled else longer,
    )


class Deletion:
    """Finalizers, and turning SSL off."""

    def __init__(self, tools: Tools, sending: Sending, faulting: Faulting, gating: Gating) -> None:
        self._tools = tools
        self._sending = sending
        self._faulting = faulting
        self._gating = gating

    # -- the finalizer ------------------------------------------------------------------------

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

    async def let_go(
        self, resource: Resource, release: Release, *, work: Work | None = None
    ) -> None:
        """Take the finalizer away, and tell why: the object disappears, with its status."""
        await self._drop(resource)
        if work is not None:
            work.written()
        event = Event(reason="Released", message=release.message, warning=release.warning)
        self._tools.reporter.announce(resource, event)

    async def forsakes(self, resource: Resource, memory: Memory, why: str) -> bool:
        """
        Let an object go that something holds, if its namespace is being deleted; whether it went.

        While a change of ours is at work this is asked once: a change ends by itself.

        Args:
            why: What holds it, a sentence.
        """
        operation = resource.status.operation
        started = operation.start_time if operation and resource.in_flight else None
        if started is not None and memory.namespace_stands == started:
            return False
        time = write_time(self._tools.now())
        involved = {"metadata": resource.metadata}
        if not await self._tools.resources.is_terminating(involved, time=time):
            memory.namespace_stands = started
            return False
        await self._drop(resource)
        namespace, name = resource.key
        # A log line, for no Event can be created there.
        _log.warning(
            "Released: the namespace is being deleted. %s",
            "A change may be at work, and nobody waits for its end." if started else why,
            extra={
                "namespace": namespace,
                "object_name": name,
                "instance_id": resource.instance_id,
            },
        )
        return True

    async def _drop(self, resource: Resource) -> None:
        await self._patch(resource, [each for each in resource.finalizers if each != FINALIZER])
        self._tools.budget.release(resource.key)

    async def _patch(self, resource: Resource, finalizers: list[str]) -> Resource:
        manifest = await self._tools.resources.patch_finalizers(
            *resource.key, resource_version=resource.resource_version, finalizers=finalizers
        )
        written = Resource.of(manifest)
        self._tools.objects.refresh(written)
        return written

    # -- SSL off ------------------------------------------------------------------------------

    def reprieve(self, resource: Resource) -> Release | None:
        """Say why SSL is left as it is although the object goes; None if it is turned off."""
        declaration = resource.declaration
        if declaration is None:
            return _as_it_is("the object is not valid")
        if declaration.deletion_policy is not DeletionPolicy.DISABLE:
            return _as_it_is("deletionPolicy is Retain", warning=False)
        if self._tools.pace.read_only:
            return _as_it_is("the operator is READ_ONLY")
        if declaration.management_policy is not ManagementPolicy.ENFORCE:
            return _as_it_is("managementPolicy is not Enforce")
        if declaration.suspend:
            return _as_it_is("the object is suspended")
        unknown = resource.in_flight or resource.operation_lost
        if resource.status.applied is None and not unknown:
            return _NEVER_APPLIED
        if any(map(resource.heir, self._tools.objects.beside(resource))):
            return _INHERITED
        return None

    async def disable(self, work: Work) -> Result | Release:
        """
        Turn SSL off.

        Raises:
            AliyunError: A read failed.
            KubeError: The API server.
        """
        if work.status.applied is None:
            return _NEVER_APPLIED  # Its first change has ended, and not well.
        if work.observed is None:
            work.observed = await work.cloud.describe_ssl(
                work.declaration, priority=Priority.CHANGE, engine=work.engine
            )
        observed = work.observed
        if not observed.enabled:
            return OFF
        work.instance = await work.cloud.describe_attribute(
            work.declaration, priority=Priority.CHANGE
        )
        work.memory.see(work.instance, now=self._tools.monotonic())
        known = work.status.instance
        desired = Desired(
            enabled=False,
            connection_string=observed.connection_string
            or (known.endpoint if known else None)
            or work.instance.connection_string,
        )
        inputs = _inputs(work, desired, observed)
        stopped = await self._may_not(work, desired, observed, inputs)
        if stopped is not None:
            return stopped
        return await self._send(work, desired, observed, inputs)

    async def _send(
        self, work: Work, desired: Desired, observed: Observed, inputs: str
    ) -> Result | Release:
        standing = stand(
            desired,
            observed,
            engine=work.engine or "",
            uid=work.resource.uid,
            applied=work.status.applied,
            operation=work.status.operation,
            last_approval=work.status.last_approval,
            history=work.status.history,
            deleting=True,
        )
        plan = standing.plan
        if plan is None:
            return OFF
        at = await self._gating.circumstances(work, plan)
        hold = gate(plan, work.declaration, observed, at)
        if hold is None and not self._gating.reserve(work, plan, at):
            hold, work.awaits_budget = BUDGET, True
        if hold is not None:
            return self._held(work, plan, hold, at)
        order = Order(
            plan=plan,
            desired=desired,
            comparison=standing.comparison,
            inputs_digest=inputs,
            in_force=False,
            since=at.seen_since,
            closes=closes(plan, work.declaration, at),
            alone=True,
        )
        outcome = await self._sending.send(work, order)
        if outcome is HEIR:
            return _INHERITED
        if isinstance(outcome, Result):
            return outcome
        operation = work.status.operation
        if operation is None or operation.phase is not Phase.REFUSED:
            return self._faulting.not_executed(work, outcome)
        return _stalled(
            self._faulting.refusal(work, operation.code or "", desired, work.observed or observed)
        )

    def _held(self, work: Work, plan: Plan, hold: Hold, at: Circumstances) -> Result:
        earliest = not_before(plan, work.declaration, at, hold)
        work.asks_on = asks_on(work, hold, at)
        work.set(
            plan=plan_status(plan, held_by=hold.reason, since=at.seen_since, not_before=earliest)
        )
        verdict = verdicts.held(plan, hold, work.declaration, in_force=None, warning=None)
        after = self._tools.resync_after()
        if hold.until is not None:
            after = min(after, max(0.0, (hold.until - at.now).total_seconds()) + 0.1)
        return Result(verdict=verdict, look_after=after)

    async def _may_not(
        self, work: Work, desired: Desired, observed: Observed, inputs: str
    ) -> Result | None:
        """Say why SSL cannot be turned off now; None if it can."""
        tools, operation, instance = self._tools, work.status.operation, work.instance
        gone = eligibility.unavailable(instance) if instance else None
        if gone is not None:
            return _stalled(gone)
        if instance is None or not instance.running:
            return self._faulting.busy(work)
        again = work.memory.permitted == desired.digest
        if operation is not None and operation.phase not in UNFINISHED and not again:
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
                return _stalled(
                    self._faulting.refusal(work, operation.code, desired, observed)
                    if operation.code
                    else verdicts.ended(operation.phase, last=answer is Rearm.NO),
                    after=wait,
                )
        rows = await held_by_rows(work)
        return _stalled(rows) if rows else None


def _stalled(finding: Finding, *, after: float = 0.0) -> Result:
    return Result(verdict=verdicts.stalled(finding), look_after=after or _STALLED_AFTER)


def _inputs(work: Work, desired: Desired, observed: Observed) -> str:
    """Name what a refusal rests on: the same call is made again once any of it is another."""
    version = work.instance.engine_version if work.instance else ""
    shown = (
        observed.enabled,
        observed.ca_type,
        observed.connection_string,
        observed_material_digest(observed),
        observed.acl,
        observed.replication_acl,
        observed.force_encryption,
        version,
    )
    return inputs_digest(desired, chain=(), surroundings=repr(shown))
