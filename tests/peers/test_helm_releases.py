"""
Releases of the chart on a real control plane, with a change under way.

Workloads do not run there: the operator is a process with the variables of the Deployment, as the
API server has it, and with the token of its ServiceAccount.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rds_ssl.core.model import API_GROUP, PLURAL
from support import pods
from support.chart import CHART
from support.cluster import Cluster
from support.controlplane import ControlPlane
from support.helm import Helm, HelmError, copied_chart
from support.polling import patience
from support.shop import ORDERS, Shop, secret
from support.simulator import Simulator

Json = dict[str, Any]

NAME, NAMESPACE = "rds-ssl-operator", "rds-ssl-system"
CRD = f"{PLURAL}.{API_GROUP}"
OPERATOR_KINDS = "deployment,pdb,service,serviceaccount,role,rolebinding"

PREVIOUS = {
    "Chart.yaml": ("version: 0.1.0\nappVersion: 0.1.0", "version: 0.0.9\nappVersion: 0.0.9"),
    "files/dbinstancessl.yaml": ("shortNames: [rdsssl]", "shortNames: [rdssslold]"),
}
"""What was another in the version before this one."""


class Installation:
    """A control plane with a user's namespace in it, and Helm for it."""

    def __init__(self, plane: ControlPlane, rds: Simulator, helm: Helm, folder: Path) -> None:
        self.plane, self.rds, self.helm, self.folder = plane, rds, helm, folder
        self._clusters: list[Cluster] = []
        self.values = folder / "values.yaml"
        settings = {
            "RDS_SSL_API_URL": rds.url,
            "RDS_SSL_QUIET_PERIOD": "0s",
            "RDS_SSL_VERIFY_AFTER": "0s",
            "RDS_SSL_SETTLE": "3s",
            "RDS_SSL_POLL": "1s",
        }
        self.values.write_text(yaml.safe_dump({"settings": settings}))

    def install(self, chart: Path = CHART) -> str:
        """Install the release."""
        return self.helm("install", *self._of(chart), "--create-namespace")

    def upgrade(self, chart: Path = CHART) -> str:
        """Upgrade the release."""
        return self.helm("upgrade", *self._of(chart))

    def _of(self, chart: Path) -> tuple[str, ...]:
        return (NAME, str(chart), "--namespace", NAMESPACE, "--values", str(self.values))

    def operator(self) -> pods.OperatorInPod:
        """Start the operator as the Deployment says that is there now."""
        kubeconfig = self.plane.kubeconfig_for(NAMESPACE, NAME)
        started = pods.OperatorInPod(self.get("deployment", NAME), kubeconfig)
        started.wait_ready()
        return started

    def get(self, kind: str, name: str, namespace: str = NAMESPACE) -> Json:
        """Read an object."""
        answer = self.plane.kubectl("get", kind, name, "--namespace", namespace, "-o", "json")
        found: Json = json.loads(answer.stdout)
        return found

    def names(self, kinds: str, *where: str) -> list[str]:
        """List what there is."""
        answer = self.plane.kubectl("get", kinds, *where, "-o", "name")
        return answer.stdout.split()

    def short_names(self) -> list[str]:
        """Return the short names in the definition, by which its version is told."""
        found: list[str] = self.get("crd", CRD)["spec"]["names"]["shortNames"]
        return found

    def shop(self) -> Shop:
        """Make a user's namespace; the definition must be there."""
        self._clusters.append(Cluster(self.plane, None))
        return Shop(self._clusters[-1], self.rds)

    def close(self) -> None:
        """Close the connections of the shops."""
        for each in self._clusters:
            each.close()


@pytest.fixture
def rds() -> Iterator[Simulator]:
    with Simulator() as simulator:
        simulator.config(durations={"window": 0.1, "change": 0.4, "acl": 0.2})
        yield simulator


@pytest.fixture(params=["helm"])
def installation(
    request: pytest.FixtureRequest, tool: Callable[[str], Path], rds: Simulator, tmp_path: Path
) -> Iterator[Installation]:
    """A control plane without a release."""
    program = tool(request.param)
    with ControlPlane.start(controllers=False) as plane:
        made = Installation(plane, rds, Helm(program, plane, tmp_path / "home"), tmp_path)
        yield made
        made.close()


