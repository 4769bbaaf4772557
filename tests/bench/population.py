"""Objects that come and go: made in bulk, and removed without a trace."""

import base64
import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench import bulk
from bench.bulk import Request
from bench.material import Data, Mint
from bench.naming import instance_of, name_of, secret_of
from bench.world import World
from rds_ssl.core.model import API_GROUP, API_VERSION, KIND, PLURAL
from support.cluster import CREDENTIALS, Json

BATCH = 100
"""Instances with certificates in one request, whose size the simulator limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Objects of one namespace, their Secrets and their instances, by number."""

    world: World
    mint: Mint
    namespace: str

    def create(self, numbers: Iterable[int]) -> None:
        """Create instances, Secrets and objects, in this order."""
        made = list(numbers)
        self.create_instances(made)
        bulk.send(self.world.cluster, (self.secret(each) for each in made))
        self.create_objects(made)

    def create_as_declared(self, numbers: Sequence[int]) -> None:
        """Create the same, but with the certificates of the Secrets in force."""
        for begin in range(0, len(numbers), BATCH):
            data = {each: self.mint.data(each) for each in numbers[begin : begin + BATCH]}
            self.world.rds.put_instances(
                *({**_instance(number), "ssl": _ssl(each)} for number, each in data.items())
            )
            bulk.send(
                self.world.cluster,
                (self.secret(number, data=each) for number, each in data.items()),
            )
        self.create_objects(numbers)

    def create_instances(self, numbers: Iterable[int]) -> None:
        """Create PostgreSQL instances without SSL."""
        self.world.rds.put_instances(*(_instance(each) for each in numbers))

    def secret(self, number: int, *, data: Data | None = None) -> Request:
        """Make the request that creates a Secret, with a new certificate unless there is *data*."""
        body = {"metadata": {"name": secret_of(number)}, "data": data or self.mint.data(number)}
        return Request(method="POST", path=self._secrets(), body=body)

    def rotation(self, number: int) -> Request:
        """Make the request that gives a Secret a new certificate."""
        path = f"{self._secrets()}/{secret_of(number)}"
        return Request(method="PATCH", path=path, body={"data": self.mint.data(number)})

    def create_objects(self, numbers: Iterable[int]) -> None:
        """Create DBInstanceSSL objects."""
        bulk.send(self.world.cluster, (self._object(each) for each in numbers))

    def _object(self, number: int) -> Request:
        spec = {
            "instanceID": instance_of(number),
            "regionID": "cn-hangzhou",
            "credentialsSecretRef": {"name": CREDENTIALS},
            "serverCertificate": {"secretRef": {"name": secret_of(number)}},
        }
        body: Json = {
            "apiVersion": f"{API_GROUP}/{API_VERSION}",
            "kind": KIND,
            "metadata": {"name": name_of(number)},
            "spec": spec,
        }
        return Request(method="POST", path=self._objects(), body=body)

    def remove(self) -> None:
        """Remove all objects and Secrets; whoever held them with finalizers is gone."""
        cluster = self.world.cluster
        found = cluster.request("GET", self._objects())["items"]
        held = [each["metadata"] for each in found if each["metadata"].get("finalizers")]
        free = {"metadata": {"finalizers": None}}
        paths = [f"{self._objects()}/{each['metadata']['name']}" for each in found]
        found = cluster.request("GET", self._secrets())["items"]
        paths += [f"{self._secrets()}/{each['metadata']['name']}" for each in found]
        bulk.send(
            cluster,
            (
                Request(method="PATCH", path=f"{self._objects()}/{each['name']}", body=free)
                for each in held
            ),
        )
        bulk.send(cluster, (Request(method="DELETE", path=each) for each in paths))

    def _objects(self) -> str:
        return f"/apis/{API_GROUP}/{API_VERSION}/namespaces/{self.namespace}/{PLURAL}"

    def _secrets(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/secrets"


@contextlib.contextmanager
def population(world: World, mint: Mint, *, namespace: str) -> Iterator[Population]:
    """Make an empty namespace with credentials, and empty it at the end."""
    world.cluster.namespace(namespace)
    people = Population(world=world, mint=mint, namespace=namespace)
    try:
        yield people
    finally:
        people.remove()


def _instance(number: int) -> Json:
    return {"id": instance_of(number), "profile": "postgresql-14"}


def _ssl(data: Data) -> Json:
    """Make the settings of an instance that has the certificate of a Secret."""
    chain, key = (base64.b64decode(data[name]).decode() for name in ("tls.crt", "tls.key"))
    return {"enabled": True, "server_cert": chain, "server_key": key}
