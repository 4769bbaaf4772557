"""
The simulator's time: the clock of the machine, moved.

Two times exist. What happens to instances (running changes, expiry, renewals) follows the *moved*
time. Signatures are checked against the caller's time plus `skew`, because clients keep their own
clock when a test moves this one.
"""

from datetime import UTC, datetime, timedelta


def wall_time() -> datetime:
    """Read the clock of the machine, in UTC."""
    return datetime.now(UTC)


class MovableClock:
    """Turns the caller's time into the simulator's."""

    def __init__(self) -> None:
        self.offset = timedelta()
        """How far the instances' time is ahead of the caller's."""
        self.skew = timedelta()
        """How far the gateway's clock is off, for tests of InvalidTimeStamp.Expired."""

    def moved(self, now: datetime) -> datetime:
        """The instances' time."""
        return now + self.offset

    def gateway(self, now: datetime) -> datetime:
        """The time that signatures are checked against and that the Date header shows."""
        return now + self.skew

    def advance(self, seconds: float) -> None:
        """Move the instances' time forward, or back if negative."""
        self.offset += timedelta(seconds=seconds)

    def set(self, to: datetime, now: datetime) -> None:
        """Make the instances' time *to*; it runs on from there."""
        self.offset = to - now

    def set_skew(self, seconds: float) -> None:
        """Make the gateway's clock wrong by that much; 0: right again."""
        self.skew = timedelta(seconds=seconds)


def to_wire(at: datetime) -> str:
    """ISO 8601 in UTC with whole seconds, as the API writes times."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
