"""A certificate is replaced although an edit of the settings waits for a person."""

from datetime import timedelta

import pytest

from rds_ssl.commands.views import ObjectView, Pending, pending_of
from rds_ssl.engine.reconcile.ports import Timings
from support import pki
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, Json, played

DAY = 86400.0
PUBLIC = "pgm-a-public.pg.rds.aliyuncs.com"
_REFERENCE = {"configMapKeyRef": {"name": "a-ca"}}
STRICT: Json = {
    "ca": _REFERENCE,
    "revocationList": _REFERENCE,
    "acl": "cert",
    "replicationACL": "cert",
}
FAR: Json = {"windows": [{"schedule": "0 3 1 1 *", "duration": "1h"}]}


def trust(world: EngineWorld, number: int = 1) -> None:
    """Write client CA and revocation list."""
    lists = world.root.revocation_list(number=number)
    world.write("ConfigMap", "a-ca", {"ca.crt": world.root.pem, "ca.crl": lists})


async def waiting(world: EngineWorld, profile: str = "postgresql-14", **edit: object) -> str:
    """Let an edit of an object wait for approval; give the digest of its plan."""
    world.add_instance("a", profile=profile)
    world.write_pair("a")
    trust(world)
    if profile.startswith("postgresql"):
        world.declare_custom("a", clientAuthentication=STRICT)
    else:
        world.declare_custom("a", forceEncryption=True)
    await world.run(100)
    assert world.ready("a")[0] == "True"
    world.edit("a", **edit)
    await world.run(100)
    assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
    return str(world.status("a")["plan"]["digest"])


SLOW = Timings(quiet_period=0.0, max_changes_per_day=0, resync=3 * DAY)
"""Weeks without a look too many; what is looked for has its time."""

ALONE = 7 * DAY + 600
"""Until newer material does not wait for the answer to an edit any more, and is in force."""


def newer(world: EngineWorld) -> pki.Leaf:
    """Write a newer certificate."""
    end = world.clock() + timedelta(days=80)
    return world.write_pair("a", world.issuer.leaf(world.host("a"), not_after=end))


EDITS = [
    pytest.param(
        "postgresql-14", {"clientAuthentication": {"acl": "prefer"}}, id="an ACL that is loosened"
    ),
    pytest.param("postgresql-14", {"clientAuthentication": None}, id="the client CA taken away"),
    pytest.param(
        "postgresql-14",
        {"clientAuthentication": {"revocationList": None}},
        id="the revocation list taken away",
    ),
    pytest.param("mysql-8.0", {"forceEncryption": False}, id="encryption that is not forced"),
]


@pytest.mark.parametrize(("profile", "edit"), EDITS)
@played
async def test_newer_material_goes_out_while_an_edit_waits_and_leaves_its_approval_valid(
    profile: str, edit: Json
) -> None:
    async with EngineWorld(timings=SLOW) as world:
        digest = await waiting(world, profile, **edit)
        before = world.truth("a")["ssl"]

        leaf = newer(world)
        await world.run(ALONE - 1000)
        assert world.cost("a") == (1, 1)
        assert world.status("a")["rotation"]["heldBy"] == "AwaitingApproval"
        await world.run(1000)

        after = world.truth("a")["ssl"]
        assert after["server_sha256"] == leaf.sha256
        moved = {"server_sha256", "chain_sha256", "expire_time", "last_modify_status"}
        assert {name: after[name] for name in after.keys() - moved} == {
            name: before[name] for name in before.keys() - moved
        }
        assert world.cost("a") == (2, 2)
        assert world.status("a")["plan"]["digest"] == digest
        assert "rotation" not in world.status("a")
        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
        assert world.status("a")["history"][0]["cause"] == "rotation"

        world.kube.annotate((NAMESPACE, "a"), approve=digest)
        await world.run(600)

        assert world.ready("a") == ("True", "Verified")
        steps = 2 if edit.get("clientAuthentication", "") is None else 1
        assert world.cost("a") == (2 + steps, 2 + steps)
        assert world.truth("a")["ssl"]["server_sha256"] == leaf.sha256


@played
async def test_a_newer_list_of_revocations_goes_out_while_an_edit_waits() -> None:
    async with EngineWorld(timings=SLOW) as world:
        digest = await waiting(world, clientAuthentication={"acl": "prefer"})
        before = world.truth("a")["ssl"]["crl_sha256"]

        trust(world, number=2)
        await world.run(400)

        assert world.truth("a")["ssl"]["crl_sha256"] != before
        assert world.truth("a")["ssl"]["acl"] == "cert"
        assert world.status("a")["plan"]["digest"] == digest


