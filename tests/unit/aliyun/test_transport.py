"""One call: how it is sent, and what its outcome is."""

import asyncio
import contextlib
import socket
import ssl
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar
from urllib.parse import parse_qs

import httpx
import pytest

from rds_ssl.aliyun import transport as transport_module
from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.exchange import ANSWER_BYTES, MAY_BE_SENT, NOT_SENT
from rds_ssl.aliyun.signing import percent_encode, sign_v3
from rds_ssl.aliyun.transport import Transport
from rds_ssl.core.errors import AliyunError, ApiError, NoAnswer, NotSent
from rds_ssl.core.secret_text import SecretText

ENDPOINT = "https://rds.example.com"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEY_LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
SHORT_KEY_LINE = "hV3a/tail+=="
KEY = f"-----BEGIN PRIVATE KEY-----\n{KEY_LINE}\n{SHORT_KEY_LINE}\n-----END PRIVATE KEY-----\n"
TOKEN = "CAISEXAMPLE//+=SecurityToken"
CREDENTIALS = Credentials(
    access_key_id="LTAI5tX",
    access_key_secret=SecretText("hush-hush-hush"),
    security_token=SecretText(TOKEN),
)
PARAMETERS: Mapping[str, str | SecretText] = {
    "DBInstanceId": "pgm-bp1234567890abcde",
    "ACL": "cert",
    "ServerKey": SecretText(KEY),
}

Handler = Callable[[httpx.Request], httpx.Response]
T = TypeVar("T")


def run(
    handler: Handler,
    *,
    endpoint: str = ENDPOINT,
    write: bool = True,
    use: Callable[[Transport], Coroutine[Any, Any, T]] | None = None,
    calls: list[tuple[str, str, float]] | None = None,
) -> Any:  # noqa: ANN401
    """Make one call, or what *use* makes, through a client whose network is *handler*."""

    async def work() -> Any:  # noqa: ANN401
        async with httpx.MockTransport(handler) as client:
            transport = Transport(
                client,
                user_agent="test/1.0",
                now=lambda: NOW,
                nonce=lambda: "nonce-1",
                on_call=lambda *call: calls.append(call) if calls is not None else None,
            )
            if use is not None:
                return await use(transport)
            return await transport.call(
                "ModifyDBInstanceSSL", PARAMETERS, CREDENTIALS, endpoint, write=write
            )

    return asyncio.run(work())


def answer(status: int, body: object = b"", **headers: str) -> Handler:
    content = body if isinstance(body, bytes) else None
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _request: (
        httpx.Response(status, content=content, headers=named)
        if content is not None
        else httpx.Response(status, json=body, headers=named)
    )


def fail(error: Exception) -> Handler:
    def handler(_request: httpx.Request) -> NoReturn:
        raise error

    return handler


def test_parameters_go_in_a_signed_form_and_not_in_the_url() -> None:
    requests: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json={"RequestId": "R1"})

    assert run(handler) == {"RequestId": "R1"}

    (request,) = requests
    assert (request.method, str(request.url)) == ("POST", ENDPOINT)
    assert parse_qs(request.content.decode(), strict_parsing=True) == {
        "DBInstanceId": ["pgm-bp1234567890abcde"],
        "ACL": ["cert"],
        "ServerKey": [KEY],
    }
    assert b"+" not in request.content
    expected = sign_v3(
        host="rds.example.com",
        action="ModifyDBInstanceSSL",
        version="2014-08-15",
        date="2026-01-02T03:04:05Z",
        nonce="nonce-1",
        access_key_id="LTAI5tX",
        access_key_secret=SecretText("hush-hush-hush"),
        security_token=SecretText(TOKEN),
        body=request.content,
        content_type="application/x-www-form-urlencoded",
    )
    assert {name: request.headers[name] for name in expected} == expected
    assert request.headers["user-agent"] == "test/1.0"


