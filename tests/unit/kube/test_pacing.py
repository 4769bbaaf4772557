"""How often one path of the API server is asked."""

import asyncio

from rds_ssl.kube.pacing import Pacing
from support.engine_world import played


async def asked(pacing: Pacing, path: str, seconds: float, every: float = 0.0) -> int:
    """Ask for as long as that, as often as it is let; give how often that was."""
    loop, times = asyncio.get_running_loop(), 0
    end = loop.time() + seconds
    while True:
        await pacing.wait(path)
        if loop.time() >= end:
            return times
        times += 1
        await asyncio.sleep(every or 0.001)


@played
async def test_what_is_asked_without_a_pause_is_slowed_down() -> None:
    assert await asked(Pacing(burst=6, interval=5), "/a", 20) <= 6 + 4
    assert await asked(Pacing(burst=6, interval=5), "/a", 600) <= 6 + 120


@played
async def test_what_is_asked_seldom_is_never_kept_waiting() -> None:
    loop, pacing = asyncio.get_running_loop(), Pacing(burst=6, interval=5)
    began = loop.time()

    for _ in range(100):
        await pacing.wait("/a")
        await asyncio.sleep(5)

    assert loop.time() - began == 500


@played
async def test_one_path_keeps_no_other_waiting_and_a_rest_gives_all_back() -> None:
    loop, pacing = asyncio.get_running_loop(), Pacing(burst=6, interval=5)
    await asked(pacing, "/a", 60)
    began = loop.time()

    for _ in range(6):
        await pacing.wait("/b")
    assert loop.time() == began

    await asyncio.sleep(40)
    began = loop.time()
    for _ in range(6):
        await pacing.wait("/a")
    assert loop.time() == began
