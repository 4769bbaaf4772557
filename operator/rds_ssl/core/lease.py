"""
Who leads: what a Lease says, and when somebody else may take it. Pure.

A leader renews its Lease every `RENEW` seconds and stops `DEADLINE` seconds after the last renewal
that has worked; another one may lead `DURATION` seconds after it has seen that renewal. In between
whatever still runs is ended, so that at no time two of them work. All of it is measured by each
one's own clock: the times in a Lease are for people.

The figures are those of Kubernetes' own controllers (client-go), but for `RENEW`, which is half of
theirs: a Lease that is given up is taken within a second.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

LEASE_NAME = "rds-ssl-operator"
"""Of the Lease, unless the operator's settings say otherwise."""

SERVES = "rds-ssl.dev/serves"
"""Annotation of a Lease: which objects its holder serves, in words."""

DURATION = 15.0
"""Seconds after its last renewal at which a Lease is free."""

DEADLINE = 10.0
"""Seconds after its last renewal at which a leader stops."""

RENEW = 1.0
"""Seconds between two renewals, and between two looks of somebody who waits."""

LONGEST = 60.0
"""Seconds. A Lease that says it lasts longer was written by hand, and would keep everybody out."""

RELEASED = 1
"""Seconds that a Lease lasts which its holder has given up: nobody need wait for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A Lease of coordination.k8s.io/v1 as it was read; any of it may have been written by hand."""

    version: str
    """Its resourceVersion."""
    holder: str
    """Empty: nobody."""
    duration: float
    """Seconds."""
    acquired: str
    """When its holder began to lead, as that one wrote it."""
    renewed: datetime | None
    transitions: int
    serves: str = ""
    """Which objects its holder serves, as `scope` has it; empty: it does not say."""

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> "Lease":
        """Read it."""
        spec = manifest.get("spec") or {}
        duration = spec.get("leaseDurationSeconds")
        return cls(
            version=str(manifest["metadata"]["resourceVersion"]),
            holder=str(spec.get("holderIdentity") or ""),
            duration=float(duration) if isinstance(duration, int) else DURATION,
            acquired=str(spec.get("acquireTime") or ""),
            renewed=_moment(spec.get("renewTime")),
            transitions=int(spec.get("leaseTransitions") or 0),
            serves=str((manifest["metadata"].get("annotations") or {}).get(SERVES) or ""),
        )

    @property
    def released(self) -> bool:
        """True if its holder has given it up."""
        return not self.holder and self.duration <= RELEASED


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What somebody who would lead has seen of a Lease; times are seconds of its own clock."""

    identity: str
    lease: Lease | None = None
    """As it was last read; None: there is none, or it was not read yet."""
    others_until: float = 0.0
    """Until when another one may believe that it leads."""

    def seen(self, lease: Lease | None, *, at: float) -> "Watch":
        """Return what is known once the Lease was read, or was found missing, *at* that time."""
        until = self.others_until
        if lease is not None:
            moved = self.lease is None or lease.version != self.lease.version
            if lease.released:
                until = 0.0
            elif moved and lease.holder not in {"", self.identity}:
                until = at + min(max(lease.duration, DURATION), LONGEST)
        return Watch(identity=self.identity, lease=lease, others_until=until)

    def may_lead(self, *, at: float) -> bool:
        """
        True if nobody else can lead at that time.

        A Lease that was deleted, or whose holder was taken out by hand, is not free: its leader
        notices within a second, and until then it leads.
        """
        mine = self.lease is not None and self.lease.holder == self.identity
        return mine or at >= self.others_until

    @property
    def other(self) -> str:
        """The one who leads as far as is known, if it is not this one; else empty."""
        holder = self.lease.holder if self.lease else ""
        return "" if holder == self.identity else holder


def scope(*, namespaces: Sequence[str], selector: str) -> str:
    """Return in words which objects a process serves; two that share a Lease must say the same."""
    where = f"namespaces {', '.join(sorted(namespaces))}" if namespaces else "all namespaces"
    return f"{where}, selector {selector}" if selector else where


def claim(before: Lease | None, identity: str, *, now: str, same_term: bool) -> dict[str, object]:
    """
    Return the spec that makes *identity* the leader, or lets it go on; a merge patch.

    *same_term*: it has led until now, and nobody else has since.
    """
    spec: dict[str, object] = {
        "holderIdentity": identity,
        "leaseDurationSeconds": int(DURATION),
        "renewTime": now,
    }
    if not same_term:
        spec["acquireTime"] = now
        spec["leaseTransitions"] = before.transitions + 1 if before else 0
    return spec


def release(*, now: str) -> dict[str, object]:
    """Return the spec that gives a Lease up; a merge patch."""
    return {"holderIdentity": "", "leaseDurationSeconds": RELEASED, "renewTime": now}


def _moment(text: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return time if time.tzinfo else None
