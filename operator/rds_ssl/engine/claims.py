"""
Which of several objects that declare one instance counts: the oldest that claims it.

A claim from another namespace counts once this process has proved it (`Proofs`).
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from rds_ssl.core import outcomes
from rds_ssl.core.api.conditions import STALLED, Verdict
from rds_ssl.core.api.spec import ManagementPolicy
from rds_ssl.core.model import Reason
from rds_ssl.engine.objects import Resource
from rds_ssl.engine.proofs import Proofs, Standing


def elder(one: Resource) -> tuple[datetime, str]:
    """Order claimants: the oldest first, by creationTimestamp, then uid."""
    return one.created, one.uid


def is_in_conflict(mine: Resource) -> bool:
    """True if an object says that it has given the instance up to another one."""
    stalled = mine.status.condition(STALLED)
    return stalled is not None and stalled.reason == Reason.CONFLICT


def older_claimant(
    mine: Resource, others: Iterable[Resource], proofs: Proofs
) -> Resource | Standing | None:
    """Return the claimant that wins over *mine*, if there is one; OPEN: perhaps there is."""
    told = is_in_conflict(mine)
    older = [
        each
        for each in others
        if each.uid != mine.uid and each.claims and elder(each) < elder(mine)
    ]
    standings = [proofs.standing(each, mine=mine, in_conflict=told) for each in older]
    counting = [
        each for each, standing in zip(older, standings, strict=True) if standing is Standing.COUNTS
    ]
    if counting:
        return min(counting, key=elder)
    return Standing.OPEN if Standing.OPEN in standings else None


def is_successor(other: Resource, mine: Resource, proofs: Proofs) -> bool:
    """True if *other* lives on and wants the instance, see `Resource.successor`."""
    if not mine.successor(other):
        return False
    return proofs.standing(other, mine=mine) is not Standing.NOTHING


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


def loses(mine: Resource, winner: Resource) -> Verdict:
    """Return what is said of an object that has to give way; no name leaves its namespace."""
    finding = outcomes.conflict(
        mine.instance_id,
        winner.key[1] if winner.key[0] == mine.key[0] else None,
        same_second=winner.created == mine.created,
    )
    # What ends on the instance is the other object's to tell.
    return replace(outcomes.stalled(finding), expiring=None)
