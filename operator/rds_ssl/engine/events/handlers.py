"""
From kopf's events to keys in the queue; the only contact with kopf beside the composition root.

`on.event` alone: no change handler, timer, daemon or index, and no `patch`. So kopf writes nothing,
keeps no progress in annotations and copies no Secret. Source: docs/decisions/001-the-loop.md.
"""

import asyncio
import contextlib
import itertools
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from rds_ssl.core.model import API_GROUP, API_VERSION, PLURAL
from rds_ssl.engine.events.watchdog import Watchdog
from rds_ssl.kube.client import KubeClient
from rds_ssl.kube.imports import client_hidden
from rds_ssl.kube.metadata_watch import LASTS
from rds_ssl.kube.resources import KOPFS_PAGE

with client_hidden():
    import kopf

_log = logging.getLogger(__name__)

_LATE = 10
"""Seconds after `LASTS` until a watch of kopf is ended here, as in `MetadataWatch`."""

_REPEATS = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between kopf's attempts at a request; the last one for ever."""

_MIN_PAUSE, _MAX_PAUSE = 1.0, 30.0
"""Seconds before kopf's tasks are started again; twice as many each time."""

_STEADY = 60.0
"""Seconds of kopf at work after which the pause begins anew."""

_STOP_SECONDS = 2.0
"""kopf's tasks end at once when cancelled; the process must end in any case."""


_IDENTITY: Any = "rds-ssl"
"""
For kopf's peering, which is turned off here; of any type, since kopf's own is a private one.

Without one kopf asks who the user is, and fails where he has no name: in the image.
"""

_KOPFS = frozenset({"apiVersion", "kind", "metadata"})
_KOPFS_METADATA = frozenset(
    {"name", "namespace", "uid", "resourceVersion", "finalizers", "deletionTimestamp"}
)
"""What kopf asks an object for after its handlers, to tell whether to release it."""


class _NoDiffBase(kopf.DiffBaseStorage):
    """
    Builds and keeps nothing.

    kopf takes an essence of each object at each event, by deep copies, and compares it with the
    last one, whatever the handlers: only change handlers, timers and daemons look at the result,
    and there are none. It was more than half of what an event costs (tests/bench/event_cost.py).
    """

    def build(
        self,
        *,
        body: kopf.Body,  # noqa: ARG002
        extra_fields: object = None,  # noqa: ARG002
    ) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:  # noqa: ARG002
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        pass


class _NoProgress(kopf.ProgressStorage):
    """Keeps nothing, as `_NoDiffBase`: `on.event` has no progress."""

    def fetch(self, *, key: str, body: kopf.Body) -> None:
        pass

    def store(self, *, key: str, record: object, body: kopf.Body, patch: kopf.Patch) -> None:
        pass

    def purge(self, *, key: str, body: kopf.Body, patch: kopf.Patch) -> None:
        pass

    def touch(self, *, body: kopf.Body, patch: kopf.Patch, value: str | None) -> None:
        pass

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence


