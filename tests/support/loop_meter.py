"""
How long the callbacks of an event loop take: their thread's CPU time, so that others do not count.

asyncio's own slow-callback log has wall time, which on a loaded machine is the machine's. What a
thread beside the loop does is not counted here; that it holds the interpreter's lock for long in
one call is not seen.
"""

import asyncio
import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol

import pytest

REFERENCE = 0.010
"""Seconds that `reference` takes on the machine that bounds are meant for."""

ROUNDS = 5


class TraceFunction(Protocol):
    """What `sys.settrace` takes, and a call of it returns."""

    def __call__(self, frame: FrameType, event: str, argument: object, /) -> "TraceFunction": ...


@dataclass(slots=True)
class LoopMeter:
    """What was measured; *longest* are seconds and callback, the longest first."""

    slowness: float = 1.0
    """How many times slower than meant this machine was meanwhile; never less than 1."""
    longest: list[tuple[float, str]] = field(default_factory=list)

    def beyond(self, seconds: float) -> list[str]:
        """Name the callbacks that took longer than *seconds* would on the machine that is meant."""
        bound = seconds * self.slowness
        return [f"{taken * 1e3:.1f} ms: {what}" for taken, what in self.longest if taken > bound]


def reference() -> float:
    """Give the CPU time of a fixed piece of work, in seconds: the best of some rounds."""

    def once() -> float:
        started = time.thread_time()
        table: dict[int, str] = {}
        for number in range(30_000):
            table[number % 1000] = f"{number:x}"
        return time.thread_time() - started

    return min(once() for _ in range(ROUNDS))


def _name(handle: asyncio.Handle) -> str:
    """Name a callback; of a task, by where it waits now."""
    task = getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined]  # noqa: SLF001
    if not isinstance(task, asyncio.Task):
        return repr(handle)
    frame: object = task.get_coro()
    names: list[str] = []
    while (name := getattr(frame, "__qualname__", None)) is not None:
        names.append(name)
        frame = getattr(frame, "cr_await", None)
    return " > ".join(names)


@contextmanager
def measured(*, kept: int = 20) -> Iterator[LoopMeter]:
    """
    Measure every callback of every loop of this process meanwhile.

    The collector of garbage leaves alone what was there before: the tests', not the operator's.
    """
    meter = LoopMeter()
    run = asyncio.Handle._run  # noqa: SLF001  # There is no other place where all pass.

    def timed(handle: asyncio.Handle) -> None:
        started = time.thread_time()
        run(handle)
        taken = time.thread_time() - started
        if ended:  # By this very callback.
            return
        longest = meter.longest
        if len(longest) < kept or taken > longest[-1][0]:
            longest.append((taken, _name(handle)))
            longest.sort(key=lambda each: each[0], reverse=True)
            del longest[kept:]

    ended: list[bool] = []
    before = reference()
    gc.collect()
    gc.freeze()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio.Handle, "_run", timed)
            yield meter
    finally:
        ended.append(True)
        gc.unfreeze()
        meter.slowness = max(1.0, max(before, reference()) / REFERENCE)


def longest_hold(work: Callable[[], object]) -> float:
    """
    Give the most CPU seconds for which *work*, in a thread, would keep the interpreter's lock.

    Python code gives it away between two of its instructions, and no sooner: what one takes is a
    call into C. It is traced for that, which makes it fifty times slower. The collector of garbage
    leaves alone what was there before.
    """
    longest = last = 0.0

    def tracer(frame: FrameType, _event: str, _argument: object) -> TraceFunction:
        nonlocal longest, last
        longest = max(longest, time.thread_time() - last)
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        last = time.thread_time()
        return tracer

    before = sys.gettrace()
    gc.collect()
    gc.freeze()
    last = time.thread_time()
    sys.settrace(tracer)
    try:
        work()
    finally:
        sys.settrace(before)
        gc.unfreeze()
    return longest
