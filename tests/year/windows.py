"""
Maintenance windows, and when they are open: read without the operator's own code.

Each opens on some days of the week at a local time of a zone. The operator is told the cron
schedule; `Window.admits` rests on the calendar of the zone alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]

DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")

TAIL = timedelta(minutes=15)
"""The end of a window, in which nothing may start."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Open for *hours* from *hour*:*minute* in *zone* on each of *days* (0 is Monday)."""

    days: tuple[int, ...]
    hour: int
    minute: int = 0
    hours: int
    zone: str
    of_instance: bool = False
    """It is the instance's own MaintainTime, which the object refers to."""

    def declared(self) -> Json:
        """Give ``spec.maintenance``."""
        if self.of_instance:
            return {"useInstanceWindow": True, "windows": None, "overrideBeforeExpiry": "72h"}
        days = ",".join(DAYS[each] for each in self.days)
        window = {
            "schedule": f"{self.minute} {self.hour} * * {days}",
            "duration": f"{self.hours}h",
            "timeZone": self.zone,
        }
        return {"useInstanceWindow": None, "windows": [window], "overrideBeforeExpiry": "72h"}

    def admits(self, at: datetime) -> bool:
        """Whether a change may start at a time."""
        return any(start <= at < end - TAIL for start, end in self._around(at))

    def _around(self, at: datetime) -> Iterable[tuple[datetime, datetime]]:
        zone = ZoneInfo(self.zone)
        for days in (-2, -1, 0, 1):
            date = (at + days * _DAY).astimezone(zone).date()
            if date.weekday() in self.days:
                local = datetime(date.year, date.month, date.day, self.hour, self.minute)  # noqa: DTZ001  # Its zone follows.
                start = local.replace(tzinfo=zone).astimezone(UTC)
                yield start, start + timedelta(hours=self.hours)


WINDOWS = (
    Window(days=(5,), hour=3, hours=2, zone="Asia/Shanghai"),
    Window(days=(6,), hour=1, minute=30, hours=3, zone="Europe/Berlin"),
    Window(days=(2,), hour=4, hours=2, zone="America/New_York"),
    Window(days=(6,), hour=4, hours=4, zone="UTC"),
    Window(days=(4,), hour=22, hours=4, zone="Asia/Tokyo"),
    Window(days=(1, 3), hour=3, hours=1, zone="Australia/Sydney"),
    Window(days=tuple(range(7)), hour=18, hours=4, zone="UTC", of_instance=True),
)
"""Most once a week; one is the default MaintainTime of the simulator."""
