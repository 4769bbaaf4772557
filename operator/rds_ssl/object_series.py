"""
The series of single objects, in Prometheus' text format.

Not by prometheus_client: 5,000 objects have some 20,000 samples, and to keep one of its children
for each, and to write them out, held the loop for 0.75 s (`bench.scrape`). The text is made
here out of `rds_ssl.core.checks.figures`, some objects at a time, and nothing is kept: the series
of an object that is gone are gone.
"""

import asyncio
from collections.abc import Sequence

from rds_ssl.core.checks.figures import Figures

Entry = tuple[tuple[str, str], str, Figures]
"""Namespace and name, the instance's ID, and what is told."""

_AT_ONCE = 100
"""Objects whose text is made before the loop gets its turn: about 1 ms."""

_LONGEST = 300
"""Characters of a label's value: more than a namespace, a name or an instance's ID has."""

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})

_OF_OBJECTS = (
    (
        "rds_ssl_condition",
        "Conditions of an object: 1 for the state that each is in.",
    ),
    (
        "rds_ssl_expiry_timestamp_seconds",
        "When what is in force on the instance ends, as RDS was last seen to have it.",
    ),
    (
        "rds_ssl_plan_held_since_timestamp_seconds",
        "Since when a plan that waits is known.",
    ),
)
"""Name and meaning, in the order of what `_add` fills."""

_LEFT_OUT = (
    "rds_ssl_objects_without_series",
    "Objects that have no series of their own, for RDS_SSL_METRICS_OBJECTS have them.",
)


async def object_series(entries: Sequence[Entry], *, most: int) -> bytes:
    """
    Return the text of all series of single objects; *most* objects have them.

    Where there are more, those that somebody may have to look at go first. With 0 nothing is told,
    not even how many are left out: an alert on that would fire for ever.
    """
    if not most:
        return b""
    chosen = _chosen(entries, most)
    blocks: tuple[list[bytes], ...] = tuple([] for _ in _OF_OBJECTS)
    for start in range(0, len(chosen), _AT_ONCE):
        await asyncio.sleep(0)
        families: tuple[list[str], ...] = tuple([] for _ in _OF_OBJECTS)
        for each in chosen[start : start + _AT_ONCE]:
            _add(families, each)
        for block, lines in zip(blocks, families, strict=True):
            block.append("".join(lines).encode())
    await asyncio.sleep(0)
    text: list[bytes] = []
    for (name, meaning), block in zip(_OF_OBJECTS, blocks, strict=True):
        if any(block):
            text += (_header(name, meaning), *block)
    name, meaning = _LEFT_OUT
    text += (_header(name, meaning), f"{name} {len(entries) - len(chosen)}\n".encode())
    return b"".join(text)


def _chosen(entries: Sequence[Entry], most: int) -> Sequence[Entry]:
    if len(entries) <= most:
        return entries
    at_rest = [each for each in entries if each[2].at_rest]
    others = [each for each in entries if not each[2].at_rest]
    return (others + at_rest)[:most]


def _header(name: str, meaning: str) -> bytes:
    return f"# HELP {name} {meaning}\n# TYPE {name} gauge\n".encode()


def _add(families: tuple[list[str], ...], entry: Entry) -> None:
    """Add the lines of one object."""
    (namespace, name), instance_id, figures = entry
    labels = (
        f'{{object_namespace="{_label(namespace)}",object_name="{_label(name)}",'
        f'instance_id="{_label(instance_id)}",'
    )
    conditions, ends, held = families
    conditions += [
        f'rds_ssl_condition{labels}type="{kind}",status="{status}",reason="{reason}"}} 1\n'
        for kind, status, reason in figures.conditions
    ]
    ends += [
        f'rds_ssl_expiry_timestamp_seconds{labels}kind="{each.kind}",refused="{each.refused}"}}'
        f" {each.at}\n"
        for each in figures.ends
    ]
    held += [
        f'rds_ssl_plan_held_since_timestamp_seconds{labels}plan="{each.plan}",'
        f'held_by="{each.held_by}",restart="{each.restart}"}} {each.since}\n'
        for each in figures.held
        if each.since is not None
    ]


def _label(text: str) -> str:
    return text[:_LONGEST].translate(_ESCAPES)
