"""ModifyDBInstanceSSL: what is accepted, what is refused with which code."""

from datetime import timedelta

import httpx
import pytest

from support import pki
from support.pki import KeyFormat, KeyType
from support.simulator import InProcess

HOST = "pg.pg.rds.aliyuncs.com"


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json().get("Code", "OK")


def enable(rds: InProcess, instance_id: str, **parameters: str) -> None:
    """Bring an instance to these settings, and wait."""
    response = rds.modify(instance_id, **parameters)
    assert refusal(response) == (200, "OK")
    rds.advance(60)


def test_the_answer_to_an_accepted_call_is_a_request_id_alone(rds: InProcess) -> None:
    response = rds.modify("pg", CAType="aliyun")

    assert response.status_code == 200
    assert list(response.json()) == ["RequestId"]
    assert rds.instance("pg")["accepted"] == 1


def test_everything_may_be_set_in_one_call(
    rds: InProcess, custom: dict[str, str], client_ca: dict[str, str], crl: dict[str, str]
) -> None:
    enable(rds, "pg", **custom, **client_ca, **crl, ACL="verify-full", ReplicationACL="cert")

    ssl = rds.instance("pg")["ssl"]
    assert (ssl["enabled"], ssl["ca_type"]) == (True, "custom")
    assert (ssl["acl"], ssl["replication_acl"]) == ("verify-full", "cert")
    assert len(ssl["client_ca_sha256"]) == len(ssl["crl_sha256"]) == 1


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        pytest.param({"ConnectionString": ""}, (400, "MissingConnectionString"), id="no endpoint"),
        pytest.param(
            {"ConnectionString": "other.example"}, (404, "Endpoint.NotFound"), id="foreign endpoint"
        ),
        pytest.param(
            {"ConnectionString": "pg-rw.pg.rds.aliyuncs.com"},
            (404, "Endpoint.NotFound"),
            id="read/write-splitting endpoint",
        ),
        pytest.param({"SSLEnabled": "2"}, (400, "InvalidSSLStatus"), id="SSLEnabled=2"),
        pytest.param({"SSLEnabled": "on"}, (400, "InvalidSSLStatus"), id="SSLEnabled=on"),
        pytest.param({"SSLEnabled": "0"}, (400, "IncorrectDBSslStatus"), id="off when off"),
        pytest.param({"CAType": "other"}, (400, "InvalidCAType.NotFound"), id="unknown CAType"),
        pytest.param(
            {"CAType": "custom"}, (400, "InvalidServerCertOrPrivateKey"), id="no certificate"
        ),
        pytest.param({"ACL": "perfer"}, (400, "InvalidACL.NotFound"), id="unknown ACL"),
        pytest.param({"ACL": "cert"}, (403, "InvalidACL.Permission"), id="ACL without CA"),
        pytest.param(
            {"ReplicationACL": "cert"},
            (403, "InvalidACL.Permission"),
            id="ReplicationACL without CA",
        ),
        pytest.param({"ClientCAEnabled": "1"}, (400, "InvalidClientCACert"), id="no CA"),
        pytest.param({"ClientCAEnabled": "yes"}, (400, "InvalidParam"), id="a flag that is none"),
        pytest.param(
            {"ClientCrlEnabled": "1"}, (403, "InvalidClientCrl.Permission"), id="CRL without CA"
        ),
        pytest.param({"ForceEncryption": "1"}, (400, "InvalidParam"), id="force on PostgreSQL"),
        pytest.param({"TlsVersion": "1.2"}, (400, "InvalidParam"), id="TLS on PostgreSQL"),
        pytest.param({"Certificate": "oss:b:f.pfx"}, (400, "InvalidParam"), id="PFX"),
        pytest.param(
            {"RegionId": "cn-beijing"}, (400, "InvalidDBInstanceId.NotFound"), id="other region"
        ),
    ],
)
def test_a_wrong_parameter_is_refused_with_its_code(
    rds: InProcess, parameters: dict[str, str], expected: tuple[int, str]
) -> None:
    response = rds.modify("pg", **parameters)

    assert refusal(response) == expected
    assert rds.instance("pg")["accepted"] == 0


def test_an_instance_that_is_not_there_is_400_on_modify_and_404_on_describe(
    rds: InProcess,
) -> None:
    modify = rds.call(
        "ModifyDBInstanceSSL", DBInstanceId="no", ConnectionString=HOST, SSLEnabled="1"
    )
    describe = rds.call("DescribeDBInstanceSSL", DBInstanceId="no")
    nameless = rds.call("DescribeDBInstanceSSL")

    assert refusal(modify) == (400, "InvalidDBInstanceId.NotFound")
    assert refusal(describe) == (404, "InvalidDBInstanceId.NotFound")
    assert refusal(nameless) == (400, "MissingDBInstanceId")