@played
async def test_material_that_waits_for_its_window_is_shown_beside_the_edit() -> None:
    async with EngineWorld(timings=SLOW) as world:
        digest = await waiting(world, clientAuthentication={"acl": "prefer"}, maintenance=FAR)

        newer(world)
        await world.run(ALONE)

        status = world.status("a")
        assert (status["plan"]["digest"], status["plan"]["heldBy"]) == (digest, "AwaitingApproval")
        assert status["rotation"]["heldBy"] == "AwaitingWindow"
        assert status["rotation"]["cause"] == "rotation"
        message = (world.condition("ChangePending", "a") or {})["message"]
        assert "Newer material goes ahead of it" in message
        assert world.cost("a") == (1, 1)
        told = [each for each in world.kube.events if each["reason"] == "ChangeHeld"]
        assert len({each["message"] for each in told}) == len(told) == 3
        writes = world.kube.writes["patch_status"]
        await world.run(2 * DAY)
        assert world.kube.writes["patch_status"] - writes <= 2


@played
async def test_material_waits_with_the_edit_if_a_person_has_to_approve_both() -> None:
    async with EngineWorld(timings=SLOW) as world:
        await waiting(world, clientAuthentication={"acl": "prefer"})

        other = pki.make_root("Next root")
        lists = other.revocation_list()
        world.write("ConfigMap", "a-ca", {"ca.crt": other.pem, "ca.crl": lists})
        await world.run(ALONE)

        assert world.cost("a") == (1, 1)
        assert "rotation" not in world.status("a")
        assert set(world.status("a")["plan"]["impacts"]) >= {"DropsTrust", "Weakens"}


@pytest.mark.parametrize("echo", ["yes", "no"])
@played
async def test_material_waits_where_what_the_edit_changes_is_not_shown(echo: str) -> None:
    async with EngineWorld(timings=SLOW) as world:
        world.rds.config(switches={"echo-force-encryption": echo})
        await waiting(world, "mysql-8.0", forceEncryption=False)

        newer(world)
        await world.run(ALONE)

        assert world.cost("a")[0] == (2 if echo == "yes" else 1)


@played
async def test_material_waits_where_somebody_else_has_changed_the_settings() -> None:
    async with EngineWorld(timings=SLOW) as world:
        await waiting(world, clientAuthentication={"acl": "prefer"})
        world.meddle("a", replication_acl="prefer")

        newer(world)
        await world.run(ALONE + 3 * 3600)  # Longer than it takes until a drift is put back.

        assert world.cost("a") == (1, 1)
        assert "rotation" not in world.status("a")


@pytest.mark.parametrize("when", ["before", "after"])
@played
async def test_an_edit_that_is_approved_goes_with_the_material_that_waits_beside_it(
    when: str,
) -> None:
    async with EngineWorld(timings=SLOW) as world:
        digest = await waiting(world, clientAuthentication={"acl": "prefer"})
        if when == "before":
            await world.crash()
            world.kube.annotate((NAMESPACE, "a"), approve=digest)
            leaf = newer(world)
            world.start()
        else:
            leaf = newer(world)
            await world.run(DAY)
            world.kube.annotate((NAMESPACE, "a"), approve=digest)

        await world.run(600)

        assert world.ready("a") == ("True", "Verified")
        ssl = world.truth("a")["ssl"]
        assert (ssl["acl"], ssl["server_sha256"]) == ("prefer", leaf.sha256)
        assert world.cost("a") == (2, 2)
        assert world.status("a")["history"][0]["approval"] == digest


@played
async def test_material_goes_at_once_where_what_it_replaces_ends_soon() -> None:
    async with EngineWorld(timings=SLOW) as world:
        await waiting(world, clientAuthentication={"acl": "prefer"})
        await world.run(80 * DAY)  # Of a life of ninety.

        newer(world)
        await world.run(400)

        assert world.cost("a") == (2, 2)


@played
async def test_material_goes_at_once_if_somebody_asks_for_it() -> None:
    async with EngineWorld(timings=SLOW) as world:
        await waiting(world, clientAuthentication={"acl": "prefer"})
        newer(world)
        await world.run(400)

        world.ask("a", "now")
        await world.run(400)

        assert world.cost("a") == (2, 2)


