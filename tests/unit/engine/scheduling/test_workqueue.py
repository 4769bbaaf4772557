"""The work queue, in virtual time."""

# ruff: noqa: S311  # Chance that must come out the same each time.

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from rds_ssl.core.model import Priority
from rds_ssl.engine.scheduling.turns import SHARE
from rds_ssl.engine.scheduling.workqueue import WorkQueue
from support import virtual_time

Step = Callable[[str], Awaitable[None]]


class Passes:
    """A step that keeps what it ran, when, and how much at a time; keys take *seconds* each."""

    def __init__(self, *, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.ran: list[tuple[str, float]] = []
        self.ended: list[str] = []
        self.running: list[str] = []
        self.most_at_a_time = 0

    async def __call__(self, key: str) -> None:
        assert key not in self.running
        self.ran.append((key, asyncio.get_running_loop().time() - virtual_time.START))
        self.running.append(key)
        self.most_at_a_time = max(self.most_at_a_time, len(self.running))
        try:
            await asyncio.sleep(self.seconds)
            self.ended.append(key)
        finally:
            self.running.remove(key)

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.ran]


@asynccontextmanager
async def working(queue: WorkQueue[str], step: Step, *, workers: int = 1) -> AsyncIterator[None]:
    """Run *queue* meanwhile, and stop it in the end."""
    run = asyncio.create_task(queue.run(workers, step))
    await asyncio.sleep(0)
    try:
        yield
    finally:
        await queue.stop()
        await run


def traces(queue: WorkQueue[str]) -> int:
    """How many things *queue* holds, whatever for."""
    held = [value for value in vars(queue).values() if isinstance(value, (dict, set, list, tuple))]
    waiting = dict(vars(vars(queue)["_waiting"]))
    queues = waiting.pop("_queues").values()
    held += [*queues, *(value for value in waiting.values() if isinstance(value, dict))]
    return sum(map(len, held))


def test_a_key_added_twice_is_looked_at_once() -> None:
    passes = Passes()

    async def work() -> None:
        queue = WorkQueue[str]()
        queue.add("a")
        queue.add("b")
        queue.add("a")
        assert queue.depth == 2
        async with working(queue, passes):
            await asyncio.sleep(1)

    virtual_time.run(work())

    assert passes.keys == ["a", "b"]


def test_a_key_added_while_its_pass_runs_is_looked_at_once_more_right_after() -> None:
    passes = Passes(seconds=5)

    async def work() -> None:
        queue = WorkQueue[str]()
        async with working(queue, passes, workers=4):
            queue.add("a")
            await asyncio.sleep(1)
            queue.add("a")
            queue.add("a")
            await asyncio.sleep(20)
            assert traces(queue) == 0

    virtual_time.run(work())

    assert passes.ran == [("a", 0), ("a", 5)]
    assert passes.most_at_a_time == 1


def test_no_more_passes_run_at_a_time_than_there_are_workers() -> None:
    passes = Passes(seconds=1)

    async def work() -> None:
        queue = WorkQueue[str]()
        async with working(queue, passes, workers=3):
            for number in range(10):
                queue.add(str(number))
            await asyncio.sleep(0.5)
            assert queue.depth == 7
            assert queue.in_flight == 3
            await asyncio.sleep(10)

    virtual_time.run(work())

    assert passes.keys == [str(number) for number in range(10)]
    assert passes.most_at_a_time == 3


def test_urgent_keys_go_first_and_the_others_in_the_order_they_came() -> None:
    passes = Passes(seconds=1)

    async def work() -> None:
        queue = WorkQueue[str]()
        for key in ("r1", "r2", "r3"):
            queue.add(key, priority=Priority.RESYNC)
        queue.add("u1")
        queue.add("u2")
        queue.add("r3")
        queue.add("u1", priority=Priority.RESYNC)
        async with working(queue, passes):
            await asyncio.sleep(10)

    virtual_time.run(work())

    assert passes.keys == ["u1", "u2", "r3", "r1", "r2"]


def test_what_is_in_flight_goes_first_then_changes_first_looks_and_resyncs() -> None:
    passes = Passes(seconds=1)

    async def work() -> None:
        queue = WorkQueue[str]()
        for priority in (Priority.CHANGE, Priority.FIRST_LOOK, Priority.IN_FLIGHT):
            queue.add(priority.name, priority=priority)
        async with working(queue, passes):
            await asyncio.sleep(10)

    virtual_time.run(work())

    assert passes.keys == ["IN_FLIGHT", "CHANGE", "FIRST_LOOK"]


