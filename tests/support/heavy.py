"""
What one tenant can put into a cluster so that the operator's memory may suffer.

All of it is allowed to whoever may write in one namespace, and nearly all by accident: ``kubectl
apply`` keeps a copy of what was applied in an annotation.
"""

from collections.abc import Iterable
from typing import Any

from rds_ssl.core.model import API_GROUP, API_VERSION, KIND, PLURAL
from support.cluster import CREDENTIALS, Cluster

ANNOTATION_BYTES = 254 * 1024
"""The API server takes 256 KiB of annotations for one object."""

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def annotations(number: int, size: int = ANNOTATION_BYTES) -> dict[str, str]:
    """Make the annotation of ``kubectl apply``: JSON in JSON, each quote escaped."""
    pair = f'"key-{number}":"value of something that is long",'
    return {_APPLIED: (pair * (size // len(pair) + 1))[:size]}


def config_maps(cluster: Cluster, namespace: str, names: Iterable[str]) -> None:
    """Create ConfigMaps with heavy annotations."""
    path = f"/api/v1/namespaces/{namespace}/configmaps"

    def post(numbered: tuple[int, str]) -> None:
        number, name = numbered
        meta = {"name": name, "annotations": annotations(number)}
        cluster.request("POST", path, {"metadata": meta, "data": {"a": "b"}})

    cluster.in_parallel(post, enumerate(names))


def touch(cluster: Cluster, namespace: str, names: Iterable[str], *, value: str) -> None:
    """Change ConfigMaps, so that each watch shows them whole."""
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    cluster.in_parallel(
        lambda name: cluster.request("PATCH", f"{path}/{name}", {"data": {"a": value}}), names
    )


def objects(cluster: Cluster, namespace: str, names: Iterable[str], **spec: object) -> None:
    """Create DBInstanceSSL objects with heavy annotations, in cn-hangzhou."""
    path = f"/apis/{API_GROUP}/{API_VERSION}/namespaces/{namespace}/{PLURAL}"

    def post(numbered: tuple[int, str]) -> None:
        number, name = numbered
        body: dict[str, Any] = {
            "apiVersion": f"{API_GROUP}/{API_VERSION}",
            "kind": KIND,
            "metadata": {"name": name, "annotations": annotations(number)},
            "spec": {
                "regionID": "cn-hangzhou",
                "instanceID": f"pgm-{name}",
                "credentialsSecretRef": {"name": CREDENTIALS},
                **spec,
            },
        }
        cluster.request("POST", path, body)

    cluster.in_parallel(post, enumerate(names))
