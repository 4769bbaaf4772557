"""Dockerfile, manifests and samples agree with the code, with each other and with good practice."""

import asyncio
import contextlib
import re
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from rds_ssl.aliyun import credentials
from rds_ssl.core.api import spec as declaration
from rds_ssl.core.checks import eligibility
from rds_ssl.core.errors import KubeNotFound
from rds_ssl.core.model import ACL, API_GROUP, API_VERSION, KIND, PLURAL, CAType, Restart
from rds_ssl.core.planning.fields import Comparison, Field
from rds_ssl.core.planning.impacts import predict_restart
from rds_ssl.core.shards import Shard
from rds_ssl.kube.client import KubeClient
from rds_ssl.kube.metadata_watch import MetadataWatch
from rds_ssl.kube.resources import Resources
from rds_ssl.settings import load

Json = dict[str, Any]
Right = tuple[str, str, str]
"""API group, resource and verb."""

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SAMPLES = sorted((DEPLOY / "samples").glob("*.yaml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKED = {
    package["name"]: package["version"]
    for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
}
NAME = "rds-ssl-operator"
NAMESPACE = "rds-ssl-system"
ELECTION = f"{NAME}-leader-election"


def documents(path: Path) -> list[Json]:
    return list(yaml.safe_load_all(path.read_text()))


def kustomization() -> Json:
    (loaded,) = documents(DEPLOY / "kustomization.yaml")
    return loaded


def manifest(kind: str, name: str = NAME) -> Json:
    files = (DEPLOY / each for each in kustomization()["resources"] if each.endswith(".yaml"))
    (found,) = (
        each
        for file in files
        for each in documents(file)
        if (each["kind"], each["metadata"]["name"]) == (kind, name)
    )
    return found


def container() -> Json:
    (only,) = manifest("Deployment")["spec"]["template"]["spec"]["containers"]
    found: Json = only
    return found


def stages() -> list[list[str]]:
    """Instructions of the Dockerfile, each on one line, by stage."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    text = re.sub(r"\\\n\s*", "", text)
    _, *parts = re.split(r"^FROM ", text, flags=re.MULTILINE)
    return [part.strip().splitlines() for part in parts]


def rights(role: str) -> set[Right]:
    return {
        (group, resource, verb)
        for rule in manifest("ClusterRole", role)["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


# --- what the code asks of the API server -------------------------------------------------------


class _EndError(BaseException):
    """Ends a watch that would go on for ever."""


class RecordingKube(KubeClient):
    """Answers every request with an object that is also a list, and keeps the rights it takes."""

    def __init__(self) -> None:
        self.rights: set[Right] = set()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,  # noqa: ARG002
        body: object = None,  # noqa: ARG002
        accept: str = "",  # noqa: ARG002
        deadline: float = 0,  # noqa: ARG002
        largest: int = 0,  # noqa: ARG002
        repeatable: bool = False,  # noqa: ARG002
    ) -> Json:
        self.rights.add(right(method, path))
        return {"items": [], "metadata": {"name": "a", "uid": "1", "resourceVersion": "1"}}

    @contextlib.asynccontextmanager
    async def stream(
        self,
        path: str,
        *,
        query: Mapping[str, str],
        accept: str,  # noqa: ARG002
        idle: float,  # noqa: ARG002
        total: float,  # noqa: ARG002
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        group, resource, verb = right("GET", path)
        assert (verb, query["watch"]) == ("list", "1")
        self.rights.add((group, resource, "watch"))
        raise _EndError
        yield


def right(method: str, path: str) -> Right:
    """Name the right that a request takes, as the API server does."""
    match = re.fullmatch(
        r"/(?:api|apis/(?P<group>[^/]+))/[^/]+(?:/namespaces/[^/]+)?"
        r"/(?P<resource>[^/]+)(?:/(?P<name>[^/]+)(?P<subresource>/[^/]+)?)?",
        path,
    )
    assert match, path
    verb = {"PATCH": "patch", "POST": "create", "GET": "get" if match["name"] else "list"}[method]
    return match["group"] or "", match["resource"] + (match["subresource"] or ""), verb


INVOLVED = {"metadata": {"namespace": "shop", "name": "orders", "uid": "1"}}

# Every operation of Resources stands here: a new one fails the test until it has its row.
OPERATIONS: dict[str, Callable[[Resources], Awaitable[object]]] = {
    "list_all": lambda it: it.list_all(),
    "pages": lambda it: anext(it.pages()),
    "list_by_instance": lambda it: it.list_by_instance("pgm-1"),
    "list_by_primary": lambda it: it.list_by_primary("pgm-1"),
    "get": lambda it: it.get("shop", "orders"),
    "missing": lambda it: it.missing(),
    "patch_status": lambda it: it.patch_status("shop", "orders", resource_version="1", status={}),
    "patch_finalizers": lambda it: it.patch_finalizers(
        "shop", "orders", resource_version="1", finalizers=[]
    ),
    "read_data": lambda it: asyncio.gather(
        it.read_data("Secret", "shop", "orders-tls"), it.read_data("ConfigMap", "shop", "client-ca")
    ),
    "create_event": lambda it: it.create_event(
        INVOLVED, reason="Verified", message="", warning=False, time="2026-11-24T03:00:00Z"
    ),
    "count_event": lambda it: it.count_event(
        "shop", "orders.1", count=2, time="2026-11-24T03:00:00Z"
    ),
    "is_terminating": lambda it: it.is_terminating(INVOLVED, time="2026-11-24T03:00:00Z"),
}
NEEDED_BY_KOPF = {(API_GROUP, PLURAL, "list"), (API_GROUP, PLURAL, "watch")}
"""With scanning off; measured on a real API server."""


EVERYBODY = {("authorization.k8s.io", "selfsubjectaccessreviews", "create")}
"""Whoever is authenticated may ask about himself: the API server's own role system:basic-user."""


async def needed() -> set[Right]:
    kube = RecordingKube()
    for operation in OPERATIONS.values():
        with contextlib.suppress(KubeNotFound):  # Of `get`: the list is empty.
            await operation(Resources(kube))
    for path in ("/api/v1/secrets", "/api/v1/configmaps"):
        with pytest.raises(_EndError):
            await MetadataWatch(kube, path, lambda _: None).run()
    return (kube.rights | NEEDED_BY_KOPF) - EVERYBODY


def test_every_operation_on_the_cluster_has_a_row() -> None:
    operations = {name for name in vars(Resources) if not name.startswith("_")}

    assert OPERATIONS.keys() == operations


def test_the_operator_may_do_what_its_functions_need_and_nothing_more() -> None:
    assert rights(NAME) == asyncio.run(needed())


def test_the_rights_are_those_that_were_reviewed() -> None:
    assert rights(NAME) == {
        (API_GROUP, PLURAL, "list"),  # kopf, Resources.list_all, .list_by_instance, .get
        (API_GROUP, PLURAL, "watch"),  # kopf
        (API_GROUP, PLURAL, "patch"),  # Resources.patch_finalizers
        (API_GROUP, f"{PLURAL}/status", "patch"),  # Resources.patch_status
        ("", "secrets", "get"),  # Resources.read_data
        ("", "secrets", "list"),  # MetadataWatch, Resources.missing
        ("", "secrets", "watch"),  # MetadataWatch
        ("", "configmaps", "get"),  # Resources.read_data
        ("", "configmaps", "list"),  # MetadataWatch, Resources.missing
        ("", "configmaps", "watch"),  # MetadataWatch
        ("", "events", "create"),  # Resources.create_event, .is_terminating
        ("", "events", "patch"),  # Resources.count_event
    }


def test_the_rights_are_given_to_the_account_of_the_deployment() -> None:
    binding = manifest("ClusterRoleBinding")
    pod = manifest("Deployment")["spec"]["template"]["spec"]

    assert binding["roleRef"]["name"] == NAME
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": pod["serviceAccountName"], "namespace": NAMESPACE}
    ]
    assert manifest("ServiceAccount", pod["serviceAccountName"])


