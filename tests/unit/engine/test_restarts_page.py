"""docs/restarts.md says what the operator does, and predicts no less than the table has it."""

from collections.abc import Sequence

import pytest

from support import restarts
from support.restart_scenarios import SCENARIOS
from support.restarts import PAGE, Row, page


@pytest.fixture(scope="module")
def played() -> Sequence[Row]:
    return list(restarts.rows())


def test_the_page_holds_what_is_played(played: Sequence[Row]) -> None:
    text = PAGE.read_text()

    assert page(played, text=text) == text


def test_a_change_costs_as_many_calls_as_its_plan_has_steps_and_no_change_costs_none(
    played: Sequence[Row],
) -> None:
    expected = [
        each.calls
        for versions in SCENARIOS.values()
        for scenarios in versions.values()
        for each in scenarios
    ]

    assert [each.accepted for each in played] == expected
    assert [each.steps for each in played] == expected
    assert {each.restarts for each in played if not each.accepted} == {0}
    assert {each.sent for each in played if not each.accepted} == {()}


def test_no_restart_is_predicted_only_where_the_table_has_none(played: Sequence[Row]) -> None:
    surprised = [each for each in played if each.predicted == "None" and each.restarts_by_table]
    certain = [
        each for each in played if each.predicted == "Expected" and not each.restarts_by_table
    ]

    assert surprised == []
    assert certain == []
    assert {each.predicted for each in played} == {"Expected", "None", "Unknown", ""}


def test_a_restart_that_may_come_is_among_the_impacts(played: Sequence[Row]) -> None:
    told = ["Restart" in each.impacts for each in played]

    assert told == [each.predicted in {"Expected", "Unknown"} for each in played]
