"""How objects stand, which are asked for, and how a list is cut into pages."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rds_ssl.commands.page.items import Item, Moment, Part, chosen
from rds_ssl.commands.page.query import Query, Sort, State
from support import statuses

Json = dict[str, Any]

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


def item(name: str = "orders", status: Json | None = None, **spec: Any) -> Item:  # noqa: ANN401
    return Item.of(statuses.manifest(name, status, **spec))


def names(items: list[Item]) -> list[str]:
    return [each.seen.name for each in items]


READY_AND_HELD = statuses.settled(
    conditions=[
        statuses.condition("Ready", "True", "Verified", "SSL on."),
        statuses.condition("ChangePending", "True", "AwaitingWindow", "It waits."),
    ],
    plan=statuses.plan(heldBy="AwaitingWindow"),
)


@pytest.mark.parametrize(
    ("status", "states"),
    [
        pytest.param(statuses.settled(), (State.READY,), id="at rest"),
        pytest.param(None, (State.UNKNOWN,), id="not looked at yet"),
        pytest.param(statuses.pending(), (State.HELD,), id="held"),
        pytest.param(READY_AND_HELD, (State.HELD, State.READY), id="ready, its rotation waits"),
        pytest.param(statuses.stalled("Conflict"), (State.STALLED,), id="stalled"),
        pytest.param(
            statuses.stalled("ApplyFailed", statuses.plan(heldBy="ApplyFailed")),
            (State.STALLED, State.HELD),
            id="stalled with a plan",
        ),
        pytest.param(
            statuses.settled("2026-11-23T03:00:00Z"),
            (State.EXPIRING, State.READY),
            id="expired since the operator looked",
        ),
        pytest.param(
            statuses.pending(statuses.plan(heldBy=None), operation=statuses.operation()),
            (State.WORKING,),
            id="sent",
        ),
        pytest.param(
            {**statuses.settled(), "observedGeneration": 0}, (State.UNKNOWN,), id="just edited"
        ),
    ],
)
def test_an_object_is_in_each_state_that_its_status_tells(
    status: Json | None, states: tuple[State, ...]
) -> None:
    assert item(status=status).states(NOW) == states


def test_the_most_urgent_come_first_and_of_those_what_ends_first() -> None:
    items = [
        item("later", statuses.settled("2027-06-01T00:00:00Z")),
        item("sooner", statuses.settled("2027-02-01T00:00:00Z")),
        item("waits", statuses.pending()),
        item("stuck", statuses.stalled("Conflict")),
        item("new"),
    ]

    assert names(chosen(items, Query(), NOW)) == ["stuck", "waits", "new", "sooner", "later"]
    by_end = chosen(items, Query(sort=Sort.EXPIRY), NOW)
    assert names(by_end)[:2] == ["sooner", "later"]
    assert names(chosen(items, Query(sort=Sort.NAME), NOW))[0] == "later"
    assert names(chosen(items, Query(sort=Sort.CHANGE), NOW))[:2] == ["later", "sooner"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (Query(namespace="shop"), ["orders"]),
        (Query(namespace="sho"), []),
        (Query(state=State.HELD), ["ledger"]),
        (Query(text="PGM-ORD"), ["orders"]),
        (Query(text="shop root"), ["orders"]),
        (Query(text="abababab"), ["orders"]),
        (Query(text="orders.pg.rds"), ["orders"]),
        (Query(text="billing/led"), ["ledger"]),
        (Query(text="cn-hangzhou"), ["ledger", "orders"]),
        (Query(text="nobody"), []),
    ],
)
def test_a_namespace_a_state_or_a_part_of_a_text_narrows(query: Query, found: list[str]) -> None:
    ledger = Item.of(statuses.manifest("ledger", statuses.pending(), namespace="billing"))
    items = [item("orders", statuses.settled()), ledger]

    assert names(chosen(items, query, NOW)) == found


def test_an_object_with_a_spec_that_cannot_be_read_is_shown_all_the_same() -> None:
    broken = Item.of(
        {
            "metadata": {"namespace": "shop", "name": "x", "resourceVersion": "1"},
            "spec": {"maintenance": {"windows": "<b>"}},
            "status": {"conditions": "none", "plan": 7},
        }
    )

    assert broken.states(NOW) == (State.UNKNOWN,)
    assert broken.maintenance.windows == ()


def test_a_moment_is_exact_and_says_how_far_it_is() -> None:
    later = Moment.of(datetime(2026, 11, 26, 5, 0, tzinfo=UTC), NOW)
    earlier = Moment.of(datetime(2026, 11, 24, 2, 30, tzinfo=UTC), NOW)

    assert later is not None
    assert (later.iso, later.text, later.far, later.past) == (
        "2026-11-26T05:00:00Z",
        "2026-11-26 05:00",
        "in 2d 2h",
        False,
    )
    assert earlier is not None
    assert (earlier.far, earlier.past) == ("30m ago", True)
    assert Moment.of(None, NOW) is None


@pytest.mark.parametrize(
    ("total", "page", "shown", "numbers"),
    [
        (0, 1, [], (1, 1, 0, 0)),
        (5, 1, [0, 1], (1, 3, 1, 2)),
        (5, 3, [4], (3, 3, 5, 5)),
        (5, 99, [4], (3, 3, 5, 5)),
        (4, 2, [2, 3], (2, 2, 3, 4)),
    ],
)
def test_a_list_is_cut_into_pages_and_the_last_one_is_beyond_the_end(
    total: int, page: int, shown: list[int], numbers: tuple[int, int, int, int]
) -> None:
    part = Part.of(total, page=page, size=2)

    assert part.cut(range(total)) == range(shown[0], shown[-1] + 1) if shown else total == 0
    assert (part.number, part.pages, part.first, part.last) == numbers
