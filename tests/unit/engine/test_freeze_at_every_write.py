"""
A process stands still at its n-th request, for every n, while another one does its work.

It wakes when the change is done and the next one is under way, or done as well. What it has begun
is over: it sends nothing, and writes nothing over what the other one has recorded.
"""

import asyncio

import pytest

from rds_ssl.core.operation.verification import Limits
from rds_ssl.engine import reporting
from rds_ssl.engine.reconcile.ports import Timings
from support.engine_world import EngineWorld, Json, played

PACE = Timings(quiet_period=0.0, limits=Limits(settle=60.0, verify_after=5.0))

OTHERS_WORK = 400.0
"""Seconds for the other process to see what was begun, to let it settle, and to end it."""

CHANGE_SECONDS = 300.0

MOST = 60
"""No rotation makes that many requests."""


def record(world: EngineWorld) -> Json:
    found: Json = world.status("a").get("operation") or {}
    return found


async def at_rest(world: EngineWorld) -> None:
    """Bring an instance to a certificate of its own."""
    world.add_instance("a")
    world.write_pair("a")
    world.declare_custom("a")
    await world.run(200)
    assert world.ready("a") == ("True", "Verified")


async def frozen_at(world: EngineWorld, number: int, *, loses: bool) -> bool:
    """Rotate, and stand still at the request of that number; False if there are not as many."""
    last = len(world.line.calls) + number
    world.line.loses = loses
    world.line.freezes = lambda call: call.number == last
    world.write_pair("a")
    try:
        async with asyncio.timeout(100):
            await world.line.frozen.wait()
    except TimeoutError:
        return False
    return True


@played
@pytest.mark.parametrize("late", [False, True], ids=["watch in time", "late watch"])
@pytest.mark.parametrize("loses", [False, True], ids=["request held", "answer lost"])
@pytest.mark.parametrize("busy", [True, False], ids=["next under way", "next done"])
async def test_a_process_that_wakes_after_another_has_gone_on_changes_nothing(
    *, busy: bool, loses: bool, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The deadline of an Event passes while the process stands still, and ends nothing before.
    monkeypatch.setattr(reporting, "_EVENT_DEADLINE", MOST * OTHERS_WORK)
    froze = 0
    for number in range(1, MOST):
        async with (
            EngineWorld(timings=PACE) as one,
            EngineWorld(timings=PACE, seed=2, cluster=one, started=False) as two,
        ):
            await at_rest(one)
            calls, accepted = len(one.modifies("a")), one.cost("a")[0]
            if not await frozen_at(one, number, loses=loses):
                break
            froze += 1
            held = one.line.calls[-1]
            assert one.engine is not None
            if late:
                one.engine.watch.freeze()
            two.start()
            await two.run(OTHERS_WORK)
            two.rds.config(durations={"change": CHANGE_SECONDS})
            two.write_pair("a")
            await two.run(60)
            newer = record(two)
            assert newer["phase"] == "Accepted"
            if not busy:
                await two.run(OTHERS_WORK)

            one.line.thaw()
            await one.run(2)
            one.engine.watch.thaw()
            await one.run(30)
            try:
                if busy:
                    now = record(one)
                    assert (now["startTime"], now["phase"]) == (newer["startTime"], "Accepted")
                await one.run(2 * OTHERS_WORK)
                assert one.ready("a") == ("True", "Verified")
                assert not record(one)
                assert not any(each.overlaps for each in (*one.accepted, *two.accepted))
                assert one.cost("a")[0] - accepted == 2
                assert one.cost("a")[1] == one.cost("a")[0]
                assert len(one.modifies("a")) - calls == 2
                assert [each["result"] for each in one.status("a")["history"]] == ["Verified"] * 3
            except AssertionError as error:
                error.add_note(f"stood still at request {number}, {held.what} {held.phase}")
                raise

    assert 8 <= froze < MOST - 1
