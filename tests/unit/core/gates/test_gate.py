"""The chain of gates: which one answers first, what each holds, and what lets go."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_ssl.core.api import spec as declaration
from rds_ssl.core.api.status import ApprovalStatus, HistoryEntry
from rds_ssl.core.gates.approval import Approval
from rds_ssl.core.gates.failures import APART, MOST, FailureHistory
from rds_ssl.core.gates.gate import Circumstances, closes, gate, not_before
from rds_ssl.core.gates.hold import BUDGET, QUIET, Hold
from rds_ssl.core.model import Cause, Change, Impact, Observed, Reason, Restart
from rds_ssl.core.planning.plan import Plan
from rds_ssl.core.windows import TAIL, opening

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
"""A Tuesday."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SATURDAY = datetime(2026, 11, 28, 3, tzinfo=UTC)
SATURDAYS = {"windows": [{"schedule": "0 3 * * SAT", "duration": "2h"}]}

HARMLESS = Plan(
    digest="digest",
    to="to",
    cause=Cause.SPEC,
    steps=(),
    changes=(Change(field="serverCertificate", before="a", after="b"),),
    impacts=(Impact.RESTART,),
    restart=Restart.EXPECTED,
    material_only=False,
    first_contact=False,
    drift=False,
)
QUIETLY = replace(HARMLESS, restart=Restart.NONE, impacts=())
FIRST = replace(HARMLESS, first_contact=True)
DRIFT = replace(HARMLESS, drift=True, cause=Cause.DRIFT)
WEAKENING = replace(HARMLESS, impacts=(Impact.RESTART, Impact.WEAKENS))
ON, OFF = Observed(enabled=True), Observed(enabled=False)
APPROVED = Approval(annotation="digest")
HALTED = FailureHistory(failures=MOST, last=NOW - DAY)
THRICE = tuple(NOW - each * HOUR for each in (1, 2, 3))


def declare(**spec: object) -> declaration.Declaration:
    return declaration.parse_spec({"instanceID": "pgm-1", "regionID": "cn-hangzhou", **spec})


PLAIN = declare()


def circumstances(declared: declaration.Declaration = PLAIN, **values: object) -> Circumstances:
    """At NOW: a plan that has just been seen, and the opening of the windows declared."""
    known: dict[str, object] = {"now": NOW, "seen_since": NOW, **values}
    now = known["now"]
    assert isinstance(now, datetime)
    if "opening" not in known:
        time = str(known.get("maintain_time", ""))
        known["opening"] = opening(declared.maintenance, time, now=now)
    return Circumstances(**known)  # type: ignore[arg-type]  # As the tests give them.


def hold(
    plan: Plan = HARMLESS,
    declared: declaration.Declaration = PLAIN,
    observed: Observed = ON,
    **values: object,
) -> Hold | None:
    return gate(plan, declared, observed, circumstances(declared, **values))


def reason(found: Hold | None) -> Reason | None:
    return found.reason if found else None


def entry(**fields: object) -> HistoryEntry:
    """Make a change of the past, by default a drift of HARMLESS's field put back an hour ago."""
    return HistoryEntry.model_validate(
        {
            "time": NOW - HOUR,
            "cause": "drift",
            "changes": "words",
            "fields": ("serverCertificate",),
            "result": "Verified",
            **fields,
        },
        by_name=True,
    )


def test_a_plan_that_nothing_speaks_against_goes() -> None:
    assert hold() is None


# -- the order ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What closes one gate, and how its answer is told from that of another one."""

    reason: Reason
    words: str
    spec: Mapping[str, object] = field(default_factory=dict)
    plan: Mapping[str, object] = field(default_factory=dict)
    circumstances: Mapping[str, object] = field(default_factory=dict)


