"""
The tables of the team's API notes, row by row, as the operator has understood them.

1.1 parameters, 1.3 who supports SSL, 2 what Describe answers, 3 attributes, 4.1 restarts; an id
names its row. The same rows as the simulator has understood them: tests/unit/simulator.
"""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from rds_ssl.core.api.spec import parse_spec
from rds_ssl.core.checks import eligibility
from rds_ssl.core.errors import ObservationError
from rds_ssl.core.model import ACL, CAType, Endpoint, Engine, Instance, Observed, Reason, Restart
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.planning.parameters import Material, PFXMaterial, parameters
from rds_ssl.core.planning.planner import make_plan
from rds_ssl.core.planning.renewal import renewal_at
from rds_ssl.core.rds.responses import read_attribute, read_ssl
from rds_ssl.core.secret_text import SecretText
from support.states import (
    CA,
    CLOUD,
    CUSTOM,
    DAY,
    HOST,
    MUTUAL,
    NOTHING,
    NOW,
    OFF,
    OTHER_CA,
    OTHER_HOST,
    PAIR,
    TRUST,
    WHOLE,
    applied,
    certificate,
    mysql,
    postgresql,
    revocation_list,
)

MY, PG, MS = Engine.MYSQL, Engine.POSTGRESQL, Engine.SQLSERVER
FILE = "oss-cn-hangzhou.aliyuncs.com:bucket:orders.pfx"
PFX = replace(CLOUD, ca_type=CAType.CUSTOM, pfx=FILE)
FORCED = replace(CLOUD, force_encryption=True)
TLS = replace(CLOUD, minimum_tls_version="1.2")
AUTH = replace(MUTUAL, revocation_list=())
PASSWORD = Material(pfx=PFXMaterial(oss_object=FILE, password=SecretText("open sesame")))


def shown(engine: Engine, state: Desired) -> Observed:
    return postgresql(state) if engine is PG else mysql(state)


def sent(engine: Engine, state: Desired, material: Material) -> Mapping[str, str | SecretText]:
    return parameters(state, shown(engine, OFF), material, engine=engine)


# -- 1.1 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("engine", "state", "material", "name", "value"),
    [
        pytest.param(PG, CLOUD, NOTHING, "ConnectionString", HOST, id="1.1 ConnectionString"),
        pytest.param(PG, CLOUD, NOTHING, "SSLEnabled", "1", id="1.1 SSLEnabled, on"),
        pytest.param(MS, OFF, NOTHING, "SSLEnabled", "0", id="1.1 SSLEnabled, off"),
        pytest.param(PG, CLOUD, NOTHING, "CAType", "aliyun", id="1.1 CAType, PostgreSQL"),
        pytest.param(MY, CUSTOM, PAIR, "CAType", "custom", id="1.1 CAType, MySQL"),
        pytest.param(MY, CUSTOM, PAIR, "ServerCert", "CHAIN", id="1.1 ServerCert"),
        pytest.param(PG, AUTH, TRUST, "ClientCAEnabled", "1", id="1.1 ClientCAEnabled"),
        pytest.param(PG, AUTH, TRUST, "ClientCACert", "CAS", id="1.1 ClientCACert"),
        pytest.param(PG, MUTUAL, WHOLE, "ClientCrlEnabled", "1", id="1.1 ClientCrlEnabled"),
        pytest.param(
            PG,
            MUTUAL,
            WHOLE,
            "ClientCertRevocationList",
            "LISTS",
            id="1.1 ClientCertRevocationList",
        ),
        pytest.param(PG, AUTH, TRUST, "ACL", "verify-ca", id="1.1 ACL"),
        pytest.param(PG, AUTH, TRUST, "ReplicationACL", "verify-ca", id="1.1 ReplicationACL"),
        pytest.param(MY, FORCED, NOTHING, "ForceEncryption", "1", id="1.1 ForceEncryption, MySQL"),
        pytest.param(MS, FORCED, NOTHING, "ForceEncryption", "1", id="1.1 ForceEncryption, SQL"),
        pytest.param(MS, TLS, NOTHING, "TlsVersion", "1.2", id="1.1 TlsVersion"),
        pytest.param(MS, PFX, PASSWORD, "Certificate", FILE, id="1.1 Certificate"),
    ],
)
def test_a_parameter_goes_to_the_engines_that_have_it(
    engine: Engine, state: Desired, material: Material, name: str, value: str
) -> None:
    assert sent(engine, state, material)[name] == value


