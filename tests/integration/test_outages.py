"""The cloud's API or the API server goes away, at bad moments, and comes back."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cluster import Cluster
from support.shop import MODIFY, Shop, sweep
from support.simulator import Simulator
from support.succession import Succession, kubeconfig_through
from support.wire import Wire

BACK_SECONDS = 5.0
"""Between the return of the API and the first accepted change."""

SETTINGS = {"RESYNC": "3s", "SETTLE": "3s", "POLL": "0.5s", "VERIFY_AFTER": "0s"}


@pytest.fixture
def cloud_wire(rds: Simulator) -> Iterator[Wire]:
    """The way to the cloud."""
    with Wire(rds.url) as wire:
        yield wire


@pytest.fixture
def kube_wire(cluster: Cluster) -> Iterator[Wire]:
    """The operator's way to the API server; the tests have another."""
    with Wire(cluster.control_plane.url) as wire:
        yield wire


@pytest.fixture
def operators(
    cluster: Cluster, cloud_wire: Wire, kube_wire: Wire, tmp_path: Path
) -> Iterator[Succession]:
    """Operators at the far end of both wires; none has been started."""
    kubeconfig = kubeconfig_through(kube_wire, cluster.kubeconfig, tmp_path)
    with Succession(kubeconfig=kubeconfig, api_url=cloud_wire.url, **SETTINGS) as operators:
        yield operators
    sweep(cluster)


def version(shop: Shop, name: str) -> str:
    """The object's, which every write moves."""
    return str(shop.get(name)["metadata"]["resourceVersion"])


def unanswered(operators: Succession) -> float:
    """How many calls of the cloud came to nothing."""
    return sum(
        operators.now.metric("rds_ssl_api_calls_total", code=code)
        for code in ("NotSent", "NoAnswer")
    )


def test_an_unreachable_cloud_is_no_news_for_objects_without_work_and_a_delay_for_the_others(
    shop: Shop, operators: Succession, cloud_wire: Wire
) -> None:
    operators.start()
    idle = ("one", "two", "three")
    for name in (*idle, "busy"):
        shop.start_custom(name)
    before = {name: version(shop, name) for name in idle}
    cloud_wire.refuse()
    shop.wait_until("it is noticed", lambda: unanswered(operators) > 0)

    wanted = shop.leaf("busy")
    shop.write_pair(wanted, "busy")

    shop.wait("Reconciling", "True", "ApiUnavailable", name="busy")
    assert shop.conditions("busy")["Ready"] == ("True", "Verified")
    assert {name: version(shop, name) for name in idle} == before

    cloud_wire.mend()
    back = time.monotonic()
    shop.wait_until("it is sent", lambda: shop.truth("busy")["accepted"] == 2)
    assert time.monotonic() - back < BACK_SECONDS
    shop.wait_ready("busy", reason="Verified")
    assert shop.cost("busy") == (2, 2, 2)
    assert shop.ssl("busy")["server_sha256"] == wanted.sha256
    assert {name: version(shop, name) for name in idle} == before


def test_an_object_that_is_new_in_an_outage_is_carried_out_when_the_cloud_is_back(
    shop: Shop, operators: Succession, cloud_wire: Wire
) -> None:
    operators.start().wait_ready()
    cloud_wire.refuse()
    for name in ("one", "two"):
        shop.add_instance(name)
        shop.write_pair(shop.leaf(name), name)
        shop.declare_custom(name)
        shop.wait("Reconciling", "True", "ApiUnavailable", name=name)
        assert "Stalled" not in shop.conditions(name)

    cloud_wire.mend()
    back = time.monotonic()
    for name in ("one", "two"):
        shop.wait_until("it is sent", lambda name=name: shop.truth(name)["accepted"] == 1)
    assert time.monotonic() - back < BACK_SECONDS
    for name in ("one", "two"):
        shop.wait_ready(name, reason="Verified")
        assert shop.cost(name) == (1, 1, 1)


def test_after_three_resyncs_in_vain_nobody_knows_and_then_it_is_as_before(
    shop: Shop, operators: Succession, cloud_wire: Wire
) -> None:
    operators.start(RESYNC="0.7s")
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
    operators.start().wait_ready()
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


