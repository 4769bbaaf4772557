"""Who works, as it is told of one operator, of shards, and of what an installation left behind."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from rds_ssl.commands.leaders import leader_notes
from rds_ssl.core.lease import Lease

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)


def leases(**ages: int | None) -> Mapping[str, Lease]:
    """Give Leases by name, _ for -, renewed so many seconds ago by a Pod each; None: never."""
    return {
        name.replace("_", "-"): Lease.of(
            {
                "metadata": {"resourceVersion": "1"},
                "spec": {
                    "holderIdentity": f"pod-of-{name.replace('_', '-')}",
                    "renewTime": "" if age is None else (NOW - timedelta(seconds=age)).isoformat(),
                },
            }
        )
        for name, age in ages.items()
    }


def test_one_that_works_is_told_whatever_its_lease_is_called() -> None:
    assert leader_notes(leases(our_own_name=2), "ops", NOW) == [
        "Operator: pod-of-our-own-name in namespace ops leads."
    ]


def test_each_shard_is_told() -> None:
    found = leases(rds_ssl_operator_1_of_2=1, rds_ssl_operator_2_of_2=3)

    assert leader_notes(found, "ops", NOW) == [
        "Operator: pod-of-rds-ssl-operator-1-of-2 in namespace ops leads shard 1 of 2.",
        "Operator: pod-of-rds-ssl-operator-2-of-2 in namespace ops leads shard 2 of 2.",
    ]


def test_a_shard_that_nobody_serves_is_told_with_what_that_means() -> None:
    found = leases(rds_ssl_operator_1_of_3=1, rds_ssl_operator_3_of_3=600)

    first, second, third = leader_notes(found, "ops", NOW)

    assert "leads shard 1 of 3" in first
    assert second.startswith(
        "Operator: nobody leads shard 2 of 3 in namespace ops,"
        " there is no Lease rds-ssl-operator-2-of-3. Of its instances nothing is changed"
    )
    assert "rds-ssl-operator-3-of-3 was renewed last at 2026-11-24T02:50:00Z (10m ago)" in third


@pytest.mark.parametrize(
    "left", [{"rds_ssl_operator": 900}, {"rds_ssl_operator_1_of_4": 900, "old_name": 90}]
)
def test_what_another_installation_has_left_behind_is_not_told_beside_one_that_works(
    left: Mapping[str, int],
) -> None:
    found = leases(rds_ssl_operator_1_of_2=1, rds_ssl_operator_2_of_2=1, **left)

    assert len(leader_notes(found, "ops", NOW)) == 2


def test_if_nobody_works_the_last_installation_is_told() -> None:
    found = leases(rds_ssl_operator=900, rds_ssl_operator_1_of_1=None, new_name=300)

    last = "2026-11-24T02:55:00Z (5m ago)"
    assert leader_notes(found, "ops", NOW) == [
        f"Operator: nobody leads in namespace ops, the Lease new-name was renewed last at {last}.",
        "Nothing is changed until a replica runs, and reaches the API server.",
    ]


def test_two_installations_that_work_are_both_told() -> None:
    assert len(leader_notes(leases(one=1, two=1), "ops", NOW)) == 2


def test_without_a_lease_nothing_is_told() -> None:
    assert leader_notes({}, "ops", NOW) == []
    assert leader_notes(leases(rds_ssl_operator=None), "ops", NOW) == []
