"""
Two teams in one cluster: what the one creates costs the other's rotation no more than moments.

The ledger of the simulated cloud judges, and a rotation of the same run without an attack is the
measure: without the isolation each of these took minutes. More ways, and figures in virtual time:
tests/unit/engine/test_tenants_in_time.py, test_tenants_forged.py.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from rds_ssl.core.model import API_GROUP, API_VERSION, PLURAL
from support import polling
from support.cluster import Cluster
from support.operator_process import OperatorProcess
from support.shop import Shop, sweep
from support.simulator import Simulator

SETTINGS = {
    "API_RATE": "5",
    "MAX_CONCURRENT_CHANGES": "5",
    "QUIET_PERIOD": "1s",
    "VERIFY_AFTER": "0s",
    "SETTLE": "3s",
    "POLL": "1s",
    "RESYNC": "60s",
    "MAX_CHANGES_PER_DAY": "0",
}

DEAD_REGIONS = 60

MORE_SECONDS = 15.0
"""Than without an attack that a rotation may take: far less than a single one of them cost."""

PATIENCE = 180.0
"""Seconds after which a rotation counts as never sent."""

MALLORY = ("LTAI5tMallory", "mallory-secret")


@pytest.fixture(scope="module")
def dead_ports() -> Iterator[list[int]]:
    """Ports of this machine that take no connection: each queue is full, and nobody empties it."""
    with ExitStack() as stack:
        ports = []
        for _ in range(DEAD_REGIONS):
            listening = stack.enter_context(socket.socket())
            listening.bind(("127.0.0.1", 0))
            listening.listen(0)
            for _ in range(2):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)  # noqa: FBT003  # It has no other way.
                waiting.connect_ex(listening.getsockname())
            ports.append(listening.getsockname()[1])
        yield ports


@pytest.fixture(scope="module")
def operator(cluster: Cluster, rds: Simulator, dead_ports: list[int]) -> Iterator[OperatorProcess]:
    """The operator, paced as it is by default."""
    dead = (f"xx-dead-{number}=http://127.0.0.1:{port}" for number, port in enumerate(dead_ports))
    urls = ",".join([f"cn-hangzhou={rds.url}", *dead])
    with OperatorProcess(kubeconfig=cluster.kubeconfig, api_url=urls, **SETTINGS) as operator:
        yield operator.wait_ready()
        assert operator.metric("rds_ssl_passes_total", result="bug") == 0
    sweep(cluster)


@pytest.fixture
def mallory(cluster: Cluster, rds: Simulator) -> Iterator[Shop]:
    """Give another namespace, with an access key of its own that reaches its own instances."""
    shop = Shop(cluster, rds)
    rds.put_access_key(MALLORY[0], secret=MALLORY[1], instances=[f"pgm-{shop.token}-*"])
    yield shop
    cluster.in_parallel(
        lambda each: shop.delete(each["metadata"]["name"]), cluster.list(shop.namespace)
    )


@pytest.fixture
def victim(operator: OperatorProcess, shop: Shop) -> tuple[Shop, float]:
    """Give a namespace with a Ready object, and how long a rotation of it takes undisturbed."""
    del operator
    shop.start_custom()
    return shop, rotation_delay(shop)


def write_key(mallory: Shop, key_id: str, secret: str) -> None:
    """Write the credentials of all objects, which is a rotation to each of them."""
    data = {"accessKeyId": key_id, "accessKeySecret": secret}
    mallory.cluster.secret(mallory.namespace, "rds-credentials", data)


def declare_many(mallory: Shop, count: int) -> list[str]:
    """Create so many objects; give their names."""
    names = [f"m{number}" for number in range(count)]
    mallory.cluster.in_parallel(mallory.declare, names)
    return names


def rotation_delay(shop: Shop) -> float:
    """Rotate a certificate; give the seconds until the cloud has accepted it, by its ledger."""
    before = shop.cost()[1]
    leaf = shop.leaf()
    began = datetime.now(UTC)
    shop.write_pair(leaf)

    def problem() -> str | None:
        return None if shop.cost()[1] > before else f"no call yet: {shop.status()}"

    polling.wait(problem, seconds=PATIENCE)
    accepted = [each for each in shop.modifies() if each["accepted"]]

    def under_way() -> str | None:
        return "its end is not seen yet" if shop.status().get("operation") else None

    polling.wait(under_way, seconds=PATIENCE)
    return (datetime.fromisoformat(accepted[-1]["time"]) - began).total_seconds()


def test_an_account_that_answers_429_holds_up_nobody_else(
    victim: tuple[Shop, float], mallory: Shop
) -> None:
    shop, usual = victim
    write_key(mallory, *MALLORY)
    for number in range(17):
        instance_id = mallory.add_instance(f"m{number}")
        throttle = {"kind": "throttle", "retry_after_ms": 300_000}
        mallory.rds.fault(throttle, instance=instance_id, times=1000)
    declare_many(mallory, 17)

    def problem() -> str | None:
        called = any(mallory.calls(f"m{number}") for number in range(17))
        return None if called else "nobody has been throttled yet"

    polling.wait(problem, seconds=PATIENCE)
    write_key(mallory, *MALLORY)

    assert rotation_delay(shop) <= usual + polling.patience(MORE_SECONDS)


def test_hundreds_of_objects_with_a_wrong_secret_hold_up_nobody_else(
    victim: tuple[Shop, float], mallory: Shop
) -> None:
    shop, usual = victim
    write_key(mallory, MALLORY[0], "wrong")
    names = declare_many(mallory, 300)
    write_key(mallory, MALLORY[0], "wrong")

    assert rotation_delay(shop) <= usual + polling.patience(MORE_SECONDS)

    mallory.wait("Stalled", "True", "CredentialsInvalid", name=names[-1], seconds=PATIENCE)
    calls = [each for each in mallory.rds.calls() if each["access_key"] == MALLORY[0]]
    assert len(calls) < 100


def test_unreachable_regions_hold_up_nobody_else(victim: tuple[Shop, float], mallory: Shop) -> None:
    shop, usual = victim
    write_key(mallory, *MALLORY)
    mallory.cluster.in_parallel(
        lambda number: mallory.declare(f"m{number}", regionID=f"xx-dead-{number}"),
        range(DEAD_REGIONS),
    )
    write_key(mallory, *MALLORY)

    assert rotation_delay(shop) <= usual + polling.patience(MORE_SECONDS)


def test_a_forged_status_holds_up_nobody(victim: tuple[Shop, float], mallory: Shop) -> None:
    shop, usual = victim
    write_key(mallory, *MALLORY)
    mallory.declare("m0", instanceID=shop.instance_id())
    mallory.wait("Stalled", "True", name="m0", seconds=PATIENCE)
    forged = {
        "instance": {"engine": "PostgreSQL"},
        "operation": {
            "digest": "sha256:00",
            "phase": "Accepted",
            "startTime": "2037-01-01T00:00:00Z",
            "attempt": 1,
        },
    }
    path = f"/apis/{API_GROUP}/{API_VERSION}/namespaces/{mallory.namespace}/{PLURAL}/m0/status"
    mallory.cluster.request("PATCH", path, {"status": forged})

    assert rotation_delay(shop) <= usual + polling.patience(MORE_SECONDS)
