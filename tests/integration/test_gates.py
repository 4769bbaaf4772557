"""What is held back, how the object says so, and what lets it go."""

import itertools
from datetime import datetime

import pytest

from support import pki
from support.cluster import Cluster
from support.operator_process import OperatorProcess
from support.shop import ORDERS, Shop
from support.simulator import Simulator

pytestmark = pytest.mark.usefixtures("operator")

CLIENT_CA = {"configMapKeyRef": {"name": "client-ca"}}
READ_ONLY = {"READ_ONLY": "true"}
"""One dictionary, and so one operator, for the tests that use it."""


def check_held(shop: Shop, reason: str, *, impacts: set[str], ready: str = "False") -> None:
    """The plan is in status and in the message, and kstatus sees that it waits for a person."""
    conditions = shop.conditions()
    assert conditions["ChangePending"] == ("True", reason)
    assert conditions["Ready"][0] == ready
    assert "Stalled" not in conditions
    assert "Reconciling" not in conditions
    plan = shop.status()["plan"]
    assert plan["heldBy"] == reason
    assert set(plan["impacts"]) == impacts
    assert plan["steps"][0]["changes"]
    told = shop.condition("ChangePending")
    assert told is not None
    assert told["message"].startswith(plan["summary"])
    for impact in impacts:
        assert impact in told["message"]
    assert "operation" not in shop.status()


def check_at_rest(shop: Shop) -> None:
    assert set(shop.conditions()) == {"Ready", "MaterialReady"}
    assert "plan" not in shop.status()


# -- Observe and suspend ---------------------------------------------------------------------------


def test_observe_plans_and_sends_nothing_until_it_is_enforce(shop: Shop) -> None:
    shop.add_instance()
    shop.declare(managementPolicy="Observe")

    shop.wait("ChangePending", "True", "Observing")
    check_held(shop, "Observing", impacts={"Restart"})
    shop.look_again()
    assert shop.modifies() == []

    shop.patch(managementPolicy="Enforce")

    shop.wait_ready(reason="Verified")
    check_at_rest(shop)
    assert shop.cost() == (1, 1, 1)


def test_suspend_plans_and_sends_nothing_until_it_is_resumed(shop: Shop) -> None:
    shop.add_instance()
    shop.declare(suspend=True)

    shop.wait("ChangePending", "True", "Suspended")
    check_held(shop, "Suspended", impacts={"Restart"})
    shop.look_again()
    assert shop.modifies() == []

    shop.patch(suspend=False)

    shop.wait_ready(reason="Verified")
    check_at_rest(shop)
    assert shop.cost() == (1, 1, 1)


def test_a_suspended_rotation_leaves_ready_true(shop: Shop) -> None:
    shop.adopt_custom()
    shop.patch(suspend=True)
    shop.wait("Ready", "True")
    newer = shop.leaf()

    shop.write_pair(newer)

    shop.wait("ChangePending", "True", "Suspended")
    check_held(shop, "Suspended", impacts={"Restart"}, ready="True")
    shop.look_again()
    assert shop.cost() == (0, 0, 0)

    shop.patch(suspend=False)

    shop.wait_cost((1, 1, 1))
    shop.wait_ready(reason="Verified")
    check_at_rest(shop)
    assert shop.ssl()["server_sha256"] == newer.sha256


# -- first contact ---------------------------------------------------------------------------------


def test_an_instance_that_has_another_certificate_is_left_alone_at_first_contact(
    shop: Shop,
) -> None:
    shop.add_instance()
    old, new = shop.leaf(), shop.leaf()
    shop.set_pair(old)
    shop.write_pair(new)
    shop.declare_custom()

    shop.wait("ChangePending", "True", "AwaitingApproval")
    check_held(shop, "AwaitingApproval", impacts={"Restart"})
    # Of no use here: first contact waits whatever approvalRequired says.
    shop.patch(approvalRequired=[])
    shop.wait("ChangePending", "True", "AwaitingApproval")
    shop.look_again()
    assert shop.modifies() == []

    shop.patch(adoptionPolicy="Overwrite")

    shop.wait_ready(reason="Verified")
    check_at_rest(shop)
    assert shop.ssl()["server_sha256"] == new.sha256
    assert shop.cost() == (1, 1, 1)


