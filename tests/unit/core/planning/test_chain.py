from dataclasses import replace

import pytest

from rds_ssl.core.api.states import StateStatus
from rds_ssl.core.api.status import AppliedStatus
from rds_ssl.core.model import Cause, CertificateFacts, Impact, Observed, Restart
from rds_ssl.core.planning.chain import intermediates_in_force, is_alone, same_chain
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.planning.diff import compare
from rds_ssl.core.planning.fields import Field
from rds_ssl.core.planning.plan import PlanResult
from rds_ssl.core.planning.planner import make_plan
from support.states import CUSTOM, DAY, LEAF, NOW, applied, certificate, mysql, postgresql

ISSUER = certificate("issuer", issuer="CN=root", not_after=NOW + 20 * DAY)
RENEWED = replace(ISSUER, sha256="renewed", not_after=NOW + 900 * DAY)
CROSS = replace(ISSUER, sha256="cross", issuer="CN=other root")
UPPER = certificate("upper", issuer="CN=root")


def state(*intermediates: CertificateFacts) -> Desired:
    """The certificate, with its intermediates."""
    return replace(CUSTOM, chain=(LEAF, *intermediates))


ALONE, WHOLE = state(), state(ISSUER)
UNTOLD = CUSTOM
"""As a record of an older version has it: without a word about the chain."""


def echoing(of: Desired, *intermediates: CertificateFacts) -> Observed:
    return replace(postgresql(of), intermediates=intermediates)


def standing(
    wanted: Desired, shown: Observed, before: AppliedStatus | None, engine: str = "PostgreSQL"
) -> PlanResult:
    return make_plan(wanted, shown, engine=engine, uid="u", applied=before, operation=None)


@pytest.mark.parametrize(
    ("wanted", "shown", "before", "answer"),
    [
        pytest.param(WHOLE, (ISSUER,), None, True, id="shown as it is wanted"),
        pytest.param(WHOLE, (RENEWED,), None, False, id="another one is shown"),
        pytest.param(ALONE, (ISSUER,), None, False, id="one too many is shown"),
        pytest.param(WHOLE, (), None, None, id="nothing shown, nothing applied"),
        pytest.param(WHOLE, (), WHOLE, True, id="nothing shown, the same applied"),
        pytest.param(WHOLE, (), ALONE, False, id="nothing shown, the leaf alone applied"),
        pytest.param(WHOLE, (), UNTOLD, None, id="nothing shown, an older record"),
        pytest.param(WHOLE, (ISSUER,), ALONE, True, id="somebody else has added it"),
        pytest.param(state(ISSUER, UPPER), (ISSUER,), None, None, id="some are left out"),
        pytest.param(state(UPPER, ISSUER), (ISSUER, UPPER), None, None, id="in another order"),
        pytest.param(
            state(UPPER, ISSUER),
            (ISSUER, UPPER),
            state(ISSUER, UPPER),
            False,
            id="the order was edited",
        ),
    ],
)
def test_intermediates_are_told_by_what_is_shown_and_by_what_was_applied(
    wanted: Desired,
    shown: tuple[CertificateFacts, ...],
    before: Desired | None,
    *,
    answer: bool | None,
) -> None:
    was = before.state if before else None

    assert same_chain(wanted.state, echoing(CUSTOM, *shown), was) is answer


def test_what_was_applied_tells_nothing_of_the_intermediates_of_another_certificate() -> None:
    other = replace(WHOLE, server_certificate=certificate("other")).state

    assert same_chain(WHOLE.state, postgresql(CUSTOM), other) is None


@pytest.mark.parametrize("engine", ["PostgreSQL", "MySQL"])
@pytest.mark.parametrize(
    ("wanted", "before"),
    [
        pytest.param(WHOLE, ALONE, id="added"),
        pytest.param(ALONE, WHOLE, id="taken away"),
        pytest.param(state(RENEWED), WHOLE, id="renewed"),
        pytest.param(state(CROSS), WHOLE, id="cross-signed"),
        pytest.param(state(ISSUER, UPPER), state(UPPER, ISSUER), id="put in order"),
    ],
)
def test_a_change_of_the_chain_alone_is_a_rotation(
    engine: str, wanted: Desired, before: Desired
) -> None:
    shown = (postgresql if engine == "PostgreSQL" else mysql)(CUSTOM)

    plan = standing(wanted, shown, applied(before), engine).plan

    assert plan is not None
    assert plan.cause is Cause.ROTATION
    assert plan.material_only
    assert not plan.drift
    assert plan.restart is Restart.EXPECTED
    assert [each.field for each in plan.changes] == ["serverCertificate.chain"]
    assert len(plan.material) == 1


