"""Several real operators, each with its shard or its selector, killed and replaced by others."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from rds_ssl.core.shards import Shard
from support import pki, polling
from support.cluster import NAMESPACE, OVERLAYS, SERVICE_ACCOUNT, Cluster
from support.operator_process import OperatorProcess
from support.shop import Shop, sweep
from support.simulator import Simulator

Json = dict[str, Any]

SETTINGS = {
    "LEADER_ELECTION": "on",
    "LEASE_NAMESPACE": NAMESPACE,
    "QUIET_PERIOD": "0s",
    "VERIFY_AFTER": "0s",
    "SETTLE": "4s",
    "POLL": "0.5s",
    "RESYNC": "5s",
}

SECONDS = 90.0
"""For what takes a few on an idle machine."""

CHANGE = 2.0
"""Seconds that a change takes in the simulated cloud."""

LEASES = [
    "team-a",
    "team-b",
    *(
        Shard(number=number, count=count).name("rds-ssl-operator")
        for count in (2, 3, 4)
        for number in range(1, count + 1)
    ),
]
"""Which the operators of this module may take."""


def of(count: int) -> list[str]:
    return [f"{number}/{count}" for number in range(1, count + 1)]


class Shards:
    """The operators that live, by what they are called."""

    def __init__(self, cluster: Cluster, rds: Simulator) -> None:
        self._cluster, self._rds = cluster, rds
        self.alive: dict[str, OperatorProcess] = {}
        self._ended: list[OperatorProcess] = []

    def start(self, *shards: str) -> None:
        """Start one for each shard, at the same time."""
        for shard in shards:
            self.start_with(shard, SHARD=shard)
        for shard in shards:
            self.alive[shard].wait_ready()

    def start_with(self, name: str, **settings: str) -> OperatorProcess:
        """Start one."""
        operator = self.alive[name] = OperatorProcess(
            kubeconfig=self._cluster.kubeconfig,
            api_url=self._rds.url,
            **{**SETTINGS, **settings},
        )
        return operator

    def kill(self, *names: str) -> None:
        """End them by SIGKILL."""
        for name in names:
            self.alive[name].kill()
            self._ended.append(self.alive.pop(name))

    def close(self) -> None:
        """End all."""
        for each in (*self._ended, *self.alive.values()):
            each.stop()


@pytest.fixture
def shards(cluster: Cluster, rds: Simulator) -> Iterator[Shards]:
    """Operators, with the right to a Lease each; none runs yet."""
    for kind, body in {
        "roles": {
            "rules": [
                {
                    "apiGroups": ["coordination.k8s.io"],
                    "resources": ["leases"],
                    "resourceNames": LEASES,
                    "verbs": ["get", "patch"],
                }
            ]
        },
        "rolebindings": {
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "Role",
                "name": "shards",
            },
            "subjects": [
                {"kind": "ServiceAccount", "name": SERVICE_ACCOUNT, "namespace": NAMESPACE}
            ],
        },
    }.items():
        path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/{kind}"
        cluster.request("POST", path, {"metadata": {"name": "shards"}, **body})
    rds.config(durations={"window": 0.1, "change": CHANGE, "acl": 0.2})
    made = Shards(cluster, rds)
    yield made
    made.close()
    for kind in ("role", "rolebinding"):
        cluster.kubectl("delete", kind, "shards", "-n", NAMESPACE)
    cluster.kubectl("delete", "lease", "-n", NAMESPACE, "--ignore-not-found", *LEASES)
    sweep(cluster)


def declare(shop: Shop, names: list[str]) -> None:
    for name in names:
        shop.add_instance(name)
        shop.write_pair(shop.leaf(name), name)
        shop.declare_custom(name)


def rotate(shop: Shop, names: list[str]) -> dict[str, pki.Leaf]:
    leaves = {name: shop.leaf(name) for name in names}
    for name, leaf in leaves.items():
        shop.write_pair(leaf, name)
    return leaves


def in_force(shop: Shop, leaves: dict[str, pki.Leaf], *, restarts: int) -> None:
    """Wait until all are in force and verified; each took one call and one restart."""

    def problem() -> str | None:
        for name in leaves:
            status = shop.get(name)["status"]
            if len(status.get("history", [])) < restarts or status.get("operation"):
                return f"{name}: {status}"
        return None

    polling.wait(problem, seconds=SECONDS)
    for name, leaf in leaves.items():
        shop.wait_ready(name)
        assert shop.ssl(name)["server_sha256"] == leaf.sha256, name
        assert shop.cost(name) == (restarts, restarts, restarts), name
        results = [each["result"] for each in shop.get(name)["status"]["history"]]
        assert results == ["Verified"] * restarts, name


@pytest.mark.parametrize("count", [2, 4])
def test_each_shard_serves_its_own_and_all_are_ready(
    shards: Shards, shop: Shop, count: int
) -> None:
    names = [f"db{number}" for number in range(12)]
    declare(shop, names)
    shards.start(*of(count))

    for name in names:
        shop.wait_ready(name)
        assert shop.cost(name) == (1, 1, 1)
    owned = {
        shard: sum(Shard.parse(shard).owns(shop.instance_id(name)) for name in names)
        for shard in of(count)
    }
    served = {shard: operator.metric("rds_ssl_objects") for shard, operator in shards.alive.items()}
    assert served == owned


def test_two_shards_become_four_and_three_by_kills_in_the_midst_of_changes(
    shards: Shards, shop: Shop
) -> None:
    names = [f"db{number}" for number in range(8)]
    declare(shop, names)
    shards.start(*of(2))
    for name in names:
        shop.wait_ready(name)

    leaves = rotate(shop, names)
    shop.wait_until(
        "some of them are under way",
        lambda: sum(shop.truth(name)["accepted"] == 2 for name in names) >= 3,
    )
    shards.kill(*of(2))
    shards.start(*of(4))
    in_force(shop, leaves, restarts=2)

    leaves = rotate(shop, names)
    shards.start(*of(3))  # Beside the four, which work on.
    for shard in of(4):
        time.sleep(0.2)  # One after the other, as Deployments are updated.
        shards.kill(shard)
    in_force(shop, leaves, restarts=3)


def test_the_younger_of_two_says_conflict_although_another_operator_serves_the_older(
    shards: Shards, shop: Shop, cluster: Cluster, rds: Simulator
) -> None:
    other = Shop(cluster, rds)
    for team in ("a", "b"):
        shards.start_with(team, SELECTOR=f"team={team}", LEASE_NAME=f"team-{team}")
    for operator in shards.alive.values():
        operator.wait_ready()
    shop.add_instance()
    shop.declare()
    path = "/apis/rds-ssl.dev/v1alpha1/namespaces/{}/dbinstancessls/{}"
    label = {"metadata": {"labels": {"team": "a"}}}
    cluster.request("PATCH", path.format(shop.namespace, "orders"), label)
    shop.wait_ready()
    cluster.create(other.namespace, "younger", instanceID=shop.instance_id())
    label = {"metadata": {"labels": {"team": "b"}}}
    cluster.request("PATCH", path.format(other.namespace, "younger"), label)

    other.wait("Stalled", "True", "Conflict", name="younger")
    assert shop.cost() == (1, 1, 1)

    shop.delete()
    other.wait_ready("younger", reason="Adopted")
    assert shop.cost() == (1, 1, 1)


def test_the_overlay_has_a_deployment_with_a_lease_and_a_budget_for_each_shard(
    cluster: Cluster,
) -> None:
    applied = cluster.kubectl(
        "apply", "--server-side", "--dry-run=server", "-o", "name", "-k", str(OVERLAYS / "sharded")
    )
    names = applied.stdout.split()

    assert [each for each in names if each.startswith("deployment")] == [
        "deployment.apps/rds-ssl-operator-1-of-2",
        "deployment.apps/rds-ssl-operator-2-of-2",
    ]
    assert [each for each in names if each.startswith("poddisruptionbudget")] == [
        "poddisruptionbudget.policy/rds-ssl-operator-1-of-2",
        "poddisruptionbudget.policy/rds-ssl-operator-2-of-2",
    ]
    assert len(names) == len(set(names))
