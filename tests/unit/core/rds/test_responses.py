"""What the API's answers say: yes, no, or not told; and never a guess."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from rds_ssl.core.errors import ObservationError
from rds_ssl.core.formats import host_name
from rds_ssl.core.model import ACL, CAType, Instance, Observed
from rds_ssl.core.rds.responses import has_no_instance, read_attribute, read_ssl

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Pki:
    """A self-signed certificate and a list of its own, as PEM and as fingerprints."""

    def __init__(self, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(7)
            .not_valid_before(NOW)
            .not_valid_after(NOW + timedelta(days=365))
            .sign(key, hashes.SHA256())
        )
        revocation_list = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(subject)
            .last_update(NOW)
            .next_update(NOW + timedelta(days=7))
            .sign(key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(Encoding.PEM).decode()
        self.sha256 = certificate.fingerprint(hashes.SHA256()).hex()
        self.crl_pem = revocation_list.public_bytes(Encoding.PEM).decode()
        self.crl_sha256 = revocation_list.fingerprint(hashes.SHA256()).hex()


@pytest.fixture(scope="module")
def leaf() -> Pki:
    """A server's certificate."""
    return Pki("pgm-1.pg.rds.aliyuncs.com")


@pytest.fixture(scope="module")
def ca() -> Pki:
    """A client CA and its revocation list."""
    return Pki("Clients")


def test_postgresql_with_everything_is_read_in_full(leaf: Pki, ca: Pki) -> None:
    observed = read_ssl(
        {
            "RequestId": "R",
            "SSLEnabled": "on",
            "ConnectionString": "PGM-1.pg.rds.aliyuncs.com.",
            "CAType": "custom",
            "SSLExpireTime": "2027-01-02T03:04:05Z",
            "RequireUpdate": "1",
            "LastModifyStatus": "setting",
            "ModifyStatusReason": "Modify DB Instance SSL Config.",
            "ServerCert": leaf.pem + ca.pem,
            "ClientCACert": ca.pem,
            "ClientCACertExpireTime": "-",
            "ClientCertRevocationList": ca.crl_pem,
            "ACL": "verify-full",
            "ReplicationACL": "perfer",
        },
        "PostgreSQL",
    )

    assert observed.server_certificate is not None
    assert observed.server_certificate.sha256 == leaf.sha256
    assert observed.client_ca is not None
    assert [one.sha256 for one in observed.client_ca] == [ca.sha256]
    assert observed.revocation_list is not None
    assert [one.sha256 for one in observed.revocation_list] == [ca.crl_sha256]
    assert observed == Observed(
        enabled=True,
        ca_type=CAType.CUSTOM,
        connection_string="pgm-1.pg.rds.aliyuncs.com",
        server_certificate=observed.server_certificate,
        intermediates=observed.client_ca,
        client_ca=observed.client_ca,
        revocation_list=observed.revocation_list,
        acl=ACL.VERIFY_FULL,
        replication_acl=ACL.PREFER,
        expire_time=datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC),
        renewal_required=True,
        last_modify_status="setting",
    )
    assert observed.modify_status_reason == "Modify DB Instance SSL Config."


def test_mysql_tells_little_and_the_rest_is_unknown() -> None:
    observed = read_ssl(
        {
            "SSLEnabled": "Yes",
            "ConnectionString": "rm-1.mysql.rds.aliyuncs.com:3306",
            "SSLExpireTime": "2026-10-11T08:16:43Z",
            "RequireUpdate": "No",
        },
        "MySQL",
    )

    assert observed == Observed(
        enabled=True,
        connection_string="rm-1.mysql.rds.aliyuncs.com",
        expire_time=datetime(2026, 10, 11, 8, 16, 43, tzinfo=UTC),
    )


def test_sql_server_sends_numbers_where_text_is_documented() -> None:
    observed = read_ssl({"SSLEnabled": 1, "ForceEncryption": 1, "TlsVersion": 1.1}, "SQLServer")

    assert observed == Observed(enabled=True, force_encryption=True, minimum_tls_version="1.1")


@pytest.mark.parametrize("word", ["Yes", "YES", "on", "On", "1", 1, "true", True, " yes "])
def test_all_words_for_on_are_on(word: object) -> None:
    assert read_ssl({"SSLEnabled": word}, "MySQL").enabled is True


@pytest.mark.parametrize("word", ["No", "off", "0", 0, "false", False])
def test_all_words_for_off_are_off(word: object) -> None:
    assert read_ssl({"SSLEnabled": word}, "MySQL").enabled is False