def pair(leaf: pki.Leaf, form: KeyFormat = KeyFormat.PKCS8) -> dict[str, str]:
    return {
        "CAType": "custom",
        "ServerCert": leaf.chain_pem.decode(),
        "ServerKey": leaf.key_pem(form).decode(),
    }


def test_material_that_is_not_a_valid_pair_is_refused(rds: InProcess, root: pki.Authority) -> None:
    leaf, other = root.leaf(HOST), root.leaf(HOST)
    past, future = rds.now - timedelta(days=2), rds.now + timedelta(days=1)
    cases = {
        "not PEM": {**pair(leaf), "ServerCert": "certificate"},
        "damaged": {**pair(leaf), "ServerCert": leaf.pem.decode().replace("M", "*", 9)},
        "not a certificate": {
            **pair(leaf),
            "ServerCert": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        },
        "not a key": {**pair(leaf), "ServerKey": leaf.pem.decode()},
        "key of another": {**pair(leaf), "ServerKey": other.key_pem().decode()},
        "encrypted": pair(leaf, KeyFormat.PKCS8_ENCRYPTED),
        "expired": pair(root.leaf(HOST, not_before=past, not_after=past + timedelta(days=1))),
        "not yet valid": pair(root.leaf(HOST, not_before=future)),
        "leaf last": {
            **pair(leaf),
            "ServerCert": root.pem.decode() + leaf.pem.decode(),
        },
    }

    answers = {name: refusal(rds.modify("pg", **material)) for name, material in cases.items()}

    assert answers == dict.fromkeys(cases, (400, "InvalidServerCertOrPrivateKey"))


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        (KeyType.RSA_2048, KeyFormat.PKCS1),
        (KeyType.RSA_2048, KeyFormat.PKCS8),
        (KeyType.EC, KeyFormat.SEC1),
    ],
)
def test_keys_of_the_usual_forms_are_taken(
    rds: InProcess, root: pki.Authority, kind: KeyType, form: KeyFormat
) -> None:
    leaf = root.leaf(HOST, kind=kind)

    enable(rds, "pg", **pair(leaf, form))

    assert rds.instance("pg")["ssl"]["server_sha256"] == leaf.sha256


def test_a_client_ca_has_to_be_a_ca_that_has_not_expired(
    rds: InProcess, root: pki.Authority
) -> None:
    past = rds.now - timedelta(days=2)
    expired = pki.make_root(extras=pki.Extras(not_before=past, not_after=past + timedelta(days=1)))
    bundles = {
        "not PEM": "ca",
        "a leaf": root.leaf(HOST).pem.decode(),
        "expired": expired.pem.decode(),
        "expired and valid": (expired.pem + root.pem).decode(),
    }

    answers = {
        name: refusal(rds.modify("pg", ClientCAEnabled="1", ClientCACert=bundle))[1]
        for name, bundle in bundles.items()
    }

    assert answers == {
        "not PEM": "InvalidClientCACert",
        "a leaf": "InvalidClientCACert",
        "expired": "InvalidClientCACert",
        "expired and valid": "OK",
    }


def test_a_revocation_list_has_to_be_one_of_the_client_cas(
    rds: InProcess, root: pki.Authority, client_ca: dict[str, str]
) -> None:
    foreign = pki.make_root("Another root").revocation_list().decode()

    answers = [
        refusal(rds.modify("pg", **client_ca, ClientCrlEnabled="1", ClientCertRevocationList=text))[
            1
        ]
        for text in ("crl", root.pem.decode(), foreign)
    ]

    assert answers == ["InvalidClientCrl"] * 3


def test_verify_full_needs_postgresql_12(rds: InProcess, client_ca: dict[str, str]) -> None:
    rds.put_instance("pg11", profile="postgresql-11")

    old = rds.modify("pg11", **client_ca, ACL="verify-full")
    new = rds.modify("pg", **client_ca, ACL="verify-full")

    assert refusal(old) == (400, "InvalidACL.NotFound")
    assert refusal(new) == (200, "OK")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "Rebooting"}, (403, "OperationDenied.DBInstanceStatus")),
        ({"status": "Stopped"}, (403, "OperationDenied.DBInstanceStatus")),
        ({"status": "Released"}, (400, "InvalidDBInstanceId.NotFound")),
        ({"lock_mode": "LockByExpiration"}, (403, "IncorrectDBInstanceLockMode")),
    ],
)
def test_an_instance_that_cannot_take_a_change_says_why(
    rds: InProcess, fields: dict[str, str], expected: tuple[int, str]
) -> None:
    rds.patch_instance("pg", **fields)

    assert refusal(rds.modify("pg")) == expected


