"""STS: who may open a session of which role, how long it lasts, and what it may do."""

import urllib.parse
import uuid
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from rds_simulator.call import read_call
from rds_simulator.clock import to_wire
from rds_simulator.signatures import signature_v1
from support.identities import ACCOUNT, allows, trusts
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET, Caller, InProcess, Json

VERSION = "2015-04-01"
ROOT = f"acs:ram::{ACCOUNT}:root"
ROLE = f"acs:ram::{ACCOUNT}:role/operator"
READ = "DescribeDBInstanceSSL"


@pytest.fixture
def sts(rds: InProcess) -> Caller:
    """A client of STS, with the key that may do everything."""
    rds.put_role("operator", trusts(ROOT))
    return rds.caller(version=VERSION)


def assume(caller: Caller, **parameters: str) -> httpx.Response:
    return caller.call("AssumeRole", **{"RoleArn": ROLE, "RoleSessionName": "test", **parameters})


def session_of(rds: InProcess, answer: httpx.Response, version: str = "2014-08-15") -> Caller:
    given = answer.json()["Credentials"]
    return rds.caller(
        given["AccessKeyId"], given["AccessKeySecret"], given["SecurityToken"], version
    )


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("Code", "")


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
        "Version": VERSION,
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
    session = session_of(rds, by_key, VERSION)
    by_session = session.send(v1_request(session))
    by_session_v3 = assume(session)
    forged = sts.send(v1_request(rds.caller(secret="other", version=VERSION)))

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
    second = assume(session_of(rds, first, VERSION), DurationSeconds="7200")

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

    answer = assume(rds.caller("LTAI5tCi", "s", version=VERSION), **more)

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

    answers = [assume(rds.caller(key, "s", version=VERSION)) for key in ("LTAI5tCi", "LTAI5tOne")]

    assert [code(each) for each in answers] == [(403, "NoPermission")] * 2
    detail = answers[0].json()["AccessDeniedDetail"]
    assert detail["PolicyType"] == "AccountLevelIdentityBasedPolicy"


def test_the_account_itself_assumes_nothing(rds: InProcess) -> None:
    rds.put_role("operator", trusts(ROOT))
    rds.put_access_key("LTAI5tRoot", secret="s", root=True)

    answer = assume(rds.caller("LTAI5tRoot", "s", version=VERSION))

    assert code(answer) == (403, "NoPermission")
    assert answer.json()["Message"] == "Roles may not be assumed by root accounts."


def test_a_role_of_another_account_is_assumed_where_it_trusts_this_one(
    rds: InProcess, sts: Caller
) -> None:
    other = "acs:ram::9999999999999999:role/rds-ssl"
    rds.put_role(other, trusts(f"{ROLE}"))

    directly = assume(sts, RoleArn=other)
    chained = assume(session_of(rds, assume(sts), VERSION), RoleArn=other)

    assert code(directly) == (403, "NoPermission")
    assert chained.status_code == 200
    identity = session_of(rds, chained, VERSION).call("GetCallerIdentity").json()
    assert identity["AccountId"] == "9999999999999999"


def test_everybody_may_ask_who_they_are(rds: InProcess, sts: Caller) -> None:
    rds.put_access_key("LTAI5tNobody", secret="s", user="nobody", actions=[])
    rds.put_access_key("LTAI5tRoot", secret="s", root=True)
    session = session_of(rds, assume(sts), VERSION)

    identities: list[Json] = [
        each.call("GetCallerIdentity").json()
        for each in (
            rds.caller("LTAI5tNobody", "s", version=VERSION),
            rds.caller("LTAI5tRoot", "s", version=VERSION),
            session,
        )
    ]

    assert [(each["IdentityType"], each["Arn"]) for each in identities] == [
        ("RAMUser", f"acs:ram::{ACCOUNT}:user/nobody"),
        ("Account", ROOT),
        ("AssumedRoleUser", f"acs:ram::{ACCOUNT}:assumed-role/operator/test"),
    ]


def test_sessions_are_ended_one_by_one_by_role_or_all(rds: InProcess, sts: Caller) -> None:
    rds.put_role("second", trusts(ROOT))
    first, second = assume(sts), assume(sts)
    third = assume(sts, RoleArn=f"acs:ram::{ACCOUNT}:role/second")

    def codes() -> list[str]:
        callers = [session_of(rds, each) for each in (first, second, third)]
        return [code(each.call(READ, DBInstanceId="pg"))[1] for each in callers]

    rds.end_sessions(first.json()["Credentials"]["AccessKeyId"])
    one = codes()
    rds.end_sessions("operator", how="expire")
    role = codes()
    rds.end_sessions()

    assert one == ["InvalidAccessKeyId.NotFound", "", ""]
    assert role == ["InvalidAccessKeyId.NotFound", "InvalidSecurityToken.Expired", ""]
    assert codes() == ["InvalidAccessKeyId.NotFound"] * 3


