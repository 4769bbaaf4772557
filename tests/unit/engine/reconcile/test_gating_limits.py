"""Damage is bounded: so many restarts a day, so many at a time, and what failed is not spread."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from rds_ssl.core.formats import write_time
from rds_ssl.engine.reconcile.ports import Timings
from support import pki
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, played

A = (NAMESPACE, "a")
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
THREE = Timings(quiet_period=0.0)
"""Three changes a day."""


def pending(world: EngineWorld, name: str = "a") -> tuple[str, str]:
    """Give reason and message of ChangePending."""
    found = world.condition("ChangePending", name)
    assert found is not None
    return found["reason"], found["message"]


def rotate(world: EngineWorld, **days: float) -> None:
    """Write a new certificate for the instance a."""
    end = world.clock() + timedelta(**days or {"days": 80})
    world.write_pair("a", world.issuer.leaf(world.host("a"), not_after=end))


def started(world: EngineWorld) -> datetime:
    """Give the time of the last accepted call."""
    return world.clock() + timedelta(seconds=world.accepted[-1].at - world.monotonic())


async def changed_thrice(world: EngineWorld, **days: float) -> datetime:
    """Turn SSL on and rotate twice, an hour apart; give the time of the first change's end."""
    world.add_instance("a")
    end = world.clock() + timedelta(**days or {"days": 80})
    world.write_pair("a", world.issuer.leaf(world.host("a"), not_after=end))
    world.declare_custom("a")
    for _ in range(2):
        await world.run(HOUR)
        assert world.ready("a") == ("True", "Verified")
        rotate(world, **days)
    await world.run(HOUR)
    assert world.cost("a")[0] == 3
    first: str = world.status("a")["history"][-1]["time"]
    return datetime.fromisoformat(first)


# -- changes per day ------------------------------------------------------------------------------


@played
async def test_the_fourth_change_of_a_day_waits_until_the_first_is_a_day_old() -> None:
    async with EngineWorld(timings=THREE) as world:
        first = await changed_thrice(world)

        rotate(world)
        await world.run(60)

        assert world.ready("a") == ("True", "Verified")
        reason, message = pending(world)
        assert reason == "ChangeLimitReached"
        release = first + timedelta(days=1)
        assert f"it is sent at {write_time(release)}" in message
        assert world.status("a")["plan"]["notBefore"] == write_time(release)
        await world.run((release - world.clock()).total_seconds() - 5)
        assert world.cost("a")[0] == 3
        await world.run(60)
        assert world.cost("a")[0] == 4
        assert timedelta() <= started(world) - release < timedelta(seconds=2)


@played
@pytest.mark.parametrize("when", ["before", "while it waits"])
async def test_a_new_process_knows_the_changes_of_the_day(when: str) -> None:
    async with EngineWorld(timings=THREE) as world:
        await changed_thrice(world)
        if when == "before":
            await world.restart()
        rotate(world)
        await world.run(60)
        if when != "before":
            await world.restart()
        await world.run(12 * HOUR)

        assert pending(world)[0] == "ChangeLimitReached"
        assert world.cost("a")[0] == 3


@played
async def test_an_object_that_is_deleted_and_applied_again_starts_no_new_day() -> None:
    async with EngineWorld(timings=THREE) as world:
        await changed_thrice(world)
        spec = {**world.kube.objects[A]["spec"], "adoptionPolicy": "Overwrite"}
        world.kube.delete(A)
        await world.run(1)
        world.kube.create(A, spec)
        await world.run(60)
        assert world.ready("a") == ("True", "Adopted")

        rotate(world)
        await world.run(12 * HOUR)

        assert pending(world)[0] == "ChangeLimitReached"
        assert world.cost("a")[0] == 3


