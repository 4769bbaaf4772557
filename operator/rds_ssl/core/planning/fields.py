"""
The settings of SSL as one table: a row for each field, in the order of the spec.

What differs from field to field is read here and nowhere else. What a change does to people
(`rds_ssl.core.planning.impacts`) and what is sent (`rds_ssl.core.planning.parameters`) is written
out there, and what is told by other signs than its own value in `rds_ssl.core.planning.diff`. Pure.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from operator import eq
from typing import Any

from rds_ssl.core.api.states import (
    ClientCAStatus,
    ObservedStatus,
    RevocationListStatus,
    StateStatus,
)
from rds_ssl.core.formats import fingerprint, host_name
from rds_ssl.core.model import ACL, CAType, CertificateFacts, Observed, RevocationListFacts


class Field(StrEnum):
    """What is compared, in the words of the spec."""

    ENABLED = "enabled"
    CONNECTION_STRING = "connectionString"
    CA_TYPE = "serverCertificate.caType"
    SERVER_CERTIFICATE = "serverCertificate"
    CHAIN = "serverCertificate.chain"
    """Its intermediates alone, where the certificate itself is in force."""
    PFX = "serverCertificate.pfx"
    RENEWAL = "serverCertificate.renewBefore"
    CLIENT_CA = "clientAuthentication.ca"
    REVOCATION_LIST = "clientAuthentication.revocationList"
    ACL = "clientAuthentication.acl"
    REPLICATION_ACL = "clientAuthentication.replicationACL"
    FORCE_ENCRYPTION = "forceEncryption"
    MINIMUM_TLS_VERSION = "minimumTLSVersion"


MATERIAL = frozenset(
    {
        Field.SERVER_CERTIFICATE,
        Field.CHAIN,
        Field.PFX,
        Field.CLIENT_CA,
        Field.REVOCATION_LIST,
    }
)
"""What is referenced, and read from Secrets and ConfigMaps."""

SERVER = frozenset({Field.SERVER_CERTIFICATE, Field.CHAIN, Field.PFX, Field.CA_TYPE, Field.RENEWAL})
"""Fields whose change replaces the server certificate, or what is sent with it."""

SETTINGS = frozenset(Field) - MATERIAL - {Field.RENEWAL}
"""What is declared as a value; a renewal is neither this nor material."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A field: where its value stands, when two of them are the same, and when it counts."""

    wanted: Callable[[StateStatus], object]
    """Read it from a state; empty or None where the state says nothing of it."""
    shown: Callable[[Observed | ObservedStatus], object]
    """Read what the API shows of it; None: nothing, which is not "off"."""
    same: Callable[[Any, Any], bool | None] = eq
    """Tell whether what is wanted, the first, is what is shown; None if it cannot be told."""
    counts: Callable[[StateStatus, Observed], bool] = lambda _state, _observed: True
    """Tell whether it is compared at all, with SSL on on both sides."""
    while_off: bool = False
    """Whether it is compared while SSL is off, too."""
    default: object = None
    """What is in force where a state says nothing of it."""
    absent: str = "not shown"
    """The word of a plan for what is not shown."""
    label: str = ""
    """Its name in the overview of an object; empty: it has words of its own there, or none."""

    def verdict(self, state: StateStatus, observed: Observed) -> bool | None:
        """True if it is shown as it is wanted; None if that cannot be told."""
        shown = self.shown(observed)
        return None if shown is None else self.same(self.wanted(state), shown)

    def in_force(self, state: StateStatus) -> object:
        """Return the value that holds where *state* is applied."""
        value = self.wanted(state)
        return self.default if value is None else value


def _same_host(one: str, other: str) -> bool:
    return host_name(one) == host_name(other)


def _same_set(
    wanted: str | None,
    shown: Iterable[CertificateFacts | ClientCAStatus | RevocationListFacts | RevocationListStatus],
) -> bool:
    return fingerprint(each.sha256 for each in shown) == wanted


def _has_client_ca(state: StateStatus, _observed: Observed) -> bool:
    # Without one there is no rule that an ACL could be part of.
    return bool(state.client_ca)