class _ForEver(Iterable[float]):
    """kopf gives up after the last pause, and ends the process: there is none."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain(_REPEATS, itertools.repeat(_REPEATS[-1]))


class Observer(Protocol):
    """Takes in events, as `rds_ssl.engine.events.router.EventRouter` does."""

    def observe(self, kind: str | None, manifest: Mapping[str, Any]) -> None:
        """Take in an event; *kind* None is a listed object."""


def register(registry: kopf.OperatorRegistry, observer: Observer) -> None:
    """Let *observer* see every event of DBInstanceSSL."""

    @kopf.on.event(API_GROUP, API_VERSION, PLURAL, registry=registry)
    async def observe(event: Mapping[str, Any], **_: Any) -> None:  # noqa: ANN401  # kopf's own.
        observer.observe(event["type"], event["object"])
        shed(event["object"])


def shed(manifest: dict[str, Any]) -> None:
    """
    Drop of an object what kopf does not need for its own work.

    kopf holds on to the last body of each object: its spec and status, and a copy of it that
    ``kubectl apply`` keeps in an annotation of up to 256 KiB.
    """
    for part in manifest.keys() - _KOPFS:
        del manifest[part]
    meta = manifest["metadata"]
    for name in meta.keys() - _KOPFS_METADATA:
        del meta[name]


def settings(selector: str) -> kopf.OperatorSettings:
    """Make those that were measured to matter; what is not set is irrelevant for `on.event`."""
    options = kopf.OperatorSettings()
    options.scanning.disabled = True  # The CRD is known to be there; no need to watch all CRDs.
    options.posting.enabled = False
    options.watching.server_timeout = LASTS
    options.watching.client_timeout = options.watching.inactivity_timeout = LASTS + _LATE
    options.watching.connect_timeout = 10
    options.watching.reconnect_backoff = 1.0
    options.watching.chunk_size = KOPFS_PAGE  # 600 objects at once held the loop for 62 ms.
    options.networking.request_timeout = 30
    options.networking.connect_timeout = 10
    options.networking.error_backoffs = _ForEver()
    options.queueing.idle_timeout = 1
    options.persistence.diffbase_storage = _NoDiffBase()
    options.persistence.progress_storage = _NoProgress()
    options.process.ultimate_exiting_timeout = 60
    if selector:
        options.watching.label_selectors[API_GROUP, API_VERSION, PLURAL] = selector
    return options


async def keep_watching(
    kube: KubeClient,
    watchdog: Watchdog,
    *,
    namespaces: Sequence[str],
    selector: str,
    started: Callable[[], None],
) -> None:
    """
    Run kopf's tasks for ever, and start them again when one ends, or the watchdog finds them stale.

    Nothing that the API server says ends the process: who does not answer now is asked again.
    *started* is called whenever they have begun.
    """
    loop = asyncio.get_running_loop()
    pause = 0.0
    while True:
        began = loop.time()
        try:
            async with watching(kube, watchdog, namespaces=namespaces, selector=selector) as tasks:
                watchdog.restarted()
                started()
                await _first_end(tasks, watchdog.stale)
        except Exception:  # noqa: BLE001  # Without kopf the work goes on; it is tried again.
            _log.exception("kopf failed in a way nobody foresaw")
        if loop.time() - began >= _STEADY:
            pause = 0.0
        pause = min(_MAX_PAUSE, max(_MIN_PAUSE, pause * 2))
        _log.warning("the watch of objects ended; it is started again in about %.0f s", pause)
        await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311  # Jitter.


async def _first_end(tasks: Sequence[asyncio.Task[Any]], stale: asyncio.Event) -> None:
    """Return once one of kopf's tasks has ended, and say why, or once they are stale."""
    behind = asyncio.create_task(stale.wait())
    try:
        await asyncio.wait([*tasks, behind], return_when=asyncio.FIRST_COMPLETED)
    finally:
        behind.cancel()
    for task in tasks:
        if task.done() and not task.cancelled() and task.exception() is not None:
            _log.error("kopf ended: %s", task.exception())


@contextlib.asynccontextmanager
async def watching(
    kube: KubeClient, observer: Observer, *, namespaces: Sequence[str], selector: str
) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """
    Run kopf's tasks, and stop them at the end; any of them ending by itself is a fault.

    Not `kopf.operator`, which treats every later task of the loop as its own.
    """
    registry = kopf.OperatorRegistry()
    register(registry, observer)

    @kopf.on.login(registry=registry)
    async def login(**_: object) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(server=kube.server, aiohttp_session=kube.session())

    tasks = list(
        await kopf.spawn_tasks(
            registry=registry,
            settings=settings(selector),
            clusterwide=not namespaces,
            namespaces=list(namespaces),
            standalone=True,
            identity=_IDENTITY,
        )
    )
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=_STOP_SECONDS)
