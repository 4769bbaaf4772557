"""RAM policies: what a document says to a call, and which documents are refused."""

import json
from typing import Any

import httpx
import pytest

from rds_simulator.ram_policy import PolicyError, Request, Verdict, read_policy, read_trust
from support.identities import allows, trusts
from support.simulator import InProcess

SSL = "rds:DescribeDBInstanceSSL"
MODIFY = "ModifyDBInstanceSSL"
PG = "acs:rds:cn-hangzhou:1234567890123456:dbinstance/pg"


def statement(**fields: object) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": SSL, "Resource": "*", **fields}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "1", "Statement": list(statements)}


def judge(document: object, action: str = SSL, resource: str = PG, **context: str) -> Verdict:
    request = Request(
        action=action,
        resource=resource,
        context={name.replace("_", ":"): value for name, value in context.items()},
    )
    return read_policy(document).judge(request)


@pytest.mark.parametrize(
    ("actions", "allowed"),
    [
        ("*", True),
        ("rds:*", True),
        ("rds:Describe*", True),
        ("rds:DescribeDBInstanceSS?", True),
        ([SSL], True),
        (["rds:ModifyDBInstanceSSL", SSL], True),
        ("rds:Describe", False),
        ("rds:describedbinstancessl", False),
        ("rds:DescribeDBInstanceSSL?", False),
        ("ecs:*", False),
        ("rds:[A-Z]*", False),
    ],
)
def test_an_action_is_matched_by_its_pattern(actions: object, *, allowed: bool) -> None:
    assert (judge(policy(statement(Action=actions))) is Verdict.ALLOW) is allowed


@pytest.mark.parametrize(
    ("resources", "allowed"),
    [
        ("*", True),
        (PG, True),
        ("acs:rds:*:*:dbinstance/*", True),
        ("acs:rds:cn-hangzhou:*:dbinstance/p*", True),
        (["acs:rds:*:*:dbinstance/other", PG], True),
        ("acs:rds:cn-beijing:*:dbinstance/*", False),
        ("acs:rds:*:9999999999999999:dbinstance/*", False),
        ("acs:rds:*:*:dbinstance/pg-2", False),
        ("acs:rds:*:*:dbinstance/p", False),
        ("acs:ecs:*:*:dbinstance/*", False),
    ],
)
def test_a_resource_is_matched_by_its_pattern(resources: object, *, allowed: bool) -> None:
    assert (judge(policy(statement(Resource=resources))) is Verdict.ALLOW) is allowed


@pytest.mark.parametrize("backwards", [False, True])
def test_a_denial_wins_whatever_stands_before_or_after_it(*, backwards: bool) -> None:
    statements = [statement(), statement(Effect="Deny", Action="rds:*")]

    verdict = judge(policy(*(reversed(statements) if backwards else statements)))

    assert verdict is Verdict.EXPLICIT_DENY


def test_what_no_statement_allows_is_denied() -> None:
    assert judge(policy(statement()), action="rds:ModifyDBInstanceSSL") is Verdict.IMPLICIT_DENY
    assert judge(policy(statement(Effect="Deny")), action="rds:X") is Verdict.IMPLICIT_DENY


def test_all_but_some_actions() -> None:
    document = policy(
        {"Effect": "Allow", "NotAction": ["rds:Modify*", "rds:Delete*"], "Resource": "*"}
    )

    assert judge(document) is Verdict.ALLOW
    assert judge(document, action="rds:ModifyDBInstanceSSL") is Verdict.IMPLICIT_DENY


