"""What may restart waits for its window, starts inside of it, and not in its last minutes."""

from datetime import datetime, timedelta

import pytest

from rds_ssl.core.formats import write_time
from rds_ssl.engine.reconcile.ports import Timings
from support import pki
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, Json, played

A = (NAMESPACE, "a")
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


def window(world: EngineWorld, hours: float, *, lasts: str = "1h") -> tuple[Json, datetime]:
    """Give a daily window that opens in about *hours*, and when it does."""
    opens = (world.clock() + timedelta(hours=hours)).replace(second=0, microsecond=0)
    schedule = f"{opens.minute} {opens.hour} * * *"
    return {"windows": [{"schedule": schedule, "duration": lasts}]}, opens


async def custom(world: EngineWorld, **spec: object) -> None:
    """Bring an instance to SSL with a certificate of its own."""
    world.add_instance("a")
    world.write_pair("a")
    world.declare_custom("a", **spec)
    await world.run(120)
    assert world.ready("a") == ("True", "Verified")


def rotate(world: EngineWorld, **days: float) -> None:
    """Write a new certificate."""
    end = world.clock() + timedelta(**days or {"days": 80})
    world.write_pair("a", world.issuer.leaf(world.host("a"), not_after=end))


def pending(world: EngineWorld) -> tuple[str, str]:
    """Give reason and message of ChangePending."""
    found = world.condition("ChangePending", "a")
    assert found is not None
    return found["reason"], found["message"]


def started(world: EngineWorld) -> datetime:
    """Give the time of the last accepted call."""
    return world.clock() + timedelta(seconds=world.accepted[-1].at - world.monotonic())


@played
async def test_a_rotation_waits_for_its_window_says_when_that_is_and_goes_when_it_opens() -> None:
    async with EngineWorld() as world:
        maintenance, opens = window(world, 7)
        await custom(world)
        world.edit("a", maintenance=maintenance)
        rotate(world)
        await world.run(60)

        assert world.ready("a") == ("True", "Verified")
        reason, message = pending(world)
        assert reason == "AwaitingWindow"
        assert f"opens at {write_time(opens)}" in message
        plan = world.status("a")["plan"]
        assert (plan["heldBy"], plan["notBefore"]) == ("AwaitingWindow", write_time(opens))
        await world.run((opens - world.clock()).total_seconds() - 5)
        assert world.cost("a")[0] == 1
        await world.run(60)

        assert world.ready("a") == ("True", "Verified")
        assert "ChangePending" not in world.conditions("a")
        assert world.cost("a")[0] == 2
        assert timedelta() <= started(world) - opens < timedelta(seconds=2)


@played
async def test_turning_on_waits_for_its_window_as_well() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        maintenance, _ = window(world, 3)
        world.declare("a", maintenance=maintenance)
        await world.run(2 * HOUR)
        assert world.ready("a") == ("False", "AwaitingWindow")
        assert world.cost("a")[0] == 0
        await world.run(HOUR + MINUTE)

        assert world.ready("a") == ("True", "Verified")


@played
@pytest.mark.parametrize("left", [16.0, 14.0, 1.0])
async def test_nothing_starts_in_the_last_fifteen_minutes_of_a_window(left: float) -> None:
    async with EngineWorld() as world:
        maintenance, opens = window(world, 2)
        await custom(world, maintenance=None)
        world.edit("a", maintenance=maintenance)
        await world.run((opens - world.clock()).total_seconds() + HOUR - left * MINUTE)

        rotate(world)
        await world.run(60)

        assert world.cost("a")[0] == (2 if left > 15 else 1)
        if left < 15:
            assert f"opens at {write_time(opens + timedelta(days=1))}" in pending(world)[1]
            await world.run(DAY)
            assert timedelta() <= started(world) - opens - timedelta(days=1) < timedelta(seconds=2)


@played
async def test_who_gets_a_token_after_the_window_has_closed_sends_nothing() -> None:
    async with EngineWorld() as world:
        maintenance, opens = window(world, 2)
        await custom(world)
        world.edit("a", maintenance=maintenance)
        world.add_instance("b")
        await world.run((opens - world.clock()).total_seconds() + HOUR - 16 * MINUTE)
        # The API wants two minutes of rest from whatever changes an instance of the account.
        rest = {"kind": "throttle", "retry_after_ms": 120_000}
        world.rds.fault(rest, action=MODIFY, instance="pgm-b")
        world.declare("b")
        await world.run(5)
        assert len(world.modifies("b")) == 1

        rotate(world)
        await world.run(5)
        assert world.engine is not None
        assert len(world.engine.budget) == 1
        await world.run(150)

        assert world.cost("a")[0] == 1
        assert len(world.engine.budget) == 0
        assert pending(world)[0] == "AwaitingWindow"


