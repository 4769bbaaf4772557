"""From an instance as it is to an object that changes nothing of it."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
import yaml

from rds_ssl.commands.adoption import (
    Found,
    LeftOut,
    Manifest,
    Place,
    manifest_of,
    names_of,
    unreadable,
)
from rds_ssl.commands.yaml_text import yaml_of
from rds_ssl.core.api.spec import parse_spec
from rds_ssl.core.model import Instance
from rds_ssl.core.rds.responses import read_ssl
from support import pki

HOST = "pgm-1.pg.rds.aliyuncs.com"
END = "2027-01-02T03:04:05Z"
RUNNING = Instance(
    engine="PostgreSQL",
    engine_version="14.0",
    storage_type="cloud_essd",
    status="Running",
    connection_string=HOST,
)
MYSQL = replace(RUNNING, engine="MySQL", engine_version="8.0")
SQLSERVER = replace(RUNNING, engine="SQLServer", engine_version="2019_std_ha")

CLOUD = {"SSLEnabled": "on", "ConnectionString": HOST, "CAType": "aliyun", "SSLExpireTime": END}
NO_CLIENTS = {"ClientCACert": "", "ClientCertRevocationList": "", "ACL": "", "ReplicationACL": ""}
ON = {"SSLEnabled": "Yes", "ConnectionString": HOST, "SSLExpireTime": END}


@pytest.fixture(scope="module")
def root() -> pki.Authority:
    """A CA, for servers and clients."""
    return pki.make_root("Shop\n---\nevil: true")


def found(
    fields: Mapping[str, object],
    instance: Instance = RUNNING,
    *,
    instance_id: str = "pgm-1",
    title: str = "",
    pfx: str = "",
) -> Found:
    return Found(
        instance_id=instance_id,
        region_id="cn-hangzhou",
        title=title,
        observed=read_ssl(fields, instance.engine),
        instance=instance,
        pfx=pfx,
        origin="As it was found.",
    )


def made(each: Found, place: Place | None = None) -> Manifest:
    manifest = manifest_of(each, "orders", place or Place())
    assert isinstance(manifest, Manifest), manifest
    parse_spec(manifest.spec)  # It keeps the rules of the schema.
    return manifest


def why_not(each: Found) -> str:
    left_out = manifest_of(each, "orders", Place())
    assert isinstance(left_out, LeftOut), left_out
    return left_out.why


def test_a_cloud_certificate_is_declared_as_such_with_its_endpoint() -> None:
    manifest = made(found({**CLOUD, **NO_CLIENTS}))

    assert manifest.spec == {
        "instanceID": "pgm-1",
        "regionID": "cn-hangzhou",
        "connectionString": HOST,
        "serverCertificate": {"caType": "aliyun"},
    }
    assert manifest.config_map == {}


@pytest.mark.parametrize("instance", [RUNNING, MYSQL, SQLSERVER], ids=lambda each: each.engine)
def test_ssl_that_is_off_is_declared_off_and_nothing_else(instance: Instance) -> None:
    word = "off" if instance is RUNNING else "No"

    manifest = made(found({"SSLEnabled": word, "SSLExpireTime": ""}, instance))

    assert manifest.spec == {
        "instanceID": "pgm-1",
        "regionID": "cn-hangzhou",
        "enabled": False,
    }


def test_a_certificate_of_your_own_is_a_secret_to_fill_named_by_its_fingerprint(
    root: pki.Authority,
) -> None:
    leaf = root.leaf(HOST)
    answer = {**CLOUD, **NO_CLIENTS, "CAType": "custom", "ServerCert": leaf.chain_pem.decode()}

    manifest = made(found(answer))

    assert manifest.spec["serverCertificate"] == {"secretRef": {"name": "orders-tls"}}
    told = "\n".join(manifest.remarks["serverCertificate"])
    assert leaf.sha256.upper() in told.replace(":", "")
    assert f"CN={HOST}" in told
    assert "kubectl create secret tls orders-tls" in told


def test_client_ca_and_list_go_into_a_config_map_and_acls_into_the_object(
    root: pki.Authority,
) -> None:
    answer = {
        **CLOUD,
        "ClientCACert": root.pem.decode(),
        "ClientCertRevocationList": root.revocation_list().decode(),
        "ACL": "verify-full",
        "ReplicationACL": "perfer",
    }

    manifest = made(found(answer))

    reference = {"configMapKeyRef": {"name": "orders-client-ca"}}
    assert manifest.spec["clientAuthentication"] == {
        "ca": reference,
        "revocationList": reference,
        "acl": "verify-full",
        "replicationACL": "prefer",
    }
    assert sorted(manifest.config_map) == ["ca.crl", "ca.crt"]


def test_a_list_that_is_left_of_a_ca_that_is_gone_is_not_declared(root: pki.Authority) -> None:
    answer = {
        **CLOUD,
        **NO_CLIENTS,
        "ClientCertRevocationList": root.revocation_list().decode(),
    }

    manifest = made(found(answer))

    assert "clientAuthentication" not in manifest.spec


def test_nothing_but_certificates_leaves_a_bundle_for_the_config_map(root: pki.Authority) -> None:
    key = root.leaf("x").key_pem().decode()
    answer = {**CLOUD, **NO_CLIENTS, "ACL": "prefer", "ReplicationACL": "prefer"}
    answer["ClientCACert"] = f"a note\n{root.pem.decode()}{key}"

    text = yaml_of(made(found(answer)))

    assert "PRIVATE KEY" not in text
    assert key.splitlines()[1] not in text
    assert "a note" not in text


def test_mysql_says_nothing_of_whose_certificate_it_is_and_the_object_says_that() -> None:
    manifest = made(found({**ON, "ForceEncryption": "true"}, MYSQL))

    assert manifest.spec["serverCertificate"] == {"caType": "aliyun"}
    assert manifest.spec["forceEncryption"] is True
    (first, second) = manifest.remarks["serverCertificate"]
    assert "does not say whose certificate" in first
    assert END in first
    assert "secretRef" in second


def test_an_own_certificate_that_is_not_shown_is_told_by_its_end() -> None:
    manifest = made(found({**ON, "CAType": "custom"}, MYSQL))

    assert manifest.spec["serverCertificate"] == {"secretRef": {"name": "orders-tls"}}
    assert any(END in line for line in manifest.remarks["serverCertificate"])


def test_the_lowest_tls_version_of_sql_server_is_declared() -> None:
    manifest = made(found({**ON, "TlsVersion": 1.1}, SQLSERVER))

    assert manifest.spec["minimumTLSVersion"] == "1.1"


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("instance", [RUNNING, MYSQL], ids=lambda each: each.engine)
def test_a_tls_version_that_another_engine_shows_is_neither_declared_nor_said(
    instance: Instance, version: str
) -> None:
    answer = {**CLOUD, **NO_CLIENTS, "TlsVersion": version}

    manifest = made(found(answer, instance))

    assert "minimumTLSVersion" not in manifest.spec
    assert "instanceID" not in manifest.remarks


def test_a_tls_version_that_cannot_be_declared_stays_and_is_said() -> None:
    manifest = made(found({**ON, "TlsVersion": "1.3"}, SQLSERVER))

    assert "minimumTLSVersion" not in manifest.spec
    assert "1.3" in manifest.remarks["instanceID"][0]


def test_an_endpoint_that_is_not_shown_is_no_object_for_its_first_plan_would_not_be_empty() -> None:
    why = why_not(found({"SSLEnabled": "Yes", "SSLExpireTime": END}, MYSQL))

    assert "connectionString" in why
    assert "approve" in why


def test_an_acl_that_is_not_shown_is_no_object_either(root: pki.Authority) -> None:
    why = why_not(found({**CLOUD, "ClientCACert": root.pem.decode()}))

    assert "clientAuthentication.acl" in why


def test_encryption_that_is_forced_while_ssl_is_off_cannot_be_declared() -> None:
    why = why_not(found({"SSLEnabled": "No", "ForceEncryption": 1}, MYSQL))

    assert "forceEncryption" in why


def test_a_pfx_file_is_no_object_and_the_way_by_hand_is_told() -> None:
    why = why_not(found(ON, SQLSERVER, pfx="oss-cn-hangzhou.aliyuncs.com:b:f.pfx"))

    assert "spec.serverCertificate.pfx" in why
    assert "approval" in why


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"engine": "MariaDB"}, "MariaDB"),
        ({"status": "Rebooting"}, "half of a change"),
        ({"status": "Stopped"}, "stopped"),
        ({"lock_mode": "LockByExpiration"}, "locked"),
    ],
)
def test_an_instance_that_nobody_can_manage_now_is_left_out_with_the_reason(
    change: Mapping[str, str], told: str
) -> None:
    instance = replace(RUNNING, **change)  # type: ignore[arg-type]  # All are texts.

    assert told in unreadable(instance)
    assert told in why_not(found({**CLOUD, **NO_CLIENTS}, instance))


def test_an_instance_that_cannot_have_ssl_is_left_out_while_it_is_off() -> None:
    local = replace(RUNNING, storage_type="local_ssd")

    assert "local_ssd" in why_not(found({"SSLEnabled": "off"}, local))
    assert made(found({**CLOUD, **NO_CLIENTS}, local))


def test_what_the_operator_would_not_take_from_a_config_map_is_no_object(
    root: pki.Authority,
) -> None:
    answer = {
        **CLOUD,
        "ClientCACert": root.pem.decode(),
        "ClientCertRevocationList": root.revocation_list(delta_of=1).decode(),
        "ACL": "prefer",
        "ReplicationACL": "prefer",
    }

    assert "cannot be declared: the revocation list" in why_not(found(answer))


def test_the_place_is_written_where_it_is_given() -> None:
    each = found({**CLOUD, **NO_CLIENTS})
    role = "acs:ram::1234567890123456:role/rds-ssl"

    by_secret = made(each, Place(namespace="shop", credentials_secret="rds-credentials"))
    by_role = made(each, Place(role_arn=role))

    assert by_secret.spec["credentialsSecretRef"] == {"name": "rds-credentials"}
    assert by_secret.namespace == "shop"
    assert by_role.spec["identity"] == {"roleARN": role}


def test_a_role_that_is_none_is_refused_with_the_schemas_own_words() -> None:
    left_out = manifest_of(found({**CLOUD, **NO_CLIENTS}), "orders", Place(role_arn="admin"))

    assert isinstance(left_out, LeftOut)
    assert "ARN of a RAM role" in left_out.why


def test_the_yaml_is_the_object_and_its_config_map(root: pki.Authority) -> None:
    answer = {
        **CLOUD,
        "ClientCACert": root.pem.decode(),
        "ACL": "cert",
        "ReplicationACL": "cert",
    }
    manifest = made(found(answer), Place(namespace="shop"))

    declared, config_map = yaml.safe_load_all(yaml_of(manifest))

    assert declared == {
        "apiVersion": "rds-ssl.dev/v1alpha1",
        "kind": "DBInstanceSSL",
        "metadata": {"name": "orders", "namespace": "shop"},
        "spec": manifest.spec,
    }
    assert config_map["metadata"] == {"name": "orders-client-ca", "namespace": "shop"}
    assert config_map["data"] == {"ca.crt": manifest.config_map["ca.crt"]}


def test_no_name_ends_the_comment_that_it_stands_in(root: pki.Authority) -> None:
    leaf = root.leaf(HOST, common_name="x\n---\nkind: Secret")
    answer = {**CLOUD, **NO_CLIENTS, "CAType": "custom", "ServerCert": leaf.chain_pem.decode()}

    text = yaml_of(made(found(answer, title="orders\n---\nkind: Secret\u202e")))

    assert len(list(yaml.safe_load_all(text))) == 1
    assert "\u202e" not in text


def test_a_name_is_what_people_say_if_that_makes_one_and_else_the_id() -> None:
    titles = ["Orders DB (prod)", "", "订单", "x" * 300]
    each = [
        found({"SSLEnabled": "off"}, title=title, instance_id=f"pgm-{number}")
        for number, title in enumerate(titles)
    ]

    assert names_of(each) == ["orders-db-prod", "pgm-1", "pgm-2", "x" * 50]


def test_two_of_one_name_both_get_their_ids_and_no_name_is_anothers() -> None:
    titles = {
        "pgm-1": "orders",
        "pgm-2": "Orders!",
        "pgm-3": "orders pgm-1",
        "RM_4": "",
        "rm-4": "",
    }
    each = [
        found({"SSLEnabled": "off"}, title=title, instance_id=instance_id)
        for instance_id, title in titles.items()
    ]

    names = names_of(each)

    assert names == ["orders-pgm-1", "orders-pgm-2", "orders-pgm-1-2", "rm-4", "rm-4-2"]
    assert names_of(each[1::-1]) == ["orders-pgm-2", "orders-pgm-1"]
