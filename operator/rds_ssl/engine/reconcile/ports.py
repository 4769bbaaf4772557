"""What the engine needs from outside, and the settings it works by: one set for the process."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from rds_ssl.core.model import Restart
from rds_ssl.core.operation.verification import Limits
from rds_ssl.core.planning.plan import Plan
from rds_ssl.engine.gather.clouds import Clouds
from rds_ssl.engine.gather.materials import Materials
from rds_ssl.engine.objects import Objects, Resource
from rds_ssl.engine.proofs import Proofs
from rds_ssl.engine.reporting import Reporter
from rds_ssl.engine.scheduling.budget import Budget
from rds_ssl.engine.scheduling.outages import Outages
from rds_ssl.engine.strangers import Strangers
from rds_ssl.kube.resources import Resources

VERIFIED = "verified"
"""The word for `Ports.changed` of a good end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
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
class Ports:
    """The ports of the engine."""

    resources: Resources
    objects: Objects
    clouds: Clouds
    materials: Materials
    reporter: Reporter
    budget: Budget
    proofs: Proofs
    outages: Outages
    timings: Timings
    now: Callable[[], datetime]
    started: Callable[[Plan], None]
    """Counts a change that is about to be sent."""
    changed: Callable[[str], None]
    """Counts the end of a change: `VERIFIED`, or the reason of another one."""
    ended: Callable[[Restart, bool], None]
    """Counts a change that RDS took: the restart predicted, and whether one was seen."""
    random: Random
    strangers: Strangers
    shared: bool
    """Whether other processes serve other objects: by a selector, or in other shards."""

    @staticmethod
    def monotonic() -> float:
        """Return the loop's time, in seconds."""
        return asyncio.get_running_loop().time()

    def resync_after(self) -> float:
        """Return the seconds to the next look at an object with nothing to do: ± 10 %."""
        return self.timings.resync * self.random.uniform(0.9, 1.1)

    def beside(self, resource: Resource) -> list[Resource]:
        """Return the other objects that name an instance, whichever process serves them."""
        return [*self.objects.beside(resource), *self.strangers.beside(resource)]
