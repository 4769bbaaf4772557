"""
A TCP connection in the middle of two others, which a test can break and mend.

::

    with Wire(rds.url) as wire:
        ...                                   # something that talks to wire.url
        wire.refuse()                         # as if nobody listened there
        wire.mend()
        wire.hold("ModifyDBInstanceSSL")      # that request, and what follows, gets stuck
        wire.caught()                         # wait until it is

What is in a TLS connection cannot be told apart, so `hold` and `cut` are for plain ones; `refuse`
and `mend` work for both.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from support.controlplane_setup import reserve_port
from support.polling import patience

CHUNK = 65536

CAUGHT_SECONDS = 20.0
"""For the request that `hold` or `cut` waits for."""

# On close the connection is reset: the other end sees a broken connection, not a polite end.
_RESET = struct.pack("ii", 1, 0)


@dataclass(slots=True, kw_only=True)
class _Snare:
    """What to look for in requests, and what then."""

    text: bytes
    cut: bool
    caught: threading.Event = field(default_factory=threading.Event)


class Wire:
    """Forwards connections from a port of its own, the same for ever, to *target*."""

    url: str
    """With the scheme of the target, on 127.0.0.1."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        if parts.hostname is None or parts.port is None:
            raise ValueError(f"{target} has no host or no port")
        self._target = (parts.hostname, parts.port)
        # Keeps the port while nobody listens.
        self._reservation = reserve_port()
        self._address: tuple[str, int] = self._reservation.getsockname()
        self.url = f"{parts.scheme}://{self._address[0]}:{self._address[1]}"
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._snare: _Snare | None = None
        self._dropping = False
        self.dropped = 0
        """Connections that `drop` has broken so far."""
        self.mend()

    def refuse(self) -> None:
        """Break all connections and refuse new ones, until `mend`."""
        with self._lock:
            listener, self._listener = self._listener, None
            broken, self._open = self._open, set()
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # Wakes the thread in accept.
            listener.close()
        for each in broken:
            _break(each)

    def drop(self) -> None:
        """Break all connections, and new ones at their first bytes: within TLS's handshake."""
        self.refuse()
        self._listen()
        self._dropping = True

    def mend(self) -> None:
        """Forward everything, from now on; what was held back is lost, its connection broken."""
        self._dropping = False
        if self._snare is not None:
            self._snare = None
            self.refuse()
        self._listen()

    def _listen(self) -> None:
        if self._listener is not None:
            return
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(self._address)
        listener.listen(128)
        self._listener = listener
        _in_background(self._accept, listener)

    def hold(self, text: str) -> None:
        """Hold back a request that has *text* in it, and all after it on its connection."""
        self._snare = _Snare(text=text.encode(), cut=False)

    def cut(self, text: str) -> None:
        """Reset the connection of the next request that has *text* in it when half has passed."""
        self._snare = _Snare(text=text.encode(), cut=True)

    def caught(self) -> None:
        """
        Wait until the request that `hold` or `cut` looks for has come.

        Raises:
            TimeoutError: If it does not.
        """
        snare = self._snare
        if snare is None or not snare.caught.wait(patience(CAUGHT_SECONDS)):
            raise TimeoutError("no such request has come")

    def close(self) -> None:
        """Break everything for good."""
        self.refuse()
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

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            if self._dropping:
                _in_background(self._drop, near)
                continue
            try:
                far = socket.create_connection(self._target, timeout=patience(5))
            except OSError:
                _break(near)
                continue
            far.settimeout(None)
            with self._lock:
                if self._listener is not listener:
                    _break(near)
                    _break(far)
                    return
                self._open |= {near, far}
            _in_background(self._forward, near, far)
            _in_background(self._pump, far, near)

    def _drop(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError):
            near.recv(CHUNK)
        _break(near)
        self.dropped += 1

    def _forward(self, near: socket.socket, far: socket.socket) -> None:
        """Pump requests, but for one that is caught."""
        self._pump(near, far, self._catch)

    def _catch(self, near: socket.socket, far: socket.socket, data: bytes) -> bool:
        """Whether *data* is what `hold` or `cut` looks for; then it has been dealt with."""
        snare = self._snare
        if snare is None or snare.caught.is_set() or snare.text not in data:
            return False
        if snare.cut:
            far.sendall(data[: len(data) // 2])
        snare.caught.set()
        while not snare.cut and near.recv(CHUNK):
            pass
        return True

    def _pump(
        self,
        source: socket.socket,
        sink: socket.socket,
        catches: Callable[[socket.socket, socket.socket, bytes], bool] | None = None,
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                if catches is not None and catches(source, sink, data):
                    break
                sink.sendall(data)
        with self._lock:
            self._open -= {source, sink}
        _break(source)
        _break(sink)


def _break(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RD)  # Wakes the thread in recv.
    connection.close()


def _in_background(target: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=target, args=arguments, daemon=True).start()