def test_a_role_that_is_removed_takes_its_sessions_along(rds: InProcess, sts: Caller) -> None:
    session = session_of(rds, assume(sts))

    rds.remove_role("operator")

    assert code(session.call(READ, DBInstanceId="pg"))[1] == "InvalidAccessKeyId.NotFound"
    assert code(assume(sts)) == (404, "EntityNotExist.Role")
    with pytest.raises(httpx.HTTPStatusError, match="no roles operator"):
        rds.remove_role("operator")


def test_versions_of_the_apis_are_told_apart(rds: InProcess, sts: Caller) -> None:
    wrong = rds.caller().call("GetCallerIdentity")
    neither = sts.call(READ, DBInstanceId="pg")
    unknown = sts.call("AssumeRoleWithSAML")

    assert [code(each)[1] for each in (wrong, neither, unknown)] == [
        "InvalidVersion",
        "InvalidVersion",
        "InvalidApi.NotFound",
    ]


def test_calls_are_counted_by_operation_role_and_who_made_them(rds: InProcess, sts: Caller) -> None:
    session = session_of(rds, assume(sts))
    assume(sts, DurationSeconds="1")
    assume(rds.caller(secret="wrong", version=VERSION))
    session.call(READ, DBInstanceId="pg")

    stats = rds.stats()

    user = f"acs:ram::{ACCOUNT}:user/user-of-{ACCESS_KEY_ID}"
    assert stats["sts"]["actions"] == {
        "AssumeRole": {
            "InvalidParameter.DurationSeconds": 1,
            "OK": 1,
            "SignatureDoesNotMatch": 1,
        }
    }
    assert stats["sts"]["roles"] == {ROLE: stats["sts"]["actions"]}
    assert stats["identities"] == {
        "(not verified)": {"AssumeRole": {"SignatureDoesNotMatch": 1}},
        f"acs:ram::{ACCOUNT}:assumed-role/operator/test": {READ: {"OK": 1}},
        user: {"AssumeRole": {"InvalidParameter.DurationSeconds": 1, "OK": 1}},
    }
    assert rds.calls(action="AssumeRole")[0]["role"] == ROLE


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ({"code": "InternalError", "status": 500}, 500, "InternalError"),
        ({"kind": "throttle"}, 400, "Throttling.User"),
        ({"kind": "html"}, 502, "<html>"),
        ({"kind": "empty"}, 200, ""),
    ],
)
def test_faults_reach_sts_by_operation(
    rds: InProcess, sts: Caller, fault: dict[str, object], status: int, text: str
) -> None:
    rds.fault(fault, action="AssumeRole")

    spoilt, after = assume(sts), assume(sts)

    assert (spoilt.status_code, text in spoilt.text) == (status, True)
    assert after.status_code == 200


def test_a_fault_can_be_for_one_role(rds: InProcess, sts: Caller) -> None:
    rds.put_role("second", trusts(ROOT))
    rds.fault({"code": "InternalError", "status": 500}, instance=ROLE)

    other = assume(sts, RoleArn=f"acs:ram::{ACCOUNT}:role/second")

    assert other.status_code == 200
    assert assume(sts).status_code == 500


@pytest.mark.parametrize(("kind", "opened"), [("reset-before", 0), ("reset-after", 1)])
def test_a_connection_that_is_cut_has_or_has_not_opened_a_session(
    rds: InProcess, sts: Caller, kind: str, opened: int
) -> None:
    rds.fault({"kind": kind}, action="AssumeRole")

    with pytest.raises(httpx.ReadError):
        assume(sts)

    assert len(rds.sessions()) == opened


def test_no_secret_of_a_session_is_shown(rds: InProcess, sts: Caller) -> None:
    given = assume(sts).json()["Credentials"]

    shown = str(rds.sessions()) + str(rds.calls()) + str(rds.stats())

    assert given["AccessKeyId"] in shown
    assert given["AccessKeySecret"] not in shown
    assert given["SecurityToken"] not in shown


def test_expired_sessions_are_forgotten_after_a_day(rds: InProcess, sts: Caller) -> None:
    assume(sts)
    rds.advance(3600 + 86_401)

    assume(sts)

    assert [datetime.fromisoformat(each["expires"]) for each in rds.sessions()] == [
        rds.now + timedelta(hours=1)
    ]


def test_the_rate_limit_holds_for_sts_too(rds: InProcess, sts: Caller) -> None:
    rds.config(rate_limit=1)

    codes = [code(assume(sts))[1] for _ in range(2)]

    assert codes == ["", "Throttling.User"]
    assert ACCESS_KEY_SECRET not in str(rds.calls())
