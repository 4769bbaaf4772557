"""The admin interface: instances behind the operator's back, faults, ledger, clock, settings."""

import httpx
import pytest

from support import pki
from support.simulator import ACCESS_KEY_ID, InProcess

SSL = "DescribeDBInstanceSSL"


def test_ssl_can_be_switched_on_behind_everybodys_back(rds: InProcess) -> None:
    rds.patch_instance("pg", ssl={"enabled": True})

    truth = rds.instance("pg")
    assert rds.describe("pg")["SSLEnabled"] == "on"
    assert truth["ssl"]["connection_string"] == "pg.pg.rds.aliyuncs.com"
    assert (truth["accepted"], truth["restarts"]) == (0, 0)


def test_given_material_is_put_in_force_and_never_shown_with_its_key(
    rds: InProcess, root: pki.Authority
) -> None:
    leaf = root.leaf("pg.pg.rds.aliyuncs.com")

    shown = rds.patch_instance(
        "pg",
        ssl={
            "enabled": True,
            "server_cert": leaf.chain_pem.decode(),
            "server_key": leaf.key_pem().decode(),
            "client_ca": root.pem.decode(),
            "crl": root.revocation_list().decode(),
            "acl": "cert",
        },
    )

    assert shown["ssl"]["ca_type"] == "custom"
    assert shown["ssl"]["server_sha256"] == leaf.sha256
    assert shown["ssl"]["client_ca_sha256"] == [root.sha256]
    assert len(shown["ssl"]["crl_sha256"]) == 1
    assert "PRIVATE KEY" not in str(shown)


def test_settings_are_changed_one_by_one(rds: InProcess, root: pki.Authority) -> None:
    rds.patch_instance("pg", ssl={"enabled": True, "client_ca": root.pem.decode(), "acl": "cert"})
    before = rds.instance("pg")["ssl"]

    rds.patch_instance("pg", ssl={"client_ca": "", "acl": "prefer"})

    after = rds.instance("pg")["ssl"]
    assert after["client_ca_sha256"] == []
    assert after["server_sha256"] == before["server_sha256"]


def test_a_cloud_certificate_is_renewed_on_demand(rds: InProcess) -> None:
    first = rds.patch_instance("pg", ssl={"enabled": True})["ssl"]
    rds.clock(advance=86400)

    second = rds.patch_instance("pg", ssl={"renew": True})["ssl"]

    assert second["server_sha256"] != first["server_sha256"]
    assert second["expire_time"] > first["expire_time"]


def test_status_lock_profile_and_endpoints_are_changed(rds: InProcess) -> None:
    changed = rds.patch_instance(
        "pg",
        status="Stopped",
        lock_mode="ManualLock",
        profile="postgresql-14-local-ssd",
        connection_string="Orders.example",
        public_connection_string="",
    )

    assert (changed["status"], changed["lock_mode"]) == ("Stopped", "ManualLock")
    assert changed["profile"] == "postgresql-14-local-ssd"
    assert [each["host"] for each in changed["endpoints"]] == [
        "orders.example",
        "pg-rw.pg.rds.aliyuncs.com",
    ]


def test_a_deleted_instance_is_gone(rds: InProcess) -> None:
    rds.delete_instance("pg")

    assert rds.call(SSL, DBInstanceId="pg").json()["Code"] == "InvalidDBInstanceId.NotFound"
    with pytest.raises(httpx.HTTPStatusError, match="no instances pg"):
        rds.instance("pg")


