"""
Certificates of a real cert-manager: issued, renewed, and issued anew in every way that it has.

What it writes is what the operator reads; what a renewal costs is told by the cloud's own count.
"""

import base64
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from support import polling
from support.cluster import Cluster
from support.operator_process import OperatorProcess
from support.shop import ORDERS, Shop, secret
from support.supervisor import Supervisor

OPERATOR = {"QUIET_PERIOD": "1s"}
"""Real, for cert-manager may write a Secret more than once."""

FIGURES = ("what cert-manager did", "new certificates", "accepted calls", "restarts")

GROUP = "/apis/cert-manager.io/v1/namespaces"
CA_DAYS = "87600h"

Json = dict[str, Any]
Told = Callable[..., None]


def fingerprints(pem: bytes) -> list[str]:
    """Give SHA-256 of each certificate, in their order."""
    found = x509.load_pem_x509_certificates(pem)
    return [each.fingerprint(hashes.SHA256()).hex() for each in found]


@pytest.fixture(scope="module")
def cert_manager(
    cluster: Cluster,
    programs: Supervisor,
    tool: Callable[[str], Path],
    source: Callable[[str, str], Path],
) -> Iterator[Supervisor]:
    """Its controllers, at work in the whole cluster."""
    crds = source("cert-manager", "github.com/cert-manager/cert-manager") / "deploy" / "crds"
    cluster.kubectl("apply", "--server-side", "-f", str(crds))
    cluster.kubectl(
        "wait",
        "--for=condition=Established",
        f"--timeout={polling.patience(30):.0f}s",
        "crd/certificates.cert-manager.io",
        "crd/certificaterequests.cert-manager.io",
        "crd/issuers.cert-manager.io",
        "crd/clusterissuers.cert-manager.io",
    )
    env = shutil.which("env") or "/usr/bin/env"
    kubeconfig = f"KUBECONFIG={cluster.control_plane.kubeconfig}"
    programs.start("cert-manager", [env, kubeconfig, tool("cert-manager")])
    log = programs.directory / "cert-manager.log"

    def problem() -> str | None:
        said = log.read_text(errors="replace")
        return None if "cert-manager runs" in said else f"cert-manager does not run: {said[-2000:]}"

    polling.wait(problem, seconds=20)
    yield programs
    programs.kill("cert-manager")


@pytest.fixture
def mill(cert_manager: Supervisor, operator: OperatorProcess, shop: Shop) -> "Mill":
    """A namespace whose certificates cert-manager makes, with the operator at work."""
    assert cert_manager.process_ids()
    assert operator.poll() is None
    return Mill(shop)


