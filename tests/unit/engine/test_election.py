"""One process leads at a time: elections in virtual time, and all that can come between."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta

import pytest

from rds_ssl.core.errors import NotLeading
from rds_ssl.core.lease import DEADLINE, DURATION
from rds_ssl.engine.election import Alone, Elector, before_a_write
from support import virtual_time
from support.lease_store import ApiServer, Way
from support.virtual_time import VirtualTimeLoop

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Process:
    """One that would lead, and notes when it does."""

    def __init__(self, server: ApiServer, name: str, serves: str = "all namespaces") -> None:
        self.way = Way(server, serves)
        self.name = name
        self.day = NOON
        """Its time of day, which somebody may set."""
        self.elector = Elector(self.way, name, now=lambda: self.day, clock=clock)
        self.terms: list[int] = []
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await self.elector.acquire()
            self.terms.append(self.elector.term)
            await self.elector.hold()

    async def end(self) -> None:
        """End as at SIGTERM."""
        self.task.cancel()
        await self.elector.release()

    def kill(self) -> None:
        """End as at SIGKILL."""
        self.task.cancel()


def clock() -> float:
    """Give the loop's time."""
    return asyncio.get_running_loop().time()


def in_virtual_time(story: Callable[[], Coroutine[None, None, None]]) -> Callable[[], None]:
    """Let a test run on a loop in virtual time."""

    def test() -> None:
        virtual_time.run(story())

    test.__name__ = story.__name__
    return test


async def leader_of(*processes: Process, seconds: float) -> Process:
    """Wait until one leads, at most so long; fail if two ever do."""
    end = clock() + seconds
    while True:
        leading = [each for each in processes if each.elector.leads]
        assert len(leading) < 2
        if leading:
            return leading[0]
        assert clock() < end, "nobody leads"
        await asyncio.sleep(0.05)


async def watched(*processes: Process, seconds: float) -> None:
    """Let time pass, and fail if two lead at any time."""
    end = clock() + seconds
    while clock() < end:
        assert sum(each.elector.leads for each in processes) < 2
        await asyncio.sleep(0.05)


async def leader_and_standby() -> tuple[ApiServer, Process, Process]:
    """Give a server, one process that has led for some seconds, and one that stands by."""
    server = ApiServer()
    one = Process(server, "one")
    await leader_of(one, seconds=1)
    two = Process(server, "two")
    await watched(one, two, seconds=5)
    return server, one, two


@in_virtual_time
async def test_of_many_that_start_together_one_leads() -> None:
    server = ApiServer()
    processes = [Process(server, f"p{number}") for number in range(8)]

    first = await leader_of(*processes, seconds=1)
    await watched(*processes, seconds=120)

    assert first.elector.leads
    assert server.holder == first.name
    assert [len(each.terms) for each in processes] == [each is first for each in processes]


@in_virtual_time
async def test_after_a_kill_another_one_leads_within_the_duration_and_two_seconds() -> None:
    server = ApiServer()
    one = Process(server, "one")
    await leader_of(one, seconds=1)
    two = Process(server, "two")
    await watched(one, two, seconds=30)

    one.kill()
    killed = clock()
    one.elector._until = 0.0  # noqa: SLF001  # A dead process asks no clock.
    await leader_of(two, seconds=DURATION + 2)

    assert clock() - killed > DEADLINE
    assert two.elector.followed


@in_virtual_time
async def test_a_lease_that_is_given_up_is_taken_within_two_seconds() -> None:
    _, one, two = await leader_and_standby()

    await one.end()

    await leader_of(one, two, seconds=2)
    assert two.elector.leads


@pytest.mark.parametrize("how", ["refuses", "is_dead"])
def test_a_leader_that_reaches_no_api_server_stops_before_another_one_begins(how: str) -> None:
    async def story() -> None:
        _, one, two = await leader_and_standby()

        setattr(one.way, how, True)
        cut = clock()
        await watched(one, two, seconds=DEADLINE + 0.1)
        assert not one.elector.leads
        second = await leader_of(one, two, seconds=DURATION)

        assert second is two
        assert clock() - cut >= DURATION - 1.1  # The last renewal may be as old as a second.
        setattr(one.way, how, False)
        await watched(one, two, seconds=60)
        assert two.elector.leads
        assert one.elector.told == "stands by: two leads"

    virtual_time.run(story())


@in_virtual_time
async def test_a_leader_that_was_alone_in_an_outage_goes_on_in_the_same_term() -> None:
    server = ApiServer()
    one = Process(server, "one")
    await leader_of(one, seconds=1)

    one.way.refuses = True
    await asyncio.sleep(600)
    assert not one.elector.leads
    one.way.refuses = False
    await leader_of(one, seconds=2)

    assert len(set(one.terms)) == 1
    assert len(one.terms) == 2


@in_virtual_time
async def test_a_renewal_whose_answer_was_lost_ends_no_term() -> None:
    server = ApiServer()
    one = Process(server, "one")
    await leader_of(one, seconds=1)

    one.way.loses_answers = True
    await asyncio.sleep(3)
    one.way.loses_answers = False
    await asyncio.sleep(30)

    assert one.elector.leads
    assert len(one.terms) == 1


@in_virtual_time
async def test_a_process_that_was_stopped_knows_at_once_that_it_leads_no_more() -> None:
    server = ApiServer()
    one = Process(server, "one")
    await leader_of(one, seconds=1)
    send = before_a_write(lambda: one.elector.leads)
    send()
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)

    loop.advance(20)  # Nothing of it has run since: no timer, no renewal.

    assert not one.elector.leads
    with pytest.raises(NotLeading):
        send()


