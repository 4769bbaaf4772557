from datetime import UTC, datetime, timedelta

import pytest

from rds_ssl.core.api import spec as declaration
from rds_ssl.core.gates.failures import APART, FailureHistory
from rds_ssl.core.gates.gate import Circumstances, gate, not_before
from rds_ssl.core.gates.hold import BUDGET, Hold
from rds_ssl.core.model import Cause, Change, Impact, Observed, Reason, Restart
from rds_ssl.core.planning.plan import Plan

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
PLAIN = declaration.parse_spec({"instanceID": "pgm-1", "regionID": "cn-hangzhou"})
ROTATION = Plan(
    digest="digest",
    to="to",
    cause=Cause.ROTATION,
    steps=(),
    changes=(Change(field="serverCertificate", before="a", after="b"),),
    impacts=(Impact.RESTART,),
    restart=Restart.EXPECTED,
    material_only=True,
    first_contact=False,
    drift=False,
)


def held(at: Circumstances) -> Hold:
    found = gate(ROTATION, PLAIN, Observed(enabled=True), at)
    assert found is not None
    return found


def test_a_plan_whose_material_has_just_failed_tells_when_it_may_start() -> None:
    failed = NOW - timedelta(minutes=4)
    at = Circumstances(now=NOW, seen_since=NOW, failures=FailureHistory(failures=1, last=failed))

    hold = held(at)

    assert hold.reason is Reason.AWAITING_BUDGET
    assert not_before(ROTATION, PLAIN, at, hold) == failed + APART


@pytest.mark.parametrize("slot", [False, True])
def test_what_is_over_within_seconds_tells_no_time_that_would_move(*, slot: bool) -> None:
    at = Circumstances(now=NOW, seen_since=NOW, quiet_for=7)

    assert not_before(ROTATION, PLAIN, at, BUDGET if slot else held(at)) is None
