"""Secrets that change, and Secrets that are faulty: rotation, no-ops, reasons, healing."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from support import pki
from support.cluster import Cluster, condition
from support.operator_process import OperatorProcess
from support.shop import ORDERS, Shop, secret
from support.simulator import ACCESS_KEY_SECRET

pytestmark = pytest.mark.usefixtures("operator")

OPERATOR = {"LOG_LEVEL": "debug"}
"""What it writes is searched for secrets at the end."""

PASSES = "rds_ssl_passes_total"

Write = Callable[[Shop], None]


def crlf(text: bytes) -> bytes:
    return text.replace(b"\n", b"\r\n")


# -- rotation --------------------------------------------------------------------------------------


def test_a_new_certificate_is_exactly_one_more_call_and_ready_stays_true_meanwhile(
    shop: Shop,
) -> None:
    shop.start_custom()
    shop.rds.config(instance=shop.instance_id(), durations={"change": 3.0})
    before = shop.condition("Ready")
    newer = shop.leaf()
    seen: set[tuple[str, str]] = set()
    reconciling: set[str] = set()

    shop.write_pair(newer)

    def verified() -> bool:
        now = shop.get()
        conditions = {each["type"]: each for each in now["status"]["conditions"]}
        seen.add((conditions["Ready"]["status"], conditions["Ready"]["reason"]))
        if "Reconciling" in conditions:
            reconciling.add(conditions["Reconciling"]["reason"])
        shown = now["status"]["observed"]["serverCertificate"]["sha256"]
        return bool(shown == newer.sha256 and not now["status"].get("operation"))

    shop.wait_until("the new certificate is verified", verified)
    shop.wait_ready(reason="Verified")
    assert seen == {("True", "Verified"), ("True", "Applying")}
    assert "Applying" in reconciling
    after = shop.condition("Ready")
    assert before is not None
    assert after is not None
    assert after["lastTransitionTime"] == before["lastTransitionTime"]
    assert shop.ssl()["server_sha256"] == newer.sha256
    assert shop.cost() == (2, 2, 2)


def test_a_secret_rewritten_with_the_same_certificate_causes_no_call_and_no_look_at_the_cloud(
    shop: Shop, operator: OperatorProcess
) -> None:
    leaf = shop.start_custom()
    before, calls = shop.get(), len(shop.calls())
    certificate, key = leaf.chain_pem, leaf.key_pem()
    versions = (
        (crlf(certificate), crlf(key)),
        (b"# orders\n\n" + certificate + b"\n\n  \n", b"\n# its key\n" + key + b"\n\n"),
        (certificate, leaf.key_pem(pki.KeyFormat.SEC1)),
    )

    for number, (one, other) in enumerate(versions):
        passes = operator.metric(PASSES)
        shop.write_tls(one, other, **{"ca.crt": shop.root.pem, "number": b"%d" % number})
        shop.wait_until(
            "the operator has seen the Secret",
            lambda passes=passes: operator.metric(PASSES) > passes,  # type: ignore[misc]
        )
    passes = operator.metric(PASSES)
    labels = {"metadata": {"labels": {"touched": "yes"}, "annotations": {"touched": "yes"}}}
    shop.cluster.request("PATCH", f"/api/v1/namespaces/{shop.namespace}/secrets/{secret()}", labels)
    shop.wait_until("the operator has seen it", lambda: operator.metric(PASSES) > passes)

    assert len(shop.calls()) == calls
    assert shop.get()["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    shop.look_again()
    assert shop.cost() == (1, 1, 1)
    assert shop.conditions() == {
        "Ready": ("True", "Verified"),
        "MaterialReady": ("True", "MaterialAccepted"),
    }


def test_a_label_edit_of_the_object_causes_no_call_and_no_patch(
    shop: Shop, operator: OperatorProcess
) -> None:
    del operator
    shop.adopt_custom()
    calls = len(shop.calls())
    own = f"/apis/rds-ssl.dev/v1alpha1/namespaces/{shop.namespace}/dbinstancessls/{ORDERS}"

    edited = shop.cluster.request("PATCH", own, {"metadata": {"labels": {"team": "blue"}}})
    # The watch shows a later object after the edit.
    shop.add_instance("later")
    shop.declare_custom("later")
    shop.wait("MaterialReady", "False", "SecretNotFound", name="later")

    assert len(shop.calls()) == calls
    assert shop.get()["metadata"]["resourceVersion"] == edited["metadata"]["resourceVersion"]
    shop.look_again()
    assert shop.cost() == (0, 0, 0)


def test_an_object_that_is_deleted_and_applied_again_is_adopted_without_a_call(
    shop: Shop,
) -> None:
    shop.start_custom()
    shop.delete()
    assert not shop.cluster.exists(shop.namespace, ORDERS)

    shop.declare_custom()

    found = shop.wait_ready(reason="Adopted")
    assert found["status"]["applied"]["state"]
    assert shop.cost() == (1, 1, 1)


def test_the_vendors_own_renewal_is_no_reason_for_a_call(shop: Shop) -> None:
    shop.adopt_cloud()
    before = shop.ssl()["server_sha256"]

    shop.meddle(renew=True)
    found = shop.look_again()

    assert shop.ssl()["server_sha256"] != before
    assert shop.conditions()["Ready"] == ("True", "Adopted")
    shown = found["status"]["observed"]["serverCertificate"]["sha256"]
    assert shown == shop.ssl()["server_sha256"]
    assert shop.cost() == (0, 0, 0)


# -- faults of the server certificate --------------------------------------------------------------


def absent(shop: Shop) -> None:
    """Have no Secret at all."""
    path = f"/api/v1/namespaces/{shop.namespace}/secrets"
    names = [each["metadata"]["name"] for each in shop.cluster.request("GET", path)["items"]]
    if secret() in names:
        shop.cluster.delete_secret(shop.namespace, secret())


def without_key(shop: Shop) -> None:
    shop.cluster.secret(shop.namespace, secret(), {"tls.crt": shop.leaf().chain_pem})


def not_pem(shop: Shop) -> None:
    shop.write_tls(b"this is no certificate", shop.leaf().key_pem())


def encrypted_key(shop: Shop) -> None:
    leaf = shop.leaf()
    shop.write_tls(leaf.chain_pem, leaf.key_pem(pki.KeyFormat.PKCS8_ENCRYPTED))


def mismatch(shop: Shop) -> None:
    shop.write_tls(shop.leaf().chain_pem, shop.leaf().key_pem())


def too_large(shop: Shop) -> None:
    leaf = shop.leaf()
    shop.write_tls(leaf.chain_pem + b"#" * 600_000, leaf.key_pem())


def wrong_host(shop: Shop) -> None:
    shop.write_pair(shop.root.leaf("elsewhere.pg.rds.aliyuncs.com"))


def expired(shop: Shop) -> None:
    now = pki.real_now()
    shop.write_pair(shop.leaf(not_before=now - 9 * pki.DAY, not_after=now - pki.HOUR))


def not_yet_valid(shop: Shop) -> None:
    shop.write_pair(shop.leaf(not_before=pki.real_now() + pki.DAY))


def temporary(shop: Shop) -> None:
    shop.write_pair(pki.cert_manager_temporary(shop.host()))


FAULTS = [
    pytest.param(absent, "SecretNotFound", "", id="no Secret"),
    pytest.param(without_key, "SecretKeyMissing", "tls.key", id="no key in it"),
    pytest.param(not_pem, "MaterialInvalid", "tls.crt", id="not PEM"),
    pytest.param(encrypted_key, "MaterialInvalid", "tls.key", id="encrypted private key"),
    pytest.param(mismatch, "KeyMismatch", "tls.key", id="key of another certificate"),
    pytest.param(too_large, "MaterialInvalid", "tls.crt", id="too large"),
    pytest.param(wrong_host, "MaterialInvalid", "tls.crt", id="another host name"),
    pytest.param(expired, "MaterialInvalid", "tls.crt", id="expired"),
    pytest.param(not_yet_valid, "NotYetValid", "tls.crt", id="not yet valid"),
    pytest.param(temporary, "TemporaryCertificate", "tls.crt", id="cert-manager's temporary"),
]
PASSING = {
    "SecretNotFound",
    "SecretKeyMissing",
    "KeyMismatch",
    "NotYetValid",
    "TemporaryCertificate",
}
"""Reasons that may be a moment's state: Reconciling first."""