GATES = {
    "READ_ONLY": Gate(
        reason=Reason.OBSERVING, words="READ_ONLY", circumstances={"read_only": True}
    ),
    "Observe": Gate(
        reason=Reason.OBSERVING,
        words="managementPolicy is Observe",
        spec={"managementPolicy": "Observe"},
    ),
    "suspend": Gate(reason=Reason.SUSPENDED, words="suspend is true", spec={"suspend": True}),
    "first contact": Gate(
        reason=Reason.AWAITING_APPROVAL,
        words="before this object knew it",
        plan={"first_contact": True},
    ),
    "drift": Gate(
        reason=Reason.DRIFTED,
        words="driftPolicy is Report",
        spec={"driftPolicy": "Report"},
        plan={"drift": True},
    ),
    "approval": Gate(
        reason=Reason.AWAITING_APPROVAL,
        words="because of Weakens",
        plan={"impacts": (Impact.RESTART, Impact.WEAKENS)},
    ),
    "window": Gate(
        reason=Reason.AWAITING_WINDOW,
        words="opens at 2026-11-28T03:00:00Z",
        spec={"maintenance": SATURDAYS},
    ),
    "quiet period": Gate(
        reason=Reason.QUIET_PERIOD, words="stood still", circumstances={"quiet_for": 3.0}
    ),
    "changes per day": Gate(
        reason=Reason.CHANGE_LIMIT_REACHED,
        words="3 times within 24 hours",
        circumstances={"restarts": THRICE},
    ),
    "failures": Gate(
        reason=Reason.AWAITING_APPROVAL,
        words="with the same material failed",
        circumstances={"failures": HALTED},
    ),
}
"""In the order in which they answer."""


def closed(*names: str) -> Hold | None:
    """Ask with the named gates closed, and all others open."""
    spec: dict[str, object] = {}
    features: dict[str, object] = {}
    known: dict[str, object] = {}
    for name in names:
        spec |= GATES[name].spec
        features |= GATES[name].plan
        known |= GATES[name].circumstances
    plan = replace(HARMLESS, **features)  # type: ignore[arg-type]  # Names of its fields.
    return hold(plan, declare(**spec), **known)


@pytest.mark.parametrize("name", GATES)
def test_each_gate_answers_with_its_reason_and_says_why(name: str) -> None:
    found = closed(name)

    assert found is not None
    assert found.reason is GATES[name].reason
    assert GATES[name].words in found.message


@pytest.mark.parametrize(("earlier", "later"), list(combinations(GATES, 2)))
def test_of_two_gates_that_hold_the_earlier_one_answers(earlier: str, later: str) -> None:
    found = closed(later, earlier)

    assert found is not None
    assert GATES[earlier].words in found.message


def test_with_every_gate_closed_the_first_one_answers() -> None:
    found = closed(*GATES)

    assert found is not None
    assert "READ_ONLY" in found.message


# -- READ_ONLY, Observe, suspend ---------------------------------------------------------------


@pytest.mark.parametrize("plan", [HARMLESS, QUIETLY, WEAKENING], ids=["a", "no restart", "weak"])
@pytest.mark.parametrize(
    ("spec", "values"),
    [
        pytest.param({}, {"read_only": True}, id="READ_ONLY"),
        pytest.param({"managementPolicy": "Observe"}, {}, id="Observe"),
        pytest.param({"suspend": True}, {}, id="suspend"),
    ],
)
def test_neither_approval_nor_expiry_nor_a_request_lets_go_what_is_not_to_write(
    plan: Plan, spec: dict[str, object], values: dict[str, object]
) -> None:
    urgent = replace(plan, deadline=NOW)

    found = hold(urgent, declare(**spec), approval=APPROVED, asked=True, **values)

    assert reason(found) in {Reason.OBSERVING, Reason.SUSPENDED}
    assert found is not None
    assert found.until is None


# -- first contact -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "spec", "observed", "why"),
    [
        pytest.param(FIRST, {}, ON, Reason.AWAITING_APPROVAL, id="SSL on"),
        pytest.param(FIRST, {}, OFF, None, id="turning on is free"),
        pytest.param(FIRST, {"enabled": False}, ON, Reason.AWAITING_APPROVAL, id="turning off"),
        pytest.param(FIRST, {"enabled": False}, OFF, Reason.AWAITING_APPROVAL, id="off, forced"),
        pytest.param(
            FIRST,
            {"approvalRequired": []},
            ON,
            Reason.AWAITING_APPROVAL,
            id="whatever approvalRequired says",
        ),
        pytest.param(FIRST, {"adoptionPolicy": "Overwrite"}, ON, None, id="Overwrite"),
        pytest.param(
            replace(WEAKENING, first_contact=True),
            {"adoptionPolicy": "Overwrite"},
            ON,
            Reason.AWAITING_APPROVAL,
            id="Overwrite does not waive what weakens",
        ),
    ],
)
def test_first_contact_waits_unless_it_turns_on_or_may_overwrite(
    plan: Plan, spec: dict[str, object], observed: Observed, why: Reason | None
) -> None:
    assert reason(hold(plan, declare(**spec), observed)) is why


