"""
The spec of a DBInstanceSSL as values, and the source of its half of the CRD.

`make crds` writes crds/dbinstancessl.yaml from these models: the string below a field is its
description, for users; bounds, defaults and rules are those that this program checks itself.

Each rule stands as deep as it can. An unchanged field below a rule on its own level may stay
invalid when the rule is tightened later; a rule on spec blocks every edit of an old object.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import StrictBool, ValidationError

from rds_ssl.core.api.maintenance import Maintenance
from rds_ssl.core.api.schema import Block, rule, sentences, without_nulls
from rds_ssl.core.api.spec_types import (
    PFX,
    CASource,
    CredentialsReference,
    DistinctImpacts,
    ExpiryMargin,
    HostName,
    IdentityReference,
    InstanceID,
    Reference,
    RegionID,
    RevocationListSource,
    SecretReference,
    immutable,
)
from rds_ssl.core.errors import DeclarationError
from rds_ssl.core.model import ACL, CAType, Impact


class ManagementPolicy(StrEnum):
    """Whether the operator writes to the cloud at all."""

    ENFORCE = "Enforce"
    OBSERVE = "Observe"


class DriftPolicy(StrEnum):
    """What to do when the instance was changed elsewhere."""

    CORRECT = "Correct"
    REPORT = "Report"


class AdoptionPolicy(StrEnum):
    """What first contact does with an instance that has SSL on."""

    REVIEW = "Review"
    OVERWRITE = "Overwrite"


class DeletionPolicy(StrEnum):
    """What becomes of the instance when the object is deleted."""

    RETAIN = "Retain"
    DISABLE = "Disable"


class ServerCertificate(Block):
    """The certificate that the instance shows; an absent block is the same as an empty one."""

    ca_type: CAType | None = None
    """
    Whose certificate (CAType): aliyun, the cloud's, renewed by the cloud, or custom, yours.
    Default: custom with secretRef or pfx, else aliyun. custom needs exactly one of the two, aliyun
    forbids both.
    """
    secret_ref: SecretReference | None = None
    """
    A Secret of any type in this namespace with a certificate chain and its private key, as
    cert-manager writes it. A new certificate in it is applied after the quiet period, which on
    most engines restarts the database; the same certificate written again is no change.
    """
    pfx: PFX | None = None
    """
    A PFX file in OSS (SQL Server). The cloud does not show it again: a new file needs a new object
    name to be noticed, and a new password alone is no change.
    """
    renew_before: ExpiryMargin | None = None
    """
    Renew a cloud certificate this long before it expires, on engines where the cloud does not do
    it (MySQL, SQL Server); 1h to 2160h, such as 720h (units h, m, s). Default: not renewed by the
    operator. One call per expiry date; it restarts the database, except MySQL 8.0. Without effect
    on a custom certificate.
    """

    @rule(
        "secretRef and pfx exclude each other",
        cel="!(has(self.secretRef) && has(self.pfx))",
    )
    def _has_one_source(self) -> bool:
        return not (self.secret_ref and self.pfx)

    @rule(
        "caType aliyun forbids secretRef and pfx; set caType: custom or leave it",
        cel='!has(self.caType) || self.caType != "aliyun"'
        " || !(has(self.secretRef) || has(self.pfx))",
    )
    def _has_no_source_for_aliyun(self) -> bool:
        return self.ca_type is not CAType.ALIYUN or not (self.secret_ref or self.pfx)

    @rule(
        "caType custom needs secretRef or pfx",
        cel='!has(self.caType) || self.caType != "custom" || has(self.secretRef) || has(self.pfx)',
    )
    def _has_a_source_for_custom(self) -> bool:
        return self.ca_type is not CAType.CUSTOM or bool(self.secret_ref or self.pfx)


class ClientAuthentication(Block):
    """Who may log in by certificate; an absent block is the same as an empty one: off."""

    ca: CASource | None = None
    """
    The CAs whose clients may log in (ClientCAEnabled, ClientCACert), PEM. To drop or replace one
    that is in force needs approval. A change restarts the database.
    """
    revocation_list: RevocationListSource | None = None
    """
    Revoked clients (ClientCrlEnabled, ClientCertRevocationList), PEM: a current list for every CA
    in ca. PostgreSQL refuses all clients of a CA without one, and all clients once a list is past
    its nextUpdate. Needs ca.
    """
    acl: ACL = ACL.PREFER
    """
    How clients prove themselves (ACL). Default prefer, which accepts plain connections as well;
    all others need ca. verify-full needs PostgreSQL 12. Stricter locks out clients without a
    certificate; looser needs approval.
    """
    replication_acl: ACL = ACL.PREFER
    """
    The same for replication connections (ReplicationACL). Default prefer; all others need ca.
    """

    @property
    def acls(self) -> Mapping[str, ACL]:
        """Both ACLs, by their names in the block."""
        return {"acl": self.acl, "replicationACL": self.replication_acl}

    @rule(
        "revocationList needs ca",
        cel="has(self.ca) || !has(self.revocationList)",
        field="revocationList",
    )
    def _has_the_ca_of_its_list(self) -> bool:
        return bool(self.ca or not self.revocation_list)

    @rule(
        "acl other than prefer needs ca",
        cel='has(self.ca) || self.acl == "prefer"',
        field="acl",
    )
    def _has_the_ca_of_its_acl(self) -> bool:
        return bool(self.ca or self.acl is ACL.PREFER)

    @rule(
        "replicationACL other than prefer needs ca",
        cel='has(self.ca) || self.replicationACL == "prefer"',
        field="replicationACL",
    )
    def _has_the_ca_of_its_replication_acl(self) -> bool:
        return bool(self.ca or self.replication_acl is ACL.PREFER)


class Declaration(Block):
    """
    The declared settings. They are the whole truth: a block that is absent is off, except where a
    field says "not managed".
    """

    instance_id: Annotated[InstanceID, immutable("instanceID")]
    """
    The instance (DBInstanceId), such as pgm-bp1234567890abcde. Immutable. One object manages one
    instance: of two that name the same one, the older wins.
    """
    region_id: Annotated[RegionID, immutable("regionID")]
    """
    The region of the instance, such as cn-hangzhou. It chooses the endpoint of the cloud API.
    Immutable.
    """
    connection_string: HostName | None = None
    """
    The host name of the endpoint to protect (ConnectionString), without scheme or port. Default:
    the endpoint applied last, else the one protected now, else the instance's internal endpoint;
    status.instance.endpoint shows the choice. Never a read/write-splitting endpoint. Another
    endpoint needs approval and restarts the database.
    """
    enabled: StrictBool = True
    """
    Whether SSL is on (SSLEnabled). Default true. False reads no Secret and no ConfigMap with
    material. Both directions restart the database; off needs approval.
    """
    server_certificate: ServerCertificate = ServerCertificate()
    """
    The certificate that the instance shows to its clients. Absent: one of the cloud's own CA, for
    the protected endpoint.
    """
    client_authentication: ClientAuthentication = ClientAuthentication()
    """
    Who may log in with a client certificate (PostgreSQL on cloud disks). Absent: off; what the
    instance has of it is then to be removed, which needs approval.
    """
    force_encryption: StrictBool = False
    """
    Whether plain connections are refused (ForceEncryption; MySQL from minor version 20241130, SQL
    Server; on PostgreSQL RDS decides, and does not show it). Default false. True needs enabled; to
    set it back needs approval.
    """
    minimum_tls_version: Literal["1.0", "1.1", "1.2"] | None = None
    """
    The lowest TLS version accepted (TlsVersion; SQL Server). Absent: not managed, the instance
    keeps its own. Lower needs approval.
    """
    credentials_secret_ref: CredentialsReference | None = None
    """
    The access key for the cloud API. Absent: identity, or else the operator's own, if this
    namespace may use it.
    """
    identity: IdentityReference | None = None
    """
    The RAM role that the operator assumes for this object, if this namespace may use it; no key is
    needed. Excludes credentialsSecretRef, whose Secret may name a role of its own.
    """
    management_policy: ManagementPolicy = ManagementPolicy.ENFORCE
    """
    Enforce (default) applies the settings. Observe reads the instance and shows the plan in
    status, and writes nothing to the cloud.
    """
    drift_policy: DriftPolicy = DriftPolicy.CORRECT
    """
    What to do when the instance was changed elsewhere: Correct (default) puts it back, half an
    hour after it was seen; Report only says so (reason Drifted).
    """
    adoption_policy: AdoptionPolicy = AdoptionPolicy.REVIEW
    """
    What to do at first contact with an instance that has SSL on and differs: Review (default)
    waits for approval, Overwrite applies the declaration.
    """
    approval_required: DistinctImpacts = (
        Impact.WEAKENS,
        Impact.DROPS_TRUST,
        Impact.MOVES_ENDPOINT,
    )
    """
    A plan with one of these impacts waits until the annotation rds-ssl.dev/approve names its
    digest. Default Weakens, DropsTrust, MovesEndpoint. The empty list waives approval.
    """
    maintenance: Maintenance = Maintenance()
    """When a change that may restart the database may start. Absent: at any time."""
    deletion_policy: DeletionPolicy = DeletionPolicy.RETAIN
    """
    What becomes of the instance when this object is deleted: Retain (default) leaves it as it is;
    Disable turns SSL off before the object goes, which restarts the database. Disable needs
    managementPolicy Enforce.
    """
    suspend: StrictBool = False
    """True stops all writes to the cloud; reading, plan and status go on. Default false."""

    @rule(
        "identity and credentialsSecretRef exclude each other",
        cel="!(has(self.identity) && has(self.credentialsSecretRef))",
        field="identity",
    )
    def _acts_as_one(self) -> bool:
        return not (self.identity and self.credentials_secret_ref)

    @rule(
        "forceEncryption cannot be true while enabled is false",
        cel="!self.forceEncryption || self.enabled",
        field="forceEncryption",
    )
    def _is_on_where_encryption_is_forced(self) -> bool:
        return self.enabled or not self.force_encryption

    @rule(
        "deletionPolicy Disable needs managementPolicy Enforce",
        cel='self.deletionPolicy != "Disable" || self.managementPolicy == "Enforce"',
        field="deletionPolicy",
    )
    def _may_disable_at_the_end(self) -> bool:
        return (
            self.deletion_policy is not DeletionPolicy.DISABLE
            or self.management_policy is ManagementPolicy.ENFORCE
        )

    @property
    def effective_ca_type(self) -> CAType:
        """``caType``, or what its absence means: custom with material, else aliyun."""
        server = self.server_certificate
        if server.ca_type:
            return server.ca_type
        return CAType.CUSTOM if server.secret_ref or server.pfx else CAType.ALIYUN

    @property
    def material_references(self) -> tuple[Reference, ...]:
        """
        Every key of a Secret or ConfigMap with material that the spec names, in its order.

        They are listed while ``enabled`` is false as well; whoever reads material decides. The
        Secret with the credentials is no material: see `credentials_secret_ref`.
        """
        return tuple(self._material_references())

    def _material_references(self) -> Iterator[Reference]:
        server, clients = self.server_certificate, self.client_authentication
        if pair := server.secret_ref:
            for key in (pair.certificate_key, pair.private_key_key):
                yield Reference(
                    kind="Secret",
                    name=pair.name,
                    key=key,
                    field="spec.serverCertificate.secretRef",
                )
        if server.pfx:
            password = server.pfx.password_secret_key_ref
            yield Reference(
                kind="Secret",
                name=password.name,
                key=password.key,
                field="spec.serverCertificate.pfx.passwordSecretKeyRef",
            )
        for block, source in (("ca", clients.ca), ("revocationList", clients.revocation_list)):
            field = f"spec.clientAuthentication.{block}"
            if source and (ref := source.secret_key_ref):
                yield Reference(
                    kind="Secret", name=ref.name, key=ref.key, field=f"{field}.secretKeyRef"
                )
            if source and (ref := source.config_map_key_ref):
                yield Reference(
                    kind="ConfigMap", name=ref.name, key=ref.key, field=f"{field}.configMapKeyRef"
                )


def parse_spec(spec: Mapping[str, object]) -> Declaration:
    """
    Read the spec of an object.

    Unknown fields and nulls are ignored, as the API server prunes them.

    Raises:
        DeclarationError: With one sentence per broken rule, each led by the path of its field
            (``spec.serverCertificate: caType custom needs secretRef or pfx``). Values of the
            object are not repeated in it.
    """
    try:
        return Declaration.model_validate(without_nulls(spec), by_alias=True, by_name=False)
    except ValidationError as error:
        faults = (text for detail in error.errors() for text in sentences(detail))
        # from None: pydantic's text repeats the values.
        raise DeclarationError(tuple(faults)) from None
