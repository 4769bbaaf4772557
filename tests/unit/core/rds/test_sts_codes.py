"""What an error means by which nobody has a key: its row, and the sentence."""

import string

import pytest

from rds_ssl.core.errors import ApiError, NoCredentials
from rds_ssl.core.model import Disposition, Reason
from rds_ssl.core.rds import faults
from rds_ssl.core.rds.fault_codes import BY_CODE
from rds_ssl.core.rds.faults import classify, message, renews
from rds_ssl.core.rds.sts_codes import BY_STS_CODE, TABLE, WORDS, lookup

WHO = (
    "whoever administers RAM",
    "whoever runs the operator",
    "whoever runs the node",
    "the owner of",
    "the operator tries again",
    "the operator slows down",
)
"""Each sentence says of one of these what he does."""


def error(code: str = "", http_status: int = 0, **told: str) -> NoCredentials:
    return NoCredentials(
        action="AssumeRole",
        service="STS",
        code=code,
        http_status=http_status,
        label="Secret rds-credentials",
        role="acs:ram::1:role/r",
        access_denied=told,
    )


@pytest.mark.parametrize("code", [*BY_STS_CODE, *BY_CODE, "Brand.New", ""])
@pytest.mark.parametrize("http_status", [0, 200, 400, 401, 403, 404, 429, 500, 503])
def test_without_a_key_nothing_was_executed_whatever_the_code(code: str, http_status: int) -> None:
    fault = classify(error(code, http_status), write=True)

    assert fault.disposition in {
        Disposition.BLOCKED,
        Disposition.UNAVAILABLE,
        Disposition.THROTTLED,
    }
    assert fault == classify(error(code, http_status), write=False)


def test_a_code_is_in_one_row_once() -> None:
    assert sorted(code for fault in TABLE for code in fault.codes) == sorted(BY_STS_CODE)


@pytest.mark.parametrize("code", [*BY_STS_CODE, "Brand.New", ""])
def test_a_sentence_says_who_does_what_and_not_that_rds_said_it(code: str) -> None:
    text = message(error(code, 400), write=False)

    assert text.endswith(f" ({code or 'STS'})")
    assert any(who in text for who in WHO), text
    assert "RDS" not in text
    assert not set("{}") & set(text)
    assert 40 < len(text) < 400


def test_every_placeholder_of_the_table_has_a_default() -> None:
    used = {
        name
        for fault in TABLE
        for _, name, _, _ in string.Formatter().parse(fault.remedy)
        if name is not None
    }

    assert used >= {*WORDS}
    assert used <= {*WORDS, *faults.WORDS}


@pytest.mark.parametrize(
    ("code", "status", "disposition", "reason"),
    [
        ("InvalidParameter.PolicyGrammar", 400, Disposition.BLOCKED, Reason.CREDENTIALS_INVALID),
        ("InvalidParameter.Brand.New", 400, Disposition.BLOCKED, Reason.CREDENTIALS_INVALID),
        ("Throttling.User", 400, Disposition.THROTTLED, Reason.THROTTLED),
        ("Brand.New", 400, Disposition.BLOCKED, Reason.CREDENTIALS_INVALID),
        ("Brand.New", 429, Disposition.THROTTLED, Reason.THROTTLED),
        ("Brand.New", 500, Disposition.UNAVAILABLE, Reason.API_UNAVAILABLE),
        ("ServiceUnavailable", 503, Disposition.UNAVAILABLE, Reason.API_UNAVAILABLE),
        ("SignatureDoesNotMatch", 400, Disposition.BLOCKED, Reason.CREDENTIALS_INVALID),
        # A code of RDS that says nothing of a key means nothing here.
        ("InvalidACL.NotFound", 400, Disposition.BLOCKED, Reason.CREDENTIALS_INVALID),
        ("", 0, Disposition.UNAVAILABLE, Reason.API_UNAVAILABLE),
    ],
)
def test_a_code_is_looked_up_by_itself_its_parents_and_the_status(
    code: str, status: int, disposition: Disposition, reason: Reason
) -> None:
    fault = lookup(code, status)

    assert (fault.disposition, fault.reason) == (disposition, reason)


def test_a_denial_that_a_policy_causes_is_told_with_it() -> None:
    text = message(
        error(
            "NoPermission",
            403,
            AuthPrincipalType="AssumedRoleUser",
            AuthPrincipalDisplayName="operator:session-7",
            AuthPrincipalOwnerId="1234567890123456",
            AuthAction="sts:AssumeRole",
            NoPermissionType="ExplicitDeny",
            PolicyType="AssumeRolePolicy",
        ),
        write=False,
    )

    assert text == (
        "STS does not let role operator of account 1234567890123456 (Secret rds-credentials) take"
        " role acs:ram::1:role/r: sts:AssumeRole is missing; the role's trust policy denies it, and"
        " whoever administers RAM has to allow it for this role, and its trust policy has to name"
        " who takes it (NoPermission)"
    )


@pytest.mark.parametrize(
    ("code", "again"),
    [
        ("InvalidSecurityToken.Expired", True),
        ("InvalidSecurityToken.MismatchWithAccessKey", True),
        ("InvalidSecurityToken.Malformed", True),
        ("InvalidAccessKeyId.NotFound", True),
        # These say nothing of whether the call was looked at, or a new key would not help.
        ("NoPermission", False),
        ("SignatureDoesNotMatch", False),
        ("MissingSecurityToken", False),
        ("InternalError", False),
        ("ServiceUnavailable", False),
    ],
)
def test_only_a_refusal_of_the_key_itself_lets_a_call_be_made_again(
    code: str, *, again: bool
) -> None:
    assert renews(ApiError(action="ModifyDBInstanceSSL", code=code, http_status=400)) is again
