"""Who supports SSL at all: table 1.3 of the API notes, row by row."""

import httpx
import pytest

from rds_simulator.profiles import PROFILES
from support.simulator import InProcess

SUPPORTED = {
    "1.3 MySQL HA 5.6": "mysql-5.6",
    "1.3 MySQL HA 5.7": "mysql-5.7",
    "1.3 MySQL HA 8.0": "mysql-8.0",
    "1.3 MySQL 8.4": "mysql-8.4",
    "1.3 MySQL Cluster 8.0": "mysql-8.0-cluster",
    "1.3 MySQL Basic 8.0, by its newest page": "mysql-8.0-basic",
    "1.3 MySQL serverless": "mysql-8.0-serverless",
    **{f"1.3 PostgreSQL {major}": f"postgresql-{major}" for major in range(10, 18)},
    "1.3 PostgreSQL Basic": "postgresql-14-basic",
    "1.3 PostgreSQL Cluster": "postgresql-14-cluster",
    "1.3 SQL Server": "sqlserver-2019",
    "1.3 SQL Server AlwaysOn": "sqlserver-2022",
}
LEVEL = (403, "InvalidInstanceLevel.Malformed")
TYPE = (403, "OperationDenied.DBInstanceType")
UNSUPPORTED = {
    "1.3 MySQL Basic 5.6": ("mysql-5.6-basic", LEVEL, TYPE),
    "1.3 PostgreSQL local SSD": (
        "postgresql-14-local-ssd",
        (400, "InvalidInstanceLevel.DiskType"),
        TYPE,
    ),
    "1.3 PostgreSQL before 10": (
        "postgresql-9.4",
        (400, "Api.NotSupport"),
        (403, "IncorrectEngineVersion"),
    ),
    "1.3 PostgreSQL serverless Basic": ("postgresql-14-serverless", LEVEL, TYPE),
    "1.3 PostgreSQL serverless HA": ("postgresql-14-serverless-ha", LEVEL, TYPE),
    "1.3 SQL Server serverless": ("sqlserver-2019-serverless", LEVEL, TYPE),
    "1.3 MariaDB": (
        "mariadb-10.3",
        (400, "InvalidDBInstanceEngineType.Format"),
        (403, "InstanceEngineType.NotSupport"),
    ),
}


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json().get("Code", "OK")


def enable(rds: InProcess, instance_id: str, **parameters: str) -> None:
    assert refusal(rds.modify(instance_id, **parameters)) == (200, "OK")
    rds.advance(60)


def test_every_profile_is_in_a_row() -> None:
    rows = {*SUPPORTED.values(), *(profile for profile, _, _ in UNSUPPORTED.values())}

    assert rows == set(PROFILES)


@pytest.mark.parametrize("profile", SUPPORTED.values(), ids=SUPPORTED.keys())
def test_ssl_is_turned_on_where_it_is_supported(rds: InProcess, profile: str) -> None:
    rds.config(switches={"mysql-basic": "accepted"})
    rds.put_instance("x", profile=profile)

    enable(rds, "x")

    assert rds.describe("x")["SSLEnabled"] in {"Yes", "on"}
    assert rds.instance("x")["ssl"]["enabled"] is True


@pytest.mark.parametrize(
    ("profile", "modify", "describe"), UNSUPPORTED.values(), ids=UNSUPPORTED.keys()
)
def test_ssl_is_refused_where_it_is_not_supported(
    rds: InProcess, profile: str, modify: tuple[int, str], describe: tuple[int, str]
) -> None:
    rds.put_instance("x", profile=profile)

    assert refusal(rds.modify("x")) == modify
    assert refusal(rds.call("DescribeDBInstanceSSL", DBInstanceId="x")) == describe
    assert refusal(rds.call("DescribeDBInstanceAttribute", DBInstanceId="x")) == (200, "OK")
    assert rds.instance("x")["accepted"] == 0


