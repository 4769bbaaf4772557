"""What the network can do to a call, done to it: is it told apart what was surely not sent?"""

import asyncio
import contextlib
import socket
import ssl
import struct
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import httpx
import pytest

from rds_ssl.aliyun import transport as transport_module
from rds_ssl.aliyun.aiohttp_transport import BEFORE_THE_REQUEST, AiohttpTransport, translated
from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.exchange import NOT_SENT
from rds_ssl.aliyun.names import has_address
from rds_ssl.aliyun.transport import CONNECTIONS, Transport, make_http_transport
from rds_ssl.core.errors import AliyunError, ApiError, NoAnswer, NotLeading, NotSent
from rds_ssl.core.secret_text import SecretText
from support import pki

CREDENTIALS = Credentials(
    access_key_id="LTAI5tX",
    access_key_secret=SecretText("hush-hush-hush"),
    security_token=SecretText("CAISEXAMPLE//+=SecurityToken"),
)
KEY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
FINE = b'HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{"RequestId":"R"}'
NOT_TAKEN = b'HTTP/1.1 400 Bad\r\nContent-Length: 20\r\n\r\n{"Code":"TooLarge!"}'

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A TCP server on loopback that does what *handler* does, and counts what comes in."""

    def __init__(self, handler: Handler, *, context: ssl.SSLContext | None = None) -> None:
        self._handler = handler
        self._context = context
        self.connections = 0
        self.open = 0
        self.most_open = 0
        self.requests: list[bytes] = []

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        port = server.sockets[0].getsockname()[1]
        scheme = "https" if self._context else "http"
        async with server:
            yield f"{scheme}://127.0.0.1:{port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await self._handler(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def request(self, reader: asyncio.StreamReader) -> bytes:
        """Read one request, head and body."""
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        self.requests.append(head + await reader.readexactly(size))
        return self.requests[-1]


def answering(*answers: bytes, closes: bool = False) -> Server:
    """Answer each request of a connection with the next of *answers*, then with FINE."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting = list(answers)
        while True:
            await server.request(reader)
            writer.write(waiting.pop(0) if waiting else FINE)
            await writer.drain()
            if closes:
                return

    server = Server(handler)
    return server


async def call(
    http: httpx.AsyncBaseTransport, url: str, *, key: str = KEY, action: str = "ModifyDBInstanceSSL"
) -> dict[str, object]:
    transport = Transport(http, now=lambda: datetime.now(UTC))
    parameters = {"DBInstanceId": "pgm-1", "ServerKey": SecretText(key)}
    return await transport.call(action, parameters, CREDENTIALS, url, write=True)


def outcome(server: Server, *, path: str = "") -> AliyunError | dict[str, object]:
    """Make one call; give its answer or its error."""

    async def work() -> AliyunError | dict[str, object]:
        async with server.listening() as url, make_http_transport() as http:
            try:
                return await call(http, url + path)
            except AliyunError as error:
                return error

    return asyncio.run(work())


def kind(of: AliyunError | dict[str, object]) -> tuple[str, str]:
    assert isinstance(of, NotSent | NoAnswer)
    return type(of).__name__, of.kind


def reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


# -- before the first byte --------------------------------------------------------------------


def test_whether_a_write_may_be_sent_is_asked_once_there_is_a_connection_for_it() -> None:
    server = answering()

    async def work() -> list[int]:
        connections: list[int] = []

        def refuse() -> None:
            connections.append(server.open)
            raise NotLeading("another process leads")

        async with server.listening() as url, make_http_transport() as http:
            transport = Transport(http, now=lambda: datetime.now(UTC), before_a_write=refuse)
            for write in (True, False):
                with contextlib.suppress(NotLeading):
                    await transport.call("ModifyDBInstanceSSL", {}, CREDENTIALS, url, write=write)
        return connections

    assert asyncio.run(work()) == [1]
    assert len(server.requests) == 1  # The read.


def test_after_a_write_that_was_not_sent_the_next_one_is() -> None:
    server = answering()

    async def work() -> None:
        checks = iter([NotLeading("another process leads"), None])

        def check() -> None:
            refusal = next(checks)
            if refusal is not None:
                raise refusal

        async with server.listening() as url, make_http_transport() as http:
            transport = Transport(http, now=lambda: datetime.now(UTC), before_a_write=check)
            with pytest.raises(NotLeading):
                await transport.call("ModifyDBInstanceSSL", {}, CREDENTIALS, url, write=True)
            await transport.call("ModifyDBInstanceSSL", {}, CREDENTIALS, url, write=True)

    asyncio.run(work())

    assert len(server.requests) == 1


def test_a_closed_port_is_known_as_not_sent() -> None:
    async def work() -> AliyunError:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            async with make_http_transport() as http:
                with pytest.raises(NotSent) as caught:
                    await call(http, f"http://127.0.0.1:{unused.getsockname()[1]}")
        return caught.value

    assert kind(asyncio.run(work())) == ("NotSent", "connection refused")