@pytest.mark.parametrize(
    ("engine", "state", "material", "name"),
    [
        pytest.param(PG, CUSTOM, PAIR, "ServerKey", id="1.1 ServerKey"),
        pytest.param(MS, PFX, PASSWORD, "PassWord", id="1.1 PassWord"),
    ],
)
def test_a_parameter_that_is_secret_leaves_as_one(
    engine: Engine, state: Desired, material: Material, name: str
) -> None:
    assert isinstance(sent(engine, state, material)[name], SecretText)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("DBInstanceId", id="1.1 DBInstanceId (the client adds it)"),
        *(
            pytest.param(each, id=f"1.1 {each} (legacy)")
            for each in ("OwnerAccount", "OwnerId", "ResourceOwnerAccount", "ResourceOwnerId")
        ),
    ],
)
def test_what_is_not_the_operators_to_send_is_not_sent(name: str) -> None:
    assert name not in sent(PG, MUTUAL, WHOLE)
    assert name not in sent(MS, PFX, PASSWORD)


# -- 1.3 ---------------------------------------------------------------------------------------


RUNNING = Instance(
    engine="",
    engine_version="",
    category="HighAvailability",
    storage_type="cloud_essd",
    status="Running",
)


def instance(engine: Engine | str, version: str, **fields: str) -> Instance:
    return replace(RUNNING, engine=engine, engine_version=version, **fields)


@pytest.mark.parametrize(
    "one",
    [
        *(
            pytest.param(instance(MY, each), id=f"1.3 MySQL {each} HA")
            for each in ("5.6", "5.7", "8.0", "8.4")
        ),
        *(
            pytest.param(instance(MY, each, category="cluster"), id=f"1.3 MySQL {each} Cluster")
            for each in ("5.7", "8.0")
        ),
        *(
            pytest.param(instance(MY, each, category="Basic"), id=f"1.3 MySQL {each} Basic")
            for each in ("5.7", "8.0")
        ),
        pytest.param(
            instance(MY, "8.0", category="serverless_basic", pay_type="SERVERLESS"),
            id="1.3 MySQL serverless",
        ),
        pytest.param(instance(MY, "8.0", master_instance_id="rm-1"), id="1.3 a read-only instance"),
        *(
            pytest.param(instance(PG, f"{each}.0"), id=f"1.3 PostgreSQL {each}")
            for each in range(10, 18)
        ),
        *(
            pytest.param(instance(PG, "14.0", storage_type=each), id=f"1.3 PostgreSQL {each}")
            for each in ("cloud_ssd", "cloud_essd2", "cloud_essd3", "general_essd")
        ),
        *(
            pytest.param(instance(PG, "14.0", category=each), id=f"1.3 PostgreSQL {each}")
            for each in ("Basic", "HighAvailability", "cluster")
        ),
        *(
            pytest.param(instance(MS, each, category="AlwaysOn"), id=f"1.3 SQL Server {each}")
            for each in ("2016_ent_ha", "2019_std_ha", "2022_ent_ha")
        ),
    ],
)
def test_an_instance_that_some_source_allows_is_left_to_the_api(one: Instance) -> None:
    assert eligibility.ineligible(one) is None
    assert eligibility.unfit_engine(parse_spec(SPEC), engine=one.engine) is None


SPEC = {"instanceID": "pgm-1", "regionID": "cn-hangzhou"}
PLAIN = Desired(enabled=True, connection_string="a.example")


@pytest.mark.parametrize(
    ("one", "word"),
    [
        pytest.param(
            instance(MY, "5.6", category="Basic"), "Basic Edition", id="1.3 MySQL 5.6 Basic"
        ),
        *(
            pytest.param(instance(PG, "14.0", storage_type=each), each, id=f"1.3 PostgreSQL {each}")
            for each in ("local_ssd", "ephemeral_ssd")
        ),
        pytest.param(
            instance(PG, "14.0", category="serverless_basic"),
            "serverless",
            id="1.3 PostgreSQL serverless Basic",
        ),
        pytest.param(
            instance(PG, "14.0", category="serverless_ha", pay_type="SERVERLESS"),
            "serverless",
            id="1.3 PostgreSQL serverless HA",
        ),
        pytest.param(instance(PG, "9.4"), "older than 10", id="1.3 PostgreSQL 9.4"),
        pytest.param(
            instance(MS, "2019_std_sl"), "serverless", id="1.3 SQL Server serverless, by version"
        ),
        pytest.param(
            instance(MS, "2019_std_ha", category="serverless_ha"),
            "serverless",
            id="1.3 SQL Server serverless, by edition",
        ),
    ],
)
def test_an_instance_that_no_source_allows_is_told_why(one: Instance, word: str) -> None:
    found = eligibility.ineligible(one)

    assert found is not None
    assert found.reason is Reason.ENGINE_NOT_SUPPORTED
    assert word in found.message
    # SSL that is on is proof enough.
    assert eligibility.unfit_instance(PLAIN, one, Observed(enabled=True)) is None
    assert eligibility.unfit_instance(PLAIN, one, Observed(enabled=False)) == found


