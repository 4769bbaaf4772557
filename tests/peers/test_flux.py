"""
Flux's kustomize-controller applies what Git has, and its `wait` agrees with our conditions.

Its source-controller is not needed: the test serves the archive and writes the GitRepository's
status, which is all that the other one takes from it.
"""

import functools
import hashlib
import http.server
import io
import shutil
import tarfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from rds_ssl.core.model import APPROVE_ANNOTATION, KIND
from support import polling
from support.cluster import CREDENTIALS, Cluster, condition
from support.operator_process import OperatorProcess
from support.shop import ORDERS, Shop, secret
from support.supervisor import Supervisor

Json = dict[str, Any]

FIGURES = ("what Git has", "the object", "Flux says")

SAMPLES = Path(__file__).parents[2] / "deploy" / "samples"
SOURCES = "source.toolkit.fluxcd.io/v1"
KUSTOMIZATIONS = "kustomize.toolkit.fluxcd.io/v1"
NEVER = {"windows": [{"schedule": "0 3 29 2 *", "duration": "1h"}]}
"""A maintenance window that is closed today, except for an hour of a leap day."""

CERTIFICATE: Json = {"serverCertificate": {"secretRef": {"name": secret(ORDERS)}}}

HEALTH_SECONDS = 30
"""The shortest time that Flux waits."""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there.
        """Say nothing."""


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder, and the URL at which it is served."""
    folder = tmp_path_factory.mktemp("archives")
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def flux(
    cluster: Cluster,
    programs: Supervisor,
    tool: Callable[[str], Path],
    source: Callable[[str, str], Path],
) -> Iterator[Supervisor]:
    """Its controller, at work in the whole cluster."""
    name = "kustomize-controller"
    for module in (f"github.com/fluxcd/{name}", "github.com/fluxcd/source-controller@v1.9.6"):
        crds = source(name, module) / "config" / "crd" / "bases"
        cluster.kubectl("apply", "--server-side", "-f", str(crds))
    cluster.kubectl(
        "wait",
        "--for=condition=Established",
        f"--timeout={polling.patience(30):.0f}s",
        "crd/kustomizations.kustomize.toolkit.fluxcd.io",
        "crd/gitrepositories.source.toolkit.fluxcd.io",
    )
    env = shutil.which("env") or "/usr/bin/env"
    environ = [f"KUBECONFIG={cluster.control_plane.kubeconfig}", "RUNTIME_NAMESPACE=default"]
    flags = ["--metrics-addr=127.0.0.1:0", "--health-addr=127.0.0.1:0", "--events-addr="]
    programs.start(name, [env, *environ, tool(name), *flags, "--requeue-dependency=2s"])
    log = programs.directory / f"{name}.log"

    def problem() -> str | None:
        said = log.read_text(errors="replace")
        return None if "Starting workers" in said else f"it does not run: {said[-2000:]}"

    polling.wait(problem, seconds=30)
    yield programs
    programs.kill(name)


@pytest.fixture
def git(flux: Supervisor, shop: Shop, archives: tuple[Path, str]) -> Iterator["Git"]:
    """A repository, and a Kustomization that applies it into the shop's namespace and waits."""
    assert flux.process_ids()
    git = Git(shop, *archives)
    yield git
    git.remove()


