"""One process leads, another one stands by with all it needs, and takes over."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from support.engine_process import Engine
from support.engine_world import CREDENTIALS, NAMESPACE, EngineWorld, played
from support.line import Call

QUICK = 30.0
"""Seconds within which a change is sent and seen in force."""


@asynccontextmanager
async def two_processes() -> AsyncIterator[tuple[EngineWorld, EngineWorld, Engine]]:
    """Give one that leads, and one that stands by."""
    async with EngineWorld() as one, EngineWorld(cluster=one, started=False) as two:
        two.start(leads=False)
        assert two.engine is not None
        yield one, two, two.engine


@played
async def test_who_stands_by_makes_no_pass_whatever_changes() -> None:
    async with two_processes() as (one, two, _):
        one.add_instance("a")
        one.write_pair("a")
        one.declare_custom("a")
        await one.run(QUICK)
        one.write_pair("a")
        one.ask("a", "now")
        await one.run(QUICK)

        assert len(one.modifies("a")) == 2
        assert one.ready("a")[0] == "True"
        assert two.passes == []


@played
async def test_a_take_over_asks_for_objects_at_rest_by_and_by() -> None:
    async with two_processes() as (one, two, standby):
        names = [f"db{number}" for number in range(40)]
        for name in names:
            one.add_instance(name)
            one.declare(name)
        await one.run(500)
        await one.kill()
        one.rds.clear_calls()

        await standby.take_over()
        await two.run(15)
        soon = {name for name in names if one.calls(name)}
        await two.run(two.timings.resync)

        assert len(soon) <= 5
        assert all(one.calls(name) for name in names)
        assert not any(one.modifies(name) for name in names)


@played
async def test_what_changed_while_nobody_led_is_carried_out_at_once() -> None:
    async with two_processes() as (one, two, standby):
        for name in ("edited", "rotated", "new"):
            one.add_instance(name, profile="mysql-8.0" if name == "edited" else "postgresql-14")
            if name != "new":
                one.write_pair(name)
                one.declare_custom(name)
        await one.run(500)
        await one.kill()
        one.write_pair("rotated")
        one.edit("edited", forceEncryption=True)
        one.declare("new")
        await two.run(16)

        await standby.take_over()
        await two.run(QUICK)

        calls = [len(one.modifies(name)) for name in ("edited", "rotated", "new")]
        await two.run(QUICK)

        assert calls == [2, 2, 1]
        assert {one.ready(name) for name in ("edited", "rotated", "new")} == {("True", "Verified")}


@played
async def test_what_changed_before_the_standby_was_there_is_carried_out_at_once() -> None:
    async with EngineWorld() as one, EngineWorld(cluster=one, started=False) as two:
        one.add_instance("a")
        one.write_pair("a")
        one.declare_custom("a")
        await one.run(500)
        await one.kill()
        one.write_pair("a")
        two.start(leads=False)
        standby = two.engine
        assert standby is not None
        await two.run(16)

        await standby.take_over()
        await two.run(QUICK)

        assert len(one.modifies("a")) == 2
        await two.run(QUICK)
        assert one.ready("a") == ("True", "Verified")


@played
async def test_what_waits_for_an_answer_of_the_cloud_is_looked_at_at_once() -> None:
    async with two_processes() as (one, two, standby):
        one.add_instance("a")
        one.write_pair("a")
        one.declare_custom("a")
        await one.run(500)
        one.unreachable_hosts = {"rds.invalid"}
        one.write_pair("a")
        await one.run(100)
        assert one.ready("a")[0] == "True"
        assert one.conditions("a")["Reconciling"] == ("True", "ApiUnavailable")
        await two.run(400)  # What it has noted is old by now.
        await one.kill()

        await standby.take_over()
        await two.run(QUICK)

        assert len(one.modifies("a")) == 2


@played
async def test_a_change_under_way_is_seen_through_and_holds_its_slot() -> None:
    async with EngineWorld(budget=1) as one, EngineWorld(cluster=one, started=False) as two:
        two.budget = 1
        two.start(leads=False)
        standby = two.engine
        assert standby is not None
        for name in ("a", "b"):
            one.add_instance(name)
        one.declare("a")
        await one.run(2)
        assert len(one.modifies("a")) == 1
        one.declare("b")
        await one.run(1)
        await one.kill()

        await standby.take_over()
        await two.run(5)
        waiting = len(one.modifies("b"))
        await two.run(600)

        assert waiting == 0
        assert [len(one.modifies(name)) for name in ("a", "b")] == [1, 1]
        assert {one.ready(name)[0] for name in ("a", "b")} == {"True"}


def _lose(leader: Engine, call: Call) -> None:
    """Let a process lead no more once the record of a call is written."""
    if call.phase == "Sending":
        leader.leads = False


@played
async def test_a_process_that_leads_no_more_sends_nothing_although_its_record_is_written() -> None:
    async with two_processes() as (one, two, standby):
        one.add_instance("a")
        leader = one.engine
        assert leader is not None
        one.line.after.append(partial(_lose, leader))
        one.declare("a")
        await one.run(2)

        assert one.modifies("a") == []
        assert one.status("a")["operation"]["phase"] == "Sending"
        assert "not_leading" in {result for _, _, result in one.passes}

        await standby.take_over()
        await two.run(400)
        assert len(one.modifies("a")) == 1
        assert one.ready("a") == ("True", "Verified")


@played
async def test_a_process_that_leads_again_sends_what_it_could_not() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        leader = world.engine
        assert leader is not None
        world.line.after.append(partial(_lose, leader))
        world.declare("a")
        await world.run(2)
        assert world.modifies("a") == []

        world.line.after.clear()
        leader.leads = True
        leader.queue.add((NAMESPACE, "a"))
        await world.run(QUICK)

        assert len(world.modifies("a")) == 1
        assert world.ready("a") == ("True", "Verified")


@played
async def test_newer_credentials_are_no_reason_to_look_at_all_who_use_them() -> None:
    async with EngineWorld() as one, EngineWorld(cluster=one, started=False) as two:
        names = [f"db{number}" for number in range(40)]
        for name in names:
            one.add_instance(name)
            one.declare(name)
        await one.run(900)
        one.write_credentials(CREDENTIALS)
        await one.run(1200)
        two.start(leads=False)
        standby = two.engine
        assert standby is not None
        await two.run(1)
        standby.router.data_changed("Secret", (NAMESPACE, CREDENTIALS))  # As a first list tells.
        await one.kill()
        one.rds.clear_calls()

        await standby.take_over()
        await two.run(15)

        assert sum(bool(one.calls(name)) for name in names) <= 5


@played
async def test_what_a_first_list_tells_is_no_change() -> None:
    async with two_processes() as (one, two, standby):
        names = [f"db{number}" for number in range(20)]
        for name in names:
            one.add_instance(name)
            one.write_pair(name)
            one.declare_custom(name)
        await one.run(900)
        await two.run(400)
        for name in names:
            standby.router.data_changed("Secret", (NAMESPACE, f"{name}-tls"))
        await one.kill()
        one.rds.clear_calls()

        await standby.take_over()
        await two.run(15)

        assert sum(bool(one.calls(name)) for name in names) <= 4


@played
async def test_a_request_made_before_the_standby_was_there_is_answered_soon() -> None:
    async with EngineWorld() as one, EngineWorld(cluster=one, started=False) as two:
        one.add_instance("a")
        one.declare("a")
        await one.run(500)
        await one.kill()
        one.ask("a", "now")
        two.start(leads=False)
        standby = two.engine
        assert standby is not None
        await two.run(16)

        await standby.take_over()
        await two.run(QUICK)

        assert one.status("a").get("lastHandledReconcileAt") == "now"


@played
async def test_a_rotation_after_a_take_over_goes_before_those_that_wait_for_a_window() -> None:
    window = {"schedule": "0 3 1 1 *", "duration": "1h", "timeZone": "UTC"}
    async with (
        EngineWorld(rate=5.0) as one,
        EngineWorld(cluster=one, started=False, rate=5.0) as two,
    ):
        two.start(leads=False)
        standby = two.engine
        assert standby is not None
        one.add_instance("rotated")
        one.write_pair("rotated")
        one.declare_custom("rotated")
        for number in range(100):
            one.add_instance(f"db{number}")
            one.declare(f"db{number}", maintenance={"windows": [window]})
        await one.run(900)
        await one.kill()
        await two.run(400)

        await standby.take_over()
        await two.run(1)
        one.write_pair("rotated")
        await two.run(5)

        assert len(one.modifies("rotated")) == 2