@pytest.mark.parametrize(
    ("profile", "kernel", "expected"),
    [
        pytest.param("mysql-5.6", None, (400, "InvalidParam"), id="1.3 MySQL force SSL 5.6"),
        pytest.param("mysql-5.7", None, (200, "OK"), id="1.3 MySQL force SSL 5.7"),
        pytest.param("mysql-8.0", None, (200, "OK"), id="1.3 MySQL force SSL 8.0"),
        pytest.param("mysql-8.4", None, (200, "OK"), id="1.3 MySQL force SSL 8.4"),
        *(
            pytest.param(
                profile,
                "rds_20241129",
                (403, "IncorrectMinorVersion"),
                id=f"1.3 MySQL force SSL, old {profile}",
            )
            for profile in ("mysql-5.7", "mysql-8.0", "mysql-8.4")
        ),
        pytest.param("sqlserver-2019", None, (200, "OK"), id="1.3 SQL Server force SSL"),
        pytest.param("postgresql-17", None, (400, "InvalidParam"), id="1.3 PostgreSQL force SSL"),
    ],
)
def test_encryption_is_forced_where_the_engine_and_its_minor_version_can(
    rds: InProcess, profile: str, kernel: str | None, expected: tuple[int, str]
) -> None:
    rds.put_instance("x", profile=profile, kernel_version=kernel)

    response = rds.modify("x", ForceEncryption="1")

    rds.advance(60)
    assert refusal(response) == expected
    assert rds.instance("x")["ssl"]["force_encryption"] is (expected == (200, "OK"))


@pytest.mark.parametrize(
    ("major", "expected"),
    [
        pytest.param(
            major,
            (400, "InvalidACL.NotFound") if major < 12 else (200, "OK"),
            id=f"1.3 PostgreSQL {major} verify-full",
        )
        for major in range(10, 18)
    ],
)
def test_verify_full_is_there_from_postgresql_12_on(
    rds: InProcess, client_ca: dict[str, str], major: int, expected: tuple[int, str]
) -> None:
    rds.put_instance("x", profile=f"postgresql-{major}")

    assert refusal(rds.modify("x", **client_ca, ACL="verify-full")) == expected


@pytest.mark.parametrize("instance", ["pg", "my", "ms"])
def test_a_read_write_splitting_endpoint_is_never_protected(
    engines: InProcess, instance: str
) -> None:
    """1.3 read/write-splitting endpoint."""
    host = engines.instance(instance)["endpoints"][2]["host"]

    response = engines.modify(instance, ConnectionString=host)

    assert refusal(response) == (404, "Endpoint.NotFound")


def test_a_proxy_endpoint_is_a_matter_of_another_operation(engines: InProcess) -> None:
    """1.3 MySQL proxy endpoint."""
    here = engines.modify("my", ConnectionString="my-proxy.rwlb.rds.aliyuncs.com")
    there = engines.call("ModifyDbProxyInstanceSsl", DBInstanceId="my")

    assert refusal(here) == (404, "Endpoint.NotFound")
    assert refusal(there) == (404, "InvalidApi.NotFound")


def test_supabase_is_a_matter_of_another_product(engines: InProcess) -> None:
    """1.3 RDS Supabase."""
    assert refusal(engines.call("ModifyInstanceSSL", InstanceName="ra-1")) == (
        404,
        "InvalidApi.NotFound",
    )


def test_a_read_only_instance_has_settings_of_its_own(rds: InProcess) -> None:
    """1.3 read-only instances."""
    rds.put_instance("replica", profile="mysql-8.0", master_instance_id="my")

    enable(rds, "replica")

    assert rds.describe("replica")["SSLEnabled"] == "Yes"
    assert rds.describe("my")["SSLEnabled"] == "No"
    assert (rds.instance("my")["restarts"], rds.instance("replica")["restarts"]) == (0, 1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("accepted", (200, "OK"), id="1.3 SQL Server off, new page"),
        pytest.param("refused", (400, "InvalidSSLStatus"), id="1.3 SQL Server off, old page"),
    ],
)
def test_ssl_on_sql_server_is_turned_off_or_not(
    engines: InProcess, value: str, expected: tuple[int, str]
) -> None:
    engines.config(switches={"sqlserver-off": value})
    for instance in ("ms", "my", "pg"):
        enable(engines, instance)

    answers = {
        instance: refusal(engines.modify(instance, SSLEnabled="0"))
        for instance in ("ms", "my", "pg")
    }

    assert answers == {"ms": expected, "my": (200, "OK"), "pg": (200, "OK")}