def test_the_lease_is_the_one_that_is_elected_by_and_may_be_made_anew() -> None:
    role, binding = manifest("Role", ELECTION), manifest("RoleBinding", ELECTION)
    rules = role["rules"]

    by_name = {tuple(rule.get("resourceNames", ())): set(rule["verbs"]) for rule in rules}
    assert by_name == {(): {"create"}, (load(environ={}).lease_name,): {"get", "patch"}}
    assert {tuple(rule["resources"]) for rule in rules} == {("leases",)}
    assert role["metadata"]["namespace"] == NAMESPACE
    assert binding["roleRef"]["name"] == ELECTION
    assert binding["subjects"] == manifest("ClusterRoleBinding")["subjects"]


def test_replicas_are_spread_and_one_of_them_may_be_away() -> None:
    labels = at(manifest("Deployment"), "spec.selector.matchLabels")
    spread = manifest("Deployment")["spec"]["template"]["spec"]["topologySpreadConstraints"]
    budget = manifest("PodDisruptionBudget")["spec"]

    assert [each["topologyKey"] for each in spread] == [
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    ]
    assert all(each["labelSelector"]["matchLabels"] == labels for each in spread)
    assert budget["selector"]["matchLabels"] == labels
    assert budget["maxUnavailable"] == 1


