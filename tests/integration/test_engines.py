"""MySQL, PostgreSQL and what all engines share: what is sent, what it costs, what is refused."""

from collections.abc import Iterator

import pytest

from support import pki
from support.cluster import Cluster
from support.shop import SIGNATURE, Shop, sweep
from support.simulator import Simulator
from support.succession import Succession

SETTINGS = {"SETTLE": "0.5s", "POLL": "0.5s", "VERIFY_AFTER": "0s"}
"""What MySQL does not show is verified once it has settled: at the first read-back, as the rest."""

DAY = 86_400.0
CHANGE_SECONDS = 1000.0
"""A change lasts until the test moves the cloud's clock on."""

WHOLE = {"CAType": "custom", "ServerCert": "", "ServerKey": ""}
CLOUD = {"CAType": "aliyun", "SSLEnabled": "1"}
CUSTOM = {**WHOLE, "SSLEnabled": "1"}

CLIENT_CA = {"configMapKeyRef": {"name": "client-ca"}}


@pytest.fixture(scope="module")
def succession(cluster: Cluster, rds: Simulator) -> Iterator[Succession]:
    """Operators one after the other, whose logs are searched for secrets at the end."""
    with Succession(
        kubeconfig=cluster.kubeconfig, api_url=rds.url, LOG_LEVEL="debug", **SETTINGS
    ) as succession:
        succession.start()
        yield succession
    sweep(cluster)


@pytest.fixture(autouse=True)
def operators(succession: Succession) -> Succession:
    """The same, with one of them at work."""
    if succession.now.poll() is not None:
        succession.start()
    succession.now.wait_ready()
    return succession


def message(shop: Shop, kind: str) -> str:
    found = shop.condition(kind)
    assert found is not None
    return str(found["message"])


def check_restarted(shop: Shop, operators: Succession, cost: tuple[int, int, int]) -> None:
    """Fail if a new process sends anything for what is at rest."""
    operators.kill()
    seen = len(shop.calls())
    operators.start().wait_ready()
    shop.wait_until("the new process has looked", lambda: len(shop.calls()) > seen)
    shop.look_again()
    assert shop.conditions()["Ready"][0] == "True"
    assert shop.cost() == cost


# -- MySQL -----------------------------------------------------------------------------------------


def test_a_certificate_that_mysql_does_not_show_is_one_call_a_rotation_one_more_a_restart_none(
    shop: Shop, operators: Succession
) -> None:
    first = shop.start_custom(profile="mysql-8.0")
    operators.secrets.append(first.key_pem())
    assert shop.sent() == [CUSTOM]
    assert shop.ssl()["server_sha256"] == first.sha256
    assert "serverCertificate" not in shop.status()["observed"]
    assert shop.cost() == (1, 1, 1)

    # The date, which is all that MySQL shows, does not tell the two apart.
    second = shop.leaf(not_after=first.certificate.not_valid_after_utc)
    operators.secrets.append(second.key_pem())
    shop.write_pair(second)

    shop.wait_cost((2, 2, 2))
    shop.wait_ready()
    assert shop.sent() == [CUSTOM, CUSTOM]
    assert shop.ssl()["server_sha256"] == second.sha256
    check_restarted(shop, operators, cost=(2, 2, 2))


def test_encryption_is_forced_on_mysql_and_not_forced_any_more(shop: Shop) -> None:
    shop.start_cloud(profile="mysql-8.0", forceEncryption=True, approvalRequired=[])
    assert shop.sent() == [{**CLOUD, "ForceEncryption": "1"}]
    assert shop.ssl()["force_encryption"]

    shop.patch(forceEncryption=False)

    shop.wait_cost((2, 2, 2))
    shop.wait_ready(reason="Verified")
    assert shop.sent()[1:] == [{**CLOUD, "ForceEncryption": "0"}]
    assert not shop.ssl()["force_encryption"]
    assert shop.ssl()["enabled"]


@pytest.mark.parametrize("answer", ["refused", "accepted"])
def test_forced_encryption_on_postgresql_is_for_rds_to_decide(shop: Shop, answer: str) -> None:
    shop.add_instance()
    shop.rds.config(switches={"force-on-postgresql": answer}, instance=shop.instance_id())

    shop.declare(forceEncryption=True)

    if answer == "accepted":
        shop.wait_ready(reason="AppliedNotEchoed")
        assert shop.ssl()["force_encryption"]
        assert shop.cost() == (1, 1, 1)
    else:
        stalled = shop.wait("Stalled", "True", "RequestRejected")
        assert "remove spec.forceEncryption" in stalled["message"]
        assert shop.cost() == (1, 0, 0)
        shop.patch(forceEncryption=None)
        shop.wait_ready(reason="Verified")


