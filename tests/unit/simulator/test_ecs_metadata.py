"""The metadata service: tokens, the machine's role, its credentials, and how it fails."""

import json
from datetime import timedelta

import httpx
import pytest

from rds_simulator.clock import to_wire
from support.identities import ACCOUNT, allows, trusts, trusts_service
from support.simulator import InProcess, Json

TOKEN = "/latest/api/token"
ROLES = "/latest/meta-data/ram/security-credentials/"
TTL = "X-aliyun-ecs-metadata-token-ttl-seconds"
READ = "DescribeDBInstanceSSL"


@pytest.fixture
def machine(rds: InProcess) -> InProcess:
    """A machine with the role ``worker``, which may read."""
    rds.put_role("worker", trusts_service("ecs.aliyuncs.com"), policy=allows("rds:Describe*"))
    rds.metadata(role="worker")
    return rds


def ask(rds: InProcess, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx.Client(transport=rds.transport, base_url=rds.url) as client:
        return client.request(method, path, headers=names)


def token(rds: InProcess, ttl: str = "21600") -> str:
    answer = ask(rds, TOKEN, "PUT", **{TTL: ttl})
    assert answer.status_code == 200
    return answer.text


def credentials(rds: InProcess, given: str | None = None) -> Json:
    headers = {} if given is None else {"X-aliyun-ecs-metadata-token": given}
    answer = ask(rds, f"{ROLES}worker", **headers)
    assert answer.status_code == 200
    body: Json = json.loads(answer.text)
    return body


def may_read(rds: InProcess, body: Json) -> str:
    caller = rds.caller(body["AccessKeyId"], body["AccessKeySecret"], body["SecurityToken"])
    return str(caller.call(READ, DBInstanceId="pg").json().get("Code", "OK"))


def test_the_credentials_are_those_of_the_machines_role(machine: InProcess) -> None:
    name = ask(machine, ROLES)
    body = credentials(machine, token(machine))

    assert name.text == "worker"
    assert set(body) == {
        "Code",
        "AccessKeyId",
        "AccessKeySecret",
        "SecurityToken",
        "Expiration",
        "LastUpdated",
    }
    assert body["Code"] == "Success"
    assert body["Expiration"] == to_wire(machine.now + timedelta(hours=6))
    assert body["LastUpdated"] == to_wire(machine.now)
    assert may_read(machine, body) == "OK"
    principal = f"acs:ram::{ACCOUNT}:assumed-role/worker/i-bp1simulator"
    assert machine.stats()["identities"] == {principal: {READ: {"OK": 1}}}


def test_others_take_their_place_a_while_before_they_end(machine: InProcess) -> None:
    first = credentials(machine)
    machine.advance(5.4 * 3600)
    still = credentials(machine)
    machine.advance(0.1 * 3600)
    second = credentials(machine)

    assert still == first
    assert second["AccessKeyId"] != first["AccessKeyId"]
    assert may_read(machine, first) == "OK"
    machine.advance(0.5 * 3600)
    assert may_read(machine, first) == "InvalidSecurityToken.Expired"
    assert may_read(machine, second) == "OK"


def test_others_take_their_place_once_they_were_ended(machine: InProcess) -> None:
    first = credentials(machine)

    machine.end_sessions("worker")

    assert may_read(machine, first) == "InvalidAccessKeyId.NotFound"
    assert may_read(machine, credentials(machine)) == "OK"


def test_a_token_lasts_as_long_as_was_asked_for(machine: InProcess) -> None:
    given = token(machine, "60")
    headers = {"X-aliyun-ecs-metadata-token": given}

    machine.advance(59)
    in_time = ask(machine, ROLES, **headers)
    machine.advance(1)

    assert in_time.status_code == 200
    assert ask(machine, ROLES, **headers).status_code == 401
    assert ask(machine, ROLES, **{"X-aliyun-ecs-metadata-token": "other"}).status_code == 401


@pytest.mark.parametrize("ttl", ["", "0", "21601", "-1", "1.5", "9" * 30])
def test_a_token_is_given_for_a_second_to_six_hours(machine: InProcess, ttl: str) -> None:
    assert ask(machine, TOKEN, "PUT", **{TTL: ttl}).status_code == 400
    assert machine.metadata()["tokens"] == 0


def test_without_v1_a_token_is_needed(machine: InProcess) -> None:
    machine.metadata(v1=False)

    assert ask(machine, ROLES).status_code == 403
    assert ask(machine, f"{ROLES}worker").status_code == 403
    assert may_read(machine, credentials(machine, token(machine))) == "OK"


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        (f"{ROLES}other", "GET", 404),
        (f"{ROLES}worker/", "GET", 404),
        ("/latest/meta-data/instance-id", "GET", 404),
        (f"{ROLES}worker", "POST", 405),
        (TOKEN, "GET", 405),
    ],
)
def test_there_is_nothing_else(machine: InProcess, path: str, method: str, status: int) -> None:
    assert ask(machine, path, method).status_code == status


