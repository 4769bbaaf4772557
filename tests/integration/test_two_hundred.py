"""Two hundred objects: calls, restarts and writes are counted, not timed."""

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from rds_ssl.core.model import PLURAL
from support import pki, polling
from support.cluster import Cluster
from support.controlplane import ControlPlane
from support.operator_process import OperatorProcess
from support.simulator import Simulator

PACE = {"QUIET_PERIOD": "1s", "MAX_CONCURRENT_CHANGES": "50", "API_RATE": "0"}
NAMESPACE = "many"


@pytest.fixture
def audited() -> Iterator[Cluster]:
    """A control plane of its own, with an audit log."""
    with ControlPlane.start(controllers=False, audit=True) as control_plane:
        cluster = Cluster(control_plane)
        yield cluster
        cluster.close()


@pytest.fixture
def rds() -> Iterator[Simulator]:
    """A cloud of its own; a change takes 2 s."""
    with Simulator() as simulator:
        yield simulator


def names(count: int) -> list[str]:
    return [f"db-{number:03}" for number in range(count)]


def prepare(cluster: Cluster, rds: Simulator, count: int) -> pki.Authority:
    """Create the instances, and for each a Secret and an object."""
    rds.put_instances(*({"id": f"pgm-{each}", "profile": "postgresql-14"} for each in names(count)))
    cluster.namespace(NAMESPACE)
    root = pki.make_root("Many")

    def create(name: str) -> None:
        rotate(cluster, root, name)
        cluster.create(
            NAMESPACE,
            name,
            instanceID=f"pgm-{name}",
            serverCertificate={"secretRef": {"name": f"{name}-tls"}},
        )

    cluster.in_parallel(create, names(count))
    return root


def rotate(cluster: Cluster, root: pki.Authority, name: str) -> None:
    leaf = root.leaf(f"pgm-{name}.pg.rds.aliyuncs.com")
    data = {"tls.crt": leaf.chain_pem, "tls.key": leaf.key_pem()}
    cluster.secret(NAMESPACE, f"{name}-tls", data)


def modifies(rds: Simulator) -> list[dict[str, object]]:
    return [each for each in rds.calls() if each["action"] == "ModifyDBInstanceSSL"]


def writes(cluster: Cluster) -> list[dict[str, object]]:
    """The operator's own writes to DBInstanceSSL objects, by the audit log."""
    assert cluster.control_plane.audit_log is not None
    found = []
    for line in cluster.control_plane.audit_log.read_text().splitlines():
        entry = json.loads(line)
        if (
            entry["user"]["username"].endswith(":rds-ssl-operator")
            and entry["verb"] not in {"get", "list", "watch"}
            and entry["objectRef"]["resource"] == PLURAL
        ):
            found.append(entry)
    return found


def check_cold_start(cluster: Cluster, rds: Simulator, count: int) -> None:
    assert len(modifies(rds)) == count
    assert all(each["accepted"] for each in modifies(rds))
    stats = rds.stats()
    assert Counter(stats["restarts"].values()) == {1: count}
    assert stats["keys_in_url"] == 0
    patches = Counter(each["objectRef"]["name"] for each in writes(cluster))
    assert len(patches) == count
    assert max(patches.values()) <= 4


@pytest.mark.timeout(300)
def test_two_hundred_objects_cost_one_call_and_at_most_four_patches_each_and_a_restart_nothing(
    audited: Cluster, rds: Simulator
) -> None:
    root = prepare(audited, rds, 200)
    first = OperatorProcess(kubeconfig=audited.kubeconfig, api_url=rds.url, **PACE)
    with first:
        audited.wait_all_ready(NAMESPACE, count=200, seconds=120)
        check_cold_start(audited, rds, 200)
        assert first.terminate() == 0

    rds.clear_calls()
    before = len(writes(audited))
    with OperatorProcess(kubeconfig=audited.kubeconfig, api_url=rds.url, **PACE) as second:
        second.wait_ready()
        wait_described(rds, 200)
        assert modifies(rds) == []
        assert len(rds.calls()) <= 200
        assert len(writes(audited)) == before

        audited.in_parallel(lambda name: rotate(audited, root, name), names(20))
        wait_restarts(rds, 220)
        audited.wait_all_ready(NAMESPACE, count=200, seconds=60)
        assert len(modifies(rds)) == 20
        assert sum(rds.stats()["restarts"].values()) == 220
        assert all(each["accepted"] for each in modifies(rds))


@pytest.mark.timeout(300)
def test_instances_that_stay_running_for_six_seconds_after_the_call_are_not_called_twice(
    audited: Cluster, rds: Simulator
) -> None:
    rds.config(durations={"window": 6})
    prepare(audited, rds, 50)
    with OperatorProcess(kubeconfig=audited.kubeconfig, api_url=rds.url, **PACE):
        audited.wait_all_ready(NAMESPACE, count=50, seconds=120)
        check_cold_start(audited, rds, 50)


def wait_described(rds: Simulator, count: int) -> None:
    """Every instance was looked at since the ledger was cleared."""

    def problem() -> str | None:
        seen = {each["instance"] for each in rds.calls()}
        return None if len(seen) == count else f"{len(seen)} of {count} instances were looked at"

    polling.wait(problem, seconds=60)


def wait_restarts(rds: Simulator, count: int) -> None:
    """So many restarts in all."""

    def problem() -> str | None:
        done = sum(rds.stats()["restarts"].values())
        return None if done == count else f"{done} of {count} restarts"

    polling.wait(problem, seconds=60)
