"""
What each error code of the cloud API means: one table.

A row has the disposition, the reason, the sentence that says what is wrong and who does what about
it, and the codes. The comment behind codes says where they were found:

    page       every page of ModifyDBInstanceSSL
    later      its later pages; they hold a list of the whole product
    read       the pages of the operations that read
    terraform  what the vendor's Terraform provider takes for one to try again
    gateway    the gateway's own lists: signatures, keys, throttling
    sts        the vendor's list for temporary keys
    family     nowhere: what stands before the dot, for codes that no list has

Codes are matched as a whole, never by a part of them, and never by HTTP status where a row knows
better: the status of one code differs between the vendor's own pages. What the codes mean for an
object is the operator's reading, for the pages give a line of gist.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rds_ssl.core.model import Disposition, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What an error means for the object, the sentence that says so, and the codes that mean it."""

    disposition: Disposition
    reason: Reason
    remedy: str
    """What is wrong and who does what; ``{…}`` are names of `rds_ssl.core.rds.faults.WORDS`."""
    codes: tuple[str, ...] = ()
    """Each in one row only."""
    patterns: tuple[str, ...] = ()
    """Regular expressions, for codes without a row."""
    read_back: bool = False
    """Look at the instance once more before the verdict counts: the code may as well mean that
    another change is in flight, or that the state wanted is there already."""


class Means(NamedTuple):
    """The head of a row: called with the rest, the codes a few a line, it makes the fault."""

    disposition: Disposition
    reason: Reason

    def __call__(
        self, remedy: str, *codes: str, patterns: tuple[str, ...] = (), read_back: bool = False
    ) -> Fault:
        """Return the fault of a row."""
        return Fault(
            disposition=self.disposition,
            reason=self.reason,
            remedy=remedy,
            codes=tuple(" ".join(codes).split()),
            patterns=patterns,
            read_back=read_back,
        )


# These `rds_ssl.core.rds.faults` finds without a code too.
THROTTLED = Means(Disposition.THROTTLED, Reason.THROTTLED)(
    "The account calls the RDS API too often; the operator slows down",
    "Throttling Throttling.User Throttling.Api Rejected.Throttling",  # gateway
)
UNAVAILABLE = Means(Disposition.UNAVAILABLE, Reason.API_UNAVAILABLE)(
    "The RDS API cannot be reached; the operator tries again",
)
UNKNOWN = Means(Disposition.UNKNOWN, Reason.API_UNAVAILABLE)(
    "Whether RDS has taken the change is not known; the operator reads it back",
    "ServiceUnavailable InternalError",  # gateway
    # Failures half-way through a backend: a write may have gone on.
    "SqlExecuteFailedOrTimeout KmsApiError Abs.InvalidAccount.NotFound",  # later
    "HostInfo.NotFound Request.NotFound ExternalFailure RequestMetaDataFailed",  # later
    "InvokeProxyFailure",  # later
    # Of a read they say that it failed; of a write, not even whether it has begun.
    "ConnectTimeoutRetryLater TimeoutRetryLater ResourceConfigError",  # read
    # Time-outs of the database itself.
    "InstanceConnectTimeoutFault Database.ConnectError",  # terraform
    # The gateway has seen this nonce before, so this very request has arrived twice.
    "SignatureNonceUsed",  # gateway
)
"""For a read, FAILED_READ takes its place."""
FAILED_READ = Means(Disposition.UNAVAILABLE, Reason.API_UNAVAILABLE)(
    "The RDS API gives no usable answer; the operator tries again",
)
FORBIDDEN = Means(Disposition.BLOCKED, Reason.FORBIDDEN)(
    "A RAM permission is missing: {principal} ({credentials}) may not use {permission}; {denial}",
    "InvalidUserOperatorPermission",  # later
    "Forbidden Forbidden.RAM NoPermission",  # gateway
)
REFUSED = Means(Disposition.REJECTED, Reason.REQUEST_REJECTED)(
    "RDS refuses the declared settings; the owner of the object has to look the code up in the"
    " reference of ModifyDBInstanceSSL",
)

