"""A minute of `make chaos`: everything breaks, and each change costs one restart."""

import pytest

from chaos.plan import make_plan
from chaos.report import lines
from chaos.run import play

SEED, SECONDS, OBJECTS, OPERATORS = 10, 60.0, 30, 2
"""A seed under which an operator is noticed that takes a lost answer for a call not executed."""


@pytest.mark.timeout(600)
def test_a_minute_of_chaos_costs_one_restart_for_each_change_and_leaves_nothing_undone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = make_plan(seed=SEED, seconds=SECONDS, objects=OBJECTS, operators=OPERATORS)

    report = play(plan, print)

    with capsys.disabled():
        print("", *lines(report), sep="\n")
    assert report.complaints == [], f"SEED={SEED}; logs and ledger are in {report.kept}"
    assert report.faults.total() >= 5
    assert sum(each.carried_out for each in report.verdicts) > OBJECTS
