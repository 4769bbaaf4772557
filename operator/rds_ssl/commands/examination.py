"""
What RDS says when it is asked about itself, by shapes and codes: the facts of a report. Pure.

`rds_ssl.commands.doctor` asks; `rds_ssl.commands.diagnosis` says what follows from it.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rds_ssl.commands.shapes import (
    ATTRIBUTE_FIELDS,
    SSL_FIELDS,
    is_word,
    others,
    shape,
    shapes_of,
)
from rds_ssl.core.errors import AliyunError, ApiError, NoAnswer, NoCredentials, TransportError
from rds_ssl.core.rds.listings import PastTask

OK = "OK"

UNREAD = "not read"
"""In place of a code: the request was sent again in another signature, which was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKind:
    """The past tasks of one kind that ended in one way."""

    kind: str
    status: str
    count: int
    seconds: tuple[float, float, float] | None
    """Shortest, median, longest; None: no times are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallKind:
    """The calls of one operation that ended in one way."""

    action: str
    outcome: str
    """``OK``, or the code."""
    count: int
    seconds: float
    """The median."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """An instance by shapes; its id is nowhere in it."""

    label: str
    """``instance 1``, in the order in which they were given."""
    engine: str = ""
    attribute: Mapping[str, str] = field(default_factory=dict)
    ssl: Mapping[str, str] = field(default_factory=dict)
    undocumented: Mapping[str, str] = field(default_factory=dict)
    endpoints: Sequence[str] = ()
    hba_rows: Mapping[str, int] = field(default_factory=dict)
    tasks: Sequence[TaskKind] = ()
    failures: Mapping[str, str] = field(default_factory=dict)
    """The code by the operation that got one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that was found out; nothing in it names an account, a key, an instance or a person."""

    region_id: str
    signatures: Mapping[str, str]
    """``V3`` and ``V1``: ``OK``, or the code."""
    absent_instance: str
    """What is answered about an instance that does not exist."""
    skew: float | None
    calls: Sequence[CallKind]
    instances: Sequence[Examined]


def outcome(error: AliyunError) -> str:
    """Return an error by its code and status: no text of the API, no name."""
    if isinstance(error, ApiError):
        code = error.code if len(error.code) <= _CODE and error.code.isascii() else "a long code"
        return f"{code} (HTTP {error.http_status})"
    if isinstance(error, NoCredentials):
        return f"no credentials ({error.code or error.kind or 'no answer'})"
    if isinstance(error, NoAnswer) and error.http_status:
        return f"{error.kind} (HTTP {error.http_status})"
    return error.kind if isinstance(error, TransportError) else type(error).__name__


_CODE = 60
"""Characters of a code: the longest that is known has 40."""


def ssl_shapes(body: Mapping[str, object]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the shapes of DescribeDBInstanceSSL: of the fields on its page, and of others."""
    return shapes_of(body, SSL_FIELDS), others(body, SSL_FIELDS)


def attribute_shapes(body: Mapping[str, object]) -> dict[str, str]:
    """Return the shapes of the first instance of DescribeDBInstanceAttribute."""
    return next((shapes_of(each, ATTRIBUTE_FIELDS) for each in _of(body, "Items")), {})


def endpoint_shapes(body: Mapping[str, object]) -> list[str]:
    """Return the addresses of DescribeDBInstanceNetInfo by their kinds."""
    return [
        ", ".join(
            shape(name, each.get(name)).strip('"')
            for name in ("ConnectionStringType", "IPType", "ConnectionString")
        )
        for each in _of(body, "DBInstanceNetInfos")
    ]


def hba_kinds(body: Mapping[str, object]) -> dict[str, int]:
    """Return how many rows of DescribePGHbaConfig are of which type."""
    return Counter(shape("Type", each.get("Type")) for each in _of(body, "RunningHbaItems"))


def task_kinds(tasks: Iterable[PastTask]) -> list[TaskKind]:
    """Return past tasks by kind and end, with how long they took."""
    grouped: dict[tuple[str, str], list[PastTask]] = defaultdict(list)
    for each in tasks:
        grouped[_word(each.kind), _word(each.status)].append(each)
    return [
        TaskKind(kind=kind, status=status, count=len(group), seconds=_spread(group))
        for (kind, status), group in sorted(grouped.items())
    ]


def call_kinds(calls: Iterable[tuple[str, str, float]]) -> list[CallKind]:
    """Return calls (action, outcome, seconds) by action and outcome."""
    grouped: dict[tuple[str, str], list[float]] = defaultdict(list)
    for action, ended, seconds in calls:
        grouped[action, ended[:_CODE]].append(seconds)
    return [
        CallKind(
            action=action,
            outcome=ended,
            count=len(seconds),
            seconds=round(statistics.median(seconds), 3),
        )
        for (action, ended), seconds in sorted(grouped.items())
    ]


def _word(text: str) -> str:
    return text if is_word(text) else f"(a text of {len(text)} characters)"


def _spread(tasks: Sequence[PastTask]) -> tuple[float, float, float] | None:
    seconds = [each.seconds for each in tasks if each.seconds is not None]
    return (min(seconds), statistics.median(seconds), max(seconds)) if seconds else None


def _of(body: Mapping[str, object], outer: str) -> list[Mapping[str, object]]:
    """Return the objects of the one list within *outer*."""
    holder = body.get(outer)
    lists = holder.values() if isinstance(holder, Mapping) else ()
    found = next((each for each in lists if isinstance(each, list)), [])
    return [each for each in found if isinstance(each, Mapping)]
