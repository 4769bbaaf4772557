"""What goes wrong, one after another; each is played in a world of its own."""

import asyncio
import base64
import contextlib
import io
import json
import logging
import ssl
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import CodeType
from typing import Literal
from urllib.parse import parse_qs, quote

import aiohttp
import httpx
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from leaks.marked import marked
from leaks.world import FORMATS, Channels, Respond, functions, logs, play, play_bug
from rds_ssl.aliyun.aiohttp_transport import AFTER_THE_REQUEST, BEFORE_THE_REQUEST, translated
from rds_ssl.aliyun.exchange import MAY_BE_SENT, NOT_SENT

Format = Literal["text", "json"]

LOGGERS = (
    "rds_ssl",
    "kopf",
    "kubernetes",
    "client",
    "httpx",
    "httpcore",
    "aiohttp",
    "asyncio",
    "x",
)

IN_HAND = frozenset({"SecretText.__init__"})
"""
Where a secret is in a variable, and no `SecretText` has it yet. A bug there is raised without the
variables: what it would say is a word like any other, and nobody knows it.
"""


@dataclass(frozen=True, slots=True)
class Failure:
    """One of them."""

    sort: str
    name: str
    play: Callable[[Channels], object]


def _whole(request: httpx.Request) -> str:
    """Say all of a request, as a careless exception does."""
    return f"{request.method} {request.url} {dict(request.headers)} {request.content.decode()}"


def _plain(request: httpx.Request) -> str:
    """Say the parameters of a request as they are."""
    return repr(parse_qs(request.content.decode()))


def _raising(kind: type[Exception], say: Callable[[httpx.Request], str]) -> Respond:
    def respond(request: httpx.Request) -> httpx.Response:
        text = say(request)
        cause = OSError(5, text)
        if kind is httpx.HTTPStatusError:
            error: Exception = httpx.HTTPStatusError(
                text, request=request, response=httpx.Response(500, text=text)
            )
        elif issubclass(kind, httpx.StreamError) and kind is not httpx.StreamError:
            error = kind()  # type: ignore[call-arg]  # All but the base take nothing.
        else:
            error = kind(text)
        if isinstance(error, httpx.RequestError):
            error.request = request
        raise error from cause

    return respond


def _translating(kind: type[Exception]) -> Respond:
    """Raise what the transport makes of an exception of aiohttp that has the request's headers."""

    def respond(request: httpx.Request) -> httpx.Response:
        headers = CIMultiDictProxy(CIMultiDict(request.headers.multi_items()))
        info = aiohttp.RequestInfo(URL(str(request.url)), "POST", headers, URL(str(request.url)))
        if issubclass(kind, aiohttp.ClientResponseError):
            error: Exception = kind(info, (), status=407, message=_whole(request))
        else:
            error = kind.__new__(kind)
            error.args = (_whole(request),)
        made = translated(error)
        made.request = request
        raise made

    return respond


def _echoing(status: int, body: Callable[[httpx.Request], bytes], kind: str) -> Respond:
    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=body(request), headers={"content-type": kind})

    return respond


def _error_body(text: str) -> bytes:
    denied = dict.fromkeys(("AuthAction", "AuthPrincipalDisplayName"), text)
    body = {
        "Code": "Forbidden.RAM",
        "RequestId": "R-1",
        "Message": text,
        "AccessDeniedDetail": denied,
    }
    return json.dumps(body).encode()


ECHOES: dict[str, Respond] = {
    "an error that says the parameters": _echoing(403, lambda it: _error_body(_plain(it)), "json"),
    "an error that says the body": _echoing(
        400, lambda it: _error_body(it.content.decode()), "json"
    ),
    "an error that says the body, escaped again": _echoing(
        400, lambda it: _error_body(quote(it.content.decode(), safe="")), "json"
    ),
    "a page with all of the request": _echoing(502, lambda it: _whole(it).encode(), "text/html"),
    "an error in XML": _echoing(
        400,
        lambda it: f"<Error><Code>Bad.X</Code><Message>{_plain(it)}</Message></Error>".encode(),
        "text/xml",
    ),
    "an answer with all of the request": _echoing(
        200, lambda it: json.dumps({"RequestId": "R", "Echo": _whole(it)}).encode(), "json"
    ),
    "an answer that is none": _echoing(200, lambda it: _whole(it).encode(), "json"),
    "a redirect with all of the request": _echoing(307, lambda it: _whole(it).encode(), "json"),
}


