"""deploy/ and the samples on a real API server; the operator's requests under its own rights."""

import asyncio
import json
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rds_ssl.core.model import API_GROUP, API_VERSION, FINALIZER, KIND, PLURAL
from rds_ssl.kube.client import KubeClient
from rds_ssl.kube.metadata_watch import MetadataWatch
from rds_ssl.kube.resources import Resources
from support.controlplane import ControlPlane
from support.polling import patience

Json = dict[str, Any]
Operation = Callable[[KubeClient], Awaitable[None]]

DEPLOY = Path(__file__).parents[2] / "deploy"
SAMPLES = sorted((DEPLOY / "samples").glob("*.yaml"))
NAME, NAMESPACE = "rds-ssl-operator", "rds-ssl-system"
OPERATOR = f"system:serviceaccount:{NAMESPACE}:{NAME}"
SHOP = "manifests-shop"
METADATA_OF_ONE = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
APPLY = ("apply", "--server-side", "--validate=strict")

MATERIAL = """
apiVersion: v1
kind: Secret
metadata: {name: orders-tls}
stringData: {tls.crt: a certificate, tls.key: a key}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: client-ca}
data: {ca.crt: a CA}
"""


@pytest.fixture(scope="module")
def deployed(control_plane: ControlPlane) -> ControlPlane:
    """The control plane with everything in deploy/; it stays, as others use the CRD as well."""
    control_plane.kubectl(*APPLY, "-k", str(DEPLOY))
    control_plane.kubectl(
        "wait",
        "--for=condition=Established",
        f"--timeout={patience(30):.0f}s",
        f"crd/{PLURAL}.{API_GROUP}",
    )
    return control_plane


@pytest.fixture(scope="module")
def shop(deployed: ControlPlane) -> Iterator[ControlPlane]:
    """The same with a namespace of a user, who has applied the samples."""
    deployed.kubectl("create", "namespace", SHOP)
    deployed.kubectl(*APPLY, "--namespace", SHOP, "-f", "-", input=MATERIAL)
    for path in SAMPLES:
        deployed.kubectl(*APPLY, "--namespace", SHOP, "-f", str(path))
    yield deployed
    deployed.kubectl("delete", PLURAL, "--all", "--namespace", SHOP)
    deployed.kubectl("delete", "namespace", SHOP, "--wait=false")


@pytest.fixture(scope="module")
def kubeconfig(shop: ControlPlane) -> Path:
    """The operator's own: nothing but its ServiceAccount's token."""
    return shop.kubeconfig_for(NAMESPACE, NAME)


# --- what is applied ----------------------------------------------------------------------------


def test_applying_it_again_changes_nothing(deployed: ControlPlane) -> None:
    def versions() -> dict[str, str]:
        items = json.loads(deployed.kubectl("get", "-k", str(DEPLOY), "-o", "json").stdout)["items"]
        return {
            f"{it['kind']}/{it['metadata']['name']}": it["metadata"]["resourceVersion"]
            for it in items
        }

    before = versions()

    deployed.kubectl(*APPLY, "-k", str(DEPLOY))

    assert len(before) == 12
    assert versions() == before


def test_the_api_server_has_nothing_to_warn_about(deployed: ControlPlane) -> None:
    dry_run = deployed.kubectl(*APPLY, "--dry-run=server", "-k", str(DEPLOY))

    assert dry_run.stderr == ""


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_can_be_tried_out_without_a_change(shop: ControlPlane, path: Path) -> None:
    dry_run = shop.kubectl(*APPLY, "--dry-run=server", "--namespace", SHOP, "-f", str(path))

    assert "serverside-applied (server dry run)" in dry_run.stdout
    assert dry_run.stderr == ""


def test_every_sample_is_stored_as_it_is_written(shop: ControlPlane) -> None:
    answer = shop.kubectl("get", PLURAL, "--namespace", SHOP, "-o", "json").stdout
    stored = {it["metadata"]["name"]: it["spec"] for it in json.loads(answer)["items"]}
    written = {
        it["metadata"]["name"]: it["spec"]
        for path in SAMPLES
        for it in yaml.safe_load_all(path.read_text())
        if it["kind"] == KIND
    }

    assert stored.keys() == written.keys()
    for name, spec in written.items():
        assert_holds(stored[name], spec)


def assert_holds(stored: object, written: object) -> None:
    """All that was written is there; beside it only defaults."""
    if isinstance(stored, dict) and isinstance(written, dict):
        for key, value in written.items():
            assert_holds(stored.get(key), value)
    elif isinstance(stored, list) and isinstance(written, list):
        for mine, theirs in zip(stored, written, strict=True):
            assert_holds(mine, theirs)
    else:
        assert stored == written


