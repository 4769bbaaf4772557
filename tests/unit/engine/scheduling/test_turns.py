"""Whose turn it is: priorities, and tenants who have a thousand keys."""

import asyncio
from collections import Counter

import pytest

from rds_ssl.core.model import Priority
from rds_ssl.engine.scheduling.turns import SHARE, Turns
from rds_ssl.engine.scheduling.workqueue import WorkQueue
from support import virtual_time

KeyOfTenant = tuple[str, int]


def turns() -> Turns[KeyOfTenant]:
    return Turns(lambda key: key[0])


def taken(waiting: Turns[KeyOfTenant], count: int, *, not_of: str = "") -> list[KeyOfTenant]:
    found = (waiting.take(lambda tenant: tenant != not_of) for _ in range(count))
    return [each for each in found if each is not None]


def test_a_tenant_with_a_thousand_keys_has_no_more_turns_than_one_with_a_few() -> None:
    waiting = turns()
    for number in range(1000):
        waiting.put(("many", number), since=0.0, priority=Priority.CHANGE)
    for number in range(5):
        waiting.put(("few", number), since=9.0, priority=Priority.CHANGE)

    first = taken(waiting, 10)

    assert Counter(tenant for tenant, _ in first) == {"many": 5, "few": 5}


def test_a_more_urgent_key_goes_first_whatever_its_tenant_has_had() -> None:
    waiting = turns()
    for number in range(3):
        waiting.put(("a", number), since=0.0, priority=Priority.IN_FLIGHT)
    waiting.put(("b", 0), since=0.0, priority=Priority.CHANGE)

    assert taken(waiting, 3) == [("a", 0), ("a", 1), ("a", 2)]


def test_the_share_of_those_that_have_waited_long_is_fair_as_well() -> None:
    waiting = turns()
    for number in range(100):
        waiting.put(("many", number), since=0.0, priority=Priority.RESYNC)
        waiting.put(("busy", number), since=9.0, priority=Priority.IN_FLIGHT)
    waiting.put(("few", 0), since=5.0, priority=Priority.RESYNC)

    first = taken(waiting, 3 * SHARE)

    assert ("few", 0) in first
    assert sum(tenant == "busy" for tenant, _ in first) >= 3 * (SHARE - 1)


def test_a_tenant_that_may_not_have_a_turn_is_passed_over_and_keeps_its_place() -> None:
    waiting = turns()
    waiting.put(("a", 0), since=0.0, priority=Priority.CHANGE)
    waiting.put(("b", 0), since=1.0, priority=Priority.RESYNC)

    assert taken(waiting, 2, not_of="a") == [("b", 0)]
    assert taken(waiting, 2) == [("a", 0)]
    assert len(waiting) == 0


@pytest.mark.parametrize(("workers", "alone", "beside"), [(1, 1, 1), (2, 1, 1), (4, 3, 2)])
def test_a_tenant_alone_leaves_workers_free_and_beside_another_has_half(
    workers: int, alone: int, beside: int
) -> None:
    most: list[int] = []
    running: Counter[str] = Counter()

    async def step(key: KeyOfTenant) -> None:
        running[key[0]] += 1
        try:
            await asyncio.sleep(1000)
        finally:
            running[key[0]] -= 1

    async def work() -> None:
        queue = WorkQueue[KeyOfTenant](tenant=lambda key: key[0])
        for number in range(20):
            queue.add(("many", number))
        run = asyncio.create_task(queue.run(workers, step))
        await asyncio.sleep(1)
        most.append(running["many"])
        for number in range(20):
            queue.add(("few", number))
        await asyncio.sleep(1)
        assert workers == 1 or running["few"] == workers - alone
        await queue.stop(0)
        await run
        run = asyncio.create_task(queue.run(workers, step))
        await asyncio.sleep(1)
        most.append(max(running.values()))
        await queue.stop(0)
        await run

    virtual_time.run(work())

    assert most == [alone, beside]
