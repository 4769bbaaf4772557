"""Lives of objects, namespaces and instances on a real API server, as they go and come back."""

import asyncio
from collections.abc import Iterator

import pytest

from rds_ssl.core.model import FINALIZER
from rds_ssl.kube.client import KubeClient
from rds_ssl.kube.resources import Resources
from support.cluster import CREDENTIALS, Cluster
from support.operator_process import OperatorProcess
from support.polling import patience
from support.shop import Shop
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET

NAMESPACE_SECONDS = 30.0
"""Until an empty namespace is gone: the controller looks again after some seconds."""


@pytest.fixture(scope="module", autouse=True)
def namespace_controller(cluster: Cluster) -> Iterator[None]:
    with cluster.control_plane.deleting_namespaces():
        yield


def delete_namespace(shop: Shop) -> None:
    shop.cluster.request("DELETE", f"/api/v1/namespaces/{shop.namespace}")


def wait_namespace_gone(shop: Shop) -> None:
    where = f"--timeout={patience(NAMESPACE_SECONDS):.0f}s"
    shop.cluster.kubectl("wait", "--for=delete", f"namespace/{shop.namespace}", where)


def is_terminating(cluster: Cluster, namespace: str) -> bool:
    """Ask as the operator does, with its rights."""

    async def asked() -> bool:
        kube = await KubeClient.connect(str(cluster.kubeconfig))
        try:
            involved = {"metadata": {"namespace": namespace, "name": "any", "uid": "1"}}
            return await Resources(kube).is_terminating(involved, time="2026-11-24T03:00:00Z")
        finally:
            await kube.close()

    return asyncio.run(asked())


def test_the_operator_can_tell_a_deleted_namespace_and_leaves_no_event_by_asking(
    cluster: Cluster, shop: Shop
) -> None:
    holder = {"apiVersion": "v1", "kind": "ConfigMap"}
    meta = {"name": "holder", "finalizers": ["example.org/held"]}
    path = f"/api/v1/namespaces/{shop.namespace}/configmaps"
    cluster.request("POST", path, {**holder, "metadata": meta})
    assert not is_terminating(cluster, shop.namespace)
    assert shop.events() == []

    delete_namespace(shop)

    shop.wait_until("it is told", lambda: is_terminating(cluster, shop.namespace))
    cluster.request("PATCH", f"{path}/holder", {"metadata": {"finalizers": None}})
    wait_namespace_gone(shop)


def test_a_deleted_namespace_is_gone_soon_with_objects_of_every_kind(
    operator: OperatorProcess, shop: Shop
) -> None:
    shop.start_cloud("on", deletionPolicy="Disable")
    shop.adopt_cloud("kept")
    shop.start_cloud("stopped", deletionPolicy="Disable")
    shop.rds.patch_instance(shop.instance_id("stopped"), status="Stopped")
    shop.add_instance("locked", lock_mode="LockByDiskQuota")
    shop.declare("locked", deletionPolicy="Disable")
    shop.wait("Stalled", "True", "InstanceUnavailable", name="locked")

    delete_namespace(shop)
    wait_namespace_gone(shop)

    # Credentials may have gone first, so that SSL is off after one call, or on after none.
    calls, accepted, _ = shop.cost("on")
    assert (calls, accepted) in {(1, 1), (2, 2)}
    shop.wait_until("it is at rest", lambda: shop.truth("on")["status"] == "Running")
    assert shop.ssl("on")["enabled"] is (accepted == 1)
    assert shop.cost("kept") == (0, 0, 0)
    assert shop.cost("stopped")[0] == 1
    assert "bug" not in operator.log


@pytest.mark.usefixtures("operator")
def test_a_namespace_that_is_deleted_last_takes_an_object_along_that_waits(shop: Shop) -> None:
    shop.start_cloud(deletionPolicy="Disable")
    shop.rds.patch_instance(shop.instance_id(), lock_mode="LockByExpiration")
    shop.delete()
    shop.wait_until(
        "it says what it waits for",
        lambda: shop.conditions().get("Stalled") == ("True", "InstanceUnavailable"),
    )
    assert shop.get()["metadata"]["finalizers"] == [FINALIZER]

    delete_namespace(shop)

    wait_namespace_gone(shop)
    assert len(shop.modifies()) == 1


@pytest.mark.usefixtures("operator")
def test_an_object_deleted_and_applied_again_costs_no_call(shop: Shop) -> None:
    shop.start_custom()
    shop.delete()

    shop.declare_custom()

    shop.wait_ready(reason="Adopted")
    assert shop.cost() == (1, 1, 1)


@pytest.mark.usefixtures("operator")
def test_credentials_that_appear_later_are_used_at_once(shop: Shop) -> None:
    shop.cluster.delete_secret(shop.namespace, CREDENTIALS)
    shop.add_instance()
    shop.write_pair(shop.leaf())
    shop.declare_custom()
    shop.wait("Reconciling", "True", "CredentialsNotFound")
    assert shop.calls() == []

    key = {"accessKeyId": ACCESS_KEY_ID, "accessKeySecret": ACCESS_KEY_SECRET}
    shop.cluster.secret(shop.namespace, CREDENTIALS, dict(key))

    shop.wait_ready(reason="Verified")
    assert shop.cost() == (1, 1, 1)


@pytest.mark.usefixtures("operator")
def test_an_instance_that_is_gone_is_told_and_one_restored_under_its_id_is_left_alone(
    shop: Shop,
) -> None:
    shop.start_cloud()
    shop.rds.delete_instance(shop.instance_id())
    shop.look_again()
    shop.wait("Stalled", "True", "InstanceNotFound")

    shop.add_instance()
    shop.look_again()

    shop.wait("ChangePending", "True", "Drifted")
    assert shop.conditions()["Ready"] == ("False", "Drifted")
    assert shop.cost()[1:] == (0, 0)