def check_told(shop: Shop, reason: str, key: str) -> None:
    """The message names Secret and key, and kstatus sees who has to act."""
    told = shop.condition("MaterialReady")
    assert told is not None
    assert secret() in told["message"]
    assert key in told["message"]
    conditions = shop.conditions()
    expected, other = (
        ("Reconciling", "Stalled") if reason in PASSING else ("Stalled", "Reconciling")
    )
    assert conditions[expected] == ("True", reason)
    assert other not in conditions


@pytest.mark.parametrize(("write", "reason", "key"), FAULTS)
def test_a_faulty_secret_is_said_and_not_sent_and_heals_by_itself(
    shop: Shop, write: Write, reason: str, key: str
) -> None:
    shop.add_instance()
    write(shop)
    shop.declare_custom()

    shop.wait("MaterialReady", "False", reason)

    assert shop.conditions()["Ready"] == ("False", reason)
    check_told(shop, reason, key)
    assert shop.modifies() == []

    repaired = shop.leaf()
    shop.write_pair(repaired)

    # Verified a second later, as every change is; tests of what is sent wait for that.
    shop.wait_until("it is in force", lambda: shop.ssl()["server_sha256"] == repaired.sha256)
    assert shop.conditions()["MaterialReady"][0] == "True"
    assert "Stalled" not in shop.conditions()
    assert shop.get()["metadata"]["generation"] == 1
    assert shop.cost() == (1, 1, 1)