def test_a_minor_version_without_forced_encryption_is_named_with_the_remedy_and_gets_no_call(
    shop: Shop,
) -> None:
    shop.add_instance(profile="mysql-8.0", kernel_version="rds_20231031")
    shop.declare(forceEncryption=True)

    shop.wait("Stalled", "True", "EngineNotSupported")

    told = message(shop, "Stalled")
    assert "forceEncryption" in told
    assert "20241130" in told
    assert "20231031" in told
    assert "pgrade" in told
    assert shop.modifies() == []

    shop.rds.patch_instance(shop.instance_id(), kernel_version="rds_20250131")
    shop.look_again()

    shop.wait_ready(reason="Verified")
    assert shop.sent() == [{**CLOUD, "ForceEncryption": "1"}]


def test_a_cloud_certificate_of_mysql_is_renewed_with_one_call_when_its_end_is_near(
    shop: Shop, operators: Succession
) -> None:
    shop.add_instance(profile="mysql-5.7")
    lifetime(shop, days=20)
    shop.declare()
    shop.wait_ready()
    lifetime(shop, days=365)
    first = shop.ssl()
    shop.look_again()
    assert shop.cost() == (1, 1, 1)

    shop.patch(serverCertificate={"renewBefore": "720h"})

    shop.wait_cost((2, 2, 2))
    found = shop.wait_ready(reason="Verified")
    assert shop.sent() == [CLOUD, CLOUD]
    assert shop.ssl()["expire_time"] > first["expire_time"]
    assert shop.ssl()["server_sha256"] != first["server_sha256"]
    assert found["status"]["observed"]["expireTime"] == shop.ssl()["expire_time"]
    renewal = found["status"]["history"][0]
    assert (renewal["cause"], renewal["result"]) == ("renewal", "Verified")
    assert renewal["reissued"]
    check_restarted(shop, operators, cost=(2, 2, 2))


def lifetime(shop: Shop, *, days: int) -> None:
    """How long the certificates live that the cloud makes for the instance from now on."""
    shop.rds.config(durations={"cloud-lifetime": days * DAY}, instance=shop.instance_id())


# -- PostgreSQL ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "acl"), [(10, "verify-ca"), (12, "verify-full"), (17, "cert")])
def test_everything_is_turned_on_with_one_call_on_every_version_of_postgresql(
    shop: Shop, operators: Succession, version: int, acl: str
) -> None:
    clients = pki.make_root("Clients")
    shop.write_client_ca(clients.pem, clients.revocation_list())

    leaf = shop.start_custom(profile=f"postgresql-{version}", clientAuthentication=mutual(acl))

    operators.secrets.append(leaf.key_pem())
    assert shop.cost() == (1, 1, 1)
    assert shop.sent() == [strict(acl)]
    assert shop.ssl()["server_sha256"] == leaf.sha256
    assert shop.ssl()["client_ca_sha256"] == [clients.sha256]
    assert (shop.ssl()["acl"], shop.ssl()["replication_acl"]) == (acl, acl)


def mutual(acl: str) -> dict[str, object]:
    """Declare a client CA with its list, and both ACLs."""
    return {"ca": CLIENT_CA, "revocationList": CLIENT_CA, "acl": acl, "replicationACL": acl}


def strict(acl: str) -> dict[str, str]:
    """Give what has to be sent for it."""
    enabled = {"ClientCAEnabled": "1", "ClientCACert": ""}
    listed = {"ClientCrlEnabled": "1", "ClientCertRevocationList": ""}
    return {**CUSTOM, **enabled, **listed, "ACL": acl, "ReplicationACL": acl}


def test_verify_full_is_refused_on_postgresql_10_and_gets_no_call(shop: Shop) -> None:
    clients = pki.make_root("Clients")
    shop.write_client_ca(clients.pem, clients.revocation_list())
    shop.add_instance(profile="postgresql-10")
    shop.declare(clientAuthentication=mutual("verify-full"))

    shop.wait("Stalled", "True", "EngineNotSupported")

    told = message(shop, "Stalled")
    assert "spec.clientAuthentication.acl" in told
    assert "verify-full needs PostgreSQL 12" in told
    assert shop.modifies() == []


