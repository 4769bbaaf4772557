"""
The parameters of ModifyDBInstanceSSL: table 1.1 of the API notes row by row, and 1.2.

``pg`` is a PostgreSQL 14, ``my`` a MySQL 8.0, ``ms`` a SQL Server 2019.
"""

import httpx
import pytest

from rds_simulator.profiles import ENGINE_PARAMETERS
from support.simulator import InProcess

Parameters = dict[str, str]

MATERIAL = "<material>"
"""Stands for PEM, a place in OSS or a password that fits the parameter."""

CUSTOM = {"CAType": "custom", "ServerCert": MATERIAL, "ServerKey": MATERIAL}
CLIENT_CA = {"ClientCAEnabled": "1", "ClientCACert": MATERIAL}
CRL = {"ClientCrlEnabled": "1", "ClientCertRevocationList": MATERIAL}
PFX = {"Certificate": MATERIAL, "PassWord": MATERIAL}
CERTIFICATE_CODE = (400, "InvalidServerCertOrPrivateKey")
INVALID = (400, "InvalidParam")

ROWS: dict[str, tuple[set[str], Parameters, str]] = {
    "CAType": ({"pg", "my"}, CUSTOM, "ca_type"),
    "ServerCert": ({"pg", "my"}, CUSTOM, "server_sha256"),
    "ServerKey": ({"pg", "my"}, CUSTOM, "server_sha256"),
    "ClientCAEnabled": ({"pg"}, CLIENT_CA, "client_ca_sha256"),
    "ClientCACert": ({"pg"}, CLIENT_CA, "client_ca_sha256"),
    "ClientCrlEnabled": ({"pg"}, CLIENT_CA | CRL, "crl_sha256"),
    "ClientCertRevocationList": ({"pg"}, CLIENT_CA | CRL, "crl_sha256"),
    "ACL": ({"pg"}, CLIENT_CA | {"ACL": "cert"}, "acl"),
    "ReplicationACL": ({"pg"}, CLIENT_CA | {"ReplicationACL": "verify-ca"}, "replication_acl"),
    "ForceEncryption": ({"my", "ms"}, {"ForceEncryption": "1"}, "force_encryption"),
    "TlsVersion": ({"ms"}, {"TlsVersion": "1.2"}, "tls_version"),
    "Certificate": ({"ms"}, PFX, "pfx"),
    "PassWord": ({"ms"}, PFX, "pfx"),
}
"""By parameter: who has it, a call with what it needs, and what the call changes."""


@pytest.fixture(scope="session")
def material(
    custom: Parameters, client_ca: Parameters, crl: Parameters, pfx: Parameters
) -> Parameters:
    """What `MATERIAL` stands for."""
    return {**custom, **client_ca, **crl, **pfx}


def filled(parameters: Parameters, material: Parameters) -> Parameters:
    return {
        name: material[name] if value == MATERIAL else value for name, value in parameters.items()
    }


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json().get("Code", "OK")


def enable(rds: InProcess, instance_id: str, **parameters: str) -> None:
    assert refusal(rds.modify(instance_id, **parameters)) == (200, "OK")
    rds.advance(60)


def test_every_parameter_that_not_all_engines_have_is_in_the_table() -> None:
    assert set(ROWS) == ENGINE_PARAMETERS


HAS = [
    pytest.param(instance, name, id=f"1.1 {name} on {instance}")
    for name, (has, _, _) in ROWS.items()
    for instance in sorted(has)
]
HAS_NOT = [
    pytest.param(instance, name, id=f"1.1 {name} on {instance}")
    for name, (has, _, _) in ROWS.items()
    for instance in sorted({"pg", "my", "ms"} - has)
]


@pytest.mark.parametrize(("instance", "name"), HAS)
def test_an_engine_takes_what_it_has(
    engines: InProcess, material: Parameters, instance: str, name: str
) -> None:
    _, parameters, field = ROWS[name]
    enable(engines, instance)
    before = engines.instance(instance)["ssl"][field]

    enable(engines, instance, **filled(parameters, material))

    assert engines.instance(instance)["ssl"][field] != before


@pytest.mark.parametrize("value", ["1", "0"])
@pytest.mark.parametrize(("instance", "name"), HAS_NOT)
def test_an_engine_refuses_what_it_has_not_whether_ssl_goes_on_or_off(
    engines: InProcess, material: Parameters, instance: str, name: str, value: str
) -> None:
    given = filled({name: ROWS[name][1][name]}, material)
    enable(engines, instance)

    response = engines.modify(instance, SSLEnabled=value, **given)

    assert refusal(response) == INVALID
    assert engines.instance(instance)["accepted"] == 1


