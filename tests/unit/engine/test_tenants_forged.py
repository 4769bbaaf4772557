"""What somebody writes into the status of their own object costs no other namespace a thing."""

from datetime import timedelta

import pytest

from rds_ssl.core.formats import write_time
from rds_ssl.engine.proofs import PATIENCE, PATIENCE_IN_CONFLICT
from support.engine_world import MODIFY, EngineWorld, Json, played
from support.tenants import (
    MALLORY_KEY,
    VICTIM,
    VICTIM_KEY,
    Mallory,
    rotation_delay,
    tenants,
)

INSTANCE = {"engine": "PostgreSQL", "engineVersion": "14.0"}


def operation(world: EngineWorld, *, ahead: float = 0.0, **fields: object) -> Json:
    """Give a write-ahead record of a call that is under way."""
    started = world.clock() + timedelta(seconds=ahead)
    return {
        "digest": "sha256:00",
        "phase": "Accepted",
        "startTime": write_time(started),
        "attempt": 1,
        **fields,
    }


def change(world: EngineWorld, *, ago: float, **fields: object) -> Json:
    """Give an entry of a history."""
    return {
        "time": write_time(world.clock() - timedelta(seconds=ago)),
        "cause": "rotation",
        "changes": "certificate",
        "impacts": ["Restart"],
        "result": "Verified",
        **fields,
    }


def names_the_victims(world: EngineWorld) -> Mallory:
    """Create an object that names the victim's instance, with credentials that do not reach it."""
    mallory = Mallory(world)
    mallory.write_key("keys", *MALLORY_KEY)
    mallory.declare("m", credentials="keys", instance=VICTIM)
    return mallory


def older(world: EngineWorld) -> None:
    names_the_victims(world)


FORGED = {
    "instance": lambda _world: {"instance": INSTANCE},
    "operation": lambda world: {"instance": INSTANCE, "operation": operation(world)},
    "an operation of the future": lambda world: {
        "instance": INSTANCE,
        "operation": operation(world, ahead=1e8),
    },
    "history": lambda world: {
        "instance": INSTANCE,
        "history": [change(world, ago=60.0 * number) for number in range(5)],
    },
}


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("what", FORGED)
@played
async def test_a_forged_status_of_an_older_object_holds_up_nobody(
    what: str,
    restarted: bool,  # noqa: FBT001
) -> None:
    async with tenants(older=older) as world:
        Mallory(world).forge("m", **FORGED[what](world))
        await world.run(1)
        if restarted:
            await world.restart()
            await world.run(1)

        assert await rotation_delay(world) <= 5

        await world.run(300)
        assert world.ready(VICTIM) == ("True", "Verified")


@played
async def test_a_forged_operation_of_a_younger_object_holds_up_nobody() -> None:
    async with tenants() as world:
        names_the_victims(world).forge("m", instance=INSTANCE, operation=operation(world))
        await world.run(1)

        assert await rotation_delay(world) <= 5


@pytest.mark.parametrize("account", ["mallory's", "the victim's", "none"])
@played
async def test_forged_operations_take_no_slot_of_another_account(account: str) -> None:
    async with tenants(budget=2) as world:
        mallory = Mallory(world)
        keys = {"mallory's": MALLORY_KEY, "the victim's": (VICTIM_KEY[0], "wrong")}
        if account in keys:
            mallory.write_key("keys", *keys[account])
        for number in range(5):
            mallory.add_instance(f"m{number}")
            mallory.declare(f"m{number}", credentials="keys")
        await world.run(5)
        for number in range(5):
            mallory.forge(f"m{number}", instance=INSTANCE, operation=operation(world))
        await world.restart()
        await world.run(1)

        assert await rotation_delay(world) <= 5


