"""What somebody else changed: put back late, once, and never against who insists."""

import re
from datetime import datetime, timedelta

import pytest

from rds_ssl.core.formats import write_time
from support import pki
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, Json, played

A = (NAMESPACE, "a")
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
RESYNC = 660.0
"""Seconds until everything was looked at once, at the latest."""


async def on(world: EngineWorld, **spec: object) -> None:
    """Bring an instance to SSL on, with the cloud's certificate."""
    world.add_instance("a")
    world.declare("a", **spec)
    await world.run(120)
    assert world.ready("a") == ("True", "Verified")


async def drifted(world: EngineWorld, **spec: object) -> datetime:
    """Let somebody turn SSL off, and the operator see it; give the time at which it did."""
    await on(world, **spec)
    return await turned_off(world)


async def turned_off(world: EngineWorld) -> datetime:
    """Turn SSL off elsewhere, and let the operator see it."""
    world.meddle("a", enabled=False)
    while "plan" not in world.status("a"):
        await world.run(1)
    since = datetime.fromisoformat(world.status("a")["plan"]["since"])
    assert world.clock() - since < timedelta(seconds=3)
    return since


def foreign_pair(world: EngineWorld) -> dict[str, str]:
    """Make a certificate that nobody has declared, and its key, for `EngineWorld.meddle`."""
    leaf = world.issuer.leaf(world.host("a"))
    return {"server_cert": leaf.chain_pem.decode(), "server_key": leaf.key_pem().decode()}


def pending(world: EngineWorld) -> tuple[str, str]:
    """Give reason and message of ChangePending."""
    found = world.condition("ChangePending", "a")
    assert found is not None
    return found["reason"], found["message"]


def causes(world: EngineWorld) -> list[tuple[str, str]]:
    """Give cause and result of each change, oldest first."""
    entries: list[Json] = world.status("a").get("history", [])
    return [(each["cause"], each["result"]) for each in entries[::-1]]


@played
async def test_a_foreign_change_is_put_back_after_half_an_hour_that_the_message_names() -> None:
    async with EngineWorld() as world:
        since = await drifted(world)
        due = since + timedelta(minutes=30)

        assert world.ready("a") == ("False", "Drifted")
        reason, message = pending(world)
        assert reason == "Drifted"
        assert f"it is put back at {write_time(due)}" in message
        assert world.status("a")["plan"]["notBefore"] == write_time(due)
        assert world.status("a")["plan"]["cause"] == "drift"
        await world.run(30 * MINUTE - 10)
        assert world.cost("a")[0] == 1
        await world.run(60)

        assert world.ready("a") == ("True", "Verified")
        assert world.truth("a")["ssl"]["enabled"]
        assert causes(world) == [("spec", "Verified"), ("drift", "Verified")]
        changed = timedelta(seconds=world.accepted[-1].at - world.monotonic()) + world.clock()
        assert timedelta() <= changed - due < timedelta(seconds=10)


@played
async def test_a_process_that_dies_meanwhile_starts_no_new_half_hour() -> None:
    async with EngineWorld() as world:
        since = await drifted(world)
        for _ in range(3):
            await world.run(9 * MINUTE)
            await world.restart()
        await world.run(4 * MINUTE)

        assert world.cost("a")[0] == 2
        assert world.clock() - since < timedelta(minutes=33)


@played
async def test_a_foreign_change_that_vanishes_by_itself_is_left_alone_and_forgotten() -> None:
    async with EngineWorld() as world:
        await drifted(world)
        await world.run(20 * MINUTE)
        world.meddle("a", enabled=True)
        await world.run(RESYNC)
        assert world.ready("a") == ("True", "Verified")
        assert "plan" not in world.status("a")

        since = await turned_off(world)

        _, message = pending(world)
        assert f"put back at {write_time(since + timedelta(minutes=30))}" in message
        await world.run(25 * MINUTE)
        assert world.cost("a")[0] == 1


@played
async def test_a_foreign_change_that_moves_on_is_waited_for_anew() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.declare_custom("a")
        await world.run(120)
        world.meddle("a", enabled=False)
        await world.run(RESYNC)
        first = world.status("a")["plan"]["since"]
        await world.run(10 * MINUTE)

        world.meddle("a", enabled=True, ca_type="aliyun")
        await world.run(RESYNC)

        assert world.status("a")["plan"]["since"] > first
        assert world.cost("a")[0] == 1


