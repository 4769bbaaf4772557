"""Which signature an endpoint gets: found out by a read, remembered, and never by a write."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.identity.providers import StaticProvider
from rds_ssl.aliyun.rate_limit import BURST, RateLimiter
from rds_ssl.aliyun.rds import RdsApi
from rds_ssl.aliyun.transport import Transport
from rds_ssl.core.errors import ApiError, NoAnswer
from rds_ssl.core.model import Priority
from rds_ssl.core.secret_text import SecretText

ENDPOINT = "https://rds.example.com"
OTHER = "https://rds.cn-chengdu.example.com"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIEthisIsTheInstancesPrivateKey\n-----END PRIVATE KEY-----\n"
CREDENTIALS = Credentials(
    access_key_id="LTAI5tX",
    access_key_secret=SecretText("hush-hush-hush"),
    security_token=SecretText("CAISEXAMPLE//+=SecurityToken"),
)
READ, WRITE = "DescribeDBInstanceSSL", "ModifyDBInstanceSSL"
OK: dict[str, object] = {"RequestId": "R"}
ON: dict[str, object] = {"SSLEnabled": "Yes"}

Answer = httpx.Response | Exception


class Gateway:
    """Gives one answer to V3 requests and another to V1 requests; notes which came, and to whom."""

    def __init__(self, *, v3: Callable[[], Answer], v1: Callable[[], Answer]) -> None:
        self.answers = {"V3": v3, "V1": v1}
        self.seen: list[str] = []
        self.requests: list[httpx.Request] = []
        self.counted: list[tuple[str, str]] = []
        self.held: asyncio.Event | None = None
        """All V3 requests but the first are answered when this is set."""

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        dialect = "V3" if "authorization" in request.headers else "V1"
        self.requests.append(request)
        self.seen.append(dialect)
        is_first = len(self.seen) == 1
        # Those that are about to send do it before this one is answered.
        await asyncio.sleep(0)
        if self.held is not None and dialect == "V3" and not is_first:
            await self.held.wait()
        answer = self.answers[dialect]()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def use(self, work: Callable[[Transport], Coroutine[Any, Any, Any]]) -> Any:  # noqa: ANN401
        clock = iter(range(10_000))

        async def main() -> Any:  # noqa: ANN401
            async with httpx.MockTransport(self) as client:
                transport = Transport(
                    client,
                    now=lambda: datetime(2026, 1, 2, tzinfo=UTC) + timedelta(seconds=next(clock)),
                    on_call=self._count,
                )
                return await work(transport)

        return asyncio.run(main())

    def _count(self, action: str, outcome: str, _seconds: float) -> None:
        self.counted.append((action, outcome))
        if self.held is not None and outcome == "OK":
            self.held.set()

    def form(self, number: int) -> dict[str, str]:
        fields = parse_qs(self.requests[number].content.decode(), strict_parsing=True)
        return {name: value[0] for name, value in fields.items()}


def told(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name.startswith("rds_ssl.")]


def says(code: str, status: int = 400) -> Callable[[], Answer]:
    return lambda: httpx.Response(status, json={"Code": code})


def succeeds() -> Answer:
    return httpx.Response(200, json=OK)


async def read(transport: Transport, endpoint: str = ENDPOINT) -> dict[str, object]:
    return await transport.call(READ, {"DBInstanceId": "x"}, CREDENTIALS, endpoint, write=False)


async def write(transport: Transport) -> dict[str, object]:
    parameters = {"DBInstanceId": "x", "ServerKey": SecretText(KEY)}
    return await transport.call(WRITE, parameters, CREDENTIALS, ENDPOINT, write=True)


@pytest.mark.parametrize(
    "code",
    ["MissingAction", "MissingVersion", "MissingParameter", "MissingAccessKeyId", "MissingDBName"],
)
def test_a_read_that_nobody_has_read_is_repeated_as_v1_which_is_remembered(
    code: str, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = Gateway(v3=says(code), v1=succeeds)

    async def work(transport: Transport) -> None:
        assert await read(transport) == OK
        assert await read(transport) == OK
        assert await write(transport) == OK

    with caplog.at_level(logging.INFO):
        gateway.use(work)

    assert gateway.seen == ["V3", "V1", "V1", "V1"]
    assert gateway.counted == [(READ, code), (READ, "OK"), (READ, "OK"), (WRITE, "OK")]
    (record,) = told(caplog)
    assert (record.levelname, vars(record)["endpoint"]) == ("INFO", ENDPOINT)


def test_v1_has_everything_in_a_form_body_and_each_attempt_its_own_nonce_and_time() -> None:
    gateway = Gateway(v3=says("MissingAction"), v1=succeeds)

    async def work(transport: Transport) -> None:
        await read(transport)
        await write(transport)

    gateway.use(work)

    first, (probe, sent) = gateway.requests[0].headers, (gateway.form(1), gateway.form(2))
    assert {str(request.url) for request in gateway.requests} == {ENDPOINT}
    assert {request.headers["content-type"] for request in gateway.requests} == {
        "application/x-www-form-urlencoded"
    }
    assert sent["Action"] == WRITE
    assert sent["Version"] == "2014-08-15"
    assert sent["Format"].upper() == "JSON"
    assert (sent["ServerKey"], sent["SecurityToken"]) == (KEY, "CAISEXAMPLE//+=SecurityToken")
    nonces = {first["x-acs-signature-nonce"], probe["SignatureNonce"], sent["SignatureNonce"]}
    times = {first["x-acs-date"], probe["Timestamp"], sent["Timestamp"]}
    assert (len(nonces), len(times)) == (3, 3)
    assert not any(name.startswith("x-acs") for name in gateway.requests[1].headers)


def test_a_write_is_never_repeated_and_never_the_probe() -> None:
    gateway = Gateway(v3=says("MissingAction"), v1=succeeds)

    async def work(transport: Transport) -> None:
        for _ in range(2):
            with pytest.raises(ApiError, match="MissingAction"):
                await write(transport)

    gateway.use(work)

    assert gateway.seen == ["V3", "V3"]


@pytest.mark.parametrize(
    "code", ["MissingParameter", "InvalidSignatureMethod", "IncompleteSignature"]
)
def test_if_nobody_reads_v1_either_it_stays_v3_and_its_error_is_the_result(code: str) -> None:
    gateway = Gateway(v3=says("MissingAction"), v1=says(code))

    async def work(transport: Transport) -> None:
        for call in (read, read, write):
            with pytest.raises(ApiError, match="MissingAction"):
                await call(transport)

    gateway.use(work)

    assert gateway.seen == ["V3", "V1", "V3", "V1", "V3"]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("InvalidDBInstanceId.NotFound", 404),
        ("SignatureDoesNotMatch", 400),
        ("NoPermission", 403),
    ],
)
def test_v1_is_remembered_for_any_answer_that_shows_it_was_read(code: str, status: int) -> None:
    gateway = Gateway(v3=says("MissingAction"), v1=says(code, status))

    async def work(transport: Transport) -> None:
        for _ in range(2):
            with pytest.raises(ApiError, match=code):
                await read(transport)

    gateway.use(work)

    assert gateway.seen == ["V3", "V1", "V1"]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(says("Throttling.User"), id="throttled"),
        pytest.param(says("ServiceUnavailable", 503), id="an outage"),
        pytest.param(lambda: httpx.ReadTimeout("slow"), id="no answer"),
    ],
)
def test_an_answer_that_proves_nothing_leaves_it_open(answer: Callable[[], Answer]) -> None:
    gateway = Gateway(v3=says("MissingAction"), v1=answer)

    async def work(transport: Transport) -> None:
        for _ in range(2):
            with pytest.raises((ApiError, NoAnswer)) as caught:
                await read(transport)
            assert "Missing" not in str(caught.value)

    gateway.use(work)

    assert gateway.seen == ["V3", "V1", "V3", "V1"]


@pytest.mark.parametrize(
    "code", ["MissingSecurityToken", "InvalidSignatureMethod", "NoPermission", "Throttling"]
)
def test_any_other_refusal_is_no_reason_for_v1(code: str) -> None:
    gateway = Gateway(v3=says(code), v1=succeeds)

    async def work(transport: Transport) -> None:
        with pytest.raises(ApiError, match=code):
            await read(transport)

    gateway.use(work)

    assert gateway.seen == ["V3"]


def test_where_v3_has_been_taken_a_parameter_that_is_missing_stays_its_error() -> None:
    gateway = Gateway(v3=succeeds, v1=says("MissingDBInstanceId"))

    async def work(transport: Transport) -> None:
        await read(transport)
        gateway.answers["V3"] = says("MissingDBInstanceId")
        with pytest.raises(ApiError, match="MissingDBInstanceId"):
            await read(transport)
        gateway.answers["V3"] = succeeds
        await read(transport)

    gateway.use(work)

    assert gateway.seen == ["V3", "V3", "V1", "V3"]


def test_an_answer_from_in_front_of_the_api_does_not_keep_v1_away_for_good() -> None:
    gateway = Gateway(v3=lambda: httpx.Response(200, json={"RequestId": "x"}), v1=succeeds)

    async def work(transport: Transport) -> None:
        await read(transport)
        gateway.answers["V3"] = says("MissingAction")
        await read(transport)
        await read(transport)

    gateway.use(work)

    assert gateway.seen == ["V3", "V3", "V1", "V1"]


def test_what_one_endpoint_takes_says_nothing_about_another() -> None:
    gateway = Gateway(v3=says("MissingAction"), v1=succeeds)

    async def work(transport: Transport) -> None:
        await read(transport)
        gateway.answers["V3"] = succeeds
        await read(transport, OTHER)
        await read(transport, f"{ENDPOINT}/")

    gateway.use(work)

    assert gateway.seen == ["V3", "V1", "V3", "V1"]


def test_reads_that_find_it_out_at_the_same_time_all_succeed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gateway = Gateway(v3=says("MissingAction"), v1=succeeds)

    async def work(transport: Transport) -> None:
        gateway.held = asyncio.Event()
        assert await asyncio.gather(*(read(transport) for _ in range(5))) == [OK] * 5

    with caplog.at_level(logging.INFO):
        gateway.use(work)

    assert gateway.seen == ["V3"] * 5 + ["V1"] * 5
    # The first had learned it before the second was refused.
    outcomes = [outcome for _, outcome in gateway.counted]
    assert outcomes[:3] == ["MissingAction", "OK", "MissingAction"]
    assert len(told(caplog)) == 1


def test_the_second_attempt_of_a_read_takes_no_second_token() -> None:
    gateway = Gateway(v3=says("MissingAction"), v1=lambda: httpx.Response(200, json={**OK, **ON}))

    async def work(transport: Transport) -> None:
        # A token in a year: all there are is a full bucket.
        api = RdsApi(
            transport=transport,
            endpoint=ENDPOINT,
            provider=StaticProvider(CREDENTIALS),
            limiter=RateLimiter(1 / 31_536_000),
        )
        for _ in range(BURST):
            observed = api.describe_ssl("x", "", priority=Priority.CHANGE, engine="MySQL")
            assert (await asyncio.wait_for(observed, 5)).enabled

    gateway.use(work)

    assert gateway.seen == ["V3", *["V1"] * BURST]
