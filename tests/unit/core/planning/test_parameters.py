"""What is sent, by engine and state."""

from dataclasses import replace

import pytest

from rds_ssl.core.model import ACL, CAType, Engine
from rds_ssl.core.planning.desired import Desired, relax_step
from rds_ssl.core.planning.parameters import Material, PFXMaterial, parameters
from rds_ssl.core.planning.planner import make_plan
from rds_ssl.core.secret_text import SecretText
from support.states import (
    CLOUD,
    CUSTOM,
    DAY,
    HOST,
    KEY,
    MUTUAL,
    NOTHING,
    NOW,
    OFF,
    PAIR,
    TRUST,
    WHOLE,
    applied,
    certificate,
    mysql,
    postgresql,
)

FORCED = replace(CLOUD, force_encryption=True)
RENEWED = replace(CUSTOM, server_certificate=certificate("renewed", not_after=NOW + 180 * DAY))
AUTH = replace(MUTUAL, revocation_list=())

OBJECT = "oss-cn-hangzhou.aliyuncs.com:bucket:orders.pfx"
PFX = Material(pfx=PFXMaterial(oss_object=OBJECT, password=SecretText("open sesame")))
OWN_PFX = replace(CLOUD, ca_type=CAType.CUSTOM, pfx=OBJECT)
TLS_1_2 = replace(CLOUD, minimum_tls_version="1.2")
ON = {"ConnectionString": HOST, "SSLEnabled": "1"}
OWN = {"CAType": "custom", "ServerCert": "CHAIN", "ServerKey": SecretText(KEY)}
VENDOR = {"CAType": "aliyun"}
CLIENTS = {
    "ClientCAEnabled": "1",
    "ClientCACert": "CAS",
    "ACL": "verify-ca",
    "ReplicationACL": "verify-ca",
}
FILE = {"Certificate": OBJECT, "PassWord": SecretText("open sesame")}
LIST = {"ClientCrlEnabled": "1", "ClientCertRevocationList": "LISTS"}
ENDED = {"ConnectionString": HOST, "SSLEnabled": "0"}


@pytest.mark.parametrize(
    ("engine", "wanted", "shown", "material", "sent"),
    [
        pytest.param("PostgreSQL", CLOUD, OFF, NOTHING, ON | VENDOR, id="PostgreSQL, cloud"),
        pytest.param("PostgreSQL", CUSTOM, OFF, PAIR, ON | OWN, id="PostgreSQL, custom"),
        pytest.param("PostgreSQL", AUTH, OFF, TRUST, ON | OWN | CLIENTS, id="PostgreSQL, CA"),
        pytest.param(
            "PostgreSQL", MUTUAL, OFF, WHOLE, ON | OWN | CLIENTS | LIST, id="PostgreSQL, CA, list"
        ),
        pytest.param(
            "PostgreSQL",
            MUTUAL,
            replace(MUTUAL, acl=ACL.CERT),
            WHOLE,
            ON | OWN | CLIENTS | LIST,
            id="PostgreSQL, all of it although one field differs",
        ),
        pytest.param(
            "PostgreSQL",
            AUTH,
            MUTUAL,
            TRUST,
            ON | OWN | CLIENTS | {"ClientCrlEnabled": "0"},
            id="PostgreSQL, list off",
        ),
        pytest.param(
            "PostgreSQL",
            CUSTOM,
            MUTUAL,
            PAIR,
            ON | OWN | {"ClientCAEnabled": "0"},
            id="PostgreSQL, CA and list off, no ACL",
        ),
        pytest.param(
            "PostgreSQL",
            AUTH,
            replace(MUTUAL, client_ca=()),
            TRUST,
            ON | OWN | CLIENTS | {"ClientCrlEnabled": "0"},
            id="PostgreSQL, a list is left of an earlier CA",
        ),
        pytest.param("PostgreSQL", OFF, MUTUAL, WHOLE, ENDED, id="PostgreSQL, off"),
        pytest.param("MySQL", CLOUD, OFF, NOTHING, ON | VENDOR, id="MySQL, cloud"),
        pytest.param("MySQL", CUSTOM, CLOUD, PAIR, ON | OWN, id="MySQL, custom"),
        pytest.param(
            "MySQL", FORCED, CLOUD, NOTHING, ON | VENDOR | {"ForceEncryption": "1"}, id="forced"
        ),
        pytest.param(
            "PostgreSQL",
            FORCED,
            CLOUD,
            NOTHING,
            ON | VENDOR | {"ForceEncryption": "1"},
            id="forced on PostgreSQL",
        ),
        pytest.param(
            "MySQL", CLOUD, FORCED, NOTHING, ON | VENDOR | {"ForceEncryption": "0"}, id="unforced"
        ),
        pytest.param("MySQL", OFF, CLOUD, NOTHING, ENDED, id="MySQL, off"),
        pytest.param(
            "MySQL", OFF, FORCED, NOTHING, ENDED | {"ForceEncryption": "0"}, id="MySQL, forced off"
        ),
        pytest.param("SQLServer", CLOUD, OFF, NOTHING, ON, id="SQL Server"),
        pytest.param(
            "SQLServer",
            FORCED,
            OFF,
            NOTHING,
            ON | {"ForceEncryption": "1"},
            id="SQL Server, forced",
        ),
        pytest.param("SQLServer", OWN_PFX, OFF, PFX, ON | FILE, id="SQL Server, PFX"),
        pytest.param("SQLServer", OWN_PFX, CLOUD, PFX, ON | FILE, id="SQL Server, cloud to PFX"),
        pytest.param(
            "SQLServer", TLS_1_2, CLOUD, NOTHING, ON | {"TlsVersion": "1.2"}, id="TLS minimum"
        ),
        pytest.param("SQLServer", OFF, TLS_1_2, NOTHING, ENDED, id="SQL Server, off"),
        pytest.param(
            "PostgreSQL",
            relax_step(CUSTOM, postgresql(MUTUAL)) or OFF,
            MUTUAL,
            WHOLE,
            ON | OWN | CLIENTS | LIST | {"ACL": "prefer", "ReplicationACL": "prefer"},
            id="PostgreSQL, the first step of a removal",
        ),
    ],
)
def test_the_whole_state_is_sent_in_the_words_of_the_engine(
    engine: str,
    wanted: Desired,
    shown: Desired,
    material: Material,
    sent: dict[str, str | SecretText],
) -> None:
    seen = postgresql(shown) if engine == Engine.POSTGRESQL else mysql(shown)

    assert parameters(wanted, seen, material, engine=engine) == sent


