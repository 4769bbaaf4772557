"""What a Lease says, and when somebody else may take it."""

from datetime import UTC, datetime

import pytest

from rds_ssl.core.lease import (
    DEADLINE,
    DURATION,
    LONGEST,
    Lease,
    Watch,
    claim,
    release,
    scope,
)


def lease(version: str = "1", /, **spec: object) -> Lease:
    """Read a Lease with this spec."""
    return Lease.of({"metadata": {"resourceVersion": version}, "spec": spec})


HELD = {"holderIdentity": "other", "leaseDurationSeconds": 15}
ME = Watch(identity="me")


def test_a_lease_that_never_was_is_free_at_once() -> None:
    assert ME.seen(None, at=100.0).may_lead(at=100.0)


def test_a_lease_of_somebody_else_is_free_once_it_was_not_renewed_for_its_duration() -> None:
    seen = ME.seen(lease(**HELD), at=100.0)

    assert not seen.may_lead(at=100.0 + DURATION - 0.01)
    assert seen.may_lead(at=100.0 + DURATION)
    assert seen.other == "other"


def test_each_renewal_that_is_seen_begins_the_wait_anew() -> None:
    seen = ME.seen(lease(**HELD), at=100.0).seen(lease("2", **HELD), at=110.0)

    assert not seen.may_lead(at=100.0 + DURATION)
    assert seen.may_lead(at=110.0 + DURATION)


def test_to_look_at_a_lease_that_nobody_renews_does_not_begin_the_wait_anew() -> None:
    seen = ME.seen(lease(**HELD), at=100.0).seen(lease(**HELD), at=114.0)

    assert seen.may_lead(at=100.0 + DURATION)


def test_a_lease_that_its_holder_gave_up_is_free_at_once() -> None:
    given_up = lease("2", **release(now="2026-11-29T00:00:00Z"))

    assert ME.seen(lease(**HELD), at=100.0).seen(given_up, at=101.0).may_lead(at=101.0)


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(None, id="deleted"),
        pytest.param(lease("2", leaseDurationSeconds=15), id="without a holder"),
        pytest.param(lease("2"), id="emptied"),
    ],
)
def test_what_a_person_does_to_a_lease_makes_no_second_leader(after: Lease | None) -> None:
    seen = ME.seen(lease(**HELD), at=100.0).seen(after, at=101.0)

    assert not seen.may_lead(at=101.0)
    assert seen.may_lead(at=100.0 + DURATION)


@pytest.mark.parametrize("duration", [0, -5, 1])
def test_no_lease_is_taken_as_shorter_than_leaders_rely_on(duration: int) -> None:
    short = lease(holderIdentity="other", leaseDurationSeconds=duration)

    assert not ME.seen(short, at=100.0).may_lead(at=100.0 + DURATION - 0.01)


def test_a_lease_for_a_year_keeps_nobody_out_for_longer_than_a_minute() -> None:
    seen = ME.seen(lease(holderIdentity="other", leaseDurationSeconds=31_536_000), at=100.0)

    assert not seen.may_lead(at=100.0 + DURATION)
    assert seen.may_lead(at=100.0 + LONGEST)


def test_who_holds_it_may_go_on_whatever_was_seen_before() -> None:
    mine = lease("3", holderIdentity="me", leaseDurationSeconds=15)

    assert ME.seen(lease(**HELD), at=100.0).seen(mine, at=101.0).may_lead(at=101.0)
    assert ME.seen(mine, at=101.0).other == ""


def test_a_new_leader_is_counted_and_says_since_when() -> None:
    spec = claim(
        lease(leaseTransitions=4, **HELD), "me", now="2026-11-29T00:00:00Z", same_term=False
    )

    assert spec["leaseTransitions"] == 5
    assert spec["acquireTime"] == spec["renewTime"] == "2026-11-29T00:00:00Z"


def test_a_renewal_leaves_since_when_as_it_is() -> None:
    spec = claim(lease(**HELD), "me", now="2026-11-29T00:00:00Z", same_term=True)

    assert {"acquireTime", "leaseTransitions"} & spec.keys() == set()


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-29T00:00:00", None, 7])
def test_a_time_that_nobody_can_read_is_none(text: object) -> None:
    assert lease(renewTime=text).renewed is None


def test_a_time_is_read_with_its_microseconds() -> None:
    read = lease(renewTime="2026-11-29T00:00:01.250000Z").renewed

    assert read == datetime(2026, 11, 29, 0, 0, 1, 250_000, tzinfo=UTC)


def test_a_leader_has_time_to_end_its_passes_before_another_one_may_lead() -> None:
    assert DURATION - DEADLINE >= 5.0


def test_what_a_process_serves_is_said_the_same_however_its_namespaces_are_ordered() -> None:
    assert scope(namespaces=["b", "a"], selector="") == "namespaces a, b"
    assert scope(namespaces=["a", "b"], selector="t=1") == "namespaces a, b, selector t=1"
    assert scope(namespaces=[], selector="t=1") == "all namespaces, selector t=1"


def test_a_lease_without_annotations_says_nothing_of_what_its_holder_serves() -> None:
    assert lease(**HELD).serves == ""
