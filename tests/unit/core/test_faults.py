"""From the API's code to what it means for the object."""

import string
from collections.abc import Iterator

import pytest

from rds_ssl.core.errors import AliyunError, ApiError, NoAnswer, NotSent, TransportError
from rds_ssl.core.fault_table import BY_CODE
from rds_ssl.core.faults import WORDS, classify, lookup, message, sentence
from rds_ssl.core.model import Disposition, Reason

D = Disposition
R = Reason


def api_error(code: str, http_status: int = 400, **access_denied: str) -> ApiError:
    return ApiError(
        action="ModifyDBInstanceSSL",
        code=code,
        http_status=http_status,
        request_id="7B4C-REQUEST",
        message="text of the API",
        access_denied=access_denied,
    )


@pytest.mark.parametrize(
    ("code", "http_status", "disposition", "reason"),
    [
        ("InvalidServerCertOrPrivateKey", 400, D.REJECTED, R.SERVER_CERTIFICATE_REJECTED),
        ("InvalidClientCACert", 400, D.REJECTED, R.CLIENT_CA_REJECTED),
        ("InvalidClientCrl", 400, D.REJECTED, R.REVOCATION_LIST_REJECTED),
        ("InvalidCAType.NotFound", 400, D.REJECTED, R.CA_TYPE_REJECTED),
        ("InvalidACL.NotFound", 400, D.REJECTED, R.ACL_REJECTED),
        ("InvalidSSLStatus", 400, D.REJECTED, R.SSL_STATUS_REJECTED),
        ("InvalidClientCrl.Permission", 403, D.REJECTED, R.CLIENT_CA_REQUIRED),
        ("InvalidACL.Permission", 403, D.REJECTED, R.CLIENT_CA_REQUIRED),
    ],
)
def test_the_eight_documented_codes_are_refusals_of_the_declaration(
    code: str, http_status: int, disposition: Disposition, reason: Reason
) -> None:
    fault = classify(api_error(code, http_status, AuthAction="rds:X"), write=True)

    assert (fault.disposition, fault.reason) == (disposition, reason)


GROUPS: dict[tuple[Disposition, Reason], str] = {
    (D.REJECTED, R.SSL_STATUS_REJECTED): "IncorrectDBSslStatus",
    (D.REJECTED, R.ENDPOINT_NOT_FOUND): "Endpoint.NotFound InvalidConnectionString.NotFound",
    (D.REJECTED, R.REQUEST_REJECTED): (
        "InvalidConnectionString.Duplicate ConnectionStringLengthExceeded InvalidParam"
        " Parameters.Invalid ColdData.Whatever BackupPolicyNotSupport"
        " InvalidReleasedKeepPolicy.Format InvalidBackupSet OrdTCommodityQueryError"
    ),
    (D.GONE, R.INSTANCE_NOT_FOUND): (
        "InvalidDBInstanceId.NotFound InvalidDBInstanceName.NotFound ProductInstanceReleased"
        " DataNotExist"
    ),
    (D.INELIGIBLE, R.ENGINE_NOT_SUPPORTED): (
        "Api.NotSupport InvalidDBInstanceEngineType.Format InvalidInstanceLevel.DiskType"
        " InvalidInstanceLevel.Malformed IncorrectTargetClasscode UnsupportedClassCode"
        " CloudSSDNotSupport IncorrectMinorVersion VpcNetworkTypeNotSupport MirrorInsExists"
        " OperationDenied.ZoneResource InvalidVswitchId InvalidReduceDiskSize"
        " InstanceEngineType.NotSupport InvaildEngineInRegion.ValueNotSupported"
        " OperationDenied.DBInstanceType IncorrectEngineVersion IncorrectDBInstanceType"
        " EnabledSSLNotSupport"
    ),
    (D.INELIGIBLE, R.INSTANCE_UNAVAILABLE): "IncorrectDBInstanceLockMode",
    (D.BUSY, R.INSTANCE_BUSY): (
        "InvalideStatus.Format OperationDenied.DBInstanceStatus IncorrectDBInstanceState"
        " OperationDenied.DBStatus OperationDenied.DBClusterStatus OperationDenied.OutofUsage"
        " ConcurrentTaskExceeded LockTimeout ConcurrentLimit"
    ),
    (D.THROTTLED, R.THROTTLED): (
        "Throttling Throttling.User Throttling.Api Throttling.Anything.Else Rejected.Throttling"
    ),
    (D.BLOCKED, R.FORBIDDEN): (
        "Forbidden Forbidden.RAM Forbidden.RiskControl Forbidden.Unheard NoPermission"
        " InvalidUserOperatorPermission NotInFlowController AuthenticationFail.NoPermission"
    ),
    (D.BLOCKED, R.CREDENTIALS_INVALID): (
        "InvalidAccessKeyId.NotFound InvalidAccessKeyId.Inactive Forbidden.AccessKeyDisabled"
        " SignatureDoesNotMatch MissingSecurityToken InvalidSecurityToken.Expired"
        " InvalidSecurityToken.Malformed InvalidSecurityToken.MismatchWithAccessKey"
        " AuthenticationFail.OIDCToken.Expired AuthenticationFail.OIDCToken.AudienceNotMatch"
        " EntityNotExist.Role"
    ),
    (D.BLOCKED, R.REQUEST_REJECTED): (
        "InvalidKmsKey InvalidClusterKms OrderStatus.UnPaid System.SaleValidateFailed"
        " Order.ComboInstanceNotAllowOperate Order.NoRealNameAuthentication Order.PeriodInvalid"
        " Order.InstHasUnpaidOrder Price.PricingPlanResultNotFound Price.CommoditySys"
        " Pay.InsufficientBalance pay.noCreditCard Pay.NoCreditCard noAvailablePaymentMethod"
        " CommodityServiceCalling.Exception Commodity.InvalidComponent RegionDissolvedEOM"
        " RegionEndTimeDissolvedIndia RegionEndTimeDissolvedAustralia BasicInfoUncompleted"
        " Risk.RiskControlRejection InsufficientAvailableQuota ContainForbiddenLabelError"
    ),
    (D.BUG, R.REQUEST_MALFORMED): (
        "RequiredParam.NotFound InvalidModifyMode.Format InvalidTimeStamp.Format"
        " IncompleteSignature InvalidSignatureMethod ContentMD5NotMatched InvalidApi.NotFound"
        " InvalidProduct.NotFound InvalidProtocol.NeedSsl UnsupportedHTTPMethod"
        " InvalidParameter.Format MissingDBInstanceId"
    ),
    (D.UNAVAILABLE, R.API_UNAVAILABLE): "InvalidTimeStamp.Expired",
    (D.UNKNOWN, R.API_UNAVAILABLE): (
        "SqlExecuteFailedOrTimeout KmsApiError Abs.InvalidAccount.NotFound HostInfo.NotFound"
        " Request.NotFound ExternalFailure RequestMetaDataFailed InvokeProxyFailure"
        " ServiceUnavailable InternalError SignatureNonceUsed ConnectTimeoutRetryLater"
        " TimeoutRetryLater InstanceConnectTimeoutFault Database.ConnectError ResourceConfigError"
    ),
}
"""The vendor's whole list but the eight, by what it means for a write."""


