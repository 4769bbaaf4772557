"""What stood behind an error of the network. Pure."""

import socket
import ssl
from collections.abc import Iterator, Mapping

from rds_ssl.aliyun.aiohttp_transport import NO_PROXY, REFUSED_BY_PROXY

# The first that fits is taken.
_NO_CONNECTION: Mapping[type[Exception], str] = {
    ssl.SSLError: "TLS error",
    socket.gaierror: "host name not found",
    ConnectionRefusedError: "connection refused",
}


_NO_SUCH_HOST = frozenset(
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA") if hasattr(socket, name)
)
"""Errors of getaddrinfo for a name, or addresses of it, that do not exist; EAI_AGAIN is none."""


def no_connection(error: Exception) -> str:
    """Return in two or three words why a connection did not come about; empty if nobody knows."""
    chain = tuple(_chain(error))
    return next(
        (
            kind
            for cause, kind in _NO_CONNECTION.items()
            if any(isinstance(link, cause) for link in chain)
        ),
        "",
    )


def no_tunnel(told: str) -> str:
    """Return in a few words why a proxy gave no way; empty if nobody knows."""
    name, _, status = told.partition(" ")
    if name == REFUSED_BY_PROXY:
        refused = "RDS_SSL_PROXY_CREDENTIALS" if status == "407" else "the host"
        return f"the proxy refuses {refused}"
    return "proxy not reached" if name == NO_PROXY else ""


def is_no_such_host(error: Exception) -> bool:
    """True if DNS says that there is no such name, and not that it cannot tell for now."""
    return any(
        isinstance(link, socket.gaierror) and link.errno in _NO_SUCH_HOST for link in _chain(error)
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        link = pending.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        pending += [link.__cause__, link.__context__]
        if isinstance(link, BaseExceptionGroup):
            # anyio tries all addresses of a host, and groups what came of it.
            pending += link.exceptions
