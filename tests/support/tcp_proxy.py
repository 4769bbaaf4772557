"""
A TCP proxy that misbehaves as those of the field do: it freezes, cuts, refuses, and is slow.

::

    with TcpProxy(cluster.control_plane.url) as proxy:
        ...                       # something that talks to proxy.url
        proxy.freeze()            # not a byte more on what is open; new connections pass
        proxy.freeze(new=True)    # nor on new ones
        proxy.cut()               # resets all that is open
        proxy.refuse()            # the same, and new ones until `forward`
        proxy.delay(0.2)          # each piece comes so much later
        proxy.forward()           # as if nothing had been; what was held back passes on

It looks into nothing, so it works for TLS as well. `support.wire` finds a request in plain text.
"""

import contextlib
import socket
import struct
import threading
import time
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from support.controlplane_setup import reserve_port

_CHUNK = 65536

# On close the connection is reset: the other end sees a broken connection, not a polite end.
_RESET = struct.pack("ii", 1, 0)


class TcpProxy:
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
        self._listener: socket.socket | None = None
        self._open: dict[int, _Link] = {}
        self.accepted = 0
        """Connections that were made so far."""
        self._freezes_new = False
        self._delay = 0.0
        self._listen()

    def forward(self) -> None:
        """Forward everything from now on, what was held back first."""
        self._freezes_new, self._delay = False, 0.0
        for each in self._links():
            each.flows.set()
        self._listen()

    def freeze(self, *, new: bool = False) -> None:
        """
        Hold back every byte of the open connections, which stay open, until `forward`.

        Args:
            new: Whether also those of connections that are made from now on.
        """
        self._freezes_new = new
        for each in self._links():
            each.flows.clear()

    def cut(self) -> None:
        """Reset the open connections."""
        for each in self._links():
            self._drop(each)

    def refuse(self) -> None:
        """Reset the open connections and refuse new ones, until `forward`."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # Wakes the thread in accept.
            listener.close()
        self.cut()

    def delay(self, seconds: float) -> None:
        """Let each piece, there and back, come so much later; until `forward`."""
        self._delay = seconds

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

    def _links(self) -> "list[_Link]":
        with self._lock:
            return list(self._open.values())

    def _listen(self) -> None:
        with self._lock:
            if self._listener is not None:
                return
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind(self._address)
            listener.listen(128)
            self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._target, timeout=5)
            except OSError:
                _reset(near)
                continue
            far.settimeout(None)
            link = _Link(near, far, flows=not self._freezes_new)
            with self._lock:
                if self._listener is not listener:
                    _reset(near)
                    _reset(far)
                    return
                self.accepted += 1
                link.number = self.accepted
                self._open[link.number] = link
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(link, source, sink), daemon=True).start()

    def _pump(self, link: "_Link", source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                if self._delay:
                    time.sleep(self._delay)
                link.flows.wait()
                sink.sendall(data)
        link.flows.wait()  # Of a frozen connection the other end does not hear that it has ended.
        self._drop(link)

    def _drop(self, link: "_Link") -> None:
        with self._lock:
            self._open.pop(link.number, None)
        link.flows.set()
        _reset(link.near)
        _reset(link.far)


class _Link:
    """One connection, both halves of it."""

    def __init__(self, near: socket.socket, far: socket.socket, *, flows: bool) -> None:
        self.number = 0
        self.near, self.far = near, far
        self.flows = threading.Event()
        if flows:
            self.flows.set()


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RD)  # Wakes the thread in recv.
    connection.close()