@pytest.mark.parametrize(
    ("code", "expected"),
    [(code, meaning) for meaning, codes in GROUPS.items() for code in codes.split()],
)
@pytest.mark.parametrize("http_status", [400, 403, 404, 500])
def test_a_known_code_means_the_same_under_every_http_status(
    code: str, expected: tuple[Disposition, Reason], http_status: int
) -> None:
    fault = classify(api_error(code, http_status), write=True)

    assert (fault.disposition, fault.reason) == expected


@pytest.mark.parametrize("code", GROUPS[D.UNKNOWN, R.API_UNAVAILABLE].split())
def test_what_leaves_a_write_open_makes_a_read_fail(code: str) -> None:
    assert classify(api_error(code), write=False).disposition is D.UNAVAILABLE


@pytest.mark.parametrize(
    ("error", "written", "read"),
    [
        pytest.param(
            NotSent(action="A", kind="connection refused"),
            D.UNAVAILABLE,
            D.UNAVAILABLE,
            id="nothing was sent",
        ),
        pytest.param(
            NoAnswer(action="A", kind="time-out"), D.UNKNOWN, D.UNAVAILABLE, id="no answer"
        ),
        pytest.param(
            NoAnswer(action="A", kind="HTTP 403 without an error code", http_status=403),
            D.UNKNOWN,
            D.UNAVAILABLE,
            id="a proxy's page",
        ),
        pytest.param(
            NoAnswer(action="A", kind="HTTP 429 without an error code", http_status=429),
            D.UNKNOWN,
            D.THROTTLED,
            id="a proxy's throttling",
        ),
        pytest.param(
            TransportError(action="A", kind="?"), D.UNKNOWN, D.UNAVAILABLE, id="a plain one"
        ),
        pytest.param(AliyunError("?"), D.UNKNOWN, D.UNAVAILABLE, id="the root of the tree"),
    ],
)
def test_an_error_without_a_code_is_open_for_a_write_unless_nothing_was_sent(
    error: AliyunError, written: Disposition, read: Disposition
) -> None:
    assert classify(error, write=True).disposition is written
    assert classify(error, write=False).disposition is read


def test_every_class_of_the_tree_is_told_apart_above() -> None:
    def leaves(of: type[AliyunError]) -> Iterator[type[AliyunError]]:
        for child in of.__subclasses__():
            yield child
            yield from leaves(child)

    assert set(leaves(AliyunError)) == {ApiError, TransportError, NotSent, NoAnswer}