@pytest.mark.parametrize(
    ("write", "reason", "key"),
    [each for each in FAULTS if each.id not in {"encrypted private key", "too large", "expired"}],
)
def test_a_secret_that_becomes_faulty_leaves_ready_true_and_heals_without_a_call(
    shop: Shop, write: Write, reason: str, key: str
) -> None:
    leaf = shop.adopt_custom()
    before = shop.condition("Ready")

    write(shop)

    shop.wait("MaterialReady", "False", reason)
    assert shop.conditions()["Ready"][0] == "True"
    check_told(shop, reason, key)

    shop.write_pair(leaf)

    shop.wait("MaterialReady", "True")
    shop.wait_ready()
    after = shop.condition("Ready")
    assert before is not None
    assert after is not None
    assert after["lastTransitionTime"] == before["lastTransitionTime"]
    assert set(shop.conditions()) == {"Ready", "MaterialReady"}
    assert shop.cost() == (0, 0, 0)


def test_a_mismatch_that_ends_with_a_new_pair_is_one_call(shop: Shop) -> None:
    shop.adopt_custom()
    newer = shop.leaf()

    shop.write_tls(newer.chain_pem, shop.leaf().key_pem())
    shop.wait("MaterialReady", "False", "KeyMismatch")
    assert shop.conditions()["Ready"][0] == "True"
    shop.write_pair(newer)

    shop.wait_cost((1, 1, 1))
    shop.wait_ready(reason="Verified")
    assert shop.ssl()["server_sha256"] == newer.sha256


def test_a_certificate_becomes_valid_without_anybody_touching_anything(shop: Shop) -> None:
    shop.add_instance()
    shop.declare_custom()
    shop.wait("MaterialReady", "False", "SecretNotFound")
    # From here only the operator has to be quick: it watches the Secret.
    start = pki.real_now() + timedelta(seconds=8)
    shop.write_pair(shop.leaf(not_before=start))
    shop.wait("MaterialReady", "False", "NotYetValid")
    assert shop.modifies() == []

    shop.wait_ready(reason="Verified")

    assert pki.real_now() >= start
    assert shop.cost() == (1, 1, 1)