def test_an_approval_of_that_very_plan_lets_first_contact_go() -> None:
    assert hold(FIRST, approval=APPROVED) is None
    assert reason(hold(FIRST, approval=Approval(annotation="other"))) is Reason.AWAITING_APPROVAL


# -- drift -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "delay", "goes"),
    [
        pytest.param(0 * MINUTE, 30 * MINUTE, False, id="just seen"),
        pytest.param(30 * MINUTE - timedelta(seconds=1), 30 * MINUTE, False, id="nearly"),
        pytest.param(30 * MINUTE, 30 * MINUTE, True, id="due"),
        pytest.param(10 * MINUTE, 5 * MINUTE, True, id="another delay"),
    ],
)
def test_a_foreign_change_is_put_back_after_the_delay_and_not_before(
    *, age: timedelta, delay: timedelta, goes: bool
) -> None:
    found = hold(DRIFT, seen_since=NOW - age, drift_delay=delay)

    assert (found is None) is goes
    if found is not None:
        assert found.until == NOW - age + delay
        assert f"put back at {found.until:%Y-%m-%dT%H:%M:%SZ}" in found.message
        assert "suspend: true" in found.message


def test_report_never_puts_a_foreign_change_back_by_itself() -> None:
    found = hold(DRIFT, declare(driftPolicy="Report"), seen_since=NOW - 300 * DAY)

    assert reason(found) is Reason.DRIFTED
    assert found is not None
    assert found.until is None
    assert hold(DRIFT, declare(driftPolicy="Report"), approval=APPROVED) is None


def test_a_foreign_change_whose_correction_weakens_waits_for_approval_at_once() -> None:
    plan = replace(DRIFT, impacts=(Impact.RESTART, Impact.WEAKENS))

    late = hold(plan, seen_since=NOW - 300 * DAY)
    found = hold(plan)

    assert reason(late) is reason(found) is Reason.AWAITING_APPROVAL
    assert found is not None
    assert "changed elsewhere" in found.message
    assert hold(plan, approval=APPROVED) is None


@pytest.mark.parametrize(
    ("past", "seen", "fight"),
    [
        pytest.param(entry(), NOW, True, id="an hour ago"),
        pytest.param(entry(time=NOW - DAY + MINUTE), NOW, True, id="nearly a day ago"),
        pytest.param(entry(time=NOW - DAY), NOW, False, id="a day ago"),
        pytest.param(
            entry(time=NOW - 3 * DAY), NOW - 2 * DAY - HOUR, True, id="counted from when it is seen"
        ),
        pytest.param(entry(cause="spec"), NOW, False, id="a change of the declaration"),
        pytest.param(entry(cause="rotation"), NOW, False, id="a rotation"),
        pytest.param(entry(fields=("forceEncryption",)), NOW, False, id="of another field"),
        pytest.param(
            entry(fields=("forceEncryption", "serverCertificate")),
            NOW,
            True,
            id="of this field and another one",
        ),
        pytest.param(
            entry(fields=("serverCertificate.caType",)), NOW, True, id="of whose certificate it is"
        ),
        pytest.param(entry(fields=("enabled",)), NOW, True, id="of SSL as a whole"),
        pytest.param(entry(result="Failed"), NOW, True, id="an attempt that failed"),
    ],
)
def test_who_changes_again_what_was_put_back_within_a_day_is_not_fought(
    *, past: HistoryEntry, seen: datetime, fight: bool
) -> None:
    found = hold(DRIFT, history=(entry(cause="spec"), past), seen_since=seen)
    later = hold(DRIFT, history=(past,), seen_since=seen, now=seen + 30 * DAY)

    assert found is None or found.reason is Reason.DRIFTED
    assert ("only reported" in (found.message if found else "")) is fight
    assert (later is not None) is fight
    assert hold(DRIFT, history=(past,), seen_since=seen, approval=APPROVED) is None


def test_what_turns_ssl_on_or_off_is_the_same_drift_as_any_other() -> None:
    turned_off = replace(DRIFT, changes=(Change(field="enabled", before="on", after="off"),))

    found = hold(turned_off, history=(entry(fields=("forceEncryption",)),))

    assert found is not None
    assert "only reported" in found.message


