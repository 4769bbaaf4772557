"""
How fast an operation is called that was throttled: less at once, then slowly more again.

What the API allows is not published, and is shared with the other tools of the account, so it is
found out, as TCP finds the room of a line: each throttled burst lowers the rate, and the way back
is CUBIC's (RFC 9438; the SDKs of AWS pace by it too): quickly to where it was throttled, slowly
past it, and faster again the longer nothing is refused. Only the length of the way is another one:
it is measured in calls, so that no more than one in a hundred of them is a probe too many.

Values alone: no loop, no clock. Times are in seconds, rates in calls per second.
"""

import math
from dataclasses import dataclass, replace

CUT = 0.85
"""What a throttled burst leaves of a rate that was at the API's limit: the probe went too far."""

CUT_FAR = 0.5
"""What is left of one that nothing is known of, or that is still throttled after a cut."""

SOON = 10
"""Calls after a cut within which another one shows that it was not enough."""

PROBED_AFTER = 150
"""Calls after which the rate is back where it was throttled, and begins to probe beyond it."""

SHORTEST, LONGEST = 30.0, 300.0
"""Seconds for that, at least and at most."""

FLOOR = 0.2
"""
What is left in any case: a change in flight is still looked at every five seconds. Whoever is
throttled at that rate is held by pauses and back-offs alone.
"""

OVER = 10.0
"""How many times the rate at which it was throttled ends it, where there is no other end."""

_SPAN = 1.0
"""Seconds over which calls are measured: about what a server's bucket holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """A rate that was lowered, and the way back."""

    at: float
    begins: float
    """When the way back does: when the API may be called again."""
    plateau: float
    """The rate that the way back is slow around: it was throttled there."""
    lowest: float
    length: float
    """Seconds to the plateau."""

    def rate(self, now: float) -> float:
        way = max(0.0, now - self.begins) / self.length
        return self.plateau + (self.plateau - self.lowest) * (way - 1) ** 3


class Slowdown:
    """
    The rate of one operation since it was throttled.

    A burst is cut once: an answer to a call that was sent before the last cut tells nothing new.
    """

    def __init__(self, rate: float, *, ceiling: float, now: float, until: float) -> None:
        """
        Begin with the first throttled answer.

        Args:
            rate: At which it was throttled.
            ceiling: The rate that is never passed; 0: there is none.
            now: The time.
            until: When the API wants to be called again.
        """
        self._ceiling = ceiling or math.inf
        self._floor = min(FLOOR, self._ceiling)
        self._cut = self._lowered(max(rate, self._floor), CUT_FAR, now=now, until=until)

    def throttled(self, *, sent: float, now: float, until: float) -> None:
        """Note another throttled answer, to a call that was sent at *sent*."""
        cut, rate = self._cut, self.rate(now)
        if sent <= cut.at:
            self._cut = replace(cut, begins=max(cut.begins, until))
        elif now - cut.begins < SOON / cut.lowest:
            self._cut = self._lowered(rate, CUT_FAR, now=now, until=until)
        else:
            self._cut = self._lowered(rate, CUT, now=now, until=until)
            between = (1 + CUT) / 2
            if rate < cut.plateau * between:
                # Somebody else takes more than before: leave it to them for a while.
                self._cut = replace(self._cut, plateau=rate * between)

    def rate(self, now: float) -> float:
        """Return the rate of the moment, in calls per second."""
        return min(self._ceiling, max(self._floor, self._cut.rate(now)))

    def is_over(self, now: float) -> bool:
        """True if it limits nothing any more."""
        end = OVER * self._cut.plateau if math.isinf(self._ceiling) else self._ceiling
        return self.rate(now) >= end

    def _lowered(self, rate: float, left: float, *, now: float, until: float) -> _Cut:
        return _Cut(
            at=now,
            begins=max(now, until),
            # At the floor nobody can tell what the account allows: the way leads on from there.
            plateau=max(rate, min(self._ceiling, self._floor / CUT_FAR)),
            lowest=max(self._floor, rate * left),
            length=min(LONGEST, max(SHORTEST, PROBED_AFTER / rate)),
        )


class Meter:
    """How many calls per second are answered, lately."""

    def __init__(self) -> None:
        self._rate = 0.0
        self._noted_at = 0.0

    def note(self, now: float) -> None:
        """Count a call."""
        self._rate = self.rate(now) + 1 / _SPAN
        self._noted_at = now

    def rate(self, now: float) -> float:
        """Return the rate of the moment, in calls per second."""
        return self._rate * math.exp((self._noted_at - now) / _SPAN)
