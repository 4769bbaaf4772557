"""What the programs meet: one control plane and one cloud."""

import contextlib
import os
from typing import Self

from bench.audit import AuditLog
from bench.programs import Account, Program
from support.cluster import NAMESPACE, SERVICE_ACCOUNT, Cluster
from support.controlplane import ControlPlane
from support.simulator import Simulator

LATENCY = 0.02
"""Seconds before each answer of the cloud."""
CHANGE_SECONDS = 2.0
"""How long a change takes there."""

RBAC = "rbac.authorization.k8s.io"

ACCOUNTS = "bench-accounts"
"""The namespace of the other programs' accounts."""


class World:
    """One control plane with an audit log, one simulator; use it with ``with``."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            plane = stack.enter_context(ControlPlane.start(controllers=False, audit=True))
            # The vendor's SDK puts certificate and key into the URL.
            self.rds = stack.enter_context(Simulator("--max-url-bytes", "65536"))
            self.cluster = Cluster(plane)
            stack.callback(self.cluster.close)
            self.audit = AuditLog(plane.audit_log)
            self.accounts = {
                Program.OURS: Account(
                    kubeconfig=self.cluster.kubeconfig,
                    user=f"system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}",
                ),
                **self._others(),
            }
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _others(self) -> dict[Program, Account]:
        """Make accounts with all rights: priority and fairness treats them as it treats ours."""
        self.cluster.namespace(ACCOUNTS, credentials=False)
        found = {}
        for program in (Program.ORDINARY, Program.FLOOR):
            named = {"name": program.value}
            path = f"/api/v1/namespaces/{ACCOUNTS}/serviceaccounts"
            self.cluster.request("POST", path, {"metadata": named})
            binding = {
                "metadata": {"name": f"bench-{program}"},
                "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
                "subjects": [{"kind": "ServiceAccount", "namespace": ACCOUNTS, **named}],
            }
            self.cluster.request("POST", f"/apis/{RBAC}/v1/clusterrolebindings", binding)
            found[program] = Account(
                kubeconfig=self.cluster.control_plane.kubeconfig_for(ACCOUNTS, program),
                user=f"system:serviceaccount:{ACCOUNTS}:{program}",
            )
        return found

    def new_cloud(self, *, change: float = CHANGE_SECONDS, rate_limit: float | None = None) -> None:
        """Forget all instances and calls; *rate_limit* is in calls a second."""
        self.rds.reset()
        self.rds.config(latency=LATENCY, durations={"change": change}, rate_limit=rate_limit)

    def process_ids(self) -> dict[str, int]:
        """Give the ids of the processes that work for whoever is measured."""
        return {
            "bench": os.getpid(),
            "simulator": self.rds.pid,
            **self.cluster.control_plane.process_ids(),
        }
