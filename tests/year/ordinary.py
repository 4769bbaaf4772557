"""
An ordinary operator: Describe, compare, write at once if something differs.

It is a good one of its kind. It is told of every change, reads before each write, compares by
meaning with the operator's own code, never writes while a change is at work, and reads back. What
it has not is change control: no window, no quiet period, no limit to what is restarted at the same
time or in a day, no approval, no delay before it undoes what somebody did elsewhere.

What failed differs still at the next look, so it is sent again, no sooner than `RETRY` after the
call before and until it holds: such an operator keeps no count, and whoever gives up after so many
attempts leaves a database with an old certificate.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from rds_ssl.aliyun.identity.sts import STS_VERSION, Sts
from rds_ssl.aliyun.pace import RateLimits
from rds_ssl.aliyun.transport import Transport
from rds_ssl.core.api.spec import Declaration, parse_spec
from rds_ssl.core.errors import AliyunError
from rds_ssl.core.model import Instance, Observed, Priority
from rds_ssl.core.planning.desired import desired_of
from rds_ssl.core.planning.diff import compare
from rds_ssl.core.planning.parameters import parameters
from rds_ssl.core.planning.renewal import renewal_at
from rds_ssl.engine.gather.clouds import Cloud, Clouds
from rds_ssl.engine.gather.identities import Identities
from rds_ssl.engine.gather.materials import Materials
from rds_ssl.engine.objects import Key
from rds_ssl.grants import Grants
from rds_ssl.kube.resources import Kind
from support.engine_process import API_URL, STS_URL
from support.engine_world import EngineWorld
from support.kube_memory import MemoryResources, Watch

RETRY = 600.0
"""Seconds between two calls for the same object, and after an API that does not answer."""

POLL = 90.0
"""Seconds between two looks at an instance that is at work."""


class Ordinary:
    """One process; it keeps nothing but when it wrote last."""

    def __init__(self, world: EngineWorld) -> None:
        self._world = world
        connection = world.line.connect()
        self._watch = Watch(world.kube)
        self._watch.router = self
        self.http = world.cloud_transport(connection)
        resources = MemoryResources(world.kube, connection)
        self._materials = Materials(resources, self._watch.version)
        sts = Sts(Transport(self.http, now=world.clock, version=STS_VERSION), STS_URL)
        self._clouds = Clouds(
            transport=Transport(self.http, now=world.clock),
            resources=resources,
            version=self._watch.version,
            limits=RateLimits(world.rate),
            answered=lambda _endpoint: None,
            identities=Identities(sts=sts, own=None),
            allowed=Grants(namespaces=()).allowed,
            network="public",
            api_url=API_URL,
        )
        self._told: dict[Key, asyncio.Event] = {}
        self._wrote: dict[Key, float] = {}

    async def run(self) -> None:
        """Work until cancelled."""
        for key in self._world.kube.objects:
            self._told[key] = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for key in self._told:
                group.create_task(self._mind(key))

    def observe(self, kind: str | None, manifest: Mapping[str, Any]) -> None:
        """Take in an event of the object watch."""
        del kind
        meta = manifest["metadata"]
        self._told[meta["namespace"], meta["name"]].set()

    def data_changed(self, kind: Kind, name: tuple[str, str]) -> None:
        """Take in that a Secret or ConfigMap changed; who does not use it finds no difference."""
        self._materials.forget(kind, name)
        namespace, of = name
        for key, told in self._told.items():
            # A pair serves one object, all else the whole namespace.
            if key[0] == namespace and (kind == "ConfigMap" or of == f"{key[1]}-tls"):
                told.set()

    async def _mind(self, key: Key) -> None:
        while True:
            self._told[key].clear()
            try:
                look_after = await self._look(key)
            except AliyunError:
                look_after = RETRY
            with suppress(TimeoutError):
                async with asyncio.timeout(look_after):
                    await self._told[key].wait()

    async def _look(self, key: Key) -> float:
        declaration = parse_spec(self._world.kube.objects[key]["spec"])
        cloud = await self._clouds.open(declaration, key)
        instance = await cloud.describe_attribute(declaration, priority=Priority.CHANGE)
        if not instance.running:
            return POLL
        observed = await cloud.describe_ssl(
            declaration, priority=Priority.CHANGE, engine=instance.engine, in_flight=False
        )
        if observed.last_modify_status == "setting":
            return POLL
        now = self._world.monotonic()
        again = self._wrote.get(key, -RETRY) + RETRY - now
        wrote = again <= 0 and await self._write(key, declaration, cloud, instance, observed)
        if wrote:
            self._wrote[key] = now
        return POLL if wrote or again > 0 else self._rest(declaration, instance, observed)

    async def _write(
        self,
        key: Key,
        declaration: Declaration,
        cloud: Cloud,
        instance: Instance,
        observed: Observed,
    ) -> bool:
        """Write what differs, if anything does."""
        gathered = await self._materials.gather(declaration, key[0])
        endpoint = instance.connection_string
        desired = desired_of(declaration, gathered.facts, endpoint=endpoint)
        renews = renewal_at(declaration, observed, engine=instance.engine)
        due = renews is not None and renews <= self._world.clock()
        if not compare(desired, observed).different and not due:
            return False
        whole = await self._materials.gather(declaration, key[0], fresh=True)
        if whole.material is None:
            return False
        sent = parameters(desired, observed, whole.material, engine=instance.engine)
        await cloud.modify_ssl(declaration, sent)
        return True

    def _rest(self, declaration: Declaration, instance: Instance, observed: Observed) -> float:
        """Give the seconds to the next look at an object with which all is well."""
        resync = self._world.timings.resync * self._world.random.uniform(0.9, 1.1)
        renews = renewal_at(declaration, observed, engine=instance.engine)
        return min(resync, max(POLL, _seconds_to(renews, self._world.clock))) if renews else resync


def _seconds_to(at: datetime, clock: Callable[[], datetime]) -> float:
    return (at - clock()).total_seconds()
