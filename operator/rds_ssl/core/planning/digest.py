"""
The digest of a plan: what a person approves. Pure.

It stands while what the plan does to people stays the same, whatever else moves: no dates, no
names, and of the material only what the plan changes. So newer material that goes out while an edit
of the settings waits leaves the edit's digest as it was. Source: docs/operations.md, "Approve a
plan".
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

from rds_ssl.core.api.states import StateStatus
from rds_ssl.core.api.status import AppliedStatus, ApprovalStatus, OperationStatus
from rds_ssl.core.formats import host_name
from rds_ssl.core.model import CAType, Cause, Impact, Observed
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.planning.fields import ROWS, SERVER, SETTINGS, Field

_TRUST = frozenset({Field.CLIENT_CA, Field.REVOCATION_LIST})


def plan_digest(
    desired: Desired,
    observed: Observed,
    fields: frozenset[Field],
    *,
    uid: str,
    impacts: tuple[Impact, ...],
    cause: Cause,
    applied: AppliedStatus | None,
    operation: OperationStatus | None,
    last_approval: ApprovalStatus | None,
) -> str:
    """
    Return the digest of a plan, 16 hexadecimal digits.

    Args:
        fields: What it changes.
        uid: The object's, so that no other object's approval fits.
        last_approval: One may end with nothing done: its plan, should it come back, is to be
            approved anew.
    """
    was = applied.state if applied else None
    # What is put back after an own call has that cause as well.
    edits = cause is Cause.SPEC and was is not None and was.settings != desired.state.settings
    ended = _ended(operation, applied, edits=edits)
    value = {
        "uid": uid,
        "from": _before(observed, fields),
        "impacts": impacts,
        "to": _after(desired, fields),
        "applied": _text(_since(applied, edits=edits)),
        "ended": _text(ended),
        "givenUp": _text(_given_up(last_approval, was)),
    }
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _before(observed: Observed, fields: frozenset[Field]) -> Mapping[str, object]:
    """
    Return what a plan starts from; the vendor's own certificate moves by itself.

    Of the settings all that is shown; what turns SSL off undoes the material as well.
    """
    facts: dict[str, object] = {field: ROWS[field].shown(observed) for field in SETTINGS}
    facts[Field.CONNECTION_STRING] = host_name(observed.connection_string or "")
    leaf = observed.server_certificate
    if leaf and observed.ca_type is not CAType.ALIYUN and _touches(SERVER, fields):
        behind = (each.sha256 for each in observed.intermediates)
        facts[Field.SERVER_CERTIFICATE] = [leaf.sha256, *behind]
    if _touches(_TRUST, fields):
        facts[Field.CLIENT_CA] = sorted(each.sha256 for each in observed.client_ca or ())
        lists = observed.revocation_list or ()
        facts[Field.REVOCATION_LIST] = sorted(each.sha256 for each in lists)
    return facts


def _after(desired: Desired, fields: frozenset[Field]) -> list[object]:
    """Return where a plan leads."""
    state = desired.state
    facts: list[object] = [state.settings, state.renews]
    if _touches(SERVER, fields):
        chain = state.chain if state.intermediates else None
        facts += [state.server_certificate, chain, state.pfx]
    if _touches(_TRUST, fields):
        facts += [state.client_ca, state.revocation_list]
    return facts


def _touches(group: frozenset[Field], fields: frozenset[Field]) -> bool:
    return Field.ENABLED in fields or not group.isdisjoint(fields)


def _since(applied: AppliedStatus | None, *, edits: bool) -> datetime | None:
    """Return since when the state stands that a plan leaves: of an edit, that of the settings."""
    if applied is None:
        return None
    since = applied.settings_time if edits else None
    return since or applied.time


def _ended(
    operation: OperationStatus | None, applied: AppliedStatus | None, *, edits: bool
) -> datetime | None:
    """Return when the call was made that ended badly; of newer material it is no edit's matter."""
    if operation is None:
        return None
    was, target = applied.state if applied else None, operation.target
    rotation = was is not None and target is not None and was.settings == target.settings
    return None if rotation and edits else operation.start_time


def _given_up(last: ApprovalStatus | None, was: StateStatus | None) -> datetime | None:
    """Return when an approval ended whose plan is not what was applied."""
    if last is None or (was is not None and was.digest == last.to):
        return None
    return last.end_time


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
