"""
Work that takes longer than an event loop may be held, done beside it.

For everybody but the core, which computes and does not know where. One thread, so that what is
large queues up behind what is large instead of taking the machine. Python code in it gives way to
the loop every 5 ms (`sys.getswitchinterval`), a call into C at its end: each must be short itself.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

INLINE = 16 * 1024
"""
Bytes that are worked on at once, for a hop to a thread and back takes 0.1 ms and a turn of the
loop. The costliest text of this size, PEM of 30 small certificates, takes 4 ms; a certificate with
its chain and key, or a bundle of some CAs, is smaller.
"""

_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="offloaded")


async def offloaded(work: Callable[[], T], *, size: int | None = None) -> T:
    """
    Return the result of *work*, or raise what it raises.

    Whoever is cancelled meanwhile leaves it to end by itself, unless it has not begun. Nothing of
    it is kept: it may hold a private key.

    Args:
        work: It is called once, perhaps in another thread, so it touches nothing that changes.
        size: Bytes it works on; None: it is costly, however small.
    """
    if size is not None and size <= INLINE:
        return work()
    return await asyncio.get_running_loop().run_in_executor(_thread, work)