def test_first_contact_that_would_turn_ssl_off_waits(shop: Shop) -> None:
    shop.add_instance(ssl={"enabled": True})
    shop.declare(enabled=False, approvalRequired=[])

    shop.wait("ChangePending", "True", "AwaitingApproval")

    check_held(shop, "AwaitingApproval", impacts={"Restart", "Weakens"})
    shop.look_again()
    assert shop.modifies() == []
    assert shop.ssl()["enabled"]


def test_overwrite_waives_nothing_of_what_weakens(shop: Shop) -> None:
    shop.add_instance(ssl={"enabled": True})
    shop.declare(enabled=False, adoptionPolicy="Overwrite")

    shop.wait("ChangePending", "True", "AwaitingApproval")

    shop.look_again()
    assert shop.modifies() == []
    assert shop.ssl()["enabled"]


def test_an_instance_that_is_as_declared_is_adopted_without_a_call(shop: Shop) -> None:
    clients = pki.make_root("Clients")
    shop.add_instance()
    leaf = shop.root.intermediate().leaf(shop.host())
    crl = clients.revocation_list()
    shop.meddle(
        enabled=True,
        server_cert=leaf.chain_pem.decode(),
        server_key=leaf.key_pem().decode(),
        client_ca=clients.pem.decode(),
        crl=crl.decode(),
        acl="cert",
        replication_acl="verify-ca",
    )
    shop.write_pair(leaf)
    shop.write_client_ca(clients.pem, crl)
    shop.declare_custom(
        clientAuthentication={
            "ca": CLIENT_CA,
            "revocationList": CLIENT_CA,
            "acl": "cert",
            "replicationACL": "verify-ca",
        }
    )

    found = shop.wait_ready(reason="Adopted")

    check_at_rest(shop)
    assert found["status"]["applied"]["state"]["clientCA"]
    assert shop.modifies() == []
    shop.wait_until("an Event says so", lambda: shop.events("Adopted"))


# -- approval --------------------------------------------------------------------------------------


def test_turning_ssl_off_waits_until_the_approval_is_waived(shop: Shop) -> None:
    shop.adopt_custom()

    shop.patch(enabled=False)

    shop.wait("ChangePending", "True", "AwaitingApproval")
    check_held(shop, "AwaitingApproval", impacts={"Restart", "Weakens"})
    shop.look_again()
    assert shop.cost() == (0, 0, 0)
    assert shop.ssl()["enabled"]

    shop.patch(approvalRequired=[])

    shop.wait_ready(reason="Verified")
    check_at_rest(shop)
    assert not shop.ssl()["enabled"]
    assert shop.cost() == (1, 1, 1)


def test_a_cloud_certificate_in_place_of_an_own_one_waits_until_it_is_waived(shop: Shop) -> None:
    shop.adopt_custom()

    shop.patch(serverCertificate=None)

    shop.wait("ChangePending", "True", "AwaitingApproval")
    check_held(shop, "AwaitingApproval", impacts={"Restart", "Weakens", "TrustChanges"})
    shop.look_again()
    assert shop.cost() == (0, 0, 0)

    shop.patch(approvalRequired=["DropsTrust", "MovesEndpoint"])

    shop.wait_ready(reason="Verified")
    assert shop.ssl()["ca_type"] == "aliyun"
    assert shop.cost() == (1, 1, 1)


def test_a_client_ca_that_is_replaced_under_a_strict_acl_waits_until_it_is_waived(
    shop: Shop,
) -> None:
    older, newer = pki.make_root("Clients"), pki.make_root("New clients")
    shop.write_client_ca(older.pem)
    shop.adopt_cloud(
        ssl={"client_ca": older.pem.decode(), "acl": "cert"},
        clientAuthentication={"ca": CLIENT_CA, "acl": "cert"},
    )

    shop.write_client_ca(newer.pem)

    shop.wait("ChangePending", "True", "AwaitingApproval")
    # Only material differs: the declared settings are in force.
    check_held(shop, "AwaitingApproval", impacts={"Restart", "DropsTrust"}, ready="True")
    shop.look_again()
    assert shop.cost() == (0, 0, 0)

    shop.patch(approvalRequired=[])

    shop.wait_cost((1, 1, 1))
    shop.wait_ready(reason="Verified")
    assert shop.ssl()["client_ca_sha256"] == [newer.sha256]