def test_one_pass_of_a_few_is_for_who_has_waited_longest() -> None:
    passes = Passes(seconds=1)

    async def work() -> None:
        queue = WorkQueue[str]()
        queue.add("resync", priority=Priority.RESYNC)
        queue.add("first", priority=Priority.FIRST_LOOK)
        async with working(queue, passes):
            for number in range(40):  # More work in flight than one worker can ever do.
                queue.add(f"f{number}", priority=Priority.IN_FLIGHT)
                queue.add(f"g{number}", priority=Priority.IN_FLIGHT)
                await asyncio.sleep(1)

    virtual_time.run(work())

    assert "resync" in passes.keys[: 2 * SHARE]
    assert "first" in passes.keys[: 3 * SHARE]
    assert sum(key[0] in "fg" for key in passes.keys[:SHARE]) == SHARE - 1


def test_a_key_that_becomes_more_urgent_keeps_the_time_that_it_has_waited() -> None:
    async def work() -> float:
        queue = WorkQueue[str]()
        queue.add("a", priority=Priority.RESYNC)
        await asyncio.sleep(5)
        queue.add("a", priority=Priority.IN_FLIGHT)
        queue.add("a", priority=Priority.FIRST_LOOK)
        assert queue.depth == 1
        return queue.oldest_age

    assert virtual_time.run(work()) == 5


def test_urgency_that_came_while_the_pass_ran_counts_for_the_next_one() -> None:
    passes = Passes(seconds=1)

    async def work() -> None:
        queue = WorkQueue[str]()
        queue.add("a", priority=Priority.RESYNC)
        async with working(queue, passes):
            queue.add("b", priority=Priority.RESYNC)
            queue.add("a")
            queue.add("a", priority=Priority.RESYNC)
            await asyncio.sleep(10)

    virtual_time.run(work())

    assert passes.keys == ["a", "a", "b"]


@pytest.mark.parametrize("wishes", [(30, 10, 20), (10, 20, 30), (30, 20, 10)])
def test_of_several_delays_the_earliest_wins(wishes: tuple[int, ...]) -> None:
    passes = Passes()

    async def work() -> None:
        queue = WorkQueue[str]()
        async with working(queue, passes):
            for seconds in wishes:
                queue.add_after("a", seconds)
            assert queue.depth == 0
            await asyncio.sleep(100)

    virtual_time.run(work())

    assert passes.ran == [("a", 10)]


def test_an_immediate_add_ends_the_delay() -> None:
    passes = Passes()

    async def work() -> None:
        queue = WorkQueue[str]()
        async with working(queue, passes):
            queue.add_after("a", 10)
            queue.add("a")
            queue.add_after("b", 0)
            await asyncio.sleep(100)

    virtual_time.run(work())

    assert passes.ran == [("a", 0), ("b", 0)]


def test_a_queued_key_needs_no_delay() -> None:
    passes = Passes(seconds=5)

    async def work() -> None:
        queue = WorkQueue[str]()
        async with working(queue, passes):
            queue.add("a")
            queue.add("b")
            await asyncio.sleep(1)
            queue.add_after("b", 10)
            queue.add("a")
            queue.add_after("a", 10)
            await asyncio.sleep(100)

    virtual_time.run(work())

    assert passes.ran == [("a", 0), ("b", 5), ("a", 10)]


def test_a_wish_for_a_key_in_flight_is_kept() -> None:
    passes = Passes(seconds=5)

    async def work() -> None:
        queue = WorkQueue[str]()
        async with working(queue, passes, workers=2):
            queue.add("a")
            queue.add("b")
            await asyncio.sleep(1)
            queue.add_after("a", 2)
            queue.add_after("b", 20)
            await asyncio.sleep(100)

    virtual_time.run(work())

    assert passes.ran == [("a", 0), ("b", 0), ("a", 5), ("b", 21)]


def test_failures_back_off_exponentially_up_to_the_cap_until_forgotten() -> None:
    async def work() -> None:
        queue = WorkQueue[str](base=1, cap=300, jitter=random.Random(1))
        delays = []
        for _ in range(2000):
            delays.append(queue.backoff("a"))
            await asyncio.sleep(400)
            queue.drop("nothing of the failures")
        for failures, delay in enumerate(delays):
            longest = min(300.0, 2.0 ** min(failures, 20))
            assert longest / 2 <= delay <= longest
        assert len(set(delays[100:])) > 1000

        queue.forget("a")

        assert 0.5 <= queue.backoff("a") <= 1

    virtual_time.run(work())


