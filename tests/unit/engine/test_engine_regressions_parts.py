"""What a review found in the engine, about its parts: budget, outages, memory, router."""

import pytest

from rds_ssl.core.errors import KubeConflict
from rds_ssl.engine.objects import Key, Resource
from rds_ssl.engine.reconcile.memory import Inputs
from rds_ssl.engine.reconcile.ports import Timings
from rds_ssl.engine.scheduling.budget import Budget
from rds_ssl.engine.scheduling.outages import PROBER_SILENT, Outages
from support.engine_world import NAMESPACE, EngineWorld, played
from support.line import Call

A, B, C = (("shop", name) for name in "abc")


@played
async def test_an_edit_after_an_hour_of_rest_waits_for_a_whole_quiet_period() -> None:
    async with EngineWorld(timings=Timings(quiet_period=10.0)) as world:
        world.add_instance("a")
        world.write_pair("a")
        world.declare("a")
        await world.run(3600)
        world.edit("a", serverCertificate={"secretRef": {"name": "a-tls"}})

        await world.run(9)
        assert len(world.modifies("a")) == 1
        await world.run(2)

        assert len(world.modifies("a")) == 2


def test_unrest_without_end_is_cut_short_after_six_periods_of_it() -> None:
    inputs = Inputs()
    inputs.note("rest", now=0.0, period=10.0)
    for second in range(3600, 3700, 5):
        inputs.note(second, now=float(second), period=10.0)

    assert inputs.quiet_for(now=3658.0, period=10.0) == 2.0
    assert inputs.quiet_for(now=3660.0, period=10.0) == 0.0


def test_one_instance_has_one_slot_even_where_slots_are_not_limited() -> None:
    woken: list[Key] = []
    budget = Budget(0, woken.append)

    assert budget.reserve(A, account="x", instance_id="pgm-1")
    assert not budget.reserve(B, account="x", instance_id="pgm-1")
    assert budget.reserve(C, account="x", instance_id="pgm-2")
    budget.release(A)

    assert woken == [B]
    assert budget.reserve(B, account="x", instance_id="pgm-1")


def test_whoever_waits_for_an_instance_that_is_taken_is_not_woken_for_another_ones_slot() -> None:
    woken: list[Key] = []
    budget = Budget(2, woken.append)
    budget.reserve(A, account="x", instance_id="pgm-1")
    budget.reserve(C, account="x", instance_id="pgm-2")
    budget.reserve(B, account="x", instance_id="pgm-1")

    budget.release(C)

    assert woken == []


def test_a_slot_that_is_inherited_keeps_its_instance() -> None:
    budget = Budget(0, lambda _key: None)
    budget.inherit(
        Resource.of(
            {
                "metadata": {
                    "namespace": A[0],
                    "name": A[1],
                    "uid": "a",
                    "resourceVersion": "1",
                    "creationTimestamp": "2026-11-24T03:00:00Z",
                },
                "spec": {"instanceID": "pgm-1", "regionID": "cn-hangzhou"},
            }
        )
    )

    assert not budget.reserve(B, account="x", instance_id="pgm-1")


@played
async def test_a_freed_slot_goes_to_the_next_where_the_first_in_line_wants_none_any_more() -> None:
    async with EngineWorld(budget=1) as world:
        for name in "abc":
            world.add_instance(name)
        world.rds.config(durations={"change": 60.0})
        for name in "abc":
            world.declare(name)
            await world.run(1)
        assert world.conditions("c")["ChangePending"] == ("True", "AwaitingBudget")
        world.meddle("b", enabled=True)  # What it waits for has been done by another hand.
        world.ask("b", "now")

        await world.run(90)

        assert world.ready("b") == ("True", "Adopted")
        assert world.status("c")["operation"]["phase"] == "Accepted"


@played
async def test_a_prober_that_is_silent_is_replaced() -> None:
    async with EngineWorld() as world:
        outages = Outages(lambda _key, _seconds: None)
        outages.failed("https://rds", A)
        assert outages.blocks("https://rds", B)

        await world.run(PROBER_SILENT + 1)

        assert not outages.blocks("https://rds", B)
        assert outages.blocks("https://rds", A)


@played
async def test_a_younger_claimant_that_was_listed_first_stands_back_after_a_restart() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("z", instanceID="pgm-a")
        await world.run(2)
        world.declare("a")
        await world.run(300)
        assert world.ready("a") == ("False", "Conflict")
        await world.crash()
        writes = world.kube.writes["patch_status"]
        older = world.kube.objects.pop((NAMESPACE, "z"))
        world.start()
        await world.run(0.5)

        world.kube.objects[NAMESPACE, "z"] = older  # Another page of the list.
        assert world.engine is not None
        world.engine.router.observe(None, older)
        await world.run(5)

        assert world.ready("z") == ("True", "Verified")
        assert world.ready("a") == ("False", "Conflict")
        assert "applied" not in world.status("a")
        assert world.kube.writes["patch_status"] - writes == 2


@played
async def test_of_two_claimants_both_are_known_before_the_first_pass_of_a_process() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("z", instanceID="pgm-a")
        await world.run(2)
        world.declare("a")
        await world.run(300)
        writes = world.kube.writes["patch_status"]

        await world.restart()
        await world.run(1000)

        assert world.kube.writes["patch_status"] == writes


@played
async def test_the_end_of_an_earlier_object_of_that_name_is_not_the_end_of_this_one() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a")
        await world.run(60)
        earlier = world.kube.objects[NAMESPACE, "a"]
        world.kube.delete((NAMESPACE, "a"))
        world.declare("a")
        await world.run(0.5)
        assert world.engine is not None

        world.engine.router.gone((NAMESPACE, "a"), uid=earlier["metadata"]["uid"])
        world.engine.router.observe("DELETED", earlier)
        world.meddle("a", enabled=False)
        await world.run(700)

        assert world.conditions("a")["ChangePending"] == ("True", "Drifted")


@pytest.mark.parametrize("limit", [0, 1])
def test_a_slot_that_is_held_may_be_reserved_again(limit: int) -> None:
    budget = Budget(limit, lambda _key: None)

    assert budget.reserve(A, account="x", instance_id="pgm-1")
    assert budget.reserve(A, account="x", instance_id="pgm-1")
    assert len(budget) == 1


@played
async def test_the_objects_of_a_shared_secret_have_their_turns_in_order() -> None:
    """In the order of a set, no two processes would do the same, and no story could be repeated."""
    async with EngineWorld() as world:
        for name in "hgfedcba":
            world.add_instance(name)
            world.declare(name, serverCertificate={"secretRef": {"name": "shared"}})
        await world.run(10)

        assert world.engine is not None
        users = world.engine.objects.users(("Secret", NAMESPACE, "shared"))

        assert users == [(NAMESPACE, name) for name in "abcdefgh"]


@played
async def test_the_next_attempts_of_records_that_no_call_followed_share_the_slots() -> None:
    """Both write-ahead records are written and answered with 409, so that no call follows them."""
    lost: list[Call] = []

    def lose(call: Call) -> None:
        if call.phase == "Sending" and len(lost) < 2:
            lost.append(call)
            raise KubeConflict("409", status=409)

    async with EngineWorld(budget=1) as world:
        world.line.after.append(lose)
        for name in "ab":
            world.add_instance(name)
            world.declare(name)
        await world.run(600)

        first, second = world.accepted
        assert len(lost) == 2
        assert second.at >= first.ends_at
        assert world.ready("a")[0] == world.ready("b")[0] == "True"
