"""
The states of an instance that the status of a DBInstanceSSL shows and keeps.

The string below a field is its description in the CRD, for users.
`ObservedStatus` is shown to people and programs; `BeforeStatus` and `StateStatus` are recorded with
a call, to be read again.
"""

import hashlib
import json
from typing import Annotated, Self

from pydantic import StrictBool

from rds_ssl.core.api.schema import Part
from rds_ssl.core.api.status_types import Count, Line, Name, Time, Word, first
from rds_ssl.core.formats import host_name
from rds_ssl.core.model import ACL, CAType, CertificateFacts, Observed


class CertificateStatus(Part):
    """The server certificate in force; *sha256* is lower-case hex over DER."""

    sha256: Word
    """SHA-256 over DER, lower-case hex."""
    subject: Line | None = None
    """Subject, RFC 4514."""
    issuer: Line | None = None
    """Issuer, RFC 4514."""
    dns_names: Annotated[tuple[Name, ...], *first(100)] = ()
    """The host names that it covers."""
    not_before: Time | None = None
    """When it becomes valid."""
    not_after: Time | None = None
    """When it expires."""

    @classmethod
    def of(cls, facts: CertificateFacts) -> Self:
        """Take over the facts of a leaf certificate, whose names are the same."""
        return cls.model_validate(facts, from_attributes=True, by_name=True)


class IntermediateStatus(Part):
    """A certificate between the server certificate and its root; *sha256* is hex over DER."""

    sha256: Word
    """SHA-256 over DER, lower-case hex."""
    subject: Line | None = None
    """Subject, RFC 4514."""
    issuer: Line | None = None
    """Issuer, RFC 4514."""
    not_after: Time | None = None
    """When it expires."""

    @classmethod
    def of(cls, facts: CertificateFacts) -> Self:
        """Take over the facts of a certificate, whose names are the same."""
        return cls.model_validate(facts, from_attributes=True, by_name=True)


class ClientCAStatus(Part):
    """A client CA in force; *sha256* is lower-case hex over DER."""

    sha256: Word
    """SHA-256 over DER, lower-case hex."""
    subject: Line | None = None
    """Subject, RFC 4514."""
    not_after: Time | None = None
    """When it expires."""


class RevocationListStatus(Part):
    """A revocation list in force; *sha256* is lower-case hex over DER."""

    sha256: Word
    """SHA-256 over DER, lower-case hex."""
    issuer: Line | None = None
    """Issuer, RFC 4514."""
    next_update: Time | None = None
    """When it is out of date, and all clients of its CA are refused."""
    revoked_count: Count | None = None
    """How many certificates it revokes."""


class ObservedStatus(Part):
    """
    What the API showed last; None is "not echoed", an empty tuple "echoed as empty".

    For people and for other programs. Lists may be cut: never compare a plan with them.
    """

    enabled: StrictBool
    """Whether SSL is on."""
    ca_type: CAType | None = None
    """Whose server certificate is in force."""
    connection_string: Name | None = None
    """The protected endpoint."""
    server_certificate: CertificateStatus | None = None
    """The server certificate."""
    client_ca: Annotated[tuple[ClientCAStatus, ...], *first(100)] | None = None
    """The CAs whose clients may log in."""
    revocation_list: Annotated[tuple[RevocationListStatus, ...], *first(100)] | None = None
    """The lists of revoked clients."""
    acl: ACL | None = None
    """How clients prove themselves."""
    replication_acl: ACL | None = None
    """How replication clients prove themselves."""
    force_encryption: StrictBool | None = None
    """Whether plain connections are refused."""
    minimum_tls_version: Word | None = None
    """The lowest TLS version accepted."""
    expire_time: Time | None = None
    """When the server certificate expires (SSLExpireTime)."""
    renewal_required: StrictBool | None = None
    """Whether the cloud asks for a renewal (RequireUpdate)."""

    @classmethod
    def of(cls, observed: Observed) -> Self:
        """Take over an observation, whose names are the same."""
        return cls.model_validate(observed, from_attributes=True, by_name=True)


