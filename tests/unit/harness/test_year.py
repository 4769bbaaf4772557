"""The year: it can be repeated, the promises hold in it, and it notices what breaks them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rds_simulator.certificates import Pfx
from rds_simulator.machine import Settings
from rds_ssl.core.gates import gate
from year import run
from year.figures import Figures, as_json, broken, table, unapproved
from year.fleet import BEGINS, Member, members
from year.metrics import Call, Metrics, Span
from year.scenario import Edit, scenario
from year.windows import WINDOWS, Window

TINY = run.Year(seed=4, objects=6, days=35)

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def gated() -> Figures:
    return run.play(TINY, gated=True)


@pytest.fixture(scope="module")
def ordinary() -> Figures:
    return run.play(TINY, gated=False)


# -- the year -------------------------------------------------------------------------------------


def test_a_tiny_year_keeps_every_promise(gated: Figures) -> None:
    assert broken(gated) == []
    assert gated.restarts > TINY.objects
    assert gated.held["AwaitingWindow"]
    assert 0 < gated.spent <= gated.approved


def test_the_same_seed_gives_the_same_figures(gated: Figures, ordinary: Figures) -> None:
    assert as_json(run.play(TINY, gated=True)) == as_json(gated)
    assert as_json(ordinary) != as_json(gated)


def test_an_ordinary_operator_breaks_promises_on_the_same_tape(ordinary: Figures) -> None:
    assert ordinary.outside > TINY.objects
    assert ordinary.unapproved
    assert broken(ordinary)


@pytest.mark.parametrize(
    ("name", "noticed"),
    [("maintenance window", "outside a window"), ("approval", "nobody approved it")],
)
def test_a_gate_that_is_broken_is_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str, noticed: str
) -> None:
    others = tuple(each for each in gate.GATES if each.name != name)
    assert len(others) == len(gate.GATES) - 1
    monkeypatch.setattr(gate, "GATES", others)

    found = broken(run.play(TINY, gated=True))

    assert any(noticed in each for each in found)


def test_the_table_shows_both_side_by_side(gated: Figures, ordinary: Figures) -> None:
    lines = list(table(gated, ordinary))

    assert lines[0].split() == ["rds-ssl", "ordinary"]
    assert lines[1].split() == ["restarts", str(gated.restarts), str(ordinary.restarts)]


# -- the scenario ---------------------------------------------------------------------------------


def test_a_seed_draws_the_same_tape_again_and_another_one_another() -> None:
    fleet = members(9)

    assert scenario(fleet, seed=1, days=60) == scenario(fleet, seed=1, days=60)
    assert scenario(fleet, seed=1, days=60) != scenario(fleet, seed=2, days=60)


def test_what_was_refused_is_taken_back() -> None:
    edits = [each for each in scenario(members(40), seed=1, days=90) if isinstance(each, Edit)]
    refused = [each for each in edits if each.fate == "refused"]

    assert refused
    for each in refused:
        later = [one for one in edits if one.member == each.member and one.at > each.at]
        assert later[0].at - each.at <= 4 * 86_400
        assert later[0].spec != each.spec


# -- the windows ----------------------------------------------------------------------------------

BERLIN = Window(days=(6,), hour=1, minute=30, hours=3, zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("at", "admitted"),
    [
        ("2027-01-10T00:29:59", False),
        ("2027-01-10T00:30:00", True),
        ("2027-01-10T03:14:59", True),
        ("2027-01-10T03:15:00", False),
        ("2027-01-11T00:30:00", False),
        ("2027-07-11T00:29:59", True),
        ("2027-07-10T23:30:00", True),
        ("2027-03-28T03:14:59", True),
    ],
    ids=[
        "before",
        "opening",
        "before the tail",
        "in the tail",
        "another day",
        "in summer",
        "opening in summer",
        "open while the clock is put forward",
    ],
)
def test_a_window_is_open_by_the_clock_of_its_zone(at: str, *, admitted: bool) -> None:
    assert BERLIN.admits(datetime.fromisoformat(at).replace(tzinfo=UTC)) is admitted


def test_a_window_may_cross_midnight() -> None:
    tokyo = Window(days=(4,), hour=22, hours=4, zone="Asia/Tokyo")

    assert tokyo.admits(datetime(2027, 1, 8, 16, 30, tzinfo=UTC))  # Saturday, 01:30 there.


# -- the metrics ----------------------------------------------------------------------------------

PRIMARY, REPLICA, OTHER = members(3)
ON = Settings(enabled=True, ca_type="aliyun", force_encryption=True)
UNFORCED = replace(ON, force_encryption=False)


def call(at: datetime, target: Settings, *, member: Member = OTHER) -> Call:
    return Call(member=member, at=at, before=ON, target=target, window=WINDOWS[0], fails=False)


def test_an_approval_covers_further_attempts_and_no_other_plan() -> None:
    older = replace(UNFORCED, tls_version="1.1")
    calls = [
        call(BEGINS + HOUR, UNFORCED),
        call(BEGINS + 2 * HOUR, UNFORCED),
        call(BEGINS + 3 * HOUR, older),
    ]

    assert list(unapproved(calls, [(BEGINS, OTHER.key)])) == calls[2:]
    assert list(unapproved(calls, [])) == calls
    assert list(unapproved(calls, [(BEGINS, PRIMARY.key)])) == calls


def test_a_change_without_a_difference_is_needless_unless_a_renewal_was_due() -> None:
    renewed = members(4)[3]
    fetched = BEGINS - timedelta(days=340)
    ending = replace(ON, pfx=Pfx(location="bucket:a.pfx", fetched_at=fetched))
    due = replace(call(BEGINS, ending, member=renewed), before=ending)

    assert call(BEGINS, ON).is_needless
    assert call(BEGINS, ON, member=renewed).is_needless
    assert not call(BEGINS, UNFORCED).is_needless
    assert not due.is_needless
    assert replace(due, at=BEGINS - timedelta(days=10)).is_needless


def test_changes_at_the_same_time_are_counted_and_a_primary_with_its_replica() -> None:
    metrics = Metrics(members={}, windows={})
    metrics.spans = [
        Span(member=PRIMARY, begin=BEGINS, end=BEGINS + HOUR),
        Span(member=OTHER, begin=BEGINS + HOUR, end=BEGINS + 2 * HOUR),
    ]
    assert metrics.most_at_once() == (1, 1)

    metrics.spans.append(Span(member=REPLICA, begin=BEGINS, end=BEGINS + 3 * HOUR))

    assert metrics.most_at_once() == (2, 2)


def test_restarts_of_one_instance_are_counted_over_any_24_hours() -> None:
    metrics = Metrics(members={}, windows={})
    metrics.restarts = [(BEGINS + hours * HOUR, OTHER) for hours in (0, 23, 24, 46, 90)]

    assert metrics.most_in_a_day() == 3
    assert metrics.most_of_one() == 5
