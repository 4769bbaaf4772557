"""
The whole system: a real API server with deploy/ applied, a simulated cloud, the operator.

One control plane per session (and worker), one cloud and one operator per module; each test has a
namespace and instances of its own. Never more than one operator of these fixtures runs at a time,
and it leaves no object behind, so that a module may also start operators of its own. A conftest.py
imports those that it uses::

    @pytest.mark.parametrize("operator", [{"READ_ONLY": "true"}], indirect=True)
    def test_…(operator: OperatorProcess, shop: Shop) -> None: …

gives the test an operator with other settings, in place of the module's; ``OPERATOR = {…}`` in a
module gives them to all of its tests. A name with ALIBABA_CLOUD_ is one of the environment.
"""

import contextlib
from collections.abc import Iterator

import pytest

from support.cluster import Cluster
from support.controlplane import ControlPlane
from support.office import Office, Person, guard
from support.operator_process import OperatorProcess
from support.shop import Shop, sweep
from support.simulator import Simulator

PACE = {"VERIFY_AFTER": "0s", "SETTLE": "3s", "POLL": "1s"}
"""A change is verified at the first read-back, 1 s after it was accepted: see `DURATIONS`."""

DURATIONS = {"window": 0.1, "change": 0.4, "acl": 0.2}
"""Of a change in the simulated cloud, in seconds."""


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A control plane with deploy/ applied and an audit log; without controllers."""
    with ControlPlane.start(controllers=False, audit=True) as control_plane:
        cluster = Cluster(control_plane)
        yield cluster
        cluster.close()


@pytest.fixture(scope="module")
def rds() -> Iterator[Simulator]:
    """A cloud in which a change takes half a second."""
    with Simulator() as simulator:
        simulator.config(durations=DURATIONS)
        yield simulator


@pytest.fixture(scope="module")
def operator(
    request: pytest.FixtureRequest, cluster: Cluster, rds: Simulator
) -> Iterator[OperatorProcess]:
    """The operator under the ServiceAccount of deploy/; a parameter is more settings."""
    given: dict[str, str] = {
        **PACE,
        **getattr(request.module, "OPERATOR", {}),
        **getattr(request, "param", {}),
    }
    environ = {name: given.pop(name) for name in list(given) if name.startswith("ALIBABA_CLOUD_")}
    with OperatorProcess(
        kubeconfig=cluster.kubeconfig,
        api_url=rds.url,
        environ=environ,
        **given,  # type: ignore[arg-type]  # `ahead` and `module` are not among settings
    ) as operator:
        operator.wait_ready()
        yield operator
    sweep(cluster)


@pytest.fixture
def shop(cluster: Cluster, rds: Simulator) -> Shop:
    """A namespace of a user, with credentials; no operator by itself."""
    return Shop(cluster, rds)


@pytest.fixture(scope="module")
def guarded() -> Iterator[Cluster]:
    """A control plane of its own, with deploy/policy in force for all of it."""
    with (
        ControlPlane.start(controllers=False) as control_plane,
        contextlib.closing(Cluster(control_plane)) as cluster,
    ):
        guard(cluster)
        yield cluster


@pytest.fixture
def office(guarded: Cluster) -> Iterator[Office]:
    """A namespace under the policies, without objects."""
    office = Office(guarded)
    yield office
    office.close()


@pytest.fixture
def editor(office: Office) -> Person:
    """Somebody who may edit there, with an object of hers: orders."""
    editor = office.person("editor")
    assert editor.create("orders") == 201, editor.said
    return editor


@pytest.fixture
def approver(office: Office) -> Person:
    """Somebody who may approve there."""
    return office.person("approver")
