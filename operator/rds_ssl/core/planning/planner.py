"""
Desired + observed + applied → what is to be done, in which steps, and what it does to people.

Pure. Source: docs/conditions.md, "The plan in status"; restarts: docs/restarts.md, the vendor's
pages.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from rds_ssl.core.api.status import AppliedStatus, ApprovalStatus, HistoryEntry, OperationStatus
from rds_ssl.core.formats import fingerprint
from rds_ssl.core.model import (
    CAType,
    Cause,
    Change,
    Engine,
    Finding,
    Impact,
    Observed,
    Phase,
    Reason,
    Restart,
)
from rds_ssl.core.planning import drift
from rds_ssl.core.planning.chain import intermediates_in_force, leads_elsewhere
from rds_ssl.core.planning.changes import changes, notes
from rds_ssl.core.planning.desired import Desired, relax_step
from rds_ssl.core.planning.diff import compare, told_by_end
from rds_ssl.core.planning.digest import plan_digest
from rds_ssl.core.planning.fields import Comparison, Field
from rds_ssl.core.planning.impacts import impacts_of, predict_restart
from rds_ssl.core.planning.plan import Plan, PlanResult, Step
from rds_ssl.core.planning.renewal import replaced_end


def is_first_contact(applied: AppliedStatus | None, operation: OperationStatus | None) -> bool:
    """True if nothing was applied and no own operation accepted; a refusal is none."""
    if applied is not None and applied.state is not None:
        return False
    if operation is None or operation.phase in {Phase.SENDING, Phase.REFUSED}:
        return True
    # An unknown outcome that was seen at work becomes Accepted without a request.
    return operation.phase is not Phase.ACCEPTED and not operation.request_id


def make_plan(
    desired: Desired,
    observed: Observed,
    *,
    engine: str,
    uid: str,
    applied: AppliedStatus | None,
    operation: OperationStatus | None,
    last_approval: ApprovalStatus | None = None,
    history: Sequence[HistoryEntry] = (),
    engine_version: str = "",
    deleting: bool = False,
    at_rest: bool = False,
    elsewhere: frozenset[Field] = frozenset(),
    now: datetime | None = None,
) -> PlanResult:
    """
    Return what is to be done; *uid* is the object's, so that no other object's approval fits.

    *at_rest*: the object says that all is well with it as it is declared. *elsewhere*: fields that
    another plan brings (`planning.ahead`). *now* tells which client CAs have expired; None: none.

    Unknown fields make a plan only where nothing resolves them: at first contact (it is held then,
    unless Overwrite), or after an own operation. Whether the certificate is the vendor's, which
    MySQL never tells, is no reason for a call while this object has asked for no other.
    """
    unproved = drift.unproved(desired, observed, applied, history)
    first = applied is None and is_first_contact(applied, operation)
    told = elsewhere | (told_by_end(desired.state, observed) if first else frozenset())
    found = drift.compared(desired, observed, applied, operation, unproved)
    comparison = _without(found, elsewhere, told=told)
    was = applied.state if applied else None
    declared_applied = was is not None and was.same(desired.state)
    settled = _settled(
        desired,
        observed,
        comparison,
        applied,
        operation,
        declared_applied=declared_applied,
        at_rest=at_rest,
    )
    if settled is not None:
        return PlanResult(comparison=settled, plan=None, declared_applied=declared_applied)
    if drift.may_replace(desired, observed, applied):
        comparison = replace(comparison, unknown=comparison.unknown | {Field.CA_TYPE})
    plan = _plan(
        desired,
        observed,
        comparison,
        unproved,
        uid=uid,
        applied=applied,
        operation=operation,
        last_approval=last_approval,
        restart=predict_restart(comparison, engine=engine, engine_version=engine_version),
        deleting=deleting,
        now=now,
    )
    return PlanResult(comparison=comparison, plan=plan, declared_applied=declared_applied)


def _without(
    comparison: Comparison, fields: frozenset[Field], *, told: frozenset[Field]
) -> Comparison:
    return Comparison(different=comparison.different - fields, unknown=comparison.unknown - told)


def _settled(
    desired: Desired,
    observed: Observed,
    comparison: Comparison,
    applied: AppliedStatus | None,
    operation: OperationStatus | None,
    *,
    declared_applied: bool,
    at_rest: bool,
) -> Comparison | None:
    """Return the comparison of an instance that needs no call; None if it needs one."""
    if applied is not None and applied.state is None and at_rest and not comparison.different:
        # What cannot be told is as declared as it was: no reason for a call.
        kept = applied.model_copy(update={"state": desired.state})
        return compare(desired, observed, applied=kept)
    # Which intermediates are in force cannot be told where nobody has sent any: no reason for one.
    open_questions = comparison.unknown - {Field.CHAIN}
    if desired.ca_type is CAType.ALIYUN and drift.never_custom(applied, operation):
        open_questions -= {Field.CA_TYPE}
    if comparison.different or (open_questions and not declared_applied):
        return None
    return replace(comparison, unknown=open_questions | (comparison.unknown & {Field.CHAIN}))


def _plan(
    desired: Desired,
    observed: Observed,
    comparison: Comparison,
    unproved: frozenset[Field],
    *,
    uid: str,
    applied: AppliedStatus | None,
    operation: OperationStatus | None,
    last_approval: ApprovalStatus | None,
    restart: Restart,
    deleting: bool,
    now: datetime | None,
) -> Plan:
    found = {*impacts_of(desired, observed, comparison, now=now)}
    if Field.CHAIN in comparison.different | comparison.unknown and leads_elsewhere(
        desired, observed, applied
    ):
        found.add(Impact.TRUST_CHANGES)
    if restart is not Restart.NONE:
        found.add(Impact.RESTART)
    impacts = tuple(each for each in Impact if each in found)
    words = changes(desired, observed, comparison, applied=applied)
    foreign = drift.is_drift(desired, observed, comparison, applied, operation, unproved=unproved)
    again = operation is not None and operation.digest == desired.digest and not unproved
    cause = Cause.DRIFT if foreign else _cause(desired, applied, again=again)
    cause = Cause.DELETION if deleting else cause
    return Plan(
        digest=plan_digest(
            desired,
            observed,
            comparison.different | comparison.unknown,
            uid=uid,
            impacts=impacts,
            cause=cause,
            applied=applied,
            operation=operation,
            last_approval=last_approval,
        ),
        to=desired.digest,
        cause=cause,
        steps=tuple(_steps(desired, observed, applied, words)),
        changes=words,
        impacts=impacts,
        restart=restart,
        material_only=drift.is_rotation(desired, observed, comparison, applied),
        first_contact=is_first_contact(applied, operation),
        untold=applied is not None and applied.state is None,
        drift=foreign,
        material=frozenset(_new_material(desired, observed, comparison)),
        deadline=replaced_end(
            observed,
            comparison.different | comparison.unknown,
            intermediates=intermediates_in_force(observed, applied),
        ),
        notes=tuple(notes(desired, observed)),
    )


def _cause(desired: Desired, applied: AppliedStatus | None, *, again: bool) -> Cause:
    if desired.renews is not None:
        return Cause.RENEWAL
    was = applied.state if applied else None
    if was is None or was.settings != desired.state.settings:
        return Cause.SPEC
    if not was.same_material(desired.state):
        return Cause.ROTATION
    # Nothing is declared that was not applied: an own operation went wrong, which was to put back
    # what somebody else did, or was to lead elsewhere before the declaration was edited back.
    return Cause.DRIFT if again else Cause.SPEC


def _new_material(desired: Desired, observed: Observed, comparison: Comparison) -> Iterator[str]:
    """Yield `Plan.material`."""
    fields = comparison.different | comparison.unknown
    on = Field.ENABLED in fields and desired.enabled
    leaf, known = desired.server_certificate, observed.client_ca or () if observed.enabled else ()
    for field, parts in (
        (Field.SERVER_CERTIFICATE, {leaf.sha256} if leaf else set()),
        (Field.CHAIN, {desired.state.chain} if desired.state.chain else set()),
        (Field.PFX, {desired.pfx} if desired.pfx else set()),
        (
            Field.CLIENT_CA,
            {each.sha256 for each in desired.client_ca} - {each.sha256 for each in known},
        ),
        (Field.REVOCATION_LIST, {each.sha256 for each in desired.revocation_list}),
    ):
        name = fingerprint(parts)
        if name is not None and (field in fields or (on and field is not Field.CHAIN)):
            yield name


def _steps(
    desired: Desired,
    observed: Observed,
    applied: AppliedStatus | None,
    words: tuple[Change, ...],
) -> Iterator[Step]:
    """Loosen first; what is kept until the second step is told there."""
    first = relax_step(desired, observed)
    if first is None:
        yield Step(desired=desired, changes=words)
        return
    later = {Field.CLIENT_CA.value, Field.REVOCATION_LIST.value}
    between = compare(first, observed, applied=applied)
    yield Step(desired=first, changes=changes(first, observed, between, applied=applied))
    yield Step(desired=desired, changes=tuple(each for each in words if each.field in later))


def unsupported_transition(
    desired: Desired, observed: Observed, comparison: Comparison, *, engine: str, own: bool
) -> Finding | None:
    """
    Return that SQL Server cannot go from a PFX file to a cloud certificate while SSL is on.

    It has no CAType, and what is left out may stay as it is: only off and on again is sure.

    Args:
        own: A call of this object may have brought a PFX file, whatever came of it.
    """
    open_fields = comparison.different | (comparison.unknown if own else frozenset())
    if engine != Engine.SQLSERVER or Field.CA_TYPE not in open_fields:
        return None
    if not (desired.enabled and observed.enabled) or desired.ca_type is not CAType.ALIYUN:
        return None
    return Finding(
        reason=Reason.ENGINE_NOT_SUPPORTED,
        message="RDS for SQL Server has no parameter that leads from a PFX file back to a cloud"
        " certificate. Declare enabled: false, and true again once SSL is off.",
    )
