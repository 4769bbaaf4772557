"""What is sent: the complete set of parameters for each kind of change, once."""

import pytest

from support import pki
from support.shop import Shop, secret

pytestmark = pytest.mark.usefixtures("operator")

ALWAYS = {"DBInstanceId", "RegionId", "ConnectionString", "SSLEnabled"}
CLOUD = ALWAYS | {"CAType"}
CUSTOM = CLOUD | {"ServerCert", "ServerKey"}
CLIENT_CA = {"ClientCAEnabled", "ClientCACert", "ACL", "ReplicationACL"}
MUTUAL = CUSTOM | CLIENT_CA | {"ClientCrlEnabled", "ClientCertRevocationList"}
"""Names as in the team's API notes, 1.1."""

CLIENT_AUTHENTICATION = {
    "ca": {"configMapKeyRef": {"name": "client-ca"}},
    "revocationList": {"configMapKeyRef": {"name": "client-ca"}},
    "acl": "verify-ca",
    "replicationACL": "cert",
}


def sent(shop: Shop) -> list[set[str]]:
    """The parameters of each call, all of which were accepted and came in the body."""
    calls = shop.modifies()
    assert all(each["accepted"] and each["place"] == "body" for each in calls)
    assert not any(each["key_in_url"] for each in shop.calls())
    assert shop.rds.stats()["keys_in_url"] == 0
    return [set(each["parameters"]) for each in calls]


def start_mutual(shop: Shop, clients: pki.Authority, **spec: object) -> pki.Leaf:
    shop.write_client_ca(clients.pem, clients.revocation_list(serials=[7], number=1))
    return shop.start_custom(clientAuthentication=CLIENT_AUTHENTICATION, **spec)


# -- turning it on ---------------------------------------------------------------------------------


def test_a_cloud_certificate_is_turned_on_with_one_call(shop: Shop) -> None:
    shop.add_instance()
    shop.declare()

    found = shop.wait_ready(reason="Verified")

    assert shop.cost() == (1, 1, 1)
    assert sent(shop) == [CLOUD]
    assert shop.ssl()["enabled"]
    assert shop.ssl()["ca_type"] == "aliyun"
    assert shop.conditions()["MaterialReady"] == ("True", "NotRequired")
    observed = found["status"]["observed"]
    assert (observed["enabled"], observed["caType"]) == (True, "aliyun")
    assert observed["serverCertificate"]["sha256"] == shop.ssl()["server_sha256"]
    assert observed["expireTime"] == shop.ssl()["expire_time"]


def test_a_certificate_of_the_users_own_is_turned_on_with_one_call(shop: Shop) -> None:
    shop.add_instance()
    leaf = shop.root.intermediate().leaf(shop.host())
    shop.write_pair(leaf)
    shop.declare_custom()

    found = shop.wait_ready(reason="Verified")

    assert shop.cost() == (1, 1, 1)
    assert sent(shop) == [CUSTOM]
    assert shop.ssl()["server_sha256"] == leaf.sha256
    assert found["status"]["observed"]["serverCertificate"]["sha256"] == leaf.sha256
    assert shop.conditions()["MaterialReady"][0] == "True"


@pytest.mark.parametrize("form", [pki.KeyFormat.SEC1, pki.KeyFormat.PKCS8], ids=["SEC1", "PKCS#8"])
def test_a_private_key_is_taken_in_every_unencrypted_form(shop: Shop, form: pki.KeyFormat) -> None:
    shop.add_instance()
    leaf = shop.leaf()
    shop.write_tls(leaf.chain_pem, leaf.key_pem(form))
    shop.declare_custom()

    shop.wait_ready(reason="Verified")

    assert shop.cost() == (1, 1, 1)
    assert shop.ssl()["server_sha256"] == leaf.sha256


def test_certificate_client_ca_crl_and_both_acls_go_in_one_call(shop: Shop) -> None:
    clients = pki.make_root("Clients")

    leaf = start_mutual(shop, clients)

    assert shop.cost() == (1, 1, 1)
    assert sent(shop) == [MUTUAL]
    ssl = shop.ssl()
    assert ssl["server_sha256"] == leaf.sha256
    assert ssl["client_ca_sha256"] == [clients.sha256]
    assert len(ssl["crl_sha256"]) == 1
    assert (ssl["acl"], ssl["replication_acl"]) == ("verify-ca", "cert")
    observed = shop.status()["observed"]
    assert [each["sha256"] for each in observed["clientCA"]] == [clients.sha256]
    assert [each["revokedCount"] for each in observed["revocationList"]] == [1]
    assert (observed["acl"], observed["replicationACL"]) == ("verify-ca", "cert")


def test_a_client_ca_may_come_from_a_secret_with_keys_of_other_names(shop: Shop) -> None:
    clients = pki.make_root("Clients")
    shop.add_instance()
    data: dict[str, str | bytes] = {"root": clients.pem, "list": clients.revocation_list()}
    shop.cluster.secret(shop.namespace, "trust", data)
    shop.declare(
        clientAuthentication={
            "ca": {"secretKeyRef": {"name": "trust", "key": "root"}},
            "revocationList": {"secretKeyRef": {"name": "trust", "key": "list"}},
        }
    )

    shop.wait_ready(reason="Verified")

    assert sent(shop) == [MUTUAL - {"ServerCert", "ServerKey"}]
    assert shop.ssl()["client_ca_sha256"] == [clients.sha256]