@played
async def test_what_another_object_did_today_counts_beside_an_old_history_of_ones_own() -> None:
    async with EngineWorld(timings=THREE) as world:
        world.add_instance("a")
        world.write_pair("a")
        world.declare_custom("a")
        for _ in range(5):
            await world.run(DAY)
            rotate(world)
        await world.run(2 * DAY)
        await world.restart()
        world.edit("a", managementPolicy="Observe")
        other = (NAMESPACE, "other")
        spec = {**world.kube.objects[A]["spec"], "managementPolicy": "Enforce"}
        world.kube.create(other, {**spec, "adoptionPolicy": "Overwrite"})
        for _ in range(3):
            rotate(world)
            await world.run(HOUR)
        accepted = world.cost("a")[0]
        assert accepted == 9
        world.kube.delete(other)
        await world.run(60)

        world.edit("a", managementPolicy="Enforce", adoptionPolicy="Overwrite")
        rotate(world)
        await world.run(12 * HOUR)

        assert pending(world)[0] == "ChangeLimitReached"
        assert world.cost("a")[0] == accepted


@played
async def test_an_approval_restarts_it_once_more_today_and_only_once() -> None:
    async with EngineWorld(timings=THREE) as world:
        await changed_thrice(world)
        rotate(world)
        await world.run(60)

        world.kube.annotate(A, approve=world.status("a")["plan"]["digest"])
        await world.run(60)
        assert world.cost("a")[0] == 4
        rotate(world)
        await world.run(HOUR)

        assert pending(world)[0] == "ChangeLimitReached"
        assert "was spent already" in pending(world)[1]
        assert world.cost("a")[0] == 4


@played
async def test_what_expires_within_72_hours_is_replaced_whatever_the_changes_of_the_day() -> None:
    async with EngineWorld(timings=THREE) as world:
        await changed_thrice(world, hours=74)
        rotate(world)
        await world.run(60)

        # The certificate in force was made an hour ago: it is near enough in an hour.
        assert pending(world)[0] == "ChangeLimitReached"
        await world.run(2 * HOUR)

        assert world.cost("a")[0] == 4


@played
async def test_attempts_that_fail_count_as_well() -> None:
    async with EngineWorld(timings=THREE) as world:
        world.add_instance("a")
        world.rds.fault({"kind": "async-failed"}, action=MODIFY, times=3)
        world.declare("a")
        await world.run(2 * HOUR)
        assert world.ready("a") == ("False", "ApplyFailed")
        assert world.cost("a")[0] == 3

        world.write_pair("a")
        world.edit("a", serverCertificate={"secretRef": {"name": "a-tls"}})
        await world.run(HOUR)

        assert pending(world)[0] == "ChangeLimitReached"
        assert world.cost("a")[0] == 3


@played
async def test_turning_off_for_a_deletion_counts_too_and_tells_the_way_out() -> None:
    async with EngineWorld(timings=THREE) as world:
        first = await changed_thrice(world)
        world.edit("a", deletionPolicy="Disable")
        await world.run(60)
        world.kube.delete(A)
        await world.run(HOUR)

        reason, message = pending(world)
        assert reason == "ChangeLimitReached"
        assert "deletionPolicy to Retain" in message
        await world.run((first + timedelta(days=1) - world.clock()).total_seconds() + 60)
        assert A not in world.kube.objects
        assert not world.truth("a")["ssl"]["enabled"]


# -- setbacks -------------------------------------------------------------------------------------

NAMES = tuple("abcdefgh")


async def sharing(world: EngineWorld, names: tuple[str, ...] = NAMES) -> None:
    """Bring instances to certificates of their own and to a client CA that they share."""
    world.write("ConfigMap", "shared", {"ca.crt": pki.pem(world.root.certificate)})
    ca = {"configMapKeyRef": {"name": "shared"}}
    for name in names:
        world.add_instance(name)
        world.write_pair(name)
        world.declare_custom(name, clientAuthentication={"ca": ca})
    await world.run(600)
    assert {world.ready(each) for each in names} == {("True", "Verified")}


def share_another(world: EngineWorld) -> None:
    """Add a CA to the bundle that all of them share."""
    bundle = pki.pem(world.root.certificate) + pki.pem(pki.make_root("Next root").certificate)
    world.write("ConfigMap", "shared", {"ca.crt": bundle})


def rolled(world: EngineWorld, since: int) -> list[tuple[str, float]]:
    """Give instance and minute of each accepted call after the first *since*."""
    calls = world.accepted[since:]
    return [(each.instance_id, (each.at - calls[0].at) / MINUTE) for each in calls]


