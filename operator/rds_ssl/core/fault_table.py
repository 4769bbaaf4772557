"""
Which error code of the cloud API means what: a row for each, by where it was found.

Codes are matched as a whole, never by a part of them, and never by HTTP status where a row knows
better: the status of one code differs between the vendor's own pages. The meanings, dispositions
and sentences are in `rds_ssl.core.fault_meanings`; what the codes mean for an object is the
operator's reading, for the pages give a line of gist.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from rds_ssl.core import fault_meanings as means
from rds_ssl.core.fault_meanings import Fault, Source


def _rows(source: Source, rows: Mapping[str, Fault]) -> dict[str, Fault]:
    return {code: replace(fault, source=source) for code, fault in rows.items()}


_EVERY_PAGE = _rows(
    Source.DOC,
    {
        "InvalidServerCertOrPrivateKey": means.SERVER_CERTIFICATE,
        "InvalidClientCACert": means.CLIENT_CA,
        "InvalidClientCrl": means.REVOCATION_LIST,
        "InvalidCAType.NotFound": means.CA_TYPE,
        "InvalidACL.NotFound": means.ACL,
        "InvalidSSLStatus": means.SSL_STATUS,
        "InvalidClientCrl.Permission": means.LIST_NEEDS_CA,
        "InvalidACL.Permission": means.ACL_NEEDS_CA,
    },
)

_LATER_PAGES = _rows(
    Source.NEWER,
    {
        "IncorrectDBSslStatus": means.SSL_STATE,
        "InvalideStatus.Format": means.BUSY,  # (sic)
        "InvalidDBInstanceId.NotFound": means.GONE,
        "Endpoint.NotFound": means.ENDPOINT,
        "InvalidConnectionString.Duplicate": means.ENDPOINT_TWICE,
        "InvalidParam": means.PARAMETER,
        "Parameters.Invalid": means.PARAMETER,
        # What is required, and how it is changed, is the operator's to know.
        "RequiredParam.NotFound": means.MALFORMED,
        "InvalidModifyMode.Format": means.MALFORMED,
        "InvalidUserOperatorPermission": means.FORBIDDEN,
        # A feature behind a switch of the vendor; "no permission" is all that the page says.
        "NotInFlowController": means.NOT_ADMITTED,
        "Api.NotSupport": means.ENGINE,
        "InvalidDBInstanceEngineType.Format": means.ENGINE,
        "IncorrectMinorVersion": means.VERSION,
        "InvalidInstanceLevel.DiskType": means.INSTANCE_CLASS,
        "InvalidInstanceLevel.Malformed": means.INSTANCE_CLASS,
        "IncorrectTargetClasscode": means.INSTANCE_CLASS,
        "UnsupportedClassCode": means.INSTANCE_CLASS,
        "CloudSSDNotSupport": means.INSTANCE_CLASS,
        "InvalidReduceDiskSize": means.INSTANCE_CLASS,
        "VpcNetworkTypeNotSupport": means.PLACE,
        "MirrorInsExists": means.PLACE,
        # No state of a change that passes: it must not come under the pattern of OperationDenied.
        "OperationDenied.ZoneResource": means.PLACE,
        "InvalidVswitchId": means.PLACE,
        "InvalidKmsKey": means.KMS_KEY,
        "InvalidClusterKms": means.KMS_KEY,
        # Failures half-way through a backend: a write may have gone on.
        "SqlExecuteFailedOrTimeout": means.UNKNOWN,
        "KmsApiError": means.UNKNOWN,
        "Abs.InvalidAccount.NotFound": means.UNKNOWN,
        "HostInfo.NotFound": means.UNKNOWN,
        "Request.NotFound": means.UNKNOWN,
        "ExternalFailure": means.UNKNOWN,
        "RequestMetaDataFailed": means.UNKNOWN,
        "InvokeProxyFailure": means.UNKNOWN,
        # A list of the whole product, copied onto the page; nothing of SSL in these.
        "BackupPolicyNotSupport": means.UNRELATED,
        "InvalidBackupSet": means.UNRELATED,
        "InvalidReleasedKeepPolicy.Format": means.UNRELATED,
        "OrdTCommodityQueryError": means.UNRELATED,
        "ColdData": means.UNRELATED,  # For ColdData.*.
    },
)

_ACCOUNT = _rows(
    Source.NEWER,
    {
        "OrderStatus.UnPaid": means.PAYMENT,
        "Order.InstHasUnpaidOrder": means.PAYMENT,
        "Pay.InsufficientBalance": means.PAYMENT,
        "Pay.NoCreditCard": means.PAYMENT,
        "pay.noCreditCard": means.PAYMENT,
        "noAvailablePaymentMethod": means.PAYMENT,
        "Order.NoRealNameAuthentication": means.VERIFICATION,
        "BasicInfoUncompleted": means.VERIFICATION,
        "Risk.RiskControlRejection": means.RISK,
        "System.SaleValidateFailed": means.ORDER,
        "Order.ComboInstanceNotAllowOperate": means.ORDER,
        "Order.PeriodInvalid": means.ORDER,
        "Price.PricingPlanResultNotFound": means.ORDER,
        "Price.CommoditySys": means.ORDER,
        "CommodityServiceCalling.Exception": means.ORDER,
        "Commodity.InvalidComponent": means.ORDER,
        "InsufficientAvailableQuota": means.ORDER,
        "ContainForbiddenLabelError": means.ORDER,
        "RegionDissolvedEOM": means.REGION_CLOSED,
        "RegionEndTimeDissolvedIndia": means.REGION_CLOSED,
        "RegionEndTimeDissolvedAustralia": means.REGION_CLOSED,
    },
)

_OTHER_OPERATIONS = _rows(
    Source.READ,
    {
        "OperationDenied.DBInstanceStatus": means.BUSY,
        "IncorrectDBInstanceState": means.BUSY,
        "ConcurrentLimit": means.BUSY,
        # Of a read they say that it failed; of a write, not even whether it has begun.
        "ConnectTimeoutRetryLater": means.UNKNOWN,
        "TimeoutRetryLater": means.UNKNOWN,
        "ResourceConfigError": means.UNKNOWN,
        # Terraform reads the first three as "no SSL here".
        "InstanceEngineType.NotSupport": means.ENGINE,
        "InvaildEngineInRegion.ValueNotSupported": means.ENGINE,  # (sic)
        "OperationDenied.DBInstanceType": means.ENGINE,
        "IncorrectDBInstanceType": means.ENGINE,
        "IncorrectEngineVersion": means.VERSION,
        "EnabledSSLNotSupport": means.PLACE,
        "IncorrectDBInstanceLockMode": means.LOCKED,
        "InvalidConnectionString.NotFound": means.ENDPOINT,
        "ConnectionStringLengthExceeded": means.ENDPOINT_LENGTH,
        "ProductInstanceReleased": means.GONE,
        "DataNotExist": means.GONE,
        "InvalidDBInstanceName.NotFound": means.GONE,
    },
) | _rows(
    Source.TERRAFORM,
    {
        "OperationDenied.DBStatus": means.BUSY,
        "OperationDenied.DBClusterStatus": means.BUSY,
        "OperationDenied.OutofUsage": means.BUSY,
        "ConcurrentTaskExceeded": means.BUSY,
        "LockTimeout": means.BUSY,
        # Time-outs of the database itself.
        "InstanceConnectTimeoutFault": means.UNKNOWN,
        "Database.ConnectError": means.UNKNOWN,
    },
)

_GATEWAY = _rows(
    Source.GATEWAY,
    {
        "Throttling": means.THROTTLED,
        "Throttling.User": means.THROTTLED,
        "Throttling.Api": means.THROTTLED,
        "Rejected.Throttling": means.THROTTLED,
        "ServiceUnavailable": means.UNKNOWN,
        "InternalError": means.UNKNOWN,
        # The gateway has seen this nonce before, so this very request has arrived twice.
        "SignatureNonceUsed": means.UNKNOWN,
        "InvalidTimeStamp.Expired": means.CLOCK,
        "InvalidTimeStamp.Format": means.MALFORMED,
        "SignatureDoesNotMatch": means.KEY_SECRET,
        "IncompleteSignature": means.MALFORMED,
        "InvalidSignatureMethod": means.MALFORMED,
        "ContentMD5NotMatched": means.MALFORMED,
        "InvalidAccessKeyId.NotFound": means.KEY_UNKNOWN,
        "InvalidAccessKeyId.Inactive": means.KEY_INACTIVE,
        "Forbidden.AccessKeyDisabled": means.KEY_INACTIVE,
        # Missing a part of the credentials, not of the request: before the pattern of Missing.
        "MissingSecurityToken": means.TOKEN_MISSING,
        "InvalidSecurityToken.Expired": means.TOKEN_EXPIRED,
        "InvalidSecurityToken.Malformed": means.TOKEN_WRONG,
        "InvalidSecurityToken.MismatchWithAccessKey": means.TOKEN_WRONG,
        "Forbidden": means.FORBIDDEN,
        "Forbidden.RAM": means.FORBIDDEN,
        "NoPermission": means.FORBIDDEN,
        "Forbidden.RiskControl": means.RISK,
        "InvalidApi.NotFound": means.ADDRESS,
        "InvalidProduct.NotFound": means.ADDRESS,
        "InvalidProtocol.NeedSsl": means.PLAIN_HTTP,
        "UnsupportedHTTPMethod": means.MALFORMED,
        "InvalidParameter.Format": means.MALFORMED,
    },
)

_STS = _rows(
    Source.STS,
    {
        "AuthenticationFail.NoPermission": means.FORBIDDEN_ROLE,
        "AuthenticationFail.OIDCToken.Expired": means.OIDC_EXPIRED,
        "AuthenticationFail.OIDCToken.Invalid": means.OIDC_TOKEN,
        "AuthenticationFail.OIDCToken.InvalidSignature": means.OIDC_TOKEN,
        "AuthenticationFail.OIDCToken.AudienceNotMatch": means.OIDC_TOKEN,
        "AuthenticationFail.OIDCToken.HttpsUrlInvalid": means.OIDC_TOKEN,
        "EntityNotExist.Role": means.ROLE,
    },
)

_PARENTS = _rows(
    Source.INFERRED,
    {
        "InvalidAccessKeyId": means.KEY_UNKNOWN,
        "InvalidSecurityToken": means.TOKEN_WRONG,
        "AuthenticationFail": means.ROLE,
        "AuthenticationFail.OIDCToken": means.OIDC_TOKEN,
    },
)
"""For codes that no list has: what stands before a dot is a family."""

BY_CODE: Mapping[str, Fault] = {
    **_EVERY_PAGE,
    **_LATER_PAGES,
    **_ACCOUNT,
    **_OTHER_OPERATIONS,
    **_GATEWAY,
    **_STS,
    **_PARENTS,
}
"""Code, or its part before a dot, to fault; the longer match wins."""

BY_PATTERN: tuple[tuple[re.Pattern[str], Fault], ...] = (
    (re.compile(r".*RetryLater"), means.BUSY),
    (re.compile(r"(?:Incorrect|OperationDenied).*(?:Status|State).*"), means.BUSY),
    # Missing<Param>: the operator has left out what it should have sent.
    (re.compile(r"Missing[A-Z].*"), means.MALFORMED),
)
"""For codes without a row, in this order."""
