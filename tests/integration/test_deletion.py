"""What happens to the instance when its object goes."""

import pytest

from rds_ssl.core.model import FINALIZER
from support.shop import ORDERS, Shop

pytestmark = pytest.mark.usefixtures("operator")


def finalizers(shop: Shop) -> list[str]:
    found: list[str] = shop.get()["metadata"].get("finalizers", [])
    return found


def wait_finalizer(shop: Shop) -> None:
    shop.wait_until("there is a finalizer", lambda: finalizers(shop) == [FINALIZER])


def wait_gone(shop: Shop, name: str = ORDERS) -> None:
    shop.wait_until("the object is gone", lambda: not shop.cluster.exists(shop.namespace, name))


def released(shop: Shop) -> str:
    """The message of the Event that says why the object could go."""
    shop.wait_until("there is an Event", lambda: shop.events("Released"))
    return str(shop.events("Released")[-1]["message"])


def test_retain_has_no_finalizer_and_leaves_ssl_on(shop: Shop) -> None:
    shop.adopt_cloud()
    assert finalizers(shop) == []
    calls = len(shop.calls())

    shop.delete()

    assert not shop.cluster.exists(shop.namespace, ORDERS)
    # A later object of the same namespace is served, so the deletion has been seen.
    shop.adopt_cloud("later")
    assert len(shop.calls()) == calls
    assert shop.ssl()["enabled"]


def test_disable_turns_ssl_off_once_and_then_the_object_goes(shop: Shop) -> None:
    shop.start_custom(deletionPolicy="Disable")
    assert finalizers(shop) == [FINALIZER]
    assert shop.cost() == (1, 1, 1)

    shop.delete()

    wait_gone(shop)
    assert shop.cost() == (2, 2, 2)
    truth = shop.truth()
    assert (truth["status"], truth["ssl"]["enabled"]) == ("Running", False)
    assert "off" in released(shop)
    off = shop.modifies()[-1]["parameters"]
    assert set(off) == {"DBInstanceId", "RegionId", "ConnectionString", "SSLEnabled"}


def test_disable_of_ssl_that_is_off_already_costs_no_call(shop: Shop) -> None:
    shop.adopt_cloud(deletionPolicy="Disable")
    shop.meddle(enabled=False)

    shop.delete()

    wait_gone(shop)
    assert shop.cost() == (0, 0, 0)


def test_disable_of_what_was_never_applied_lets_the_object_go_and_leaves_ssl_on(
    shop: Shop,
) -> None:
    """First contact awaits approval: nothing here is this object's."""
    shop.add_instance(ssl={"enabled": True})
    shop.write_pair(shop.leaf())
    shop.declare_custom(deletionPolicy="Disable")
    shop.wait("ChangePending", "True", "AwaitingApproval")
    wait_finalizer(shop)

    shop.delete()

    wait_gone(shop)
    assert "never been applied" in released(shop)
    assert shop.modifies() == []
    assert shop.ssl()["enabled"]


def test_a_suspended_object_goes_with_an_event_and_leaves_ssl_on(shop: Shop) -> None:
    shop.adopt_cloud(deletionPolicy="Disable")
    shop.patch(suspend=True)

    shop.delete()

    wait_gone(shop)
    assert "suspended" in released(shop)
    assert shop.cost() == (0, 0, 0)
    assert shop.ssl()["enabled"]


def test_an_object_that_only_observes_has_no_finalizer(shop: Shop) -> None:
    shop.adopt_cloud(deletionPolicy="Disable")
    wait_finalizer(shop)

    shop.patch(managementPolicy="Observe", deletionPolicy="Retain")
    shop.wait_until("the finalizer is gone", lambda: finalizers(shop) == [])
    shop.delete()

    wait_gone(shop)
    assert shop.cost() == (0, 0, 0)
    assert shop.ssl()["enabled"]