@played
async def test_what_failed_on_one_instance_is_tried_on_one_at_a_time_ten_minutes_apart() -> None:
    async with EngineWorld(budget=2) as world:
        await sharing(world)
        before = len(world.accepted)
        world.rds.fault({"kind": "async-failed"}, action=MODIFY, times=3)

        share_another(world)
        await world.run(2 * HOUR)

        calls = rolled(world, before)
        # Two were under way when the first one failed; the third ended the experiment.
        assert len(calls) == 3
        assert calls[2][1] - calls[1][1] >= 10
        waits = [each for each in NAMES if "ChangePending" in world.conditions(each)]
        assert {pending(world, each)[0] for each in waits} == {"AwaitingApproval"}
        assert "with the same material failed" in pending(world, waits[0])[1]
        assert len(waits) >= 5


@played
async def test_one_approval_and_one_success_let_the_others_go_at_full_speed() -> None:
    async with EngineWorld(budget=2) as world:
        await sharing(world)
        world.rds.fault({"kind": "async-failed"}, action=MODIFY, times=3)
        share_another(world)
        await world.run(2 * HOUR)
        waits = [each for each in NAMES if "ChangePending" in world.conditions(each)]
        before = len(world.accepted)

        one = waits[0]
        digest = world.status(one)["plan"]["digest"]
        world.kube.annotate((NAMESPACE, one), approve=digest)
        await world.run(20 * MINUTE)

        assert world.status(one)["history"][0]["approval"] == digest
        assert {world.ready(each) for each in waits} == {("True", "Verified")}
        assert not any("ChangePending" in world.conditions(each) for each in waits)
        assert rolled(world, before)[0][0] == f"pgm-{one}"


@played
async def test_a_request_to_reconcile_lets_only_the_object_go_on_that_failed_itself() -> None:
    async with EngineWorld(budget=1) as world:
        await sharing(world)
        world.rds.fault({"kind": "async-failed"}, action=MODIFY, times=3)
        share_another(world)
        await world.run(2 * HOUR)
        waits = [each for each in NAMES if "ChangePending" in world.conditions(each)]
        failed = [each for each in NAMES if "Stalled" in world.conditions(each)]
        before = len(world.accepted)

        for each in waits:
            world.ask(each, "now")
        await world.run(HOUR)
        assert len(world.accepted) == before
        assert world.status(waits[0])["lastHandledReconcileAt"] == "now"
        world.ask(failed[0], "now")
        await world.run(HOUR)

        assert world.accepted[before].instance_id == f"pgm-{failed[0]}"
        assert {world.ready(each) for each in waits} == {("True", "Verified")}


@played
async def test_a_new_process_knows_what_failed_elsewhere() -> None:
    async with EngineWorld(budget=1) as world:
        await sharing(world)
        world.rds.fault({"kind": "async-failed"}, action=MODIFY, times=99)
        share_another(world)
        before = len(world.accepted)
        for _ in range(12):
            await world.run(10 * MINUTE)
            await world.restart()

        assert len(world.accepted) - before == 3


@played
async def test_between_failures_one_at_a_time_is_sent_whatever_the_budget() -> None:
    async with EngineWorld(budget=0) as world:
        await sharing(world)
        world.rds.config(durations={"change": 100.0})
        first = "a"
        other = pki.make_root("Next root")
        bundle = pki.pem(world.root.certificate) + pki.pem(other.certificate)
        world.write("ConfigMap", "next", {"ca.crt": bundle})
        ca = {"configMapKeyRef": {"name": "next"}}
        world.rds.fault({"kind": "async-failed"}, action=MODIFY, times=2)
        world.edit(first, clientAuthentication={"ca": ca})
        await world.run(5 * MINUTE)
        assert world.conditions(first)["Stalled"] == ("True", "ApplyFailed")
        before = len(world.accepted)

        for each in NAMES[1:4]:
            world.edit(each, clientAuthentication={"ca": ca})
        await world.run(3 * HOUR)

        calls = rolled(world, before)
        assert len(calls) == 5
        # One more fails; the next succeeds, and frees all others, at the same time.
        assert calls[1][1] - calls[0][1] >= 10
        assert calls[2][1] - calls[1][1] >= 100 / MINUTE
        assert calls[4][1] - calls[2][1] < 1
        assert {world.ready(each) for each in NAMES[:4]} == {("True", "Verified")}


