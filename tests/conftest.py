"""Fixtures that more than one tier of tests uses."""

from collections.abc import Iterator, Sequence

import hypothesis
import pytest

from support.controlplane import ControlPlane
from support.polling import patience

# A fifth of a second for an example, and slow drawing, are failures by default: of the machine.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let the timeout of pyproject.toml be as patient as all others; one that is given stays."""
    if config.option.timeout is None:  # In a worker it is what the first process made of it.
        config.option.timeout = patience(float(config.getini("timeout")))


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Let the timeouts that tests have of their own be as patient."""
    for item in items:
        if (own := item.get_closest_marker("timeout")) is not None:
            item.add_marker(pytest.mark.timeout(patience(own.args[0])), append=False)


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """A real kube-apiserver with etcd; one per worker, without controllers."""
    with ControlPlane.start(controllers=False) as control_plane:
        yield control_plane
