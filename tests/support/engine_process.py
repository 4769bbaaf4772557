"""One process of the engine, wired as `rds_ssl.app` does it, at ports that are all in memory."""

import asyncio
from datetime import datetime
from random import Random
from typing import Protocol

import httpx

from rds_ssl.aliyun.rate_limit import RateLimits
from rds_ssl.aliyun.transport import Transport
from rds_ssl.core.errors import KubeError
from rds_ssl.engine.budget import Budget
from rds_ssl.engine.clouds import Clouds
from rds_ssl.engine.intake import Intake
from rds_ssl.engine.materials import Materials
from rds_ssl.engine.objects import Key, Objects
from rds_ssl.engine.outages import Outages
from rds_ssl.engine.reconciler import Reconciler
from rds_ssl.engine.reporting import Reporter
from rds_ssl.engine.work import Pace, Tools
from rds_ssl.engine.workqueue import WorkQueue
from support.kube_memory import KubeMemory, MemoryResources, Watch
from support.line import Connection

API_URL = "https://rds.invalid"

WORKERS = 8


class World(Protocol):
    """What is around a process, and what is noted of it."""

    kube: KubeMemory
    pace: Pace
    budget: int
    rate: float
    random: Random
    counted: list[str]
    bugs: list[Exception]
    passes: list[tuple[float, str, str]]

    def clock(self) -> datetime:
        """Give the time of all clocks."""

    def cloud_transport(self, connection: Connection) -> httpx.AsyncBaseTransport:
        """Put the cloud behind a client of one process."""


class Engine:
    """One process: what is in memory."""

    def __init__(self, world: World, connection: Connection) -> None:
        self._world = world
        self.watch = Watch(world.kube)
        self.resources = MemoryResources(world.kube, connection)
        self.http = world.cloud_transport(connection)
        self.objects = Objects()
        self.queue: WorkQueue[Key] = WorkQueue(jitter=world.random)
        self.reporter = Reporter(self.resources, self.objects, world.clock)
        self.outages = Outages(self._wake_after)
        self.budget = Budget(world.budget, self._wake)
        self.materials = Materials(self.resources, self.watch.version)
        self.limits = RateLimits(world.rate)
        clouds = Clouds(
            transport=Transport(self.http, now=world.clock),
            resources=self.resources,
            version=self.watch.version,
            limits=self.limits,
            answered=self.outages.answered,
            own=None,
            identity_namespaces=(),
            network="public",
            api_url=API_URL,
        )
        tools = Tools(
            resources=self.resources,
            objects=self.objects,
            clouds=clouds,
            materials=self.materials,
            reporter=self.reporter,
            budget=self.budget,
            outages=self.outages,
            pace=world.pace,
            now=world.clock,
            started=lambda plan: world.counted.append(f"{plan.cause}: {', '.join(plan.impacts)}"),
            changed=world.counted.append,
            random=world.random,
        )
        self.reconciler = Reconciler(tools, self.queue)
        self.intake = Intake(
            objects=self.objects,
            queue=self.queue,
            reconciler=self.reconciler,
            budget=self.budget,
            outages=self.outages,
            materials=self.materials,
            clouds=clouds,
        )

    async def run(self) -> None:
        """List, then work until cancelled."""
        self.watch.intake = self.intake
        while True:
            try:
                listed = await self.resources.list_all()
            except KubeError:
                await asyncio.sleep(5)
            else:
                break
        for manifest in listed:
            self.intake.observe(None, manifest)
        stored = self._world.kube.objects
        for key in self.objects.keys() - stored.keys():  # The witness's task.
            version = self.objects.version(key)
            assert version is not None
            self.intake.gone(key, uid=version[0])
        await self.queue.run(WORKERS, self._step)

    def _wake(self, key: Key) -> None:
        self.reconciler.rouse(key)
        self.queue.add(key)

    def _wake_after(self, key: Key, seconds: float) -> None:
        self.reconciler.rouse(key)
        self.queue.add_after(key, seconds)

    async def _step(self, key: Key) -> None:
        try:
            result = await self.reconciler.step(key)
        except Exception as error:
            self._world.bugs.append(error)
            raise
        self._world.passes.append((asyncio.get_running_loop().time(), key[1], result))