TABLE: tuple[Fault, ...] = (
    THROTTLED,
    UNAVAILABLE,
    UNKNOWN,
    FAILED_READ,
    FORBIDDEN,
    REFUSED,
    # Nobody has to act, or whoever runs the node.
    Means(Disposition.BUSY, Reason.INSTANCE_BUSY)(
        "The instance is busy with another change; the operator waits for it",
        "InvalideStatus.Format",  # later (sic)
        "OperationDenied.DBInstanceStatus IncorrectDBInstanceState ConcurrentLimit",  # read
        "OperationDenied.DBStatus OperationDenied.DBClusterStatus",  # terraform
        "OperationDenied.OutofUsage ConcurrentTaskExceeded LockTimeout",  # terraform
        patterns=(r".*RetryLater", r"(?:Incorrect|OperationDenied).*(?:Status|State).*"),
    ),
    # Refused before anything is looked at, and the same for all objects: as an outage.
    Means(Disposition.UNAVAILABLE, Reason.API_UNAVAILABLE)(
        "The clock of the operator's node is {skew} the RDS API's; whoever runs the node has to"
        " correct it",
        "InvalidTimeStamp.Expired",  # gateway
    ),
    # The declaration has to change, or what it names.
    Means(Disposition.REJECTED, Reason.SERVER_CERTIFICATE_REJECTED)(
        "RDS refuses the server certificate or its private key, from {server_certificate}; whoever"
        " makes it has to provide a pair that fits, with an unencrypted key",
        "InvalidServerCertOrPrivateKey",  # page
    ),
    Means(Disposition.REJECTED, Reason.CLIENT_CA_REJECTED)(
        "RDS refuses the client CA, from {client_ca}; whoever makes it has to provide CA"
        " certificates in PEM",
        "InvalidClientCACert",  # page
    ),
    Means(Disposition.REJECTED, Reason.REVOCATION_LIST_REJECTED)(
        "RDS refuses the revocation list, from {revocation_list}; whoever makes it has to provide"
        " a current list of the client CA in PEM",
        "InvalidClientCrl",  # page
    ),
    Means(Disposition.REJECTED, Reason.CA_TYPE_REJECTED)(
        "RDS refuses the CA type ({ca_type}) on {engine}; the owner of the object has to declare"
        " the other one",
        "InvalidCAType.NotFound",  # page
    ),
    Means(Disposition.REJECTED, Reason.ACL_REJECTED)(
        "RDS refuses the access rule ({acl}) on {engine}; the owner of the object has to declare"
        " another one (verify-full needs PostgreSQL 12 or later)",
        "InvalidACL.NotFound",  # page
    ),
    Means(Disposition.REJECTED, Reason.SSL_STATUS_REJECTED)(
        "RDS refuses this change of SSL (wanted: {wanted}, observed: {observed}); the owner of the"
        " object has to compare its declaration with status.observed",
        "InvalidSSLStatus",  # page
        read_back=True,
    ),
    Means(Disposition.REJECTED, Reason.SSL_STATUS_REJECTED)(
        "The present state of SSL does not allow this change (wanted: {wanted}, observed:"
        " {observed}); the owner of the object has to compare its declaration with status.observed",
        "IncorrectDBSslStatus",  # later
        read_back=True,
    ),
    # These two come with HTTP 403 and are no matter of permissions.
    Means(Disposition.REJECTED, Reason.CLIENT_CA_REQUIRED)(
        "A revocation list needs a client CA; the owner of the object has to declare the client CA"
        " first",
        "InvalidClientCrl.Permission",  # page
    ),
    Means(Disposition.REJECTED, Reason.CLIENT_CA_REQUIRED)(
        "An access rule needs a client CA; the owner of the object has to declare the client CA"
        " first",
        "InvalidACL.Permission",  # page
    ),
    Means(Disposition.REJECTED, Reason.ENDPOINT_NOT_FOUND)(
        "The instance has no such endpoint ({endpoint}); the owner of the object has to declare"
        " one that it has, and that is not for read/write splitting, which cannot have SSL",
        "Endpoint.NotFound",  # later
        "InvalidConnectionString.NotFound",  # read
    ),
    Means(Disposition.REJECTED, Reason.REQUEST_REJECTED)(
        "RDS finds {endpoint} twice; the owner of the object has to declare another endpoint",
        "InvalidConnectionString.Duplicate",  # later
    ),
    # Probably the limit of a certificate's common name: no page says it.
    Means(Disposition.REJECTED, Reason.REQUEST_REJECTED)(
        "The host name of {endpoint} is too long for a certificate; the owner of the object has to"
        " declare or create a shorter endpoint",
        "ConnectionStringLengthExceeded",  # read
    ),
    Means(Disposition.REJECTED, Reason.REQUEST_REJECTED)(
        "RDS refuses a value that was declared, and does not say which; the owner of the object"
        " has to compare the declaration with the reference of ModifyDBInstanceSSL",
        "InvalidParam Parameters.Invalid",  # later
    ),
    Means(Disposition.REJECTED, Reason.REQUEST_REJECTED)(
        "RDS refuses the change with a code of another operation; the owner of the instance has to"
        " ask the vendor what it means for SSL",
        # A list of the whole product, copied onto the page; nothing of SSL in these.
        "BackupPolicyNotSupport InvalidBackupSet InvalidReleasedKeepPolicy.Format",  # later
        "OrdTCommodityQueryError",  # later
        "ColdData",  # later, for ColdData.*
    ),
    # The instance has to change, or another be named.
    Means(Disposition.GONE, Reason.INSTANCE_NOT_FOUND)(
        "There is no such instance for this account in this region; the owner of the object has to"
        " check instance id, region and credentials",
        "InvalidDBInstanceId.NotFound",  # later
        "ProductInstanceReleased DataNotExist InvalidDBInstanceName.NotFound",  # read
    ),
    Means(Disposition.INELIGIBLE, Reason.ENGINE_NOT_SUPPORTED)(
        "RDS offers no SSL for {engine} in this form of the instance; the owner of the object has"
        " to name another instance",
        "Api.NotSupport InvalidDBInstanceEngineType.Format",  # later
        "IncorrectDBInstanceType",  # read
        # Terraform reads these three as "no SSL here".
        "InstanceEngineType.NotSupport OperationDenied.DBInstanceType",  # read
        "InvaildEngineInRegion.ValueNotSupported",  # read (sic)
    ),
    Means(Disposition.INELIGIBLE, Reason.ENGINE_NOT_SUPPORTED)(
        "The engine's version is too old for this; the owner of the instance has to upgrade its"
        " major or minor version",
        "IncorrectMinorVersion",  # later
        "IncorrectEngineVersion",  # read
    ),
    Means(Disposition.INELIGIBLE, Reason.ENGINE_NOT_SUPPORTED)(
        "RDS offers no SSL for the instance's edition, class or storage type; the owner of the"
        " instance has to change it, or the owner of the object has to name another instance",
        "InvalidInstanceLevel.DiskType InvalidInstanceLevel.Malformed",  # later
        "IncorrectTargetClasscode UnsupportedClassCode CloudSSDNotSupport",  # later
        "InvalidReduceDiskSize",  # later
    ),
    Means(Disposition.INELIGIBLE, Reason.ENGINE_NOT_SUPPORTED)(
        "RDS offers no SSL for the instance's region, zone, network or mirror; the owner of the"
        " instance has to move it, or the owner of the object has to name another instance",
        "VpcNetworkTypeNotSupport MirrorInsExists InvalidVswitchId",  # later
        # No state of a change that passes: it must not come under the pattern of OperationDenied.
        "OperationDenied.ZoneResource",  # later
        "EnabledSSLNotSupport",  # read
    ),
    # What is locked shows in DescribeDBInstanceAttribute, so that this is met in between only; and
    # it ends without a change that this operator could see: tried again, as the account's below.
    Means(Disposition.BLOCKED, Reason.INSTANCE_UNAVAILABLE)(
        "The instance is locked, by an overdue payment, a full disk or by hand; its owner has to"
        " unlock it",
        "IncorrectDBInstanceLockMode",  # read
    ),
    Means(Disposition.BLOCKED, Reason.REQUEST_REJECTED)(
        "The instance's KMS key cannot be used; the owner of the key has to enable it in KMS and"
        " to let RDS use it",
        "InvalidKmsKey InvalidClusterKms",  # later
    ),
    # Who may, and who pays.
    Means(Disposition.BLOCKED, Reason.FORBIDDEN)(
        "A RAM permission is missing: STS does not let the identity behind {credentials} take its"
        " role; whoever administers RAM has to add it to the role's trust policy",
        "AuthenticationFail.NoPermission",  # sts
    ),
    Means(Disposition.BLOCKED, Reason.ACCOUNT_BLOCKED)(
        "The account is not admitted to this feature; the account's owner has to ask Alibaba Cloud"
        " for it by a ticket",
        # A feature behind a switch of the vendor; "no permission" is all that the page says.
        "NotInFlowController",  # later
    ),
    Means(Disposition.BLOCKED, Reason.ACCOUNT_BLOCKED)(
        "The account has an unpaid order, too little balance or no means of payment; the account's"
        " owner has to settle it in Expenses and Costs",
        "OrderStatus.UnPaid Order.InstHasUnpaidOrder Pay.InsufficientBalance",  # later
        "Pay.NoCreditCard pay.noCreditCard noAvailablePaymentMethod",  # later
    ),
    Means(Disposition.BLOCKED, Reason.ACCOUNT_BLOCKED)(
        "The account is not verified, or its data are incomplete; the account's owner has to"
        " complete them",
        "Order.NoRealNameAuthentication BasicInfoUncompleted",  # later
    ),
    Means(Disposition.BLOCKED, Reason.ACCOUNT_BLOCKED)(
        "Risk control has stopped the account; the account's owner has to ask Alibaba Cloud to"
        " lift it",
        "Risk.RiskControlRejection",  # later
        "Forbidden.RiskControl",  # gateway
    ),
    Means(Disposition.BLOCKED, Reason.ACCOUNT_BLOCKED)(
        "The vendor's order system refuses the change for this account or instance; the account's"
        " owner has to look at its orders and quotas, or to open a ticket",
        "System.SaleValidateFailed Order.ComboInstanceNotAllowOperate Order.PeriodInvalid",  # later
        "Price.PricingPlanResultNotFound Price.CommoditySys",  # later
        "CommodityServiceCalling.Exception Commodity.InvalidComponent",  # later
        "InsufficientAvailableQuota ContainForbiddenLabelError",  # later
    ),
    Means(Disposition.BLOCKED, Reason.ACCOUNT_BLOCKED)(
        "The vendor closes its business in this region; the account's owner has to move the"
        " instance",
        "RegionDissolvedEOM RegionEndTimeDissolvedIndia RegionEndTimeDissolvedAustralia",  # later
    ),
    Means(Disposition.BLOCKED, Reason.CREDENTIALS_INVALID)(
        "The access key of {credentials} does not exist, or was a temporary one that has expired;"
        " the owner of the credentials has to provide another",
        "InvalidAccessKeyId.NotFound",  # gateway
        "InvalidAccessKeyId",  # family
    ),
    Means(Disposition.BLOCKED, Reason.CREDENTIALS_INVALID)(
        "The access key of {credentials} is disabled; the owner of the credentials has to enable"
        " it or to provide another",
        "InvalidAccessKeyId.Inactive Forbidden.AccessKeyDisabled",  # gateway
    ),
    Means(Disposition.BLOCKED, Reason.CREDENTIALS_INVALID)(
        "The secret of {credentials} does not belong to its access key; the owner of the"
        " credentials has to provide the right one",
        "SignatureDoesNotMatch",  # gateway
    ),
    Means(Disposition.BLOCKED, Reason.CREDENTIALS_INVALID)(
        "The access key of {credentials} is a temporary one and came without its security token;"
        " the owner of the credentials has to provide the token",
        # Missing a part of the credentials, not of the request: before the pattern of Missing.
        "MissingSecurityToken",  # gateway
    ),
    Means(Disposition.BLOCKED, Reason.CREDENTIALS_INVALID)(
        "The security token of {credentials} has expired; the owner of the credentials has to"
        " provide a new temporary key",
        "InvalidSecurityToken.Expired",  # gateway
    ),
    Means(Disposition.BLOCKED, Reason.CREDENTIALS_INVALID)(
        "The security token of {credentials} is damaged or of another access key; the owner of the"
        " credentials has to provide key, secret and token that were made together",
        "InvalidSecurityToken.Malformed InvalidSecurityToken.MismatchWithAccessKey",  # gateway
        "InvalidSecurityToken",  # family
    ),
    Means(Disposition.BLOCKED, Reason.CREDENTIALS_INVALID)(
        "The OIDC token for {credentials} has expired; whoever runs the operator has to see that"
        " the cluster renews the mounted token",
        "AuthenticationFail.OIDCToken.Expired",  # sts
    ),
    Means(Disposition.BLOCKED, Reason.CREDENTIALS_INVALID)(
        "STS does not accept the OIDC token for {credentials}; whoever administers RAM has to"
        " correct the OIDC provider (issuer, fingerprint, client ID)",
        "AuthenticationFail.OIDCToken.Invalid AuthenticationFail.OIDCToken.InvalidSignature",  # sts
        "AuthenticationFail.OIDCToken.AudienceNotMatch",  # sts
        "AuthenticationFail.OIDCToken.HttpsUrlInvalid",  # sts
        "AuthenticationFail.OIDCToken",  # family
    ),
    Means(Disposition.BLOCKED, Reason.CREDENTIALS_INVALID)(
        "STS gives no temporary key for {credentials}; whoever administers RAM has to check the"
        " role, the OIDC provider and the role's trust policy",
        "EntityNotExist.Role",  # sts
        "AuthenticationFail",  # family
    ),
    # A fault of ours.
    Means(Disposition.BUG, Reason.REQUEST_MALFORMED)(
        "The operator has sent a request that the API cannot read; whoever runs the operator is"
        " asked to report it, for this is a fault of the operator or of its API_URL",
        # What is required, and how it is changed, is the operator's to know.
        "RequiredParam.NotFound InvalidModifyMode.Format",  # later
        "InvalidTimeStamp.Format IncompleteSignature InvalidSignatureMethod",  # gateway
        "ContentMD5NotMatched UnsupportedHTTPMethod InvalidParameter.Format",  # gateway
        # Missing<Param>: the operator has left out what it should have sent.
        patterns=(r"Missing[A-Z].*",),
    ),
    Means(Disposition.BUG, Reason.REQUEST_MALFORMED)(
        "What answers is not the RDS API of this region; whoever runs the operator has to correct"
        " its API_URL or NETWORK, or is asked to report a region that has another endpoint",
        "InvalidApi.NotFound InvalidProduct.NotFound",  # gateway
    ),
    Means(Disposition.BUG, Reason.REQUEST_MALFORMED)(
        "The API is called without TLS; whoever runs the operator has to begin its API_URL with"
        " https",
        "InvalidProtocol.NeedSsl",  # gateway
    ),
)

BY_CODE: Mapping[str, Fault] = {code: fault for fault in TABLE for code in fault.codes}
"""Code, or its part before a dot, to fault; the longer match wins."""

BY_PATTERN: tuple[tuple[re.Pattern[str], Fault], ...] = tuple(
    (re.compile(pattern), fault) for fault in TABLE for pattern in fault.patterns
)
"""Tried in this order."""
