"""Who works, by the Leases of all replicas and shards. Pure."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rds_ssl.commands.formatting import moment, safe
from rds_ssl.core.lease import LEASE_NAME, Lease

_RENEWED = 60.0
"""Seconds for which a Lease counts as renewed: a second, and what clocks are apart."""

_OF_A_SHARD = re.compile(r"(.+)-([1-9]\d?)-of-([1-9]\d?)", re.ASCII)

_NEVER = datetime.min.replace(tzinfo=UTC)

_REMEDY = "Nothing is changed until a replica runs, and reaches the API server."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Installation:
    """The Leases of one name: one, or one for each shard."""

    base: str
    count: int
    leases: Mapping[int, Lease]
    """By number, from 1; a shard that never had a leader is missing."""

    def works(self, now: datetime) -> bool:
        return any(leads(each, now) for each in self.leases.values())

    @property
    def last(self) -> datetime:
        return max((each.renewed or _NEVER for each in self.leases.values()), default=_NEVER)

    def name(self, number: int) -> str:
        return self.base if self.count == 1 else f"{self.base}-{number}-of-{self.count}"


def leads(lease: Lease, now: datetime) -> bool:
    """True if the holder of a Lease has renewed it of late."""
    renewed = lease.renewed
    return bool(lease.holder and renewed and (now - renewed).total_seconds() < _RENEWED)


def leader_note(lease: Lease | None, namespace: str, now: datetime) -> list[str]:
    """
    Return who works, or that nobody does, by the one Lease that could be read.

    Nothing if that tells nothing. It may not be the only one.
    """
    if lease is None or lease.renewed is None:
        return []
    if leads(lease, now):
        return [f"Operator: {safe(lease.holder)} in namespace {namespace} leads."]
    return [
        *_silent(LEASE_NAME, lease, namespace, now),
        "(Unless it has other Leases by now, as shards and RDS_SSL_LEASE_NAME do, or needs none.)",
    ]


def leader_notes(leases: Mapping[str, Lease], namespace: str, now: datetime) -> list[str]:
    """
    Return who works, by all Leases of the operator in a namespace, and which shards nobody serves.

    Of installations that nobody renews, as another number of shards leaves them behind, the last
    one counts, and none at all beside one that works.
    """
    found = _installations(
        {name: each for name, each in leases.items() if each.renewed is not None}
    )
    working = [each for each in found if each.works(now)]
    if not found:
        return []
    told = working or [max(found, key=lambda each: each.last)]
    return [line for each in told for line in _told(each, namespace, now)]


def _installations(leases: Mapping[str, Lease]) -> Sequence[_Installation]:
    grouped: defaultdict[tuple[str, int], dict[int, Lease]] = defaultdict(dict)
    for name, lease in sorted(leases.items()):
        shard = _OF_A_SHARD.fullmatch(name)
        base, number, count = shard.groups() if shard else (name, "1", "1")
        grouped[base, int(count)][int(number)] = lease
    return [
        _Installation(base=base, count=count, leases=members)
        for (base, count), members in grouped.items()
    ]


def _told(one: _Installation, namespace: str, now: datetime) -> list[str]:
    if one.count == 1:
        lease = one.leases[1]
        if leads(lease, now):
            return [f"Operator: {safe(lease.holder)} in namespace {namespace} leads."]
        return _silent(one.base, lease, namespace, now)
    lines = []
    for number in range(1, one.count + 1):
        shard, held = f"shard {number} of {one.count}", one.leases.get(number)
        if held is not None and leads(held, now):
            lines.append(f"Operator: {safe(held.holder)} in namespace {namespace} leads {shard}.")
            continue
        if held is None:
            why = f"there is no Lease {one.name(number)}"
        else:
            why = f"the Lease {one.name(number)} was renewed last at {moment(held.renewed, now)}"
        lines.append(
            f"Operator: nobody leads {shard} in namespace {namespace}, {why}."
            " Of its instances nothing is changed until a replica of it runs, and reaches the API"
            " server."
        )
    return lines


def _silent(name: str, lease: Lease, namespace: str, now: datetime) -> list[str]:
    silent = f"the Lease {safe(name)} was renewed last at {moment(lease.renewed, now)}"
    return [f"Operator: nobody leads in namespace {namespace}, {silent}.", _REMEDY]
