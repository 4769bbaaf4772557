"""What stands on each page."""

from datetime import UTC, datetime
from typing import Any

from rds_ssl.commands.page.items import Item
from rds_ssl.commands.page.pages import (
    FIRST_CARDS,
    LABELS,
    ROWS_SHOWN,
    Snapshot,
    changes,
    one_object,
    overview,
    plans,
)
from rds_ssl.commands.page.query import Query, State
from support import statuses

Json = dict[str, Any]

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


def snapshot(*manifests: Json) -> Snapshot:
    return Snapshot(
        items=[Item.of(each) for each in manifests],
        leader=[],
        now=NOW,
        server="api.example:6443",
        namespace="",
    )


FEW = snapshot(
    statuses.manifest("orders", statuses.pending()),
    statuses.manifest("stock", statuses.settled()),
    statuses.manifest("ledger", statuses.stalled("Conflict"), namespace="billing"),
    statuses.manifest("new", namespace="billing"),
)


def test_the_tiles_count_all_states_whichever_is_chosen() -> None:
    for query in (Query(), Query(state=State.HELD)):
        tiles = {each.label: each.count for each in overview(FEW, query).tiles}

        assert tiles == {
            "All": 4,
            "Stalled": 1,
            "Held": 1,
            "Expiring": 0,
            "Working": 0,
            "Not known": 1,
            "Ready": 1,
        }


def test_the_tile_of_what_is_held_says_how_many_are_to_be_approved() -> None:
    held = next(each for each in overview(FEW, Query()).tiles if each.state is State.HELD)

    assert held.hint == "1 to approve"


def test_each_state_has_a_word_and_a_meaning() -> None:
    assert set(LABELS) == set(State)


def test_what_a_person_has_to_act_on_is_told_in_the_operators_words() -> None:
    page = overview(FEW, Query())

    assert page.stalled_in_all == 1
    (row,) = page.stalled
    assert (row.item.seen.name, row.condition.reason) == ("ledger", "Conflict")
    assert row.condition.message == "Send it once more, or not."
    assert overview(FEW, Query(namespace="shop")).stalled == []


def test_all_of_a_page_is_about_what_was_chosen() -> None:
    page = overview(FEW, Query(namespace="billing"))

    assert [each.item.seen.name for each in page.rows] == ["ledger", "new"]
    assert (page.cards_in_all, page.slots, page.changes) == (0, [], [])
    assert page.frame.namespaces == ["billing", "shop"]
    assert page.tiles[0].count == 2


def test_a_row_has_engine_endpoint_certificate_and_end() -> None:
    (row,) = overview(FEW, Query(text="stock")).rows

    assert (row.engine, row.endpoint) == ("PostgreSQL 14.0", "orders.pg.rds.aliyuncs.com")
    assert row.certificate is not None
    assert row.certificate.ends is not None
    assert (row.certificate.common_name, row.certificate.ends.far) == ("orders", "in 60d")
    assert (row.others, row.change) == (1, "rotation Verified")


def test_an_object_has_its_conditions_certificates_settings_and_changes() -> None:
    page = one_object(FEW, Query(), "shop", "stock")

    assert page is not None
    assert [each.reason for each, _ in page.conditions] == ["Verified", "MaterialAccepted"]
    assert len(page.certificates) == 2
    assert ("SSL", "on") in page.settings
    assert ("ACL", "verify-full") in page.settings
    assert ("Region", "cn-hangzhou") in page.facts
    assert [each.entry.request_id for each in page.changes] == ["REQ-7"]


def test_windows_and_the_next_one_are_told_of_an_object() -> None:
    window = {"schedule": "0 3 * * SAT", "duration": "2h", "timeZone": "Asia/Shanghai"}
    seen = snapshot(
        statuses.manifest("orders", statuses.settled(), maintenance={"windows": [window]})
    )

    page = one_object(seen, Query(), "shop", "orders")

    assert page is not None
    facts = dict(page.facts)
    assert facts["Windows"] == "0 3 * * SAT Asia/Shanghai"
    assert facts["Next window"] == "2026-11-27 19:00 (in 3d 16h)"


def test_an_object_that_is_not_there_has_no_page() -> None:
    assert one_object(FEW, Query(), "shop", "shop/orders") is None
    assert one_object(FEW, Query(), "", "") is None


def thousand() -> Snapshot:
    made = []
    for number in range(1000):
        status = statuses.pending() if number % 3 == 0 else statuses.settled()
        made.append(statuses.manifest(f"db-{number:04}", status, namespace=f"team-{number % 7}"))
    return snapshot(*made)


def test_a_thousand_objects_come_in_pages() -> None:
    many = thousand()

    first, last = overview(many, Query()), overview(many, Query(page=99))

    assert (len(first.rows), first.part.pages, first.part.total) == (ROWS_SHOWN, 20, 1000)
    assert (last.part.number, last.part.last) == (20, 1000)
    assert not {each.item.seen.title for each in first.rows} & {
        each.item.seen.title for each in last.rows
    }
    assert (len(first.cards), first.cards_in_all, first.restarts) == (FIRST_CARDS, 334, 334)
    assert plans(many, Query(page=2)).part.first == 21
    assert changes(many, Query()).part.total == 666
