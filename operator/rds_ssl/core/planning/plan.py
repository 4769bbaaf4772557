"""What is to be done about a state that is wanted, and what it does to people. Pure values."""

from dataclasses import dataclass
from datetime import datetime

from rds_ssl.core.model import (
    Cause,
    Change,
    Impact,
    Restart,
)
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.planning.fields import Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call, and the state that it leads to; each is verified before the next."""

    desired: Desired
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done. *to* is the digest of the state it leads to in the end."""

    digest: str
    to: str
    cause: Cause
    steps: tuple[Step, ...]
    """Never empty; the first is the one to send."""
    changes: tuple[Change, ...]
    impacts: tuple[Impact, ...]
    restart: Restart
    material_only: bool
    """
    A rotation: only the declared material is newer than what was applied, and what was applied is
    what the instance shows.
    """
    first_contact: bool
    drift: bool
    """
    Somebody else changed the instance since the settings declared were applied, and the plan would
    undo it: alone, or together with newer material.
    """
    material: frozenset[str] = frozenset()
    """
    What the plan newly sends, a fingerprint each for the server certificate, the client CAs that
    are not in force yet, and the revocation lists: what may fail elsewhere for the same reason.
    """
    deadline: datetime | None = None
    """When the first of what is in force, and is replaced by the plan, expires; None: never."""
    untold: bool = False
    """What was applied before cannot be told: the record of an older version."""
    notes: tuple[str, ...] = ()
    """What the reader should know beside the changes; sentences."""

    @property
    def summary(self) -> str:
        """The plan in one line, for people."""
        what = "; ".join(f"{each.field}: {each.before} → {each.after}" for each in self.changes)
        impacts = ", ".join(self.impacts) or "none"
        return " ".join((f"{what}. Impacts: {impacts}.", *self.notes))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResult:
    """How the instance stands to what is declared: a plan, or nothing to do."""

    comparison: Comparison
    plan: Plan | None
    declared_applied: bool
    """What is declared, settings and material, is what was applied."""