@played
async def test_an_edit_that_waits_and_material_that_drops_trust_under_prefer_wait_together() -> (
    None
):
    async with EngineWorld(timings=SLOW) as world:
        world.add_instance("a")
        public = str(world.truth("a")["endpoints"][1]["host"])
        world.write_pair("a", world.issuer.leaf(world.host("a"), public))
        trust(world)
        loose = {**STRICT, "acl": "prefer", "replicationACL": "prefer"}
        world.declare_custom("a", clientAuthentication=loose)
        await world.run(100)

        # The edit alone drops no trust: nobody is asked for it yet.
        world.edit("a", clientAuthentication={"acl": "cert"}, connectionString=public)
        await world.run(100)
        assert "DropsTrust" not in world.status("a")["plan"]["impacts"]
        other = pki.make_root("Next root")
        lists = other.revocation_list()
        world.write("ConfigMap", "a-ca", {"ca.crt": other.pem, "ca.crl": lists})
        await world.run(ALONE)

        assert world.cost("a") == (1, 1)
        assert "rotation" not in world.status("a")
        assert "DropsTrust" in world.status("a")["plan"]["impacts"]


@played
async def test_material_waits_with_the_edit_where_each_restart_is_to_be_approved() -> None:
    async with EngineWorld(timings=SLOW) as world:
        await waiting(
            world,
            clientAuthentication={"acl": "prefer"},
            approvalRequired=["Restart", "Weakens"],
        )

        newer(world)
        await world.run(ALONE)

        assert world.cost("a") == (1, 1)
        assert "rotation" not in world.status("a")


@played
async def test_material_that_rds_refuses_says_so_and_the_edit_stays_approvable() -> None:
    async with EngineWorld(timings=SLOW) as world:
        digest = await waiting(world, clientAuthentication={"acl": "prefer"})
        world.rds.fault(
            {"code": "InvalidServerCertOrPrivateKey", "status": 400},
            action="ModifyDBInstanceSSL",
            times=99,
        )

        newer(world)
        await world.run(ALONE + 4000)

        assert world.conditions("a")["Stalled"] == ("True", "ServerCertificateRejected")
        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
        assert world.status("a")["plan"]["digest"] == digest
        assert len(world.modifies("a")) == 2


@played
async def test_a_cloud_certificate_is_renewed_although_an_edit_waits() -> None:
    async with EngineWorld(timings=SLOW) as world:
        world.add_instance("a", profile="mysql-5.7")
        world.rds.config(durations={"cloud-lifetime": 60 * DAY})
        world.declare("a", forceEncryption=True, serverCertificate={"renewBefore": "720h"})
        await world.run(100)
        world.edit("a", forceEncryption=False)
        await world.run(100)
        digest = world.status("a")["plan"]["digest"]
        world.rds.config(durations={"cloud-lifetime": 365 * DAY})

        await world.run(38 * DAY)

        assert world.cost("a") == (2, 2)
        assert world.status("a")["history"][0]["cause"] == "renewal"
        assert world.truth("a")["ssl"]["force_encryption"]
        assert world.status("a")["plan"]["digest"] == digest


@pytest.mark.parametrize("covers", ["both", "the new one"])
@played
async def test_a_certificate_for_another_endpoint_waits_with_the_move_there(covers: str) -> None:
    async with EngineWorld(timings=SLOW) as world:
        world.add_instance("a", public_connection_string=PUBLIC)
        inner = world.host("a")
        old = world.write_pair("a")
        world.declare_custom("a", connectionString=inner)
        await world.run(100)

        both = covers == "both"
        names = (inner, PUBLIC) if both else (PUBLIC,)
        leaf = world.write_pair("a", world.issuer.leaf(*names))
        world.edit("a", connectionString=PUBLIC)
        await world.run(ALONE)

        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
        assert world.truth("a")["ssl"]["server_sha256"] == (leaf if both else old).sha256
        assert world.cost("a") == ((2, 2) if both else (1, 1))


@played
async def test_a_reconcile_now_is_answered_once_the_attempt_that_it_asks_for_is_made() -> None:
    async with EngineWorld(timings=SLOW) as world:
        await waiting(world, clientAuthentication={"acl": "prefer"})
        world.rds.fault({"kind": "async-failed"}, action=MODIFY)
        leaf = newer(world)
        await world.run(ALONE - 300)
        assert world.conditions("a")["Stalled"] == ("True", "ApplyFailed")

        world.ask("a", "now")
        await world.run(60)
        assert world.status("a").get("lastHandledReconcileAt") is None
        await world.run(900)

        assert world.status("a")["lastHandledReconcileAt"] == "now"
        assert world.truth("a")["ssl"]["server_sha256"] == leaf.sha256
        assert world.cost("a") == (3, 3)


