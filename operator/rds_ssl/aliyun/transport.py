"""
One signed call to the cloud API: sent once, and its outcome told apart.

POST with a form body: a private key has no place in a URL, which proxies and gateways log. No
redirect is followed and no write is sent twice, because ModifyDBInstanceSSL has no idempotency
token and each accepted call may restart a database. A read is sent twice in one case: to find out
which signature its endpoint takes (`rds_ssl.aliyun.dialects`).

Source: the vendor's pages on request structure and signature V3.
"""

import asyncio
import contextlib
import functools
import math
import secrets
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NoReturn

import httpx

from rds_ssl.aliyun import answers
from rds_ssl.aliyun.aiohttp_transport import AiohttpTransport, Proxy
from rds_ssl.aliyun.causes import is_no_such_host, no_connection, no_tunnel
from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.dialects import Dialect, Dialects, sign, unread
from rds_ssl.aliyun.endpoints import checked_url
from rds_ssl.core.errors import ApiError, NoAnswer, NotSent, TransportError
from rds_ssl.core.model import SecretText
from rds_ssl.offloading import offloaded

RDS_VERSION = "2014-08-15"
"""Version of the RDS API (x-acs-version)."""

WRITE_DEADLINE = 60.0
"""Seconds. The SDK gives up after 10; a write that is given up is a write with unknown outcome, so
it gets as long as a gateway keeps a request."""

READ_DEADLINE = 20.0
"""Seconds. Twice the SDK's; a read is simply repeated."""

CONNECT_DEADLINE = 5.0
"""Seconds, the SDK's. Passing it says that nothing was sent, which the two above cannot say."""

POOL_DEADLINE = 10.0
"""Seconds for a free connection; as with the connect deadline, nothing was sent then."""

CONNECTIONS = 16
"""Connections to the cloud, at 0.3 MB each with TLS: enough for 5 calls a second of 3 s."""

KEEP_ALIVE_SECONDS = 10.0
"""How long an idle connection is kept. Gateways drop idle ones after 15 s and more; a write on a
connection that is just being dropped would have an unknown outcome."""

ANSWER_BYTES = 2 * 1024 * 1024
"""Largest answer read. A CRL with 20,000 serials is 1 MB of PEM; all else is a few KB."""

SKEW_STEP = 30.0
"""Seconds. An answer may be that late, and its Date has no fractions."""

NOT_SENT: Mapping[type[Exception], str] = {
    httpx.ConnectTimeout: "connect time-out",
    # DNS, TCP and TLS up to the end of the handshake.
    httpx.ConnectError: "no connection",
    httpx.PoolTimeout: "no free connection",
    # No proxy, or a refused CONNECT: it has seen a host name, nothing else.
    httpx.ProxyError: "proxy error",
    # The next two are raised while the request is made.
    httpx.UnsupportedProtocol: "unsupported protocol",
    httpx.InvalidURL: "invalid URL",
}
"""httpx's exceptions that come before the first byte of the request, and the word for each."""

MAY_BE_SENT: Mapping[type[Exception], str] = {
    httpx.ReadTimeout: "time-out",
    # A part was sent, and nobody knows how much of it is at the other end.
    httpx.WriteTimeout: "time-out",
    httpx.ReadError: "connection lost",
    httpx.WriteError: "connection lost",
    httpx.CloseError: "connection lost",
    # "Server disconnected without sending a response" is one of these.
    httpx.RemoteProtocolError: "protocol error",
    # Mostly before the first byte, but also where the connection's state is found to be broken.
    httpx.LocalProtocolError: "protocol error",
    httpx.DecodingError: "unreadable answer",
    # Not raised as `call` uses httpx; whatever raises them, something was sent.
    httpx.TooManyRedirects: "redirect",
    httpx.HTTPStatusError: "unreadable answer",
    httpx.CookieConflict: "unreadable answer",
    httpx.StreamConsumed: "unreadable answer",
    httpx.StreamClosed: "unreadable answer",
    httpx.ResponseNotRead: "unreadable answer",
    httpx.RequestNotRead: "unreadable answer",
}
"""httpx's exceptions after which the request may have been executed, and the word for each."""

_RAISED_BY_HTTPX = (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError)

# Each call has the same few URLs, and each second one Date.
_parsed = functools.lru_cache(maxsize=256)(httpx.URL)
_time = functools.lru_cache(maxsize=16)(parsedate_to_datetime)

OnCall = Callable[[str, str, float], None]
"""Told about each call: action, ``OK`` or the API's code or ``NotSent``, ``NoAnswer`` or
``Cancelled``, and seconds. It must not raise."""


