"""TLS with CAs of one's own, and a proxy: who is trusted, who sees what, and what was not sent."""

import asyncio
import base64
import contextlib
import re
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rds_ssl.aliyun import transport
from rds_ssl.aliyun.aiohttp_transport import Proxy
from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.transport import Transport, make_http_transport
from rds_ssl.core.errors import AliyunError, NoAnswer, NotSent
from rds_ssl.core.secret_text import SecretText
from support import pki

CREDENTIALS = Credentials(
    access_key_id="LTAI5tX",
    access_key_secret=SecretText("hush-hush-hush"),
    security_token=SecretText("CAISEXAMPLE//+=SecurityToken"),
)
KEY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
FINE = b'HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{"RequestId":"R"}'
HOST = "rds.test"
"""Known to the proxy alone."""

OPERATOR = Path(transport.__file__).parents[1]

LOGIN = SecretText("gate:p@ss:wörd")

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve on loopback until the end, and close every connection then; give the port."""
    at_work: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at_work.add(asyncio.current_task())
        try:
            with contextlib.suppress(
                asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError
            ):
                await handler(reader, writer)
        finally:
            await ended(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for each in at_work:
            if each is not None:
                each.cancel()
        await asyncio.gather(*filter(None, at_work), return_exceptions=True)


async def ended(writer: asyncio.StreamWriter) -> None:
    """Close a connection."""
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


class Cloud:
    """Answers every request, and keeps it."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            self.requests.append(head + await reader.readexactly(size))
            writer.write(FINE)
            await writer.drain()


class Tunnel:
    """A proxy that knows CONNECT; all of what it sees in clear is in *seen*."""

    def __init__(self, port: int = 0, *, answer: bytes = b"200 Connection established") -> None:
        self._port = port
        self._answer = answer
        self.seen: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.seen.append(await reader.readuntil(b"\r\n\r\n"))
        if not self._answer:
            return
        length = b"" if self._answer.startswith(b"200") else b"Content-Length: 0\r\n"
        writer.write(b"HTTP/1.1 " + self._answer + b"\r\n" + length + b"\r\n")
        await writer.drain()
        if length:
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            await asyncio.gather(
                self._pump(reader, back, self.seen),
                self._pump(there, writer, []),
                return_exceptions=True,
            )
        finally:
            await ended(back)

    @staticmethod
    async def _pump(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: list[bytes]
    ) -> None:
        while chunk := await reader.read(65536):
            seen.append(chunk)
            writer.write(chunk)
            await writer.drain()
        writer.close()


class Office:
    """CAs and the files with them."""

    def __init__(self, directory: Path) -> None:
        self.root, self.stranger = pki.make_root("Own"), pki.make_root("Stranger")
        self.bundle = directory / "ca.pem"
        self.bundle.write_bytes(self.root.pem)
        self._directory = directory

    def context(self, leaf: pki.Leaf) -> ssl.SSLContext:
        """Make the context of a server with that certificate."""
        path = self._directory / "server.pem"
        path.write_bytes(leaf.chain_pem + leaf.key_pem())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """A company with a CA of its own."""
    return Office(tmp_path)


async def call(
    url: str, *, bundle: Path | None = None, proxy: Proxy | None = None
) -> AliyunError | None:
    """Make one call with a private key; give what it raised."""
    async with make_http_transport(ca_bundle=str(bundle or ""), proxy=proxy) as http:
        client = Transport(http, now=lambda: datetime.now(UTC))
        parameters = {"DBInstanceId": "pgm-1", "ServerKey": SecretText(KEY)}
        try:
            await client.call("ModifyDBInstanceSSL", parameters, CREDENTIALS, url, write=True)
        except AliyunError as error:
            return error
    return None


def told(error: AliyunError | None) -> tuple[str, str]:
    assert isinstance(error, NotSent | NoAnswer)
    return type(error).__name__, error.kind


# --- CAs ------------------------------------------------------------------------------------------


def test_a_server_of_the_own_ca_is_trusted(office: Office) -> None:
    cloud = Cloud()

    async def work() -> AliyunError | None:
        context = office.context(office.root.leaf("localhost"))
        async with listening(cloud, context) as port:
            return await call(f"https://localhost:{port}", bundle=office.bundle)

    assert asyncio.run(work()) is None
    assert len(cloud.requests) == 1


