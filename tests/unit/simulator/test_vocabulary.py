"""
DescribeDBInstanceSSL in the words of each engine: table 2 of the API notes, field by field.

``my`` is a MySQL 8.0, ``ms`` a SQL Server 2019, ``pg`` a PostgreSQL 14.
"""

import re
from collections.abc import Mapping

import pytest

from rds_simulator.clock import to_wire
from support.simulator import InProcess

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
PEM = r"-----BEGIN {0}-----\n[\s\S]+\n-----END {0}-----\n?"
CERTIFICATE, KEY, LIST = (PEM.format(label) for label in ("CERTIFICATE", "PRIVATE KEY", "X509 CRL"))
NONE = None
"""The engine does not have the field."""

ROWS: Mapping[str, tuple[str | None, str | None, str | None]] = {
    "RequestId": ("[0-9A-F-]{36}",) * 3,
    "SSLEnabled": ("Yes", "Yes", "on"),
    "ConnectionString": (
        "my.mysql.rds.aliyuncs.com",
        "ms.sqlserver.rds.aliyuncs.com",
        "pg.pg.rds.aliyuncs.com",
    ),
    "SSLExpireTime": (TIME, TIME, TIME),
    "SSLCreateTime": (NONE, NONE, TIME),
    "RequireUpdate": ("No", "No", "0"),
    "RequireUpdateItem": (NONE, NONE, ""),
    "RequireUpdateReason": (NONE, NONE, ""),
    "LastModifyStatus": (NONE, NONE, "success"),
    "ModifyStatusReason": (NONE, NONE, ""),
    "CAType": (NONE, NONE, "aliyun"),
    "ServerCAUrl": (NONE, NONE, "http://.+"),
    "ServerCert": (NONE, NONE, CERTIFICATE),
    "ServerKey": (NONE, NONE, KEY),
    "ClientCACert": (NONE, NONE, CERTIFICATE),
    "ClientCertRevocationList": (NONE, NONE, LIST),
    "ClientCACertExpireTime": (NONE, NONE, "-"),
    "ACL": (NONE, NONE, "cert"),
    "ReplicationACL": (NONE, NONE, "prefer"),
    "ForceEncryption": ("1", "1", NONE),
    "TlsVersion": (NONE, r"1\.2", NONE),
}
"""By field: what MySQL, SQL Server and PostgreSQL show, as a pattern."""

ENGINES = ("my", "ms", "pg")
EMPTY_WHEN_OFF = {
    "my": {"SSLExpireTime", "ConnectionString"},
    "ms": {"SSLExpireTime", "ConnectionString"},
    "pg": {
        "SSLExpireTime",
        "ConnectionString",
        "SSLCreateTime",
        "RequireUpdateItem",
        "RequireUpdateReason",
        "LastModifyStatus",
        "ModifyStatusReason",
        "CAType",
        "ServerCAUrl",
        "ServerCert",
        "ServerKey",
        "ClientCACert",
        "ClientCertRevocationList",
        "ACL",
        "ReplicationACL",
    },
}


@pytest.fixture
def all_set(engines: InProcess, client_ca: dict[str, str], crl: dict[str, str]) -> InProcess:
    """Every engine with all that it has, and certificates of the cloud."""
    of_engine = {
        "my": {"ForceEncryption": "1"},
        "ms": {"ForceEncryption": "1", "TlsVersion": "1.2"},
        "pg": {**client_ca, **crl, "ACL": "cert"},
    }
    for instance, parameters in of_engine.items():
        enable(engines, instance, **parameters)
    return engines


def enable(rds: InProcess, instance_id: str, **parameters: str) -> None:
    assert rds.modify(instance_id, **parameters).status_code == 200
    rds.advance(60)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_fields_of_an_engine_are_those_of_the_table(all_set: InProcess, engine: str) -> None:
    column = ENGINES.index(engine)

    shown = all_set.describe(engine)

    assert set(shown) == {name for name, words in ROWS.items() if words[column] is not NONE}


@pytest.mark.parametrize(
    ("engine", "name", "words"),
    [
        pytest.param(engine, name, words[column], id=f"2 {name} on {engine}")
        for name, words in ROWS.items()
        for column, engine in enumerate(ENGINES)
    ],
)
def test_a_field_is_spelled_as_the_engine_spells_it(
    all_set: InProcess, engine: str, name: str, words: str | None
) -> None:
    shown = all_set.describe(engine).get(name)

    assert (shown is None) if words is None else re.fullmatch(words, str(shown))


@pytest.mark.parametrize(("engine", "word"), [("my", "No"), ("ms", "No"), ("pg", "off")])
def test_an_engine_says_off_in_its_own_word(engines: InProcess, engine: str, word: str) -> None:
    """2 SSLEnabled."""
    assert engines.describe(engine)["SSLEnabled"] == word


@pytest.mark.parametrize(("engine", "word"), [("my", "Yes"), ("ms", "Yes"), ("pg", "1")])
def test_the_need_of_an_update_is_told_before_the_certificate_ends(
    engines: InProcess, engine: str, word: str
) -> None:
    """2 RequireUpdate, RequireUpdateItem, RequireUpdateReason."""
    accepted_at = engines.now
    enable(engines, engine)
    early = engines.describe(engine)
    engines.advance(336 * 86400)

    late = engines.describe(engine)

    assert early["RequireUpdate"] != word
    assert late["RequireUpdate"] == word
    assert to_wire(accepted_at) < to_wire(engines.now) < late["SSLExpireTime"]
    assert bool(late.get("RequireUpdateItem")) is (engine == "pg")
    assert bool(late.get("RequireUpdateReason")) is (engine == "pg")