def test_the_jitter_is_the_given_one() -> None:
    async def delays(seed: int) -> list[float]:
        queue = WorkQueue[str](jitter=random.Random(seed))
        return [queue.backoff(key) for key in "abc"]

    first, again, other = (virtual_time.run(delays(seed)) for seed in (1, 1, 2))

    assert first == again != other


def test_an_exception_is_logged_and_the_key_backs_off_while_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    passes = Passes()

    async def step(key: str) -> None:
        await passes(key)
        if key == "broken" and passes.keys.count(key) < 3:
            raise KeyError("a bug")

    async def work() -> None:
        queue = WorkQueue[str]()
        async with working(queue, step):
            queue.add("broken")
            queue.add("fine")
            await asyncio.sleep(100)

    virtual_time.run(work())

    assert passes.keys == ["broken", "fine", "broken", "broken"]
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 2
    assert all(record.exc_info for record in errors)


def test_a_pass_that_is_cancelled_from_within_is_a_bug_like_any_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    passes = Passes()

    async def step(key: str) -> None:
        await passes(key)
        if len(passes.ran) == 1:
            raise asyncio.CancelledError

    async def work() -> None:
        queue = WorkQueue[str]()
        async with working(queue, step):
            queue.add("a")
            await asyncio.sleep(10)

    virtual_time.run(work())

    assert passes.keys == ["a", "a"]
    assert "cancelled from within" in caplog.text


def test_a_dropped_key_leaves_no_trace() -> None:
    passes = Passes(seconds=5)

    async def work() -> None:
        queue = WorkQueue[str]()
        queue.add("urgent")
        queue.add("patient", priority=Priority.RESYNC)
        queue.add_after("delayed", 10)
        queue.backoff("failed")
        for key in ("urgent", "patient", "delayed", "failed", "unknown"):
            queue.drop(key)
        assert traces(queue) == 0
        async with working(queue, passes):
            await asyncio.sleep(400)

    virtual_time.run(work())

    assert passes.ran == []


def test_a_key_dropped_while_its_pass_runs_stays_dropped_whatever_the_pass_wishes() -> None:
    async def work() -> None:
        queue = WorkQueue[str]()
        ran = []

        async def step(key: str) -> None:
            ran.append(key)
            queue.add(key)
            await asyncio.sleep(5)
            queue.backoff(key)
            queue.add_after(key, 10)
            raise KeyError("a bug on top")

        async with working(queue, step):
            queue.add("a")
            await asyncio.sleep(1)
            queue.drop("a")
            await asyncio.sleep(1000)
            assert traces(queue) == 0
            assert ran == ["a"]

    virtual_time.run(work())


def test_an_object_made_again_while_the_pass_of_its_predecessor_runs_gets_its_own() -> None:
    passes = Passes(seconds=5)

    async def work() -> None:
        queue = WorkQueue[str]()
        async with working(queue, passes):
            queue.add("a")
            await asyncio.sleep(1)
            queue.drop("a")
            queue.add("a")
            await asyncio.sleep(100)
            assert traces(queue) == 0

    virtual_time.run(work())

    assert passes.ran == [("a", 0), ("a", 5)]


def test_the_age_is_that_of_the_longest_waiting_key() -> None:
    async def work() -> None:
        queue = WorkQueue[str]()
        assert queue.oldest_age == 0
        queue.add("a", priority=Priority.RESYNC)
        await asyncio.sleep(3)
        queue.add("b")
        queue.add_after("c", 1)
        await asyncio.sleep(4)
        assert queue.oldest_age == 7
        queue.add("a")
        assert queue.oldest_age == 7
        queue.drop("a")
        assert queue.oldest_age == 4

    virtual_time.run(work())


def test_at_the_end_running_passes_finish_and_no_other_begins() -> None:
    passes = Passes(seconds=5)

    async def work() -> None:
        queue = WorkQueue[str]()
        run = asyncio.create_task(queue.run(1, passes))
        queue.add("a")
        queue.add("b")
        queue.add_after("c", 6)
        await asyncio.sleep(1)
        await queue.stop(grace=10)
        await asyncio.wait_for(run, 0.1)
        queue.add("d")
        await asyncio.sleep(100)

    virtual_time.run(work())

    assert passes.ended == ["a"]
    assert passes.keys == ["a"]