def make_http_transport(*, ca_bundle: str = "", proxy: Proxy | None = None) -> AiohttpTransport:
    """
    Return the way to the network; the caller closes it.

    HTTP/1.1 and a bounded pool. Certificates are verified always. The environment is not trusted: a
    proxy variable that was meant for something else would route private keys through it, SSL_CERT_*
    would name other CAs, and a netrc would replace our Authorization.

    Args:
        ca_bundle: A file of PEM certificates: all that is trusted, for the proxy as well; empty:
            the public CAs.
        proxy: Leads to all hosts but this machine.

    Raises:
        OSError: *ca_bundle* cannot be read, or holds no certificate.
    """
    if ca_bundle:
        context = ssl.create_default_context(cafile=ca_bundle)
    else:
        context = httpx.create_ssl_context(trust_env=False)
    return AiohttpTransport(
        connections=CONNECTIONS, keep_alive=KEEP_ALIVE_SECONDS, context=context, proxy=proxy
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A call before it is signed."""

    action: str
    parameters: Mapping[str, str | SecretText]
    credentials: Credentials
    url: httpx.URL
    deadline: float


class Transport:
    """
    Calls to any RPC operation.

    Not over an `httpx.AsyncClient`: all that it would add to its transport (redirects, cookies,
    netrc, proxies, a merge of headers and of URLs) must not happen here, or has happened.
    """

    def __init__(
        self,
        http: httpx.AsyncBaseTransport,
        *,
        now: Callable[[], datetime],
        nonce: Callable[[], str] = lambda: secrets.token_hex(16),
        on_call: OnCall = lambda _action, _outcome, _seconds: None,
        version: str = RDS_VERSION,
        user_agent: str = "rds-ssl-operator",
        allow_http: bool = False,
    ) -> None:
        """
        Make it; *http* stays the caller's.

        Args:
            now: An aware time.
            nonce: Gives another text each time.
            allow_http: See `checked_url`.
        """
        self._checked = functools.partial(checked_url, allow_http=allow_http)
        self._http = http
        self._headers = {
            "user-agent": user_agent,
            "accept": "application/json",
            # A compressed answer has a size that is known only after it was unpacked.
            "accept-encoding": "identity",
        }
        self._now = now
        self._nonce = nonce
        self._on_call = on_call
        self._version = version
        self._dialects = Dialects()
        self._skews: dict[httpx.URL, float] = {}
        self.clock_skew: float | None = None
        """Seconds by which this machine's clock is ahead of the API's, by the last answer with a
        Date; signatures are refused beyond 900."""

    def skew_of(self, endpoint: str) -> float | None:
        """
        Return `clock_skew` by the answers of one endpoint; None before the first.

        It stands as long as nothing has moved by more than a slow answer would: it is part of a
        condition's text.
        """
        return self._skews.get(_parsed(self._checked(endpoint)))

    async def call(
        self,
        action: str,
        parameters: Mapping[str, str | SecretText],
        credentials: Credentials,
        endpoint: str,
        *,
        write: bool,
    ) -> dict[str, object]:
        """
        Sign, send once, and give the decoded JSON object of a 2xx answer.

        A read whose V3 request nobody has read is sent again as V1; what that gets is the result
        then, unless nobody reads it either.

        Args:
            endpoint: A URL as `rds_ssl.aliyun.endpoints.endpoint_url` gives it.
            write: Whether it changes something; decides on the deadline, and is never sent again.

        Raises:
            ApiError: The API answered with an error code.
            NotSent: No byte of the request has left.
            NoAnswer: It may have been executed. Any answer without a code that the API documents is
                one: a proxy's page with status 403 says nothing about what stands behind it.
            ValueError: *endpoint* must not get a request.
        """
        url = self._checked(endpoint)
        wanted = _Wanted(
            action=action,
            parameters=parameters,
            credentials=credentials,
            url=_parsed(url),
            deadline=WRITE_DEADLINE if write else READ_DEADLINE,
        )
        dialect = self._dialects.of(url)
        try:
            return await self._counted(wanted, dialect)
        except ApiError as error:
            if write or dialect is Dialect.V1 or not unread(error):
                raise
            return await self._again(wanted, url, error)

    async def _again(self, wanted: _Wanted, url: str, first: ApiError) -> dict[str, object]:
        """Send a read as V1 that as V3 got *first*; see `call`."""
        try:
            body = await self._counted(wanted, Dialect.V1)
        except ApiError as error:
            if self._dialects.learn(url, error):
                raise
            raise first from None
        self._dialects.learn(url)
        return body

    async def _counted(self, wanted: _Wanted, dialect: Dialect) -> dict[str, object]:
        loop = asyncio.get_running_loop()
        started = loop.time()
        outcome = "Cancelled"
        try:
            body = await self._exchange(wanted, dialect)
            outcome = "OK"
        except ApiError as error:
            outcome = error.code
            raise
        except TransportError as error:
            outcome = type(error).__name__
            raise
        else:
            return body
        finally:
            self._on_call(wanted.action, outcome, loop.time() - started)

    async def _exchange(self, wanted: _Wanted, dialect: Dialect) -> dict[str, object]:
        action, credentials, deadline = wanted.action, wanted.credentials, wanted.deadline
        plain = {name: _plain(value) for name, value in wanted.parameters.items()}
        signed = functools.partial(
            sign,
            dialect,
            plain,
            credentials,
            host=wanted.url.netloc.decode("ascii"),
            action=action,
            version=self._version,
            date=self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            nonce=self._nonce(),
        )
        request = await offloaded(signed, size=sum(map(len, plain.values())))
        sent = httpx.Request(
            "POST",
            wanted.url,
            headers=httpx.Headers({**self._headers, **request.headers}, encoding="ascii"),
            content=request.content,
            extensions={"timeout": {"connect": CONNECT_DEADLINE, "pool": POOL_DEADLINE}},
        )
        try:
            async with asyncio.timeout(deadline):
                response = await self._http.handle_async_request(sent)
                async with contextlib.aclosing(response):
                    raw = await _read(response, action=action)
        except TimeoutError as error:
            raise NoAnswer(action=action, kind="time-out") from error
        except (*_RAISED_BY_HTTPX, OSError) as error:
            _raise_from(error, action=action)
        self._compare_clocks(wanted.url, response.headers.get("date", ""))
        secret_values = (
            *wanted.parameters.values(),
            credentials.access_key_secret,
            credentials.security_token,
        )
        return _result(
            response,
            raw,
            action=action,
            sent=tuple(plain.values()),
            secret_texts=tuple(
                value.reveal() for value in secret_values if isinstance(value, SecretText)
            ),
        )

    def _compare_clocks(self, url: httpx.URL, date: str) -> None:
        try:
            theirs = _time(date)
        except ValueError:
            return
        if theirs.tzinfo is not None:
            skew = self.clock_skew = (self._now() - theirs).total_seconds()
            if abs(skew - self._skews.get(url, math.inf)) > SKEW_STEP:
                self._skews[url] = skew


async def _read(response: httpx.Response, *, action: str) -> bytes:
    status = response.status_code
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise NoAnswer(action=action, kind="compressed answer", http_status=status)
    if not isinstance(response.stream, httpx.AsyncByteStream):
        raise TypeError(type(response.stream))
    raw = bytearray()
    async for chunk in response.stream:
        raw += chunk
        if len(raw) > ANSWER_BYTES:
            raise NoAnswer(action=action, kind="answer too large", http_status=status)
    return bytes(raw)


def _result(
    response: httpx.Response,
    raw: bytes,
    *,
    action: str,
    sent: tuple[str, ...],
    secret_texts: tuple[str, ...],
) -> dict[str, object]:
    status = response.status_code
    if response.is_success:
        body = answers.read_object(raw)
        if body is None:
            raise NoAnswer(action=action, kind="unreadable answer", http_status=status)
        return body
    error = None
    if status >= 400:
        error = answers.read_error(raw, sent=sent, secrets=secret_texts)
    if error is None:
        raise NoAnswer(
            action=action, kind=f"HTTP {status} without an error code", http_status=status
        )
    raise ApiError(
        action=action,
        code=error.code,
        http_status=status,
        request_id=error.request_id,
        message=error.message,
        retry_after=answers.read_retry_after(response.headers),
        access_denied=error.access_denied,
    )


def _raise_from(error: Exception, *, action: str) -> NoReturn:
    if isinstance(error, httpx.RequestError):
        # httpx hangs the request on its errors. Whoever keeps the error must not keep the key.
        error.request = httpx.Request("POST", "")
    for raised, kind in NOT_SENT.items():
        if isinstance(error, raised):
            behind = no_connection(error) if isinstance(error, httpx.ConnectError) else ""
            if isinstance(error, httpx.ProxyError):
                behind = no_tunnel(str(error))
            # The proxy's own name is no region's.
            missing = not isinstance(error, httpx.ProxyError) and is_no_such_host(error)
            raise NotSent(action=action, kind=behind or kind, no_such_host=missing) from error
    for raised, kind in MAY_BE_SENT.items():
        if isinstance(error, raised):
            raise NoAnswer(action=action, kind=kind) from error
    # An OSError that httpx has let through, or an exception of a later httpx.
    raise NoAnswer(action=action, kind="connection lost") from error


def _plain(value: str | SecretText) -> str:
    return value.reveal() if isinstance(value, SecretText) else value
