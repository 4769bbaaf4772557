"""What a review found in the engine, about calls: what is sent, and how its end is known."""

import hashlib
import itertools

import pytest

from rds_ssl.core.errors import KubeConflict, KubeUnavailable
from rds_ssl.core.model import FINALIZER
from rds_ssl.core.operation.verification import Limits
from rds_ssl.engine.reconcile.ports import Timings
from support import pki
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, played
from support.line import Call
from support.simulator import ACCESS_KEY_ID

UNREADABLE = {
    "digest": "x",
    "phase": "Paused",
    "startTime": "2026-01-01T00:00:00Z",
    "attempt": 1,
}
"""A write-ahead record of a newer version."""


@played
async def test_a_record_that_cannot_be_read_stays_and_nothing_is_sent() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a")
        world.kube.put_status((NAMESPACE, "a"), {"operation": UNREADABLE})

        await world.run(1500)

        assert world.status("a")["operation"] == UNREADABLE
        assert world.conditions("a")["Stalled"] == ("True", "DeclarationInvalid")
        assert world.modifies("a") == []


@played
async def test_a_deletion_with_a_record_that_cannot_be_read_sends_nothing() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a", deletionPolicy="Disable")
        await world.run(60)
        world.kube.put_status((NAMESPACE, "a"), {"operation": UNREADABLE})
        world.kube.delete((NAMESPACE, "a"))

        await world.run(1500)

        assert world.conditions("a")["Stalled"] == ("True", "DeclarationInvalid")
        assert world.cost("a") == (1, 1)
        assert FINALIZER in world.kube.objects[NAMESPACE, "a"]["metadata"]["finalizers"]


@played
@pytest.mark.parametrize("quiet_period", [0.0, 10.0])
async def test_two_new_objects_of_one_instance_cost_one_call(quiet_period: float) -> None:
    async with EngineWorld(timings=Timings(quiet_period=quiet_period)) as world:
        world.add_instance("a")
        world.declare("a")
        world.declare("b", instanceID="pgm-a", serverCertificate={"caType": "aliyun"})

        await world.run(200)

        assert world.cost("a") == (1, 1)
        assert len(world.modifies("a")) == 1
        assert world.ready("a")[0] == "True"
        assert world.ready("b") == ("False", "Conflict")


@played
async def test_an_older_object_waits_while_a_younger_ones_change_is_under_way() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.config(durations={"window": 6.0})
        world.write_pair("a")
        custom = {"secretRef": {"name": "a-tls"}}
        later = {"name": "later"}
        world.declare(
            "a",
            serverCertificate=custom,
            credentialsSecretRef=later,
            adoptionPolicy="Overwrite",
            approvalRequired=[],
        )
        await world.run(1)
        world.declare("b", instanceID="pgm-a")
        await world.run(1)
        assert world.status("b")["operation"]["phase"] == "Accepted"

        world.write_credentials("later")
        await world.run(300)

        assert [each.overlaps for each in world.accepted] == [False, False]
        assert world.ready("a") == ("True", "Verified")
        assert world.ready("b") == ("False", "Conflict")


@played
async def test_a_change_of_an_object_that_only_another_operator_serves_is_waited_for() -> None:
    async with EngineWorld(started=False) as world:
        world.add_instance("a")
        world.declare("a")
        world.declare("b", instanceID="pgm-a")
        world.kube.hidden.add((NAMESPACE, "b"))
        under_way = {**UNREADABLE, "phase": "Accepted"}
        world.kube.put_status((NAMESPACE, "b"), {"operation": under_way})
        world.start()

        await world.run(60)
        assert world.modifies("a") == []
        world.kube.put_status((NAMESPACE, "b"), {"operation": None})
        await world.run(60)

        assert world.cost("a") == (1, 1)
        assert world.ready("a") == ("True", "Verified")


@played
async def test_a_change_that_ends_under_an_older_claimant_ends_in_conflict() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.config(durations={"change": 60.0})
        world.declare("a", credentialsSecretRef={"name": "later"})
        await world.run(1)
        world.declare("b", instanceID="pgm-a")
        await world.run(2)
        assert world.status("b")["operation"]["phase"] == "Accepted"
        world.kube.put_status((NAMESPACE, "a"), {"instance": {"engine": "PostgreSQL"}})

        await world.run(100)

        assert world.ready("b") == ("False", "Conflict")
        assert "applied" not in world.status("b")


@played
async def test_two_unknown_outcomes_are_the_last_although_slots_are_contested() -> None:
    async with EngineWorld(budget=1) as world:
        for name in ("a", "b"):
            world.add_instance(name)
            world.declare(name)
        world.rds.fault({"kind": "reset-before"}, action=MODIFY, times=9999)

        await world.run(7200)

        assert {name: len(world.modifies(name)) for name in "ab"} == {"a": 2, "b": 2}
        for name in "ab":
            assert world.status(name)["operation"]["attempt"] == 2
            assert world.conditions(name)["Stalled"] == ("True", "ApplyTimedOut")


