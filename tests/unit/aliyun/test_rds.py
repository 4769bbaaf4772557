"""The operations of RDS: what goes out, what comes back, and what never does."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.identity.providers import StaticProvider
from rds_ssl.aliyun.rate_limit import BURST, RateLimiter
from rds_ssl.aliyun.rds import LONGEST_PAUSE, RdsApi
from rds_ssl.aliyun.transport import Transport
from rds_ssl.core.errors import ApiError, NoAnswer, ObservationError
from rds_ssl.core.model import Observed, Priority
from rds_ssl.core.rds import responses
from rds_ssl.core.secret_text import SecretText
from support import pki

KEY = "-----BEGIN PRIVATE KEY-----\nMIIEthisIsTheInstancesPrivateKey\n-----END PRIVATE KEY-----\n"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Wire:
    """An API that gives the same answer to all requests, and remembers their parameters."""

    def __init__(self, body: object, *, status: int = 200, **headers: str) -> None:
        self._answer = (status, body, {k.replace("_", "-"): v for k, v in headers.items()})
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.limiter = RateLimiter(1)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        fields = parse_qs(request.content.decode(), strict_parsing=True)
        self.requests.append(
            (request.headers["x-acs-action"], {name: value[0] for name, value in fields.items()})
        )
        status, body, headers = self._answer
        return httpx.Response(status, json=body, headers=headers)

    def use(self, work: Callable[[RdsApi], Coroutine[Any, Any, Any]]) -> Any:  # noqa: ANN401
        async def main() -> Any:  # noqa: ANN401
            async with httpx.MockTransport(self) as client:
                return await work(
                    RdsApi(
                        transport=Transport(client, now=lambda: NOW),
                        endpoint="https://rds.example.com",
                        provider=StaticProvider(
                            Credentials(
                                access_key_id="LTAI5tX", access_key_secret=SecretText("hush")
                            )
                        ),
                        limiter=self.limiter,
                    )
                )

        return asyncio.run(main())


def describe(api: RdsApi) -> Coroutine[Any, Any, Observed]:
    return api.describe_ssl("rm-1", "cn-hangzhou", priority=Priority.RESYNC, engine="MySQL")


@pytest.mark.parametrize("depth", [100, 700])
def test_an_answer_nested_deeper_than_can_be_looked_through_is_unreadable(depth: int) -> None:
    nested: list[object] = []
    for _ in range(depth):
        nested = [nested]
    wire = Wire({"RequestId": "R", "SSLEnabled": "Yes", "Deep": nested})

    if depth == 100:
        assert wire.use(describe) == Observed(enabled=True)
    else:
        with pytest.raises(NoAnswer, match="unreadable answer"):
            wire.use(describe)


def test_a_description_asks_for_one_instance_and_gives_facts() -> None:
    wire = Wire({"RequestId": "R", "SSLEnabled": "Yes", "ForceEncryption": 1})

    observed = wire.use(describe)

    assert observed == Observed(enabled=True, force_encryption=True)
    assert wire.requests == [
        ("DescribeDBInstanceSSL", {"DBInstanceId": "rm-1", "RegionId": "cn-hangzhou"})
    ]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"ServerKey": KEY}, id="where it is documented"),
        pytest.param({"serverKey": KEY, "SERVERKEY": KEY}, id="in another case"),
        pytest.param(
            {"items": [{"ServerKey": KEY}], "Deep": {"x": {"ServerKey": KEY}}}, id="deeper"
        ),
    ],
)
def test_the_private_key_in_an_answer_is_in_nothing_that_comes_out(body: dict[str, object]) -> None:
    observed = Wire({"SSLEnabled": "on", "CAType": "custom", **body}).use(
        lambda api: api.describe_ssl("pgm-1", "", priority=Priority.RESYNC, engine="PostgreSQL")
    )

    assert KEY not in _reachable_texts(observed)
    assert observed == Observed(enabled=True, ca_type=observed.ca_type)


def test_the_private_key_is_gone_before_the_answer_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    handed_on: list[object] = []

    def read_ssl(fields: object, _engine: str | None, **_fields: object) -> Observed:
        handed_on.append(fields)
        return Observed(enabled=True)

    monkeypatch.setattr(responses, "read_ssl", read_ssl)

    Wire({"SSLEnabled": "on", "serverkey": KEY, "items": [{"ServerKey": KEY, "A": 1}]}).use(
        describe
    )

    assert handed_on == [{"SSLEnabled": "on", "items": [{"A": 1}]}]


def test_an_answer_that_cannot_be_read_shows_no_key_in_its_error() -> None:
    wire = Wire({"SSLEnabled": "on", "ACL": "?", "ServerKey": KEY})

    with pytest.raises(ObservationError) as caught:
        wire.use(describe)

    # The traceback's frames are left out: they are of functions that have seen no key.
    assert KEY not in _reachable_texts((caught.value.args, vars(caught.value)))


def _reachable_texts(root: object) -> set[str]:
    seen: set[int] = set()
    texts: set[str] = set()
    pending = [root]
    while pending:
        thing = pending.pop()
        if id(thing) in seen or isinstance(thing, type):
            continue
        seen.add(id(thing))
        if isinstance(thing, str):
            texts.add(thing)
        pending += gc.get_referents(thing)
    return texts


def test_an_empty_list_of_instances_is_an_instance_not_found() -> None:
    wire = Wire({"RequestId": "R7", "Items": {"DBInstanceAttribute": []}})

    with pytest.raises(ApiError) as caught:
        wire.use(lambda api: api.describe_attribute("rm-1", "", priority=Priority.RESYNC))

    assert (caught.value.code, caught.value.request_id) == ("InvalidDBInstanceId.NotFound", "R7")
    assert wire.requests == [("DescribeDBInstanceAttribute", {"DBInstanceId": "rm-1"})]


def test_an_instance_is_described() -> None:
    item = {"Engine": "MySQL", "EngineVersion": "8.0", "DBInstanceStatus": "Rebooting"}
    wire = Wire({"Items": {"DBInstanceAttribute": [item]}})

    instance = wire.use(lambda api: api.describe_attribute("rm-1", "", priority=Priority.RESYNC))

    assert (instance.engine, instance.status, instance.running) == ("MySQL", "Rebooting", False)


def test_the_endpoints_of_an_instance_are_asked_for() -> None:
    entry = {"ConnectionString": "rm-1.mysql.rds.aliyuncs.com", "Port": 3306}
    wire = Wire({"DBInstanceNetInfos": {"DBInstanceNetInfo": [entry]}})

    (endpoint,) = wire.use(
        lambda api: api.describe_endpoints("rm-1", "cn-hangzhou", priority=Priority.CHANGE)
    )

    assert (endpoint.host, endpoint.port) == ("rm-1.mysql.rds.aliyuncs.com", 3306)
    assert wire.requests == [
        ("DescribeDBInstanceNetInfo", {"DBInstanceId": "rm-1", "RegionId": "cn-hangzhou"})
    ]


def test_the_rows_of_pg_hba_conf_that_demand_ssl_are_asked_for() -> None:
    rows = [{"Type": "hostssl", "Database": "all"}, {"Type": "host", "Database": "all"}]
    wire = Wire({"RunningHbaItems": {"HbaItem": rows}})

    found = wire.use(lambda api: api.describe_hostssl_rows("pgm-1", "", priority=Priority.CHANGE))

    assert found == ("hostssl all",)
    assert wire.requests == [("DescribePGHbaConfig", {"DBInstanceId": "pgm-1"})]


def modify(api: RdsApi) -> Coroutine[Any, Any, str]:
    return api.modify_ssl("pgm-1", "cn-hangzhou", {"SSLEnabled": "1", "ServerKey": SecretText(KEY)})


def test_a_change_is_sent_as_given_and_answered_by_its_request_id() -> None:
    wire = Wire({"RequestId": "7B4C-1"})

    assert wire.use(modify) == "7B4C-1"
    assert wire.requests == [
        (
            "ModifyDBInstanceSSL",
            {
                "SSLEnabled": "1",
                "ServerKey": KEY,
                "DBInstanceId": "pgm-1",
                "RegionId": "cn-hangzhou",
            },
        )
    ]


@pytest.mark.parametrize("body", [{}, {"RequestId": ""}, {"RequestId": 7}])
def test_success_without_a_request_id_leaves_the_outcome_open(body: dict[str, object]) -> None:
    with pytest.raises(NoAnswer, match="without RequestId"):
        Wire(body).use(modify)


def test_a_change_takes_the_token_that_was_reserved_and_no_other() -> None:
    wire = Wire({"RequestId": "R"})

    async def work(api: RdsApi) -> None:
        for _ in range(BURST):
            await api.reserve(Priority.CHANGE)
        # The bucket is empty: whatever waits for a token now, waits for a second.
        await asyncio.wait_for(modify(api), 0.5)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(describe(api), 0.05)

    wire.use(work)

    assert [action for action, _ in wire.requests] == ["ModifyDBInstanceSSL"]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"x_acs_retry_after": "30000"}, 30, id="the API's hint"),
        pytest.param({"retry_after": "86400"}, LONGEST_PAUSE, id="a hint that is too long"),
        pytest.param({}, 2, id="no hint"),
    ],
)
def test_a_throttled_call_pauses_its_operation(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], seconds: float
) -> None:
    wire = Wire({"Code": "Throttling.User"}, status=400, **headers)
    pauses: list[tuple[str, float, str]] = []

    def pause(action: str, until: float, code: str) -> None:
        pauses.append((action, until - asyncio.get_running_loop().time(), code))

    monkeypatch.setattr(wire.limiter, "pause", pause)

    with pytest.raises(ApiError, match=r"Throttling\.User"):
        wire.use(describe)

    about = pytest.approx(seconds, abs=0.5)
    assert pauses == [("DescribeDBInstanceSSL", about, "Throttling.User")]


def test_a_throttled_change_leaves_the_reads_that_watch_it_alone() -> None:
    wire = Wire({"Code": "Throttling.User"}, status=400, x_acs_retry_after="60000")

    async def work(api: RdsApi) -> None:
        await api.reserve(Priority.CHANGE)
        with pytest.raises(ApiError, match=r"Throttling\.User"):
            await modify(api)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(api.reserve(Priority.IN_FLIGHT), 0.05)
        # It is answered the same; that it is sent is the point.
        with pytest.raises(ApiError, match=r"Throttling\.User"):
            await asyncio.wait_for(describe(api), 5)

    wire.use(work)

    assert [action for action, _ in wire.requests] == [
        "ModifyDBInstanceSSL",
        "DescribeDBInstanceSSL",
    ]


def test_another_refusal_pauses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire({"Code": "InvalidSSLStatus"}, status=400)
    monkeypatch.setattr(wire.limiter, "pause", lambda _action, _until: pytest.fail("paused"))

    with pytest.raises(ApiError, match="InvalidSSLStatus"):
        wire.use(modify)


def test_a_key_that_comes_beside_its_echo_is_in_neither() -> None:
    key = pki.key_pem(pki.make_key()).decode()
    line = key.splitlines()[1]
    wire = Wire(
        {
            "RequestId": "R",
            "SSLEnabled": "Yes",
            "ServerKey": key,
            "LastModifyStatus": "failed",
            "ModifyStatusReason": f"cannot read {line[:40]} {line}, nor {line}",
        }
    )

    observed = wire.use(describe)

    assert line[:32] not in repr(observed)
    assert observed.modify_status_reason == "cannot read … …, nor …"


def test_a_word_that_echoes_a_key_is_not_told_in_the_error() -> None:
    line = pki.key_pem(pki.make_key()).decode().splitlines()[1]
    wire = Wire({"RequestId": "R", "SSLEnabled": line})

    with pytest.raises(ObservationError) as caught:
        wire.use(describe)

    assert str(caught.value) == 'SSLEnabled has the value "…", which is not understood'
    assert line[:24] not in str(caught.value)


def test_a_certificate_is_read_whatever_it_has_in_common_with_the_key_beside_it() -> None:
    # Both have the public half, which by chance of where it stands makes whole lines the same.
    root = pki.make_root("Shop")
    for length in range(1, 65):
        leaf = root.leaf("a" * length)
        wire = Wire(
            {
                "RequestId": "R",
                "SSLEnabled": "Yes",
                "ServerCert": leaf.pem.decode(),
                "ServerKey": leaf.key_pem().decode(),
            }
        )

        observed = wire.use(describe)

        assert observed.server_certificate is not None
        assert observed.server_certificate.sha256 == leaf.sha256
        assert observed.server_certificate.unreadable == ""


def test_a_short_line_of_a_key_is_not_told_either() -> None:
    line = "aShortLineOfAKey+/=="
    key = f"-----BEGIN PRIVATE KEY-----\n{'x' * 64}\n{line}\n-----END PRIVATE KEY-----\n"
    wire = Wire({"SSLEnabled": "No", "ServerKey": key, "ModifyStatusReason": f"end {line} bad"})

    assert wire.use(describe).modify_status_reason == "end … bad"
