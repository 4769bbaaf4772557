"""The words of the domain: closed sets and plain values that every room shares."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum

API_GROUP = "rds-ssl.dev"
API_VERSION = "v1alpha1"
KIND = "DBInstanceSSL"
PLURAL = "dbinstancessls"
FINALIZER = "rds-ssl.dev/disable-ssl"
"""Only on objects with ``deletionPolicy: Disable``."""

RECONCILE_ANNOTATION = "rds-ssl.dev/reconcile-requested-at"
APPROVE_ANNOTATION = "rds-ssl.dev/approve"


class Engine(StrEnum):
    """Database engines, in the spelling of DescribeDBInstanceAttribute."""

    MYSQL = "MySQL"
    POSTGRESQL = "PostgreSQL"
    SQLSERVER = "SQLServer"
    MARIADB = "MariaDB"


class CAType(StrEnum):
    """Whose server certificate: the vendor's or the user's (CAType)."""

    ALIYUN = "aliyun"
    CUSTOM = "custom"


class ACL(StrEnum):
    """How clients prove themselves (ACL, ReplicationACL)."""

    CERT = "cert"
    PREFER = "prefer"
    VERIFY_CA = "verify-ca"
    VERIFY_FULL = "verify-full"


class Impact(StrEnum):
    """What a plan does to those who use the database; docs/conditions.md, "The plan in status"."""

    RESTART = "Restart"
    WEAKENS = "Weakens"
    DROPS_TRUST = "DropsTrust"
    MOVES_ENDPOINT = "MovesEndpoint"
    TIGHTENS = "Tightens"
    TRUST_CHANGES = "TrustChanges"


class Restart(StrEnum):
    """Whether a plan restarts the instance; Unknown counts as Expected."""

    EXPECTED = "Expected"
    NONE = "None"
    UNKNOWN = "Unknown"


class Cause(StrEnum):
    """What asks for a plan."""

    SPEC = "spec"
    """The declaration is another one than was applied."""
    ROTATION = "rotation"
    """Only the content of the material is new."""
    RENEWAL = "renewal"
    """A cloud certificate comes to its end."""
    DRIFT = "drift"
    """Somebody else changed the instance."""
    DELETION = "deletion"
    """The object goes, and ``deletionPolicy`` is Disable."""


class Priority(IntEnum):
    """Who goes first, to the cloud and to a pass; smaller is more urgent."""

    IN_FLIGHT = 0
    """A change that was sent: until it is verified, clients may stand before a closed door."""
    CHANGE = 1
    """Something new: rotation, spec, drift."""
    FIRST_LOOK = 2
    """An object that this process has not looked at and that is not as it should be."""
    RESYNC = 3
    """A look at an object that has nothing to do."""


class Phase(StrEnum):
    """Where an operation stands."""

    SENDING = "Sending"
    ACCEPTED = "Accepted"
    REFUSED = "Refused"
    FAILED = "Failed"
    NOT_CONVERGING = "NotConverging"
    TIMED_OUT = "TimedOut"

    @property
    def is_unfinished(self) -> bool:
        """True if the call is being sent, or its effect is waited for."""
        return self in {Phase.SENDING, Phase.ACCEPTED}


class Disposition(StrEnum):
    """What an error of the cloud API means for the object: `rds_ssl.core.rds.fault_codes`."""

    REJECTED = "Rejected"
    BLOCKED = "Blocked"
    INELIGIBLE = "Ineligible"
    BUSY = "Busy"
    THROTTLED = "Throttled"
    UNAVAILABLE = "Unavailable"
    UNKNOWN = "Unknown"
    BUG = "Bug"
    GONE = "Gone"
    """The instance does not exist (for this caller, in this region)."""


class Reason(StrEnum):
    """Reasons of conditions; docs/conditions.md has a row for each."""

    # Ready
    VERIFIED = "Verified"
    ADOPTED = "Adopted"
    APPLIED_NOT_ECHOED = "AppliedNotEchoed"
    APPLYING = "Applying"
    PENDING = "Pending"
    INSTANCE_BUSY = "InstanceBusy"
    # Material
    MATERIAL_ACCEPTED = "MaterialAccepted"
    NOT_REQUIRED = "NotRequired"
    SECRET_FORBIDDEN = "SecretForbidden"  # noqa: S105  # A reason, no password.
    SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105  # A reason, no password.
    SECRET_KEY_MISSING = "SecretKeyMissing"  # noqa: S105  # A reason, no password.
    KEY_MISMATCH = "KeyMismatch"
    TEMPORARY_CERTIFICATE = "TemporaryCertificate"
    NOT_YET_VALID = "NotYetValid"
    MATERIAL_INVALID = "MaterialInvalid"
    # Held by policy
    AWAITING_APPROVAL = "AwaitingApproval"
    AWAITING_WINDOW = "AwaitingWindow"
    CHANGE_LIMIT_REACHED = "ChangeLimitReached"
    AWAITING_BUDGET = "AwaitingBudget"
    QUIET_PERIOD = "QuietPeriod"
    OBSERVING = "Observing"
    SUSPENDED = "Suspended"
    DRIFTED = "Drifted"
    # Somebody has to act
    CREDENTIALS_NOT_FOUND = "CredentialsNotFound"
    CREDENTIALS_NOT_ALLOWED = "CredentialsNotAllowed"
    CREDENTIALS_INVALID = "CredentialsInvalid"
    DECLARATION_INVALID = "DeclarationInvalid"
    CONFLICT = "Conflict"
    FORBIDDEN = "Forbidden"
    ACCOUNT_BLOCKED = "AccountBlocked"
    INSTANCE_NOT_FOUND = "InstanceNotFound"
    REGION_UNKNOWN = "RegionUnknown"
    ENDPOINT_NOT_FOUND = "EndpointNotFound"
    ENGINE_NOT_SUPPORTED = "EngineNotSupported"
    INSTANCE_UNAVAILABLE = "InstanceUnavailable"
    HOST_SSL_ROWS = "HostSSLRowsPresent"
    APPLY_FAILED = "ApplyFailed"
    APPLY_TIMED_OUT = "ApplyTimedOut"
    NOT_CONVERGING = "NotConverging"
    CERTIFICATE_EXPIRED = "CertificateExpired"
    CERTIFICATE_EXPIRING = "CertificateExpiring"
    RENEWAL_REQUIRED = "RenewalRequired"
    RENEWAL_HAD_NO_EFFECT = "RenewalHadNoEffect"
    # The cloud API's answers
    SERVER_CERTIFICATE_REJECTED = "ServerCertificateRejected"
    CLIENT_CA_REJECTED = "ClientCARejected"
    REVOCATION_LIST_REJECTED = "RevocationListRejected"
    CA_TYPE_REJECTED = "CATypeRejected"
    ACL_REJECTED = "ACLRejected"
    SSL_STATUS_REJECTED = "SSLStatusRejected"
    CLIENT_CA_REQUIRED = "ClientCARequired"
    REQUEST_REJECTED = "RequestRejected"
    REQUEST_MALFORMED = "RequestMalformed"
    THROTTLED = "Throttled"
    API_UNAVAILABLE = "ApiUnavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """
    Something that is to be said of an object: the reason of a condition and its message.

    Who adds something to it (until when it holds, when it ends) embeds it as a kind of its own.
    """

    reason: Reason
    message: str


UNTOLD = datetime.max.replace(tzinfo=UTC)
"""
In place of a date that cannot be read: what is not known to end is not said to.

