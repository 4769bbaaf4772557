"""
The tasks of DescribeHistoryTasks, out of what happened to an instance.

The page of that operation names fields and states; what a change of SSL is called there, nobody
says.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from rds_simulator.machine import Event

_ENDS = {"succeeded": "Succeed", "failed": "Failed", "half-applied": "Failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryTask:
    """A change of SSL as the history of tasks has it."""

    started: datetime
    ended: datetime | None
    """None: it goes on."""
    status: str
    """``Running``, ``Succeed`` or ``Failed``."""


def tasks_of(events: Iterable[Event]) -> Iterator[HistoryTask]:
    """
    Yield the changes among *events*, which come in their order.

    A call that replaces another one in its window is one task with it.
    """
    started: datetime | None = None
    for event in events:
        if event.what == "accepted":
            started = started or event.at
        elif started is not None and event.what in _ENDS:
            yield HistoryTask(started=started, ended=event.at, status=_ENDS[event.what])
            started = None
    if started is not None:
        yield HistoryTask(started=started, ended=None, status="Running")
