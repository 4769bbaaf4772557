import asyncio
import gc
import threading
import weakref

import pytest

from rds_ssl.core.errors import MaterialError
from rds_ssl.core.model import Reason
from rds_ssl.offloading import INLINE, offloaded
from support.polling import patience


class Key:
    """Stands for a private key: whoever still refers to it keeps it."""


def fail(key: Key) -> None:
    held = key
    del held
    raise MaterialError("no key", reason=Reason.MATERIAL_INVALID, field="Secret a, key tls.key")


@pytest.mark.parametrize(("size", "elsewhere"), [(INLINE, False), (INLINE + 1, True), (None, True)])
def test_what_is_large_or_costly_is_done_in_another_thread(
    *, size: int | None, elsewhere: bool
) -> None:
    where = asyncio.run(offloaded(threading.get_ident, size=size))

    assert (where != threading.get_ident()) == elsewhere


class Held:
    """Work that ends when it may."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.begun = asyncio.Event()
        self.may_end = threading.Event()

    def __call__(self) -> str:
        self._loop.call_soon_threadsafe(self.begun.set)
        self.may_end.wait(patience(10))
        return "held"


def test_one_follows_the_other_and_the_loop_goes_on_meanwhile() -> None:
    ended: list[str] = []

    async def story() -> None:
        held = Held(asyncio.get_running_loop())
        first = asyncio.create_task(offloaded(held))
        second = asyncio.create_task(offloaded(lambda: ended.append("second")))
        await held.begun.wait()
        assert not ended
        held.may_end.set()
        assert await first == "held"
        await second

    asyncio.run(story())

    assert ended == ["second"]


def test_an_error_arrives_as_it_is_and_nothing_of_the_work_is_kept() -> None:
    gone: list[bool] = []

    async def attempt(key: Key) -> tuple[str, Reason]:
        try:
            await offloaded(lambda: fail(key))
        except MaterialError as error:  # Not pytest.raises, which keeps what it has caught.
            return str(error), error.reason
        raise AssertionError

    async def story() -> None:
        key = Key()
        trace = weakref.ref(key)
        assert await attempt(key) == ("no key", Reason.MATERIAL_INVALID)
        del key
        await offloaded(lambda: None)  # The thread has put the work before away by now.
        gone.append(trace() is None)

    gc.disable()
    try:
        asyncio.run(story())
    finally:
        gc.enable()

    assert gone == [True]


def test_what_is_cancelled_does_not_harm_what_comes_after() -> None:
    async def story() -> int:
        held = Held(asyncio.get_running_loop())
        begun = asyncio.create_task(offloaded(held))
        waiting = asyncio.create_task(offloaded(held))
        await held.begun.wait()
        begun.cancel()
        waiting.cancel()
        await asyncio.gather(begun, waiting, return_exceptions=True)
        held.may_end.set()
        return await offloaded(lambda: 7)

    assert asyncio.run(story()) == 7