def test_a_client_ca_that_is_added_beside_the_old_one_goes(shop: Shop) -> None:
    older, newer = pki.make_root("Clients"), pki.make_root("New clients")
    shop.write_client_ca(older.pem)
    shop.adopt_cloud(
        ssl={"client_ca": older.pem.decode(), "acl": "cert"},
        clientAuthentication={"ca": CLIENT_CA, "acl": "cert"},
    )

    shop.write_client_ca(older.pem + newer.pem)

    shop.wait_cost((1, 1, 1))
    shop.wait_ready(reason="Verified")
    assert set(shop.ssl()["client_ca_sha256"]) == {older.sha256, newer.sha256}


def test_a_crl_with_a_lower_number_waits_and_goes_when_it_is_undone(shop: Shop) -> None:
    clients = pki.make_root("Clients")
    newest = clients.revocation_list(serials=[7, 8], number=5)
    shop.write_client_ca(clients.pem, newest)
    shop.adopt_cloud(
        ssl={"client_ca": clients.pem.decode(), "crl": newest.decode()},
        clientAuthentication={"ca": CLIENT_CA, "revocationList": CLIENT_CA},
    )

    shop.write_client_ca(clients.pem, clients.revocation_list(serials=[7], number=4))

    shop.wait("ChangePending", "True", "AwaitingApproval")
    check_held(shop, "AwaitingApproval", impacts={"Restart", "Weakens"}, ready="True")
    shop.write_client_ca(clients.pem, newest)
    shop.wait_until("nothing is held", lambda: "ChangePending" not in shop.conditions())
    shop.wait_ready()
    check_at_rest(shop)
    assert shop.cost() == (0, 0, 0)


def test_an_acl_that_is_relaxed_waits_until_it_is_waived(shop: Shop) -> None:
    clients = pki.make_root("Clients")
    shop.write_client_ca(clients.pem)
    shop.adopt_cloud(
        ssl={"client_ca": clients.pem.decode(), "acl": "verify-full"},
        clientAuthentication={"ca": CLIENT_CA, "acl": "verify-full"},
    )

    shop.patch(clientAuthentication={"acl": "verify-ca"})

    shop.wait("ChangePending", "True", "AwaitingApproval")
    assert "Weakens" in shop.status()["plan"]["impacts"]
    shop.look_again()
    assert shop.cost() == (0, 0, 0)
    shop.patch(approvalRequired=[])
    shop.wait_ready(reason="Verified")
    assert shop.ssl()["acl"] == "verify-ca"
    assert shop.cost() == (1, 1, 1)


def test_another_endpoint_waits_until_it_is_waived(shop: Shop) -> None:
    shop.adopt_cloud()
    internal = shop.host()
    public = next(each["host"] for each in shop.truth()["endpoints"] if each["ip_type"] == "Public")

    shop.patch(connectionString=public)

    shop.wait("ChangePending", "True", "AwaitingApproval")
    assert "MovesEndpoint" in shop.status()["plan"]["impacts"]
    assert shop.status()["instance"]["endpoint"] == internal
    shop.look_again()
    assert shop.cost() == (0, 0, 0)

    shop.patch(approvalRequired=["Weakens", "DropsTrust"])

    shop.wait_ready(reason="Verified")
    assert shop.ssl()["connection_string"] == public
    assert shop.status()["instance"]["endpoint"] == public
    assert shop.cost() == (1, 1, 1)


def test_what_tightens_waits_only_where_the_object_asks_for_it(shop: Shop) -> None:
    shop.adopt_cloud(approvalRequired=["Tightens"])
    shop.write_client_ca(pki.make_root("Clients").pem)

    shop.patch(clientAuthentication={"ca": CLIENT_CA})

    shop.wait("ChangePending", "True", "AwaitingApproval")
    check_held(shop, "AwaitingApproval", impacts={"Restart", "Tightens"})
    assert shop.cost() == (0, 0, 0)
    shop.patch(approvalRequired=None)
    shop.wait_cost((1, 1, 1))
    shop.wait_ready(reason="Verified")


# -- drift -----------------------------------------------------------------------------------------


def test_drift_is_reported_before_it_is_put_back_and_clears_when_it_is_undone(shop: Shop) -> None:
    leaf = shop.adopt_custom()
    intruder = shop.leaf()

    shop.set_pair(intruder)
    shop.look_again()

    shop.wait("ChangePending", "True", "Drifted")
    assert shop.conditions()["Ready"] == ("False", "Drifted")
    assert shop.status()["plan"]["heldBy"] == "Drifted"
    shown = shop.status()["observed"]["serverCertificate"]["sha256"]
    assert shown == intruder.sha256
    shop.look_again()
    assert shop.cost() == (0, 0, 0)

    shop.set_pair(leaf)
    shop.look_again()

    shop.wait_ready()
    check_at_rest(shop)
    assert shop.cost() == (0, 0, 0)


