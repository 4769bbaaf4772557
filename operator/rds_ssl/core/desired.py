"""
What an object declares, as facts: the state an instance is to be in.

Pure. The digests name a state in status, where no value of a certificate is compared again: equal
digests are the same state.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from rds_ssl.core.declaration import Declaration
from rds_ssl.core.facts import ClientCAFacts, ServerFacts
from rds_ssl.core.model import ACL, CAType, CertificateFacts, Observed, RevocationListFacts
from rds_ssl.core.observation import host_name

TLS_VERSIONS = ("1.0", "1.1", "1.2")
"""The values of TlsVersion, the weakest first."""

_EXPIRY = "%Y%m%dT%H%M%SZ"

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialFacts:
    """What the referenced objects hold; None or empty where nothing is referenced."""

    server: ServerFacts | None = None
    client_ca: tuple[ClientCAFacts, ...] = ()
    revocation_list: tuple[RevocationListFacts, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
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

    @property
    def settings_digest(self) -> str:
        """Name everything but the content of the material."""
        if not self.enabled:
            return OFF
        return _settings_digest(
            endpoint=self.connection_string,
            ca_type=self.ca_type,
            client_ca=bool(self.client_ca),
            revocation_list=bool(self.revocation_list),
            acls=(self.acl, self.replication_acl),
            force_encryption=self.force_encryption,
            minimum_tls_version=self.minimum_tls_version,
        )

    @property
    def material_digest(self) -> str:
        """
        Name the content of the material: the leaf, CAs and CRLs as sets, the name of a PFX file.

        Its password is no part of it: a digest of a password is a trace of it.
        """
        if not self.enabled:
            return _digest({})
        return material_digest(
            server_certificate=self.server_certificate,
            client_ca=self.client_ca,
            revocation_list=self.revocation_list,
            pfx=self.pfx,
        )

    @property
    def digest(self) -> str:
        """Name the whole state: settings, material and, for a renewal, the expiry it ends."""
        whole = f"{self.settings_digest}-{self.material_digest}"
        return f"{whole}-{self.renews.astimezone(UTC):{_EXPIRY}}" if self.renews else whole


class Digest(NamedTuple):
    """`Desired.digest`, taken apart."""

    settings: str
    material: str | None
    renews: datetime | None

    @classmethod
    def parse(cls, digest: str) -> "Digest":
        """Take apart what a status holds; a part that cannot be read is None."""
        settings, _, rest = digest.partition("-")
        material, _, expiry = rest.partition("-")
        try:
            renews = datetime.strptime(expiry, _EXPIRY).replace(tzinfo=UTC)
        except ValueError:
            renews = None
        return cls(settings=settings, material=material or None, renews=renews)


def material_digest(
    *,
    server_certificate: CertificateFacts | None,
    client_ca: tuple[CertificateFacts, ...],
    revocation_list: tuple[RevocationListFacts, ...],
    pfx: str = "",
) -> str:
    """Name material by its fingerprints; see `Desired.material_digest`."""
    return _digest(
        {
            "serverCertificate": server_certificate.sha256 if server_certificate else None,
            "clientCA": sorted({each.sha256 for each in client_ca}),
            "revocationList": sorted({each.sha256 for each in revocation_list}),
        }
        # A field that came later is named where it is used: digests in status outlive versions.
        | ({"pfx": pfx} if pfx else {})
    )


def desired_of(declaration: Declaration, material: MaterialFacts, *, endpoint: str) -> Desired:
    """
    Make the state out of the declaration and what its references hold.

    Raises:
        ValueError: If a reference has no facts. What cannot be read is not "nothing": taken for
            a removal, a missing ConfigMap would drop the client CA. Check the material first, or
            use `settings_digest_of`, which needs none.
    """
    if not declaration.enabled:
        return Desired(enabled=False, connection_string=endpoint)
    ca_type = declaration.effective_ca_type
    server, clients = declaration.server_certificate, declaration.client_authentication
    for reference, facts in (
        (server.secret_ref, material.server),
        (clients.ca, material.client_ca),
        (clients.revocation_list, material.revocation_list),
    ):
        if bool(reference) != bool(facts):
            raise ValueError("the material is not that of the references")
    return Desired(
        enabled=True,
        connection_string=endpoint,
        ca_type=ca_type,
        server_certificate=material.server.leaf if material.server else None,
        client_ca=tuple(each.certificate for each in material.client_ca),
        revocation_list=material.revocation_list,
        acl=clients.acl if clients.ca else ACL.PREFER,
        replication_acl=clients.replication_acl if clients.ca else ACL.PREFER,
        force_encryption=declaration.force_encryption,
        minimum_tls_version=declaration.minimum_tls_version,
        pfx=server.pfx.oss_object if server.pfx else "",
    )


def loosened(desired: Desired, observed: Observed) -> Desired | None:
    """
    Give the state before client authentication is taken away; None if it is loose already.

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


