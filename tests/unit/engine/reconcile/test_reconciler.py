"""Passes that are cut off, in conflict, or not needed."""

import itertools
import logging

import pytest

from rds_ssl.core.errors import KubeUnavailable
from rds_ssl.engine.reconcile.ports import Timings
from support.engine_world import NAMESPACE, EngineWorld, played
from support.line import Call


async def two_ready(world: EngineWorld) -> None:
    """Bring the objects ``a``, of other credentials, and ``b`` to Ready."""
    world.write_credentials("own")
    for name in "ab":
        world.add_instance(name)
    world.declare("a", credentialsSecretRef={"name": "own"})
    world.declare("b")
    await world.run(300)
    assert world.ready("a") == world.ready("b") == ("True", "Verified")


@played
async def test_an_object_that_went_while_its_patch_was_under_way_stays_gone() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.line.latency = lambda: 0.1  # Longer than the watch takes.
        deletions = itertools.count()

        def delete(call: Call) -> None:
            if call.phase == "Sending" and next(deletions) == 0:
                world.kube.delete((NAMESPACE, "a"))

        world.line.after.append(delete)
        world.declare("a")

        await world.run(60)

        assert next(deletions) > 0
        assert world.engine is not None
        assert world.engine.objects.keys() == set()


@played
async def test_a_conflict_is_overcome_although_the_watch_shows_nothing_any_more() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a")
        await world.run(60)
        world.kube.hidden.add((NAMESPACE, "a"))
        world.edit("a", suspend=True)
        world.meddle("a", acl="prefer", enabled=False)

        await world.run(1300)

        assert world.status("a")["observedGeneration"] == 2
        assert world.conditions("a")["ChangePending"] == ("True", "Suspended")


@played
async def test_what_a_conflict_interrupts_is_tried_again_ever_more_slowly() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a")
        await world.run(60)
        labels = itertools.count()

        def label(call: Call) -> None:
            if call.what == "patch_status":
                world.kube.label((NAMESPACE, "a"), turn=str(next(labels)))

        world.line.before.append(label)
        world.edit("a", suspend=True)

        await world.run(600)

        assert 3 < next(labels) < 15


@played
async def test_a_pass_that_failed_for_an_unforeseen_reason_is_made_up_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)
    async with EngineWorld() as world:
        await two_ready(world)
        falls = itertools.count()

        def fall(call: Call) -> None:
            if call.what == "DescribeDBInstanceSSL" and next(falls) == 0:
                raise ZeroDivisionError

        world.line.before.append(fall)
        assert world.engine is not None
        world.engine.reconciler.force((NAMESPACE, "b"))
        world.engine.queue.add((NAMESPACE, "b"))

        await world.run(10)

        assert next(falls) > 1
        assert [type(each) for each in world.bugs] == [ZeroDivisionError]
        world.bugs.clear()


@played
async def test_a_look_that_a_fault_ended_is_made_up_for_when_something_cosmetic_happens() -> None:
    async with EngineWorld() as world:
        await two_ready(world)
        world.rds.fault({"code": "Forbidden.RAM", "status": 403}, instance="pgm-a", times=1)
        world.ask("a", "now")
        await world.run(1)
        assert world.conditions("a")["Stalled"] == ("True", "Forbidden")

        world.write_credentials("own")  # The same once again.
        await world.run(1)

        assert world.ready("a") == ("True", "Verified")


@played
async def test_a_reconcile_now_is_answered_once_what_it_asks_for_is_not_held_any_more() -> None:
    async with EngineWorld(timings=Timings(quiet_period=30.0)) as world:
        world.add_instance("a")
        world.declare("a")
        world.ask("a", "please")
        await world.run(20)
        assert world.conditions("a")["ChangePending"] == ("True", "QuietPeriod")
        assert "lastHandledReconcileAt" not in world.status("a")

        await world.run(120)

        assert world.status("a")["lastHandledReconcileAt"] == "please"
        assert world.ready("a") == ("True", "Verified")


@played
async def test_what_changes_no_fact_costs_no_call_of_the_cloud_and_no_write() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        leaf = world.write_pair("a")
        world.declare_custom("a")
        await world.run(60)
        assert world.ready("a") == ("True", "Verified")
        calls, writes = len(world.calls("a")), len(world.kube.written)

        for number in range(5):
            world.kube.label((NAMESPACE, "a"), at=str(number))
            world.write_pair("a", leaf, extra=str(number).encode())
            await world.run(5)

        assert len(world.calls("a")) == calls
        assert len(world.kube.written) == writes


@played
async def test_a_pass_that_is_refused_for_now_comes_back_when_the_server_said() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        refusals: list[float] = []

        def refuse(call: Call) -> None:
            if call.what == "patch_status" and not refusals:
                refusals.append(world.monotonic())
                raise KubeUnavailable("too many", status=429, retry_after=20.0)

        world.line.before.append(refuse)
        world.declare("a")
        await world.run(60)

        (refused,) = refusals
        ends = [at for at, _, _ in world.passes if at > refused + 0.1]
        assert 20 <= ends[0] - refused < 25
        assert world.ready("a") == ("True", "Verified")
