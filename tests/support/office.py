"""
A namespace with people in it, each of whom has nothing but a ServiceAccount's token.

    office = Office(cluster)
    editor = office.person("editor")
    assert editor.create("orders") == 201, editor.said
    assert editor.merge("orders", {"spec": {"suspend": True}}) == 200, editor.said

Requests give the status of the answer, whatever it is, and keep what it says.
"""

import contextlib
import functools
import json
import ssl
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import yaml

from rds_ssl.core.model import API_GROUP, API_VERSION, APPROVE_ANNOTATION, KIND, PLURAL
from support import polling
from support.cluster import DEPLOY, NAMESPACE, Cluster

Json = dict[str, Any]

FLOOR = f"/api/v1/namespaces/{NAMESPACE}/configmaps/rds-ssl-floor"
"""The ConfigMap of deploy/policy."""

SECONDS = 30
"""For what the API server learns from a watch: policies, and what they take from ConfigMaps."""

DIGEST = "1111222233334444"
APPROVED = {"annotations": {APPROVE_ANNOTATION: DIGEST}}
"""Metadata that approve the plan of that digest."""

ROLES: Mapping[str, tuple[str, ...]] = {
    "editor": ("rds-ssl-dbinstancessl-viewer", "rds-ssl-dbinstancessl-editor"),
    "approver": ("rds-ssl-dbinstancessl-approver",),
    "editor-and-approver": ("rds-ssl-dbinstancessl-editor", "rds-ssl-dbinstancessl-approver"),
}
"""Of those with ClusterRoles of deploy/."""

OWN_RULES: Mapping[str, Json] = {
    "star": {
        "apiGroups": ["*"],
        "resources": ["*"],
        "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
    },
    "wildcard": {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
}
"""Of those whose Role is their own."""


def path_of(namespace: str, name: str = "", subresource: str = "") -> str:
    """Give the path of an object, or of all in a namespace."""
    parts = (f"/apis/{API_GROUP}/{API_VERSION}/namespaces/{namespace}/{PLURAL}", name, subresource)
    return "/".join(each for each in parts if each)


class Person:
    """A ServiceAccount at work in one namespace; requests give the answer, whatever it is."""

    def __init__(self, api: httpx.Client, namespace: str, *, acting_as: str = "") -> None:
        """*acting_as* is a user whom the client's own may impersonate."""
        self.api, self.namespace = api, namespace
        self._headers = {"Impersonate-User": acting_as} if acting_as else {}
        self.said = ""
        """The body of the last answer."""

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        kind: str = "json",
        *,
        accept: str = "application/json",
    ) -> int:
        """Make a request; give its status, and keep what it says."""
        answer = self.api.request(
            method,
            path,
            content=None if body is None else json.dumps(body),
            headers={"Content-Type": f"application/{kind}", "Accept": accept, **self._headers},
        )
        self.said = answer.text
        return answer.status_code

    def create(self, name: str, metadata: Json | None = None, **spec: object) -> int:
        """Create an object; a name that ends with a dash is one to be completed."""
        return self.send("POST", path_of(self.namespace), manifest(name, metadata, **spec))

    def merge(self, name: str, body: Json, subresource: str = "", *, dry_run: bool = False) -> int:
        """Send a merge patch."""
        path = path_of(self.namespace, name, subresource) + ("?dryRun=All" if dry_run else "")
        return self.send("PATCH", path, body, "merge-patch+json")

    def json_patch(self, name: str, *operations: Json) -> int:
        """Send a JSON patch."""
        path = path_of(self.namespace, name)
        return self.send("PATCH", path, list(operations), "json-patch+json")

    def apply(self, name: str, metadata: Json | None = None, **spec: object) -> int:
        """Apply on the server, with force."""
        path = f"{path_of(self.namespace, name)}?fieldManager=person&force=true"
        return self.send("PATCH", path, manifest(name, metadata, **spec), "apply-patch+yaml")

    def replace(self, name: str, change: Callable[[Json], object]) -> int:
        """Read an object, change it, and send it back whole."""
        path = path_of(self.namespace, name)
        assert self.send("GET", path) == 200, self.said
        found = json.loads(self.said)
        change(found)
        return self.send("PUT", path, found)

    def delete(self, name: str) -> int:
        """Delete an object."""
        return self.send("DELETE", path_of(self.namespace, name))

    def refused(self, status: int, policy: str) -> bool:
        """Hold that a policy has refused the last request, in words of its own."""
        assert (status, f"'{policy}'" in self.said) == (403, True), (status, self.said)
        return True


def manifest(name: str, metadata: Json | None = None, **spec: object) -> Json:
    """Make an object with that spec."""
    named = {"generateName": name} if name.endswith("-") else {"name": name}
    return {
        "apiVersion": f"{API_GROUP}/{API_VERSION}",
        "kind": KIND,
        "metadata": {**named, **(metadata or {})},
        "spec": {"instanceID": "pgm-1", "regionID": "cn-hangzhou", **spec},
    }


