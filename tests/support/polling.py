"""
Waiting for something that happens elsewhere: with a deadline, and with the reason if in vain.

Every deadline of a test goes through `patience`, so that one factor makes all of them longer on a
machine that is slow, or busy with something else. It costs nothing as long as tests pass: nobody
waits longer than until it is so. A test that would be decided by how fast a machine is, with this
or without it, is to be written in another way.
"""

import os
import time
from collections.abc import Callable

POLL_SECONDS = 0.05
"""Between two looks."""

FACTOR_VARIABLE = "TEST_PATIENCE"
"""Not with RDS_SSL_ before it: the operator refuses a setting that it does not know."""

DEFAULT_FACTOR = 5.0
"""With two busy loops beside the tests on two cores, what took 1 s takes 2 to 3."""


def patience(seconds: float) -> float:
    """
    Return how long to wait at most for what an idle machine has done within so many seconds.

    Raises:
        ValueError: TEST_PATIENCE is not a number above 0.
    """
    given = os.environ.get(FACTOR_VARIABLE, "")
    factor = float(given) if given else DEFAULT_FACTOR
    if not factor > 0:
        raise ValueError(f"{FACTOR_VARIABLE} is {given}, and has to be above 0")
    return seconds * factor


def wait(problem: Callable[[], str | None], *, seconds: float, every: float = POLL_SECONDS) -> None:
    """
    Return as soon as *problem* returns None.

    Args:
        problem: Says what is still amiss, as text for a person.
        seconds: How long an idle machine may need; how long to go on looking follows from it, see
            `patience`. The last look is after the deadline.
        every: Seconds between two looks.

    Raises:
        TimeoutError: With the last problem.
    """
    limit = patience(seconds)
    deadline = time.monotonic() + limit
    while (last := problem()) is not None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{last} (waited {limit:.0f} s)")
        time.sleep(every)
