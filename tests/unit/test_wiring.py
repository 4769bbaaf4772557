"""How a pass is counted, however it ends."""

import asyncio

import pytest

from rds_ssl.wiring import counted
from support.engine_world import played

Ends = list[str]


@played
async def test_a_pass_that_is_cancelled_with_the_term_is_no_bug() -> None:
    ends: Ends = []

    async def step() -> str:
        await asyncio.Event().wait()
        return "done"

    task = asyncio.create_task(counted(step(), lambda result, _: ends.append(result)))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert ends == ["cancelled"]


@played
async def test_a_pass_that_raises_is_a_bug_and_stays_a_traceback() -> None:
    ends: Ends = []

    async def step() -> str:
        raise KeyError("nobody thought of it")

    with pytest.raises(KeyError):
        await counted(step(), lambda result, _: ends.append(result))
    assert ends == ["bug"]


@played
async def test_a_pass_is_counted_by_the_word_it_ends_with() -> None:
    ends: Ends = []

    async def step() -> str:
        return "held"

    await counted(step(), lambda result, _: ends.append(result))

    assert ends == ["held"]
