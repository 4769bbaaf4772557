"""Passes while a process leads, and their end before another one may; in virtual time."""

import asyncio
import contextlib
from datetime import UTC, datetime

from rds_ssl.core.lease import DURATION
from rds_ssl.engine.election import Elector
from rds_ssl.engine.objects import Key
from rds_ssl.engine.scheduling.workqueue import WorkQueue
from rds_ssl.leading import STUCK, lead
from support import virtual_time
from support.lease_store import ApiServer, Way

KEY = ("shop", "orders")
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def clock() -> float:
    """Give the loop's time."""
    return asyncio.get_running_loop().time()


class Work:
    """Passes of one process, and when they began and ended."""

    def __init__(self, server: ApiServer, *, seconds: float = 0.0, resists: bool = False) -> None:
        self.way = Way(server)
        self.elector = Elector(self.way, f"process-{id(self)}", now=lambda: NOON, clock=clock)
        self.queue: WorkQueue[Key] = WorkQueue(may_start=lambda: self.elector.leads)
        self.seconds, self.resists = seconds, resists
        self.take_over_seconds = 0
        self.taken_over = 0
        self.began: list[float] = []
        self.ended: list[float] = []
        self.exits: list[tuple[int, float]] = []
        self.task = asyncio.create_task(
            lead(self, self.elector, workers=2, end_process=self._end_process)
        )

    async def take_over(self) -> None:
        self.taken_over += 1
        for _ in range(self.take_over_seconds):
            await asyncio.sleep(1)

    async def measured_step(self, key: Key) -> None:
        assert key == KEY
        self.began.append(clock())
        end = clock() + self.seconds
        while clock() < end:
            with contextlib.suppress(asyncio.CancelledError) if self.resists else _nothing():
                await asyncio.sleep(end - clock())
        self.ended.append(clock())

    def _end_process(self, status: int) -> None:
        self.exits.append((status, clock()))


def _nothing() -> contextlib.AbstractContextManager[None]:
    return contextlib.nullcontext()


def test_a_pass_that_runs_when_the_lease_is_lost_has_ended_before_another_one_may_lead() -> None:
    async def story() -> None:
        work = Work(ApiServer(), seconds=1000)
        await asyncio.sleep(1)
        work.queue.add(KEY)
        await asyncio.sleep(1)
        assert len(work.began) == 1

        work.way.refuses = True
        lost = clock()
        await asyncio.sleep(DURATION - 1.1)

        assert work.queue.in_flight == 0
        assert not work.task.done()
        assert work.exits == []
        assert clock() - lost < DURATION - 1

    virtual_time.run(story())


def test_a_pass_that_resists_is_the_end_of_the_process_before_another_one_may_lead() -> None:
    async def story() -> None:
        work = Work(ApiServer(), seconds=1000, resists=True)
        await asyncio.sleep(1)
        work.queue.add(KEY)
        await asyncio.sleep(1)

        work.way.refuses = True
        lost = clock()
        await asyncio.sleep(DURATION)

        assert [status for status, _ in work.exits[:1]] == [STUCK]
        assert work.exits[0][1] - lost < DURATION - 0.9

    virtual_time.run(story())


def test_after_an_outage_it_goes_on_with_what_waits_and_takes_over_nothing_anew() -> None:
    async def story() -> None:
        work = Work(ApiServer())
        await asyncio.sleep(1)
        work.way.refuses = True
        await asyncio.sleep(600)
        work.queue.add(KEY)
        await asyncio.sleep(10)
        assert work.began == []

        work.way.refuses = False
        await asyncio.sleep(2)

        assert len(work.ended) == 1
        assert work.taken_over == 1

    virtual_time.run(story())


def test_once_another_one_has_led_it_ends_and_all_is_to_be_made_anew() -> None:
    async def story() -> None:
        server = ApiServer()
        work = Work(server)
        await asyncio.sleep(1)
        server.edit(holderIdentity="another")
        await asyncio.sleep(5)
        work.queue.add(KEY)
        assert not work.task.done()

        await asyncio.sleep(30)  # The other one has gone.

        assert work.task.done()
        assert work.task.exception() is None
        assert work.began == []

    virtual_time.run(story())


def test_it_ends_when_the_queue_is_stopped() -> None:
    async def story() -> None:
        work = Work(ApiServer())
        await asyncio.sleep(1)

        await work.queue.stop()
        await asyncio.sleep(1)

        assert work.task.done()
        assert work.elector.leads

    virtual_time.run(story())


def test_a_take_over_that_lasts_longer_than_a_lease_keeps_it() -> None:
    async def story() -> None:
        server = ApiServer()
        one, two = Work(server), Work(server)
        one.take_over_seconds = two.take_over_seconds = 40
        holders = set()
        for _ in range(1200):
            await asyncio.sleep(0.1)
            holders.add(server.holder)

        assert len(holders - {None}) == 1
        assert one.taken_over + two.taken_over == 1

    virtual_time.run(story())
