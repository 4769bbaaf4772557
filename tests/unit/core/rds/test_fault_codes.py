"""
Every error code that the vendor's pages have, with the HTTP statuses that they give it.

The list is a copy of the pages' and knows nothing of the table it tests: a code, its statuses, what
a write with it means, where it is from. ``0`` stands for a status that no page tells.
"""

import inspect
import re
import string
from dataclasses import dataclass
from enum import StrEnum

import pytest

from rds_ssl.core.errors import ApiError
from rds_ssl.core.model import Disposition, Reason
from rds_ssl.core.rds import fault_codes
from rds_ssl.core.rds.fault_codes import BY_CODE, TABLE, Fault
from rds_ssl.core.rds.faults import WORDS, classify, lookup, message

D = Disposition
R = Reason


class Source(StrEnum):
    """Where codes are from: the first word of the comment behind them in the table."""

    DOC = "page"
    NEWER = "later"
    READ = "read"
    TERRAFORM = "terraform"
    GATEWAY = "gateway"
    STS = "sts"
    INFERRED = "family"


S = Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Codes of one source that mean the same."""

    source: Source
    disposition: Disposition
    reason: Reason
    codes: str
    """``code:status,status …``"""


def group(source: Source, disposition: Disposition, reason: Reason, codes: str) -> Group:
    return Group(source=source, disposition=disposition, reason=reason, codes=codes)


GROUPS = (
    # The eight of every page of ModifyDBInstanceSSL.
    group(
        S.DOC,
        D.REJECTED,
        R.SERVER_CERTIFICATE_REJECTED,
        "InvalidServerCertOrPrivateKey:400",
    ),
    group(S.DOC, D.REJECTED, R.CLIENT_CA_REJECTED, "InvalidClientCACert:400"),
    group(S.DOC, D.REJECTED, R.REVOCATION_LIST_REJECTED, "InvalidClientCrl:400"),
    group(S.DOC, D.REJECTED, R.CA_TYPE_REJECTED, "InvalidCAType.NotFound:400"),
    group(S.DOC, D.REJECTED, R.ACL_REJECTED, "InvalidACL.NotFound:400"),
    group(S.DOC, D.REJECTED, R.SSL_STATUS_REJECTED, "InvalidSSLStatus:400"),
    group(
        S.DOC,
        D.REJECTED,
        R.CLIENT_CA_REQUIRED,
        "InvalidClientCrl.Permission:403 InvalidACL.Permission:403",
    ),
    # Its later pages.
    group(S.NEWER, D.REJECTED, R.SSL_STATUS_REJECTED, "IncorrectDBSslStatus:400"),
    group(S.NEWER, D.BUSY, R.INSTANCE_BUSY, "InvalideStatus.Format:400"),
    group(S.NEWER, D.GONE, R.INSTANCE_NOT_FOUND, "InvalidDBInstanceId.NotFound:400,404"),
    group(S.NEWER, D.REJECTED, R.ENDPOINT_NOT_FOUND, "Endpoint.NotFound:404"),
    group(
        S.NEWER,
        D.REJECTED,
        R.REQUEST_REJECTED,
        "InvalidConnectionString.Duplicate:400 InvalidParam:400 Parameters.Invalid:400"
        " ColdData.Whatever:400 BackupPolicyNotSupport:400 InvalidReleasedKeepPolicy.Format:400"
        " InvalidBackupSet:400 OrdTCommodityQueryError:400",
    ),
    group(
        S.NEWER,
        D.BUG,
        R.REQUEST_MALFORMED,
        "RequiredParam.NotFound:400 InvalidModifyMode.Format:400",
    ),
    group(S.NEWER, D.BLOCKED, R.FORBIDDEN, "InvalidUserOperatorPermission:403"),
    group(
        S.NEWER,
        D.INELIGIBLE,
        R.ENGINE_NOT_SUPPORTED,
        "Api.NotSupport:400 InvalidDBInstanceEngineType.Format:400"
        " InvalidInstanceLevel.DiskType:400 InvalidInstanceLevel.Malformed:403"
        " IncorrectTargetClasscode:400 UnsupportedClassCode:400"
        " CloudSSDNotSupport:403 IncorrectMinorVersion:403 VpcNetworkTypeNotSupport:400"
        " MirrorInsExists:400 OperationDenied.ZoneResource:403 InvalidVswitchId:403"
        " InvalidReduceDiskSize:403",
    ),
    group(
        S.NEWER,
        D.UNKNOWN,
        R.API_UNAVAILABLE,
        "SqlExecuteFailedOrTimeout:400 KmsApiError:400 Abs.InvalidAccount.NotFound:400"
        " HostInfo.NotFound:404 Request.NotFound:404 ExternalFailure:500"
        " RequestMetaDataFailed:500 InvokeProxyFailure:500",
    ),
    group(S.NEWER, D.BLOCKED, R.REQUEST_REJECTED, "InvalidKmsKey:403 InvalidClusterKms:404"),
    group(
        S.NEWER,
        D.BLOCKED,
        R.ACCOUNT_BLOCKED,
        "NotInFlowController:403 OrderStatus.UnPaid:403 System.SaleValidateFailed:400"
        " Order.ComboInstanceNotAllowOperate:400 Order.NoRealNameAuthentication:400"
        " Order.PeriodInvalid:400 Order.InstHasUnpaidOrder:400 Price.PricingPlanResultNotFound:400"
        " Price.CommoditySys:400 Pay.InsufficientBalance:400 pay.noCreditCard:400"
        " Pay.NoCreditCard:400 noAvailablePaymentMethod:400 CommodityServiceCalling.Exception:400"
        " Commodity.InvalidComponent:400 RegionDissolvedEOM:400 RegionEndTimeDissolvedIndia:400"
        " RegionEndTimeDissolvedAustralia:400 BasicInfoUncompleted:400"
        " Risk.RiskControlRejection:400 InsufficientAvailableQuota:400"
        " ContainForbiddenLabelError:400",
    ),
    # Other operations: what the pages of Describe have, and what Terraform tries again.
    group(
        S.READ,
        D.BUSY,
        R.INSTANCE_BUSY,
        "OperationDenied.DBInstanceStatus:400,403 IncorrectDBInstanceState:403 ConcurrentLimit:400",
    ),
    group(
        S.TERRAFORM,
        D.BUSY,
        R.INSTANCE_BUSY,
        "OperationDenied.DBStatus:0 OperationDenied.DBClusterStatus:0"
        " OperationDenied.OutofUsage:0 ConcurrentTaskExceeded:0 LockTimeout:0",
    ),
    group(
        S.TERRAFORM,
        D.UNKNOWN,
        R.API_UNAVAILABLE,
        "InstanceConnectTimeoutFault:0 Database.ConnectError:0",
    ),
    group(
        S.READ,
        D.UNKNOWN,
        R.API_UNAVAILABLE,
        "ConnectTimeoutRetryLater:400 TimeoutRetryLater:400 ResourceConfigError:403",
    ),
    group(
        S.READ,
        D.INELIGIBLE,
        R.ENGINE_NOT_SUPPORTED,
        "InstanceEngineType.NotSupport:403 InvaildEngineInRegion.ValueNotSupported:400"
        " OperationDenied.DBInstanceType:403 IncorrectEngineVersion:403"
        " IncorrectDBInstanceType:403 EnabledSSLNotSupport:404",
    ),
    group(S.READ, D.BLOCKED, R.INSTANCE_UNAVAILABLE, "IncorrectDBInstanceLockMode:403"),
    group(S.READ, D.REJECTED, R.ENDPOINT_NOT_FOUND, "InvalidConnectionString.NotFound:404"),
    group(S.READ, D.REJECTED, R.REQUEST_REJECTED, "ConnectionStringLengthExceeded:403"),
    group(
        S.READ,
        D.GONE,
        R.INSTANCE_NOT_FOUND,
        "ProductInstanceReleased:400 DataNotExist:400 InvalidDBInstanceName.NotFound:400",
    ),
    # The gateway.
    group(
        S.GATEWAY,
        D.THROTTLED,
        R.THROTTLED,
        "Throttling:400 Throttling.User:400,429,503 Throttling.Api:400 Rejected.Throttling:400"
        " Throttling.Anything.Else:400",
    ),
    group(
        S.GATEWAY,
        D.UNKNOWN,
        R.API_UNAVAILABLE,
        "ServiceUnavailable:503,500 InternalError:500 SignatureNonceUsed:400",
    ),
    group(S.GATEWAY, D.UNAVAILABLE, R.API_UNAVAILABLE, "InvalidTimeStamp.Expired:400"),
    group(
        S.GATEWAY,
        D.BUG,
        R.REQUEST_MALFORMED,
        "InvalidTimeStamp.Format:400 IncompleteSignature:400 InvalidSignatureMethod:400"
        " ContentMD5NotMatched:400 InvalidApi.NotFound:404 InvalidProduct.NotFound:404"
        " InvalidProtocol.NeedSsl:404 UnsupportedHTTPMethod:400,404 InvalidParameter.Format:400",
    ),
    group(
        S.GATEWAY,
        D.BLOCKED,
        R.CREDENTIALS_INVALID,
        "SignatureDoesNotMatch:400,403 InvalidAccessKeyId.NotFound:404,400"
        " InvalidAccessKeyId.Inactive:400 Forbidden.AccessKeyDisabled:0 MissingSecurityToken:0"
        " InvalidSecurityToken.Expired:400,403 InvalidSecurityToken.Malformed:400"
        " InvalidSecurityToken.MismatchWithAccessKey:400",
    ),
    group(
        S.GATEWAY,
        D.BLOCKED,
        R.FORBIDDEN,
        "Forbidden:403,400 Forbidden.RAM:403,400 NoPermission:403",
    ),
    group(S.GATEWAY, D.BLOCKED, R.ACCOUNT_BLOCKED, "Forbidden.RiskControl:403"),
    # Temporary keys.
    group(S.STS, D.BLOCKED, R.FORBIDDEN, "AuthenticationFail.NoPermission:401"),
    group(
        S.STS,
        D.BLOCKED,
        R.CREDENTIALS_INVALID,
        "AuthenticationFail.OIDCToken.Expired:401 AuthenticationFail.OIDCToken.Invalid:401"
        " AuthenticationFail.OIDCToken.InvalidSignature:401"
        " AuthenticationFail.OIDCToken.AudienceNotMatch:401"
        " AuthenticationFail.OIDCToken.HttpsUrlInvalid:401 EntityNotExist.Role:0",
    ),
)

FAMILIES = {"ColdData.Whatever": "ColdData", "Throttling.Anything.Else": "Throttling"}
"""What the pages write as ``ColdData.*`` and ``Throttling.*``, by its row."""

NOT_TOLD = (400, 403, 404)
"""Statuses to try where no page tells one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One code of the list."""

    name: str
    statuses: tuple[int, ...]
    group: Group

    @property
    def row(self) -> Fault:
        return BY_CODE[FAMILIES.get(self.name, self.name)]


def listed() -> list[Code]:
    found = []
    for each in GROUPS:
        for word in each.codes.split():
            name, _, told = word.partition(":")
            statuses = tuple(int(one) for one in told.split(","))
            found.append(
                Code(name=name, statuses=NOT_TOLD if statuses == (0,) else statuses, group=each)
            )
    return found


def told_sources() -> dict[str, Source]:
    """Give what the table's comments say."""
    lines = inspect.getsource(fault_codes).splitlines()
    told = [re.fullmatch(r' +"([^"]+)",  # (\w+).*', line) for line in lines]
    return {code: Source(one[2]) for one in told if one for code in one[1].split()}


