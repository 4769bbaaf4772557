"""
Several operators at once, and all that can happen to the one that leads.

In each story no pass begins after the Lease has expired, and a change restarts its instance once.
"""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import pki, polling
from support.cluster import NAMESPACE, Cluster
from support.operator_process import OperatorProcess
from support.shop import ORDERS, Shop, sweep
from support.simulator import Simulator
from support.succession import kubeconfig_through
from support.tcp_proxy import TcpProxy
from support.wire import Wire

Json = dict[str, Any]

LEASE = "rds-ssl-operator"
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"

SETTINGS = {
    "LEADER_ELECTION": "on",
    "LEASE_NAMESPACE": NAMESPACE,
    "QUIET_PERIOD": "0s",
    "VERIFY_AFTER": "0s",
    "SETTLE": "4s",
    "POLL": "0.5s",
}

TAKEN_SECONDS = 25.0
"""For a take-over; on an idle machine it takes 17."""


class Replicas:
    """Operators that run at the same time."""

    def __init__(self, cluster: Cluster, rds: Simulator) -> None:
        self._cluster, self._rds = cluster, rds
        self._all: list[OperatorProcess] = []

    def start(
        self, *, kubeconfig: Path | None = None, api_url: str = "", **settings: str
    ) -> OperatorProcess:
        """Start one, and wait until it is ready."""
        operator = OperatorProcess(
            kubeconfig=kubeconfig or self._cluster.kubeconfig,
            api_url=api_url or self._rds.url,
            environ=None,
            ahead=0.0,
            module="rds_ssl",
            **{**SETTINGS, **settings},
        )
        self._all.append(operator)
        return operator.wait_ready()

    def leads(self, operator: OperatorProcess, *, seconds: float = TAKEN_SECONDS) -> None:
        """Wait until one leads."""
        polling.wait(
            lambda: None if operator.metric("rds_ssl_leader") == 1 else state(operator),
            seconds=seconds,
        )

    def lease(self) -> Json:
        """Read the Lease."""
        return self._cluster.request("GET", f"{LEASES}/{LEASE}")

    def edit(self, **spec: object) -> None:
        """Write the Lease by hand."""
        self._cluster.request("PATCH", f"{LEASES}/{LEASE}", {"spec": spec})

    def close(self) -> None:
        """End them all."""
        for each in self._all:
            each.stop()


def state(operator: OperatorProcess) -> str:
    """Say how it stands."""
    return f"{operator.get('/readyz')[1]}\n{operator.log[-3000:]}"


def passes(operator: OperatorProcess) -> float:
    """Count the passes that have ended."""
    return operator.metric("rds_ssl_passes_total")


@pytest.fixture
def replicas(cluster: Cluster, rds: Simulator) -> Iterator[Replicas]:
    """Operators, and no Lease at the beginning."""
    made = Replicas(cluster, rds)
    yield made
    made.close()
    cluster.kubectl("delete", "lease", LEASE, "-n", NAMESPACE, "--ignore-not-found")
    sweep(cluster)


def rotate(shop: Shop, name: str = ORDERS) -> pki.Leaf:
    """Write another certificate into the Secret of an object."""
    leaf = shop.leaf(name)
    shop.write_pair(leaf, name)
    return leaf


def in_force(shop: Shop, leaf: pki.Leaf, *, restarts: int, name: str = ORDERS) -> None:
    """Wait until a certificate is in force, Ready, after so many restarts in all."""

    def problem() -> str | None:
        status = shop.status(name)
        certificate = status.get("observed", {}).get("serverCertificate") or {}
        return None if certificate.get("sha256") == leaf.sha256 else f"not in force: {status}"

    polling.wait(problem, seconds=TAKEN_SECONDS)
    shop.wait_ready(name)
    assert shop.truth(name)["restarts"] == restarts
    assert shop.truth(name)["accepted"] == restarts


def test_one_of_two_works_and_says_so(replicas: Replicas, shop: Shop) -> None:
    one = replicas.start()
    replicas.leads(one)
    two = replicas.start()
    shop.start_custom()

    assert passes(two) == 0
    assert two.metric("rds_ssl_leader") == 0
    # What both know is told by the one that leads: nothing is counted twice, or of an earlier time.
    for name in ("rds_ssl_objects", "rds_ssl_condition", "rds_ssl_expiry_timestamp_seconds"):
        assert one.metric(name) > 0
        assert name not in re.sub(r"# .*", "", two.get("/metrics")[1])
    assert one.metric("rds_ssl_leader", shard="1/1", lease=LEASE) == 1
    assert re.match(r"ok\nleads as \S+\n", one.get("/readyz")[1])
    holder = replicas.lease()["spec"]["holderIdentity"]
    assert two.get("/readyz")[1] == f"ok\nstands by: {holder} leads\n"
    assert shop.cost() == (1, 1, 1)


def test_a_leader_that_ends_hands_over_and_the_next_one_goes_on(
    replicas: Replicas, shop: Shop
) -> None:
    one = replicas.start()
    shop.start_custom()
    two = replicas.start()

    assert one.terminate() == 0
    replicas.leads(two)

    in_force(shop, rotate(shop), restarts=2)
    assert replicas.lease()["spec"]["leaseTransitions"] == 1


