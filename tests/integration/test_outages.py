"""The cloud's API or the API server goes away, at bad moments, and comes back."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cluster import Cluster
from support.polling import patience
from support.shop import MODIFY, Shop, sweep
from support.simulator import Simulator
from support.succession import Succession, kubeconfig_through
from support.wire import Wire

BACK_SECONDS = 5.0
"""Between the return of the API and the first accepted change."""

SETTINGS = {
    "RESYNC": "2s",
    "SETTLE": "3s",
    "POLL": "0.5s",
    "VERIFY_AFTER": "0s",
    "QUIET_PERIOD": "1s",
    "MAX_CONCURRENT_CHANGES": "1",
}

pytestmark = pytest.mark.usefixtures("operators")

CALLS, PASSES, OBJECTS = "rds_ssl_api_calls_total", "rds_ssl_passes_total", "rds_ssl_objects"


@pytest.fixture(scope="module")
def wires(cluster: Cluster, rds: Simulator) -> Iterator[tuple[Wire, Wire]]:
    """The operator's ways to cloud and API server; the tests have others."""
    with Wire(rds.url) as cloud, Wire(cluster.control_plane.url) as kube:
        yield cloud, kube


@pytest.fixture(scope="module")
def operators(
    cluster: Cluster, wires: tuple[Wire, Wire], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Succession]:
    """One operator at the far end of both wires, which has to survive all of this."""
    cloud, kube = wires
    directory: Path = tmp_path_factory.mktemp("wires")
    kubeconfig = kubeconfig_through(kube, cluster.kubeconfig, directory)
    with Succession(kubeconfig=kubeconfig, api_url=cloud.url, **SETTINGS) as operators:
        operators.start().wait_ready()
        yield operators
        assert operators.now.poll() is None
        assert operators.now.metric(PASSES, result="bug") == 0
    sweep(cluster)


@pytest.fixture(autouse=True)
def mended(wires: tuple[Wire, Wire], shop: Shop) -> Iterator[None]:
    """Leave both wires whole and no object behind."""
    yield
    for each_wire in wires:
        each_wire.mend()
    for each in shop.cluster.list(shop.namespace):
        shop.delete(each["metadata"]["name"])


@pytest.fixture
def cloud_wire(wires: tuple[Wire, Wire]) -> Wire:
    """The operator's way to the cloud."""
    return wires[0]


@pytest.fixture
def kube_wire(wires: tuple[Wire, Wire]) -> Wire:
    """The operator's way to the API server."""
    return wires[1]


def version(shop: Shop, name: str) -> str:
    """The object's, which every write moves."""
    return str(shop.get(name)["metadata"]["resourceVersion"])


def unanswered(operators: Succession) -> float:
    """How many calls of the cloud came to nothing."""
    return sum(operators.now.metric(CALLS, code=code) for code in ("NotSent", "NoAnswer"))


def wait_accepted(shop: Shop, count: int) -> None:
    """Wait until so many changes were accepted in all."""
    shop.wait_until(f"{count} are accepted", lambda: shop.truth()["accepted"] == count)


def test_an_unreachable_cloud_is_no_news_for_objects_without_work_and_soon_noticed_to_be_back(
    shop: Shop, operators: Succession, cloud_wire: Wire
) -> None:
    idle = ("one", "two")
    for name in (*idle, "busy"):
        shop.start_custom(name)
    before = {name: version(shop, name) for name in idle}
    failed = unanswered(operators)
    cloud_wire.refuse()
    shop.wait_until("it is noticed", lambda: unanswered(operators) > failed)
    wanted = shop.leaf("busy")
    shop.write_pair(wanted, "busy")
    shop.wait_until("it is probed", lambda: unanswered(operators) >= failed + 2)
    assert {name: version(shop, name) for name in idle} == before
    assert {name: shop.conditions(name)["Ready"][0] for name in (*idle, "busy")} == dict.fromkeys(
        (*idle, "busy"), "True"
    )

    cloud_wire.mend()
    back = time.monotonic()
    shop.wait_until("it is sent", lambda: shop.truth("busy")["accepted"] == 2)

    assert time.monotonic() - back < patience(BACK_SECONDS)
    shop.wait_ready("busy", reason="Verified")
    assert shop.cost("busy") == (2, 2, 2)
    assert shop.ssl("busy")["server_sha256"] == wanted.sha256
    assert {name: version(shop, name) for name in idle} == before