def test_a_port_that_is_not_the_usual_one_is_signed_with_the_host() -> None:
    hosts: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        hosts.append(request.headers["host"])
        return httpx.Response(200, json={})

    run(handler, endpoint="http://127.0.0.1:8080")

    assert hosts == ["127.0.0.1:8080"]


def test_each_call_has_a_nonce_of_its_own() -> None:
    nonces: set[str] = set()

    def handler(request: httpx.Request) -> httpx.Response:
        nonces.add(request.headers["x-acs-signature-nonce"])
        return httpx.Response(200, json={})

    async def work() -> None:
        async with httpx.MockTransport(handler) as client:
            transport = Transport(client, now=lambda: NOW)
            for _ in range(3):
                await transport.call("A", {}, CREDENTIALS, ENDPOINT, write=False)

    asyncio.run(work())

    assert len(nonces) == 3


def test_an_endpoint_that_must_not_get_a_key_gets_nothing() -> None:
    with pytest.raises(ValueError, match="https"):
        run(fail(AssertionError("sent")), endpoint="http://rds.example.com")


def test_an_error_of_the_api_is_told_with_all_that_helps() -> None:
    body = {
        "RequestId": "7B4C-1",
        "HostId": "rds.example.com",
        "Code": "NoPermission",
        "Message": "You are not authorized.",
        "AccessDeniedDetail": {
            "AuthAction": "rds:ModifyDBInstanceSSL",
            "AuthPrincipalDisplayName": "bot",
            "NoPermissionType": "ImplicitDeny",
            "EncodedDiagnosticMessage": "AQ" * 500,
            "PolicyType": None,
        },
    }

    with pytest.raises(ApiError) as caught:
        run(answer(403, body))

    error = caught.value
    assert (error.code, error.http_status, error.request_id) == ("NoPermission", 403, "7B4C-1")
    assert error.message == "You are not authorized."
    assert error.retry_after is None
    assert error.access_denied == {
        "AuthAction": "rds:ModifyDBInstanceSSL",
        "AuthPrincipalDisplayName": "bot",
        "NoPermissionType": "ImplicitDeny",
    }
    assert str(error) == "ModifyDBInstanceSSL: HTTP 403 NoPermission"


def test_an_error_in_xml_is_read_as_well() -> None:
    body = (
        b"<?xml version='1.0'?><Error><RequestId>R9</RequestId><HostId>h</HostId>"
        b"<Code>Throttling.User</Code><Message>Slow &amp; steady</Message></Error>"
    )

    with pytest.raises(ApiError) as caught:
        run(answer(400, body))

    assert (caught.value.code, caught.value.request_id) == ("Throttling.User", "R9")
    assert caught.value.message == "Slow & steady"


