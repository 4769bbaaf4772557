"""
What is sent: the parameters of ModifyDBInstanceSSL, by engine and state.

Pure. The complete set, never a difference:

| parameter | sent |
|---|---|
| ConnectionString, SSLEnabled | always |
| ForceEncryption | where it is wanted, or in force; on PostgreSQL RDS may refuse it |
| TlsVersion | SQL Server; what is observed where it is not managed |
| Certificate, PassWord | SQL Server with an own certificate |
| CAType | MySQL, PostgreSQL |
| ServerCert, ServerKey | the same, with an own certificate |
| ClientCAEnabled, ClientCACert, ACL, ReplicationACL | PostgreSQL, with a client CA |
| ClientCrlEnabled, ClientCertRevocationList | PostgreSQL, with a client CA and a revocation list |

With SSL off only the first three. Source: docs/conditions.md, "What is sent, and what tools see";
the page of ModifyDBInstanceSSL.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from rds_ssl.core.model import RENEWABLE_ENGINES, CAType, Engine, Observed
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.planning.fields import ROWS, Comparison, Field
from rds_ssl.core.secret_text import SecretText
from rds_ssl.core.x509.facts import ClientCAMaterial, RevocationListMaterial, ServerMaterial

ENGINES: Mapping[Field, Collection[str]] = {
    Field.SERVER_CERTIFICATE: frozenset({Engine.MYSQL, Engine.POSTGRESQL}),
    Field.PFX: frozenset({Engine.SQLSERVER}),
    Field.RENEWAL: RENEWABLE_ENGINES,
    Field.CLIENT_CA: frozenset({Engine.POSTGRESQL}),
    Field.REVOCATION_LIST: frozenset({Engine.POSTGRESQL}),
    # The vendor's documents disagree on PostgreSQL: the API decides.
    Field.FORCE_ENCRYPTION: frozenset({Engine.MYSQL, Engine.POSTGRESQL, Engine.SQLSERVER}),
    Field.MINIMUM_TLS_VERSION: frozenset({Engine.SQLSERVER}),
}
"""Which engines may have what, of that which not all have; where sources disagree, they may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PFXMaterial:
    """A PFX file in OSS, and the password that opens it; neither can be read back."""

    oss_object: str
    password: SecretText


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What is sent, with the key: lives for one pass."""

    server: ServerMaterial | None = None
    client_ca: ClientCAMaterial | None = None
    revocation_list: RevocationListMaterial | None = None
    pfx: PFXMaterial | None = None


def _check(desired: Desired, material: Material, *, engine: str) -> None:
    """Refuse to send less than the whole state: the rest would be taken for applied."""
    for field, engines in ENGINES.items():
        if ROWS[field].wanted(desired.state) and engine not in engines:
            raise ValueError(f"the engine has no parameter for {field}")
    server, cas, lists = material.server, material.client_ca, material.revocation_list
    if (
        (desired.ca_type is CAType.CUSTOM) != bool(server or material.pfx)
        or (material.pfx.oss_object if material.pfx else "") != desired.pfx
        or (server.leaf if server else None) != desired.server_certificate
        or (desired.chain and (server.chain if server else ()) != desired.chain)
        or set(cas.certificates if cas else ()) != set(desired.client_ca)
        or set(lists.lists if lists else ()) != set(desired.revocation_list)
    ):
        raise ValueError("the material is not that of the plan")


def parameters(
    desired: Desired,
    observed: Observed,
    material: Material,
    *,
    engine: str,
    comparison: Comparison | None = None,
    update: bool = False,
) -> Mapping[str, str | SecretText]:
    """
    Return the parameters of ModifyDBInstanceSSL for *engine*: the complete set, never a difference.

    Without the instance and its region. A call without CAType could silently replace a custom
    certificate; ACLs are refused without a CA; what an engine does not have is not sent.

    Args:
        comparison: Of the plan; it knows of forced encryption that is not echoed.
        update: Send SSLEnabled=2 for a renewal, as Terraform does for SQL Server; undocumented.

    Raises:
        ValueError: The set would not be complete: *material* is not that of *desired*, or the
            engine has no such parameter (`rds_ssl.core.checks.eligibility` says so before).
    """
    if desired.enabled:
        _check(desired, material, engine=engine)
    sent: dict[str, str | SecretText] = {
        "ConnectionString": desired.connection_string,
        "SSLEnabled": ("2" if update else "1") if desired.enabled else "0",
    }
    unforced = comparison is not None and Field.FORCE_ENCRYPTION in comparison.different
    if observed.force_encryption or desired.force_encryption or unforced:
        sent["ForceEncryption"] = "1" if desired.force_encryption else "0"
    if not desired.enabled:
        return sent
    if engine == Engine.SQLSERVER:
        return sent | _sqlserver_parameters(desired, observed, material)
    if engine not in {Engine.MYSQL, Engine.POSTGRESQL}:
        return sent
    sent["CAType"] = desired.ca_type.value
    if desired.ca_type is CAType.CUSTOM and material.server:
        sent["ServerCert"] = material.server.certificate_pem
        sent["ServerKey"] = material.server.private_key_pem
    if engine == Engine.POSTGRESQL:
        sent |= _client_parameters(desired, observed, material)
    return sent


def _client_parameters(
    desired: Desired, observed: Observed, material: Material
) -> Mapping[str, str]:
    sent: dict[str, str] = {}
    if material.client_ca:
        sent["ClientCAEnabled"] = "1"
        sent["ClientCACert"] = material.client_ca.pem
        sent["ACL"] = desired.acl.value
        sent["ReplicationACL"] = desired.replication_acl.value
    elif observed.client_ca:
        # Left out it may stay in force.
        sent["ClientCAEnabled"] = "0"
    if material.revocation_list:
        sent["ClientCrlEnabled"] = "1"
        sent["ClientCertRevocationList"] = material.revocation_list.pem
    elif observed.revocation_list and material.client_ca:
        # Beside a CA alone: without one RDS may refuse any word on a list, which nobody reads then.
        sent["ClientCrlEnabled"] = "0"
    return sent


def _sqlserver_parameters(
    desired: Desired, observed: Observed, material: Material
) -> dict[str, str | SecretText]:
    sent: dict[str, str | SecretText] = {}
    # Not managed it is sent as it is: an omitted parameter may be reset.
    version = desired.minimum_tls_version or observed.minimum_tls_version
    if version:
        sent["TlsVersion"] = version
    if material.pfx:
        sent["Certificate"] = material.pfx.oss_object
        sent["PassWord"] = material.pfx.password
    return sent