@played
async def test_report_never_puts_back_and_an_approval_does_it_once() -> None:
    async with EngineWorld() as world:
        await drifted(world, driftPolicy="Report")
        await world.run(3 * DAY)
        reason, message = pending(world)
        assert reason == "Drifted"
        assert "driftPolicy is Report" in message
        assert world.cost("a")[0] == 1

        given = world.status("a")["plan"]["digest"]
        world.kube.annotate(A, approve=given)
        await world.run(60)
        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 2
        assert causes(world)[-1] == ("drift", "Verified")

        await turned_off(world)
        await world.run(3 * DAY)
        assert f"{given}, was spent already" in pending(world)[1]
        assert world.cost("a")[0] == 2


@played
async def test_an_approval_puts_back_at_once_what_would_wait_for_half_an_hour() -> None:
    async with EngineWorld() as world:
        await drifted(world)

        world.kube.annotate(A, approve=world.status("a")["plan"]["digest"])
        await world.run(60)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 2


@played
async def test_who_turns_it_off_again_within_a_day_is_reported_and_not_fought() -> None:
    async with EngineWorld() as world:
        await drifted(world)
        await world.run(40 * MINUTE)
        assert world.cost("a")[0] == 2
        put_back = world.status("a")["history"][0]["time"]
        await world.run(20 * HOUR)

        await turned_off(world)
        await world.run(5 * DAY)

        reason, message = pending(world)
        assert reason == "Drifted"
        assert f"The same was put back at {put_back}, and is changed again" in message
        assert "another operator" in message
        assert world.cost("a")[0] == 2
        await world.restart()
        await world.run(DAY)
        assert world.cost("a")[0] == 2

        world.kube.annotate(A, approve=world.status("a")["plan"]["digest"])
        await world.run(60)
        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 3


@played
async def test_who_insists_on_a_certificate_is_not_fought_across_an_edit_from_off_to_on() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a", enabled=False, approvalRequired=[])
        await world.run(60)
        pair = foreign_pair(world)
        world.meddle("a", enabled=True, **pair)
        await world.run(RESYNC + 40 * MINUTE)
        assert causes(world) == [("drift", "Verified")]
        world.edit("a", enabled=True)
        await world.run(120)
        assert world.ready("a") == ("True", "Verified")
        assert causes(world)[1:] == [("spec", "Verified")]

        world.meddle("a", **pair)
        await world.run(DAY)

        assert pending(world)[0] == "Drifted"
        assert "only reported" in pending(world)[1]
        assert world.cost("a")[0] == 2


@played
async def test_the_same_change_more_than_a_day_after_it_was_put_back_is_put_back_again() -> None:
    async with EngineWorld() as world:
        await drifted(world)
        await world.run(40 * MINUTE)
        await world.run(DAY)

        await turned_off(world)
        await world.run(40 * MINUTE)

        assert world.cost("a")[0] == 3
        assert world.ready("a") == ("True", "Verified")


@played
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "async-failed"}, id="fails"),
        pytest.param({"kind": "reset-after"}, id="the answer is lost"),
        pytest.param({"kind": "reset-before"}, id="the call is lost"),
    ],
)
async def test_a_fight_is_cut_off_whatever_became_of_the_first_correction(
    fault: dict[str, object],
) -> None:
    async with EngineWorld() as world:
        await drifted(world)
        world.rds.fault(fault, action=MODIFY)
        await world.run(90 * MINUTE)
        assert world.ready("a") == ("True", "Verified")
        accepted = world.cost("a")[0]
        assert {cause for cause, _ in causes(world)[1:]} == {"drift"}

        await turned_off(world)
        await world.run(DAY)

        assert "only reported" in pending(world)[1]
        assert world.cost("a")[0] == accepted


@played
async def test_a_busy_instance_does_not_start_the_half_hour_anew() -> None:
    async with EngineWorld() as world:
        since = await drifted(world)
        world.rds.fault({"code": "OperationDenied.DBInstanceStatus", "status": 400}, action=MODIFY)

        await world.run(33 * MINUTE)

        assert world.ready("a") == ("True", "Verified")
        assert world.clock() - since < timedelta(minutes=34)


