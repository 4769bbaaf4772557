"""Who lacks which permission, in words: AccessDeniedDetail."""

import pytest

from rds_ssl.core.errors import ApiError
from rds_ssl.core.rds.faults import message

DETAIL = {
    "AuthAction": "rds:ModifyDBInstanceSSL",
    "AuthPrincipalType": "SubUser",
    "AuthPrincipalDisplayName": "202515810214480629",
    "AuthPrincipalOwnerId": "1234567890123456",
    "NoPermissionType": "ImplicitDeny",
    "PolicyType": "AccountLevelIdentityBasedPolicy",
}


def said(
    code: str = "NoPermission",
    *,
    write: bool = True,
    action: str = "ModifyDBInstanceSSL",
    **detail: str,
) -> str:
    """Give the message for an error with these fields of AccessDeniedDetail."""
    error = ApiError(action=action, code=code, http_status=403, access_denied=detail)
    return message(error, write=write, credentials="Secret rds-credentials")


def test_a_permission_that_no_policy_grants_is_to_be_granted() -> None:
    assert said(**DETAIL) == (
        "A RAM permission is missing: RAM user 202515810214480629 of account 1234567890123456"
        " (Secret rds-credentials) may not use rds:ModifyDBInstanceSSL; no policy allows it, so"
        " that whoever administers RAM has to allow it for this instance, and to check that the"
        " instance belongs to this account (NoPermission)"
    )


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("AccountLevelIdentityBasedPolicy", "a policy of its own"),
        ("ResourceGroupLevelIdentityBasedPolicy", "a policy of a resource group"),
        ("ControlPolicy", "a control policy of the resource directory"),
        ("SessionPolicy", "the session policy"),
        ("AssumeRolePolicy", "the role's trust policy"),
        ("SomethingNew", "a policy"),
        ("", "a policy"),
    ],
)
def test_a_permission_that_a_policy_denies_needs_that_denial_taken_away(
    policy: str, words: str
) -> None:
    text = said(**{**DETAIL, "NoPermissionType": "ExplicitDeny", "PolicyType": policy})

    assert f"rds:ModifyDBInstanceSSL; {words} denies it, so that" in text
    assert "take that denial away: to allow it elsewhere does not help" in text
    assert "no policy allows it" not in text


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize("code", ["Forbidden", "Forbidden.RAM", "InvalidUserOperatorPermission"])
@pytest.mark.parametrize("action", ["ModifyDBInstanceSSL", "DescribeDBInstanceAttribute"])
def test_without_the_detail_the_permission_is_the_operation_that_was_called(
    code: str, action: str, *, write: bool
) -> None:
    text = said(code, write=write, action=action)

    assert text == (
        "A RAM permission is missing: the identity in use (Secret rds-credentials) may not use"
        f" rds:{action}; whoever administers RAM has to allow it for this instance, and to check"
        f" that the instance belongs to this account ({code})"
    )


def test_an_unknown_code_with_the_detail_is_a_missing_permission_too() -> None:
    assert said("Brand.New", **DETAIL) == said(**DETAIL).replace("NoPermission", "Brand.New")


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        pytest.param("SubUser", "bot", "RAM user bot of account 1", id="user"),
        pytest.param("AssumedRoleUser", "rds-role:s1", "role rds-role of account 1", id="role"),
        pytest.param("Federated", "who", "identity who of account 1", id="another kind"),
        pytest.param("", "bot", "identity bot of account 1", id="no kind"),
        pytest.param("SubUser", "", "RAM user of account 1", id="no name"),
        pytest.param("", "", "the identity in use", id="nothing"),
    ],
)
def test_the_principal_is_named_as_far_as_it_is_told(kind: str, name: str, words: str) -> None:
    text = said(AuthPrincipalType=kind, AuthPrincipalDisplayName=name, AuthPrincipalOwnerId="1")

    assert text.startswith(f"A RAM permission is missing: {words} (Secret rds-credentials) may")


def test_a_role_is_named_without_its_session_so_that_the_message_stands() -> None:
    role = {**DETAIL, "AuthPrincipalType": "AssumedRoleUser"}

    messages = {
        said(**{**role, "AuthPrincipalDisplayName": f"rds-role:session-{each}"})
        for each in range(3)
    }

    assert len(messages) == 1


def test_what_the_answer_holds_beside_does_not_change_the_message() -> None:
    assert said(**DETAIL, EncodedDiagnosticMessage="AQFD…one", AuthResource="x") == said(**DETAIL)


@pytest.mark.parametrize(
    "name",
    [
        "a\nb",
        "a\x00b",
        "a\x1b[31mb",
        "a\u202eb",
        "x" * 10_000,
        "{principal}",
        "{0.__class__}",
        "王",
    ],
)
def test_a_name_from_the_api_is_one_short_printable_piece_of_the_line(name: str) -> None:
    text = said(**{**DETAIL, "AuthPrincipalDisplayName": name, "AuthAction": name})

    assert text.isprintable()
    assert len(text) < 450
    assert "may not use" in text