def test_passes_that_do_not_finish_in_time_are_cancelled_and_queued_again() -> None:
    passes = Passes(seconds=50)

    async def work() -> None:
        loop = asyncio.get_running_loop()
        queue = WorkQueue[str]()
        run = asyncio.create_task(queue.run(1, passes))
        queue.add("a")
        await asyncio.sleep(1)
        began = loop.time()
        await queue.stop(grace=10)
        assert loop.time() - began == 10
        await asyncio.wait_for(run, 0.1)
        assert passes.running == []
        assert queue.in_flight == 0
        assert queue.depth == 1

        passes.seconds = 0
        async with working(queue, passes):
            await asyncio.sleep(1)

    virtual_time.run(work())

    assert passes.keys == ["a", "a"]
    assert passes.ended == ["a"]


def test_a_pass_that_was_cancelled_before_it_began_is_not_lost() -> None:
    passes = Passes()

    async def work() -> None:
        queue = WorkQueue[str]()
        async with working(queue, passes):
            queue.add("a")
            await queue.stop(grace=0)
            assert passes.ran == []
            assert queue.depth == 1
            assert queue.in_flight == 0

    virtual_time.run(work())


def test_a_pass_that_resists_does_not_keep_the_queue_from_ending() -> None:
    async def step(_key: str) -> None:
        for _ in range(3):
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                continue

    async def work() -> None:
        queue = WorkQueue[str]()
        run = asyncio.create_task(queue.run(1, step))
        queue.add("a")
        await asyncio.sleep(1)
        await queue.stop(grace=5)
        await asyncio.wait_for(run, 5)
        assert asyncio.get_running_loop().time() < virtual_time.START + 20

    virtual_time.run(work())


def test_cancelling_the_run_cancels_the_passes() -> None:
    passes = Passes(seconds=1000)

    async def work() -> None:
        queue = WorkQueue[str]()
        run = asyncio.create_task(queue.run(2, passes))
        queue.add("a")
        await asyncio.sleep(1)
        run.cancel()
        await asyncio.wait({run})
        assert run.cancelled()
        assert passes.running == []
        await queue.stop()

    virtual_time.run(work())


def test_two_runs_at_a_time_and_runs_without_workers_are_refused() -> None:
    async def work() -> None:
        queue = WorkQueue[str]()
        with pytest.raises(ValueError, match="needs a worker"):
            await queue.run(0, Passes())
        async with working(queue, Passes()):
            with pytest.raises(RuntimeError, match="runs already"):
                await queue.run(1, Passes())

    virtual_time.run(work())


def actions(seed: int) -> Iterator[tuple[str, str, float, Priority]]:
    """Random calls of a queue's methods."""
    chance = random.Random(seed)
    for _ in range(400):
        yield (
            chance.choice(["add", "add", "add_after", "add_after", "backoff", "forget", "drop"]),
            chance.choice("abcdefgh"),
            chance.choice([0.0, 0.5, 3.0, 60.0]),
            chance.choice(list(Priority)),
        )


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_a_wish_is_fulfilled_in_time_and_nothing_is_left(seed: int) -> None:
    passes = Passes(seconds=0.4)

    async def work() -> None:
        loop = asyncio.get_running_loop()
        queue = WorkQueue[str](jitter=random.Random(seed))
        async with working(queue, passes, workers=3):
            owed: dict[str, float] = {}
            for what, key, seconds, priority in actions(seed):
                now = loop.time() - virtual_time.START
                if what == "add":
                    queue.add(key, priority=priority)
                    owed[key] = now
                elif what == "add_after":
                    queue.add_after(key, seconds, priority=priority)
                elif what == "drop":
                    queue.drop(key)
                    owed.pop(key, None)
                else:
                    getattr(queue, what)(key)
                await asyncio.sleep(seconds / 10)
            await asyncio.sleep(1000)
            last = dict(passes.ran)
            for key, since in owed.items():
                assert last[key] >= since
            for key in "abcdefgh":
                queue.drop(key)
            assert traces(queue) == 0

    virtual_time.run(work())

    assert passes.most_at_a_time <= 3


def test_virtual_time_says_so_when_nothing_can_ever_happen() -> None:
    async def work() -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="nothing is left"):
        virtual_time.run(work())


def test_no_pass_begins_at_a_moment_when_none_may() -> None:
    async def work() -> tuple[list[str], list[str]]:
        may = True
        passes = Passes(seconds=1)
        queue: WorkQueue[str] = WorkQueue(may_start=lambda: may)
        async with working(queue, passes):
            queue.add("a")
            queue.add("b")
            await asyncio.sleep(0.5)
            may = False
            await asyncio.sleep(10)
            queue.add("c")
            await asyncio.sleep(10)
            stopped = passes.keys
        may = True
        async with working(queue, passes):
            await asyncio.sleep(10)
        return stopped, passes.keys

    assert virtual_time.run(work()) == (["a"], ["a", "b", "c"])
