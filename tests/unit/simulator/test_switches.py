"""Both values of every switch, seen from a client."""

import pytest

from rds_simulator.config import SWITCH_VALUES
from support import pki
from support.simulator import InProcess


def switch(rds: InProcess, **values: str) -> None:
    rds.config(switches={name.replace("_", "-"): value for name, value in values.items()})


def enable(rds: InProcess, instance_id: str = "pg", **parameters: str) -> None:
    assert rds.modify(instance_id, **parameters).status_code == 200
    rds.advance(60)


def code(rds: InProcess, instance_id: str = "pg", **parameters: str) -> str:
    return str(rds.modify(instance_id, **parameters).json().get("Code", "OK"))


@pytest.mark.parametrize(("value", "same"), [("reissues", False), ("nothing", True)])
def test_enabling_again_issues_a_new_cloud_certificate_or_changes_nothing(
    rds: InProcess, value: str, *, same: bool
) -> None:
    switch(rds, enable_again=value)
    enable(rds)
    first = rds.instance("pg")

    enable(rds)

    second = rds.instance("pg")
    assert (second["ssl"]["server_sha256"] == first["ssl"]["server_sha256"]) is same
    assert (second["restarts"] == first["restarts"]) is same
    assert second["accepted"] == 2


@pytest.mark.parametrize(("value", "restarts"), [("every-call", 2), ("semantic-changes", 1)])
def test_a_renewal_on_mysql_8_0_restarts_or_not(rds: InProcess, value: str, restarts: int) -> None:
    switch(rds, restart=value)
    enable(rds, "my")

    enable(rds, "my")

    assert rds.instance("my")["restarts"] == restarts


@pytest.mark.parametrize(
    ("value", "ca_type", "acl"), [("resets", "aliyun", "prefer"), ("keeps", "custom", "cert")]
)
def test_an_omitted_parameter_resets_or_is_kept(
    rds: InProcess,
    custom: dict[str, str],
    client_ca: dict[str, str],
    *,
    value: str,
    ca_type: str,
    acl: str,
) -> None:
    switch(rds, omitted=value, drop_ca_under_acl="accepted")
    enable(rds, **custom, **client_ca, ACL="cert")

    enable(rds)

    ssl = rds.instance("pg")["ssl"]
    assert (ssl["ca_type"], ssl["acl"]) == (ca_type, acl)
    assert bool(ssl["client_ca_sha256"]) is (value == "keeps")


@pytest.mark.parametrize(
    ("value", "expected"), [("refused", "InvalidACL.Permission"), ("ignored", "OK")]
)
def test_an_acl_without_a_ca_is_refused_or_ignored(
    rds: InProcess, value: str, expected: str
) -> None:
    switch(rds, acl_without_ca=value)

    answer = code(rds, ACL="cert")

    rds.advance(60)
    assert answer == expected
    assert rds.instance("pg")["ssl"]["acl"] == "prefer"


@pytest.mark.parametrize(
    ("value", "expected"), [("accepted", "OK"), ("refused", "IncorrectDBSslStatus")]
)
def test_ssl_off_with_a_client_ca_is_accepted_or_refused(
    rds: InProcess, client_ca: dict[str, str], value: str, expected: str
) -> None:
    switch(rds, off_with_ca=value)
    enable(rds, **client_ca)

    assert code(rds, SSLEnabled="0") == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("refused", "IncorrectDBSslStatus"), ("accepted", "OK")]
)
def test_ssl_off_under_forced_encryption_is_refused_or_accepted(
    rds: InProcess, value: str, expected: str
) -> None:
    switch(rds, off_under_force=value)
    enable(rds, "my", ForceEncryption="1")

    assert code(rds, "my", SSLEnabled="0") == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("refused", "IncorrectDBSslStatus"), ("accepted", "OK")]
)
def test_a_ca_that_an_acl_needs_is_dropped_or_not(
    rds: InProcess, client_ca: dict[str, str], value: str, expected: str
) -> None:
    switch(rds, drop_ca_under_acl=value)
    enable(rds, **client_ca, ACL="cert")

    assert code(rds, ClientCAEnabled="0") == expected


