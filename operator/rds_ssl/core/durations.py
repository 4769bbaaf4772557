"""Durations as people write them: whole numbers with h, m, s, as in ``72h`` and ``1h30m``."""

import re
from datetime import timedelta

DURATION_PATTERN = "([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?"
"""
The whole text, and not empty.

Narrower than Go's and CEL's parsers (no fractions, signs, or ms), so that both read each accepted
text as the same time; six digits keep CEL's int64 of nanoseconds from overflowing.
"""

_PARTS = re.compile(
    DURATION_PATTERN.replace("([0-9]{1,6}", "(?:([0-9]{1,6})"),
    re.ASCII,
)


def parse_duration(text: str) -> timedelta:
    """
    Read a duration such as ``72h``, ``90m`` or ``1h30m``; the units come in that order.

    Raises:
        ValueError: If *text* is not a duration; the sentence does not repeat *text*.
    """
    match = _PARTS.fullmatch(text)
    if not text or match is None:
        raise ValueError("must be a duration such as 72h or 1h30m (units h, m, s)")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Write whole seconds so that `parse_duration` reads the same time again (``1h30m``)."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"
