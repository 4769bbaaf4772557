"""
The operator at the rate of its account, by the ledger of the cloud.

Counts over seconds, for a loaded machine lets calls come in bunches. With five hundred objects, and
to the second, it is played in virtual time: tests/unit/engine/test_rates.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from rds_ssl.aliyun.rate_limit import BURST
from support import pki, polling
from support.cluster import Cluster
from support.operator_process import OperatorProcess
from support.shop import sweep
from support.simulator import Simulator

RATE = 5
OBJECTS = 60
QUIET = 1.0

SETTINGS = {
    "API_RATE": str(RATE),
    "QUIET_PERIOD": f"{QUIET:g}s",
    "RESYNC": "5s",  # 12 calls a second, if nothing held it.
    "VERIFY_AFTER": "0s",
    "SETTLE": "3s",
    "POLL": "1s",
    "MAX_CHANGES_PER_DAY": "0",
}

NAMESPACE = "rates"
ROTATED = "rotated"
NAMES = [f"db-{number}" for number in range(OBJECTS)]

BUNCHED = RATE
"""Calls that a pause of a second on the way may add to a window."""

PATIENCE = 120.0

MORE_SECONDS = 10.0
"""That a rotation may take longer than alone, on a loaded machine; 3 s are the aim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A cloud with a limit, an operator that knows it, and many objects that are as declared."""

    cluster: Cluster
    rds: Simulator
    operator: OperatorProcess
    root: pki.Authority
    alone: float
    """Seconds that a rotation took before there were others."""


@pytest.fixture(scope="module")
def world(cluster: Cluster) -> Iterator[World]:
    with Simulator() as rds:
        rds.config(rate_limit=RATE)
        cluster.namespace(NAMESPACE)
        root = pki.make_root("Rates")
        rds.put_instances({"id": f"pgm-{ROTATED}", "profile": "postgresql-14"})
        _write(cluster, root)
        with OperatorProcess(kubeconfig=cluster.kubeconfig, api_url=rds.url, **SETTINGS) as running:
            running.wait_ready()
            reference = {"secretRef": {"name": f"{ROTATED}-tls"}}
            cluster.create(
                NAMESPACE, ROTATED, instanceID=f"pgm-{ROTATED}", serverCertificate=reference
            )
            cluster.wait_all_ready(NAMESPACE, count=1, seconds=PATIENCE)
            made = World(
                cluster=cluster,
                rds=rds,
                operator=running,
                root=root,
                alone=_rotation_delay(cluster, rds, root),
            )
            ready = {"profile": "postgresql-14", "ssl": {"enabled": True}}
            rds.put_instances(*({"id": f"pgm-{each}", **ready} for each in NAMES))
            cluster.in_parallel(
                lambda each: cluster.create(NAMESPACE, each, instanceID=f"pgm-{each}"), NAMES
            )
            yield made
            assert running.metric("rds_ssl_passes_total", result="bug") == 0
        sweep(cluster)


def _write(cluster: Cluster, root: pki.Authority) -> None:
    leaf = root.leaf(f"pgm-{ROTATED}.pg.rds.aliyuncs.com")
    data = {"tls.crt": leaf.chain_pem, "tls.key": leaf.key_pem()}
    cluster.secret(NAMESPACE, f"{ROTATED}-tls", data)


def _accepted(rds: Simulator) -> int:
    return int(rds.instance(f"pgm-{ROTATED}")["accepted"])


def _rotation_delay(cluster: Cluster, rds: Simulator, root: pki.Authority) -> float:
    """Rotate the certificate; give the seconds until the cloud has accepted it, by its ledger."""
    before, began = _accepted(rds), datetime.now(UTC)
    _write(cluster, root)

    def problem() -> str | None:
        return None if _accepted(rds) > before else "it is not sent yet"

    polling.wait(problem, seconds=PATIENCE)
    modifies = [each for each in _calls(rds) if each[1] == ROTATED and each[2]]
    return (modifies[-1][0] - began).total_seconds()


def _calls(rds: Simulator) -> list[tuple[datetime, str, bool]]:
    """Give when each call came, for which object, and whether it was to change something."""
    return [
        (
            datetime.fromisoformat(each["time"]),
            each["instance"].removeprefix("pgm-"),
            each["action"] == "ModifyDBInstanceSSL",
        )
        for each in rds.calls()
    ]


def _most(times: list[datetime], seconds: float) -> int:
    """Give the most calls within any so many seconds."""
    stamps = sorted(each.timestamp() for each in times)
    return max(sum(at <= each < at + seconds for each in stamps) for at in stamps)


@pytest.mark.timeout(300)
def test_many_objects_keep_to_the_rate_and_a_rotation_among_them_is_in_time(world: World) -> None:
    rds = world.rds

    in_first_looks = _rotation_delay(world.cluster, rds, world.root)
    looked = {instance for _, instance, _ in _calls(rds)}
    world.cluster.wait_all_ready(NAMESPACE, count=OBJECTS + 1, seconds=PATIENCE)
    in_resyncs = _rotation_delay(world.cluster, rds, world.root)

    assert len(looked) < OBJECTS
    assert in_first_looks <= world.alone + MORE_SECONDS
    assert in_resyncs <= world.alone + MORE_SECONDS
    assert _most([at for at, *_ in _calls(rds)], 5.0) <= 5 * RATE + BURST + BUNCHED


@pytest.mark.timeout(300)
def test_resyncs_take_half_of_the_rate_and_reach_everybody(world: World) -> None:
    world.cluster.wait_all_ready(NAMESPACE, count=OBJECTS + 1, seconds=PATIENCE)

    def quiet() -> str | None:
        under_way = world.cluster.get(NAMESPACE, ROTATED)["status"].get("operation")
        return "a change is under way" if under_way else None

    polling.wait(quiet, seconds=PATIENCE)
    world.rds.clear_calls()

    def everybody() -> str | None:
        # Another module of this worker may have left an object, which this operator looks at, too.
        missed = {ROTATED, *NAMES}.difference(instance for _, instance, _ in _calls(world.rds))
        return f"{len(missed)} were not looked at" if missed else None

    polling.wait(everybody, seconds=PATIENCE)

    times = [at for at, *_ in _calls(world.rds)]
    lasted = (max(times) - min(times)).total_seconds()
    assert len(times) <= RATE / 2 * lasted + BURST + BUNCHED
    assert world.operator.metric("rds_ssl_api_waiting", priority="resync") > 0