def test_a_rotation_that_has_to_wait_for_an_unreachable_cloud_says_so(
    shop: Shop, operators: Succession, cloud_wire: Wire
) -> None:
    shop.start_custom()
    failed = unanswered(operators)
    cloud_wire.refuse()
    shop.wait_until("it is noticed", lambda: unanswered(operators) > failed)

    shop.write_pair(shop.leaf())

    shop.wait("Reconciling", "True", "ApiUnavailable", seconds=5)
    assert shop.conditions()["Ready"] == ("True", "Verified")


def test_objects_that_are_new_in_an_outage_are_carried_out_when_the_cloud_is_back(
    shop: Shop, cloud_wire: Wire
) -> None:
    cloud_wire.refuse()
    names = ("one", "two")
    for name in names:
        shop.add_instance(name)
        shop.write_pair(shop.leaf(name), name)
        shop.declare_custom(name)
        shop.wait("Reconciling", "True", "ApiUnavailable", name=name)
        assert "Stalled" not in shop.conditions(name)

    cloud_wire.mend()
    back = time.monotonic()
    shop.wait_until("one is sent", lambda: sum(shop.truth(each)["accepted"] for each in names))

    assert time.monotonic() - back < patience(BACK_SECONDS)
    for name in names:
        shop.wait_ready(name, reason="Verified")
        assert shop.cost(name) == (1, 1, 1)


def test_after_three_resyncs_in_vain_nobody_knows_and_then_it_is_as_before(
    shop: Shop, cloud_wire: Wire
) -> None:
    shop.start_custom()
    cloud_wire.refuse()

    shop.wait("Ready", "Unknown", "ApiUnavailable")
    assert shop.conditions()["Reconciling"] == ("True", "ApiUnavailable")

    cloud_wire.mend()
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (1, 1, 1)


def test_a_connection_that_breaks_in_the_middle_of_the_request_is_followed_by_one_more_attempt(
    shop: Shop, operators: Succession, cloud_wire: Wire
) -> None:
    cloud_wire.cut(MODIFY)
    shop.add_instance()
    leaf = shop.leaf()
    operators.secrets.append(leaf.key_pem())
    shop.write_pair(leaf)
    shop.declare_custom()
    cloud_wire.caught()

    shop.wait_ready(reason="Verified")

    # Half a request is in no ledger.
    assert shop.cost() == (1, 1, 1)


def test_the_api_server_may_die_behind_its_load_balancer_while_a_change_is_in_flight(
    shop: Shop, operators: Succession, cluster: Cluster
) -> None:
    shop.start_custom()
    shop.rds.config(durations={"change": 2}, instance=shop.instance_id())
    for number in (2, 3):
        wanted = shop.leaf()
        shop.write_pair(wanted)
        wait_accepted(shop, number)
        shop.wait_until("it is changed", lambda: shop.truth()["status"] == "SSL_MODIFYING")

        cluster.control_plane.kill_api_server()
        try:
            shop.wait_until("it is done", lambda: shop.truth()["status"] == "Running")
        finally:
            cluster.control_plane.start_api_server()

        shop.wait_ready(reason="Verified")
        assert shop.cost() == (number, number, number)
        assert shop.status()["observed"]["serverCertificate"]["sha256"] == wanted.sha256
    assert "RuntimeError" not in operators.log
    assert "kopf ended" not in operators.log


def test_an_api_server_that_breaks_each_new_connection_is_outlived(
    shop: Shop, operators: Succession, kube_wire: Wire
) -> None:
    shop.start_custom()

    before = kube_wire.dropped
    kube_wire.drop()
    shop.wait_until("many connections were broken", lambda: kube_wire.dropped >= before + 6)
    kube_wire.mend()

    shop.write_pair(shop.leaf())
    shop.wait_cost((2, 2, 2))
    shop.wait_ready(reason="Verified")
    assert operators.now.poll() is None
    assert "kopf ended" not in operators.log


