"""The chaos: its plan can be repeated, and its referee notices each kind of broken promise."""

import base64
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from chaos.breakage import EVERY_WAY_TO_THE_CLOUD, LEADER, LONGEST_STOP, LONGEST_TROUBLE, Blow
from chaos.plan import Deed, Mode, Plan, State, make_plan, state_of
from chaos.referee import REPLACED_WITHIN, Asked, Call, Life, judge
from chaos.report import figures, lines, summary
from chaos.run import Report
from chaos.secrecy import leaks
from chaos.stage import SETTINGS
from support import pki
from support.tcp_proxy import Kind

OFF, CLOUD = State(Mode.OFF), State(Mode.CLOUD)
ONE, TWO, THREE = (State(Mode.CUSTOM, number) for number in (1, 2, 3))


def drawn(seed: int = 7, operators: int = 2) -> Plan:
    return make_plan(seed=seed, seconds=180.0, objects=40, operators=operators)


# -- the plan -------------------------------------------------------------------------------------


def test_a_seed_draws_the_same_plan_again_and_another_one_another() -> None:
    assert list(drawn().lines()) == list(drawn().lines())
    assert list(drawn().lines()) != list(drawn(seed=8).lines())


def test_more_objects_do_not_move_the_faults() -> None:
    more = make_plan(seed=7, seconds=180.0, objects=100, operators=2)

    assert more.faults == drawn().faults
    assert more.subjects[:40] == drawn().subjects


def test_ten_seeds_have_every_fault_and_every_edit() -> None:
    plans = [drawn(seed) for seed in range(1, 11)]
    faults = [fault for plan in plans for fault in plan.faults]
    edits = [edit for plan in plans for edit in plan.edits]

    assert {each.trouble.kind for each in faults if each.trouble} == set(Kind)
    assert {each.blow for each in faults} == set(Blow)
    hit = {(each.blow, each.target) for each in faults}
    operators = {LEADER, "operator-0", "operator-1"}
    for blow in (Blow.KILL, Blow.STOP):
        assert {*operators, "kube-apiserver", "etcd"} <= {
            target for one, target in hit if one is blow
        }
    assert {target for one, target in hit if one is Blow.TERM} == operators
    spoilt = {target for blow, target in hit if blow is Blow.SPOIL}
    assert {EVERY_WAY_TO_THE_CLOUD, "leader - cloud", "kube-apiserver - etcd"} <= spoilt
    assert {f"operator-{n} - {to}" for n in (0, 1) for to in ("cloud", "kube-apiserver")} <= spoilt
    assert {each.deed for each in edits} == set(Deed)


def test_no_fault_outlasts_the_run_and_none_lasts_longer_than_can_be_told_apart() -> None:
    settle = float(SETTINGS["SETTLE"].removesuffix("s"))
    for seed in range(10):
        plan = drawn(seed)
        assert all(each.ends <= plan.seconds for each in plan.faults)
        assert all(each.seconds <= LONGEST_STOP for each in plan.faults)
        assert all(each.seconds <= LONGEST_TROUBLE for each in plan.faults if each.trouble)
    assert settle > LONGEST_TROUBLE


def test_an_edit_is_a_change_exactly_if_it_moves_what_the_instance_is_to_be() -> None:
    plan = drawn()
    for subject in plan.subjects:
        state = subject.state
        for edit in (each for each in plan.edits if each.name == subject.name):
            after = state_of(edit.mode, edit.leaf)
            if edit.deed is Deed.DELETE:
                assert edit.change == (OFF if subject.disables and state != OFF else None)
                continue
            assert edit.change == (after if after != state else None)
            state = after


def test_nobody_edits_what_was_deleted() -> None:
    plan = drawn()
    deleted = {each.name: each.at for each in plan.edits if each.deed is Deed.DELETE}

    assert deleted
    assert all(each.at <= deleted.get(each.name, each.at) for each in plan.edits)


def test_faults_come_in_the_order_of_time() -> None:
    assert all(one.at <= other.at for one, other in pairwise(drawn().faults))


# -- the referee ----------------------------------------------------------------------------------


