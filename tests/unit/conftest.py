"""A unit has no network: what opens a socket belongs to tests/contract or tests/integration."""

from collections.abc import Iterator

import pytest
import pytest_socket


@pytest.fixture(autouse=True)
def _without_network() -> Iterator[None]:
    # An event loop wakes itself by a pair of Unix sockets.
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()
