"""
When a change that may restart the database may start. Pure.

Windows are cron schedules in a time zone, each open for a while, or the instance's own MaintainTime
(daily, UTC). Nothing starts in the last minutes of a window: a change takes about three. Source:
docs/operations.md, "Maintenance windows"; MaintainTime: the page of DescribeDBInstanceAttribute.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from rds_ssl.core.api.maintenance import Maintenance, Window

TAIL = timedelta(minutes=15)
"""The end of a window, in which nothing is started any more."""

_MAINTAIN_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)Z-([01]\d|2[0-3]):([0-5]\d)Z", re.ASCII)

_DAY = timedelta(days=1)

_SHIFT = timedelta(hours=3)
"""
How far a schedule in local time may be put off where clocks jump; Debian's cron has the same limit.

No more than that: a schedule for every minute is walked through, and all objects wait meanwhile.
"""

# What CronSim raises for a schedule that it cannot read: some odd ones, such as `5L/2`, trip it.
_UNREADABLE = (CronSimError, ValueError, TypeError, AssertionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A time in which changes may start: from *start* until before *last_start*, both UTC."""

    start: datetime
    last_start: datetime

    def is_open(self, now: datetime) -> bool:
        """True if a change may start now."""
        return self.start <= now < self.last_start


def schedule_errors(maintenance: Maintenance) -> Iterator[str]:
    """
    Return what no schema can: a schedule that cannot be read or never comes, an unknown zone.

    Sentences, each led by the path of its field.
    """
    for index, window in enumerate(maintenance.windows):
        field = f"spec.maintenance.windows[{index}]"
        try:
            zone = ZoneInfo(window.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            # An OSError is a name that is a folder, such as `America`.
            yield f"{field}.timeZone: there is no time zone {window.time_zone}"
            continue
        try:
            next(CronSim(window.schedule, datetime(2000, 1, 1, tzinfo=zone)))
        except _UNREADABLE:
            yield f"{field}.schedule: {window.schedule} is no cron schedule"
        except StopIteration:
            yield f"{field}.schedule: {window.schedule} never comes"


def opening(maintenance: Maintenance, maintain_time: str, *, now: datetime) -> Opening | None:
    """
    Return the opening of now, or else the next one; None if there is none.

    Args:
        maintenance: Without `schedule_errors`, and with windows or `use_instance_window`.
        maintain_time: The instance's own, such as ``18:00Z-22:00Z``; empty if it is not told.
    """
    found = list(
        _of_instance(maintain_time, now)
        if maintenance.use_instance_window
        else _of_schedules(maintenance, now)
    )
    # Of those open now the one that is open longest; of those to come the first.
    current = [each for each in found if each.is_open(now)]
    if current:
        return max(current, key=lambda each: each.last_start)
    return min(found, key=lambda each: each.start, default=None)


def is_bound(maintenance: Maintenance) -> bool:
    """True if changes wait for a window at all."""
    return bool(maintenance.windows) or maintenance.use_instance_window


def _of_schedules(maintenance: Maintenance, now: datetime) -> Iterator[Opening]:
    for window in maintenance.windows:
        first = next((each for each in _openings(window, now) if now < each.last_start), None)
        if first is not None:
            yield first


def _openings(window: Window, now: datetime) -> Iterator[Opening]:
    """Yield the openings of a window from the first that may still be open."""
    begin = (now - window.duration + TAIL - _SHIFT).astimezone(ZoneInfo(window.time_zone))
    for at in CronSim(window.schedule, begin):
        start = at.astimezone(UTC)
        yield Opening(start=start, last_start=start + window.duration - TAIL)


def _of_instance(maintain_time: str, now: datetime) -> Iterator[Opening]:
    match = _MAINTAIN_TIME.fullmatch(maintain_time.strip())
    if match is None:
        return
    hour, minute, to_hour, to_minute = map(int, match.groups())
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    lasts = timedelta(hours=to_hour - hour, minutes=to_minute - minute) % _DAY or _DAY
    for day in (-_DAY, timedelta(), _DAY):  # Yesterday's may cross midnight.
        start = midnight + day + timedelta(hours=hour, minutes=minute)
        each = Opening(start=start, last_start=start + lasts - TAIL)
        if now < each.last_start and each.start < each.last_start:
            yield each


def window_words(maintenance: Maintenance, maintain_time: str) -> str:
    """Return the windows in words, for people."""
    if maintenance.use_instance_window:
        return f"the instance's own maintenance time, {maintain_time.strip() or 'not told'}"
    words = (f"{each.schedule} {each.time_zone}" for each in maintenance.windows[:_MOST_NAMED])
    more = len(maintenance.windows) - _MOST_NAMED
    return "; ".join(words) + (f"; and {more} more" if more > 0 else "")


_MOST_NAMED = 3
"""Windows that a sentence names."""