def test_a_certificate_that_expires_in_force_is_said_and_replaced_with_one_call(
    shop: Shop,
) -> None:
    shop.add_instance()
    leaf = shop.leaf(not_after=pki.real_now() + timedelta(seconds=8))
    shop.set_pair(leaf)
    shop.write_pair(leaf)
    shop.declare_custom()

    shop.wait("Ready", "False", "CertificateExpired")

    assert shop.conditions()["Stalled"] == ("True", "CertificateExpired")
    assert shop.modifies() == []
    newer = shop.leaf()
    shop.write_pair(newer)
    shop.wait_ready(reason="Verified")
    assert shop.ssl()["server_sha256"] == newer.sha256
    assert shop.cost() == (1, 1, 1)


def test_a_stale_crl_that_is_in_force_does_not_stop_a_new_certificate(shop: Shop) -> None:
    clients = pki.make_root("Clients")
    now = pki.real_now()
    stale = clients.revocation_list(this_update=now - pki.DAY, next_update=now - pki.HOUR)
    shop.add_instance()
    leaf, newer = shop.leaf(), shop.leaf()
    shop.set_pair(leaf)
    shop.meddle(client_ca=clients.pem.decode(), crl=stale.decode())
    shop.write_client_ca(clients.pem, stale)
    shop.write_pair(leaf)
    shop.declare_custom(clientAuthentication=BOTH)
    shop.wait("MaterialReady", "True")
    assert shop.modifies() == []

    shop.write_pair(newer)

    shop.wait_until("it is in force", lambda: shop.ssl()["server_sha256"] == newer.sha256)
    assert shop.cost() == (1, 1, 1)


# -- faults of client CA and CRL -------------------------------------------------------------------

BOTH = {
    "ca": {"configMapKeyRef": {"name": "client-ca"}},
    "revocationList": {"configMapKeyRef": {"name": "client-ca"}},
}


def ca_without_list(shop: Shop, clients: pki.Authority) -> None:
    """Two CAs, and the list of one of them."""
    other = pki.make_root("Partner clients")
    shop.write_client_ca(clients.pem + other.pem, clients.revocation_list())


def list_of_another_ca(shop: Shop, clients: pki.Authority) -> None:
    shop.write_client_ca(clients.pem, pki.make_root("Strangers").revocation_list())


def stale_list(shop: Shop, clients: pki.Authority) -> None:
    now = pki.real_now()
    past = clients.revocation_list(this_update=now - pki.DAY, next_update=now - pki.HOUR)
    shop.write_client_ca(clients.pem, past)


def not_a_ca(shop: Shop, clients: pki.Authority) -> None:
    shop.write_client_ca(clients.leaf("client").pem, clients.revocation_list())


def no_list_key(shop: Shop, clients: pki.Authority) -> None:
    shop.write_client_ca(clients.pem)


CLIENT_FAULTS = [
    pytest.param(ca_without_list, "MaterialInvalid", "ca.crl", id="CA without a CRL"),
    pytest.param(list_of_another_ca, "MaterialInvalid", "ca.crl", id="CRL of another CA"),
    pytest.param(stale_list, "MaterialInvalid", "ca.crl", id="stale CRL"),
    pytest.param(not_a_ca, "MaterialInvalid", "ca.crt", id="not a CA"),
    pytest.param(no_list_key, "SecretKeyMissing", "ca.crl", id="no CRL in the ConfigMap"),
]


@pytest.mark.parametrize(("write", "reason", "key"), CLIENT_FAULTS)
def test_a_faulty_client_ca_or_crl_is_said_and_not_sent_and_heals_by_itself(
    shop: Shop, write: Callable[[Shop, pki.Authority], None], reason: str, key: str
) -> None:
    clients = pki.make_root("Clients")
    shop.add_instance()
    write(shop, clients)
    shop.declare(clientAuthentication=BOTH)

    shop.wait("MaterialReady", "False", reason)

    told = shop.condition("MaterialReady")
    assert told is not None
    assert "client-ca" in told["message"]
    assert key in told["message"]
    assert shop.conditions()["Ready"] == ("False", reason)
    assert shop.modifies() == []

    shop.write_client_ca(clients.pem, clients.revocation_list())

    found = shop.wait_ready(reason="Verified")
    assert found["metadata"]["generation"] == 1
    assert shop.ssl()["client_ca_sha256"] == [clients.sha256]
    assert shop.cost() == (1, 1, 1)


