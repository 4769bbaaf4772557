"""Fixtures that more than one tier of tests uses."""

from collections.abc import Iterator

import pytest

from support.controlplane import ControlPlane


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """A real kube-apiserver with etcd; one per worker, without controllers."""
    with ControlPlane.start(controllers=False) as control_plane:
        yield control_plane