CODES = listed()
SOURCES = told_sources()
every_code = pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)

WHO = (
    "whoever makes it",
    "whoever administers RAM",
    "whoever runs the operator",
    "whoever runs the node",
    "the owner of the object",
    "the owner of the instance",
    "the owner of the credentials",
    "the owner of the key",
    "the account's owner",
    "its owner",
    "the operator waits",
    "the operator slows down",
    "the operator tries again",
    "the operator reads it back",
)
"""Each sentence says of one of these what he does."""


def error(
    code: str, http_status: int, *, action: str = "ModifyDBInstanceSSL", **denied: str
) -> ApiError:
    return ApiError(
        action=action,
        code=code,
        http_status=http_status,
        request_id="7B4C-REQUEST",
        message="text of the API",
        access_denied=denied,
    )


def test_the_list_and_the_table_have_the_same_codes() -> None:
    names = [each.name for each in CODES]
    inferred = {name for name, source in SOURCES.items() if source is S.INFERRED}

    assert len(names) == len(set(names)) == 130
    assert {FAMILIES.get(name, name) for name in names} == set(BY_CODE) - inferred
    assert inferred == {
        "AuthenticationFail",
        "AuthenticationFail.OIDCToken",
        "InvalidAccessKeyId",
        "InvalidSecurityToken",
    }
    assert len(BY_CODE) == 133
    assert set(SOURCES) == set(BY_CODE)


