"""The end of a pass: a decision is carried out here, and its slot given back, and nowhere else."""

from dataclasses import replace
from typing import TypeVar

from rds_ssl.core.api.conditions import Unjudged, Verdict
from rds_ssl.engine.objects import Resource
from rds_ssl.engine.reconcile import deletion
from rds_ssl.engine.reconcile.attempt import Sent
from rds_ssl.engine.reconcile.material_problems import expiring
from rds_ssl.engine.reconcile.memory import Memory, Settled
from rds_ssl.engine.reconcile.ports import Ports
from rds_ssl.engine.reconcile.stages import Decided, Draft, Gathered, Seen

_Stage = TypeVar("_Stage", bound=Draft)


async def finish(ports: Ports, decided: Decided) -> float | None:
    """
    Write, tell and remember what was decided; return the seconds to the next look, None for never.

    Raises:
        KubeError: The API server; nothing of the decision is remembered.
    """
    draft, memory, verdict = decided.draft, decided.draft.memory, decided.verdict
    if decided.release is not None:
        await deletion.remove_finalizer(ports, draft.resource)
        _follow_up(ports, draft)
        deletion.announce(ports, draft.resource, decided.release)
        return None
    if verdict is not None:
        draft = await write(ports, draft, verdict, answers=not decided.request_open)
        memory.announced = ports.reporter.announce_problem(
            draft.before, verdict, announced=memory.announced
        )
    if not decided.asked_cloud:
        ports.outages.gone(draft.key)
    last = memory.last
    last.due = ports.monotonic() + decided.look_after
    last.facts = draft.facts if decided.looked and isinstance(draft, Gathered) else None
    if decided.looked and isinstance(draft, Gathered):
        # What could not look is what it was.
        last.looked = True
        last.by_the_way = draft.facts if decided.by_the_way else None
    if decided.settled_until is not None and isinstance(draft, Seen):
        last.settled = Settled(facts=_facts(draft), since=draft.began, until=decided.settled_until)
    return decided.look_after


def as_before(ports: Ports, seen: Seen, settled: Settled | None) -> Decided | None:
    """Return the end of a look that has read what the last one did, which found nothing to do."""
    now = ports.now()
    if settled is None or not settled.since <= now < settled.until:
        return None
    if _facts(seen) != settled.facts:
        return None
    seen.memory.last.settled = settled  # For the next look as well.
    left = (settled.until - now).total_seconds()
    look_after = min(ports.resync_after(), left + 0.1)
    return Decided(draft=seen, verdict=None, look_after=look_after, by_the_way=True)


async def write(ports: Ports, draft: _Stage, verdict: Verdict, *, answers: bool = True) -> _Stage:
    """
    Write a status with its conditions, and do what follows; return what is now in the API server.

    Raises:
        KubeError: The API server.
    """
    known = draft.resource
    if verdict.expiring is Unjudged.EXPIRY and isinstance(draft, Seen):
        verdict = replace(verdict, expiring=expiring(ports, draft))
    resource = await ports.reporter.write(known, draft.status, verdict, answers=answers)
    draft.memory.attempt = draft.attempt
    _follow_up(ports, draft)
    ports.reporter.announce_warnings(known, verdict, draft.warnings)
    return replace(draft, resource=resource, status=resource.status, after_write=())


def give_back(ports: Ports, resource: Resource, memory: Memory, decided: Decided | None) -> None:
    """
    Give a slot back that is not needed any more.

    Args:
        resource: As it was when the pass began.
        memory: Of the object.
        decided: None if nothing was, or not all that follows was done.
    """
    if decided is None:
        if not (resource.in_flight or isinstance(memory.attempt, Sent)):
            ports.budget.give_back(resource.key)
    elif not decided.keeps_slot:
        ports.budget.release(resource.key)


def _facts(seen: Seen) -> object:
    """Return all that a look rests on beside the clock; lists by fingerprint."""
    lists = seen.observed.revocation_list
    return (
        seen.resource.resource_version,
        seen.material.fingerprint,
        replace(seen.observed, revocation_list=None, client_ca_pem="", revocation_list_pem=""),
        None if lists is None else tuple(each.sha256 for each in lists),
    )


def _follow_up(ports: Ports, draft: Draft) -> None:
    for each in draft.after_write:
        if each.counted:
            ports.changed(each.counted)
        if each.restart is not None:
            ports.ended(*each.restart)
        if each.hold is not None:
            draft.memory.held.note(*each.hold)
            draft.memory.held_rotation.note(*each.hold)
        ports.reporter.announce(draft.resource, each.event)
