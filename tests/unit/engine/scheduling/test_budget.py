"""Slots: how many at a time, whose turn it is, and who is told that one is free."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds_ssl.engine.objects import Key, Resource
from rds_ssl.engine.scheduling.budget import Budget
from support import virtual_time

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Slots:
    """A budget, and who was woken; an object has the name of its instance."""

    def __init__(self, limit: int) -> None:
        self.woken: list[Key] = []
        self.budget = Budget(limit, self.woken.append)

    def ask(
        self,
        key: Key,
        account: str = "account",
        *,
        instance: str = "",
        primary: str = "",
        material: str = "",
        alone: bool = False,
    ) -> bool:
        return self.budget.reserve(
            key,
            account=account,
            instance_id=instance or key[1],
            primary=primary,
            material=frozenset(material.split()),
            alone=alone,
        )

    @contextmanager
    def wakes(self, *keys: Key) -> Iterator[None]:
        """Expect that exactly these are woken meanwhile."""
        self.woken.clear()
        yield
        assert self.woken == list(keys)


def one(name: str, namespace: str = "shop") -> Key:
    return (namespace, name)


A, B, C, D = map(one, "abcd")


def resource(key: Key, *, material: tuple[str, ...] = (), primary: str = "") -> Resource:
    """Make an object whose operation another process has begun."""
    operation = {
        "digest": "digest",
        "phase": "Accepted",
        "startTime": "2026-11-24T12:00:00Z",
        "attempt": 1,
        "material": material,
    }
    return Resource.of(
        {
            "metadata": {
                "namespace": key[0],
                "name": key[1],
                "uid": f"uid-{key}",
                "resourceVersion": "1",
                "creationTimestamp": "2026-11-24T12:00:00Z",
            },
            "spec": {"instanceID": key[1], "regionID": "cn-hangzhou"},
            "status": {
                "operation": operation,
                "instance": {"engine": "PostgreSQL", "masterInstanceID": primary or None},
            },
        }
    )


# -- how many --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "given_out"), [(1, 1), (2, 2), (5, 4), (0, 4)])
def test_so_many_slots_are_given_out_and_0_is_no_limit(limit: int, given_out: int) -> None:
    slots = Slots(limit)

    assert [slots.ask(each) for each in (A, B, C, D)].count(True) == given_out
    assert len(slots.budget) == given_out


def test_each_account_has_slots_of_its_own() -> None:
    slots = Slots(1)

    assert slots.ask(A, "one")
    assert not slots.ask(B, "one")
    assert slots.ask(C, "two")


def test_who_holds_a_slot_keeps_it_over_the_steps_of_a_plan() -> None:
    slots = Slots(1)
    slots.ask(A)
    slots.ask(B)

    assert slots.ask(A)
    assert len(slots.budget) == 1


def test_a_free_slot_goes_to_whoever_waits_longest_and_he_is_told() -> None:
    slots = Slots(1)
    assert [slots.ask(each) for each in (A, B, C)] == [True, False, False]

    with slots.wakes(B):
        slots.budget.release(A)

    assert not slots.ask(C)
    assert not slots.ask(D)
    assert slots.ask(B)


def test_who_gives_his_place_up_lets_the_next_one_go() -> None:
    slots = Slots(1)
    for each in (A, B, C):
        slots.ask(each)
    slots.budget.release(A)

    with slots.wakes(C):
        slots.budget.release(B)

    assert slots.ask(C)


def test_who_neither_holds_nor_waits_gives_nothing_back() -> None:
    slots = Slots(1)
    slots.ask(A)
    slots.ask(B)

    with slots.wakes():
        slots.budget.release(C)


# -- whose turn ------------------------------------------------------------------------------------


def served(slots: Slots, holder: Key) -> list[Key]:
    """Give slot after slot back; give the order in which the others have one."""
    order = []
    while True:
        slots.woken.clear()
        slots.budget.release(holder)
        granted = [each for each in slots.woken if slots.ask(each)]
        if not granted:
            return order
        (holder,) = granted
        order.append(holder)


def test_namespaces_take_turns_and_in_each_the_first_comes_first() -> None:
    slots = Slots(1)
    many = [one(f"m{each}", "many") for each in range(5)]
    few = [one(f"f{each}", "few") for each in range(2)]
    slots.ask(many[0])
    for each in (*many[1:], *few):
        slots.ask(each)

    assert served(slots, many[0]) == [many[1], few[0], many[2], few[1], many[3], many[4]]


def test_a_namespace_that_had_its_turn_does_not_overtake_one_that_came_later() -> None:
    slots = Slots(1)
    x, y = one("x", "few"), one("y", "few")
    for each in (A, B, x):
        slots.ask(each)
    slots.budget.release(A)
    assert slots.ask(B)
    slots.budget.release(B)
    assert not slots.ask(y)  # It waits before C, and the namespace of x has its turn now.
    assert not slots.ask(C)
    assert slots.ask(x)

    slots.budget.release(x)

    assert not slots.ask(y)
    assert slots.ask(C)


def test_a_namespace_with_hundreds_keeps_another_one_waiting_for_two_changes_at_most() -> None:
    slots = Slots(5)
    many = [one(f"m{each}", "many") for each in range(300)]
    for each in many:
        slots.ask(each)
    other = one("other", "few")
    assert not slots.ask(other)

    slots.budget.release(many[0])
    assert slots.ask(many[5])
    slots.budget.release(many[1])

    assert not slots.ask(many[6])
    assert slots.ask(other)


# -- who with whom ---------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [0, 5])
def test_one_instance_and_one_primary_have_one_slot_whatever_the_limit(limit: int) -> None:
    slots = Slots(limit)
    reader, other = one("reader"), one("other")

    assert slots.ask(reader, primary="a")
    assert not slots.ask(A)
    assert not slots.ask(other, primary="a")
    assert not slots.ask(one("again", "elsewhere"), "another", instance="reader")
    assert slots.ask(B)
    slots.budget.release(reader)
    assert {A, one("again", "elsewhere")} == set(slots.woken)
    assert slots.ask(A)
    assert not slots.ask(other, primary="a")


def test_what_has_failed_elsewhere_goes_alone_among_those_with_the_same_material() -> None:
    slots = Slots(5)

    assert slots.ask(A, material="ca leaf-a")
    assert not slots.ask(B, material="ca leaf-b", alone=True)
    assert slots.ask(C, material="leaf-c", alone=True)
    slots.budget.release(A)
    assert slots.ask(B, material="ca leaf-b", alone=True)
    assert not slots.ask(D, material="ca")
    assert slots.ask(one("e"))


def test_once_it_was_applied_all_who_waited_to_be_alone_go_at_once() -> None:
    slots = Slots(0)
    assert slots.ask(A, material="ca", alone=True)
    assert [slots.ask(each, material="ca", alone=True) for each in (B, C, D)] == [False] * 3

    with slots.wakes(B, C, D):
        slots.budget.release(A)

    assert [slots.ask(each, material="ca") for each in (B, C, D)] == [True] * 3


def test_of_those_who_still_have_to_be_alone_only_one_goes() -> None:
    slots = Slots(0)
    slots.ask(A, material="ca", alone=True)
    for each in (B, C):
        slots.ask(each, material="ca", alone=True)
    slots.budget.release(A)

    assert slots.ask(B, material="ca", alone=True)
    assert not slots.ask(C, material="ca", alone=True)


def test_who_cannot_go_does_not_keep_those_behind_him_waiting() -> None:
    slots = Slots(2)
    slots.ask(A)
    assert not slots.ask(one("reader"), primary="a")

    assert slots.ask(B)


# -- what another process began --------------------------------------------------------------------


def test_a_slot_that_was_inherited_counts_for_every_account_and_excludes_as_its_own_does() -> None:
    slots = Slots(1)
    slots.budget.inherit(resource(one("reader"), primary="a", material=("ca",)))

    assert not slots.ask(B, "one")
    assert not slots.ask(C, "two")
    free = Slots(0)
    free.budget.inherit(resource(one("reader"), primary="a", material=("ca",)))
    assert not free.ask(A)
    assert not free.ask(B, material="ca", alone=True)
    assert free.ask(C, material="ca")
    with slots.wakes(B, C):
        slots.budget.release(one("reader"))


def test_what_was_inherited_changes_nothing_for_whoever_holds_a_slot_already() -> None:
    slots = Slots(1)
    slots.ask(A, "one")
    slots.budget.inherit(resource(A))

    assert not slots.ask(B, "one")
    assert slots.ask(C, "two")


def test_of_material_that_an_older_version_did_not_record_nothing_is_known() -> None:
    slots = Slots(0)
    slots.budget.inherit(resource(A))

    assert slots.ask(B, material="ca", alone=True)


# -- what is gone ----------------------------------------------------------------------------------


def in_time(story: Callable[[], None], *later: tuple[float, Callable[[], None]]) -> None:
    """Run *story*, and then each of *later* at its second."""

    async def play() -> None:
        story()
        now = 0.0
        for at, check in later:
            await asyncio.sleep(at - now)
            now = at
            check()

    virtual_time.run(play())


def test_an_instance_and_its_primary_rest_after_a_change_whose_record_is_gone() -> None:
    slots = Slots(0)
    reader, other = one("reader"), one("other")

    def gone() -> None:
        slots.budget.cool_down(resource(reader, primary="a"), 180.0)
        assert not slots.ask(reader, primary="a")
        assert not slots.ask(A)
        assert not slots.ask(other, primary="a")
        assert slots.ask(B)

    def once_more() -> None:
        slots.budget.cool_down(resource(reader, primary="a"), 180.0)

    def still() -> None:
        assert not slots.ask(A)

    def rested() -> None:
        assert reader in slots.woken
        assert slots.ask(reader, primary="a")

    in_time(gone, (100, once_more), (279, still), (281, rested))


def test_restarts_are_remembered_by_request_the_last_ten_of_an_instance() -> None:
    budget = Slots(0).budget
    for number in range(12):
        budget.note_restart("a", f"R{number}", NOW + timedelta(hours=number))

    found = budget.restarts("a")

    assert list(found) == [f"R{number}" for number in range(2, 12)]
    assert found["R11"] == NOW + timedelta(hours=11)
    assert budget.restarts("b") == {}


# -- whatever the order ----------------------------------------------------------------------------

_wants = st.tuples(
    st.sampled_from(["x", "y", "z"]),
    st.sampled_from(["one", "two"]),
    st.sampled_from(["", "p1", "p2"]),
    st.sampled_from(["", "ca", "ca list", "list"]),
    st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(
    limit=st.integers(0, 3),
    wants=st.lists(_wants, min_size=1, max_size=12),
    choices=st.lists(st.integers(0, 10), max_size=60),
)
def test_limits_hold_and_nobody_who_waits_is_forgotten(
    limit: int, wants: list[tuple[str, str, str, str, bool]], choices: list[int]
) -> None:
    """Objects ask when they come and whenever they are woken, and give back in any order."""
    slots = Slots(limit)
    known = {(namespace, f"i{number}"): rest for number, (namespace, *rest) in enumerate(wants)}
    held: list[Key] = []
    to_come, done, turns = list(known), 0, iter(choices)

    def ask(key: Key) -> None:
        account, primary, material, alone = known[key]
        if slots.ask(
            key, str(account), primary=str(primary), material=str(material), alone=alone is True
        ):
            held.append(key)

    while to_come or held:
        choice = next(turns, 0)
        if to_come and (choice % 2 or not held):
            ask(to_come.pop(0))
        else:
            slots.budget.release(held.pop(choice % len(held)))
            done += 1
        while slots.woken:
            key = slots.woken.pop(0)
            if key not in held:
                ask(key)
        if limit:
            assert max(Counter(str(known[each][0]) for each in held).values(), default=0) <= limit
        primaries = [str(known[each][1]) or each[1] for each in held]
        assert len(set(primaries)) == len(primaries)
        for key in held:
            alone, material = known[key][3], set(str(known[key][2]).split())
            others = [set(str(known[each][2]).split()) for each in held if each != key]
            assert not alone or all(material.isdisjoint(each) for each in others)
    assert done == len(known)
