"""
What happens to the instance when its object goes.

Only ``deletionPolicy: Disable`` has a finalizer. SSL is turned off through the same path as every
other change; declaring Disable has approved it. In a namespace that is being deleted there is at
most one attempt, and nothing holds the object after it: credentials may be gone, nobody can create
them any more, and a namespace must not hang because of this operator. Source: docs/operations.md,
"What happens when an object is deleted".
"""

import logging
from dataclasses import dataclass, replace

from rds_ssl.core.conditions import Verdict
from rds_ssl.core.declaration import DeletionPolicy, ManagementPolicy
from rds_ssl.core.desired import Desired
from rds_ssl.core.model import FINALIZER, Priority
from rds_ssl.core.status import write_time
from rds_ssl.engine.admission import Admission
from rds_ssl.engine.change import Change, Intent
from rds_ssl.engine.memory import Memory
from rds_ssl.engine.objects import Resource
from rds_ssl.engine.reporting import Event
from rds_ssl.engine.sending import HEIR
from rds_ssl.engine.work import Result, Tools, Work

_log = logging.getLogger(__name__)

WAY_OUT = "Or set spec.deletionPolicy to Retain: the object goes at once, and SSL stays as it is."
"""Follows everything that a person has to act on before the object can go."""


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

    def __init__(self, tools: Tools, change: Change, admission: Admission) -> None:
        self._tools = tools
        self._change = change
        self._admission = admission

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
        known = work.status.instance
        endpoint = observed.connection_string or (known.endpoint if known else None)
        if not (endpoint and work.engine):
            instance = work.instance or await self._admission.attribute(work)
            endpoint = endpoint or instance.connection_string
        desired = Desired(enabled=False, connection_string=endpoint)
        outcome = await self._change.carry_out(work, observed, desired, Intent.DELETION)
        if outcome is HEIR:
            return _INHERITED
        return outcome if isinstance(outcome, Result) else OFF