def test_a_busy_instance_takes_no_further_change(rds: InProcess) -> None:
    rds.modify("pg")
    rds.advance(1)

    assert refusal(rds.modify("pg")) == (403, "OperationDenied.DBInstanceStatus")


@pytest.mark.parametrize(
    ("profile", "modify", "describe"),
    [
        (
            "postgresql-14-local-ssd",
            (400, "InvalidInstanceLevel.DiskType"),
            (403, "OperationDenied.DBInstanceType"),
        ),
        ("postgresql-9.4", (400, "Api.NotSupport"), (403, "IncorrectEngineVersion")),
        (
            "postgresql-14-serverless",
            (403, "InvalidInstanceLevel.Malformed"),
            (403, "OperationDenied.DBInstanceType"),
        ),
        (
            "mysql-5.6-basic",
            (403, "InvalidInstanceLevel.Malformed"),
            (403, "OperationDenied.DBInstanceType"),
        ),
        (
            "mariadb-10.3",
            (400, "InvalidDBInstanceEngineType.Format"),
            (403, "InstanceEngineType.NotSupport"),
        ),
    ],
)
def test_where_ssl_is_not_available_both_operations_say_so(
    rds: InProcess, profile: str, modify: tuple[int, str], describe: tuple[int, str]
) -> None:
    rds.put_instance("x", profile=profile)

    assert refusal(rds.modify("x")) == modify
    assert refusal(rds.call("DescribeDBInstanceSSL", DBInstanceId="x")) == describe
    assert rds.call("DescribeDBInstanceAttribute", DBInstanceId="x").status_code == 200


def test_mysql_has_no_client_authentication(rds: InProcess, client_ca: dict[str, str]) -> None:
    assert refusal(rds.modify("my", **client_ca)) == (400, "InvalidParam")


def test_mysql_forces_encryption_from_a_minor_version_on(rds: InProcess) -> None:
    rds.put_instance("old", profile="mysql-8.0", kernel_version="rds_20241129")

    old = rds.modify("old", ForceEncryption="1")
    enable(rds, "my", ForceEncryption="1")

    assert refusal(old) == (403, "IncorrectMinorVersion")
    assert rds.instance("my")["ssl"]["force_encryption"] is True


def test_ssl_is_not_turned_off_while_encryption_is_forced(rds: InProcess) -> None:
    enable(rds, "my", ForceEncryption="1")

    alone = rds.modify("my", SSLEnabled="0")
    together = rds.modify("my", SSLEnabled="0", ForceEncryption="0")

    assert refusal(alone) == (400, "IncorrectDBSslStatus")
    assert refusal(together) == (200, "OK")


def test_sql_server_takes_a_pfx_a_tls_version_and_the_value_2(rds: InProcess) -> None:
    rds.put_instance("ms", profile="sqlserver-2019")

    no_password = rds.modify("ms", Certificate="oss-cn-hangzhou.aliyuncs.com:b:f.pfx")
    enable(
        rds,
        "ms",
        Certificate="oss-cn-hangzhou.aliyuncs.com:b:f.pfx",
        PassWord="secret",
        TlsVersion="1.2",
    )
    with_pfx = rds.instance("ms")["ssl"]
    enable(rds, "ms", SSLEnabled="2")

    assert refusal(no_password) == (400, "MissingPassWord")
    assert with_pfx["pfx"] == "oss-cn-hangzhou.aliyuncs.com:b:f.pfx"
    assert with_pfx["tls_version"] == "1.2"
    assert rds.instance("ms")["ssl"]["ca_type"] == "aliyun"


def test_a_host_name_too_long_for_a_common_name_gets_no_cloud_certificate(rds: InProcess) -> None:
    rds.put_instance("long", connection_string=f"{'a' * 50}.pg.rds.aliyuncs.com")

    assert refusal(rds.modify("long")) == (403, "ConnectionStringLengthExceeded")


def test_an_omitted_ca_type_silently_replaces_a_custom_certificate(
    rds: InProcess, custom: dict[str, str]
) -> None:
    enable(rds, "pg", **custom)

    enable(rds, "pg")

    assert rds.instance("pg")["ssl"]["ca_type"] == "aliyun"


def test_client_authentication_is_loosened_before_the_ca_goes(
    rds: InProcess, client_ca: dict[str, str]
) -> None:
    enable(rds, "pg", **client_ca, ACL="cert")

    at_once = rds.modify("pg", ClientCAEnabled="0")
    enable(rds, "pg", **client_ca, ACL="prefer")
    then = rds.modify("pg", ClientCAEnabled="0")

    assert refusal(at_once) == (400, "IncorrectDBSslStatus")
    assert refusal(then) == (200, "OK")
