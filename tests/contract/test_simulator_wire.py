"""The simulator as a program: sockets, faults of the connection, start and end."""

import asyncio
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from rds_simulator.cloud import Cloud
from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.identity.providers import StaticProvider
from rds_ssl.aliyun.rate_limit import RateLimiter
from rds_ssl.aliyun.rds import RdsApi
from rds_ssl.aliyun.transport import Transport, make_http_transport
from rds_ssl.core.errors import ApiError
from rds_ssl.core.model import Priority
from rds_ssl.core.secret_text import SecretText
from support import pki
from support.polling import patience
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET, Caller, Simulator

SSL = "DescribeDBInstanceSSL"
END_SECONDS = 10.0
"""Until a program has ended: 0.1 s on an idle machine."""


@pytest.fixture(scope="module")
def program() -> Iterator[Simulator]:
    """A running simulator; instances are made by each test."""
    with Simulator("--access-key", "LTAI5tExtra:extra-secret") as program:
        yield program


@pytest.fixture
def rds(program: Simulator) -> Simulator:
    """The running simulator with one fresh PostgreSQL, ``pg``, and an empty ledger."""
    program.put_instance("pg")
    program.clear_faults()
    program.clear_calls()
    return program


@pytest.fixture
def caller(program: Simulator) -> Iterator[Caller]:
    """A client that signs; its connections are closed afterwards."""
    caller = Caller(program.url)
    yield caller
    caller.close()


def modify(caller: Caller) -> httpx.Response:
    return caller.call(
        "ModifyDBInstanceSSL",
        DBInstanceId="pg",
        ConnectionString="pg.pg.rds.aliyuncs.com",
        SSLEnabled="1",
    )


def test_parameters_are_taken_from_the_query_and_the_form(rds: Simulator, caller: Caller) -> None:
    in_query = caller.call(SSL, place="query", DBInstanceId="pg")
    in_form = caller.call(SSL, place="body", DBInstanceId="pg")

    assert (in_query.status_code, in_form.status_code) == (200, 200)
    assert [call["place"] for call in rds.calls()] == ["query", "body"]


def test_a_key_of_the_command_line_may_do_everything(rds: Simulator) -> None:
    caller = Caller(rds.url, key_id="LTAI5tExtra", secret="extra-secret")

    response = caller.call(SSL, DBInstanceId="pg")
    caller.close()

    assert response.status_code == 200


def test_a_change_is_accepted_over_the_wire(rds: Simulator, caller: Caller) -> None:
    response = modify(caller)
    rds.clock(advance=60)

    assert response.status_code == 200
    assert caller.call(SSL, DBInstanceId="pg").json()["SSLEnabled"] == "on"
    assert rds.instance("pg")["restarts"] == 1


@pytest.mark.parametrize(("kind", "accepted"), [("reset-before", 0), ("reset-after", 1)])
def test_a_reset_cuts_the_connection_without_an_answer(
    rds: Simulator, caller: Caller, kind: str, accepted: int
) -> None:
    rds.fault({"kind": kind}, action="ModifyDBInstanceSSL")

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        modify(caller)

    assert rds.instance("pg")["accepted"] == accepted


def test_a_delayed_answer_comes_late(rds: Simulator, caller: Caller) -> None:
    rds.fault({"kind": "delay", "seconds": 0.2})

    response = caller.call(SSL, DBInstanceId="pg")

    assert response.status_code == 200
    assert response.elapsed.total_seconds() >= 0.2


@contextlib.contextmanager
def held_back(url: str, caller: Caller) -> Iterator[socket.socket]:
    """A connection whose call has been sent and not answered."""
    address = httpx.URL(url)
    request = caller.request(SSL, DBInstanceId="pg")
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection((address.host, address.port or 80)) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\n{head}\r\n".encode() + request.content)
        yield connection


def test_a_slow_answer_does_not_hold_up_the_others(rds: Simulator, caller: Caller) -> None:
    rds.fault({"kind": "delay", "seconds": 60})

    with held_back(rds.url, caller) as connection:
        wait_until(lambda: bool(rds.calls()))
        response = caller.call(SSL, DBInstanceId="pg")

        assert response.status_code == 200
        assert not select.select([connection], [], [], 0)[0]


def test_an_answer_that_is_held_back_does_not_hold_up_the_end() -> None:
    with Simulator() as rds:
        rds.fault({"kind": "delay", "seconds": 60})
        caller = Caller(rds.url)
        with held_back(rds.url, caller) as connection:
            wait_until(lambda: bool(rds.calls()))
            os.kill(rds.pid, signal.SIGTERM)

            connection.settimeout(patience(2.0))
            assert connection.recv(1) == b""
        caller.close()


