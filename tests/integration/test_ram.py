"""The templates of deploy/ram in force: the operator works, or says which right who lacks."""

from typing import Any

import pytest

from support.identities import ACCOUNT
from support.ram_templates import template
from support.shop import Shop
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET, Caller

pytestmark = pytest.mark.usefixtures("operator")

OPERATOR = {"POLL": "0.5s"}

MODIFY = "rds:ModifyDBInstanceSSL"
READ = "rds:DescribeDBInstanceAttribute"
CREDENTIALS = "rds-credentials"


def use_policy(shop: Shop, policy: dict[str, Any]) -> str:
    """Give the shop a RAM user's key that may do what a policy says; give the user's name."""
    key_id, user = f"LTAI5t{shop.token}", f"ssl-{shop.token}"
    shop.rds.put_access_key(key_id, secret="s", user=user, policy=policy)
    write_key(shop, accessKeyId=key_id, accessKeySecret="s")
    return user


def write_key(shop: Shop, **data: str) -> None:
    shop.cluster.secret(shop.namespace, CREDENTIALS, dict(data))


def use_everything(shop: Shop) -> None:
    write_key(shop, accessKeyId=ACCESS_KEY_ID, accessKeySecret=ACCESS_KEY_SECRET)


def forbidden(shop: Shop, name: str = "orders") -> str:
    """Wait until an object is told that it lacks a right; give the sentence."""
    return str(shop.wait("Stalled", "True", "Forbidden", name=name)["message"])


# -- read-only -------------------------------------------------------------------------------------


def test_read_only_is_enough_to_observe(shop: Shop) -> None:
    use_policy(shop, template("read-only"))
    shop.add_instance("off")
    shop.declare("off", managementPolicy="Observe")
    shop.add_instance("on", ssl={"enabled": True})
    shop.declare("on", managementPolicy="Observe")

    shop.wait_ready("on")
    shop.wait("ChangePending", "True", "Observing", name="off")

    assert "Stalled" not in shop.conditions("on")
    assert shop.modifies("off") == shop.modifies("on") == []


def test_with_read_only_a_change_is_refused_once_and_names_right_and_user(shop: Shop) -> None:
    user = use_policy(shop, template("read-only"))
    shop.add_instance()
    shop.declare()

    message = forbidden(shop)

    assert f"RAM user {user} of account {ACCOUNT}" in message
    assert MODIFY in message
    assert "no policy allows it" in message
    assert shop.cost() == (1, 0, 0)
    use_everything(shop)
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (2, 1, 1)


# -- full ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["postgresql-14", "mysql-8.0", "sqlserver-2019"])
def test_full_is_enough_for_all_that_the_operator_does(shop: Shop, profile: str) -> None:
    use_policy(shop, template("full"))
    shop.add_instance(profile=profile)
    shop.declare(approvalRequired=[])
    shop.wait_ready(reason="Verified")

    shop.patch(enabled=False)

    shop.wait_until("SSL is off", lambda: not shop.ssl()["enabled"])
    shop.wait_ready(reason="Verified")
    assert [each["code"] for each in shop.calls() if each["code"] != "OK"] == []


# -- may enable, never disable ---------------------------------------------------------------------


@pytest.mark.parametrize("reading", ["request", "words"])
def test_who_may_enable_and_never_disable_does_just_that(shop: Shop, reading: str) -> None:
    shop.rds.config(ssl_enabled_key=reading)
    user = use_policy(shop, template("enable-never-disable"))
    shop.add_instance()
    shop.declare(approvalRequired=[])
    shop.wait_ready(reason="Verified")

    shop.patch(enabled=False)
    message = forbidden(shop)

    assert f"RAM user {user}" in message
    assert MODIFY in message
    assert "denies it" in message
    assert shop.ssl()["enabled"]
    assert shop.cost() == (2, 1, 1)
    shop.patch(enabled=True)
    shop.wait_ready()
    assert shop.cost() == (2, 1, 1)


def test_where_the_condition_sees_nothing_nothing_is_changed_and_that_is_told(
    shop: Shop,
) -> None:
    user = use_policy(shop, template("enable-never-disable"))
    shop.rds.config(ssl_enabled_key="absent")
    try:
        shop.add_instance()
        shop.declare()

        message = forbidden(shop)
    finally:
        shop.rds.config(ssl_enabled_key="request")

    assert f"RAM user {user}" in message
    assert MODIFY in message
    assert shop.cost() == (1, 0, 0)


def test_a_deletion_that_is_to_turn_ssl_off_is_refused_and_ssl_stays_on(shop: Shop) -> None:
    use_policy(shop, template("enable-never-disable"))
    shop.start_cloud(deletionPolicy="Disable")

    shop.delete()

    assert MODIFY in forbidden(shop)
    assert {each["code"] for each in shop.modifies()[1:]} == {"NoPermission"}
    assert shop.cost()[1:] == (1, 1)
    shop.patch(deletionPolicy="Retain")
    shop.wait_until("the object is gone", lambda: not shop.cluster.exists(shop.namespace, "orders"))
    assert shop.ssl()["enabled"]


# -- by instance -----------------------------------------------------------------------------------


def test_named_instances_are_reached_and_no_others(shop: Shop) -> None:
    user = use_policy(
        shop, template("named-instances", **{"pgm-bp1example": shop.instance_id("mine")})
    )
    shop.add_instance("mine")
    shop.add_instance("other")
    shop.declare("mine")
    shop.declare("other")

    shop.wait_ready("mine", reason="Verified")
    message = forbidden(shop, "other")

    assert f"RAM user {user}" in message
    assert "rds:Describe" in message
    assert shop.modifies("other") == []


# -- as a role -------------------------------------------------------------------------------------


def test_a_session_of_a_role_works_and_names_its_role_where_it_may_not(shop: Shop) -> None:
    role = f"ssl-{shop.token}"
    trust = template(
        "trust-external-id",
        **{
            f"acs:ram::{ACCOUNT}:role/rds-ssl-operator": f"acs:ram::{ACCOUNT}:root",
            "team-a": shop.namespace,
        },
    )
    arn = shop.rds.put_role(role, trust, policy=template("full"))["arn"]
    sts = Caller(shop.rds.url, version="2015-04-01")
    answer = sts.call(
        "AssumeRole",
        RoleArn=arn,
        RoleSessionName="test",
        ExternalId=f"rds-ssl:{shop.namespace}",
    )
    sts.close()
    given = answer.json()["Credentials"]
    write_key(
        shop,
        accessKeyId=given["AccessKeyId"],
        accessKeySecret=given["AccessKeySecret"],
        securityToken=given["SecurityToken"],
    )
    shop.start_cloud(approvalRequired=[])

    shop.rds.put_role(role, trust, policy=template("enable-never-disable"))
    shop.patch(enabled=False)

    assert f"role {role} of account {ACCOUNT}" in forbidden(shop)
    assert shop.ssl()["enabled"]
