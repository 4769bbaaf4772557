"""
Failures in a row with the same material: what failed on one instance is not tried on all. Pure.

Told from the histories of all objects, so that a new process knows it too. Source:
docs/operations.md, "How much restarts at a time".
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from rds_ssl.core.model import Phase
from rds_ssl.core.moments import shifted

APART = timedelta(minutes=10)
"""Between the end of a change and the next with the same material, after a failure."""

MOST = 3
"""Failures in a row after which a person has to approve the next."""

_FAILURES = frozenset({Phase.FAILED.value, Phase.NOT_CONVERGING.value})
"""Ends that speak against the material; a lost answer or a time-out says nothing of it."""

_VERIFIED = "Verified"


class Ended(Protocol):
    """What counts of a change that has ended; an entry of a history has it."""

    @property
    def time(self) -> datetime:
        """When it ended."""

    @property
    def result(self) -> str:
        """How it ended."""

    @property
    def material(self) -> Collection[str]:
        """The fingerprints of what it newly sent."""


class Outcome(NamedTuple):
    """No more than what counts, for those who keep many."""

    time: datetime
    result: str
    material: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureHistory:
    """*failures* in a row since the material was last applied anywhere; *last*: the newest end."""

    failures: int = 0
    last: datetime | None = None

    @property
    def is_halted(self) -> bool:
        """True if the next change with the material needs a person."""
        return self.failures >= MOST

    def next_start(self) -> datetime | None:
        """Return the time before which no change with the material starts; None: at any time."""
        return None if self.last is None or not self.failures else shifted(self.last, APART)


def failure_history(
    material: frozenset[str], histories: Iterable[Iterable[Ended]]
) -> FailureHistory:
    """Count what happened to *material*, see `rds_ssl.core.planning.plan.Plan.material`."""
    entries = sorted(
        (
            each
            for history in histories
            for each in history
            if not material.isdisjoint(each.material)
            and (each.result == _VERIFIED or each.result in _FAILURES)
        ),
        key=lambda each: each.time,
        reverse=True,
    )
    failures = 0
    for each in entries:
        if each.result == _VERIFIED:
            break
        failures += 1
    return FailureHistory(failures=failures, last=entries[0].time if failures else None)