@pytest.mark.parametrize("field", ["ForceEncryption", "RequireUpdate"])
@pytest.mark.parametrize(
    ("word", "is_on"),
    [
        ("true", True),
        ("True", True),
        (True, True),
        (1, True),
        (1.0, True),
        ("1.0", True),
        ("1.00", True),
        ("false", False),
        (False, False),
        (0, False),
        (0.0, False),
        ("0.0", False),
    ],
)
def test_a_flag_is_read_as_a_word_a_number_or_a_fraction_without_parts(
    field: str, word: object, *, is_on: bool
) -> None:
    observed = read_ssl({"SSLEnabled": "Yes", field: word}, "SQLServer")

    shown = {
        "ForceEncryption": observed.force_encryption,
        "RequireUpdate": observed.renewal_required,
    }
    assert shown[field] is is_on


@pytest.mark.parametrize("word", ["1.5", "0.1", "10.0", ".0", "1.", "true.0.1", "-1.0"])
def test_what_is_no_flag_is_not_taken_for_one(word: str) -> None:
    with pytest.raises(ObservationError):
        read_ssl({"SSLEnabled": "Yes", "ForceEncryption": word}, "MySQL")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param({}, "DescribeDBInstanceSSL: SSLEnabled is missing", id="nothing"),
        pytest.param(
            {"SSLEnabled": ""}, "DescribeDBInstanceSSL: SSLEnabled is missing", id="empty"
        ),
        pytest.param(
            {"SSLEnabled": "-"}, "DescribeDBInstanceSSL: SSLEnabled is missing", id="dash"
        ),
        pytest.param(
            {"SSLEnabled": None}, "DescribeDBInstanceSSL: SSLEnabled is missing", id="null"
        ),
        pytest.param(
            {"sslEnabled": "on"}, "DescribeDBInstanceSSL: SSLEnabled is missing", id="another case"
        ),
        pytest.param(
            {"SSLEnabled": "opening"},
            'SSLEnabled has the value "opening", which is not understood',
            id="an unheard word",
        ),
        pytest.param({"SSLEnabled": ["on"]}, "SSLEnabled is list, not text", id="a list"),
    ],
)
def test_an_answer_without_a_clear_ssl_enabled_is_a_failed_read_and_never_off(
    body: dict[str, object], text: str
) -> None:
    with pytest.raises(ObservationError) as caught:
        read_ssl(body, "PostgreSQL")

    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("CAType", "private"),
        ("ACL", "deny"),
        ("ReplicationACL", "deny"),
        ("ForceEncryption", "maybe"),
        ("TlsVersion", "2.0"),
        ("RequireUpdate", "soon"),
        ("SSLExpireTime", "next year"),
        ("LastModifyStatus", "thinking"),
    ],
)
def test_a_word_that_nobody_knows_is_not_taken_for_absent(field: str, value: str) -> None:
    with pytest.raises(ObservationError) as caught:
        read_ssl({"SSLEnabled": "on", field: value}, "PostgreSQL")

    assert str(caught.value) == f'{field} has the value "{value}", which is not understood'


UNDECLARED = [
    ("CAType", "private"),
    ("ACL", "deny"),
    ("ReplicationACL", "deny"),
    ("ForceEncryption", "maybe"),
    ("TlsVersion", "2.0"),
    ("RequireUpdate", "soon"),
    ("SSLExpireTime", "next year"),
    ("LastModifyStatus", "thinking"),
]


@pytest.mark.parametrize(("field", "value"), UNDECLARED)
def test_an_unknown_word_on_which_nothing_declared_rests_is_not_told_and_said(
    field: str, value: str
) -> None:
    body = {"SSLEnabled": "on", "ClientCACert": "", "ClientCertRevocationList": ""}

    observed = read_ssl({**body, field: value}, "PostgreSQL", undeclared={field})

    sentence = f'{field} has the value "{value}", which is not understood'
    assert observed.not_understood == ((field, sentence),)
    assert replace(observed, not_understood=()) == read_ssl(body, "PostgreSQL")


def test_a_list_in_place_of_a_word_on_which_nothing_declared_rests_fails_no_read() -> None:
    body = {"SSLEnabled": "off", "ForceEncryption": ["1"], "LastModifyStatus": {}}

    observed = read_ssl(body, "MySQL", undeclared={"ForceEncryption", "LastModifyStatus"})

    assert [field for field, _ in observed.not_understood] == [
        "ForceEncryption",
        "LastModifyStatus",
    ]
    assert observed.force_encryption is None


