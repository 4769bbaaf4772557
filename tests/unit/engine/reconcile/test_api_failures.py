"""What a pass does after calls that fail: back-off, outages, what is said."""

import httpx
import pytest

from support.engine_world import MODIFY, EngineWorld, played
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


def patches(world: EngineWorld) -> int:
    return sum(call.what == "patch_status" for call in world.line.calls)


@played
@pytest.mark.parametrize("refused", ["name", "connection", "both in turns"])
async def test_an_outage_is_told_once_by_each_of_twenty_new_objects(refused: str) -> None:
    async with EngineWorld(api_url="" if refused == "name" else "https://rds.test") as world:
        turns = iter(range(10**6))

        def fail(call: Call) -> None:
            if call.port == "cloud":
                error = OSError("refused") if next(turns) % 2 else ConnectionRefusedError("no")
                raise httpx.ConnectError("no connection") from (
                    error if refused == "both in turns" else ConnectionRefusedError("no")
                )

        if refused == "name":
            world.dns_down = True
        else:
            world.line.before.append(fail)
        for number in range(20):
            world.add_instance(f"{number}")
            world.declare(f"{number}")

        await world.run(3600)

        messages = {world.condition("Reconciling", f"{n}")["message"] for n in range(20)}  # type: ignore[index]
        assert len(messages) == 1
        # The first says that it cannot be reached, all others the same; then three resyncs later
        # that nobody knows whether they are Ready.
        assert patches(world) <= 2 * 20

        world.dns_down = False
        world.line.before.clear()
        await world.run(300)
        assert all(world.ready(f"{number}")[0] == "True" for number in range(20))
