"""
The line between one process and the outside: every request passes here, and here it can be spoilt.

::

    line = Line(latency=lambda: 0.002)
    line.after.append(lost)             # a hook that raises: executed, but the answer is lost
    line.cut_after = 7                  # after the seventh request nothing passes any more
    port = line.connect()               # what the ports of one process hold

    line.freezes = lambda call: call.phase == "Accepted"    # the process stands still there
    await line.frozen.wait()
    line.thaw()                         # and goes on, hours later, where it was

A request that was cut off never ends: the process that waits for it is dead, and is cancelled.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import httpx

from rds_ssl.core.errors import KubeUnavailable

T = TypeVar("T")

Port = Literal["kube", "cloud"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to the outside."""

    number: int
    """From 1, in the order of execution, over all processes."""
    port: Port
    what: str
    """A method of `Resources`, or an operation of the cloud's API."""
    about: str
    """The object's or Secret's name, or the instance's id."""
    content: dict[str, Any] = field(default_factory=dict)
    """What a status PATCH or an Event says."""

    @property
    def phase(self) -> str:
        """The phase of an operation that a status PATCH writes; empty for all else."""
        operation = self.content.get("operation") if self.what == "patch_status" else None
        return str((operation or {}).get("phase", ""))


Hook = Callable[[Call], None]
"""It may raise what the port would: a KubeError, an httpx exception."""


class Line:
    """Counts requests, lets hooks step in before and after each, and can be cut."""

    def __init__(self, latency: Callable[[], float] = lambda: 0.001) -> None:
        """*latency* gives the seconds of one way, there or back."""
        self.latency = latency
        self.before: list[Hook] = []
        """Raising here: the request is not executed."""
        self.after: list[Hook] = []
        """Raising here: the request is executed, its answer is another one."""
        self.calls: list[Call] = []
        self.cut_after: int | None = None
        """The number of the last request that is executed."""
        self.is_cut = asyncio.Event()
        self.epoch = 0
        self.freezes: Callable[[Call], bool] | None = None
        """The request, once, at which the process is held."""
        self.loses = False
        """Whether that one is executed, and its answer not waited for; if not, it has yet to go."""
        self.frozen = asyncio.Event()
        self._thawed = asyncio.Event()

    def connect(self) -> "Connection":
        """Give a new process its end; those of processes before are dead."""
        self.epoch += 1
        self.is_cut.clear()
        return Connection(self, self.epoch)

    def thaw(self) -> None:
        """Let the request that was held leave."""
        self._thawed.set()

    async def hold(self, call: Call) -> bool:
        """Hold a request that `freezes` names, until `thaw`; return whether it was one."""
        if self.freezes is None or not self.freezes(call):
            return False
        self.freezes = None
        self.frozen.set()
        await self._thawed.wait()
        return True

    def cut(self) -> None:
        """Let nothing pass any more until the next `connect`."""
        self.epoch += 1
        self.is_cut.set()


def _no_answer(call: Call) -> Exception:
    """Make what a client raises when it wakes long after its deadline."""
    if call.port == "kube":
        return KubeUnavailable(f"{call.what}: no answer (TimeoutError)")
    return httpx.ReadTimeout("no answer")


class Connection:
    """The end of one process."""

    def __init__(self, line: Line, epoch: int) -> None:
        self._line = line
        self._epoch = epoch

    async def carry(
        self,
        port: Port,
        what: str,
        about: str,
        work: Callable[[], Awaitable[T]],
        content: dict[str, Any] | None = None,
    ) -> T:
        """Carry one request out: there, *work*, and back."""
        line = self._line
        await self._travel()
        call = Call(
            number=len(line.calls) + 1, port=port, what=what, about=about, content=content or {}
        )
        line.calls.append(call)
        try:
            if not line.loses:
                await line.hold(call)
            for hook in line.before:
                hook(call)
            answer = await work()
            for hook in line.after:
                hook(call)
            if line.loses and await line.hold(call):
                raise _no_answer(call)
        finally:
            if call.number == line.cut_after:
                line.cut()
        await self._travel()
        return answer

    async def _travel(self) -> None:
        if self._epoch == self._line.epoch:
            await asyncio.sleep(self._line.latency())
        if self._epoch != self._line.epoch:
            await asyncio.get_running_loop().create_future()
