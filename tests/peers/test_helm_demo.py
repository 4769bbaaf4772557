"""
deploy/demo on a real control plane, with the processes of its Pods, until all is as documented.

There are no nodes: each container runs as a process with the arguments and variables of its
manifest. One thing is another: the simulator's port, of which this machine has one for all.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from rds_ssl.core.model import API_GROUP, PLURAL
from support import pods, polling
from support.chart import DEMO, SAMPLES
from support.controlplane import ControlPlane

Json = dict[str, Any]

NAMESPACE, NAME = "rds-ssl-demo", "rds-ssl-demo"
JOB = "rds-ssl-demo-samples"
READY = {"inventory": "Verified", "billing": "Verified", "ledger": "AppliedNotEchoed"}
"""Why the objects in the samples are Ready: no PFX file can be read back."""
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with ControlPlane.start(controllers=False) as started:
        yield started


@pytest.fixture(scope="module")
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def applied(plane: ControlPlane, port: int, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Apply the demo to an empty cluster, once; return what kubectl said."""
    copied = tmp_path_factory.mktemp("demo")
    for name in ("demo.yaml", "kustomization.yaml"):
        (copied / name).write_text((DEMO / name).read_text().replace("8001", str(port)))
    done = plane.kubectl("apply", "--server-side", "-k", str(copied))
    return done.stdout + done.stderr


def get(plane: ControlPlane, kind: str, *name: str) -> Json:
    answer = plane.kubectl("get", kind, *name, "--namespace", NAMESPACE, "-o", "json")
    found: Json = json.loads(answer.stdout)
    return found


def run_job(plane: ControlPlane, folder: Path) -> str:
    """Run the Job's container with its files elsewhere; return what it said."""
    spec = get(plane, "job", JOB)["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    kubeconfig = plane.kubeconfig_for(NAMESPACE, spec["serviceAccountName"])
    token = yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]["token"]
    (folder / "account").mkdir()
    (folder / "account" / "token").write_text(token)
    (folder / "account" / "ca.crt").write_bytes(plane.ca_file.read_bytes())
    (folder / "samples").mkdir()
    for name, text in get(plane, "configmap", JOB)["data"].items():
        (folder / "samples" / name).write_text(text)
    python, flag = container["command"]
    assert python == "python"
    script = container["args"][0].replace(ACCOUNT, str(folder / "account"))
    server = httpx.URL(plane.url)
    done = subprocess.run(
        [sys.executable, flag, script.replace('"/samples"', repr(str(folder / "samples")))],
        env={
            "PATH": os.environ["PATH"],
            "KUBERNETES_SERVICE_HOST": server.host,
            "KUBERNETES_SERVICE_PORT": str(server.port),
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=polling.patience(90),
    )
    return done.stdout


def test_one_apply_brings_all_of_it_into_an_empty_cluster(
    plane: ControlPlane, applied: str
) -> None:
    assert "error" not in applied.lower()
    assert "Warning" not in applied
    assert get(plane, "configmap", JOB)["data"].keys() == {f"{each}.yaml" for each in SAMPLES}


@pytest.mark.parametrize("kind", ["deployment", "job"])
def test_its_pods_are_admitted_to_its_restricted_namespace(
    plane: ControlPlane, applied: str, kind: str
) -> None:
    assert applied
    name = NAME if kind == "deployment" else JOB
    template = get(plane, kind, name)["spec"]["template"]
    metadata = {"labels": template["metadata"].get("labels"), "name": "one", "namespace": NAMESPACE}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}

    done = plane.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(pod))

    assert done.stderr == ""
    labels = get(plane, "namespace", NAMESPACE)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def reasons(plane: ControlPlane) -> dict[str, dict[str, str]]:
    """Return the reason of each condition of each object."""
    return {
        each["metadata"]["name"]: {
            condition["type"]: condition["reason"] for condition in each["status"]["conditions"]
        }
        for each in get(plane, PLURAL)["items"]
    }


def wait(plane: ControlPlane, condition: str, *which: str) -> None:
    plane.kubectl(
        *("wait", f"--for=condition={condition}", f"{PLURAL}.{API_GROUP}", *which),
        *("--namespace", NAMESPACE, f"--timeout={polling.patience(60):.0f}s"),
    )


def test_every_sample_becomes_ready_and_a_weaker_one_waits_for_a_person(
    plane: ControlPlane, applied: str, port: int, tmp_path: Path
) -> None:
    assert applied
    deployment = get(plane, "deployment", NAME)
    kubeconfig = plane.kubeconfig_for(NAMESPACE, NAME)
    with (
        pods.sidecar(deployment, "simulator"),
        pods.OperatorInPod(deployment, kubeconfig) as operator,
    ):
        operator.wait_ready()

        said = run_job(plane, tmp_path)
        wait(plane, "Ready", "--all")

        assert sorted(said.splitlines()) == sorted(f"declared {name}" for name in READY)
        assert {name: found["Ready"] for name, found in reasons(plane).items()} == READY
        url = f"http://127.0.0.1:{port}/_sim/instances"
        instances = httpx.get(url, trust_env=False).json()["instances"]
        assert [each["ssl"]["enabled"] for each in instances] == [True] * 3
        assert [(each["accepted"], each["restarts"]) for each in instances] == [(1, 1)] * 3

        # As docs/install.md has it.
        weaker = '{"spec":{"forceEncryption":false}}'
        patch = ("patch", "rdsssl", "billing", "--type=merge", "-p", weaker)
        plane.kubectl(*patch, "--namespace", NAMESPACE)
        wait(plane, "ChangePending", "billing")

        assert reasons(plane)["billing"]["ChangePending"] == "AwaitingApproval"
        again = httpx.get(url, trust_env=False).json()["instances"]
        assert [each["accepted"] for each in again] == [1, 1, 1]
