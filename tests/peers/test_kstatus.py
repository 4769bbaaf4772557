"""What kstatus, kubectl and Helm say of the operator's states is what docs/gitops.md says."""

import json
import subprocess
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from rds_ssl.core.model import PLURAL
from support import argocd, verdicts
from support.cluster import Cluster
from support.polling import patience
from support.verdicts import Row

Json = dict[str, Any]

HELM_SECONDS = 6
"""For which Helm waits for what does not come to an end; it looks every two seconds."""


def judge(program: Path, objects: Sequence[Json]) -> list[str]:
    """Give kstatus's own verdicts."""
    lines = "".join(json.dumps(each) + "\n" for each in objects)
    done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line)["status"] for line in done.stdout.splitlines()]


def test_kstatus_says_what_the_table_says(tool: Callable[[str], Path]) -> None:
    manifests = [row.manifest for row in verdicts.ROWS]

    found = judge(tool("kstatus"), manifests)

    assert found == [verdicts.kstatus(each) for each in manifests]
    assert set(found) == {"Current", "Failed", "InProgress", "Terminating"}


def test_of_everything_the_operator_can_write_our_rules_are_those_of_kstatus(
    tool: Callable[[str], Path],
) -> None:
    manifests = [verdicts.manifest(each) for each in verdicts.every_verdict()]

    found = judge(tool("kstatus"), manifests)

    assert len(found) > 1000
    assert found == [verdicts.kstatus(each) for each in manifests]


@pytest.fixture(scope="module")
def states(cluster: Cluster) -> dict[str, str]:
    """An object in each state that can be written; by title, its name; nobody works on them."""
    namespace = cluster.namespace("states", credentials=False)
    names = {}
    for number, row in enumerate(each for each in verdicts.ROWS if not each.deleting):
        name = names[row.title] = f"state-{number}"
        cluster.create(namespace, name, instanceID=f"pgm-{name}")
        write(cluster, namespace, name, row)
    return names


def write(cluster: Cluster, namespace: str, name: str, row: Row) -> None:
    """Give an object the state of a row."""
    shown = row.manifest
    if shown["metadata"]["generation"] == 2:
        cluster.patch(namespace, name, driftPolicy="Report")
    path = f"/apis/{shown['apiVersion']}/namespaces/{namespace}/{PLURAL}/{name}/status"
    cluster.request("PATCH", path, {"status": shown["status"]})


def test_kubectl_wait_says_what_the_table_says(cluster: Cluster, states: dict[str, str]) -> None:
    for row in verdicts.ROWS:
        if row.deleting:
            continue
        # No deadline: zero is one look.
        command = ["wait", "-n", "states", "--for=condition=Ready", "--timeout", "0"]

        done = cluster.control_plane.kubectl(*command, f"{PLURAL}/{states[row.title]}", check=False)

        assert (done.returncode == 0) == (verdicts.kubectl_wait(row.manifest) == "returns"), row


@pytest.mark.parametrize(
    ("title", "says"),
    [
        ("as declared", "done"),
        ("new material is held", "done"),
        ("a person has to act", "fails at once"),
        ("just created, not looked at yet", "waits"),
        ("an edit or a drift is held", "waits"),
    ],
)
def test_helm_waits_as_the_table_says(
    cluster: Cluster, tool: Callable[[str], Path], tmp_path: Path, title: str, says: str
) -> None:
    row = next(each for each in verdicts.ROWS if each.title == title)
    assert verdicts.WAITS.get(verdicts.kstatus(row.manifest), "waits") == says
    name = f"helm-{verdicts.ROWS.index(row)}"
    namespace = cluster.namespace(name, credentials=False)
    # What Helm installs is there in this state already, as if the operator had been very quick.
    manifest = {
        "apiVersion": row.manifest["apiVersion"],
        "kind": row.manifest["kind"],
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/managed-by": "Helm"},
            "annotations": {
                "meta.helm.sh/release-name": name,
                "meta.helm.sh/release-namespace": namespace,
            },
        },
        "spec": {
            "instanceID": f"pgm-{name}",
            "regionID": "cn-hangzhou",
            "driftPolicy": "Report",
        },
    }
    created = {**manifest, "spec": {**manifest["spec"], "driftPolicy": "Correct"}}
    path = f"/apis/{manifest['apiVersion']}/namespaces/{namespace}/{PLURAL}"
    cluster.request("POST", path, created)
    write(cluster, namespace, name, row)
    chart = a_chart(tmp_path, manifest if row.shape else created)

    limit = HELM_SECONDS if says == "waits" else patience(30)
    command = [tool("helm"), "install", name, chart, "--namespace", namespace, "--wait"]
    done = subprocess.run(
        [*command, "--timeout", f"{limit:.0f}s"],
        env={"KUBECONFIG": str(cluster.control_plane.kubeconfig), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    if says == "done":
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode != 0
        reason = "Failed" if says == "fails at once" else "InProgress"
        assert f"status: {reason}" in done.stderr, done.stderr


def test_the_config_map_of_argo_cd_is_patched_as_the_page_says(cluster: Cluster) -> None:
    namespace = cluster.namespace("argocd", credentials=False)
    cluster.config_map(namespace, "argocd-cm", {"url": b"https://argocd.example.com"})
    command = "-n argocd patch configmap argocd-cm --patch-file deploy/argocd/argocd-cm.yaml"
    assert f"kubectl {command}\n" in verdicts.PAGE.read_text()

    cluster.kubectl(*command.replace("deploy/argocd", str(argocd.HOME)).split())

    path = f"/api/v1/namespaces/{namespace}/configmaps/argocd-cm"
    data = cluster.request("GET", path)["data"]
    expected = yaml.safe_load(argocd.CONFIG_MAP.read_text())["data"]
    assert data == {"url": "https://argocd.example.com", **expected}


def a_chart(folder: Path, manifest: Json) -> Path:
    """Make a chart with one object."""
    chart = folder / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text(
        textwrap.dedent("""\
            apiVersion: v2
            name: one
            version: 1.0.0
        """)
    )
    (chart / "templates" / "one.json").write_text(json.dumps(manifest))
    return chart
