"""
How it is known that a Secret or ConfigMap has changed, with as much of a right as somebody grants.

`EveryWatch` lists and watches all of them, which RBAC cannot tell from reading every Secret;
`NamedWatches` watches those that objects refer to, one by one, for which a Role with
``resourceNames`` suffices; `NoWatch` watches none, and each look at an object reads what it refers
to. What that costs is in docs/rbac.md. Content is never watched, always read.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal, Protocol
from urllib.parse import quote

from rds_ssl.kube.client import KubeClient
from rds_ssl.kube.metadata_watch import LASTS, Key, MetadataWatch, Version
from rds_ssl.kube.resources import Kind

SecretWatch = Literal["all", "named", "off"]

Reference = tuple[Kind, str, str]
"""Kind, namespace and name."""

OnChange = Callable[[Kind, Key], None]

_KINDS: tuple[Kind, ...] = ("Secret", "ConfigMap")

OPENED_PER_SECOND = 20
"""
Watches of one object that are opened anew in a second, at most: the more there are, the longer each
lives. 500 of them are noticed as soon as others when they hang, 1,000 after 60 s at most.
"""

NAMED_SECONDS = 1800
"""Seconds that the watch of one object lives, at most, however many there are."""

FORBIDDEN_SECONDS = 300.0
"""
Seconds between two attempts, at most, to watch what may not be watched. Anybody may name a Secret
for which the operator has no right.
"""

OPENED_AT_ONCE = 10
"""Watches that are begun at the same time: each takes a connection, with its TLS handshake."""


class DataWatch(Protocol):
    """Tells of changes, and in which version an object is."""

    def version(self, kind: Kind, name: Key) -> Version | None:
        """Return (uid, resourceVersion); None if that is not known, or it does not exist."""

    def want(self, reference: Reference) -> None:
        """Note that an object refers to it, perhaps not for the first time."""

    def unwant(self, reference: Reference) -> None:
        """Note that no object refers to it any more."""

    def start(self, on_change: OnChange) -> None:
        """Begin to tell *on_change* of changes; once, on a running loop."""

    async def synced(self) -> None:
        """Return once everything is known that is known from the beginning."""

    async def stop(self) -> None:
        """End it."""


def data_watch(mode: SecretWatch, kube: KubeClient, namespaces: Sequence[str]) -> DataWatch:
    """Make the one that is asked for; *namespaces* empty: all."""
    if mode == "all":
        return EveryWatch(kube, namespaces)
    return NamedWatches(kube) if mode == "named" else NoWatch()


class EveryWatch:
    """Watches all Secrets and ConfigMaps, in all namespaces or in those that are given."""

    def __init__(self, kube: KubeClient, namespaces: Sequence[str]) -> None:
        self._kube = kube
        self._places = [f"/api/v1/namespaces/{quote(each)}" for each in namespaces] or ["/api/v1"]
        self._watches: dict[Kind, list[MetadataWatch]] = {kind: [] for kind in _KINDS}
        self._tasks: list[asyncio.Task[None]] = []

    def version(self, kind: Kind, name: Key) -> Version | None:
        """See `DataWatch.version`."""
        found = (watch.version(name) for watch in self._watches[kind])
        return next((each for each in found if each is not None), None)

    def want(self, reference: Reference) -> None:
        """See `DataWatch.want`: it is watched."""

    def unwant(self, reference: Reference) -> None:
        """See `DataWatch.unwant`."""

    def start(self, on_change: OnChange) -> None:
        """See `DataWatch.start`."""
        for kind, watches in self._watches.items():
            for place in self._places:
                path = f"{place}/{_plural(kind)}"
                watch = MetadataWatch(self._kube, path, _of_kind(kind, on_change))
                watches.append(watch)
                self._tasks.append(asyncio.create_task(watch.run()))

    async def synced(self) -> None:
        """See `DataWatch.synced`: all lists are complete."""
        for watches in self._watches.values():
            for each in watches:
                await each.synced.wait()

    async def stop(self) -> None:
        """See `DataWatch.stop`."""
        await _cancelled(self._tasks)


class NamedWatches:
    """Watches each Secret and ConfigMap that an object refers to, and no other."""

    def __init__(self, kube: KubeClient) -> None:
        self._kube = kube
        self._watches: dict[Reference, tuple[MetadataWatch, asyncio.Task[None]]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._opening = asyncio.Semaphore(OPENED_AT_ONCE)
        self._on_change: OnChange | None = None

    def __len__(self) -> int:
        return len(self._watches)

    def version(self, kind: Kind, name: Key) -> Version | None:
        """See `DataWatch.version`."""
        found = self._watches.get((kind, *name))
        return found[0].version(name) if found else None

    def want(self, reference: Reference) -> None:
        """See `DataWatch.want`; its state is told of like a change, as soon as it is known."""
        if reference in self._watches or self._on_change is None:
            return
        kind, namespace, name = reference
        watch = MetadataWatch(
            self._kube,
            f"/api/v1/namespaces/{quote(namespace)}/{_plural(kind)}",
            _of_kind(kind, self._on_change),
            name=name,
            lasts=self._lasts,
            patience=FORBIDDEN_SECONDS,
        )
        self._watches[reference] = watch, asyncio.create_task(self._run(watch))

    def _lasts(self) -> int:
        return min(NAMED_SECONDS, max(LASTS, len(self._watches) // OPENED_PER_SECOND))

    def unwant(self, reference: Reference) -> None:
        """See `DataWatch.unwant`."""
        found = self._watches.pop(reference, None)
        if found is not None:
            task = found[1]
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    def start(self, on_change: OnChange) -> None:
        """See `DataWatch.start`: from now on what is wanted is watched."""
        self._on_change = on_change

    async def synced(self) -> None:
        """See `DataWatch.synced`: nothing is known from the beginning."""

    async def stop(self) -> None:
        """See `DataWatch.stop`."""
        await _cancelled([task for _, task in self._watches.values()] + list(self._ending))

    async def _run(self, watch: MetadataWatch) -> None:
        async with self._opening:
            task = asyncio.create_task(watch.run())
            try:
                await watch.tried.wait()
            except asyncio.CancelledError:
                task.cancel()
                raise
        try:
            await task
        finally:
            task.cancel()


class NoWatch:
    """Watches nothing: no version is known, so that whatever is needed is read."""

    def version(self, kind: Kind, name: Key) -> Version | None:
        """See `DataWatch.version`."""
        del kind, name
        return None

    def want(self, reference: Reference) -> None:
        """See `DataWatch.want`."""

    def unwant(self, reference: Reference) -> None:
        """See `DataWatch.unwant`."""

    def start(self, on_change: OnChange) -> None:
        """See `DataWatch.start`."""

    async def synced(self) -> None:
        """See `DataWatch.synced`."""

    async def stop(self) -> None:
        """See `DataWatch.stop`."""


def _plural(kind: Kind) -> str:
    return f"{kind.lower()}s"


def _of_kind(kind: Kind, on_change: OnChange) -> Callable[[Key], None]:
    return lambda name: on_change(kind, name)


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