def test_who_lacks_what_is_read_from_xml_as_well() -> None:
    body = (
        b"<?xml version='1.0'?><Error><RequestId>R9</RequestId><Code>NoPermission</Code>"
        b"<AccessDeniedDetail><AuthAction>rds:ModifyDBInstanceSSL</AuthAction>"
        b"<AuthPrincipalDisplayName>bot &amp; co</AuthPrincipalDisplayName>"
        b"<PolicyType/><Code>inner</Code></AccessDeniedDetail>"
        b"<Message>You are not authorized.</Message></Error>"
    )

    with pytest.raises(ApiError) as caught:
        run(answer(403, body))

    error = caught.value
    assert (error.code, error.message) == ("NoPermission", "You are not authorized.")
    assert error.access_denied == {
        "AuthAction": "rds:ModifyDBInstanceSSL",
        "AuthPrincipalDisplayName": "bot & co",
    }


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"x_acs_retry_after": "1500"}, 1.5, id="the API's own, in milliseconds"),
        pytest.param({"retry_after": "7"}, 7, id="the standard one, in seconds"),
        pytest.param(
            {"x_acs_retry_after": "200", "retry_after": "7"}, 0.2, id="the API's own wins"
        ),
        pytest.param({"retry_after": "nan"}, None, id="no number"),
        pytest.param({"retry_after": "-1"}, None, id="less than nothing"),
        pytest.param({"retry_after": "Fri, 02 Jan 2026 03:05:00 GMT"}, None, id="a date"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_the_wait_that_the_api_asks_for_is_in_seconds(
    headers: dict[str, str], seconds: float | None
) -> None:
    with pytest.raises(ApiError) as caught:
        run(answer(429, {"Code": "Throttling"}, **headers))

    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        pytest.param(502, b"<html>Bad gateway</html>", "HTTP 502 without an error code", id="HTML"),
        pytest.param(500, b"", "HTTP 500 without an error code", id="nothing"),
        pytest.param(403, b"<html>proxy</html>", "HTTP 403 without an error code", id="a proxy"),
        pytest.param(400, {"Message": "?"}, "HTTP 400 without an error code", id="no Code"),
        pytest.param(
            400, {"Code": 7}, "HTTP 400 without an error code", id="a Code that is no text"
        ),
        pytest.param(400, b"[" * 99_999, "HTTP 400 without an error code", id="a deep nesting"),
        pytest.param(302, b"", "HTTP 302 without an error code", id="a redirect"),
        pytest.param(307, {"Code": "X"}, "HTTP 307 without an error code", id="a redirect's body"),
        pytest.param(200, b"", "unreadable answer", id="success without a body"),
        pytest.param(200, b"<html>log in</html>", "unreadable answer", id="success with a page"),
        pytest.param(200, [1], "unreadable answer", id="success with a list"),
        pytest.param(200, b'{"RequestId": "R', "unreadable answer", id="success that is cut"),
    ],
)
def test_an_answer_that_is_none_of_the_api_leaves_the_outcome_open(
    status: int, body: object, kind: str
) -> None:
    requests = 0

    def handler(request: httpx.Request) -> httpx.Response:
        nonlocal requests
        requests += 1
        return answer(status, body, location="https://elsewhere.example.com")(request)

    with pytest.raises(NoAnswer) as caught:
        run(handler)

    assert (caught.value.kind, caught.value.http_status) == (kind, status)
    assert requests == 1


def test_an_answer_without_end_is_given_up() -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 65536
            yield b" " * 65536

    with pytest.raises(NoAnswer, match="answer too large"):
        run(lambda _request: httpx.Response(200, content=endless()))

    assert read <= ANSWER_BYTES + 2 * 65536


def test_a_compressed_answer_is_not_unpacked() -> None:
    async def packed() -> AsyncIterator[bytes]:
        yield b"\x1f\x8b"
        pytest.fail("the body was read")

    def handler(request: httpx.Request) -> httpx.Response:
        assert request.headers["accept-encoding"] == "identity"
        return httpx.Response(200, content=packed(), headers={"content-encoding": "gzip"})

    with pytest.raises(NoAnswer, match="compressed answer"):
        run(handler)


def _children(of: type[BaseException]) -> set[type[BaseException]]:
    return {of}.union(*(_children(child) for child in of.__subclasses__()))


def test_every_exception_of_httpx_has_its_outcome() -> None:
    # Those with children are never raised themselves.
    abstract = {
        httpx.HTTPError,
        httpx.NetworkError,
        httpx.ProtocolError,
        httpx.RequestError,
        httpx.StreamError,
        httpx.TimeoutException,
        httpx.TransportError,
    }
    public = {
        value
        for value in vars(httpx).values()
        if isinstance(value, type) and issubclass(value, Exception)
    }

    assert set(NOT_SENT) | set(MAY_BE_SENT) == public - abstract
    assert not set(NOT_SENT) & set(MAY_BE_SENT)
    assert public == set().union(
        *(
            _children(root)
            for root in (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError)
        )
    )


def _made(kind: type[Exception]) -> Exception:
    if issubclass(kind, httpx.HTTPStatusError):
        request = httpx.Request("POST", ENDPOINT)
        return kind("text", request=request, response=httpx.Response(500, request=request))
    if issubclass(kind, httpx.StreamConsumed | httpx.StreamClosed):
        return kind()
    if issubclass(kind, httpx.ResponseNotRead | httpx.RequestNotRead):
        return kind()
    return kind("text")