@pytest.mark.parametrize("engine", ["my", "ms"])
def test_mysql_and_sql_server_never_tell_that_a_change_has_failed(
    engines: InProcess, engine: str
) -> None:
    """2 LastModifyStatus, ModifyStatusReason: not documented there."""
    engines.fault({"kind": "async-failed", "reason": "no luck"}, instance=engine)
    before = set(engines.describe(engine))
    engines.modify(engine)
    engines.advance(1)
    during = engines.describe(engine)
    engines.advance(60)

    after = engines.describe(engine)

    assert set(during) == set(after) == before
    assert after["SSLEnabled"] == "No"
    assert "no luck" not in str(after)


def test_postgresql_tells_what_becomes_of_a_change(engines: InProcess) -> None:
    """2 LastModifyStatus, ModifyStatusReason."""
    engines.fault({"kind": "async-failed", "reason": "no luck"}, instance="pg")
    seen = []
    for _ in range(2):
        engines.modify("pg")
        for seconds in (1, 60):
            engines.advance(seconds)
            shown = engines.describe("pg")
            seen.append((shown["LastModifyStatus"], shown["ModifyStatusReason"]))

    assert seen == [
        ("setting", "Modify DB Instance SSL Config."),
        ("failed", "no luck"),
        ("setting", "Modify DB Instance SSL Config."),
        ("success", ""),
    ]


def test_a_custom_certificate_of_postgresql_has_no_date_of_issue_and_no_url(
    engines: InProcess, custom: dict[str, str]
) -> None:
    """2 SSLCreateTime, ServerCAUrl, CAType: only the cloud's own has them."""
    enable(engines, "pg", **custom)

    shown = engines.describe("pg")

    assert (shown["CAType"], shown["SSLCreateTime"], shown["ServerCAUrl"]) == ("custom", "", "")
    assert shown["ServerKey"] == custom["ServerKey"]


def test_a_pfx_is_not_read_back_and_its_end_is_made_up(
    engines: InProcess, pfx: dict[str, str]
) -> None:
    """2 SSLExpireTime on SQL Server."""
    enable(engines, "ms")
    cloud, accepted_at = engines.describe("ms"), engines.now
    enable(engines, "ms", **pfx)

    shown = engines.describe("ms")

    assert set(shown) == set(cloud)
    assert shown["SSLExpireTime"] > cloud["SSLExpireTime"]
    assert shown["SSLExpireTime"][:4] == str(accepted_at.year + 1)
    assert not any(value in str(shown) for value in pfx.values())


@pytest.mark.parametrize(
    ("value", "force", "tls"),
    [("yes", 1, 1.2), ("no", "1", "1.2"), ("words", "true", "1.2")],
    ids=["2 numbers", "2 strings", "9 words"],
)
def test_numbers_stand_where_strings_are_documented_or_not(
    all_set: InProcess, value: str, force: object, tls: object
) -> None:
    all_set.config(switches={"numbers": value})

    shown = all_set.describe("ms")

    assert (shown["ForceEncryption"], shown["TlsVersion"]) == (force, tls)
    assert type(shown["TlsVersion"]) is type(tls)


@pytest.mark.parametrize("value", ["empty", "missing", "dash"])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_value_that_is_not_there_is_empty_missing_or_a_dash(
    engines: InProcess, engine: str, value: str
) -> None:
    every = set(engines.describe(engine))
    engines.config(switches={"absent": value})

    shown = engines.describe(engine)

    if value == "missing":
        assert every - set(shown) == EMPTY_WHEN_OFF[engine] | (every & {"ClientCACertExpireTime"})
    else:
        word = {"empty": "", "dash": "-"}[value]
        assert {shown[name] for name in EMPTY_WHEN_OFF[engine]} == {word}
        assert set(shown) == every
    assert shown["SSLEnabled"] in {"No", "off"}


@pytest.mark.parametrize(("value", "word"), [("prefer", "prefer"), ("perfer", "perfer")])
def test_the_acl_prefer_is_spelled_right_or_wrong(
    all_set: InProcess, value: str, word: str
) -> None:
    all_set.config(switches={"acl-spelling": value})

    shown = all_set.describe("pg")

    assert (shown["ACL"], shown["ReplicationACL"]) == ("cert", word)


@pytest.mark.parametrize(
    ("engine", "value", "renewed"),
    [
        ("pg", "postgresql", True),
        ("my", "postgresql", False),
        ("ms", "postgresql", False),
        ("pg", "all", True),
        ("my", "all", True),
        ("ms", "all", True),
    ],
)
def test_the_vendor_renews_the_certificates_of_postgresql_or_of_all(
    engines: InProcess, engine: str, value: str, *, renewed: bool
) -> None:
    """2 SSLExpireTime."""
    engines.config(switches={"vendor-renews": value})
    enable(engines, engine)
    first = engines.describe(engine)["SSLExpireTime"]
    engines.advance(364 * 86400)

    assert (engines.describe(engine)["SSLExpireTime"] > first) is renewed
    assert engines.instance(engine)["accepted"] == 1


def test_a_field_is_shown_with_any_value_that_is_ordered_until_it_is_taken_back(
    engines: InProcess,
) -> None:
    enable(engines, "pg")
    engines.patch_instance("pg", answers={"ACL": "deny", "RequireUpdate": 1.0})

    odd = engines.describe("pg")
    engines.patch_instance("pg", answers={})

    assert (odd["ACL"], odd["RequireUpdate"]) == ("deny", 1.0)
    assert engines.describe("pg")["ACL"] == "prefer"