@pytest.mark.parametrize(
    ("value", "expected", "accepted"),
    [("accepted", "OK", 2), ("refused", "IncorrectDBSslStatus", 1)],
)
def test_a_second_call_before_the_first_shows_is_accepted_or_refused(
    rds: InProcess, value: str, expected: str, accepted: int
) -> None:
    switch(rds, call_in_window=value)
    rds.modify("pg")

    answer = code(rds)

    assert answer == expected
    assert rds.instance("pg")["accepted"] == accepted


@pytest.mark.parametrize(
    ("value", "echo"),
    [
        ("no", {}),
        ("yes", {"CAType": "custom", "ServerCert": True, "ServerKey": True}),
    ],
)
def test_a_custom_certificate_is_shown_on_mysql_or_not(
    rds: InProcess, custom: dict[str, str], value: str, echo: dict[str, object]
) -> None:
    switch(rds, echo_custom_mysql=value)
    enable(rds, "my", **custom)

    shown = rds.describe("my")

    assert {
        name: shown[name] if name == "CAType" else bool(shown[name])
        for name in ("CAType", "ServerCert", "ServerKey")
        if name in shown
    } == echo


@pytest.mark.parametrize(("value", "blocks"), [("no", 1), ("yes", 2)])
def test_the_chain_is_shown_or_the_leaf_alone(
    rds: InProcess, custom: dict[str, str], value: str, blocks: int
) -> None:
    switch(rds, echo_chain=value)
    enable(rds, **custom)

    assert rds.describe("pg")["ServerCert"].count("BEGIN CERTIFICATE") == blocks


@pytest.mark.parametrize(("value", "present"), [("yes", True), ("no", False)])
def test_the_endpoint_and_forced_encryption_are_shown_or_not(
    rds: InProcess, value: str, *, present: bool
) -> None:
    switch(rds, echo_connection_string=value, echo_force_encryption=value)
    enable(rds, "my")

    shown = rds.describe("my")

    assert ("ConnectionString" in shown) is present
    assert ("ForceEncryption" in shown) is present


@pytest.mark.parametrize(("value", "as_sent"), [("yes", False), ("no", True)])
def test_pem_is_shown_re_encoded_or_as_it_was_sent(
    rds: InProcess, root: pki.Authority, value: str, *, as_sent: bool
) -> None:
    switch(rds, reformat_pem=value)
    sent = "# our CA\n" + root.pem.decode().replace("\n", "\r\n")
    enable(rds, ClientCAEnabled="1", ClientCACert=sent)

    shown = rds.describe("pg")["ClientCACert"]

    assert (shown == sent) is as_sent
    assert as_sent or shown == root.pem.decode().strip()


@pytest.mark.parametrize(("value", "used"), [("all", 2), ("first", 1)])
def test_of_several_revocation_lists_all_or_the_first_are_used(
    rds: InProcess, root: pki.Authority, value: str, used: int
) -> None:
    switch(rds, crl_blocks=value)
    other = pki.make_root("Another root")
    enable(
        rds,
        ClientCAEnabled="1",
        ClientCACert=(root.pem + other.pem).decode(),
        ClientCrlEnabled="1",
        ClientCertRevocationList=(root.revocation_list() + other.revocation_list()).decode(),
    )

    shown = rds.describe("pg")["ClientCertRevocationList"]

    assert shown.count("BEGIN X509 CRL") == used
    assert len(rds.instance("pg")["ssl"]["crl_sha256"]) == used


@pytest.mark.parametrize(("value", "enabled"), [("old", "off"), ("new", "on")])
def test_meanwhile_the_old_or_the_new_values_are_shown(
    rds: InProcess, value: str, enabled: str
) -> None:
    switch(rds, window_values=value)

    rds.modify("pg")

    assert rds.describe("pg")["SSLEnabled"] == enabled
    assert rds.instance("pg")["ssl"]["enabled"] is False


@pytest.mark.parametrize(("value", "last"), [("yes", "success"), ("no", "setting")])
def test_the_last_verdict_lingers_in_the_window_or_not(
    rds: InProcess, value: str, last: str
) -> None:
    switch(rds, stale_last_modify=value)
    enable(rds)

    rds.modify("pg", SSLEnabled="0")

    assert rds.describe("pg")["LastModifyStatus"] == last


