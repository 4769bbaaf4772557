"""
What the operations say that only commands for people ask: lists of instances, and of tasks. Pure.

Source: DescribeDBInstances, DescribeDBInstanceAttribute and DescribeHistoryTasks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from rds_ssl.core.errors import ObservationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An instance in a list of them."""

    instance_id: str
    description: str
    """What people call it; empty: nothing, or its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTask:
    """An entry of the history of tasks."""

    kind: str
    """TaskType, in the vendor's words."""
    status: str
    seconds: float | None
    """From its start to its end; None: it goes on, or one of the two cannot be read."""


def read_listed(body: Mapping[str, object]) -> tuple[Listed, ...]:
    """
    Read the body of DescribeDBInstances: one page, in its order.

    Raises:
        ObservationError: ``Items.DBInstance`` is missing, or an entry is without its id.
    """
    found = []
    for fields in _objects(body, "Items", "DBInstance"):
        instance_id = str(fields.get("DBInstanceId") or "")
        if not instance_id:
            raise ObservationError("DescribeDBInstances: an instance is without DBInstanceId")
        found.append(Listed(instance_id=instance_id, description=_description(fields)))
    return tuple(found)


def read_description(body: Mapping[str, object]) -> str:
    """Return what people call the instance of DescribeDBInstanceAttribute; empty: nothing."""
    return next(map(_description, _objects(body, "Items", "DBInstanceAttribute")), "")


def read_tasks(body: Mapping[str, object]) -> tuple[PastTask, ...]:
    """
    Read the body of DescribeHistoryTasks: one page, in its order.

    Raises:
        ObservationError: ``Items`` is missing.
    """
    return tuple(
        PastTask(
            kind=str(fields.get("TaskType") or ""),
            status=str(fields.get("Status") or ""),
            seconds=_seconds(fields.get("StartTime"), fields.get("EndTime")),
        )
        for fields in _entries(body.get("Items"), "Items")
    )


def _description(fields: Mapping[str, object]) -> str:
    text = fields.get("DBInstanceDescription")
    same = text == fields.get("DBInstanceId")
    return text if isinstance(text, str) and not same else ""


def _objects(body: Mapping[str, object], outer: str, inner: str) -> Iterator[Mapping[str, object]]:
    holder = body.get(outer)
    listed = holder.get(inner) if isinstance(holder, Mapping) else None
    return _entries(listed, f"{outer}.{inner}")


def _entries(listed: object, name: str) -> Iterator[Mapping[str, object]]:
    if not isinstance(listed, list):
        raise ObservationError(f"the answer is without {name}")
    return (each for each in listed if isinstance(each, Mapping))


def _seconds(start: object, end: object) -> float | None:
    times = [_time(each) for each in (start, end)]
    if times[0] is None or times[1] is None or times[1] < times[0]:
        return None
    return (times[1] - times[0]).total_seconds()


def _time(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time