def settings_digest_of(declaration: Declaration, *, endpoint: str) -> str:
    """
    Name the declared settings without reading any material.

    Equal to `Desired.settings_digest` of the same declaration once its material can be read: what
    is off or on follows from the references alone.
    """
    if not declaration.enabled:
        return OFF
    clients = declaration.client_authentication
    return _settings_digest(
        endpoint=endpoint,
        ca_type=declaration.effective_ca_type,
        client_ca=clients.ca is not None,
        revocation_list=clients.revocation_list is not None,
        acls=(clients.acl, clients.replication_acl),
        force_encryption=declaration.force_encryption,
        minimum_tls_version=declaration.minimum_tls_version,
    )


@lru_cache(maxsize=4)  # A pass asks several times; 0.1 MB each.
def settings_digests_at(
    endpoint: str, *, forced: tuple[bool, ...] = (False, True)
) -> frozenset[str]:
    """
    Name every state of settings with SSL on for *endpoint*: is an applied one among them?

    A thousand digests, which take 7 ms, for the rare case that the API hides something and that
    somebody else has changed what it shows.

    Args:
        forced: The values of forced encryption.
    """
    flags = (False, True)
    return frozenset(
        _settings_digest(
            endpoint=endpoint,
            ca_type=ca_type,
            client_ca=client_ca,
            revocation_list=revocation_list,
            acls=(acl, replication),
            force_encryption=encrypted,
            minimum_tls_version=tls,
        )
        for ca_type, client_ca, revocation_list, acl, replication, encrypted, tls in product(
            CAType, flags, flags, ACL, ACL, forced, (None, *TLS_VERSIONS)
        )
    )


def inputs_digest(desired: Desired, *, chain: tuple[str, ...], surroundings: str) -> str:
    """
    Name everything that a refusal may rest on; a refused call is not repeated while it stands.

    Args:
        chain: The fingerprints of the whole server chain: a wrong intermediate may be the reason
            although the leaf stays.
        surroundings: What the instance showed, as one text.
    """
    return _digest({"desired": desired.digest, "chain": list(chain), "instance": surroundings})


def _settings_digest(
    *,
    endpoint: str,
    ca_type: CAType,
    client_ca: bool,
    revocation_list: bool,
    acls: tuple[ACL, ACL],
    force_encryption: bool,
    minimum_tls_version: str | None,
) -> str:
    return _digest(
        {
            "enabled": True,
            # Another spelling of a host name is no other setting.
            "connectionString": host_name(endpoint),
            "caType": ca_type,
            "clientCA": client_ca,
            "revocationList": revocation_list,
            "acl": acls[0] if client_ca else None,
            "replicationACL": acls[1] if client_ca else None,
            "forceEncryption": force_encryption,
        }
        | ({"minimumTLSVersion": minimum_tls_version} if minimum_tls_version else {})
    )


def _digest(value: Mapping[str, object]) -> str:
    text = _ENCODER.encode(value)
    # 64 bits tell the few states that one object ever has apart.
    return hashlib.sha256(text.encode()).hexdigest()[:16]


OFF = _digest({"enabled": False})
"""`Desired.settings_digest` of SSL off."""
