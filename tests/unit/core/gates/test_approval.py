"""What an approval lets go: exactly one plan, once, to its end."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rds_ssl.core.api.status import ApprovalStatus, HistoryEntry
from rds_ssl.core.gates.approval import Approval, end_approval
from rds_ssl.core.model import Cause, Impact, Restart
from rds_ssl.core.planning.plan import Plan
from support.states import NOW

PLAN = Plan(
    digest="d1",
    to="target",
    cause=Cause.SPEC,
    steps=(),
    changes=(),
    impacts=(Impact.RESTART, Impact.WEAKENS),
    restart=Restart.EXPECTED,
    material_only=False,
    first_contact=False,
    drift=False,
)
LATER = replace(PLAN, digest="d2", impacts=(Impact.RESTART,))
"""What is left of PLAN after its first step, or the next attempt."""
SPENT = ApprovalStatus(digest="d1", to="target", impacts=PLAN.impacts, time=NOW)
GIVEN = Approval(annotation="d1")


def past(approval: str | None) -> HistoryEntry:
    return HistoryEntry(
        time=NOW, cause="spec", changes="words", approval=approval, result="Verified"
    )


@pytest.mark.parametrize(
    ("annotation", "allowed"),
    [
        pytest.param("d1", True, id="the digest"),
        pytest.param("d2", False, id="another digest"),
        pytest.param("D1", False, id="another spelling"),
        pytest.param("d", False, id="a part of it"),
        pytest.param("d1 d2", False, id="a list"),
        pytest.param("target", False, id="where it leads"),
        pytest.param("*", False, id="a pattern"),
        pytest.param("true", False, id="a yes"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_an_approval_names_exactly_one_plan(annotation: str, *, allowed: bool) -> None:
    given = Approval(annotation=annotation)

    assert given.names(PLAN) is given.allows(PLAN) is allowed
    assert given.digest_of(PLAN) == ("d1" if allowed else None)


@pytest.mark.parametrize(
    "spent",
    [
        pytest.param(Approval(annotation="d1", history=(past(None), past("d1"))), id="history"),
        pytest.param(
            Approval(annotation="d1", last=SPENT.model_copy(update={"end_time": NOW})), id="last"
        ),
        pytest.param(
            Approval(
                annotation="d1",
                last=SPENT.model_copy(update={"digest": "d9", "to": "else"}),
                history=(past("d9"), past("d1")),
            ),
            id="before the last",
        ),
    ],
)
def test_what_was_spent_approves_nothing_again(spent: Approval) -> None:
    assert not spent.names(PLAN)
    assert not spent.allows(PLAN)
    assert spent.digest_of(PLAN) is None
    assert spent.spend(PLAN, now=NOW) is spent.last


@pytest.mark.parametrize(
    ("last", "plan", "covered"),
    [
        pytest.param(SPENT, PLAN, True, id="another attempt"),
        pytest.param(SPENT, LATER, True, id="a later step"),
        pytest.param(SPENT, replace(LATER, to="else"), False, id="a step that leads elsewhere"),
        pytest.param(
            SPENT,
            replace(LATER, impacts=(Impact.RESTART, Impact.DROPS_TRUST)),
            False,
            id="an impact that nobody approved",
        ),
        pytest.param(
            SPENT,
            replace(LATER, impacts=(*PLAN.impacts, Impact.TIGHTENS)),
            False,
            id="one impact more",
        ),
        pytest.param(SPENT.model_copy(update={"end_time": NOW}), LATER, False, id="ended"),
        pytest.param(None, LATER, False, id="none"),
    ],
)
def test_what_was_spent_covers_its_plan_to_the_end_and_nothing_wider(
    last: ApprovalStatus | None, plan: Plan, *, covered: bool
) -> None:
    given = Approval(annotation="d1", last=last, history=(past("d1"),))

    assert given.covers(plan) is given.allows(plan) is covered
    assert given.digest_of(plan) == ("d1" if covered else None)
    assert given.spend(plan, now=NOW) is last


def test_what_is_spent_is_recorded_with_its_impacts_and_where_it_leads() -> None:
    earlier = SPENT.model_copy(update={"digest": "d0", "to": "before", "end_time": NOW})

    spent = Approval(annotation="d1", last=earlier).spend(PLAN, now=NOW)

    assert spent == SPENT
    assert not Approval(annotation="d1", last=spent).names(PLAN)
    assert Approval(annotation="d1", last=spent).covers(PLAN)


def test_a_plan_that_needs_no_approval_spends_none() -> None:
    assert Approval().spend(PLAN, now=NOW) is None
    assert Approval(last=SPENT).spend(replace(PLAN, to="else"), now=NOW) is SPENT


@pytest.mark.parametrize(
    ("to", "ends"),
    [
        pytest.param("target", False, id="still to be done"),
        pytest.param("else", True, id="gave way to another plan"),
        pytest.param(None, True, id="nothing is to be done"),
    ],
)
def test_an_approval_ends_with_its_plan_and_only_once(to: str | None, *, ends: bool) -> None:
    now = NOW + timedelta(hours=1)

    found = end_approval(SPENT, to=to, now=now)

    assert found == (SPENT.model_copy(update={"end_time": now}) if ends else SPENT)
    assert end_approval(found, to=to, now=now + timedelta(hours=1)) == found
    assert end_approval(None, to=to, now=now) is None


HOW = "approve it with the annotation rds-ssl.dev/approve: d1"


@pytest.mark.parametrize(
    ("given", "remark"),
    [
        pytest.param(Approval(), f"{HOW}.", id="none"),
        pytest.param(
            Approval(annotation="d0"),
            f"{HOW} (the one that is there, d0, is of another plan and is ignored).",
            id="of another plan",
        ),
        pytest.param(
            Approval(annotation="d0", history=(past("d0"),)),
            f"{HOW} (the one that is there, d0, was spent already).",
            id="spent for an earlier plan",
        ),
        pytest.param(
            Approval(annotation="a\x1b[31m\nb"),
            f"{HOW} (the one that is there, a?[31m?b, is of another plan and is ignored).",
            id="what a terminal would obey",
        ),
        pytest.param(
            Approval(annotation="x" * 5000),
            f"{HOW} (the one that is there, {'x' * 64}, is of another plan and is ignored).",
            id="long",
        ),
    ],
)
def test_the_remark_says_how_to_approve_and_why_what_is_there_does_not(
    given: Approval, remark: str
) -> None:
    assert given.remark(PLAN) == remark