@pytest.mark.parametrize(
    ("operator", "value", "allowed"),
    [
        ("StringEquals", "1", True),
        ("StringEquals", "0", False),
        ("StringEquals", None, False),
        ("StringNotEquals", "0", True),
        ("StringNotEquals", "1", False),
        ("StringNotEquals", None, True),
        ("StringLike", "1", True),
        ("StringNotLike", "1", False),
        ("StringEqualsIgnoreCase", "TRUE", True),
        ("StringEquals", "TRUE", False),
        ("Bool", "True", True),
    ],
)
def test_a_condition_has_to_hold(operator: str, value: str | None, *, allowed: bool) -> None:
    document = policy(statement(Condition={operator: {"rds:SSLEnabled": ["1", "true"]}}))

    verdict = judge(document, **({} if value is None else {"rds_SSLEnabled": value}))

    assert (verdict is Verdict.ALLOW) is allowed


def test_all_conditions_of_a_statement_have_to_hold() -> None:
    condition = {
        "StringLike": {"rds:SSLEnabled": "*"},
        "StringNotEquals": {"rds:SSLEnabled": "0"},
    }
    document = policy(statement(Condition=condition))

    assert judge(document, rds_SSLEnabled="1") is Verdict.ALLOW
    assert judge(document, rds_SSLEnabled="0") is Verdict.IMPLICIT_DENY


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("{", "JSON"),
        ("[" * 100_000, "JSON"),
        ([], "object"),
        ({"Statement": [statement()]}, "Version"),
        ({"Version": "2012-10-17", "Statement": [statement()]}, "Version"),
        ({"Version": "1"}, "no Statement"),
        (policy(), "one statement"),
        ({"Version": "1", "Statement": statement()}, "list"),
        ({**policy(statement()), "Id": "x"}, "Id"),
        (policy(statement(Effect="allow")), "Effect"),
        (policy(statement(Action=[])), "Action"),
        (policy(statement(Action="DescribeDBInstanceSSL")), "service"),
        (policy(statement(NotResource="*")), "NotResource"),
        (policy(statement(Sid="x")), "Sid"),
        (policy(statement(NotAction="rds:X")), "Action"),
        (policy(statement(Resource=1)), "Resource"),
        (policy(statement(Condition=[])), "Condition"),
        (policy(statement(Condition={"IpAddress": {"acs:SourceIp": "10.0.0.0/8"}})), "IpAddress"),
        (policy(statement(Condition={"StringEquals": {"acs:SourceVpc": "v"}})), "acs:SourceVpc"),
        (policy(statement(Condition={"StringEquals": {"rds:ResourceTag/a": "v"}})), "ResourceTag"),
        (policy(statement(Condition={"StringEquals": "x"})), "keys"),
        (policy(statement(Condition={"StringEquals": {"rds:SSLEnabled": 1}})), "SSLEnabled"),
        (policy(statement(Resource="x" * 6144)), "6144"),
    ],
)
def test_what_is_not_simulated_is_refused_and_named(document: object, reason: str) -> None:
    with pytest.raises(PolicyError, match=reason):
        read_policy(document)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Principal": {}}, "Principal"),
        ({"Principal": "*"}, "Principal"),
        ({"Principal": {"AWS": "*"}}, "Principal"),
        ({"Resource": "*"}, "Resource"),
        ({"Condition": {"StringEquals": {"rds:SSLEnabled": "1"}}}, "rds:SSLEnabled"),
    ],
)
def test_a_trust_policy_says_who_and_of_what_it_knows(change: dict[str, Any], reason: str) -> None:
    document = trusts("acs:ram::1:root")
    document["Statement"][0] |= change

    with pytest.raises(PolicyError, match=reason):
        read_trust(document)


def test_a_pattern_of_many_asterisks_takes_no_time() -> None:
    document = policy(statement(Resource="*" * 2000 + "x"))

    assert judge(document, resource="a" * 2000) is Verdict.IMPLICIT_DENY


