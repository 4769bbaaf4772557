"""
The spec of a DBInstanceSSL as values: the twin of crds/dbinstancessl.yaml.

The API server has checked an object before this program sees it. The same rules stand here a
second time because objects outlive schemas: one stored under an older CRD must end in a condition,
not in a call. tests/contract holds both sides equal, rule by rule, with the same sentences.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    PlainSerializer,
    StrictBool,
    ValidationError,
    WithJsonSchema,
)

from rds_ssl.core.durations import format_duration
from rds_ssl.core.errors import DeclarationError
from rds_ssl.core.model import ACL, CAType, Impact
from rds_ssl.core.schema import (
    Block,
    Fault,
    FaultsError,
    Part,
    between,
    matching,
    sentences,
    without_nulls,
)


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


_HOST_LABEL = "[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?"
_CRON_FIELD = "[-0-9A-Za-z*,/]+"
_OBJECT_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"

_InstanceID = Annotated[
    str,
    Field(max_length=64),
    matching("[A-Za-z0-9][-_A-Za-z0-9]*", "must be an instance ID such as pgm-bp1234567890abcde"),
]
_RegionID = Annotated[
    str,
    Field(max_length=64),
    # It becomes part of a host name: nothing but labels of letters and digits gets through.
    matching("[a-z]{2,4}(-[a-z0-9]+)+", "must be a region ID such as cn-hangzhou"),
]
_HostName = Annotated[
    str,
    Field(max_length=253),
    matching(
        rf"{_HOST_LABEL}(\.{_HOST_LABEL})*",
        "must be a host name alone, without scheme, port or trailing dot,"
        " such as orders.pg.rds.aliyuncs.com",
    ),
]
_ObjectName = Annotated[
    str,
    Field(max_length=253),
    matching(
        rf"{_OBJECT_LABEL}(\.{_OBJECT_LABEL})*",
        "must be the name of an object: lower-case letters, digits, - and .",
    ),
]
_DataKey = Annotated[
    str,
    Field(max_length=253),
    # As the API server has it for the keys of Secrets and ConfigMaps.
    matching(
        r"(?!\.$|\.\.)[-._A-Za-z0-9]+", "must be a key of the object: letters, digits, -, _ and ."
    ),
]
_Schedule = Annotated[
    str,
    Field(max_length=128),
    matching(
        f"{_CRON_FIELD}( +{_CRON_FIELD}){{4}}",
        "must have five fields (minute, hour, day of month, month, day of week),"
        " such as 0 3 * * SAT",
    ),
]
_TimeZone = Annotated[
    str,
    Field(max_length=64),
    matching(
        "[A-Za-z][-+_A-Za-z0-9]*(/[-+_A-Za-z0-9]+)*",
        "must be an IANA time zone such as Asia/Shanghai",
    ),
]
_DurationText = (
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "maxLength": 32}),
)
_ExpiryMargin = Annotated[timedelta, between("1h", "2160h", "720h"), *_DurationText]
_WindowDuration = Annotated[timedelta, between("30m", "24h", "2h"), *_DurationText]


def _distinct(impacts: tuple[Impact, ...]) -> tuple[Impact, ...]:
    repeated = (index for index, each in enumerate(impacts) if each in impacts[:index])
    if faults := tuple(Fault("must not name an impact twice", f"[{index}]") for index in repeated):
        raise FaultsError(faults)
    return impacts


class SecretReference(Part):
    """A Secret with a certificate chain (leaf first) and its private key, both PEM."""

    name: _ObjectName
    certificate_key: _DataKey = "tls.crt"
    private_key_key: _DataKey = "tls.key"


class KeyReference(Part):
    """One key of a Secret or ConfigMap in the object's namespace."""

    name: _ObjectName
    key: _DataKey


class CAKeyReference(KeyReference):
    """The key with the client CAs."""

    key: _DataKey = "ca.crt"


class RevocationListKeyReference(KeyReference):
    """The key with the revocation lists."""

    key: _DataKey = "ca.crl"


class PFX(Part):
    """A PFX file in OSS and the password that opens it (SQL Server)."""

    oss_object: Annotated[str, Field(min_length=1, max_length=1024)]
    password_secret_key_ref: KeyReference


class ServerCertificate(Block):
    """The certificate that the instance shows; an absent block is the same as an empty one."""

    ca_type: CAType | None = None
    """None: inferred, see `Declaration.effective_ca_type`."""
    secret_ref: SecretReference | None = None
    pfx: PFX | None = None
    renew_before: _ExpiryMargin | None = None

    def _faults(self) -> Iterator[Fault]:
        if self.secret_ref and self.pfx:
            yield Fault("secretRef and pfx exclude each other")
        if self.ca_type is CAType.ALIYUN and (self.secret_ref or self.pfx):
            yield Fault("caType aliyun forbids secretRef and pfx; set caType: custom or leave it")
        if self.ca_type is CAType.CUSTOM and not (self.secret_ref or self.pfx):
            yield Fault("caType custom needs secretRef or pfx")


