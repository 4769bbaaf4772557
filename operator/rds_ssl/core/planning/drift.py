"""
Whose change a difference is: somebody else's, an own call's that ended badly, or of newer material.

Pure. Source: docs/architecture.md, "The life of one change".
"""

from collections.abc import Sequence
from dataclasses import replace

from rds_ssl.core.api.states import StateStatus
from rds_ssl.core.api.status import AppliedStatus, HistoryEntry, OperationStatus
from rds_ssl.core.model import LEFT_BEHIND, CAType, Observed, Phase
from rds_ssl.core.planning.chain import brings_none, same_chain
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.planning.diff import compare, observed_material
from rds_ssl.core.planning.fields import MATERIAL, Comparison, Field, shows

_UNPROVED = frozenset({Phase.NOT_CONVERGING, Phase.TIMED_OUT})
"""Results after which RDS has not said how the change ended; after Failed it has."""

_TOLD_BY_END = frozenset({Field.CA_TYPE, Field.SERVER_CERTIFICATE, Field.PFX})
"""What is told by SSLExpireTime, if that is shown, see `_replaced`."""


def unproved(
    desired: Desired,
    observed: Observed,
    applied: AppliedStatus | None,
    history: Sequence[HistoryEntry],
) -> frozenset[Field]:
    """
    Return the fields that are not echoed and that an own call since *applied* may have changed.

    But for whose certificate it is, where its end is shown: that tells.
    """
    sent = {
        field
        for each in history
        if each.result in _UNPROVED and (applied is None or each.time >= applied.time)
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


def compared(
    desired: Desired,
    observed: Observed,
    applied: AppliedStatus | None,
    operation: OperationStatus | None,
    unproved: frozenset[Field],
) -> Comparison:
    """Compare, and count for different what an own call has perhaps left."""
    comparison = compare(desired, observed, applied=applied)
    # What is not echoed was applied once, and an own call has perhaps changed it since.
    left = unproved
    if _replaced(applied, operation, observed):
        left |= _certificate(desired) & compare(desired, observed).unknown
    return Comparison(different=comparison.different | left, unknown=comparison.unknown - left)


def never_custom(applied: AppliedStatus | None, operation: OperationStatus | None) -> bool:
    """True if no call of this object can have brought a certificate of its own."""
    untouched = operation is None or operation.phase is Phase.REFUSED
    return untouched and (
        applied is None or (applied.state is not None and not applied.state.enabled)
    )


def may_replace(desired: Desired, observed: Observed, applied: AppliedStatus | None) -> bool:
    """
    True if a call may replace an own certificate that nobody knows of.

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


def is_rotation(
    desired: Desired, observed: Observed, comparison: Comparison, applied: AppliedStatus | None
) -> bool:
    """True if `Plan.material_only` holds."""
    was = applied.state if applied else None
    if was is None or was.settings != desired.state.settings:
        return False
    return (
        (not was.same_material(desired.state) or desired.renews is not None)
        and comparison.different | comparison.unknown <= _rotated(desired)
        and _in_force(desired, observed) in {None, was.material}
        and not _other_chain(was, observed)
    )


def is_drift(
    desired: Desired,
    observed: Observed,
    comparison: Comparison,
    applied: AppliedStatus | None,
    operation: OperationStatus | None,
    *,
    unproved: frozenset[Field],
) -> bool:
    """True if `Plan.drift` holds; what own calls may have left is nobody else's."""
    foreign = comparison.different - unproved
    if unproved and not foreign:
        return False
    was = applied.state if applied else None
    if was is None or was.settings != desired.state.settings:
        return False  # Whoever has edited the declaration since wants it to hold.
    if foreign == {Field.RENEWAL} or _own_left(applied, operation):
        return False
    if was.same_material(desired.state):
        return True
    # Newer material as well: it does not undo in passing what somebody did in the console.
    return (
        bool(foreign - _rotated(desired))
        or _in_force(desired, observed) not in {None, was.material}
        or _other_chain(was, observed)
    )


def _other_chain(was: StateStatus, observed: Observed) -> bool:
    """True if other intermediates are shown than were sent; not so if nobody knows which were."""
    known = bool(was.intermediates) or brings_none(was)
    return known and same_chain(was, observed, None) is False


def _in_force(desired: Desired, observed: Observed) -> tuple[str | None, ...] | None:
    """
    Return the material in force, as `applied` has it; None if too much of it is hidden.

    Of an instance on which no client CA, or no list, was applied, and none is shown, there is none:
    whoever leaves out what is absent must not hide with it whose server certificate is in force.
    """
    if observed.client_ca is None and not desired.client_ca:
        observed = replace(observed, client_ca=())
    if observed.revocation_list is None and not desired.revocation_list:
        observed = replace(observed, revocation_list=())
    return observed_material(observed)


def _rotated(desired: Desired) -> frozenset[Field]:
    """Return the fields that differ where only the material is newer than what was applied."""
    return MATERIAL | ({Field.RENEWAL, Field.CA_TYPE} if desired.renews else frozenset())


def _own_left(applied: AppliedStatus | None, operation: OperationStatus | None) -> bool:
    """True if a difference may come from an own operation: one since the state was applied."""
    if operation is None or operation.phase not in LEFT_BEHIND:
        return False
    if operation.target is not None and operation.target.renews is not None:
        return False  # It was to change nothing but a date.
    return applied is None or operation.start_time >= applied.time


def _replaced(
    applied: AppliedStatus | None, operation: OperationStatus | None, observed: Observed
) -> bool:
    """True if an own change that ended badly has left its certificate: by the end of that."""
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
    """Return what says whose certificate is wanted, where the certificate is not shown."""
    if desired.pfx:
        return frozenset({Field.PFX})
    return frozenset({Field.CA_TYPE} if desired.ca_type is CAType.ALIYUN else ())
