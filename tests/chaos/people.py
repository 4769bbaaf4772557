"""
What people do in a run: each edit until the API server has taken it, in the order of each object.

An edit is read and written with the version that was read: a request that was held up somewhere and
arrives late finds another one, and undoes nothing.
"""

import base64
import queue
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from chaos.plan import Deed, Edit, Mode, State, Subject
from chaos.referee import Asked
from rds_ssl.core.model import API_GROUP, API_VERSION, KIND, PLURAL
from support import pki
from support.cluster import CREDENTIALS, Cluster

Json = dict[str, Any]

NAMESPACE = "chaos"

HANDS = 8
"""People at work at a time."""

AGAIN_SECONDS = 0.3
"""Between two attempts of a write."""

REQUEST_SECONDS = 5.0
"""For one request: a frozen API server answers none."""

CLIENT_CA = "client-ca"

CHAIN_LENGTH = 2
"""Certificates in a Secret: the leaf, and who issued it."""

SPECS: dict[Mode, Callable[[str], Json]] = {
    Mode.OFF: lambda _: {
        "enabled": False,
        "serverCertificate": None,
        "clientAuthentication": None,
    },
    Mode.CLOUD: lambda _: {
        "enabled": True,
        "serverCertificate": None,
        "clientAuthentication": None,
    },
    Mode.CUSTOM: lambda secret: {
        "enabled": True,
        "serverCertificate": {"secretRef": {"name": secret}},
        "clientAuthentication": None,
    },
    Mode.CLIENTS: lambda secret: {
        "enabled": True,
        "serverCertificate": {"secretRef": {"name": secret}},
        "clientAuthentication": {"ca": {"configMapKeyRef": {"name": CLIENT_CA, "key": "ca.crt"}}},
    },
}
"""What each mode is in a spec, as a merge patch."""


@dataclass(slots=True)
class Person:
    """What is known of an object by whoever edits it."""

    subject: Subject
    leaves: dict[int, pki.Leaf] = field(default_factory=dict)
    by_fingerprint: dict[str, int] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    notes: int = 0
    """Edits without meaning so far."""
    deleted: bool = False
    applied_when_deleted: bool = True


