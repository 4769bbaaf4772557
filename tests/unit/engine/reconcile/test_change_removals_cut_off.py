"""Removals in two steps, and what comes between them."""

from typing import Any

import pytest

from support import pki
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, Json, played


def write_trust(world: EngineWorld, root: pki.Authority) -> None:
    """Write a client CA with its list."""
    lists = root.revocation_list()
    world.write("ConfigMap", "a-ca", {"ca.crt": pki.pem(root.certificate), "ca.crl": lists})


PUBLIC = "pgm-a-public.pg.rds.aliyuncs.com"


def write_both(world: EngineWorld) -> pki.Leaf:
    """Write a certificate for both endpoints."""
    return world.write_pair("a", world.issuer.leaf(world.host("a"), PUBLIC))


def told(world: EngineWorld) -> list[tuple[str, str]]:
    """Give what the calls since the first said of client CA and ACL."""
    values = [each["values"] for each in world.modifies("a")[1:]]
    return [(each.get("ClientCAEnabled", ""), each.get("ACL", "")) for each in values]


async def until_accepted(world: EngineWorld, calls: int) -> None:
    """Wait until the cloud has accepted so many calls."""
    while world.cost("a")[0] < calls:
        await world.run(0.2)


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


def clients(**others: str) -> Json:
    """Give a block of client authentication."""
    reference = {"configMapKeyRef": {"name": "a-ca"}}
    return {"clientAuthentication": {"ca": reference, "revocationList": None, **others}}


@played
@pytest.mark.parametrize(
    ("policy", "reason"),
    [({"managementPolicy": "Observe"}, "Observing"), ({"suspend": True}, "Suspended")],
)
async def test_a_removal_that_is_held_anyway_is_shown_as_held(
    policy: dict[str, object], reason: str
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        ca = world.root.certificate
        world.meddle("a", enabled=True, client_ca=pki.pem(ca).decode())
        world.declare("a", adoptionPolicy="Overwrite", **policy)

        await world.run(60)

        assert world.conditions("a")["ChangePending"] == ("True", reason)
        assert "Stalled" not in world.conditions("a")


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