def wait_until(condition: Callable[[], bool]) -> None:
    """Look again and again, each time over the wire, for END_SECONDS at most."""
    deadline = time.monotonic() + patience(END_SECONDS)
    while not condition():
        assert time.monotonic() < deadline, "it never happened"


def test_an_html_page_of_a_proxy_is_no_json(rds: Simulator, caller: Caller) -> None:
    rds.fault({"kind": "html"})

    response = caller.call(SSL, DBInstanceId="pg")

    assert response.status_code == 502
    assert response.headers["content-type"] == "text/html"


def test_every_answer_has_one_date_which_shows_the_gateways_clock(
    rds: Simulator, caller: Caller
) -> None:
    rds.clock(skew=-86400)
    response = caller.call(SSL, DBInstanceId="pg")
    rds.clock(skew=0)

    assert response.json()["Code"] == "InvalidTimeStamp.Expired"
    assert len(response.headers.get_list("date")) == 1


def test_a_url_that_is_too_long_is_refused_by_the_gateway(rds: Simulator, caller: Caller) -> None:
    response = caller.call(SSL, place="query", DBInstanceId="pg", ServerKey="k" * 9000)

    assert response.status_code == 400
    assert rds.calls() == []


def test_a_large_body_is_taken(rds: Simulator, caller: Caller) -> None:
    response = caller.call(SSL, DBInstanceId="pg", ClientCACert="c" * 500_000)

    assert response.status_code == 200
    assert rds.calls()[-1]["body_parameters"] == ["ClientCACert", "DBInstanceId"]


async def _as_the_operator_does(url: str, leaf: pki.Leaf) -> tuple[bool, str, int]:
    """Read, change, read; give whether SSL was on, the change's id, the rows that demand SSL."""
    async with make_http_transport() as client:
        api = RdsApi(
            transport=Transport(client, now=lambda: datetime.now(UTC)),
            endpoint=url,
            provider=StaticProvider(
                Credentials(
                    access_key_id=ACCESS_KEY_ID, access_key_secret=SecretText(ACCESS_KEY_SECRET)
                )
            ),
            limiter=RateLimiter(0),
        )
        before = await api.describe_ssl("pg", "cn-hangzhou", priority=Priority.CHANGE)
        endpoints = await api.describe_endpoints("pg", "cn-hangzhou", priority=Priority.CHANGE)
        parameters: dict[str, str | SecretText] = {
            "ConnectionString": endpoints[0].host,
            "SSLEnabled": "1",
            "CAType": "custom",
            "ServerCert": leaf.chain_pem.decode(),
            "ServerKey": SecretText(leaf.key_pem().decode()),
        }
        request_id = await api.modify_ssl("pg", "cn-hangzhou", parameters)
        rows = await api.describe_hostssl_rows("pg", "cn-hangzhou", priority=Priority.CHANGE)
    return before.enabled, request_id, len(rows)


@pytest.mark.parametrize(
    ("signatures", "describes"),
    [("v3", ["OK"]), ("any", ["OK"]), ("v1", ["MissingAction", "OK"])],
)
def test_the_operators_client_reads_and_changes_in_whatever_the_gateway_speaks(
    rds: Simulator, signatures: str, describes: list[str]
) -> None:
    rds.patch_instance(
        "pg", hba_rows=[["hostssl", "all", "all", "0.0.0.0/0", "md5"], ["host", "a", "b", "c", "d"]]
    )
    leaf = pki.make_root().leaf("pg.pg.rds.aliyuncs.com")
    rds.config(signatures=signatures)
    try:
        enabled, request_id, rows = asyncio.run(_as_the_operator_does(rds.url, leaf))
    finally:
        rds.config(signatures="any")

    assert (enabled, bool(request_id), rows) == (False, True, 1)
    calls = rds.calls()
    assert [call["code"] for call in calls if call["action"] == SSL] == describes
    (modify,) = rds.calls(action="ModifyDBInstanceSSL")
    assert (modify["code"], modify["accepted"]) == ("OK", True)
    assert ("Signature" in modify["body_parameters"]) == (signatures == "v1")
    assert {call["place"] for call in calls} == {"body"}
    assert rds.stats()["keys_in_url"] == 0


