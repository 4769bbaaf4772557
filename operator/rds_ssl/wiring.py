"""The engine, wired to its ports: the API server, the cloud, the settings and the metrics."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import SystemRandom

from rds_ssl.aliyun.aiohttp_transport import AiohttpTransport
from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.identity.metadata import Metadata
from rds_ssl.aliyun.identity.own import Oidc, OwnIdentity, own_provider
from rds_ssl.aliyun.identity.roles import Role
from rds_ssl.aliyun.identity.sts import STS_VERSION, Sts, sts_url
from rds_ssl.aliyun.pace import RateLimits
from rds_ssl.aliyun.transport import OnCall, Transport
from rds_ssl.core.model import Priority
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
from rds_ssl.kube.data_watch import DataWatch
from rds_ssl.kube.resources import Resources
from rds_ssl.settings import Settings
from rds_ssl.telemetry import Metrics


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
    ) -> None:
        self._metrics = metrics
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
        self.limits = RateLimits(shard.share_of_rate(settings.api_rate), self._wake_by)
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

    async def measured_step(self, key: Key) -> None:
        """Make a pass, and count it."""
        await counted(self.reconciler.step(key), self._metrics.pass_ended)


async def counted(step: Awaitable[str], ended: Callable[[str, float], None]) -> None:
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


def own_identity(settings: Settings) -> OwnIdentity:
    """Return where the operator's own keys come from, by its settings."""
    key = oidc = assumed = None
    if settings.access_key_id is not None and settings.access_key_secret is not None:
        key = Credentials(
            access_key_id=settings.access_key_id,
            access_key_secret=settings.access_key_secret,
            security_token=settings.security_token,
        )
    if settings.role_arn and settings.oidc_provider_arn and settings.oidc_token_file:
        oidc = Oidc(
            role=Role(arn=settings.role_arn, session_name=settings.role_session_name),
            provider_arn=settings.oidc_provider_arn,
            token_file=Path(settings.oidc_token_file),
        )
    if settings.assume_role_arn:
        assumed = Role(
            arn=settings.assume_role_arn,
            session_name=settings.role_session_name,
            external_id=settings.assume_role_external_id,
        )
    ecs_role = settings.ecs_metadata or ("" if settings.ecs_role else None)
    return OwnIdentity(
        key=key,
        oidc=oidc,
        ecs_role=None if settings.ecs_metadata_disabled else ecs_role,
        assumed=assumed,
    )


def make_identities(
    settings: Settings, http: AiohttpTransport, *, on_call: OnCall, user_agent: str
) -> Identities:
    """Return who gives keys, for the operator itself and for all roles."""
    transport = Transport(
        http, now=now, on_call=on_call, version=STS_VERSION, user_agent=user_agent
    )
    vpc = settings.vpc_endpoint_enabled or settings.network == "vpc"
    sts = Sts(transport, sts_url(settings.sts_endpoint, region=settings.sts_region, vpc=vpc))
    metadata = Metadata(
        http,
        now=now,
        url=settings.ecs_metadata_url,
        version_1=not settings.imdsv1_disabled,
    )
    return Identities(sts=sts, own=own_provider(own_identity(settings), sts=sts, metadata=metadata))


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
