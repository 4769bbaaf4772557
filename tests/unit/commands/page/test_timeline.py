"""Where on a line it stands that something ends."""

from datetime import UTC, datetime, timedelta

import pytest

from rds_ssl.commands.page.certificates import Certificate, Kind, Life
from rds_ssl.commands.page.timeline import BAR_HEIGHT, life_line, year_line, year_share

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def certificate(
    days: float | None, *, kind: Kind = Kind.SERVER, life: Life = Life.GOOD, begun: int | None = 60
) -> Certificate:
    return Certificate(
        kind=kind,
        subject="CN=orders",
        life=life,
        start=None if begun is None else NOW - begun * DAY,
        end=None if days is None else NOW + days * DAY,
    )


def test_what_has_ended_stands_before_today_and_what_ends_later_behind_the_year() -> None:
    line = year_line(
        [
            ("shop/a", certificate(-400, life=Life.ENDED)),
            ("shop/b", certificate(1)),
            ("shop/c", certificate(364)),
            ("shop/d", certificate(4000)),
        ],
        NOW,
    )

    (lane,) = line.lanes
    ended, soon, late, later = (each.x for each in lane.bars)
    assert 0 < ended < line.today < soon < late <= line.years_end < later < 100


def test_ends_of_one_week_are_one_bar_with_the_colour_of_the_worst() -> None:
    line = year_line(
        [
            ("shop/a", certificate(8)),
            ("shop/b", certificate(9, life=Life.SOON)),
            ("shop/c", certificate(15)),
        ],
        NOW,
    )

    (lane,) = line.lanes
    assert [(each.count, each.life) for each in lane.bars] == [(2, Life.SOON), (1, Life.GOOD)]
    assert "shop/a: orders" in lane.bars[0].title
    assert "shop/b: orders" in lane.bars[0].title


def test_a_bar_is_never_higher_than_its_lane_and_a_thousand_names_are_counted() -> None:
    many = [(f"shop/{number}", certificate(10)) for number in range(1000)]

    line = year_line([*many, ("shop/one", certificate(30))], NOW)

    full, one = line.lanes[0].bars
    assert (full.height, full.count) == (BAR_HEIGHT, 1000)
    assert 0 < one.height < BAR_HEIGHT
    assert full.title.endswith("; and 992 more")


def test_kinds_have_lanes_in_the_order_of_a_chain_and_what_has_no_end_has_none() -> None:
    line = year_line(
        [
            ("shop/a", certificate(9, kind=Kind.CLIENT_CA)),
            ("shop/a", certificate(9)),
            ("shop/a", certificate(None, kind=Kind.REVOCATION_LIST, life=Life.UNTOLD)),
        ],
        NOW,
    )

    assert [each.kind for each in line.lanes] == [Kind.SERVER, Kind.CLIENT_CA]
    assert line.words == "0 expired, 0 expiring soon, 2 other certificates and revocation lists."


def test_months_are_named_and_the_new_year_with_its_number() -> None:
    labels = [each.label for each in year_line([("shop/a", certificate(9))], NOW).ticks]

    assert labels[:3] == ["Dec", "Jan 2027", "Feb"]
    assert len(labels) == 12


@pytest.mark.parametrize(
    ("days", "share"), [(None, None), (-5, 0.0), (0, 0.0), (73, 20.0), (365, 100.0), (9999, 100.0)]
)
def test_what_is_left_is_told_as_a_part_of_a_year(days: int | None, share: float | None) -> None:
    assert year_share(None if days is None else NOW + days * DAY, NOW) == share


def test_a_life_is_drawn_from_its_begin_to_its_end_within_the_line() -> None:
    whole = certificate(30)
    long = certificate(4000, kind=Kind.CLIENT_CA, begun=None)
    ended = certificate(-4000, life=Life.ENDED, begun=None)
    calendar = Certificate(
        kind=Kind.SERVER,
        subject="",
        life=Life.GOOD,
        start=datetime.min.replace(tzinfo=UTC),
        end=datetime.max.replace(tzinfo=UTC),
    )

    line = life_line([whole, long, ended, certificate(None), calendar], NOW)

    assert [each.certificate for each in line.stretches] == [whole, long, ended, calendar]
    for each in line.stretches:
        assert each.x >= 0
        assert each.width > 0
        assert each.x + each.width <= 100.5
    first = line.stretches[0]
    assert first.begun
    assert first.x < line.today < first.x + first.width
    assert not line.stretches[1].begun