# --- the overlays ------------------------------------------------------------------------------

OVERLAYS = ROOT / "overlays"


def of_role(role: Json) -> set[Right]:
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def overlay_role(overlay: str) -> Json:
    role, binding = documents(OVERLAYS / overlay / "team-a" / "role.yaml")
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == manifest("ClusterRoleBinding")["subjects"]
    return role


def patched(overlay: str, kind: str) -> list[Json]:
    """The patches of an overlay for the operator's object of a kind."""
    (loaded,) = documents(OVERLAYS / overlay / "kustomization.yaml")
    found = [each for each in loaded["patches"] if each["target"]["kind"] == kind]
    return [each for one in found for each in yaml.safe_load_all(one["patch"])]


def test_in_one_namespace_the_operator_has_the_rights_that_it_has_in_all() -> None:
    assert of_role(overlay_role("namespaced")) == rights(NAME)
    for kind in ("ClusterRole", "ClusterRoleBinding"):
        (gone,) = patched("namespaced", kind)
        assert gone["$patch"] == "delete"


def test_with_named_secrets_only_the_rights_on_them_are_elsewhere_and_by_name() -> None:
    role = overlay_role("named-secrets")
    ((patch,),) = patched("named-secrets", "ClusterRole")
    config = {right for right in rights(NAME) if right[1] in {"secrets", "configmaps"}}

    assert of_role(role) == config
    assert of_role({"rules": patch["value"]}) == rights(NAME) - config
    assert all(rule["resourceNames"] for rule in role["rules"])


@pytest.mark.parametrize(
    ("overlay", "name", "value"),
    [
        ("namespaced", "RDS_SSL_NAMESPACES", "team-a"),
        ("named-secrets", "RDS_SSL_SECRET_WATCH", "named"),
    ],
)
def test_an_overlay_sets_what_belongs_to_its_rights(overlay: str, name: str, value: str) -> None:
    ((patch,),) = patched(overlay, "Deployment")

    assert patch["value"] == {"name": name, "value": value}


def test_each_shard_has_its_number_and_the_right_to_its_lease() -> None:
    (whole,) = documents(OVERLAYS / "sharded" / "kustomization.yaml")
    assert whole["resources"] == ["once", "shard-1", "shard-2"]
    shards = []
    for each in whole["resources"][1:]:
        ((patch,),) = patched(f"sharded/{each}", "Deployment")
        assert patch["value"]["name"] == "RDS_SSL_SHARD"
        shards.append(load({"RDS_SSL_SHARD": patch["value"]["value"]}).shard)
        (one,) = documents(OVERLAYS / "sharded" / each / "kustomization.yaml")
        suffix = one["nameSuffix"]
        assert f"{NAME}{suffix}" == shards[-1].name(NAME)
        # The Pods of one shard are no replicas of another one's.
        assert one["labels"][0]["includeSelectors"] is True
        assert one["labels"][0]["pairs"] == {"rds-ssl.dev/shard": suffix.removeprefix("-")}

    ((patch,),) = patched("sharded/once", "Role")
    assert patch["value"] == [each.name(NAME) for each in shards]
    assert shards == [Shard(number=1, count=2), Shard(number=2, count=2)]
    for kind in ("Deployment", "PodDisruptionBudget"):
        (gone,) = patched("sharded/once", kind)
        assert gone["$patch"] == "delete"


