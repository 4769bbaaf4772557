"""Sessions of STS: how they end, how calls are counted and spoilt, and what is never shown."""

from datetime import datetime, timedelta

import httpx
import pytest

from support.identities import (
    ACCOUNT,
    ROLE,
    ROOT,
    STS,
    assume,
    code,
    session_of,
    trusts,
    trusts_service,
)
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET, Caller, InProcess

READ = "DescribeDBInstanceSSL"


def test_sessions_are_ended_one_by_one_by_role_or_all(rds: InProcess, sts: Caller) -> None:
    rds.put_role("second", trusts(ROOT))
    first, second = assume(sts), assume(sts)
    third = assume(sts, f"acs:ram::{ACCOUNT}:role/second")

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
    assume(rds.caller(secret="wrong", version=STS))
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

    other = assume(sts, f"acs:ram::{ACCOUNT}:role/second")

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


def test_a_reset_forgets_no_identity_and_takes_the_machines_role_away(
    rds: InProcess, sts: Caller
) -> None:
    rds.put_role("worker", trusts_service("ecs.aliyuncs.com"))
    rds.metadata(role="worker", v1=False)
    session = session_of(rds, assume(sts), STS)

    rds.reset()

    assert session.call("GetCallerIdentity").status_code == 200
    assert len(rds.admin("GET", "roles")["roles"]) == 2
    assert rds.metadata()["role"] == ""
    assert rds.metadata()["v1"] is True
