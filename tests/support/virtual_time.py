"""A loop whose clock jumps to the next timer instead of waiting for it."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

START = 1000.0
"""Seconds; what takes the clock for a time since now shows itself."""


class _Jumping(selectors.DefaultSelector):
    """Gives what is there already; in place of waiting it moves the clock."""

    now = START

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Look for events without waiting, and let *timeout* have passed if there are none."""
        events = super().select(0)
        if events or timeout == 0:
            return events
        if timeout is None:
            raise RuntimeError("nothing is left that could ever happen")
        self.now += timeout
        return events


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time: nothing but timers and its own tasks may be waited for."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)
        # After half a year two floats are further apart than the resolution of a real clock, and a
        # timer that is due by rounding only would never be.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Give the virtual time in seconds; it starts at START."""
        return self._jumping.now

    def advance(self, seconds: float) -> None:
        """Let time pass in which the loop does nothing, as if a callback had held it."""
        self._jumping.now += seconds

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Call *func* at once: the end of a thread's work is no timer's."""
        del executor
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  # Whatever it is, it is the caller's.
            future.set_exception(error)
        return future


def run(work: Coroutine[object, object, T]) -> T:
    """
    Run *work* as `asyncio.run` does, in no time.

    Raises:
        RuntimeError: *work* waits for something that no timer and no task brings about.
    """
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(work)
