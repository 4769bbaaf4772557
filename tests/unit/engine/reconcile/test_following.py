"""How the end of a call is known, recorded and told."""

import itertools

import pytest

from rds_ssl.core.errors import KubeConflict, KubeUnavailable
from rds_ssl.core.model import Restart
from rds_ssl.core.operation.verification import Limits
from rds_ssl.engine.reconcile.ports import Timings
from support.engine_world import MODIFY, EngineWorld, played
from support.line import Call

CUSTOM = {"serverCertificate": {"secretRef": {"name": "a-tls"}}}


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
async def test_of_each_change_that_ends_the_restart_predicted_is_counted_beside_the_one_seen() -> (
    None
):
    async with EngineWorld() as world:
        for name, seconds in (("a", 60.0), ("b", 0.0)):
            world.add_instance(name)
            world.rds.config(durations={"window": 0.0, "change": seconds})
            world.declare(name)
            await world.run(200)
            assert world.ready(name) == ("True", "Verified")

        assert world.ended == [(Restart.EXPECTED, True), (Restart.EXPECTED, False)]


@played
async def test_a_restart_is_counted_once_although_the_verdict_of_its_change_meets_a_conflict() -> (
    None
):
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
        assert len(world.ended) == 1


@played
async def test_a_change_that_rds_refuses_ends_without_a_restart_to_count() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.fault({"code": "InvalidServerCertAndKey.Mismatch", "status": 400}, action=MODIFY)
        world.declare("a")

        await world.run(200)

        assert world.conditions("a")["Stalled"] == ("True", "RequestRejected")
        assert world.ended == []


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
@pytest.mark.parametrize("profile", ["mysql-8.0", "mysql-5.7"])
async def test_a_certificate_that_a_half_done_change_left_is_not_taken_for_the_clouds(
    profile: str,
) -> None:
    """MySQL shows neither CAType nor the certificate; the end of what is in force has moved."""
    async with EngineWorld() as world:
        world.add_instance("a", profile=profile)
        world.write_pair("a")
        world.declare("a", approvalRequired=[])
        await world.run(300)
        world.rds.fault({"kind": "async-half", "claim": "success"}, action=MODIFY)
        world.edit("a", forceEncryption=True, **CUSTOM)
        await world.run(300)
        assert world.ready("a") == ("False", "NotConverging")
        assert world.truth("a")["ssl"]["ca_type"] == "custom"

        world.edit("a", forceEncryption=None, serverCertificate=None)
        await world.run(1500)

        assert world.ready("a")[0] == "True"
        assert world.truth("a")["ssl"]["ca_type"] == "aliyun"
        assert world.cost("a")[0] == 3


@played
@pytest.mark.parametrize("profile", ["mysql-8.0", "postgresql-14"])
async def test_a_change_that_is_still_at_work_when_it_is_overdue_is_not_forgotten(
    profile: str,
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile=profile)
        world.write_pair("a")
        world.declare("a", approvalRequired=[])
        await world.run(300)
        world.rds.config(durations={"change": 4000.0})
        world.edit("a", **CUSTOM)
        await world.run(2000)
        assert world.ready("a") == ("False", "ApplyTimedOut")

        world.edit("a", serverCertificate=None)
        await world.run(1000)
        assert world.ready("a")[0] == "False"
        world.rds.config(durations={"change": 2.0})
        await world.run(4000)

        assert world.ready("a")[0] == "True"
        assert world.truth("a")["ssl"]["ca_type"] == "aliyun"
