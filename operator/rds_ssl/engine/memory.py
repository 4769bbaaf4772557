"""
What this process knows of an object beyond its status: everything that a restart may forget.

Times are of the loop's monotonic clock, in seconds.
"""

from dataclasses import dataclass
from datetime import datetime

from rds_ssl.core.model import Instance
from rds_ssl.core.operation import Watch
from rds_ssl.core.status import OperationStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A look that found nothing to do; the same *facts* mean the same from *since* to *until*."""

    facts: object
    since: datetime
    until: datetime


@dataclass(slots=True, kw_only=True)
class Memory:
    """One object's; forgotten with the object."""

    fingerprint: object = None
    """The facts that the last finished pass saw."""
    due: float = 0.0
    """When that pass wanted to look again; facts that stand still need no look before."""

    settled: Settled | None = None
    """What the last look rested on that found nothing to do."""

    roused: bool = False
    """Something outside of its facts has changed: the next pass looks in any case."""

    inputs: object = None
    inputs_since: float = 0.0
    unquiet_since: float | None = None
    """Since when the inputs have not stood still; the quiet period does not last for ever."""

    trouble: object = None
    trouble_since: float = 0.0

    watch: Watch | None = None
    watched: datetime | None = None
    """The startTime of the operation that *watch* belongs to."""
    request_id: str | None = None
    """Of the call that this process sent, once it was accepted."""
    not_executed: datetime | None = None
    """The startTime of an operation that is Sending in status and surely was not executed."""
    no_effect: OperationStatus | None = None
    """The attempt whose outcome was unknown and that was seen to be without effect: the next one
    counts on from it, also after a hold."""

    previous: OperationStatus | None = None
    """What an own operation left behind before the attempt that is being made: it counts again if
    that one is not executed."""
    permitted: str | None = None
    """The digest that may be sent although its last operation ended badly: somebody asked for an
    attempt, and it was not executed yet."""

    namespace_stands: datetime | None = None
    """The startTime of the operation during which the namespace was seen not to be deleted."""

    instance: Instance | None = None
    running_since: float | None = None
    busy_since: float | None = None
    busy_count: int = 0
    unreachable_since: float | None = None
    blocked_count: int = 0
    write_faults: int = 0
    """Writes in a row after which nothing was executed; reads in between do not count."""
    write_faults_since: float | None = None
    announced: tuple[str, str] | None = None
    """The reason and message of the last Event about a problem."""

    def note(self, inputs: object, *, now: float, period: float) -> None:
        """Note what people can change: since when has it stood still?"""
        if inputs != self.inputs:
            if self.unquiet_since is None or now - self.inputs_since >= period:
                self.unquiet_since = now  # It had stood still: a new unrest begins.
            self.inputs, self.inputs_since = inputs, now
            self.write_faults, self.write_faults_since = 0, None

    def quiet_for(self, *, now: float, period: float) -> float:
        """Say for how many seconds the inputs still have to stand still."""
        began = self.inputs_since if self.unquiet_since is None else self.unquiet_since
        return max(0.0, min(self.inputs_since + period, began + 6 * period) - now)

    def waited(self, trouble: object, *, now: float) -> float:
        """Note what is wrong before any input could be read; say for how many seconds it is."""
        if trouble != self.trouble:
            self.trouble, self.trouble_since = trouble, now
        return now - self.trouble_since

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
        """Seconds that the instance has been seen Running without a break."""
        return 0.0 if self.running_since is None else now - self.running_since

    def follow(self, started: datetime, watch: Watch) -> None:
        """Begin to watch an operation."""
        self.watched, self.watch = started, watch

    def unfollow(self) -> None:
        """Its operation has ended."""
        self.watch, self.watched, self.request_id = None, None, None
