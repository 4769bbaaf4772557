"""
A TCP proxy that misbehaves as those of the field do, and mends.

::

    with TcpProxy(rds.url) as proxy:
        ...                                          # something that talks to proxy.url
        proxy.freeze()                               # not a byte more on what is open
        proxy.freeze(new=True)                       # nor on new connections
        proxy.cut()                                  # resets all that is open
        proxy.refuse()                               # the same, and new ones until `forward`
        proxy.delay(0.2)                             # each piece comes so much later
        proxy.spoil(Trouble(kind=Kind.MUTE))         # whatever else there is, see `Kind`
        proxy.forward()                              # as if nothing had been

It looks into nothing, so it works for TLS and gRPC as well; `support.wire` finds a request in plain
text. A path in place of a URL is a Unix socket.

What TCP promises holds of it: bytes that were held back arrive in order after `forward`, even if
the sender has given up meanwhile; a connection that lost bytes is reset then, for it could not go
on.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from support.controlplane_setup import reserve_port
from support.polling import patience

CHUNK = 65536

CONNECT_SECONDS = 5.0
"""For the connection to the target."""

_RESET = struct.pack("ii", 1, 0)
"""For SO_LINGER: closing resets the connection."""


class Kind(StrEnum):
    """What is wrong with a way."""

    LATENCY = "latency"
    """Each piece takes `Trouble.seconds` longer, in both directions."""
    REFUSE = "refuse"
    """Connections are reset, and new ones refused, as if nobody listened there."""
    RESET = "reset"
    """Connections are reset, and new ones as soon as they are there."""
    BLACK_HOLE = "black hole"
    """Connections are accepted, and nothing goes over them, no end either."""
    DEAF = "half-open, requests lost"
    """What the client sends is lost; what the server sends arrives."""
    MUTE = "half-open, answers lost"
    """What the client sends arrives; what the server sends is lost."""
    TRUNCATE = "truncated answers"
    """An answer ends, with its connection, after `Trouble.after` bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong, and how much of it."""

    kind: Kind
    seconds: float = 0.0
    """Of latency."""
    after: int = 0
    """Bytes of answers that still come through on a connection."""


@dataclass(eq=False, slots=True, kw_only=True)
class _Connection:
    """Two streams, and what became of what they carry."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    passed: int = 0
    """Bytes of answers since the way was spoilt."""
    lost: bool = False
    frozen: bool = False

    def reset(self) -> None:
        _reset(self.near)
        _reset(self.far)


