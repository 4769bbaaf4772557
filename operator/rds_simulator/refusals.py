"""
Error answers: codes, their HTTP status and a sentence for each.

Source: the team's API notes 1.4. Where pages disagree on the status of a code, the one observed
live or given with the operation is used; DescribeDBInstanceSSL answers some with another status
than ModifyDBInstanceSSL, which `Refusal` can override. The sentences of ModifyDBInstanceSSL's own
codes are those of its page, word for word.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Code(StrEnum):
    """Codes that the simulator answers by itself; a fault may have any other."""

    # The request.
    MISSING_PARAMETER = "Missing"
    """Followed by the parameter's name."""
    INVALID_API = "InvalidApi.NotFound"
    INVALID_VERSION = "InvalidVersion"
    INVALID_PARAM = "InvalidParam"
    UNSUPPORTED_METHOD = "UnsupportedHTTPMethod"
    # Credentials and signature.
    INCOMPLETE_SIGNATURE = "IncompleteSignature"
    SIGNATURE_MISMATCH = "SignatureDoesNotMatch"
    NONCE_USED = "SignatureNonceUsed"
    TIMESTAMP_FORMAT = "InvalidTimeStamp.Format"
    TIMESTAMP_EXPIRED = "InvalidTimeStamp.Expired"
    SIGNATURE_METHOD = "InvalidSignatureMethod"
    KEY_NOT_FOUND = "InvalidAccessKeyId.NotFound"
    KEY_INACTIVE = "InvalidAccessKeyId.Inactive"
    MISSING_TOKEN = "MissingSecurityToken"  # noqa: S105 - an error code.
    TOKEN_EXPIRED = "InvalidSecurityToken.Expired"  # noqa: S105
    TOKEN_MISMATCH = "InvalidSecurityToken.MismatchWithAccessKey"  # noqa: S105
    NO_PERMISSION = "NoPermission"
    THROTTLING = "Throttling.User"
    # STS.
    ROLE_NOT_FOUND = "EntityNotExist.Role"
    AUTHENTICATION_FAILED = "AuthenticationFail.NoPermission"
    # The instance.
    INSTANCE_NOT_FOUND = "InvalidDBInstanceId.NotFound"
    INSTANCE_STATUS = "OperationDenied.DBInstanceStatus"
    INSTANCE_STATE = "IncorrectDBInstanceState"
    LOCK_MODE = "IncorrectDBInstanceLockMode"
    ENDPOINT_NOT_FOUND = "Endpoint.NotFound"
    CONNECTION_STRING_LENGTH = "ConnectionStringLengthExceeded"
    OPERATION_DENIED_INSTANCE_TYPE = "OperationDenied.DBInstanceType"
    INVALID_LEVEL_DISK_TYPE = "InvalidInstanceLevel.DiskType"
    INVALID_LEVEL_MALFORMED = "InvalidInstanceLevel.Malformed"
    INCORRECT_ENGINE_VERSION = "IncorrectEngineVersion"
    INCORRECT_MINOR_VERSION = "IncorrectMinorVersion"
    API_NOT_SUPPORT = "Api.NotSupport"
    ENGINE_TYPE_NOT_SUPPORT = "InstanceEngineType.NotSupport"
    INVALID_ENGINE_TYPE = "InvalidDBInstanceEngineType.Format"
    # The SSL settings.
    SERVER_CERTIFICATE = "InvalidServerCertOrPrivateKey"
    CLIENT_CA = "InvalidClientCACert"
    CLIENT_CRL = "InvalidClientCrl"
    CA_TYPE = "InvalidCAType.NotFound"
    ACL = "InvalidACL.NotFound"
    SSL_ENABLED = "InvalidSSLStatus"
    CLIENT_CRL_PERMISSION = "InvalidClientCrl.Permission"
    ACL_PERMISSION = "InvalidACL.Permission"
    SSL_STATE = "IncorrectDBSslStatus"


