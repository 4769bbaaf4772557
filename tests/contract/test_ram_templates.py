"""The templates of deploy/ram: what they allow, whom they trust, and that documents name them."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from rds_simulator.ram_policy import Request, Verdict, read_policy, read_trust
from rds_ssl.aliyun import questions
from rds_ssl.aliyun import rds as client
from rds_ssl.commands import doctor, reading
from support.identities import ACCOUNT, AUDIENCE, SUBJECT, Issuer
from support.ram_templates import FOLDER, NAMES, template
from support.simulator import InProcess

ROOT = Path(__file__).parents[2]
CALLED = frozenset(
    re.findall(r'"((?:Describe|Modify)[A-Za-z]+)"', Path(client.__file__).read_text())
)
"""Operations that the operator's client of RDS calls."""

TRUSTS = tuple(name for name in NAMES if name.startswith("trust-"))
PERMISSIONS = tuple(name for name in NAMES if name not in TRUSTS)
STS = "2015-04-01"


def actions(document: dict[str, Any]) -> set[str]:
    named = [each["Action"] for each in document["Statement"]]
    return {action for each in named for action in (each if isinstance(each, list) else [each])}


def test_there_are_templates_of_both_kinds() -> None:
    assert PERMISSIONS == (
        "assume-listed-roles",
        "enable-never-disable",
        "full",
        "import-and-doctor",
        "named-instances",
        "read-only",
    )
    assert TRUSTS == ("trust-external-id", "trust-rrsa")
    for name in NAMES:
        (read_trust if name in TRUSTS else read_policy)(template(name))


@pytest.mark.parametrize("name", ["full", "named-instances", "enable-never-disable"])
def test_what_is_allowed_is_what_the_operator_calls(name: str) -> None:
    assert actions(template(name)) == {f"rds:{each}" for each in CALLED}


def test_the_commands_that_ask_rds_may_do_that_and_nothing_else() -> None:
    asked = [Path(each.__file__).read_text() for each in (questions, reading, doctor)]
    named = {name for text in asked for name in re.findall(r'"(Describe[A-Za-z]+)"', text)}

    assert actions(template("import-and-doctor")) == {f"rds:{each}" for each in named}


def test_read_only_is_the_same_without_the_one_that_changes() -> None:
    assert actions(template("full")) - actions(template("read-only")) == {"rds:ModifyDBInstanceSSL"}


@pytest.mark.parametrize("action", ["rds:DeleteDBInstance", "rds:ModifySecurityIps", "ecs:X"])
@pytest.mark.parametrize("name", PERMISSIONS)
def test_nothing_else_is_allowed(name: str, action: str) -> None:
    policy = read_policy(template(name))
    resource = f"acs:rds:cn-hangzhou:{ACCOUNT}:dbinstance/pgm-bp1example"

    assert policy.judge(Request(action=action, resource=resource)) is Verdict.IMPLICIT_DENY


def test_no_template_names_another_product_of_rds() -> None:
    for name in PERMISSIONS:
        for each in template(name)["Statement"]:
            resources = each["Resource"]
            for resource in resources if isinstance(resources, list) else [resources]:
                assert re.match(r"acs:rds:[^:]+:[^:]+:dbinstance/|acs:ram::\d+:role/", resource)


def assume_as(rds: InProcess, token: str) -> httpx.Response:
    fields = {
        "Action": "AssumeRoleWithOIDC",
        "Version": STS,
        "Format": "JSON",
        "OIDCProviderArn": f"acs:ram::{ACCOUNT}:oidc-provider/ack-rrsa-c1",
        "OIDCToken": token,
        "RoleArn": f"acs:ram::{ACCOUNT}:role/rds-ssl-operator",
        "RoleSessionName": "rds-ssl",
    }
    with httpx.Client(transport=rds.transport, base_url=rds.url) as http:
        return http.post("/", data=fields)


def test_the_role_for_rrsa_is_the_operators_alone() -> None:
    rds = InProcess()
    trust = template("trust-rrsa", CLUSTER_ID="c1")
    issuer = Issuer(trust["Statement"][0]["Condition"]["StringEquals"]["oidc:iss"])
    rds.put_oidc_provider("ack-rrsa-c1", **issuer.provider(AUDIENCE, "other.example"))
    rds.put_role("rds-ssl-operator", trust)

    tokens = [
        issuer.token(at=rds.now),
        issuer.token("system:serviceaccount:rds-ssl-system:default", at=rds.now),
        issuer.token("system:serviceaccount:default:rds-ssl-operator", at=rds.now),
        issuer.token(at=rds.now, audience="other.example"),
        issuer.token(at=rds.now - timedelta(hours=2)),
    ]

    assert [assume_as(rds, each).status_code for each in tokens] == [200, 401, 401, 401, 401]


def test_the_subject_for_rrsa_is_the_service_account_of_the_manifests() -> None:
    installed = yaml.safe_load_all((ROOT / "deploy" / "install.yaml").read_text())
    (account,) = (each["metadata"] for each in installed if each["kind"] == "ServiceAccount")
    condition = template("trust-rrsa")["Statement"][0]["Condition"]["StringEquals"]

    assert condition["oidc:sub"] == SUBJECT
    assert f"system:serviceaccount:{account['namespace']}:{account['name']}" == SUBJECT
    assert condition["oidc:aud"] == AUDIENCE


def test_a_role_by_external_id_is_for_one_namespace_and_the_operators_role() -> None:
    rds = InProcess()
    operator = f"acs:ram::{ACCOUNT}:role/rds-ssl-operator"
    teams = [f"acs:ram::2345678901234567:role/rds-ssl-team-{team}" for team in "ab"]
    rds.put_role(
        "rds-ssl-operator",
        {
            "Version": "1",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": {"RAM": f"acs:ram::{ACCOUNT}:root"},
                }
            ],
        },
        policy=template("assume-listed-roles"),
    )
    rds.put_role(teams[0], template("trust-external-id"))
    rds.put_role(teams[1], template("trust-external-id", **{"team-a": "team-b"}))
    rds.put_role(f"{teams[0]}-other", template("trust-external-id"))
    user = rds.caller(version=STS)

    own = user.call("AssumeRole", RoleArn=operator, RoleSessionName="rds-ssl").json()
    given = own["Credentials"]
    session = rds.caller(
        given["AccessKeyId"], given["AccessKeySecret"], given["SecurityToken"], STS
    )

    def assume(arn: str, external_id: str, caller: Any = session) -> int:  # noqa: ANN401
        answer = caller.call(
            "AssumeRole", RoleArn=arn, RoleSessionName="rds-ssl", ExternalId=external_id
        )
        return int(answer.status_code)

    assert assume(teams[0], "rds-ssl:team-a") == 200
    assert assume(teams[1], "rds-ssl:team-b") == 200
    assert assume(teams[0], "rds-ssl:team-b") == 403
    assert assume(f"{teams[0]}-other", "rds-ssl:team-a") == 403
    assert assume(teams[0], "rds-ssl:team-a", user) == 403


def test_the_document_names_every_template_and_no_other() -> None:
    page = (ROOT / "docs" / "ram.md").read_text()

    assert set(re.findall(r"`([a-z-]+)\.json`", page)) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_json_as_it_is_written_by_hand(name: str) -> None:
    text = (FOLDER / f"{name}.json").read_text()

    assert text == json.dumps(json.loads(text), indent=2) + "\n"