def test_the_api_server_may_die_while_a_change_is_in_flight(
    shop: Shop, operators: Succession, cluster: Cluster
) -> None:
    operators.start()
    shop.start_custom()
    shop.rds.config(durations={"change": 2}, instance=shop.instance_id())
    wanted = shop.leaf()
    shop.write_pair(wanted)
    shop.wait_until("it is changed", lambda: shop.truth()["status"] == "SSL_MODIFYING")

    cluster.control_plane.kill_api_server()
    try:
        shop.wait_until("it is done", lambda: shop.truth()["status"] == "Running")
    finally:
        cluster.control_plane.start_api_server()

    shop.wait_ready(reason="Verified")
    assert shop.cost() == (2, 2, 2)
    assert shop.status()["observed"]["serverCertificate"]["sha256"] == wanted.sha256
    assert operators.now.poll() is None


def test_an_acceptance_that_could_not_be_written_down_is_not_forgotten(
    shop: Shop, operators: Succession, kube_wire: Wire
) -> None:
    operators.start()
    shop.start_custom()
    slow = {"kind": "delay", "seconds": 1.0}
    shop.rds.fault(slow, action=MODIFY, instance=shop.instance_id())
    wanted = shop.leaf()
    shop.write_pair(wanted)
    shop.wait_until("it is executed", lambda: shop.truth()["accepted"] == 2)

    kube_wire.refuse()
    calls = "rds_ssl_api_calls_total"
    shop.wait_until(
        "the answer has come",
        lambda: operators.now.metric(calls, action=MODIFY, code="OK") == 2,
    )
    assert shop.status()["operation"]["phase"] == "Sending"
    kube_wire.mend()

    shop.wait_ready(reason="Verified")
    assert shop.cost() == (2, 2, 2)
    assert shop.status()["applied"]["requestID"]


def test_nothing_is_sent_without_the_api_server(
    shop: Shop, operators: Succession, kube_wire: Wire
) -> None:
    operators.start(QUIET_PERIOD="1.5s")
    shop.start_custom()
    shop.write_pair(shop.leaf())
    shop.wait("ChangePending", "True", "QuietPeriod")

    kube_wire.refuse()
    failures = "rds_ssl_passes_total"
    shop.wait_until(
        "a pass in vain", lambda: operators.now.metric(failures, result="kube_error") > 0
    )
    assert shop.cost() == (1, 1, 1)
    kube_wire.mend()

    shop.wait_cost((2, 2, 2))
    shop.wait_ready(reason="Verified")


def test_an_object_deleted_behind_a_broken_watch_is_forgotten(
    shop: Shop, operators: Succession, kube_wire: Wire
) -> None:
    operators.start(RESYNC="1s")
    for name in ("stays", "goes"):
        shop.start_custom(name)

    kube_wire.refuse()
    shop.delete("goes")
    shop.rds.delete_instance(shop.instance_id("goes"))
    kube_wire.mend()

    shop.wait_until(
        "there is one object",
        lambda: (
            operators.now.metric("rds_ssl_objects", ready="True") == 1
            and operators.now.metric("rds_ssl_objects") == 1
        ),
    )
    shop.rds.clear_calls()
    shop.wait_until("it goes on", lambda: len(shop.calls("stays")) >= 3)
    assert shop.calls("goes") == []
    shop.write_pair(shop.leaf("stays"), "stays")
    shop.wait_until("it is sent", lambda: shop.truth("stays")["accepted"] == 2)
    shop.wait_ready("stays", reason="Verified")
    assert operators.log.count(shop.instance_id("goes")) < 12


def test_an_object_deleted_while_its_change_is_in_flight_leaves_nothing_behind(
    shop: Shop, operators: Succession
) -> None:
    operators.start(RESYNC="1s", MAX_CONCURRENT_CHANGES="1")
    shop.start_custom("stays")
    shop.rds.config(durations={"change": 3}, instance=shop.instance_id("goes"))
    shop.add_instance("goes")
    shop.write_pair(shop.leaf("goes"), "goes")
    shop.declare_custom("goes")
    shop.wait_until("changing", lambda: shop.truth("goes")["status"] == "SSL_MODIFYING")

    shop.delete("goes")
    shop.write_pair(shop.leaf("stays"), "stays")

    # The slot of the one that is gone is free.
    shop.wait_until("it is sent", lambda: shop.truth("stays")["accepted"] == 2)
    shop.wait_ready("stays", reason="Verified")
    assert shop.cost("goes") == (1, 1, 1)
    assert operators.now.metric("rds_ssl_objects") == 1
    assert " ERROR " not in operators.log
