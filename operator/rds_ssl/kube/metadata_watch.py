"""
Which Secrets and ConfigMaps exist and in which version: a watch of their metadata only.

kopf's watch would carry every Secret's content through this process (52 MB and 159 MB of memory for
10,000 Secrets, against 4 MB here; its index is quadratic), ``kubernetes.aio`` has no informer, and
the synchronous one has neither a queue nor a back-off. Content is read when a pass needs it.
Source: docs/decisions/001-the-loop.md.
"""

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

from rds_ssl.core.errors import KubeError, KubeRefused, KubeTooLarge, KubeUnavailable
from rds_ssl.kube.client import LARGEST, KubeClient, read_error
from rds_ssl.kube.pages import pages
from rds_ssl.kube.resources import METADATA, PAGE

_log = logging.getLogger(__name__)

_ONE = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
LASTS = 25
"""
Seconds after which the server is asked to end one watch. One that has not ended `_LATE` seconds
after that hangs: whatever stands between holds its bytes back, and keeps the connection. The next
one goes on where this one was, out of the API server's memory.
"""
_LATE = 10.0
"""Seconds for the end of a watch to arrive; a list is due in as many, too."""
_IDLE = 90.0
"""Seconds without a byte, for a watch that lasts longer. Bookmarks come every 60."""
_MIN_PAUSE, _MAX_PAUSE = 0.5, 30.0
"""Seconds between two attempts."""
_MAX_RETRY_AFTER = 120.0
"""Seconds that the server may ask for."""
_LIVED = 10.0
"""Seconds after which a watch has not ended at once, and another one costs little."""
_IN_VAIN = 8
"""
Watches in a row that brought nothing, after which the place is given up: two minutes of pauses. An
error that is not 410 says nothing of the place, but there may be one that comes of it each time.
"""

Key = tuple[str, str]
Version = tuple[str, str]


