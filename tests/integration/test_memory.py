"""
The operator in the memory that deploy/ gives it, whatever a tenant puts into the cluster.

Each test makes more of a thing than the limit holds, and asks whether the operator starts, stays
within the limit, and serves somebody else meanwhile. `bench.memory_load` shows the figures.
"""

import re
from collections.abc import Iterator

import pytest
import yaml

from support import heavy
from support.cluster import CREDENTIALS, DEPLOY, Cluster
from support.controlplane import ControlPlane
from support.operator_process import OperatorProcess
from support.shop import Shop, sweep
from support.simulator import ACCESS_KEY_SECRET, Simulator

SETTINGS = {"SETTLE": "3s", "POLL": "0.5s", "VERIFY_AFTER": "0s", "WORKERS": "16"}
COUNT = 300


def limit_mib() -> float:
    """Read the limit of the container."""
    manifests = yaml.safe_load_all((DEPLOY / "install.yaml").read_text())
    (deployment,) = (each for each in manifests if each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    found = re.fullmatch(r"(\d+)Mi", container["resources"]["limits"]["memory"])
    assert found
    return float(found.group(1))


@pytest.fixture(scope="module")
def full() -> Iterator[Cluster]:
    """A cluster of its own: what is put into it stays, and would slow down the other tests."""
    with ControlPlane.start(controllers=False) as plane:
        cluster = Cluster(plane)
        yield cluster
        cluster.close()


@pytest.fixture
def shop(full: Cluster, rds: Simulator) -> Iterator[Shop]:
    """Somebody else's namespace."""
    yield Shop(full, rds)
    sweep(full)


@pytest.fixture
def load(full: Cluster, shop: Shop) -> str:
    """The namespace of whoever needs so much memory."""
    return full.namespace(f"load-{shop.token}")


class Confined:
    """Operators under the limit of the manifest, one after the other."""

    def __init__(self, cluster: Cluster, rds: Simulator) -> None:
        self._cluster, self._rds = cluster, rds

    def start(self) -> OperatorProcess:
        operator = OperatorProcess(
            kubeconfig=self._cluster.kubeconfig, api_url=self._rds.url, **SETTINGS
        )
        # Libraries, 24 MiB of the limit: they count in a container as well.
        operator.limit_memory(limit_mib() - 24)
        return operator.wait_ready()


@pytest.fixture
def confined(full: Cluster, rds: Simulator) -> Confined:
    """Starts operators."""
    return Confined(full, rds)


def assert_within(operator: OperatorProcess) -> None:
    """It has never had more than the container may have, and never asked for more."""
    assert "MemoryError" not in operator.log
    assert operator.poll() is None
    assert operator.memory_mib("VmHWM") < limit_mib()


def test_config_maps_that_nobody_names_do_not_keep_it_from_starting_and_serving(
    full: Cluster, load: str, shop: Shop, confined: Confined
) -> None:
    names = [f"applied-{number}" for number in range(COUNT)]
    heavy.config_maps(full, load, names)

    with confined.start() as operator:
        heavy.touch(full, load, names[:100], value="once more")
        shop.start_custom()

        assert_within(operator)


def test_objects_with_large_annotations_are_not_kept_with_them(
    full: Cluster, shop: Shop, confined: Confined
) -> None:
    load = full.namespace(f"load-{shop.token}", credentials=False)
    heavy.objects(full, load, [f"db-{number}" for number in range(COUNT)])

    with confined.start() as operator:
        full.wait_condition(load, f"db-{COUNT - 1}", "Ready", "False", seconds=90)

        assert operator.metric("rds_ssl_objects") >= COUNT
        assert_within(operator)
        assert operator.rss_mib() < 150


def test_an_access_key_of_a_megabyte_is_refused_and_leaves_nothing_behind(
    full: Cluster, load: str, shop: Shop, confined: Confined
) -> None:
    shop.rds.put_instance(f"pgm-{load}")
    full.create(load, "db", instanceID=f"pgm-{load}")

    with confined.start() as operator:
        full.wait_condition(load, "db", "Ready", "True")
        before = operator.rss_mib()
        for number in range(100):
            key = {"accessKeyId": f"LTAI{number:06}" + "x" * 900_000}
            full.secret(load, CREDENTIALS, {**key, "accessKeySecret": ACCESS_KEY_SECRET})
        full.wait_condition(load, "db", "Stalled", "True", "CredentialsInvalid")
        shop.start_custom()

        assert_within(operator)
        assert operator.rss_mib() < before + 40


def test_as_many_large_secrets_as_there_are_workers_are_read_within_the_limit(
    full: Cluster, load: str, shop: Shop, confined: Confined
) -> None:
    names = [f"db-{number}" for number in range(48)]

    def declare(name: str) -> None:
        shop.rds.put_instance(f"pgm-{load}-{name}")
        full.secret(load, name, {"tls.crt": b"x" * 1_000_000, "tls.key": b"k"})
        bundle = shop.root.pem + b"# " + b"x" * 240_000
        full.config_map(load, name, {"ca.crt": bundle, "padding": b"y" * 700_000})
        full.create(
            load,
            name,
            instanceID=f"pgm-{load}-{name}",
            serverCertificate={"secretRef": {"name": name}},
            clientAuthentication={"ca": {"configMapKeyRef": {"name": name, "key": "ca.crt"}}},
        )

    full.in_parallel(declare, names)

    with confined.start() as operator:
        shop.start_custom()
        for name in names:
            full.wait_condition(load, name, "Ready", "False")

        assert_within(operator)
