"""Each way to install the chart: the real API server takes it, and it grants what it is for."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rds_ssl.settings import load
from support import chart, pki, pods, rights
from support.cluster import OVERLAYS
from support.controlplane import ControlPlane
from support.helm import whole_chart
from support.helm_modes import DIGEST, MODES, PROVIDER, ROLE, WEBHOOK
from support.polling import patience

Json = dict[str, Any]

NAME = "rds-ssl-operator"
APPLY = ("apply", "--server-side", "--force-conflicts", "--validate=strict")
LEASES = "coordination.k8s.io"

Rendered = Callable[..., list[Json]]


@pytest.fixture(scope="module")
def helm(tool: Callable[[str], Path]) -> Path:
    return tool("helm")


@pytest.fixture(scope="module")
def rendered(helm: Path, tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """Return the objects of a mode, in a namespace of its name."""
    folder = tmp_path_factory.mktemp("chart")
    whole, root = whole_chart(folder / "chart"), pki.make_root().pem.decode()
    made: dict[tuple[str, Path], list[Json]] = {}

    def render(mode: str, program: Path = helm) -> list[Json]:
        if (mode, program) not in made:
            values = json.loads(json.dumps(MODES[mode]))
            if "caBundle" in values:
                values["caBundle"] = root
            (folder / f"{mode}.yaml").write_text(yaml.safe_dump(values))
            options = ("--values", str(folder / f"{mode}.yaml"))
            text = chart.template(program, NAME, *options, namespace=f"mode-{mode}", chart=whole)
            made[mode, program] = [each for each in yaml.safe_load_all(text) if each]
        return made[mode, program]

    return render


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A control plane with namespaces for all modes, and with kinds of the Prometheus operator."""
    with ControlPlane.start(controllers=False) as started:
        restricted = {
            f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")
        }
        objects = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
            for name, labels in [
                *((f"mode-{mode}", restricted) for mode in MODES),
                ("team-a", {}),
                ("team-b", {}),
            ]
        ]
        objects += [any_kind("ServiceMonitor"), any_kind("PrometheusRule")]
        account = {"name": "there", "namespace": "mode-account"}
        objects.append({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
        started.kubectl(*APPLY, "-f", "-", input=yaml.safe_dump_all(objects))
        deadline = f"--timeout={patience(60):.0f}s"
        started.kubectl("wait", "--for=condition=Established", "crd", "--all", deadline)
        yield started


def any_kind(kind: str) -> Json:
    """Return a definition that takes anything, in place of the Prometheus operator's."""
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.monitoring.coreos.com"},
        "spec": {
            "group": "monitoring.coreos.com",
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [version],
        },
    }


def only(objects: list[Json], kind: str) -> Json:
    (found,) = of_kind(objects, kind)
    return found


def of_kind(objects: list[Json], kind: str) -> list[Json]:
    return [each for each in objects if each["kind"] == kind]


# --- every way to install it, on the real API server --------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_the_api_server_takes_every_object_without_a_warning(
    plane: ControlPlane, rendered: Rendered, mode: str
) -> None:
    text = yaml.safe_dump_all(rendered(mode))

    tried = plane.kubectl(*APPLY, "--dry-run=server", "-f", "-", input=text)
    applied = plane.kubectl(*APPLY, "-f", "-", input=text)

    assert (tried.stderr, applied.stderr) == ("", "")
    assert len(applied.stdout.splitlines()) == len(rendered(mode))


@pytest.mark.parametrize("mode", MODES)
def test_helm_3_makes_the_same_objects(
    rendered: Rendered, tool: Callable[[str], Path], mode: str
) -> None:
    assert rendered(mode, tool("helm-3")) == rendered(mode)


@pytest.mark.parametrize("mode", MODES)
def test_its_pods_are_admitted_where_pod_security_is_restricted(
    plane: ControlPlane, rendered: Rendered, mode: str
) -> None:
    plane.kubectl(*APPLY, "-f", "-", input=yaml.safe_dump_all(rendered(mode)))
    for deployment in of_kind(rendered(mode), "Deployment"):
        template = deployment["spec"]["template"]
        metadata = {**template["metadata"], "name": "one", "namespace": f"mode-{mode}"}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}

        done = plane.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(pod))

        assert done.stderr == ""


@pytest.mark.parametrize("mode", MODES)
def test_the_operator_takes_the_settings_of_each_pod(rendered: Rendered, mode: str) -> None:
    for deployment in of_kind(rendered(mode), "Deployment"):
        given = pods.variables(pods.container(deployment, "operator"))
        # It reads these files at once; what is in them is tested below.
        given = {name: value for name, value in given.items() if not value.startswith("/etc/")}

        settings = load(given)

        assert settings.lease_name == NAME


