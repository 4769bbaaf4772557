"""A watch over the watch: does kopf show what the cluster has?"""

import asyncio
import logging

from rds_ssl.engine.events.router import EventRouter
from rds_ssl.engine.objects import Key, Objects
from rds_ssl.kube.client import KubeClient
from rds_ssl.kube.metadata_watch import MetadataWatch

_log = logging.getLogger(__name__)

STALE = 180.0
"""Seconds by which kopf's watch may be behind."""

GHOST = 5.0
"""Seconds after which an object that was seen to go is dropped without kopf's word."""


class Watchdog:
    """
    A second watch of the objects, of their metadata only, that says when kopf's does not keep up.

    kopf's watcher can die without a word (nolar/kopf#1276), tells nobody of bookmarks, and sends no
    event for what vanished while its stream was broken; this one costs a connection and 440 bytes
    an event.
    """

    def __init__(self, objects: Objects, router: EventRouter, selector: str) -> None:
        self._objects = objects
        self._router = router
        self._selector = selector
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        """The check that is to come of each object; a newer version has the only one."""
        self.watches: list[MetadataWatch] = []
        self.stale = asyncio.Event()

    def watch(self, kube: KubeClient, path: str) -> None:
        """Look at one path as well."""
        watch = MetadataWatch(
            kube, path, lambda key: self._changed(watch, key), selector=self._selector
        )
        self.watches.append(watch)

    def silent_for(self) -> float:
        """Seconds since the last word of the API server; a bookmark comes every minute."""
        heard = [each.heard_at for each in self.watches if each.heard_at is not None]
        return asyncio.get_running_loop().time() - min(heard) if heard else 0.0

    async def found_stale(self) -> None:
        """Return once kopf's watch is behind."""
        await self.stale.wait()

    def close(self) -> None:
        """Give up all checks that are to come."""
        for timer in self._timers.values():
            timer.cancel()

    def _changed(self, watch: MetadataWatch, key: Key) -> None:
        version = watch.version(key)
        earlier = self._timers.pop(key, None)
        if earlier is not None:
            earlier.cancel()
        loop = asyncio.get_running_loop()
        self._timers[key] = (
            loop.call_later(GHOST, self._bury, watch, key)
            if version is None
            else loop.call_later(STALE, self._compare, watch, key, version)
        )

    def _bury(self, watch: MetadataWatch, key: Key) -> None:
        self._timers.pop(key, None)
        known = self._objects.version(key)
        if known is not None and watch.version(key) is None:
            self._router.gone(key, uid=known[0])

    def _compare(self, watch: MetadataWatch, key: Key, version: tuple[str, str]) -> None:
        self._timers.pop(key, None)
        if watch.version(key) != version:
            return  # A list has shown a newer one, which has its own check in a moment.
        known = self._objects.version(key)
        if known is None or known[0] != version[0] or _older(known[1], version[1]):
            _log.error("kopf has not shown the present version of %s/%s for 3 minutes", *key)
            self.stale.set()


def _older(one: str, other: str) -> bool:
    return one.isdigit() and other.isdigit() and int(one) < int(other)
