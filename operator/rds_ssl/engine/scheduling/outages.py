"""
When an endpoint of the cloud does not answer: one probe at a time, and everybody else waits.

Without it every object would wait out its own back-off, so that an API that is back after a minute
is noticed by some after five; or all would hammer it.
"""

import asyncio
from collections.abc import Callable

from rds_ssl.core.model import Finding
from rds_ssl.engine.objects import Key

PROBE_EVERY = 2.0
"""Seconds between two probes of one endpoint, at most."""

PROBER_SILENT = 30.0
"""Seconds after which a prober has been lost; longer than a read may take."""


class Outages:
    """
    Which endpoints are down, who probes them, and who waits.

    *wake_after* puts a key back into the queue in so many seconds. A prober that is not heard of
    (its credentials went, its object is suspended) is replaced.
    """

    def __init__(self, wake_after: Callable[[Key, float], None]) -> None:
        self._wake_after = wake_after
        self._probers: dict[str, tuple[Key, float]] = {}
        self._parked: dict[str, dict[Key, None]] = {}
        self._told: dict[str, Finding] = {}

    def blocks(self, endpoint: str, key: Key) -> bool:
        """True if *key* must wait; it is woken when the endpoint answers again."""
        if endpoint not in self._probers:
            return False
        prober, heard_at = self._probers[endpoint]
        now = asyncio.get_running_loop().time()
        if prober == key or now - heard_at > PROBER_SILENT:
            self._probers[endpoint] = (key, now)
            return False
        self._parked.setdefault(endpoint, {})[key] = None
        return True

    def failed(self, endpoint: str, key: Key) -> None:
        """Note that a call of *key* got no answer; the first becomes the prober."""
        now = asyncio.get_running_loop().time()
        prober = self._probers.setdefault(endpoint, (key, now))[0]
        parked = self._parked.setdefault(endpoint, {})
        if prober != key:
            parked[key] = None
            return
        # Each turn is somebody else's: one instance alone may be what does not answer.
        parked[key] = None
        turn = next(iter(parked))
        del parked[turn]
        self._probers[endpoint] = (turn, now)
        self._wake_after(turn, PROBE_EVERY)

    def words(self, endpoint: str, finding: Finding) -> Finding:
        """
        Return what all say of an outage: what was found first.

        Else each would say in turn what its own probe has found and that another one probes, which
        is a PATCH each time.
        """
        return self._told.setdefault(endpoint, finding) if endpoint in self._probers else finding

    def answered(self, endpoint: str) -> None:
        """Note that the endpoint answers, whatever it said: everybody goes on."""
        if self._probers.pop(endpoint, None) is not None:
            self._told.pop(endpoint, None)
            self._wake(endpoint)

    def gone(self, key: Key) -> None:
        """Forget an object, or one that asks nothing; if it was the prober, another takes over."""
        for parked in self._parked.values():
            parked.pop(key, None)
        for endpoint, (prober, _) in list(self._probers.items()):
            if prober == key:
                del self._probers[endpoint]
                if not self._parked.get(endpoint):
                    self._told.pop(endpoint, None)  # Nobody else is there to go on telling it.
                self._wake(endpoint)

    def _wake(self, endpoint: str) -> None:
        for key in self._parked.pop(endpoint, {}):
            self._wake_after(key, 0.0)