def test_ssl_that_was_turned_off_elsewhere_is_drift(shop: Shop) -> None:
    shop.adopt_cloud()

    shop.meddle(enabled=False)
    shop.look_again()

    shop.wait("Ready", "False", "Drifted")
    shop.look_again()
    assert shop.cost() == (0, 0, 0)
    assert not shop.ssl()["enabled"]


def test_a_change_of_the_declaration_after_drift_is_carried_out_at_once(shop: Shop) -> None:
    clients = pki.make_root("Clients")
    shop.write_client_ca(clients.pem)
    leaf = shop.adopt_custom()
    shop.set_pair(shop.leaf())
    shop.look_again()
    shop.wait("Ready", "False", "Drifted")

    shop.patch(clientAuthentication={"ca": CLIENT_CA})

    shop.wait_ready(reason="Verified")
    check_at_rest(shop)
    assert shop.ssl()["server_sha256"] == leaf.sha256
    assert shop.ssl()["client_ca_sha256"] == [clients.sha256]
    assert shop.cost() == (1, 1, 1)


def test_a_rotation_after_drift_waits_with_it(shop: Shop) -> None:
    shop.adopt_custom()
    intruder = shop.leaf()
    shop.set_pair(intruder)
    shop.look_again()
    shop.wait("Ready", "False", "Drifted")
    newer = shop.leaf()

    shop.write_pair(newer)

    shop.wait_until(
        "the plan leads to the newer certificate",
        lambda: newer.sha256[:16] in shop.status()["plan"]["summary"],
    )
    check_held(shop, "Drifted", impacts={"Restart"})
    assert shop.ssl()["server_sha256"] == intruder.sha256
    assert shop.cost() == (0, 0, 0)


# -- fields that the engine does not have ----------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        pytest.param(
            {
                "serverCertificate": {
                    "pfx": {
                        "ossObject": "oss-cn-hangzhou.aliyuncs.com:certificates:orders.pfx",
                        "passwordSecretKeyRef": {"name": "pfx", "key": "password"},
                    }
                }
            },
            "spec.serverCertificate.pfx",
            id="pfx",
        ),
        pytest.param(
            {"serverCertificate": {"renewBefore": "720h"}},
            "spec.serverCertificate.renewBefore",
            id="renewBefore",
        ),
        pytest.param({"minimumTLSVersion": "1.2"}, "spec.minimumTLSVersion", id="TLS version"),
    ],
)
def test_a_field_that_postgresql_does_not_have_stops_the_object_before_any_write(
    shop: Shop, spec: dict[str, object], field: str
) -> None:
    shop.add_instance()
    shop.declare(**spec)

    shop.wait("Stalled", "True", "EngineNotSupported")

    stalled = shop.condition("Stalled")
    assert stalled is not None
    assert field in stalled["message"]
    assert shop.modifies() == []


@pytest.mark.parametrize(
    ("client_authentication", "cas"),
    [pytest.param({"revocationList": None}, 1, id="CRL"), pytest.param(None, 0, id="client CA")],
)
def test_a_client_ca_or_crl_that_was_there_before_is_taken_away_with_one_call(
    shop: Shop, client_authentication: object, cas: int
) -> None:
    clients = pki.make_root("Clients")
    crl = clients.revocation_list()
    shop.write_client_ca(clients.pem, crl)
    wanted = {"ca": CLIENT_CA, "revocationList": CLIENT_CA}
    shop.adopt_cloud(
        ssl={"client_ca": clients.pem.decode(), "crl": crl.decode()},
        clientAuthentication=wanted,
        approvalRequired=[],
    )

    shop.patch(clientAuthentication=client_authentication)

    shop.wait_until("it has been sent", lambda: len(shop.modifies()) > 0)
    shop.wait_ready(reason="Verified")
    check_at_rest(shop)
    assert shop.cost() == (1, 1, 1)
    assert len(shop.ssl()["client_ca_sha256"]) == cas
    assert shop.ssl()["crl_sha256"] == []


# -- operators with other settings -----------------------------------------------------------------


