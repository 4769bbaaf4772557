"""What is told of a change: before it happens, and afterwards in the history."""

from datetime import timedelta

import pytest

from rds_ssl.engine.reconcile.ports import Timings
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, Json, played
from support.line import Call

A = (NAMESPACE, "a")
DAY = 86_400.0


def last(world: EngineWorld) -> Json:
    """Give the newest entry of the history."""
    found: Json = world.status("a")["history"][0]
    return found


async def custom(world: EngineWorld, **spec: object) -> None:
    """Bring an instance to SSL with a certificate of its own."""
    world.add_instance("a")
    world.write_pair("a")
    world.declare_custom("a", **spec)
    await world.run(120)
    assert world.ready("a") == ("True", "Verified")


@played
async def test_plan_cause_and_impacts_are_told_and_counted_before_the_call() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        told: list[tuple[list[str], Json]] = []

        def at_the_call(call: Call) -> None:
            if call.what == MODIFY:
                told.append((list(world.counted), world.kube.events[-1]))

        world.line.before.append(at_the_call)
        world.declare("a")
        await world.run(60)

        ((counted, event),) = told
        assert counted == ["spec: Restart"]
        assert event["reason"] == "ChangeStarted"
        assert event["message"].startswith("Plan ")
        assert "Cause: spec." in event["message"]
        assert "Impacts: Restart." in event["message"]
        sending = next(each for each in world.line.calls if each.phase == "Sending")
        assert f"Plan {sending.content['plan']['digest']}." in event["message"]
        order = [each.what for each in world.line.calls if each.number >= sending.number]
        assert order[:3] == ["patch_status", "create_event", MODIFY]
        assert world.counted == ["spec: Restart", "verified"]


@played
async def test_a_renewal_that_restarts_nothing_is_counted_as_such() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0")
        world.rds.config(durations={"cloud-lifetime": 5 * DAY})
        world.declare("a", serverCertificate={"renewBefore": "24h"})
        await world.run(120)
        world.rds.config(durations={"cloud-lifetime": 365 * DAY})
        world.counted.clear()
        await world.run(4.5 * DAY)

        assert world.counted == ["renewal: ", "verified"]
        assert last(world)["cause"] == "renewal"
        assert "impacts" not in last(world) or "Restart" not in last(world)["impacts"]


@played
async def test_a_change_goes_on_although_its_event_cannot_be_posted() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")

        def lost(call: Call) -> None:
            if call.what == "create_event":
                raise TimeoutError

        world.line.before.append(lost)
        world.declare("a")
        await world.run(60)

        assert world.ready("a") == ("True", "Verified")


@played
async def test_the_history_says_what_asked_for_each_change_and_which_fields_it_changed() -> None:
    async with EngineWorld() as world:
        await custom(world)
        assert last(world)["cause"] == "spec"
        assert "serverCertificate" in last(world)["fields"]
        assert last(world)["impacts"] == ["Restart"]
        assert len(last(world)["material"]) == 1

        end = world.clock() + timedelta(days=70)
        world.write_pair("a", world.issuer.leaf(world.host("a"), not_after=end))
        await world.run(120)
        assert last(world)["cause"] == "rotation"
        assert last(world)["fields"] == ["serverCertificate"]
        assert len(last(world)["material"]) == 1

        world.meddle("a", enabled=False)
        await world.run(3600)
        assert last(world)["cause"] == "drift"
        assert last(world)["fields"][0] == "enabled"

        world.edit("a", enabled=False, approvalRequired=[])
        await world.run(120)
        assert (last(world)["cause"], last(world)["fields"]) == ("spec", ["enabled"])
        assert "material" not in last(world) or not last(world)["material"]
        assert [each["result"] for each in world.status("a")["history"]] == ["Verified"] * 4


@played
async def test_turning_off_for_a_deletion_is_told_with_its_cause() -> None:
    async with EngineWorld() as world:
        await custom(world, deletionPolicy="Disable")
        world.kube.delete(A)
        await world.run(120)

        assert A not in world.kube.objects
        told = [each for each in world.kube.events if each["reason"] == "ChangeStarted"][-1]
        assert "Cause: deletion." in told["message"]


@played
@pytest.mark.parametrize("wait", ["window", "quiet period"])
async def test_an_approval_that_is_given_early_counts_when_its_plan_may_go(wait: str) -> None:
    quiet = 10.0 if wait == "quiet period" else 0.0
    async with EngineWorld(timings=Timings(quiet_period=quiet, max_changes_per_day=0)) as world:
        await custom(world)
        opens = world.clock() + timedelta(hours=3)
        windows = [{"schedule": f"{opens.minute} {opens.hour} * * *", "duration": "1h"}]
        maintenance = {"windows": windows} if wait == "window" else None
        world.edit("a", serverCertificate=None, maintenance=maintenance)
        await world.run(60)
        given = world.status("a")["plan"]["digest"]

        world.kube.annotate(A, approve=given)
        await world.run(3600 if maintenance else 5)
        assert world.cost("a")[0] == 1
        assert "lastApproval" not in world.status("a")
        await world.run(2.1 * 3600)

        assert world.ready("a") == ("True", "Verified")
        assert last(world)["approval"] == given


@played
async def test_an_approval_that_is_taken_back_while_its_plan_waits_lets_nothing_go() -> None:
    async with EngineWorld() as world:
        await custom(world)
        opens = world.clock() + timedelta(hours=3)
        windows = [{"schedule": f"{opens.minute} {opens.hour} * * *", "duration": "1h"}]
        world.edit("a", serverCertificate=None, maintenance={"windows": windows})
        await world.run(60)
        world.kube.annotate(A, approve=world.status("a")["plan"]["digest"])
        await world.run(3600)

        world.kube.annotate(A, approve=None)
        await world.run(6 * 3600)

        assert world.cost("a")[0] == 1
        assert world.ready("a") == ("False", "AwaitingApproval")


@played
async def test_first_contact_goes_with_an_approval_and_is_no_first_contact_afterwards() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", ssl={"enabled": True})
        world.write_pair("a")
        world.declare_custom("a")
        await world.run(60)
        assert world.ready("a") == ("False", "AwaitingApproval")

        world.kube.annotate(A, approve=world.status("a")["plan"]["digest"])
        await world.run(120)
        assert world.ready("a") == ("True", "Verified")
        world.write_pair("a")
        await world.run(120)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 2
