"""
The cloud API's error codes: a row for each, grouped by who has to act.

Codes are matched as a whole, never by a part of them, and never by HTTP status where a row knows
better: the status of one code differs between the vendor's own pages. Marks say where a row comes
from: [doc] the operation's pages, [gw] the gateway's lists, [tf] Terraform's retry list, [inf]
inferred. Sources: the vendor's pages of
these operations and of common errors.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rds_ssl.core.model import Disposition, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What an error means for the object, and the sentence that says so."""

    disposition: Disposition
    reason: Reason
    remedy: str
    """What is wrong and who does what; ``{…}`` are names of `rds_ssl.core.faults.WORDS`."""
    read_back: bool = False
    """Look at the instance once more before the verdict counts: the code may as well mean that
    another change is in flight, or that the state wanted is there already."""


def _fault(
    disposition: Disposition, reason: Reason, remedy: str, *, read_back: bool = False
) -> Fault:
    return Fault(disposition=disposition, reason=reason, remedy=remedy, read_back=read_back)


def _rejected(reason: Reason, remedy: str, *, read_back: bool = False) -> Fault:
    return _fault(Disposition.REJECTED, reason, remedy, read_back=read_back)


def _ineligible(remedy: str, reason: Reason = Reason.ENGINE_NOT_SUPPORTED) -> Fault:
    return _fault(Disposition.INELIGIBLE, reason, remedy)


def _blocked(reason: Reason, remedy: str) -> Fault:
    return _fault(Disposition.BLOCKED, reason, remedy)


BUSY = _fault(
    Disposition.BUSY,
    Reason.INSTANCE_BUSY,
    "The instance is busy with another change; the operator waits for it",
)
THROTTLED = _fault(
    Disposition.THROTTLED,
    Reason.THROTTLED,
    "The account calls the RDS API too often; the operator slows down",
)
UNAVAILABLE = _fault(
    Disposition.UNAVAILABLE,
    Reason.API_UNAVAILABLE,
    "The RDS API cannot be reached; the operator tries again",
)
UNKNOWN = _fault(
    Disposition.UNKNOWN,
    Reason.API_UNAVAILABLE,
    "Whether RDS has taken the change is not known; the operator reads it back",
)
"""For a read, FAILED_READ takes its place."""
FAILED_READ = _fault(
    Disposition.UNAVAILABLE,
    Reason.API_UNAVAILABLE,
    "The RDS API gives no usable answer; the operator tries again",
)
FORBIDDEN = _blocked(
    Reason.FORBIDDEN,
    "A RAM permission is missing: {principal} may not use {permission}; grant it for"
    " this instance, and check that the instance belongs to this account",
)
_GONE = _fault(
    Disposition.GONE,
    Reason.INSTANCE_NOT_FOUND,
    "There is no such instance for this account in this region; check instance id, region and"
    " credentials",
)
_BUG = _fault(
    Disposition.BUG,
    Reason.REQUEST_MALFORMED,
    "The operator has sent a request that the API cannot read; this is a fault of the operator or"
    " of its API_URL, please report it",
)
REFUSED = _rejected(
    Reason.REQUEST_REJECTED,
    "RDS refuses the declared settings; look the code up in the reference of ModifyDBInstanceSSL",
)
_BILLING = _blocked(
    Reason.REQUEST_REJECTED,
    "The Alibaba Cloud account has an open order, payment or verification; its owner has to settle"
    " it",
)

