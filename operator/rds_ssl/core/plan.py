"""
Desired + observed + applied → what is to be done, in which steps, and what it does to people.

Pure. Source: docs/conditions.md, "The plan in status"; restarts: docs/restarts.md, the vendor's
pages.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rds_ssl.core.changes import changes, notes
from rds_ssl.core.comparison import Comparison, compare, observed_material
from rds_ssl.core.desired import Desired, loosened
from rds_ssl.core.expiry import replaced_end
from rds_ssl.core.fields import MATERIAL, ROWS, SETTINGS, Field, shows
from rds_ssl.core.formats import fingerprint, host_name
from rds_ssl.core.impacts import impacts_of
from rds_ssl.core.model import (
    CAType,
    Cause,
    Change,
    Impact,
    Observed,
    Phase,
    Restart,
)
from rds_ssl.core.operation import LEFT_BEHIND, End
from rds_ssl.core.prediction import predict_restart
from rds_ssl.core.status import AppliedStatus, ApprovalStatus, HistoryEntry, OperationStatus

UNPROVED = frozenset({End.NOT_CONVERGING.value, End.TIMED_OUT.value})
"""Results after which RDS has not said how the change ended; after Failed it has."""

_TOLD_BY_END = frozenset({Field.CA_TYPE, Field.SERVER_CERTIFICATE, Field.PFX})
"""What is told by SSLExpireTime, if that is shown, see `_replaced`."""


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
class Standing:
    """How the instance stands to what is declared: a plan, or nothing to do."""

    comparison: Comparison
    plan: Plan | None
    declared_applied: bool
    """Both digests of the declaration are those of `applied`."""


def is_first_contact(applied: AppliedStatus | None, operation: OperationStatus | None) -> bool:
    """Neither a state applied nor an own operation accepted; a refusal's request is none."""
    if applied is not None and applied.state is not None:
        return False
    if operation is None or operation.phase in {Phase.SENDING, Phase.REFUSED}:
        return True
    # An unknown outcome that was seen at work becomes Accepted without a request.
    return operation.phase is not Phase.ACCEPTED and not operation.request_id


def stand(
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
) -> Standing:
    """
    Say what is to be done; *uid* is the object's, so that no other object's approval fits.

    *at_rest*: the object says that all was well with it as it is declared now.

    Unknown fields make a plan only where nothing resolves them: at first contact (such a plan is
    held, unless Overwrite), or after an own operation. Whether the certificate is the vendor's,
    which MySQL never tells, is no reason for a call as long as this object asked for no other.
    """
    unproved = _unproved(desired, observed, applied, history)
    comparison = _compared(desired, observed, applied, operation, unproved)
    state = desired.state
    was = applied.state if applied else None
    declared_applied = was is not None and (
        was.settings == state.settings and was.material == state.material
    )
    untold = applied is not None and was is None
    open_questions = comparison.unknown
    if desired.ca_type is CAType.ALIYUN and _never_custom(applied, operation):
        open_questions -= {Field.CA_TYPE}
    if applied is not None and untold and at_rest and not comparison.different:
        # What cannot be told is as declared as it was: no reason for a call.
        kept = applied.model_copy(update={"state": state})
        comparison = compare(desired, observed, applied=kept)
        return Standing(comparison=comparison, plan=None, declared_applied=False)
    if not comparison.different and (declared_applied or not open_questions):
        comparison = replace(comparison, unknown=open_questions)
        return Standing(comparison=comparison, plan=None, declared_applied=declared_applied)
    if _may_replace(desired, observed, applied):
        comparison = replace(comparison, unknown=comparison.unknown | {Field.CA_TYPE})
    restart = predict_restart(comparison, engine=engine, engine_version=engine_version)
    found = {*impacts_of(desired, observed, comparison)}
    if restart is not Restart.NONE:
        found.add(Impact.RESTART)
    impacts = tuple(each for each in Impact if each in found)
    words = changes(desired, observed, comparison)
    # What own calls have perhaps left is nobody else's change, and hides none.
    foreign = replace(comparison, different=comparison.different - unproved)
    drift = not (unproved and foreign.consistent) and _is_drift(
        desired, observed, foreign, applied, operation
    )
    again = operation is not None and operation.digest == desired.digest and not unproved
    cause = Cause.DRIFT if drift else _cause(desired, applied, again=again)
    plan = Plan(
        digest=_plan_digest(
            uid=uid,
            before=_facts_before(observed),
            impacts=impacts,
            to=desired.digest,
            applied_at=applied.time if applied else None,
            ended=operation.start_time if operation else None,
            given_up=last_approval.end_time if last_approval else None,
        ),
        to=desired.digest,
        cause=Cause.DELETION if deleting else cause,
        steps=tuple(_steps(desired, observed, applied, words)),
        changes=words,
        impacts=impacts,
        restart=restart,
        material_only=_is_rotation(desired, observed, comparison, applied),
        first_contact=is_first_contact(applied, operation),
        untold=untold,
        drift=drift,
        material=frozenset(_new_material(desired, observed, comparison)),
        deadline=replaced_end(observed, comparison.different | comparison.unknown),
        notes=tuple(notes(desired, observed)),
    )
    return Standing(comparison=comparison, plan=plan, declared_applied=declared_applied)


