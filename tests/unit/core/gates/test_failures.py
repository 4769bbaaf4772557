"""Failures in a row with the same material, wherever they were."""

from datetime import timedelta

import pytest

from rds_ssl.core.api.status import HistoryEntry
from rds_ssl.core.gates.failures import APART, MOST, FailureHistory, failure_history
from support.states import NOW

CA = frozenset({"ca"})


def ended(ago: int, result: str, *material: str) -> HistoryEntry:
    """Make a change that ended *ago* minutes before now."""
    return HistoryEntry(
        time=NOW - timedelta(minutes=ago),
        cause="rotation",
        changes="words",
        material=material or ("ca",),
        result=result,
    )


@pytest.mark.parametrize(
    ("histories", "failures", "ago"),
    [
        pytest.param([], 0, None, id="nothing"),
        pytest.param([[ended(1, "Verified")]], 0, None, id="a success"),
        pytest.param([[ended(1, "Failed")]], 1, 1, id="a failure"),
        pytest.param([[ended(1, "NotConverging")]], 1, 1, id="it did not converge"),
        pytest.param([[ended(1, "TimedOut")]], 0, None, id="a time-out says nothing of material"),
        pytest.param([[ended(1, "Refused")]], 0, None, id="what was not executed"),
        pytest.param(
            [[ended(1, "Failed")], [ended(9, "Failed")]], 2, 1, id="on two objects, in a row"
        ),
        pytest.param(
            [[ended(9, "Failed")], [ended(1, "Failed")]], 2, 1, id="whatever the order of objects"
        ),
        pytest.param(
            [[ended(1, "Failed"), ended(20, "Verified"), ended(30, "Failed")]],
            1,
            1,
            id="since it was last applied",
        ),
        pytest.param(
            [[ended(5, "Failed"), ended(9, "Failed")], [ended(1, "Verified")]],
            0,
            None,
            id="applied on another object since",
        ),
        pytest.param(
            [[ended(3, "Failed"), ended(2, "TimedOut"), ended(4, "Failed")]],
            2,
            3,
            id="a time-out in between changes nothing",
        ),
        pytest.param([[ended(1, "Failed", "other")]], 0, None, id="with other material"),
        pytest.param(
            [[ended(1, "Failed", "leaf-a", "ca")], [ended(2, "Failed", "leaf-b", "ca")]],
            2,
            1,
            id="of several parts the same one",
        ),
        pytest.param(
            [[ended(1, "Verified", "other"), ended(2, "Failed")]],
            1,
            2,
            id="a success with other material proves nothing",
        ),
    ],
)
def test_failures_count_in_a_row_since_the_material_was_last_applied_anywhere(
    histories: list[list[HistoryEntry]], failures: int, ago: int | None
) -> None:
    last = None if ago is None else NOW - timedelta(minutes=ago)

    assert failure_history(CA, histories) == FailureHistory(failures=failures, last=last)


def test_a_change_without_new_material_has_no_setbacks() -> None:
    assert failure_history(frozenset(), [[ended(1, "Failed")]]) == FailureHistory()


@pytest.mark.parametrize("failures", range(MOST + 2))
def test_the_next_attempt_is_ten_minutes_later_and_after_three_a_persons_decision(
    failures: int,
) -> None:
    found = failure_history(CA, [[ended(each, "Failed")] for each in range(1, failures + 1)])

    assert found.is_halted is (failures >= MOST)
    assert found.next_start() == (NOW - timedelta(minutes=1) + APART if failures else None)