def manifest(**status: object) -> dict[str, Any]:
    """An object at rest with the first certificate."""
    return {
        "metadata": {"generation": 3},
        "status": {
            "observedGeneration": 3,
            "conditions": [{"type": "Ready", "status": "True", "reason": "Verified"}],
            "applied": {"state": {"enabled": True, "caType": "custom", "serverCertificate": "two"}},
            **status,
        },
    }


def asked(state: State, at: float) -> Asked:
    return Asked(state=state, began=at, done=at + 0.1)


def call(at: float, before: State | None, target: State | None, **facts: bool) -> Call:
    return Call(at=at, before=before, target=target, overlaps=facts.get("overlaps", False))


GOOD = Life(
    name="db",
    asked=[asked(ONE, 0.0), asked(TWO, 60.0)],
    calls=[call(3.0, OFF, ONE), call(63.0, ONE, TWO)],
    restarts=2,
    in_force=TWO,
    manifest=manifest(),
    marks={"serverCertificate": "two"},
)


def test_a_restart_for_each_change_is_as_it_should_be() -> None:
    verdict = judge(GOOD)

    assert verdict.complaints == ()
    assert (verdict.changes, verdict.carried_out, verdict.replaced) == (2, 2, 0)
    assert verdict.waits == pytest.approx((2.9, 2.9))


def test_a_change_that_a_later_one_replaces_at_once_needs_no_call() -> None:
    life = replace(
        GOOD,
        asked=[asked(ONE, 0.0), asked(THREE, 58.0), asked(TWO, 60.0)],
    )

    verdict = judge(life)

    assert verdict.complaints == ()
    assert (verdict.carried_out, verdict.replaced) == (2, 1)


def test_there_and_back_needs_no_call() -> None:
    life = replace(GOOD, asked=[*GOOD.asked, asked(ONE, 90.0), asked(TWO, 91.0)])

    assert judge(life).complaints == ()


