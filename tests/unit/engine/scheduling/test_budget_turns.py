"""Slots of several objects: one instance, one primary, and whose turn it is."""

import pytest

from rds_ssl.core.errors import KubeConflict
from rds_ssl.engine.objects import Key, Resource
from rds_ssl.engine.scheduling.budget import Budget
from support.engine_world import NAMESPACE, EngineWorld, played
from support.line import Call

A, B, C = (("shop", name) for name in "abc")


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


@pytest.mark.parametrize("limit", [0, 1])
def test_a_slot_that_is_held_may_be_reserved_again(limit: int) -> None:
    budget = Budget(limit, lambda _key: None)

    assert budget.reserve(A, account="x", instance_id="pgm-1")
    assert budget.reserve(A, account="x", instance_id="pgm-1")
    assert len(budget) == 1


@played
async def test_a_new_process_knows_the_slots_of_changes_under_way_before_its_first_pass() -> None:
    async with EngineWorld(budget=1) as world:
        world.rds.config(durations={"change": 100.0})
        others = [f"a{number}" for number in range(12)]
        for name in others:  # Listed before the one whose change is under way.
            world.add_instance(name)
            world.declare(name, suspend=True)
        world.add_instance("z")
        world.declare("z")
        await world.run(10)
        assert world.status("z")["operation"]["phase"] == "Accepted"

        await world.crash()
        for name in others:
            world.edit(name, suspend=None)
        world.start()
        await world.run(20)

        assert world.status("z")["operation"]["phase"] == "Accepted"
        assert [name for name in others if world.modifies(name)] == []


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