def test_a_host_that_has_no_name_is_known_as_not_sent() -> None:
    async def work() -> AliyunError:
        async with make_http_transport() as http:
            with pytest.raises(NotSent) as caught:
                await call(http, "https://rds.cn-nowhere.invalid")
        return caught.value

    assert kind(asyncio.run(work())) == ("NotSent", "host name not found")


def test_dns_is_asked_for_a_host_beside_the_loop() -> None:
    assert asyncio.run(has_address("localhost"))
    assert not asyncio.run(has_address("rds.cn-nowhere.invalid"))


def test_a_host_that_does_not_take_connections_is_known_as_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport_module, "CONNECT_DEADLINE", 0.3)

    async def work() -> AliyunError:
        with socket.socket() as full, contextlib.ExitStack() as stack:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for _ in range(3):  # More than its backlog takes: the kernel drops what comes then.
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)  # noqa: FBT003  # The method's own.
                waiting.connect_ex(full.getsockname())
            async with make_http_transport() as http:
                with pytest.raises(NotSent) as caught:
                    await call(http, f"http://127.0.0.1:{full.getsockname()[1]}")
        return caught.value

    assert kind(asyncio.run(work())) == ("NotSent", "connect time-out")


def test_a_call_without_a_free_connection_is_known_as_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport_module, "POOL_DEADLINE", 0.1)

    arrived = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await server.request(reader)
        arrived.set()
        await reader.read()

    server = Server(hang)

    async def work() -> AliyunError:
        http = AiohttpTransport(connections=1, keep_alive=1, context=ssl.create_default_context())
        async with server.listening() as url, http:
            first = asyncio.create_task(call(http, url))
            await arrived.wait()
            with pytest.raises(NotSent) as caught:
                await call(http, url)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            # The place of the cancelled call is free again.
            with pytest.raises(NotSent, match="host name not found"):
                await call(http, "https://rds.cn-nowhere.invalid")
        return caught.value

    assert kind(asyncio.run(work())) == ("NotSent", "no free connection")
    assert len(server.requests) == 1


def tls(tmp_path: Path) -> ssl.SSLContext:
    """A server's context with a certificate that nobody trusts."""
    leaf = pki.make_root().leaf("rds.example.com")
    (tmp_path / "tls.pem").write_bytes(leaf.chain_pem + leaf.key_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.pem")
    return context


def test_a_certificate_that_nobody_trusts_is_known_as_not_sent(tmp_path: Path) -> None:
    async def fine(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await server.request(reader)

    server = Server(fine, context=tls(tmp_path))

    assert kind(outcome(server)) == ("NotSent", "TLS error")
    assert server.requests == []


async def _silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def _plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(FINE)
    await writer.drain()


async def _end(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(1)


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    reset(writer)


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        pytest.param(_silence, "connect time-out", id="says nothing"),
        pytest.param(_plain, "TLS error", id="speaks plain HTTP"),
        pytest.param(_end, "no connection", id="hangs up"),
        pytest.param(_reset, "no connection", id="resets the connection"),
    ],
)
def test_a_handshake_that_comes_to_nothing_is_known_as_not_sent(
    monkeypatch: pytest.MonkeyPatch, handler: Handler, told: str
) -> None:
    if handler is _silence:
        monkeypatch.setattr(transport_module, "CONNECT_DEADLINE", 0.3)

    async def work() -> AliyunError:
        async with Server(handler).listening() as url, make_http_transport() as http:
            with pytest.raises(NotSent) as caught:
                await call(http, url.replace("http:", "https:"))
        return caught.value

    assert kind(asyncio.run(work())) == ("NotSent", told)


# -- after it ---------------------------------------------------------------------------------


async def _reset_after_the_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    reset(writer)


async def _hang_up_after_the_head(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        pytest.param(_reset_after_the_head, {"connection lost", "protocol error"}, id="reset"),
        pytest.param(_hang_up_after_the_head, {"protocol error", "connection lost"}, id="hung up"),
    ],
)
def test_a_connection_that_is_lost_after_the_request_leaves_the_outcome_open(
    handler: Handler, told: set[str]
) -> None:
    error = outcome(Server(handler))

    assert kind(error)[0] == "NoAnswer"
    assert kind(error)[1] in told


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Le", id="half a head"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}", id="half a body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}", id="no length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="no chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", id="a huge header"),
    ],
)
def test_an_answer_that_breaks_off_or_is_none_leaves_the_outcome_open(answer: bytes) -> None:
    server = answering(answer, closes=True)

    error = outcome(server)

    assert kind(error)[0] == "NoAnswer"
    assert kind(error)[1] in {"protocol error", "connection lost"}
    assert len(server.requests) == 1


def test_silence_after_the_request_leaves_the_outcome_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "WRITE_DEADLINE", 0.3)

    assert kind(outcome(Server(_silence))) == ("NoAnswer", "time-out")


