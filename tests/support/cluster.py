"""A cluster with the operator's manifests in it, seen by an administrator's quick client."""

import base64
import json
import ssl
import subprocess
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import yaml

from rds_ssl.core.model import API_GROUP, API_VERSION, KIND, PLURAL
from support import polling
from support.controlplane import ControlPlane
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET

DEPLOY = Path(__file__).parents[2] / "deploy"
OVERLAYS = DEPLOY.parent / "overlays"
"""Other ways to install it, on top of deploy/."""
NAMESPACE, SERVICE_ACCOUNT = "rds-ssl-system", "rds-ssl-operator"
CREDENTIALS = "rds-credentials"

Json = dict[str, Any]


class Cluster:
    """
    *control_plane* with CRD, RBAC and namespaces of deploy/ applied, or of an overlay of it.

    Without *manifests* somebody else has applied them. *kubeconfig* is the operator's own: exactly
    the rights that these manifests grant.
    """

    def __init__(self, control_plane: ControlPlane, manifests: Path | None = DEPLOY) -> None:
        self.control_plane = control_plane
        if manifests:
            control_plane.kubectl("apply", "--server-side", "-k", str(manifests))
        control_plane.kubectl(
            "wait",
            "--for=condition=Established",
            f"--timeout={polling.patience(30):.0f}s",
            f"crd/{PLURAL}.{API_GROUP}",
        )
        self.kubeconfig = control_plane.kubeconfig_for(NAMESPACE, SERVICE_ACCOUNT)
        user = yaml.safe_load(control_plane.kubeconfig.read_text())["users"][0]["user"]
        self.api = httpx.Client(
            base_url=control_plane.url,
            headers={"Authorization": f"Bearer {user['token']}"},
            verify=ssl.create_default_context(cafile=str(control_plane.ca_file)),
            trust_env=False,
            timeout=polling.patience(30),
        )

    def close(self) -> None:
        """Close the client; the control plane is its owner's."""
        self.api.close()

    # -- requests -----------------------------------------------------------------------------

    def request(self, method: str, path: str, body: object = None, **query: str) -> Json:
        """Make a request; an error answer raises. A PATCH is a merge patch."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        answer = self.api.request(
            method,
            path,
            params=query,
            content=None if body is None else json.dumps(body),
            headers={"Content-Type": kind},
        )
        if answer.is_error:
            raise httpx.HTTPStatusError(
                f"{method} {path}: {answer.status_code} {answer.text[:500]}",
                request=answer.request,
                response=answer,
            )
        decoded: Json = answer.json()
        return decoded

    def in_parallel(self, work: Callable[[Any], object], items: Iterable[Any]) -> None:
        """Do *work* for each item, twenty at a time."""
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(work, items))

    # -- core objects -------------------------------------------------------------------------

    def namespace(self, name: str, *, credentials: bool = True) -> str:
        """Create a namespace, with a Secret of the simulator's access key unless told otherwise."""
        self.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        if credentials:
            self.credentials(name)
        return name

    def credentials(self, namespace: str) -> None:
        """Create the Secret of the simulator's access key."""
        key = {"accessKeyId": ACCESS_KEY_ID, "accessKeySecret": ACCESS_KEY_SECRET}
        self.secret(namespace, CREDENTIALS, key)

    def secret(self, namespace: str, name: str, data: Mapping[str, str | bytes]) -> None:
        """Create or replace a Secret."""
        self._put("secrets", namespace, name, {"data": _encoded(data)})

    def config_map(self, namespace: str, name: str, data: Mapping[str, bytes]) -> None:
        """Create or replace a ConfigMap."""
        text = {key: value.decode() for key, value in data.items()}
        self._put("configmaps", namespace, name, {"data": text})

    def _put(self, plural: str, namespace: str, name: str, content: Json) -> None:
        body = {"metadata": {"name": name, "namespace": namespace}, **content}
        path = f"/api/v1/namespaces/{namespace}/{plural}"
        try:
            self.request("POST", path, body)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != 409:
                raise
            self.request("PUT", f"{path}/{name}", body)

    def delete_secret(self, namespace: str, name: str) -> None:
        """Delete a Secret."""
        self.request("DELETE", f"/api/v1/namespaces/{namespace}/secrets/{name}")

    def events(self, namespace: str, reason: str | None = None) -> list[Json]:
        """List Events of a namespace, narrowed by reason."""
        found = self.request("GET", f"/api/v1/namespaces/{namespace}/events")["items"]
        return [each for each in found if reason in {None, each["reason"]}]

    # -- DBInstanceSSL ------------------------------------------------------------------------

    def create(self, namespace: str, name: str, **spec: object) -> Json:
        """Create a DBInstanceSSL in cn-hangzhou with the namespace's credentials."""
        body = {
            "apiVersion": f"{API_GROUP}/{API_VERSION}",
            "kind": KIND,
            "metadata": {"name": name},
            "spec": {
                "regionID": "cn-hangzhou",
                "credentialsSecretRef": {"name": CREDENTIALS},
                **spec,
            },
        }
        return self.request("POST", _path(namespace), body)

    def get(self, namespace: str, name: str) -> Json:
        """Read a DBInstanceSSL."""
        return self.request("GET", _path(namespace, name))

    def list(self, namespace: str) -> list[Json]:
        """List the DBInstanceSSL objects of a namespace."""
        found: list[Json] = self.request("GET", _path(namespace))["items"]
        return found

    def patch(self, namespace: str, name: str, **spec: object) -> Json:
        """Change fields of a spec; None takes one away."""
        return self.request("PATCH", _path(namespace, name), {"spec": spec})

    def annotate(self, namespace: str, name: str, **annotations: str) -> Json:
        """Set annotations under rds-ssl.dev/ (dashes as underscores)."""
        named = {f"rds-ssl.dev/{key.replace('_', '-')}": text for key, text in annotations.items()}
        return self.request("PATCH", _path(namespace, name), {"metadata": {"annotations": named}})

    def delete(self, namespace: str, name: str) -> None:
        """Delete a DBInstanceSSL; it may linger."""
        self.request("DELETE", _path(namespace, name))

    def exists(self, namespace: str, name: str) -> bool:
        """Whether it is still there."""
        return any(each["metadata"]["name"] == name for each in self.list(namespace))

    # -- waiting ------------------------------------------------------------------------------

    def wait_condition(  # Read as a sentence.
        self,
        namespace: str,
        name: str,
        kind: str,
        status: str,
        reason: str | None = None,
        *,
        seconds: float = 30,
    ) -> Json:
        """Wait for a condition of the present generation; give the object."""

        def problem() -> str | None:
            found = self.get(namespace, name)
            known = found["status"]
            if known.get("observedGeneration") != found["metadata"]["generation"]:
                return f"{name}: generation not seen"
            each = condition(found, kind)
            if each is None or each["status"] != status or reason not in {None, each["reason"]}:
                return f"{name}: {kind} is not {status} {reason or ''}: {known.get('conditions')}"
            return None

        polling.wait(problem, seconds=seconds)
        return self.get(namespace, name)

    def wait_all_ready(self, namespace: str, *, count: int, seconds: float) -> None:
        """Wait until so many objects are Ready."""

        def problem() -> str | None:
            ready = [each for each in self.list(namespace) if _is_ready(each)]
            return None if len(ready) == count else f"{len(ready)} of {count} are Ready"

        polling.wait(problem, seconds=seconds)

    def kubectl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run kubectl as administrator."""
        return self.control_plane.kubectl(*arguments)


def condition(found: Json, kind: str) -> Json | None:
    """Give a condition of an object."""
    conditions = found.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == kind), None)


def _is_ready(found: Json) -> bool:
    ready = condition(found, "Ready")
    return (
        ready is not None
        and ready["status"] == "True"
        and condition(found, "Reconciling") is None
        and found["status"]["observedGeneration"] == found["metadata"]["generation"]
    )


def _path(namespace: str, name: str | None = None) -> str:
    path = f"/apis/{API_GROUP}/{API_VERSION}/namespaces/{namespace}/{PLURAL}"
    return f"{path}/{name}" if name else path


def _encoded(data: Mapping[str, str | bytes]) -> dict[str, str]:
    return {
        key: base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
        for key, value in data.items()
    }
