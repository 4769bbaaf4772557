"""The operator in its image, with the simulator of the same image, until an object is Ready."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import polling
from support.cluster import NAMESPACE, Cluster
from support.image import Image, OperatorInImage, SimulatorInImage
from support.shop import Shop, sweep
from support.system_fixtures import DURATIONS, PACE


def leads_not(operator: OperatorInImage) -> str | None:
    return None if operator.metric("rds_ssl_leader") == 1 else operator.get("/readyz")[1]


@pytest.fixture(scope="module")
def cloud(image: Image) -> Iterator[SimulatorInImage]:
    with SimulatorInImage(image) as cloud:
        cloud.config(durations=DURATIONS)
        yield cloud


@pytest.fixture
def operator(
    image: Image, cluster: Cluster, cloud: SimulatorInImage, tmp_path: Path
) -> Iterator[OperatorInImage]:
    with OperatorInImage(
        image, directory=tmp_path, kubeconfig=cluster.kubeconfig, api_url=cloud.url, **PACE
    ) as operator:
        operator.wait_ready()
        polling.wait(lambda: leads_not(operator), seconds=30)
        yield operator
        if operator.poll() is None:
            operator.terminate()  # So that the next one need not wait for its Lease to end.
    sweep(cluster)


@pytest.fixture
def shop(cluster: Cluster, cloud: SimulatorInImage) -> Shop:
    return Shop(cluster, cloud)


def test_a_certificate_is_brought_to_a_database_and_then_its_successor(
    operator: OperatorInImage, shop: Shop
) -> None:
    first = shop.start_custom()
    assert shop.ssl()["server_sha256"] == first.sha256
    assert shop.cost() == (1, 1, 1)

    second = shop.leaf()
    shop.write_pair(second)

    shop.wait_cost((2, 2, 2))
    shop.wait_ready()
    assert shop.ssl()["server_sha256"] == second.sha256
    assert operator.get("/healthz")[0] == 200
    assert "Traceback" not in operator.log


def test_it_works_as_a_user_without_rights_and_as_the_first_process(
    operator: OperatorInImage,
) -> None:
    lines = Path(f"/proc/{operator.inner_pid}/status").read_text().splitlines()
    status = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}

    assert status["Name"] == ["rds-ssl"]
    assert status["Uid"] == status["Gid"] == ["65532"] * 4
    assert status["Groups"] == []
    assert status["CapEff"] == status["CapPrm"] == status["CapBnd"] == ["0" * 16]
    assert status["NoNewPrivs"] == ["1"]
    assert status["NSpid"][-1] == "1"
    mounts = Path(f"/proc/{operator.inner_pid}/mounts").read_text().splitlines()
    assert [line for line in mounts if line.split()[3].split(",")[0] == "rw"] == [
        line for line in mounts if line.split()[1] == "/proc"
    ]


def test_sigterm_ends_it_in_order_and_gives_the_lead_back(
    operator: OperatorInImage, cluster: Cluster
) -> None:
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/rds-ssl-operator"
    assert cluster.request("GET", lease)["spec"]["holderIdentity"]

    status = operator.terminate()

    assert status == 0
    assert not cluster.request("GET", lease)["spec"].get("holderIdentity")
    assert "Traceback" not in operator.log
