"""What goes on until it is interrupted, or until something has ended: what is printed meanwhile."""

# ruff: noqa: PLC0415

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import click

from rds_ssl.commands.formatting import safe, span
from rds_ssl.commands.options import show
from rds_ssl.commands.progress import Steps
from rds_ssl.commands.types import Answer
from rds_ssl.commands.views import ObjectView
from rds_ssl.core.formats import write_time

Look = Callable[[Sequence[ObjectView], float], None]


class Watcher:
    """
    Prints what is pending each time it has changed.

    On a terminal in the place of what it has printed before; else below it, led by the time. As
    JSON, a line for each.
    """

    def __init__(self, output: str, clock: Callable[[], datetime]) -> None:
        self._json = output == "json"
        self._clock = clock
        self._terminal = sys.stdout.isatty() and not self._json
        self._told: object = None

    def told(self, answer: Answer) -> None:
        """Print an answer, unless it is the one that was printed last."""
        same = self._told == (answer.value, tuple(answer.notes))
        if same and not self._terminal:  # There, how far off a time is, is shown anew.
            return
        self._told = (answer.value, tuple(answer.notes))
        if self._json:
            click.echo(json.dumps(answer.value))
            return
        head = f"{write_time(self._clock())}"
        notes = [safe(each) for each in answer.notes]
        if self._terminal:
            click.clear()
            show([f"{head}; Ctrl-C ends it", "", *answer.lines, *notes])
        else:
            show([f"--- {head}", *answer.lines, *notes])
        sys.stdout.flush()


@contextmanager
def progress(token: str, clock: Callable[[], datetime]) -> Iterator[Look]:
    """Print on standard error how far objects have come that were asked for with *token*."""
    steps = Steps(token)
    if not sys.stderr.isatty():

        def plain(seen: Sequence[ObjectView], elapsed: float) -> None:
            for line in steps.new(seen, elapsed, clock()):
                click.echo(line, err=True)

        yield plain
        return
    from rds_ssl.commands.terminal import Spinner

    with Spinner() as spinner:

        def moving(seen: Sequence[ObjectView], elapsed: float) -> None:
            for line in steps.new(seen, elapsed, clock()):
                spinner.line(line)
            spinner.going_on(f"{span(timedelta(seconds=elapsed))}  {steps.standing}")

        yield moving
