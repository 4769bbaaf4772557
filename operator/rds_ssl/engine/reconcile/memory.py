"""
What this process knows of an object beyond its status: everything that a restart may forget.

Each record has one owner, the module that changes it; the others read. Times are of the loop's
monotonic clock, in seconds.
"""

from dataclasses import dataclass, field
from datetime import datetime

from rds_ssl.core.api.status import PlanStatus
from rds_ssl.core.model import Instance, Reason
from rds_ssl.engine.reconcile.attempt import Attempt, Idle


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A look that found nothing to do; the same *facts* mean the same from *since* to *until*."""

    facts: object
    since: datetime
    until: datetime


@dataclass(slots=True)
class LastPass:
    """What the last finished pass rested on. Owner: `rds_ssl.engine.reconcile.reconciler`."""

    facts: object = None
    """What it had gathered."""
    due: float = 0.0
    """When it wanted to look again; facts that stand still need no look before."""
    settled: Settled | None = None
    """If it found nothing to do."""
    forced: bool = False
    """Something outside of its facts has changed: the next pass looks in any case."""
    looked: bool = False
    """A pass of this process has read what it had to."""
    by_the_way: object = None
    """Its facts, if the next look is one of many: nothing but a resync is due. None: it is not."""

    def rests(self, facts: object, *, now: float) -> float | None:
        """Return the seconds for which nothing is to be done, or None: a look is due."""
        if self.forced or facts != self.facts or now >= self.due - 0.01:
            return None
        return self.due - now


@dataclass(slots=True)
class Inputs:
    """
    Since when what people can change has stood still.

    Owner: `rds_ssl.engine.reconcile.material_problems`.
    """

    seen: object = None
    since: float = 0.0
    unquiet_since: float | None = None
    """Since when they have not stood still; the quiet period does not last for ever."""

    def note(self, seen: object, *, now: float, period: float) -> bool:
        """Note what people can change; True if it is new."""
        if seen == self.seen:
            return False
        if self.unquiet_since is None or now - self.since >= period:
            self.unquiet_since = now  # It had stood still: a new unrest begins.
        self.seen, self.since = seen, now
        return True

    def quiet_for(self, *, now: float, period: float) -> float:
        """Return for how many seconds they still have to stand still."""
        began = self.since if self.unquiet_since is None else self.unquiet_since
        return max(0.0, min(self.since + period, began + 6 * period) - now)


@dataclass(slots=True)
class Unreadable:
    """
    What keeps a pass from its start, and since when.

    Owner: `rds_ssl.engine.reconcile.gathering`.
    """

    trouble: object = None
    since: float = 0.0

    def lasts(self, trouble: object, *, now: float) -> float:
        """Note what is wrong; return for how many seconds it is."""
        if trouble != self.trouble:
            self.trouble, self.since = trouble, now
        return now - self.since


@dataclass(slots=True)
class Sightings:
    """
    The instance as its attributes were read.

    Owner: `rds_ssl.engine.reconcile.observing`; `rds_ssl.engine.reconcile.api_failures` counts.
    """

    instance: Instance | None = None
    running_since: float | None = None
    busy_since: float | None = None
    busy_count: int = 0

    def see(self, instance: Instance, *, now: float) -> None:
        """Note what DescribeDBInstanceAttribute said."""
        self.instance = instance
        if instance.running:
            self.busy_since, self.busy_count = None, 0
            if self.running_since is None:
                self.running_since = now
        else:
            self.running_since = None
            if self.busy_since is None:
                self.busy_since = now

    def running_for(self, now: float) -> float:
        """Return for how many seconds it has been seen Running without a break."""
        return 0.0 if self.running_since is None else now - self.running_since

    def busy_for(self, now: float) -> float:
        """Count one more look at a busy instance; return for how many seconds it is busy."""
        self.busy_count += 1
        if self.busy_since is None:
            self.busy_since = now
        return now - self.busy_since


@dataclass(slots=True)
class Failures:
    """
    Calls in a row that failed. Owner: `rds_ssl.engine.reconcile.api_failures`.

    Reads and writes are counted apart: after a write that is refused each time, the reads in
    between succeed.
    """

    reads: int = 0
    unavailable_since: float | None = None
    writes: int = 0
    """After which nothing was executed."""
    writes_since: float | None = None

    def answered(self) -> None:
        """Note that a pass could read what it had to."""
        self.reads, self.unavailable_since = 0, None

    def written(self) -> None:
        """Note that a write was accepted, or that another one is due."""
        self.writes, self.writes_since = 0, None

    def write_failed(self, *, now: float) -> float:
        """Count a write that was not executed; return for how many seconds they fail."""
        self.writes += 1
        if self.writes_since is None:
            self.writes_since = now
        return now - self.writes_since


@dataclass(slots=True)
class ToldHolds:
    """
    Of the plan that is held, the gates that an Event has told.

    Noted by `rds_ssl.engine.reconcile.finishing`, once the status says it; what the process before
    has told, the status says.
    """

    digest: str = ""
    gates: set[Reason] = field(default_factory=set)

    def is_new(self, digest: str, gate: Reason, *, before: PlanStatus | None) -> bool:
        """True if nobody has told of this hold; *before* is the plan that the status has."""
        if digest != self.digest:
            known = before is not None and before.digest == digest and before.held_by == gate
            self.digest, self.gates = digest, {gate} if known else set()
        return gate not in self.gates

    def note(self, digest: str, gate: Reason) -> None:
        """Note that it is told."""
        if digest == self.digest:
            self.gates.add(gate)


_MOST_TIMES = 64
"""Of an honest status there are none in the future, or, after a clock was set back, a few."""


@dataclass(slots=True)
class FutureTimes:
    """
    Times of a status that have not come yet: a clock was set back, or somebody else wrote them.

    They count as the moment at which they were first seen: nothing waits for them to come. Owner:
    `rds_ssl.engine.reconcile.gating`.
    """

    seen: dict[datetime, datetime] = field(default_factory=dict)

    def past(self, time: datetime, *, now: datetime) -> datetime:
        """Return the time that counts in place of *time*; the same if it has come."""
        if time <= now:
            return time
        if time not in self.seen:
            if len(self.seen) >= _MOST_TIMES:
                self.seen.clear()
            self.seen[time] = now
        return min(self.seen[time], now)


@dataclass(slots=True)
class Memory:
    """One object's; forgotten with the object."""

    last: LastPass = field(default_factory=LastPass)
    inputs: Inputs = field(default_factory=Inputs)
    unreadable: Unreadable = field(default_factory=Unreadable)
    sightings: Sightings = field(default_factory=Sightings)
    failures: Failures = field(default_factory=Failures)
    attempt: Attempt = field(default_factory=Idle)
    """
    Written where a call is made (`rds_ssl.engine.reconcile.sending`), looked at
    (`rds_ssl.engine.reconcile.following`), and its end recorded
    (`rds_ssl.engine.reconcile.finishing`).
    """
    announced: tuple[str, str] | None = None
    """
    The reason and message of the last Event about a problem.

    Owner: `rds_ssl.engine.reconcile.finishing`.
    """
    held: ToldHolds = field(default_factory=ToldHolds)
    held_rotation: ToldHolds = field(default_factory=ToldHolds)
    """The same of newer material that goes ahead of a plan."""
    future: FutureTimes = field(default_factory=FutureTimes)
    doubted_since: float | None = None
    """
    Since when it is not known whether another object's claim of the instance counts.

    Owner: `rds_ssl.engine.reconcile.gathering`.
    """
    namespace_stands: datetime | None = None
    """
    The startTime of the operation during which the namespace was seen not to be deleted.

    Owner: `rds_ssl.engine.reconcile.deletion`.
    """
