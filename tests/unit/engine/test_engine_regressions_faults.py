"""What a review found in the engine, about faults: outages, back-off, conflicts, credentials."""

import gc
import itertools
import logging

import pytest

from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.core.errors import MaterialError
from rds_ssl.engine.reconcile.ports import Timings
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, played
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


def calls_to(world: EngineWorld, instance_id: str) -> int:
    """Count what was called for an instance, answered or not."""
    return sum(each.about == instance_id and each.port == "cloud" for each in world.line.calls)


@played
async def test_a_prober_that_lost_its_credentials_makes_room_for_another() -> None:
    async with EngineWorld() as world:
        await two_ready(world)
        world.rds.fault({"kind": "reset-before"}, times=9999)
        world.ask("a", "now")
        await world.run(0.5)  # It is the prober now.
        world.edit("b", suspend=True)
        await world.run(0.5)
        before = calls_to(world, "pgm-b")

        world.kube.delete_data("Secret", (NAMESPACE, "own"))
        await world.run(5)

        assert calls_to(world, "pgm-b") > before
        world.rds.clear_faults()
        await world.run(30)
        assert world.status("b")["observedGeneration"] == 2
        assert "Reconciling" not in world.conditions("b")


@played
async def test_an_answer_that_cannot_be_understood_says_that_the_endpoint_answers() -> None:
    async with EngineWorld() as world:
        await two_ready(world)
        world.rds.fault({"kind": "reset-before"}, times=1)
        world.ask("a", "now")
        await world.run(0.5)
        world.ask("b", "now")
        world.rds.fault({"kind": "bare"}, instance="pgm-a", times=9999)

        await world.run(10)

        assert world.status("b")["lastHandledReconcileAt"] == "now"
        assert "Reconciling" not in world.conditions("b")


@played
@pytest.mark.parametrize(
    ("code", "most"),
    [
        ("Throttling.User", 22),
        ("OperationDenied.DBInstanceStatus", 20),
        ("InvalidAccessKeyId.NotFound", 12),
    ],
)
async def test_writes_after_which_nothing_was_executed_come_ever_more_rarely(
    code: str, most: int
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.fault({"code": code, "status": 400}, action=MODIFY, times=9999)
        world.declare("a")

        await world.run(3600)

        assert 3 < len(world.modifies("a")) <= most


@played
async def test_a_foreign_change_that_is_told_at_writes_only_ends_readiness_after_half_an_hour() -> (
    None
):
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.declare_custom("a")
        await world.run(100)
        busy = {"code": "OperationDenied.DBInstanceStatus", "status": 400}
        world.rds.fault(busy, action=MODIFY, times=9999)
        world.write_pair("a")

        await world.run(600)
        assert world.ready("a")[0] == "True"
        await world.run(1800)

        assert world.ready("a") == ("False", "InstanceBusy")


@played
async def test_an_edit_lets_a_blocked_write_go_at_once_and_often_again() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.fault({"code": "Throttling.User", "status": 400}, action=MODIFY, times=9999)
        world.declare("a")
        await world.run(3000)
        before = len(world.modifies("a"))

        world.ask("a", "now")
        await world.run(60)

        assert len(world.modifies("a")) - before >= 3


@played
async def test_an_accepted_write_ends_the_series_of_those_that_were_not_executed() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        throttling = {"code": "Throttling.User", "status": 400}
        world.rds.fault(throttling, action=MODIFY, times=7)
        world.rds.fault({"kind": "async-failed"}, action=MODIFY, times=1)
        world.declare("a")
        await world.run(400)
        assert world.conditions("a")["Stalled"] == ("True", "ApplyFailed")
        failed = len(world.modifies("a"))
        world.rds.fault(throttling, action=MODIFY, times=1)

        await world.run(500)

        assert len(world.modifies("a")) == failed + 2
        assert world.ready("a") == ("True", "Verified")


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
async def test_credentials_that_were_missing_for_a_moment_do_not_prolong_the_quiet_period() -> None:
    async with EngineWorld(timings=Timings(quiet_period=10.0)) as world:
        world.write_credentials("own")
        world.add_instance("a")
        world.declare("a", credentialsSecretRef={"name": "own"})
        await world.run(8)
        world.kube.delete_data("Secret", (NAMESPACE, "own"))
        await world.run(1)
        world.write_credentials("own")

        await world.run(3)

        assert len(world.modifies("a")) == 1


def kept_credentials() -> int:
    """How many credentials are alive; other tests of this process may keep some."""
    gc.collect()
    return sum(isinstance(each, Credentials) for each in gc.get_objects())


@played
async def test_credentials_of_a_secret_that_nobody_names_any_more_are_forgotten() -> None:
    async with EngineWorld() as world:
        await two_ready(world)
        world.kube.delete((NAMESPACE, "a"))
        await world.run(1)
        before = kept_credentials()
        world.kube.delete_data("Secret", (NAMESPACE, "own"))

        await world.run(1)

        assert kept_credentials() == before - 1


@played
async def test_no_error_that_is_kept_holds_a_private_key() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        leaf = world.root.leaf(world.host("a"))
        world.write("Secret", "a-tls", {"tls.crt": b"garbage", "tls.key": leaf.key_pem()})
        world.declare_custom("a")
        await world.run(30)
        assert world.ready("a") == ("False", "MaterialInvalid")

        gc.collect()
        errors = [each for each in gc.get_objects() if isinstance(each, MaterialError)]

        assert errors  # The text does not parse: that is a fact, and kept.
        assert [each.__traceback__ for each in errors] == [None] * len(errors)


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
async def test_an_object_without_credentials_gives_its_place_in_the_queue_of_changes_up() -> None:
    async with EngineWorld(budget=1) as world:
        world.write_credentials("own")
        for name in "abc":
            world.add_instance(name)
        world.rds.config(durations={"change": 60.0})
        world.declare("a")
        await world.run(1)
        world.declare("b", credentialsSecretRef={"name": "own"})
        await world.run(1)
        world.declare("c")
        await world.run(1)
        assert world.conditions("c")["ChangePending"] == ("True", "AwaitingBudget")

        world.kube.delete_data("Secret", (NAMESPACE, "own"))
        await world.run(90)

        assert world.status("c")["operation"]["phase"] == "Accepted"
