"""When a change that may restart a database may start: cron in a time zone, and MaintainTime."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rds_ssl.core import windows as module
from rds_ssl.core.api.maintenance import Maintenance, Window
from rds_ssl.core.windows import TAIL, Opening, is_bound, opening, schedule_errors, window_words

HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
INSTANCE = Maintenance(use_instance_window=True)


def window(schedule: str, hours: float = 2, zone: str = "UTC") -> Window:
    return Window(schedule=schedule, duration=timedelta(hours=hours), time_zone=zone)


def windows(*each: Window) -> Maintenance:
    return Maintenance(windows=each)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def starts(maintenance: Maintenance, first: str, last: str, time: str = "") -> list[str]:
    """Give the openings one after another, from *first* until *last*."""
    found, now = [], utc(first)
    while now < utc(last):
        each = opening(maintenance, time, now=now)
        if each is None or each.start >= utc(last):
            break
        found.append(f"{each.start:%m-%d %H:%M}")
        now = each.last_start
    return found


def is_open(maintenance: Maintenance, now: datetime, time: str = "") -> bool:
    found = opening(maintenance, time, now=now)
    return found is not None and found.is_open(now)


# -- cron --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param("2026-11-24T12:00", "2026-11-28T03:00", id="days before"),
        pytest.param("2026-11-28T02:59:59", "2026-11-28T03:00", id="a second before"),
        pytest.param("2026-11-28T03:00", "2026-11-28T03:00", id="it opens"),
        pytest.param("2026-11-28T04:44:59", "2026-11-28T03:00", id="the last second"),
        pytest.param("2026-11-28T04:45", "2026-12-05T03:00", id="the last 15 minutes"),
        pytest.param("2026-11-28T05:00", "2026-12-05T03:00", id="closed"),
    ],
)
def test_the_opening_of_now_or_the_next_one_is_given(now: str, expected: str) -> None:
    found = opening(windows(window("0 3 * * SAT")), "", now=utc(now))

    start = utc(expected)
    assert found == Opening(start=start, last_start=start + 2 * HOUR - TAIL)


@pytest.mark.parametrize(
    ("schedule", "zone", "expected"),
    [
        pytest.param("0 3 * * *", "Asia/Shanghai", ["11-24 19:00", "11-25 19:00"], id="east"),
        pytest.param("0 3 * * *", "America/New_York", ["11-24 08:00", "11-25 08:00"], id="west"),
        pytest.param("0 3 * * *", "Asia/Kathmandu", ["11-24 21:15", "11-25 21:15"], id="quarter"),
        pytest.param("30 23 24 11 *", "Europe/Berlin", ["11-24 22:30"], id="a date"),
        pytest.param("0 3 * * WED", "Asia/Shanghai", ["11-24 19:00"], id="the zone's weekday"),
    ],
)
def test_a_schedule_is_read_in_its_time_zone(schedule: str, zone: str, expected: list[str]) -> None:
    found = starts(windows(window(schedule, zone=zone)), "2026-11-24T06:00", "2026-11-26T06:00")

    assert found == expected


@pytest.mark.parametrize(
    ("schedule", "first", "expected"),
    [
        pytest.param(
            "0 3 * * *",
            "2026-03-27T12:00",
            ["03-28 02:00", "03-29 01:00", "03-30 01:00"],
            id="an hour earlier in UTC once summer has come",
        ),
        pytest.param(
            "30 2 * * *",
            "2026-03-27T12:00",
            ["03-28 01:30", "03-29 01:00", "03-30 00:30"],
            id="what the clock leaves out opens when it has jumped",
        ),
        pytest.param(
            "0 3 * * *",
            "2026-10-23T12:00",
            ["10-24 01:00", "10-25 02:00", "10-26 02:00"],
            id="an hour later in UTC once winter has come",
        ),
        pytest.param(
            "30 2 * * *",
            "2026-10-23T12:00",
            ["10-24 00:30", "10-25 00:30", "10-26 01:30"],
            id="what comes twice opens the first time",
        ),
    ],
)
def test_on_the_days_on_which_the_clock_is_changed_a_daily_window_opens_once(
    schedule: str, first: str, expected: list[str]
) -> None:
    maintenance = windows(window(schedule, zone="Europe/Berlin"))
    last = utc(first) + 3 * DAY

    assert starts(maintenance, first, last.strftime("%Y-%m-%dT%H:%M")) == expected


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_a_window_lasts_as_long_as_it_says_although_the_clock_is_changed_meanwhile(
    day: str,
) -> None:
    found = opening(windows(window("0 1 * * *", 4, "Europe/Berlin")), "", now=utc(f"{day}T00:30"))

    assert found is not None
    assert found.is_open(utc(f"{day}T00:30"))
    assert found.last_start - found.start == 4 * HOUR - TAIL


def test_a_window_that_crosses_midnight_is_open_on_both_days() -> None:
    maintenance = windows(window("0 23 * * FRI", 4))  # The 27th is a Friday.

    assert not is_open(maintenance, utc("2026-11-27T22:59"))
    assert is_open(maintenance, utc("2026-11-27T23:30"))
    assert is_open(maintenance, utc("2026-11-28T02:44"))
    assert not is_open(maintenance, utc("2026-11-28T02:45"))
    assert not is_open(maintenance, utc("2026-11-28T23:30"))


def test_a_window_of_a_day_and_more_windows_than_one_may_overlap() -> None:
    maintenance = windows(window("0 3 * * *", 1), window("30 3 * * *", 3), window("0 0 1 * *", 24))

    open_twice = opening(maintenance, "", now=utc("2026-11-24T03:35"))
    assert open_twice is not None
    # The one that is open for longer: what is sent has until then.
    assert open_twice.last_start == utc("2026-11-24T06:15")
    assert starts(maintenance, "2026-11-30T12:00", "2026-12-02T12:00") == [
        "12-01 00:00",
        "12-02 03:00",
        "12-02 03:30",
    ]


def test_a_window_that_opens_again_before_it_closes_is_always_open() -> None:
    maintenance = windows(window("0 * * * *", 1.5))

    moments = [utc("2026-11-24T00:00") + each * 7 * MINUTE for each in range(300)]
    assert all(is_open(maintenance, each) for each in moments)


def test_a_rare_window_is_found_years_ahead() -> None:
    found = opening(windows(window("0 3 29 2 *")), "", now=utc("2026-11-24T12:00"))

    assert found is not None
    assert found.start == utc("2028-02-29T03:00")


@pytest.mark.parametrize(
    ("each", "words"),
    [
        pytest.param(window("0 3 * * SAT", zone="Asia/Shanghai"), None, id="fine"),
        pytest.param(window("0 3 29 2 *"), None, id="rare"),
        pytest.param(window("0 3 L * *"), None, id="the last day of each month"),
        pytest.param(
            window("0 3 * * *", zone="Mars/Olympus"), "timeZone: there is no time zone", id="zone"
        ),
        pytest.param(
            window("0 3 * * *", zone="America"), "timeZone: there is no", id="half a zone"
        ),
        pytest.param(window("0 3 30 2 *"), "schedule: 0 3 30 2 *", id="the 30th of February"),
        pytest.param(window("60 3 * * *"), "is no cron schedule", id="minute 60"),
        pytest.param(window("0 3 * 13 *"), "is no cron schedule", id="month 13"),
        pytest.param(window("0 3 5L/2 * *"), "is no cron schedule", id="odd"),
    ],
)
def test_what_no_schema_can_tell_of_a_window_is_said_with_its_field(
    each: Window, words: str | None
) -> None:
    found = list(schedule_errors(windows(window("0 3 * * *"), each)))

    if words is None:
        assert found == []
        assert opening(windows(each), "", now=utc("2026-11-24T12:00")) is not None
    else:
        (sentence,) = found
        assert sentence.startswith("spec.maintenance.windows[1].")
        assert words in sentence


# -- the instance's own ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "now", "expected"),
    [
        pytest.param("18:00Z-22:00Z", "2026-11-24T12:00", "2026-11-24T18:00", id="today"),
        pytest.param("18:00Z-22:00Z", "2026-11-24T21:44", "2026-11-24T18:00", id="now"),
        pytest.param("18:00Z-22:00Z", "2026-11-24T21:45", "2026-11-25T18:00", id="tomorrow"),
        pytest.param("22:30Z-02:30Z", "2026-11-24T23:00", "2026-11-24T22:30", id="before midnight"),
        pytest.param("22:30Z-02:30Z", "2026-11-25T02:14", "2026-11-24T22:30", id="after midnight"),
        pytest.param("22:30Z-02:30Z", "2026-11-25T02:15", "2026-11-25T22:30", id="too late"),
        pytest.param("00:00Z-00:00Z", "2026-11-24T12:00", "2026-11-24T00:00", id="all day"),
        pytest.param("00:00Z-00:00Z", "2026-11-24T23:50", "2026-11-25T00:00", id="but its end"),
        pytest.param(" 02:00Z-06:00Z ", "2026-11-24T03:00", "2026-11-24T02:00", id="spaces"),
        pytest.param("02:00Z-02:10Z", "2026-11-24T03:00", None, id="shorter than its own end"),
        pytest.param("", "2026-11-24T12:00", None, id="not told"),
        pytest.param("18:00-22:00", "2026-11-24T12:00", None, id="without a zone"),
        pytest.param("24:00Z-02:00Z", "2026-11-24T12:00", None, id="no such hour"),
        pytest.param("18:00Z", "2026-11-24T12:00", None, id="half of it"),
        pytest.param(
            "\u0661\u0668:\u0660\u0660Z-\u0662\u0662:\u0660\u0660Z",
            "2026-11-24T12:00",
            None,
            id="other digits",
        ),
    ],
)
def test_the_instances_own_time_is_daily_in_utc_and_may_cross_midnight(
    time: str, now: str, expected: str | None
) -> None:
    found = opening(INSTANCE, time, now=utc(now))

    assert (found.start if found else None) == (utc(expected) if expected else None)
    if found is not None:
        assert found.is_open(utc(now)) is (found.start <= utc(now))


def test_the_instances_own_time_counts_only_where_it_is_asked_for() -> None:
    always = "00:00Z-00:00Z"

    assert not is_open(windows(window("0 3 * * SAT")), utc("2026-11-24T12:00"), always)
    assert opening(Maintenance(), always, now=utc("2026-11-24T12:00")) is None
    assert [is_bound(each) for each in (Maintenance(), INSTANCE, windows(window("0 3 * * *")))] == [
        False,
        True,
        True,
    ]


def test_windows_are_named_for_people_but_not_all_of_sixteen() -> None:
    each = window("0 3 * * SAT", zone="Asia/Shanghai")

    assert window_words(windows(each), "") == "0 3 * * SAT Asia/Shanghai"
    assert window_words(windows(*[each] * 16), "").endswith("; and 13 more")
    assert (
        window_words(INSTANCE, " 18:00Z-22:00Z")
        == "the instance's own maintenance time, 18:00Z-22:00Z"
    )
    assert window_words(INSTANCE, "").endswith("not told")


# -- against a reading minute by minute --------------------------------------------------------

SPAN = 9 * DAY
"""How far a reader of every minute looks ahead."""

ZONES = ("UTC", "Asia/Shanghai", "Asia/Kathmandu", "Europe/Berlin", "America/St_Johns")

_minutes = st.sampled_from(["0", "30", "*/15", "5,35", "10-40/15"])
_hours = st.sampled_from(["*", "*/6", "0", "3", "23", "1-4", "2,14"])
_days = st.sampled_from(["*", "*", "*", "1", "15", "1-20", "*/3"])
_months = st.sampled_from(["*", "*", "*", "3,10", "1-6"])
_weekdays = st.sampled_from(["*", "*", "SAT", "MON-FRI", "0", "7", "2,5"])
_windows = st.builds(
    lambda fields, hours, zone: window(" ".join(fields), hours, zone),
    st.tuples(_minutes, _hours, _days, _months, _weekdays),
    st.sampled_from([0.5, 1, 2, 7, 24]),
    st.sampled_from(ZONES),
)
_moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(  # noqa: DTZ001  # UTC is added.
    lambda each: each.replace(tzinfo=UTC)
)


def values(field: str, low: int, high: int) -> frozenset[int]:
    """Read one field of cron as its manual page says."""
    names = {"SUN": 0, "MON": 1, "TUE": 2, "WED": 3, "THU": 4, "FRI": 5, "SAT": 6}
    found: set[int] = set()
    for part in field.split(","):
        text, _, step = part.partition("/")
        first, _, last = ("*", "", "") if text == "*" else text.partition("-")
        begin = low if first == "*" else names.get(first, -1) if first in names else int(first)
        end = high if first == "*" else names.get(last, -1) if last in names else int(last or begin)
        found |= set(range(begin, end + 1, int(step or 1)))
    return frozenset(found)


def brute_force(each: Window, now: datetime) -> list[Opening]:
    """Look at every minute from before *now* on: does the local time fit the schedule?"""
    minute, hour, day, month, weekday = each.schedule.split()
    minutes, hours, months = values(minute, 0, 59), values(hour, 0, 23), values(month, 1, 12)
    days, weekdays = values(day, 1, 31), {one % 7 for one in values(weekday, 0, 7)}
    either = not (day.startswith("*") or weekday.startswith("*"))
    zone, found = ZoneInfo(each.time_zone), []
    at = (now - each.duration).replace(second=0, microsecond=0)
    fixed = not (minute.startswith("*") or hour.startswith("*"))
    while at < now + SPAN:
        local = at.astimezone(zone)
        if local.minute in minutes and local.hour in hours and local.month in months:
            fits = (local.day in days, local.isoweekday() % 7 in weekdays)
            # What is at a fixed time comes once although that hour comes twice.
            if (any(fits) if either else all(fits)) and not (fixed and local.fold):
                found.append(Opening(start=at, last_start=at + each.duration - TAIL))
        at += MINUTE
    return found


def jumps(zones: Iterable[str], now: datetime) -> bool:
    """Whether the clocks go forward in the time that `brute_force` looks at, or right before."""
    for name in zones:
        zone = ZoneInfo(name)
        offsets = [(now + each * DAY).astimezone(zone).utcoffset() for each in range(-3, 11)]
        if any(one < two for one, two in pairwise(offsets) if one and two):
            return True
    return False


@settings(max_examples=40, deadline=None)
@given(st.lists(_windows, min_size=1, max_size=2), _moments)
def test_the_opening_is_the_one_that_a_reader_of_every_minute_finds(
    chosen: list[Window], now: datetime
) -> None:
    # What opens in an hour that is left out has a test of its own.
    assume(not jumps({each.time_zone for each in chosen}, now))
    known = [found for each in chosen for found in brute_force(each, now)]

    found = opening(windows(*chosen), "", now=now)

    current = [each for each in known if each.is_open(now)]
    to_come = min((each.start for each in known if each.start > now), default=None)
    assert found is not None or not known
    if current:
        assert found in current
    elif to_come is not None:
        assert found is not None
        assert found.start == to_come
    elif found is not None:
        assert found.start >= now + SPAN - MINUTE


def test_a_schedule_for_every_minute_is_not_walked_through_from_days_ago(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Counted, not timed: sixteen such windows of one object would hold up all others."""
    walked = 0

    class Counting(CronSim):
        def __next__(self) -> datetime:
            nonlocal walked
            walked += 1
            return super().__next__()

    monkeypatch.setattr(module, "CronSim", Counting)

    opening(
        windows(window("0-59 0-23 * * *", 24, "Europe/Berlin")), "", now=utc("2026-11-28T18:00")
    )

    assert walked <= 3 * 60 + 1
