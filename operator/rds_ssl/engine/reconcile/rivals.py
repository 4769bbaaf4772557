"""
What another process may be about to change: the same instance, its primary or a replica of it.

Within a process a slot keeps them apart (`rds_ssl.engine.scheduling.budget`), and for one object
its record, which only one process can write. Between two processes with two objects nothing does
but what each has written: both write their record first, and then look for the other's, so that at
least one of them sees the other, and makes no call. Source: docs/decisions/024-shards.md.
"""

from collections.abc import Iterable

from rds_ssl.engine.objects import Resource
from rds_ssl.engine.proofs import Standing
from rds_ssl.engine.reconcile.ports import Ports
from rds_ssl.engine.reconcile.stages import Seen

_AFTER_OTHER = 10.0
"""Seconds; ± half of it between processes, or two that have given way would meet again."""


_LASTS = 60.0
"""
Seconds from the reads of a pass to its record. A change of another object that begins and ends in
between leaves nothing in flight to be met; one that restarts a database takes minutes.
"""


def after_other(ports: Ports) -> float:
    """Return the seconds after which somebody else's change may have ended."""
    return _AFTER_OTHER * (ports.random.uniform(0.5, 1.5) if ports.shared else 1.0)


def any_in_flight(ports: Ports, claimants: Iterable[Resource], mine: Resource) -> bool:
    """True if another object's change of the instance of *mine* may be under way."""
    return any(
        each.in_flight and ports.proofs.standing(each, mine=mine) is not Standing.NOTHING
        for each in claimants
        if each.uid != mine.uid
    )


def is_stale(ports: Ports, seen: Seen) -> bool:
    """True if another process may have changed the instance since this pass has read it."""
    if not ports.shared:
        return False
    age = (ports.now() - seen.began).total_seconds()
    return not 0 <= age <= _LASTS


async def meets_another(ports: Ports, seen: Seen, mine: Resource) -> bool:
    """
    True if a change of the instance, its primary or a replica may be under way elsewhere.

    Raises:
        KubeError: The API server.
    """
    if not ports.shared:
        return False
    instance_id = seen.declaration.instance_id
    primary = (seen.instance.master_instance_id if seen.instance else "") or instance_id
    listed = await ports.resources.list_by_primary(primary)
    others = [Resource.of(manifest) for manifest in listed]
    # What the status says of the primary was perhaps written by a tenant who has another one.
    near = [
        each
        for each in others
        if each.instance_id == instance_id or ports.proofs.primary_of(each) in {None, primary}
    ]
    return any_in_flight(ports, near, mine)