@pytest.mark.parametrize("kind", NOT_SENT, ids=lambda kind: kind.__name__)
def test_what_comes_before_the_first_byte_was_surely_not_executed(kind: type[Exception]) -> None:
    calls: list[tuple[str, str, float]] = []

    with pytest.raises(NotSent) as caught:
        run(fail(_made(kind)), calls=calls)

    assert caught.value.kind == NOT_SENT[kind]
    assert isinstance(caught.value.__cause__, kind)
    assert [outcome for _, outcome, _ in calls] == ["NotSent"]


@pytest.mark.parametrize("kind", MAY_BE_SENT, ids=lambda kind: kind.__name__)
def test_whatever_comes_later_may_have_been_executed(kind: type[Exception]) -> None:
    calls: list[tuple[str, str, float]] = []

    with pytest.raises(NoAnswer) as caught:
        run(fail(_made(kind)), calls=calls)

    assert (caught.value.kind, caught.value.http_status) == (MAY_BE_SENT[kind], 0)
    assert isinstance(caught.value.__cause__, kind)
    assert [outcome for _, outcome, _ in calls] == ["NoAnswer"]


@pytest.mark.parametrize(
    "error",
    [ConnectionResetError("reset"), httpx.TransportError("of a later httpx")],
    ids=["an error httpx has let through", "a class that is new"],
)
def test_what_nobody_knows_may_have_been_executed(error: Exception) -> None:
    with pytest.raises(NoAnswer, match="connection lost"):
        run(fail(error))


@pytest.mark.parametrize(
    ("behind", "kind"),
    [
        pytest.param(
            socket.gaierror(-2, "Name or service not known"), "host name not found", id="DNS"
        ),
        pytest.param(ConnectionRefusedError(111, "refused"), "connection refused", id="refused"),
        pytest.param(ssl.SSLCertVerificationError("self-signed"), "TLS error", id="TLS"),
        pytest.param(
            ExceptionGroup("all addresses", [OSError(113, "no route"), ConnectionRefusedError()]),
            "connection refused",
            id="several addresses",
        ),
        pytest.param(OSError(113, "no route"), "no connection", id="anything else"),
    ],
)
def test_a_connection_that_does_not_come_about_says_why(behind: Exception, kind: str) -> None:
    def handler(_request: httpx.Request) -> NoReturn:
        raise httpx.ConnectError("All connection attempts failed") from behind

    with pytest.raises(NotSent) as caught:
        run(handler)

    assert caught.value.kind == kind


@pytest.mark.parametrize(
    ("behind", "missing"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), True),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), False),
        (ConnectionRefusedError(111, "refused"), False),
    ],
)
def test_a_host_that_does_not_exist_is_told_from_one_that_cannot_be_looked_up(
    behind: Exception, *, missing: bool
) -> None:
    def handler(_request: httpx.Request) -> NoReturn:
        raise httpx.ConnectError("no connection") from behind

    with pytest.raises(NotSent) as caught:
        run(handler)

    assert caught.value.no_such_host is missing


@pytest.mark.parametrize("write", [True, False], ids=["write", "read"])
def test_a_call_ends_at_its_deadline(monkeypatch: pytest.MonkeyPatch, *, write: bool) -> None:
    monkeypatch.setattr(transport_module, "WRITE_DEADLINE" if write else "READ_DEADLINE", 0.01)

    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.001)

    with pytest.raises(NoAnswer, match="time-out"):
        run(lambda _request: httpx.Response(200, content=drip()), write=write)


def test_a_cancelled_call_is_counted_and_stays_cancelled() -> None:
    calls: list[tuple[str, str, float]] = []

    async def never() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async def use(transport: Transport) -> None:
        task = asyncio.create_task(
            transport.call("DescribeDBInstanceSSL", {}, CREDENTIALS, ENDPOINT, write=False)
        )
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    run(lambda _request: httpx.Response(200, content=never()), use=use, calls=calls)

    assert [call[:2] for call in calls] == [("DescribeDBInstanceSSL", "Cancelled")]