@played
async def test_material_that_came_into_force_too_late_holds_up_neither_the_edit_nor_the_next() -> (
    None
):
    async with EngineWorld(timings=SLOW) as world:
        digest = await waiting(world, clientAuthentication={"acl": "prefer"})
        world.rds.config(durations={"change": 3000.0})
        newer(world)
        await world.run(ALONE + 1900)
        assert world.conditions("a")["Stalled"] == ("True", "ApplyTimedOut")
        await world.run(4000)
        assert world.cost("a") == (2, 2)
        assert world.status("a")["plan"]["digest"] == digest
        world.rds.config(durations={"change": 2.0})

        leaf = newer(world)
        await world.run(ALONE)

        assert world.truth("a")["ssl"]["server_sha256"] == leaf.sha256
        assert world.truth("a")["ssl"]["acl"] == "cert"
        assert world.status("a")["plan"]["digest"] == digest
        assert world.cost("a") == (3, 3)


@played
async def test_material_that_did_not_come_into_force_is_told_with_the_plan_that_repeats_it() -> (
    None
):
    async with EngineWorld(timings=SLOW) as world:
        digest = await waiting(world, clientAuthentication={"acl": "prefer"})
        world.rds.fault({"kind": "async-failed"}, action=MODIFY)
        leaf = newer(world)
        await world.run(ALONE - 300)
        await world.crash()
        world.kube.put_status((NAMESPACE, "a"), {"operation": {"phase": "NotConverging"}})
        world.start()
        await world.run(900)

        seen = ObjectView.of(world.kube.objects[NAMESPACE, "a"])
        edit, ahead = pending_of([seen])
        assert (edit.plan.digest, edit.reason) == (digest, "AwaitingApproval")
        assert (ahead.plan.cause, ahead.reason) == ("rotation", "NotConverging")
        assert ahead.approvable
        assert Pending.named(seen, ahead.plan.digest) == ahead
        assert Pending.named(seen, "") == edit
        assert f"rds-ssl.dev/approve: {ahead.plan.digest}" in ahead.message

        world.kube.annotate((NAMESPACE, "a"), approve=ahead.plan.digest)
        await world.run(900)

        assert world.truth("a")["ssl"]["server_sha256"] == leaf.sha256
        assert world.truth("a")["ssl"]["acl"] == "cert"


@played
async def test_a_second_attempt_does_not_wait_for_the_answer_to_the_edit_again() -> None:
    async with EngineWorld(timings=SLOW) as world:
        await waiting(world, clientAuthentication={"acl": "prefer"})
        world.rds.fault({"kind": "async-failed"}, action=MODIFY)
        leaf = newer(world)
        await world.run(ALONE)
        assert world.truth("a")["ssl"]["server_sha256"] != leaf.sha256

        await world.run(1200)

        assert world.truth("a")["ssl"]["server_sha256"] == leaf.sha256
        assert world.cost("a") == (3, 3)


@played
async def test_material_that_failed_three_times_says_so_and_leaves_the_edit_its_plan() -> None:
    async with EngineWorld(timings=SLOW) as world:
        digest = await waiting(world, clientAuthentication={"acl": "prefer"})
        world.rds.fault({"kind": "async-failed"}, action=MODIFY, times=3)
        leaf = newer(world)
        await world.run(ALONE + 3 * DAY)

        assert world.cost("a") == (4, 4)
        assert world.conditions("a")["Stalled"] == ("True", "ApplyFailed")
        assert world.status("a")["plan"]["digest"] == digest
        ahead = world.status("a")["rotation"]["digest"]
        world.kube.annotate((NAMESPACE, "a"), approve=ahead)
        await world.run(900)

        assert world.truth("a")["ssl"]["server_sha256"] == leaf.sha256
        assert world.truth("a")["ssl"]["acl"] == "cert"


def next_trust(world: EngineWorld) -> None:
    """Write another client CA in place of the one in force."""
    other = pki.make_root("Next root")
    lists = other.revocation_list()
    world.write("ConfigMap", "a-ca", {"ca.crt": other.pem, "ca.crl": lists})


