"""The engine, wired to its ports: the API server, the cloud, the settings and the metrics."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import Protocol

from rds_ssl.aliyun.aiohttp_transport import AiohttpTransport
from rds_ssl.aliyun.pace import RateLimits
from rds_ssl.aliyun.transport import OnCall, Transport
from rds_ssl.core.model import Priority, Restart
from rds_ssl.core.operation.verification import Limits
from rds_ssl.core.planning.plan import Plan
from rds_ssl.engine.election import Election
from rds_ssl.engine.events.router import EventRouter
from rds_ssl.engine.gather.clouds import Clouds
from rds_ssl.engine.gather.identities import Identities
from rds_ssl.engine.gather.materials import Materials
from rds_ssl.engine.objects import Key, Objects, Resource, namespace_of
from rds_ssl.engine.proofs import Proofs
from rds_ssl.engine.reconcile.ports import VERIFIED, Ports, Timings
from rds_ssl.engine.reconcile.reconciler import Reconciler
from rds_ssl.engine.reporting import Reporter
from rds_ssl.engine.scheduling.budget import Budget
from rds_ssl.engine.scheduling.outages import Outages
from rds_ssl.engine.scheduling.workqueue import WorkQueue
from rds_ssl.engine.strangers import Strangers
from rds_ssl.grants import Grants
from rds_ssl.kube.client import KubeClient
from rds_ssl.kube.data_watch import DataWatch
from rds_ssl.kube.resources import Resources
from rds_ssl.metrics import Metrics
from rds_ssl.own_identity import make_own_provider, make_sts
from rds_ssl.settings import Settings

PassEnded = Callable[[str, float], None]
"""Told about each pass: how it has ended, in a word, and after how many seconds."""


class Tracing(Protocol):
    """What is told of passes elsewhere, if that is turned on; see `rds_ssl.tracing.Tracing`."""

    @property
    def client(self) -> type[KubeClient]:
        """A client of the API server whose requests are told."""

    def begin(self, key: Key, known: Callable[[], Resource | None], counts: PassEnded) -> PassEnded:
        """Begin the trace of a pass; return what ends it, and then tells *counts*."""

    def telling(self, counts: OnCall) -> OnCall:
        """Return an ``on_call`` that tells of a call, and then tells *counts*."""

    async def close(self) -> None:
        """Send what is left, within a moment."""


class Parts:
    """The parts of the engine; one set for the process."""

    def __init__(
        self,
        settings: Settings,
        *,
        resources: Resources,
        transport: Transport,
        identities: Identities,
        metrics: Metrics,
        data: DataWatch,
        election: Election,
        tracing: Tracing | None = None,
    ) -> None:
        self._metrics = metrics
        self._tracing = tracing
        self._election = election
        self._random = SystemRandom()
        self._resync = settings.resync
        shard = settings.shard
        shared = shard.count > 1 or bool(settings.selector)
        self.objects = Objects()
        self.queue: WorkQueue[Key] = WorkQueue(
            tenant=namespace_of, may_start=lambda: election.leads
        )
        self.reporter = Reporter(resources, self.objects, now)
        self.outages = Outages(self._wake_after)
        self.proofs = Proofs(
            self.objects,
            started=now(),
            look=self._look,
            settled=self._settled,
            prove=self._prove if shared else None,
        )
        self.budget = Budget(
            shard.share_of(settings.max_concurrent_changes), self._wake, self.proofs.may_hold
        )
        materials = Materials(resources, data.version)
        self.limits = RateLimits(
            shard.share_of_rate(settings.api_rate), self._wake_by, waited=metrics.api_waited
        )
        clouds = self._clouds(
            settings, resources=resources, transport=transport, identities=identities, data=data
        )
        self.strangers = Strangers(
            resources=resources,
            objects=self.objects,
            clouds=clouds,
            proofs=self.proofs,
            reached=self._reached,
            lists=bool(settings.selector),
            resync=settings.resync,
        )
        self.reconciler = Reconciler(
            self._ports(settings, resources, clouds, materials, shared=shared), self.queue
        )
        self.router = self._router(clouds, materials, data, owns=shard.owns)

    def _ports(
        self,
        settings: Settings,
        resources: Resources,
        clouds: Clouds,
        materials: Materials,
        *,
        shared: bool,
    ) -> Ports:
        return Ports(
            resources=resources,
            objects=self.objects,
            clouds=clouds,
            materials=materials,
            reporter=self.reporter,
            budget=self.budget,
            proofs=self.proofs,
            outages=self.outages,
            timings=_timings(settings),
            now=now,
            started=self._started,
            changed=self._changed,
            ended=self._ended,
            random=self._random,
            strangers=self.strangers,
            shared=shared,
        )

    def _router(
        self,
        clouds: Clouds,
        materials: Materials,
        data: DataWatch,
        *,
        owns: Callable[[str], bool],
    ) -> EventRouter:
        return EventRouter(
            objects=self.objects,
            queue=self.queue,
            reconciler=self.reconciler,
            budget=self.budget,
            proofs=self.proofs,
            strangers=self.strangers,
            outages=self.outages,
            materials=materials,
            clouds=clouds,
            data=data,
            owns=owns,
            leads=False,
        )

    def _clouds(
        self,
        settings: Settings,
        *,
        resources: Resources,
        transport: Transport,
        identities: Identities,
        data: DataWatch,
    ) -> Clouds:
        return Clouds(
            transport=transport,
            resources=resources,
            version=data.version,
            limits=self.limits,
            answered=self.outages.answered,
            identities=identities,
            allowed=_grants(settings).allowed,
            network=settings.network,
            api_url=settings.api_url,
            allow_http=settings.allow_http,
            external_id_prefix=settings.external_id_prefix,
        )

    async def take_over(self) -> None:
        """Begin to work; what another process has looked at until now is looked at by and by."""
        self.proofs.begin(now())
        spread = None
        if self._election.followed:
            spread = partial(self._random.uniform, 0, self._resync)
        await self.router.take_over(asyncio.get_running_loop().time(), spread=spread)

    def _wake(self, key: Key) -> None:
        self.reconciler.force(key)
        self.queue.add(key)

    def _prove(self, other: Resource) -> None:
        self.strangers.prove(other)

    def _reached(self, instance_id: str) -> None:
        for key in self.objects.naming(instance_id):
            self.queue.add(key)

    def _settled(self) -> None:
        self.budget.try_again()

    def _look(self, key: Key) -> None:
        if self.objects.version(key) is not None:
            self.queue.add(key)

    def _wake_after(self, key: Key, seconds: float) -> None:
        self.reconciler.force(key)
        self.queue.add_after(key, seconds)

    def _wake_by(self, key: Key, priority: Priority) -> None:
        self.queue.add(key, priority=priority)

    def _started(self, plan: Plan) -> None:
        self._metrics.change_started(plan.cause.value, [each.value for each in plan.impacts])

    def _changed(self, what: str) -> None:
        if what == VERIFIED:
            self._metrics.change_verified()
        else:
            self._metrics.change_failed(what)

    def _ended(self, predicted: Restart, seen: bool) -> None:  # noqa: FBT001  # As `Ports` has it.
        self._metrics.change_ended(predicted, seen=seen)

    async def measured_step(self, key: Key) -> None:
        """Make a pass, and count it."""
        ended: PassEnded = self._metrics.pass_ended
        if self._tracing is not None:
            ended = self._tracing.begin(key, partial(self.objects.get, key), ended)
        await counted(self.reconciler.step(key), ended)


async def counted(step: Awaitable[str], ended: PassEnded) -> None:
    """Make a pass, and tell *ended* how it has ended, in a word, and after how many seconds."""
    started = time.perf_counter()
    result = "bug"
    try:
        result = await step
    except asyncio.CancelledError:
        result = "cancelled"  # This process stops leading, or ends.
        raise
    finally:
        ended(result, time.perf_counter() - started)


def _grants(settings: Settings) -> Grants:
    file = Path(settings.identity_file) if settings.identity_file else None
    return Grants(namespaces=settings.identity_namespaces, file=file)


def make_identities(
    settings: Settings, http: AiohttpTransport, *, on_call: OnCall, user_agent: str
) -> Identities:
    """Return who gives keys, for the operator itself and for all roles."""
    sts = make_sts(settings, http, now=now, on_call=on_call, user_agent=user_agent)
    return Identities(sts=sts, own=make_own_provider(settings, http, sts=sts, now=now))


def _timings(settings: Settings) -> Timings:
    return Timings(
        limits=Limits(
            poll=settings.poll,
            settle=settings.settle,
            verify_after=settings.verify_after,
            apply_timeout=settings.apply_timeout,
        ),
        resync=settings.resync,
        quiet_period=settings.quiet_period,
        drift_delay=settings.drift_delay,
        expiry_warning=timedelta(seconds=settings.expiry_warning),
        max_changes_per_day=settings.max_changes_per_day,
        read_only=settings.read_only,
    )


def now() -> datetime:
    """Return the time of day: the one clock of the process."""
    return datetime.now(UTC)
