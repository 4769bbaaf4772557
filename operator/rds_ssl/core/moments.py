"""Times that foreign texts give: they may be the first and the last that a calendar has. Pure."""

from datetime import UTC, datetime, timedelta

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC, microsecond=0)
"""The ends of the calendar."""


def shifted(time: datetime, by: timedelta) -> datetime:
    """Return the time that is so much later, or earlier; at most an end of the calendar."""
    try:
        return time + by
    except OverflowError:
        return LAST if by > timedelta() else FIRST