def test_after_a_kill_in_the_middle_of_a_change_the_next_one_sees_it_through(
    replicas: Replicas, shop: Shop, rds: Simulator
) -> None:
    one = replicas.start()
    shop.start_custom()
    two = replicas.start()
    rds.config(durations={"window": 0.1, "change": 1000.0, "acl": 0.2})
    leaf = rotate(shop)
    shop.wait_until("sent", lambda: shop.truth()["accepted"] == 2)

    one.kill()
    replicas.leads(two)
    rds.config(durations={"window": 0.1, "change": 0.4, "acl": 0.2})
    rds.clock(advance=1001)

    in_force(shop, leaf, restarts=2)


def test_a_leader_that_was_stopped_for_longer_than_its_lease_begins_no_pass_when_it_goes_on(
    replicas: Replicas, shop: Shop
) -> None:
    one = replicas.start()
    shop.start_custom()
    two = replicas.start()
    before = passes(one)

    os.kill(one.pid, signal.SIGSTOP)
    leaf = rotate(shop)
    replicas.leads(two)
    in_force(shop, leaf, restarts=2)
    os.kill(one.pid, signal.SIGCONT)

    polling.wait(
        lambda: None if "stands by" in one.get("/readyz")[1] else state(one),
        seconds=TAKEN_SECONDS,
    )
    assert one.metric("rds_ssl_leader") == 0
    in_force(shop, rotate(shop), restarts=3)
    assert passes(one) == before


def test_a_call_that_was_held_up_on_its_way_is_not_made_twice_by_the_next_leader(
    replicas: Replicas, shop: Shop, rds: Simulator
) -> None:
    with Wire(rds.url) as wire:
        one = replicas.start(api_url=wire.url, SETTLE="12s")
        shop.start_custom()
        two = replicas.start(SETTLE="12s")
        wire.hold("ModifyDBInstanceSSL")
        leaf = rotate(shop)
        wire.caught()

        os.kill(one.pid, signal.SIGSTOP)
        replicas.leads(two)
        wire.mend()  # It arrives now, 15 s late and from a process that leads no more.
        os.kill(one.pid, signal.SIGCONT)

        in_force(shop, leaf, restarts=2)


def test_a_leader_that_reaches_the_cloud_but_no_api_server_makes_way(
    replicas: Replicas, shop: Shop, cluster: Cluster, tmp_path: Path
) -> None:
    with TcpProxy(cluster.control_plane.url) as proxy:
        far = kubeconfig_through(proxy, cluster.kubeconfig, tmp_path)
        one = replicas.start(kubeconfig=far)
        shop.start_custom()
        two = replicas.start()

        proxy.freeze(new=True)
        leaf = rotate(shop)
        replicas.leads(two)
        assert one.metric("rds_ssl_leader") == 0
        begun = passes(one)
        in_force(shop, leaf, restarts=2)
        in_force(shop, rotate(shop), restarts=3)
        assert passes(one) == begun

        proxy.forward()
        in_force(shop, rotate(shop), restarts=4)
        assert passes(one) == begun


@pytest.mark.parametrize("what", ["deleted", "emptied", "given to nobody"])
def test_a_lease_that_somebody_meddles_with_makes_no_second_leader(
    replicas: Replicas, shop: Shop, cluster: Cluster, what: str
) -> None:
    one = replicas.start()
    shop.start_custom()
    two = replicas.start()

    if what == "deleted":
        cluster.kubectl("delete", "lease", LEASE, "-n", NAMESPACE)
    elif what == "emptied":
        replicas.edit(holderIdentity="")
    else:
        replicas.edit(holderIdentity="nobody-there")
    leaf = rotate(shop)

    in_force(shop, leaf, restarts=2)
    in_force(shop, rotate(shop), restarts=3)
    assert one.metric("rds_ssl_leader") + two.metric("rds_ssl_leader") == 1


def test_in_a_rolling_update_no_change_is_lost_and_none_made_twice(
    replicas: Replicas, shop: Shop
) -> None:
    old = [replicas.start(), replicas.start()]
    names = ("one", "two", "three")
    for name in names:
        shop.start_custom(name)
    restarts = 1

    for each in old:
        leaves = {name: rotate(shop, name) for name in names}
        replicas.start()
        assert each.terminate() == 0
        restarts += 1
        for name, leaf in leaves.items():
            in_force(shop, leaf, restarts=restarts, name=name)
    assert replicas.lease()["spec"]["leaseTransitions"] >= 1


def test_a_take_over_asks_the_cloud_for_nothing_that_is_at_rest(
    replicas: Replicas, shop: Shop, rds: Simulator
) -> None:
    one = replicas.start()
    names = [f"db{number}" for number in range(30)]
    for name in names:
        shop.add_instance(name, ssl={"enabled": True})
        shop.declare(name)
    for name in names:
        shop.wait_ready(name)
    shop.start_custom()
    two = replicas.start(RESYNC="1h")
    rds.clear_calls()

    assert one.terminate() == 0
    replicas.leads(two)
    in_force(shop, rotate(shop), restarts=2)

    asked = {each["instance"] for each in rds.calls()} - {shop.instance_id()}
    assert len(asked) <= 3
