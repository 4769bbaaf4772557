"""Taking client authentication away: loosened first, one verified step after the other."""

import pytest

from support import pki
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, played

DAY = 86_400.0
ACL_IN_FORCE = {"acl": "verify-ca", "replicationACL": "cert"}


async def mutual(world: EngineWorld, **spec: object) -> None:
    """Bring an instance to client authentication with a revocation list."""
    world.add_instance("a")
    world.write_pair("a")
    lists = world.root.revocation_list()
    world.write("ConfigMap", "a-ca", {"ca.crt": pki.pem(world.root.certificate), "ca.crl": lists})
    reference = {"configMapKeyRef": {"name": "a-ca"}}
    world.declare_custom(
        "a",
        approvalRequired=[],
        clientAuthentication={"ca": reference, "revocationList": reference, **ACL_IN_FORCE},
        **spec,
    )
    await world.run(300)
    assert world.ready("a") == ("True", "Verified")
    assert world.cost("a")[0] == 1


def told(world: EngineWorld) -> list[tuple[str, str, str]]:
    """Give what the calls since the first said of client authentication."""
    values = [each["values"] for each in world.modifies("a")[1:]]
    names = ("ClientCAEnabled", "ClientCrlEnabled", "ACL")
    return [tuple(each.get(name, "") for name in names) for each in values]  # type: ignore[misc]  # Three.


@played
async def test_a_client_ca_goes_in_two_steps_and_takes_its_list_along() -> None:
    async with EngineWorld() as world:
        await mutual(world)

        world.edit("a", clientAuthentication=None)
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")
        assert told(world) == [("1", "1", "prefer"), ("0", "", "")]
        assert not world.truth("a")["ssl"]["client_ca_sha256"]
        assert world.cost("a")[0] == 3
        await world.restart()
        await world.run(1500)
        assert world.cost("a")[0] == 3


@played
@pytest.mark.parametrize("crl_off", ["refused", "accepted"])
@pytest.mark.parametrize("absent", ["empty", "missing"])
@pytest.mark.parametrize("omitted", ["resets", "keeps"])
async def test_a_list_never_outlives_its_ca_in_force_and_never_comes_back_with_another(
    crl_off: str, omitted: str, absent: str
) -> None:
    """Whether or not RDS takes a word on a list without a CA, or keeps one that is left out."""
    async with EngineWorld() as world:
        await mutual(world)
        answers = {"crl-off-without-ca": crl_off, "omitted": omitted, "absent": absent}
        world.rds.config(switches=answers)

        world.edit("a", clientAuthentication=None)
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")
        assert [each["code"] for each in world.modifies("a")] == ["OK"] * 3
        assert not world.truth("a")["ssl"]["client_ca_sha256"]
        await world.restart()
        await world.run(2000)
        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 3

        ca = {"configMapKeyRef": {"name": "a-ca"}}
        world.edit("a", clientAuthentication={"ca": ca})
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")
        assert world.truth("a")["ssl"]["client_ca_sha256"]
        assert not world.truth("a")["ssl"]["crl_sha256"]
        assert world.cost("a")[0] == 4


@played
async def test_a_list_that_was_left_of_an_earlier_ca_weakens_nothing_and_warns_of_nothing() -> None:
    async with EngineWorld() as world:
        await mutual(world)
        world.rds.config(switches={"omitted": "keeps"})
        world.edit("a", clientAuthentication=None)
        await world.run(300)
        assert world.truth("a")["ssl"]["crl_sha256"]

        world.edit("a", approvalRequired=["Weakens"])
        world.write_pair("a")
        await world.run(400)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 4
        await world.run(100 * DAY)

        assert "revocation" not in str(world.status("a")["conditions"]).lower()


@played
async def test_the_plan_shows_both_steps_before_the_first_is_sent() -> None:
    async with EngineWorld() as world:
        await mutual(world)
        world.edit("a", clientAuthentication=None, suspend=True)
        await world.run(60)

        steps = world.status("a")["plan"]["steps"]

        fields = [{change["field"] for change in step["changes"]} for step in steps]
        assert fields == [
            {"clientAuthentication.acl", "clientAuthentication.replicationACL"},
            {"clientAuthentication.ca", "clientAuthentication.revocationList"},
        ]
        assert set(world.status("a")["plan"]["impacts"]) == {"Restart", "Weakens", "DropsTrust"}


@played
async def test_a_list_goes_in_one_step_and_the_ca_stays() -> None:
    async with EngineWorld() as world:
        await mutual(world)

        ca = {"configMapKeyRef": {"name": "a-ca"}}
        world.edit("a", clientAuthentication={"ca": ca, "revocationList": None, **ACL_IN_FORCE})
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")
        assert told(world) == [("1", "0", "verify-ca")]


@played
async def test_without_an_acl_that_asks_for_a_certificate_one_step_is_enough() -> None:
    async with EngineWorld() as world:
        await mutual(world)
        world.meddle("a", acl="prefer", replication_acl="prefer")

        world.edit("a", clientAuthentication=None)
        await world.run(1500)

        assert world.ready("a") == ("True", "Verified")
        assert told(world) == [("0", "", "")]


@played
@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("fault", ["async-failed", "reset-after", "reset-before"])
async def test_a_step_that_fails_is_made_again_and_no_other(step: int, fault: str) -> None:
    async with EngineWorld() as world:
        await mutual(world)
        world.edit("a", clientAuthentication=None)
        if step == 2:
            while world.cost("a")[0] < 2:
                await world.run(0.2)
        world.rds.fault({"kind": fault}, action=MODIFY)
        await world.run(2000)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 3 + (fault == "async-failed")
        assert told(world)[0] == ("1", "1", "prefer")
        assert told(world)[-1] == ("0", "", "")


@played
async def test_a_crash_between_the_steps_repeats_none() -> None:
    async with EngineWorld() as world:
        await mutual(world)
        world.edit("a", clientAuthentication=None)
        while world.cost("a")[0] < 2:
            await world.run(0.2)
        await world.restart()
        await world.run(900)

        assert world.ready("a") == ("True", "Verified")
        assert told(world) == [("1", "1", "prefer"), ("0", "", "")]


@played
async def test_who_changes_his_mind_between_the_steps_gets_what_he_declares_then() -> None:
    async with EngineWorld() as world:
        await mutual(world)
        before = world.kube.objects[NAMESPACE, "a"]["spec"]["clientAuthentication"]
        world.edit("a", clientAuthentication=None)
        while world.cost("a")[0] < 2:
            await world.run(0.2)
        world.edit("a", clientAuthentication=before)
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")
        assert world.truth("a")["ssl"]["acl"] == "verify-ca"
        assert world.truth("a")["ssl"]["client_ca_sha256"]
        assert world.cost("a")[0] == 3


@played
async def test_the_slot_is_held_over_both_steps() -> None:
    async with EngineWorld(budget=1) as world:
        await mutual(world)
        world.add_instance("b")
        world.rds.config(durations={"change": 30.0})
        world.edit("a", clientAuthentication=None)
        while world.cost("a")[0] < 2:
            await world.run(0.2)
        world.declare("b")
        await world.run(300)

        accepted = [each.instance_id for each in world.accepted]
        assert accepted == ["pgm-a", "pgm-a", "pgm-a", "pgm-b"]


@played
async def test_removal_waits_for_approval_unless_it_is_waived() -> None:
    async with EngineWorld() as world:
        await mutual(world)

        world.edit("a", clientAuthentication=None, approvalRequired=["DropsTrust"])
        await world.run(1500)

        assert world.ready("a") == ("False", "AwaitingApproval")
        assert world.cost("a")[0] == 1
