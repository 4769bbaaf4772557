"""
A DBInstanceSSL as the commands see it, and what can be told from it alone. Pure.

What lets a plan go is told by the reason that holds it: some reasons pass by themselves, some wait
for a person, and some of these for an approval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from rds_ssl.core.api import status as statuses
from rds_ssl.core.api.conditions import CHANGE_PENDING, STALLED
from rds_ssl.core.api.status import Condition, PlanStatus, Status
from rds_ssl.core.model import APPROVE_ANNOTATION, Reason, Restart

APPROVABLE = frozenset({Reason.AWAITING_APPROVAL, Reason.DRIFTED, Reason.CHANGE_LIMIT_REACHED})
"""Holds that an approval ends."""

REPEATABLE = frozenset({Reason.APPLY_FAILED, Reason.NOT_CONVERGING, Reason.APPLY_TIMED_OUT})
"""Reasons of Stalled after which an approval lets the same change go once more."""

_PASSING = frozenset({Reason.AWAITING_BUDGET, Reason.QUIET_PERIOD})
"""Holds that end by themselves."""

_TIMED = frozenset({Reason.AWAITING_WINDOW, Reason.DRIFTED, Reason.CHANGE_LIMIT_REACHED})
"""Holds that end by themselves at the plan's time; without one there is no such time to come."""