@pytest.mark.parametrize(("value", "status"), [("short", "SSL_MODIFYING"), ("long", "Running")])
def test_the_window_is_short_or_long(rds: InProcess, value: str, status: str) -> None:
    switch(rds, window=value)
    rds.modify("pg")

    rds.advance(0.5)

    assert rds.instance("pg")["status"] == status


def test_a_switch_of_one_instance_leaves_the_others_alone(rds: InProcess) -> None:
    rds.config(switches={"window-values": "new"}, instance="pg")
    rds.modify("pg")
    rds.modify("my")

    assert rds.describe("pg")["SSLEnabled"] == "on"
    assert rds.describe("my")["SSLEnabled"] == "No"


def test_the_first_value_of_each_switch_is_its_default(rds: InProcess) -> None:
    config = rds.config()

    assert config["switches"] == {str(name): values[0] for name, values in SWITCH_VALUES.items()}


@pytest.mark.parametrize(("value", "expected"), [("refused", "InvalidParam"), ("accepted", "OK")])
def test_encryption_is_forced_on_postgresql_or_not_and_never_shown(
    rds: InProcess, value: str, expected: str
) -> None:
    switch(rds, force_on_postgresql=value)

    answered = code(rds, ForceEncryption="1")

    rds.advance(60)
    assert answered == expected
    assert rds.instance("pg")["ssl"]["force_encryption"] is (value == "accepted")
    assert "ForceEncryption" not in rds.describe("pg")


@pytest.mark.parametrize(
    ("value", "when_off", "when_on"),
    [
        ("kept", "IncorrectDBSslStatus", "OK"),
        ("refused", "InvalidSSLStatus", "InvalidSSLStatus"),
        ("means-1", "OK", "OK"),
    ],
)
def test_ssl_enabled_that_is_left_out_keeps_what_is_is_refused_or_means_on(
    rds: InProcess, value: str, when_off: str, when_on: str
) -> None:
    """The vendor's own sample request leaves it out."""
    switch(rds, ssl_enabled_omitted=value)
    host = rds.instance("pg")["endpoints"][0]["host"]

    def modify() -> str:
        answer = rds.call("ModifyDBInstanceSSL", DBInstanceId="pg", ConnectionString=host)
        rds.advance(60)
        return str(answer.json().get("Code", "OK"))

    first = modify()
    assert rds.instance("pg")["ssl"]["enabled"] is (first == "OK")
    enable(rds)

    assert (first, modify()) == (when_off, when_on)
    assert rds.instance("pg")["ssl"]["enabled"]


@pytest.mark.parametrize("value", ["refused", "accepted"])
def test_a_mysql_of_the_basic_edition_has_ssl_or_not(rds: InProcess, value: str) -> None:
    rds.put_instance("basic", profile="mysql-8.0-basic")
    switch(rds, mysql_basic=value)

    modify = code(rds, "basic")
    describe = rds.call("DescribeDBInstanceSSL", DBInstanceId="basic").json().get("Code", "OK")

    refused = ("InvalidInstanceLevel.Malformed", "OperationDenied.DBInstanceType")
    assert (modify, describe) == (refused if value == "refused" else ("OK", "OK"))


@pytest.mark.parametrize(
    ("value", "expected"), [("refused", "InvalidClientCrl.Permission"), ("accepted", "OK")]
)
def test_a_list_is_turned_off_without_a_ca_or_not(
    rds: InProcess, client_ca: dict[str, str], value: str, expected: str
) -> None:
    switch(rds, crl_off_without_ca=value)
    assert code(rds, ClientCrlEnabled="0") == expected
    rds.advance(60)
    enable(rds, **client_ca)

    assert code(rds, ClientCAEnabled="0", ClientCrlEnabled="0") == expected
    assert code(rds, **client_ca, ClientCrlEnabled="0") == "OK"


@pytest.mark.parametrize(("value", "kept"), [("resets", False), ("keeps", True)])
def test_a_list_of_which_nothing_is_said_outlives_its_ca_or_not(
    rds: InProcess, client_ca: dict[str, str], crl: dict[str, str], value: str, *, kept: bool
) -> None:
    switch(rds, omitted=value)
    enable(rds, **client_ca, **crl)

    enable(rds, ClientCAEnabled="0")

    assert bool(rds.describe("pg")["ClientCertRevocationList"]) is kept
    enable(rds, **client_ca)
    assert bool(rds.instance("pg")["ssl"]["crl_sha256"]) is kept