@played
async def test_who_gets_a_token_within_the_pass_after_the_window_has_closed_sends_nothing() -> None:
    async with EngineWorld() as world:
        maintenance, opens = window(world, 2)
        await custom(world)
        world.edit("a", maintenance=maintenance)
        await world.run((opens - world.clock()).total_seconds() + HOUR - 15 * MINUTE - 0.8)

        world.limiter().pause(MODIFY, world.monotonic() + 1.5)
        rotate(world)
        await world.run(60)

        assert world.cost("a")[0] == 1
        assert pending(world)[0] == "AwaitingWindow"


@played
@pytest.mark.parametrize(
    ("days", "goes"),
    [pytest.param(2.9, True, id="within"), pytest.param(4.0, False, id="later")],
)
async def test_what_expires_soon_does_not_wait(*, days: float, goes: bool) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        end = world.clock() + timedelta(days=days)
        world.write_pair("a", world.issuer.leaf(world.host("a"), not_after=end))
        world.declare_custom("a")
        await world.run(120)
        maintenance, _ = window(world, 20)
        world.edit("a", maintenance={**maintenance, "overrideBeforeExpiry": "72h"})
        rotate(world)
        await world.run(120)

        assert world.cost("a")[0] == (2 if goes else 1)


@played
async def test_a_far_window_is_not_waited_for_once_the_old_certificate_is_near_its_end() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        end = (world.clock() + timedelta(days=5)).replace(microsecond=0)
        world.write_pair("a", world.issuer.leaf(world.host("a"), not_after=end))
        far = {"windows": [{"schedule": "0 3 1 1 *", "duration": "1h"}]}
        world.declare_custom("a")
        await world.run(120)
        world.edit("a", maintenance={**far, "overrideBeforeExpiry": "72h"})
        rotate(world)
        await world.run(60)
        due = end - timedelta(hours=72)
        assert world.status("a")["plan"]["notBefore"] == write_time(due)
        assert f"Because of what expires, it is sent at {write_time(due)}" in pending(world)[1]

        await world.run(3 * DAY)

        assert world.cost("a")[0] == 2
        assert timedelta() <= started(world) - due < timedelta(seconds=2)


@played
async def test_the_instances_own_maintenance_time_counts_where_it_is_declared() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        opens = (world.clock() + timedelta(hours=4)).replace(minute=0, second=0, microsecond=0)
        time = f"{opens:%H:%M}Z-{opens + timedelta(hours=4):%H:%M}Z"
        world.rds.patch_instance("pgm-a", maintain_time=time)
        world.declare("a", maintenance={"useInstanceWindow": True})
        await world.run(60)
        assert pending(world)[0] == "AwaitingWindow"
        assert time in pending(world)[1]
        assert world.status("a")["plan"]["notBefore"] == write_time(opens)
        await world.run((opens - world.clock()).total_seconds() - 5)
        assert world.cost("a")[0] == 0
        await world.run(60)

        assert world.ready("a") == ("True", "Verified")


@played
async def test_a_maintenance_time_that_is_set_later_is_noticed() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.patch_instance("pgm-a", maintain_time="")
        world.declare("a", maintenance={"useInstanceWindow": True})
        await world.run(60)
        assert "not told" in pending(world)[1]
        assert "notBefore" not in world.status("a")["plan"]

        begin = world.clock() - timedelta(minutes=10)
        end = begin + timedelta(hours=3)
        world.rds.patch_instance("pgm-a", maintain_time=f"{begin:%H:%M}Z-{end:%H:%M}Z")
        await world.run(15 * MINUTE)

        assert world.ready("a") == ("True", "Verified")


@played
async def test_the_second_step_of_a_plan_waits_for_the_next_window_if_this_one_has_closed() -> None:
    async with EngineWorld(budget=1) as world:
        lists = world.root.revocation_list()
        ca = pki.pem(world.root.certificate)
        world.write("ConfigMap", "a-ca", {"ca.crt": ca, "ca.crl": lists})
        reference = {"configMapKeyRef": {"name": "a-ca"}}
        clients = {"ca": reference, "revocationList": reference, "acl": "verify-ca"}
        await custom(world, approvalRequired=[], clientAuthentication=clients)
        maintenance, opens = window(world, 2)
        world.edit("a", maintenance=maintenance)
        world.rds.config(durations={"change": 300.0})
        await world.run((opens - world.clock()).total_seconds() + HOUR - 15 * MINUTE - 2)

        world.edit("a", clientAuthentication=None)
        await world.run(10 * MINUTE)

        assert world.cost("a")[0] == 2
        assert world.ready("a") == ("False", "AwaitingWindow")
        assert world.truth("a")["ssl"]["acl"] == "prefer"
        # The slot is not held over the day.
        assert world.engine is not None
        assert len(world.engine.budget) == 0
        await world.run(DAY)
        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 3


