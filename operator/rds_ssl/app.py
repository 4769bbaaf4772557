"""
The composition root: makes every part, starts them in order, ends them in order.

Start: API server reachable, CRD and rights there (saying what is missing) · metadata watches synced
· kopf's tasks · workers. End (SIGTERM): no new pass, the running ones to a safe point, exit.
"""

import asyncio
import contextlib
import ctypes
import gc
import logging
import resource
import signal
import socket
import uuid
from collections.abc import Coroutine, Sequence
from importlib.metadata import version
from typing import Any

from rds_ssl import wiring
from rds_ssl.aliyun.aiohttp_transport import Proxy
from rds_ssl.aliyun.transport import OnCall, Transport, make_http_transport
from rds_ssl.core.errors import KubeError
from rds_ssl.core.model import API_GROUP, API_VERSION, PLURAL
from rds_ssl.engine.election import Alone, Election, Elector, before_a_write
from rds_ssl.engine.events import handlers
from rds_ssl.engine.events.watchdog import Watchdog
from rds_ssl.engine.gather.identities import Identities
from rds_ssl.http_server import HttpServer
from rds_ssl.kube.client import KubeClient
from rds_ssl.kube.data_watch import DataWatch, data_watch
from rds_ssl.kube.leases import Leases
from rds_ssl.kube.metadata_watch import MetadataWatch
from rds_ssl.kube.resources import Resources
from rds_ssl.leading import lead, lease_of
from rds_ssl.metrics import Metrics
from rds_ssl.settings import Settings, sends_plain_http
from rds_ssl.telemetry import configure_logging
from rds_ssl.wiring import Parts, Tracing

_log = logging.getLogger(__name__)

_PR_SET_DUMPABLE = 4
"""Source: prctl(2)."""

_GRACE = 12.0
"""Seconds for the running passes at the end; a Pod has 30, an operator promises 20."""

_SILENCE = 60.0
"""Seconds without a word of the API server after which the readiness probe fails."""

_YOUNG = 10_000
"""
Objects that come into being between two looks of the collector of garbage. With Python's 700 these
took 1.5 of the 23 s of CPU of a cold start of 1,000 objects, with this many 0.5.
"""

_MISSING_PAUSE = 5.0

_TAKEN_AT_ONCE = 20
"""Objects of the first list that are read before the loop gets its turn: 0.2 ms each."""


_NO_TRACING = (
    "RDS_SSL_TRACING_ENDPOINT is set, and OpenTelemetry is not installed: install"
    " rds-ssl-operator[tracing], build the image with --build-arg EXTRA=tracing, or remove the"
    " setting"
)


