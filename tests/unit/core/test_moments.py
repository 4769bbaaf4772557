"""Times at the ends of the calendar, through all that reckons with times of certificates."""

from datetime import timedelta

import pytest

from rds_ssl.core.moments import FIRST, LAST, shifted

DAY = timedelta(days=1)


@pytest.mark.parametrize("by", [DAY, -DAY, timedelta.max, timedelta.min, timedelta()])
@pytest.mark.parametrize("time", [FIRST, LAST, FIRST + DAY, LAST - DAY])
def test_a_shifted_time_stays_within_the_calendar(time: object, by: timedelta) -> None:
    assert isinstance(time, type(FIRST))
    assert FIRST <= shifted(time, by) <= LAST


def test_a_time_within_the_calendar_is_shifted_as_it_is() -> None:
    assert shifted(FIRST + DAY, DAY) == FIRST + 2 * DAY
    assert shifted(LAST, DAY) == LAST
    assert shifted(FIRST, -DAY) == FIRST