_SENTENCES: Mapping[Code, tuple[int, str]] = MappingProxyType(
    {
        Code.INVALID_API: (404, "Specified api is not found, please check your url and method."),
        Code.INVALID_VERSION: (400, "Specified parameter Version is not valid."),
        Code.INVALID_PARAM: (400, "The specified parameter is invalid."),
        Code.UNSUPPORTED_METHOD: (400, "This http method is not supported."),
        Code.INCOMPLETE_SIGNATURE: (
            400,
            "The request signature does not conform to Aliyun standards.",
        ),
        Code.SIGNATURE_MISMATCH: (
            400,
            "Specified signature is not matched with our calculation.",
        ),
        Code.NONCE_USED: (400, "Specified signature nonce was used already."),
        Code.TIMESTAMP_FORMAT: (
            400,
            "Specified time stamp or date value is not well formatted.",
        ),
        Code.TIMESTAMP_EXPIRED: (400, "Specified time stamp or date value is expired."),
        Code.SIGNATURE_METHOD: (400, "Specified signature method is not valid."),
        Code.KEY_NOT_FOUND: (404, "Specified access key is not found."),
        Code.KEY_INACTIVE: (400, "Specified access key is disabled."),
        Code.MISSING_TOKEN: (400, "SecurityToken is mandatory for this action."),
        Code.TOKEN_EXPIRED: (400, "Specified SecurityToken is expired."),
        Code.TOKEN_MISMATCH: (
            400,
            "Specified SecurityToken is not matched with the AccessKeyId.",
        ),
        Code.NO_PERMISSION: (403, "You are not authorized to perform this action."),
        Code.THROTTLING: (400, "Request was denied due to user flow control."),
        Code.ROLE_NOT_FOUND: (404, "The specified Role not exists."),
        Code.AUTHENTICATION_FAILED: (401, "There is no permission"),
        Code.INSTANCE_NOT_FOUND: (404, "The specified DB instance is not found."),
        Code.INSTANCE_STATUS: (
            403,
            "The operation is not permitted due to status of instance.",
        ),
        Code.INSTANCE_STATE: (403, "Current DB instance state does not support this operation."),
        Code.LOCK_MODE: (403, "Current DB instance lock mode does not support this operation."),
        Code.ENDPOINT_NOT_FOUND: (404, "Specified endpoint is not existed."),
        Code.CONNECTION_STRING_LENGTH: (403, "The length of the connection string exceeds 64."),
        Code.OPERATION_DENIED_INSTANCE_TYPE: (
            403,
            "The operation is not permitted due to type of the instance.",
        ),
        Code.INVALID_LEVEL_DISK_TYPE: (
            400,
            "Specified instance level not support request disk type",
        ),
        Code.INVALID_LEVEL_MALFORMED: (
            403,
            "Current DB instance level does not support this operation.",
        ),
        Code.INCORRECT_ENGINE_VERSION: (
            403,
            "Current engine version does not support operations.",
        ),
        Code.INCORRECT_MINOR_VERSION: (
            403,
            "Current engine minor version does not support operations.",
        ),
        Code.API_NOT_SUPPORT: (400, "Specified api is not supported."),
        Code.ENGINE_TYPE_NOT_SUPPORT: (
            403,
            "The engine of the instance does not support this operation.",
        ),
        Code.INVALID_ENGINE_TYPE: (
            400,
            "the DB instance engine type does not support this operation.",
        ),
        Code.SERVER_CERTIFICATE: (400, "Specify server certificate or private key is invalid."),
        Code.CLIENT_CA: (400, "Specify client ca certificate is invalid."),
        Code.CLIENT_CRL: (400, "Specify client certificate revocation list is invalid."),
        Code.CA_TYPE: (400, "Specify ca type is not found."),
        Code.ACL: (400, "Specify acl is not found."),
        Code.SSL_ENABLED: (400, "Specify ssl status is invalid."),
        Code.CLIENT_CRL_PERMISSION: (
            403,
            "Client ca certificate is set first if need to set client certificate revocation list.",
        ),
        Code.ACL_PERMISSION: (403, "Client ca certificate is set first if need to set acl."),
        Code.SSL_STATE: (400, "Specified DB SSLStatus does not support this operation."),
    }
)


class Refusal(Exception):
    """
    An error answer.

    `code` is as on the wire, `status` the HTTP status, `retry_after_ms` goes into the header
    x-acs-retry-after, `detail` is AccessDeniedDetail. The message never quotes a parameter that
    may hold a key.
    """

    def __init__(
        self,
        code: str,
        *,
        status: int | None = None,
        message: str | None = None,
        retry_after_ms: int | None = None,
        detail: Mapping[str, str] | None = None,
    ) -> None:
        known = _SENTENCES.get(code) if isinstance(code, Code) else None
        super().__init__(code)
        self.code = str(code)
        self.status = status or (known[0] if known else 400)
        self.message = message or (known[1] if known else "The request was refused.")
        self.retry_after_ms = retry_after_ms
        self.detail = detail


def missing(parameter: str) -> Refusal:
    """The answer to a request without a mandatory parameter, ``Missing<Parameter>``."""
    return Refusal(
        f"{Code.MISSING_PARAMETER}{parameter}",
        message=f"{parameter} is mandatory for this action.",
    )