@pytest.mark.parametrize("operator", [{"QUIET_PERIOD": "8s"}], indirect=True)
def test_certificate_ca_and_spec_that_change_within_the_quiet_period_are_one_call(
    operator: OperatorProcess, shop: Shop
) -> None:
    del operator
    older, newer = pki.make_root("Clients"), pki.make_root("New clients")
    shop.write_client_ca(older.pem)
    shop.start_custom(clientAuthentication={"ca": CLIENT_CA}, approvalRequired=[])
    assert shop.cost() == (1, 1, 1)
    leaf = shop.leaf()

    shop.write_pair(leaf)
    shop.wait("ChangePending", "True", "QuietPeriod")
    assert shop.conditions()["Reconciling"] == ("True", "QuietPeriod")
    assert shop.conditions()["Ready"][0] == "True"
    shop.write_client_ca(newer.pem)
    shop.patch(clientAuthentication={"acl": "verify-ca", "replicationACL": "verify-ca"})
    shop.wait_until("it has been sent", lambda: len(shop.modifies()) > 1)

    shop.wait_ready(reason="Verified")
    check_at_rest(shop)
    ssl = shop.ssl()
    assert ssl["server_sha256"] == leaf.sha256
    assert ssl["client_ca_sha256"] == [newer.sha256]
    assert (ssl["acl"], ssl["replication_acl"]) == ("verify-ca", "verify-ca")
    assert shop.cost() == (2, 2, 2)


@pytest.mark.parametrize("operator", [{"MAX_CONCURRENT_CHANGES": "1"}], indirect=True)
def test_with_one_slot_no_two_instances_change_at_the_same_time(
    operator: OperatorProcess, shop: Shop, rds: Simulator
) -> None:
    del operator
    names = [f"db-{number}" for number in range(4)]
    for name in names:
        shop.add_instance(name)
    for name in names:
        shop.declare(name)

    shop.wait_until(
        "one waits for its turn",
        lambda: any(
            shop.conditions(name).get("ChangePending") == ("True", "AwaitingBudget")
            for name in names
        ),
    )
    for name in names:
        shop.wait_ready(name, reason="Verified")

    # Interval of each change: from its acceptance to its end, by the cloud's own account.
    spans = []
    for name in names:
        assert shop.cost(name) == (1, 1, 1)
        at = {
            each["what"]: datetime.fromisoformat(each["at"]) for each in shop.truth(name)["events"]
        }
        spans.append((at["accepted"], at["succeeded"]))
    spans.sort()
    for (_, ended), (began, _) in itertools.pairwise(spans):
        assert ended <= began
    assert rds.stats()["keys_in_url"] == 0


@pytest.mark.parametrize("operator", [READ_ONLY], indirect=True)
def test_a_read_only_operator_lets_an_object_with_disable_go_and_leaves_ssl_on(
    operator: OperatorProcess, shop: Shop
) -> None:
    del operator
    shop.adopt_cloud(deletionPolicy="Disable")
    assert shop.get()["metadata"]["finalizers"]

    shop.delete()

    shop.wait_until("it is gone", lambda: not shop.cluster.exists(shop.namespace, ORDERS))
    shop.wait_until("an Event says why", lambda: shop.events("Released"))
    assert "READ_ONLY" in shop.events("Released")[-1]["message"]
    assert shop.modifies() == []
    assert shop.ssl()["enabled"]


@pytest.mark.parametrize("operator", [READ_ONLY], indirect=True)
def test_a_read_only_operator_plans_and_sends_nothing_and_the_next_one_carries_it_out(
    operator: OperatorProcess, cluster: Cluster, shop: Shop, rds: Simulator
) -> None:
    shop.add_instance()
    shop.write_pair(shop.leaf())
    shop.declare_custom()

    shop.wait("ChangePending", "True", "Observing")
    check_held(shop, "Observing", impacts={"Restart"})
    told = shop.condition("ChangePending")
    assert told is not None
    assert "READ_ONLY" in told["message"]
    shop.look_again()
    assert shop.modifies() == []

    assert operator.terminate() == 0
    settings = {"VERIFY_AFTER": "0s", "SETTLE": "3s", "POLL": "1s"}
    with OperatorProcess(kubeconfig=cluster.kubeconfig, api_url=rds.url, environ=None, **settings):
        shop.wait_ready(reason="Verified")
    check_at_rest(shop)
    assert shop.cost() == (1, 1, 1)