@pytest.mark.parametrize(
    "leaf",
    [
        pytest.param(lambda office: office.stranger.leaf("localhost"), id="of another CA"),
        pytest.param(lambda office: office.root.leaf("elsewhere.test"), id="of another host"),
        pytest.param(
            lambda office: office.root.leaf(
                "localhost",
                not_before=datetime.now(UTC) - timedelta(days=9),
                not_after=datetime.now(UTC) - timedelta(days=1),
            ),
            id="expired",
        ),
    ],
)
@pytest.mark.parametrize("own", ["own CAs", "public CAs"])
def test_a_server_that_cannot_prove_who_it_is_gets_nothing(
    office: Office, leaf: Callable[[Office], pki.Leaf], own: str
) -> None:
    cloud = Cloud()

    async def work() -> AliyunError | None:
        async with listening(cloud, office.context(leaf(office))) as port:
            return await call(
                f"https://localhost:{port}", bundle=office.bundle if own == "own CAs" else None
            )

    assert told(asyncio.run(work())) == ("NotSent", "TLS error")
    assert cloud.requests == []


def test_the_own_cas_are_in_place_of_the_public_ones(office: Office) -> None:
    async def work() -> tuple[int, int]:
        async with (
            make_http_transport() as public,
            make_http_transport(ca_bundle=str(office.bundle)) as own,
        ):
            return (
                public._context.cert_store_stats()["x509_ca"],  # noqa: SLF001
                own._context.cert_store_stats()["x509_ca"],  # noqa: SLF001
            )

    public, own = asyncio.run(work())

    assert public > 50
    assert own == 1


def test_variables_of_the_environment_name_no_other_cas(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(office.bundle))
    cloud = Cloud()

    async def work() -> AliyunError | None:
        context = office.context(office.root.leaf("localhost"))
        async with listening(cloud, context) as port:
            return await call(f"https://localhost:{port}")

    assert told(asyncio.run(work())) == ("NotSent", "TLS error")


# --- a proxy --------------------------------------------------------------------------------------


def test_a_proxy_sees_the_host_and_its_own_login_and_nothing_else(office: Office) -> None:
    cloud = Cloud()

    async def work() -> tuple[AliyunError | None, bytes]:
        context = office.context(office.root.leaf(HOST))
        async with listening(cloud, context) as port:
            tunnel = Tunnel(port)
            async with listening(tunnel) as gate:
                proxy = Proxy(url=f"http://127.0.0.1:{gate}", credentials=LOGIN)
                error = await call(f"https://{HOST}", bundle=office.bundle, proxy=proxy)
        return error, b"".join(tunnel.seen)

    error, seen = asyncio.run(work())

    assert error is None
    login = base64.b64encode(LOGIN.reveal().encode())
    assert seen.startswith(b"CONNECT rds.test:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic " + login + b"\r\n" in seen
    assert not [each for each in (KEY, "pgm-1", "LTAI5tX", "hush") if each.encode() in seen]
    (request,) = cloud.requests
    assert KEY.encode() in request
    assert login not in request
    assert b"proxy-authorization" not in request.lower()


def test_a_proxy_that_opens_tls_itself_gets_nothing_unless_its_ca_is_trusted(
    office: Office,
) -> None:
    intruder = Cloud()

    async def work() -> AliyunError | None:
        context = office.context(office.stranger.leaf(HOST))
        async with listening(intruder, context) as port, listening(Tunnel(port)) as gate:
            proxy = Proxy(url=f"http://127.0.0.1:{gate}")
            return await call(f"https://{HOST}", bundle=office.bundle, proxy=proxy)

    assert told(asyncio.run(work())) == ("NotSent", "TLS error")
    assert intruder.requests == []


def test_a_proxy_reached_by_https_has_to_prove_who_it_is(office: Office) -> None:
    tunnel = Tunnel()

    async def work() -> AliyunError | None:
        context = office.context(office.stranger.leaf("localhost"))
        async with listening(tunnel, context) as gate:
            proxy = Proxy(url=f"https://localhost:{gate}", credentials=LOGIN)
            return await call(f"https://{HOST}", bundle=office.bundle, proxy=proxy)

    assert told(asyncio.run(work())) == ("NotSent", "TLS error")
    assert tunnel.seen == []


def test_a_proxy_reached_by_https_opens_the_way(office: Office) -> None:
    cloud = Cloud()

    async def work() -> AliyunError | None:
        inner = office.context(office.root.leaf(HOST))
        outer = office.context(office.root.leaf("localhost"))
        async with listening(cloud, inner) as port, listening(Tunnel(port), outer) as gate:
            proxy = Proxy(url=f"https://localhost:{gate}", credentials=LOGIN)
            return await call(f"https://{HOST}", bundle=office.bundle, proxy=proxy)

    assert asyncio.run(work()) is None
    assert len(cloud.requests) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"407 Proxy Authentication Required", "the proxy refuses RDS_SSL_PROXY_CREDENTIALS"),
        (b"403 Forbidden", "the proxy refuses the host"),
        (b"502 Bad Gateway", "the proxy refuses the host"),
    ],
)
def test_a_proxy_that_says_no_is_known_as_not_sent_and_keeps_no_login_in_the_error(
    office: Office, answer: bytes, kind: str
) -> None:
    async def work() -> AliyunError | None:
        async with listening(Tunnel(answer=answer)) as gate:
            proxy = Proxy(url=f"http://127.0.0.1:{gate}", credentials=LOGIN)
            return await call(f"https://{HOST}", bundle=office.bundle, proxy=proxy)

    error = asyncio.run(work())

    assert told(error) == ("NotSent", kind)
    assert error is not None
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None:
        links.append(link)
        link = link.__cause__ or link.__context__
    kept = "".join(traceback.format_exception(error)) + "".join(str(vars(each)) for each in links)
    login = base64.b64encode(LOGIN.reveal().encode()).decode()
    assert not [each for each in (login, LOGIN.reveal(), KEY, "hush-hush") if each in kept]