class Office:
    """A namespace with people, and the administrator."""

    def __init__(self, cluster: Cluster, namespace: str = "") -> None:
        """Work in *namespace*; without one, in a new one."""
        self.cluster = cluster
        self.namespace = namespace or cluster.namespace(
            f"office-{uuid.uuid4().hex[:8]}", credentials=False
        )
        self.admin = Person(cluster.api, self.namespace)
        self._clients: list[httpx.Client] = []

    def person(self, role: str, *, resource_names: tuple[str, ...] = ()) -> Person:
        """Make somebody with that role here, who has nothing but a token."""
        plane = self.cluster.control_plane
        plane.kubectl("-n", self.namespace, "create", "serviceaccount", role)
        rules = OWN_RULES.get(role)
        if resource_names:
            rules = {
                "apiGroups": [API_GROUP],
                "resources": [PLURAL],
                "resourceNames": list(resource_names),
                "verbs": ["approve", "patch"],
            }
        if rules:
            rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{self.namespace}/roles"
            self.cluster.request("POST", rbac, {"metadata": {"name": role}, "rules": [rules]})
        bound = [f"--role={role}"] if rules else [f"--clusterrole={each}" for each in ROLES[role]]
        for number, each in enumerate(bound):
            plane.kubectl(
                *("-n", self.namespace, "create", "rolebinding", f"{role}-{number}", each),
                f"--serviceaccount={self.namespace}:{role}",
            )
        return Person(self._client(role), self.namespace)

    def acting_as(self, user: str) -> Person:
        """Play a user of the cluster, with the rights that it has."""
        return Person(self.cluster.api, self.namespace, acting_as=user)

    def _client(self, account: str) -> httpx.Client:
        plane = self.cluster.control_plane
        config = yaml.safe_load(plane.kubeconfig_for(self.namespace, account).read_text())
        client = httpx.Client(
            base_url=plane.url,
            headers={"Authorization": f"Bearer {config['users'][0]['user']['token']}"},
            verify=ssl.create_default_context(cafile=str(plane.ca_file)),
            trust_env=False,
            timeout=polling.patience(30),
        )
        self._clients.append(client)
        return client

    def close(self) -> None:
        """Close what the people have open; the administrator's client is the cluster's."""
        for each in self._clients:
            each.close()

    def get(self, name: str = "orders") -> Json:
        """Read an object."""
        return self.cluster.get(self.namespace, name)

    def approval(self, name: str = "orders") -> str | None:
        """Give what an object's annotation approves."""
        found: str | None = (
            self.get(name)["metadata"].get("annotations", {}).get(APPROVE_ANNOTATION)
        )
        return found

    def spec(self, name: str = "orders") -> Json:
        """Give the spec of an object."""
        found: Json = self.get(name)["spec"]
        return found

    def names(self) -> list[str]:
        """Give the names of all objects."""
        return [each["metadata"]["name"] for each in self.cluster.list(self.namespace)]

    @contextlib.contextmanager
    def floor(self, **keys: str) -> Iterator[None]:
        """Give the namespace another floor, until the end."""
        own = {f"{self.namespace}.{key}": text for key, text in keys.items()}
        self.cluster.request("PATCH", FLOOR, {"data": own})
        try:
            yield
        finally:
            self.cluster.request("PATCH", FLOOR, {"data": dict.fromkeys(own)})

    def wait_floor(self, *, allows: bool, **spec: object) -> None:
        """Wait until the floor is in force, as a spec tells that it lets through or does not."""
        path = f"{path_of(self.namespace)}?dryRun=All"

        def problem() -> str | None:
            status = self.admin.send("POST", path, manifest("probe-of-floor", None, **spec))
            return None if (status == 201) is allows else f"{status}: {self.admin.said}"

        polling.wait(problem, seconds=SECONDS)


def guard(cluster: Cluster) -> None:
    """Apply deploy/policy, and wait until each policy is in force."""
    cluster.control_plane.kubectl("apply", "--server-side", "-k", str(DEPLOY / "policy"))
    with contextlib.closing(Office(cluster)) as office:
        editor, star = office.person("editor"), office.person("star")
        assert editor.create("probe") == 201, editor.said
        attempts: Mapping[str, tuple[Person, Json, str]] = {
            "floor": (editor, {"spec": {"adoptionPolicy": "Overwrite"}}, ""),
            "approval": (editor, {"metadata": APPROVED}, ""),
            "status": (star, {"status": {"history": []}}, "status"),
        }
        for policy, attempt in attempts.items():
            polling.wait(functools.partial(_let_through, policy, *attempt), seconds=SECONDS)
        office.admin.delete("probe")


def _let_through(policy: str, person: Person, body: Json, subresource: str) -> str | None:
    # Tried alone: what was let through once would be no change after it, and let through for ever.
    status = person.merge("probe", body, subresource, dry_run=True)
    return None if status == 403 else f"{policy} is not in force: {status} {person.said}"