def test_an_instance_that_is_gone_holds_nothing(shop: Shop) -> None:
    shop.adopt_cloud(deletionPolicy="Disable")
    modifies = len(shop.modifies())
    shop.rds.delete_instance(shop.instance_id())

    shop.delete()

    wait_gone(shop)
    assert "gone" in released(shop)
    assert len(shop.modifies()) == modifies


def test_ssl_stays_on_while_another_object_declares_the_instance(shop: Shop) -> None:
    shop.start_cloud(deletionPolicy="Disable")
    younger = {"instanceID": shop.instance_id(), "managementPolicy": "Observe"}
    shop.cluster.create(shop.namespace, "younger", **younger)
    shop.wait_ready("younger")
    # It has reached the instance, and from now on it is a claimant.
    shop.patch("younger", managementPolicy="Enforce")
    shop.wait("Stalled", "True", "Conflict", name="younger")

    shop.delete()

    wait_gone(shop)
    assert "another object" in released(shop)
    shop.wait_ready("younger", reason="Adopted")
    assert shop.cost() == (1, 1, 1)
    assert shop.ssl()["enabled"]


def test_disable_waits_while_the_instance_is_busy_and_retain_lets_the_object_go(
    shop: Shop,
) -> None:
    shop.adopt_cloud(deletionPolicy="Disable")
    shop.rds.patch_instance(shop.instance_id(), status="BACKING_UP")
    shop.delete()
    shop.wait_until(
        "it says what it waits for",
        lambda: shop.conditions().get("Reconciling") == ("True", "InstanceBusy"),
    )
    assert shop.cluster.exists(shop.namespace, ORDERS)

    shop.patch(deletionPolicy="Retain")

    wait_gone(shop)
    assert shop.cost() == (0, 0, 0)
    assert shop.ssl()["enabled"]


def test_disable_that_is_blocked_says_so_and_goes_on_once_it_can(shop: Shop) -> None:
    shop.adopt_cloud(deletionPolicy="Disable")
    wrong = {"accessKeyId": "LTAI5tSimulator", "accessKeySecret": "wrong"}
    right = {**wrong, "accessKeySecret": "simulator-secret"}
    shop.cluster.secret(shop.namespace, "rds-credentials", dict(wrong))
    shop.delete()
    shop.wait_until(
        "it says why it does not go",
        lambda: shop.conditions().get("Stalled") == ("True", "CredentialsInvalid"),
    )
    assert shop.ssl()["enabled"]

    shop.cluster.secret(shop.namespace, "rds-credentials", dict(right))

    wait_gone(shop)
    assert shop.cost() == (1, 1, 1)
    assert not shop.ssl()["enabled"]


def test_rows_that_demand_ssl_hold_the_call_and_retain_lets_the_object_go(shop: Shop) -> None:
    shop.adopt_cloud(deletionPolicy="Disable")
    row = ["hostssl", "all", "all", "0.0.0.0/0", "scram-sha-256"]
    shop.rds.patch_instance(shop.instance_id(), hba_rows=[row])
    shop.delete()
    shop.wait_until(
        "it says what is in the way",
        lambda: shop.conditions().get("Stalled") == ("True", "HostSSLRowsPresent"),
    )
    message = str((shop.condition("Stalled") or {})["message"])
    assert " ".join(row) in message
    assert "spec.deletionPolicy to Retain" in message

    shop.patch(deletionPolicy="Retain")

    wait_gone(shop)
    assert shop.cost() == (0, 0, 0)


def test_a_renamed_object_keeps_ssl_on_and_costs_no_call(shop: Shop) -> None:
    shop.start_cloud(deletionPolicy="Disable")
    shop.cluster.create(shop.namespace, "renamed", instanceID=shop.instance_id())
    shop.wait("Stalled", "True", "Conflict", name="renamed")

    shop.delete()

    wait_gone(shop)
    assert "another object" in released(shop)
    shop.wait_ready("renamed", reason="Adopted")
    assert shop.cost() == (1, 1, 1)
