"""
What the metrics tell of one object: its conditions, what holds it, and when what is in force ends.

Pure, over a status. The ends are those of what RDS was last seen to have, never of what is
declared: a certificate that waits in a Secret protects nobody. Everything here is a word of a
closed set or a moment, so that nothing that somebody wrote into a status becomes a label.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rds_ssl.core.api.conditions import MATERIAL_READY, OWN, READY
from rds_ssl.core.api.states import (
    ClientCAStatus,
    IntermediateStatus,
    ObservedStatus,
    RevocationListStatus,
)
from rds_ssl.core.api.status import AppliedStatus, Condition, PlanStatus, Status
from rds_ssl.core.model import UNTOLD, Reason
from rds_ssl.core.planning.chain import applied_in_force
from rds_ssl.core.x509.facts import canonical

ALL = "all"
SOME = "some"

OTHER_REASON = "Other"
"""In place of a reason that no release has: somebody else has written the status."""

DECLARED = "declared"
ROTATION = "rotation"

_REASONS = frozenset(each.value for each in Reason)


@dataclass(frozen=True, slots=True)
class End:
    """When something in force ends."""

    kind: str
    """``server_certificate``, ``intermediate``, ``client_ca`` or ``revocation_list``."""
    refused: str
    """Who is refused from then on, or refuses: `ALL` of those that verify it, or `SOME`."""
    at: int
    """Unix time."""


@dataclass(frozen=True, slots=True)
class Held:
    """A plan that waits."""

    plan: str
    """`DECLARED`, or `ROTATION` of newer material that goes alone."""
    held_by: str
    restart: str
    since: int | None
    """Unix time."""


@dataclass(frozen=True, slots=True)
class Figures:
    """All of one object."""

    ready: tuple[str, str]
    """Status and reason of Ready."""
    conditions: tuple[tuple[str, str, str], ...]
    """Type, status and reason of those that this operator writes."""
    ends: tuple[End, ...]
    held: tuple[Held, ...]

    @property
    def at_rest(self) -> bool:
        """True if nobody needs to look at the object."""
        return (
            not self.held
            and self.ready[0] == "True"
            and all(kind in {READY, MATERIAL_READY} for kind, _, _ in self.conditions)
            and all(status == "True" for _, status, _ in self.conditions)
        )


def figures(status: Status) -> Figures:
    """Return what the metrics tell of an object with that status."""
    conditions = _shared(tuple(map(_condition, _own(status.conditions))))
    ready = next(
        ((state, reason) for kind, state, reason in conditions if kind == READY),
        ("Unknown", Reason.PENDING.value),
    )
    return Figures(
        ready=ready,
        conditions=conditions,
        ends=ends_in_force(status.observed, status.applied),
        held=(*_held(DECLARED, status.plan), *_held(ROTATION, status.rotation)),
    )


@functools.lru_cache(maxsize=1024)
def _shared(
    conditions: tuple[tuple[str, str, str], ...],
) -> tuple[tuple[str, str, str], ...]:
    """Return the same tuple for equal ones: most objects have the conditions of most others."""
    return conditions


def ends_in_force(
    observed: ObservedStatus | None, applied: AppliedStatus | None
) -> tuple[End, ...]:
    """
    Return when what is in force ends: of each kind the earliest end, and that which locks all out.

    The rules are those of `rds_ssl.core.checks.expiry`, apart from the clock: a revocation list
    that outlives its CA ends nothing, and of several of one issuer the one that lives longest
    counts. Intermediates are told where a call of this operator is known to have brought them, and
    their certificate is in force; a certificate that is not shown is told by SSLExpireTime.
    """
    if observed is None or not observed.enabled:
        return ()
    earliest: dict[tuple[str, str], int] = {}
    for each in _ends(observed, applied):
        name = each.kind, each.refused
        earliest[name] = min(each.at, earliest.get(name, each.at))
    return tuple(End(kind, refused, at) for (kind, refused), at in earliest.items())


def _ends(observed: ObservedStatus, applied: AppliedStatus | None) -> Iterator[End]:
    leaf = observed.server_certificate
    yield from _end("server_certificate", ALL, (leaf and leaf.not_after) or observed.expire_time)
    known = applied_in_force(observed, applied)
    yield from _intermediates(known.intermediates if known else ())
    cas = observed.client_ca or ()
    last = max((ca.not_after for ca in cas if ca.not_after), default=None)
    for ca in cas:
        yield from _end("client_ca", ALL if ca.not_after == last else SOME, ca.not_after)
    if cas:  # Without a client CA a list is left of one that has gone.
        yield from _lists(observed.revocation_list or (), cas)


def _end(kind: str, refused: str, at: datetime | None) -> Iterator[End]:
    if at is not None and at.year < UNTOLD.year:  # Which stands for "not known", or never.
        yield End(kind, refused, int(at.timestamp()))


def _intermediates(known: Sequence[IntermediateStatus]) -> Iterator[End]:
    issuer = known[0].subject if known else None
    of_issuer = [each.not_after for each in known if each.subject == issuer]
    last = max((end for end in of_issuer if end), default=None)
    for each in known:
        needed = each.subject == issuer and each.not_after == last
        yield from _end("intermediate", ALL if needed else SOME, each.not_after)


def _lists(lists: Sequence[RevocationListStatus], cas: Sequence[ClientCAStatus]) -> Iterator[End]:
    lives: dict[str, datetime] = {}
    for ca in cas:
        name, end = canonical(ca.subject or ""), ca.not_after or UNTOLD
        lives[name] = max(end, lives.get(name, end))
    for issuer in {canonical(each.issuer or "") for each in lists}:
        ends = [each.next_update for each in lists if canonical(each.issuer or "") == issuer]
        known = [each for each in ends if each is not None]
        if len(known) < len(ends) or max(known) >= lives.get(issuer, UNTOLD):
            continue
        others = any(end > max(known) for name, end in lives.items() if name != issuer)
        yield from _end("revocation_list", SOME if others else ALL, max(known))


def _own(conditions: Sequence[Condition]) -> Iterator[Condition]:
    seen = set[str]()
    for each in conditions:
        if each.type in OWN and each.type not in seen:
            seen.add(each.type)
            yield each


def _condition(each: Condition) -> tuple[str, str, str]:
    return each.type, each.status, reason_told(each.reason)


def reason_told(reason: str) -> str:
    """Return a reason as a label has it: a word of `Reason`, or `OTHER_REASON`."""
    return reason if reason in _REASONS else OTHER_REASON


def _held(plan: str, status: PlanStatus | None) -> Iterator[Held]:
    if status is not None and status.held_by:
        since = None if status.since is None else int(status.since.timestamp())
        yield Held(plan, reason_told(status.held_by), status.restart.value, since)
