"""Which of several objects that declare one instance counts: the oldest that claims it."""

from collections.abc import Iterable
from datetime import datetime

from rds_ssl.core import outcomes
from rds_ssl.core.api.spec import ManagementPolicy
from rds_ssl.core.model import Finding
from rds_ssl.engine.objects import Resource


def elder(one: Resource) -> tuple[datetime, str]:
    """Order claimants: the oldest first, by creationTimestamp, then uid."""
    return one.created, one.uid


def older_claimant(mine: Resource, others: Iterable[Resource]) -> Resource | None:
    """Return the claimant that wins over *mine*, if there is one."""
    rivals = [each for each in others if each.uid != mine.uid and each.claims]
    winner = min(rivals, key=elder, default=None)
    return winner if winner is not None and elder(winner) < elder(mine) else None


def awaits_older(mine: Resource, others: Iterable[Resource]) -> bool:
    """True if one that would win has not been looked at yet: it may reach the instance at once."""
    return any(
        not other.deleting
        and other.status.observed_generation < 0
        and other.declaration is not None
        and other.declaration.management_policy is ManagementPolicy.ENFORCE
        and elder(other) < elder(mine)
        for other in others
        if other.uid != mine.uid
    )


def conflict(mine: Resource, winner: Resource) -> Finding:
    """Return what is said of an object that has to give way; no name leaves its namespace."""
    return outcomes.conflict(
        mine.instance_id,
        winner.key[1] if winner.key[0] == mine.key[0] else None,
        same_second=winner.created == mine.created,
    )
