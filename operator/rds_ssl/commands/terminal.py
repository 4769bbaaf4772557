"""
What is printed for people whose terminal can show colours: tables and words that catch the eye.

Imported on a terminal only, for rich takes its time; elsewhere the same lines are printed as they
are. rich itself heeds NO_COLOR and TERM.
"""

import re
import sys
from collections.abc import Sequence
from itertools import groupby
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.padding import Padding
from rich.status import Status
from rich.table import Table
from rich.text import Text

from rds_ssl.commands.formatting import Row

_BAD, _OPEN, _GOOD = "bold red", "yellow", "green"

_CELLS = (
    (re.compile(r"False|Failed|TimedOut|NotConverging|Refused"), _BAD),
    (re.compile(r"Unknown"), _OPEN),
    (re.compile(r"True|Verified|Adopted|now"), _GOOD),
    (re.compile(r".*\(expired .*|.*\b(?:Weakens|DropsTrust)\b.*"), _BAD),
    (re.compile(r".*\((?:[0-9]|[12][0-9])d left\)"), _OPEN),
    (re.compile(r"(?:Awaiting|Suspended|Observing|Drifted|ChangeLimit|Quiet).*"), _OPEN),
    (re.compile(r"under way.*|to be sent"), "cyan"),
    (re.compile(r"[0-9a-f]{16,}|-"), "dim"),
)
"""What a whole cell means; the first that fits."""

_LINES = (
    (re.compile(r"^[A-Z][A-Za-z]+(?: [A-Za-z, ]+)?$"), "bold"),  # A heading.
    (re.compile(r"(?<=: )error(?=: )|\b\w+=False\b|\bStalled=True\b|(?<=  )stalled(?=:)"), _BAD),
    (re.compile(r"(?<=: )warning(?=: )|\bChangePending=True\b|(?<=  )held by \w+"), _OPEN),
    (re.compile(r"\bReady=True\b|\bMaterialReady=True\b|(?<=  )done(?=:)"), _GOOD),
)


def show(lines: Sequence[str]) -> None:
    """Print lines on standard output; rows that follow each other are a table."""
    console = _console()
    for head, group in groupby(
        lines, key=lambda each: each.head if isinstance(each, Row) else None
    ):
        if head is None:
            for line in group:
                console.print(_line(line), soft_wrap=True)
        else:
            _table(console, [each for each in group if isinstance(each, Row)])


def _table(console: Console, rows: Sequence[Row]) -> None:
    first = rows[0]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in first.head:
        table.add_column(name, no_wrap=True)
    for row in rows:
        if row.cells != first.head:
            table.add_row(*(_cell(cell) for cell in row.cells))
    # What is wider than the terminal, that wraps itself: so it can be copied.
    wide = _console(max(console.width, *(len(row) + 2 * len(first.head) for row in rows)))
    wide.print(Padding(table, (0, 0, 0, first.indent), expand=False), soft_wrap=True)


def _console(width: int | None = None) -> Console:
    return Console(width=width, highlight=False, markup=False, emoji=False)


def _cell(cell: str) -> Text:
    style = next((style for pattern, style in _CELLS if pattern.fullmatch(cell)), "")
    return Text(cell, style=style)


def _line(line: str) -> Text:
    text = Text(line)
    for pattern, style in _LINES:
        text.highlight_regex(pattern, style)
    return text


class Spinner:
    """Shows on standard error that something goes on, and lines above it."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr, highlight=False, markup=False, emoji=False)
        self._status = Status("", console=self._console)

    def __enter__(self) -> Self:
        self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._status.stop()

    def line(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(_line(text), soft_wrap=True)

    def going_on(self, text: str) -> None:
        """Replace the line that moves."""
        self._status.update(Text(text))