def test_a_kept_connection_that_ends_under_a_request_is_not_tried_again() -> None:
    # A gateway closes an idle connection just when the next request is on its way.
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.request(reader)
        writer.write(FINE)
        await writer.drain()
        await server.request(reader)

    server = Server(once)

    async def work() -> AliyunError:
        async with server.listening() as url, make_http_transport() as http:
            await call(http, url)
            with pytest.raises(NoAnswer) as caught:
                await call(http, url)
        return caught.value

    assert kind(asyncio.run(work()))[0] == "NoAnswer"
    assert (server.connections, len(server.requests)) == (1, 2)


def test_an_answer_before_the_whole_request_was_read_counts() -> None:
    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(NOT_TAKEN)
        await writer.drain()
        await reader.read()

    error = outcome(Server(hasty))

    assert isinstance(error, ApiError)
    assert error.code == "TooLarge_"


def test_a_connection_that_breaks_shows_no_key_in_its_whole_traceback() -> None:
    error = outcome(Server(_reset_after_the_head))

    assert isinstance(error, AliyunError)
    shown = "".join(traceback.format_exception(error)) + repr(vars(error))
    assert not any(each in shown for each in (KEY, "hush-hush", "SecurityToken"))


def test_an_answer_that_breaks_the_protocol_keeps_no_header_of_the_request() -> None:
    error = outcome(answering(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}", closes=True))

    seen: list[BaseException] = []
    link: BaseException | None = error if isinstance(error, AliyunError) else None
    while link is not None:
        seen.append(link)
        link = link.__cause__ or link.__context__
    assert len(seen) > 1
    assert not any(isinstance(each, aiohttp.ClientResponseError) for each in seen)


# -- what is not done -------------------------------------------------------------------------


def test_connections_are_kept_and_bounded() -> None:
    server = answering()

    async def work() -> None:
        async with server.listening() as url, make_http_transport() as http:
            await asyncio.gather(*(call(http, url) for _ in range(5 * CONNECTIONS)))

    asyncio.run(work())

    assert len(server.requests) == 5 * CONNECTIONS
    assert server.connections == server.most_open == CONNECTIONS


def test_an_idle_connection_is_given_up_and_not_used_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Before a gateway drops it, perhaps under a request.
    monkeypatch.setattr(transport_module, "KEEP_ALIVE_SECONDS", 0.05)
    ended = asyncio.Event()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.request(reader)
        writer.write(FINE)
        await writer.drain()
        if not await reader.read():
            ended.set()

    server = Server(once)

    async def work() -> None:
        async with server.listening() as url, make_http_transport() as http:
            await call(http, url)
            async with asyncio.timeout(5):
                await ended.wait()
            await call(http, url)

    asyncio.run(work())

    assert (server.connections, len(server.requests)) == (2, 2)


def test_a_large_body_arrives_whole() -> None:
    server = answering()

    async def work() -> None:
        async with server.listening() as url, make_http_transport() as http:
            await call(http, url, key="x" * 2_000_000)

    asyncio.run(work())

    assert b"x" * 2_000_000 in server.requests[0]


def test_redirects_cookies_proxies_and_packed_bodies_are_not_for_us(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    elsewhere = (
        b"HTTP/1.1 307 Go\r\nLocation: /elsewhere\r\nSet-Cookie: a=b; path=/\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    packed = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"
    server = answering(elsewhere, packed)

    async def work() -> list[str]:
        kinds = []
        async with server.listening() as url, make_http_transport() as http:
            for _ in range(2):
                with pytest.raises(NoAnswer) as caught:
                    await call(http, url)
                kinds.append(caught.value.kind)
            await call(http, url)
        return kinds

    assert asyncio.run(work()) == ["HTTP 307 without an error code", "compressed answer"]
    assert [each.split(b" ")[1] for each in server.requests] == [b"/", b"/", b"/"]
    assert not any(b"cookie:" in each.lower() for each in server.requests)
    assert all(b"accept-encoding: identity" in each.lower() for each in server.requests)


# -- every exception of aiohttp ---------------------------------------------------------------


def _children(of: type[BaseException]) -> set[type[BaseException]]:
    return {of}.union(*(_children(child) for child in of.__subclasses__()))


def test_of_all_that_aiohttp_raises_only_what_comes_before_the_request_is_not_sent() -> None:
    known = {
        each
        for each in _children(aiohttp.ClientError)
        if each.__module__ == "aiohttp.client_exceptions"
    }
    before = {each for each in known if issubclass(each, tuple(BEFORE_THE_REQUEST))}

    assert {each.__name__ for each in before} == {
        "ConnectionTimeoutError",
        "ClientConnectorError",
        "ClientConnectorDNSError",
        "ClientProxyConnectionError",
        "ClientHttpProxyError",
        "UnixClientConnectorError",
        "ClientSSLError",
        "ClientConnectorSSLError",
        "ClientConnectorCertificateError",
        "ServerFingerprintMismatch",
    }
    for each in known:
        error = each.__new__(each)
        assert (type(translated(error)) in NOT_SENT) == (each in before), each