@played
async def test_turning_off_for_a_deletion_waits_for_the_window_too() -> None:
    async with EngineWorld() as world:
        maintenance, opens = window(world, 3)
        await custom(world, deletionPolicy="Disable")
        world.edit("a", maintenance=maintenance)
        await world.run(60)
        world.kube.delete(A)
        await world.run(HOUR)

        assert pending(world)[0] == "AwaitingWindow"
        assert "set spec.deletionPolicy to Retain" in pending(world)[1]
        assert world.status("a")["plan"]["cause"] == "deletion"
        await world.run((opens - world.clock()).total_seconds() + 60)

        assert A not in world.kube.objects
        assert not world.truth("a")["ssl"]["enabled"]
        assert timedelta() <= started(world) - opens < timedelta(seconds=2)


@played
@pytest.mark.parametrize("other", ["open", "none", "later"])
async def test_a_window_that_is_edited_while_a_plan_waits_counts_at_once(other: str) -> None:
    async with EngineWorld() as world:
        maintenance, _ = window(world, 5)
        await custom(world)
        world.edit("a", maintenance=maintenance)
        rotate(world)
        await world.run(60)
        assert pending(world)[0] == "AwaitingWindow"

        if other == "later":
            later, opens = window(world, 9)
            world.edit("a", maintenance=later)
            await world.run(8 * HOUR)
            assert world.cost("a")[0] == 1
            assert world.status("a")["plan"]["notBefore"] == write_time(opens)
        else:
            world.edit("a", maintenance=window(world, -0.2)[0] if other == "open" else None)
            await world.run(60)
            assert world.cost("a")[0] == 2


@played
async def test_a_process_that_starts_while_a_plan_waits_waits_on() -> None:
    async with EngineWorld() as world:
        maintenance, _ = window(world, 5)
        await custom(world)
        world.edit("a", maintenance=maintenance)
        rotate(world)
        await world.run(HOUR)

        await world.restart()
        await world.run(3 * HOUR)
        assert world.cost("a")[0] == 1
        await world.run(HOUR)
        assert world.cost("a")[0] == 2


@played
async def test_a_window_is_read_in_its_zone() -> None:
    async with EngineWorld() as world:
        shanghai = world.clock() + timedelta(hours=8)
        opens = shanghai + timedelta(hours=2)
        await custom(world)
        schedule = f"{opens.minute} {opens.hour} * * *"
        each = {"schedule": schedule, "duration": "1h", "timeZone": "Asia/Shanghai"}
        world.edit("a", maintenance={"windows": [each]})
        rotate(world)
        await world.run(1.9 * HOUR)
        assert world.cost("a")[0] == 1
        await world.run(0.2 * HOUR)

        assert world.cost("a")[0] == 2


@played
@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"schedule": "0 3 30 2 *", "duration": "1h"}, "schedule: 0 3 30 2 *"),
        ({"schedule": "0 3 * * *", "duration": "1h", "timeZone": "Mars/Olympus"}, "Mars/Olympus"),
    ],
)
async def test_a_window_that_cannot_be_read_is_told_and_nothing_is_sent(
    broken: Json, words: str
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a", maintenance={"windows": [broken]})
        await world.run(60)

        assert world.ready("a") == ("False", "DeclarationInvalid")
        stalled = world.condition("Stalled", "a")
        assert stalled is not None
        assert words in stalled["message"]
        assert world.calls("a") == []
        world.edit("a", maintenance=None)
        await world.run(60)
        assert world.ready("a") == ("True", "Verified")


@played
async def test_a_plan_that_waits_holds_no_slot_and_costs_no_write() -> None:
    async with EngineWorld(budget=1, timings=Timings(quiet_period=0.0)) as world:
        maintenance, _ = window(world, 20)
        await custom(world)
        world.edit("a", maintenance=maintenance)
        rotate(world)
        await world.run(60)
        writes = world.kube.writes["patch_status"]
        world.add_instance("b")
        world.declare("b")
        await world.run(60)

        assert world.ready("b") == ("True", "Verified")
        writes = world.kube.writes["patch_status"]
        await world.run(10 * HOUR)
        assert world.kube.writes["patch_status"] == writes
