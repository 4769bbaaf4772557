"""
One HTTP request of ours and its answer: bounded in size and time, and what became of it if not.

Below the signed calls (`rds_ssl.aliyun.transport`) and the unsigned ones of the metadata service
(`rds_ssl.aliyun.identity.metadata`): no redirect is followed, nothing is sent twice.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import NamedTuple, NoReturn

import httpx

from rds_ssl.aliyun.causes import is_no_such_host, no_connection, no_tunnel
from rds_ssl.core.errors import NoAnswer, NotSent

CONNECT_DEADLINE = 5.0
"""Seconds, the SDK's. Passing it says that nothing was sent, which the two above cannot say."""

POOL_DEADLINE = 10.0
"""Seconds for a free connection; as with the connect deadline, nothing was sent then."""

ANSWER_BYTES = 2 * 1024 * 1024
"""Largest answer read. A CRL with 20,000 serials is 1 MB of PEM; all else is a few KB."""

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


class Answer(NamedTuple):
    """An answer, read to its end."""

    status: int
    headers: httpx.Headers
    raw: bytes


async def exchange(
    http: httpx.AsyncBaseTransport,
    request: httpx.Request,
    *,
    action: str,
    deadline: float,
    most: int = ANSWER_BYTES,
) -> Answer:
    """
    Send a request once; give whatever answer there is.

    Args:
        action: What it is called in errors.
        deadline: Seconds for all of it.
        most: Bytes of the answer.

    Raises:
        NotSent: No byte of the request has left.
        NoAnswer: It may have been executed.
    """
    try:
        async with asyncio.timeout(deadline):
            response = await http.handle_async_request(request)
            async with contextlib.aclosing(response):
                raw = await _read(response, action=action, most=most)
    except TimeoutError as error:
        raise NoAnswer(action=action, kind="time-out") from error
    except (*_RAISED_BY_HTTPX, OSError) as error:
        _raise_from(error, action=action)
    return Answer(status=response.status_code, headers=response.headers, raw=raw)


async def _read(response: httpx.Response, *, action: str, most: int) -> bytes:
    status = response.status_code
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise NoAnswer(action=action, kind="compressed answer", http_status=status)
    if not isinstance(response.stream, httpx.AsyncByteStream):
        raise TypeError(type(response.stream))
    raw = bytearray()
    async for chunk in response.stream:
        raw += chunk
        if len(raw) > most:
            raise NoAnswer(action=action, kind="answer too large", http_status=status)
    return bytes(raw)


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
