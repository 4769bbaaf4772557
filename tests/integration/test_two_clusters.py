"""Two clusters, each with its operator, declare the same instance differently: a bounded fight."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from support import polling
from support.cluster import Cluster, condition
from support.controlplane import ControlPlane
from support.operator_process import OperatorProcess
from support.shop import MODIFY, sweep
from support.simulator import Simulator

NAME = "orders"
INSTANCE = "pgm-contested"

PACE = {"VERIFY_AFTER": "0s", "SETTLE": "3s", "POLL": "1s", "RESYNC": "2s", "DRIFT_DELAY": "2s"}
LIMIT = 3
"""The default of MAX_CHANGES_PER_DAY, which bounds each operator's share."""

STILL = timedelta(seconds=12)
"""Twice what it takes at the pace above to see a foreign change, to wait, and to put it back."""

TOLD = "somebody else, perhaps another operator, wants it otherwise"


@pytest.fixture
def rds() -> Iterator[Simulator]:
    """The one cloud."""
    with Simulator() as simulator:
        simulator.config(durations={"window": 0.1, "change": 0.4, "acl": 0.2})
        simulator.put_instance(INSTANCE)
        yield simulator


@pytest.fixture(scope="module")
def second() -> Iterator[Cluster]:
    """The other control plane."""
    with ControlPlane.start(controllers=False) as control_plane:
        cluster = Cluster(control_plane)
        yield cluster
        cluster.close()


class Side:
    """A cluster, its object, and the operators that serve it one after the other."""

    def __init__(self, cluster: Cluster, rds: Simulator, stack: ExitStack) -> None:
        self.cluster = cluster
        self._rds, self._stack = rds, stack
        self.namespace = cluster.namespace(f"shop-{uuid.uuid4().hex[:10]}")
        self._operator = self._start(0.0)

    def _start(self, ahead: float) -> OperatorProcess:
        settings = {**PACE, "MAX_CHANGES_PER_DAY": str(LIMIT)}
        return self._stack.enter_context(
            OperatorProcess(
                kubeconfig=self.cluster.kubeconfig,
                api_url=self._rds.url,
                environ=None,
                ahead=ahead,
                **settings,
            )
        ).wait_ready()

    def kill(self) -> None:
        self._operator.kill()

    def start(self, *, ahead: float) -> None:
        self._operator = self._start(ahead)

    def declare(self, **spec: object) -> None:
        self.cluster.create(self.namespace, NAME, instanceID=INSTANCE, **spec)

    def patch(self, **spec: object) -> None:
        self.cluster.patch(self.namespace, NAME, **spec)

    def ready(self) -> tuple[str, str, str]:
        """Give status, reason and message of Ready."""
        found = condition(self.cluster.get(self.namespace, NAME), "Ready")
        return (found["status"], found["reason"], found["message"]) if found else ("", "", "")

    def causes(self) -> list[str]:
        """Give what caused the changes, newest first."""
        history = self.cluster.get(self.namespace, NAME)["status"].get("history", [])
        return [each["cause"] for each in history]


@pytest.fixture
def sides(cluster: Cluster, second: Cluster, rds: Simulator) -> Iterator[tuple[Side, Side]]:
    """Both clusters, with an operator each."""
    with ExitStack() as stack:
        yield Side(cluster, rds, stack), Side(second, rds, stack)
    sweep(cluster)
    sweep(second)


def accepted(rds: Simulator) -> int:
    return int(rds.instance(INSTANCE)["accepted"])


def wait_still(rds: Simulator) -> int:
    """Wait until nothing was sent for `STILL`; give what was sent until then."""
    last, since = -1, datetime.now(UTC)

    def problem() -> str | None:
        nonlocal last, since
        now = accepted(rds)
        if now != last:
            last, since = now, datetime.now(UTC)
        return None if datetime.now(UTC) - since > STILL else f"{now} changes, and still counting"

    polling.wait(problem, seconds=90)
    return last


@pytest.mark.timeout(240)
def test_two_operators_that_want_one_instance_differently_stop_and_say_why(
    sides: tuple[Side, Side], rds: Simulator
) -> None:
    ours, theirs = sides
    ours.declare(enabled=True)
    polling.wait(lambda: None if ours.ready()[0] == "True" else f"ours: {ours.ready()}", seconds=30)

    # The worst case: each may do everything without asking anybody.
    theirs.declare(enabled=False, adoptionPolicy="Overwrite", approvalRequired=[])
    ours.patch(adoptionPolicy="Overwrite", approvalRequired=[])

    polling.wait(
        lambda: None if any(TOLD in each.ready()[2] for each in sides) else "nobody gave up",
        seconds=60,
    )
    changes = wait_still(rds)
    restarts = rds.instance(INSTANCE)["restarts"]
    assert changes == restarts == len(rds.calls(action=MODIFY))
    assert 3 <= changes <= 4  # On; off; put back; and perhaps put back by the other one, too.
    loser, winner = sorted(sides, key=lambda each: each.ready()[0])
    assert loser.ready()[:2] == ("False", "Drifted")
    assert TOLD in loser.ready()[2]
    assert winner.ready()[0] == "True"
    assert rds.instance(INSTANCE)["ssl"]["enabled"] is (winner is ours)
    assert all(side.causes().count("drift") <= 1 for side in sides)
    assert loser.causes()[0] == "drift"

    for side in sides:
        side.kill()
    day = timedelta(hours=25).total_seconds()
    rds.move(day)
    for side in sides:
        side.start(ahead=day)
    assert wait_still(rds) == changes
    assert TOLD in loser.ready()[2]


def test_a_second_cluster_that_keeps_the_defaults_changes_nothing_of_the_first_ones_instance(
    sides: tuple[Side, Side], rds: Simulator
) -> None:
    ours, theirs = sides
    ours.declare(enabled=True)
    polling.wait(lambda: None if ours.ready()[0] == "True" else f"ours: {ours.ready()}", seconds=30)

    theirs.declare(enabled=False)

    polling.wait(
        lambda: None if theirs.ready()[1] == "AwaitingApproval" else f"theirs: {theirs.ready()}",
        seconds=30,
    )
    assert wait_still(rds) == 1
    assert theirs.ready()[:2] == ("False", "AwaitingApproval")
    assert "was set up before this object knew it" in theirs.ready()[2]
    assert ours.ready()[0] == "True"