def _compared(
    desired: Desired,
    observed: Observed,
    applied: AppliedStatus | None,
    operation: OperationStatus | None,
    unproved: frozenset[Field],
) -> Comparison:
    comparison = compare(desired, observed, applied=applied)
    # What is not echoed was applied once, and an own call has perhaps changed it since.
    left = unproved
    if _replaced(applied, operation, observed):
        left |= _certificate(desired) & compare(desired, observed).unknown
    return Comparison(different=comparison.different | left, unknown=comparison.unknown - left)


def _unproved(
    desired: Desired,
    observed: Observed,
    applied: AppliedStatus | None,
    history: Sequence[HistoryEntry],
) -> frozenset[Field]:
    """
    Name what is not echoed, and what an own call since *applied* may have changed.

    But for whose certificate it is, where its end is shown: that tells.
    """
    sent = {
        field
        for each in history
        if each.result in UNPROVED and (applied is None or each.time >= applied.time)
        for field in each.fields
    }
    if not (sent and observed.enabled):
        return frozenset()
    hidden = compare(desired, observed).unknown - {Field.RENEWAL}
    if observed.expire_time is not None:
        hidden -= _TOLD_BY_END
    if not shows(observed, Field.FORCE_ENCRYPTION):
        hidden |= {Field.FORCE_ENCRYPTION}
    return frozenset(each for each in hidden if each in sent)


def _is_rotation(
    desired: Desired, observed: Observed, comparison: Comparison, applied: AppliedStatus | None
) -> bool:
    """Say `Plan.material_only`."""
    was = applied.state if applied else None
    if was is None or was.settings != desired.state.settings:
        return False
    return (
        (was.material != desired.state.material or desired.renews is not None)
        and comparison.different | comparison.unknown <= _rotated(desired)
        and _in_force(desired, observed) in {None, was.material}
    )


def _is_drift(
    desired: Desired,
    observed: Observed,
    comparison: Comparison,
    applied: AppliedStatus | None,
    operation: OperationStatus | None,
) -> bool:
    was = applied.state if applied else None
    if was is None or was.settings != desired.state.settings:
        return False  # Whoever has edited the declaration since wants it to hold.
    if comparison.different == {Field.RENEWAL} or _own_left(applied, operation):
        return False
    if was.material == desired.state.material:
        return True
    # Newer material as well: it does not undo in passing what somebody did in the console.
    return bool(comparison.different - _rotated(desired)) or (
        _in_force(desired, observed) not in {None, was.material}
    )


def _in_force(desired: Desired, observed: Observed) -> tuple[str | None, ...] | None:
    """
    Name the material in force, as `applied` would; None if too much of it is hidden.

    Of an instance on which no client CA, or no list, was applied, and none is shown, there is none:
    whoever leaves out what is absent must not hide with it whose server certificate is in force.
    """
    if observed.client_ca is None and not desired.client_ca:
        observed = replace(observed, client_ca=())
    if observed.revocation_list is None and not desired.revocation_list:
        observed = replace(observed, revocation_list=())
    return observed_material(observed)


def _cause(desired: Desired, applied: AppliedStatus | None, *, again: bool) -> Cause:
    if desired.renews is not None:
        return Cause.RENEWAL
    was = applied.state if applied else None
    if was is None or was.settings != desired.state.settings:
        return Cause.SPEC
    if was.material != desired.state.material:
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
        (Field.PFX, {desired.pfx} if desired.pfx else set()),
        (
            Field.CLIENT_CA,
            {each.sha256 for each in desired.client_ca} - {each.sha256 for each in known},
        ),
        (Field.REVOCATION_LIST, {each.sha256 for each in desired.revocation_list}),
    ):
        name = fingerprint(parts)
        if name is not None and (on or field in fields):
            yield name


