"""
Desired beside observed: equal, different or unknown, field by field. Pure.

Certificates, CAs and CRLs are compared by SHA-256 over DER, CAs and CRLs as sets, of a server
certificate only the leaf. Unknown (not echoed) never causes a write by itself: `applied` resolves
it, or it stays unknown. Source: docs/architecture.md, "The life of one change".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from rds_ssl.core.desired import Desired, fingerprint
from rds_ssl.core.formats import host_name
from rds_ssl.core.model import ACL, CAType, CertificateFacts, Observed, RevocationListFacts
from rds_ssl.core.states import StateStatus
from rds_ssl.core.status import AppliedStatus


class Field(StrEnum):
    """What is compared, in the words of the spec."""

    ENABLED = "enabled"
    CONNECTION_STRING = "connectionString"
    CA_TYPE = "serverCertificate.caType"
    SERVER_CERTIFICATE = "serverCertificate"
    PFX = "serverCertificate.pfx"
    RENEWAL = "serverCertificate.renewBefore"
    CLIENT_CA = "clientAuthentication.ca"
    REVOCATION_LIST = "clientAuthentication.revocationList"
    ACL = "clientAuthentication.acl"
    REPLICATION_ACL = "clientAuthentication.replicationACL"
    FORCE_ENCRYPTION = "forceEncryption"
    MINIMUM_TLS_VERSION = "minimumTLSVersion"


MATERIAL = frozenset({Field.SERVER_CERTIFICATE, Field.PFX, Field.CLIENT_CA, Field.REVOCATION_LIST})
"""What `StateStatus.material` names; the other fields, but for a renewal, are settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Which fields differ and which cannot be told; both empty is "shown"."""

    different: frozenset[Field]
    unknown: frozenset[Field]

    @property
    def shown(self) -> bool:
        """Whether the API shows every field as it is wanted."""
        return not self.different and not self.unknown

    @property
    def consistent(self) -> bool:
        """Whether nothing that the API shows speaks against the state wanted."""
        return not self.different


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
    if was is not None and (was.settings == state.settings or _fits(was, observed)):
        # Not echoed and not wanted, but once applied by this object: it is still there.
        if observed.force_encryption is None and was.force_encryption:
            verdicts.setdefault(Field.FORCE_ENCRYPTION, None)
        verdicts |= {
            name: _setting(name, was) == _setting(name, state)
            for name, equal in verdicts.items()
            if equal is None and name not in MATERIAL | {Field.RENEWAL}
        }
    elif was is not None:
        # Somebody has changed what is shown; what is not was applied all the same.
        verdicts |= _hidden_as_applied(state, observed, was, verdicts)
    return Comparison(
        different=frozenset(name for name, equal in verdicts.items() if equal is False),
        unknown=frozenset(name for name, equal in verdicts.items() if equal is None),
    )


def _fits(was: StateStatus, observed: Observed) -> bool:
    """True if nothing that the API shows of the settings speaks against those applied."""
    if not (observed.enabled and was.enabled):
        return False
    trusts = was.client_ca is not None

    def shown(value: object, applied: object) -> bool:
        return value is None or value == applied

    return (
        shown(
            None if observed.connection_string is None else host_name(observed.connection_string),
            host_name(was.connection_string),
        )
        and shown(observed.ca_type, was.ca_type)
        and shown(observed.force_encryption, was.force_encryption)
        and shown(None if observed.client_ca is None else bool(observed.client_ca), trusts)
        and shown(
            None if observed.revocation_list is None else bool(observed.revocation_list),
            was.revocation_list is not None,
        )
        and (not trusts or shown(observed.acl, was.acl))
        and (not trusts or shown(observed.replication_acl, was.replication_acl))
        # A version that was not managed is no part of what was applied, whatever is shown.
        and (
            was.minimum_tls_version is None
            or shown(observed.minimum_tls_version, was.minimum_tls_version)
        )
    )


def _hidden_as_applied(
    state: StateStatus,
    observed: Observed,
    was: StateStatus,
    verdicts: Mapping[Field, bool | None],
) -> Iterator[tuple[Field, bool | None]]:
    """Judge what is neither shown nor told by the rest: was it applied for the endpoint wanted?"""
    same = host_name(was.connection_string) == host_name(state.connection_string)
    if verdicts.get(Field.CONNECTION_STRING, True) is None and was.enabled and same:
        yield Field.CONNECTION_STRING, True
    hidden = observed.enabled and observed.force_encryption is None
    if hidden and was.force_encryption and not state.force_encryption:
        # Perhaps it is still forced, and what is sent would end that.
        yield Field.FORCE_ENCRYPTION, None


def _verdicts(
    desired: StateStatus, observed: Observed, was: StateStatus | None
) -> Iterator[tuple[Field, bool | None]]:
    yield Field.ENABLED, desired.enabled == observed.enabled
    # Not echoed and not wanted: the engine does not have it.
    forced = observed.force_encryption
    if desired.force_encryption or forced:
        yield (
            Field.FORCE_ENCRYPTION,
            None if forced is None else forced == desired.force_encryption,
        )
    if not (desired.enabled and observed.enabled):
        return
    yield (
        Field.CONNECTION_STRING,
        None
        if observed.connection_string is None
        else host_name(observed.connection_string) == host_name(desired.connection_string),
    )
    yield Field.CA_TYPE, _ca_type(desired, observed, was)
    if desired.pfx:
        yield Field.PFX, _pfx(desired, was)
    elif desired.ca_type is CAType.CUSTOM:
        yield Field.SERVER_CERTIFICATE, _leaf(desired, observed, was)
    if desired.renews is not None:
        expires = observed.expire_time
        yield Field.RENEWAL, None if expires is None else expires > desired.renews
    yield from _client_authentication(desired, observed)
    if desired.minimum_tls_version is not None:
        shown = observed.minimum_tls_version
        yield (
            Field.MINIMUM_TLS_VERSION,
            None if shown is None else shown == desired.minimum_tls_version,
        )


def _setting(name: Field, state: StateStatus) -> object:
    values: Mapping[Field, object] = {
        Field.CONNECTION_STRING: host_name(state.connection_string),
        Field.CA_TYPE: state.ca_type,
        Field.ACL: state.acl or ACL.PREFER,
        Field.REPLICATION_ACL: state.replication_acl or ACL.PREFER,
        Field.FORCE_ENCRYPTION: state.force_encryption,
        Field.MINIMUM_TLS_VERSION: state.minimum_tls_version,
    }
    return values[name]


def _ca_type(desired: StateStatus, observed: Observed, was: StateStatus | None) -> bool | None:
    if observed.ca_type is not None:
        return observed.ca_type is desired.ca_type
    # MySQL never echoes it, but only a custom certificate leaves a trace in the material.
    if was is None or was.material != _material_with(None, observed):
        return None
    return desired.ca_type is CAType.ALIYUN


def _leaf(desired: StateStatus, observed: Observed, was: StateStatus | None) -> bool | None:
    leaf = desired.server_certificate
    if leaf is None:
        return None
    if observed.server_certificate is not None:
        return observed.server_certificate.sha256 == leaf
    if observed.expire_time is not None and observed.expire_time != desired.not_after:
        return False
    if was is None:
        return None
    if was.material not in {desired.material, _material_with(leaf, observed)}:
        return False  # Whatever the dates: a CA may let all its certificates end at one time.
    return True if observed.expire_time else None


def _pfx(desired: StateStatus, was: StateStatus | None) -> bool | None:
    # Nothing of it can be read back.
    return None if was is None else was.material == desired.material


def _material_with(leaf: str | None, observed: Observed) -> tuple[str | None, ...]:
    return (
        leaf,
        fingerprint(each.sha256 for each in observed.client_ca or ()),
        fingerprint(each.sha256 for each in observed.revocation_list or ()),
        None,
    )


def _client_authentication(
    desired: StateStatus, observed: Observed
) -> Iterator[tuple[Field, bool | None]]:
    # Not echoed and not wanted: an engine without client authentication.
    if desired.client_ca or observed.client_ca:
        yield Field.CLIENT_CA, _same(desired.client_ca, observed.client_ca)
    if desired.revocation_list or observed.revocation_list:
        yield (
            Field.REVOCATION_LIST,
            _same(desired.revocation_list, observed.revocation_list),
        )
    if not desired.client_ca:
        return
    yield Field.ACL, None if observed.acl is None else observed.acl is desired.acl
    replication = observed.replication_acl
    yield (
        Field.REPLICATION_ACL,
        None if replication is None else replication is desired.replication_acl,
    )


def _same(
    wanted: str | None,
    shown: tuple[CertificateFacts, ...] | tuple[RevocationListFacts, ...] | None,
) -> bool | None:
    if shown is None:
        return None
    return fingerprint(each.sha256 for each in shown) == wanted


def observed_material(observed: Observed) -> tuple[str | None, ...] | None:
    """
    Name the material that the API shows, as `StateStatus.material` does; None if it hides some.

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
