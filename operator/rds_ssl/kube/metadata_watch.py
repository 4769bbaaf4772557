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

from rds_ssl.core.errors import KubeError, KubeRefused, KubeTooLarge
from rds_ssl.kube.client import LARGEST, KubeClient
from rds_ssl.kube.pages import pages
from rds_ssl.kube.resources import METADATA, PAGE

_log = logging.getLogger(__name__)

_ONE = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_IDLE = 90.0
"""Seconds without a byte. Bookmarks come every 60."""
_LASTS = 300
"""Seconds after which the server is asked to end one watch."""
_LATE = 30.0
"""Seconds after that until it is ended here."""
_MAX_PAUSE = 30.0

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
        lasts: int = _LASTS,
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
            lasts: Seconds that one watch lives before it is opened anew.
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
        """Loop time of the last word of the API server; a bookmark comes every minute."""

    def version(self, key: Key) -> Version | None:
        """Return (uid, resourceVersion) of an object; None if it does not exist, or not yet."""
        return self._versions.get(key)

    async def run(self) -> None:
        """List, watch, and start again after any fault; ends by cancellation only."""
        position: str | None = None
        pause, told = 0.0, ""
        while True:
            heard = self.heard_at or 0.0
            try:
                if position is None:
                    position = await self._list()
                    self.synced.set()
                    self.tried.set()
                    pause, told = 0.0, ""
                position = await self._watch(position)
                pause = 0.0
            except KubeError as error:
                if self.heard_at is not None and self.heard_at > heard:
                    pause = 0.0  # It has worked since the last fault.
                self.tried.set()
                forbidden = isinstance(error, KubeRefused) and error.status == 403
                pause = min(self._patience if forbidden else _MAX_PAUSE, max(0.5, pause * 2))
                # What may not be watched is told once, not at each attempt.
                level = logging.DEBUG if forbidden and str(error) == told else logging.WARNING
                told = str(error)
                _log.log(level, "%s; next try in about %.0f s", error, pause)
                if error.status == 410 or isinstance(error, KubeTooLarge):
                    position = None
                await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311  # Jitter.
            except Exception:  # noqa: BLE001  # A watch that ends is a Secret never seen again.
                self.tried.set()
                _log.exception("watch %s failed in a way nobody foresaw", self._what)
                position, pause = None, _MAX_PAUSE
                await asyncio.sleep(pause)

    async def _list(self) -> str:
        fresh: dict[Key, Version] = {}
        position = ""
        async for page in pages(
            self._kube, self._path, self._selector, limit=PAGE, accept=METADATA
        ):
            for item in page.get("items") or []:
                fresh[_key(item)] = _version(item)
            position = str((page.get("metadata") or {}).get("resourceVersion", ""))
        old, self._versions = self._versions, fresh
        for key in old.keys() | fresh.keys():
            if old.get(key) != fresh.get(key):
                self._on_change(key)
        return position

    async def _watch(self, position: str) -> str | None:
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": position,
            "timeoutSeconds": str(self._lasts),
            **self._selector,
        }
        async with self._kube.stream(
            self._path, query=query, accept=_ONE, idle=_IDLE, total=self._lasts + _LATE
        ) as response:
            async for event in _events(response):
                self.heard_at = asyncio.get_running_loop().time()
                item = event["object"]
                if event["type"] == "ERROR":
                    return None  # 410 in the stream: too old a position.
                position = item["metadata"]["resourceVersion"]
                if event["type"] == "BOOKMARK":
                    continue
                key = _key(item)
                if event["type"] == "DELETED":
                    self._versions.pop(key, None)
                else:
                    self._versions[key] = _version(item)
                self._on_change(key)
        return position


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