def under_way(shop: Shop) -> Json:
    """Start a change that RDS takes and does not end; return the record of it."""
    shop.rds.config(durations={"change": 3600})
    shop.add_instance()
    shop.write_pair(shop.leaf())
    shop.declare_custom()
    shop.wait_until(
        "the change is under way",
        lambda: shop.status().get("operation", {}).get("phase") == "Accepted",
    )
    return shop.get()


def end(shop: Shop) -> None:
    """Let the change end."""
    shop.rds.clock(advance=3600)


@pytest.mark.parametrize("installation", ["helm", "helm-3"], indirect=True)
def test_an_upgrade_a_rollback_and_a_removal_leave_a_change_under_way_alone(
    installation: Installation,
) -> None:
    previous = copied_chart(installation.folder / "previous", PREVIOUS)
    installation.install(previous)
    assert installation.short_names() == ["rdssslold"]
    shop = installation.shop()
    with installation.operator() as operator:
        before = under_way(shop)
        operator.terminate()

    installation.upgrade()

    assert installation.short_names() == ["rdsssl"]
    assert shop.get()["status"] == before["status"]
    assert shop.get()["metadata"]["generation"] == before["metadata"]["generation"]
    labels = installation.get("deployment", NAME)["metadata"]["labels"]
    assert labels["app.kubernetes.io/version"] == "0.1.0"
    with installation.operator() as operator:
        end(shop)
        shop.wait_ready()
        operator.terminate()
    assert shop.cost() == (1, 1, 1)

    installation.helm("rollback", NAME, "1", "--namespace", NAMESPACE)

    assert installation.short_names() == ["rdssslold"]
    with installation.operator() as operator:
        assert shop.look_again()["status"]["observedGeneration"] == 1
        shop.wait_ready()
        operator.terminate()
    assert shop.cost() == (1, 1, 1)

    kept = shop.get()
    installation.helm("uninstall", NAME, "--namespace", NAMESPACE)

    assert installation.names(OPERATOR_KINDS, "--namespace", NAMESPACE) == []
    roles = installation.names("clusterrole,clusterrolebinding")
    assert [each for each in roles if "rds-ssl" in each] == []
    assert shop.get() == kept

    installation.install()

    assert installation.short_names() == ["rdsssl"]
    with installation.operator() as operator:
        shop.look_again()
        shop.wait_ready()
        operator.terminate()
    assert shop.cost() == (1, 1, 1)


def test_helm_waits_until_an_object_of_a_release_is_ready_and_fails_where_it_is_stalled(
    installation: Installation,
) -> None:
    installation.install()
    shop = installation.shop()
    shop.add_instance()
    shop.write_pair(shop.leaf())
    release = chart_with_object(installation.folder / "orders", shop.instance_id())
    waiting = (
        str(release),
        "--namespace",
        shop.namespace,
        "--wait",
        f"--timeout={patience(300):.0f}s",
    )
    with installation.operator():
        installation.helm("install", "orders", *waiting)

        assert shop.conditions()["Ready"] == ("True", "Verified")
        assert shop.cost() == (1, 1, 1)

        shop.write_tls(b"no certificate", b"no key")
        shop.wait("Stalled", "True", "MaterialInvalid")
        with pytest.raises(HelmError, match="Failed"):
            installation.helm("upgrade", "orders", *waiting)


@pytest.mark.parametrize("installation", ["helm-3"], indirect=True)
def test_helm_3_does_not_wait_for_an_object(installation: Installation) -> None:
    installation.install()
    shop = installation.shop()
    release = chart_with_object(installation.folder / "orders", shop.instance_id())

    waiting = ("--wait", f"--timeout={patience(300):.0f}s")
    installation.helm("install", "orders", str(release), "--namespace", shop.namespace, *waiting)

    assert shop.status()["observedGeneration"] == -1  # No operator runs.


def chart_with_object(target: Path, instance_id: str) -> Path:
    """Write a user's chart with one object."""
    (target / "templates").mkdir(parents=True)
    described = {"apiVersion": "v2", "name": "orders", "version": "1.0.0"}
    (target / "Chart.yaml").write_text(yaml.safe_dump(described))
    orders = {
        "apiVersion": f"{API_GROUP}/v1alpha1",
        "kind": "DBInstanceSSL",
        "metadata": {"name": ORDERS},
        "spec": {
            "instanceID": instance_id,
            "regionID": "cn-hangzhou",
            "credentialsSecretRef": {"name": "rds-credentials"},
            "serverCertificate": {"secretRef": {"name": secret()}},
        },
    }
    (target / "templates" / "orders.yaml").write_text(yaml.safe_dump(orders))
    return target