def test_a_code_is_in_one_row_once() -> None:
    assert sorted(code for fault in TABLE for code in fault.codes) == sorted(BY_CODE)


@every_code
def test_a_code_has_its_row_with_its_source(code: Code) -> None:
    assert SOURCES[FAMILIES.get(code.name, code.name)] is code.group.source
    assert lookup(code.name, code.statuses[0]) is code.row


@every_code
def test_a_code_means_the_same_under_every_http_status(code: Code) -> None:
    for http_status in (*code.statuses, 400, 401, 403, 404, 429, 500, 503):
        for denied in ({}, {"AuthAction": "rds:X"}):
            fault = classify(error(code.name, http_status, **denied), write=True)

            assert (fault.disposition, fault.reason) == (
                code.group.disposition,
                code.group.reason,
            )


@every_code
def test_a_read_is_never_open_and_else_means_what_a_write_means(code: Code) -> None:
    expected = D.UNAVAILABLE if code.group.disposition is D.UNKNOWN else code.group.disposition

    fault = classify(error(code.name, code.statuses[0]), write=False)

    assert (fault.disposition, fault.reason) == (expected, code.group.reason)


@every_code
@pytest.mark.parametrize("write", [True, False], ids=["write", "read"])
def test_a_sentence_says_who_does_what_and_has_nothing_of_one_attempt(
    code: Code, *, write: bool
) -> None:
    text = message(error(code.name, code.statuses[0]), write=write, unknown_word="x", acl="")

    assert text.endswith(f" ({code.name})")
    said = text.removesuffix(f" ({code.name})")
    assert said[0].isupper()
    assert not said.endswith((".", ";", ",", " "))
    assert sum(who in said for who in WHO) >= 1, said
    assert not set("{}") & set(text)
    assert "  " not in text
    assert "7B4C" not in text
    assert "text of the API" not in text
    assert 40 < len(text) < 400


