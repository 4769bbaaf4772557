"""The control plane for tests keeps its promises."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio import client, config

from support import controlplane_setup, go_build, go_command, polling
from support.controlplane import ControlPlane, ControlPlaneError, KubectlError

HOLD_ONE = """
import signal
from support.controlplane import ControlPlane
plane = ControlPlane.start(controllers=False)
print(plane.directory, *plane.process_ids().values(), flush=True)
signal.pause()
"""

ALLOW_SECRETS = """
kind: Role
apiVersion: rbac.authorization.k8s.io/v1
metadata: {name: reader, namespace: default}
rules: [{apiGroups: [""], resources: [secrets], verbs: [list]}]
---
kind: RoleBinding
apiVersion: rbac.authorization.k8s.io/v1
metadata: {name: reader, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: reader, namespace: default}]
---
kind: ServiceAccount
apiVersion: v1
metadata: {name: reader, namespace: default}
"""

WIDGETS = """
kind: CustomResourceDefinition
apiVersion: apiextensions.k8s.io/v1
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {plural: widgets, singular: widget, kind: Widget}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
"""

WIDGET = """
kind: Widget
apiVersion: example.com/v1
metadata: {name: kept, namespace: default}
"""


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A control plane with all it can have."""
    with ControlPlane.start(audit=True) as plane:
        yield plane


def test_it_answers_kubectl(plane: ControlPlane) -> None:
    namespaces = plane.kubectl("get", "namespaces", "-o", "name").stdout.split()

    assert "namespace/default" in namespaces


def test_it_answers_the_client_library(plane: ControlPlane) -> None:
    async def namespaces() -> list[str]:
        configuration = client.Configuration()
        await config.load_kube_config(
            config_file=str(plane.kubeconfig), client_configuration=configuration
        )
        async with client.ApiClient(configuration) as api:
            answer = await client.CoreV1Api(api).list_namespace()
        return [item.metadata.name for item in answer.items]

    assert "default" in asyncio.run(namespaces())


def test_a_failing_kubectl_says_why(plane: ControlPlane) -> None:
    with pytest.raises(KubectlError, match='namespaces "absent" not found'):
        plane.kubectl("get", "namespace", "absent")


def test_a_service_account_may_do_what_its_role_says_and_nothing_else(plane: ControlPlane) -> None:
    plane.kubectl("apply", "-f", "-", input=ALLOW_SECRETS)
    kubeconfig = plane.kubeconfig_for("default", "reader")

    allowed = plane.kubectl("get", "secrets", kubeconfig=kubeconfig)
    refused = plane.kubectl("get", "configmaps", kubeconfig=kubeconfig, check=False)

    assert allowed.returncode == 0
    assert 'User "system:serviceaccount:default:reader" cannot list' in refused.stderr


def test_a_kubeconfig_for_an_absent_service_account_is_an_error(plane: ControlPlane) -> None:
    with pytest.raises(ControlPlaneError, match='serviceaccounts \\\\"absent\\\\" not found'):
        plane.kubeconfig_for("default", "absent")


def test_a_client_that_trusts_another_ca_refuses_it(plane: ControlPlane, tmp_path: Path) -> None:
    controlplane_setup.write_tls(tmp_path)  # Another CA of the same name.
    content = json.loads(plane.kubeconfig.read_text())
    content["clusters"][0]["cluster"]["certificate-authority"] = str(tmp_path / "ca.crt")
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(content))

    refused = plane.kubectl("get", "namespaces", kubeconfig=kubeconfig, check=False)

    assert "failed to verify certificate: x509" in refused.stderr


def test_a_namespace_is_deleted_to_the_end(plane: ControlPlane) -> None:
    plane.kubectl("create", "namespace", "short-lived")

    plane.kubectl("delete", "namespace", "short-lived", f"--timeout={polling.patience(30):.0f}s")

    assert plane.kubectl("get", "namespace", "short-lived", check=False).returncode != 0


def test_a_new_namespace_has_its_service_account_and_the_ca(plane: ControlPlane) -> None:
    plane.kubectl("create", "namespace", "furnished")

    def missing() -> str | None:
        kinds = ("serviceaccount/default", "configmap/kube-root-ca.crt")
        found = plane.kubectl("get", "-n", "furnished", *kinds, "-o", "name", check=False)
        return None if found.returncode == 0 else found.stderr

    polling.wait(missing, seconds=20)
    ca = plane.kubectl(
        "get", "-n", "furnished", "configmap/kube-root-ca.crt", "-o", r"jsonpath={.data.ca\.crt}"
    )
    assert ca.stdout == plane.ca_file.read_text()


def test_what_belongs_to_an_object_goes_with_it(plane: ControlPlane) -> None:
    plane.kubectl("create", "configmap", "owner")
    uid = plane.kubectl("get", "configmap", "owner", "-o", "jsonpath={.metadata.uid}").stdout
    plane.kubectl("create", "configmap", "owned")
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    patch = json.dumps({"metadata": {"ownerReferences": [owner]}})
    plane.kubectl("patch", "configmap", "owned", "--patch", patch)

    plane.kubectl("delete", "configmap", "owner")

    plane.kubectl("wait", "--for=delete", "configmap/owned", f"--timeout={polling.patience(30)}s")


