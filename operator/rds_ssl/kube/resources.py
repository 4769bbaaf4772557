"""The objects of the cluster that the operator reads and writes, as typed operations."""

import base64
import binascii
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from rds_ssl.core.errors import KubeError, KubeNotFound, KubeRefused
from rds_ssl.core.model import API_GROUP, API_VERSION, KIND, PLURAL
from rds_ssl.kube.client import KubeClient
from rds_ssl.kube.pages import pages

Kind = Literal["Secret", "ConfigMap"]
"""Kinds that hold material."""

PAGE = 500
"""Metadata that a LIST asks for at once; keeps the peak of memory low."""

OBJECTS_PAGE = 100
"""Whole objects that a LIST asks for at once, of 3 KB each: 200 held the loop for 28 ms."""

KOPFS_PAGE = 20
"""
Those that kopf asks for, which takes a page of any size: of objects as large as the API server
stores them, 30 MiB.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataObject:
    """A Secret or ConfigMap. Its *data* may hold keys: it lives for one pass and is not shown."""

    uid: str
    resource_version: str
    data: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"DataObject(uid={self.uid!r}, resource_version={self.resource_version!r}, …)"


class Resources:
    """
    Operations on one cluster.

    *namespaces* empty is all of them; otherwise every list is made once per namespace, as a Role
    in each allows. *selector* is a label selector for DBInstanceSSL objects.
    """

    def __init__(
        self, kube: KubeClient, *, namespaces: Sequence[str] = (), selector: str = ""
    ) -> None:
        self._kube = kube
        self._namespaces = tuple(namespaces)
        self._selector = selector

    async def list_all(self) -> list[dict[str, Any]]:
        """List every DBInstanceSSL that the operator is responsible for."""
        return [each async for page in self.pages() for each in page]

    async def pages(self) -> AsyncIterator[list[dict[str, Any]]]:
        """Yield the same page by page: whoever needs no more than one at a time keeps no more."""
        query = {"labelSelector": self._selector} if self._selector else {}
        for namespace in self._namespaces or (None,):
            async for page in self._pages(_path(namespace), query):
                yield page

    async def list_by_instance(self, instance_id: str) -> list[dict[str, Any]]:
        """
        List the claimants of an instance as etcd has them now, not as a cache remembers.

        The label selector does not narrow this: another operator's objects are claimants as well.
        """
        query = {"fieldSelector": f"spec.instanceID={instance_id}"}
        objects: list[dict[str, Any]] = []
        for namespace in self._namespaces or (None,):
            async for page in self._pages(_path(namespace), query):
                objects += page
        return objects

    async def list_by_primary(self, instance_id: str) -> list[dict[str, Any]]:
        """
        List as `list_by_instance` those of an instance, and those of its read-only instances.

        The latter by what their status tells: they have no record of a change without it.
        """
        objects = await self.list_by_instance(instance_id)
        query = {"fieldSelector": f"status.instance.masterInstanceID={instance_id}"}
        for namespace in self._namespaces or (None,):
            async for page in self._pages(_path(namespace), query):
                objects += page
        return objects

    async def get(self, namespace: str, name: str) -> dict[str, Any]:
        """
        Read one DBInstanceSSL (by a LIST: the operator needs no right to `get`).

        Raises:
            KubeNotFound: There is none of that name.
        """
        query = {"fieldSelector": f"metadata.name={name}"}
        found = [each async for page in self._pages(_path(namespace), query) for each in page]
        if not found:
            raise KubeNotFound(f"{KIND} {namespace}/{name} does not exist", status=404)
        return found[0]

    async def _pages(
        self, path: str, query: Mapping[str, str]
    ) -> AsyncIterator[list[dict[str, Any]]]:
        whole = "application/json"
        async for page in pages(self._kube, path, query, limit=OBJECTS_PAGE, accept=whole):
            yield page.get("items") or []

    async def patch_status(
        self, namespace: str, name: str, *, resource_version: str, status: Mapping[str, object]
    ) -> dict[str, Any]:
        """
        Merge *status* into the object's, if it still is at *resource_version*; null deletes.

        Raises:
            KubeConflict: The object has changed since.
        """
        body = {"metadata": {"resourceVersion": resource_version}, "status": status}
        path = f"{_path(namespace, name)}/status"
        return await self._kube.request("PATCH", path, body=body, repeatable=True)

    async def patch_finalizers(
        self, namespace: str, name: str, *, resource_version: str, finalizers: Sequence[str]
    ) -> dict[str, Any]:
        """Replace the list of finalizers, if the object still is at *resource_version*."""
        body = {"metadata": {"resourceVersion": resource_version, "finalizers": list(finalizers)}}
        path = _path(namespace, name)
        return await self._kube.request("PATCH", path, body=body, repeatable=True)

    async def read_data(self, kind: Kind, namespace: str, name: str) -> DataObject:
        """
        Read a Secret or ConfigMap; values that are not base64 are left out.

        Raises:
            KubeNotFound: It does not exist.
        """
        plural = "secrets" if kind == "Secret" else "configmaps"
        path = f"/api/v1/namespaces/{quote(namespace)}/{plural}/{quote(name)}"
        answer = await self._kube.request("GET", path)
        data = {key: _decoded(text) for key, text in (answer.get("data") or {}).items()}
        if kind == "ConfigMap":
            data = {key: str(text).encode() for key, text in (answer.get("data") or {}).items()}
            data |= {key: _decoded(text) for key, text in (answer.get("binaryData") or {}).items()}
        meta = answer["metadata"]
        return DataObject(uid=meta["uid"], resource_version=meta["resourceVersion"], data=data)

    async def create_event(
        self,
        involved: Mapping[str, Any],
        *,
        reason: str,
        message: str,
        warning: bool,
        time: str,
    ) -> str:
        """Post an Event about an object (its manifest's metadata is enough); return its name."""
        body = _event(involved, reason=reason, message=message, warning=warning, time=time)
        answer = await self._kube.request("POST", _events(body["metadata"]["namespace"]), body=body)
        return str(answer["metadata"]["name"])

    async def count_event(self, namespace: str, name: str, *, count: int, time: str) -> None:
        """
        Say that what an Event tells has happened again: *count* times by now, last at *time*.

        Raises:
            KubeNotFound: It is not there any more; the API server keeps them for an hour.
        """
        body = {"count": count, "lastTimestamp": time}
        await self._kube.request("PATCH", f"{_events(namespace)}/{quote(name)}", body=body)

    async def is_terminating(self, involved: Mapping[str, Any], *, time: str) -> bool:
        """
        True if the namespace of an object is being deleted.

        Asked by an Event that is not stored (dryRun): there the API server refuses every creation
        and names the cause. To read the Namespace would take a right over the whole cluster, which
        an installation for some namespaces does not have. Without the right to create Events,
        or without an answer, it is not known, and the answer is no.
        """
        body = _event(involved, reason="Released", message="", warning=False, time=time)
        path = _events(body["metadata"]["namespace"])
        try:
            await self._kube.request("POST", path, query={"dryRun": "All"}, body=body)
        except KubeRefused as error:
            return _TERMINATING in error.causes
        except KubeError:
            return False
        return False

    async def missing(self, *, watch_config: bool = True) -> list[str]:
        """
        Return what stands in the way of the work: the CRD, or a right; sentences, empty if nothing.

        Asks by doing: one LIST with limit 1 for each kind and namespace. Without *watch_config*
        nothing is asked of Secrets and ConfigMaps: a Role may name those that can be read.

        Raises:
            KubeUnavailable: The API server does not answer.
        """
        faults: list[str] = []
        for namespace in self._namespaces or (None,):
            where = f"in namespace {namespace}" if namespace else "cluster-wide"
            kinds = [(PLURAL, _path(namespace))]
            if watch_config:
                core = f"/api/v1/namespaces/{quote(namespace)}" if namespace else "/api/v1"
                kinds += [(kind, f"{core}/{kind}") for kind in ("secrets", "configmaps")]
            rights = _RIGHTS + _RIGHTS_ON_CONFIG if watch_config else _RIGHTS
            faults += await self._forbidden(namespace, where, rights)
            for kind, path in kinds:
                try:
                    await self._kube.request("GET", path, query={"limit": "1"}, accept=METADATA)
                except KubeNotFound:
                    faults.append(
                        f"the CustomResourceDefinition {PLURAL}.{API_GROUP} is missing"
                        " (kubectl apply -k crds/)"
                    )
                except KubeRefused as error:
                    if error.status not in {401, 403}:
                        raise
                    faults.append(f"the right to list {kind} {where} is missing")
        return faults

    async def _forbidden(
        self, namespace: str | None, where: str, rights: Sequence[tuple[str, str, str, str]]
    ) -> list[str]:
        """Ask for the rights that only a first use would show to be missing."""
        faults: list[str] = []
        for verb, group, resource, subresource in rights:
            attributes = {
                "namespace": namespace or "",
                "verb": verb,
                "group": group,
                "resource": resource,
                "subresource": subresource,
            }
            if not await allowed(self._kube, attributes):
                what = f"{resource}/{subresource}" if subresource else resource
                faults.append(f"the right to {verb} {what} {where} is missing")
        return faults


async def allowed(kube: KubeClient, attributes: Mapping[str, str]) -> bool:
    """
    True if the operator may do what *attributes* (of a SelfSubjectAccessReview) say.

    Raises:
        KubeUnavailable: The API server does not answer.
    """
    answer = await kube.request(
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        body={"spec": {"resourceAttributes": attributes}},
    )
    return bool((answer.get("status") or {}).get("allowed"))


_RIGHTS = (
    ("watch", API_GROUP, PLURAL, ""),
    ("patch", API_GROUP, PLURAL, ""),
    ("patch", API_GROUP, PLURAL, "status"),
)
"""
Verb, group, resource, subresource; that of listing is asked for by doing it. Without the right to
create Events the work goes on: a line of the log says so each time.
"""

_RIGHTS_ON_CONFIG = (
    ("get", "", "secrets", ""),
    ("watch", "", "secrets", ""),
    ("get", "", "configmaps", ""),
    ("watch", "", "configmaps", ""),
)

_TERMINATING = "NamespaceTerminating"
"""The cause of a 403 of the admission plug-in NamespaceLifecycle, which every API server has on."""

METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


def _event(
    involved: Mapping[str, Any], *, reason: str, message: str, warning: bool, time: str
) -> dict[str, Any]:
    meta = involved["metadata"]
    namespace = meta["namespace"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{meta['name'][:200]}.", "namespace": namespace},
        "involvedObject": {
            "apiVersion": f"{API_GROUP}/{API_VERSION}",
            "kind": KIND,
            "namespace": namespace,
            "name": meta["name"],
            "uid": meta["uid"],
            "resourceVersion": meta.get("resourceVersion", ""),
        },
        "type": "Warning" if warning else "Normal",
        "reason": reason,
        "message": message[:1024],  # The API server's own limit.
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
        "source": {"component": "rds-ssl-operator"},
        "reportingComponent": "rds-ssl.dev/operator",
    }


def _events(namespace: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace)}/events"


def _path(namespace: str | None, name: str | None = None) -> str:
    path = f"/apis/{API_GROUP}/{API_VERSION}"
    if namespace:
        path += f"/namespaces/{quote(namespace)}"
    path += f"/{PLURAL}"
    return f"{path}/{quote(name)}" if name else path


_BASE64 = re.compile(r"\s+")


def _decoded(text: object) -> bytes:
    try:
        return base64.b64decode(_BASE64.sub("", str(text)), validate=True)
    except (binascii.Error, ValueError):
        return b""