class Mill:
    """Issuers and Certificates of a shop."""

    def __init__(self, shop: Shop) -> None:
        """Make an issuer that signs with the key of what it issues, where chains begin."""
        self.shop, self.cluster = shop, shop.cluster
        self.issuer("self-signed", {"selfSigned": {}})

    # -- what people declare ------------------------------------------------------------------

    def issuer(self, name: str, spec: Json) -> None:
        """Create an Issuer."""
        self._create("issuers", "Issuer", name, spec)

    def certificate(
        self, name: str, issuer: str, /, annotations: Json | None = None, **spec: object
    ) -> None:
        """Create a Certificate whose Secret has its name."""
        wanted = {"secretName": name, "issuerRef": {"name": issuer}, **spec}
        self._create("certificates", "Certificate", name, wanted, annotations or {})

    def authority(self, name: str, issuer: str = "self-signed", /, **spec: object) -> None:
        """Create a CA and the Issuer of the same name that signs with it."""
        self.certificate(
            name, issuer, isCA=True, commonName=f"Shop {name}", duration=CA_DAYS, **spec
        )
        self.wait_issued(name, revision=1)
        self.issuer(name, {"ca": {"secretName": name}})

    def leaf(self, issuer: str, /, annotations: Json | None = None, **spec: object) -> None:
        """Create the Certificate of the instance, in the Secret that the object names."""
        names = [self.shop.host()]
        self.certificate(secret(ORDERS), issuer, annotations, dnsNames=names, **spec)

    def edit(self, name: str, **spec: object) -> None:
        """Change fields of a Certificate."""
        self.cluster.request("PATCH", self._path("certificates", name), {"spec": spec})

    def renew(self, name: str) -> None:
        """Ask for a renewal now, as ``cmctl renew`` does, and wait for its end."""
        found = self._get("certificates", name)
        conditions = found["status"]["conditions"]
        issuing = {"type": "Issuing", "status": "True", "reason": "ManuallyTriggered"}
        since = {"lastTransitionTime": "2026-11-24T01:00:00Z", "message": "A test asks for it."}
        self.cluster.request(
            "PATCH",
            self._path("certificates", name) + "/status",
            {"status": {"conditions": [*conditions, {**issuing, **since}]}},
        )
        self.wait_issued(name, revision=found["status"]["revision"] + 1)

    # -- what came of it ----------------------------------------------------------------------

    def wait_issued(self, name: str, *, revision: int) -> None:
        """Wait until a Certificate has been issued so many times."""

        def problem() -> str | None:
            status = self._get("certificates", name).get("status", {})
            going = [each["type"] for each in status.get("conditions", [])]
            if status.get("revision", 0) >= revision and "Issuing" not in going:
                return None
            return f"Certificate {name} is not at revision {revision}: {status}"

        polling.wait(problem, seconds=20)

    def data(self, name: str) -> dict[str, bytes]:
        """Give the content of a Secret; nothing if there is none."""
        path = f"/api/v1/namespaces/{self.shop.namespace}/secrets"
        found = self.cluster.request("GET", path, fieldSelector=f"metadata.name={name}")["items"]
        data = found[0]["data"] if found else {}
        return {key: base64.b64decode(text) for key, text in data.items()}

    def in_force(self) -> bool:
        """Whether the instance has exactly the chain that the Secret holds."""
        held = self.data(secret(ORDERS)).get("tls.crt")
        return bool(held and self.shop.ssl()["chain_sha256"] == fingerprints(held))

    def settled(self) -> tuple[int, int, int]:
        """Wait until the object is as declared and at rest; give what it has cost so far."""
        self.shop.wait_until("the Secret's certificate is in force", self.in_force)
        self.shop.wait_ready()
        self.shop.look_again()
        self.shop.wait_ready()
        return self.shop.cost()

    def _create(
        self, plural: str, kind: str, name: str, spec: Json, annotations: Json | None = None
    ) -> None:
        metadata = {"name": name, "annotations": annotations or {}}
        body = {"apiVersion": "cert-manager.io/v1", "kind": kind, "metadata": metadata}
        self.cluster.request("POST", self._path(plural), {**body, "spec": spec})

    def _get(self, plural: str, name: str) -> Json:
        return self.cluster.request("GET", self._path(plural, name))

    def _path(self, plural: str, name: str = "") -> str:
        path = f"{GROUP}/{self.shop.namespace}/{plural}"
        return f"{path}/{name}" if name else path


def test_a_certificate_that_comes_after_the_object_is_sent_once_and_each_renewal_once(
    mill: Mill, figures: Told
) -> None:
    mill.shop.add_instance()
    mill.shop.declare_custom()
    mill.shop.wait("MaterialReady", "False", "SecretNotFound")
    mill.authority("root")

    mill.leaf("root")

    assert mill.settled() == (1, 1, 1)
    figures("first issue, after the object", 1, 1, 1)
    for count in (2, 3, 4):
        mill.renew(secret(ORDERS))
        assert mill.settled() == (count, count, count)
    figures("renewals", 3, 3, 3)
    causes = [each["cause"] for each in mill.shop.status()["history"]]
    assert sorted(causes) == ["rotation", "rotation", "rotation", "spec"]


def test_a_renewal_with_the_same_key_is_a_new_certificate_too(mill: Mill, figures: Told) -> None:
    mill.shop.add_instance()
    mill.authority("root")
    mill.leaf("root", privateKey={"rotationPolicy": "Never"})
    mill.shop.declare_custom()
    assert mill.settled() == (1, 1, 1)
    key = mill.data(secret(ORDERS))["tls.key"]

    mill.renew(secret(ORDERS))

    assert mill.settled() == (2, 2, 2)
    assert mill.data(secret(ORDERS))["tls.key"] == key
    figures("renewal, the key is kept", 1, 1, 1)


def test_labels_and_more_formats_of_the_same_certificate_cost_nothing(
    mill: Mill, figures: Told
) -> None:
    mill.shop.add_instance()
    mill.authority("root")
    mill.leaf("root")
    mill.shop.declare_custom()
    assert mill.settled() == (1, 1, 1)
    before = mill.data(secret(ORDERS))

    mill.edit(secret(ORDERS), secretTemplate={"labels": {"team": "shop"}})
    mill.edit(secret(ORDERS), additionalOutputFormats=[{"type": "CombinedPEM"}])
    mill.shop.wait_until(
        "cert-manager has written the Secret again",
        lambda: "tls-combined.pem" in mill.data(secret(ORDERS)),
    )

    assert mill.settled() == (1, 1, 1)
    after = mill.data(secret(ORDERS))
    assert (before["tls.crt"], before["tls.key"]) == (after["tls.crt"], after["tls.key"])
    figures("labels, another output format", 0, 0, 0)