class MetadataWatch:
    """
    Versions of all objects of one kind in one namespace, or in all.

    *on_change* is called with (namespace, name) whenever an object appears, changes or goes, also
    when that is noticed by a new list after a broken watch.
    """

    def __init__(
        self,
        kube: KubeClient,
        path: str,
        on_change: Callable[[Key], None],
        *,
        selector: str = "",
        name: str = "",
        lasts: Callable[[], int] = lambda: LASTS,
        patience: float = _MAX_PAUSE,
    ) -> None:
        """
        Make it; `run` does the work.

        Args:
            kube: The API server.
            path: The kind, in one namespace or in all.
            on_change: See the class.
            selector: Label selector; empty: all.
            name: Of the one object to watch; empty: all. A Role with resourceNames suffices then.
            lasts: Gives the seconds that one watch lives before it is opened anew; a hung one is
                noticed 10 s after that, or after 90 s without a byte.
            patience: Seconds between two attempts at what may not be watched, at most.
        """
        self._kube = kube
        self._path = path
        self._selector = {
            **({"labelSelector": selector} if selector else {}),
            **({"fieldSelector": f"metadata.name={name}"} if name else {}),
        }
        self._what = f"{path} ({name})" if name else path
        self._lasts = lasts
        self._patience = patience
        self._on_change = on_change
        self._versions: dict[Key, Version] = {}
        self.synced = asyncio.Event()
        """Set once the first list is complete."""
        self.tried = asyncio.Event()
        """Set once the API server has answered the first list, or has not."""
        self.heard_at: float | None = None
        """Loop time of the last word of the API server; a watch is opened twice a minute."""
        self._position: str | None = None
        """The resourceVersion that the next watch goes on from; None: a list is due."""
        self._brought = False
        """Whether the present watch has brought anything."""
        self._in_vain = 0
        """Watches in a row that brought nothing, and failed or ended at once."""
        self._unlisted = 0
        """Lists in a row that failed."""
        self._told = ""

    def version(self, key: Key) -> Version | None:
        """Return (uid, resourceVersion) of an object; None if it does not exist, or not yet."""
        return self._versions.get(key)

    async def run(self) -> None:
        """List, watch, and start again after any fault; ends by cancellation only."""
        while True:
            try:
                pause = await self._round()
            except Exception:  # noqa: BLE001  # A watch that ends is a Secret never seen again.
                _log.exception("watch %s failed in a way nobody foresaw", self._what)
                self._position, pause = None, _MAX_PAUSE
            self.tried.set()
            await asyncio.sleep(pause)

    async def _round(self) -> float:
        """List if that is due, and watch; return the seconds until it may be done again."""
        loop = asyncio.get_running_loop()
        error: KubeError | None = None
        self._brought = False
        opened = loop.time()
        try:
            if self._position is None:
                self._position = await self._list()
                self._unlisted = 0
                self.synced.set()
                self.tried.set()
                opened = loop.time()
            self._position = await self._watch(self._position)
        except KubeError as failure:
            error = failure
        if self._position is None:
            self._unlisted += 1
            return self._pause(error, self._unlisted + self._in_vain)
        lost = isinstance(error, KubeTooLarge) or (error is not None and error.status == 410)
        lived = loop.time() - opened >= _LIVED
        if lived or (self._brought and not lost):
            self._in_vain = 0
        if error is None and (lived or self._brought):
            self._told = ""
            return 0.0
        self._in_vain += 1
        if lost or self._in_vain % _IN_VAIN == 0:
            self._position = None
        return self._pause(error, self._in_vain)

    def _pause(self, error: KubeError | None, times: int) -> float:
        """Return how long to wait after so many ends that brought nothing, and say why."""
        forbidden = isinstance(error, KubeRefused) and error.status == 403
        longest = self._patience if forbidden else _MAX_PAUSE
        pause = min(longest, _MIN_PAUSE * 2.0 ** min(times - 1, 16))
        pause *= random.uniform(0.8, 1.2)  # noqa: S311  # Jitter.
        if isinstance(error, KubeUnavailable) and error.retry_after is not None:
            pause = max(pause, min(error.retry_after, _MAX_RETRY_AFTER))
        words = str(error) if error else f"watch {self._what}: ended at once"
        # What may not be watched is told once, not at each attempt.
        level = logging.DEBUG if forbidden and words == self._told else logging.WARNING
        self._told = words
        _log.log(level, "%s; next try in about %.0f s", words, pause)
        return pause

    async def _list(self) -> str:
        fresh: dict[Key, Version] = {}
        position = ""
        async for page in pages(
            self._kube, self._path, self._selector, limit=PAGE, accept=METADATA
        ):
            for item in page.get("items") or []:
                fresh[_key(item)] = _version(item)
            position = str((page.get("metadata") or {}).get("resourceVersion", ""))
        self._heard()
        old, self._versions = self._versions, fresh
        for key in old.keys() | fresh.keys():
            if old.get(key) != fresh.get(key):
                self._on_change(key)
        return position

    async def _watch(self, position: str) -> str:
        """
        Take in what one watch brings; return where the next one goes on.

        Raises:
            KubeError: Also what the API server says within the stream.
        """
        lasts = self._lasts()
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": position,
            "timeoutSeconds": str(lasts),
            **self._selector,
        }
        async with self._kube.stream(
            self._path, query=query, accept=_ONE, idle=_IDLE, total=lasts + _LATE
        ) as response:
            self._heard()
            async for event in _events(response):
                self._heard()
                item = event["object"]
                if event["type"] == "ERROR":
                    raise _said(f"watch {self._what}", item)
                self._brought = True
                # At once: what comes after it may be a fault.
                self._position = position = item["metadata"]["resourceVersion"]
                if event["type"] == "BOOKMARK":
                    continue
                key = _key(item)
                if event["type"] == "DELETED":
                    self._versions.pop(key, None)
                else:
                    self._versions[key] = _version(item)
                self._on_change(key)
        return position

    def _heard(self) -> None:
        self.heard_at = asyncio.get_running_loop().time()


def _said(what: str, status: dict[str, Any]) -> KubeError:
    """Return the error that a Status in a stream means, as if it were an answer of its own."""
    code, details = status.get("code"), status.get("details") or {}
    headers = {"Retry-After": str(details.get("retryAfterSeconds", ""))}
    code = code if isinstance(code, int) and code >= 400 else 500
    return read_error(what, code, headers, json.dumps(status).encode())


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """
    Split the stream at its newlines; a line may be longer than any buffer.

    Raises:
        KubeTooLarge: Than any object is.
    """
    rest = bytearray()
    async for chunk in response.content.iter_any():
        *lines, begun = chunk.split(b"\n")
        for line in lines:
            rest += line
            if rest.strip():
                yield json.loads(rest)
            rest.clear()
        rest += begun
        if len(rest) > LARGEST:
            raise KubeTooLarge(f"a watch: a line of more than {LARGEST} bytes")


def _key(item: dict[str, Any]) -> Key:
    return item["metadata"]["namespace"], item["metadata"]["name"]


def _version(item: dict[str, Any]) -> Version:
    return item["metadata"]["uid"], item["metadata"]["resourceVersion"]
