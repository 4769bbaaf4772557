"""The harness of `make soak`: that it counts what was played, and tells what broke a promise."""

from collections.abc import Sequence
from itertools import count

import pytest
from hypothesis import strategies as st

from rds_simulator.config import SWITCH_VALUES
from soak import batch
from soak.tally import Tally
from support.random_histories import CRASHES, WAITS, Setting
from support.steps import Crash, Step, Wait

HANDFUL = 4

NOWHERE = {"setting": st.none(), "beginning": st.just([])}
CRASHING = {**NOWHERE, "strokes": st.lists(st.tuples(WAITS | CRASHES), max_size=8)}
ONE = {**NOWHERE, "strokes": st.just([(Wait(1.0),)])}
"""Stories that are chosen from less, so that it takes less to find the shortest."""


@pytest.fixture(scope="module")
def played() -> batch.Batch:
    return batch.run(7, size=HANDFUL)


def test_what_was_played_is_counted(played: batch.Batch) -> None:
    sums, rows = played.tally.sums, played.tally.rows

    assert played.violation is None
    assert sums["histories"] == HANDFUL
    assert sums["steps"] >= HANDFUL
    assert sums["cloud calls"] >= sums["cloud calls that were accepted"]
    assert sums["passes over an object"] > 0
    for name, values in SWITCH_VALUES.items():
        assert sum(rows["switches", f"{name}={value}"] for value in values) == HANDFUL
    assert sum(number for (table, _), number in rows.items() if table == "engines") >= HANDFUL
    assert 1 <= len(played.tally.combinations) <= HANDFUL


def test_a_seed_plays_the_same_histories_again_and_another_one_others(played: batch.Batch) -> None:
    def chosen(tally: Tally) -> object:
        rows = {row: number for row, number in tally.rows.items() if row[0] != "Ready at rest"}
        return tally.sums["steps"], rows, tally.combinations

    assert chosen(batch.run(7, size=HANDFUL).tally) == chosen(played.tally)
    assert chosen(batch.run(8, size=HANDFUL).tally) != chosen(played.tally)


def test_what_several_processes_have_counted_is_added_up(played: batch.Batch) -> None:
    both = Tally()
    both.add(played.tally)
    both.add(played.tally)

    assert both.sums["steps"] == 2 * played.tally.sums["steps"]
    assert both.combinations == played.tally.combinations


def test_the_table_names_every_switch_also_those_that_were_never_chosen() -> None:
    lines = "\n".join(Tally().table())

    assert all(
        f"0  {name}={value}" in lines for name in SWITCH_VALUES for value in SWITCH_VALUES[name]
    )
    assert "0 histories" in Tally().progress()


def test_no_history_is_begun_when_the_time_is_over() -> None:
    turns = count()

    ended = batch.run(7, size=HANDFUL, is_over=lambda: next(turns) >= 1)

    assert ended.tally.sums["histories"] == 1


def test_the_shortest_history_that_breaks_a_promise_is_told_and_can_be_played_again() -> None:
    broken: list[int] = []

    def player(_: Setting, steps: tuple[Step, ...], __: list[str], ___: object) -> Sequence[str]:
        crashes = sum(isinstance(each, Crash) for each in steps)
        if crashes < 2:
            return []
        broken.append(crashes)
        return [f"it crashed {crashes} times"]

    # Its time is over with the first that breaks a promise: a shorter one is looked for still.
    at_first: list[batch.Violation] = []
    ended = batch.run(
        1,
        size=500,
        is_over=lambda: bool(broken),
        on_broken=at_first.append,
        player=player,
        story=CRASHING,
    )

    violation = ended.violation
    assert violation is not None
    assert len(at_first) == 1
    assert violation.complaints == ("it crashed 2 times",)
    assert violation.steps == (Crash(after=0, down=0.0),) * 2
    told = violation.lines()
    assert told[2].strip() == "None"
    assert [each.partition(". ")[2] for each in told[3:-1]] == [*map(repr, violation.steps)]
    assert "make soak SEED=1" in told[-1]


def test_an_error_is_told_with_its_history() -> None:
    broken = batch.run(7, size=1, story=ONE)

    assert broken.violation is not None
    assert broken.violation.steps == (Wait(1.0),)
    assert "AttributeError" in broken.violation.complaints[0]
