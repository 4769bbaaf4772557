"""Combinations that nobody plans: two things at once, in every spelling of the cloud."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from rds_simulator.config import SWITCH_VALUES
from rds_ssl.engine.reconcile.ports import Timings
from support import pki
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, Json, played

DAY = 86_400.0
SLOW = Timings(quiet_period=0.0, resync=DAY / 2)
FILE = "oss-cn-hangzhou.aliyuncs.com:certificates:orders-1.pfx"
RENEW = {"serverCertificate": {"renewBefore": "720h"}}
CUSTOM = {"serverCertificate": {"secretRef": {"name": "a-tls"}}}


def pfx(file: str = FILE) -> Json:
    """Give the part of a spec that names a PFX file."""
    password = {"name": "a-pfx", "key": "password"}
    return {"serverCertificate": {"pfx": {"ossObject": file, "passwordSecretKeyRef": password}}}


def expiry(world: EngineWorld) -> datetime:
    """Give the end of the certificate in force."""
    return datetime.fromisoformat(world.truth("a")["ssl"]["expire_time"])


async def until_accepted(world: EngineWorld, calls: int) -> None:
    """Wait until the cloud has accepted so many calls."""
    while world.cost("a")[0] < calls:
        await world.run(0.2)


# -- what an own change left half done, and the declaration is the old one again ------------------


@played
@pytest.mark.parametrize("profile", ["mysql-8.0", "mysql-5.7"])
async def test_a_certificate_that_a_half_done_change_left_is_not_taken_for_the_clouds(
    profile: str,
) -> None:
    """MySQL shows neither CAType nor the certificate; the end of what is in force has moved."""
    async with EngineWorld() as world:
        world.add_instance("a", profile=profile)
        world.write_pair("a")
        world.declare("a", approvalRequired=[])
        await world.run(300)
        world.rds.fault({"kind": "async-half", "claim": "success"}, action=MODIFY)
        world.edit("a", forceEncryption=True, **CUSTOM)
        await world.run(300)
        assert world.ready("a") == ("False", "NotConverging")
        assert world.truth("a")["ssl"]["ca_type"] == "custom"

        world.edit("a", forceEncryption=None, serverCertificate=None)
        await world.run(1500)

        assert world.ready("a")[0] == "True"
        assert world.truth("a")["ssl"]["ca_type"] == "aliyun"
        assert world.cost("a")[0] == 3


@played
@pytest.mark.parametrize("profile", ["mysql-8.0", "postgresql-14"])
async def test_a_change_that_is_still_at_work_when_it_is_overdue_is_not_forgotten(
    profile: str,
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile=profile)
        world.write_pair("a")
        world.declare("a", approvalRequired=[])
        await world.run(300)
        world.rds.config(durations={"change": 4000.0})
        world.edit("a", **CUSTOM)
        await world.run(2000)
        assert world.ready("a") == ("False", "ApplyTimedOut")

        world.edit("a", serverCertificate=None)
        await world.run(1000)
        assert world.ready("a")[0] == "False"
        world.rds.config(durations={"change": 2.0})
        await world.run(4000)

        assert world.ready("a")[0] == "True"
        assert world.truth("a")["ssl"]["ca_type"] == "aliyun"


# -- renewals -------------------------------------------------------------------------------------


@played
async def test_a_renewal_without_effect_is_not_repeated_after_another_change_either() -> None:
    async with EngineWorld(timings=SLOW) as world:
        world.add_instance("a", profile="mysql-5.7")
        world.rds.config(switches={"enable-again": "nothing"}, instance="pgm-a")
        world.declare("a", approvalRequired=[], **RENEW)
        await world.run(336 * DAY)
        assert world.ready("a") == ("False", "RenewalHadNoEffect")
        assert world.cost("a")[0] == 2

        world.edit("a", forceEncryption=True)
        await world.run(2 * DAY)

        assert world.truth("a")["ssl"]["force_encryption"]
        assert world.cost("a")[0] == 3


# -- endpoints ------------------------------------------------------------------------------------


@played
@pytest.mark.parametrize("crash", [False, True])
async def test_an_endpoint_that_is_not_named_any_more_while_it_is_applied_stays(
    *,
    crash: bool,
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a", approvalRequired=[])
        await world.run(300)
        world.edit("a", connectionString="pgm-a-public.pg.rds.aliyuncs.com")
        await until_accepted(world, 2)
        world.edit("a", connectionString=None)
        if crash:
            await world.restart()
        await world.run(1500)

        assert world.cost("a")[0] == 2
        assert world.ready("a")[0] == "True"


# -- removals -------------------------------------------------------------------------------------


async def mutual(world: EngineWorld, **spec: Any) -> None:  # noqa: ANN401  # JSON.
    """Bring an instance to client authentication with a revocation list."""
    world.add_instance("a")
    world.write_pair("a")
    lists = world.root.revocation_list()
    world.write("ConfigMap", "a-ca", {"ca.crt": pki.pem(world.root.certificate), "ca.crl": lists})
    reference = {"configMapKeyRef": {"name": "a-ca"}}
    clients = {"ca": reference, "revocationList": reference, "acl": "cert"}
    world.declare_custom("a", approvalRequired=[], clientAuthentication=clients, **spec)
    await world.run(300)
    assert world.ready("a")[0] == "True"


@played
@pytest.mark.parametrize("shown", ["yes", "no"])
@pytest.mark.parametrize("rotated", [False, True])
@pytest.mark.parametrize("after", [0.0, 2.5])
async def test_a_first_step_is_verified_by_the_next_process_as_well(
    shown: str, after: float, *, rotated: bool
) -> None:
    async with EngineWorld() as world:
        await mutual(world)
        world.rds.config(switches={"echo-connection-string": shown}, instance="pgm-a")
        world.edit("a", clientAuthentication=None)
        await until_accepted(world, 2)
        await world.run(after)
        if rotated:
            world.write_pair("a")
        await world.restart()
        await world.run(1500)

        assert world.ready("a")[0] == "True"
        assert not world.truth("a")["ssl"]["client_ca_sha256"]
        assert world.cost("a")[0] == 3
        results = {each["result"] for each in world.status("a")["history"]}
        assert results == {"Verified"}


# -- a whole life, in every spelling of the cloud -------------------------------------------------

SWITCHES = [(switch, value) for switch, values in SWITCH_VALUES.items() for value in values[1:]]
PUBLIC = "pgm-a-public.pg.rds.aliyuncs.com"


def clients(**others: str) -> Json:
    """Give a block of client authentication."""
    reference = {"configMapKeyRef": {"name": "a-ca"}}
    return {"clientAuthentication": {"ca": reference, "revocationList": None, **others}}


def write_trust(world: EngineWorld, root: pki.Authority) -> None:
    """Write a client CA with its list."""
    lists = root.revocation_list()
    world.write("ConfigMap", "a-ca", {"ca.crt": pki.pem(root.certificate), "ca.crl": lists})


def with_list(**others: str) -> Json:
    """Give a block of client authentication with a revocation list."""
    whole = clients(**others)
    whole["clientAuthentication"]["revocationList"] = {"configMapKeyRef": {"name": "a-ca"}}
    return whole


POSTGRESQL: list[tuple[Json | str, int]] = [
    (CUSTOM, 1),
    (with_list(acl="cert", replicationACL="prefer"), 1),
    ("rotate", 1),
    ("replace trust", 1),
    (with_list(acl="verify-ca", replicationACL="verify-full"), 1),
    (clients(acl="verify-ca", replicationACL="verify-full"), 1),
    ({"connectionString": PUBLIC}, 1),
    ({"connectionString": None}, 0),
    ({"clientAuthentication": None}, 2),
    ({"serverCertificate": None}, 1),
    ({"enabled": False}, 1),
    ({"enabled": True, **CUSTOM, **clients(acl="prefer")}, 1),
    ({"clientAuthentication": None}, 1),
    ({"enabled": False}, 1),
]
MYSQL: list[tuple[Json | str, int]] = [
    ({}, 1),
    ({"forceEncryption": True}, 1),
    (CUSTOM, 1),
    ("rotate", 1),
    ({"forceEncryption": None}, 1),
    ({"serverCertificate": None}, 1),
    ({"enabled": False}, 1),
    ({"enabled": True, "forceEncryption": True, **CUSTOM}, 1),
    ({"enabled": False, "forceEncryption": None}, 1),
]
SQLSERVER: list[tuple[Json | str, int]] = [
    ({}, 1),
    ({"minimumTLSVersion": "1.2"}, 1),
    ({"forceEncryption": True}, 1),
    ({"minimumTLSVersion": None}, 0),
    (pfx(), 1),
    ({"minimumTLSVersion": "1.1", **pfx(FILE.replace("1", "2"))}, 1),
    ({"forceEncryption": None}, 1),
]
LIVES = {
    "postgresql-14": POSTGRESQL,
    "mysql-8.0": MYSQL,
    "mysql-5.7": MYSQL,
    "sqlserver-2019": SQLSERVER,
}


def write_both(world: EngineWorld) -> pki.Leaf:
    """Write a certificate for both endpoints."""
    return world.write_pair("a", world.issuer.leaf(world.host("a"), PUBLIC))


def in_force(world: EngineWorld, leaf: pki.Leaf, root: pki.Authority) -> None:
    """Compare what is true with what is declared."""
    spec, truth = world.kube.objects[NAMESPACE, "a"]["spec"], world.truth("a")["ssl"]
    enabled = spec.get("enabled", True)
    assert truth["enabled"] is enabled
    if not enabled:
        return
    server = spec.get("serverCertificate") or {}
    assert (truth["ca_type"] == "custom") is bool(server)
    if "secretRef" in server:
        assert truth["server_sha256"] == leaf.sha256
    assert truth["pfx"] == server.get("pfx", {}).get("ossObject", "")
    assert truth["force_encryption"] is bool(spec.get("forceEncryption"))
    asked = spec.get("clientAuthentication") or {}
    assert bool(truth["client_ca_sha256"]) is bool(asked)
    if asked:
        assert truth["client_ca_sha256"] == [root.sha256]
        assert truth["acl"] == asked.get("acl", "prefer")
        assert truth["replication_acl"] == asked.get("replicationACL", "prefer")
        assert bool(truth["crl_sha256"]) is ("revocationList" in asked)
    if spec.get("minimumTLSVersion"):
        assert truth["tls_version"] == spec["minimumTLSVersion"]


@played
@pytest.mark.parametrize("profile", LIVES)
@pytest.mark.parametrize(("switch", "value"), SWITCHES)
async def test_a_whole_life_costs_one_call_a_change_whatever_the_cloud_is_like(
    switch: str, value: str, profile: str
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile=profile)
        world.rds.config(switches={switch: value}, instance="pgm-a")
        leaf, root, declared = write_both(world), world.root, False
        write_trust(world, root)
        world.write("Secret", "a-pfx", {"password": b"correct horse"})
        for change, cost in LIVES[profile]:
            before = world.cost("a")[0]
            if change == "rotate":
                leaf = write_both(world)
            elif change == "replace trust":
                root = pki.make_root("Another root")
                write_trust(world, root)
            elif declared:
                world.edit("a", **change)
            else:
                world.declare("a", approvalRequired=[], **change)
                declared = True
            await world.run(400)

            assert world.ready("a")[0] == "True", (change, world.condition("Ready", "a"))
            assert world.cost("a")[0] - before == cost, change
            assert len(world.modifies("a")) == world.cost("a")[0], change
            in_force(world, leaf, root)
        await world.restart()
        before = world.cost("a")[0]
        await world.run(2000)
        assert world.ready("a")[0] == "True"
        assert world.cost("a")[0] == before


# -- between the steps of a removal ---------------------------------------------------------------


def told(world: EngineWorld) -> list[tuple[str, str]]:
    """Give what the calls since the first said of client CA and ACL."""
    values = [each["values"] for each in world.modifies("a")[1:]]
    return [(each.get("ClientCAEnabled", ""), each.get("ACL", "")) for each in values]


@played
async def test_a_first_step_that_is_refused_stops_both_and_its_undoing_is_no_call() -> None:
    async with EngineWorld() as world:
        await mutual(world)
        declared = world.kube.objects[NAMESPACE, "a"]["spec"]["clientAuthentication"]
        world.rds.fault({"code": "InvalidACL.NotFound", "status": 400}, action=MODIFY, times=9)
        world.edit("a", clientAuthentication=None)
        await world.run(1500)
        assert world.ready("a") == ("False", "ACLRejected")
        assert told(world) == [("1", "prefer")]

        world.edit("a", clientAuthentication=declared)
        await world.run(60)

        assert world.ready("a")[0] == "True"
        assert "Stalled" not in world.conditions("a")
        assert len(world.modifies("a")) == 2


@played
async def test_whoever_tightens_between_the_steps_is_loosened_again_and_not_locked_out() -> None:
    async with EngineWorld() as world:
        await mutual(world)
        world.rds.config(durations={"change": 20.0, "acl": 20.0})
        world.edit("a", clientAuthentication=None)
        await until_accepted(world, 2)
        world.rds.fault({"code": "Throttling.User", "status": 400}, action=MODIFY, times=3)
        await world.run(25)
        world.meddle("a", acl="cert")
        await world.run(900)

        assert world.ready("a")[0] == "True"
        assert not world.truth("a")["ssl"]["client_ca_sha256"]
        assert told(world)[-2:] == [("1", "prefer"), ("0", "")]


@played
@pytest.mark.parametrize("after", [0.0, 1.0, 2.6])
async def test_a_deletion_between_the_steps_turns_ssl_off_with_one_call(after: float) -> None:
    async with EngineWorld() as world:
        await mutual(world, deletionPolicy="Disable")
        world.edit("a", clientAuthentication=None)
        await until_accepted(world, 2)
        await world.run(after)
        world.kube.delete((NAMESPACE, "a"))
        await world.run(900)

        assert (NAMESPACE, "a") not in world.kube.objects
        assert not world.truth("a")["ssl"]["enabled"]
        assert world.cost("a")[0] <= 4
        assert not any(each.overlaps for each in world.accepted)


@played
async def test_a_removal_with_a_rotation_and_another_endpoint_is_two_calls() -> None:
    async with EngineWorld() as world:
        await mutual(world)
        leaf = write_both(world)
        world.edit("a", clientAuthentication=None, connectionString=PUBLIC)
        await world.run(600)

        assert world.ready("a")[0] == "True"
        assert world.truth("a")["ssl"]["server_sha256"] == leaf.sha256
        assert world.truth("a")["ssl"]["connection_string"] == PUBLIC
        assert not world.truth("a")["ssl"]["client_ca_sha256"]
        assert told(world) == [("1", "prefer"), ("0", "")]


@played
async def test_a_rotation_between_the_steps_goes_with_the_second() -> None:
    async with EngineWorld() as world:
        await mutual(world)
        world.edit("a", clientAuthentication=None)
        await until_accepted(world, 2)
        leaf = world.write_pair("a")
        await world.run(600)

        assert world.ready("a")[0] == "True"
        assert world.truth("a")["ssl"]["server_sha256"] == leaf.sha256
        assert told(world) == [("1", "prefer"), ("0", "")]


@played
@pytest.mark.parametrize(
    "acls", [{"acl": "prefer", "replicationACL": "cert"}, {"acl": "verify-ca"}]
)
async def test_one_acl_that_asks_for_a_certificate_is_enough_for_two_steps(
    acls: dict[str, str],
) -> None:
    async with EngineWorld() as world:
        await mutual(world)
        world.edit("a", clientAuthentication={"acl": "prefer", **acls})
        await world.run(300)
        before = world.cost("a")[0]
        world.edit("a", clientAuthentication=None)
        await world.run(300)

        assert world.ready("a")[0] == "True"
        assert world.cost("a")[0] == before + 2


@played
async def test_another_client_ca_under_an_acl_waits_as_dropped_trust_and_then_is_one_call() -> None:
    async with EngineWorld() as world:
        await mutual(world)
        world.edit("a", approvalRequired=["DropsTrust"])
        await world.run(60)
        root = pki.make_root("Another root")
        write_trust(world, root)
        await world.run(900)
        assert world.cost("a")[0] == 1
        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
        assert world.ready("a")[0] == "True"  # The settings declared are in force.

        world.edit("a", approvalRequired=[])
        await world.run(300)

        assert world.cost("a")[0] == 2
        assert world.truth("a")["ssl"]["client_ca_sha256"] == [root.sha256]
        assert world.truth("a")["ssl"]["acl"] == "cert"


@played
async def test_a_ca_in_the_bundle_beside_the_old_one_drops_nobody_and_goes() -> None:
    async with EngineWorld() as world:
        await mutual(world)
        world.edit("a", approvalRequired=None)
        root = pki.make_root("Another root")
        world.write(
            "ConfigMap",
            "a-ca",
            {
                "ca.crt": pki.pem(world.root.certificate) + pki.pem(root.certificate),
                "ca.crl": world.root.revocation_list() + root.revocation_list(),
            },
        )
        await world.run(600)

        assert world.cost("a")[0] == 2
        assert world.ready("a")[0] == "True"


# -- renewals with something else -----------------------------------------------------------------


async def due(world: EngineWorld, profile: str = "mysql-5.7", **spec: Any) -> None:  # noqa: ANN401  # JSON.
    """Bring a cloud certificate to an hour before it is renewed."""
    world.add_instance("a", profile=profile)
    world.write_pair("a")
    world.declare("a", approvalRequired=[], **RENEW, **spec)
    await world.run(300)
    await world.run((expiry(world) - world.clock()).total_seconds() - 30 * DAY - 3600)
    assert world.cost("a")[0] == 1


async def at_work(world: EngineWorld) -> None:
    """Wait until the renewal is accepted."""
    world.rds.config(durations={"change": 60.0})
    await world.run(3500)
    await until_accepted(world, 2)


@played
@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize(
    ("edit", "calls"),
    [
        ({"forceEncryption": True}, 3),
        ({"enabled": False, "serverCertificate": None}, 3),
        ({"serverCertificate": None}, 2),
        ({"serverCertificate": {"renewBefore": "1h"}}, 2),
        ({"managementPolicy": "Observe"}, 2),
        ({"suspend": True}, 2),
        ({"serverCertificate": {"renewBefore": None, "secretRef": {"name": "a-tls"}}}, 3),
    ],
    ids=["force", "off", "not managed", "later", "observe", "suspend", "custom"],
)
async def test_an_edit_while_a_renewal_is_at_work_costs_what_it_costs_alone(
    edit: Json, calls: int, *, crash: bool
) -> None:
    async with EngineWorld(timings=SLOW) as world:
        await due(world)
        await at_work(world)
        now = world.clock()  # The first one has expired by now.
        end = now + timedelta(days=60)
        world.write_pair("a", world.issuer.leaf(world.host("a"), not_before=now, not_after=end))
        world.edit("a", **edit)
        if crash:
            await world.restart()
        await world.run(DAY)

        assert world.cost("a")[0] == calls
        assert world.ready("a")[0] == "True"
        assert not any(each.overlaps for each in world.accepted)


@played
async def test_a_deletion_while_a_renewal_is_at_work_waits_for_its_end() -> None:
    async with EngineWorld(timings=SLOW) as world:
        await due(world, deletionPolicy="Disable")
        await at_work(world)
        world.kube.delete((NAMESPACE, "a"))
        await world.run(DAY)

        assert (NAMESPACE, "a") not in world.kube.objects
        assert not world.truth("a")["ssl"]["enabled"]
        assert world.cost("a")[0] == 3
        assert not any(each.overlaps for each in world.accepted)


@played
@pytest.mark.parametrize("profile", ["mysql-5.7", "sqlserver-2019"])
async def test_a_certificate_that_is_due_at_first_contact_is_adopted_and_renewed_once(
    profile: str,
) -> None:
    async with EngineWorld(timings=SLOW) as world:
        world.add_instance("a", profile=profile, ssl={"enabled": True})
        await world.run(340 * DAY)
        world.declare("a", **RENEW)
        await world.run(2 * DAY)
        # Nobody has seen whose certificate it is.
        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
        world.edit("a", approvalRequired=[])
        await world.run(2 * DAY)

        assert world.ready("a")[0] == "True"
        assert world.cost("a")[0] == 1


@played
async def test_an_observed_object_shows_a_renewal_and_sends_it_once_when_it_may() -> None:
    async with EngineWorld(timings=SLOW) as world:
        await due(world)
        world.edit("a", managementPolicy="Observe")
        await world.run(2 * DAY)
        assert world.cost("a")[0] == 1
        assert world.conditions("a")["ChangePending"] == ("True", "Observing")
        world.edit("a", managementPolicy="Enforce")
        await world.run(DAY)

        assert world.cost("a")[0] == 2
        assert world.ready("a")[0] == "True"


@played
async def test_a_renewal_with_a_spec_change_at_the_same_time_is_one_call() -> None:
    async with EngineWorld(timings=SLOW) as world:
        await due(world)
        await world.run(3500)
        world.edit("a", forceEncryption=True)
        await world.run(DAY)

        assert world.cost("a")[0] == 2
        assert world.ready("a")[0] == "True"


@played
async def test_what_the_vendor_has_renewed_meanwhile_is_not_renewed() -> None:
    async with EngineWorld(timings=SLOW) as world:
        await due(world)
        world.edit("a", suspend=True)
        await world.run(2 * DAY)
        world.meddle("a", renew=True)
        world.edit("a", suspend=False)
        await world.run(DAY)

        assert world.cost("a")[0] == 1
        assert world.ready("a")[0] == "True"


# -- SQL Server -----------------------------------------------------------------------------------


async def sqlserver(world: EngineWorld, **spec: Any) -> None:  # noqa: ANN401  # JSON.
    """Bring a SQL Server to what is declared."""
    world.add_instance("a", profile="sqlserver-2019")
    world.write("Secret", "a-pfx", {"password": b"correct horse"})
    world.declare("a", approvalRequired=[], **spec)
    await world.run(300)
    assert world.ready("a")[0] == "True"


@played
async def test_a_pfx_file_that_a_half_done_change_left_is_not_taken_for_the_clouds() -> None:
    async with EngineWorld() as world:
        await sqlserver(world)
        world.rds.fault({"kind": "async-half", "claim": "success"}, action=MODIFY)
        world.edit("a", minimumTLSVersion="1.2", **pfx())
        await world.run(300)
        assert world.ready("a") == ("False", "NotConverging")
        assert world.truth("a")["ssl"]["pfx"] == FILE

        world.edit("a", minimumTLSVersion=None, serverCertificate=None)
        await world.run(1500)
        assert world.ready("a") == ("False", "EngineNotSupported")
        world.edit("a", enabled=False)
        await world.run(300)
        world.edit("a", enabled=True)
        await world.run(300)

        assert world.ready("a")[0] == "True"
        assert world.truth("a")["ssl"]["pfx"] == ""


@played
async def test_the_former_pfx_file_is_sent_again_after_another_was_left_half_applied() -> None:
    async with EngineWorld() as world:
        await sqlserver(world, **pfx())
        other = FILE.replace("-1", "-2")
        world.rds.fault({"kind": "async-half", "claim": "success"}, action=MODIFY)
        world.edit("a", minimumTLSVersion="1.2", **pfx(other))
        await world.run(300)
        assert world.truth("a")["ssl"]["pfx"] == other

        world.edit("a", minimumTLSVersion=None, **pfx())
        await world.run(1500)

        assert world.truth("a")["ssl"]["pfx"] == FILE
        assert world.ready("a")[0] == "True"


@played
@pytest.mark.parametrize("omitted", ["resets", "keeps"])
async def test_a_tls_minimum_comes_goes_and_comes_back(omitted: str) -> None:
    async with EngineWorld() as world:
        await sqlserver(world, minimumTLSVersion="1.2")
        world.rds.config(switches={"omitted": omitted}, instance="pgm-a")
        for spec, calls, version in (
            ({"minimumTLSVersion": None}, 1, "1.2"),
            ({"forceEncryption": True}, 2, "1.2"),
            ({"minimumTLSVersion": "1.2"}, 2, "1.2"),
            ({"minimumTLSVersion": "1.1"}, 3, "1.1"),
            ({"minimumTLSVersion": None, "forceEncryption": None}, 4, "1.1"),
        ):
            world.edit("a", **spec)
            await world.run(300)
            assert world.ready("a")[0] == "True"
            assert world.cost("a")[0] == calls
            assert world.truth("a")["ssl"]["tls_version"] == version


# -- what a change behind the operator's back, or a restored backup, brings -----------------------


@played
@pytest.mark.parametrize("echo", ["no", "yes"])
async def test_a_mysql_restored_with_an_older_certificate_is_told(echo: str) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0")
        world.rds.config(switches={"echo-custom-mysql": echo}, instance="pgm-a")
        end = world.clock() + timedelta(days=50)
        old = world.root.leaf(world.host("a"), not_after=end)
        world.write_pair("a")
        world.declare_custom("a", approvalRequired=[])
        await world.run(300)
        world.meddle(
            "a", server_cert=old.pem.decode(), server_key=old.key_pem().decode(), ca_type="custom"
        )
        await world.run(1500)

        assert world.ready("a") == ("False", "Drifted")
        assert world.cost("a")[0] == 1
        leaf = world.write_pair("a")  # Whoever rotates then gets what he declares,
        await world.run(2400)  # where what somebody did is shown only after its half hour.
        assert world.truth("a")["ssl"]["server_sha256"] == leaf.sha256
        assert world.ready("a")[0] == "True"


@played
async def test_encryption_forced_by_another_hand_is_not_loosened_on_the_way() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0")
        world.write_pair("a")
        world.declare_custom("a")
        await world.run(300)
        world.meddle("a", force_encryption=True)
        await world.run(60)
        world.write_pair("a")
        await world.run(1500)

        assert world.cost("a")[0] == 1
        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
        assert world.truth("a")["ssl"]["force_encryption"]


@played
async def test_mysql_5_6_takes_a_certificate_and_says_that_it_cannot_force() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-5.6")
        leaf = world.write_pair("a")
        world.declare_custom("a", forceEncryption=True)
        await world.run(300)
        assert world.ready("a") == ("False", "EngineNotSupported")
        assert world.modifies("a") == []
        world.edit("a", forceEncryption=None)
        await world.run(300)

        assert world.ready("a")[0] == "True"
        assert world.truth("a")["ssl"]["server_sha256"] == leaf.sha256
        assert world.cost("a") == (1, 1)
        world.rds.patch_instance("pgm-a", profile="mysql-8.0", kernel_version="rds_20250131")
        world.edit("a", forceEncryption=True)
        await world.run(300)
        assert world.ready("a")[0] == "True"
        assert world.cost("a")[0] == 2
