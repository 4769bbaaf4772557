"""The operations' answers, in each engine's words."""

from datetime import timedelta

from rds_simulator.clock import to_wire
from support.simulator import InProcess


def test_postgresql_shows_everything_the_private_key_included(
    rds: InProcess, custom: dict[str, str], client_ca: dict[str, str], crl: dict[str, str]
) -> None:
    rds.modify("pg", **custom, **client_ca, **crl, ACL="cert", ReplicationACL="verify-ca")
    rds.advance(60)

    shown = rds.describe("pg")

    assert shown["SSLEnabled"] == "on"
    assert shown["ConnectionString"] == "pg.pg.rds.aliyuncs.com"
    assert shown["CAType"] == "custom"
    assert shown["ServerKey"] == custom["ServerKey"]
    assert shown["ServerCert"] in custom["ServerCert"]
    assert shown["ClientCACert"] == client_ca["ClientCACert"].strip()
    assert shown["ClientCertRevocationList"] == crl["ClientCertRevocationList"].strip()
    assert (shown["ACL"], shown["ReplicationACL"]) == ("cert", "verify-ca")
    assert shown["LastModifyStatus"] == "success"
    assert shown["RequireUpdate"] == "0"
    assert not {"ClientCAEnabled", "ClientCrlEnabled", "ForceEncryption"} & set(shown)


def test_postgresql_with_ssl_off_shows_empty_values(rds: InProcess) -> None:
    shown = rds.describe("pg")

    assert shown["SSLEnabled"] == "off"
    assert [shown[name] for name in ("CAType", "ServerCert", "ServerKey", "ACL")] == [""] * 4
    assert shown["ClientCACertExpireTime"] == "-"


def test_mysql_says_yes_and_no_and_numbers(rds: InProcess) -> None:
    off = rds.describe("my")
    rds.modify("my", ForceEncryption="1")
    rds.advance(60)
    on = rds.describe("my")

    assert (off["SSLEnabled"], on["SSLEnabled"]) == ("No", "Yes")
    assert on["ForceEncryption"] == 1
    assert on["RequireUpdate"] == "No"
    assert not {"LastModifyStatus", "ACL", "CAType", "ServerCert"} & set(on)


def test_sql_server_shows_its_tls_version_as_a_number(rds: InProcess) -> None:
    rds.put_instance("ms", profile="sqlserver-2019")
    rds.modify("ms", TlsVersion="1.2")
    rds.advance(60)

    assert rds.describe("ms")["TlsVersion"] == 1.2


def test_a_cloud_certificate_lasts_365_days_and_asks_for_an_update_before_its_end(
    rds: InProcess,
) -> None:
    accepted_at = rds.now
    rds.modify("my")
    rds.advance(336 * 86400)

    shown = rds.describe("my")

    assert shown["SSLExpireTime"] == to_wire(accepted_at + timedelta(days=365))
    assert shown["RequireUpdate"] == "Yes"


def test_the_attributes_tell_engine_storage_status_and_replicas(rds: InProcess) -> None:
    rds.put_instance("replica", master_instance_id="pg")

    primary = rds.call("DescribeDBInstanceAttribute", DBInstanceId="pg").json()
    replica = rds.call("DescribeDBInstanceAttribute", DBInstanceId="replica").json()

    first = primary["Items"]["DBInstanceAttribute"][0]
    assert first["Engine"] == "PostgreSQL"
    assert first["EngineVersion"] == "14.0"
    assert first["DBInstanceStorageType"] == "cloud_essd"
    assert first["DBInstanceStatus"] == "Running"
    assert first["ReadOnlyDBInstanceIds"]["ReadOnlyDBInstanceId"] == [{"DBInstanceId": "replica"}]
    second = replica["Items"]["DBInstanceAttribute"][0]
    assert (second["DBInstanceType"], second["MasterInstanceId"]) == ("Readonly", "pg")