class BeforeStatus(Part):
    """What the instance showed right before the call, to tell afterwards what the call did."""

    enabled: StrictBool
    """Whether SSL was on."""
    server_certificate: CertificateStatus | None = None
    """The server certificate."""
    expire_time: Time | None = None
    """When the server certificate expired (SSLExpireTime)."""
    last_modify_status: Word | None = None
    """Verdict on an earlier change (LastModifyStatus)."""


class StateStatus(Part):
    """
    A state of SSL: settings as values, material by its fingerprints; with SSL off nothing else.

    A set of CAs or lists has one fingerprint, see `rds_ssl.core.formats.fingerprint`. Nothing of a
    private key or of a password enters it.
    """

    enabled: StrictBool
    """Whether SSL is on; if not, nothing else counts."""
    connection_string: Name
    """The endpoint."""
    force_encryption: StrictBool
    """Whether plain connections are refused."""
    ca_type: CAType | None = None
    """Whose server certificate."""
    server_certificate: Word | None = None
    """SHA-256 over DER of an own server certificate, lower-case hex."""
    # SSLExpireTime shows it where the certificate itself is not shown.
    not_after: Time | None = None
    """When it expires."""
    chain: Word | None = None
    """
    Fingerprint of the certificate and its intermediates, in their order; absent if it cannot be
    told.
    """
    intermediates: Annotated[tuple[IntermediateStatus, ...], *first(10)] = ()
    """
    The intermediates that were sent with it, the nearest to the certificate first; empty as well
    where nobody knows which are in force.
    """
    intermediates_unknown: StrictBool | None = None
    """
    Present where the certificate was in force when this was recorded, and its intermediates were
    not shown: nobody knows them.
    """
    pfx: Line | None = None
    """The PFX file in OSS."""
    client_ca: Word | None = None
    """Fingerprint of the set of client CAs."""
    revocation_list: Word | None = None
    """Fingerprint of the set of revocation lists."""
    acl: ACL | None = None
    """The demand on clients, with a client CA."""
    replication_acl: ACL | None = None
    """The demand on replication clients, with a client CA."""
    minimum_tls_version: Word | None = None
    """The oldest TLS version that is accepted; absent if it is not managed."""
    renews: Time | None = None
    """The end of the cloud certificate that a renewal was to replace."""

    @property
    def settings(self) -> tuple[object, ...]:
        """Everything but the content of the material, in the form in which it is compared."""
        if not self.enabled:
            return (False,)
        return (
            True,
            host_name(self.connection_string),
            self.ca_type,
            self.client_ca is not None,
            self.revocation_list is not None,
            self.acl,
            self.replication_acl,
            self.force_encryption,
            self.minimum_tls_version,
        )

    @property
    def material(self) -> tuple[str | None, ...]:
        """
        The content of the material: leaf, CAs, lists, the name of a PFX file; off has none.

        The intermediates are left out, for the API need not show them: see `same_material`.
        """
        if not self.enabled:
            return ()
        return (self.server_certificate, self.client_ca, self.revocation_list, self.pfx)

    @property
    def digest(self) -> str:
        """The whole state in a digest; a renewal with what it ends."""
        chain = (self.chain,) if self.intermediates else ()
        text = json.dumps((self.settings, self.material, self.renews, *chain), default=str)
        # 64 bits tell the few states that one object ever has apart.
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def same(self, other: "StateStatus") -> bool:
        """True if nothing tells the two apart."""
        return self.settings == other.settings and self.same_material(other)

    def same_material(self, other: "StateStatus") -> bool:
        """True if nothing tells the material of the two apart; an unknown chain does not."""
        return self.material == other.material and not (
            self.chain and other.chain and self.chain != other.chain
        )
