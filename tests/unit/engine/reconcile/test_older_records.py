"""
Objects that an older version of the operator has left: their records do not tell what was sent.

What cannot be told is never a reason for a call.
"""

import copy
import hashlib
import json

import pytest

from rds_ssl.core.api.states import StateStatus
from support import pki
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, played

PFX = {
    "pfx": {
        "ossObject": "oss-cn-hangzhou.aliyuncs.com:bucket:one.pfx",
        "passwordSecretKeyRef": {"name": "pfx", "key": "password"},
    }
}


async def replaced(world: EngineWorld) -> None:
    """Go on with another process, with records as they were before they told states."""
    await world.crash()
    found = copy.deepcopy(world.kube.objects[NAMESPACE, "a"])
    operation, applied = (found["status"].get(each) or {} for each in ("operation", "applied"))
    if operation:
        del operation["target"]
        operation |= {"digest": "0123456789abcdef-fedcba9876543210", "inputsDigest": "old"}
    if applied:
        del applied["state"]
    world.kube.objects[NAMESPACE, "a"] = found
    world.start()


async def settled(world: EngineWorld, profile: str, **spec: object) -> None:
    world.add_instance("a", profile=profile)
    world.write_pair("a")
    world.write("Secret", "pfx", {"password": b"hush"})
    if profile.startswith("sqlserver"):
        world.declare("a", serverCertificate=PFX, **spec)
    else:
        world.declare_custom("a", **spec)
    await world.run(300)
    assert world.ready("a")[0] == "True"


PROFILES = ("postgresql-14", "mysql-8.0", "sqlserver-2019")


@played
@pytest.mark.parametrize("profile", PROFILES)
async def test_an_object_with_which_all_is_well_costs_no_call_and_no_event(profile: str) -> None:
    async with EngineWorld() as world:
        await settled(world, profile)
        ready, events = world.ready("a"), world.events("a")
        request = world.status("a")["applied"]["requestID"]

        await replaced(world)
        await world.run(3000)

        assert world.ready("a") == ready
        assert world.events("a") == events
        assert world.status("a")["applied"]["requestID"] == request
        assert world.status("a")["applied"]["state"]["enabled"]
        assert world.cost("a") == (1, 1)


@played
@pytest.mark.parametrize("profile", PROFILES)
async def test_a_change_in_flight_is_not_sent_a_second_time(profile: str) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile=profile)
        world.rds.config(durations={"change": 60.0})
        world.write_pair("a")
        world.write("Secret", "pfx", {"password": b"hush"})
        if profile.startswith("sqlserver"):
            world.declare("a", serverCertificate=PFX)
        else:
            world.declare_custom("a")
        await world.run(5)
        assert world.status("a")["operation"]["phase"] == "Accepted"

        await replaced(world)
        await world.run(4000)

        assert world.cost("a") == (1, 1)
        assert "Reconciling" not in world.conditions("a")


@played
@pytest.mark.parametrize(
    ("fault", "times"),
    [
        ({"kind": "async-failed"}, 3),
        ({"kind": "async-half", "claim": "success"}, 1),
        ({"code": "InvalidServerCertOrPrivateKey", "status": 400}, 1),
    ],
    ids=["failed three times", "did not converge", "refused"],
)
async def test_what_ended_badly_is_not_sent_again_by_itself(
    fault: dict[str, object], times: int
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.write("ConfigMap", "a-ca", {"ca.crt": pki.pem(world.root.certificate)})
        world.rds.fault(fault, action=MODIFY, times=times)
        ca = {"configMapKeyRef": {"name": "a-ca"}}
        world.declare_custom("a", clientAuthentication={"ca": ca, "acl": "verify-ca"})
        await world.run(4000)
        sent = len(world.modifies("a"))
        assert world.conditions("a")["Stalled"][0] == "True"

        await replaced(world)
        await world.run(4000)

        assert len(world.modifies("a")) == sent
        world.ask("a", "again")
        await world.run(300)
        asked = fault != {"kind": "async-half", "claim": "success"}  # Needs an approval.
        assert len(world.modifies("a")) == sent + asked


@played
async def test_a_plan_over_what_is_not_shown_goes_on_waiting() -> None:
    async with EngineWorld() as world:
        await settled(world, "sqlserver-2019", approvalRequired=["TrustChanges"])
        other = {"pfx": {**PFX["pfx"], "ossObject": "oss-cn-hangzhou.aliyuncs.com:bucket:two.pfx"}}
        world.edit("a", serverCertificate=other)
        await world.run(60)
        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")

        await replaced(world)
        await world.run(3000)

        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
        assert world.cost("a") == (1, 1)
        world.kube.annotate((NAMESPACE, "a"), approve=world.status("a")["plan"]["digest"])
        await world.run(300)
        assert world.truth("a")["ssl"]["pfx"].endswith("two.pfx")


@played
@pytest.mark.parametrize("policy", ["Review", "Overwrite"])
async def test_a_foreign_change_is_not_undone_without_an_approval(policy: str) -> None:
    async with EngineWorld() as world:
        await settled(
            world,
            "postgresql-14",
            driftPolicy="Report",
            adoptionPolicy=policy,
            approvalRequired=[],
        )
        world.meddle("a", enabled=False)
        await world.run(1500)
        assert world.conditions("a")["ChangePending"] == ("True", "Drifted")

        await replaced(world)
        await world.run(5000)

        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
        pending = (world.condition("ChangePending", "a") or {})["message"]
        assert "older version" in pending
        assert "Overwrite" not in pending  # That would not help.
        assert world.cost("a") == (1, 1)


@played
async def test_a_certificate_renewed_while_the_operator_was_replaced_waits_for_a_person() -> None:
    async with EngineWorld() as world:
        await settled(world, "postgresql-14")
        await world.crash()
        world.write_pair("a", world.root.leaf(world.host("a")))
        await replaced(world)

        await world.run(600)

        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
        assert world.cost("a") == (1, 1)


def named_without_chain(world: EngineWorld) -> None:
    """Record the last call as it was done before intermediates were part of a state."""
    found = copy.deepcopy(world.kube.objects[NAMESPACE, "a"])
    operation, applied = found["status"]["operation"], found["status"]["applied"]
    for state in (operation["target"], applied["state"]):
        del state["chain"], state["intermediates"]
    target = StateStatus.model_validate(operation["target"], by_alias=True, by_name=False)
    text = json.dumps((target.settings, target.material, target.renews), default=str)
    operation["digest"] = hashlib.sha256(text.encode()).hexdigest()[:16]
    world.kube.objects[NAMESPACE, "a"] = found


@played
@pytest.mark.parametrize("phase", ["NotConverging", "TimedOut"])
async def test_a_call_that_ended_badly_is_not_repeated_because_its_chain_was_not_recorded(
    phase: str,
) -> None:
    async with EngineWorld() as world:
        await settled(world, "postgresql-14")
        world.rds.fault({"kind": "async-failed"}, action=MODIFY)
        world.write_pair("a")
        await world.run(300)
        assert world.status("a")["operation"]["phase"] == "Failed"
        await world.crash()
        world.kube.put_status((NAMESPACE, "a"), {"operation": {"phase": phase}})
        named_without_chain(world)
        world.start()

        await world.run(3000)

        assert world.cost("a") == (2, 2)
        assert world.conditions("a")["Stalled"][0] == "True"