# -- approval ----------------------------------------------------------------------------------


@pytest.mark.parametrize("impact", Impact)
def test_by_default_weakening_lost_trust_and_another_endpoint_wait(impact: Impact) -> None:
    held = impact in {Impact.WEAKENS, Impact.DROPS_TRUST, Impact.MOVES_ENDPOINT}

    found = hold(replace(HARMLESS, impacts=(impact,)))

    assert (found is not None) is held
    assert found is None or impact.value in found.message


@pytest.mark.parametrize("impact", Impact)
def test_what_waits_is_what_the_declaration_names(impact: Impact) -> None:
    named = declare(approvalRequired=[impact.value])

    assert reason(hold(replace(HARMLESS, impacts=(impact,)), named)) is Reason.AWAITING_APPROVAL
    assert hold(replace(HARMLESS, impacts=(impact,)), declare(approvalRequired=[])) is None


@pytest.mark.parametrize(
    ("approval", "why"),
    [
        pytest.param(Approval(), Reason.AWAITING_APPROVAL, id="none"),
        pytest.param(APPROVED, None, id="of this plan"),
        pytest.param(
            Approval(annotation="to"), Reason.AWAITING_APPROVAL, id="of where it leads, not of it"
        ),
        pytest.param(
            Approval(annotation="digest", history=(entry(approval="digest"),)),
            Reason.AWAITING_APPROVAL,
            id="spent",
        ),
        pytest.param(
            Approval(
                last=ApprovalStatus(
                    digest="earlier", to="to", impacts=WEAKENING.impacts, time=NOW - HOUR
                )
            ),
            None,
            id="of the plan that this one is left of",
        ),
    ],
)
def test_a_held_impact_goes_with_an_approval_of_exactly_that_plan(
    approval: Approval, why: Reason | None
) -> None:
    found = hold(WEAKENING, approval=approval)

    assert reason(found) is why
    assert found is None or "rds-ssl.dev/approve: digest" in found.message


# -- windows -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "why"),
    [
        pytest.param(SATURDAY - MINUTE, Reason.AWAITING_WINDOW, id="before"),
        pytest.param(SATURDAY, None, id="opens"),
        pytest.param(SATURDAY + 2 * HOUR - TAIL - MINUTE, None, id="still long enough"),
        pytest.param(SATURDAY + 2 * HOUR - TAIL, Reason.AWAITING_WINDOW, id="the last minutes"),
        pytest.param(SATURDAY + 2 * HOUR, Reason.AWAITING_WINDOW, id="after"),
    ],
)
def test_what_may_restart_starts_inside_its_window_and_not_in_its_last_minutes(
    now: datetime, why: Reason | None
) -> None:
    found = hold(HARMLESS, declare(maintenance=SATURDAYS), now=now, seen_since=now)

    assert reason(found) is why
    if found is not None:
        assert found.until == (SATURDAY if now < SATURDAY else SATURDAY + 7 * DAY)


@pytest.mark.parametrize("restart", Restart)
def test_only_what_may_restart_waits_for_a_window(restart: Restart) -> None:
    found = hold(replace(HARMLESS, restart=restart), declare(maintenance=SATURDAYS))

    assert (found is None) is (restart is Restart.NONE)


def test_a_person_who_approves_does_not_open_the_window() -> None:
    found = hold(WEAKENING, declare(maintenance=SATURDAYS), approval=APPROVED, asked=True)

    assert reason(found) is Reason.AWAITING_WINDOW


@pytest.mark.parametrize(
    ("deadline", "margin", "goes"),
    [
        pytest.param(NOW + 72 * HOUR, "72h", True, id="within"),
        pytest.param(NOW + 72 * HOUR + MINUTE, "72h", False, id="not yet"),
        pytest.param(NOW - DAY, "72h", True, id="expired already"),
        pytest.param(NOW + HOUR, None, False, id="without an override"),
        pytest.param(None, "72h", False, id="nothing that expires is replaced"),
    ],
)
def test_what_expires_within_the_override_does_not_wait_for_a_window(
    *, deadline: datetime | None, margin: str | None, goes: bool
) -> None:
    declared = declare(maintenance={**SATURDAYS, "overrideBeforeExpiry": margin})
    plan = replace(HARMLESS, deadline=deadline)

    found = hold(plan, declared)

    assert (found is None) is goes
    if goes:
        assert closes(plan, declared, circumstances(declared)) is None