_DECLARATION: Mapping[str, Fault] = {
    # The eight that every page of ModifyDBInstanceSSL has. [doc]
    "InvalidServerCertOrPrivateKey": _rejected(
        Reason.SERVER_CERTIFICATE_REJECTED,
        "RDS refuses the server certificate or its private key, from {server_certificate}; provide"
        " a pair that fits, with an unencrypted key",
    ),
    "InvalidClientCACert": _rejected(
        Reason.CLIENT_CA_REJECTED,
        "RDS refuses the client CA, from {client_ca}; provide CA certificates in PEM",
    ),
    "InvalidClientCrl": _rejected(
        Reason.REVOCATION_LIST_REJECTED,
        "RDS refuses the revocation list, from {revocation_list}; provide a current list of the"
        " client CA in PEM",
    ),
    "InvalidCAType.NotFound": _rejected(
        Reason.CA_TYPE_REJECTED, "RDS refuses the CA type ({ca_type}) on {engine}"
    ),
    "InvalidACL.NotFound": _rejected(
        Reason.ACL_REJECTED,
        "RDS refuses the access rule ({acl}) on {engine}; verify-full needs PostgreSQL 12 or later",
    ),
    "InvalidSSLStatus": _rejected(
        Reason.SSL_STATUS_REJECTED,
        "RDS refuses this change of SSL; wanted: {wanted}, observed: {observed}",
        read_back=True,
    ),
    # Both come with HTTP 403 and are no matter of permissions.
    "InvalidClientCrl.Permission": _rejected(
        Reason.CLIENT_CA_REQUIRED,
        "A revocation list needs a client CA; declare the client CA first",
    ),
    "InvalidACL.Permission": _rejected(
        Reason.CLIENT_CA_REQUIRED, "An access rule needs a client CA; declare the client CA first"
    ),
    # Later pages of ModifyDBInstanceSSL. [doc]
    "IncorrectDBSslStatus": _rejected(
        Reason.SSL_STATUS_REJECTED,
        "The present state of SSL does not allow this change; wanted: {wanted}, observed:"
        " {observed}",
        read_back=True,
    ),
    "InvalidConnectionString.Duplicate": _rejected(
        Reason.REQUEST_REJECTED, "RDS finds {endpoint} twice; declare another endpoint"
    ),
    # Probably the limit of a certificate's common name. [inf]
    "ConnectionStringLengthExceeded": _rejected(
        Reason.REQUEST_REJECTED,
        "The host name of {endpoint} is too long for a certificate; declare or create a shorter"
        " endpoint",
    ),
    **dict.fromkeys(
        ("Endpoint.NotFound", "InvalidConnectionString.NotFound"),
        _rejected(
            Reason.ENDPOINT_NOT_FOUND,
            "The instance has no such endpoint ({endpoint}); read/write-splitting endpoints cannot"
            " have SSL",
        ),
    ),
    **dict.fromkeys(
        (
            "InvalidParam",
            "Parameters.Invalid",
            # A list of the whole product, copied onto the page; nothing of SSL in it.
            "BackupPolicyNotSupport",
            "ColdData",
            "InvalidBackupSet",
            "InvalidReleasedKeepPolicy.Format",
            "OrdTCommodityQueryError",
        ),
        REFUSED,
    ),
}

_INSTANCE: Mapping[str, Fault] = {
    **dict.fromkeys(
        (
            "DataNotExist",
            "InvalidDBInstanceId.NotFound",
            "InvalidDBInstanceName.NotFound",
            "ProductInstanceReleased",
        ),
        _GONE,
    ),
    # [doc], [tf] for those that Terraform reads as "no SSL here".
    **dict.fromkeys(
        (
            "Api.NotSupport",
            "IncorrectDBInstanceType",
            "InstanceEngineType.NotSupport",
            "InvaildEngineInRegion.ValueNotSupported",
            "InvalidDBInstanceEngineType.Format",
            "OperationDenied.DBInstanceType",
        ),
        _ineligible("RDS offers no SSL for {engine} in this form of the instance"),
    ),
    **dict.fromkeys(
        ("IncorrectEngineVersion", "IncorrectMinorVersion"),
        _ineligible("The engine's version is too old for this; upgrade its major or minor version"),
    ),
    **dict.fromkeys(
        (
            "CloudSSDNotSupport",
            "IncorrectTargetClasscode",
            "InvalidInstanceLevel.DiskType",
            "InvalidInstanceLevel.Malformed",
            "UnsupportedClassCode",
        ),
        _ineligible("RDS offers no SSL for the instance's edition, class or storage type"),
    ),
    **dict.fromkeys(
        (
            "EnabledSSLNotSupport",
            "InvalidReduceDiskSize",
            "InvalidVswitchId",
            "MirrorInsExists",
            "OperationDenied.ZoneResource",
            "VpcNetworkTypeNotSupport",
        ),
        _ineligible("RDS offers no SSL for the instance's region, zone, network or mirror"),
    ),
    "IncorrectDBInstanceLockMode": _ineligible(
        "The instance is locked, by an overdue payment, a full disk or by hand; unlock it",
        Reason.INSTANCE_UNAVAILABLE,
    ),
    **dict.fromkeys(
        ("InvalidClusterKms", "InvalidKmsKey"),
        _blocked(
            Reason.REQUEST_REJECTED, "The instance's KMS key cannot be used; repair it in KMS"
        ),
    ),
    # IncorrectDBInstanceState and InvalideStatus (sic) [doc]; the rest is [tf].
    **dict.fromkeys(
        (
            "ConcurrentLimit",
            "ConcurrentTaskExceeded",
            "IncorrectDBInstanceState",
            "InvalideStatus.Format",
            "LockTimeout",
            "OperationDenied.DBClusterStatus",
            "OperationDenied.DBInstanceStatus",
            "OperationDenied.DBStatus",
            "OperationDenied.OutofUsage",
        ),
        BUSY,
    ),
}