def test_the_replicas_that_are_told_are_those_of_now(rds: InProcess) -> None:
    def replicas() -> list[str]:
        answer = rds.call("DescribeDBInstanceAttribute", DBInstanceId="pg").json()
        listed = answer["Items"]["DBInstanceAttribute"][0]["ReadOnlyDBInstanceIds"]
        return [each["DBInstanceId"] for each in listed["ReadOnlyDBInstanceId"]]

    none = replicas()
    rds.put_instance("second")
    rds.put_instance("first", master_instance_id="pg")
    rds.patch_instance("second", master_instance_id="pg")
    both = replicas()
    rds.delete_instance("first")
    one = replicas()
    rds.reset()
    rds.put_instance("pg")

    assert (none, both, one, replicas()) == ([], ["second", "first"], ["second"], [])


def test_a_serverless_instance_has_a_serverless_config(rds: InProcess) -> None:
    rds.put_instance("sl", profile="postgresql-14-serverless")

    answer = rds.call("DescribeDBInstanceAttribute", DBInstanceId="sl").json()

    attribute = answer["Items"]["DBInstanceAttribute"][0]
    assert attribute["PayType"] == "SERVERLESS"
    assert "ServerlessConfig" in attribute


def test_endpoints_are_internal_public_and_read_write_splitting(rds: InProcess) -> None:
    answer = rds.call("DescribeDBInstanceNetInfo", DBInstanceId="pg").json()

    found = [
        (each["ConnectionString"], each["IPType"], each["ConnectionStringType"])
        for each in answer["DBInstanceNetInfos"]["DBInstanceNetInfo"]
    ]
    assert found == [
        ("pg.pg.rds.aliyuncs.com", "Private", "Normal"),
        ("pg-public.pg.rds.aliyuncs.com", "Public", "Normal"),
        ("pg-rw.pg.rds.aliyuncs.com", "Private", "ReadWriteSplitting"),
    ]


def test_instances_are_listed_by_region_and_by_pages(rds: InProcess) -> None:
    rds.put_instances(
        *({"id": f"n{number}", "profile": "mysql-8.0"} for number in range(40)),
        {"id": "far", "profile": "mysql-8.0", "region": "cn-beijing"},
    )

    pages = [
        rds.call(
            "DescribeDBInstances", RegionId="cn-hangzhou", PageSize="30", PageNumber=str(number)
        ).json()
        for number in (1, 2, 3)
    ]
    nowhere = rds.call("DescribeDBInstances")
    wrong = rds.call("DescribeDBInstances", RegionId="cn-hangzhou", PageSize="101")

    assert [page["PageRecordCount"] for page in pages] == [30, 12, 0]
    assert pages[0]["TotalRecordCount"] == 42
    assert pages[0]["Items"]["DBInstance"][0]["DBInstanceId"] == "pg"
    assert nowhere.json()["Code"] == "MissingRegionId"
    assert wrong.json()["Code"] == "InvalidPageSize"


def test_pg_hba_rows_are_shown_for_postgresql_alone(rds: InProcess) -> None:
    rds.patch_instance("pg", hba_rows=[["hostssl", "all", "app", "10.0.0.0/8", "cert"]])

    rows = rds.call("DescribePGHbaConfig", DBInstanceId="pg").json()
    other = rds.call("DescribePGHbaConfig", DBInstanceId="my")

    assert rows["RunningHbaItems"]["HbaItem"][0]["Type"] == "hostssl"
    assert other.json()["Code"] == "InstanceEngineType.NotSupport"


def test_an_error_has_all_its_fields(rds: InProcess) -> None:
    response = rds.call("DescribeDBInstanceSSL", DBInstanceId="no")

    body = response.json()
    assert list(body) == ["RequestId", "HostId", "Code", "Message", "Recommend"]
    assert body["HostId"] == "rds.invalid"


def test_an_operation_or_version_that_does_not_exist_is_refused(rds: InProcess) -> None:
    unknown = rds.call("DeleteEverything")
    caller = rds.caller()
    request = caller.request("DescribeDBInstanceSSL", DBInstanceId="pg")
    request.headers["x-acs-version"] = "2013-01-01"
    caller.sign(request)
    old = caller.send(request)

    assert (unknown.status_code, unknown.json()["Code"]) == (404, "InvalidApi.NotFound")
    assert (old.status_code, old.json()["Code"]) == (400, "InvalidVersion")