@pytest.mark.parametrize(
    "engine", [pytest.param(each, id=f"1.3 {each}") for each in ("MariaDB", "PPAS", "")]
)
def test_an_engine_that_the_operation_does_not_know_is_told_with_those_that_it_does(
    engine: str,
) -> None:
    found = eligibility.unfit_engine(parse_spec(SPEC), engine=engine)

    assert found is not None
    assert found.reason is Reason.ENGINE_NOT_SUPPORTED
    assert "MySQL, PostgreSQL and SQL Server" in found.message


@pytest.mark.parametrize(
    ("version", "kernel", "fits"),
    [
        pytest.param("8.0", "rds_20241130", True, id="1.3 MySQL force SSL, the first"),
        pytest.param("8.4", "rds_20250731", True, id="1.3 MySQL force SSL, 8.4"),
        pytest.param("5.7", "rds_20241129", False, id="1.3 MySQL force SSL, a day too old"),
        pytest.param("5.6", "rds_20250731", False, id="1.3 MySQL force SSL, 5.6"),
        pytest.param("8.0", "", True, id="1.3 MySQL force SSL, unknown: the API decides"),
        pytest.param("8.0", "xcluster", True, id="1.3 MySQL force SSL, odd: the API decides"),
    ],
)
def test_forced_encryption_needs_a_minor_version(version: str, kernel: str, *, fits: bool) -> None:
    one = instance(MY, version, kernel_version=kernel)
    forced = replace(PLAIN, force_encryption=True)

    found = eligibility.unfit_instance(forced, one, Observed(enabled=True))

    assert (found is None) is fits
    if found is not None:
        assert "20241130" in found.message
    assert eligibility.unfit_instance(PLAIN, one, Observed(enabled=True)) is None
    has_it = Observed(enabled=True, force_encryption=True)
    assert eligibility.unfit_instance(forced, one, has_it) is None


@pytest.mark.parametrize(
    ("version", "fits"), [("10.0", False), ("11.0", False), ("12.0", True), ("17.0", True)]
)
def test_verify_full_needs_postgresql_12_as_row_1_1_acl_says(version: str, *, fits: bool) -> None:
    strict = replace(PLAIN, client_ca=(CA,), acl=ACL.VERIFY_FULL)
    one = instance(PG, version)

    found = eligibility.unfit_instance(strict, one, Observed(enabled=True))

    assert (found is None) is fits
    has_it = Observed(enabled=True, acl=ACL.VERIFY_FULL)
    assert eligibility.unfit_instance(strict, one, has_it) is None


@pytest.mark.parametrize(
    ("host", "word"),
    [
        pytest.param("a-rw.example", "read/write-splitting", id="1.3 read/write-splitting"),
        pytest.param("a-proxy.example", "no endpoint", id="1.3 MySQL proxy endpoint"),
    ],
)
def test_an_endpoint_that_never_has_ssl_is_told_with_those_that_can(host: str, word: str) -> None:
    known = tuple(
        Endpoint(host=name, port=5432, kind=kind, ip_type="Private")
        for name, kind in (("a.example", "Normal"), ("a-rw.example", "ReadWriteSplitting"))
    )

    found = eligibility.missing_endpoint(
        parse_spec({**SPEC, "connectionString": host}), host, known
    )

    assert found is not None
    assert found.reason is Reason.ENDPOINT_NOT_FOUND
    assert word in found.message
    assert found.message.endswith(": a.example.")
    assert eligibility.missing_endpoint(parse_spec(SPEC), "A.example:5432", known) is None