def test_a_failure_with_one_chain_does_not_speak_against_another() -> None:
    plans = [
        standing(wanted, postgresql(CUSTOM), applied(ALONE)).plan
        for wanted in (WHOLE, state(RENEWED), WHOLE)
    ]

    one, other, again = [each.material for each in plans if each is not None]
    assert one.isdisjoint(other)
    assert one == again


@pytest.mark.parametrize("wanted", [ALONE, WHOLE])
@pytest.mark.parametrize(
    "before",
    [pytest.param(UNTOLD, id="an older record"), pytest.param(None, id="first contact")],
)
def test_intermediates_that_cannot_be_told_are_no_reason_for_a_call(
    wanted: Desired, before: Desired | None
) -> None:
    found = standing(wanted, postgresql(CUSTOM), applied(before) if before else None)

    assert found.plan is None


def test_intermediates_that_somebody_else_has_put_there_are_drift() -> None:
    plan = standing(WHOLE, echoing(CUSTOM, RENEWED), applied(WHOLE)).plan

    assert plan is not None
    assert plan.drift
    assert plan.cause is Cause.DRIFT


def test_a_new_certificate_brings_its_chain_without_a_word_of_its_own() -> None:
    newer = replace(WHOLE, server_certificate=certificate("newer"), chain=(certificate("newer"),))

    plan = standing(newer, echoing(CUSTOM, ISSUER), applied(WHOLE)).plan

    assert plan is not None
    assert [each.field for each in plan.changes] == ["serverCertificate"]


@pytest.mark.parametrize(
    ("wanted", "before", "elsewhere"),
    [
        pytest.param(WHOLE, ALONE, False, id="what clients had to know is sent now"),
        pytest.param(state(RENEWED), WHOLE, False, id="renewed below the same root"),
        pytest.param(state(ISSUER, UPPER), WHOLE, False, id="continued"),
        pytest.param(state(CROSS), WHOLE, True, id="below another root"),
        pytest.param(ALONE, WHOLE, True, id="nothing leads to the root any more"),
    ],
)
def test_trust_changes_where_the_chain_leads_elsewhere(
    wanted: Desired, before: Desired, *, elsewhere: bool
) -> None:
    plan = standing(wanted, postgresql(CUSTOM), applied(before)).plan

    assert plan is not None
    assert (Impact.TRUST_CHANGES in plan.impacts) is elsewhere


def test_the_plan_names_what_is_in_force_and_what_comes() -> None:
    plan = standing(WHOLE, postgresql(CUSTOM), applied(ALONE)).plan

    assert plan is not None
    assert plan.changes[0].before == "no intermediate"
    assert plan.changes[0].after.startswith("CN=issuer (issuer0")


def test_a_plan_is_urgent_by_the_end_of_an_intermediate_that_it_replaces() -> None:
    plan = standing(state(RENEWED), postgresql(CUSTOM), applied(WHOLE)).plan

    assert plan is not None
    assert plan.deadline == ISSUER.not_after


def test_a_state_that_nobody_has_read_the_chain_of_is_compared_without_it() -> None:
    found = compare(UNTOLD, echoing(CUSTOM, ISSUER), applied=applied(ALONE))

    assert Field.CHAIN not in found.different | found.unknown


@pytest.mark.parametrize("shown", [postgresql(CUSTOM), mysql(CUSTOM)])
def test_what_is_in_force_is_what_was_sent_with_the_certificate_in_force(shown: Observed) -> None:
    assert [one.sha256 for one in intermediates_in_force(shown, applied(WHOLE))] == [ISSUER.sha256]
    assert is_alone(shown, applied(ALONE))
    assert not is_alone(shown, applied(UNTOLD))


def test_the_intermediates_of_another_certificate_are_not_in_force() -> None:
    foreign = replace(postgresql(CUSTOM), server_certificate=certificate("foreign"))
    later = replace(mysql(CUSTOM), expire_time=LEAF.not_after + DAY)

    assert intermediates_in_force(foreign, applied(WHOLE)) == ()
    assert intermediates_in_force(later, applied(WHOLE)) == ()
    assert not is_alone(foreign, applied(ALONE))


def test_a_record_keeps_which_intermediates_were_sent() -> None:
    kept = WHOLE.state.intermediates

    assert [(one.sha256, one.subject, one.issuer, one.not_after) for one in kept] == [
        (ISSUER.sha256, "CN=issuer", "CN=root", ISSUER.not_after)
    ]
    assert StateStatus.model_validate(WHOLE.state.model_dump(), by_name=True) == WHOLE.state