def test_one_field_that_is_not_declared_excuses_no_other() -> None:
    body = {"SSLEnabled": "on", "ACL": "deny", "ForceEncryption": "maybe"}

    with pytest.raises(ObservationError, match="ACL"):
        read_ssl(body, "PostgreSQL", undeclared={"ForceEncryption"})


@pytest.mark.parametrize("field", ["ServerCert", "ClientCACert", "ClientCertRevocationList"])
@pytest.mark.parametrize(
    "pem",
    ["no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
    ids=["another text", "broken PEM"],
)
def test_pem_that_cannot_be_read_is_a_failed_read(field: str, pem: str) -> None:
    with pytest.raises(ObservationError) as caught:
        read_ssl({"SSLEnabled": "on", field: pem}, "PostgreSQL")

    assert str(caught.value) == f"{field} is not readable PEM"


def test_pem_in_a_field_for_words_is_not_shown(leaf: Pki) -> None:
    with pytest.raises(ObservationError) as caught:
        read_ssl({"SSLEnabled": "on", "ACL": leaf.pem}, "PostgreSQL")

    assert str(caught.value) == 'ACL has the value "PEM", which is not understood'


@pytest.mark.parametrize("empty", ["", "-", " "])
@pytest.mark.parametrize(
    ("engine", "enabled", "expected"),
    [
        pytest.param("PostgreSQL", "on", (), id="PostgreSQL shows that there is none"),
        pytest.param("MySQL", "Yes", None, id="MySQL never tells"),
        pytest.param("SQLServer", "Yes", None, id="SQL Server never tells"),
        pytest.param(None, "on", (), id="on is the word of PostgreSQL"),
        pytest.param(None, "Yes", None, id="Yes is the word of the others"),
    ],
)
def test_an_empty_client_ca_is_none_where_it_would_be_shown(
    engine: str | None, enabled: str, expected: tuple[()] | None, empty: str
) -> None:
    observed = read_ssl(
        {"SSLEnabled": enabled, "ClientCACert": empty, "ClientCertRevocationList": empty}, engine
    )

    assert observed.client_ca == expected
    assert observed.revocation_list == expected


@pytest.mark.parametrize("body", [{}, {"ClientCACert": None, "ClientCertRevocationList": None}])
def test_a_client_ca_that_is_not_in_the_answer_is_unknown(body: dict[str, object]) -> None:
    observed = read_ssl({"SSLEnabled": "on", **body}, "PostgreSQL")

    assert observed.client_ca is None
    assert observed.revocation_list is None


def test_a_custom_certificate_that_mysql_does_show_is_read(leaf: Pki) -> None:
    observed = read_ssl({"SSLEnabled": "Yes", "CAType": "custom", "ServerCert": leaf.pem}, "MySQL")

    assert observed.server_certificate is not None
    assert observed.server_certificate.sha256 == leaf.sha256


def test_with_ssl_off_what_is_left_over_does_not_count(leaf: Pki) -> None:
    observed = read_ssl(
        {
            "SSLEnabled": "off",
            "ForceEncryption": "0",
            "ConnectionString": "pgm-1.pg.rds.aliyuncs.com",
            "LastModifyStatus": "success",
            "CAType": "none",
            "ServerCert": leaf.pem,
            "ClientCACert": "left over",
            "SSLExpireTime": "0000-00-00",
            "RequireUpdate": "1",
        },
        "PostgreSQL",
    )

    assert observed == Observed(
        enabled=False,
        connection_string="pgm-1.pg.rds.aliyuncs.com",
        force_encryption=False,
        last_modify_status="success",
    )


@pytest.mark.parametrize(
    ("value", "version"),
    [("1.0", "1.0"), ("1.2", "1.2"), (1, "1.0"), (1.0, "1.0"), ("TLSv1.2", "1.2"), ("-", None)],
)
def test_a_tls_version_may_be_a_number(value: object, version: str | None) -> None:
    observed = read_ssl({"SSLEnabled": "Yes", "TlsVersion": value}, "SQLServer")

    assert observed.minimum_tls_version == version


@pytest.mark.parametrize(
    "text", ["2026-10-11T08:16:43Z", "2026-10-11T08:16:43", "2026-10-11T16:16:43+08:00"]
)
def test_an_expiry_is_in_utc(text: str) -> None:
    observed = read_ssl({"SSLEnabled": "Yes", "SSLExpireTime": text}, "MySQL")

    assert observed.expire_time == datetime(2026, 10, 11, 8, 16, 43, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "required"), [("0", False), (1, True), ("Yes", True), ("No", False), ("", False)]
)
def test_a_renewal_is_required_in_every_vocabulary(value: object, *, required: bool) -> None:
    observed = read_ssl({"SSLEnabled": "on", "RequireUpdate": value}, "PostgreSQL")

    assert observed.renewal_required is required