def test_a_tls_version_that_is_not_managed_is_sent_as_it_is() -> None:
    shown = replace(mysql(CLOUD), minimum_tls_version="1.2")

    assert parameters(FORCED, shown, NOTHING, engine="SQLServer")["TlsVersion"] == "1.2"
    assert "TlsVersion" not in parameters(FORCED, shown, NOTHING, engine="MySQL")
    assert "TlsVersion" not in parameters(OFF, shown, NOTHING, engine="SQLServer")


def test_encryption_that_is_forced_out_of_sight_is_turned_off_by_the_plan_that_knows() -> None:
    shown = replace(mysql(FORCED), force_encryption=None)
    found = make_plan(
        CLOUD, shown, engine=Engine.MYSQL, uid="uid", applied=applied(FORCED), operation=None
    )

    sent = parameters(CLOUD, shown, NOTHING, engine="MySQL", comparison=found.comparison)

    assert sent["ForceEncryption"] == "0"
    assert "ForceEncryption" not in parameters(CLOUD, shown, NOTHING, engine="MySQL")


@pytest.mark.parametrize(
    ("engine", "wanted", "material"),
    [
        pytest.param("PostgreSQL", CUSTOM, NOTHING, id="no pair"),
        pytest.param("PostgreSQL", RENEWED, PAIR, id="another pair"),
        pytest.param("PostgreSQL", CLOUD, PAIR, id="a pair too many"),
        pytest.param("PostgreSQL", AUTH, PAIR, id="no CA"),
        pytest.param("PostgreSQL", CUSTOM, TRUST, id="a CA too many"),
        pytest.param("PostgreSQL", MUTUAL, TRUST, id="no list"),
        pytest.param("PostgreSQL", AUTH, WHOLE, id="a list too many"),
        pytest.param("MySQL", MUTUAL, WHOLE, id="client authentication on MySQL"),
        pytest.param("SQLServer", CUSTOM, PAIR, id="PEM on SQL Server"),
        pytest.param("SQLServer", OWN_PFX, NOTHING, id="no password"),
        pytest.param("SQLServer", replace(OWN_PFX, pfx="other"), PFX, id="another file"),
        pytest.param("SQLServer", CLOUD, PFX, id="a file too many"),
        pytest.param("MySQL", OWN_PFX, PFX, id="PFX on MySQL"),
        pytest.param("MySQL", TLS_1_2, NOTHING, id="TLS minimum on MySQL"),
    ],
)
def test_less_than_the_whole_state_is_never_sent(
    engine: str, wanted: Desired, material: Material
) -> None:
    with pytest.raises(ValueError, match=r"not that of the plan|has no parameter"):
        parameters(wanted, postgresql(OFF), material, engine=engine)


def test_the_private_key_is_in_one_parameter_only_and_shown_nowhere() -> None:
    found = make_plan(
        MUTUAL, postgresql(OFF), engine="PostgreSQL", uid="uid", applied=None, operation=None
    ).plan
    assert found is not None
    sent = parameters(MUTUAL, postgresql(OFF), WHOLE, engine="PostgreSQL")

    assert [name for name, value in sent.items() if isinstance(value, SecretText)] == ["ServerKey"]
    assert KEY not in f"{sent} {found} {found.summary} {WHOLE}"


def test_a_renewal_on_sql_server_is_sent_as_an_update_and_as_a_plain_one_after_that() -> None:
    wanted = replace(CLOUD, renews=NOW + 10 * DAY)

    for update, value in ((True, "2"), (False, "1")):
        sent = parameters(wanted, mysql(CLOUD), NOTHING, engine="SQLServer", update=update)
        assert sent == {"ConnectionString": HOST, "SSLEnabled": value}


def test_the_password_of_a_pfx_file_is_shown_nowhere_and_is_part_of_no_digest() -> None:
    other = replace(PFX, pfx=PFXMaterial(oss_object=OBJECT, password=SecretText("another one")))

    assert "sesame" not in f"{PFX} {OWN_PFX} {OWN_PFX.digest}"
    for material in (PFX, other):
        assert parameters(OWN_PFX, mysql(OFF), material, engine="SQLServer")["Certificate"]
