"""Several processes that play, and one that collects what they tell."""

import multiprocessing
import time
from collections.abc import Callable
from itertools import count
from multiprocessing.queues import Queue
from queue import Empty

from soak import batch
from soak.batch import Batch, Violation
from soak.tally import Tally

EVERY = 10.0
"""Seconds between two lines of progress."""


class Crew:
    """Plays, and knows at any time what came of it by then."""

    def __init__(self, *, seed: int, seconds: float, processes: int) -> None:
        """The processes take turns with the seeds from *seed* on, one for each batch."""
        self.tally = Tally()
        self._broken: dict[int, Violation] = {}
        """By seed: the shortest known by now."""
        self._seed, self._seconds, self._processes = seed, seconds, processes

    @property
    def violations(self) -> list[Violation]:
        """The shortest history that is known of each seed with one that broke a promise."""
        return list(self._broken.values())

    def play(self, say: Callable[[str], None]) -> bool:
        """Play until the time is over, or each process broke a promise; False if one fell."""
        context = multiprocessing.get_context("spawn")
        told: Queue[Batch | Violation | None] = context.Queue()
        workers = [
            context.Process(
                target=play,
                args=(self._seed + number, self._processes, self._seconds, told),
                daemon=True,
            )
            for number in range(self._processes)
        ]
        for each in workers:
            each.start()
        began = time.monotonic()
        line_due, running = began + EVERY, self._processes
        while running:
            try:
                found = told.get(timeout=1.0)
            except Empty:
                if any(each.exitcode for each in workers):
                    return False
            else:
                running -= found is None
                self._note(found, say)
            if time.monotonic() >= line_due:
                line_due += EVERY
                passed = time.monotonic() - began
                violations = f"{len(self.violations)} violations"
                say(f"{passed:6.0f} s  {self.tally.progress()}, {violations}")
        for each in workers:
            each.join()
        return True

    def _note(self, found: Batch | Violation | None, say: Callable[[str], None]) -> None:
        if isinstance(found, Violation):
            self._broken[found.seed] = found
            # At once: whoever reads the log of a long run need not wait for its end.
            for line in found.lines():
                say(line)
            say("a promise was broken; a shorter history that does so is looked for")
        if isinstance(found, Batch):
            self.tally.add(found.tally)
            if found.violation is not None:
                self._broken[found.violation.seed] = found.violation


def play(first: int, stride: int, seconds: float, told: "Queue[Batch | Violation | None]") -> None:
    """
    Play batch after batch in a process of its own.

    *told* gets what came of each, before that the violation as it was found, and None at the end.
    """
    ends = time.monotonic() + seconds
    try:
        for number in count(first, stride):
            done = batch.run(number, is_over=lambda: time.monotonic() >= ends, on_broken=told.put)
            told.put(done)
            if done.violation is not None or time.monotonic() >= ends:
                break
    except KeyboardInterrupt:
        return  # Ctrl-C is for all processes, and the first one tells of it.
    told.put(None)
