from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from rds_ssl.core import declaration
from rds_ssl.core.gate import BUDGET, QUIET, Hold, gate
from rds_ssl.core.model import Change, Impact, Observed, Reason, Restart
from rds_ssl.core.plan import Plan

HARMLESS = Plan(
    digest="digest",
    to="to",
    steps=(),
    changes=(Change(field="serverCertificate", before="a", after="b"),),
    impacts=(Impact.RESTART,),
    restart=Restart.EXPECTED,
    material_only=False,
    first_contact=False,
    drift=False,
)
FIRST = replace(HARMLESS, first_contact=True)
DRIFT = replace(HARMLESS, drift=True)
WEAKENING = replace(HARMLESS, impacts=(Impact.RESTART, Impact.WEAKENS))
ON, OFF = Observed(enabled=True), Observed(enabled=False)


def declare(**spec: object) -> declaration.Declaration:
    return declaration.parse({"instanceID": "pgm-1", "regionID": "cn-hangzhou", **spec})


PLAIN = declare()


def hold(
    plan: Plan = HARMLESS,
    declared: declaration.Declaration = PLAIN,
    observed: Observed = ON,
    *,
    read_only: bool = False,
    quiet_for: float = 0.0,
    deleting: bool = False,
) -> Hold | None:
    return gate(
        plan, declared, observed, read_only=read_only, quiet_for=quiet_for, deleting=deleting
    )


def reason(found: Hold | None) -> Reason | None:
    return found.reason if found else None


def test_a_plan_that_nothing_speaks_against_goes() -> None:
    assert hold() is None


@pytest.mark.parametrize(
    ("plan", "spec", "observed", "why"),
    [
        pytest.param(HARMLESS, {"managementPolicy": "Observe"}, ON, Reason.OBSERVING, id="Observe"),
        pytest.param(HARMLESS, {"suspend": True}, ON, Reason.SUSPENDED, id="suspended"),
        pytest.param(FIRST, {}, ON, Reason.AWAITING_APPROVAL, id="first contact, SSL on"),
        pytest.param(FIRST, {}, OFF, None, id="first contact, turning on is free"),
        pytest.param(
            FIRST, {"enabled": False}, ON, Reason.AWAITING_APPROVAL, id="first contact, turning off"
        ),
        pytest.param(
            FIRST,
            {"enabled": False},
            OFF,
            Reason.AWAITING_APPROVAL,
            id="first contact, off, forced",
        ),
        pytest.param(
            FIRST,
            {"approvalRequired": []},
            ON,
            Reason.AWAITING_APPROVAL,
            id="first contact, whatever approvalRequired says",
        ),
        pytest.param(
            FIRST, {"adoptionPolicy": "Overwrite"}, ON, None, id="first contact, Overwrite"
        ),
        pytest.param(
            replace(WEAKENING, first_contact=True),
            {"adoptionPolicy": "Overwrite"},
            ON,
            Reason.AWAITING_APPROVAL,
            id="Overwrite does not waive what weakens",
        ),
        pytest.param(DRIFT, {}, ON, Reason.DRIFTED, id="drift"),
        pytest.param(
            DRIFT, {"adoptionPolicy": "Overwrite"}, ON, Reason.DRIFTED, id="and Overwrite"
        ),
        pytest.param(WEAKENING, {}, ON, Reason.AWAITING_APPROVAL, id="weakens"),
        pytest.param(
            HARMLESS, {"approvalRequired": ["Restart"]}, ON, Reason.AWAITING_APPROVAL, id="restarts"
        ),
        pytest.param(WEAKENING, {"approvalRequired": []}, ON, None, id="waived"),
    ],
)
def test_a_plan_is_held_by_what_the_declaration_says(
    plan: Plan, spec: dict[str, object], observed: Observed, why: Reason | None
) -> None:
    assert reason(hold(plan, declare(**spec), observed)) is why


@pytest.mark.parametrize("impact", Impact)
def test_by_default_weakening_lost_trust_and_another_endpoint_wait(impact: Impact) -> None:
    held = impact in {Impact.WEAKENS, Impact.DROPS_TRUST, Impact.MOVES_ENDPOINT}

    found = hold(replace(HARMLESS, impacts=(impact,)))

    assert (found is not None) is held
    assert found is None or impact.value in found.message


GATES: list[tuple[Reason, dict[str, object], dict[str, Any]]] = [
    (Reason.OBSERVING, {"managementPolicy": "Observe"}, {}),
    (Reason.SUSPENDED, {"suspend": True}, {}),
    (Reason.AWAITING_APPROVAL, {}, {"first_contact": True}),
    (Reason.DRIFTED, {}, {"drift": True}),
    (Reason.AWAITING_APPROVAL, {}, {"impacts": (Impact.WEAKENS,)}),
]


@pytest.mark.parametrize("active", list(product([False, True], repeat=len(GATES))), ids=str)
def test_the_first_gate_that_holds_answers(active: tuple[bool, ...]) -> None:
    closed = [each for each, on in zip(GATES, active, strict=True) if on]
    spec: dict[str, object] = {}
    plan = HARMLESS
    for _, words, features in closed:
        spec |= words
        plan = replace(plan, **features)

    expected = closed[0][0] if closed else Reason.QUIET_PERIOD
    assert reason(hold(plan, declare(**spec), quiet_for=3.0)) is expected


def test_read_only_holds_everything_and_says_so() -> None:
    found = hold(read_only=True, deleting=True)

    assert reason(found) is Reason.OBSERVING
    assert found is not None
    assert "READ_ONLY" in found.message


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        pytest.param({}, None, id="approved by deletionPolicy, without a quiet period"),
        pytest.param({"suspend": True}, Reason.SUSPENDED, id="suspended"),
        pytest.param({"managementPolicy": "Observe"}, Reason.OBSERVING, id="Observe"),
    ],
)
def test_an_object_that_goes_waits_for_nobody_but_its_own_brakes(
    spec: dict[str, object], why: Reason | None
) -> None:
    plan = replace(WEAKENING, first_contact=True, drift=True)

    assert reason(hold(plan, declare(**spec), quiet_for=9.0, deleting=True)) is why


def test_the_quiet_period_says_when_it_is_over() -> None:
    found = hold(quiet_for=7.5)

    assert found == replace(QUIET, look_after=7.5)
    assert hold(quiet_for=0.0) is None


def test_what_goes_on_by_itself_is_moving_and_what_waits_for_a_person_is_not() -> None:
    assert QUIET.moving
    assert BUDGET.moving
    held = (hold(FIRST), hold(DRIFT), hold(WEAKENING), hold(read_only=True))
    assert not any(each.moving for each in held if each)
