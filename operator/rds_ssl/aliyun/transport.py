"""
One signed call to the cloud API: sent once, and its outcome told apart.

POST with a form body: a private key has no place in a URL, which proxies and gateways log. No
redirect is followed and no write is sent twice, because ModifyDBInstanceSSL has no idempotency
token and each accepted call may restart a database. A read is sent twice in one case: to find out
which signature its endpoint takes (`rds_ssl.aliyun.dialects`).

Source: the vendor's pages on request structure and signature V3.
"""

import asyncio
import functools
import math
import secrets
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from rds_ssl.aliyun import answers
from rds_ssl.aliyun.aiohttp_transport import BEFORE_SENDING, AiohttpTransport, Proxy
from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.dialects import Dialect, Dialects, sign, unread
from rds_ssl.aliyun.endpoints import checked_url
from rds_ssl.aliyun.exchange import CONNECT_DEADLINE, POOL_DEADLINE, Answer, exchange
from rds_ssl.core.errors import ApiError, NoAnswer, NotLeading, TransportError
from rds_ssl.core.secret_text import SecretText
from rds_ssl.offloading import offloaded

RDS_VERSION = "2014-08-15"
"""Version of the RDS API (x-acs-version)."""

WRITE_DEADLINE = 60.0
"""Seconds. The SDK gives up after 10; a write that is given up is a write with unknown outcome, so
it gets as long as a gateway keeps a request."""

READ_DEADLINE = 20.0
"""Seconds. Twice the SDK's; a read is simply repeated."""

CONNECTIONS = 16
"""Connections to the cloud, at 0.3 MB each with TLS: enough for 5 calls a second of 3 s."""

KEEP_ALIVE_SECONDS = 10.0
"""How long an idle connection is kept. Gateways drop idle ones after 15 s and more; a write on a
connection that is just being dropped would have an unknown outcome."""

SKEW_STEP = 30.0
"""Seconds. An answer may be that late, and its Date has no fractions."""

# Each call has the same few URLs, and each second one Date.
_parsed = functools.lru_cache(maxsize=256)(httpx.URL)
_time = functools.lru_cache(maxsize=16)(parsedate_to_datetime)

OnCall = Callable[[str, str, float], None]
"""Told about each call: action, ``OK`` or the API's code or ``NotSent``, ``NoAnswer``,
``NotLeading`` or ``Cancelled``, and seconds. It must not raise."""


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
    credentials: Credentials | None
    url: httpx.URL
    write: bool
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
        before_a_write: Callable[[], None] = lambda: None,
        dialects: Dialects | None = None,
    ) -> None:
        """
        Make it; *http* stays the caller's.

        Args:
            now: An aware time.
            nonce: Gives another text each time.
            allow_http: See `checked_url`.
            before_a_write: Called right before the first byte of a write; may raise `NotLeading`.
            dialects: What is known of endpoints already; None: nothing.
        """
        self._before_a_write = before_a_write
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
        self._dialects = dialects or Dialects()
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

    def their_now(self) -> datetime:
        """Return the time by the clock of whoever has answered last, as far as it is known."""
        return self._now() - timedelta(seconds=self.clock_skew or 0.0)

    async def call(
        self,
        action: str,
        parameters: Mapping[str, str | SecretText],
        credentials: Credentials | None,
        endpoint: str,
        *,
        write: bool,
        deadline: float | None = None,
    ) -> dict[str, object]:
        """
        Sign, send once, and give the decoded JSON object of a 2xx answer.

        A read whose V3 request nobody has read is sent again as V1; what that gets is the result
        then, unless nobody reads it either.

        Args:
            credentials: None for an operation that is not signed: its parameters prove the caller.
            endpoint: A URL as `rds_ssl.aliyun.endpoints.endpoint_url` gives it.
            write: Whether it changes something; decides on the deadline, and is never sent again.
            deadline: Seconds, in place of the usual ones.

        Raises:
            ApiError: The API answered with an error code.
            NotSent: No byte of the request has left.
            NoAnswer: It may have been executed. Any answer without a code that the API documents is
                one: a proxy's page with status 403 says nothing about what stands behind it.
            NotLeading: A write that nobody may send any more.
            ValueError: *endpoint* must not get a request.
        """
        url = self._checked(endpoint)
        wanted = _Wanted(
            action=action,
            parameters=parameters,
            credentials=credentials,
            url=_parsed(url),
            write=write,
            deadline=deadline or (WRITE_DEADLINE if write else READ_DEADLINE),
        )
        dialect = Dialect.UNSIGNED if credentials is None else self._dialects.of(url)
        try:
            return await self._counted(wanted, dialect)
        except ApiError as error:
            if write or dialect is not Dialect.V3 or not unread(error):
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
        except (TransportError, NotLeading) as error:
            outcome = type(error).__name__
            raise
        else:
            return body
        finally:
            self._on_call(wanted.action, outcome, loop.time() - started)

    async def _exchange(self, wanted: _Wanted, dialect: Dialect) -> dict[str, object]:
        action, credentials = wanted.action, wanted.credentials
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
        url = wanted.url
        sent = httpx.Request(
            "POST",
            url.copy_with(query=request.query.encode()) if request.query else url,
            headers=httpx.Headers({**self._headers, **request.headers}, encoding="ascii"),
            content=request.content,
            extensions={
                "timeout": {"connect": CONNECT_DEADLINE, "pool": POOL_DEADLINE},
                BEFORE_SENDING: self._before_a_write if wanted.write else None,
            },
        )
        answer = await exchange(self._http, sent, action=action, deadline=wanted.deadline)
        self._compare_clocks(wanted.url, answer.headers.get("date", ""))
        secret_values: tuple[object, ...] = tuple(wanted.parameters.values())
        if credentials is not None:
            secret_values += (credentials.access_key_secret, credentials.security_token)
        result = functools.partial(
            _result,
            answer,
            action=action,
            sent=tuple(plain.values()),
            secret_texts=tuple(
                value.reveal() for value in secret_values if isinstance(value, SecretText)
            ),
        )
        return await offloaded(result, size=len(answer.raw))

    def _compare_clocks(self, url: httpx.URL, date: str) -> None:
        try:
            theirs = _time(date)
        except (ValueError, OverflowError):  # An offset may have any number of digits.
            return
        if theirs.tzinfo is not None:
            skew = self.clock_skew = (self._now() - theirs).total_seconds()
            if abs(skew - self._skews.get(url, math.inf)) > SKEW_STEP:
                self._skews[url] = skew


def _result(
    answer: Answer, *, action: str, sent: tuple[str, ...], secret_texts: tuple[str, ...]
) -> dict[str, object]:
    status = answer.status
    if 200 <= status < 300:
        body = answers.read_body(answer.raw, secrets=secret_texts)
        if body is None:
            raise NoAnswer(action=action, kind="unreadable answer", http_status=status)
        return body
    error = None
    if status >= 400:
        error = answers.read_error(answer.raw, sent=sent, secrets=secret_texts)
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
        retry_after=answers.read_retry_after(answer.headers),
        access_denied=error.access_denied,
    )


def _plain(value: str | SecretText) -> str:
    return value.reveal() if isinstance(value, SecretText) else value
