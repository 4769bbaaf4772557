"""
What a person has approved: exactly one plan, once. Pure.

The annotation names the digest of a plan. It is spent by the call that it lets go, in the PATCH of
the write-ahead record, so that left in Git it never approves a later plan. What was spent covers
its plan to the end: further attempts, and later steps, but none with an impact that nobody has
approved. Source: docs/operations.md, "Approve a plan".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rds_ssl.core.api.status import ApprovalStatus, HistoryEntry
from rds_ssl.core.model import APPROVE_ANNOTATION
from rds_ssl.core.planning.plan import Plan

_SHOWN = 64
"""Characters of an annotation that a message repeats; a digest has 16."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What there is of approvals: the annotation's text, the one spent last, and the past."""

    annotation: str = ""
    last: ApprovalStatus | None = None
    history: Sequence[HistoryEntry] = ()

    def names(self, plan: Plan) -> bool:
        """True if the annotation approves exactly this plan, and was not spent for it."""
        return self.annotation == plan.digest and not self._is_spent

    def covers(self, plan: Plan) -> bool:
        """True if this plan is what is left of one that was approved."""
        last = self.last
        return (
            last is not None
            and last.end_time is None
            and last.to == plan.to
            and set(plan.impacts) <= set(last.impacts)
        )

    def allows(self, plan: Plan) -> bool:
        """True if a person wants this plan to go."""
        return self.names(plan) or self.covers(plan)

    def digest_of(self, plan: Plan) -> str | None:
        """Return the digest under which a plan goes; None if nobody has approved it."""
        if self.names(plan):
            return plan.digest
        return self.last.digest if self.last is not None and self.covers(plan) else None

    def spend(self, plan: Plan, *, now: datetime) -> ApprovalStatus | None:
        """Return what is to be recorded when *plan* is sent."""
        if not self.names(plan):
            return self.last
        return ApprovalStatus(digest=plan.digest, to=plan.to, impacts=plan.impacts, time=now)

    def remark(self, plan: Plan) -> str:
        """Return how to approve *plan*, and why the annotation that is there does not."""
        how = f"approve it with the annotation {APPROVE_ANNOTATION}: {plan.digest}"
        if not self.annotation or self.annotation == plan.digest:
            return f"{how}."
        given = "".join(each if each.isprintable() else "?" for each in self.annotation[:_SHOWN])
        why = "was spent already" if self._is_spent else "is of another plan and is ignored"
        return f"{how} (the one that is there, {given}, {why})."

    @property
    def _is_spent(self) -> bool:
        spent = {each.approval for each in self.history}
        if self.last is not None:
            spent.add(self.last.digest)
        return self.annotation in spent


def end_approval(
    last: ApprovalStatus | None, *, to: str | None, now: datetime
) -> ApprovalStatus | None:
    """
    End what was spent once its plan is done, or gave way to another one.

    Args:
        to: Where the plan of now leads; None if there is nothing to do.
    """
    if last is None or last.end_time is not None or last.to == to:
        return last
    return last.model_copy(update={"end_time": now})
