"""STS: who may open a session of which role, how long it lasts, and what it may do."""

import urllib.parse
import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest

from rds_simulator.call import read_call
from rds_simulator.clock import to_wire
from rds_simulator.signatures import signature_v1
from support.identities import (
    ACCOUNT,
    ROLE,
    ROOT,
    STS,
    allows,
    assume,
    code,
    session_of,
    trusts,
)
from support.simulator import Caller, InProcess, Json

READ = "DescribeDBInstanceSSL"


def test_a_session_reads_as_its_role_until_it_ends(rds: InProcess, sts: Caller) -> None:
    answer = assume(sts, DurationSeconds="900")
    session = session_of(rds, answer)

    during = session.call(READ, DBInstanceId="pg")
    rds.advance(901)
    after = session.call(READ, DBInstanceId="pg")

    given = answer.json()["Credentials"]
    assert given["AccessKeyId"].startswith("STS.")
    assert given["Expiration"] == to_wire(rds.now - timedelta(seconds=1))
    assert answer.json()["AssumedRoleUser"]["Arn"] == f"{ROLE}/test"
    assert during.status_code == 200
    assert code(after) == (400, "InvalidSecurityToken.Expired")


def test_a_session_ends_on_the_moved_clock(rds: InProcess, sts: Caller) -> None:
    session = session_of(rds, assume(sts))

    rds.clock(advance=3600)

    assert code(session.call(READ, DBInstanceId="pg")) == (400, "InvalidSecurityToken.Expired")


@pytest.mark.parametrize("token", [None, "CAISother"])
def test_a_session_needs_its_own_token(rds: InProcess, sts: Caller, token: str | None) -> None:
    given = assume(sts).json()["Credentials"]

    answer = rds.caller(given["AccessKeyId"], given["AccessKeySecret"], token).call(
        READ, DBInstanceId="pg"
    )

    assert code(answer)[1] in {
        "MissingSecurityToken",
        "InvalidSecurityToken.MismatchWithAccessKey",
    }


def v1_request(caller: Caller, **parameters: str) -> httpx.Request:
    """Sign as the vendor's client of STS does: GET, HMAC-SHA1, everything in the query."""
    fields = {
        "Action": "AssumeRole",
        "Version": STS,
        "RoleArn": ROLE,
        "RoleSessionName": "test",
        "Timestamp": to_wire(caller.now()),
        "SignatureNonce": uuid.uuid4().hex,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "AccessKeyId": caller.key_id,
        "Format": "JSON",
        **parameters,
    }
    if caller.token:
        fields["SecurityToken"] = caller.token
    url = "http://rds.invalid/?" + urllib.parse.urlencode(fields)
    call = read_call("GET", url, {"host": "rds.invalid"}, b"")
    signature = urllib.parse.quote(signature_v1(call, caller.secret), safe="")
    return httpx.Request("GET", f"{url}&Signature={signature}")


def test_both_signatures_are_read_for_keys_and_for_sessions(rds: InProcess, sts: Caller) -> None:
    by_key = sts.send(v1_request(sts))
    session = session_of(rds, by_key, STS)
    by_session = session.send(v1_request(session))
    by_session_v3 = assume(session)
    forged = sts.send(v1_request(rds.caller(secret="other", version=STS)))

    assert [each.status_code for each in (by_key, by_session, by_session_v3)] == [200] * 3
    assert code(forged) == (400, "SignatureDoesNotMatch")


def test_an_answer_is_xml_unless_json_is_asked_for(sts: Caller) -> None:
    answer = sts.send(v1_request(sts, Format="XML"))

    assert answer.text.startswith('<?xml version="1.0" encoding="UTF-8"?><AssumeRoleResponse>')


