"""How the demo talks to the person who watches it."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

from support import polling

TICK_SECONDS = 5.0
"""Between two signs of life while something takes long."""

BOLD, DIM, RED, GREEN, CYAN = "1", "2", "31", "32", "36"


class NotAsToldError(Exception):
    """A step did not happen as it was told; the message is for the person who watches."""


class Story:
    """Writes to a terminal, a pipe or a file; colours on a terminal only."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        # Source: no-color.org, "when present and not an empty string".
        self._colour = out.isatty() and not os.environ.get("NO_COLOR")
        # The ticks come from a thread of their own.
        self._lock = threading.Lock()

    def say(self, text: str = "") -> None:
        """Tell something."""
        with self._lock:
            print(text, file=self._out, flush=True)

    def heading(self, text: str) -> None:
        """Begin a chapter."""
        self.say()
        self.say(self._in(text, BOLD))

    def command(self, shown: str, output: str) -> None:
        """Show a command as one would type it, and what it printed."""
        self.say(self._in(f"  $ {shown}", CYAN))
        for line in output.rstrip().splitlines():
            self.say(f"    {line}".rstrip())

    def note(self, text: str) -> None:
        """Tell something by the way."""
        self.say(self._in(f"  {text}", DIM))

    def confirm(self, claim: str) -> None:
        """Say that something was looked at and is as told."""
        self.say(f"  {self._in('ok', GREEN)} {claim}")

    def complain(self, text: str) -> None:
        """Say that something is not as told."""
        self.say()
        self.say(self._in(text, RED))

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show rows of text under a head; the first column is text, the others are numbers."""
        widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]

        def line(row: Sequence[str]) -> str:
            numbers = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
            return "  ".join((row[0].ljust(widths[0]), *numbers))

        self.say(self._in(line(head), BOLD))
        for row in rows:
            self.say(line(row))

    @contextlib.contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Give signs of life while the body of the ``with`` runs, if it takes long."""
        over = threading.Event()
        started = time.monotonic()

        def tick() -> None:
            while not over.wait(TICK_SECONDS):
                self.note(f"... {what}, {time.monotonic() - started:.0f} s")

        ticker = threading.Thread(target=tick, daemon=True)
        ticker.start()
        try:
            yield
        finally:
            over.set()
            ticker.join()

    def wait(self, what: str, problem: Callable[[], str | None], *, seconds: float) -> None:
        """
        Wait until *problem* returns None, with signs of life.

        Raises:
            NotAsToldError: If it still returns a text after *seconds*.
        """
        try:
            with self.doing(f"waiting until {what}"):
                polling.wait(problem, seconds=seconds)
        except TimeoutError as error:
            raise NotAsToldError(f"This did not happen: {what}. {error}") from error

    def _in(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text
