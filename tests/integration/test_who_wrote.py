"""Who has written a field, and who asked: managedFields and the audit log tell people apart."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rds_ssl.core.model import API_GROUP, API_VERSION, FINALIZER, PLURAL
from support import polling
from support.cluster import NAMESPACE, SERVICE_ACCOUNT, Cluster
from support.shop import ORDERS, Shop

Json = dict[str, Any]

pytestmark = pytest.mark.usefixtures("operator")

PROGRAM = Path(sys.executable).parent / "rds-ssl"
BEFORE = "OpenAPI-Generator"
"""The field manager of versions that wrote by the official client."""


def run(shop: Shop, *arguments: str) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("KUBE", "RDS_SSL_"))}
    kubeconfig = str(shop.cluster.control_plane.kubeconfig)
    subprocess.run(
        [PROGRAM, *arguments, "-n", shop.namespace, ORDERS, "--kubeconfig", kubeconfig],
        env=kept,
        check=True,
        capture_output=True,
        timeout=polling.patience(60),
    )


def managers(found: Json, *path: str) -> set[str]:
    """Say who has written a field."""
    entries = found["metadata"]["managedFields"]
    return {each["manager"] for each in entries if _has(each["fieldsV1"], path)}


def _has(fields: Json, path: tuple[str, ...]) -> bool:
    for each in path:
        if f"f:{each}" not in fields:
            return False
        fields = fields[f"f:{each}"]
    return True


def audited(cluster: Cluster) -> list[Json]:
    """List what the audit log has."""
    return [json.loads(line) for line in cluster.control_plane.audit_log.read_text().splitlines()]


@pytest.fixture(scope="module", autouse=True)
def before(cluster: Cluster) -> int:
    """How many requests there were before the operator of this module was started."""
    return len(audited(cluster))


def test_the_operator_and_the_command_line_write_by_names_of_their_own(shop: Shop) -> None:
    shop.start_cloud(deletionPolicy="Disable")
    run(shop, "suspend")
    run(shop, "reconcile", "--wait")

    found = shop.get()

    assert managers(found, "status", "conditions") == {"rds-ssl-operator"}
    assert managers(found, "metadata", "finalizers") == {"rds-ssl-operator"}
    assert "rds-ssl-cli" in managers(found, "spec", "suspend")
    assert managers(found, "metadata", "annotations") == {"rds-ssl-cli"}
    assert "rds-ssl-operator" not in managers(found, "spec")
    for each in shop.events():
        names = {entry["manager"] for entry in each["metadata"]["managedFields"]}
        assert names == {"rds-ssl-operator"}


def test_the_audit_log_tells_the_operator_from_the_command_line(
    cluster: Cluster, shop: Shop, before: int
) -> None:
    shop.start_cloud()
    run(shop, "suspend")
    object_path = f"/namespaces/{shop.namespace}/{PLURAL}/{ORDERS}"

    def of_people() -> list[str]:
        asked = (each for each in audited(cluster)[before:] if object_path in each["requestURI"])
        return [each["requestURI"] for each in asked if each["userAgent"].startswith("rds-ssl-cli")]

    polling.wait(lambda: None if of_people() else "not yet", seconds=20)  # Lines come later.

    operator = f"system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}"
    own = [each for each in audited(cluster)[before:] if each["user"]["username"] == operator]
    assert {each["verb"] for each in own} >= {"list", "watch", "patch", "create"}
    assert {each["userAgent"].partition("/")[0] for each in own} == {"rds-ssl-operator"}
    writes = [each["requestURI"] for each in own if each["verb"] in {"patch", "create"}]
    assert all("fieldManager=rds-ssl-operator" in each for each in writes)
    assert ["fieldManager=rds-ssl-cli" in each for each in of_people()] == [True]


def test_what_an_older_version_wrote_is_in_nobodys_way(cluster: Cluster, shop: Shop) -> None:
    shop.add_instance()
    path = f"/apis/{API_GROUP}/{API_VERSION}/namespaces/{shop.namespace}/{PLURAL}"
    manifest = {
        "apiVersion": f"{API_GROUP}/{API_VERSION}",
        "kind": "DBInstanceSSL",
        "metadata": {"name": ORDERS, "finalizers": [FINALIZER]},
        "spec": {
            "instanceID": shop.instance_id(),
            "regionID": "cn-hangzhou",
            "credentialsSecretRef": {"name": "rds-credentials"},
            "deletionPolicy": "Disable",
            "suspend": True,
        },
    }
    cluster.request("POST", path, manifest, fieldManager=BEFORE)
    shop.wait("ChangePending", "True", "Suspended")
    status = {"status": {"plan": {"summary": "of an older version"}}}
    cluster.request("PATCH", f"{path}/{ORDERS}/status", status, fieldManager=BEFORE)

    run(shop, "resume")
    found = shop.wait_ready()

    assert managers(found, "spec", "suspend") == {"rds-ssl-cli"}
    assert managers(found, "status", "conditions") == {"rds-ssl-operator"}
    assert shop.cost() == (1, 1, 1)
    shop.delete()
    shop.wait_until("the object has gone", lambda: not cluster.exists(shop.namespace, ORDERS))
    assert shop.ssl()["enabled"] is False