@pytest.mark.parametrize(
    ("handler", "outcome"),
    [
        pytest.param(answer(200, {}), "OK", id="success"),
        pytest.param(answer(400, {"Code": "InvalidSSLStatus"}), "InvalidSSLStatus", id="a code"),
        pytest.param(answer(502), "NoAnswer", id="a page"),
    ],
)
def test_each_call_is_counted_by_its_outcome(handler: Handler, outcome: str) -> None:
    calls: list[tuple[str, str, float]] = []

    with contextlib.suppress(AliyunError):
        run(handler, calls=calls)

    assert [call[:2] for call in calls] == [("ModifyDBInstanceSSL", outcome)]
    assert 0 <= calls[0][2] < 5


@pytest.mark.parametrize(
    ("date", "skew"),
    [
        pytest.param("Fri, 02 Jan 2026 02:44:05 GMT", 1200, id="ahead"),
        pytest.param("Fri, 02 Jan 2026 03:04:35 GMT", -30, id="behind"),
        pytest.param("yesterday", None, id="no date"),
    ],
)
def test_the_clock_is_compared_with_the_apis(date: str, skew: float | None) -> None:
    async def use(transport: Transport) -> float | None:
        with pytest.raises(ApiError):
            await transport.call("A", {}, CREDENTIALS, ENDPOINT, write=False)
        return transport.clock_skew

    found = run(answer(400, {"Code": "InvalidTimeStamp.Expired"}, date=date), use=use)

    assert found == skew


def test_the_clock_is_compared_with_each_endpoint_and_its_words_do_not_flicker() -> None:
    dates = iter(
        [
            "Fri, 02 Jan 2026 02:46:35 GMT",  # 1050 s: between 17 and 18 minutes.
            "Fri, 02 Jan 2026 02:46:33 GMT",
            "Fri, 02 Jan 2026 03:04:05 GMT",
        ]
    )

    def handler(request: httpx.Request) -> httpx.Response:
        date = next(dates) if request.url.host == "rds.example.com" else NOW.strftime("%c GMT")
        return httpx.Response(200, json={}, headers={"date": date})

    async def use(transport: Transport) -> list[float | None]:
        found = [transport.skew_of(ENDPOINT)]
        for _ in range(3):
            await transport.call("A", {}, CREDENTIALS, ENDPOINT, write=False)
            await transport.call("A", {}, CREDENTIALS, "https://other.example.com", write=False)
            found.append(transport.skew_of(f"{ENDPOINT}/"))
        return found

    assert run(handler, use=use) == [None, 1050, 1050, 0]


def _shows_secrets(text: str) -> bool:
    return any(
        piece in text
        for piece in (KEY_LINE[:20], SHORT_KEY_LINE, "hush-hush-hush", TOKEN, TOKEN[-14:])
    )


def test_a_reset_connection_shows_no_key_in_its_whole_traceback() -> None:
    def handler(request: httpx.Request) -> NoReturn:
        assert KEY_LINE in request.content.decode()
        reset = ConnectionResetError(104, "Connection reset by peer")
        raise httpx.ReadError("reset", request=request) from reset

    with pytest.raises(NoAnswer) as caught:
        run(handler)

    text = "".join(traceback.format_exception(caught.value))
    assert "ConnectionResetError" in text
    assert not _shows_secrets(text)
    cause = caught.value.__cause__
    assert isinstance(cause, httpx.ReadError)
    assert cause.request.content == b""
    assert "authorization" not in cause.request.headers


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(f"ServerKey {KEY} is not valid", id="the PEM as it is"),
        pytest.param(f"bad value: {KEY.replace(chr(10), ' ')}", id="the PEM in one line"),
        pytest.param(f"bad value: {KEY[:70]}", id="the PEM cut off"),
        pytest.param(f"illegal end {SHORT_KEY_LINE}", id="its last line alone"),
        pytest.param(f"server string to sign is POST%26{KEY_LINE}%250A", id="what was signed"),
        pytest.param(f"x-acs-security-token:{TOKEN}", id="the token"),
        pytest.param("secret hush-hush-hush does not match", id="the secret"),
    ],
)
def test_an_echo_of_what_was_sent_does_not_get_into_the_error(message: str) -> None:
    with pytest.raises(ApiError) as caught:
        run(answer(400, {"Code": "InvalidServerCertOrPrivateKey", "Message": message}))

    assert not _shows_secrets(caught.value.message)
    assert not _shows_secrets("".join(traceback.format_exception(caught.value)))


