"""
What Git declares stays as it is declared: no diff, whatever operator and people do beside it.

`kubectl diff` makes the comparison that Argo CD and Flux make before each sync: the API server
tells what an apply would change. An operator that fills in defaults, or writes into spec or
metadata, shows up here.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from rds_ssl.core.model import APPROVE_ANNOTATION, KIND, PLURAL, RECONCILE_ANNOTATION
from support import polling
from support.operator_process import OperatorProcess
from support.shop import WAIT_SECONDS, Shop

pytestmark = pytest.mark.usefixtures("operator")

SAMPLES = Path(__file__).parents[2] / "deploy" / "samples"
OBJECTS = {
    each["metadata"]["name"]: (path, each["spec"])
    for path in sorted(SAMPLES.glob("*.yaml"))
    for each in yaml.safe_load_all(path.read_text())
    if each["kind"] == KIND
}
PROFILES = {"billing": "mysql-5.7", "ledger": "sqlserver-2019"}
MODES = {"client-side": (), "server-side": ("--server-side", "--force-conflicts")}
"""Argo CD applies in the first way unless told otherwise; Flux and Helm 4 in the second."""


@pytest.fixture(params=MODES)
def git(request: pytest.FixtureRequest, shop: Shop) -> Iterator["Git"]:
    """The samples, applied in one of the two ways, each in the state that it comes to."""
    git = Git(shop, MODES[request.param])
    git.provide()
    for path, _ in OBJECTS.values():
        git.kubectl("apply", *git.mode, "-f", str(path))
    yield git
    git.kubectl("delete", PLURAL, "--all")


class Git:
    """What applies the samples and compares."""

    def __init__(self, shop: Shop, mode: tuple[str, ...]) -> None:
        """*mode* is how it applies, as flags of kubectl."""
        self.shop, self.mode = shop, mode

    def kubectl(self, *arguments: str, check: bool = True) -> str:
        """Run kubectl in the namespace; give what it says."""
        command = ["--namespace", self.shop.namespace, *arguments]
        done = self.shop.cluster.control_plane.kubectl(*command, check=check)
        return done.stdout + done.stderr

    def provide(self) -> None:
        """Make the instances that the samples name, and the material."""
        shop = self.shop
        for name, (_, spec) in OBJECTS.items():
            host = spec.get("connectionString") or f"{name}.pg.rds.aliyuncs.com"
            shop.rds.put_instance(
                spec["instanceID"],
                profile=PROFILES.get(name, "postgresql-14"),
                region=spec["regionID"],
                connection_string=host,
            )
            if reference := spec.get("serverCertificate", {}).get("secretRef"):
                leaf = shop.root.leaf(host)
                data: dict[str, str | bytes] = {
                    "tls.crt": leaf.chain_pem,
                    "tls.key": leaf.key_pem(),
                }
                shop.cluster.secret(shop.namespace, reference["name"], data)
        shop.cluster.secret(shop.namespace, "ledger-pfx", {"password": "a password"})
        shop.write_client_ca(shop.root.pem, shop.root.revocation_list())

    def wait(self) -> None:
        """Wait until nothing is going on."""

        def problem() -> str | None:
            for name in OBJECTS:
                found = self.shop.get(name)
                told = self.shop.conditions(name)
                if found["status"]["observedGeneration"] != found["metadata"]["generation"]:
                    return f"{name} has not been looked at"
                if "Reconciling" in told or found["status"].get("operation"):
                    return f"{name} is at work: {told}"
            return None

        polling.wait(problem, seconds=2 * WAIT_SECONDS)

    def diff(self) -> str:
        """Give what another apply would change."""
        flags = [flag for path, _ in OBJECTS.values() for flag in ("-f", str(path))]
        return self.kubectl("diff", *self.mode, *flags, check=False)


def test_what_was_applied_shows_no_diff_whatever_is_done_beside_git(
    git: Git, operator: OperatorProcess
) -> None:
    git.wait()
    told = {name: git.shop.conditions(name) for name in OBJECTS}
    assert told["orders"]["Ready"] == ("True", "Verified")
    assert told["reports"]["ChangePending"] == ("True", "Observing")
    assert told["payments"]["ChangePending"][0] == "True"
    assert git.diff() == ""

    # What people, Argo CD's actions and the commands write. Git does not mention it.
    digest = git.shop.status("payments")["plan"]["digest"]
    git.kubectl("annotate", PLURAL, "payments", f"{APPROVE_ANNOTATION}={digest}")
    git.kubectl("annotate", PLURAL, "--all", f"{RECONCILE_ANNOTATION}=now")
    git.kubectl("patch", PLURAL, "inventory", "--type=merge", "-p", '{"spec":{"suspend":true}}')
    git.wait()
    assert git.diff() == ""

    for path, _ in OBJECTS.values():
        git.kubectl("apply", *git.mode, "-f", str(path))
    left = git.shop.get("payments")["metadata"]["annotations"]
    assert left[APPROVE_ANNOTATION] == digest
    assert git.shop.get("inventory")["spec"]["suspend"] is True

    git.kubectl("annotate", PLURAL, "--all", f"{APPROVE_ANNOTATION}-", f"{RECONCILE_ANNOTATION}-")
    git.wait()
    assert git.diff() == ""
    assert operator.poll() is None


@pytest.mark.parametrize("git", ["server-side"], indirect=True)
def test_what_somebody_changed_beside_git_is_shown_if_git_says_otherwise(git: Git) -> None:
    git.wait()

    git.shop.patch("inventory", driftPolicy="Report")  # Of which Git says nothing.
    git.shop.patch("billing", forceEncryption=False)

    changed = [line for line in git.diff().splitlines() if line[:2] in {"+ ", "- "}]
    assert [line for line in changed if "generation" not in line] == [
        "-  forceEncryption: false",
        "+  forceEncryption: true",
    ]