async def _denied(url: str) -> ApiError:
    async with make_http_transport() as client:
        transport = Transport(client, now=lambda: datetime.now(UTC))
        credentials = Credentials(access_key_id="LTAI5tNobody", access_key_secret=SecretText("s"))
        with pytest.raises(ApiError) as caught:
            await transport.call(SSL, {"DBInstanceId": "pg"}, credentials, url, write=False)
    return caught.value


@pytest.mark.parametrize("signatures", ["v1", "v3"])
@pytest.mark.parametrize("errors", ["as-asked", "xml"])
def test_a_refusal_says_the_same_in_json_and_xml(
    rds: Simulator, signatures: str, errors: str
) -> None:
    rds.put_access_key("LTAI5tNobody", secret="s", actions=[])
    rds.config(signatures=signatures, errors=errors)
    try:
        error = asyncio.run(_denied(rds.url))
    finally:
        rds.config(signatures="any", errors="as-asked")

    assert (error.code, error.http_status) == ("NoPermission", 403)
    assert error.request_id
    assert error.message == "You are not authorized to perform this action."
    assert error.access_denied == {
        "AuthAction": f"rds:{SSL}",
        "AuthPrincipalType": "SubUser",
        "AuthPrincipalDisplayName": "user-of-LTAI5tNobody",
        "AuthPrincipalOwnerId": "1234567890123456",
        "NoPermissionType": "ImplicitDeny",
        "PolicyType": "AccountLevelIdentityBasedPolicy",
    }


def start(*arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "rds_simulator", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


@contextlib.contextmanager
def started(*arguments: str) -> Iterator[tuple["subprocess.Popen[bytes]", dict[str, str]]]:
    """A program and the line that it printed."""
    with start(*arguments) as program:
        try:
            assert program.stdout is not None
            yield program, json.loads(program.stdout.readline())
        finally:
            program.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_in_good_order(number: signal.Signals) -> None:
    with started() as (program, line), httpx.Client(trust_env=False) as client:
        # The connection stays open and must not keep it alive.
        client.get(f"{line['admin_url']}/stats")

        program.send_signal(number)

        assert program.wait(patience(END_SECONDS)) == 0


def test_it_ends_with_its_standard_input_if_told_to() -> None:
    with started("--exit-with-stdin") as (program, _):
        assert program.stdin is not None
        program.stdin.close()

        assert program.wait(patience(END_SECONDS)) == 0


def test_one_line_of_json_says_where_it_listens() -> None:
    with started() as (_, line):
        assert set(line) == {"url", "admin_url"}
        assert httpx.get(f"{line['admin_url']}/clock", trust_env=False).status_code == 200


def test_instances_that_it_was_told_of_are_there_from_the_start() -> None:
    told = ("--instance=pg-1=postgresql-14", "--instance=my-1=mysql-8.0@cn-shanghai")
    with started(*told) as (_, line):
        shown = httpx.get(f"{line['admin_url']}/instances", trust_env=False).json()["instances"]

    assert {each["id"]: (each["profile"], each["region"]) for each in shown} == {
        "pg-1": ("postgresql-14", "cn-hangzhou"),
        "my-1": ("mysql-8.0", "cn-shanghai"),
    }


def test_a_taken_port_is_an_error_message_not_a_trace(program: Simulator) -> None:
    port = str(httpx.URL(program.url).port)

    ended = subprocess.run(
        [sys.executable, "-m", "rds_simulator", "--port", port],
        capture_output=True,
        text=True,
        timeout=patience(60),
        check=False,
    )

    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert "Traceback" not in ended.stderr


PARENT = """
import os, signal
from support.simulator import Simulator
print(Simulator().pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def is_running(pid: int) -> bool:
    """Whether a process has memory; one that nobody has waited for yet has none."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except FileNotFoundError:
        return False


def test_nothing_is_left_behind_when_the_parent_is_killed() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PARENT],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=patience(60),
        check=False,
    )

    # `run` reads standard error to its end, which the simulator has inherited: it is gone, too.
    assert ended.returncode == -signal.SIGKILL
    assert not is_running(int(ended.stdout))


def test_the_program_and_the_class_give_the_same_answers(rds: Simulator, caller: Caller) -> None:
    request = caller.request(SSL, DBInstanceId="no")

    over_the_wire = caller.send(request)
    in_process = Cloud().handle(
        request.method, str(request.url), request.headers, request.content, caller.now()
    )

    assert rds.calls()[-1]["code"] == "InvalidDBInstanceId.NotFound"
    assert over_the_wire.status_code == in_process.status
    assert {**over_the_wire.json(), "RequestId": ""} == {
        **json.loads(in_process.body),
        "RequestId": "",
    }