def test_the_reason_of_the_last_change_is_cut_and_without_pem() -> None:
    text = "bad\x1b key -----BEGIN PRIVATE KEY-----\nMIIE\n"

    observed = read_ssl({"SSLEnabled": "off", "ModifyStatusReason": text}, "PostgreSQL")

    assert observed.modify_status_reason == "bad? key"


@pytest.mark.parametrize(
    "text",
    [
        "rm-1.mysql.rds.aliyuncs.com",
        "RM-1.MySQL.rds.aliyuncs.com.",
        " rm-1.mysql.rds.aliyuncs.com:3306 ",
        "rm-1.mysql.rds.aliyuncs.com.:3306",
    ],
)
def test_hosts_are_compared_without_case_port_and_trailing_dot(text: str) -> None:
    assert host_name(text) == "rm-1.mysql.rds.aliyuncs.com"


def test_an_instance_is_read_from_its_attributes() -> None:
    body = {
        "RequestId": "R",
        "Items": {
            "DBInstanceAttribute": [
                {
                    "Engine": "postgresql",
                    "EngineVersion": 14.0,
                    "Category": "HighAvailability",
                    "DBInstanceStorageType": "cloud_essd",
                    "DBInstanceStatus": "Running",
                    "ConnectionString": "PGM-1.pg.rds.aliyuncs.com",
                    "LockMode": "Unlock",
                    "LockReason": "",
                    "CurrentKernelVersion": "rds_20241130",
                    "MasterInstanceId": "-",
                    "MaintainTime": "18:00Z-22:00Z",
                    "PayType": "Postpaid",
                    "RegionId": "cn-hangzhou",
                    "DBClusterNodes": {"DBClusterNode": []},
                }
            ]
        },
    }

    assert read_attribute(body) == Instance(
        engine="PostgreSQL",
        engine_version="14.0",
        category="HighAvailability",
        storage_type="cloud_essd",
        status="Running",
        connection_string="pgm-1.pg.rds.aliyuncs.com",
        lock_mode="Unlock",
        kernel_version="rds_20241130",
        maintain_time="18:00Z-22:00Z",
        pay_type="Postpaid",
        region_id="cn-hangzhou",
    )


def test_an_engine_that_is_new_keeps_its_name() -> None:
    item = {"Engine": "DuckDB", "EngineVersion": "1", "DBInstanceStatus": "Running"}

    assert read_attribute({"Items": {"DBInstanceAttribute": [item]}}).engine == "DuckDB"


@pytest.mark.parametrize("field", ["Engine", "EngineVersion", "DBInstanceStatus"])
def test_an_instance_without_what_matters_is_a_failed_read(field: str) -> None:
    item = {"Engine": "MySQL", "EngineVersion": "8.0", "DBInstanceStatus": "Running", field: "-"}

    with pytest.raises(ObservationError) as caught:
        read_attribute({"Items": {"DBInstanceAttribute": [item]}})

    assert str(caught.value) == f"DescribeDBInstanceAttribute: {field} is missing"


@pytest.mark.parametrize(
    ("body", "empty"),
    [
        pytest.param({"Items": {"DBInstanceAttribute": []}}, True, id="an empty list"),
        pytest.param({"Items": {"DBInstanceAttribute": [{}]}}, False, id="an instance"),
        pytest.param({"Items": {"DBInstanceAttribute": ""}}, False, id="text"),
        pytest.param({"Items": {}}, False, id="no list"),
        pytest.param({}, False, id="nothing"),
    ],
)
def test_only_an_empty_list_says_that_there_is_no_instance(
    body: dict[str, object], *, empty: bool
) -> None:
    assert has_no_instance(body) is empty


@pytest.mark.parametrize(
    "body", [{}, {"Items": []}, {"Items": {"DBInstanceAttribute": [1]}}, {"Items": "x"}]
)
def test_an_answer_of_another_shape_is_a_failed_read(body: dict[str, object]) -> None:
    with pytest.raises(ObservationError, match="Items is without an instance"):
        read_attribute(body)


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "0000-00-00T00:00:00Z",
        "9" * 5_000,
    ],
)
def test_a_time_that_no_calendar_has_in_utc_is_not_understood(text: str) -> None:
    with pytest.raises(ObservationError, match="SSLExpireTime has the value"):
        read_ssl({"SSLEnabled": "Yes", "SSLExpireTime": text}, "MySQL")