@pytest.mark.parametrize(
    ("method", "path", "body", "text"),
    [
        ("PUT", "instances/x", {"profile": "oracle"}, "no profile oracle"),
        ("PUT", "instances/x", {"profile": "mysql-8.0", "colour": "red"}, "colour"),
        ("PATCH", "instances/pg", {"ssl": {"enabled": True, "client_ca": "x"}}, "CERTIFICATE"),
        ("PUT", "config", {"switches": {"wind": "old"}}, "window-values"),
        ("PUT", "config", {"switches": {"window-values": "odd"}}, "window-values"),
        ("PUT", "config", {"durations": {"windy": 1}}, "auto-renewal"),
        ("PUT", "config", {"latency": -1}, "latency"),
        ("POST", "faults", {"fault": {"kind": "earthquake"}}, "reset-before"),
        ("POST", "faults", {"fault": {}}, "kind or a code"),
        ("PUT", "clock", {"now": "2026-01-01T00:00:00"}, "timezone"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_with_what_would(
    rds: InProcess, method: str, path: str, body: dict[str, object], text: str
) -> None:
    with pytest.raises(httpx.HTTPStatusError, match=text) as raised:
        rds.admin(method, path, body)

    assert raised.value.response.status_code == 400


def test_a_path_that_does_not_exist_is_404(rds: InProcess) -> None:
    with pytest.raises(httpx.HTTPStatusError) as raised:
        rds.admin("GET", "weather")

    assert raised.value.response.status_code == 404


def test_a_body_that_does_not_fit_is_not_quoted(rds: InProcess) -> None:
    with pytest.raises(httpx.HTTPStatusError) as raised:
        rds.admin("PUT", "access-keys/x", {"secret": ["hunter2"]})

    assert "hunter2" not in raised.value.response.text


def test_a_failed_change_is_ordered_for_the_next_accepted_call(rds: InProcess) -> None:
    rds.fault({"kind": "async-failed", "reason": "no luck"}, instance="pg")
    refused = rds.modify("pg", CAType="odd")
    accepted = rds.modify("pg")
    rds.advance(60)

    shown = rds.describe("pg")
    assert (refused.status_code, accepted.status_code) == (400, 200)
    assert shown["SSLEnabled"] == "off"
    assert (shown["LastModifyStatus"], shown["ModifyStatusReason"]) == ("failed", "no luck")


@pytest.mark.parametrize(
    ("fault", "status", "code", "accepted"),
    [
        ({"code": "InternalError", "status": 500}, 500, "InternalError", 0),
        ({"code": "InternalError", "status": 500, "after": True}, 500, "InternalError", 1),
        ({"kind": "throttle", "retry_after_ms": 1500}, 400, "Throttling.User", 0),
        ({"kind": "html"}, 502, "html", 0),
        ({"kind": "html", "after": True}, 502, "html", 1),
        ({"kind": "empty"}, 200, "empty", 0),
        ({"kind": "bare", "after": True}, 200, "bare", 1),
    ],
)
def test_a_fault_replaces_an_answer_before_or_after_the_change(
    rds: InProcess, fault: dict[str, object], status: int, code: str, accepted: int
) -> None:
    rds.fault(fault, action="ModifyDBInstanceSSL")

    first, second = rds.modify("pg"), rds.call(SSL, DBInstanceId="pg")

    entry = rds.calls(action="ModifyDBInstanceSSL")[-1]
    assert first.status_code == status
    assert (entry["status"], entry["code"], entry["accepted"]) == (status, code, accepted == 1)
    assert rds.instance("pg")["accepted"] == accepted
    assert second.status_code == 200


def test_a_throttled_answer_says_when_to_come_back(rds: InProcess) -> None:
    rds.fault({"kind": "throttle", "retry_after_ms": 1500})

    response = rds.call(SSL, DBInstanceId="pg")

    assert response.headers["x-acs-retry-after"] == "1500"


@pytest.mark.parametrize(("kind", "accepted"), [("reset-before", 0), ("reset-after", 1)])
def test_a_reset_comes_before_or_after_the_change(rds: InProcess, kind: str, accepted: int) -> None:
    rds.fault({"kind": kind})

    with pytest.raises(httpx.ReadError):
        rds.modify("pg")

    entry = rds.calls()[-1]
    assert (entry["status"], entry["code"]) == (None, kind)
    assert rds.instance("pg")["accepted"] == accepted


def test_a_delayed_answer_times_out_though_the_change_was_accepted(rds: InProcess) -> None:
    rds.fault({"kind": "delay", "seconds": 3600})

    with pytest.raises(httpx.ReadTimeout):
        rds.modify("pg")

    assert rds.instance("pg")["accepted"] == 1


def test_a_fault_is_used_up_and_can_be_taken_back(rds: InProcess) -> None:
    rds.fault({"code": "ServiceUnavailable", "status": 503}, instance="pg", times=2)
    statuses = [rds.call(SSL, DBInstanceId=name).status_code for name in ("pg", "my", "pg", "pg")]
    rds.fault({"code": "ServiceUnavailable", "status": 503}, times=9)
    rds.clear_faults()

    assert statuses == [503, 200, 503, 200]
    assert rds.call(SSL, DBInstanceId="pg").status_code == 200


def test_a_pfx_is_put_in_force_and_taken_away(rds: InProcess) -> None:
    rds.put_instance("ms", profile="sqlserver-2019")
    place = "oss-cn-hangzhou.aliyuncs.com:b:f.pfx"

    first = rds.patch_instance("ms", ssl={"enabled": True, "pfx": place})["ssl"]
    second = rds.patch_instance("ms", ssl={"force_encryption": True})["ssl"]
    third = rds.patch_instance("ms", ssl={"pfx": ""})["ssl"]

    assert (first["ca_type"], first["pfx"], first["server_sha256"]) == ("custom", place, None)
    assert second == {**first, "force_encryption": True}
    assert (third["ca_type"], third["pfx"]) == ("aliyun", "")
    assert third["server_subject"] == "CN=ms.sqlserver.rds.aliyuncs.com"


def test_the_time_is_moved_by_seconds_or_to_a_moment(rds: InProcess) -> None:
    rds.modify("pg")
    rds.clock(advance=60)
    moved = rds.instance("pg")
    rds.clock(now="2030-01-01T00:00:00Z")

    assert moved["ssl"]["enabled"] is True
    assert rds.clock()["now"] == "2030-01-01T00:00:00+00:00"


def test_a_rate_limit_throttles_one_operation_of_one_key(rds: InProcess) -> None:
    rds.config(rate_limit=2)
    codes = [rds.call(SSL, DBInstanceId="pg").json().get("Code") for _ in range(3)]
    other = rds.call("DescribeDBInstanceNetInfo", DBInstanceId="pg")
    rds.advance(1)
    later = rds.call(SSL, DBInstanceId="pg")
    rds.config(rate_limit=None)
    unlimited = [rds.call(SSL, DBInstanceId="pg").status_code for _ in range(9)]

    assert codes == [None, None, "Throttling.User"]
    assert (other.status_code, later.status_code) == (200, 200)
    assert unlimited == [200] * 9


def test_durations_are_settings(rds: InProcess) -> None:
    rds.config(durations={"window": 0, "change": 100})
    rds.modify("pg")
    rds.advance(99)
    busy = rds.instance("pg")["status"]
    rds.advance(2)

    assert busy == "SSL_MODIFYING"
    assert rds.instance("pg")["status"] == "Running"


def test_what_happened_to_an_instance_is_told_in_order(rds: InProcess) -> None:
    rds.modify("pg")
    rds.advance(60)

    happened = [event["what"] for event in rds.instance("pg")["events"]]

    assert happened == ["accepted", "restarted", "succeeded"]


def test_of_each_accepted_call_it_is_told_what_it_found_and_what_it_leads_to(
    rds: InProcess,
) -> None:
    rds.config(durations={"window": 5})
    rds.modify("pg")
    rds.advance(1)
    rds.modify("pg", SSLEnabled="0")

    found = [each for each in rds.instance("pg")["events"] if each["what"] == "accepted"]

    assert [each["before"]["enabled"] for each in found] == [False, True]
    assert [each["target"]["enabled"] for each in found] == [True, False]
    assert [each["overlaps"] for each in found] == [False, True]


def test_access_keys_are_listed_without_their_secrets_and_removed(rds: InProcess) -> None:
    rds.put_access_key("LTAI5tMore", secret="very secret", token="a token")

    listed = rds.admin("GET", "access-keys")
    rds.admin("DELETE", "access-keys/LTAI5tMore")
    gone = rds.caller("LTAI5tMore", "very secret", "a token").call(SSL, DBInstanceId="pg")

    assert [key["id"] for key in listed["access_keys"]] == [ACCESS_KEY_ID, "LTAI5tMore"]
    assert "very secret" not in str(listed)
    assert "a token" not in str(listed)
    assert gone.json()["Code"] == "InvalidAccessKeyId.NotFound"


def test_a_reset_forgets_all_but_the_access_keys(rds: InProcess) -> None:
    start = rds.config()
    rds.put_access_key("LTAI5tMore", secret="s")
    rds.config(switches={"window": "long"}, latency=1)
    rds.fault({"kind": "html"})
    rds.clock(advance=3600)
    rds.modify("pg")

    rds.reset()

    assert rds.config() == start
    assert rds.stats()["calls"] == 0
    assert rds.stats()["accepted"] == {}
    assert rds.clock()["offset"] == 0
    assert rds.caller("LTAI5tMore", "s").call(SSL, DBInstanceId="pg").status_code == 404