@in_virtual_time
async def test_the_time_of_day_may_jump() -> None:
    server = ApiServer()
    one, two = Process(server, "one"), Process(server, "two")
    first = await leader_of(one, two, seconds=1)

    for jump in (timedelta(days=-400), timedelta(days=900)):
        for each in (one, two):
            each.day += jump
        await watched(one, two, seconds=60)
        assert first.elector.leads
    assert len(one.terms) + len(two.terms) == 1


@pytest.mark.parametrize(
    "by_hand",
    [
        pytest.param(ApiServer.delete, id="deleted"),
        pytest.param(lambda server: server.edit(holderIdentity=""), id="holder taken out"),
        pytest.param(lambda server: server.edit(renewTime="2001-01-01T00:00:00Z"), id="old time"),
        pytest.param(lambda server: server.edit(leaseDurationSeconds=10**6), id="for days"),
        pytest.param(lambda server: server.edit(leaseTransitions=0), id="transitions"),
    ],
)
def test_a_lease_edited_by_hand_stays_the_leaders(by_hand: Callable[[ApiServer], None]) -> None:
    async def story() -> None:
        server, one, two = await leader_and_standby()

        by_hand(server)
        await watched(one, two, seconds=60)

        assert one.elector.leads
        assert server.holder == "one"

    virtual_time.run(story())


@in_virtual_time
async def test_a_lease_given_to_somebody_who_is_not_there_is_taken_again_in_another_term() -> None:
    server = ApiServer()
    one = Process(server, "one")
    await leader_of(one, seconds=1)

    server.edit(holderIdentity="nobody-there")
    await asyncio.sleep(2)
    assert not one.elector.leads
    await leader_of(one, seconds=DURATION + 2)

    assert len(set(one.terms)) == 2


@in_virtual_time
async def test_a_lease_that_was_made_anew_is_another_term() -> None:
    server = ApiServer()
    one = Process(server, "one")
    await leader_of(one, seconds=1)
    server.delete()
    await asyncio.sleep(3)

    assert one.elector.leads
    assert one.terms == [1, 2]


@in_virtual_time
async def test_to_lead_costs_a_request_a_second_and_to_stand_by_as_well() -> None:
    server = ApiServer()
    one = Process(server, "one")
    await leader_of(one, seconds=1)
    before = server.requests
    await asyncio.sleep(100)
    leading = server.requests - before

    two = Process(server, "two")
    await asyncio.sleep(100)

    assert 90 <= leading <= 100
    assert server.requests - before - 2 * leading < 130
    assert two.elector.told == "stands by: one leads"


@in_virtual_time
async def test_without_an_election_a_process_leads_for_ever() -> None:
    alone = Alone()
    await alone.acquire()
    hold = asyncio.create_task(alone.hold())

    await asyncio.sleep(10**6)

    assert alone.leads
    assert not hold.done()
    before_a_write(lambda: alone.leads)()


def test_who_stands_by_tells_an_outage_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def story() -> None:
        server = ApiServer()
        one = Process(server, "one")
        await leader_of(one, seconds=1)
        two = Process(server, "two")
        await asyncio.sleep(5)
        caplog.clear()

        two.way.refuses = True
        await asyncio.sleep(60)
        two.way.refuses = False
        await asyncio.sleep(60)

    virtual_time.run(story())

    told = [each.message for each in caplog.records]
    assert told == ["Lease test: connection refused", "Lease test: stands by: one leads"]


@in_virtual_time
async def test_a_lease_is_given_up_although_a_renewal_of_it_is_under_way() -> None:
    server, one, two = await leader_and_standby()

    one.way.answers_after = 0.5
    server.next_write.clear()
    await server.next_write.wait()
    await one.end()

    await leader_of(one, two, seconds=2)
    assert two.elector.leads


@in_virtual_time
async def test_a_lease_edited_by_hand_is_given_up_all_the_same() -> None:
    server, one, two = await leader_and_standby()

    server.edit()
    await one.end()

    await leader_of(one, two, seconds=2)
    assert two.elector.leads


@in_virtual_time
async def test_who_waits_for_one_that_serves_other_objects_says_so() -> None:
    server = ApiServer()
    one = Process(server, "one", serves="namespaces shop")
    await leader_of(one, seconds=1)
    two = Process(server, "two", serves="all namespaces, selector tier=gold")
    await asyncio.sleep(5)

    assert two.elector.told == (
        "stands by: one leads, but serves other objects (namespaces shop) than this process would"
        " (all namespaces, selector tier=gold); unless this is a change of settings under way,"
        " give one of the two another LEASE_NAME"
    )

    await one.end()
    assert await leader_of(one, two, seconds=2) is two
    assert server.serves == "all namespaces, selector tier=gold"


def test_a_leader_whose_lease_was_made_anew_does_not_say_that_it_leads_no_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)

    async def story() -> None:
        server = ApiServer()
        one = Process(server, "one")
        await leader_of(one, seconds=1)
        caplog.clear()
        server.delete()
        await asyncio.sleep(3)
        assert one.elector.leads

    virtual_time.run(story())

    told = [each.message for each in caplog.records]
    assert told[0] == "Lease test: leads anew: the Lease was another one: leads as one"
    assert not any("any more" in each for each in told)