@pytest.mark.parametrize(
    ("spec", "deadline", "until"),
    [
        pytest.param(SATURDAYS, SATURDAY - HOUR, SATURDAY - 73 * HOUR, id="before the next window"),
        pytest.param(SATURDAYS, SATURDAY + 80 * HOUR, SATURDAY, id="after it"),
        pytest.param(
            {"useInstanceWindow": True}, NOW + 80 * HOUR, NOW + 8 * HOUR, id="and there is none"
        ),
    ],
)
def test_what_waits_for_a_window_knows_when_its_expiry_comes_first(
    spec: dict[str, object], deadline: datetime, until: datetime
) -> None:
    declared = declare(maintenance={**spec, "overrideBeforeExpiry": "72h"})
    plan = replace(HARMLESS, deadline=deadline)
    at = circumstances(declared)

    found = gate(plan, declared, ON, at)

    assert found is not None
    assert found.until == until == not_before(plan, declared, at, found)
    words = f"Because of what expires, it is sent at {until:%Y-%m-%dT%H:%M:%SZ}"
    assert (words in found.message) is (until != SATURDAY)
    assert hold(plan, declared, now=until, seen_since=NOW) is None


def test_what_waits_for_the_next_day_knows_when_its_expiry_comes_first() -> None:
    plan = replace(HARMLESS, deadline=NOW + 80 * HOUR)

    found = hold(plan, restarts=THRICE)

    assert found is not None
    assert found.until == NOW + 8 * HOUR
    assert "sent at 2026-11-24T20:00:00Z" in found.message


def test_an_instance_without_a_maintenance_time_says_what_to_do() -> None:
    declared = declare(maintenance={"useInstanceWindow": True})

    found = hold(HARMLESS, declared, maintain_time="")

    assert reason(found) is Reason.AWAITING_WINDOW
    assert found is not None
    assert found.until is None
    assert "not told" in found.message
    assert "spec.maintenance.windows" in found.message


# -- the quiet period --------------------------------------------------------------------------


def test_the_quiet_period_says_when_it_is_over() -> None:
    found = hold(quiet_for=7.5)

    assert found == replace(QUIET, until=NOW + timedelta(seconds=7.5))
    assert hold(quiet_for=0.0) is None


# -- changes per day ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ago", "most", "held"),
    [
        pytest.param((1, 2), 3, False, id="fewer"),
        pytest.param((1, 2, 3), 3, True, id="as many"),
        pytest.param((1, 2, 24), 3, False, id="the third is a day ago"),
        pytest.param((1, 2, 23.9), 3, True, id="the third is nearly a day ago"),
        pytest.param((1, 2, 3, 4, 5), 3, True, id="more"),
        pytest.param((1,), 1, True, id="one a day"),
        pytest.param((1, 2, 3, 4, 5), 0, False, id="no limit"),
    ],
)
def test_an_instance_is_restarted_only_so_often_within_a_day(
    *, ago: tuple[float, ...], most: int, held: bool
) -> None:
    restarts = tuple(NOW - timedelta(hours=each) for each in ago)

    found = hold(restarts=restarts, most_restarts=most)

    assert (reason(found) is Reason.CHANGE_LIMIT_REACHED) is held
    if found is not None:
        # Once that one is a day old, there are fewer than the limit.
        assert found.until == sorted(restarts)[-most] + DAY
        assert hold(restarts=restarts, most_restarts=most, now=found.until) is None


def test_a_clock_that_was_set_back_makes_nobody_wait_for_more_than_a_day() -> None:
    found = hold(restarts=(NOW + 9 * DAY,), most_restarts=1)

    assert found is not None
    assert found.until == NOW + DAY


@pytest.mark.parametrize(
    ("plan", "approval", "why"),
    [
        pytest.param(QUIETLY, Approval(), None, id="without a restart"),
        pytest.param(HARMLESS, APPROVED, None, id="approved"),
        pytest.param(
            HARMLESS, Approval(annotation="x"), Reason.CHANGE_LIMIT_REACHED, id="another plan is"
        ),
        pytest.param(
            replace(HARMLESS, deadline=NOW + 72 * HOUR), Approval(), None, id="expires within 72 h"
        ),
        pytest.param(
            replace(HARMLESS, deadline=NOW + 72 * HOUR + MINUTE),
            Approval(),
            Reason.CHANGE_LIMIT_REACHED,
            id="expires later",
        ),
    ],
)
def test_approval_and_expiry_go_beyond_the_changes_of_a_day(
    plan: Plan, approval: Approval, why: Reason | None
) -> None:
    assert reason(hold(plan, restarts=THRICE, approval=approval)) is why


