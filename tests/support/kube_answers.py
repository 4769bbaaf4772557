"""
In the place of a client of the API server: notes what is asked of it, and answers what it is told.

::

    kube = AnsweringKube(in_turn(listed(9, item(("shop", "a"), 1)), KubeUnavailable("no answer")))
    kube.watches.append([event("DELETED", item(("shop", "a"), 10)), 60.0, bookmark(20)])

It is for what stands above the client, and has no wire; what the client itself sends is seen by
`support.api_stand_in`, and what the real server makes of it by `support.controlplane`.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import aiohttp

from rds_ssl.core.errors import KubeError, KubeTooLarge, KubeUnavailable
from rds_ssl.kube.client import DEADLINE, LARGEST, KubeClient

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request; the method of a watch is ``WATCH``."""

    method: str
    path: str
    query: Mapping[str, str]
    accept: str
    body: object
    at: float
    """The loop's time."""


Answer = Callable[[Asked], Json]
"""What a request is answered; it may raise."""

Script = Sequence[bytes | float | Exception]
"""What a watch brings: bytes as they arrive, seconds without any, what breaks it off. After the
last of them the server ends it."""

_SILENCE = (float("inf"),)


def in_turn(*answers: Json | KubeError) -> Answer:
    """Answer each request with the next of *answers*, and for ever with the last."""
    waiting = deque(answers)

    def answer(_: Asked) -> Json:
        given = waiting.popleft() if len(waiting) > 1 else waiting[0]
        if isinstance(given, KubeError):
            raise given
        return given

    return answer


def item(key: tuple[str, str], version: int, *, uid: str = "") -> Json:
    """Make the metadata of an object; *version* is its resourceVersion."""
    namespace, name = key
    meta = {"namespace": namespace, "name": name, "uid": uid or f"uid-{name}"}
    return {"metadata": {**meta, "resourceVersion": str(version)}}


def listed(version: int, *items: Json, more: str = "") -> Json:
    """Make a page of a list at *version*; *more* is what asks for the next one."""
    return {"metadata": {"resourceVersion": str(version), "continue": more}, "items": list(items)}


def event(kind: str, thing: Json) -> bytes:
    """Make a line of a watch."""
    return json.dumps({"type": kind, "object": thing}).encode() + b"\n"


def bookmark(version: int) -> bytes:
    """Make the line that says how far the watch has come."""
    return event("BOOKMARK", {"metadata": {"resourceVersion": str(version)}})


class AnsweringKube(KubeClient):
    """A client without a server; requests are answered with ``{}`` unless told otherwise."""

    def __init__(self, answer: Answer = lambda _: {}) -> None:
        self.asked: list[Asked] = []
        self.watches: deque[Script] = deque()
        """One for each watch that is opened, in turn; those after the last are silent."""
        self._answer = answer

    @property
    def requested(self) -> list[tuple[str, str, Mapping[str, str]]]:
        """Method, path and query of all that was asked."""
        return [(each.method, each.path, each.query) for each in self.asked]

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        accept: str = "application/json",
        deadline: float = DEADLINE,
        largest: int = LARGEST,
        repeatable: bool = False,
    ) -> Json:
        """See `KubeClient.request`: not repeated, and an answer that is too large is not given."""
        del deadline, repeatable
        answer = self._answer(self._note(method, path, query, accept, body))
        if len(json.dumps(answer)) > largest:
            raise KubeTooLarge(f"{method} {path}: too large")
        return answer

    @asynccontextmanager
    async def stream(
        self, path: str, *, query: Mapping[str, str], accept: str, idle: float, total: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """See `KubeClient.stream`; time-outs are those of the real one."""
        self._note("WATCH", path, query, accept, None)
        script = self.watches.popleft() if self.watches else _SILENCE
        try:
            async with asyncio.timeout(total):
                yield cast("aiohttp.ClientResponse", _Response(_Content(script, idle)))
        except TimeoutError as error:
            raise KubeUnavailable(f"watch {path}: broken off (TimeoutError)") from error

    def _note(
        self, method: str, path: str, query: Mapping[str, str] | None, accept: str, body: object
    ) -> Asked:
        at = asyncio.get_running_loop().time()
        self.asked.append(
            Asked(method=method, path=path, query=query or {}, accept=accept, body=body, at=at)
        )
        return self.asked[-1]


class _Content:
    """What is read of a watch."""

    def __init__(self, script: Script, idle: float) -> None:
        self._script = script
        self._idle = idle

    async def iter_any(self) -> AsyncIterator[bytes]:
        """Yield what the script brings, when it does; too long a pause raises TimeoutError."""
        for each in self._script:
            if isinstance(each, Exception):
                raise each
            if isinstance(each, bytes):
                yield each
            else:
                async with asyncio.timeout(self._idle):
                    await asyncio.sleep(each)


@dataclass(frozen=True, slots=True)
class _Response:
    content: _Content