def test_a_faulty_crl_leaves_what_is_applied_ready(shop: Shop) -> None:
    clients = pki.make_root("Clients")
    shop.add_instance()
    good = clients.revocation_list()
    shop.write_client_ca(clients.pem, good)
    shop.declare(clientAuthentication=BOTH)
    shop.wait_ready(reason="Verified")

    list_of_another_ca(shop, clients)

    shop.wait("MaterialReady", "False", "MaterialInvalid")
    assert shop.conditions()["Ready"][0] == "True"
    shop.write_client_ca(clients.pem, good)
    shop.wait("MaterialReady", "True")
    shop.wait_ready()
    assert shop.cost() == (1, 1, 1)


# -- secrets stay secret ---------------------------------------------------------------------------


def bodies(key: bytes) -> list[str]:
    """The lines of a PEM between its marks."""
    return [line for line in key.decode().splitlines() if line and "-----" not in line]


def test_no_private_key_and_no_access_key_secret_is_in_anything_that_is_written(
    operator: OperatorProcess, cluster: Cluster, shop: Shop
) -> None:
    secrets = [ACCESS_KEY_SECRET, "PRIVATE KEY-----"]
    first = shop.start_custom()
    newer, encrypted = shop.leaf(), shop.leaf()
    secrets += bodies(first.key_pem()) + bodies(newer.key_pem())
    # A rotation with a refused call, a lost answer, a key that cannot be used, a wrong secret.
    shop.rds.fault({"kind": "reset-after"}, action="ModifyDBInstanceSSL")
    shop.write_pair(newer)
    shop.wait_until("it is in force", lambda: shop.ssl()["server_sha256"] == newer.sha256)
    shop.wait_ready()
    hidden = encrypted.key_pem(pki.KeyFormat.PKCS8_ENCRYPTED)
    secrets += bodies(hidden) + bodies(encrypted.key_pem())
    shop.write_tls(encrypted.chain_pem, hidden)
    shop.wait("MaterialReady", "False", "MaterialInvalid")
    # Key and certificate in each other's place.
    swapped = shop.leaf()
    secrets += bodies(swapped.key_pem())
    shop.write_tls(swapped.key_pem(), swapped.chain_pem)
    shop.wait_until(
        "it is said",
        lambda: "tls.crt" in (shop.condition("MaterialReady") or {}).get("message", ""),
    )
    shop.rds.fault(
        {
            "code": "InvalidServerCertOrPrivateKey",
            "status": 400,
            "message": swapped.key_pem().decode(),
        },
        action="ModifyDBInstanceSSL",
    )
    shop.write_pair(swapped)
    shop.wait("Stalled", "True", "ServerCertificateRejected")
    credentials = {"accessKeyId": "LTAI5tSimulator", "accessKeySecret": "wrong-but-secret"}
    secrets.append("wrong-but-secret")
    cluster.secret(shop.namespace, "rds-credentials", credentials)
    shop.wait("Stalled", "True", "CredentialsInvalid")

    objects = cluster.request("GET", "/apis/rds-ssl.dev/v1alpha1/dbinstancessls")["items"]
    written = {
        "objects": json.dumps(objects),
        "events": json.dumps(cluster.events(shop.namespace)),
        "log": operator.log,
        "audit": cluster.control_plane.audit_log.read_text(),
        "metrics": operator.get("/metrics")[1],
        "ledger": json.dumps(shop.calls()),
    }
    assert shop.namespace in written["log"]
    assert ORDERS in written["events"]
    for place, text in written.items():
        found = [text.index(each) for each in secrets if each in text]
        # Only what surrounds it, as the test's own output should not hold it either.
        near = [text[max(0, at - 150) : at] for at in found]
        assert not found, f"{len(found)} secrets in the {place}, after {near}"
    assert shop.rds.stats()["keys_in_url"] == 0
    assert condition(shop.get(), "Ready") is not None