def test_a_proxy_that_is_not_there_is_known_as_not_sent(office: Office) -> None:
    proxy = Proxy(url="http://127.0.0.1:9")

    error = asyncio.run(call(f"https://{HOST}", bundle=office.bundle, proxy=proxy))

    assert told(error) == ("NotSent", "proxy not reached")


def test_a_proxy_that_has_no_name_is_not_taken_for_a_region_without_a_host() -> None:
    proxy = Proxy(url="http://proxy.invalid:3128")

    error = asyncio.run(call(f"https://{HOST}", proxy=proxy))

    assert isinstance(error, NotSent)
    assert (error.kind, error.no_such_host) == ("proxy not reached", False)


def test_a_proxy_that_hangs_up_is_never_taken_for_an_answer(office: Office) -> None:
    async def work() -> AliyunError | None:
        async with listening(Tunnel(answer=b"")) as gate:
            proxy = Proxy(url=f"http://127.0.0.1:{gate}")
            return await call(f"https://{HOST}", bundle=office.bundle, proxy=proxy)

    assert isinstance(asyncio.run(work()), NotSent | NoAnswer)


def test_what_stays_on_this_machine_takes_no_proxy() -> None:
    cloud, tunnel = Cloud(), Tunnel()

    async def work() -> AliyunError | None:
        async with listening(cloud) as port, listening(tunnel) as gate:
            proxy = Proxy(url=f"http://127.0.0.1:{gate}", credentials=LOGIN)
            return await call(f"http://localhost:{port}", proxy=proxy)

    assert asyncio.run(work()) is None
    assert (len(cloud.requests), tunnel.seen) == (1, [])


# --- plain http -----------------------------------------------------------------------------------


def test_plain_http_to_another_machine_is_for_those_who_ask_for_it() -> None:
    tunnel = Tunnel(answer=b"502 Bad Gateway")

    async def work(*, allow_http: bool) -> None:
        async with listening(tunnel) as gate:
            proxy = Proxy(url=f"http://127.0.0.1:{gate}")
            async with make_http_transport(proxy=proxy) as http:
                client = Transport(http, now=lambda: datetime.now(UTC), allow_http=allow_http)
                await client.call("A", {}, CREDENTIALS, f"http://{HOST}", write=False)

    with pytest.raises(ValueError, match="http is for this machine only"):
        asyncio.run(work(allow_http=False))
    assert tunnel.seen == []
    with pytest.raises(NoAnswer):
        asyncio.run(work(allow_http=True))
    assert tunnel.seen[0].startswith(b"POST http://rds.test HTTP/1.1\r\n")


# --- always ---------------------------------------------------------------------------------------


def test_nothing_turns_verification_off_but_a_kubeconfig_of_people() -> None:
    off = re.compile(r"CERT_NONE|check_hostname = False|verify=False|ssl=False|_create_unverified")

    found = {
        str(file.relative_to(OPERATOR)): off.findall(file.read_text())
        for file in OPERATOR.rglob("*.py")
        if off.search(file.read_text())
    }

    assert found == {"kube/access.py": ["check_hostname = False", "CERT_NONE"]}
