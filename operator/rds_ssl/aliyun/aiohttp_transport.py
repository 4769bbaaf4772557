"""
What httpx runs on: the connections of aiohttp.

httpx's own pool, with anyio under it, takes 3.5 ms of CPU for a call where this takes a third of
one (docs/performance.md). The library `httpx-aiohttp` does the same and is not used: it turns a
connection that is lost after the request was sent into `httpx.ConnectTimeout`, by which a write
that may have been executed would be sent again (docs/decisions/008-httpx-on-aiohttp.md).
"""

import asyncio
import base64
import io
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass

import aiohttp
import httpx
from yarl import URL

from rds_ssl.aliyun.endpoints import is_behind_no_proxy
from rds_ssl.core.secret_text import SecretText

BEFORE_THE_REQUEST: Mapping[type[Exception], type[httpx.RequestError]] = {
    # aiohttp raises these while it looks for a connection, which has to be there before it writes.
    aiohttp.ConnectionTimeoutError: httpx.ConnectTimeout,
    # The proxy: it could not be reached, or has answered CONNECT with a no.
    aiohttp.ClientProxyConnectionError: httpx.ProxyError,
    aiohttp.ClientHttpProxyError: httpx.ProxyError,
    aiohttp.ClientConnectorError: httpx.ConnectError,
    aiohttp.ServerFingerprintMismatch: httpx.ConnectError,
}
"""aiohttp's exceptions by which no byte of the request has left, and httpx's for each."""

AFTER_THE_REQUEST: Mapping[type[Exception], type[httpx.RequestError]] = {
    aiohttp.ServerTimeoutError: httpx.ReadTimeout,
    aiohttp.ServerDisconnectedError: httpx.RemoteProtocolError,
    aiohttp.ClientResponseError: httpx.RemoteProtocolError,
    aiohttp.ClientPayloadError: httpx.RemoteProtocolError,
    aiohttp.ClientError: httpx.ReadError,
    OSError: httpx.ReadError,
}
"""Those by which it may be at the other end; the first class that fits is taken."""

NO_PROXY = aiohttp.ClientProxyConnectionError.__name__
REFUSED_BY_PROXY = aiohttp.ClientHttpProxyError.__name__
"""What httpx.ProxyError says; of a refusal, with the status behind it."""

_LARGE = 2**20
"""Bytes of a body above which aiohttp asks for a file in place of bytes."""

_MADE_BY_US = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""Headers that aiohttp would add; those of the request are all that is sent."""


BEFORE_SENDING = "before_sending"
"""
The extension of an `httpx.Request` that is called once there is a connection for it, right before
its first byte is written; what it raises, nothing is sent and everybody gets to see.
"""

_before_sending: ContextVar[Callable[[], None] | None] = ContextVar(BEFORE_SENDING, default=None)


class _Request(aiohttp.ClientRequest):
    """One that asks at the last moment: to get a connection may have taken seconds."""

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        check = _before_sending.get()
        if check is not None:
            check()
        return await super().send(conn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """An HTTP proxy, which opens a tunnel for https: it sees a host name and a port."""

    url: str
    """``http://HOST[:PORT]``, or ``https`` to it as well."""
    credentials: SecretText | None = None
    """``USER:PASSWORD``, sent to the proxy alone."""


