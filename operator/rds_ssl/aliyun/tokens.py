"""A token bucket of which resyncs get a part."""

from rds_ssl.core.model import Priority

RESYNC_PART = 0.5
"""
Of the rate: looks at objects with nothing to do take no more, however many there are. The rest is
there at once for whatever happens, and for the other tools of the account.
"""

# The loop's clock is a float: at the time a token is due, 0.9999999 of it may have been counted.
_ALMOST_ONE = 1 - 1e-6


class Tokens:
    """
    What may be called now; times are in seconds, and whoever asks tells the time first (`refill`).

    A `Priority.RESYNC` takes a token of the part as well.
    """

    def __init__(self, rate: float, depth: float) -> None:
        """*rate* is in tokens per second, 0 for no limit; *depth*: those of a full bucket."""
        self.rate = rate
        self.depth = depth
        self._level = depth
        self._part = depth
        self._counted_at: float | None = None

    @property
    def level(self) -> float:
        """How many there are; less than 0 after a `take` that could not wait."""
        return self._level

    @property
    def is_full(self) -> bool:
        """True if a new one would have as many."""
        return min(self._level, self._part) >= self.depth - 1 + _ALMOST_ONE

    def refill(self, now: float) -> None:
        """Count what has come in since it was last called."""
        if self._counted_at is not None:
            came = (now - self._counted_at) * self.rate
            self._level = min(self.depth, self._level + came)
            self._part = min(self.depth, self._part + came * RESYNC_PART)
        self._counted_at = now

    def wait(self, priority: Priority, ahead: float = 0.0, ahead_of_part: float = 0.0) -> float:
        """Return the seconds until a token is there after those of *ahead*; 0: it is there now."""
        if not self.rate:
            return 0.0
        seconds = _until(self._level, ahead) / self.rate
        if priority is Priority.RESYNC:
            part = _until(self._part, ahead_of_part) / (self.rate * RESYNC_PART)
            seconds = max(seconds, part)
        return seconds

    def take(self, priority: Priority) -> None:
        """Take a token, there or not."""
        if not self.rate:
            return
        self._level -= 1
        if priority is Priority.RESYNC:
            self._part -= 1

    def give_back(self, count: int) -> None:
        """Give back what was taken and is not needed."""
        self._level = min(self.depth, self._level + count)


def _until(level: float, ahead: float) -> float:
    lacking = ahead + 1 - level
    return lacking if lacking > 1 - _ALMOST_ONE else 0.0
