"""
Kinds of instances: what the attributes say, what SSL can do there, how its answers are spelled.

A new engine or edition is a new row. Where sources disagree on who supports SSL (MySQL Basic),
the newest page counts. Sources: the team's API notes 1.1 (which parameter is for whom), 1.3 (who
supports SSL), 2 (vocabulary of DescribeDBInstanceSSL), 3 (attributes), 4.1 (restarts).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from rds_simulator.refusals import Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """How DescribeDBInstanceSSL of an engine spells things, and which fields it has."""

    on: str = "Yes"
    off: str = "No"
    update: str = "Yes"
    no_update: str = "No"
    full: bool = False
    """PostgreSQL's set: certificates, client authentication, LastModifyStatus."""
    force_encryption: bool = False
    tls_version: bool = False


CERTIFICATE_PARAMETERS = frozenset({"CAType", "ServerCert", "ServerKey"})
CLIENT_PARAMETERS = frozenset(
    {
        "ClientCAEnabled",
        "ClientCACert",
        "ClientCrlEnabled",
        "ClientCertRevocationList",
        "ACL",
        "ReplicationACL",
    }
)
PFX_PARAMETERS = frozenset({"Certificate", "PassWord"})
ENGINE_PARAMETERS = (
    CERTIFICATE_PARAMETERS | CLIENT_PARAMETERS | PFX_PARAMETERS | {"ForceEncryption", "TlsVersion"}
)
"""Parameters of ModifyDBInstanceSSL that not every engine has."""

