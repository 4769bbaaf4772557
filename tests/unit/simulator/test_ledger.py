"""The ledger: what was called, with names of parameters and values that are no secret."""

from collections import deque
from datetime import UTC, datetime

from rds_simulator.ledger import Entry, Ledger
from support.simulator import ACCESS_KEY_ID, InProcess

SSL = "DescribeDBInstanceSSL"


def test_the_ledger_has_names_and_places_but_no_secret_values(
    rds: InProcess, custom: dict[str, str]
) -> None:
    rds.modify("pg", **custom)
    rds.call(SSL, place="query", DBInstanceId="my")

    modify, describe = rds.calls()

    assert modify["values"] == {
        "CAType": "custom",
        "ConnectionString": "pg.pg.rds.aliyuncs.com",
        "SSLEnabled": "1",
    }
    assert modify["parameters"] == [
        "CAType",
        "ConnectionString",
        "DBInstanceId",
        "SSLEnabled",
        "ServerCert",
        "ServerKey",
    ]
    assert (modify["place"], modify["key_in_url"], modify["accepted"]) == ("body", False, True)
    assert (describe["place"], describe["instance"]) == ("query", "my")
    assert describe["access_key"] == ACCESS_KEY_ID
    assert "BEGIN" not in str(rds.calls())


def test_the_ledger_keeps_what_was_set_of_refused_calls_too(
    rds: InProcess, client_ca: dict[str, str], crl: dict[str, str]
) -> None:
    rds.put_instance("ms", profile="sqlserver-2019")
    flags = {"ACL": "odd", "ReplicationACL": "cert", "ForceEncryption": "1"}
    rds.modify("pg", **client_ca, **crl, **flags)
    pfx = {"Certificate": "oss-cn-hangzhou.aliyuncs.com:b:f.pfx", "TlsVersion": "1.2"}
    rds.modify("ms", **pfx, PassWord="hunter2")

    postgresql, sqlserver = rds.calls()

    common = {"SSLEnabled": "1"}
    assert postgresql["accepted"] is False
    assert postgresql["values"] == {
        **common,
        **flags,
        "ConnectionString": "pg.pg.rds.aliyuncs.com",
        "ClientCAEnabled": "1",
        "ClientCrlEnabled": "1",
    }
    assert sqlserver["accepted"] is True
    assert sqlserver["values"] == {
        **common,
        **pfx,
        "ConnectionString": "ms.sqlserver.rds.aliyuncs.com",
    }
    assert "BEGIN" not in str(rds.calls())
    assert "hunter2" not in str(rds.calls())


def test_a_key_under_a_wrong_name_is_not_kept(rds: InProcess, custom: dict[str, str]) -> None:
    rds.modify("pg", CAType=custom["ServerKey"], ACL="x" * 9999)

    (call,) = rds.calls()

    assert call["values"]["CAType"] == "(PEM)"
    assert call["values"]["ACL"] == "x" * 300


def test_a_key_in_a_url_is_flagged(rds: InProcess, custom: dict[str, str]) -> None:
    rds.call(
        "ModifyDBInstanceSSL",
        place="query",
        DBInstanceId="pg",
        ConnectionString="pg.pg.rds.aliyuncs.com",
        SSLEnabled="1",
        **custom,
    )

    assert rds.calls()[-1]["key_in_url"] is True
    assert rds.stats()["keys_in_url"] == 1


def test_the_ledger_is_narrowed_and_forgotten(rds: InProcess) -> None:
    rds.modify("pg")
    rds.describe("pg")
    rds.describe("my")

    assert len(rds.calls(instance="pg")) == 2
    assert len(rds.calls(action=SSL)) == 2
    assert len(rds.calls(since="2")) == 1
    rds.clear_calls()
    assert rds.calls() == []
    assert rds.stats()["calls"] == 0


def test_the_ledger_is_read_on_from_where_it_was_left(rds: InProcess) -> None:
    rds.modify("pg")
    _, number = rds.calls_since(0)
    rds.modify("pg", ACL="odd")
    rds.describe("pg")
    rds.modify("my")

    added, last = rds.calls_since(number)
    accepted, _ = rds.calls_since(number, accepted="true")

    assert [call["instance"] for call in added] == ["pg", "pg", "my"]
    assert [(call["instance"], call["time"]) for call in accepted] == [("my", rds.now.isoformat())]
    assert rds.calls_since(last) == rds.calls_since(10**30) == ([], last)


def test_an_entry_keeps_its_number_when_older_ones_are_dropped() -> None:
    ledger = Ledger()
    ledger.entries = deque(maxlen=2)
    now = datetime(2026, 1, 2, tzinfo=UTC)
    for number in range(5):
        ledger.record(entry(f"pg-{number}", now), now)

    assert ledger.next == 5
    assert [each.instance for each in ledger.since(4)] == ["pg-4"]
    assert [each.instance for each in ledger.since(0)] == ["pg-3", "pg-4"]


def entry(instance: str, at: datetime) -> Entry:
    return Entry(
        time=at,
        action=SSL,
        instance=instance,
        access_key=ACCESS_KEY_ID,
        query_parameters=(),
        body_parameters=(),
        values={},
        status=200,
        code="OK",
        key_in_url=False,
        accepted=False,
    )


def test_the_counters_tell_codes_restarts_and_rates(rds: InProcess) -> None:
    rds.modify("pg")
    for _ in range(3):
        rds.describe("pg")
    rds.advance(1)
    rds.call(SSL, DBInstanceId="no")
    rds.advance(60)

    stats = rds.stats()

    assert stats["actions"] == {
        "ModifyDBInstanceSSL": {"OK": 1},
        SSL: {"OK": 3, "InvalidDBInstanceId.NotFound": 1},
    }
    assert stats["restarts"] == {"pg": 1, "my": 0}
    assert stats["accepted"] == {"pg": 1, "my": 0}
    assert stats["highest_rate"] == {ACCESS_KEY_ID: 4}