ROWS: Mapping[Field, Row] = {
    Field.ENABLED: Row(
        wanted=lambda state: state.enabled,
        shown=lambda observed: observed.enabled,
        while_off=True,
    ),
    Field.CONNECTION_STRING: Row(
        wanted=lambda state: state.connection_string,
        shown=lambda observed: observed.connection_string,
        same=_same_host,
        absent="none",
    ),
    Field.CA_TYPE: Row(
        wanted=lambda state: state.ca_type,
        shown=lambda observed: observed.ca_type,
    ),
    Field.SERVER_CERTIFICATE: Row(
        wanted=lambda state: state.server_certificate,
        shown=lambda observed: observed.server_certificate,
        # Of a record that has lost it nothing can be told.
        same=lambda wanted, shown: None if wanted is None else shown.sha256 == wanted,
        # The vendor renews a cloud certificate whenever it likes; a PFX file is never shown.
        counts=lambda state, _: state.ca_type is CAType.CUSTOM and not state.pfx,
    ),
    Field.CHAIN: Row(
        wanted=lambda state: state.chain,
        # Told by `rds_ssl.core.planning.chain`: what is shown may be part of it.
        shown=lambda _: None,
        counts=lambda state, _: state.chain is not None,
    ),
    Field.PFX: Row(
        wanted=lambda state: state.pfx,
        shown=lambda _: None,
        counts=lambda state, _: bool(state.pfx),
    ),
    Field.RENEWAL: Row(
        wanted=lambda state: state.renews,
        shown=lambda observed: observed.expire_time,
        same=lambda renews, expires: expires > renews,
        counts=lambda state, _: state.renews is not None,
    ),
    # Not wanted and not shown, here and below: the engine does not have it.
    Field.CLIENT_CA: Row(
        wanted=lambda state: state.client_ca,
        shown=lambda observed: observed.client_ca,
        same=_same_set,
        counts=lambda state, observed: bool(state.client_ca or observed.client_ca),
    ),
    Field.REVOCATION_LIST: Row(
        wanted=lambda state: state.revocation_list,
        shown=lambda observed: observed.revocation_list,
        same=_same_set,
        counts=lambda state, observed: bool(
            state.revocation_list
            or observed.lists_in_force
            or (state.client_ca and observed.revocation_list)
        ),
    ),
    Field.ACL: Row(
        wanted=lambda state: state.acl,
        shown=lambda observed: observed.acl,
        counts=_has_client_ca,
        default=ACL.PREFER,
        absent="none",
        label="ACL",
    ),
    Field.REPLICATION_ACL: Row(
        wanted=lambda state: state.replication_acl,
        shown=lambda observed: observed.replication_acl,
        counts=_has_client_ca,
        default=ACL.PREFER,
        absent="none",
        label="Replication ACL",
    ),
    Field.FORCE_ENCRYPTION: Row(
        wanted=lambda state: state.force_encryption,
        shown=lambda observed: observed.force_encryption,
        counts=lambda state, observed: bool(state.force_encryption or observed.force_encryption),
        while_off=True,
        label="Encryption forced",
    ),
    Field.MINIMUM_TLS_VERSION: Row(
        wanted=lambda state: state.minimum_tls_version,
        shown=lambda observed: observed.minimum_tls_version,
        # One that is not managed is no part of the state, whatever is shown.
        counts=lambda state, _: state.minimum_tls_version is not None,
        label="Lowest TLS version",
    ),
}


def shows(observed: Observed, field: Field) -> bool:
    """True if the API shows *field*."""
    return ROWS[field].shown(observed) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Which fields differ and which cannot be told; both empty is "shown"."""

    different: frozenset[Field]
    unknown: frozenset[Field]

    @property
    def shown(self) -> bool:
        """True if the API shows every field as it is wanted."""
        return not self.different and not self.unknown

    @property
    def consistent(self) -> bool:
        """True if nothing that the API shows speaks against the state wanted."""
        return not self.different