class Git:
    """What is in Git, and what Flux says of it."""

    def __init__(self, shop: Shop, folder: Path, url: str) -> None:
        """*folder* is served at *url*."""
        self.shop, self.cluster, self.folder, self.url = shop, shop.cluster, folder, url
        self.revision = 0

    def publish(self, *objects: Json) -> None:
        """Make a new revision with exactly these objects; Flux applies it, and waits."""
        self.revision += 1
        archive = f"{self.shop.namespace}-{self.revision}.tar.gz"
        data = pack({"objects.yaml": yaml.safe_dump_all(objects).encode()})
        (self.folder / archive).write_bytes(data)
        if self.revision == 1:
            self._create(SOURCES, "GitRepository", {"url": "https://example.com/a.git"})
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        ready = {"type": "Ready", "status": "True", "reason": "Succeeded", "message": "served"}
        artifact = {
            "digest": f"sha256:{hashlib.sha256(data).hexdigest()}",
            "lastUpdateTime": now,
            "path": archive,
            "revision": self._named,
            "size": len(data),
            "url": f"{self.url}/{archive}",
        }
        status = {"observedGeneration": 1, "artifact": artifact}
        status["conditions"] = [{**ready, "lastTransitionTime": now}]
        path = self._path(SOURCES, "GitRepository")
        self.cluster.request("PATCH", f"{path}/status", {"status": status})
        if self.revision == 1:
            wanted = {
                "interval": "1h",
                "retryInterval": "2s",
                "timeout": f"{HEALTH_SECONDS}s",
                "prune": True,
                "wait": True,
                "targetNamespace": self.shop.namespace,
                "path": "./",
                "sourceRef": {"kind": "GitRepository", "name": "git"},
            }
            self._create(KUSTOMIZATIONS, "Kustomization", {**wanted})

    def look_again(self) -> None:
        """Have Flux apply and wait once more, and wait for the end of that."""
        token = datetime.now(UTC).isoformat()
        path = self._path(KUSTOMIZATIONS, "Kustomization")
        annotations = {"reconcile.fluxcd.io/requestedAt": token}
        self.cluster.request("PATCH", path, {"metadata": {"annotations": annotations}})

        def problem() -> str | None:
            status = self.kustomization().get("status", {})
            done = status.get("lastHandledReconcileAt") == token
            return None if done else f"Flux has not looked again: {status}"

        polling.wait(problem, seconds=2 * HEALTH_SECONDS)

    def wait(self, status: str, reason: str) -> str:
        """Wait until Flux says this of the last revision; give its message."""
        said: list[str] = []

        def problem() -> str | None:
            found = self.kustomization()
            ready = condition(found, "Ready") or {}
            known = found.get("status", {})
            tried = known.get("lastAttemptedRevision") == self._named
            if tried and (ready.get("status"), ready.get("reason")) == (status, reason):
                said.append(ready["message"])
                return None
            return f"Flux says {ready} of {known.get('lastAttemptedRevision')}"

        polling.wait(problem, seconds=2 * HEALTH_SECONDS)
        return said[-1]

    def kustomization(self) -> Json:
        """Give the Kustomization."""
        return self.cluster.request("GET", self._path(KUSTOMIZATIONS, "Kustomization"))

    def remove(self) -> None:
        """Take the Kustomization away, and with it all that it has applied."""
        if not self.revision:
            return
        path = self._path(KUSTOMIZATIONS, "Kustomization")
        self.cluster.request("DELETE", path)
        self.shop.wait_until("Flux has pruned", lambda: not self.cluster.list(self.shop.namespace))

    @property
    def _named(self) -> str:
        return f"main@sha1:{self.revision:040x}"

    def _create(self, version: str, kind: str, spec: Json) -> None:
        body = {"apiVersion": version, "kind": kind, "metadata": {"name": "git"}}
        path = self._path(version, kind).rpartition("/")[0]
        self.cluster.request("POST", path, {**body, "spec": {"interval": "1h", **spec}})

    def _path(self, version: str, kind: str) -> str:
        plural = {"GitRepository": "gitrepositories", "Kustomization": "kustomizations"}[kind]
        return f"/apis/{version}/namespaces/{self.shop.namespace}/{plural}/git"