def test_a_machine_without_a_role_has_no_credentials(machine: InProcess) -> None:
    machine.metadata(role="")

    assert ask(machine, ROLES).status_code == 404
    assert ask(machine, f"{ROLES}worker").status_code == 404


def test_a_role_that_was_removed_has_no_credentials(machine: InProcess) -> None:
    machine.remove_role("worker")

    assert ask(machine, f"{ROLES}worker").status_code == 404


def test_a_machine_can_only_have_a_role_that_trusts_it(rds: InProcess) -> None:
    rds.put_role("worker", trusts(f"acs:ram::{ACCOUNT}:root"))

    with pytest.raises(httpx.HTTPStatusError, match="ecs"):
        rds.metadata(role="worker")
    with pytest.raises(httpx.HTTPStatusError, match="no role"):
        rds.metadata(role="none")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"code": "x", "status": 404}, (404, "404 Not Found")),
        ({"code": "x", "status": 500}, (500, "<html>")),
        ({"code": "RoleUnauthorized", "status": 200}, (200, '{"Code":"RoleUnauthorized"}')),
        ({"kind": "html"}, (502, "<html>")),
        ({"kind": "html", "status": 200}, (200, "<html>")),
        ({"kind": "empty"}, (200, "")),
        ({"kind": "throttle"}, (429, "429")),
    ],
)
@pytest.mark.parametrize(
    ("action", "path", "method"),
    [
        ("metadata-token", TOKEN, "PUT"),
        ("metadata-role", ROLES, "GET"),
        ("metadata-credentials", f"{ROLES}worker", "GET"),
    ],
)
def test_each_answer_can_be_spoilt(
    machine: InProcess,
    action: str,
    path: str,
    method: str,
    *,
    fault: dict[str, object],
    told: tuple[int, str],
) -> None:
    machine.fault(fault, action=action)

    spoilt, after = (ask(machine, path, method, **{TTL: "60"}) for _ in range(2))

    assert spoilt.status_code == told[0]
    assert told[1] in spoilt.text
    assert "AccessKeySecret" not in spoilt.text
    assert after.status_code == 200


def test_credentials_may_have_ended_when_they_are_given(machine: InProcess) -> None:
    machine.fault({"kind": "expired"}, action="metadata-credentials")

    ended, good = credentials(machine), credentials(machine)

    assert ended["Expiration"] == to_wire(machine.now)
    assert may_read(machine, ended) == "InvalidSecurityToken.Expired"
    assert may_read(machine, good) == "OK"


def test_an_answer_may_be_late_or_never_come(machine: InProcess) -> None:
    machine.fault({"kind": "delay", "seconds": 30}, action="metadata-credentials")
    machine.fault({"kind": "reset-before"}, action="metadata-token")

    with pytest.raises(httpx.ReadTimeout):
        ask(machine, f"{ROLES}worker")
    with pytest.raises(httpx.ReadError):
        token(machine)


def test_requests_are_counted_by_version_and_outcome(machine: InProcess) -> None:
    machine.fault({"kind": "reset-after"}, action="metadata-role")
    with pytest.raises(httpx.ReadError):
        ask(machine, ROLES)
    credentials(machine, token(machine))
    credentials(machine)

    assert machine.stats()["metadata"] == {
        "metadata-credentials": {"v1": {"200": 1}, "v2": {"200": 1}},
        "metadata-role": {"v1": {"reset": 1}},
        "metadata-token": {"v2": {"200": 1}},
    }
    machine.clear_calls()
    assert machine.stats()["metadata"] == {}


def test_no_token_and_no_secret_is_shown(machine: InProcess) -> None:
    given = token(machine)
    body = credentials(machine, given)

    shown = str(machine.metadata()) + str(machine.sessions()) + str(machine.stats())

    assert body["AccessKeyId"] in shown
    for secret in (given, body["AccessKeySecret"], body["SecurityToken"]):
        assert secret not in shown
