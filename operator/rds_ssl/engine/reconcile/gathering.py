"""The first stage: is the object for this operator to act on, and what does it refer to?"""

from dataclasses import replace
from datetime import timedelta

from rds_ssl.core import outcomes
from rds_ssl.core.api.conditions import STALLED, Verdict
from rds_ssl.core.api.spec import Declaration, ManagementPolicy
from rds_ssl.core.checks import eligibility
from rds_ssl.core.checks.certificates import TRANSIENT
from rds_ssl.core.errors import MaterialError
from rds_ssl.core.gates import approval
from rds_ssl.core.model import Finding
from rds_ssl.engine.claims import awaits_older, is_in_conflict, loses, older_claimant
from rds_ssl.engine.gather.materials import NOTHING_READ
from rds_ssl.engine.objects import Resource
from rds_ssl.engine.proofs import Standing
from rds_ssl.engine.reconcile import deletion
from rds_ssl.engine.reconcile.material_problems import PATIENCE
from rds_ssl.engine.reconcile.memory import Memory
from rds_ssl.engine.reconcile.ports import Ports
from rds_ssl.engine.reconcile.stages import Decided, Draft, Gathered

_TOGETHER = timedelta(seconds=10)
"""
After its creation an object says nothing before an older one has had its first pass. Not for
longer: nobody is to be in the way for ever by naming an instance.
"""

_AFTER_OLDER = 1.0
"""Seconds until the next look then, if that pass does not wake it."""

_TOLD_AFTER = 5.0
"""Seconds for which an object says nothing while it is not known who counts."""


async def gather(ports: Ports, resource: Resource, memory: Memory) -> Gathered | Decided:
    """
    Return what a pass begins with, or its end: the object is not to be acted on, or cannot be.

    Of an object with a change in flight the material is not read: it plays no part in its end.

    Raises:
        KubeError: The API server.
    """
    draft = Draft(
        resource=resource,
        before=resource,
        status=resource.status,
        memory=memory,
        attempt=memory.attempt,
    )
    declaration = resource.declaration
    if resource.deleting:
        release = deletion.skip_reason(ports, draft)
        if release is not None:
            return draft.released(release)
    if resource.operation_lost:
        return _not_asked(ports, draft, outcomes.stalled(outcomes.RECORD_LOST))
    if declaration is None:
        return _not_asked(ports, draft, outcomes.stalled(outcomes.invalid(resource.faults)))
    if not (resource.in_flight or resource.deleting):
        await ports.strangers.refresh(resource)
        stopped = select(ports, draft, declaration)
        if stopped is not None:
            return stopped
        resource = await deletion.keep_finalizer(ports, resource)
        draft = replace(draft, resource=resource, before=resource)
    try:
        asked = resource.asked is not None
        cloud = await ports.clouds.open(declaration, resource.key, asked=asked)
    except MaterialError as error:
        ports.proofs.refused(resource)
        return _credentials_problem(ports, draft, error)
    began, material = ports.now(), NOTHING_READ
    if not (resource.in_flight or resource.deleting):
        material = await ports.materials.gather(declaration, resource.key[0])
    return Gathered(
        resource=resource,
        before=resource,
        status=resource.status,
        memory=memory,
        attempt=memory.attempt,
        declaration=declaration,
        cloud=cloud,
        began=began,
        material=material,
    )


async def with_material(ports: Ports, gathered: Gathered) -> Gathered:
    """
    Return it with what the object refers to; nothing is read for an object that goes.

    Raises:
        KubeError: The API server.
    """
    if gathered.resource.deleting or gathered.material.read:
        return gathered
    material = await ports.materials.gather(gathered.declaration, gathered.key[0])
    return replace(gathered, material=material)


def select(ports: Ports, draft: Draft, declaration: Declaration) -> Decided | None:
    """Return why this object is not for this operator to act on; None if it is."""
    if draft.resource.deleting:
        # Of one that was never applied the first change may have ended, and not well.
        release = deletion.skip_reason(ports, draft)
        return None if release is None else draft.released(release)
    finding = eligibility.unusable(declaration)
    if finding is not None:
        return _not_asked(ports, draft, outcomes.stalled(finding))
    if declaration.management_policy is not ManagementPolicy.ENFORCE:
        return None
    resource = draft.resource
    rivals = ports.beside(resource)
    winner = older_claimant(resource, rivals, ports.proofs)
    if isinstance(winner, Standing):
        return replace(_not_asked(ports, draft, _doubted(ports, draft)), look_after=_AFTER_OLDER)
    draft.memory.doubted_since = None
    if winner is None:
        new = ports.now() - resource.created < _TOGETHER
        if not (new and awaits_older(resource, rivals)):
            return None
        return replace(_not_asked(ports, draft, None), look_after=_AFTER_OLDER)
    # What an object loses with the instance: it starts again as first contact.
    spent = approval.end_approval(draft.status.last_approval, to=None, now=ports.now())
    draft = draft.update(
        applied=None,
        plan=None,
        rotation=None,
        operation=None,
        last_approval=spent,
        observed=None,
    )
    return _not_asked(ports, draft, loses(resource, winner))


def _doubted(ports: Ports, draft: Draft) -> Verdict | None:
    """Return that it is not known which object counts; nothing for a moment, or if it is told."""
    memory, now = draft.memory, ports.monotonic()
    if memory.doubted_since is None:
        memory.doubted_since = now
    if now - memory.doubted_since < _TOLD_AFTER or is_in_conflict(draft.resource):
        return None
    finding = outcomes.claim_in_doubt(draft.resource.instance_id)
    ready, kept = draft.as_it_was(finding)
    return Verdict(ready=ready, finding=kept, reconciling=finding)


def _not_asked(ports: Ports, draft: Draft, verdict: Verdict | None) -> Decided:
    return Decided(
        draft=draft,
        verdict=verdict,
        look_after=ports.resync_after(),
        asked_cloud=False,
        looked=False,
    )


def _credentials_problem(ports: Ports, draft: Draft, error: MaterialError) -> Decided:
    """Return that the credentials cannot be read: for a while it may pass by itself."""
    waited = draft.memory.unreadable.lasts(
        (draft.resource.inputs, error.reason, str(error)), now=ports.monotonic()
    )
    finding = Finding(reason=error.reason, message=str(error))
    known = draft.status.condition(STALLED)
    # Of an object that is deleted, more is said after it.
    was_stalled = known is not None and known.message.startswith(finding.message.rstrip("."))
    if error.reason not in TRANSIENT or waited >= PATIENCE or was_stalled:
        return _not_asked(ports, draft, outcomes.stalled(finding))
    decided = _not_asked(ports, draft, outcomes.waiting(finding))
    return replace(decided, look_after=min(decided.look_after, PATIENCE - waited + 0.1))
