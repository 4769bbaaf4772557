"""One process of the engine, wired as `rds_ssl.app` does it, at ports that are all in memory."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial
from random import Random
from typing import Any, Protocol

import httpx

from rds_ssl.aliyun.identity.metadata import Metadata
from rds_ssl.aliyun.identity.own import OwnIdentity, own_provider
from rds_ssl.aliyun.identity.sts import STS_VERSION, Sts
from rds_ssl.aliyun.names import Names
from rds_ssl.aliyun.pace import RateLimits
from rds_ssl.aliyun.transport import Transport
from rds_ssl.core.errors import KubeError
from rds_ssl.core.model import Priority, Restart
from rds_ssl.core.shards import Shard
from rds_ssl.engine.election import before_a_write
from rds_ssl.engine.events.router import EventRouter
from rds_ssl.engine.gather.clouds import Allowed, Clouds
from rds_ssl.engine.gather.identities import Identities
from rds_ssl.engine.gather.materials import Materials
from rds_ssl.engine.objects import Key, Objects, Resource, namespace_of
from rds_ssl.engine.proofs import Proofs
from rds_ssl.engine.reconcile.ports import Ports, Timings
from rds_ssl.engine.reconcile.reconciler import Reconciler
from rds_ssl.engine.reporting import Reporter
from rds_ssl.engine.scheduling.budget import Budget
from rds_ssl.engine.scheduling.outages import Outages
from rds_ssl.engine.scheduling.workqueue import WorkQueue
from rds_ssl.engine.strangers import Strangers
from support.kube_memory import KubeMemory, MemoryResources, Watch
from support.line import Connection

API_URL = "https://rds.invalid"

STS_URL = "https://sts.invalid"

WORKERS = 8


class World(Protocol):
    """What is around a process, and what is noted of it."""

    kube: KubeMemory
    timings: Timings
    budget: int
    rate: float
    workers: int
    random: Random
    counted: list[str]
    ended: list[tuple[Restart, bool]]
    api_url: str
    shard: Shard
    selects: Callable[[dict[str, Any]], bool] | None
    own: OwnIdentity
    allowed: Allowed
    bugs: list[Exception]
    passes: list[tuple[float, str, str]]

    def clock(self) -> datetime:
        """Give the time of all clocks."""

    async def resolves(self, host: str) -> bool:
        """Tell whether DNS knows a host."""

    def cloud_transport(self, connection: Connection) -> httpx.AsyncBaseTransport:
        """Put the cloud behind a client of one process."""


class Engine:
    """One process: what is in memory."""

    def __init__(self, world: World, connection: Connection, *, leads: bool = True) -> None:
        self._world = world
        shard, selects = world.shard, world.selects or (lambda _manifest: True)
        shared = shard.count > 1 or world.selects is not None
        self.watch = Watch(world.kube, selects)
        self.resources = MemoryResources(world.kube, connection, selects)
        self.leads = leads
        self.http = world.cloud_transport(connection)
        self.objects = Objects()
        self.queue: WorkQueue[Key] = WorkQueue(
            jitter=world.random, tenant=namespace_of, may_start=lambda: self.leads
        )
        self.reporter = Reporter(self.resources, self.objects, world.clock)
        self.outages = Outages(self._wake_after)
        self.proofs = Proofs(
            self.objects,
            started=world.clock(),
            look=self._look,
            settled=self._settled,
            prove=self._prove if shared else None,
        )
        self.budget = Budget(shard.share_of(world.budget), self._wake, self.proofs.may_hold)
        self.materials = Materials(self.resources, self.watch.version)
        self.limits = RateLimits(shard.share_of_rate(world.rate), self._wake_by)
        sts = Sts(Transport(self.http, now=world.clock, version=STS_VERSION), STS_URL)
        metadata = Metadata(self.http, now=world.clock)
        self.identities = Identities(
            sts=sts, own=own_provider(world.own, sts=sts, metadata=metadata)
        )
        clouds = Clouds(
            transport=Transport(
                self.http, now=world.clock, before_a_write=before_a_write(lambda: self.leads)
            ),
            resources=self.resources,
            version=self.watch.version,
            limits=self.limits,
            answered=self.outages.answered,
            identities=self.identities,
            allowed=world.allowed,
            network="public",
            api_url=world.api_url,
            names=Names(world.resolves),
        )
        self.strangers = Strangers(
            resources=self.resources,
            objects=self.objects,
            clouds=clouds,
            proofs=self.proofs,
            reached=self._reached,
            lists=world.selects is not None,
            resync=world.timings.resync,
        )
        ports = Ports(
            resources=self.resources,
            objects=self.objects,
            clouds=clouds,
            materials=self.materials,
            reporter=self.reporter,
            budget=self.budget,
            proofs=self.proofs,
            outages=self.outages,
            timings=world.timings,
            now=world.clock,
            started=lambda plan: world.counted.append(f"{plan.cause}: {', '.join(plan.impacts)}"),
            changed=world.counted.append,
            ended=lambda predicted, seen: world.ended.append((predicted, seen)),
            random=world.random,
            strangers=self.strangers,
            shared=shared,
        )
        self.reconciler = Reconciler(ports, self.queue)
        self.router = EventRouter(
            objects=self.objects,
            queue=self.queue,
            reconciler=self.reconciler,
            budget=self.budget,
            proofs=self.proofs,
            strangers=self.strangers,
            outages=self.outages,
            materials=self.materials,
            clouds=clouds,
            data=self.watch,
            owns=shard.owns,
            leads=leads,
        )

    async def take_over(self) -> None:
        """Begin to work where another process has led until now, as `Parts.take_over` does."""
        self.leads = True
        self.proofs.begin(self._world.clock())
        spread = partial(self._world.random.uniform, 0, self._world.timings.resync)
        await self.router.take_over(asyncio.get_running_loop().time(), spread=spread)

    async def run(self) -> None:
        """List, then work until cancelled."""
        self.watch.router = self.router
        while True:
            try:
                listed = await self.resources.list_all()
            except KubeError:
                await asyncio.sleep(5)
            else:
                break
        for manifest in listed:
            self.router.observe(None, manifest)
        stored = self._world.kube.objects
        for key in self.objects.keys() - stored.keys():  # The watchdog's task.
            version = self.objects.version(key)
            assert version is not None
            self.router.gone(key, uid=version[0])
        await self.queue.run(self._world.workers, self._step)

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

    async def _step(self, key: Key) -> None:
        try:
            result = await self.reconciler.step(key)
        except Exception as error:
            self._world.bugs.append(error)
            raise
        self._world.passes.append((asyncio.get_running_loop().time(), key[1], result))