def test_an_echo_of_what_v1_signs_does_not_get_into_the_error_either() -> None:
    password = "pass wo/rd-for+the-pfx"
    twice = percent_encode(percent_encode(password))
    message = f"server string to sign is POST&%2F&PassWord%3D{twice}%26SSLEnabled%3D1"

    async def use(transport: Transport) -> None:
        parameters = {"PassWord": SecretText(password)}
        await transport.call("A", parameters, CREDENTIALS, ENDPOINT, write=True)

    with pytest.raises(ApiError) as caught:
        run(answer(400, {"Code": "SignatureDoesNotMatch", "Message": message}), use=use)

    assert "the-pfx" not in caught.value.message
    assert "PassWord%3D…%26SSLEnabled" in caught.value.message


def test_values_of_parameters_are_cut_from_the_message() -> None:
    with pytest.raises(ApiError) as caught:
        run(answer(400, {"Code": "X", "Message": "pgm-bp1234567890abcde is busy" + "y " * 400}))

    assert caught.value.message.startswith("… is busy")
    assert len(caught.value.message) == 300


def test_a_code_is_safe_to_print() -> None:
    with pytest.raises(ApiError) as caught:
        run(answer(400, {"Code": "Bad\nCode {x} " + "z" * 200, "RequestId": "a\x1b[0m"}))

    assert caught.value.code == "Bad_Code__x__" + "z" * 87
    assert caught.value.request_id == "a__0m"


def test_a_code_that_holds_a_secret_is_no_code() -> None:
    with pytest.raises(NoAnswer):
        run(answer(400, {"Code": "X.hush-hush-hush"}))


def test_cookies_are_not_kept() -> None:
    cookies: list[str | None] = []

    def handler(request: httpx.Request) -> httpx.Response:
        cookies.append(request.headers.get("cookie"))
        return httpx.Response(200, json={}, headers={"set-cookie": "acw_tc=1; path=/"})

    async def use(transport: Transport) -> None:
        for _ in range(2):
            await transport.call("A", {}, CREDENTIALS, ENDPOINT, write=False)

    run(handler, use=use)

    assert cookies == [None, None]


@pytest.mark.parametrize(
    "date",
    [
        pytest.param("Sat, 01 Jan 2000 00:00:00 +99999999999999", id="a huge offset"),
        pytest.param("Sat, 01 Jan 0001 00:00:00 +2359", id="before the calendar"),
        pytest.param("Fri, 31 Dec 9999 23:59:59 -2359", id="after the calendar"),
        pytest.param("Sat, 99 Jan 2000 99:99:99 GMT", id="no day"),
        pytest.param("9" * 5_000, id="digits"),
    ],
)
@pytest.mark.parametrize("write", [False, True])
def test_a_date_that_no_calendar_has_says_nothing_and_spoils_nothing(
    date: str, *, write: bool
) -> None:
    def handler(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"RequestId": "R"}, headers={"date": date})

    bodies = []

    async def use(transport: Transport) -> None:
        bodies.append(await transport.call("A", {}, CREDENTIALS, ENDPOINT, write=write))

    run(handler, use=use)

    assert bodies == [{"RequestId": "R"}]