No certificate has it, for theirs have no fractions of a second.
"""


@dataclass(frozen=True, slots=True, weakref_slot=True, kw_only=True)
class CertificateFacts:
    """A certificate as facts. *sha256* is lower-case hex over DER; times are aware, UTC."""

    sha256: str
    subject: str
    """RFC 4514."""
    issuer: str
    """RFC 4514."""
    dns_names: tuple[str, ...]
    """The SAN's DNS names, or the subject's common name where there is no SAN."""
    ip_addresses: tuple[str, ...] = ()
    not_before: datetime
    not_after: datetime
    """`UNTOLD` where it cannot be read."""
    unreadable: str = ""
    """
    Why it could not be a certificate that is declared, as ``it has …``; empty if it could.

    Only of what an instance shows: its names, then, may be missing.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationListFacts:
    """A CRL as facts. *sha256* is lower-case hex over DER; times are aware, UTC."""

    sha256: str
    issuer: str
    """RFC 4514."""
    number: int | None
    this_update: datetime
    next_update: datetime | None
    serials: frozenset[int]
    unreadable: str = ""
    """Why it cannot be read, as of `CertificateFacts`; it may revoke anything, then."""

    @property
    def revoked_count(self) -> int:
        """How many serial numbers it names."""
        return len(self.serials)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """DescribeDBInstanceAttribute, as far as it matters here; absent texts are empty."""

    engine: str
    engine_version: str
    category: str = ""
    storage_type: str = ""
    status: str
    connection_string: str = ""
    lock_mode: str = ""
    kernel_version: str = ""
    master_instance_id: str = ""
    maintain_time: str = ""
    pay_type: str = ""
    region_id: str = ""

    @property
    def running(self) -> bool:
        """True if a write may be accepted now."""
        return self.status == "Running"

    @property
    def kind(self) -> tuple[str, ...]:
        """What it is, apart from what it is doing: a refusal may rest on it."""
        return self.engine_version, self.kernel_version, self.category, self.storage_type

    @property
    def minor_version(self) -> str:
        """The date in the kernel version, such as ``20241130``; empty if it holds none."""
        digits = self.kernel_version.rpartition("_")[2]
        return digits if len(digits) == 8 and digits.isdigit() else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """
    DescribeDBInstanceSSL as facts. None is "not echoed": unknown, never "off".

    Empty tuples are "echoed as empty": PostgreSQL without a client CA.
    """

    enabled: bool
    ca_type: CAType | None = None
    connection_string: str | None = None
    server_certificate: CertificateFacts | None = None
    intermediates: tuple[CertificateFacts, ...] = ()
    """What is shown behind the server certificate; empty is "not echoed", never "none"."""
    client_ca: tuple[CertificateFacts, ...] | None = None
    revocation_list: tuple[RevocationListFacts, ...] | None = None
    acl: ACL | None = None
    replication_acl: ACL | None = None
    force_encryption: bool | None = None
    minimum_tls_version: str | None = None
    expire_time: datetime | None = None
    renewal_required: bool = False
    last_modify_status: str = ""
    """``success``, ``setting``, ``failed`` or empty."""
    modify_status_reason: str = field(default="", compare=False)
    client_ca_pem: str = field(default="", compare=False, repr=False)
    """ClientCACert as it came: what a step that keeps it sends again; nothing of it is secret."""
    revocation_list_pem: str = field(default="", compare=False, repr=False)
    """ClientCertRevocationList, for the same."""
    not_understood: tuple[tuple[str, str], ...] = ()
    """Fields whose word nobody knows, and nothing declared rests on: with a sentence each."""

    @property
    def acls(self) -> tuple[ACL | None, ACL | None]:
        """The ACL of clients, and that of replication."""
        return self.acl, self.replication_acl

    @property
    def lists_in_force(self) -> tuple[RevocationListFacts, ...] | None:
        """
        The revocation lists, without those that are left of a client CA that is gone.

        Whoever shows a list would show its CA: one that is not told is none.
        """
        return self.revocation_list if self.client_ca else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field of a plan, in words: ``from`` → ``to``."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address of an instance, as DescribeDBInstanceNetInfo has it."""

    host: str
    """As it is compared: lower case, no port, no trailing dot."""
    port: int
    """0 if it is not told."""
    kind: str
    """``Normal`` or ``ReadWriteSplitting``, which never has SSL; a kind that is not documented is
    given as it came."""
    ip_type: str
    """``Private``, ``Inner`` or ``Public``; empty if it is not told."""


UNFINISHED = frozenset(each for each in Phase if each.is_unfinished)


LEFT_BEHIND = frozenset({Phase.FAILED, Phase.NOT_CONVERGING, Phase.TIMED_OUT})
"""Ends of an own operation that may leave the instance half changed."""


RENEWABLE_ENGINES = frozenset({Engine.MYSQL, Engine.SQLSERVER})
"""Whose cloud certificates are not renewed by the vendor."""