def _one_source(secret: KeyReference | None, config_map: KeyReference | None) -> Iterator[Fault]:
    if (secret is None) == (config_map is None):
        yield Fault("exactly one of secretKeyRef and configMapKeyRef must be set")


class CASource(Block):
    """Where the client CAs are read: exactly one of the two."""

    secret_key_ref: CAKeyReference | None = None
    config_map_key_ref: CAKeyReference | None = None

    def _faults(self) -> Iterator[Fault]:
        yield from _one_source(self.secret_key_ref, self.config_map_key_ref)


class RevocationListSource(Block):
    """Where the revocation lists are read: exactly one of the two."""

    secret_key_ref: RevocationListKeyReference | None = None
    config_map_key_ref: RevocationListKeyReference | None = None

    def _faults(self) -> Iterator[Fault]:
        yield from _one_source(self.secret_key_ref, self.config_map_key_ref)


class ClientAuthentication(Block):
    """Who may log in by certificate; an absent block is the same as an empty one: off."""

    ca: CASource | None = None
    revocation_list: RevocationListSource | None = None
    acl: ACL = ACL.PREFER
    replication_acl: ACL = ACL.PREFER

    def _faults(self) -> Iterator[Fault]:
        if self.ca:
            return
        if self.revocation_list:
            yield Fault("revocationList needs ca", field="revocationList")
        if self.acl is not ACL.PREFER:
            yield Fault("acl other than prefer needs ca", field="acl")
        if self.replication_acl is not ACL.PREFER:
            yield Fault("replicationACL other than prefer needs ca", field="replicationACL")


class CredentialsReference(Part):
    """The Secret with the access key of the cloud account, in the object's namespace."""

    name: _ObjectName


class Window(Part):
    """A time in which a restart is welcome."""

    schedule: _Schedule
    """Five cron fields: when it opens, in *time_zone*."""
    duration: _WindowDuration
    time_zone: _TimeZone = "UTC"
    """Syntactically checked only; the zone may not exist."""


class Maintenance(Block):
    """When a change that may restart the instance may start; an absent block: at any time."""

    windows: Annotated[tuple[Window, ...], Field(max_length=16)] = ()
    use_instance_window: StrictBool = False
    override_before_expiry: _ExpiryMargin | None = None

    def _faults(self) -> Iterator[Fault]:
        if self.windows and self.use_instance_window:
            yield Fault("windows and useInstanceWindow exclude each other")
        if self.override_before_expiry and not (self.windows or self.use_instance_window):
            yield Fault(
                "overrideBeforeExpiry needs windows or useInstanceWindow",
                field="overrideBeforeExpiry",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A key of an object that the spec names; *field* is the path of the reference."""

    kind: Literal["Secret", "ConfigMap"]
    name: str
    key: str
    field: str
    """``spec.serverCertificate.secretRef``"""


class Declaration(Block):
    """The spec of a DBInstanceSSL. Defaults are those of the CRD."""

    instance_id: _InstanceID
    region_id: _RegionID
    connection_string: _HostName | None = None
    enabled: StrictBool = True
    server_certificate: ServerCertificate = ServerCertificate()
    client_authentication: ClientAuthentication = ClientAuthentication()
    force_encryption: StrictBool = False
    minimum_tls_version: Literal["1.0", "1.1", "1.2"] | None = None
    """None: not managed."""
    credentials_secret_ref: CredentialsReference | None = None
    """None: the operator's own identity, if the namespace may use it."""
    management_policy: ManagementPolicy = ManagementPolicy.ENFORCE
    drift_policy: DriftPolicy = DriftPolicy.CORRECT
    adoption_policy: AdoptionPolicy = AdoptionPolicy.REVIEW
    approval_required: Annotated[
        tuple[Impact, ...], Field(max_length=6), AfterValidator(_distinct)
    ] = (Impact.WEAKENS, Impact.DROPS_TRUST, Impact.MOVES_ENDPOINT)
    maintenance: Maintenance = Maintenance()
    deletion_policy: DeletionPolicy = DeletionPolicy.RETAIN
    suspend: StrictBool = False

    def _faults(self) -> Iterator[Fault]:
        if self.force_encryption and not self.enabled:
            yield Fault(
                "forceEncryption cannot be true while enabled is false", field="forceEncryption"
            )
        if (
            self.deletion_policy is DeletionPolicy.DISABLE
            and self.management_policy is not ManagementPolicy.ENFORCE
        ):
            yield Fault(
                "deletionPolicy Disable needs managementPolicy Enforce", field="deletionPolicy"
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


def parse(spec: Mapping[str, object]) -> Declaration:
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
