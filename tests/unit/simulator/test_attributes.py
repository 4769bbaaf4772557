"""
What tells whether an instance can have SSL: tables 3 of the API notes, row by row.

DescribeDBInstanceAttribute, DescribeDBInstances, DescribeDBInstanceNetInfo.
"""

from typing import Any

import pytest

from support.simulator import InProcess

BUSY = (
    "Creating",
    "Deleting",
    "Rebooting",
    "Stopping",
    "Stopped",
    "DBInstanceClassChanging",
    "TRANSING",
    "EngineVersionUpgrading",
    "TransingToOthers",
    "GuardDBInstanceCreating",
    "Restoring",
    "Importing",
    "ImportingFromOthers",
    "DBInstanceNetTypeChanging",
    "GuardSwitching",
    "INS_CLONING",
    "SystemMaintaining",
    "LinkSwitching",
    "ReadInstanceTransing",
    "InstanceMaintaining",
    "SSL_MODIFYING",
    "TDE_MODIFYING",
    "CONFIG_ENCRYPTING",
)
LOCKS = (
    "ManualLock",
    "LockByExpiration",
    "LockByRestoration",
    "LockByDiskQuota",
    "LockReadInstanceByDiskQuota",
)


def attribute(rds: InProcess, instance_id: str) -> dict[str, Any]:
    answer = rds.call("DescribeDBInstanceAttribute", DBInstanceId=instance_id).json()
    (found,) = answer["Items"]["DBInstanceAttribute"]
    return dict(found)


def listed(rds: InProcess, instance_id: str) -> dict[str, Any]:
    answer = rds.call(
        "DescribeDBInstances", RegionId="cn-hangzhou", DBInstanceId=instance_id
    ).json()
    (found,) = answer["Items"]["DBInstance"]
    return dict(found)


@pytest.mark.parametrize(
    ("profile", "name", "value"),
    [
        pytest.param(profile, name, value, id=f"3 {name} of {profile}")
        for name, of_profile in {
            "Engine": {
                "mysql-8.4": "MySQL",
                "postgresql-17": "PostgreSQL",
                "sqlserver-2019": "SQLServer",
                "mariadb-10.3": "MariaDB",
            },
            "EngineVersion": {
                "mysql-5.6": "5.6",
                "mysql-8.4": "8.4",
                "postgresql-10": "10.0",
                "postgresql-17": "17.0",
                "sqlserver-2019": "2019_std_ha",
                "sqlserver-2022": "2022_ent_ha",
                "sqlserver-2019-serverless": "2019_std_sl",
            },
            "Category": {
                "mysql-8.0": "HighAvailability",
                "mysql-8.0-basic": "Basic",
                "postgresql-14-cluster": "cluster",
                "sqlserver-2022": "AlwaysOn",
                "postgresql-14-serverless": "serverless_basic",
                "mysql-8.0-serverless": "serverless_standard",
                "sqlserver-2019-serverless": "serverless_ha",
            },
            "DBInstanceStorageType": {
                "postgresql-14": "cloud_essd",
                "postgresql-14-basic": "general_essd",
                "postgresql-14-cluster": "cloud_essd2",
                "postgresql-14-local-ssd": "local_ssd",
            },
            "PayType": {
                "postgresql-14": "Postpaid",
                "mysql-8.0-serverless": "SERVERLESS",
                "postgresql-14-serverless-ha": "SERVERLESS",
                "sqlserver-2019-serverless": "SERVERLESS",
            },
        }.items()
        for profile, value in of_profile.items()
    ],
)
def test_an_attribute_is_told_alone_and_in_the_list(
    rds: InProcess, profile: str, name: str, value: str
) -> None:
    rds.put_instance("x", profile=profile)

    assert (attribute(rds, "x")[name], listed(rds, "x")[name]) == (value, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(name, value, id=f"3 {name}")
        for name, value in {
            "DBInstanceStatus": "Running",
            "DBInstanceClassType": "d",
            "DBInstanceType": "Primary",
            "ConnectionString": "pg.pg.rds.aliyuncs.com",
            "Port": "5432",
            "ConnectionMode": "Standard",
            "InstanceNetworkType": "VPC",
            "LockMode": "Unlock",
            "LockReason": "",
            "CurrentKernelVersion": "rds_postgres_1400_20250130",
            "LatestKernelVersion": "rds_postgres_1400_20250130",
            "RegionId": "cn-hangzhou",
            "MasterInstanceId": "",
            "ReadOnlyDBInstanceIds": {"ReadOnlyDBInstanceId": []},
            "MaintainTime": "18:00Z-22:00Z",
        }.items()
    ],
)
def test_an_attribute_of_an_ordinary_instance(rds: InProcess, name: str, value: object) -> None:
    assert attribute(rds, "pg")[name] == value