@played
async def test_a_second_attempt_that_a_quiet_period_holds_stays_the_second() -> None:
    async with EngineWorld(timings=Timings(quiet_period=10.0)) as world:
        world.add_instance("a")
        world.declare("a")
        world.rds.fault({"kind": "reset-before"}, action=MODIFY, times=9999)
        await world.run(185)
        world.ask("a", "now")  # The inputs are other ones: the next attempt waits.

        await world.run(3600)

        assert len(world.modifies("a")) == 2
        assert world.conditions("a")["Stalled"] == ("True", "ApplyTimedOut")


@played
async def test_what_is_sent_is_the_material_of_now_not_of_before_the_wait_for_a_token() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.declare_custom("a")
        await world.run(100)
        accepted = world.truth("a")["accepted"]
        assert world.engine is not None
        limiter = world.engine.limits.of("https://rds.invalid", ACCESS_KEY_ID)

        def spend(call: Call) -> None:
            if call.what == "DescribeDBInstanceAttribute":  # The last look before the token.
                limiter.pause(MODIFY, world.monotonic() + 200)

        world.line.after.append(spend)
        world.write_pair("a")
        await world.run(50)
        world.line.after.remove(spend)
        newest = world.write_pair("a")
        await world.run(900)

        assert world.truth("a")["accepted"] == accepted + 1
        sent = world.accepted[-1].target.server
        assert sent is not None
        assert sent.sha256 == hashlib.sha256(pki.der(newest.certificate)).hexdigest()
        assert world.ready("a")[0] == "True"


@played
async def test_an_end_is_told_once_although_its_verdict_meets_a_conflict() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        conflicts = itertools.count()

        def conflict(call: Call) -> None:
            if call.content.get("applied") and next(conflicts) == 0:
                raise KubeConflict("409", status=409)

        world.line.before.append(conflict)
        world.declare("a")

        await world.run(200)

        assert next(conflicts) > 1
        assert world.events("a") == ["ChangeStarted", "ChangeVerified"]
        assert world.counted == ["spec: Restart", "verified"]
        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)


@played
async def test_an_end_is_told_although_the_next_change_is_sent_in_the_same_pass() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.config(durations={"change": 60.0})
        world.write_pair("a")
        world.declare("a")
        await world.run(30)
        world.edit("a", serverCertificate={"secretRef": {"name": "a-tls"}})

        await world.run(300)

        assert world.events("a") == ["ChangeStarted", "ChangeVerified"] * 2
        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (2, 2)


@played
async def test_an_adoption_is_told_once_although_its_verdict_meets_a_conflict() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", ssl={"enabled": True})
        conflicts = itertools.count()

        def conflict(call: Call) -> None:
            if call.content.get("applied") and next(conflicts) == 0:
                raise KubeConflict("409", status=409)

        world.line.before.append(conflict)
        world.declare("a")

        await world.run(200)

        assert world.events("a") == ["Adopted"]
        assert world.ready("a") == ("True", "Adopted")
        assert world.cost("a") == (0, 0)


@played
async def test_an_edit_during_the_call_is_not_taken_for_seen_by_the_record_of_acceptance() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.declare_custom("a")
        await world.run(300)
        edits = itertools.count()

        def edit(call: Call) -> None:
            if call.phase == "Accepted" and next(edits) == 0:
                world.edit("a", connectionString="other.pg.rds.aliyuncs.com")
                world.ask("a", "token")

        world.line.before.append(edit)
        world.write_pair("a")
        await world.run(0.9)

        status = world.status("a")
        assert status["operation"]["phase"] == "Accepted"
        assert world.kube.objects[NAMESPACE, "a"]["metadata"]["generation"] == 2
        assert status["observedGeneration"] == 1
        assert "lastHandledReconcileAt" not in status


@played
async def test_a_change_whose_answer_was_lost_is_verified_and_not_adopted() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")

        def refuse(call: Call) -> None:
            if call.phase == "Accepted":
                raise KubeUnavailable("503", status=503)

        world.line.before.append(refuse)
        world.declare("a")
        await world.run(0.5)
        await world.crash()
        world.line.before.remove(refuse)
        world.start()

        await world.run(600)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)
        assert world.kube.writes["patch_status"] == 4  # The refused one, and Accepted once again.


@played
async def test_an_overdue_operation_that_cannot_be_read_any_more_ends() -> None:
    async with EngineWorld(
        budget=1, timings=Timings(quiet_period=0.0, limits=Limits(apply_timeout=600.0))
    ) as world:
        for name in "ab":
            world.add_instance(name)
        world.declare("a")
        await world.run(0.5)
        forbidden = {"code": "Forbidden.RAM", "status": 403}
        world.rds.fault(forbidden, instance="pgm-a", times=9999)
        world.declare("b")

        await world.run(1500)

        assert world.status("a")["operation"]["phase"] == "TimedOut"
        assert world.ready("b") == ("True", "Verified")


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
