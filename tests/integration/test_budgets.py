"""Who may change when many want to: a primary with its replicas, namespaces in turns."""

import itertools
from collections.abc import Iterable
from datetime import datetime

import pytest

from support import pki
from support.cluster import Cluster
from support.operator_process import OperatorProcess
from support.shop import MODIFY, ORDERS, Shop
from support.simulator import Simulator

pytestmark = pytest.mark.usefixtures("operator")

ONE_SLOT = {"MAX_CONCURRENT_CHANGES": "1"}
"""One dictionary, and so one operator, for the tests that use it."""

CLIENT_CA = {"ca": {"configMapKeyRef": {"name": "client-ca"}}}


@pytest.fixture
def other(cluster: Cluster, rds: Simulator) -> Shop:
    """Another user's namespace."""
    return Shop(cluster, rds)


def span(shop: Shop, name: str) -> tuple[datetime, datetime]:
    """Give when the one change of an instance began and ended, by the cloud's account."""
    assert shop.cost(name)[:2] == (1, 1)
    at = {each["what"]: datetime.fromisoformat(each["at"]) for each in shop.truth(name)["events"]}
    return at["accepted"], at["succeeded"]


def check_one_after_the_other(spans: Iterable[tuple[datetime, datetime]]) -> None:
    for (_, ended), (began, _) in itertools.pairwise(sorted(spans)):
        assert ended <= began


def test_a_primary_and_its_read_only_instances_are_never_in_change_at_the_same_time(
    shop: Shop,
) -> None:
    family = ("primary", "replica-1", "replica-2")
    primary = shop.add_instance("primary", profile="mysql-8.0")
    for name in family[1:]:
        shop.add_instance(name, profile="mysql-8.0", master_instance_id=primary)
    shop.add_instance("stranger", profile="mysql-8.0")
    for name in (*family, "stranger"):
        shop.rds.config(durations={"change": 2.0}, instance=shop.instance_id(name))

    for name in (*family, "stranger"):
        shop.declare(name)

    for name in (*family, "stranger"):
        shop.wait_ready(name, reason="Verified")
    check_one_after_the_other(span(shop, name) for name in family)
    # There were slots enough: who is no relative did not wait for the family.
    last = max(span(shop, name) for name in family)
    assert span(shop, "stranger")[0] < last[0]


@pytest.mark.parametrize("operator", [ONE_SLOT], indirect=True)
def test_a_namespace_with_many_objects_does_not_keep_another_waiting(
    shop: Shop, other: Shop
) -> None:
    many, few = tuple(f"db-{number}" for number in range(5)), ("db-8", "db-9")
    for each, names in ((shop, many), (other, few)):
        for name in names:
            each.add_instance(name)
            each.rds.config(durations={"change": 1.5}, instance=each.instance_id(name))
    for name in many:
        shop.declare(name)
    shop.wait_until(
        "one is in change, the others wait",
        lambda: (
            sum(bool(shop.modifies(name)) for name in many) == 1
            and all("plan" in shop.status(name) for name in many)
        ),
    )

    for name in few:
        other.declare(name)

    for each, names in ((other, few), (shop, many)):
        for name in names:
            each.wait_ready(name, reason="Verified")
    spans = [(*span(shop, name), "many") for name in many]
    spans += [(*span(other, name), "few") for name in few]
    check_one_after_the_other(each[:2] for each in spans)
    order = [who for *_, who in sorted(spans)]
    # By arrival both would be last: at most two of the others come before each of them.
    assert order[-2:] == ["many", "many"]


@pytest.mark.parametrize("operator", [ONE_SLOT], indirect=True)
def test_material_that_failed_in_one_namespace_is_not_tried_at_once_in_another_which_learns_no_name(
    shop: Shop, other: Shop, operator: OperatorProcess
) -> None:
    clients = pki.make_root("Clients")
    for each in (shop, other):
        each.write_client_ca(clients.pem)
        each.add_instance()
    shop.rds.fault({"kind": "async-failed"}, action=MODIFY, instance=shop.instance_id())
    shop.declare(clientAuthentication=CLIENT_CA)
    shop.wait("Stalled", "True", "ApplyFailed")

    other.declare(clientAuthentication=CLIENT_CA)

    held = other.wait("ChangePending", "True", "AwaitingBudget")
    assert "The last change with the same material failed" in held["message"]
    assert "notBefore" in other.status()["plan"]
    told = str(other.get()) + str(other.events())
    assert shop.namespace not in told
    assert shop.instance_id() not in told
    assert other.cost() == (0, 0, 0)
    before = operator.metric("rds_ssl_passes_total")
    other.cluster.annotate(other.namespace, ORDERS, reconcile_requested_at="now")
    other.wait_until("a pass", lambda: operator.metric("rds_ssl_passes_total") > before)
    assert other.cost() == (0, 0, 0)
    # Who asks for a look asks for no attempt at what failed elsewhere; who approves does.
    digest = other.status()["plan"]["digest"]
    other.cluster.annotate(other.namespace, ORDERS, approve=digest)
    other.wait_ready(reason="Verified")
    assert other.cost() == (1, 1, 1)


@pytest.mark.parametrize("operator", [ONE_SLOT], indirect=True)
def test_material_that_did_not_fail_is_not_held_by_what_did(shop: Shop) -> None:
    bad, good = pki.make_root("Bad clients"), pki.make_root("Good clients")
    shop.write_client_ca(bad.pem)
    shop.add_instance()
    shop.rds.fault({"kind": "async-failed"}, action=MODIFY, instance=shop.instance_id())
    shop.declare(clientAuthentication=CLIENT_CA)
    shop.wait("Stalled", "True", "ApplyFailed")

    shop.write_client_ca(good.pem)

    shop.wait_ready(reason="Verified")
    assert shop.ssl()["client_ca_sha256"] == [good.sha256]
    assert shop.cost()[:2] == (2, 2)