# -- 2 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("engine", "fields", "name", "value"),
    [
        pytest.param(MY, {"SSLEnabled": "Yes"}, "enabled", True, id="2 SSLEnabled Yes"),
        pytest.param(MS, {"SSLEnabled": "No"}, "enabled", False, id="2 SSLEnabled No"),
        pytest.param(PG, {"SSLEnabled": "on"}, "enabled", True, id="2 SSLEnabled on"),
        pytest.param(PG, {"SSLEnabled": "off"}, "enabled", False, id="2 SSLEnabled off"),
        pytest.param(MY, {"SSLEnabled": 1}, "enabled", True, id="2 SSLEnabled, a number"),
        pytest.param(
            PG, {"ConnectionString": "A.b.:5432"}, "connection_string", "a.b", id="2 Connection"
        ),
        pytest.param(
            MY,
            {"SSLExpireTime": "2027-10-11T08:16:43Z"},
            "expire_time",
            NOW.replace(year=2027, month=10, day=11, hour=8, minute=16, second=43),
            id="2 SSLExpireTime",
        ),
        pytest.param(MY, {"RequireUpdate": "Yes"}, "renewal_required", True, id="2 RequireUpdate"),
        pytest.param(PG, {"RequireUpdate": "1"}, "renewal_required", True, id="2 RequireUpdate 1"),
        pytest.param(PG, {"RequireUpdate": "0"}, "renewal_required", False, id="2 RequireUpdate 0"),
        pytest.param(
            PG, {"RequireUpdateItem": "ca", "RequireUpdateReason": "end"}, "acl", None, id="2 Item"
        ),
        *(
            pytest.param(
                PG, {"LastModifyStatus": each}, "last_modify_status", each, id=f"2 Last {each}"
            )
            for each in ("success", "setting", "failed")
        ),
        pytest.param(
            PG,
            {"ModifyStatusReason": "Modify DB Instance SSL Config."},
            "modify_status_reason",
            "Modify DB Instance SSL Config.",
            id="2 ModifyStatusReason",
        ),
        pytest.param(PG, {"CAType": "custom"}, "ca_type", CAType.CUSTOM, id="2 CAType"),
        pytest.param(MY, {"CAType": ""}, "ca_type", None, id="2 CAType, MySQL"),
        pytest.param(PG, {"ServerCAUrl": "https://x"}, "server_certificate", None, id="2 CAUrl"),
        pytest.param(PG, {"ClientCACert": ""}, "client_ca", (), id="2 ClientCACert, empty"),
        pytest.param(MY, {"ClientCACert": ""}, "client_ca", None, id="2 ClientCACert, MySQL"),
        pytest.param(
            PG, {"ClientCertRevocationList": ""}, "revocation_list", (), id="2 Revocation, empty"
        ),
        pytest.param(PG, {"ClientCACertExpireTime": "-"}, "expire_time", None, id="2 CAExpireTime"),
        pytest.param(PG, {"ACL": "perfer"}, "acl", ACL.PREFER, id="2 ACL, as it is misspelled"),
        pytest.param(
            PG, {"ReplicationACL": "cert"}, "replication_acl", ACL.CERT, id="2 ReplicationACL"
        ),
        pytest.param(MS, {"ForceEncryption": 1}, "force_encryption", True, id="2 ForceEncryption"),
        pytest.param(MY, {"ForceEncryption": "0"}, "force_encryption", False, id="2 Force 0"),
        pytest.param(PG, {"ForceEncryption": "-"}, "force_encryption", None, id="2 Force -"),
        pytest.param(MS, {"TlsVersion": 1.1}, "minimum_tls_version", "1.1", id="2 TlsVersion"),
        pytest.param(MS, {"TlsVersion": 1}, "minimum_tls_version", "1.0", id="2 TlsVersion 1"),
    ],
)
def test_an_answer_is_read_in_the_words_of_its_engine(
    engine: Engine, fields: Mapping[str, object], name: str, value: object
) -> None:
    on = "on" if engine is PG else "Yes"

    assert getattr(read_ssl({"SSLEnabled": on, **fields}, engine), name) == value


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="2 SSLEnabled, missing"),
        pytest.param({"SSLEnabled": ""}, id="2 SSLEnabled, empty"),
        pytest.param({"SSLEnabled": "-"}, id="2 SSLEnabled, a dash"),
        pytest.param({"SSLEnabled": "maybe"}, id="2 SSLEnabled, another word"),
        pytest.param({"items": [{"ConnectionString": "a.b"}]}, id="2 the shape of 2019"),
    ],
)
def test_an_answer_without_ssl_enabled_is_a_failed_read_and_never_off(
    fields: Mapping[str, object],
) -> None:
    with pytest.raises(ObservationError, match="SSLEnabled"):
        read_ssl(fields, None)


