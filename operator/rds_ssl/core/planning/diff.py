"""
Desired beside observed: equal, different or unknown, field by field. Pure.

Certificates, CAs and CRLs are compared by SHA-256 over DER, CAs and CRLs as sets, intermediates as
far as they are shown. Unknown (not echoed) never causes a write by itself: `applied` resolves
it, or it stays unknown. Source: docs/architecture.md, "The life of one change".
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from rds_ssl.core.api.states import StateStatus
from rds_ssl.core.api.status import AppliedStatus
from rds_ssl.core.formats import fingerprint
from rds_ssl.core.model import CAType, Observed
from rds_ssl.core.planning.chain import same_chain
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.planning.fields import ROWS, SETTINGS, Comparison, Field, shows


def compare(
    wanted: Desired | StateStatus, observed: Observed, *, applied: AppliedStatus | None = None
) -> Comparison:
    """
    Compare field by field; what is not echoed is resolved by *applied* where it can be.

    With SSL off only SSLEnabled and ForceEncryption count; without a client CA, ACLs do not.

    Args:
        applied: None to ask what the API itself shows, as the end of an operation must.
    """
    state = wanted.state if isinstance(wanted, Desired) else wanted
    was = applied.state if applied else None
    verdicts = dict(_verdicts(state, observed, was))
    if was is not None:
        verdicts |= _resolved(state, observed, was, verdicts)
    return Comparison(
        different=frozenset(name for name, equal in verdicts.items() if equal is False),
        unknown=frozenset(name for name, equal in verdicts.items() if equal is None),
    )


def _verdicts(
    state: StateStatus, observed: Observed, was: StateStatus | None
) -> Iterator[tuple[Field, bool | None]]:
    on, same_leaf = state.enabled and observed.enabled, False
    for field, row in ROWS.items():
        if not ((on or row.while_off) and row.counts(state, observed)):
            continue
        if field is Field.CHAIN and not same_leaf:
            continue  # It comes with its certificate.
        equal = row.verdict(state, observed)
        if equal is None and field in _BY_OTHER_SIGNS:
            equal = _BY_OTHER_SIGNS[field](state, observed, was)
        if field is Field.SERVER_CERTIFICATE:
            same_leaf = equal is True
        yield field, equal


def _resolved(
    state: StateStatus,
    observed: Observed,
    was: StateStatus,
    verdicts: Mapping[Field, bool | None],
) -> Iterator[tuple[Field, bool | None]]:
    """Judge by what was applied the settings that are not shown."""
    hidden = {field for field, equal in verdicts.items() if equal is None}
    # Not echoed and not wanted, but once applied by this object: it is still there.
    forced = not shows(observed, Field.FORCE_ENCRYPTION) and bool(
        ROWS[Field.FORCE_ENCRYPTION].wanted(was)
    )
    if was.settings == state.settings or _fits(was, observed):
        for field in SETTINGS & (hidden | ({Field.FORCE_ENCRYPTION} if forced else set())):
            yield field, _as_applied(field, state, was)
        return
    # Somebody has changed what is shown; what is not was applied all the same.
    endpoint = Field.CONNECTION_STRING
    if endpoint in hidden and was.enabled and _as_applied(endpoint, state, was):
        yield endpoint, True
    if forced and observed.enabled:
        # Perhaps it is still forced, and what is sent would end that.
        yield Field.FORCE_ENCRYPTION, None


def _as_applied(field: Field, state: StateStatus, was: StateStatus) -> bool | None:
    row = ROWS[field]
    return row.same(row.in_force(was), row.in_force(state))


def _fits(was: StateStatus, observed: Observed) -> bool:
    """True if nothing that the API shows of the settings speaks against those applied."""
    if not (observed.enabled and was.enabled):
        return False
    # Whether there is a client CA, or a list, is a setting; which one is not.
    for field in (Field.CLIENT_CA, Field.REVOCATION_LIST):
        row = ROWS[field]
        shown = row.shown(observed)
        known = shown is not None and row.counts(was, observed)
        if known and bool(shown) != bool(row.wanted(was)):
            return False
    return not any(
        row.counts(was, observed) and row.verdict(was, observed) is False
        for row in map(ROWS.__getitem__, SETTINGS)
    )


def _ca_type(desired: StateStatus, observed: Observed, was: StateStatus | None) -> bool | None:
    # MySQL never echoes it, but only a custom certificate leaves a trace in the material.
    if was is None or was.material != _material_with(None, observed):
        return None
    return desired.ca_type is CAType.ALIYUN


def _leaf(desired: StateStatus, observed: Observed, was: StateStatus | None) -> bool | None:
    leaf = desired.server_certificate
    if leaf is None:
        return None
    if observed.expire_time is not None and observed.expire_time != desired.not_after:
        return False
    if was is None:
        return None
    if was.material not in {desired.material, _material_with(leaf, observed)}:
        return False  # Whatever the dates: a CA may let all its certificates end at one time.
    return True if observed.expire_time else None


def _pfx(desired: StateStatus, _observed: Observed, was: StateStatus | None) -> bool | None:
    # Nothing of it can be read back.
    return None if was is None else was.material == desired.material


_BY_OTHER_SIGNS: Mapping[
    Field, Callable[[StateStatus, Observed, StateStatus | None], bool | None]
] = {
    Field.CA_TYPE: _ca_type,
    Field.SERVER_CERTIFICATE: _leaf,
    Field.CHAIN: same_chain,
    Field.PFX: _pfx,
}
"""What is told by its end, or by the material that was applied, where it is not shown."""


def _material_with(leaf: str | None, observed: Observed) -> tuple[str | None, ...]:
    return (
        leaf,
        fingerprint(each.sha256 for each in observed.client_ca or ()),
        fingerprint(each.sha256 for each in observed.lists_in_force or ()),
        None,
    )


def told_by_end(wanted: StateStatus, observed: Observed) -> frozenset[Field]:
    """
    Return what SSLExpireTime tells of an own certificate that is not shown, nothing being applied.

    The end of the vendor's own falls on a second of its own. Of two own ones that end together the
    other may be in force, so that it counts only where no record knows better, and proves no call:
    docs/decisions/010.
    """
    if wanted.not_after is None or observed.expire_time != wanted.not_after:
        return frozenset()
    if observed.server_certificate is not None or observed.ca_type is CAType.ALIYUN:
        return frozenset()
    return frozenset({Field.CA_TYPE, Field.SERVER_CERTIFICATE})


def observed_material(observed: Observed) -> tuple[str | None, ...] | None:
    """
    Return the material that the API shows, as `StateStatus.material`; None if it hides some.

    For drift while the declared material cannot be read.
    """
    custom = observed.ca_type is CAType.CUSTOM
    if not observed.enabled or observed.ca_type is None or observed.client_ca is None:
        return None
    if custom and observed.server_certificate is None:
        return None
    if observed.client_ca and observed.revocation_list is None:
        return None
    leaf = observed.server_certificate if custom else None
    return _material_with(leaf.sha256 if leaf else None, observed)


def surroundings(observed: Observed, kind: Sequence[str]) -> str:
    """
    Return as one text what a refusal may rest on beside the state that was sent.

    Args:
        kind: `Instance.kind`, if it is known.
    """
    # A digest of it stands in records: in another order, what was refused would be sent again.
    first = (Field.ENABLED, Field.CA_TYPE, Field.CONNECTION_STRING)
    others = (field for field in ROWS if field in SETTINGS.difference(first))
    shown = (
        *(ROWS[field].shown(observed) for field in first),
        observed_material(observed),
        *(ROWS[field].shown(observed) for field in others),
        observed.expire_time,
        *kind,
    )
    return repr(shown)
