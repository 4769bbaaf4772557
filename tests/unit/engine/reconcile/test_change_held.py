"""A plan that is held is told by one Event for each gate that holds it, with what lets it go."""

import itertools
from datetime import timedelta

from rds_ssl.core.errors import KubeConflict
from rds_ssl.engine.reconcile.ports import Timings
from support import pki
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, Json, played
from support.line import Call

A = (NAMESPACE, "a")
HOUR, DAY = 3600.0, 86_400.0


async def cloud_certificate(world: EngineWorld, **spec: object) -> None:
    """Bring an instance to SSL with a certificate of the cloud."""
    world.add_instance("a")
    world.declare("a", **spec)
    await world.run(120)
    assert world.ready("a") == ("True", "Verified")


def told(world: EngineWorld, name: str = "a") -> list[str]:
    """Give the messages of the Events, oldest first, each as often as it was counted."""
    return [
        each["message"]
        for each in world.kube.events
        if each["name"] == name and each["reason"] == "ChangeHeld"
        for _ in range(each.get("count", 1))
    ]


def pending(world: EngineWorld) -> str:
    """Give the reason of ChangePending."""
    found = world.condition("ChangePending", "a")
    assert found is not None
    return str(found["reason"])


def digest(world: EngineWorld) -> str:
    """Give the digest of the plan that is held."""
    return str(world.status("a")["plan"]["digest"])


def window(world: EngineWorld, hours: float) -> Json:
    """Give a daily window of an hour that opens in *hours*."""
    opens = world.clock() + timedelta(hours=hours)
    schedule = f"{opens.minute} {opens.hour} * * *"
    return {"windows": [{"schedule": schedule, "duration": "1h"}]}


@played
async def test_a_plan_that_waits_for_a_person_is_told_once_with_what_lets_it_go() -> None:
    async with EngineWorld() as world:
        await cloud_certificate(world)

        world.edit("a", enabled=False)
        await world.run(2 * DAY)

        (message,) = told(world)
        assert message.startswith(f"{digest(world)}: It waits for approval because of Weakens:")
        assert f"rds-ssl.dev/approve: {digest(world)}" in message
        assert world.status("a")["plan"]["summary"] in message
        (event,) = (each for each in world.kube.events if each["reason"] == "ChangeHeld")
        assert event["warning"] is False


@played
async def test_a_new_process_does_not_tell_it_again() -> None:
    async with EngineWorld() as world:
        await cloud_certificate(world)
        world.edit("a", enabled=False)
        await world.run(60)

        for _ in range(3):
            await world.restart()
            world.ask("a", f"{world.monotonic()}")
            await world.run(60)

        assert len(told(world)) == 1


@played
async def test_another_plan_is_told_anew() -> None:
    async with EngineWorld() as world:
        await cloud_certificate(world)
        world.edit("a", enabled=False)
        await world.run(60)
        first = digest(world)

        world.edit("a", approvalRequired=["Weakens", "Restart"], enabled=True, suspend=False)
        await world.run(60)
        world.edit("a", serverCertificate={"secretRef": {"name": "a-tls"}})
        world.write_pair("a")
        await world.run(60)

        assert [each.partition(":")[0] for each in told(world)] == [first, digest(world)]
        assert first != digest(world)


@played
async def test_each_gate_is_told_once_however_often_it_holds_the_plan() -> None:
    async with EngineWorld() as world:
        await cloud_certificate(world)
        world.edit("a", enabled=False)
        await world.run(60)
        plan = digest(world)

        for _ in range(3):
            world.edit("a", suspend=True)
            await world.run(60)
            assert pending(world) == "Suspended"
            world.edit("a", suspend=False)
            await world.run(60)
            assert pending(world) == "AwaitingApproval"
        world.edit("a", maintenance=window(world, 7))
        world.kube.annotate(A, approve=plan)
        await world.run(60)

        assert pending(world) == "AwaitingWindow"
        assert digest(world) == plan
        assert [each[: len(plan) + 9] for each in told(world)] == [
            f"{plan}: It wait",
            f"{plan}: It is n",
            f"{plan}: It wait",
        ]


@played
async def test_what_passes_within_seconds_is_not_told() -> None:
    async with EngineWorld(timings=Timings(quiet_period=10.0), budget=1) as world:
        for name in ("a", "b", "c"):
            world.add_instance(name)
            world.declare(name)
        await world.run(5)
        assert pending(world) == "QuietPeriod"

        await world.run(600)

        assert [told(world, name) for name in ("a", "b", "c")] == [[], [], []]
        assert [world.ready(name)[0] for name in ("a", "b", "c")] == ["True"] * 3


@played
async def test_a_window_is_told_once_although_the_quiet_period_came_before() -> None:
    async with EngineWorld(timings=Timings(quiet_period=10.0)) as world:
        await cloud_certificate(world)
        world.edit("a", maintenance=window(world, 7), approvalRequired=["Weakens", "Tightens"])
        world.write_pair("a")
        world.edit("a", serverCertificate={"secretRef": {"name": "a-tls"}})

        await world.run(HOUR)

        assert [each.split(": ")[1][:32] for each in told(world)] == [
            "It waits for the maintenance win"
        ]


@played
async def test_it_is_told_after_the_status_says_it_and_not_for_a_write_that_failed() -> None:
    async with EngineWorld() as world:
        await cloud_certificate(world)
        conflicts = itertools.count()

        def conflict(call: Call) -> None:
            if call.content.get("plan") and next(conflicts) < 2:
                assert told(world) == []
                raise KubeConflict("409", status=409)

        world.line.before.append(conflict)

        world.edit("a", enabled=False)
        await world.run(200)

        assert next(conflicts) > 2
        assert len(told(world)) == 1


@played
async def test_material_that_failed_elsewhere_is_told_although_it_waited_for_a_slot_first() -> None:
    async with EngineWorld(budget=1) as world:
        world.write("ConfigMap", "shared", {"ca.crt": world.root.pem})
        for name in ("a", "b"):
            world.add_instance(name)
            ca = {"configMapKeyRef": {"name": "shared"}}
            world.declare(name, clientAuthentication={"ca": ca})
        await world.run(600)
        world.rds.fault({"kind": "async-failed"}, action=MODIFY)

        bundle = world.root.pem + pki.make_root("Next root").pem
        world.write("ConfigMap", "shared", {"ca.crt": bundle})
        await world.run(1)
        waits = [each for each in ("a", "b") if world.conditions(each).get("ChangePending")]
        assert [world.status(each)["plan"]["heldBy"] for each in waits] == ["AwaitingBudget"]
        assert told(world, waits[0]) == []
        await world.run(300)

        (message,) = told(world, waits[0])
        assert "The last change with the same material failed" in message