@pytest.mark.parametrize("edited", [True, False])
@played
async def test_a_certificate_goes_alone_where_newer_client_cas_are_to_be_approved(
    *, edited: bool
) -> None:
    async with EngineWorld(timings=SLOW) as world:
        world.add_instance("a")
        world.write_pair("a")
        trust(world)
        world.declare_custom("a", clientAuthentication=STRICT)
        await world.run(100)
        before = world.truth("a")["ssl"]
        next_trust(world)
        if edited:
            world.edit("a", clientAuthentication={"acl": "prefer"})
        leaf = newer(world)

        await world.run(ALONE)

        after = world.truth("a")["ssl"]
        assert after["server_sha256"] == leaf.sha256
        for part in ("client_ca_sha256", "crl_sha256", "acl"):
            assert after[part] == before[part]
        assert world.cost("a") == (2, 2)
        plan = world.status("a")["plan"]
        assert plan["heldBy"] == "AwaitingApproval"
        assert "DropsTrust" in plan["impacts"]

        world.kube.annotate((NAMESPACE, "a"), approve=plan["digest"])
        await world.run(600)

        assert world.ready("a") == ("True", "Verified")
        assert world.truth("a")["ssl"]["client_ca_sha256"] != before["client_ca_sha256"]
        assert world.cost("a") == (3, 3)


async def held_after_a_failure(world: EngineWorld) -> tuple[str, pki.Leaf]:
    """Let newer material need an approval although the edit waits; give the edit's digest."""
    digest = await waiting(world, clientAuthentication={"acl": "prefer"})
    world.rds.fault({"kind": "async-failed"}, action=MODIFY)
    leaf = newer(world)
    await world.run(ALONE - 300)
    await world.crash()
    world.kube.put_status((NAMESPACE, "a"), {"operation": {"phase": "NotConverging"}})
    world.start()
    await world.run(900)
    return digest, leaf


@played
async def test_an_approval_of_newer_material_leaves_that_of_the_edit_valid() -> None:
    async with EngineWorld(timings=SLOW) as world:
        digest, leaf = await held_after_a_failure(world)

        world.kube.annotate((NAMESPACE, "a"), approve=world.status("a")["rotation"]["digest"])
        await world.run(900)

        assert world.truth("a")["ssl"]["server_sha256"] == leaf.sha256
        assert world.status("a")["plan"]["digest"] == digest


@played
async def test_an_approval_of_newer_material_covers_the_attempts_after_one_that_failed() -> None:
    async with EngineWorld(timings=SLOW) as world:
        _, leaf = await held_after_a_failure(world)
        world.rds.fault({"kind": "async-failed"}, action=MODIFY)

        world.kube.annotate((NAMESPACE, "a"), approve=world.status("a")["rotation"]["digest"])
        await world.run(300)
        assert world.truth("a")["ssl"]["server_sha256"] != leaf.sha256
        assert "endTime" not in world.status("a")["lastApproval"]
        await world.run(1200)

        assert world.truth("a")["ssl"]["server_sha256"] == leaf.sha256
        assert "endTime" in world.status("a")["lastApproval"]


@played
async def test_an_edit_stays_shown_beside_material_that_timed_out_after_a_new_start() -> None:
    async with EngineWorld(timings=SLOW) as world:
        digest = await waiting(world, clientAuthentication={"acl": "prefer"})
        since = world.status("a")["plan"]["since"]
        world.rds.config(durations={"change": 10 * DAY})
        newer(world)
        await world.run(ALONE + 1900)
        assert world.conditions("a")["Stalled"] == ("True", "ApplyTimedOut")
        world.rds.config(durations={"change": 2.0})
        await world.crash()

        world.start()
        await world.run(60)

        plan = world.status("a")["plan"]
        assert (plan["digest"], plan["since"]) == (digest, since)


@played
async def test_a_certificate_that_came_into_force_too_late_is_on_record_beside_new_client_cas() -> (
    None
):
    async with EngineWorld(timings=SLOW) as world:
        world.add_instance("a")
        world.write_pair("a")
        trust(world)
        world.declare_custom("a", clientAuthentication=STRICT)
        await world.run(100)
        next_trust(world)
        world.rds.config(durations={"change": 3000.0})
        leaf = newer(world)
        await world.run(ALONE + 1900)
        assert world.conditions("a")["Stalled"] == ("True", "ApplyTimedOut")

        await world.run(4000)

        assert world.truth("a")["ssl"]["server_sha256"] == leaf.sha256
        assert world.status("a")["applied"]["state"]["serverCertificate"] == leaf.sha256
        assert "operation" not in world.status("a")
        assert world.cost("a") == (2, 2)
