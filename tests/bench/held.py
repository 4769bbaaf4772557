"""
The operator, with the longest time noted that one callback has held its event loop.

What of it was a collection of garbage, which may begin in any callback, is told beside it.

As `python -m rds_ssl`: `python -m bench.held run`. The time is CPU time of the loop's thread, so
that other programs do not count; it stands among the metrics, and what took longer than an event
loop should be held is named in the log.
"""

import asyncio
import gc
import logging
import time

from prometheus_client import Gauge

from rds_ssl import cli, metrics

LONG = 0.020
"""Seconds: the project's own limit for one callback."""

MARK = 0.002
"""Seconds between two looks at the thread's CPU time, which is a system call, before callbacks; by
so much the time that is told may be too long."""

METRIC = "rds_ssl_loop_held_seconds_max"
COLLECTED = "rds_ssl_collection_seconds_max"

_log = logging.getLogger("bench.held")


class _Collections:
    """Notes the CPU time that collections of garbage take, in seconds."""

    def __init__(self) -> None:
        self.seconds = self._began = 0.0
        self.longest = 0.0
        """Within one callback."""
        gc.callbacks.append(self._note)

    def _note(self, phase: str, _: object) -> None:
        now = time.thread_time()
        if phase == "start":
            self._began = now
        else:
            self.seconds += now - self._began


def _name(handle: asyncio.Handle) -> str:
    """Return what a callback is: of a task, its coroutine and where that waits now."""
    task = getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined]  # noqa: SLF001
    if not isinstance(task, asyncio.Task):
        return repr(handle)
    waits: object = task.get_coro()
    names: list[str] = []
    while (name := getattr(waits, "__qualname__", None)) is not None:
        names.append(name)
        waits = getattr(waits, "cr_await", None)
    return " > ".join(names)


def main() -> None:
    """Measure all callbacks from now on, and hand over to the operator's command line."""
    longest = mark = mark_cpu = 0.0
    collections = _Collections()
    run = asyncio.Handle._run  # noqa: SLF001  # There is no other place where all pass.
    make = metrics.Metrics.__init__

    def timed(handle: asyncio.Handle) -> None:
        nonlocal longest, mark, mark_cpu
        started = time.perf_counter()
        if started - mark > MARK:
            mark, mark_cpu = started, time.thread_time()
        before = collections.seconds
        run(handle)
        collections.longest = max(collections.longest, collections.seconds - before)
        passed = time.perf_counter() - started
        if passed <= min(longest, LONG):
            return
        taken = min(passed, time.thread_time() - mark_cpu)
        longest = max(longest, taken)
        if taken > LONG:
            collecting = (collections.seconds - before) * 1000
            _log.warning(
                "the loop was held for %.1f ms, %.1f of them to collect garbage, by %s",
                taken * 1000,
                collecting,
                _name(handle),
            )

    def with_gauge(made: metrics.Metrics) -> None:
        make(made)
        gauge = Gauge(METRIC, "Of one callback.", registry=made._registry)  # noqa: SLF001
        gauge.set_function(lambda: longest)
        gauge = Gauge(COLLECTED, "Within one callback.", registry=made._registry)  # noqa: SLF001
        gauge.set_function(lambda: collections.longest)

    setattr(asyncio.Handle, "_run", timed)  # noqa: B010  # mypy minds the other way.
    setattr(metrics.Metrics, "__init__", with_gauge)  # noqa: B010  # mypy minds the other way.
    cli.main(prog_name="rds-ssl")


if __name__ == "__main__":
    main()