YES_NO = Vocabulary(force_encryption=True)
ON_OFF = Vocabulary(on="on", off="off", update="1", no_update="0", full=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One kind of instance."""

    name: str
    engine: str
    engine_version: str
    category: str = "HighAvailability"
    storage_type: str = "cloud_essd"
    pay_type: str = "Postpaid"
    kernel_version: str
    """Of a new instance, and the latest that there is."""
    port: int
    host_part: str
    """Stands in the host names: ``<id>.<host_part>.rds.aliyuncs.com``."""
    vocabulary: Vocabulary = YES_NO
    describe_refusal: Code | None = None
    """What DescribeDBInstanceSSL answers where SSL is not available."""
    modify_refusal: Code | None = None
    client_authentication: bool = False
    """Client CA, CRL and ACLs (PostgreSQL on cloud disks)."""
    verify_full: bool = True
    """ACL verify-full, PostgreSQL 12 and later."""
    custom_certificate: bool = True
    """CAType, ServerCert, ServerKey (not SQL Server)."""
    pfx: bool = False
    """Certificate, PassWord (SQL Server)."""
    force_encryption: bool = False
    force_since_kernel: str = ""
    """Trailing date of the first minor version with ForceEncryption; empty: all have it."""
    tls_version: bool = False
    update_value: bool = False
    """Whether SSLEnabled=2 may be understood (Terraform sends it to SQL Server; undocumented)."""
    refuses_off: bool = False
    """Whether SSL may not be turned off, see the switch ``sqlserver-off``."""
    renewed_by_vendor: bool = False
    """Cloud certificates are renewed before they expire, without a call."""
    renewal_restarts: bool = True
    """Whether a new cloud certificate for the same endpoint restarts (not on MySQL 8.0)."""

    @property
    def parameters(self) -> frozenset[str]:
        """Those of `ENGINE_PARAMETERS` that this kind of instance has."""
        groups = (
            (self.custom_certificate, CERTIFICATE_PARAMETERS),
            (self.client_authentication, CLIENT_PARAMETERS),
            (self.pfx, PFX_PARAMETERS),
            (self.force_encryption, {"ForceEncryption"}),
            (self.tls_version, {"TlsVersion"}),
        )
        return frozenset[str]().union(*(names for has, names in groups if has))


VERIFY_FULL_SINCE = 12
"""PostgreSQL's first version with ACL verify-full."""

_POSTGRESQL_14 = Profile(
    name="postgresql-14",
    engine="PostgreSQL",
    engine_version="14.0",
    kernel_version="rds_postgres_1400_20250130",
    port=5432,
    host_part="pg",
    vocabulary=ON_OFF,
    client_authentication=True,
    renewed_by_vendor=True,
)
_MYSQL_8_0 = Profile(
    name="mysql-8.0",
    engine="MySQL",
    engine_version="8.0",
    kernel_version="rds_20250131",
    port=3306,
    host_part="mysql",
    force_encryption=True,
    force_since_kernel="20241130",
    renewal_restarts=False,
)
_MYSQL_5_6 = replace(
    _MYSQL_8_0,
    name="mysql-5.6",
    engine_version="5.6",
    storage_type="local_ssd",
    kernel_version="rds_20220731",
    force_encryption=False,
    renewal_restarts=True,
)
_SQLSERVER_2019 = Profile(
    name="sqlserver-2019",
    engine="SQLServer",
    engine_version="2019_std_ha",
    kernel_version="rds_20250120",
    port=1433,
    host_part="sqlserver",
    vocabulary=replace(YES_NO, tls_version=True),
    custom_certificate=False,
    pfx=True,
    force_encryption=True,
    tls_version=True,
    update_value=True,
    refuses_off=True,
)


def _postgresql(major: int) -> Profile:
    return replace(
        _POSTGRESQL_14,
        name=f"postgresql-{major}",
        engine_version=f"{major}.0",
        kernel_version=f"rds_postgres_{major}00_20250130",
        verify_full=major >= VERIFY_FULL_SINCE,
    )


_SUPPORTED = (
    *(_postgresql(major) for major in range(10, 18)),
    replace(
        _POSTGRESQL_14,
        name="postgresql-14-basic",
        category="Basic",
        storage_type="general_essd",
    ),
    replace(
        _POSTGRESQL_14,
        name="postgresql-14-cluster",
        category="cluster",
        storage_type="cloud_essd2",
    ),
    _MYSQL_5_6,
    replace(_MYSQL_8_0, name="mysql-5.7", engine_version="5.7", renewal_restarts=True),
    _MYSQL_8_0,
    # Whether a renewal restarts 8.4 is not documented.
    replace(_MYSQL_8_0, name="mysql-8.4", engine_version="8.4", renewal_restarts=True),
    replace(_MYSQL_8_0, name="mysql-8.0-basic", category="Basic"),
    replace(_MYSQL_8_0, name="mysql-8.0-cluster", category="cluster"),
    replace(
        _MYSQL_8_0,
        name="mysql-8.0-serverless",
        category="serverless_standard",
        pay_type="SERVERLESS",
    ),
    _SQLSERVER_2019,
    replace(
        _SQLSERVER_2019,
        name="sqlserver-2022",
        engine_version="2022_ent_ha",
        category="AlwaysOn",
    ),
)

_UNSUPPORTED = (
    replace(
        _POSTGRESQL_14,
        name="postgresql-14-local-ssd",
        storage_type="local_ssd",
        describe_refusal=Code.OPERATION_DENIED_INSTANCE_TYPE,
        modify_refusal=Code.INVALID_LEVEL_DISK_TYPE,
    ),
    replace(
        _POSTGRESQL_14,
        name="postgresql-9.4",
        engine_version="9.4",
        storage_type="local_ssd",
        kernel_version="rds_20200731",
        describe_refusal=Code.INCORRECT_ENGINE_VERSION,
        modify_refusal=Code.API_NOT_SUPPORT,
    ),
    replace(
        _POSTGRESQL_14,
        name="postgresql-14-serverless",
        category="serverless_basic",
        pay_type="SERVERLESS",
        describe_refusal=Code.OPERATION_DENIED_INSTANCE_TYPE,
        modify_refusal=Code.INVALID_LEVEL_MALFORMED,
    ),
    replace(
        _POSTGRESQL_14,
        name="postgresql-14-serverless-ha",
        category="serverless_ha",
        pay_type="SERVERLESS",
        describe_refusal=Code.OPERATION_DENIED_INSTANCE_TYPE,
        modify_refusal=Code.INVALID_LEVEL_MALFORMED,
    ),
    replace(
        _MYSQL_5_6,
        name="mysql-5.6-basic",
        category="Basic",
        storage_type="cloud_essd",
        describe_refusal=Code.OPERATION_DENIED_INSTANCE_TYPE,
        modify_refusal=Code.INVALID_LEVEL_MALFORMED,
    ),
    replace(
        _SQLSERVER_2019,
        name="sqlserver-2019-serverless",
        engine_version="2019_std_sl",
        category="serverless_ha",
        pay_type="SERVERLESS",
        describe_refusal=Code.OPERATION_DENIED_INSTANCE_TYPE,
        modify_refusal=Code.INVALID_LEVEL_MALFORMED,
    ),
    replace(
        _MYSQL_8_0,
        name="mariadb-10.3",
        engine="MariaDB",
        engine_version="10.3",
        kernel_version="rds_20210430",
        host_part="mariadb",
        describe_refusal=Code.ENGINE_TYPE_NOT_SUPPORT,
        modify_refusal=Code.INVALID_ENGINE_TYPE,
    ),
)

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {profile.name: profile for profile in (*_SUPPORTED, *_UNSUPPORTED)}
)
