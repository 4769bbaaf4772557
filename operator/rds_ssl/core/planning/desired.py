"""
What an object declares, as facts: the state an instance is to be in.

Pure. A digest names a state, so that a later attempt at it, or an approval of it, is recognized;
nothing is ever read back out of one.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from rds_ssl.core.api.spec import Declaration
from rds_ssl.core.api.states import IntermediateStatus, StateStatus
from rds_ssl.core.formats import fingerprint
from rds_ssl.core.model import ACL, CAType, CertificateFacts, Observed, RevocationListFacts
from rds_ssl.core.x509.facts import MaterialFacts

TLS_VERSIONS = ("1.0", "1.1", "1.2")
"""The values of TlsVersion, the weakest first."""


@dataclass(frozen=True, kw_only=True)  # Without slots: what follows from it is kept with it.
class Desired:
    """
    The state declared. With *enabled* false everything else is at its default.

    *acl* and *replication_acl* count only with a client CA; PostgreSQL's default is prefer.
    """

    enabled: bool
    connection_string: str
    ca_type: CAType = CAType.ALIYUN
    server_certificate: CertificateFacts | None = None
    """The leaf, for `CAType.CUSTOM`."""
    client_ca: tuple[CertificateFacts, ...] = ()
    revocation_list: tuple[RevocationListFacts, ...] = ()
    acl: ACL = ACL.PREFER
    replication_acl: ACL = ACL.PREFER
    force_encryption: bool = False
    minimum_tls_version: str | None = None
    """None: not managed, it stays as it is."""
    pfx: str = ""
    """The object in OSS, for `CAType.CUSTOM` on SQL Server."""
    renews: datetime | None = None
    """The SSLExpireTime of the cloud certificate that is to be renewed; None: it may stay."""
    chain: tuple[CertificateFacts, ...] = ()
    """The leaf and its intermediates, in their order; empty if nobody has read them."""

    @property
    def acls(self) -> tuple[ACL, ACL]:
        """The ACL of clients, and that of replication."""
        return self.acl, self.replication_acl

    @cached_property
    def state(self) -> StateStatus:
        """The same as it stands in a status: material by its fingerprints."""
        if not self.enabled:
            return StateStatus(
                enabled=False, connection_string=self.connection_string, force_encryption=False
            )
        leaf = self.server_certificate
        return StateStatus(
            enabled=True,
            connection_string=self.connection_string,
            ca_type=self.ca_type,
            server_certificate=leaf.sha256 if leaf else None,
            not_after=leaf.not_after if leaf else None,
            chain=fingerprint((each.sha256 for each in self.chain), ordered=True),
            intermediates=tuple(map(IntermediateStatus.of, self.chain[1:])),
            pfx=self.pfx or None,
            client_ca=fingerprint(each.sha256 for each in self.client_ca),
            revocation_list=fingerprint(each.sha256 for each in self.revocation_list),
            acl=self.acl if self.client_ca else None,
            replication_acl=self.replication_acl if self.client_ca else None,
            force_encryption=self.force_encryption,
            minimum_tls_version=self.minimum_tls_version,
            renews=self.renews,
        )

    @cached_property
    def digest(self) -> str:
        """See `StateStatus.digest`."""
        return self.state.digest


def material_of(
    *,
    server_certificate: CertificateFacts | None,
    client_ca: Iterable[CertificateFacts],
    revocation_list: Iterable[RevocationListFacts],
    pfx: str = "",
) -> tuple[str | None, ...]:
    """Return the fingerprints of material, as `StateStatus.material` does."""
    return (
        server_certificate.sha256 if server_certificate else None,
        fingerprint(each.sha256 for each in client_ca),
        fingerprint(each.sha256 for each in revocation_list),
        pfx or None,
    )


def desired_of(declaration: Declaration, material: MaterialFacts, *, endpoint: str) -> Desired:
    """
    Return the state out of the declaration and what its references hold.

    Raises:
        ValueError: If a reference has no facts. What cannot be read is not "nothing": taken for
            a removal, a missing ConfigMap would drop the client CA. Check the material first, or
            use `settings_of`, which needs none.
    """
    if not declaration.enabled:
        return Desired(enabled=False, connection_string=endpoint)
    server, clients = declaration.server_certificate, declaration.client_authentication
    for reference, facts in (
        (server.secret_ref, material.server),
        (clients.ca, material.client_ca),
        (clients.revocation_list, material.revocation_list),
    ):
        if bool(reference) != bool(facts):
            raise ValueError("the material is not that of the references")
    return _declared(
        declaration,
        endpoint=endpoint,
        server_certificate=material.server.leaf if material.server else None,
        client_ca=tuple(each.certificate for each in material.client_ca),
        revocation_list=material.revocation_list,
        chain=material.server.chain if material.server else (),
    )


def beside_material(declaration: Declaration, observed: Observed, *, endpoint: str) -> Desired:
    """Return the state of the settings declared and the material shown, whatever is in it."""
    if not declaration.enabled:
        return Desired(enabled=False, connection_string=endpoint)
    custom = declaration.effective_ca_type is CAType.CUSTOM
    return _declared(
        declaration,
        endpoint=endpoint,
        server_certificate=observed.server_certificate if custom else None,
        client_ca=observed.client_ca or (),
        revocation_list=observed.revocation_list or (),
    )


def _declared(
    declaration: Declaration,
    *,
    endpoint: str,
    server_certificate: CertificateFacts | None,
    client_ca: tuple[CertificateFacts, ...],
    revocation_list: tuple[RevocationListFacts, ...],
    chain: tuple[CertificateFacts, ...] = (),
) -> Desired:
    pfx, clients = declaration.server_certificate.pfx, declaration.client_authentication
    return Desired(
        enabled=True,
        connection_string=endpoint,
        ca_type=declaration.effective_ca_type,
        server_certificate=server_certificate,
        client_ca=client_ca,
        revocation_list=revocation_list,
        acl=clients.acl,
        replication_acl=clients.replication_acl,
        force_encryption=declaration.force_encryption,
        minimum_tls_version=declaration.minimum_tls_version,
        pfx=pfx.oss_object if pfx else "",
        chain=chain,
    )


def relax_step(desired: Desired, observed: Observed) -> Desired | None:
    """
    Return the state before client authentication is taken away; None if it is loose already.

    The CA in force is kept and nobody is asked for a certificate of it any more: what takes away
    a CA that an ACL still needs is refused, or locks everybody out.
    """
    if not (desired.enabled and observed.enabled and observed.client_ca) or desired.client_ca:
        return None
    if observed.acl is ACL.PREFER and observed.replication_acl is ACL.PREFER:
        return None
    return replace(
        desired,
        client_ca=observed.client_ca or (),
        revocation_list=observed.revocation_list or (),
        acl=ACL.PREFER,
        replication_acl=ACL.PREFER,
    )


def settings_of(declaration: Declaration, *, endpoint: str) -> tuple[object, ...]:
    """
    Return the declared settings without reading any material.

    Equal to `StateStatus.settings` of the same declaration once its material can be read: what is
    off or on follows from the references alone.
    """
    if not declaration.enabled:
        return Desired(enabled=False, connection_string=endpoint).state.settings
    clients = declaration.client_authentication
    trusts = clients.ca is not None
    return StateStatus(
        enabled=True,
        connection_string=endpoint,
        ca_type=declaration.effective_ca_type,
        client_ca=_SOME if trusts else None,
        revocation_list=_SOME if clients.revocation_list is not None else None,
        acl=clients.acl if trusts else None,
        replication_acl=clients.replication_acl if trusts else None,
        force_encryption=declaration.force_encryption,
        minimum_tls_version=declaration.minimum_tls_version,
    ).settings


_SOME = "some"
"""In place of the fingerprint of what was not read."""


def inputs_digest(desired: Desired, *, chain: tuple[str, ...], surroundings: str) -> str:
    """
    Return a digest of all that a refusal may rest on; while it stands, the call is not repeated.

    Args:
        chain: The fingerprints of the whole server chain: a wrong intermediate may be the reason
            although the leaf stays.
        surroundings: What the instance showed, as one text.
    """
    text = json.dumps((desired.digest, chain, surroundings))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
