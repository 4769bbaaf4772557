"""Text for a terminal, which nothing from the cluster may steer; and tables."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Self

from rds_ssl.core.formats import write_time

NOTHING = "-"
"""What stands where there is nothing."""


def safe(text: str) -> str:
    """
    Take out what a terminal would obey or hide; white space becomes one space.

    Control characters, and those that turn the direction of text or have no width.
    """
    return "".join(_plain(text))


def _plain(text: str) -> Iterator[str]:
    for each in text:
        if each.isprintable():
            yield each
        elif each.isspace():
            yield " "


class Row(str):
    """A line of a table that knows its cells, for who can show them better than as text."""

    __slots__ = ("cells", "head", "indent")

    cells: Sequence[str]
    head: Sequence[str]
    """The cells of the first line of its table."""
    indent: int

    @classmethod
    def of(cls, text: str, *, cells: Sequence[str], head: Sequence[str], indent: int = 0) -> Self:
        """Make one; *text* is the line as it is printed."""
        row = cls(text)
        row.cells, row.head, row.indent = cells, head, indent
        return row


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table; the last column is as long as it is."""
    shown = [tuple(head), *(tuple(safe(cell) or NOTHING for cell in row) for row in rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(head))]
    return [
        Row.of(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(),
            cells=row,
            head=shown[0],
        )
        for row in shown
    ]


def fields(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return lines of ``name: value`` with the values below each other; empty ones are left out."""
    width = max((len(name) for name, value in pairs if value), default=0) + 1
    return [f"{(name + ':').ljust(width)} {safe(value)}" for name, value in pairs if value]


def indented(lines: Sequence[str]) -> list[str]:
    """Move lines to the right, below a heading."""
    return [_indented(line) for line in lines]


def _indented(line: str) -> str:
    text = f"  {line}" if line else line
    if not isinstance(line, Row):
        return text
    return Row.of(text, cells=line.cells, head=line.head, indent=line.indent + 2)


def counted(number: int, noun: str) -> str:
    """Return ``1 plan`` or ``2 plans``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def span(duration: timedelta) -> str:
    """Return the two largest units of a duration that is not negative: ``3d 4h``."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = ((days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s"))
    first = next((place for place, (number, _) in enumerate(units) if number), len(units) - 1)
    shown = units[first : first + 2]
    return " ".join(f"{number}{unit}" for number, unit in shown if number) or "0s"


def moment(time: datetime | None, now: datetime) -> str:
    """Return a time and how far it is; empty for None."""
    if time is None:
        return ""
    far = f"in {span(time - now)}" if time > now else f"{span(now - time)} ago"
    return f"{write_time(time)} ({far})"


def time_text(time: datetime | None) -> str | None:
    """Spell a time as the API server does; None for None."""
    return None if time is None else write_time(time)
