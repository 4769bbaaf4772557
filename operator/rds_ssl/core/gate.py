"""
May a plan be carried out now? One chain of rules, in this order; the first that holds answers.

| order | gate | holds |
|---|---|---|
| 1 | READ_ONLY, Observe | every plan: `Observing` |
| 2 | suspend | every plan: `Suspended` |
| 3 | first contact | everything but turning SSL on where it is off, unless Overwrite |
| 4 | drift | every correction: reported only |
| 5 | approval | plans with an impact of `approvalRequired` |
| 6 | quiet period | until the inputs have stood still |
| 7 | budget | asked last by the reconciler: a slot is never held while waiting |

Pure; the gate answers, the reconciler obeys. Source: design, "Impacts and gates".
"""

from dataclasses import dataclass

from rds_ssl.core.declaration import AdoptionPolicy, Declaration, ManagementPolicy
from rds_ssl.core.model import Observed, Reason
from rds_ssl.core.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why a plan does not go; *message* follows the plan's summary; *look_after* in seconds."""

    reason: Reason
    message: str
    look_after: float | None = None

    @property
    def moving(self) -> bool:
        """Whether it goes on by itself soon: Reconciling instead of waiting for a person."""
        return self.reason in {Reason.QUIET_PERIOD, Reason.AWAITING_BUDGET}


QUIET = Hold(
    reason=Reason.QUIET_PERIOD,
    message="It is sent once the object and its material have stood still for the quiet period.",
)
BUDGET = Hold(
    reason=Reason.AWAITING_BUDGET,
    message="It is sent once another instance of the account has finished its change.",
)


def gate(
    plan: Plan,
    declaration: Declaration,
    observed: Observed,
    *,
    read_only: bool,
    quiet_for: float,
    deleting: bool = False,
) -> Hold | None:
    """
    Give the hold, or None for go (the budget is the caller's).

    Args:
        quiet_for: Seconds that the inputs still have to stand still.
        deleting: The plan turns SSL off because the object goes: ``deletionPolicy: Disable``
            has approved it, and nobody edits the object any more.
    """
    if read_only or declaration.management_policy is ManagementPolicy.OBSERVE:
        by = "the operator is READ_ONLY" if read_only else "managementPolicy is Observe"
        return Hold(reason=Reason.OBSERVING, message=f"It is not sent: {by}.")
    if declaration.suspend:
        return Hold(reason=Reason.SUSPENDED, message="It is not sent: spec.suspend is true.")
    if deleting:
        return None
    return (
        _first_contact(plan, declaration, observed)
        or _drift(plan)
        or _approval(plan, declaration)
        or _quiet(quiet_for)
    )


def _first_contact(plan: Plan, declaration: Declaration, observed: Observed) -> Hold | None:
    if not plan.first_contact or declaration.adoption_policy is AdoptionPolicy.OVERWRITE:
        return None
    if declaration.enabled and not observed.enabled:
        return None
    return Hold(
        reason=Reason.AWAITING_APPROVAL,
        message=(
            "The instance was set up before this object knew it, so nothing is changed: make the"
            " declaration equal to what is observed, or set adoptionPolicy: Overwrite."
        ),
    )


def _drift(plan: Plan) -> Hold | None:
    if not plan.drift:
        return None
    return Hold(
        reason=Reason.DRIFTED,
        message=(
            "The instance was changed elsewhere and no longer is as applied; it is reported, not"
            " corrected. Undo the change there, or declare it here."
        ),
    )


def _approval(plan: Plan, declaration: Declaration) -> Hold | None:
    # First contact that was waived by Overwrite is no waiver of what weakens.
    needed = [each for each in plan.impacts if each in declaration.approval_required]
    if not needed:
        return None
    return Hold(
        reason=Reason.AWAITING_APPROVAL,
        message=(
            f"It waits for approval because of {', '.join(needed)}: take these out of"
            " spec.approvalRequired to let it go, or undo the change."
        ),
    )


def _quiet(quiet_for: float) -> Hold | None:
    if quiet_for <= 0:
        return None
    return Hold(reason=QUIET.reason, message=QUIET.message, look_after=quiet_for)