# -- setbacks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("failures", [1, 2])
def test_after_a_failure_with_the_same_material_the_next_waits_ten_minutes(failures: int) -> None:
    found = hold(failures=FailureHistory(failures=failures, last=NOW - MINUTE))

    assert reason(found) is Reason.AWAITING_BUDGET
    assert found is not None
    assert found.until == NOW - MINUTE + APART
    assert hold(failures=FailureHistory(failures=failures, last=NOW - APART)) is None


def test_after_three_failures_in_a_row_a_person_decides_however_late_it_is() -> None:
    found = hold(failures=replace(HALTED, last=NOW - 30 * DAY))

    assert reason(found) is Reason.AWAITING_APPROVAL
    assert found is not None
    assert found.until is None
    assert "provide other material" in found.message


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"approval": APPROVED}, id="approved"),
        pytest.param({"asked": True}, id="reconcile-now"),
        pytest.param({"failures": FailureHistory()}, id="no failure"),
    ],
)
def test_a_person_lets_go_what_failed_elsewhere(values: dict[str, object]) -> None:
    assert hold(**{"failures": HALTED, **values}) is None


# -- deletion ----------------------------------------------------------------------------------

GOING = replace(
    HARMLESS,
    cause=Cause.DELETION,
    first_contact=True,
    drift=True,
    impacts=(Impact.RESTART, Impact.WEAKENS, Impact.DROPS_TRUST),
)


@pytest.mark.parametrize(
    ("spec", "values", "why"),
    [
        pytest.param({}, {"quiet_for": 9.0}, None, id="approved, without a quiet period"),
        pytest.param({"suspend": True}, {}, Reason.SUSPENDED, id="suspended"),
        pytest.param({"managementPolicy": "Observe"}, {}, Reason.OBSERVING, id="Observe"),
        pytest.param({}, {"read_only": True}, Reason.OBSERVING, id="READ_ONLY"),
        pytest.param({"maintenance": SATURDAYS}, {}, Reason.AWAITING_WINDOW, id="window"),
        pytest.param({}, {"restarts": THRICE}, Reason.CHANGE_LIMIT_REACHED, id="changes per day"),
    ],
)
def test_an_object_that_goes_waits_for_its_brakes_and_limits_and_for_no_approval(
    spec: dict[str, object], values: dict[str, object], why: Reason | None
) -> None:
    assert reason(hold(GOING, declare(**spec), **values)) is why


def test_an_object_that_goes_does_not_repeat_what_failed_with_the_same_material() -> None:
    assert reason(hold(GOING, failures=HALTED)) is Reason.AWAITING_APPROVAL


# -- whatever the circumstances ----------------------------------------------------------------

_moments = st.integers(-200, 200).map(lambda hours: NOW + hours * HOUR)
_plans = st.builds(
    replace,
    st.sampled_from([HARMLESS, GOING]),
    impacts=st.lists(st.sampled_from(list(Impact)), unique=True).map(tuple),
    restart=st.sampled_from(list(Restart)),
    first_contact=st.booleans(),
    drift=st.booleans(),
    deadline=_moments | st.none(),
)
_specs = st.fixed_dictionaries(
    {
        "suspend": st.booleans(),
        "managementPolicy": st.sampled_from(["Enforce", "Enforce", "Observe"]),
        "driftPolicy": st.sampled_from(["Correct", "Report"]),
        "adoptionPolicy": st.sampled_from(["Review", "Overwrite"]),
        "maintenance": st.sampled_from([None, SATURDAYS]),
    }
)


