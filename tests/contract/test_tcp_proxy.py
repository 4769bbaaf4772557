"""The way that the chaos spoils, byte by byte: what it does to connections is what TCP would do."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support.polling import patience
from support.tcp_proxy import Kind, TcpProxy, Trouble

NOTHING_SECONDS = 0.3
"""How long nothing has to come, where nothing is to come."""

GENEROUS = 5.0


class Echo(socketserver.ThreadingTCPServer):
    """Sends back what it gets, and remembers it."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        self.heard = b""
        self.some = threading.Semaphore(0)
        super().__init__(("127.0.0.1", 0), _Parrot)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Parrot(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Echo)
        try:
            while data := self.request.recv(65536):
                self.server.heard += data
                self.server.some.release()
                self.request.sendall(data)
        except OSError:
            pass


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def way(echo: Echo) -> Iterator[TcpProxy]:
    with TcpProxy(echo.url) as way:
        yield way


@pytest.fixture
def client(way: TcpProxy) -> Iterator[socket.socket]:
    """A connection that is in use already."""
    with connect(way) as connection:
        connection.sendall(b"hello")
        assert connection.recv(5) == b"hello"
        yield connection


def connect(way: TcpProxy) -> socket.socket:
    parts = urlsplit(way.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=patience(GENEROUS))


def say_hello(way: TcpProxy) -> None:
    """Fail as the connection does; where the system notices late, it ends instead."""
    with connect(way) as other:
        other.sendall(b"hello")
        if other.recv(1) == b"":
            raise ConnectionResetError


def hears_nothing(connection: socket.socket) -> bool:
    connection.settimeout(NOTHING_SECONDS)
    try:
        connection.recv(1)
    except TimeoutError:
        return True
    finally:
        connection.settimeout(patience(GENEROUS))
    return False


def test_a_black_hole_holds_everything_back_until_it_mends(
    way: TcpProxy, client: socket.socket, echo: Echo
) -> None:
    way.spoil(Trouble(kind=Kind.BLACK_HOLE))
    client.sendall(b"late")
    with connect(way) as other:
        other.sendall(b"too")
        assert hears_nothing(client)
        assert echo.heard == b"hello"

        way.forward()

        assert client.recv(4) == b"late"
        assert other.recv(3) == b"too"


def test_what_a_client_sent_into_a_black_hole_arrives_even_if_it_has_given_up(
    way: TcpProxy, client: socket.socket, echo: Echo
) -> None:
    echo.some.acquire()
    way.spoil(Trouble(kind=Kind.BLACK_HOLE))
    client.sendall(b"late")
    client.close()

    way.forward()

    assert echo.some.acquire(timeout=patience(GENEROUS))
    assert echo.heard == b"hellolate"


def test_a_frozen_connection_stays_open_while_new_ones_pass(
    way: TcpProxy, client: socket.socket, echo: Echo
) -> None:
    way.freeze()
    client.sendall(b"late")
    say_hello(way)
    assert hears_nothing(client)
    assert b"late" not in echo.heard

    way.forward()

    assert client.recv(4) == b"late"
    assert way.accepted == 2


def test_a_half_open_connection_lets_one_direction_through_and_is_reset_when_it_mends(
    way: TcpProxy, client: socket.socket, echo: Echo
) -> None:
    echo.some.acquire()
    way.spoil(Trouble(kind=Kind.MUTE))
    client.sendall(b"unanswered")
    assert echo.some.acquire(timeout=patience(GENEROUS))
    assert hears_nothing(client)

    way.forward()

    with pytest.raises(ConnectionError):
        client.recv(1)


def test_requests_are_lost_where_the_server_is_deaf(
    way: TcpProxy, client: socket.socket, echo: Echo
) -> None:
    way.spoil(Trouble(kind=Kind.DEAF))
    client.sendall(b"lost")
    assert hears_nothing(client)

    way.forward()

    with pytest.raises(ConnectionError):
        client.recv(1)
    assert echo.heard == b"hello"


def test_an_answer_is_cut_after_so_many_bytes_and_its_connection_ends(
    way: TcpProxy, client: socket.socket
) -> None:
    way.spoil(Trouble(kind=Kind.TRUNCATE, after=3))
    client.sendall(b"answer")

    assert client.recv(100) == b"ans"
    assert client.recv(100) == b""


def test_a_reset_way_breaks_connections_and_accepts_new_ones_for_a_moment_only(
    way: TcpProxy, client: socket.socket
) -> None:
    way.spoil(Trouble(kind=Kind.RESET))

    with pytest.raises(ConnectionError):
        client.recv(1)
    with pytest.raises(ConnectionError):
        say_hello(way)


def test_a_way_that_refuses_is_there_again_at_the_same_place(
    way: TcpProxy, client: socket.socket
) -> None:
    way.spoil(Trouble(kind=Kind.REFUSE))
    with pytest.raises(ConnectionError):
        client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect(way)

    way.forward()

    with connect(way) as other:
        other.sendall(b"again")
        assert other.recv(5) == b"again"


def test_latency_delays_and_loses_nothing(way: TcpProxy, client: socket.socket) -> None:
    way.spoil(Trouble(kind=Kind.LATENCY, seconds=NOTHING_SECONDS))
    client.sendall(b"slow")

    assert hears_nothing(client)
    assert client.recv(4) == b"slow"


def test_a_unix_socket_is_a_place_as_well(tmp_path: Path, echo: Echo) -> None:
    del echo
    inner, outer = tmp_path / "in.sock", tmp_path / "out.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(inner))
    listener.listen()
    with (
        listener,
        TcpProxy(inner, listen=outer),
        socket.socket(socket.AF_UNIX) as client,
    ):
        client.connect(str(outer))
        client.sendall(b"hello")
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.recv(5) == b"hello"
