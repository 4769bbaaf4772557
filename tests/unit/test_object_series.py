"""The series of single objects: their text, their bound, and the loop's turns in between."""

import asyncio
from collections.abc import Sequence

from prometheus_client.parser import text_string_to_metric_families

from rds_ssl.core.checks.figures import End, Figures, Held
from rds_ssl.object_series import Entry, object_series

RESTING = Figures(
    ready=("True", "Verified"),
    conditions=(("Ready", "True", "Verified"),),
    ends=(End("server_certificate", "all", 1_800_000_000),),
    held=(),
)
HELD = Figures(
    ready=("False", "AwaitingApproval"),
    conditions=(("Ready", "False", "AwaitingApproval"),),
    ends=(),
    held=(
        Held("declared", "AwaitingApproval", "Expected", 1_700_000_000),
        Held("rotation", "AwaitingWindow", "Unknown", None),
    ),
)
LEFT_OUT = ("rds_ssl_objects_without_series", ())

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def entry(name: str, figures: Figures = RESTING) -> Entry:
    return ("shop", name), f"pgm-{name}", figures


def series(entries: Sequence[Entry], *, most: int = 100) -> Series:
    text = asyncio.run(object_series(entries, most=most)).decode()
    return {
        (sample.name, tuple(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def named(found: Series) -> list[str]:
    return sorted({dict(labels)["object_name"] for _, labels in found if labels})


def test_an_object_has_its_conditions_its_ends_and_what_holds_it() -> None:
    found = series([entry("a"), entry("b", HELD)])

    a = (("object_namespace", "shop"), ("object_name", "a"), ("instance_id", "pgm-a"))
    b = (("object_namespace", "shop"), ("object_name", "b"), ("instance_id", "pgm-b"))
    ready = ("type", "Ready")
    waits = (("status", "False"), ("reason", "AwaitingApproval"))
    held = (("plan", "declared"), ("held_by", "AwaitingApproval"), ("restart", "Expected"))
    assert found == {
        ("rds_ssl_condition", (*a, ready, ("status", "True"), ("reason", "Verified"))): 1,
        ("rds_ssl_condition", (*b, ready, *waits)): 1,
        (
            "rds_ssl_expiry_timestamp_seconds",
            (*a, ("kind", "server_certificate"), ("refused", "all")),
        ): 1_800_000_000,
        ("rds_ssl_plan_held_since_timestamp_seconds", (*b, *held)): 1_700_000_000,
        LEFT_OUT: 0,
    }


def test_beyond_the_bound_those_go_first_that_somebody_may_have_to_look_at() -> None:
    entries = [entry("a"), entry("b"), entry("c", HELD)]

    two, none = series(entries, most=2), series(entries, most=0)

    assert (named(two), two[LEFT_OUT]) == (["a", "c"], 1)
    assert none == {}


def test_what_an_object_is_called_cannot_break_out_of_its_label() -> None:
    odd = 'a"} 1\nrds_ssl_leader{shard="1/1"} 0\\'

    found = series([(("shop", "a"), odd, RESTING), (("shop", "b"), "x" * 5000, RESTING)])

    ids = {dict(labels)["instance_id"] for _, labels in found if labels}
    assert ids == {odd, "x" * 300}
    assert {name for name, _ in found} == {
        "rds_ssl_condition",
        "rds_ssl_expiry_timestamp_seconds",
        "rds_ssl_objects_without_series",
    }


def test_others_get_their_turn_while_the_text_is_made() -> None:
    entries = [entry(str(number)) for number in range(1000)]

    async def turns() -> int:
        made = asyncio.create_task(object_series(entries, most=1000))
        count = 0
        while not made.done():
            await asyncio.sleep(0)
            count += 1
        return count

    assert asyncio.run(turns()) >= 10