@played
async def test_a_correction_that_weakens_waits_for_approval_at_once() -> None:
    async with EngineWorld() as world:
        await on(world)
        world.meddle("a", ca_type="custom", **foreign_pair(world))
        await world.run(RESYNC)

        reason, message = pending(world)
        assert reason == "AwaitingApproval"
        assert "undo what somebody changed elsewhere" in message
        await world.run(DAY)
        assert world.cost("a")[0] == 1


@played
async def test_a_rotation_puts_nothing_back_in_passing() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.declare_custom("a")
        await world.run(120)
        await turned_off(world)
        await world.run(5 * MINUTE)

        world.write_pair("a")
        await world.run(10 * MINUTE)

        assert pending(world)[0] == "Drifted"
        assert world.ready("a") == ("False", "Drifted")
        assert world.cost("a")[0] == 1
        await world.run(25 * MINUTE)
        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 2
        assert causes(world)[-1] == ("drift", "Verified")


@played
async def test_whoever_edits_the_declaration_wants_it_to_hold_now() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.declare_custom("a")
        await world.run(120)
        await turned_off(world)

        world.write("ConfigMap", "a-ca", {"ca.crt": pki.pem(world.root.certificate)})
        ca = {"configMapKeyRef": {"name": "a-ca"}}
        world.edit("a", clientAuthentication={"ca": ca, "acl": "verify-ca"})
        await world.run(60)

        assert world.ready("a") == ("True", "Verified")
        assert causes(world)[-1] == ("spec", "Verified")


@played
async def test_the_half_hour_is_enough_to_declare_the_change() -> None:
    async with EngineWorld() as world:
        await drifted(world)
        await world.run(25 * MINUTE)

        world.edit("a", enabled=False)
        await world.run(HOUR)

        assert world.ready("a") == ("True", "Adopted")
        assert world.cost("a")[0] == 1


@played
async def test_the_half_hour_is_enough_to_suspend_and_time_goes_on_meanwhile() -> None:
    async with EngineWorld() as world:
        await drifted(world)
        await world.run(25 * MINUTE)
        world.edit("a", suspend=True)
        await world.run(3 * HOUR)
        assert pending(world)[0] == "Suspended"
        assert world.cost("a")[0] == 1

        world.edit("a", suspend=None)
        await world.run(60)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 2


@played
async def test_a_drift_that_is_due_still_waits_for_its_window() -> None:
    async with EngineWorld() as world:
        opens = world.clock() + timedelta(hours=5)
        schedule = f"{opens.minute} {opens.hour} * * *"
        await on(world)
        world.edit("a", maintenance={"windows": [{"schedule": schedule, "duration": "1h"}]})
        await turned_off(world)
        assert re.match(r".*T\d\d:\d\d:00Z", world.status("a")["plan"]["notBefore"])
        await world.run(2 * HOUR)
        assert pending(world)[0] == "AwaitingWindow"
        assert world.cost("a")[0] == 1

        await world.run(3 * HOUR)

        assert world.cost("a")[0] == 2


@played
async def test_two_operators_that_want_different_things_do_not_fight_for_ever() -> None:
    """The other one is in another cluster, puts its own back within minutes, and never stops."""
    async with EngineWorld() as world:
        await on(world)
        for _ in range(7 * 24 * 4):
            await world.run(15 * MINUTE)
            if world.truth("a")["ssl"]["enabled"]:
                world.meddle("a", enabled=False)

        assert world.cost("a")[0] == 2
        assert "only reported" in pending(world)[1]


@played
async def test_ssl_that_is_to_be_off_rests_for_the_delay_after_every_foreign_change() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a", enabled=False, approvalRequired=[])
        await world.run(60)
        world.meddle("a", enabled=True)
        world.ask("a", "one")
        await world.run(1500)
        world.meddle("a", **foreign_pair(world))  # Somebody is still at it.
        world.ask("a", "two")

        await world.run(1500)
        assert world.ready("a") == ("False", "Drifted")
        assert world.cost("a")[0] == 0

        await world.run(600)
        assert world.ready("a")[0] == "True"
        assert world.cost("a")[0] == 1


@played
async def test_a_foreign_certificate_in_place_of_another_begins_a_new_half_hour() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a", approvalRequired=[])
        await world.run(60)
        for token in ("one", "two"):
            world.meddle("a", **foreign_pair(world))
            world.ask("a", token)
            await world.run(1500)

        assert world.ready("a") == ("False", "Drifted")
        assert world.cost("a")[0] == 1

        await world.run(600)
        assert world.cost("a")[0] == 2