def test_the_policy_of_a_key_is_asked_at_each_call(rds: InProcess) -> None:
    rds.put_access_key("LTAI5tOne", secret="s", policy=allows("rds:*", on=PG))
    rds.put_access_key("LTAI5tAll", secret="s", policy=allows("rds:*", on=PG[:-2] + "*"))
    one, everything = rds.caller("LTAI5tOne", "s"), rds.caller("LTAI5tAll", "s")

    statuses = [
        one.call("DescribeDBInstanceSSL", DBInstanceId="pg").status_code,
        one.call("DescribeDBInstanceSSL", DBInstanceId="my").status_code,
        one.call("DescribeDBInstances", RegionId="cn-hangzhou").status_code,
        everything.call("DescribeDBInstances", RegionId="cn-hangzhou").status_code,
        everything.call("DescribeDBInstances", RegionId="cn-beijing").status_code,
    ]

    assert statuses == [200, 403, 403, 200, 403]


def test_a_policy_that_is_not_understood_is_refused_when_it_is_given(rds: InProcess) -> None:
    document = policy(statement(Condition={"DateLessThan": {"acs:CurrentTime": "2027"}}))

    with pytest.raises(httpx.HTTPStatusError, match="DateLessThan"):
        rds.put_access_key("LTAI5tLate", secret="s", policy=document)
    with pytest.raises(httpx.HTTPStatusError, match="DateLessThan"):
        rds.put_role("late", trusts("acs:ram::1:root"), policy=document)
    assert "LTAI5tLate" not in json.dumps(rds.admin("GET", "access-keys"))


@pytest.mark.parametrize(
    ("setting", "on", "off"),
    [
        ("request", "OK", "NoPermission"),
        ("words", "OK", "NoPermission"),
        ("absent", "NoPermission", "NoPermission"),
    ],
)
def test_a_condition_sees_what_the_setting_makes_of_the_call(
    rds: InProcess, setting: str, on: str, off: str
) -> None:
    condition = {"StringEquals": {"rds:SSLEnabled": ["1", "true"]}}
    rds.put_access_key(
        "LTAI5tOn",
        secret="s",
        policy=policy(statement(Action="rds:*", Condition=condition)),
    )
    rds.config(ssl_enabled_key=setting)
    caller = rds.caller("LTAI5tOn", "s")

    def change(enabled: str) -> str:
        answer = caller.call(
            MODIFY,
            DBInstanceId="pg",
            ConnectionString="pg.pg.rds.aliyuncs.com",
            SSLEnabled=enabled,
        )
        return str(answer.json().get("Code", "OK"))

    assert [change("0"), change("1")] == [off, on]


def test_a_condition_on_the_state_of_an_instance_sees_whether_ssl_is_on(rds: InProcess) -> None:
    condition = {"StringEquals": {"rds:SSLEnabled": "1"}}
    document = policy(statement(Action="rds:*", Condition=condition))
    rds.put_access_key("LTAI5tOn", secret="s", policy=document)
    rds.config(ssl_enabled_key="state")
    rds.patch_instance("my", ssl={"enabled": True})
    caller = rds.caller("LTAI5tOn", "s")

    statuses = [
        caller.call(
            MODIFY,
            DBInstanceId=name,
            ConnectionString=rds.instance(name)["endpoints"][0]["host"],
            SSLEnabled="0",
        ).status_code
        for name in ("pg", "my")
    ]

    assert statuses == [403, 200]


def test_an_instance_of_another_account_is_not_found(rds: InProcess) -> None:
    rds.patch_instance("pg", account="9999999999999999")
    rds.put_access_key("LTAI5tOther", secret="s", account="9999999999999999")
    other = rds.caller("LTAI5tOther", "s")

    def listed(answer: httpx.Response) -> list[str]:
        return [each["DBInstanceId"] for each in answer.json()["Items"]["DBInstance"]]

    refused = rds.call("DescribeDBInstanceSSL", DBInstanceId="pg")

    assert refused.json()["Code"] == "InvalidDBInstanceId.NotFound"
    assert other.call("DescribeDBInstanceSSL", DBInstanceId="pg").status_code == 200
    assert listed(rds.call("DescribeDBInstances", RegionId="cn-hangzhou")) == ["my"]
    assert listed(other.call("DescribeDBInstances", RegionId="cn-hangzhou")) == ["pg", "my"]