def test_the_audit_log_has_who_did_what_but_no_bodies(plane: ControlPlane) -> None:
    plane.kubectl("create", "secret", "generic", "audited", "--from-literal=key=hush")

    def events() -> list[dict[str, Any]]:
        lines = plane.audit_log.read_text().splitlines()
        return [json.loads(line) for line in lines if '"name":"audited"' in line]

    polling.wait(lambda: None if events() else "no line about the Secret", seconds=10)
    (event,) = events()
    assert (event["verb"], event["stage"]) == ("create", "ResponseComplete")
    assert event["user"]["username"] == "admin"
    assert event["level"] == "Metadata"
    assert "requestObject" not in event


def test_data_and_tokens_survive_a_killed_api_server(plane: ControlPlane) -> None:
    plane.kubectl("apply", "-f", "-", input=ALLOW_SECRETS + "---" + WIDGETS)
    plane.kubectl("wait", "--for=condition=Established", "crd/widgets.example.com")
    plane.kubectl("apply", "-f", "-", input=WIDGET)
    kubeconfig = plane.kubeconfig_for("default", "reader")

    plane.kill_api_server()
    with pytest.raises(ConnectionRefusedError):
        connect(plane.url)
    plane.start_api_server()

    assert plane.kubectl("get", "widgets", "-o", "name").stdout == "widget.example.com/kept\n"
    assert plane.kubectl("get", "secrets", kubeconfig=kubeconfig).returncode == 0


def test_nobody_else_gets_its_port_while_the_api_server_is_down(plane: ControlPlane) -> None:
    plane.kill_api_server()

    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port_of(plane.url)))

    plane.start_api_server()


def test_nothing_is_left_after_a_stop_and_a_second_stop_is_harmless() -> None:
    plane = ControlPlane.start(controllers=False)
    processes = list(plane.process_ids().values())

    plane.stop()
    plane.stop()

    assert len(processes) == 2
    assert remains(plane.directory, processes) is None


def test_nothing_is_left_when_the_parent_is_killed() -> None:
    with python("-c", HOLD_ONE) as parent:
        directory, processes = held_by(parent)
        parent.kill()

    polling.wait(lambda: remains(directory, processes), seconds=20)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_nothing_is_left_when_the_supervisor_is_killed() -> None:
    with python("-c", HOLD_ONE) as parent:
        directory, processes = held_by(parent)
        supervisor = os.getpgid(processes[0])  # It leads the group of its programs.

        os.kill(supervisor, signal.SIGKILL)

        polling.wait(lambda: remains(None, processes), seconds=20)
        parent.kill()
    shutil.rmtree(directory)  # Only the supervisor, or a parent that stops, would remove it.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_prints_one_line_for_the_shell_and_ends_cleanly(number: signal.Signals) -> None:
    with python("-m", "support.controlplane", "serve") as parent:
        assert parent.stdout is not None
        line = parent.stdout.readline()
        parent.send_signal(number)
        rest = parent.stdout.read()

    kubeconfig = Path(line.removeprefix("export KUBECONFIG=").rstrip("\n"))
    assert kubeconfig.is_absolute()
    assert (rest, parent.returncode) == ("", 0)
    assert not kubeconfig.parent.exists()


def test_programs_of_the_users_own_need_no_controller_manager(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, plane: ControlPlane
) -> None:
    programs = go_build.programs(print)
    for path in (programs.etcd, programs.kube_apiserver):
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "kubectl").symlink_to(plane.kubectl_path)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))

    with ControlPlane.start() as own:
        assert own.kubectl_path == tmp_path / "kubectl"
        assert not own.has_controllers


def test_programs_of_the_users_own_that_are_incomplete_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))

    with pytest.raises(go_command.BuildError, match="has no etcd, kube-apiserver, kubectl"):
        ControlPlane.start()


def python(*arguments: str) -> subprocess.Popen[str]:
    """Start a Python that finds ``support``."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )


def held_by(parent: subprocess.Popen[str]) -> tuple[Path, list[int]]:
    """What HOLD_ONE said: the directory of its control plane, and its process ids."""
    assert parent.stdout is not None
    directory, *processes = parent.stdout.readline().split()
    return Path(directory), [int(process) for process in processes]


def remains(directory: Path | None, processes: Sequence[int]) -> str | None:
    """Say what is left of a control plane, None if nothing is."""
    if running := [process for process in processes if runs(process)]:
        return f"processes {running} run"
    return f"{directory} exists" if directory and directory.exists() else None


def runs(process: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        os.kill(process, 0)
        state = Path(f"/proc/{process}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def port_of(url: str) -> int:
    port = urllib.parse.urlsplit(url).port
    assert port is not None
    return port


def connect(url: str) -> None:
    socket.create_connection(("127.0.0.1", port_of(url)), timeout=polling.patience(5)).close()