_ARGO_CD = "argocd.argoproj.io/tracking-id"
_FLUX = ("kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectView:
    """An object as it was when it was read."""

    namespace: str
    name: str
    instance_id: str
    resource_version: str
    generation: int
    suspended: bool
    annotations: Mapping[str, str]
    labels: Mapping[str, str]
    status: Status

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Self:
        """Read what the API server gave."""
        meta, spec = manifest["metadata"], manifest.get("spec") or {}
        return cls(
            namespace=meta["namespace"],
            name=meta["name"],
            instance_id=str(spec.get("instanceID") or ""),
            resource_version=meta["resourceVersion"],
            generation=int(meta.get("generation") or 0),
            suspended=spec.get("suspend") is True,
            annotations=meta.get("annotations") or {},
            labels=meta.get("labels") or {},
            status=statuses.parse_status(manifest.get("status") or {}),
        )

    @property
    def title(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    @property
    def up_to_date(self) -> bool:
        """True if the status is about the spec as it is now."""
        return self.status.observed_generation == self.generation

    @property
    def in_flight(self) -> bool:
        """True if a change was sent, or is being sent, and has not ended."""
        operation = self.status.operation
        return operation is not None and operation.phase.is_unfinished

    @property
    def approved(self) -> str:
        """The digest in the annotation; empty if there is none."""
        return self.annotations.get(APPROVE_ANNOTATION, "").strip()

    @property
    def spent(self) -> frozenset[str]:
        """The digests whose approval was used, as far as they are remembered."""
        last, history = self.status.last_approval, self.status.history
        used = {each.approval for each in history if each.approval}
        return frozenset(used | ({last.digest} if last else set()))

    @property
    def kept_in_git_by(self) -> str:
        """What sets the spec back to what Git has: ``Argo CD``, ``Flux``, or empty."""
        if _ARGO_CD in self.annotations:
            return "Argo CD"
        return "Flux" if any(each in self.labels for each in _FLUX) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An object with a plan, and what holds it."""

    seen: ObjectView
    plan: PlanStatus
    reason: str
    """Of ChangePending, else of Stalled; empty if nothing holds it."""
    message: str
    """The condition's."""
    ahead: bool = False
    """Newer material that may go ahead of the object's plan: nobody has to approve it."""

    @classmethod
    def of(cls, seen: ObjectView) -> Self | None:
        """Find the plan of an object, if it has one."""
        plan = seen.status.plan
        if plan is None:
            return None
        stalled, held = _true(seen.status, STALLED), _true(seen.status, CHANGE_PENDING)
        if stalled and plan.held_by in {None, stalled.reason}:
            return cls(seen=seen, plan=plan, reason=stalled.reason, message=stalled.message)
        return cls(
            seen=seen, plan=plan, reason=plan.held_by or "", message=held.message if held else ""
        )

    @classmethod
    def ahead_of(cls, seen: ObjectView) -> Self | None:
        """Find newer material that goes ahead of the plan of an object, if there is some."""
        plan = seen.status.rotation
        if plan is None:
            return None
        stalled, held = _true(seen.status, STALLED), _true(seen.status, CHANGE_PENDING)
        told = stalled if stalled and stalled.reason == plan.held_by else held
        message = told.message if told and plan.held_by else ""
        return cls(seen=seen, plan=plan, reason=plan.held_by or "", message=message, ahead=True)

    @classmethod
    def named(cls, seen: ObjectView, digest: str) -> Self | None:
        """Find the plan of a digest, that of newer material too; else the one of the object."""
        ahead = cls.ahead_of(seen)
        return ahead if ahead and ahead.plan.digest == digest else cls.of(seen)

    @property
    def under_way(self) -> bool:
        """True if it is no plan any more, but a change that was sent."""
        return not self.reason and self.seen.in_flight

    @property
    def approvable(self) -> bool:
        """True if an approval would let it go."""
        return self.reason in REPEATABLE or (self.reason in APPROVABLE and not self.ahead)

    @property
    def waits_for_person(self) -> bool:
        """True if it stays until somebody does something."""
        if self.ahead and self.reason == Reason.AWAITING_APPROVAL:
            return False  # It waits for the answer to an edit, and no longer than a week.
        if self.reason == Reason.DRIFTED and APPROVE_ANNOTATION in self.message:
            return True  # It is only reported: its time is that of the window after an approval.
        if self.reason in _TIMED:
            return self.plan.not_before is None
        return bool(self.reason) and self.reason not in _PASSING

    @property
    def restarts(self) -> int:
        """How many restarts it takes at most: one for each call; Unknown counts as Expected."""
        return 0 if self.plan.restart is Restart.NONE else max(1, len(self.plan.steps))


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Opening:
    """When a plan may start; they sort as they come."""

    rank: int
    at: float = 0.0
    """Seconds since the epoch, to sort by; 0 where *rank* says it all."""


UNDER_WAY = Opening(rank=0)
NOW = Opening(rank=1)
WHEN_LET_GO = Opening(rank=3)


def opening(pending: Pending, now: datetime) -> Opening:
    """Return when a plan may start: now, at a time, or when a person lets it go, and then when."""
    if pending.under_way:
        return UNDER_WAY
    not_before = pending.plan.not_before
    at = not_before.timestamp() if not_before and not_before > now else 0.0
    if pending.waits_for_person:
        return Opening(rank=4, at=at) if at else WHEN_LET_GO
    return Opening(rank=2, at=at) if at else NOW


def pending_of(seen: Sequence[ObjectView]) -> list[Pending]:
    """Return all plans: of an object its own, and that of newer material that goes ahead of it."""
    found = (find(each) for each in seen for find in (Pending.of, Pending.ahead_of))
    return [each for each in found if each is not None]


def why_not_approvable(pending: Pending | None, seen: ObjectView, digest: str) -> str | None:
    """
    Return why a plan cannot be approved; None if it can.

    Args:
        digest: The only plan that is meant; empty for whichever is pending.
    """
    if pending is None:
        stalled = _true(seen.status, STALLED)
        why = f" It is Stalled with {stalled.reason}: {stalled.message}" if stalled else ""
        return f"{seen.title} has no plan that is pending, so nothing was approved.{why}"
    if digest and digest != pending.plan.digest:
        return (
            f"The plan of {seen.title} that is pending is {pending.plan.digest}, not {digest}, so"
            f" nothing was approved. Read it: rds-ssl plan -n {seen.namespace} {seen.name}"
        )
    if not seen.up_to_date:
        return (
            f"{seen.title} was changed after the operator made this plan, so nothing was approved."
            " Look again in a moment; if that does not help, the operator may not be running."
        )
    if pending.approvable and pending.plan.digest in seen.spent:
        return (
            f"An approval of plan {pending.plan.digest} of {seen.title} was spent already, and"
            " counts once, so nothing was approved."
        )
    if pending.approvable:
        return None
    if pending.under_way:
        return f"The plan of {seen.title} was sent already; there is nothing to approve."
    held = f"It is held by {pending.reason}." if pending.reason else "Nothing holds it."
    return f"The plan of {seen.title} does not wait for approval, so nothing was approved. {held}"


def _true(status: Status, kind: str) -> Condition | None:
    found = status.condition(kind)
    return found if found is not None and found.status == "True" else None