_ACCESS: Mapping[str, Fault] = {
    # [gw], [doc] for InvalidUserOperatorPermission.
    **dict.fromkeys(
        (
            "AuthenticationFail.NoPermission",
            "Forbidden",
            "Forbidden.RAM",
            "InvalidUserOperatorPermission",
            "NoPermission",
        ),
        FORBIDDEN,
    ),
    "Forbidden.RiskControl": _blocked(
        Reason.FORBIDDEN, "Risk control has stopped the account; its owner has to ask Alibaba Cloud"
    ),
    # A feature behind a switch of the vendor. [doc], meaning [inf]
    "NotInFlowController": _blocked(
        Reason.FORBIDDEN,
        "The account is not admitted to this feature; ask Alibaba Cloud by a ticket",
    ),
    **dict.fromkeys(
        ("Forbidden.AccessKeyDisabled", "InvalidAccessKeyId"),
        _blocked(
            Reason.CREDENTIALS_INVALID,
            "The access key of {credentials} does not exist or is not active; provide another",
        ),
    ),
    "SignatureDoesNotMatch": _blocked(
        Reason.CREDENTIALS_INVALID,
        "The secret of {credentials} does not belong to its access key; provide the right one",
    ),
    **dict.fromkeys(
        ("InvalidSecurityToken", "MissingSecurityToken"),
        _blocked(
            Reason.CREDENTIALS_INVALID,
            "The security token of {credentials} is missing, expired or of another access key;"
            " provide a new one",
        ),
    ),
    # STS.
    **dict.fromkeys(
        ("AuthenticationFail", "EntityNotExist.Role"),
        _blocked(
            Reason.CREDENTIALS_INVALID,
            "STS gives no temporary key for {credentials}; check role, OIDC provider and the"
            " role's trust policy",
        ),
    ),
    # Orders, payment, verification: the whole group of the newer pages. [doc]
    **dict.fromkeys(
        (
            "BasicInfoUncompleted",
            "Commodity.InvalidComponent",
            "CommodityServiceCalling.Exception",
            "ContainForbiddenLabelError",
            "InsufficientAvailableQuota",
            "Order.ComboInstanceNotAllowOperate",
            "Order.InstHasUnpaidOrder",
            "Order.NoRealNameAuthentication",
            "Order.PeriodInvalid",
            "OrderStatus.UnPaid",
            "Pay.InsufficientBalance",
            "Pay.NoCreditCard",
            "Price.CommoditySys",
            "Price.PricingPlanResultNotFound",
            "RegionDissolvedEOM",
            "RegionEndTimeDissolvedAustralia",
            "RegionEndTimeDissolvedIndia",
            "Risk.RiskControlRejection",
            "System.SaleValidateFailed",
            "noAvailablePaymentMethod",
            "pay.noCreditCard",
        ),
        _BILLING,
    ),
}

_GATEWAY: Mapping[str, Fault] = {
    **dict.fromkeys(("Rejected.Throttling", "Throttling"), THROTTLED),
    # Outages, and failures half-way through a backend: a write may have gone on. [doc], [gw]; the
    # time-outs of a database [tf].
    **dict.fromkeys(
        (
            "Abs.InvalidAccount.NotFound",
            "ConnectTimeoutRetryLater",
            "Database.ConnectError",
            "ExternalFailure",
            "HostInfo.NotFound",
            "InstanceConnectTimeoutFault",
            "InternalError",
            "InvokeProxyFailure",
            "KmsApiError",
            "Request.NotFound",
            "RequestMetaDataFailed",
            "ResourceConfigError",
            "ServiceUnavailable",
            # The gateway has seen this nonce before, so this very request has arrived twice.
            "SignatureNonceUsed",
            "SqlExecuteFailedOrTimeout",
            "TimeoutRetryLater",
        ),
        UNKNOWN,
    ),
    # Refused before anything is looked at, and the same for all objects: as an outage.
    "InvalidTimeStamp.Expired": _fault(
        Disposition.UNAVAILABLE,
        Reason.API_UNAVAILABLE,
        "The clock of the operator's node is more than 15 minutes off; correct it",
    ),
    # Faults of the request itself. [gw]
    **dict.fromkeys(
        (
            "ContentMD5NotMatched",
            "IncompleteSignature",
            "InvalidApi.NotFound",
            "InvalidModifyMode.Format",
            "InvalidParameter.Format",
            "InvalidProduct.NotFound",
            "InvalidProtocol.NeedSsl",
            "InvalidSignatureMethod",
            "InvalidTimeStamp.Format",
            "RequiredParam.NotFound",
            "UnsupportedHTTPMethod",
        ),
        _BUG,
    ),
}

BY_CODE: Mapping[str, Fault] = {**_DECLARATION, **_INSTANCE, **_ACCESS, **_GATEWAY}
"""Code, or its part before a dot, to fault; the longer match wins."""

BY_PATTERN: tuple[tuple[re.Pattern[str], Fault], ...] = (
    (re.compile(r".*RetryLater"), BUSY),
    (re.compile(r"(?:Incorrect|OperationDenied).*(?:Status|State).*"), BUSY),
    # Missing<Param>: the operator has left out what it should have sent. [gw]
    (re.compile(r"Missing[A-Z].*"), _BUG),
)
"""For codes without a row, in this order."""