@played
async def test_other_material_is_not_held_by_what_failed() -> None:
    async with EngineWorld(budget=1) as world:
        await sharing(world, ("a", "b"))
        world.rds.fault({"kind": "async-failed"}, action=MODIFY, times=1, instance="pgm-a")
        rotate(world)
        await world.run(2 * MINUTE)
        assert world.conditions("a")["Stalled"] == ("True", "ApplyFailed")

        world.write_pair("b")
        await world.run(2 * MINUTE)

        assert world.ready("b") == ("True", "Verified")
        assert world.cost("b")[0] == 2


@played
async def test_a_time_out_speaks_against_no_material() -> None:
    async with EngineWorld(budget=1) as world:
        await sharing(world, ("a", "b", "c"))
        world.rds.fault({"kind": "reset-before"}, action=MODIFY, times=2, instance="pgm-a")

        share_another(world)
        await world.run(20 * MINUTE)

        states = [world.ready(each) for each in ("a", "b", "c")]
        assert states.count(("True", "Verified")) == 2
        assert states.count(("False", "ApplyTimedOut")) == 1


# -- at the same time -----------------------------------------------------------------------------


def most_at_once(world: EngineWorld, lasts: float) -> int:
    """Give the highest number of accepted changes that were at work at the same time."""
    edges = sorted(
        edge for each in world.accepted for edge in ((each.at, 1), (each.at + lasts, -1))
    )
    at_work = [0]
    for _, step in edges:
        at_work.append(at_work[-1] + step)
    return max(at_work)


@played
@pytest.mark.parametrize("number", range(3, 60, 3))
async def test_whenever_a_process_dies_no_more_are_changed_at_a_time_than_the_budget(
    number: int,
) -> None:
    async with EngineWorld(budget=2, started=False) as world:
        world.rds.config(durations={"change": 50.0})
        for name in NAMES[:6]:
            world.add_instance(name)
            world.declare(name)
        world.start()

        for _ in range(3):
            world.line.cut_after = len(world.line.calls) + number
            await world.run(40)
            world.line.cut_after = None
            await world.restart()
        await world.run(2000)

        assert {world.ready(each)[0] for each in NAMES[:6]} == {"True"}
        assert {world.cost(each)[0] for each in NAMES[:6]} == {1}
        assert most_at_once(world, 50.0) <= 2
        assert world.engine is not None
        assert len(world.engine.budget) == 0


@played
@pytest.mark.parametrize("crash", [False, True])
async def test_a_primary_and_its_read_only_instances_never_change_at_once(*, crash: bool) -> None:
    async with EngineWorld() as world:
        world.rds.config(durations={"change": 50.0})
        for name in ("a", "ro1", "ro2"):
            world.add_instance(name)
        for name in ("ro1", "ro2"):
            world.rds.patch_instance(f"pgm-{name}", master_instance_id="pgm-a")
        world.add_instance("free")
        for name in ("ro1", "a", "ro2", "free"):
            world.declare(name)
        await world.run(20)
        if crash:
            await world.restart()
        await world.run(1000)

        assert {world.ready(each)[0] for each in ("a", "ro1", "ro2", "free")} == {"True"}
        family = [each for each in world.accepted if each.instance_id != "pgm-free"]
        assert len(family) == 3
        assert all(later.at - each.at >= 50 for each, later in pairwise(family))
        assert world.accepted[1].at - world.accepted[0].at < 5


@played
async def test_a_primary_rests_while_a_change_of_its_read_only_instance_is_orphaned() -> None:
    async with EngineWorld() as world:
        world.rds.config(durations={"change": 100.0})
        for name in ("a", "ro"):
            world.add_instance(name)
        world.rds.patch_instance("pgm-ro", master_instance_id="pgm-a")
        world.declare("ro")
        await world.run(5)
        assert len(world.accepted) == 1
        world.kube.delete((NAMESPACE, "ro"))

        world.declare("a")
        await world.run(600)

        assert world.ready("a") == ("True", "Verified")
        assert world.accepted[1].at - world.accepted[0].at >= 100
