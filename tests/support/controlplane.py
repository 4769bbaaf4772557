"""
A real control plane for tests and demos: etcd, kube-apiserver, kube-controller-manager.

It has RBAC, verified TLS and a directory of its own, and it leaves nothing behind.
Any number may run at once. It has no nodes, no scheduler and no controllers for workloads,
so no pod ever runs in it.

    python -m support.controlplane build    # the programs, once per machine
    python -m support.controlplane serve    # one in the foreground, until Ctrl-C
"""

import argparse
import contextlib
import http.client
import itertools
import json
import os
import secrets
import shlex
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from support import controlplane_setup, go_build, go_command, polling
from support.supervisor import Supervisor

START_SECONDS = 60.0
"""Until ready: 3 s on an idle machine; less than the 120 s that a test may take."""

REQUEST_SECONDS = 5.0
"""For one request of our own; without etcd the API server would hang for a minute."""

KUBECTL_SECONDS = 100.0
"""For one kubectl, so that a hung API server is told apart from a hung test."""

_NO_CONDITIONS = ".status.conditions accessor error: <nil>"
"""Of ``kubectl wait``, which so ends where an object is too young to have a condition."""


class ControlPlaneError(Exception):
    """The control plane did not do what it was asked; the message has the end of its log."""


class KubectlError(subprocess.CalledProcessError):
    """A kubectl that failed; unlike its base it says why."""

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.stderr}"


