"""What one pass works on, and what every part of the engine needs to do it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from rds_ssl.core import verdicts
from rds_ssl.core.conditions import READY, Finding, Verdict
from rds_ssl.core.declaration import Declaration
from rds_ssl.core.desired import material_of
from rds_ssl.core.model import Instance, Observed, Reason
from rds_ssl.core.operation import UNFINISHED, Limits
from rds_ssl.core.plan import Plan
from rds_ssl.core.status import InstanceStatus, ObservedStatus, Status
from rds_ssl.engine.budget import Budget
from rds_ssl.engine.clouds import Cloud, Clouds
from rds_ssl.engine.materials import Gathered, Materials
from rds_ssl.engine.memory import Memory
from rds_ssl.engine.objects import Key, Objects, Resource
from rds_ssl.engine.outages import Outages
from rds_ssl.engine.reporting import Reporter
from rds_ssl.kube.resources import Resources

VERIFIED = "verified"
"""The word for `Tools.changed` of a good end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The settings that a pass obeys; times are in seconds."""

    limits: Limits = field(default_factory=Limits)
    resync: float = 600.0
    quiet_period: float = 10.0
    drift_delay: float = 1800.0
    expiry_warning: timedelta = timedelta(days=30)
    max_changes_per_day: int = 3
    """Calls that may restart one instance; 0 is no limit."""
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The ports of the engine; one set for the process."""

    resources: Resources
    objects: Objects
    clouds: Clouds
    materials: Materials
    reporter: Reporter
    budget: Budget
    outages: Outages
    pace: Pace
    now: Callable[[], datetime]
    started: Callable[[Plan], None]
    """Counts a change that is about to be sent."""
    changed: Callable[[str], None]
    """Counts the end of a change: `VERIFIED`, or the reason of another one."""
    random: Random

    @staticmethod
    def monotonic() -> float:
        """Give the loop's time, in seconds."""
        return asyncio.get_running_loop().time()

    def resync_after(self) -> float:
        """Give the seconds to the next look at an object with nothing to do: ± 10 %."""
        return self.pace.resync * self.random.uniform(0.9, 1.1)


@dataclass(slots=True, kw_only=True)
class Work:
    """One pass over one object; *status* collects what will be written."""

    resource: Resource
    declaration: Declaration
    memory: Memory
    cloud: Cloud
    status: Status
    began: datetime
    """By the clock: what passes after it is not relied on."""
    gathered: Gathered | None = None
    observed: Observed | None = None
    instance: Instance | None = None
    """As read in this pass."""
    awaits_budget: bool = False
    after_write: list[Callable[[], object]] = field(default_factory=list)
    """What follows once the status is written: an end that is not recorded has not come."""
    before: Resource | None = None
    """The object as it was before this pass recorded a call."""
    warnings: tuple[str, ...] = ()
    """About the material; they stop nothing."""
    asks_on: bool = False
    """A reconcile-now is not answered yet: what it asks for has to wait."""

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return self.resource.key

    @property
    def engine(self) -> str | None:
        """The engine, as read now or before."""
        if self.instance is not None:
            return self.instance.engine
        known = self.status.instance
        return known.engine if known else None

    @property
    def was_ready(self) -> bool | None:
        """What Ready says at present; None for Unknown or nothing."""
        condition = self.resource.status.condition(READY)
        if condition is None:
            return None
        return {"True": True, "False": False}.get(condition.status)

    @property
    def material_finding(self) -> tuple[bool, Finding] | None:
        """What MaterialReady says of material that can be used; None if none was read."""
        if self.gathered is None:
            return None
        return verdicts.material_finding(self.declaration, self.warnings)

    @property
    def in_flight(self) -> bool:
        """Whether a call is on its way or at work, as far as this pass knows by now."""
        operation = self.status.operation
        return operation is not None and operation.phase in UNFINISHED

    def fields(self, request_id: str = "") -> dict[str, str]:
        """Give the fields of a log line."""
        namespace, name = self.key
        return {
            "namespace": namespace,
            "object_name": name,
            "instance_id": self.declaration.instance_id,
            **({"request_id": request_id} if request_id else {}),
        }

    @property
    def has_work(self) -> bool:
        """Whether something is to be done: silence of the cloud matters to the reader."""
        return (
            self.was_ready is not True
            or self.resource.status.observed_generation != self.resource.generation
            or self.rotates
            or self.resource.status.plan is not None
            or self.resource.in_flight
        )

    @property
    def rotates(self) -> bool:
        """Whether the material declared is not the material applied."""
        gathered, applied = self.gathered, self.resource.status.applied
        if gathered is None or gathered.problem is not None or applied is None:
            return False
        if not self.declaration.enabled or applied.state is None:
            return False
        facts, pfx = gathered.facts, self.declaration.server_certificate.pfx
        return applied.state.material != material_of(
            server_certificate=facts.server.leaf if facts.server else None,
            client_ca=tuple(each.certificate for each in facts.client_ca),
            revocation_list=facts.revocation_list,
            pfx=pfx.oss_object if pfx else "",
        )

    def as_it_was(self, reason: Reason, message: str) -> tuple[bool | None, Finding]:
        """Keep what Ready says; where there is nothing yet, Unknown with this finding."""
        resource = self.before or self.resource
        condition = resource.status.condition(READY)
        if condition is None or condition.reason not in set(Reason):
            return None, Finding(reason=reason, message=message)
        if condition.observed_generation != resource.generation:
            return False, Finding(reason=reason, message=message)  # It spoke of another spec.
        ready = {"True": True, "False": False}.get(condition.status)
        return ready, Finding(reason=Reason(condition.reason), message=condition.message)

    def show(self, *, endpoint: str | None) -> None:
        """Put what was read into the status to write; *endpoint* None leaves the pinned one."""
        update: dict[str, object] = {}
        if self.observed is not None:
            update["observed"] = ObservedStatus.of(self.observed)
        known = self.status.instance
        pinned = endpoint or (known.endpoint if known else None)
        if self.instance is not None:
            update["instance"] = InstanceStatus.of(self.instance, endpoint=pinned)
        elif known is not None and known.endpoint != pinned:
            update["instance"] = known.model_copy(update={"endpoint": pinned})
        self.set(**update)

    def written(self) -> None:
        """Do what had to wait for the status to be written."""
        for each in self.after_write:
            each()
        self.after_write.clear()

    def set(self, **update: object) -> None:
        """Change fields of the status to write."""
        self.status = self.status.model_copy(update=update)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a pass ends: what to say (None: nothing new), and when to look again, in seconds."""

    verdict: Verdict | None
    look_after: float
    looked: bool = True
    """Whether the cloud was read: if not, the next pass does, although no fact has changed."""
    settled_until: datetime | None = None
    """Nothing was to be done, and until then nothing is if the same is read; None: do not rely on
    it."""
