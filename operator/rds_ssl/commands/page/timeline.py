"""
When what ends, as places on a line: what an SVG of a page draws. Pure.

All places are percent of the width, so that the text of a drawing keeps its size on a phone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import sqrt

from rds_ssl.commands.formatting import counted
from rds_ssl.commands.page.certificates import Certificate, Kind, Life

YEAR = timedelta(days=365)
_WEEK = timedelta(days=7)

_TODAY, _YEARS_END = 6.0, 93.0
"""Where the year begins and ends; what has ended stands before it, what ends later behind it."""

BAR_HEIGHT = 34.0
"""Pixels of the highest bar."""

_FULL = 4
"""As many ends in a week, or more, make the highest bar."""

_NAMED = 8
"""Names that the title of a bar has."""

_WORST = (Life.ENDED, Life.SOON, Life.GOOD, Life.UNTOLD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A month on the line."""

    x: float
    label: str
    major: bool
    """Whether it is labelled on a narrow screen too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What ends in one week, or has ended, or ends later than in a year."""

    x: float
    """Its middle."""
    count: int
    height: float
    """Pixels."""
    life: Life
    """That of what has least left."""
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A line for one kind of things that end."""

    kind: Kind
    count: int
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True, kw_only=True)
class YearLine:
    """The year ahead, from today on."""

    today: float
    years_end: float
    lanes: Sequence[Lane]
    ticks: Sequence[Tick]
    ended: int
    soon: int
    good: int

    @property
    def words(self) -> str:
        """What it shows, for those who do not see it."""
        return (
            f"{self.ended} expired, {self.soon} expiring soon,"
            f" {counted(self.good, 'other certificate')} and revocation lists."
        )


def year_line(certificates: Iterable[tuple[str, Certificate]], now: datetime) -> YearLine:
    """Return the line for certificates, each with the title of its object."""
    known = [(title, each) for title, each in certificates if each.end is not None]
    groups: dict[Kind, dict[int, list[tuple[str, Certificate]]]] = {}
    for title, each in known:
        bucket = _bucket(each.end, now)
        groups.setdefault(each.kind, {}).setdefault(bucket, []).append((title, each))
    most = max((len(one) for group in groups.values() for one in group.values()), default=1)
    lanes = [
        Lane(
            kind=kind,
            count=sum(map(len, groups[kind].values())),
            bars=[_bar(bucket, group, most) for bucket, group in sorted(groups[kind].items())],
        )
        for kind in Kind
        if kind in groups
    ]
    lives = [each.life for _, each in known]
    return YearLine(
        today=_TODAY,
        years_end=_YEARS_END,
        lanes=lanes,
        ticks=[
            Tick(
                x=_TODAY + (_YEARS_END - _TODAY) * ((month - now) / YEAR), label=label, major=major
            )
            for month, label, major in _months(now, now + YEAR)
        ],
        ended=lives.count(Life.ENDED),
        soon=lives.count(Life.SOON),
        good=lives.count(Life.GOOD),
    )


_ENDED, _LATER = -1, YEAR // _WEEK + 1


def _bucket(end: datetime | None, now: datetime) -> int:
    """Return the week of the year ahead."""
    if end is None or end <= now:
        return _ENDED
    return min((end - now) // _WEEK, _LATER)


def _bar(bucket: int, group: Sequence[tuple[str, Certificate]], most: int) -> Bar:
    first = sorted(group, key=lambda each: each[1].end or datetime.max.replace(tzinfo=UTC))
    named = [
        f"{title}: {one.common_name}, {one.ends.text if one.ends else ''}"
        for title, one in first[:_NAMED]
    ]
    more = len(group) - _NAMED
    lives = {one.life for _, one in group}
    return Bar(
        x=_middle(bucket),
        count=len(group),
        height=BAR_HEIGHT * sqrt(min(1.0, len(group) / max(_FULL, most))),
        life=next(life for life in _WORST if life in lives),
        title="; ".join(named) + (f"; and {more} more" if more > 0 else ""),
    )


def _middle(bucket: int) -> float:
    if bucket == _ENDED:
        return _TODAY / 2
    if bucket == _LATER:
        return (_YEARS_END + 100) / 2
    return _TODAY + (_YEARS_END - _TODAY) * min(1.0, (bucket + 0.5) * (_WEEK / YEAR))


def _months(start: datetime, end: datetime) -> Iterator[tuple[datetime, str, bool]]:
    """Yield the months that begin in between, with a word for each; every third is major."""
    year, month = start.astimezone(UTC).year, start.astimezone(UTC).month
    number = 0
    while True:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        at = datetime(year, month, 1, tzinfo=UTC)
        if at >= end:
            return
        label = at.strftime("%b %Y") if month == 1 else at.strftime("%b")
        yield at, label, number % 3 == 0
        number += 1


def year_share(end: datetime | None, now: datetime) -> float | None:
    """Return how much of a year is left, in percent, at most 100; None if it is not known."""
    if end is None:
        return None
    return round(100 * min(1.0, max(0.0, (end - now) / YEAR)), 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The life of one certificate on the line of its object."""

    certificate: Certificate
    x: float
    width: float
    begun: bool
    """Whether its begin is known, and on the line."""
    goes_on: bool
    """Whether it ends beyond the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeLine:
    """The lives of all that one object has in force, side by side."""

    today: float
    stretches: Sequence[Stretch]
    ticks: Sequence[Tick]


_BEFORE, _AFTER = timedelta(days=90), timedelta(days=400)

_LABELLED = 0.97
"""The part of the line that has words below it."""


def life_line(certificates: Sequence[Certificate], now: datetime) -> LifeLine:
    """Return the line from three months ago to thirteen months ahead."""
    start, whole = now - _BEFORE, _BEFORE + _AFTER
    stretches = []
    for each in certificates:
        if each.end is None:
            continue
        first, last = _place(each.start or start, start, whole), _place(each.end, start, whole)
        stretches.append(
            Stretch(
                certificate=each,
                x=first,
                width=max(0.5, last - first) if last < 100 else 100 - min(first, 99.5),
                begun=each.start is not None and each.start > start,
                goes_on=each.end > start + whole,
            )
        )
    ticks = [
        Tick(x=_place(month, start, whole), label=label, major=major)
        # A word that has no room before the edge is left out.
        for month, label, major in _months(start, start + whole * _LABELLED)
    ]
    return LifeLine(today=_place(now, start, whole), stretches=stretches, ticks=ticks)


def _place(time: datetime, start: datetime, whole: timedelta) -> float:
    return round(100 * min(1.0, max(0.0, (time - start) / whole)), 2)