class TcpProxy:
    """Forwards connections from a port or path of its own, the same for ever, to *target*."""

    url: str
    """With the scheme of the target, on 127.0.0.1; of a Unix socket ``unix://`` and its path."""

    def __init__(self, target: str | Path, *, listen: Path | None = None) -> None:
        """
        Begin to forward.

        Args:
            target: A URL, or the path of a Unix socket.
            listen: The path of a Unix socket to listen at; None: a free port.
        """
        self._target = target
        self._listen = listen
        self._reservation: socket.socket | None = None
        if listen is None:
            # Keeps the port while nobody listens.
            self._reservation = reserve_port()
            self._address: tuple[str, int] = self._reservation.getsockname()
            scheme = urlsplit(target).scheme if isinstance(target, str) else "http"
            self.url = f"{scheme}://{self._address[0]}:{self._address[1]}"
        else:
            self.url = f"unix://{listen}"
        self.accepted = 0
        """Connections that were made so far."""
        self._trouble: Trouble | None = None
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._changed = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._do(self._start())

    @property
    def trouble(self) -> Trouble | None:
        """What is wrong with it now."""
        return self._trouble

    def spoil(self, trouble: Trouble) -> None:
        """Let it go bad, for connections that are there and for new ones, until `forward`."""
        self._do(self._set(trouble))

    def forward(self) -> None:
        """Forward everything from now on, what was held back first."""
        self._do(self._set(None))

    def freeze(self, *, new: bool = False) -> None:
        """
        Hold back every byte of the open connections, which stay open, until `forward`.

        Args:
            new: Whether also those of connections that are made from now on.
        """
        if new:
            self.spoil(Trouble(kind=Kind.BLACK_HOLE))
        else:
            self._do(self._freeze())

    def cut(self) -> None:
        """Reset the open connections."""
        self._do(self._cut())

    def refuse(self) -> None:
        """Reset the open connections and refuse new ones, until `forward`."""
        self.spoil(Trouble(kind=Kind.REFUSE))

    def delay(self, seconds: float) -> None:
        """Let each piece, there and back, come so much later; until `forward`."""
        self.spoil(Trouble(kind=Kind.LATENCY, seconds=seconds))

    def close(self) -> None:
        """Break everything for good; a second call does nothing."""
        if not self._loop.is_running():
            return
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        if self._reservation is not None:
            self._reservation.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- everything below runs on the loop ----------------------------------------------------

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _start(self) -> None:
        if self._server is not None:
            return
        if self._listen is not None:
            self._listen.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(self._accept, self._listen)
            return
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(self._address)
        self._server = await asyncio.start_server(self._accept, sock=listener)

    async def _freeze(self) -> None:
        for each in self._connections:
            each.frozen = True

    async def _cut(self) -> None:
        for each in list(self._connections):
            each.reset()

    async def _set(self, trouble: Trouble | None) -> None:
        self._trouble = trouble
        for each in list(self._connections):
            each.passed = 0
            each.frozen = False
            if each.lost or (trouble and trouble.kind in {Kind.REFUSE, Kind.RESET}):
                each.reset()
        if trouble and trouble.kind is Kind.REFUSE:
            self._refuse()
        else:
            await self._start()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._listen is not None:
            self._listen.unlink(missing_ok=True)

    async def _end(self) -> None:
        self._refuse()
        tasks = list(self._tasks)
        for each in tasks:
            each.cancel()
        for connection in list(self._connections):
            connection.reset()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, source: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if self._trouble and self._trouble.kind in {Kind.REFUSE, Kind.RESET}:
            _reset(near)
            return
        try:
            answers, far = await asyncio.wait_for(self._connect(), patience(CONNECT_SECONDS))
        except (OSError, TimeoutError):
            _reset(near)
            return
        except asyncio.CancelledError:
            _reset(near)
            return
        connection = _Connection(near=near, far=far)
        self.accepted += 1
        self._connections.add(connection)
        pumps = [
            asyncio.ensure_future(self._pump(source, far, connection, self._request)),
            asyncio.ensure_future(self._pump(answers, near, connection, self._answer)),
        ]
        try:
            await asyncio.gather(*pumps)
            for each in (near, far):
                each.close()
        except _CutError:
            near.close()  # What came through arrives, and then an end that looks like one.
            _reset(far)
        except (OSError, asyncio.CancelledError):
            connection.reset()
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._connections.discard(connection)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, Path):
            return await asyncio.open_unix_connection(self._target)
        parts = urlsplit(self._target)
        return await asyncio.open_connection(parts.hostname, parts.port)

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        connection: _Connection,
        what: Callable[[_Connection, bytes], bytes],
    ) -> None:
        """Forward until the end; *what* says what comes through of a piece."""
        while True:
            data = await source.read(CHUNK)
            await self._delay(connection)
            if not data:
                break
            try:
                sink.write(what(connection, data))
            except _CutError as error:
                sink.write(error.rest)
                raise
            await sink.drain()
        if not connection.lost and sink.can_write_eof():
            sink.write_eof()

    async def _delay(self, connection: _Connection) -> None:
        if self._trouble and self._trouble.kind is Kind.LATENCY:
            await asyncio.sleep(self._trouble.seconds)
        while connection.frozen or (self._trouble and self._trouble.kind is Kind.BLACK_HOLE):
            await self._changed.wait()

    def _request(self, connection: _Connection, data: bytes) -> bytes:
        return self._unless(Kind.DEAF, connection, data)

    def _answer(self, connection: _Connection, data: bytes) -> bytes:
        if self._trouble and self._trouble.kind is Kind.TRUNCATE:
            left = self._trouble.after - connection.passed
            connection.passed += len(data)
            if left < len(data):
                raise _CutError(data[: max(left, 0)])
        return self._unless(Kind.MUTE, connection, data)

    def _unless(self, kind: Kind, connection: _Connection, data: bytes) -> bytes:
        if self._trouble and self._trouble.kind is kind:
            connection.lost = True
            return b""
        return data


class _CutError(Exception):
    """An answer ends here; *rest* is what still comes through."""

    def __init__(self, rest: bytes) -> None:
        super().__init__()
        self.rest = rest


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