def pod(deployed: ControlPlane) -> Json:
    """The Pod that the Deployment's controller would make."""
    answer = deployed.kubectl("get", "deployment", NAME, "--namespace", NAMESPACE, "-o", "json")
    template = json.loads(answer.stdout)["spec"]["template"]
    metadata = template["metadata"] | {"name": "one", "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def create_pod(deployed: ControlPlane, manifest: Json) -> subprocess.CompletedProcess[str]:
    return deployed.kubectl(
        "create", "--dry-run=server", "-f", "-", input=json.dumps(manifest), check=False
    )


def test_the_pod_is_admitted_to_its_restricted_namespace(deployed: ControlPlane) -> None:
    done = create_pod(deployed, pod(deployed))

    assert (done.returncode, done.stderr) == (0, "")


def test_a_pod_that_may_be_root_is_not_admitted_there(deployed: ControlPlane) -> None:
    manifest = pod(deployed)
    del manifest["spec"]["securityContext"]["runAsNonRoot"]

    done = create_pod(deployed, manifest)

    assert done.returncode == 1
    assert 'violates PodSecurity "restricted' in done.stderr


# --- what the operator may do -------------------------------------------------------------------


def rights(deployed: ControlPlane, user: str) -> set[tuple[str, str, str]]:
    """Ask the API server itself for all that *user* may do in a namespace."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": "default"},
    }
    answer = deployed.kubectl(
        *("create", "-f", "-", "-o", "json", f"--as={user}"),
        "--validate=false",  # For it kubectl would list the CRDs, as that user.
        input=json.dumps(review),
    )
    status = json.loads(answer.stdout)["status"]
    assert not status["incomplete"]
    return {
        (group, resource, verb)
        for rule in status["resourceRules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_operator_has_these_rights_beside_those_of_every_account(
    deployed: ControlPlane,
) -> None:
    of_everybody = rights(deployed, f"system:serviceaccount:{NAMESPACE}:somebody-else")

    assert rights(deployed, OPERATOR) - of_everybody == {
        (API_GROUP, PLURAL, "list"),
        (API_GROUP, PLURAL, "watch"),
        (API_GROUP, PLURAL, "patch"),
        (API_GROUP, f"{PLURAL}/status", "patch"),
        ("", "secrets", "get"),
        ("", "secrets", "list"),
        ("", "secrets", "watch"),
        ("", "configmaps", "get"),
        ("", "configmaps", "list"),
        ("", "configmaps", "watch"),
        ("", "events", "create"),
        ("", "events", "patch"),
    }


def can_i(
    deployed: ControlPlane, user: str, verb: str, resource: str, *, namespace: str = SHOP
) -> str:
    plural, _, subresource = resource.partition("/")
    options = [f"--subresource={subresource}"] if subresource else []
    return deployed.kubectl(
        "auth",
        "can-i",
        verb,
        plural,
        *options,
        f"--as={user}",
        "--namespace",
        namespace,
        check=False,
    ).stdout.strip()


CUSTOM = f"{PLURAL}.{API_GROUP}"


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        ("list", CUSTOM),
        ("patch", CUSTOM),
        ("patch", f"{CUSTOM}/status"),
        ("get", "secrets"),
        ("watch", "configmaps"),
        ("create", "events"),
    ],
)
def test_the_operator_may(deployed: ControlPlane, verb: str, resource: str) -> None:
    assert can_i(deployed, OPERATOR, verb, resource) == "yes"


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        ("get", CUSTOM),
        ("create", CUSTOM),
        ("update", CUSTOM),
        ("delete", CUSTOM),
        ("update", f"{CUSTOM}/status"),
        ("create", "secrets"),
        ("patch", "secrets"),
        ("delete", "secrets"),
        ("patch", "configmaps"),
        ("list", "events"),
        ("create", "pods"),
        ("list", "nodes"),
        ("list", "namespaces"),
        ("list", "customresourcedefinitions.apiextensions.k8s.io"),
        ("create", "serviceaccounts/token"),
        ("impersonate", "users"),
        ("escalate", "clusterroles.rbac.authorization.k8s.io"),
    ],
)
@pytest.mark.parametrize("namespace", [NAMESPACE, SHOP])
def test_the_operator_may_not(
    deployed: ControlPlane, verb: str, resource: str, namespace: str
) -> None:
    assert can_i(deployed, OPERATOR, verb, resource, namespace=namespace) == "no"


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("viewer", ["get", "list", "watch"], ["create", "patch", "delete"]),
        ("editor", ["create", "update", "patch", "delete"], ["get"]),
    ],
)
def test_people_get_the_rights_of_their_role_but_never_the_status(
    shop: ControlPlane, role: str, may: list[str], may_not: list[str]
) -> None:
    cluster_role = f"--clusterrole=rds-ssl-dbinstancessl-{role}"
    shop.kubectl(
        *("create", "rolebinding", role, cluster_role, f"--user={role}", "--namespace", SHOP)
    )

    assert [can_i(shop, role, verb, CUSTOM) for verb in may] == ["yes"] * len(may)
    assert [can_i(shop, role, verb, CUSTOM) for verb in may_not] == ["no"] * len(may_not)
    assert can_i(shop, role, "patch", f"{CUSTOM}/status") == "no"


# --- the operator's own requests, with nothing but its token ------------------------------------


async def finds_nothing_missing(kube: KubeClient) -> None:
    assert await Resources(kube).missing() == []


async def lists_all_objects(kube: KubeClient) -> None:
    found = await Resources(kube).list_all()

    assert "orders" in {it["metadata"]["name"] for it in found}


async def lists_the_claimants_of_an_instance(kube: KubeClient) -> None:
    found = await Resources(kube).list_by_instance("pgm-bp1orders0example")

    assert [it["metadata"]["name"] for it in found] == ["orders"]


async def lists_a_primary_with_its_replicas(kube: KubeClient) -> None:
    """A field of the status has to be selectable."""
    found = await Resources(kube).list_by_primary("pgm-bp1orders0example")

    assert [it["metadata"]["name"] for it in found] == ["orders"]


async def reads_one_object(kube: KubeClient) -> None:
    found = await Resources(kube).get(SHOP, "orders")

    assert found["metadata"]["name"] == "orders"


async def reads_a_secret(kube: KubeClient) -> None:
    found = await Resources(kube).read_data("Secret", SHOP, "orders-tls")

    assert found.data == {"tls.crt": b"a certificate", "tls.key": b"a key"}


async def reads_a_config_map(kube: KubeClient) -> None:
    found = await Resources(kube).read_data("ConfigMap", SHOP, "client-ca")

    assert found.data == {"ca.crt": b"a CA"}


async def writes_status(kube: KubeClient) -> None:
    resources = Resources(kube)
    version = (await resources.get(SHOP, "orders"))["metadata"]["resourceVersion"]

    answer = await resources.patch_status(
        SHOP, "orders", resource_version=version, status={"observedGeneration": 1}
    )

    assert answer["status"]["observedGeneration"] == 1


async def sets_and_removes_a_finalizer(kube: KubeClient) -> None:
    resources = Resources(kube)
    for finalizers in ([FINALIZER], []):
        version = (await resources.get(SHOP, "orders"))["metadata"]["resourceVersion"]
        answer = await resources.patch_finalizers(
            SHOP, "orders", resource_version=version, finalizers=finalizers
        )
        assert answer["metadata"].get("finalizers", []) == finalizers


async def posts_an_event(kube: KubeClient) -> None:
    resources = Resources(kube)

    name = await resources.create_event(
        await resources.get(SHOP, "orders"),
        reason="Verified",
        message="as declared",
        warning=False,
        time="2026-11-24T03:00:00Z",
    )
    await resources.count_event(SHOP, name, count=2, time="2026-11-24T03:05:00Z")


async def first_events(kube: KubeClient, path: str, *, accept: str) -> list[Json]:
    """Watch until the server ends it, as asked, after a second."""
    query = {"watch": "1", "timeoutSeconds": "1"}
    async with kube.stream(path, query=query, accept=accept, idle=10, total=20) as response:
        return [json.loads(line) for line in (await response.text()).splitlines()]


async def watches_objects_as_kopf_does(kube: KubeClient) -> None:
    path = f"/apis/{API_GROUP}/{API_VERSION}/{PLURAL}"

    events = await first_events(kube, path, accept="application/json")

    assert "orders" in {event["object"]["metadata"]["name"] for event in events}


class SeenError(BaseException):
    """Ends a watch at what it was started for."""


async def watches_the_metadata_of_secrets_and_config_maps(kube: KubeClient) -> None:
    for kind, name in (("secrets", "orders-tls"), ("configmaps", "client-ca")):

        def stop_at(key: tuple[str, str], wanted: str = name) -> None:
            if key == (SHOP, wanted):
                raise SeenError

        with pytest.raises(SeenError):
            await MetadataWatch(kube, f"/api/v1/{kind}", stop_at).run()

        events = await first_events(kube, f"/api/v1/{kind}", accept=METADATA_OF_ONE)

        assert {event["object"]["kind"] for event in events} == {"PartialObjectMetadata"}
        assert name in {event["object"]["metadata"]["name"] for event in events}


@pytest.mark.parametrize(
    "operation",
    [
        finds_nothing_missing,
        lists_all_objects,
        lists_the_claimants_of_an_instance,
        lists_a_primary_with_its_replicas,
        reads_one_object,
        reads_a_secret,
        reads_a_config_map,
        writes_status,
        sets_and_removes_a_finalizer,
        posts_an_event,
        watches_objects_as_kopf_does,
        watches_the_metadata_of_secrets_and_config_maps,
    ],
)
def test_with_its_own_rights_the_operator(kubeconfig: Path, operation: Operation) -> None:
    async def run() -> None:
        kube = await KubeClient.connect(str(kubeconfig))
        try:
            await operation(kube)
        finally:
            await kube.close()

    asyncio.run(run())
