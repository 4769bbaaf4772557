from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_ssl.core.api.conditions import (
    CERTIFICATE_EXPIRING,
    CHANGE_PENDING,
    MATERIAL_READY,
    OWN,
    READY,
    RECONCILING,
    STALLED,
    Verdict,
    compose,
)
from rds_ssl.core.api.status import Condition
from rds_ssl.core.model import Finding, Reason
from support.states import NOW

LATER = NOW + timedelta(hours=1)
FINE = Finding(reason=Reason.VERIFIED, message="As declared.")
READ = Finding(reason=Reason.MATERIAL_ACCEPTED, message="Read.")
WORK = Finding(reason=Reason.APPLYING, message="Sent.")
STUCK = Finding(reason=Reason.FORBIDDEN, message="Ask for the right.")
HELD = Finding(reason=Reason.AWAITING_APPROVAL, message="It weakens.")
ENDING = Finding(reason=Reason.CERTIFICATE_EXPIRING, message="Ends soon.")
FOREIGN = Condition.model_validate(
    {
        "type": "example.com/Backup",
        "status": "False",
        "reason": "Old",
        "message": "x",
        "last_transition_time": NOW - timedelta(days=3),
        "observed_generation": 1,
    },
    by_name=True,
)

READY_NOW = Verdict(ready=True, finding=FINE, material=READ, material_ready=True, expiring=None)


def types(conditions: tuple[Condition, ...]) -> list[str]:
    return [each.type for each in conditions]


def find(conditions: tuple[Condition, ...], kind: str) -> Condition:
    return next(each for each in conditions if each.type == kind)


def test_the_types_stand_in_one_order_and_ready_is_first() -> None:
    verdict = Verdict(
        ready=False,
        finding=STUCK,
        material=READ,
        material_ready=True,
        stalled=STUCK,
        change_pending=HELD,
        expiring=ENDING,
    )

    found = compose((FOREIGN,), verdict, generation=3, now=NOW)

    assert types(found) == [
        READY,
        MATERIAL_READY,
        STALLED,
        CHANGE_PENDING,
        CERTIFICATE_EXPIRING,
        FOREIGN.type,
    ]
    assert [each.status for each in found[:5]] == ["False", "True", "True", "True", "True"]


def test_what_is_not_true_is_absent() -> None:
    busy = Verdict(
        ready=False, finding=WORK, reconciling=WORK, change_pending=HELD, expiring=ENDING
    )
    before = compose((), busy, generation=1, now=NOW)

    assert types(compose(before, READY_NOW, generation=1, now=LATER)) == [READY, MATERIAL_READY]


def test_what_was_not_judged_stays_as_it_was_told() -> None:
    told = Verdict(ready=True, finding=FINE, material=READ, material_ready=True, expiring=ENDING)
    before = compose((), told, generation=1, now=NOW)

    after = compose(before, Verdict(ready=False, finding=STUCK), generation=2, now=LATER)

    assert find(after, CERTIFICATE_EXPIRING) == find(before, CERTIFICATE_EXPIRING)
    assert find(after, MATERIAL_READY) == find(before, MATERIAL_READY)


@pytest.mark.parametrize(
    ("verdict", "moved"),
    [
        pytest.param(READY_NOW, False, id="the same"),
        pytest.param(
            Verdict(ready=True, finding=Finding(reason=Reason.ADOPTED, message="Else.")),
            False,
            id="another reason and message",
        ),
        pytest.param(Verdict(ready=False, finding=STUCK), True, id="another status"),
        pytest.param(Verdict(ready=None, finding=STUCK), True, id="unknown"),
    ],
)
def test_the_transition_time_moves_with_the_status_alone(*, verdict: Verdict, moved: bool) -> None:
    before = compose((), READY_NOW, generation=1, now=NOW)

    ready = find(compose(before, verdict, generation=2, now=LATER), READY)

    assert ready.last_transition_time == (LATER if moved else NOW)
    assert ready.observed_generation == 2
    assert ready.reason == verdict.finding.reason.value
    assert ready.message == verdict.finding.message


def test_a_condition_that_comes_back_begins_anew() -> None:
    work = Verdict(ready=False, finding=WORK, reconciling=WORK)
    first = compose((), work, generation=1, now=NOW)
    gone = compose(first, READY_NOW, generation=1, now=NOW)

    again = compose(gone, work, generation=1, now=LATER)

    assert find(again, RECONCILING).last_transition_time == LATER


@pytest.mark.parametrize(
    ("ready", "status"), [(True, "True"), (False, "False"), (None, "Unknown")], ids=str
)
def test_ready_has_three_values(*, ready: bool | None, status: str) -> None:
    (found,) = compose((), Verdict(ready=ready, finding=FINE), generation=1, now=NOW)

    assert found.status == status


def test_a_verdict_without_material_leaves_its_condition_as_it_was() -> None:
    before = compose((), READY_NOW, generation=1, now=NOW)

    after = compose(before, Verdict(ready=False, finding=STUCK), generation=2, now=LATER)

    assert find(after, MATERIAL_READY) == find(before, MATERIAL_READY)


def test_stalled_and_reconciling_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="exclude"):
        Verdict(ready=False, finding=STUCK, reconciling=WORK, stalled=STUCK)


def test_foreign_conditions_stay_as_they_are_and_in_their_order() -> None:
    other = FOREIGN.model_copy(update={"type": "a", "observed_generation": None})

    found = compose((other, FOREIGN), READY_NOW, generation=9, now=LATER)

    assert found[-2:] == (other, FOREIGN)


findings = st.sampled_from([FINE, WORK, STUCK, HELD])
maybe = st.none() | findings


@st.composite
def verdicts(draw: st.DrawFn) -> Verdict:
    reconciling = draw(maybe)
    return Verdict(
        ready=draw(st.sampled_from([True, False, None])),
        finding=draw(findings),
        material=draw(maybe),
        material_ready=draw(st.booleans()),
        reconciling=reconciling,
        stalled=None if reconciling else draw(maybe),
        change_pending=draw(maybe),
        expiring=draw(maybe),
    )


@given(st.lists(verdicts(), min_size=1, max_size=6))
def test_whatever_comes_the_list_is_one_that_kstatus_understands(course: list[Verdict]) -> None:
    found: tuple[Condition, ...] = (FOREIGN,)
    for step, verdict in enumerate(course):
        found = compose(found, verdict, generation=step, now=NOW + timedelta(minutes=step))

        names = types(found)
        assert names[0] == READY
        assert len(set(names)) == len(names)
        assert not {RECONCILING, STALLED} <= set(names)
        assert [name for name in names if name in OWN] == [name for name in OWN if name in names]
        assert all(each.status == "True" for each in found if each.type in OWN[2:])
        assert found[-1] == FOREIGN
        assert compose(found, verdict, generation=step, now=LATER) == found