@given(
    plan=_plans,
    spec=_specs,
    now=_moments,
    approved=st.booleans(),
    seen=st.integers(0, 120),
    restarts=st.lists(st.integers(0, 30), max_size=4),
    failures=st.integers(0, 4),
)
def test_what_goes_has_everything_that_it_needs(
    plan: Plan,
    spec: dict[str, object],
    now: datetime,
    restarts: list[int],
    *,
    approved: bool,
    seen: int,
    failures: int,
) -> None:
    declared = declare(**spec)
    at = circumstances(
        declared,
        now=now,
        approval=APPROVED if approved else Approval(),
        seen_since=now - seen * MINUTE,
        restarts=tuple(now - each * HOUR for each in restarts),
        failures=FailureHistory(failures=failures, last=now - HOUR if failures else None),
    )

    if (found := gate(plan, declared, ON, at)) is not None:
        assert found.until is None or found.until > now
        return

    assert not declared.suspend
    assert spec["managementPolicy"] == "Enforce"
    if plan.restart is not Restart.NONE:
        assert spec["maintenance"] is None or (at.opening and at.opening.is_open(now))
        urgent = plan.deadline is not None and plan.deadline - now <= 72 * HOUR
        assert approved or urgent or sum(each < 24 for each in restarts) < at.most_restarts
    if plan.cause is Cause.DELETION or approved:
        return
    assert not {Impact.WEAKENS, Impact.DROPS_TRUST, Impact.MOVES_ENDPOINT} & set(plan.impacts)
    assert not plan.first_contact or spec["adoptionPolicy"] == "Overwrite"
    assert not plan.drift or (spec["driftPolicy"] == "Correct" and seen >= 30)
    assert failures < MOST


# -- what a hold says --------------------------------------------------------------------------


def test_only_the_quiet_period_and_the_queue_for_a_slot_pass_within_seconds() -> None:
    holds = {name: closed(name) for name in GATES}

    assert BUDGET.passing
    assert [name for name, each in holds.items() if each and each.passing] == ["quiet period"]
    waits = hold(failures=FailureHistory(failures=1, last=NOW))
    assert waits is not None
    assert not waits.passing


def test_what_goes_on_by_itself_soon_is_moving_and_what_waits_for_a_person_or_a_day_is_not() -> (
    None
):
    holds = {name: closed(name) for name in GATES}

    assert BUDGET.moving
    assert [name for name, each in holds.items() if each and each.moving] == ["quiet period"]
    waits = hold(failures=FailureHistory(failures=1, last=NOW))
    assert waits is not None
    assert waits.moving


@pytest.mark.parametrize(
    ("plan", "spec", "values", "earliest"),
    [
        pytest.param(WEAKENING, {}, {}, None, id="approval, at any time"),
        pytest.param(
            WEAKENING, {"maintenance": SATURDAYS}, {}, SATURDAY, id="approval, then a window"
        ),
        pytest.param(HARMLESS, {"maintenance": SATURDAYS}, {}, SATURDAY, id="window"),
        pytest.param(DRIFT, {}, {}, NOW + 30 * MINUTE, id="drift"),
        pytest.param(DRIFT, {"maintenance": SATURDAYS}, {}, SATURDAY, id="drift, then a window"),
        pytest.param(
            DRIFT,
            {"maintenance": SATURDAYS},
            {"drift_delay": 5 * DAY},
            NOW + 5 * DAY,
            id="drift that is due after the next window",
        ),
        pytest.param(HARMLESS, {}, {"restarts": THRICE}, NOW + 21 * HOUR, id="changes per day"),
        pytest.param(HARMLESS, {}, {"quiet_for": 5.0}, None, id="seconds are no date"),
        pytest.param(
            HARMLESS, {"suspend": True, "maintenance": SATURDAYS}, {}, SATURDAY, id="suspended"
        ),
    ],
)
def test_the_earliest_start_is_told_as_far_as_it_is_known(
    plan: Plan, spec: dict[str, object], values: dict[str, object], earliest: datetime | None
) -> None:
    declared = declare(**spec)
    at = circumstances(declared, **values)
    found = gate(plan, declared, ON, at)

    assert found is not None
    assert not_before(plan, declared, at, found) == earliest


def test_a_plan_that_goes_may_start_until_the_last_minutes_of_its_window() -> None:
    declared = declare(maintenance=SATURDAYS)
    at = circumstances(declared, now=SATURDAY + HOUR)

    assert closes(HARMLESS, declared, at) == SATURDAY + 2 * HOUR - TAIL
    assert closes(QUIETLY, declared, at) is None
    assert closes(HARMLESS, PLAIN, circumstances()) is None
