"""
Desired beside observed: equal, different or unknown, field by field. Pure.

Certificates, CAs and CRLs are compared by SHA-256 over DER, CAs and CRLs as sets, of a server
certificate only the leaf. Unknown (not echoed) never causes a write by itself: `applied` resolves
it, or it stays unknown. Source: design, "Equality is three-valued".
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product
from typing import TypeVar

from rds_ssl.core.desired import Desired, material_digest, settings_digests_at
from rds_ssl.core.facts import shown, title
from rds_ssl.core.model import ACL, CAType, CertificateFacts, Change, Observed, RevocationListFacts
from rds_ssl.core.observation import host_name
from rds_ssl.core.status import AppliedStatus

_Value = TypeVar("_Value")


class Field(StrEnum):
    """What is compared, in the words of the spec."""

    ENABLED = "enabled"
    CONNECTION_STRING = "connectionString"
    CA_TYPE = "serverCertificate.caType"
    SERVER_CERTIFICATE = "serverCertificate"
    CLIENT_CA = "clientAuthentication.ca"
    REVOCATION_LIST = "clientAuthentication.revocationList"
    ACL = "clientAuthentication.acl"
    REPLICATION_ACL = "clientAuthentication.replicationACL"
    FORCE_ENCRYPTION = "forceEncryption"


MATERIAL = frozenset({Field.SERVER_CERTIFICATE, Field.CLIENT_CA, Field.REVOCATION_LIST})
"""What `Desired.material_digest` names; the other fields are settings."""


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
            if equal is None and name not in MATERIAL
        }
    elif (
        applied is not None
        and verdicts.get(Field.CONNECTION_STRING, True) is None
        and applied.settings_digest in settings_digests_at(desired.connection_string)
    ):
        # Somebody has changed what is shown; the endpoint, which is not, was applied as wanted.
        verdicts[Field.CONNECTION_STRING] = True
    return Comparison(
        different=frozenset(name for name, equal in verdicts.items() if equal is False),
        unknown=frozenset(name for name, equal in verdicts.items() if equal is None),
    )


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
    if desired.ca_type is CAType.CUSTOM:
        yield Field.SERVER_CERTIFICATE, _leaf(desired, observed, applied)
    yield from _client_authentication(desired, observed)


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
    candidates = (
        replace(
            shown, ca_type=ca_type, force_encryption=forced, acl=acl, replication_acl=replication
        )
        for ca_type, forced, acl, replication in product(
            values(observed.ca_type, CAType),
            values(observed.force_encryption, (False, True)),
            values(observed.acl, ACL if shown.client_ca else (ACL.PREFER,)),
            values(observed.replication_acl, ACL if shown.client_ca else (ACL.PREFER,)),
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


def changes(desired: Desired, observed: Observed, comparison: Comparison) -> tuple[Change, ...]:
    """Put into words what a call would change, in the order of the spec."""
    named = comparison.different | comparison.unknown
    if Field.ENABLED in named and desired.enabled:
        # Off shows nothing else: what is turned on is named as a whole.
        named |= {Field.CONNECTION_STRING, Field.CA_TYPE}
        if desired.server_certificate:
            named |= {Field.SERVER_CERTIFICATE}
        if desired.client_ca:
            named |= {Field.CLIENT_CA, Field.ACL, Field.REPLICATION_ACL}
        if desired.revocation_list:
            named |= {Field.REVOCATION_LIST}
    return tuple(
        Change(field=field.value, before=before, after=after)
        for field in Field
        if field in named
        for before, after in [_words(field, desired, observed)]
    )


def _words(field: Field, desired: Desired, observed: Observed) -> tuple[str, str]:
    before, after = _plain_words(field, desired, observed)
    if not observed.enabled and field not in {Field.ENABLED, Field.FORCE_ENCRYPTION}:
        before = "none"  # There is nothing that could be shown.
    return before, after


def _plain_words(field: Field, desired: Desired, observed: Observed) -> tuple[str, str]:
    match field:
        case Field.ENABLED:
            return _on(observed.enabled), _on(desired.enabled)
        case Field.CONNECTION_STRING:
            return observed.connection_string or "none", desired.connection_string
        case Field.CA_TYPE:
            return _text(observed.ca_type), desired.ca_type.value
        case Field.SERVER_CERTIFICATE:
            return _certificate(observed.server_certificate), _certificate(
                desired.server_certificate
            )
        case Field.CLIENT_CA:
            return _bundle(observed.client_ca), _bundle(desired.client_ca)
        case Field.REVOCATION_LIST:
            return _lists(observed.revocation_list), _lists(desired.revocation_list)
        case Field.ACL:
            return _acl(observed.acl), desired.acl.value
        case Field.REPLICATION_ACL:
            return _acl(observed.replication_acl), desired.replication_acl.value
        case Field.FORCE_ENCRYPTION:
            hidden = observed.enabled and observed.force_encryption is None
            before = "not shown" if hidden else _on(bool(observed.force_encryption))
            return before, _on(desired.force_encryption)


def _on(value: bool) -> str:  # noqa: FBT001  # A word for a flag has nothing but the flag.
    return "on" if value else "off"


def _text(value: CAType | None) -> str:
    return value.value if value else "not shown"


def _acl(value: ACL | None) -> str:
    return value.value if value else "none"


def _certificate(facts: CertificateFacts | None) -> str:
    if facts is None:
        return "not shown"
    return f"{title(facts)} ({facts.sha256[:16]}, until {facts.not_after:%Y-%m-%d})"


def _bundle(cas: tuple[CertificateFacts, ...] | None) -> str:
    if not cas:
        return "none"
    return ", ".join(f"{title(each)} ({each.sha256[:16]})" for each in cas)


def _lists(lists: tuple[RevocationListFacts, ...] | None) -> str:
    if not lists:
        return "none"
    return ", ".join(
        f"{shown(each.issuer)} ({each.sha256[:16]}, {len(each.serials)} revoked)" for each in lists
    )