def of_clients() -> Iterator[Failure]:
    """Each exception class of the HTTP clients, at each call."""
    kinds = (*NOT_SENT, *MAY_BE_SENT, OSError, ssl.SSLError, TimeoutError, UnicodeError)
    for kind in kinds:
        for say in (_whole, _plain):
            respond = _raising(kind, say)
            for format_ in FORMATS:
                yield Failure("client", f"{kind.__name__}, {format_}", _played(respond, format_))
    for kind in (*BEFORE_THE_REQUEST, *AFTER_THE_REQUEST):
        yield Failure("client", kind.__name__, _played(_translating(kind), "text"))


def of_the_cloud() -> Iterator[Failure]:
    """Answers that echo what was sent."""
    for name, respond in ECHOES.items():
        for action in ("DescribeDBInstanceSSL", "ModifyDBInstanceSSL"):
            for format_ in FORMATS:
                yield Failure(
                    "cloud", f"{name}, {action}", _played(respond, format_, action=action)
                )


def _played(respond: Respond, format_: Format, action: str = "") -> Callable[[Channels], object]:
    return lambda channels: play(channels, format_=format_, respond=respond, action=action)


def of_bugs() -> Iterator[Failure]:
    """A bug in each function that the story comes to."""
    for number, code in enumerate(functions(Channels())):
        format_ = FORMATS[number % len(FORMATS)]
        yield Failure("bug", code.co_qualname, partial(_bug, code=code, format_=format_))


def _bug(channels: Channels, *, code: CodeType, format_: Format) -> None:
    silent = code.co_qualname.partition(".<locals>")[0] in IN_HAND
    play_bug(channels, code, format_=format_, says=not silent)


def of_libraries() -> Iterator[Failure]:
    """Each logger, told secrets in every shape that libraries print them in."""
    for name in LOGGERS:
        for format_ in FORMATS:
            yield Failure(
                "logger", f"{name}, {format_}", partial(_told, name=name, format_=format_)
            )


def _shapes() -> Iterator[object]:
    key, secret = marked()["private key"].text, marked()["access key"].text
    token, password = marked()["token"].text, marked()["PFX password"].text
    login = marked()["proxy login"].text
    yield from (key, key.encode(), [key], {"data": key}, repr(key), quote(key), quote(quote(key)))
    yield {"accessKeySecret": secret, "securityToken": token, "password": password}
    yield {"accessKeySecret": secret.encode(), "password": password.encode()}
    yield {"ServerKey": key, "PassWord": password, "SecurityToken": token}
    yield f"https://rds.test/?SecurityToken={quote(token, safe='')}&Signature={secret}&a=b"
    yield {"x-acs-security-token": token, "Proxy-Authorization": f"Basic {_b64(login)}"}
    yield json.dumps({"kind": "Secret", "data": {"tls.key": _b64(key)}})
    yield json.dumps(json.dumps({"tls.key": key}))
    yield {"password": json.dumps({"password": password})}


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _told(channels: Channels, *, name: str, format_: Format) -> None:
    log = logging.getLogger(name)
    errors = io.StringIO()
    with (
        logs(format_, channels),
        contextlib.redirect_stderr(errors),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("always")
        for shape in _shapes():
            log.debug(shape)
            log.info("it is %s", shape)
            log.warning("with a field", extra={"given": shape})
            log.error("%r", shape, stack_info=True)
            # No number: logging cannot write it.
            log.info("it is %d", shape)
            try:
                _fail(shape)
            except ValueError:
                log.exception("failed: %s", shape)
            warnings.warn(f"beware of {shape}", stacklevel=1)
        loop = asyncio.new_event_loop()
        loop.call_exception_handler({"message": marked()["private key"].text})
        loop.close()
    channels.add("standard error", errors.getvalue())


def _fail(shape: object) -> None:
    raise ValueError(shape) from KeyError(shape)


def all_failures() -> Iterator[Failure]:
    """Give each."""
    yield from of_libraries()
    yield from of_the_cloud()
    yield from of_clients()
    yield from of_bugs()