@pytest.mark.parametrize("restarted", [False, True])
@played
async def test_ones_own_instance_becomes_no_replica_of_anothers_by_ones_own_word(
    restarted: bool,  # noqa: FBT001
) -> None:
    async with tenants() as world:
        mallory = Mallory(world)
        mallory.write_key("keys", *MALLORY_KEY)
        mallory.add_instance("m0")
        mallory.declare("m0", credentials="keys")
        await world.run(60)
        replica = {**INSTANCE, "masterInstanceId": f"pgm-{VICTIM}"}
        mallory.forge("m0", instance=replica, operation=operation(world))
        if restarted:
            await world.restart()
        else:
            world.kube.annotate((mallory.namespace, "m0"), reconcile_requested_at="now")
        await world.run(1)

        assert await rotation_delay(world) <= 5


@played
async def test_what_cannot_be_proved_is_waited_for_no_longer_than_promised_and_that_is_told() -> (
    None
):
    async with tenants(older=older) as world:
        throttle = {"kind": "throttle", "retry_after_ms": 300_000}
        Mallory(world).forge("m", instance=INSTANCE)

        await world.crash()
        # Whoever asks about the instance first after the restart is Mallory's object.
        world.rds.fault(throttle, instance=f"pgm-{VICTIM}", times=1)
        world.write_pair(VICTIM)
        began = world.monotonic()
        world.start()
        await world.run(15)
        assert world.conditions(VICTIM)["Reconciling"] == ("True", "Conflict")
        assert world.ready(VICTIM) == ("True", "Verified")

        await world.run(PATIENCE)

        assert world.accepted[-1].at - began <= PATIENCE + 5


@played
async def test_failures_with_anothers_material_on_ones_own_instance_count_for_oneself() -> None:
    async with tenants(changes_a_day=0) as world:
        first = world.write_pair(VICTIM)
        await world.run(30)
        manifest = world.accepted[-1].manifest
        assert manifest is not None
        sent = manifest["status"]["operation"]["material"]
        world.write_pair(VICTIM)
        await world.run(300)
        mallory = Mallory(world)
        mallory.write_key("keys", *MALLORY_KEY)
        mallory.add_instance("m0")
        mallory.declare("m0", credentials="keys")
        await world.run(60)
        failed = [
            change(world, ago=float(number), result="Failed", material=sent) for number in range(3)
        ]
        mallory.forge("m0", history=failed)
        await world.run(1)

        assert await rotation_delay(world, first) <= 5


@played
async def test_edits_of_an_object_that_names_anothers_instance_cost_its_owner_no_call() -> None:
    async with tenants(older=older) as world:
        mallory = Mallory(world)
        await world.run(5)
        mine = sum(each["access_key"] == VICTIM_KEY[0] for each in world.calls(VICTIM))

        for number in range(200):
            world.kube.edit((mallory.namespace, "m"), suspend=bool(number % 2))
            await world.run(0.2)

        after = sum(each["access_key"] == VICTIM_KEY[0] for each in world.calls(VICTIM))
        assert after - mine <= 5


@played
async def test_changes_of_the_future_hold_up_a_rotation_for_a_day_at_most() -> None:
    async with tenants() as world:
        entries = [change(world, ago=-1e8 - number) for number in range(3)]
        world.kube.put_status(("shop", VICTIM), {"history": entries})
        await world.run(5)
        world.write_pair(VICTIM)
        before = len(world.accepted)
        await world.run(60)
        assert world.conditions(VICTIM)["ChangePending"] == ("True", "ChangeLimitReached")

        await world.run(25 * 3600)

        assert len(world.accepted) == before + 1


@played
async def test_a_failure_of_the_future_is_tried_again_as_any_other() -> None:
    async with tenants() as world:
        world.rds.fault({"kind": "async-failed"}, action=MODIFY)
        world.write_pair(VICTIM)
        await world.run(300)
        failed = world.status(VICTIM)["operation"]
        assert failed["phase"] == "Failed"
        future = write_time(world.clock() + timedelta(days=1000))
        entry = {**world.status(VICTIM)["history"][0], "time": future}
        forged = {"operation": {**failed, "endTime": future}, "history": [entry]}
        world.kube.put_status(("shop", VICTIM), forged)
        await world.restart()

        await world.run(1500)

        assert world.ready(VICTIM) == ("True", "Verified")
        assert len(world.modifies(VICTIM)) == 3