def run(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; give the exit code: 0, or 1 if it cannot start."""
    _forbid_core_dumps()
    configure_logging(settings.log_format, settings.log_level)
    if sends_plain_http(settings):
        _log.warning("API_URL has http: with ALLOW_HTTP private keys leave this machine in clear")
    try:
        tracing = _tracing(settings.tracing_endpoint)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("opentelemetry"):
            raise
        _log.error("%s", _NO_TRACING)  # It says what to do; no traceback helps.
        return 1
    operator = Operator(settings, tracing)
    gc.set_threshold(_YOUNG)
    # Not uvloop, see docs/decisions/005-no-uvloop.md.
    with asyncio.Runner() as runner:
        return runner.run(operator.run())


def _forbid_core_dumps() -> None:
    """Keep keys in memory and environment out of files, and from others of the same user."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A core pattern that is a program heeds no limit, but this.
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


class Operator:
    """One process, from start to end."""

    def __init__(self, settings: Settings, tracing: Tracing | None = None) -> None:
        self._settings = settings
        self._tracing = tracing
        self._metrics = Metrics()
        self._on_call: OnCall = self._metrics.api_call
        if tracing is not None:
            self._on_call = tracing.telling(self._on_call)
        # Made before the loop runs: to read all CA certificates takes 50 ms.
        self._http = make_http_transport(ca_bundle=settings.ca_bundle, proxy=_proxy(settings))
        self._stop = asyncio.Event()
        self._ready = False
        self._watchdog: Watchdog | None = None
        self._election: Election = Alone()
        led = str(settings.shard), settings.shard.name(settings.lease_name)
        # From the start on: whatever it waits for before it works, until then it does not lead.
        self._metrics.watch(
            shards=lambda: settings.shard.count,
            leads=lambda: {led: self._watchdog is not None and self._election.leads},
        )

    async def run(self) -> int:
        """Run it."""
        self._install_signals()
        server = HttpServer(
            bind=self._settings.http_bind,
            healthy=list,  # A stuck loop does not answer; nothing else is cured by a restart.
            ready=self._unready,
            state=lambda: self._election.told,
            metrics=self._metrics,
        )
        try:
            await server.start()
        except OSError as error:
            _log.error("HTTP_BIND %s: %s", self._settings.http_bind, error)
            return 1
        _log.info("started", extra={"http_port": server.port})
        try:
            return await self._connected()
        except KubeError as error:
            _log.error("%s", error)  # It says what to do; no traceback helps.
            return 1
        finally:
            await server.stop()
            if self._tracing is not None:
                await self._tracing.close()  # After the Lease is given back: nobody waits for it.
            _log.info("ended")

    def _install_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)

    def _unready(self) -> list[str]:
        if not self._ready:
            return ["the first list is not complete"]
        silent = self._watchdog.silent_for() if self._watchdog else 0.0
        if silent < _SILENCE:
            return []
        return [f"the API server has not been heard of for {silent:.0f} s"]

    async def _connected(self) -> int:
        settings = self._settings
        client = KubeClient if self._tracing is None else self._tracing.client
        kube = await client.connect(settings.kubeconfig, verified=True)
        agent = f"rds-ssl-operator/{version('rds-ssl-operator')}"
        try:
            resources = Resources(kube, namespaces=settings.namespaces, selector=settings.selector)
            leases = lease_of(settings, kube)
            if not await self._wait_for_rights(resources, leases):
                return 0
            if leases is not None:
                identity = f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"
                self._election = Elector(leases, identity, now=wiring.now)
            transport = Transport(
                self._http,
                now=wiring.now,
                on_call=self._on_call,
                user_agent=agent,
                allow_http=settings.allow_http,
                before_a_write=before_a_write(lambda: self._election.leads),
            )
            identities = wiring.make_identities(
                self._settings, self._http, on_call=self._on_call, user_agent=agent
            )
            while (ended := await self._work(kube, resources, transport, identities)) is None:
                gc.unfreeze()  # What was known is in the way of what is read now.
                gc.collect()
                _log.warning("another process has led meanwhile: all that is known is read anew")
            return ended
        finally:
            await self._http.aclose()
            await kube.close()

    async def _wait_for_rights(self, resources: Resources, leases: Leases | None) -> bool:
        """Wait for CRD and rights, saying what is missing; False if told to stop meanwhile."""
        told: list[str] = []
        while not self._stop.is_set():
            missing = await self._missing(resources, leases)
            if self._stop.is_set():
                break
            if not missing:
                return True
            if missing != told:
                for each in missing:
                    _log.error("waiting: %s", each)
                told = missing
            await self._pause(_MISSING_PAUSE)
        return False

    async def _missing(self, resources: Resources, leases: Leases | None) -> list[str]:
        """Ask what is missing; nothing waits longer for the answer than for SIGTERM."""
        everything = self._settings.secret_watch == "all"  # noqa: S105  # A mode, no password.

        async def ask() -> list[str]:
            found = await resources.missing(watch_config=everything)
            return found + (await leases.missing() if leases is not None else [])

        asking = asyncio.create_task(ask())
        stop = asyncio.create_task(self._stopped())
        await asyncio.wait([asking, stop], return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not asking.done():
            asking.cancel()
            return []
        try:
            return asking.result()
        except KubeError as error:
            return [str(error)]

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

    async def _work(
        self,
        kube: KubeClient,
        resources: Resources,
        transport: Transport,
        identities: Identities,
    ) -> int | None:
        """Work until told to stop; give the exit code, or None if another process has led."""
        data = data_watch(self._settings.secret_watch, kube, self._settings.namespaces)
        parts = Parts(
            self._settings,
            resources=resources,
            transport=transport,
            identities=identities,
            metrics=self._metrics,
            data=data,
            election=self._election,
            tracing=self._tracing,
        )
        watchdog = Watchdog(parts.objects, parts.router, resources.get, self._settings.selector)
        for path in self._paths(f"/apis/{API_GROUP}/{API_VERSION}", PLURAL):
            watchdog.watch(kube, path)
        self._watchdog = watchdog
        self._observe(parts, transport, watchdog)
        data.start(parts.router.data_changed)
        watches = [asyncio.create_task(each.run()) for each in watchdog.watches]
        tasks: list[asyncio.Task[Any]] = [*watches]
        leading: list[asyncio.Task[None]] = []
        stop = asyncio.create_task(self._stopped())
        try:
            await _either(_all_synced(data, watchdog.watches), stop)
            await self._list_once(parts, resources)
            # They stay for long: a full collection would look at all of them, and hold the loop.
            gc.freeze()
            if self._stop.is_set():
                return 0
            watching = asyncio.create_task(self._keep_watching(kube, watchdog))
            leads = asyncio.create_task(lead(parts, self._election, workers=self._settings.workers))
            tasks.append(watching)
            leading.append(leads)
            self._ready = True
            await asyncio.wait([stop, watching, leads], return_when=asyncio.FIRST_COMPLETED)
            if self._stop.is_set():
                return 0
            for task in filter(asyncio.Task.done, (watching, leads)):
                task.result()  # A bug, if it is not that another process has led.
            return None
        finally:
            self._ready = False
            stop.cancel()
            # The Lease is renewed until the last pass has ended, and nobody takes it again.
            await parts.queue.stop(_GRACE)
            await _cancelled(leading)
            if self._stop.is_set():
                await self._election.release()
            watchdog.close()
            parts.strangers.close()
            await parts.reporter.drain()
            await _cancelled(tasks)
            await data.stop()

    async def _list_once(self, parts: Parts, resources: Resources) -> None:
        """Know all objects before the first pass: of two claimants the older one counts."""
        while not self._stop.is_set():
            try:
                async for page in resources.pages():
                    for number, manifest in enumerate(page):
                        parts.router.observe(None, manifest)
                        if number % _TAKEN_AT_ONCE == 0:
                            await asyncio.sleep(0)
            except KubeError as error:
                _log.warning("%s", error)
                await self._pause(_MISSING_PAUSE)
            else:
                return

    async def _stopped(self) -> None:
        await self._stop.wait()

    async def _keep_watching(self, kube: KubeClient, watchdog: Watchdog) -> None:
        await handlers.keep_watching(
            kube,
            watchdog,
            namespaces=self._settings.namespaces,
            selector=self._settings.selector,
            started=self._install_signals,  # kopf has taken them over.
        )

    def _paths(self, group: str, plural: str) -> list[str]:
        namespaces = self._settings.namespaces
        if not namespaces:
            return [f"{group}/{plural}"]
        return [f"{group}/namespaces/{each}/{plural}" for each in namespaces]

    def _observe(self, parts: Parts, transport: Transport, watchdog: Watchdog) -> None:
        settings, election = self._settings, self._election
        # As `leads` is asked at each reading: what stands by tells nothing that the leader tells.
        self._metrics.watch(
            queue_depth=lambda: parts.queue.depth if election.leads else 0,
            queue_oldest_age=lambda: parts.queue.oldest_age if election.leads else 0.0,
            watch_age=watchdog.silent_for,
            clock_skew=lambda: transport.clock_skew,
            objects=lambda: parts.objects.ready if election.leads else {},
            plans=lambda: parts.objects.held if election.leads else {},
            waiting=parts.limits.waiting,
            slowed=parts.limits.slowed,
        )
        self._metrics.watch_objects(
            lambda: parts.objects.figures() if election.leads else None,
            most=settings.metrics_objects,
        )


def _tracing(endpoint: str) -> Tracing | None:
    """Return what traces passes, None if nothing does: then no library of it is imported."""
    if not endpoint:
        return None
    from rds_ssl.tracing import open_tracing  # noqa: PLC0415  # As said above.

    return open_tracing(endpoint)


def _proxy(settings: Settings) -> Proxy | None:
    if not settings.proxy:
        return None
    return Proxy(url=settings.proxy, credentials=settings.proxy_credentials)


async def _either(work: Coroutine[Any, Any, None], stop: asyncio.Task[None]) -> None:
    """Do *work*, or leave it as soon as the process is told to stop."""
    task = asyncio.create_task(work)
    await asyncio.wait([task, stop], return_when=asyncio.FIRST_COMPLETED)
    task.cancel()


async def _cancelled(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _all_synced(data: DataWatch, watches: list[MetadataWatch]) -> None:
    await data.synced()
    for each in watches:
        await each.synced.wait()
