"""
May a plan be carried out now? One chain of gates; the first that holds answers.

`GATES` is the chain, `DELETION_GATES` that of SSL off for an object that is deleted with
deletionPolicy Disable: to declare Disable has approved it, and nobody edits the object any more. A
slot among the changes at a time comes after all of them, so that none is held while a plan waits;
it is the caller's to ask for.

Pure; the gates answer "go" or "hold, because, until". Source: docs/operations.md, "What may start,
and when", whose table is printed from here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from rds_ssl.core.api.spec import AdoptionPolicy, Declaration, DriftPolicy, ManagementPolicy
from rds_ssl.core.api.status import HistoryEntry
from rds_ssl.core.formats import write_time
from rds_ssl.core.gates.approval import Approval
from rds_ssl.core.gates.failures import FailureHistory
from rds_ssl.core.gates.hold import QUIET, Hold
from rds_ssl.core.model import Cause, Impact, Observed, Reason, Restart
from rds_ssl.core.moments import shifted
from rds_ssl.core.planning.fields import Field
from rds_ssl.core.planning.plan import Plan
from rds_ssl.core.windows import Opening, is_bound, window_words

DAY = timedelta(days=1)
"""What changes per day are counted over, and how long a corrected drift is remembered."""

URGENT = timedelta(hours=72)
"""Before its expiry, what is in force is replaced whatever the changes of the day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Everything that the gates ask beside the plan and the declaration."""

    now: datetime
    read_only: bool = False
    approval: Approval = field(default_factory=Approval)
    asked: bool = False
    """Somebody asks for one more attempt at what has failed for this object: reconcile-now."""
    seen_since: datetime
    """When this very plan was first seen."""
    drift_delay: timedelta = timedelta(minutes=30)
    """From then until a foreign change is put back, two looks in between at the least."""
    history: Sequence[HistoryEntry] = ()
    """The object's own."""
    opening: Opening | None = None
    """Of the windows, if the declaration has any."""
    maintain_time: str = ""
    quiet_for: float = 0.0
    """Seconds that the inputs still have to stand still."""
    restarts: Sequence[datetime] = ()
    """When calls that may have restarted the instance ended, whoever's object it was."""
    most_restarts: int = 3
    """In 24 hours; 0 is no limit."""
    failures: FailureHistory = field(default_factory=FailureHistory)
    """With the plan's material."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a gate judges."""

    plan: Plan
    declaration: Declaration
    observed: Observed
    at: Circumstances


def gate(
    plan: Plan, declaration: Declaration, observed: Observed, at: Circumstances
) -> Hold | None:
    """Return the hold of the first gate that has one; None for go."""
    case = Case(plan=plan, declaration=declaration, observed=observed, at=at)
    gates = DELETION_GATES if plan.cause is Cause.DELETION else GATES
    return next((hold for each in gates if (hold := each.check(case)) is not None), None)


def not_before(
    plan: Plan, declaration: Declaration, at: Circumstances, hold: Hold
) -> datetime | None:
    """
    Return the earliest time at which a held plan can start, as far as it is known; None: any time.

    A plan that waits for a person waits for its window after that.
    """
    window = _window(plan, declaration, at)
    times = [each for each in (hold.until, window.until if window else None) if each is not None]
    # What is over within seconds is told without a time: it would be another one on every pass.
    return None if hold.passing else max(times, default=None)


def closes(plan: Plan, declaration: Declaration, at: Circumstances) -> datetime | None:
    """Return the time from which a plan that may go now may not start any more; None: never."""
    bound = _window(plan, declaration, replace(at, opening=None)) is not None
    return at.opening.last_start if bound and at.opening is not None else None


def _observing(case: Case) -> Hold | None:
    if not (case.at.read_only or case.declaration.management_policy is ManagementPolicy.OBSERVE):
        return None
    by = "the operator is READ_ONLY" if case.at.read_only else "managementPolicy is Observe"
    return Hold(reason=Reason.OBSERVING, message=f"It is not sent: {by}.")


def _suspended(case: Case) -> Hold | None:
    if not case.declaration.suspend:
        return None
    return Hold(reason=Reason.SUSPENDED, message="It is not sent: spec.suspend is true.")


