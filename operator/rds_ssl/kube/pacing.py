"""
Lets nobody ask the API server for one thing again and again without a pause.

kopf opens a watch at once after the last one has ended, and lists after a second: a server that
ends or spoils every one of them at once is asked as fast as it can answer, for all objects.
"""

import asyncio

BURST = 6
"""Requests to one path that may follow each other at once: a list and a watch, some times over."""

INTERVAL = 5.0
"""Seconds for each one after them; a watch is opened every 25 when all is well."""


class Pacing:
    """The pace of requests, path by path."""

    def __init__(self, *, burst: int = BURST, interval: float = INTERVAL) -> None:
        self._burst = burst
        self._interval = interval
        self._free_at: dict[str, float] = {}
        """Loop time at which all of the burst is there again; one entry for each path."""

    async def wait(self, path: str) -> None:
        """Come back when *path* may be asked."""
        now = asyncio.get_running_loop().time()
        free_at = max(now, self._free_at.get(path, now)) + self._interval
        self._free_at[path] = free_at
        delay = free_at - now - self._burst * self._interval
        if delay > 0:
            await asyncio.sleep(delay)