# -- 3 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "value", "name"),
    [
        pytest.param("Engine", "PostgreSQL", "engine", id="3 Engine"),
        pytest.param("EngineVersion", "14.0", "engine_version", id="3 EngineVersion"),
        pytest.param("Category", "cluster", "category", id="3 Category"),
        pytest.param("DBInstanceStorageType", "cloud_essd", "storage_type", id="3 StorageType"),
        pytest.param("DBInstanceStatus", "SSL_MODIFYING", "status", id="3 DBInstanceStatus"),
        pytest.param("PayType", "SERVERLESS", "pay_type", id="3 PayType"),
        pytest.param("ConnectionString", "a.b", "connection_string", id="3 ConnectionString"),
        pytest.param("LockMode", "ManualLock", "lock_mode", id="3 LockMode"),
        pytest.param("CurrentKernelVersion", "rds_20241130", "kernel_version", id="3 Kernel"),
        pytest.param("RegionId", "cn-hangzhou", "region_id", id="3 RegionId"),
        pytest.param("MasterInstanceId", "pgm-0", "master_instance_id", id="3 MasterInstanceId"),
        pytest.param("MaintainTime", "18:00Z-22:00Z", "maintain_time", id="3 MaintainTime"),
    ],
)
def test_an_attribute_is_read(wire: str, value: str, name: str) -> None:
    whole = {"Engine": "MySQL", "EngineVersion": "8.0", "DBInstanceStatus": "Running"}

    read = read_attribute({"Items": {"DBInstanceAttribute": [{**whole, wire: value}]}})

    assert getattr(read, name) == value


@pytest.mark.parametrize(
    "unused",
    [
        pytest.param(each, id=f"3 {each} (not needed)")
        for each in (
            "DBInstanceClassType",
            "DBInstanceType",
            "Port",
            "ConnectionMode",
            "InstanceNetworkType",
            "LatestKernelVersion",
            "ReadOnlyDBInstanceIds",
            "kindCode",
            "DBClusterNodes",
        )
    ],
)
def test_an_attribute_that_is_not_needed_may_be_anything(unused: str) -> None:
    whole = {"Engine": "MySQL", "EngineVersion": "8.0", "DBInstanceStatus": "Running"}
    odd: object = {"DBInstanceId": []}

    for value in (odd, None, 7):
        body = {"Items": {"DBInstanceAttribute": [{**whole, unused: value}]}}
        assert read_attribute(body).running


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(each, id=f"3 status {each}")
        for each in (
            "Creating",
            "Rebooting",
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
    ],
)
def test_a_status_that_passes_is_busy(status: str) -> None:
    one = instance(PG, "14.0", status=status)

    assert not one.running
    assert eligibility.unavailable(one) is None


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        *(
            pytest.param({"status": each}, word, id=f"3 status {each}")
            for each, word in (
                ("Stopped", "stopped"),
                ("Stopping", "stopped"),
                ("Deleting", "deleted"),
                ("Released", "released"),
            )
        ),
        *(
            pytest.param({"lock_mode": each}, each, id=f"3 LockMode {each}")
            for each in (
                "ManualLock",
                "LockByExpiration",
                "LockByRestoration",
                "LockByDiskQuota",
                "LockReadInstanceByDiskQuota",
            )
        ),
    ],
)
def test_an_instance_that_somebody_has_to_act_on_is_told_so(
    fields: Mapping[str, str], word: str
) -> None:
    found = eligibility.unavailable(instance(PG, "14.0", **fields))

    assert found is not None
    assert found.reason is Reason.INSTANCE_UNAVAILABLE
    assert word in found.message


def test_an_instance_that_runs_unlocked_takes_a_write_as_3_lock_mode_unlock_says() -> None:
    assert eligibility.unavailable(instance(PG, "14.0", lock_mode="Unlock")) is None


# -- 4.1 ---------------------------------------------------------------------------------------

NEW = certificate("renewed", not_after=NOW + 180 * DAY)
RENEWED = replace(CUSTOM, server_certificate=NEW)
RENEWAL = replace(CLOUD, renews=NOW + 365 * DAY)
MOVED = replace(CLOUD, connection_string=OTHER_HOST)
OTHER_TRUST = replace(AUTH, client_ca=(OTHER_CA,))
TWO_TRUSTED = replace(AUTH, client_ca=(CA, OTHER_CA))
OTHER_LIST = replace(MUTUAL, revocation_list=(revocation_list(number=9),))
ACL_ALONE = replace(AUTH, acl=ACL.CERT)
OTHER_FILE = replace(PFX, pfx="oss-cn-hangzhou.aliyuncs.com:bucket:new.pfx")
EXPECTED, UNKNOWN = Restart.EXPECTED, Restart.UNKNOWN