class People:
    """Those who own the objects of a run."""

    def __init__(self, cluster: Cluster, subjects: Sequence[Subject]) -> None:
        self._cluster = cluster
        cluster.api.timeout = httpx.Timeout(REQUEST_SECONDS)
        self._root = pki.make_root("Chaos root")
        self._issuer = self._root.intermediate("Chaos issuer")
        self.persons = {each.name: Person(subject=each) for each in subjects}
        self._queues: list[queue.SimpleQueue[Edit | None]] = [
            queue.SimpleQueue() for _ in range(HANDS)
        ]
        self._threads = [
            threading.Thread(target=self._work, args=(each,), daemon=True) for each in self._queues
        ]
        self.failed: list[str] = []
        """What could not be done at all."""
        self.last_done = 0.0
        """Monotonic: when the last edit was done."""
        self._hasten = threading.Event()

    @property
    def keys(self) -> list[bytes]:
        """Every private key that was handed out, as PEM."""
        return [
            leaf.key_pem() for person in self.persons.values() for leaf in person.leaves.values()
        ]

    # -- the beginning ------------------------------------------------------------------------

    def create(self) -> None:
        """Create namespace, client CA, Secrets and objects; nothing is broken yet."""
        self._cluster.namespace(NAMESPACE)
        self._cluster.config_map(NAMESPACE, CLIENT_CA, {"ca.crt": self._root.pem})
        self._cluster.in_parallel(self._create, list(self.persons))
        for each in self._threads:
            each.start()

    def _create(self, name: str) -> None:
        person = self.persons[name]
        began = time.time()
        self._cluster.secret(NAMESPACE, f"{name}-tls", self._pair(person, 1))
        mode = SPECS[person.subject.mode](f"{name}-tls")
        body = {
            "apiVersion": f"{API_GROUP}/{API_VERSION}",
            "kind": KIND,
            "metadata": {"name": name},
            "spec": {
                "regionID": "cn-hangzhou",
                "instanceID": instance_id(name),
                "credentialsSecretRef": {"name": CREDENTIALS},
                "approvalRequired": [],
                "adoptionPolicy": "Overwrite",
                "deletionPolicy": "Disable" if person.subject.disables else "Retain",
                **{key: value for key, value in mode.items() if value is not None},
            },
        }
        self._cluster.request("POST", _objects(), body)
        state = person.subject.state
        person.asked.append(Asked(state=state, began=began, done=time.time()))

    # -- on the way ---------------------------------------------------------------------------

    def do(self, edit: Edit) -> None:
        """Have an edit done, after those of the same object before it."""
        self._queues[zlib.crc32(edit.name.encode()) % HANDS].put(edit)

    def finish(self, seconds: float) -> bool:
        """Wait until everything is done; False if that takes longer."""
        deadline = time.monotonic() + seconds
        for each in self._queues:
            each.put(None)
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0.0))
        done = not any(each.is_alive() for each in self._threads)
        self._hasten.set()
        return done

    def _work(self, edits: "queue.SimpleQueue[Edit | None]") -> None:
        while (edit := edits.get()) is not None:
            began = time.time()
            deed = {
                Deed.DECLARE: self._declare,
                Deed.ROTATE: self._rotate,
                Deed.RESPELL: self._respell,
                Deed.NOTE: self._note,
                Deed.LABEL: self._label,
                Deed.DELETE: self._delete,
            }[edit.deed]
            person = self.persons[edit.name]
            person.notes += 1
            while not self._attempt(deed, person, edit):
                if self._hasten.wait(AGAIN_SECONDS):
                    return
            self.last_done = time.monotonic()
            if edit.change is not None:
                person.asked.append(Asked(state=edit.change, began=began, done=time.time()))

    def _attempt(self, deed: Callable[[Person, Edit], None], person: Person, edit: Edit) -> bool:
        """Do it; False if it has to be tried again."""
        try:
            deed(person, edit)
        except httpx.HTTPStatusError as error:
            code = error.response.status_code
            if code in {400, 403, 404, 422}:
                self.failed.append(f"{edit}: {error}")
                return True
            return False
        except httpx.HTTPError:
            return False
        return True

    def _declare(self, person: Person, edit: Edit) -> None:
        name = person.subject.name
        self._patch(name, {"spec": SPECS[edit.mode](f"{name}-tls")})

    def _note(self, person: Person, edit: Edit) -> None:
        policy = "Report" if person.notes % 2 else "Correct"
        self._patch(edit.name, {"spec": {"driftPolicy": policy}})

    def _label(self, person: Person, edit: Edit) -> None:
        self._patch(edit.name, {"metadata": {"labels": {"note": f"number-{person.notes}"}}})

    def _rotate(self, person: Person, edit: Edit) -> None:
        self._write_secret(edit.name, self._pair(person, edit.leaf))

    def _respell(self, person: Person, edit: Edit) -> None:
        """Write the same certificate and key with other line ends, and a text around them."""
        self._write_secret(
            edit.name,
            {
                key: f"# note {person.notes}\n".encode() + value.replace(b"\n", b"\r\n")
                for key, value in self._pair(person, edit.leaf).items()
            },
        )

    def _delete(self, person: Person, edit: Edit) -> None:
        try:
            found = self._cluster.get(NAMESPACE, edit.name)
        except httpx.HTTPStatusError as error:
            if error.response.status_code == httpx.codes.NOT_FOUND:
                person.deleted = True
                return
            raise
        if not found["metadata"].get("deletionTimestamp"):
            person.applied_when_deleted = "applied" in (found.get("status") or {})
            self._cluster.delete(NAMESPACE, edit.name)
        person.deleted = True

    def _patch(self, name: str, patch: Json) -> None:
        found = self._cluster.get(NAMESPACE, name)
        if _has(found, patch):
            return
        version = {"resourceVersion": found["metadata"]["resourceVersion"]}
        patch = {**patch, "metadata": {**patch.get("metadata", {}), **version}}
        self._cluster.request("PATCH", f"{_objects()}/{name}", patch)

    def _write_secret(self, name: str, data: dict[str, bytes]) -> None:
        path = f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}-tls"
        found = self._cluster.request("GET", path)
        wanted = {key: base64.b64encode(value).decode() for key, value in data.items()}
        if found.get("data") != wanted:
            self._cluster.request("PUT", path, {**found, "data": wanted})

    # -- certificates -------------------------------------------------------------------------

    def _pair(self, person: Person, number: int) -> dict[str, bytes]:
        if number not in person.leaves:
            leaf = self._issuer.leaf(host(person.subject.name))
            person.leaves[number] = leaf
            person.by_fingerprint[leaf.sha256] = number
        leaf = person.leaves[number]
        return {"tls.crt": leaf.chain_pem, "tls.key": leaf.key_pem()}

    def state_of(self, name: str, ssl: Json) -> State | None:
        """Read settings as the simulator tells them; None: no state that anybody declared."""
        person = self.persons[name]
        if not ssl["enabled"]:
            return State(Mode.OFF)
        if ssl["ca_type"] != "custom":
            return None if ssl["client_ca_sha256"] else State(Mode.CLOUD)
        number = person.by_fingerprint.get(ssl["server_sha256"])
        if (
            number is None
            or len(ssl["chain_sha256"]) != len(person.leaves[number].intermediates) + 1
        ):
            return None
        trusted = ssl["client_ca_sha256"]
        if trusted not in ([], [self._root.sha256]):
            return None
        return State(Mode.CLIENTS if trusted else Mode.CUSTOM, number)


def instance_id(name: str) -> str:
    """Give the id of an object's instance."""
    return f"pgm-{name}"


def host(name: str) -> str:
    """Give its internal endpoint."""
    return f"{instance_id(name)}.pg.rds.aliyuncs.com"


def _objects() -> str:
    return f"/apis/{API_GROUP}/{API_VERSION}/namespaces/{NAMESPACE}/{PLURAL}"


def _has(found: Json, patch: Json) -> bool:
    """Whether a merge patch changes nothing of what is there, but for what it leaves out."""
    for name, value in patch.items():
        there = found.get(name)
        if isinstance(value, dict):
            if not isinstance(there, dict) or not _has(there, value):
                return False
        elif there != value:
            return False
    return True