def test_every_placeholder_of_the_table_has_a_default() -> None:
    used = {
        name
        for fault in BY_CODE.values()
        for _, name, _, _ in string.Formatter().parse(fault.remedy)
        if name is not None
    }

    assert used == set(WORDS)


def test_a_status_that_may_be_reached_already_is_read_back_first() -> None:
    again = {code for code, fault in BY_CODE.items() if fault.read_back}

    assert again == {"InvalidSSLStatus", "IncorrectDBSslStatus"}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("InvalidAccessKeyId.NotFound", ("does not exist", "expired")),
        ("InvalidAccessKeyId.Inactive", ("disabled",)),
        ("InvalidSecurityToken.Expired", ("security token", "has expired")),
        ("InvalidSecurityToken.MismatchWithAccessKey", ("another access key",)),
        ("MissingSecurityToken", ("without its security token",)),
        ("AuthenticationFail.OIDCToken.Expired", ("OIDC token", "expired")),
        ("AuthenticationFail.NoPermission", ("trust policy",)),
        ("InvalidTimeStamp.Expired", ("clock", "correct")),
        ("InvalidApi.NotFound", ("API_URL",)),
        ("InvalidProtocol.NeedSsl", ("https",)),
        ("NotInFlowController", ("ticket",)),
        ("Forbidden.RiskControl", ("Risk control",)),
        ("Pay.InsufficientBalance", ("balance",)),
        ("Order.NoRealNameAuthentication", ("not verified",)),
        ("RegionEndTimeDissolvedIndia", ("region",)),
        ("IncorrectMinorVersion", ("minor version",)),
        ("IncorrectDBInstanceLockMode", ("locked", "unlock")),
        ("InvalidKmsKey", ("KMS key",)),
        ("Endpoint.NotFound", ("no such endpoint",)),
        ("InvalidClientCrl.Permission", ("revocation list", "client CA first")),
        ("InvalidACL.Permission", ("access rule", "client CA first")),
    ],
)
def test_the_sentence_of_a_code_names_its_matter(code: str, words: tuple[str, ...]) -> None:
    text = message(error(code, 400), write=True)

    assert all(each in text for each in words), text


@pytest.mark.parametrize(
    ("code", "of"),
    [
        ("InvalidAccessKeyId.Unheard", R.CREDENTIALS_INVALID),
        ("InvalidSecurityToken.Unheard", R.CREDENTIALS_INVALID),
        ("AuthenticationFail.OIDCToken.Unheard", R.CREDENTIALS_INVALID),
        ("AuthenticationFail.Unheard", R.CREDENTIALS_INVALID),
        ("Forbidden.Unheard", R.FORBIDDEN),
        ("Throttling.Unheard.Deep", R.THROTTLED),
        ("InvalidCAType.NotFound.Deep", R.CA_TYPE_REJECTED),
        ("EntityNotExist.Unheard", R.REQUEST_REJECTED),
        ("InvalidClientCrl.Unheard", R.REVOCATION_LIST_REJECTED),
    ],
)
def test_an_unheard_code_of_a_known_family_means_what_the_family_means(
    code: str, of: Reason
) -> None:
    assert lookup(code, 400).reason is of