def _first_contact(case: Case) -> Hold | None:
    plan, declaration, at = case.plan, case.declaration, case.at
    if not plan.first_contact or at.approval.allows(plan):
        return None
    overwrites = declaration.adoption_policy is AdoptionPolicy.OVERWRITE
    turns_on = declaration.enabled and not case.observed.enabled
    # An instance that this object knew once may be as somebody else wants it since then.
    if (overwrites or turns_on) and not plan.untold:
        return None
    why = "The instance was set up before this object knew it"
    how = ", set adoptionPolicy: Overwrite,"
    if plan.untold:
        why = "An older version of the operator has applied the last change and not recorded what"
        how = ""
    return Hold(
        reason=Reason.AWAITING_APPROVAL,
        message=f"{why}, so nothing is changed: make the declaration equal to what is observed{how}"
        f" or {at.approval.remark(plan)}",
    )


def _drift(case: Case) -> Hold | None:
    plan, declaration, at = case.plan, case.declaration, case.at
    if not plan.drift or at.approval.allows(plan):
        return None
    what = "The instance was changed elsewhere and no longer is as applied"
    keep = "To keep the change, declare it here"
    if declaration.drift_policy is DriftPolicy.REPORT:
        return Hold(
            reason=Reason.DRIFTED,
            message=f"{what}; driftPolicy is Report, so it is not put back. {keep}; to put it back,"
            f" {at.approval.remark(plan)}",
        )
    corrected = _corrected(plan, at)
    if corrected is not None:
        return Hold(
            reason=Reason.DRIFTED,
            message=f"{what}. The same was put back at {write_time(corrected)}, and is changed"
            " again: somebody else, perhaps another operator, wants it otherwise, so it is only"
            f" reported. {keep}; to put it back once more, {at.approval.remark(plan)}",
        )
    if _needed(plan, declaration):
        return None  # It is never put back by itself: the next gate says so at once.
    due = shifted(at.seen_since, at.drift_delay)
    if at.now >= due:
        return None
    return Hold(
        reason=Reason.DRIFTED,
        message=f"{what}; it is put back at {write_time(due)}. {keep}, or set driftPolicy: Report"
        " or suspend: true before.",
        until=due,
    )


def _corrected(plan: Plan, at: Circumstances) -> datetime | None:
    """Return the time at which the same drift was put back, not a day before it was seen again."""
    fields = [each.field for each in plan.changes]
    return next(
        (
            each.time
            for each in at.history
            if each.cause == Cause.DRIFT
            and at.seen_since - each.time < DAY
            and _overlap(fields, each.fields)
        ),
        None,
    )


def _overlap(one: Sequence[str], other: Sequence[str]) -> bool:
    """
    True if two changes, as fields of the spec, have a setting in common.

    What turns SSL on or off changes every setting, and may name `enabled` alone; whose certificate
    it is and which one are the same setting.
    """
    if Field.ENABLED in {*one, *other}:
        return True
    return not {_setting(each) for each in one}.isdisjoint(_setting(each) for each in other)


def _setting(name: str) -> str:
    of_certificate = name.partition(".")[0] == Field.SERVER_CERTIFICATE
    return Field.SERVER_CERTIFICATE if of_certificate else name


def _needed(plan: Plan, declaration: Declaration) -> list[Impact]:
    # First contact that was waived by Overwrite is no waiver of what weakens.
    return [each for each in plan.impacts if each in declaration.approval_required]


def _approval(case: Case) -> Hold | None:
    plan, declaration, at = case.plan, case.declaration, case.at
    needed = _needed(plan, declaration)
    if not needed or at.approval.allows(plan):
        return None
    why = "It would undo what somebody changed elsewhere, and it" if plan.drift else "It"
    return Hold(
        reason=Reason.AWAITING_APPROVAL,
        message=f"{why} waits for approval because of {', '.join(needed)}: undo the change, or"
        f" {at.approval.remark(plan)}",
    )


def _maintenance_window(case: Case) -> Hold | None:
    return _window(case.plan, case.declaration, case.at)


