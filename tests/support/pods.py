"""
Containers of a rendered Pod as processes, for there are no nodes here.

Arguments and variables are those of the manifest. What kubelet would bring is given by hand: the
ServiceAccount's token as a kubeconfig, the Pod's namespace, and a free port in place of the one
that is the Pod's own.
"""

import os
from pathlib import Path
from typing import Any

from support.operator_process import OperatorProcess
from support.watched_process import WatchedProcess

Json = dict[str, Any]

_MODULES = {"rds-ssl": "rds_ssl", "rds-simulator": "rds_simulator"}
"""By the command; the image's entry point is the first."""


class OperatorInPod(OperatorProcess):
    """The container ``operator`` of a Deployment, with *kubeconfig* for its ServiceAccount."""

    def __init__(self, deployment: Json, kubeconfig: Path, **further: str) -> None:
        # OperatorProcess would add settings for tests: here only those of the manifest count.
        WatchedProcess.__init__(
            self,
            "operator",
            _program(container(deployment, "operator")),
            environ={
                **_bare(),
                **variables(container(deployment, "operator")),
                "KUBECONFIG": str(kubeconfig),
                "RDS_SSL_HTTP_BIND": "127.0.0.1:0",
                # Both are found out in a Pod.
                "RDS_SSL_LEADER_ELECTION": "on",
                "RDS_SSL_LEASE_NAMESPACE": deployment["metadata"]["namespace"],
                **further,
            },
        )


def sidecar(deployment: Json, name: str) -> WatchedProcess:
    """Start another container of the Pod."""
    found = container(deployment, name)
    return WatchedProcess(name, _program(found), environ={**_bare(), **variables(found)})


def container(deployment: Json, name: str) -> Json:
    """Return a container of the Pods of a Deployment."""
    (found,) = (
        each
        for each in deployment["spec"]["template"]["spec"]["containers"]
        if each["name"] == name
    )
    only: Json = found
    return only


def variables(of: Json) -> dict[str, str]:
    """Return the variables that a container's manifest sets by value."""
    return {each["name"]: each["value"] for each in of.get("env", [])}


def _program(of: Json) -> list[str]:
    (command,) = of.get("command", ["rds-ssl"])
    return [_MODULES[command], *of["args"]]


def _bare() -> dict[str, str]:
    ours = ("RDS_SSL_", "ALIBABA_CLOUD_", "KUBECONFIG")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
