"""
Each right that the manifests grant is taken, and no other is asked for: told by the audit log.

A life of an object takes all of them. Whatever the operator asks for that no rule covers is a rule
that is missing, and a rule without a request is one too many.
"""

from collections.abc import Iterator

import pytest

from support.installations import (
    INSTALLATIONS,
    NAMED,
    OFF,
    TEAM,
    USER,
    Installation,
    Installed,
    installed,
)
from support.rights import requests
from support.shop import secret
from support.simulator import Simulator


@pytest.fixture(scope="module", params=INSTALLATIONS, ids=lambda each: each.name)
def lived(request: pytest.FixtureRequest, rds: Simulator) -> Iterator[Installed]:
    """An installation that has gone through a whole life."""
    with installed(request.param, rds) as made:
        with made.operator() as operator:
            made.live()
            assert "orbidden" not in operator.log
        yield made


def test_each_rule_is_used_and_none_is_missing(lived: Installed) -> None:
    table = lived.table()

    print(f"{lived.installation.name}:\n{table}")
    assert table.ungranted == ()
    assert table.refused == ()
    if lived.installation is OFF:
        # Its manifests are those of `named`: what it does not need is left to take away.
        assert {each.verb for each in table.unused} == {"list", "watch"}
        assert {each.resource for each in table.unused} == {"secrets", "configmaps"}
    else:
        assert table.unused == ()


def test_where_secrets_are_named_nobody_asks_for_all_of_them(lived: Installed) -> None:
    asked = [
        grant
        for grant, _ in requests(lived.plane.audit_log, USER)
        if grant.resource in {"secrets", "configmaps"}
    ]

    if lived.installation in (NAMED, OFF):
        assert {(each.namespace, bool(each.name)) for each in asked} == {(TEAM, True)}
    else:
        assert any(not each.name for each in asked)


def test_a_confined_operator_asks_nothing_of_the_cluster(lived: Installed) -> None:
    asked = {grant for grant, _ in requests(lived.plane.audit_log, USER)}

    own = {REVIEWS, "coordination.k8s.io"}
    beyond = {each for each in asked if each.namespace != TEAM and each.group not in own}
    if lived.installation.name == "namespaced":
        assert beyond == set()
    else:
        assert {each.resource for each in beyond} >= {"dbinstancessls"}


REVIEWS = "authorization.k8s.io"
"""What everybody may ask about himself has no namespace."""


@pytest.mark.parametrize("mode", [NAMED, OFF], ids=lambda each: each.name)
def test_a_secret_that_may_not_be_read_is_told_and_read_once_it_may(
    mode: Installation, rds: Simulator
) -> None:
    with installed(mode, rds) as made, made.operator() as operator:
        shop = made.shop
        shop.add_instance("billing")
        shop.write_pair(shop.leaf("billing"), "billing")
        shop.declare_custom("billing")

        said = shop.wait("MaterialReady", "False", "SecretForbidden", name="billing")

        assert f"Secret {secret('billing')} in namespace {TEAM}" in said["message"]
        assert operator.log.count(f"({secret('billing')})") <= 1
        made.plane.kubectl(
            "patch",
            "role",
            "rds-ssl-operator-material",
            "-n",
            TEAM,
            "--type=json",
            f'-p=[{{"op":"add","path":"/rules/0/resourceNames/-","value":"{secret("billing")}"}}]',
        )
        shop.look_again("billing")
        shop.wait_ready("billing", reason="Verified")
