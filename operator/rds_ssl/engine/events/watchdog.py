"""A watch over the watch: does kopf show what the cluster has?"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from rds_ssl.core.errors import KubeError, KubeNotFound
from rds_ssl.engine.events.router import EventRouter
from rds_ssl.engine.objects import Key, Objects
from rds_ssl.kube.client import KubeClient
from rds_ssl.kube.metadata_watch import MetadataWatch

_log = logging.getLogger(__name__)

BEHIND = 10.0
"""Seconds by which kopf's watch may be behind before an object is read without it."""

STALE = 60.0
"""Seconds by which it may be behind that before it is started again."""

GHOST = 5.0
"""Seconds after which an object that was seen to go is dropped without kopf's word."""

_AFTER_FAILURE = 2.0
"""Seconds between two attempts at reading, when the API server does not answer."""


class Watchdog:
    """
    A second watch of the objects, of their metadata only, that reads what kopf's does not show.

    kopf's watcher can die without a word (nolar/kopf#1276), tells nobody of bookmarks, and sends no
    event for what vanished while its stream was broken; this one costs a connection and 440 bytes
    an event. kopf's events come through here to the *router*.
    """

    def __init__(
        self,
        objects: Objects,
        router: EventRouter,
        read: Callable[[str, str], Awaitable[Mapping[str, Any]]],
        selector: str,
    ) -> None:
        """Make it; *read* reads one object, by namespace and name."""
        self._objects = objects
        self._router = router
        self._read = read
        self._selector = selector
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        """The check that is to come of each object; it looks at the version of its beginning."""
        self._uids: dict[Key, str] = {}
        """Of each object that the watch has shown."""
        self._unread: dict[Key, None] = {}
        """What is to be read, in its order."""
        self._reading: asyncio.Task[None] | None = None
        self._late: dict[Key, tuple[str, str]] = {}
        """Versions that were read because kopf did not show them, and has not since."""
        self.watches: list[MetadataWatch] = []
        self.stale = asyncio.Event()
        """Set when kopf's watch does not come to what it is behind of."""

    def watch(self, kube: KubeClient, path: str) -> None:
        """Look at one path as well."""
        watch = MetadataWatch(
            kube, path, lambda key: self._changed(watch, key), selector=self._selector
        )
        self.watches.append(watch)

    def silent_for(self) -> float:
        """Return the seconds since the last word of the API server; a watch begins every 25."""
        heard = [each.heard_at for each in self.watches if each.heard_at is not None]
        return asyncio.get_running_loop().time() - min(heard) if heard else 0.0

    def observe(self, kind: str | None, manifest: Mapping[str, Any]) -> None:
        """Take in what kopf shows, see `EventRouter.observe`."""
        meta = manifest["metadata"]
        key = meta["namespace"], meta["name"]
        late = self._late.get(key)
        if late is not None and not _older(meta["resourceVersion"], late[1]):
            del self._late[key]
        self._router.observe(kind, manifest)

    def restarted(self) -> None:
        """Note that kopf begins anew: it lists, and is behind of nothing yet."""
        self._late.clear()
        self.stale.clear()

    def close(self) -> None:
        """Give up all checks that are to come."""
        for timer in self._timers.values():
            timer.cancel()
        if self._reading is not None:
            self._reading.cancel()

    def _changed(self, watch: MetadataWatch, key: Key) -> None:
        version, timer = watch.version(key), self._timers.get(key)
        if timer is not None and version is not None:
            return  # Who is changed all the time is looked at all the same.
        if timer is not None:
            timer.cancel()
        loop = asyncio.get_running_loop()
        if version is None:
            # The one that has gone; kopf may show another one of that name at any time.
            known = self._objects.version(key)
            uid = self._uids.pop(key, known[0] if known else "")
            self._timers[key] = loop.call_later(GHOST, self._bury, watch, key, uid)
            return
        self._uids[key] = version[0]
        self._timers[key] = loop.call_later(BEHIND, self._compare, watch, key, version)

    def _bury(self, watch: MetadataWatch, key: Key, uid: str) -> None:
        self._timers.pop(key, None)
        known = self._objects.version(key)
        if watch.version(key) is not None:
            self._changed(watch, key)  # Another one of that name is there by now.
        elif known is not None and known[0] == uid:
            self._late.pop(key, None)
            self._router.gone(key, uid=uid)

    def _compare(self, watch: MetadataWatch, key: Key, version: tuple[str, str]) -> None:
        self._timers.pop(key, None)
        now = watch.version(key)
        if now is not None and _lacks(self._objects.version(key), version):
            self._unread[key] = None
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read_all())
        elif now is not None and now != version:
            self._changed(watch, key)  # It has changed meanwhile, perhaps unseen.

    async def _read_all(self) -> None:
        """Read what kopf does not show, one after the other: there may be thousands."""
        _log.warning(
            "kopf has not shown the present version of %s/%s: read", *next(iter(self._unread))
        )
        while self._unread:
            key = next(iter(self._unread))
            try:
                manifest = await self._read(*key)
            except KubeNotFound:
                pass  # The watch tells of it.
            except KubeError as error:
                _log.warning("%s", error)
                await asyncio.sleep(_AFTER_FAILURE)
                continue
            else:
                self._take(key, manifest)
            self._unread.pop(key, None)

    def _take(self, key: Key, manifest: Mapping[str, Any]) -> None:
        version = _version(manifest["metadata"])
        if not _lacks(self._objects.version(key), version):
            return  # It has been shown meanwhile.
        if key not in self._late:
            self._late[key] = version
            asyncio.get_running_loop().call_later(STALE, self._give_up, key, version)
        self._router.observe("MODIFIED", manifest)

    def _give_up(self, key: Key, version: tuple[str, str]) -> None:
        if self._late.get(key) == version:
            _log.error("kopf has not shown the version of %s/%s that was read a minute ago", *key)
            self.stale.set()


def _version(meta: Mapping[str, Any]) -> tuple[str, str]:
    return meta["uid"], meta["resourceVersion"]


def _lacks(known: tuple[str, str] | None, version: tuple[str, str]) -> bool:
    """True if *known* is nothing, or of another object, or older than *version*."""
    return known is None or known[0] != version[0] or _older(known[1], version[1])


def _older(one: str, other: str) -> bool:
    return one.isdigit() and other.isdigit() and int(one) < int(other)