@pytest.mark.parametrize("mode", MODES)
def test_selectors_find_the_pods_and_names_are_not_taken_twice(
    rendered: Rendered, mode: str
) -> None:
    objects = rendered(mode)
    named = [
        (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"])
        for each in objects
    ]
    assert len(set(named)) == len(named)

    deployments = of_kind(objects, "Deployment")
    selectors = [each["spec"]["selector"]["matchLabels"] for each in deployments]
    for deployment, own in zip(deployments, selectors, strict=True):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        # Also of a user's own labels, which must not take a selector's place.
        assert [each for each in selectors if each.items() <= labels.items()] == [own]
        assert only(objects, "Service")["spec"]["selector"].items() <= labels.items()
    budgets = of_kind(objects, "PodDisruptionBudget")
    assert [each["spec"]["selector"]["matchLabels"] for each in budgets] == selectors


# --- what each way is for -----------------------------------------------------------------------


def granted(objects: list[Json]) -> set[tuple[str, ...]]:
    """Return namespace, group, resource, name and verb of all that the operator may do."""
    return {
        (each.namespace or "", each.group, each.resource, each.name or "", each.verb)
        for each in rights.rules(objects, NAME)
    }


def test_the_static_manifests_are_those_of_helm_without_what_is_helms(rendered: Rendered) -> None:
    text = chart.INSTALL_FILE.read_text()

    assert "helm.sh/" not in text
    assert "managed-by" not in text
    assert "helm.sh/resource-policy: keep" in yaml.safe_dump(
        only(rendered("cluster"), "CustomResourceDefinition")
    )


def test_the_crd_of_the_chart_is_that_of_the_project(rendered: Rendered) -> None:
    made = only(rendered("cluster"), "CustomResourceDefinition")
    written = yaml.safe_load(chart.COPIED["dbinstancessl.yaml"].read_text())

    assert made["spec"] == written["spec"]
    assert only(rendered("everything"), "CustomResourceDefinition")["metadata"].keys() == {
        "name",
        "labels",
    }


def test_in_namespaces_there_is_a_role_in_each_and_no_right_beyond_them(
    rendered: Rendered,
) -> None:
    everywhere = {each[1:] for each in granted(rendered("cluster")) if each[1] != LEASES}

    found = granted(rendered("namespaced"))

    assert {each for each in found if each[1] != LEASES} == {
        (team, *each) for team in ("team-a", "team-b") for each in everywhere
    }
    assert {each[0] for each in found if each[1] == LEASES} == {"mode-namespaced"}


@pytest.mark.parametrize(
    ("mode", "overlay"), [("namespaced", "namespaced"), ("named", "named-secrets")]
)
def test_the_chart_and_the_overlay_grant_the_same(
    plane: ControlPlane, rendered: Rendered, mode: str, overlay: str
) -> None:
    built = plane.kubectl("kustomize", str(OVERLAYS / overlay)).stdout
    of_overlay = {
        each
        for each in granted(list(yaml.safe_load_all(built)))
        if each[1] != LEASES and each[3] != "rds-credentials"
    }

    of_chart = {
        each for each in granted(rendered(mode)) if each[1] != LEASES and each[0] != "team-b"
    }

    assert of_chart == of_overlay


def test_without_a_watch_secrets_are_read_by_name_and_no_more(rendered: Rendered) -> None:
    found = {each for each in granted(rendered("off")) if each[2] in {"secrets", "configmaps"}}

    assert found == {("team-a", "", "secrets", "orders-tls", "get")}


def test_each_shard_has_its_deployment_and_the_right_to_its_lease(rendered: Rendered) -> None:
    objects = rendered("sharded")

    assert [each["metadata"]["name"] for each in of_kind(objects, "Deployment")] == [
        f"{NAME}-1-of-2",
        f"{NAME}-2-of-2",
    ]
    shards = [
        load(pods.variables(pods.container(each, "operator"))).shard
        for each in of_kind(objects, "Deployment")
    ]
    by_name = {each[3] for each in granted(objects) if each[1] == LEASES and each[3]}
    assert by_name == {each.name(NAME) for each in shards}


def test_the_identity_of_the_service_account_is_the_webhooks_or_a_token(
    rendered: Rendered,
) -> None:
    account = only(rendered("webhook"), "ServiceAccount")["metadata"]
    deployment = only(rendered("token"), "Deployment")
    given = pods.variables(pods.container(deployment, "operator"))
    volumes = deployment["spec"]["template"]["spec"]["volumes"]

    assert account["annotations"] == {WEBHOOK: "rds-ssl"}
    assert account["labels"]["team"] == "dba"
    assert given["ALIBABA_CLOUD_ROLE_ARN"] == ROLE
    assert given["ALIBABA_CLOUD_OIDC_PROVIDER_ARN"] == PROVIDER
    (token,) = (each["projected"]["sources"] for each in volumes if "projected" in each)
    assert token[0]["serviceAccountToken"]["audience"] == "sts.aliyuncs.com"
    mounts = pods.container(deployment, "operator")["volumeMounts"]
    files = (
        given["ALIBABA_CLOUD_OIDC_TOKEN_FILE"],
        given["RDS_SSL_IDENTITY_FILE"],
        given["RDS_SSL_CA_BUNDLE"],
    )
    paths = {each["mountPath"]: each["name"] for each in mounts}
    assert [paths[str(Path(file).parent)] for file in files] == ["rrsa-token", "files", "files"]


def test_grants_and_cas_are_files_that_the_operator_reads(
    rendered: Rendered, tmp_path: Path
) -> None:
    data = only(rendered("token"), "ConfigMap")["data"]
    for name, text in data.items():
        (tmp_path / name).write_text(text)

    settings = load(
        {
            "RDS_SSL_IDENTITY_FILE": str(tmp_path / "grants.yaml"),
            "RDS_SSL_CA_BUNDLE": str(tmp_path / "ca.crt"),
        }
    )

    assert settings.identity_file
    assert settings.ca_bundle


def test_all_that_can_be_asked_for_is_there(rendered: Rendered) -> None:
    objects = rendered("everything")
    deployment = only(objects, "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    container = pods.container(deployment, "operator")

    assert container["image"] == f"registry.example/rds-ssl@{DIGEST}"
    assert container["ports"] == [{"name": "http", "containerPort": 9090}]
    assert pods.variables(container) == {
        "RDS_SSL_API_RATE": "2.5",
        "RDS_SSL_ECS_ROLE": "true",
        "RDS_SSL_HTTP_BIND": ":9090",
        "RDS_SSL_IDENTITY_NAMESPACES": "shop,team-*",
        "RDS_SSL_MAX_CONCURRENT_CHANGES": "1000000",
        "RDS_SSL_READ_ONLY": "true",
        "RDS_SSL_SELECTOR": "tier in (a, b)",
        "TZ": "Asia/Shanghai",
    }
    assert container["envFrom"][1] == {"configMapRef": {"name": "more", "optional": True}}
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert pod["priorityClassName"] == "system-cluster-critical"
    assert pod["tolerations"] == [{"key": "db", "operator": "Exists"}]
    assert pod["affinity"] == {"nodeAffinity": {}}
    (spread,) = pod["topologySpreadConstraints"]
    assert spread["labelSelector"] == deployment["spec"]["selector"]
    assert deployment["spec"]["template"]["metadata"]["annotations"]["note"] == "1"
    assert deployment["spec"]["template"]["metadata"]["labels"]["tier"] == "a"
    assert all(each["metadata"]["labels"]["team"] == "dba" for each in objects)
    policy = only(objects, "NetworkPolicy")["spec"]
    assert policy["podSelector"] == deployment["spec"]["selector"]
    assert policy["ingress"][0]["ports"] == [{"port": "http"}]
    ports = {each["port"] for rule in policy["egress"] for each in rule["ports"]}
    assert ports == {53, 443, 6443, 80, 3128}
    assert all(each["ports"] for each in policy["egress"])
    monitor = only(objects, "ServiceMonitor")
    assert monitor["metadata"]["labels"]["release"] == "prom"
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    assert wanted <= only(objects, "Service")["metadata"]["labels"].items()
    assert (
        monitor["spec"]["endpoints"][0]["port"]
        == only(objects, "Service")["spec"]["ports"][0]["name"]
    )
    rules = [
        rule
        for group in only(objects, "PrometheusRule")["spec"]["groups"]
        for rule in group["rules"]
    ]
    links = [rule["annotations"]["runbook_url"] for rule in rules if "alert" in rule]
    assert links
    assert all(each.startswith("https://wiki.example/alerts/#") for each in links)
    (dashboard,) = (
        each for each in of_kind(objects, "ConfigMap") if each["metadata"]["name"].endswith("board")
    )
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(dashboard["data"][f"{NAME}.json"])


def test_no_port_at_any_address_is_no_rule_rather_than_one_for_all_ports(helm: Path) -> None:
    text = chart.template(
        helm,
        NAME,
        "--set=networkPolicy.enabled=true",
        "--set-json=networkPolicy.egressPorts=[]",
        namespace="a",
    )

    (policy,) = (each for each in yaml.safe_load_all(text) if each["kind"] == "NetworkPolicy")
    assert [[each["port"] for each in rule["ports"]] for rule in policy["spec"]["egress"]] == [
        [53, 53]
    ]