def _window(plan: Plan, declaration: Declaration, at: Circumstances) -> Hold | None:
    maintenance = declaration.maintenance
    if plan.restart is Restart.NONE or not is_bound(maintenance):
        return None
    margin = maintenance.override_before_expiry
    if margin is not None and _expires_within(plan, margin, at.now):
        return None
    named = window_words(maintenance, at.maintain_time)
    urgent = shifted(plan.deadline, -margin) if plan.deadline and margin else None
    early = f" Because of what expires, it is sent at {write_time(urgent)}." if urgent else ""
    if at.opening is None:
        return Hold(
            reason=Reason.AWAITING_WINDOW,
            message=f"It waits for a maintenance window, and there is none to come ({named}): set"
            f" the instance's maintenance time in the console, or spec.maintenance.windows.{early}",
            until=urgent,
        )
    if at.opening.is_open(at.now):
        return None
    opens = at.opening.start
    sooner = urgent is not None and urgent < opens
    return Hold(
        reason=Reason.AWAITING_WINDOW,
        message=f"It waits for the maintenance window ({named}), which opens at"
        f" {write_time(opens)}.{early if sooner else ''}",
        until=urgent if sooner else opens,
    )


def _expires_within(plan: Plan, margin: timedelta, now: datetime) -> bool:
    return plan.deadline is not None and plan.deadline - now <= margin


def _quiet_period(case: Case) -> Hold | None:
    at = case.at
    if at.quiet_for <= 0:
        return None
    return Hold(
        reason=QUIET.reason,
        message=QUIET.message,
        until=at.now + timedelta(seconds=at.quiet_for),
    )


def _change_limit(case: Case) -> Hold | None:
    plan, at = case.plan, case.at
    if not at.most_restarts or plan.restart is Restart.NONE:
        return None
    today = sorted(each for each in at.restarts if at.now - each < DAY)
    if len(today) < at.most_restarts:
        return None
    if at.approval.allows(plan) or _expires_within(plan, URGENT, at.now):
        return None
    # Never later than a day from now, whatever was done to the clock.
    until = shifted(min(today[-at.most_restarts], at.now), DAY)
    if plan.deadline is not None:
        until = min(until, shifted(plan.deadline, -URGENT))
    return Hold(
        reason=Reason.CHANGE_LIMIT_REACHED,
        message=f"The instance was changed {len(today)} times within 24 hours, with a restart each:"
        f" it is sent at {write_time(until)}; or, to restart it once more now,"
        f" {at.approval.remark(plan)}",
        until=until,
    )


def _failures(case: Case) -> Hold | None:
    plan, at = case.plan, case.at
    found = at.failures
    start = found.next_start()
    if start is None or at.approval.allows(plan) or at.asked:
        return None
    if found.is_halted:
        return Hold(
            reason=Reason.AWAITING_APPROVAL,
            message=f"The last {found.failures} changes with the same material failed, on this"
            " instance or on others: provide other material, or, to try once more,"
            f" {at.approval.remark(plan)}",
        )
    if at.now >= start:
        return None
    return Hold(
        reason=Reason.AWAITING_BUDGET,
        message="The last change with the same material failed, on this instance or on another; the"
        f" next is sent at {write_time(start)}.",
        until=start,
    )


class Gate(NamedTuple):
    """One gate, and the words of its row in docs/operations.md."""

    name: str
    holds: str
    let_go_by: str
    check: Callable[[Case], Hold | None]


GATES = (
    Gate(
        "`RDS_SSL_READ_ONLY`, `managementPolicy: Observe`",
        "everything",
        "the setting",
        _observing,
    ),
    Gate("`suspend`", "everything", "the setting", _suspended),
    Gate(
        "first contact",
        "all but turning SSL on where it is off",
        "`adoptionPolicy: Overwrite`, an approval",
        _first_contact,
    ),
    Gate(
        "drift",
        "what would undo a foreign change",
        "time (`driftPolicy: Correct`), an approval",
        _drift,
    ),
    Gate("approval", "an impact of `approvalRequired`", "an approval", _approval),
    Gate(
        "maintenance window",
        "what may restart the database",
        "time; expiry, with `overrideBeforeExpiry`",
        _maintenance_window,
    ),
    Gate("quiet period", "while object or material still change", "time", _quiet_period),
    Gate(
        "changes per day",
        "what may restart the database",
        "time, an approval, expiry within 72 hours",
        _change_limit,
    ),
    Gate("failures", "material that failed on some instance", "time, an approval", _failures),
)
"""In this order: switches, what waits for a person, what waits for time."""

_APPROVED_BY_DISABLE = {_first_contact, _drift, _approval, _quiet_period}

DELETION_GATES = tuple(each for each in GATES if each.check not in _APPROVED_BY_DISABLE)