def test_the_page_of_rights_has_each_rule() -> None:
    page = (ROOT / "docs" / "rbac.md").read_text()

    rows = re.findall(r"^\| (\w+) `([\w/]+)` \|", page, flags=re.MULTILINE)

    granted = rights(NAME) | of_role(manifest("Role", ELECTION))
    assert sorted(rows) == sorted((verb, resource) for _, resource, verb in granted)


# --- what people may do -------------------------------------------------------------------------

VIEWER, EDITOR = "rds-ssl-dbinstancessl-viewer", "rds-ssl-dbinstancessl-editor"
AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"


def test_viewers_read_and_editors_write_but_not_the_status() -> None:
    assert {verb for _, _, verb in rights(VIEWER)} == {"get", "list", "watch"}
    assert {resource for _, resource, _ in rights(VIEWER)} == {PLURAL, f"{PLURAL}/status"}
    assert {resource for _, resource, _ in rights(EDITOR)} == {PLURAL}


@pytest.mark.parametrize(
    ("role", "into"), [(VIEWER, ["view", "edit", "admin"]), (EDITOR, ["edit", "admin"])]
)
def test_the_roles_for_people_become_part_of_the_clusters_own(role: str, into: list[str]) -> None:
    labels = manifest("ClusterRole", role)["metadata"]["labels"]
    aggregated = {name: value for name, value in labels.items() if name.startswith(AGGREGATE)}

    assert aggregated == {AGGREGATE + each: "true" for each in into}


# --- the Deployment and what is around it -------------------------------------------------------


def test_the_kustomization_names_every_manifest_once_and_they_bring_the_crd() -> None:
    files = {path.name for path in DEPLOY.glob("*.yaml")} - {"kustomization.yaml"}
    (crd,) = documents(ROOT / "crds" / "dbinstancessl.yaml")

    assert sorted(kustomization()["resources"]) == sorted(files)
    assert manifest("CustomResourceDefinition", crd["metadata"]["name"])["spec"] == crd["spec"]


def at(tree: Json, path: str) -> object:
    node: Any = tree
    for step in path.split("."):
        node = node[step]
    found: object = node
    return found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.replicas", 2),
        ("spec.strategy.type", "RollingUpdate"),
        ("spec.strategy.rollingUpdate", {"maxSurge": 1, "maxUnavailable": 0}),
        ("spec.template.spec.automountServiceAccountToken", True),
        ("spec.template.spec.terminationGracePeriodSeconds", 30),
        ("spec.template.spec.securityContext.runAsNonRoot", True),
        ("spec.template.spec.securityContext.seccompProfile", {"type": "RuntimeDefault"}),
    ],
)
def test_the_deployment_says(path: str, value: object) -> None:
    assert at(manifest("Deployment"), path) == value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("securityContext.allowPrivilegeEscalation", False),
        ("securityContext.readOnlyRootFilesystem", True),
        ("securityContext.capabilities", {"drop": ["ALL"]}),
        ("livenessProbe.httpGet", {"path": "/healthz", "port": "http"}),
        ("readinessProbe.httpGet", {"path": "/readyz", "port": "http"}),
        ("ports", [{"name": "http", "containerPort": 8080}]),
        ("resources.limits", {"memory": "256Mi"}),
        ("resources.requests.cpu", "50m"),
        ("env", [{"name": "RDS_SSL_LOG_FORMAT", "value": "json"}]),
        ("envFrom", [{"secretRef": {"name": "rds-ssl-credentials", "optional": True}}]),
    ],
)
def test_its_container_says(path: str, value: object) -> None:
    assert at(container(), path) == value