def test_an_acceptance_that_could_not_be_written_down_is_not_forgotten(
    shop: Shop, operators: Succession, kube_wire: Wire
) -> None:
    shop.start_custom()
    answered = operators.now.metric(CALLS, action=MODIFY, code="OK")
    slow = {"kind": "delay", "seconds": 6.0}  # Time enough to refuse, on a busy machine too.
    shop.rds.fault(slow, action=MODIFY, instance=shop.instance_id())
    shop.write_pair(shop.leaf())
    shop.wait_until("it is executed", lambda: shop.truth()["accepted"] == 2)

    kube_wire.refuse()
    shop.wait_until(
        "the answer has come",
        lambda: operators.now.metric(CALLS, action=MODIFY, code="OK") == answered + 1,
    )
    assert shop.status()["operation"]["phase"] == "Sending"
    kube_wire.mend()

    shop.wait_ready(reason="Verified")
    assert shop.cost() == (2, 2, 2)
    assert shop.status()["history"][0]["requestID"] == shop.status()["applied"]["requestID"]


@pytest.fixture
def slow_operators(operators: Succession) -> Iterator[Succession]:
    """Give those of the module, with a quiet period in which a busy machine does something, too."""
    operators.kill()
    operators.start(QUIET_PERIOD="8s").wait_ready()
    yield operators
    operators.kill()
    operators.start().wait_ready()


def test_nothing_is_sent_without_the_api_server(
    shop: Shop, slow_operators: Succession, kube_wire: Wire
) -> None:
    operators = slow_operators
    shop.start_custom()
    failed = operators.now.metric(PASSES, result="kube_error")
    shop.write_pair(shop.leaf())
    shop.wait("ChangePending", "True", "QuietPeriod")

    kube_wire.refuse()
    shop.wait_until(
        "a pass in vain", lambda: operators.now.metric(PASSES, result="kube_error") > failed
    )
    assert shop.cost() == (1, 1, 1)
    kube_wire.mend()

    shop.wait_cost((2, 2, 2))
    shop.wait_ready(reason="Verified")


def test_an_object_deleted_behind_a_broken_watch_is_forgotten(
    shop: Shop, operators: Succession, kube_wire: Wire
) -> None:
    for name in ("stays", "goes"):
        shop.start_custom(name)
    known = operators.now.metric(OBJECTS)

    kube_wire.refuse()
    shop.delete("goes")
    shop.rds.delete_instance(shop.instance_id("goes"))
    kube_wire.mend()

    shop.wait_until("there is one object", lambda: operators.now.metric(OBJECTS) == known - 1)
    shop.rds.clear_calls()
    shop.wait_until("it goes on", lambda: len(shop.calls("stays")) >= 2)
    assert shop.calls("goes") == []
    shop.write_pair(shop.leaf("stays"), "stays")
    shop.wait_until("it is sent", lambda: shop.truth("stays")["accepted"] == 2)
    shop.wait_ready("stays", reason="Verified")
    told = [line for line in operators.log.splitlines() if shop.instance_id("goes") in line]
    assert not [line for line in told if " ERROR " in line]
    assert len(told) < 12


def test_an_object_deleted_while_its_change_is_in_flight_gives_its_slot_back(
    shop: Shop,
) -> None:
    shop.start_custom("stays")
    shop.rds.config(durations={"change": 1000}, instance=shop.instance_id("goes"))
    shop.add_instance("goes")
    shop.write_pair(shop.leaf("goes"), "goes")
    shop.declare_custom("goes")
    shop.wait_until("changing", lambda: shop.truth("goes")["status"] == "SSL_MODIFYING")
    shop.write_pair(shop.leaf("stays"), "stays")
    shop.wait("ChangePending", "True", name="stays")

    shop.delete("goes")

    shop.wait_until("it is sent", lambda: shop.truth("stays")["accepted"] == 2)
    shop.wait_ready("stays", reason="Verified")
    assert shop.cost("goes") == (1, 1, 1)