def test_the_temporary_certificate_is_named_and_never_sent(mill: Mill, figures: Told) -> None:
    mill.shop.add_instance()
    mill.issuer("late", {"ca": {"secretName": "late"}})
    mill.leaf("late", {"cert-manager.io/issue-temporary-certificate": "true"})
    mill.shop.declare_custom()

    said = mill.shop.wait("MaterialReady", "False", "TemporaryCertificate")

    temporary = x509.load_pem_x509_certificate(mill.data(secret(ORDERS))["tls.crt"])
    assert temporary.issuer.rfc4514_string() == "CN=cert-manager.local"
    assert secret(ORDERS) in said["message"]
    assert mill.shop.cost() == (0, 0, 0)
    figures("temporary certificate", 1, 0, 0)

    mill.certificate("late", "self-signed", isCA=True, commonName="Late", duration=CA_DAYS)

    assert mill.settled() == (1, 1, 1)
    figures("the real one after it", 1, 1, 1)


def test_a_new_intermediate_costs_nothing_before_the_leaf_is_issued_by_it(
    mill: Mill, figures: Told
) -> None:
    mill.shop.add_instance()
    mill.authority("root")
    mill.authority("middle", "root")
    mill.leaf("middle")
    mill.shop.declare_custom()
    assert mill.settled() == (1, 1, 1)
    assert len(x509.load_pem_x509_certificates(mill.data(secret(ORDERS))["tls.crt"])) == 2

    mill.renew("middle")

    assert mill.settled() == (1, 1, 1)
    figures("intermediate issued anew", 1, 0, 0)

    mill.renew(secret(ORDERS))

    assert mill.settled() == (2, 2, 2)
    assert mill.shop.ssl()["chain_sha256"][1:] == fingerprints(mill.data("middle")["tls.crt"])[:1]
    figures("renewal below the new intermediate", 1, 1, 1)


def test_a_new_root_costs_nothing_before_the_leaf_is_issued_by_it(
    mill: Mill, figures: Told
) -> None:
    mill.shop.add_instance()
    mill.authority("root")
    mill.leaf("root")
    mill.shop.declare_custom()
    assert mill.settled() == (1, 1, 1)

    mill.renew("root")

    assert mill.settled() == (1, 1, 1)
    figures("root issued anew", 1, 0, 0)

    mill.renew(secret(ORDERS))

    assert mill.settled() == (2, 2, 2)
    figures("renewal below the new root", 1, 1, 1)


def test_a_client_ca_that_cert_manager_renews_waits_for_approval_and_costs_one_call(
    mill: Mill, figures: Told
) -> None:
    mill.shop.add_instance()
    mill.authority("root")
    mill.authority("clients")
    mill.leaf("root")
    ca = {"secretKeyRef": {"name": "clients", "key": "tls.crt"}}
    mill.shop.declare_custom(clientAuthentication={"ca": ca, "acl": "cert"})
    assert mill.settled() == (1, 1, 1)

    mill.renew("clients")

    mill.shop.wait("ChangePending", "True", "AwaitingApproval")
    plan = mill.shop.status()["plan"]
    assert "DropsTrust" in plan["impacts"]
    assert mill.shop.cost() == (1, 1, 1)
    figures("client CA issued anew, before approval", 1, 0, 0)

    mill.cluster.annotate(mill.shop.namespace, ORDERS, approve=plan["digest"])

    mill.shop.wait_cost((2, 2, 2))
    assert mill.settled() == (2, 2, 2)
    assert mill.shop.ssl()["client_ca_sha256"] == fingerprints(mill.data("clients")["tls.crt"])
    figures("client CA issued anew, approved", 0, 1, 1)


def test_another_name_in_the_certificate_is_one_call(mill: Mill, figures: Told) -> None:
    mill.shop.add_instance()
    mill.authority("root")
    mill.leaf("root")
    mill.shop.declare_custom()
    assert mill.settled() == (1, 1, 1)

    mill.edit(secret(ORDERS), dnsNames=[mill.shop.host(), "also.example.com"])
    mill.wait_issued(secret(ORDERS), revision=2)

    assert mill.settled() == (2, 2, 2)
    figures("another name in the certificate", 1, 1, 1)