@pytest.mark.parametrize(
    ("profile", "present"),
    [
        pytest.param("mysql-8.0-serverless", True, id="3 ServerlessConfig"),
        pytest.param("sqlserver-2019-serverless", True, id="3 ServerlessConfig of SQL Server"),
        pytest.param("mysql-8.0", False, id="3 ServerlessConfig of none"),
    ],
)
def test_only_a_serverless_instance_has_its_configuration(
    rds: InProcess, profile: str, *, present: bool
) -> None:
    rds.put_instance("x", profile=profile)

    assert ("ServerlessConfig" in attribute(rds, "x")) is present


@pytest.mark.parametrize("status", [pytest.param(each, id=f"3 {each}") for each in BUSY])
def test_in_any_status_but_running_nothing_is_changed(rds: InProcess, status: str) -> None:
    rds.patch_instance("pg", status=status)

    answer = rds.modify("pg")

    assert attribute(rds, "pg")["DBInstanceStatus"] == status
    assert (answer.status_code, answer.json()["Code"]) == (403, "OperationDenied.DBInstanceStatus")


def test_a_released_instance_is_not_found(rds: InProcess) -> None:
    """3 Released."""
    rds.patch_instance("pg", status="Released")

    answers = [
        rds.call(action, DBInstanceId="pg", RegionId="cn-hangzhou").json().get("Code")
        for action in ("DescribeDBInstanceSSL", "DescribeDBInstanceAttribute")
    ]

    assert answers == ["InvalidDBInstanceId.NotFound"] * 2


@pytest.mark.parametrize("lock", [pytest.param(each, id=f"3 LockMode {each}") for each in LOCKS])
def test_a_locked_instance_says_so_and_takes_no_change(rds: InProcess, lock: str) -> None:
    rds.patch_instance("pg", lock_mode=lock)

    found = attribute(rds, "pg")
    codes = [
        answer.json()["Code"]
        for answer in (rds.modify("pg"), rds.call("DescribeDBInstanceSSL", DBInstanceId="pg"))
    ]

    assert (found["LockMode"], bool(found["LockReason"])) == (lock, True)
    assert codes == ["IncorrectDBInstanceLockMode"] * 2


def test_an_old_minor_version_and_the_latest_one_are_both_told(rds: InProcess) -> None:
    """3 CurrentKernelVersion, LatestKernelVersion."""
    rds.put_instance("x", profile="mysql-8.0", kernel_version="rds_20240731")

    found = attribute(rds, "x")

    assert found["CurrentKernelVersion"] == "rds_20240731"
    assert found["LatestKernelVersion"] > "rds_20241130"


def test_a_read_only_instance_and_its_primary_name_each_other(rds: InProcess) -> None:
    """3 DBInstanceType, MasterInstanceId, ReadOnlyDBInstanceIds."""
    rds.put_instance("x", profile="mysql-8.0", master_instance_id="my")

    replica, primary = attribute(rds, "x"), attribute(rds, "my")

    assert (replica["DBInstanceType"], replica["MasterInstanceId"]) == ("Readonly", "my")
    assert listed(rds, "x")["DBInstanceType"] == "Readonly"
    assert primary["DBInstanceType"] == "Primary"
    assert primary["ReadOnlyDBInstanceIds"]["ReadOnlyDBInstanceId"] == [{"DBInstanceId": "x"}]


@pytest.mark.parametrize(
    ("instance", "part", "port"),
    [("pg", "pg", "5432"), ("my", "mysql", "3306"), ("ms", "sqlserver", "1433")],
)
def test_endpoints_are_told_by_kind_and_network(
    engines: InProcess, instance: str, part: str, port: str
) -> None:
    """3 ConnectionStringType, IPType, Port."""
    answer = engines.call("DescribeDBInstanceNetInfo", DBInstanceId=instance).json()

    found = answer["DBInstanceNetInfos"]["DBInstanceNetInfo"]
    names = ("ConnectionString", "ConnectionStringType", "IPType", "Port")
    assert [tuple(each[name] for name in names) for each in found] == [
        (f"{instance}.{part}.rds.aliyuncs.com", "Normal", "Private", port),
        (f"{instance}-public.{part}.rds.aliyuncs.com", "Normal", "Public", port),
        (f"{instance}-rw.{part}.rds.aliyuncs.com", "ReadWriteSplitting", "Private", port),
    ]
    assert (answer["InstanceNetworkType"], answer["SecurityIPMode"]) == ("VPC", "normal")