def test_a_client_ca_is_taken_away_in_two_calls_and_a_kill_between_them_repeats_none(
    shop: Shop, operators: Succession
) -> None:
    clients = pki.make_root("Clients")
    shop.write_client_ca(clients.pem, clients.revocation_list())
    strictly = mutual("verify-ca")
    leaf = shop.start_custom(clientAuthentication=strictly, approvalRequired=[])
    operators.secrets.append(leaf.key_pem())
    durations = {"change": CHANGE_SECONDS, "acl": CHANGE_SECONDS}
    shop.rds.config(durations=durations, instance=shop.instance_id())

    shop.patch(clientAuthentication=None)
    shop.wait_until("the first step is accepted", lambda: shop.truth()["accepted"] == 2)
    operators.kill()
    shop.rds.clock(advance=CHANGE_SECONDS + 1)

    assert shop.truth()["status"] == "Running"
    assert (shop.ssl()["acl"], shop.ssl()["replication_acl"]) == ("prefer", "prefer")
    assert shop.ssl()["client_ca_sha256"] == [clients.sha256]
    shop.rds.config(durations={"change": 0.4}, instance=shop.instance_id())
    operators.start()

    shop.wait_until("the second step is accepted", lambda: shop.truth()["accepted"] == 3)
    shop.wait_ready(reason="Verified")
    off = {"ClientCAEnabled": "0"}
    assert shop.sent() == [strict("verify-ca"), strict("prefer"), {**CUSTOM, **off}]
    assert shop.truth()["accepted"] == 3
    assert shop.ssl()["client_ca_sha256"] == []
    assert shop.ssl()["crl_sha256"] == []
    assert shop.ssl()["server_sha256"] == leaf.sha256


# -- endpoints and rows ----------------------------------------------------------------------------


def test_what_is_no_endpoint_is_told_with_those_that_are_and_gets_no_call(shop: Shop) -> None:
    shop.add_instance()
    internal, public, splitting = (each["host"] for each in shop.truth()["endpoints"])
    shop.declare(connectionString=f"nobody.{internal}")

    shop.wait("Stalled", "True", "EndpointNotFound")

    assert shop.conditions()["Ready"] == ("False", "EndpointNotFound")
    assert f"{internal}, {public}." in message(shop, "Stalled")
    assert splitting not in message(shop, "Stalled")
    assert shop.modifies() == []

    shop.patch(connectionString=public)

    shop.wait_ready(reason="Verified")
    assert shop.ssl()["connection_string"] == public
    assert shop.cost() == (1, 1, 1)


def test_rows_that_let_clients_in_by_ssl_only_keep_it_on_until_they_are_changed(
    shop: Shop,
) -> None:
    row = ["hostssl", "shop", "web", "10.0.0.0/8", "md5"]
    shop.add_instance(hba_rows=[row], ssl={"enabled": True})
    shop.declare(approvalRequired=[])
    shop.wait_ready(reason="Adopted")

    shop.patch(enabled=False)

    shop.wait("Ready", "False", "HostSSLRowsPresent")
    found = shop.look_again()
    told = next(each for each in found["status"]["conditions"] if each["type"] == "Ready")
    assert "10.0.0.0/8" in told["message"]
    assert shop.ssl()["enabled"]
    assert shop.modifies() == []

    shop.rds.patch_instance(shop.instance_id(), hba_rows=[["host", *row[1:]]])
    shop.look_again()

    shop.wait_ready(reason="Verified")
    assert not shop.ssl()["enabled"]
    assert shop.sent() == [{"SSLEnabled": "0"}]


# -- the wire --------------------------------------------------------------------------------------


@pytest.fixture
def older(rds: Simulator, succession: Succession) -> Iterator[Succession]:
    """A cloud that reads version 1 of signatures only, and nobody who knows."""
    succession.kill()
    rds.config(signatures="v1")
    yield succession
    succession.kill()
    rds.config(signatures="any")


def test_a_cloud_that_reads_version_1_only_gets_one_call_and_no_key_in_a_url(
    shop: Shop, older: Succession
) -> None:
    older.start().wait_ready()

    leaf = shop.start_custom()

    older.secrets.append(leaf.key_pem())
    assert shop.sent() == [CUSTOM]
    assert shop.cost() == (1, 1, 1)
    assert shop.ssl()["server_sha256"] == leaf.sha256
    assert {each["place"] for each in shop.calls()} == {"body"}
    assert all(set(each["parameters"]) >= SIGNATURE for each in shop.modifies())
    unread = [each["action"] for each in shop.rds.calls() if each["code"] == "MissingAction"]
    assert unread
    assert all(action.startswith("Describe") for action in unread)
    assert not any(each["key_in_url"] for each in shop.calls())
    assert shop.rds.stats()["keys_in_url"] == 0