# -- what must stay: an instance has one writer ---------------------------------------------------


def genuine(world: EngineWorld) -> None:
    """Create an older object in another namespace whose credentials reach the instance."""
    mallory = Mallory(world)
    mallory.write_key("keys", *VICTIM_KEY)
    world.kube.create(
        (mallory.namespace, "m"),
        {
            "instanceID": f"pgm-{VICTIM}",
            "regionID": "cn-hangzhou",
            "credentialsSecretRef": {"name": "keys"},
        },
    )


@pytest.mark.parametrize("slow", ["", "throttled", "no credentials"])
@played
async def test_an_older_claim_that_was_proved_stands_after_a_restart(slow: str) -> None:
    async with EngineWorld() as world:
        world.rds.put_access_key(VICTIM_KEY[0], secret=VICTIM_KEY[1])
        world.add_instance(VICTIM)
        genuine(world)
        await world.run(300)
        assert world.cost(VICTIM) == (1, 1)
        world.write_pair(VICTIM)
        world.declare_custom(VICTIM, adoptionPolicy="Overwrite", approvalRequired=[])
        await world.run(5)
        assert world.ready(VICTIM) == ("False", "Conflict")
        key = world.kube.data["Secret", ("mallory", "keys")].data

        await world.crash()
        if slow == "throttled":
            throttle = {"kind": "throttle", "retry_after_ms": 100_000}
            world.rds.fault(throttle, instance=f"pgm-{VICTIM}", times=1)
        if slow == "no credentials":
            world.kube.delete_data("Secret", ("mallory", "keys"))
        world.start()
        await world.run(200)
        assert world.modifies(VICTIM)[1:] == []
        if slow == "no credentials":
            world.kube.put_data("Secret", ("mallory", "keys"), key)
        await world.run(PATIENCE_IN_CONFLICT + 700)

        assert world.ready(VICTIM) == ("False", "Conflict")
        assert world.cost(VICTIM) == (1, 1)


@played
async def test_a_claim_without_credentials_passes_to_the_younger_object_in_the_end() -> None:
    async with EngineWorld() as world:
        world.rds.put_access_key(VICTIM_KEY[0], secret=VICTIM_KEY[1])
        world.add_instance(VICTIM)
        genuine(world)
        await world.run(300)
        world.declare(VICTIM)
        await world.run(5)
        assert world.ready(VICTIM) == ("False", "Conflict")
        await world.crash()
        world.kube.delete_data("Secret", ("mallory", "keys"))
        world.start()

        await world.run(PATIENCE_IN_CONFLICT + 700)

        assert world.ready(VICTIM) == ("True", "Adopted")
        assert world.cost(VICTIM) == (1, 1)


@played
async def test_a_change_of_another_namespace_that_is_under_way_is_waited_for_and_told() -> None:
    async with EngineWorld() as world:
        world.rds.put_access_key(VICTIM_KEY[0], secret=VICTIM_KEY[1])
        world.rds.config(durations={"window": 0.5, "change": 100.0})
        world.add_instance(VICTIM)
        genuine(world)
        await world.run(5)
        operating = world.kube.objects["mallory", "m"]["status"]["operation"]
        assert operating["phase"] == "Accepted"

        await world.crash()
        world.kube.edit(("mallory", "m"), managementPolicy="Observe")
        world.declare(VICTIM, tls=None)
        world.start()
        await world.run(300)

        assert [each.overlaps for each in world.accepted] == [False] * len(world.accepted)
        assert world.cost(VICTIM) == (1, 1)