def test_nothing_of_the_host_is_shared_with_the_pod() -> None:
    pod = manifest("Deployment")["spec"]["template"]["spec"]

    assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC", "volumes", "initContainers"}


@pytest.mark.parametrize("mode", ["enforce", "audit", "warn"])
def test_the_namespace_admits_restricted_pods_only(mode: str) -> None:
    labels = manifest("Namespace", NAMESPACE)["metadata"]["labels"]

    assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"


def test_deployment_and_service_select_the_pods_of_the_template() -> None:
    deployment, service = manifest("Deployment"), manifest("Service", f"{NAME}-metrics")
    labels = deployment["spec"]["template"]["metadata"]["labels"]

    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert service["spec"]["selector"].items() <= labels.items()
    assert service["spec"]["ports"][0]["targetPort"] == container()["ports"][0]["name"]


def test_the_version_is_the_same_everywhere() -> None:
    version = PROJECT["version"]
    loaded = kustomization()

    assert container()["image"] == f"{NAME}:{version}"
    assert loaded["images"] == [{"name": NAME, "newTag": version}]
    for labelled in ("metadata", "spec.template.metadata"):
        labels = at(manifest("Deployment"), f"{labelled}.labels")
        assert isinstance(labels, dict)
        assert labels["app.kubernetes.io/version"] == version
    assert f'org.opencontainers.image.version="{version}"' in "\n".join(stages()[-1])


# --- the image ----------------------------------------------------------------------------------


def test_the_image_runs_as_the_user_of_the_deployment_who_is_not_root() -> None:
    *_, user = (line for line in stages()[-1] if line.startswith("USER "))
    pod = manifest("Deployment")["spec"]["template"]["spec"]["securityContext"]

    assert user == f"USER {pod['runAsUser']}:{pod['runAsGroup']}" == "USER 65532:65532"


def test_the_image_has_no_build_tools() -> None:
    final = stages()[-1]

    assert [line for line in final if re.search(r"\b(apt|apt-get|apk|pip|uv|gcc)\b", line)] == []
    assert [line for line in final if line.startswith(("COPY", "ADD"))] == [
        "COPY --from=runtime / /",
        "COPY --from=builder /opt/venv /opt/venv",
    ]


def test_what_the_base_has_too_much_is_taken_out_before_it_is_copied() -> None:
    """A layer that deletes on top of the base leaves it to whoever reads the base's own layer."""
    _, runtime, final = stages()

    assert runtime[0] == "${BASE} AS runtime"
    assert final[0] == "scratch"
    assert all(each in runtime[1] for each in ("ensurepip", "bin/pip*", "a-s", "compileall"))


def test_the_image_starts_the_operator() -> None:
    final = stages()[-1]

    assert final[-2:] == ['ENTRYPOINT ["rds-ssl"]', 'CMD ["run"]']
    assert container()["args"] == ["run"]
    assert "command" not in container()
    assert "rds-ssl" in PROJECT["scripts"]


def test_the_image_needs_no_writable_path_and_no_entry_in_passwd() -> None:
    (environment,) = (line for line in stages()[-1] if line.startswith("ENV "))

    assert "PYTHONDONTWRITEBYTECODE=1" in environment
    assert "HOME=/ " in environment  # kubernetes.aio asks for the home directory at import.


def test_the_image_is_built_from_the_lock_by_the_locked_uv() -> None:
    builder = stages()[0]
    syncs = [line for line in builder if "uv sync" in line]

    assert f"ARG UV_VERSION={LOCKED['uv']}" in builder
    assert len(syncs) == 2
    assert all("--frozen --no-dev" in line for line in syncs)


def test_only_what_the_dockerfile_copies_is_sent_to_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    copied = {
        source for line in stages()[0] if line.startswith("COPY ") for source in line.split()[1:-1]
    }

    assert lines[1] == "*"
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == copied


