"""The steps of a change as `reconcile --wait` tells them, each once."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rds_ssl.commands.progress import Steps, step
from rds_ssl.commands.views import ObjectView
from support import statuses

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
TOKEN = "2026-11-24T02:59:00Z"


def seen(status: dict[str, Any], *, handled: bool = False) -> ObjectView:
    """Give an object with a status."""
    answered = {"lastHandledReconcileAt": TOKEN} if handled else {}
    return ObjectView.of(statuses.manifest(status={**status, **answered}))


SENDING = statuses.pending(statuses.plan(heldBy=None), operation=statuses.operation("Sending"))
ACCEPTED = statuses.pending(
    statuses.plan(heldBy=None), operation={**statuses.operation(), "requestID": "REQ-1"}
)
WINDOW = statuses.pending(statuses.plan(heldBy="AwaitingWindow", notBefore="2026-11-28T19:00:00Z"))


@pytest.mark.parametrize(
    ("object_seen", "words"),
    [
        (seen(statuses.settled()), "asked for: the operator has not looked yet"),
        (seen(WINDOW), "held by AwaitingWindow, not before 2026-11-28T19:00:00Z"),
        (seen(WINDOW, handled=True), "held by AwaitingWindow, not before 2026-11-28T19:00:00Z"),
        (seen(SENDING),
         "sending: serverCertificate: orders (aaaa) → orders (bbbb). Restart: Expected."),
        (seen(ACCEPTED, handled=True),
         "accepted (request REQ-1): verifying, once the instance is back"),
        (seen(statuses.settled(), handled=True), "done: Ready=True Verified"),
        (seen(statuses.stalled("ApplyFailed"), handled=True), "stalled: Stalled=True ApplyFailed"),
    ],
)  # fmt: skip
def test_a_step_is_told_by_what_the_status_says(object_seen: ObjectView, words: str) -> None:
    assert step(object_seen, TOKEN, NOW) == words


def test_a_second_attempt_is_told_as_such() -> None:
    again = {**SENDING, "operation": {**statuses.operation("Sending"), "attempt": 2}}

    assert step(seen(again), TOKEN, NOW).startswith("sending, attempt 2: ")


def test_each_step_is_told_once_with_the_time_it_took_to_get_there() -> None:
    steps = Steps(TOKEN)
    course = [
        (seen(statuses.settled()), 0.0),
        (seen(SENDING), 1.2),
        (seen(SENDING), 1.7),
        (seen(ACCEPTED), 63.0),
        (seen(statuses.settled(), handled=True), 185.4),
    ]

    told = [line for each, elapsed in course for line in steps.new([each], elapsed, NOW)]

    title = course[0][0].title
    assert [line.split(title)[0].strip() for line in told] == ["0s", "1s", "1m 3s", "3m 5s"]
    assert [line.split(title)[1].split()[0].rstrip(":") for line in told] == [
        "asked", "sending", "accepted", "done",
    ]  # fmt: skip
    assert steps.standing == f"{title} done"


def test_nothing_of_an_object_steers_the_terminal() -> None:
    plan = statuses.plan(heldBy=None, summary="a\x1b[2Jb\nc")
    status = statuses.pending(plan, operation=statuses.operation("Sending"))

    assert step(seen(status), TOKEN, NOW) == r"sending: a\x1b[2Jb\nc"