def pack(files: dict[str, bytes]) -> bytes:
    """Make an archive as source-controller does."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def declared(shop: Shop, name: str = ORDERS, /, **spec: object) -> Json:
    """Make the object that Git has for an instance."""
    wanted = {"instanceID": shop.instance_id(name), "regionID": "cn-hangzhou"}
    wanted |= {"credentialsSecretRef": {"name": CREDENTIALS}, **spec}  # type: ignore[dict-item]
    return {
        "apiVersion": "rds-ssl.dev/v1alpha1",
        "kind": KIND,
        "metadata": {"name": name},
        "spec": wanted,
    }


# Before the first test that has an operator: the fixture ends with the module.
def test_an_object_that_no_operator_has_looked_at_is_not_taken_for_finished(
    git: Git, shop: Shop, figures: Callable[..., None]
) -> None:
    git.publish(declared(shop))

    said = git.wait("False", "HealthCheckFailed")

    assert shop.status() == {"observedGeneration": -1}
    assert "timeout waiting for" in said
    assert "InProgress" in said
    figures("a new object, no operator", "observedGeneration: -1", f"after 30 s: {said[:60]}…")


def test_the_samples_are_applied_and_finished_when_they_are_ready(
    git: Git, shop: Shop, operator: OperatorProcess, figures: Callable[..., None]
) -> None:
    samples = [
        each
        for name in ("postgresql-minimal", "mysql", "postgresql")
        for each in yaml.safe_load_all((SAMPLES / f"{name}.yaml").read_text())
    ]
    for each in samples:
        host = each["spec"].get("connectionString") or f"{each['metadata']['name']}.example.com"
        shop.rds.put_instance(
            each["spec"]["instanceID"],
            profile="mysql-5.7" if each["metadata"]["name"] == "billing" else "postgresql-14",
            region=each["spec"]["regionID"],
            connection_string=host,
        )
        shop.write_pair(shop.root.leaf(host), each["metadata"]["name"])
    shop.write_client_ca(shop.root.pem, shop.root.revocation_list())

    git.publish(*samples)

    git.wait("True", "ReconciliationSucceeded")
    for each in samples:
        told = shop.conditions(each["metadata"]["name"])
        assert told["Ready"] == ("True", "Verified")
        assert "Reconciling" not in told
    assert operator.poll() is None
    figures("three samples", "Ready=True", "Ready=True once all are")


def test_what_a_person_has_to_mend_fails_early_and_is_taken_up_when_mended(
    git: Git, shop: Shop, operator: OperatorProcess, figures: Callable[..., None]
) -> None:
    git.publish(declared(shop))

    said = git.wait("False", "HealthCheckFailed")

    assert shop.conditions()["Stalled"] == ("True", "InstanceNotFound")
    assert "stalled" in said
    assert "timeout" not in said
    figures("an instance that does not exist", "Stalled", said[:60] + "…")

    shop.add_instance()
    shop.look_again()

    git.wait("True", "ReconciliationSucceeded")
    assert operator.poll() is None


def test_material_that_waits_for_its_window_holds_nothing_up(
    git: Git, shop: Shop, operator: OperatorProcess, figures: Callable[..., None]
) -> None:
    shop.add_instance()
    leaf = shop.leaf()
    shop.set_pair(leaf)
    shop.write_pair(leaf)
    git.publish(declared(shop, maintenance=NEVER, **CERTIFICATE))
    git.wait("True", "ReconciliationSucceeded")

    shop.write_pair(shop.leaf())
    shop.wait("ChangePending", "True", "AwaitingWindow")
    git.look_again()

    git.wait("True", "ReconciliationSucceeded")
    assert shop.cost() == (0, 0, 0)
    assert operator.poll() is None
    figures("a held rotation", "Ready=True, ChangePending", "Ready=True")


def test_an_edit_that_is_held_is_waited_for_and_an_approval_beside_git_stays(
    git: Git, shop: Shop, operator: OperatorProcess, figures: Callable[..., None]
) -> None:
    shop.add_instance()
    leaf = shop.leaf()
    shop.write_pair(leaf)
    shop.write_client_ca(shop.root.pem)
    ca = {"configMapKeyRef": {"name": "client-ca"}}
    strict = {"ca": ca, "acl": "verify-full"}
    git.publish(declared(shop, clientAuthentication=strict, **CERTIFICATE))
    git.wait("True", "ReconciliationSucceeded")
    paid = shop.cost()

    git.publish(declared(shop, clientAuthentication={"ca": ca}, **CERTIFICATE))

    said = git.wait("False", "HealthCheckFailed")
    assert "InProgress" in said
    assert shop.conditions()["ChangePending"] == ("True", "AwaitingApproval")
    assert shop.cost() == paid
    figures("a held edit", "Ready=False, ChangePending", f"after 30 s: {said[:60]}…")

    digest = shop.status()["plan"]["digest"]
    shop.cluster.annotate(shop.namespace, ORDERS, approve=digest)

    git.wait("True", "ReconciliationSucceeded")
    git.look_again()
    assert shop.get()["metadata"]["annotations"][APPROVE_ANNOTATION] == digest
    assert shop.cost()[1] == paid[1] + 1
    assert operator.poll() is None
    figures("the same, approved", "Ready=True", "Ready=True; the annotation stays")
