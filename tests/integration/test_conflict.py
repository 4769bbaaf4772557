"""Two objects, one instance: the older one counts, and the other says so."""

import pytest

from support import polling
from support.cluster import Cluster
from support.shop import ORDERS, Shop
from support.simulator import Simulator

pytestmark = pytest.mark.usefixtures("operator")

YOUNGER = "younger"
"""Than `ORDERS`, which takes more than a second to start: creationTimestamp has no fractions."""


@pytest.fixture
def other(cluster: Cluster, rds: Simulator) -> Shop:
    """Another user's namespace."""
    return Shop(cluster, rds)


def stalled(shop: Shop, name: str) -> str:
    found = shop.condition("Stalled", name)
    assert found is not None
    return str(found["message"])


def test_the_younger_object_is_in_conflict_and_names_the_older_one(shop: Shop) -> None:
    shop.start_custom()
    shop.cluster.create(shop.namespace, YOUNGER, instanceID=shop.instance_id(), enabled=False)

    shop.wait("Stalled", "True", "Conflict", name=YOUNGER)

    assert shop.conditions(YOUNGER)["Ready"] == ("False", "Conflict")
    assert ORDERS in stalled(shop, YOUNGER)
    shop.look_again()
    assert shop.conditions()["Ready"] == ("True", "Verified")
    assert shop.cost() == (1, 1, 1)


def test_an_older_object_in_another_namespace_is_not_named(shop: Shop, other: Shop) -> None:
    shop.start_custom()
    other.cluster.create(other.namespace, YOUNGER, instanceID=shop.instance_id())

    other.wait("Stalled", "True", "Conflict", name=YOUNGER)

    text = str(other.get(YOUNGER)["status"]) + str(other.events())
    assert shop.namespace not in text
    assert f"DBInstanceSSL {ORDERS}" not in text
    assert shop.cost() == (1, 1, 1)


def test_when_the_older_one_goes_the_younger_starts_as_first_contact(shop: Shop) -> None:
    shop.start_custom()
    # Cloud certificate: not what is in force, so not what may be changed at first contact.
    shop.cluster.create(shop.namespace, YOUNGER, instanceID=shop.instance_id(), approvalRequired=[])
    shop.wait("Stalled", "True", "Conflict", name=YOUNGER)

    shop.delete()

    shop.wait("ChangePending", "True", "AwaitingApproval", name=YOUNGER)
    assert "Stalled" not in shop.conditions(YOUNGER)
    assert shop.cost() == (1, 1, 1)
    shop.patch(YOUNGER, adoptionPolicy="Overwrite")
    shop.wait_ready(YOUNGER, reason="Verified")
    assert shop.ssl()["ca_type"] == "aliyun"
    assert shop.cost() == (2, 2, 2)


def test_when_the_older_one_goes_an_equal_younger_one_adopts(shop: Shop, other: Shop) -> None:
    shop.start_cloud()
    other.cluster.create(other.namespace, YOUNGER, instanceID=shop.instance_id())
    other.wait("Stalled", "True", "Conflict", name=YOUNGER)

    shop.delete()

    other.wait_ready(YOUNGER, reason="Adopted")
    assert shop.cost() == (1, 1, 1)


def test_when_the_older_one_only_observes_the_younger_takes_over(shop: Shop) -> None:
    shop.start_cloud()
    shop.cluster.create(shop.namespace, YOUNGER, instanceID=shop.instance_id())
    shop.wait("Stalled", "True", "Conflict", name=YOUNGER)

    shop.patch(managementPolicy="Observe")

    shop.wait_ready(YOUNGER, reason="Adopted")
    shop.wait_ready()
    assert shop.cost() == (1, 1, 1)


def test_an_object_that_observes_is_in_nobodys_way(shop: Shop) -> None:
    shop.add_instance()
    shop.declare(managementPolicy="Observe")
    shop.wait("ChangePending", "True", "Observing")
    shop.cluster.create(shop.namespace, YOUNGER, instanceID=shop.instance_id())

    shop.wait_ready(YOUNGER, reason="Verified")

    shop.look_again()
    shop.wait_ready()
    assert shop.cost() == (1, 1, 1)


def test_an_older_object_that_never_reached_the_instance_claims_nothing(
    shop: Shop, other: Shop
) -> None:
    """Without credentials anybody could block anybody's instance by naming it first."""
    shop.cluster.delete_secret(shop.namespace, "rds-credentials")
    shop.add_instance()
    shop.declare()
    shop.wait("Ready", "False", "CredentialsNotFound")

    other.cluster.create(other.namespace, YOUNGER, instanceID=shop.instance_id())

    other.wait_ready(YOUNGER, reason="Verified")
    assert shop.cost() == (1, 1, 1)


def test_two_objects_that_appear_together_cost_one_call(shop: Shop) -> None:
    shop.add_instance()
    names = [ORDERS, YOUNGER]

    shop.cluster.in_parallel(
        lambda name: shop.cluster.create(shop.namespace, name, instanceID=shop.instance_id()),
        names,
    )

    def problem() -> str | None:
        found = {name: shop.conditions(name) for name in names}
        ready = {each["Ready"] for each in found.values() if "Ready" in each}
        # The one that counts is the older by creationTimestamp, to the second, then by uid: if the
        # other one was faster, it has sent the call, and the older one adopts what came of it.
        wanted = [{("True", how), ("False", "Conflict")} for how in ("Verified", "Adopted")]
        return None if ready in wanted else str(found)

    polling.wait(problem, seconds=12)
    assert shop.cost() == (1, 1, 1)