@pytest.mark.parametrize(
    ("instance", "parameters", "expected"),
    [
        pytest.param(
            "pg", {"DBInstanceId": ""}, (400, "MissingDBInstanceId"), id="1.1 DBInstanceId"
        ),
        *(
            pytest.param(each, {"ConnectionString": text}, code, id=f"1.1 ConnectionString {each}")
            for each in ("pg", "my", "ms")
            for text, code in (
                ("", (400, "MissingConnectionString")),
                ("elsewhere.example", (404, "Endpoint.NotFound")),
                ("pg-rw.pg.rds.aliyuncs.com", (404, "Endpoint.NotFound")),
                ("my-rw.mysql.rds.aliyuncs.com", (404, "Endpoint.NotFound")),
                ("ms-rw.sqlserver.rds.aliyuncs.com", (404, "Endpoint.NotFound")),
            )
        ),
        *(
            pytest.param(
                each, {"SSLEnabled": text}, (400, "InvalidSSLStatus"), id=f"1.1 SSLEnabled {each}"
            )
            for each in ("pg", "my", "ms")
            for text in ("", "3", "on")
        ),
        pytest.param(
            "my", {"CAType": "other"}, (400, "InvalidCAType.NotFound"), id="1.1 CAType of my"
        ),
        pytest.param(
            "pg", {"CAType": "other"}, (400, "InvalidCAType.NotFound"), id="1.1 CAType of pg"
        ),
        pytest.param("pg", {**CUSTOM, "ServerCert": ""}, CERTIFICATE_CODE, id="1.1 ServerCert"),
        pytest.param("my", {**CUSTOM, "ServerCert": ""}, CERTIFICATE_CODE, id="1.1 ServerCert my"),
        pytest.param("pg", {**CUSTOM, "ServerKey": ""}, CERTIFICATE_CODE, id="1.1 ServerKey"),
        pytest.param("my", {**CUSTOM, "ServerKey": ""}, CERTIFICATE_CODE, id="1.1 ServerKey my"),
        pytest.param("pg", {"ClientCAEnabled": "2"}, INVALID, id="1.1 ClientCAEnabled"),
        pytest.param(
            "pg", {"ClientCAEnabled": "1"}, (400, "InvalidClientCACert"), id="1.1 ClientCACert"
        ),
        pytest.param(
            "pg", {**CLIENT_CA, "ClientCrlEnabled": "2"}, INVALID, id="1.1 ClientCrlEnabled"
        ),
        pytest.param(
            "pg", CRL, (403, "InvalidClientCrl.Permission"), id="1.1 ClientCrlEnabled needs a CA"
        ),
        pytest.param(
            "pg",
            {**CLIENT_CA, "ClientCrlEnabled": "1"},
            (400, "InvalidClientCrl"),
            id="1.1 ClientCertRevocationList",
        ),
        *(
            pytest.param("pg", {**given, name: value}, (status, code), id=f"1.1 {name} {value}")
            for name in ("ACL", "ReplicationACL")
            for given, value, status, code in (
                (CLIENT_CA, "other", 400, "InvalidACL.NotFound"),
                (CLIENT_CA, "perfer", 400, "InvalidACL.NotFound"),
                ({}, "cert", 403, "InvalidACL.Permission"),
            )
        ),
        pytest.param("my", {"ForceEncryption": "2"}, INVALID, id="1.1 ForceEncryption"),
        pytest.param(
            "my",
            {"SSLEnabled": "0", "ForceEncryption": "1"},
            (400, "IncorrectDBSslStatus"),
            id="1.1 ForceEncryption needs SSL",
        ),
        pytest.param("ms", {"TlsVersion": "1.3"}, INVALID, id="1.1 TlsVersion"),
        pytest.param(
            "ms",
            {"Certificate": "bucket/f.pfx", "PassWord": "secret"},
            INVALID,
            id="1.1 Certificate is a place in OSS",
        ),
        pytest.param(
            "ms",
            {"Certificate": MATERIAL},
            (400, "MissingPassWord"),
            id="1.1 Certificate needs PassWord",
        ),
        pytest.param(
            "ms",
            {"PassWord": MATERIAL},
            (400, "MissingCertificate"),
            id="1.1 PassWord needs Certificate",
        ),
    ],
)
def test_a_wrong_value_or_a_missing_companion_is_refused(
    engines: InProcess,
    material: Parameters,
    instance: str,
    parameters: Parameters,
    expected: tuple[int, str],
) -> None:
    enable(engines, instance)
    before = engines.instance(instance)

    response = engines.modify(instance, **filled(parameters, material))

    assert refusal(response) == expected
    assert engines.instance(instance) == before


@pytest.mark.parametrize("instance", ["pg", "my", "ms"])
def test_ssl_goes_on_and_off(engines: InProcess, instance: str) -> None:
    """1.1 SSLEnabled."""
    enable(engines, instance)
    on = engines.instance(instance)["ssl"]
    enable(engines, instance, SSLEnabled="0")

    assert (on["enabled"], engines.instance(instance)["ssl"]["enabled"]) == (True, False)


