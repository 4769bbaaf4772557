"""
Is a host missing, or is DNS? Told by other hosts of the vendor.

Not asked before each call: only when DNS says that there is no such host, and then at most once in
`KEPT` seconds for all objects together.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable

WITNESSES = ("rds.aliyuncs.com", "rds-vpc.cn-hangzhou.aliyuncs.com", "sts.aliyuncs.com")
"""Hosts that are there as long as the vendor is; known in the vendor's VPCs as well."""

KEPT = 60.0
"""Seconds for which it is known that DNS answers, or that it does not."""

DEADLINE = 5.0
"""Seconds for all witnesses together."""

Resolve = Callable[[str], Awaitable[bool]]
"""Tells whether a host has an address; False also if that cannot be told."""


async def has_address(host: str) -> bool:
    """True if DNS gives an address of *host*; it is asked beside the loop."""
    loop = asyncio.get_running_loop()
    try:
        return bool(await loop.getaddrinfo(host, 443, type=socket.SOCK_STREAM))
    except OSError:
        return False


class Names:
    """What is known of DNS; one for the process."""

    def __init__(self, resolve: Resolve = has_address) -> None:
        self._resolve = resolve
        self._asking = asyncio.Lock()
        self._answers = False
        self._until = 0.0

    async def exist_without(self, missing: str) -> bool:
        """True if another host of the vendor than *missing* is found, so that DNS is at work."""
        loop = asyncio.get_running_loop()
        async with self._asking:
            if loop.time() >= self._until:
                self._answers = await self._ask(missing)
                self._until = loop.time() + KEPT
            return self._answers

    async def _ask(self, missing: str) -> bool:
        try:
            async with asyncio.timeout(DEADLINE):
                for host in WITNESSES:
                    if host != missing and await self._resolve(host):
                        return True
        except TimeoutError:
            pass
        return False