@pytest.mark.parametrize(
    ("parameters", "refused"),
    [
        ({"RoleArn": ""}, (400, "MissingParameter.RoleArn")),
        ({"RoleArn": "operator"}, (400, "InvalidParameter.RoleArn")),
        ({"RoleArn": f"acs:ram::{ACCOUNT}:user/x"}, (400, "InvalidParameter.RoleArn")),
        ({"RoleArn": f"acs:ram::{ACCOUNT}:role/none"}, (404, "EntityNotExist.Role")),
        ({"RoleSessionName": "a"}, (400, "InvalidParameter.RoleSessionName")),
        ({"RoleSessionName": "a b"}, (400, "InvalidParameter.RoleSessionName")),
        ({"RoleSessionName": "a" * 65}, (400, "InvalidParameter.RoleSessionName")),
        ({"DurationSeconds": "899"}, (400, "InvalidParameter.DurationSeconds")),
        ({"DurationSeconds": "3601"}, (400, "InvalidParameter.DurationSeconds")),
        ({"DurationSeconds": "1h"}, (400, "InvalidParameter.DurationSeconds")),
        ({"Policy": "{"}, (400, "InvalidParameter.PolicyGrammar")),
        ({"Policy": '{"Version":"1","Statement":[]}'}, (400, "InvalidParameter.PolicyGrammar")),
        ({"Policy": " " * 1025}, (400, "InvalidParameter.PolicySize")),
        ({"ExternalId": "a b"}, (400, "InvalidParameter.ExternalId")),
    ],
)
def test_a_parameter_that_does_not_fit_is_named(
    sts: Caller, parameters: dict[str, str], refused: tuple[int, str]
) -> None:
    assert code(assume(sts, **parameters)) == refused


def test_the_longest_session_is_the_roles_and_an_hour_from_a_session(
    rds: InProcess, sts: Caller
) -> None:
    rds.put_role("operator", trusts(ROOT), max_session=7200)

    first = assume(sts, DurationSeconds="7200")
    second = assume(session_of(rds, first, STS), DurationSeconds="7200")

    assert first.status_code == 200
    assert code(second) == (400, "InvalidParameter.DurationSeconds")


def test_a_session_policy_narrows_and_never_widens(rds: InProcess, sts: Caller) -> None:
    rds.put_role("operator", trusts(ROOT), policy=allows("rds:Describe*"))
    policy = (
        '{"Version":"1","Statement":[{"Effect":"Allow","Resource":"*",'
        '"Action":["rds:DescribeDBInstanceSSL","rds:ModifyDBInstanceSSL"]}]}'
    )
    session = session_of(rds, assume(sts, Policy=policy))

    answers = [
        session.call(action, DBInstanceId="pg")
        for action in (READ, "DescribeDBInstanceAttribute", "ModifyDBInstanceSSL")
    ]

    assert [each.status_code for each in answers] == [200, 403, 403]


def test_a_role_that_is_changed_changes_its_sessions(rds: InProcess, sts: Caller) -> None:
    session = session_of(rds, assume(sts))

    rds.put_role("operator", trusts(ROOT), policy=allows("rds:DescribeDBInstances"))

    answer = session.call(READ, DBInstanceId="pg")
    assert code(answer) == (403, "NoPermission")
    assert answer.json()["AccessDeniedDetail"] == {
        "AuthAction": "rds:DescribeDBInstanceSSL",
        "AuthPrincipalType": "AssumedRoleUser",
        "AuthPrincipalDisplayName": "operator:test",
        "AuthPrincipalOwnerId": ACCOUNT,
        "NoPermissionType": "ImplicitDeny",
        "PolicyType": "AccountLevelIdentityBasedPolicy",
        "EncodedDiagnosticMessage": "c2ltdWxhdGVk",
    }


