"""
Desired beside observed: equal, different or unknown, field by field. Pure.

Certificates, CAs and CRLs are compared by SHA-256 over DER, CAs and CRLs as sets, of a server
certificate only the leaf. Unknown (not echoed) never causes a write by itself: `applied` resolves
it, or it stays unknown. Source: docs/architecture.md, "The life of one change".
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product
from typing import TypeVar

from rds_ssl.core.desired import TLS_VERSIONS, Desired, material_digest, settings_digests_at
from rds_ssl.core.model import ACL, CAType, CertificateFacts, Observed, RevocationListFacts
from rds_ssl.core.observation import host_name
from rds_ssl.core.status import AppliedStatus

_Value = TypeVar("_Value")


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
"""What `Desired.material_digest` names; the other fields, but for a renewal, are settings."""


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
    desired: Desired, observed: Observed, *, applied: AppliedStatus | None = None
) -> Comparison:
    """
    Compare field by field; what is not echoed is resolved by *applied* where it can be.

    With SSL off only SSLEnabled and ForceEncryption count; without a client CA, ACLs do not.

    Args:
        applied: None to ask what the API itself shows, as the end of an operation must.
    """
    verdicts = dict(_verdicts(desired, observed, applied))
    before = _settings_as_applied(desired, observed, applied)
    if before is not None:
        # Not echoed and not wanted, but once applied by this object: it is still there.
        if observed.force_encryption is None and before.force_encryption:
            verdicts.setdefault(Field.FORCE_ENCRYPTION, None)
        verdicts |= {
            name: _setting(name, before) == _setting(name, desired)
            for name, equal in verdicts.items()
            if equal is None and name not in MATERIAL | {Field.RENEWAL}
        }
    elif applied is not None:
        # Somebody has changed what is shown; what is not was applied all the same.
        verdicts |= _hidden_as_applied(desired, observed, applied, verdicts)
    return Comparison(
        different=frozenset(name for name, equal in verdicts.items() if equal is False),
        unknown=frozenset(name for name, equal in verdicts.items() if equal is None),
    )


def _hidden_as_applied(
    desired: Desired,
    observed: Observed,
    applied: AppliedStatus,
    verdicts: Mapping[Field, bool | None],
) -> Iterator[tuple[Field, bool | None]]:
    """Judge what is neither shown nor told by the rest: was it applied for the endpoint wanted?"""
    wanted = desired.connection_string
    open_question = verdicts.get(Field.CONNECTION_STRING, True) is None
    if open_question and applied.settings_digest in settings_digests_at(wanted):
        yield Field.CONNECTION_STRING, True
    hidden = observed.enabled and observed.force_encryption is None
    if hidden and not desired.force_encryption:
        endpoints = {wanted, observed.connection_string or wanted}
        forced = (settings_digests_at(each, forced=(True,)) for each in endpoints)
        if any(applied.settings_digest in each for each in forced):
            # Perhaps it is still forced, and what is sent would end that.
            yield Field.FORCE_ENCRYPTION, None


def _verdicts(
    desired: Desired, observed: Observed, applied: AppliedStatus | None
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
    yield Field.CA_TYPE, _ca_type(desired, observed, applied)
    if desired.pfx:
        yield Field.PFX, _pfx(desired, applied)
    elif desired.ca_type is CAType.CUSTOM:
        yield Field.SERVER_CERTIFICATE, _leaf(desired, observed, applied)
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


def _settings_as_applied(
    desired: Desired, observed: Observed, applied: AppliedStatus | None
) -> Desired | None:
    """
    Find the settings that *applied* names among those that fit what is echoed; None if none does.

    What is not echoed has few values, so that each can be tried; of host names only the declared.
    """
    if applied is None:
        return None
    if applied.settings_digest == desired.settings_digest:
        return desired
    if not observed.enabled:
        return None

    def values(shown: _Value | None, every: Iterable[_Value]) -> Iterable[_Value]:
        return every if shown is None else (shown,)

    shown = replace(
        desired,
        enabled=True,
        connection_string=observed.connection_string or desired.connection_string,
        client_ca=desired.client_ca if observed.client_ca is None else observed.client_ca,
        revocation_list=desired.revocation_list
        if observed.revocation_list is None
        else observed.revocation_list,
    )
    # A version that was not managed is no part of the digest, whatever is shown.
    versions = values(observed.minimum_tls_version, TLS_VERSIONS)
    candidates = (
        replace(
            shown,
            ca_type=ca_type,
            force_encryption=forced,
            acl=acl,
            replication_acl=replication,
            minimum_tls_version=tls,
        )
        for ca_type, forced, acl, replication, tls in product(
            values(observed.ca_type, CAType),
            values(observed.force_encryption, (False, True)),
            values(observed.acl, ACL if shown.client_ca else (ACL.PREFER,)),
            values(observed.replication_acl, ACL if shown.client_ca else (ACL.PREFER,)),
            (None, *versions),
        )
    )
    return next(
        (each for each in candidates if each.settings_digest == applied.settings_digest), None
    )


def _setting(name: Field, state: Desired) -> object:
    values: Mapping[Field, object] = {
        Field.CONNECTION_STRING: host_name(state.connection_string),
        Field.CA_TYPE: state.ca_type,
        Field.ACL: state.acl,
        Field.REPLICATION_ACL: state.replication_acl,
        Field.FORCE_ENCRYPTION: state.force_encryption,
        Field.MINIMUM_TLS_VERSION: state.minimum_tls_version,
    }
    return values[name]


def _ca_type(desired: Desired, observed: Observed, applied: AppliedStatus | None) -> bool | None:
    if observed.ca_type is not None:
        return observed.ca_type is desired.ca_type
    # MySQL never echoes it, but only a custom certificate leaves a trace in the material.
    if applied is None or applied.material_digest != _material_with(None, observed):
        return None
    return desired.ca_type is CAType.ALIYUN


def _leaf(desired: Desired, observed: Observed, applied: AppliedStatus | None) -> bool | None:
    leaf = desired.server_certificate
    if leaf is None:
        return None
    if observed.server_certificate is not None:
        return observed.server_certificate.sha256 == leaf.sha256
    if observed.expire_time is not None and observed.expire_time != leaf.not_after:
        return False
    if applied is None or applied.material_digest is None:
        return None
    if applied.material_digest not in {desired.material_digest, _material_with(leaf, observed)}:
        return False  # Whatever the dates: a CA may let all its certificates end at one time.
    return True if observed.expire_time else None


def _pfx(desired: Desired, applied: AppliedStatus | None) -> bool | None:
    # Nothing of it can be read back.
    if applied is None or applied.material_digest is None:
        return None
    return applied.material_digest == desired.material_digest


def _material_with(leaf: CertificateFacts | None, observed: Observed) -> str:
    return material_digest(
        server_certificate=leaf,
        client_ca=observed.client_ca or (),
        revocation_list=observed.revocation_list or (),
    )


def _client_authentication(
    desired: Desired, observed: Observed
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
    wanted: tuple[CertificateFacts, ...] | tuple[RevocationListFacts, ...],
    shown: tuple[CertificateFacts, ...] | tuple[RevocationListFacts, ...] | None,
) -> bool | None:
    if shown is None:
        return None
    return {each.sha256 for each in wanted} == {each.sha256 for each in shown}


def observed_material_digest(observed: Observed) -> str | None:
    """
    Name the material that the API shows, as `Desired.material_digest` does; None if it hides some.

    For drift while the declared material cannot be read.
    """
    custom = observed.ca_type is CAType.CUSTOM
    if not observed.enabled or observed.ca_type is None or observed.client_ca is None:
        return None
    if custom and observed.server_certificate is None:
        return None
    if observed.client_ca and observed.revocation_list is None:
        return None
    return _material_with(observed.server_certificate if custom else None, observed)