@pytest.mark.parametrize(
    ("code", "disposition"),
    [
        pytest.param("SomethingRetryLater", D.BUSY, id="RetryLater at the end"),
        pytest.param("RetryLaterOrNot", D.REJECTED, id="RetryLater not at the end"),
        pytest.param("IncorrectReplicaState", D.BUSY, id="Incorrect and State"),
        pytest.param("OperationDenied.ProxyStatus", D.BUSY, id="OperationDenied and Status"),
        pytest.param("OperationDenied.Quota", D.REJECTED, id="OperationDenied alone"),
        pytest.param("InvalidStatus", D.REJECTED, id="Status without the beginning"),
        pytest.param("Missing", D.REJECTED, id="Missing, but nothing named"),
        pytest.param("ThrottlingOfAnotherKind", D.REJECTED, id="a code's part is no parent"),
    ],
)
def test_a_code_without_a_row_goes_by_the_patterns(code: str, disposition: Disposition) -> None:
    assert lookup(code, 400).disposition is disposition


@pytest.mark.parametrize(
    ("http_status", "denied", "disposition", "reason"),
    [
        pytest.param(400, {}, D.REJECTED, R.REQUEST_REJECTED, id="400"),
        pytest.param(404, {}, D.REJECTED, R.REQUEST_REJECTED, id="404"),
        pytest.param(403, {}, D.REJECTED, R.REQUEST_REJECTED, id="403 alone is no permission"),
        pytest.param(403, {"AuthAction": "a"}, D.BLOCKED, R.FORBIDDEN, id="403 with the detail"),
        pytest.param(401, {}, D.BLOCKED, R.FORBIDDEN, id="401"),
        pytest.param(429, {}, D.THROTTLED, R.THROTTLED, id="429"),
        pytest.param(500, {}, D.UNKNOWN, R.API_UNAVAILABLE, id="500"),
        pytest.param(503, {}, D.UNKNOWN, R.API_UNAVAILABLE, id="503"),
        pytest.param(200, {}, D.UNKNOWN, R.API_UNAVAILABLE, id="an error with a good status"),
    ],
)
def test_an_unheard_code_goes_by_the_http_status(
    http_status: int, denied: dict[str, str], disposition: Disposition, reason: Reason
) -> None:
    fault = lookup("Brand.New", http_status, denied)

    assert (fault.disposition, fault.reason) == (disposition, reason)


def test_a_status_that_may_be_reached_already_is_read_back_first() -> None:
    again = {code for code, fault in BY_CODE.items() if fault.read_back}

    assert again == {"InvalidSSLStatus", "IncorrectDBSslStatus"}


def test_the_sentence_names_what_the_caller_fills_in() -> None:
    text = message(
        api_error("InvalidServerCertOrPrivateKey"),
        write=True,
        server_certificate="Secret orders-tls (tls.crt, tls.key)",
    )

    assert text == (
        "RDS refuses the server certificate or its private key, from Secret orders-tls (tls.crt,"
        " tls.key); provide a pair that fits, with an unencrypted key"
        " (InvalidServerCertOrPrivateKey)"
    )


def test_a_missing_permission_is_named_with_who_lacks_it() -> None:
    error = api_error(
        "NoPermission", 403, AuthAction="rds:ModifyDBInstanceSSL", AuthPrincipalDisplayName="bot"
    )

    text = message(error, write=True)

    assert text.startswith("A RAM permission is missing: bot may not use rds:ModifyDBInstanceSSL;")
    assert text.endswith("(NoPermission)")


def test_without_the_detail_the_permission_is_the_operation() -> None:
    text = message(api_error("Forbidden.RAM", 403), write=True)

    assert text.startswith(
        "A RAM permission is missing: the identity in use may not use rds:ModifyDBInstanceSSL;"
    )


def test_an_error_without_a_code_shows_its_kind() -> None:
    text = message(NoAnswer(action="A", kind="time-out"), write=True)

    assert text == (
        "Whether RDS has taken the change is not known; the operator reads it back (time-out)"
    )


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_every_sentence_stands_without_help_and_has_nothing_of_one_attempt(code: str) -> None:
    text = message(api_error(code), write=True, unknown_word="x", acl="")

    assert text.endswith(f" ({code})")
    assert "{" not in text
    assert "7B4C" not in text
    assert "text of the API" not in text
    assert len(text) < 400


def test_every_placeholder_of_the_table_has_a_default() -> None:
    used = {
        name
        for fault in BY_CODE.values()
        for _, name, _, _ in string.Formatter().parse(fault.remedy)
        if name is not None
    }

    assert used == set(WORDS)


def test_braces_in_a_value_are_only_text() -> None:
    assert "({0.x})" in sentence(BY_CODE["InvalidACL.NotFound"], "Code", acl="{0.x}")
