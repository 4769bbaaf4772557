"""
What happens to the instance when its object goes.

Only ``deletionPolicy: Disable`` has a finalizer. SSL is turned off through the same path as every
other change; declaring Disable has approved it. In a namespace that is being deleted there is at
most one attempt, and nothing holds the object after it: credentials may be gone, nobody can create
them any more, and a namespace must not hang because of this operator. Source: docs/operations.md,
"What happens when an object is deleted".
"""

import logging
from dataclasses import replace

from rds_ssl.core.api.conditions import Verdict
from rds_ssl.core.api.spec import DeletionPolicy, ManagementPolicy
from rds_ssl.core.formats import write_time
from rds_ssl.core.model import FINALIZER
from rds_ssl.core.planning.desired import Desired
from rds_ssl.engine.claims import is_successor
from rds_ssl.engine.objects import Resource
from rds_ssl.engine.reconcile.change import change
from rds_ssl.engine.reconcile.ports import Ports
from rds_ssl.engine.reconcile.stages import Decided, Draft, Intent, Order, Read, Release, Seen
from rds_ssl.engine.reporting import Event

_log = logging.getLogger(__name__)

_LONGEST = 120.0
"""Seconds to the next look at a deleted object, at most: nobody tells when its namespace goes."""

_WAY_OUT = "Or set spec.deletionPolicy to Retain: the object goes at once, and SSL stays as it is."
"""Follows everything that a person has to act on before the object can go."""

GONE = Release(message="The instance is gone.")

_OFF = Release(message="SSL is off, as deletionPolicy says.")


def _as_it_is(why: str, *, warning: bool = True) -> Release:
    return Release(message=f"SSL is left as it is: {why}.", warning=warning)


INHERITED = _as_it_is("another object declares the same instance")


async def keep_finalizer(ports: Ports, resource: Resource) -> Resource:
    """
    Add or take away the finalizer of a living object; one PATCH if it is not right.

    Raises:
        KubeError: The API server.
    """
    declaration = resource.declaration
    wanted = (
        declaration is not None
        and declaration.management_policy is ManagementPolicy.ENFORCE
        and declaration.deletion_policy is DeletionPolicy.DISABLE
    )
    if wanted == resource.has_finalizer:
        return resource
    others = [each for each in resource.finalizers if each != FINALIZER]
    return await _patch(ports, resource, [*others, FINALIZER] if wanted else others)


def skip_reason(ports: Ports, draft: Draft) -> Release | None:
    """Return why SSL is left as it is although the object goes; None if it is turned off."""
    resource, declaration = draft.resource, draft.resource.declaration
    if declaration is None:
        return _as_it_is("the object is not valid")
    if declaration.deletion_policy is not DeletionPolicy.DISABLE:
        return _as_it_is("deletionPolicy is Retain", warning=False)
    if ports.timings.read_only:
        return _as_it_is("the operator is READ_ONLY")
    if declaration.management_policy is not ManagementPolicy.ENFORCE:
        return _as_it_is("managementPolicy is not Enforce")
    if declaration.suspend:
        return _as_it_is("the object is suspended")
    unknown = draft.in_flight or resource.operation_lost
    if draft.status.applied is None and not unknown:
        return _as_it_is("the object has never been applied")
    others = ports.beside(resource)
    if any(is_successor(each, resource, ports.proofs) for each in others):
        return INHERITED
    return None


def turn_off(ports: Ports, seen: Seen) -> Order | Decided | Read:
    """Return what a deleted object needs: a call that turns SSL off, or its release."""
    if not seen.observed.enabled:
        return seen.released(_OFF)
    known = seen.status.instance
    endpoint = seen.observed.connection_string or (known.endpoint if known else None)
    if not (endpoint and seen.engine):
        if seen.instance is None:
            return Read.ATTRIBUTES
        endpoint = endpoint or seen.instance.connection_string
    desired = Desired(enabled=False, connection_string=endpoint)
    outcome = change(ports, seen, desired, Intent.DELETION)
    return seen.released(_OFF) if isinstance(outcome, tuple) else outcome


async def let_go_or_wait(ports: Ports, decided: Decided) -> Decided:
    """
    Return the end of a pass over a deleted object that something holds.

    It goes all the same if its namespace is being deleted; else it says how it can go without what
    it waits for, if a person has to act. While a change of ours is at work the namespace is asked
    about once: a change ends by itself.

    Raises:
        KubeError: The API server.
    """
    draft, verdict = decided.draft, decided.verdict
    if decided.release is not None:
        return decided
    held = (verdict.stalled or verdict.reconciling or verdict.finding) if verdict else None
    resource = draft.resource
    operation = resource.status.operation
    started = operation.start_time if operation and resource.in_flight else None
    if started is None or draft.memory.namespace_stands != started:
        time = write_time(ports.now())
        involved = {"metadata": resource.metadata}
        if await ports.resources.is_terminating(involved, time=time):
            why = "A change may be at work, and nobody waits for its end."
            if started is None:
                why = f"SSL is left as it is. {held.message}" if held else "SSL is left as it is."
            return draft.released(Release(message=why, silent=True))
        draft.memory.namespace_stands = started
    return replace(
        decided,
        verdict=_with_way_out(verdict, waits=not decided.asked_cloud) if verdict else None,
        look_after=min(decided.look_after, _LONGEST),
    )


async def remove_finalizer(ports: Ports, resource: Resource) -> None:
    """
    Take the finalizer away: the object disappears, with its status.

    Raises:
        KubeError: The API server.
    """
    await _patch(ports, resource, [each for each in resource.finalizers if each != FINALIZER])


def announce(ports: Ports, resource: Resource, release: Release) -> None:
    """Tell why nothing holds an object any more."""
    if release.silent:
        _log.warning(
            "Released: the namespace is being deleted. %s",
            release.message,
            extra=resource.log_fields,
        )
        return
    event = Event(reason="Released", message=release.message, warning=release.warning)
    ports.reporter.announce(resource, event)


async def _patch(ports: Ports, resource: Resource, finalizers: list[str]) -> Resource:
    manifest = await ports.resources.patch_finalizers(
        *resource.key, resource_version=resource.resource_version, finalizers=finalizers
    )
    written = Resource.of(manifest)
    ports.objects.refresh(written)
    return written


def _with_way_out(verdict: Verdict, *, waits: bool) -> Verdict:
    """
    Return the verdict with how the object can go without what it waits for.

    Args:
        waits: What is Reconciling is not under way, but waits for somebody as well.
    """
    pending = verdict.change_pending if not verdict.reconciling else None
    held = verdict.stalled or pending or (verdict.reconciling if waits else None)
    if held is None:
        return verdict  # What goes on by itself within minutes needs no way out.
    longer = replace(held, message=f"{held.message.rstrip('.')}. {_WAY_OUT}")
    return replace(
        verdict,
        finding=longer if verdict.finding == held else verdict.finding,
        stalled=longer if verdict.stalled else None,
        change_pending=longer if verdict.change_pending == held else verdict.change_pending,
        reconciling=longer if verdict.reconciling == held else verdict.reconciling,
    )
