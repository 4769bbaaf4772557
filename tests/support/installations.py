"""The ways in which the operator can be installed, and a life that takes all of its rights."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from support import polling, rights
from support.cluster import DEPLOY, NAMESPACE, OVERLAYS, SERVICE_ACCOUNT, Cluster
from support.controlplane import ControlPlane
from support.operator_process import OperatorProcess
from support.shop import ORDERS, Shop
from support.simulator import Simulator

TEAM = "team-a"
"""The namespace that the overlays are for."""

USER = f"system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}"

PACE = {
    "VERIFY_AFTER": "0s",
    "SETTLE": "3s",
    "POLL": "0.5s",
    # As in a Pod.
    "LEADER_ELECTION": "on",
    "LEASE_NAMESPACE": NAMESPACE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Manifests, and the settings that belong to them."""

    name: str
    manifests: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def noticed_by_time(self) -> bool:
        """True if a change of a Secret is seen at the next look only."""
        return self.settings.get("SECRET_WATCH") == "off"


CLUSTER = Installation(name="cluster", manifests=DEPLOY)
NAMESPACED = Installation(
    name="namespaced", manifests=OVERLAYS / "namespaced", settings={"NAMESPACES": TEAM}
)
NAMED = Installation(
    name="named", manifests=OVERLAYS / "named-secrets", settings={"SECRET_WATCH": "named"}
)
OFF = Installation(
    name="off",
    manifests=OVERLAYS / "named-secrets",
    settings={"SECRET_WATCH": "off", "RESYNC": "3s"},
)
INSTALLATIONS = (CLUSTER, NAMESPACED, NAMED, OFF)


class Installed:
    """One of them on a control plane of its own, with an audit log."""

    def __init__(self, plane: ControlPlane, installation: Installation, rds: Simulator) -> None:
        self.plane, self.installation, self.rds = plane, installation, rds
        plane.kubectl("create", "namespace", TEAM)
        self.cluster = Cluster(plane, installation.manifests)
        self.shop = Shop(self.cluster, rds, TEAM)

    def operator(self, **settings: str) -> OperatorProcess:
        """Start the operator; *settings* beside those of the installation."""
        chosen = {**PACE, **self.installation.settings, **settings}
        return OperatorProcess(
            kubeconfig=self.cluster.kubeconfig,
            api_url=self.rds.url,
            environ=None,
            ahead=0.0,
            module="rds_ssl",
            **chosen,
        ).wait_ready()

    def granted(self) -> list[rights.Grant]:
        """What the manifests grant to the operator."""
        text = self.plane.kubectl("kustomize", str(self.installation.manifests)).stdout
        return rights.rules(yaml.safe_load_all(text), SERVICE_ACCOUNT)

    def table(self) -> rights.Table:
        """Compare it with what was asked so far."""
        return rights.compare(self.granted(), rights.requests(self.plane.audit_log, USER))

    def live(self) -> None:
        """Live through all that takes a right: an object from its creation to its end."""
        shop = self.shop
        shop.add_instance()
        shop.write_client_ca(shop.root.pem)
        leaf = shop.leaf()
        shop.write_pair(leaf)
        ca = {"configMapKeyRef": {"name": "client-ca", "key": "ca.crt"}}
        shop.declare_custom(deletionPolicy="Disable", clientAuthentication={"ca": ca})
        shop.wait_ready(reason="Verified")
        for _ in range(2):  # The Event is made, and then counted up.
            shop.write_tls(b"garbage", leaf.key_pem())
            shop.wait("Stalled", "True", "MaterialInvalid")
            leaf = shop.leaf()
            shop.write_pair(leaf)
            shop.wait_ready()
        shop.wait_until("the Event is counted", lambda: any(e["count"] > 1 for e in shop.events()))
        shop.delete()
        polling.wait(
            lambda: f"{ORDERS} is there" if shop.cluster.exists(TEAM, ORDERS) else None, seconds=20
        )


@contextmanager
def installed(installation: Installation, rds: Simulator) -> Iterator[Installed]:
    """Install the operator; it is not started."""
    with ControlPlane.start(controllers=False, audit=True) as plane:
        made = Installed(plane, installation, rds)
        yield made
        made.cluster.close()
