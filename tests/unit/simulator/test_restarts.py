"""
What restarts an instance, and what renews its certificate: table 4.1 of the API notes, row by row.

The table holds with the switch ``restart`` at ``semantic-changes``; by default every call restarts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from support import pki
from support.simulator import InProcess

Parameters = dict[str, str]

OFF = {"SSLEnabled": "0"}
CLOUD: Parameters = {}
CUSTOM = {"CAType": "custom", "ServerCert": "A", "ServerKey": "A"}
OTHER_CUSTOM = {"CAType": "custom", "ServerCert": "B", "ServerKey": "B"}
CLIENT_CA = {"ClientCAEnabled": "1", "ClientCACert": "A"}
OTHER_CA = {"ClientCAEnabled": "1", "ClientCACert": "B"}
BOTH_CAS = {"ClientCAEnabled": "1", "ClientCACert": "AB"}
CRL = {"ClientCrlEnabled": "1", "ClientCertRevocationList": "A"}
OTHER_CRL = {"ClientCrlEnabled": "1", "ClientCertRevocationList": "B"}
PFX = {"Certificate": "oss-cn-hangzhou.aliyuncs.com:bucket:ms.pfx", "PassWord": "secret"}
PUBLIC = {"ConnectionString": "x-public"}
FORCE = {"ForceEncryption": "1"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A cell of the table: a change, and whether it restarts."""

    name: str
    profile: str
    change: Parameters
    restarts: bool
    before: Parameters | None = field(default_factory=dict)
    """None: SSL is off."""


def rows() -> Iterator[Row]:
    """Give the table."""
    mysql = ("mysql-5.6", "mysql-5.7", "mysql-8.0", "mysql-8.4")
    for profile in (*mysql, "postgresql-14", "sqlserver-2019"):
        yield Row(name="enable", profile=profile, before=None, change=CLOUD, restarts=True)
        yield Row(name="disable", profile=profile, change=OFF, restarts=True)
        yield Row(name="endpoint", profile=profile, change=PUBLIC, restarts=True)
        # 8.4 is not in the documents: as most of its kin.
        again = profile != "mysql-8.0"
        yield Row(name="renew", profile=profile, change=CLOUD, restarts=again)
    yield Row(
        name="renew with 2",
        profile="sqlserver-2019",
        change={"SSLEnabled": "2"},
        restarts=True,
    )
    for profile in (*mysql, "postgresql-14"):
        yield Row(name="to custom", profile=profile, change=CUSTOM, restarts=True)
        yield Row(name="custom", profile=profile, before=CUSTOM, change=OTHER_CUSTOM, restarts=True)
        yield Row(name="to cloud", profile=profile, before=CUSTOM, change=CLOUD, restarts=True)
    for name, before, change in (
        ("to PFX", CLOUD, PFX),
        ("PFX", PFX, {**PFX, "Certificate": "oss-cn-hangzhou.aliyuncs.com:bucket:new.pfx"}),
        ("PFX of the same name", PFX, PFX),
        ("to cloud", PFX, CLOUD),
    ):
        yield Row(name=name, profile="sqlserver-2019", before=before, change=change, restarts=True)
    both = {**CUSTOM, **BOTH_CAS}
    for name, before, change, restarts in (
        ("client CA", CUSTOM, {**CUSTOM, **CLIENT_CA}, True),
        ("other client CA", {**CUSTOM, **CLIENT_CA}, {**CUSTOM, **OTHER_CA}, True),
        ("no client CA", {**CUSTOM, **CLIENT_CA}, CUSTOM, True),
        ("CRL", both, {**both, **CRL}, True),
        ("other CRL", {**both, **CRL}, {**both, **OTHER_CRL}, True),
        ("ACL", both, {**both, "ACL": "cert"}, False),
        ("ReplicationACL", both, {**both, "ReplicationACL": "cert"}, False),
        ("nothing", both, both, False),
        ("ACL and CRL", both, {**both, **CRL, "ACL": "cert"}, True),
    ):
        yield Row(
            name=name, profile="postgresql-14", before=before, change=change, restarts=restarts
        )
    # Not in the table: no document says that these do without.
    for profile in (*mysql[1:], "sqlserver-2019"):
        yield Row(name="force", profile=profile, change=FORCE, restarts=True)
    yield Row(name="TLS", profile="sqlserver-2019", change={"TlsVersion": "1.2"}, restarts=True)


@pytest.fixture(scope="module")
def material(root: pki.Authority) -> dict[str, dict[str, str]]:
    """By parameter: what ``A`` and ``B`` stand for."""
    other = pki.make_root("Another root")
    leaves = {name: root.leaf("x.example") for name in "AB"}
    return {
        "ServerCert": {name: leaf.pem.decode() for name, leaf in leaves.items()},
        "ServerKey": {name: leaf.key_pem().decode() for name, leaf in leaves.items()},
        "ClientCACert": {
            "A": root.pem.decode(),
            "B": other.pem.decode(),
            "AB": (root.pem + other.pem).decode(),
        },
        "ClientCertRevocationList": {
            "A": root.revocation_list().decode(),
            "B": other.revocation_list().decode(),
        },
    }


