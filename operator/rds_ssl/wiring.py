"""The engine, wired to its ports: the API server, the cloud, the settings and the metrics."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import SystemRandom

from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.rate_limit import RateLimits
from rds_ssl.aliyun.transport import Transport
from rds_ssl.core.operation.verification import Limits
from rds_ssl.core.planning.plan import Plan
from rds_ssl.engine.events.router import EventRouter
from rds_ssl.engine.gather.clouds import Clouds
from rds_ssl.engine.gather.materials import Materials
from rds_ssl.engine.objects import Key, Objects
from rds_ssl.engine.reconcile.ports import VERIFIED, Ports, Timings
from rds_ssl.engine.reconcile.reconciler import Reconciler
from rds_ssl.engine.reporting import Reporter
from rds_ssl.engine.scheduling.budget import Budget
from rds_ssl.engine.scheduling.outages import Outages
from rds_ssl.engine.scheduling.workqueue import WorkQueue
from rds_ssl.kube.resources import Kind, Resources
from rds_ssl.settings import Settings
from rds_ssl.telemetry import Metrics


class Parts:
    """The parts of the engine; one set for the process."""

    def __init__(
        self,
        settings: Settings,
        resources: Resources,
        transport: Transport,
        metrics: Metrics,
        known_version: Callable[[Kind, Key], tuple[str, str] | None],
    ) -> None:
        self._metrics = metrics
        self.objects = Objects()
        self.queue: WorkQueue[Key] = WorkQueue()
        self.reporter = Reporter(resources, self.objects, now)
        self.outages = Outages(self._wake_after)
        self.budget = Budget(settings.max_concurrent_changes, self._wake)
        materials = Materials(resources, known_version)
        clouds = Clouds(
            transport=transport,
            resources=resources,
            version=known_version,
            limits=RateLimits(settings.api_rate),
            answered=self.outages.answered,
            own=_own_credentials(settings),
            identity_namespaces=settings.identity_namespaces,
            network=settings.network,
            api_url=settings.api_url,
            allow_http=settings.allow_http,
        )
        ports = Ports(
            resources=resources,
            objects=self.objects,
            clouds=clouds,
            materials=materials,
            reporter=self.reporter,
            budget=self.budget,
            outages=self.outages,
            timings=_timings(settings),
            now=now,
            started=self._started,
            changed=self._changed,
            random=SystemRandom(),
        )
        self.reconciler = Reconciler(ports, self.queue)
        self.router = EventRouter(
            objects=self.objects,
            queue=self.queue,
            reconciler=self.reconciler,
            budget=self.budget,
            outages=self.outages,
            materials=materials,
            clouds=clouds,
        )

    def _wake(self, key: Key) -> None:
        self.reconciler.force(key)
        self.queue.add(key)

    def _wake_after(self, key: Key, seconds: float) -> None:
        self.reconciler.force(key)
        self.queue.add_after(key, seconds)

    def _started(self, plan: Plan) -> None:
        self._metrics.change_started(plan.cause.value, [each.value for each in plan.impacts])

    def _changed(self, what: str) -> None:
        if what == VERIFIED:
            self._metrics.change_verified()
        else:
            self._metrics.change_failed(what)

    async def measured_step(self, key: Key) -> None:
        """Make a pass, and count it."""
        started = time.perf_counter()
        result = "bug"
        try:
            result = await self.reconciler.step(key)
        finally:
            self._metrics.pass_ended(result, time.perf_counter() - started)


def _own_credentials(settings: Settings) -> Credentials | None:
    if settings.access_key_id is None or settings.access_key_secret is None:
        return None
    return Credentials(
        access_key_id=settings.access_key_id,
        access_key_secret=settings.access_key_secret,
        security_token=settings.security_token,
    )


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