class AiohttpTransport(httpx.AsyncBaseTransport):
    """
    HTTP/1.1 over one bounded pool: no redirect, no cookie, no retry, no unpacking.

    No proxy but the one that it is given, and none to this machine and its metadata service.

    Time-outs are the request's, as httpx has them: *pool* for a free place among *connections*,
    *connect* for DNS, TCP and TLS together. How long the answer may take is for the caller to say,
    who waits for it as a whole.
    """

    def __init__(
        self,
        *,
        connections: int,
        keep_alive: float,
        context: ssl.SSLContext,
        proxy: Proxy | None = None,
    ) -> None:
        """*keep_alive* is how many seconds an idle connection is kept."""
        self._proxy = proxy
        self._places = asyncio.Semaphore(connections)
        self._connections = connections
        self._keep_alive = keep_alive
        self._context = context
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """
        Return the answer, its body not yet read.

        Raises:
            httpx.RequestError: As `BEFORE_THE_REQUEST` and `AFTER_THE_REQUEST` say.
        """
        limits = request.extensions.get("timeout") or {}
        if self._places.locked():
            try:
                async with asyncio.timeout(limits.get("pool")):
                    await self._places.acquire()
            except TimeoutError:
                raise httpx.PoolTimeout("no free connection") from None
        else:
            await self._places.acquire()  # At once; a timer would cost more than it.
        try:
            answer = await self._send(request, limits)
        except BaseException:
            self._places.release()
            raise
        response = httpx.Response(
            answer.status, headers=answer.raw_headers, stream=_Body(answer, self._places)
        )
        # It fits any; without it httpx reads all of them to find out which one does.
        response.headers.encoding = "iso-8859-1"
        return response

    async def _send(
        self, request: httpx.Request, limits: Mapping[str, float | None]
    ) -> aiohttp.ClientResponse:
        body = request.content
        proxy = None if is_behind_no_proxy(request.url.host) else self._proxy
        failure: Exception
        _before_sending.set(request.extensions.get(BEFORE_SENDING))
        try:
            return await self._open_session().request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                data=io.BytesIO(body) if len(body) > _LARGE else body or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=limits.get("connect")),
                proxy=proxy.url if proxy else None,
                proxy_headers=_login(proxy),
            )
        except (aiohttp.ClientError, OSError) as error:
            failure = error
        if proxy and isinstance(failure, aiohttp.ClientConnectorDNSError):
            # The proxy looks for the host; the name that was not found here is its own.
            raise httpx.ProxyError(NO_PROXY) from failure
        raise translated(failure) from _without_request(failure)

    def _open_session(self) -> aiohttp.ClientSession:
        """Return the session, made at the first request: it belongs to the loop that runs then."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections,
                    keepalive_timeout=self._keep_alive,
                    ssl=self._context,
                    resolver=aiohttp.ThreadedResolver(),
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                request_class=_Request,
                skip_auto_headers=_MADE_BY_US,
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()


class _Body(httpx.AsyncByteStream):
    """The body of an answer; it holds a place in the pool until it is closed."""

    def __init__(self, answer: aiohttp.ClientResponse, places: asyncio.Semaphore) -> None:
        self._answer = answer
        self._places: asyncio.Semaphore | None = places

    async def __aiter__(self) -> AsyncIterator[bytes]:
        failure: Exception
        try:
            async for chunk in self._answer.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            failure = error
        else:
            return
        raise translated(failure) from _without_request(failure)

    async def aclose(self) -> None:
        # A connection whose answer was not read to its end is of no use to anybody else.
        self._answer.close()
        if self._places is not None:
            self._places.release()
            self._places = None


def translated(error: Exception) -> httpx.RequestError:
    """Return httpx's exception for one of aiohttp's; what nobody knows may have been sent."""
    for raised, ours in (*BEFORE_THE_REQUEST.items(), *AFTER_THE_REQUEST.items()):
        if isinstance(error, raised):
            return ours(_told(error))
    return httpx.ReadError(type(error).__name__)


def _told(error: Exception) -> str:
    status = getattr(error, "status", "") if isinstance(error, aiohttp.ClientHttpProxyError) else ""
    return f"{type(error).__name__} {status}".strip()


def _login(proxy: Proxy | None) -> Mapping[str, str] | None:
    if proxy is None or proxy.credentials is None:
        return None
    encoded = base64.b64encode(proxy.credentials.reveal().encode()).decode("ascii")
    return {"Proxy-Authorization": f"Basic {encoded}"}


def _without_request(error: Exception) -> Exception | None:
    """Return *error* unless it holds headers of a request: token, signature, the proxy's login."""
    return None if isinstance(error, aiohttp.ClientResponseError) else error
