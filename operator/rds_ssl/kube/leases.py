"""One Lease of the API server, read and written."""

from collections.abc import Mapping
from urllib.parse import quote

from rds_ssl.core.errors import KubeNotFound
from rds_ssl.core.lease import SERVES, Lease
from rds_ssl.kube.client import KubeClient
from rds_ssl.kube.resources import allowed

_GROUP = "coordination.k8s.io"
_VERBS = ("get", "create", "patch")


class Leases:
    """The Lease of one name in one namespace."""

    def __init__(self, kube: KubeClient, *, namespace: str, name: str, serves: str = "") -> None:
        """
        Name it.

        Args:
            kube: The way to the API server.
            namespace: Where it is.
            name: What it is called.
            serves: What who writes it serves, as `rds_ssl.core.lease.scope` has it.
        """
        self.serves = serves
        self._kube = kube
        self._namespace = namespace
        self._name = name
        self._all = f"/apis/{_GROUP}/v1/namespaces/{quote(namespace)}/leases"
        self._path = f"{self._all}/{quote(name)}"

    @property
    def what(self) -> str:
        """What it is called in a sentence."""
        return f"Lease {self._name} in namespace {self._namespace}"

    async def read(self, *, deadline: float) -> Lease | None:
        """
        Read it; None if it does not exist.

        Raises:
            KubeError: It cannot be read, in *deadline* seconds.
        """
        try:
            return Lease.of(await self._kube.request("GET", self._path, deadline=deadline))
        except KubeNotFound:
            return None

    async def write(
        self, spec: Mapping[str, object], before: Lease | None, *, deadline: float
    ) -> Lease:
        """
        Create it, or change it if it still is as it was read *before*.

        Raises:
            KubeConflict: Somebody else was faster.
            KubeError: It cannot be written, or no answer came in *deadline* seconds.
        """
        annotations = {SERVES: self.serves}
        if before is None:
            body = {
                "apiVersion": f"{_GROUP}/v1",
                "kind": "Lease",
                "metadata": {"name": self._name, "annotations": annotations},
                "spec": spec,
            }
            return Lease.of(
                await self._kube.request("POST", self._all, body=body, deadline=deadline)
            )
        metadata = {"resourceVersion": before.version, "annotations": annotations}
        body = {"metadata": metadata, "spec": spec}
        return Lease.of(await self._kube.request("PATCH", self._path, body=body, deadline=deadline))

    async def missing(self) -> list[str]:
        """
        Return which rights are missing, a sentence for each.

        Raises:
            KubeUnavailable: The API server does not answer.
        """
        faults: list[str] = []
        for verb in _VERBS:
            attributes = {
                "namespace": self._namespace,
                "verb": verb,
                "group": _GROUP,
                "resource": "leases",
                **({} if verb == "create" else {"name": self._name}),
            }
            if not await allowed(self._kube, attributes):
                faults.append(f"the right to {verb} {self.what} is missing")
        return faults