class ControlPlane:
    """
    A running control plane; use it with ``with``, or call ``stop``.

    It is gone, directory and all, after ``stop`` and however the process that started it ends.
    A SIGKILL of etcd or the API server loses no data, the end of the control plane loses all.
    """

    url: str
    """``https://127.0.0.1:<port>``, the same after a restart of the API server."""
    ca_file: Path
    """PEM; the CA of this control plane only."""
    kubeconfig: Path
    """Of an administrator, in the group system:masters, whom neither RBAC nor fairness limits."""
    directory: Path
    """Holds all files; ``etcd.log`` and ``kube-apiserver.log`` help when something is odd."""
    audit_log: Path
    """
    Lines of JSON (audit.k8s.io/v1 Event, level Metadata, no RequestReceived); only with ``audit``.

    A line may appear shortly after its response: poll. The administrator is ``admin``, the
    controllers are ``kube-controller-manager``.
    """
    kubectl_path: Path
    """The executable; ``kubectl`` runs it with the right environment."""
    has_controllers: bool
    """False without ``controllers``, or if KUBEBUILDER_ASSETS has no kube-controller-manager."""

    def __init__(
        self, programs: go_build.Programs, *, controllers: bool, audit: bool, client_ca: bytes
    ) -> None:
        """Internal: use ``start``."""
        self._programs = programs
        self._audit, self._client_ca = audit, client_ca
        self._admin_token, self._controllers_token = secrets.token_hex(), secrets.token_hex()
        self._numbers = itertools.count(1)
        self._etcd_socket = controlplane_setup.ETCD_SOCKET
        self._reservation = controlplane_setup.reserve_port()
        self._address: tuple[str, int] = self._reservation.getsockname()
        self.has_controllers = controllers and programs.kube_controller_manager is not None
        self.kubectl_path = programs.kubectl
        self.url = "https://{}:{}".format(*self._address)
        self._supervisor = Supervisor(prefix="rds-ssl-controlplane-")
        self.directory = self._supervisor.directory
        self.audit_log = self.directory / "audit.log"
        self.ca_file = self.directory / "ca.crt"
        self.kubeconfig = self.directory / "admin.kubeconfig"

    @classmethod
    def start(
        cls, *, controllers: bool = True, audit: bool = False, client_ca: bytes = b""
    ) -> Self:
        """
        Start a control plane and return when it serves requests (3 s; a first build: minutes).

        Args:
            controllers: Whether namespaces get their ServiceAccount ``default`` and finish
                deleting, and owner references count.
            audit: Whether to write ``audit_log``.
            client_ca: PEM; whose certificates name a user (CN) and its groups (O).

        Raises:
            BuildError: If the programs cannot be had.
            ControlPlaneError: If it is not ready within START_SECONDS.
        """
        plane = cls(
            go_build.programs(_say), controllers=controllers, audit=audit, client_ca=client_ca
        )
        try:
            plane._start()
        except BaseException:  # Ctrl-C, too.
            plane.stop()
            raise
        return plane

    def stop(self) -> None:
        """Kill all programs and remove the directory; a second call does nothing."""
        self._supervisor.stop()
        self._reservation.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def process_ids(self) -> dict[str, int]:
        """Ids of the running programs by name, to measure or to freeze them (SIGSTOP)."""
        return self._supervisor.process_ids()

    def kill_api_server(self) -> None:
        """SIGKILL the API server; when this returns, connections are refused."""
        self._supervisor.kill("kube-apiserver")

    def start_api_server(self) -> None:
        """
        Start the API server after ``kill_api_server``, same port and data; return when ready.

        Raises:
            ControlPlaneError: If it is not ready within START_SECONDS.
        """
        self.launch_api_server()
        self.wait_ready()

    def launch_api_server(self) -> None:
        """Start the API server after it has ended, same port and data; do not wait for it."""
        command = controlplane_setup.api_server(
            self._programs.kube_apiserver,
            host=self._address[0],
            port=self._address[1],
            audit=self._audit,
            client_ca=bool(self._client_ca),
            etcd_socket=self._etcd_socket,
        )
        self._supervisor.start("kube-apiserver", command)

    def kill_etcd(self) -> None:
        """SIGKILL etcd; the API server goes on without it, and answers errors."""
        self._supervisor.kill("etcd")

    def launch_etcd(self) -> None:
        """Start etcd after it has ended, with the same data; do not wait for it."""
        self._supervisor.start("etcd", controlplane_setup.etcd(self._programs.etcd))

    def reach_etcd_by(self, socket: str) -> None:
        """Let the API server, from its next start, reach etcd by another *socket* there."""
        self._etcd_socket = socket

    @contextlib.contextmanager
    def deleting_namespaces(self) -> Iterator[None]:
        """
        Run the one controller that empties and removes deleted namespaces, and no other.

        For a control plane without controllers, whose other users are not to notice anything.

        Raises:
            ControlPlaneError: There is no kube-controller-manager.
        """
        program = self._programs.kube_controller_manager
        if program is None or self.has_controllers:
            raise ControlPlaneError("no kube-controller-manager, or it runs already")
        name = "kube-controller-manager"
        command = controlplane_setup.controller_manager(program, ["namespace-controller"])
        self._supervisor.start(name, command)
        try:
            yield
        finally:
            self._supervisor.kill(name)

    def wait_ready(self) -> None:
        """
        Wait until every resource is served, those of all established CRDs included.

        Raises:
            ControlPlaneError: If a program ended, or after START_SECONDS.
        """
        try:
            polling.wait(self._problem, seconds=START_SECONDS)
        except TimeoutError as error:
            raise ControlPlaneError(f"Not ready: {error}\n{self._log_ends()}") from error

    def kubectl(
        self,
        *arguments: str,
        input: str | None = None,  # noqa: A002 - as subprocess.run calls it.
        kubeconfig: Path | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """
        Run kubectl as the administrator, or whoever *kubeconfig* is for.

        It reads and writes nothing in the home directory.

        Raises:
            KubectlError: If it fails and *check* is set.
            subprocess.TimeoutExpired: After KUBECTL_SECONDS.
        """
        deadline = time.monotonic() + polling.patience(KUBECTL_SECONDS)
        done = self._run_kubectl(arguments, input, kubeconfig)
        while _NO_CONDITIONS in done.stderr and time.monotonic() < deadline:
            time.sleep(polling.POLL_SECONDS)
            done = self._run_kubectl(arguments, input, kubeconfig)
        if check and done.returncode != 0:
            raise KubectlError(done.returncode, ["kubectl", *arguments], done.stdout, done.stderr)
        return done

    def _run_kubectl(
        self, arguments: Sequence[str], given: str | None, kubeconfig: Path | None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.kubectl_path, *arguments],
            input=given,
            # Without input it must not wait for a person: `kubectl apply -f -`.
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            timeout=polling.patience(KUBECTL_SECONDS),
            check=False,
            env=os.environ
            | {
                "KUBECONFIG": str(kubeconfig or self.kubeconfig),
                "KUBECACHEDIR": str(self.directory / "kubectl-cache"),
                "KUBERC": "off",
            },
        )

    def kubeconfig_for(self, namespace: str, service_account: str, *, seconds: int = 86400) -> Path:
        """
        Write a kubeconfig with a new token of an existing ServiceAccount.

        The token stays good when the API server is restarted.

        Args:
            namespace: The ServiceAccount's, and the default one of the kubeconfig.
            service_account: Its name.
            seconds: The token's life; the API server wants at least 600.

        Raises:
            ControlPlaneError: If there is no such ServiceAccount, or *seconds* is refused.
        """
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token"
        status, answer = self._request("POST", path, json.dumps(body))
        if status != 201:
            raise ControlPlaneError(f"POST {path}: {status} {answer.decode(errors='replace')}")
        # Numbered: an earlier one may be in use, and may have another life.
        name = f"{namespace}.{service_account}.{next(self._numbers)}.kubeconfig"
        return controlplane_setup.write_kubeconfig(
            self.directory / name,
            url=self.url,
            ca=self.ca_file,
            token=json.loads(answer)["status"]["token"],
            namespace=namespace,
        )

    def _start(self) -> None:
        controlplane_setup.write_tls(self.directory)
        controlplane_setup.write_audit_policy(self.directory)
        if self._client_ca:
            (self.directory / "clients.crt").write_bytes(self._client_ca)
        controlplane_setup.write_tokens(
            self.directory,
            {"admin": self._admin_token, "kube-controller-manager": self._controllers_token},
        )
        manager_kubeconfig = self.directory / "kube-controller-manager.kubeconfig"
        for path, token in (
            (self.kubeconfig, self._admin_token),
            (manager_kubeconfig, self._controllers_token),
        ):
            controlplane_setup.write_kubeconfig(
                path, url=self.url, ca=self.ca_file, token=token, namespace="default"
            )
        self._context = ssl.create_default_context(cafile=self.ca_file)
        # All at once: each waits for the one that it needs.
        self.launch_etcd()
        self.launch_api_server()
        if self._programs.kube_controller_manager and self.has_controllers:
            self._supervisor.start(
                "kube-controller-manager",
                controlplane_setup.controller_manager(self._programs.kube_controller_manager),
            )
        self.wait_ready()

    def _problem(self) -> str | None:
        """Say what is not served yet, None if all is."""
        manager = {"kube-controller-manager"} if self.has_controllers else set()
        if ended := ({"etcd", "kube-apiserver"} | manager) - self.process_ids().keys():
            raise ControlPlaneError(f"{' and '.join(sorted(ended))} ended\n{self._log_ends()}")
        try:
            self._use_everything()
        except (OSError, http.client.HTTPException, ControlPlaneError) as error:
            return f"{type(error).__name__}: {error}"
        return None

    def _use_everything(self) -> None:
        self._get("/readyz")
        self._get("/api/v1/namespaces?limit=1")
        if self.has_controllers:
            self._get("/api/v1/namespaces/default/serviceaccounts/default")
        definitions = self._get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
        # After a restart each of these answers 429 "storage is (re)initializing" for a while.
        for path in controlplane_setup.custom_resource_paths(json.loads(definitions)):
            self._get(f"{path}?limit=1")

    def _get(self, path: str) -> bytes:
        status, answer = self._request("GET", path)
        if status != 200:
            raise ControlPlaneError(f"GET {path}: {status} {answer.decode(errors='replace')[:500]}")
        return answer

    def _request(self, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
        host, port = self._address
        connection = http.client.HTTPSConnection(
            host, port, timeout=polling.patience(REQUEST_SECONDS), context=self._context
        )
        headers = {
            "Authorization": f"Bearer {self._admin_token}",
            "Content-Type": "application/json",
        }
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _log_ends(self) -> str:
        logs = sorted(self.directory.glob("*.log"), key=lambda log: log.name)
        ends = [log.read_text(errors="replace").splitlines()[-15:] for log in logs]
        return "\n".join(
            "\n".join([f"--- the end of {log.name}", *end])
            for log, end in zip(logs, ends, strict=True)
        )


def _say(line: str) -> None:
    print(f"controlplane: {line}", file=sys.stderr, flush=True)


def main() -> int:
    """Command line; 0 when ``serve`` ends by Ctrl-C or SIGTERM, 1 and a message on failure."""
    parser = argparse.ArgumentParser(
        prog="python -m support.controlplane",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=["build", "serve"])
    command = parser.parse_args().command
    # One way to clean up; and a shell makes programs in the background deaf to SIGINT.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        if command == "build":
            _build()
        else:
            _serve()
    except KeyboardInterrupt:
        _say("stopped")
        return 0 if command == "serve" else 130
    except (go_command.BuildError, ControlPlaneError) as error:
        _say(str(error))
        return 1
    return 0


def _build() -> None:
    if go_build.is_cached():
        _say(f"nothing to build, the programs are in {go_build.programs(_say).etcd.parent}")
    else:
        go_build.programs(_say)


def _serve() -> None:
    started = time.monotonic()
    with ControlPlane.start() as plane:
        _say(f"{plane.url} is ready after {time.monotonic() - started:.1f} s; Ctrl-C ends it")
        _say(f"kubectl is {plane.kubectl_path}; logs and data are in {plane.directory}")
        print(f"export KUBECONFIG={shlex.quote(str(plane.kubeconfig))}", flush=True)
        while True:
            signal.pause()


if __name__ == "__main__":
    sys.exit(main())