# -- replacing -------------------------------------------------------------------------------------


def test_a_new_client_ca_with_its_crl_is_one_complete_call(shop: Shop) -> None:
    start_mutual(shop, pki.make_root("Clients"), approvalRequired=[])
    newer = pki.make_root("New clients")

    shop.write_client_ca(newer.pem, newer.revocation_list())

    shop.wait_cost((2, 2, 2))
    shop.wait_ready(reason="Verified")
    assert sent(shop) == [MUTUAL, MUTUAL]
    assert shop.ssl()["client_ca_sha256"] == [newer.sha256]


def test_a_newer_crl_is_one_complete_call_that_nobody_has_to_approve(shop: Shop) -> None:
    clients = pki.make_root("Clients")
    start_mutual(shop, clients)
    before = shop.ssl()

    shop.write_client_ca(clients.pem, clients.revocation_list(serials=[7, 8], number=2))

    shop.wait_cost((2, 2, 2))
    found = shop.wait_ready(reason="Verified")
    assert sent(shop) == [MUTUAL, MUTUAL]
    assert shop.ssl()["crl_sha256"] != before["crl_sha256"]
    assert shop.ssl()["client_ca_sha256"] == before["client_ca_sha256"]
    assert [each["revokedCount"] for each in found["status"]["observed"]["revocationList"]] == [2]


def test_tightening_an_acl_sends_everything_again(shop: Shop) -> None:
    leaf = start_mutual(shop, pki.make_root("Clients"))

    shop.patch(clientAuthentication={**CLIENT_AUTHENTICATION, "acl": "verify-full"})

    shop.wait_cost((2, 2, 2))
    shop.wait_ready(reason="Verified")
    assert sent(shop) == [MUTUAL, MUTUAL]
    assert shop.ssl()["acl"] == "verify-full"
    assert shop.ssl()["replication_acl"] == "cert"
    assert shop.ssl()["server_sha256"] == leaf.sha256


# -- the endpoint ----------------------------------------------------------------------------------


def test_without_a_connection_string_the_internal_endpoint_is_protected_and_pinned(
    shop: Shop,
) -> None:
    shop.start_cloud()
    internal = shop.host()
    assert shop.ssl()["connection_string"] == internal
    assert shop.status()["instance"]["endpoint"] == internal

    renamed = f"renamed-{internal}"
    shop.rds.patch_instance(shop.instance_id(), connection_string=renamed)
    found = shop.look_again()

    assert shop.host() == renamed
    assert found["status"]["instance"]["endpoint"] == internal
    assert shop.cost() == (1, 1, 1)
    assert shop.conditions()["Ready"] == ("True", "Verified")


def test_a_declared_connection_string_is_the_endpoint_that_is_protected(shop: Shop) -> None:
    shop.add_instance()
    public = next(each["host"] for each in shop.truth()["endpoints"] if each["ip_type"] == "Public")
    shop.write_pair(shop.root.leaf(public))
    shop.declare_custom(connectionString=public.upper())

    shop.wait_ready(reason="Verified")

    assert shop.cost() == (1, 1, 1)
    assert shop.ssl()["connection_string"] == public
    assert shop.status()["instance"]["endpoint"].lower() == public


# -- turning it off, and MySQL ---------------------------------------------------------------------


def test_ssl_that_is_declared_off_and_is_off_costs_no_call_and_reads_no_material(
    shop: Shop,
) -> None:
    shop.add_instance()
    shop.declare(enabled=False, serverCertificate={"secretRef": {"name": secret()}})

    shop.wait_ready(reason="Adopted")

    assert shop.conditions()["MaterialReady"] == ("True", "NotRequired")
    assert shop.modifies() == []


def test_ssl_is_turned_off_with_two_settings_and_nothing_else(shop: Shop) -> None:
    shop.start_custom(approvalRequired=[])

    shop.patch(enabled=False)

    shop.wait_cost((2, 2, 2))
    shop.wait_ready(reason="Verified")
    assert sent(shop) == [CUSTOM, ALWAYS]
    assert not shop.ssl()["enabled"]
    assert shop.conditions()["MaterialReady"] == ("True", "NotRequired")
    assert shop.status()["observed"]["enabled"] is False


def test_mysql_gets_a_cloud_certificate_and_loses_it_again(shop: Shop) -> None:
    shop.add_instance(profile="mysql-8.0")
    shop.declare(approvalRequired=[])
    shop.wait_ready(reason="Verified")
    assert sent(shop) == [CLOUD]
    assert shop.status()["instance"]["engine"] == "MySQL"
    assert shop.status()["observed"]["expireTime"] == shop.ssl()["expire_time"]

    shop.patch(enabled=False)

    shop.wait_cost((2, 2, 2))
    shop.wait_ready(reason="Verified")
    assert sent(shop) == [CLOUD, ALWAYS]
    assert not shop.ssl()["enabled"]


def test_encryption_that_is_forced_on_mysql_is_no_longer_forced_when_ssl_is_turned_off(
    shop: Shop,
) -> None:
    shop.add_instance(profile="mysql-8.0", ssl={"enabled": True, "force_encryption": True})
    shop.declare(enabled=False, approvalRequired=[], adoptionPolicy="Overwrite")

    shop.wait_ready(reason="Verified")

    assert sent(shop) == [ALWAYS | {"ForceEncryption"}]
    assert not shop.ssl()["enabled"]
    assert not shop.ssl()["force_encryption"]