@pytest.mark.parametrize(
    ("trust", "external_id", "allowed"),
    [
        (trusts(ROOT), None, True),
        (trusts(ROOT), "rds-ssl:team-a", True),
        (trusts(f"acs:ram::{ACCOUNT}:user/ci"), None, True),
        (trusts(f"acs:ram::{ACCOUNT}:user/other"), None, False),
        (trusts("acs:ram::9999999999999999:root"), None, False),
        (trusts(ROOT, external_id="rds-ssl:team-a"), "rds-ssl:team-a", True),
        (trusts(ROOT, external_id="rds-ssl:team-a"), "rds-ssl:team-b", False),
        (trusts(ROOT, external_id="rds-ssl:team-a"), None, False),
    ],
)
def test_a_role_is_assumed_by_those_only_whom_it_trusts(
    rds: InProcess, trust: dict[str, Any], external_id: str | None, *, allowed: bool
) -> None:
    rds.put_access_key("LTAI5tCi", secret="s", user="ci", policy=allows("sts:AssumeRole"))
    rds.put_role("operator", trust)
    more = {"ExternalId": external_id} if external_id else {}

    answer = assume(rds.caller("LTAI5tCi", "s", version=STS), **more)

    assert code(answer) == ((200, "") if allowed else (403, "NoPermission"))
    if not allowed:
        detail = answer.json()["AccessDeniedDetail"]
        assert detail["AuthAction"] == "sts:AssumeRole"
        assert detail["AuthPrincipalDisplayName"] == "ci"
        assert detail["PolicyType"] == "AssumeRolePolicy"


def test_a_user_needs_the_right_to_assume_as_well(rds: InProcess) -> None:
    rds.put_role("operator", trusts(ROOT))
    rds.put_access_key("LTAI5tCi", secret="s", user="ci", policy=allows("rds:*"))
    rds.put_access_key(
        "LTAI5tOne", secret="s", policy=allows("sts:AssumeRole", on=f"{ROLE}-of-another")
    )

    answers = [assume(rds.caller(key, "s", version=STS)) for key in ("LTAI5tCi", "LTAI5tOne")]

    assert [code(each) for each in answers] == [(403, "NoPermission")] * 2
    detail = answers[0].json()["AccessDeniedDetail"]
    assert detail["PolicyType"] == "AccountLevelIdentityBasedPolicy"


def test_the_account_itself_assumes_nothing(rds: InProcess) -> None:
    rds.put_role("operator", trusts(ROOT))
    rds.put_access_key("LTAI5tRoot", secret="s", root=True)

    answer = assume(rds.caller("LTAI5tRoot", "s", version=STS))

    assert code(answer) == (403, "NoPermission")
    assert answer.json()["Message"] == "Roles may not be assumed by root accounts."


def test_a_role_of_another_account_is_assumed_where_it_trusts_this_one(
    rds: InProcess, sts: Caller
) -> None:
    other = "acs:ram::9999999999999999:role/rds-ssl"
    rds.put_role(other, trusts(f"{ROLE}"))

    directly = assume(sts, other)
    chained = assume(session_of(rds, assume(sts), STS), other)

    assert code(directly) == (403, "NoPermission")
    assert chained.status_code == 200
    identity = session_of(rds, chained, STS).call("GetCallerIdentity").json()
    assert identity["AccountId"] == "9999999999999999"


def test_to_trust_an_account_is_to_trust_no_other(rds: InProcess, sts: Caller) -> None:
    rds.put_access_key("LTAI5tOther", secret="s", account="9999999999999999", user="x")

    stranger = assume(rds.caller("LTAI5tOther", "s", version=STS))

    assert assume(sts).status_code == 200
    assert code(stranger) == (403, "NoPermission")


def test_everybody_may_ask_who_they_are(rds: InProcess, sts: Caller) -> None:
    rds.put_access_key("LTAI5tNobody", secret="s", user="nobody", actions=[])
    rds.put_access_key("LTAI5tRoot", secret="s", root=True)
    session = session_of(rds, assume(sts), STS)

    identities: list[Json] = [
        each.call("GetCallerIdentity").json()
        for each in (
            rds.caller("LTAI5tNobody", "s", version=STS),
            rds.caller("LTAI5tRoot", "s", version=STS),
            session,
        )
    ]

    assert [(each["IdentityType"], each["Arn"]) for each in identities] == [
        ("RAMUser", f"acs:ram::{ACCOUNT}:user/nobody"),
        ("Account", ROOT),
        ("AssumedRoleUser", f"acs:ram::{ACCOUNT}:assumed-role/operator/test"),
    ]