# --- samples ------------------------------------------------------------------------------------


def sample_objects() -> Iterator[Any]:
    for path in SAMPLES:
        for each in documents(path):
            if each["kind"] == KIND:
                yield pytest.param(each, id=path.stem)


def sample(name: str) -> declaration.Declaration:
    (only,) = documents(DEPLOY / "samples" / f"{name}.yaml")
    return declaration.parse_spec(only["spec"])


def test_the_samples_are_those_that_the_documentation_names() -> None:
    names = [path.stem for path in SAMPLES]

    assert names == [
        "credentials",
        "maintenance-window",
        "mysql",
        "observe",
        "postgresql-minimal",
        "postgresql",
        "sqlserver",
    ]


@pytest.mark.parametrize("each", list(sample_objects()))
def test_a_sample_is_read_without_a_fault(each: Json) -> None:
    read = declaration.parse_spec(each["spec"])

    assert each["apiVersion"] == f"{API_GROUP}/{API_VERSION}"
    assert read.credentials_secret_ref
    assert read.credentials_secret_ref.name == "rds-credentials"
    assert read.approval_required
    assert read.deletion_policy is declaration.DeletionPolicy.RETAIN


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_begins_by_telling_what_restarts_and_goes_into_any_namespace(path: Path) -> None:
    comment = re.match(r"(#.*\n)+", path.read_text())

    assert comment
    assert "restart" in comment[0]
    assert all("namespace" not in each["metadata"] for each in documents(path))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_calls_no_setting_harmless_of_which_the_plan_says_otherwise(path: Path) -> None:
    _, _, harmless = path.read_text().partition("# What does not restart it:")
    harmless = harmless.partition("apiVersion:")[0].partition("# What ")[0]
    names = {each.value.rpartition(".")[2]: each for each in Field}

    told = {name for name in names if re.search(rf"\b{name}\b", harmless)}

    for name in told:
        changed = Comparison(different=frozenset({names[name]}), unknown=frozenset())
        found = predict_restart(changed, engine="PostgreSQL", engine_version="14.0")
        assert found is Restart.NONE, name


def test_the_samples_name_different_objects_and_instances() -> None:
    objects = [each for path in SAMPLES for each in documents(path)]
    instances = [each["spec"]["instanceID"] for each in objects if each["kind"] == KIND]

    assert len({each["metadata"]["name"] for each in objects}) == len(objects)
    assert len(set(instances)) == len(instances)


def test_the_samples_show_what_they_are_named_for() -> None:
    full, minimal, mysql = sample("postgresql"), sample("postgresql-minimal"), sample("mysql")
    clients = full.client_authentication

    assert full.effective_ca_type is CAType.CUSTOM
    assert {each.name for each in full.material_references} == {"orders-tls", "client-ca"}
    assert (clients.acl, clients.replication_acl) == (ACL.VERIFY_FULL, ACL.CERT)
    assert clients.revocation_list
    assert minimal.model_fields_set == {"instance_id", "region_id", "credentials_secret_ref"}
    assert mysql.effective_ca_type is CAType.ALIYUN
    assert mysql.server_certificate.renew_before
    assert mysql.force_encryption
    assert sample("sqlserver").server_certificate.pfx
    assert sample("sqlserver").minimum_tls_version
    windows = sample("maintenance-window")
    assert windows.maintenance.windows
    assert windows.maintenance.override_before_expiry
    assert eligibility.unusable(windows) is None
    assert sample("observe").management_policy is declaration.ManagementPolicy.OBSERVE


def test_the_sample_of_credentials_is_read_and_holds_none() -> None:
    (secret,) = documents(DEPLOY / "samples" / "credentials.yaml")
    data = {key: text.encode() for key, text in secret["stringData"].items()}

    read = credentials.from_secret(data, name=secret["metadata"]["name"])

    assert read.access_key_id.startswith("REPLACE-")
    assert read.access_key_secret.reveal().startswith("REPLACE-")