def _never_custom(applied: AppliedStatus | None, operation: OperationStatus | None) -> bool:
    """Whether no call of this object can have brought a certificate of its own."""
    untouched = operation is None or operation.phase is Phase.REFUSED
    return untouched and (
        applied is None or (applied.state is not None and not applied.state.enabled)
    )


def _may_replace(desired: Desired, observed: Observed, applied: AppliedStatus | None) -> bool:
    """
    Whether a call may replace an own certificate that nobody knows of.

    What was adopted and is not shown was never seen, and one that ends at another time than what
    was applied is somebody else's, or a renewal: any call names the vendor's certificate.
    """
    moved = applied is not None and applied.expire_time not in {None, observed.expire_time}
    return (
        desired.enabled
        and observed.enabled
        and desired.ca_type is CAType.ALIYUN
        and observed.ca_type is None
        and applied is not None
        and (applied.request_id is None or moved)
    )


def _rotated(desired: Desired) -> frozenset[Field]:
    """Name the fields that differ where settings are as declared, and only material is newer."""
    return MATERIAL | ({Field.RENEWAL, Field.CA_TYPE} if desired.renews else frozenset())


def _own_left(applied: AppliedStatus | None, operation: OperationStatus | None) -> bool:
    """Whether a difference may come from an own operation: one since the state was applied."""
    if operation is None or operation.phase not in LEFT_BEHIND:
        return False
    if operation.target is not None and operation.target.renews is not None:
        return False  # It was to change nothing but a date.
    return applied is None or operation.start_time >= applied.time


def _replaced(
    applied: AppliedStatus | None, operation: OperationStatus | None, observed: Observed
) -> bool:
    """Whether an own change that ended badly has left its certificate: by the end of that."""
    if applied is None or operation is None or not _own_left(applied, operation):
        return False
    before = operation.before.expire_time if operation.before else None
    if operation.target is None or applied.state is None:
        return False
    return (
        operation.target.material != applied.state.material
        and None not in {before, observed.expire_time}
        and observed.expire_time != before
    )


def _certificate(desired: Desired) -> frozenset[Field]:
    """Name what says whose certificate is wanted, where the certificate itself is not shown."""
    if desired.pfx:
        return frozenset({Field.PFX})
    return frozenset({Field.CA_TYPE} if desired.ca_type is CAType.ALIYUN else ())


def _facts_before(observed: Observed) -> Mapping[str, object]:
    """
    What a plan starts from: all that is shown; the vendor's own certificate moves by itself.

    Not only what its words name: what turns SSL off, or names the vendor's certificate, undoes more
    than that.
    """
    leaf = observed.server_certificate
    custom = leaf is not None and observed.ca_type is not CAType.ALIYUN
    return {
        **{field: ROWS[field].shown(observed) for field in SETTINGS},
        Field.CONNECTION_STRING: host_name(observed.connection_string or ""),
        Field.SERVER_CERTIFICATE: leaf.sha256 if leaf and custom else None,
        Field.CLIENT_CA: sorted(each.sha256 for each in observed.client_ca or ()),
        Field.REVOCATION_LIST: sorted(each.sha256 for each in observed.revocation_list or ()),
    }


def _plan_digest(
    *,
    uid: str,
    before: Mapping[str, object],
    impacts: tuple[Impact, ...],
    to: str,
    applied_at: datetime | None,
    ended: datetime | None,
    given_up: datetime | None,
) -> str:
    # No expiry dates and no names: they move without the plan being another one.
    # An approval may end with nothing done: its plan, should it come back, is to be approved anew.
    value = {
        "uid": uid,
        "from": before,
        "impacts": impacts,
        "to": to,
        "applied": applied_at.isoformat() if applied_at else None,
        "ended": ended.isoformat() if ended else None,
        "givenUp": given_up.isoformat() if given_up else None,
    }
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _steps(
    desired: Desired,
    observed: Observed,
    applied: AppliedStatus | None,
    words: tuple[Change, ...],
) -> Iterator[Step]:
    """Loosen first; what is kept until the second step is told there."""
    first = loosened(desired, observed)
    if first is None:
        yield Step(desired=desired, changes=words)
        return
    later = {Field.CLIENT_CA.value, Field.REVOCATION_LIST.value}
    between = compare(first, observed, applied=applied)
    yield Step(desired=first, changes=changes(first, observed, between))
    yield Step(desired=desired, changes=tuple(each for each in words if each.field in later))