class Story:
    """One instance, ``x``, that is changed and looked at."""

    def __init__(
        self, rds: InProcess, profile: str, material: dict[str, dict[str, str]], **switches: str
    ) -> None:
        self.rds, self._material = rds, material
        rds.put_instance("x", profile=profile)
        rds.config(switches={name.replace("_", "-"): value for name, value in switches.items()})

    def send(self, parameters: Parameters) -> str:
        """Call, and give the code."""
        given = {
            name: self._material[name][value] if name in self._material else value
            for name, value in parameters.items()
        }
        if given.get("ConnectionString") == "x-public":
            given["ConnectionString"] = self.rds.instance("x")["endpoints"][1]["host"]
        return str(self.rds.modify("x", **given).json().get("Code", "OK"))

    def change(self, parameters: Parameters) -> int:
        """Call, wait for the end, and give the restarts that it took."""
        before = self.rds.instance("x")
        assert self.send(parameters) == "OK"
        self.rds.advance(60)
        after = self.rds.instance("x")
        assert after["accepted"] == before["accepted"] + 1
        assert after["change"] is None
        return int(after["restarts"] - before["restarts"])


def begin(rds: InProcess, row: Row, material: dict[str, dict[str, str]], **switches: str) -> Story:
    """Bring an instance to where the change of a row starts."""
    story = Story(rds, row.profile, material, **switches)
    if row.before is not None:
        story.change(row.before)
    return story


ALL = [pytest.param(row, id=f"4.1 {row.profile} {row.name}") for row in rows()]


@pytest.mark.parametrize("row", ALL)
def test_what_restarts_is_what_the_table_says(
    rds: InProcess, material: dict[str, dict[str, str]], row: Row
) -> None:
    story = begin(rds, row, material, restart="semantic-changes")

    assert story.change(row.change) == int(row.restarts)


@pytest.mark.parametrize("row", ALL)
def test_by_default_every_accepted_call_restarts(
    rds: InProcess, material: dict[str, dict[str, str]], row: Row
) -> None:
    story = begin(rds, row, material)

    assert story.change(row.change) == 1


def test_a_change_of_acls_takes_its_own_time_and_lets_nothing_else_in(
    rds: InProcess, material: dict[str, dict[str, str]]
) -> None:
    """4.1 PostgreSQL ACL: about a minute, no other operation possible meanwhile."""
    story = Story(rds, "postgresql-14", material, restart="semantic-changes")
    story.change({**CUSTOM, **CLIENT_CA})
    rds.config(durations={"acl": 60, "change": 5})

    story.send({**CUSTOM, **CLIENT_CA, "ACL": "cert"})
    rds.advance(50)
    meanwhile = story.send({**CUSTOM, **CLIENT_CA, "ACL": "verify-ca"})
    busy = rds.instance("x")
    rds.advance(11)

    after = rds.instance("x")
    assert meanwhile == "OperationDenied.DBInstanceStatus"
    assert (busy["status"], busy["ssl"]["acl"]) == ("SSL_MODIFYING", "prefer")
    assert (after["status"], after["ssl"]["acl"]) == ("Running", "cert")
    assert after["restarts"] == 1


@pytest.mark.parametrize(("value", "restarts"), [("reissues", 1), ("nothing", 0)])
def test_a_change_of_acls_next_to_a_cloud_certificate_restarts_if_that_is_issued_again(
    rds: InProcess, material: dict[str, dict[str, str]], value: str, restarts: int
) -> None:
    """4.1 PostgreSQL ACL: a call for it cannot leave out SSLEnabled=1."""
    story = Story(rds, "postgresql-14", material, restart="semantic-changes", enable_again=value)
    story.change(CLIENT_CA)

    assert story.change({**CLIENT_CA, "ACL": "cert"}) == restarts


@pytest.mark.parametrize("profile", ["mysql-8.0", "mysql-5.7", "sqlserver-2019", "postgresql-14"])
@pytest.mark.parametrize(("value", "later"), [("reissues", True), ("nothing", False)])
def test_the_same_call_again_renews_a_cloud_certificate_or_does_nothing(
    rds: InProcess, material: dict[str, dict[str, str]], profile: str, value: str, *, later: bool
) -> None:
    """4.1 renew cert."""
    story = Story(rds, profile, material, enable_again=value)
    story.change(CLOUD)
    first = rds.describe("x")["SSLExpireTime"]
    rds.advance(340 * 86400)
    needs = rds.describe("x")["RequireUpdate"]

    story.change(CLOUD)

    renewed = rds.describe("x")
    assert needs in {"Yes", "1"}
    assert (renewed["SSLExpireTime"] > first) is later
    assert (renewed["RequireUpdate"] == needs) is not later
    assert rds.instance("x")["ssl"]["enabled"] is True


def test_the_vendor_renews_a_certificate_without_a_call_and_without_a_restart(
    rds: InProcess, material: dict[str, dict[str, str]]
) -> None:
    """4.1 PostgreSQL renew cert: by the vendor."""
    story = Story(rds, "postgresql-14", material)
    story.change(CLOUD)
    rds.advance(360 * 86400)

    found = rds.instance("x")

    assert [event["what"] for event in found["events"]][-1] == "renewed-by-vendor"
    assert (found["accepted"], found["restarts"]) == (1, 1)