@pytest.mark.parametrize(
    ("engine", "version", "before", "after", "restart"),
    [
        *(
            pytest.param(MY, each, OFF, CLOUD, EXPECTED, id=f"4.1 MySQL {each} enable")
            for each in ("5.6", "5.7", "8.0", "8.4")
        ),
        pytest.param(MY, "8.0", CLOUD, OFF, EXPECTED, id="4.1 MySQL disable"),
        pytest.param(MY, "5.6", CLOUD, RENEWAL, EXPECTED, id="4.1 MySQL 5.6 renew"),
        pytest.param(MY, "5.7", CLOUD, RENEWAL, EXPECTED, id="4.1 MySQL 5.7 renew"),
        pytest.param(MY, "8.0", CLOUD, RENEWAL, Restart.NONE, id="4.1 MySQL 8.0 renew"),
        pytest.param(MY, "8.4", CLOUD, RENEWAL, EXPECTED, id="4.1 MySQL 8.4 renew, not documented"),
        pytest.param(MY, "8.0", CUSTOM, RENEWED, EXPECTED, id="4.1 MySQL custom"),
        pytest.param(MY, "8.0", CLOUD, FORCED, UNKNOWN, id="4.1 MySQL forced, not documented"),
        pytest.param(PG, "14.0", OFF, CLOUD, EXPECTED, id="4.1 PostgreSQL enable"),
        pytest.param(PG, "14.0", CLOUD, MOVED, EXPECTED, id="4.1 PostgreSQL endpoint"),
        pytest.param(PG, "14.0", CLOUD, OFF, EXPECTED, id="4.1 PostgreSQL disable"),
        pytest.param(PG, "14.0", CUSTOM, RENEWED, EXPECTED, id="4.1 PostgreSQL custom"),
        pytest.param(PG, "14.0", CUSTOM, AUTH, EXPECTED, id="4.1 PostgreSQL client CA"),
        pytest.param(PG, "14.0", AUTH, TWO_TRUSTED, EXPECTED, id="4.1 PostgreSQL one CA more"),
        pytest.param(PG, "14.0", AUTH, OTHER_TRUST, EXPECTED, id="4.1 PostgreSQL another CA"),
        pytest.param(PG, "14.0", MUTUAL, OTHER_LIST, EXPECTED, id="4.1 PostgreSQL CRL"),
        pytest.param(PG, "14.0", AUTH, ACL_ALONE, UNKNOWN, id="4.1 PostgreSQL ACL"),
        pytest.param(MS, "2019_std_ha", OFF, CLOUD, EXPECTED, id="4.1 SQL Server enable"),
        pytest.param(MS, "2019_std_ha", CLOUD, OFF, EXPECTED, id="4.1 SQL Server disable"),
        pytest.param(MS, "2019_std_ha", CLOUD, RENEWAL, EXPECTED, id="4.1 SQL Server renew"),
        pytest.param(MS, "2019_std_ha", PFX, OTHER_FILE, EXPECTED, id="4.1 SQL Server custom"),
        pytest.param(MS, "2019_std_ha", CLOUD, TLS, UNKNOWN, id="4.1 SQL Server TLS minimum"),
    ],
)
def test_a_restart_is_predicted_from_what_is_sent(
    engine: Engine, version: str, before: Desired, after: Desired, restart: Restart
) -> None:
    plan = make_plan(
        after,
        shown(engine, before),
        engine=engine,
        engine_version=version,
        uid="uid",
        applied=applied(before),
        operation=None,
    ).plan

    assert plan is not None
    assert plan.restart is restart


@pytest.mark.parametrize(
    ("engine", "renews"),
    [
        pytest.param(MY, True, id="4.1 MySQL: by hand"),
        pytest.param(MS, True, id="4.1 SQL Server: by hand"),
        pytest.param(PG, False, id="4.1 PostgreSQL: by the vendor"),
    ],
)
def test_a_cloud_certificate_is_renewed_where_the_vendor_does_not(
    engine: Engine, *, renews: bool
) -> None:
    declared = parse_spec({**SPEC, "serverCertificate": {"renewBefore": "720h"}})

    at = renewal_at(declared, shown(engine, CLOUD), engine=engine)

    assert at == (NOW + 335 * DAY if renews else None)