BROKEN: dict[str, tuple[Callable[[Life], Life], str]] = {
    "a second call for one change": (
        lambda life: replace(life, calls=[*life.calls, call(80.0, ONE, TWO)], restarts=3),
        "was not declared any more",
    ),
    "a call without a difference": (
        lambda life: replace(life, calls=[*life.calls, call(80.0, TWO, TWO)], restarts=3),
        "made no difference",
    ),
    "a call for what is not declared any more": (
        lambda life: replace(life, calls=[*life.calls, call(80.0, TWO, ONE)], restarts=3),
        "was not declared any more",
    ),
    "a call for what nobody declared": (
        lambda life: replace(life, calls=[*life.calls, call(80.0, TWO, None)], restarts=3),
        "never declared",
    ),
    "a call before anybody asked": (
        lambda life: replace(life, calls=[life.calls[0], call(30.0, ONE, TWO)]),
        "was not declared any more",
    ),
    "two in flight": (
        lambda life: replace(life, calls=[life.calls[0], call(63.0, ONE, TWO, overlaps=True)]),
        "in flight",
    ),
    "a restart too many": (lambda life: replace(life, restarts=3), "3 restarts for 2"),
    "a change that was never sent": (
        lambda life: replace(life, calls=life.calls[:1], restarts=1, in_force=ONE),
        "was never sent",
    ),
    "a change that was not sent for long": (
        lambda life: replace(
            life,
            asked=[
                asked(ONE, 0.0),
                asked(THREE, 10.0),
                asked(TWO, 12.0 + REPLACED_WITHIN),
            ],
            calls=[life.calls[0], call(15.0 + REPLACED_WITHIN, ONE, TWO)],
        ),
        "before it was replaced",
    ),
    "another certificate in force": (
        lambda life: replace(life, in_force=ONE),
        "is in force, but custom 2 is declared",
    ),
    "a status that was lost": (
        lambda life: replace(life, manifest=manifest(applied={})),
        "its status says",
    ),
    "an old certificate in the status": (
        lambda life: replace(
            life,
            manifest=manifest(
                applied={"state": {"enabled": True, "caType": "custom", "serverCertificate": "one"}}
            ),
        ),
        "its status says that serverCertificate one",
    ),
    "a generation that was not seen": (
        lambda life: replace(life, manifest=manifest(observedGeneration=2)),
        "generation",
    ),
    "an object that is not Ready": (
        lambda life: replace(
            life,
            manifest=manifest(
                conditions=[{"type": "Ready", "status": "False", "reason": "ApiUnavailable"}]
            ),
        ),
        "not Ready",
    ),
    "an object that is stuck": (
        lambda life: replace(
            life,
            manifest=manifest(
                conditions=[
                    {"type": "Ready", "status": "True", "reason": "Verified"},
                    {"type": "Reconciling", "status": "True", "reason": "Sending"},
                ]
            ),
        ),
        "Reconciling",
    ),
    "a record that was not closed": (
        lambda life: replace(life, manifest=manifest(operation={"phase": "Accepted"})),
        "record was not closed",
    ),
    "an object that is gone": (
        lambda life: replace(life, manifest=None),
        "nobody deleted it",
    ),
    "a finalizer that is stuck": (lambda life: replace(life, deleted=True), "still there"),
    "SSL that was to be turned off": (
        lambda life: replace(life, deleted=True, disables=True, manifest=None),
        "deleted to turn SSL off",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_a_promise_is_noticed(name: str) -> None:
    breaks, noticed = BROKEN[name]

    found = judge(breaks(GOOD)).complaints

    assert any(noticed in each for each in found), found


def test_deleted_with_ssl_off_is_as_it_should_be() -> None:
    life = replace(
        GOOD,
        asked=[*GOOD.asked, asked(OFF, 90.0)],
        calls=[*GOOD.calls, call(92.0, TWO, OFF)],
        restarts=3,
        in_force=OFF,
        manifest=None,
        deleted=True,
        disables=True,
    )

    assert judge(life).complaints == ()


def test_an_edit_that_a_deletion_overtakes_may_stay_undone() -> None:
    life = replace(GOOD, asked=[*GOOD.asked, asked(OFF, 90.0)], manifest=None, deleted=True)

    assert judge(life).complaints == ()


# -- the search for keys --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "told",
    [
        lambda key: key.decode(),
        lambda key: key.decode().splitlines()[2],
        lambda key: f"got {''.join(key.decode().splitlines()[1:-1])[50:90]}, refused",
        lambda key: base64.b64encode(key).decode(),
        repr,
    ],
    ids=["whole", "a line", "a piece", "as a Secret has it", "as bytes"],
)
def test_a_piece_of_a_key_is_found(told: Callable[[bytes], str]) -> None:
    key = pki.make_root().leaf("a").key_pem()
    texts = {"log": f"before {told(key)} after", "other": "nothing of interest"}

    assert leaks([key], texts) == ["log has a piece of a private key"]


def test_other_keys_certificates_and_digests_are_no_find() -> None:
    root = pki.make_root()
    leaf, other = root.leaf("a"), root.leaf("b")
    text = "".join(
        [
            leaf.chain_pem.decode(),
            leaf.sha256,
            other.key_pem().decode(),
            base64.b64encode(other.key_pem()).decode(),
        ]
    )

    assert leaks([leaf.key_pem()], {"log": text}) == []


# -- the report -----------------------------------------------------------------------------------


def test_the_report_counts_restarts_per_change_and_tells_what_was_broken() -> None:
    report = Report(plan=drawn())
    report.faults.update(each.kind for each in report.plan.faults)
    report.verdicts = [judge(GOOD), judge(replace(GOOD, restarts=3))]
    report.complaints = [each for one in report.verdicts for each in one.complaints]
    report.converged = [1.0, 2.0, 30.0]

    found = figures(report)
    told = "\n".join([*lines(report), *summary([report, report])])

    assert found["restarts_per_change"] == 1.25
    assert (found["convergence_p50"], found["convergence_max"]) == (2.0, 30.0)
    assert "VIOLATION: db: 3 restarts for 2 accepted calls" in told
    assert f"{len(report.plan.faults) * 2}" in told
    assert "SEED=7" in told
