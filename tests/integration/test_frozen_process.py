"""A process that is stopped in the middle of a change (SIGSTOP), and goes on long after its end."""

import os
import signal
from collections.abc import Iterator

import pytest

from support.cluster import Cluster
from support.operator_process import OperatorProcess
from support.shop import MODIFY, Shop, sweep
from support.simulator import Simulator

SETTINGS = {"SETTLE": "3s", "POLL": "0.5s", "VERIFY_AFTER": "1s"}

ANSWER_SECONDS = 8.0
"""From the execution of the call to its answer."""

CHANGE_SECONDS = 1000.0
"""The next change lasts until the test moves the cloud's clock on."""


@pytest.fixture
def two(cluster: Cluster, rds: Simulator) -> Iterator[list[OperatorProcess]]:
    """Operators of the same installation, each started when it is asked for; here the first."""
    operators = [start(cluster, rds)]
    yield operators
    for each in operators:
        each.stop()
    sweep(cluster)


def start(cluster: Cluster, rds: Simulator) -> OperatorProcess:
    """Start an operator."""
    return OperatorProcess(kubeconfig=cluster.kubeconfig, api_url=rds.url, **SETTINGS).wait_ready()


def record(shop: Shop) -> tuple[str, str]:
    """Give startTime and phase of the write-ahead record."""
    found = shop.status().get("operation") or {}
    return found.get("startTime", ""), found.get("phase", "")


@pytest.mark.timeout(180)
def test_what_it_has_begun_stays_ended_and_the_next_change_is_not_disturbed(
    shop: Shop, cluster: Cluster, rds: Simulator, two: list[OperatorProcess]
) -> None:
    shop.start_custom()
    rds.fault(
        {"kind": "delay", "seconds": ANSWER_SECONDS}, action=MODIFY, instance=shop.instance_id()
    )
    shop.write_pair(shop.leaf())
    shop.wait_until("it is executed", lambda: shop.truth()["accepted"] == 2)
    began = record(shop)
    assert began[1] == "Sending"
    os.kill(two[0].pid, signal.SIGSTOP)

    two.append(start(cluster, rds))
    shop.wait_ready(reason="Verified")
    rds.config(durations={"change": CHANGE_SECONDS}, instance=shop.instance_id())
    wanted = shop.leaf()
    shop.write_pair(wanted)
    shop.wait_until("the next is recorded", lambda: record(shop)[1] == "Accepted")
    newer = record(shop)
    assert newer[0] != began[0]

    os.kill(two[0].pid, signal.SIGCONT)
    seen = len(shop.calls())
    # It has the answer to its call by now, and both look at what is under way.
    shop.wait_until("they look", lambda: len(shop.calls()) >= seen + 20)

    assert record(shop) == newer
    assert two[0].poll() is None
    rds.config(durations={"change": 0.4}, instance=shop.instance_id())
    rds.clock(advance=CHANGE_SECONDS + 1)
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (3, 3, 3)
    assert shop.ssl()["server_sha256"] == wanted.sha256
    assert [each["result"] for each in shop.status()["history"]] == ["Verified"] * 3
