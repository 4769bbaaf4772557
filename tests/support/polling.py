"""Waiting for something that happens elsewhere: with a deadline, and with the reason if in vain."""

import time
from collections.abc import Callable

POLL_SECONDS = 0.05
"""Between two looks."""


def wait(problem: Callable[[], str | None], *, seconds: float, every: float = POLL_SECONDS) -> None:
    """
    Return as soon as *problem* returns None.

    Args:
        problem: Says what is still amiss, as text for a person.
        seconds: How long to go on looking; the last look is after the deadline.
        every: Seconds between two looks.

    Raises:
        TimeoutError: With the last problem.
    """
    deadline = time.monotonic() + seconds
    while (last := problem()) is not None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{last} (waited {seconds:.0f} s)")
        time.sleep(every)