@pytest.mark.parametrize("instance", ["pg", "my", "ms"])
def test_the_endpoint_that_is_named_is_the_one_that_is_protected(
    engines: InProcess, instance: str
) -> None:
    """1.1 ConnectionString."""
    public = engines.instance(instance)["endpoints"][1]["host"]

    enable(engines, instance, ConnectionString=public.upper())

    ssl = engines.instance(instance)["ssl"]
    assert (ssl["connection_string"], ssl["server_subject"]) == (public, f"CN={public}")


@pytest.mark.parametrize("instance", ["pg", "my"])
def test_without_a_ca_type_the_certificate_is_the_clouds(engines: InProcess, instance: str) -> None:
    """1.1 CAType."""
    enable(engines, instance)

    assert engines.instance(instance)["ssl"]["ca_type"] == "aliyun"


@pytest.mark.parametrize("acl", ["cert", "prefer", "verify-ca", "verify-full"])
def test_each_acl_is_taken(engines: InProcess, client_ca: Parameters, acl: str) -> None:
    """1.1 ACL, 1.1 ReplicationACL."""
    enable(engines, "pg", **client_ca, ACL=acl, ReplicationACL=acl)

    ssl = engines.instance("pg")["ssl"]
    assert (ssl["acl"], ssl["replication_acl"]) == (acl, acl)


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2"])
def test_each_tls_version_is_taken(engines: InProcess, version: str) -> None:
    """1.1 TlsVersion."""
    enable(engines, "ms", TlsVersion=version)

    assert engines.instance("ms")["ssl"]["tls_version"] == version


@pytest.mark.parametrize("host", ["oss-cn-hangzhou", "oss-cn-hangzhou-internal"])
def test_a_pfx_lies_behind_the_public_or_the_internal_name_of_oss(
    engines: InProcess, host: str
) -> None:
    """1.1 Certificate, 1.1 PassWord."""
    place = f"{host}.aliyuncs.com:bucket:ms.pfx"

    enable(engines, "ms", Certificate=place, PassWord="secret")

    ssl = engines.instance("ms")["ssl"]
    assert (ssl["ca_type"], ssl["pfx"], ssl["server_sha256"]) == ("custom", place, None)
    assert "secret" not in str([engines.instance("ms"), engines.describe("ms"), engines.calls()])


@pytest.mark.parametrize("enabled", ["1", "0"])
@pytest.mark.parametrize("value", ["1", "0"])
def test_an_old_mysql_refuses_forced_encryption_whatever_its_value(
    rds: InProcess, enabled: str, value: str
) -> None:
    """1.1 ForceEncryption: from minor version 20241130 on."""
    rds.put_instance("old", profile="mysql-8.0", kernel_version="rds_20241129")
    rds.put_instance("new", profile="mysql-8.0", kernel_version="rds_20241130")
    for instance in ("old", "new"):
        enable(rds, instance)

    old, new = (
        rds.modify(instance, SSLEnabled=enabled, ForceEncryption=value)
        for instance in ("old", "new")
    )

    assert refusal(old) == (403, "IncorrectMinorVersion")
    assert refusal(new)[1] == ("IncorrectDBSslStatus" if enabled < value else "OK")
    assert rds.instance("old")["accepted"] == 1


@pytest.mark.parametrize("name", ["OwnerAccount", "OwnerId", "ResourceOwnerAccount", "SourceIp"])
def test_a_parameter_of_the_gateway_changes_nothing(engines: InProcess, name: str) -> None:
    """1.1 OwnerId and the like: legacy."""
    assert refusal(engines.modify("pg", **{name: "1"})) == (200, "OK")


@pytest.mark.parametrize(
    ("instance", "value", "expected"),
    [
        pytest.param("ms", "accepted", "OK", id="1.2 SQL Server"),
        pytest.param("ms", "refused", "InvalidSSLStatus", id="1.2 SQL Server, refused"),
        pytest.param("my", "accepted", "InvalidSSLStatus", id="1.2 MySQL"),
        pytest.param("pg", "accepted", "InvalidSSLStatus", id="1.2 PostgreSQL"),
    ],
)
def test_the_value_2_renews_on_sql_server_perhaps(
    engines: InProcess, instance: str, value: str, expected: str
) -> None:
    engines.config(switches={"update-value": value, "enable-again": "nothing"})
    enable(engines, instance)
    first = engines.instance(instance)["ssl"]["server_sha256"]

    answer = refusal(engines.modify(instance, SSLEnabled="2"))

    engines.advance(60)
    second = engines.instance(instance)["ssl"]["server_sha256"]
    assert answer[1] == expected
    assert (second != first) is (expected == "OK")


def test_the_value_2_turns_nothing_on(engines: InProcess) -> None:
    """1.2: it renews what is there."""
    assert refusal(engines.modify("ms", SSLEnabled="2")) == (400, "InvalidSSLStatus")
