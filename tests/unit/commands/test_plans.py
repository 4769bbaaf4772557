"""What is pending: who waits for whom, how many restarts when, and one plan in full."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rds_ssl.commands.plans import plan_detail, plan_details, plan_json, plan_table, totals, way_out
from rds_ssl.commands.views import ObjectView, Pending, pending_of, why_not_approvable
from rds_ssl.core.api import spec as declaration
from rds_ssl.core.gates import gate
from rds_ssl.core.model import Cause, Impact, Observed, Reason, Restart
from rds_ssl.core.planning.plan import Plan
from rds_ssl.core.windows import opening
from support import statuses

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
TONIGHT = "2026-11-24T19:00:00Z"
DRIFT = Plan(
    digest="1111222233334444",
    to="to",
    cause=Cause.DRIFT,
    steps=(),
    changes=(),
    impacts=(Impact.RESTART,),
    restart=Restart.EXPECTED,
    material_only=False,
    first_contact=False,
    drift=True,
)


def seen(status: dict[str, Any] | None = None, name: str = "orders") -> ObjectView:
    return ObjectView.of(statuses.manifest(name, status))


def pending(name: str = "orders", /, *, message: str = "It waits.", **fields: object) -> Pending:
    made = Pending.of(seen(statuses.pending(statuses.plan(**fields), message=message), name))
    assert made is not None
    return made


def stalled(reason: str) -> Pending:
    made = Pending.of(seen(statuses.stalled(reason, statuses.plan(heldBy=reason))))
    assert made is not None
    return made


def openings(*all_pending: Pending) -> list[tuple[str, str, str]]:
    lines = totals(all_pending, NOW)
    rows = lines[1 : lines.index("")]
    return [(row.split()[0], row.split()[1], " ".join(row.split()[2:])) for row in rows]


def test_an_object_without_a_plan_is_not_pending() -> None:
    assert pending_of([seen(), seen(statuses.settled())]) == []


def test_a_plan_is_one_line_with_all_that_is_asked_for() -> None:
    head, line = plan_table([pending(notBefore=TONIGHT)])

    columns = "NAMESPACE NAME INSTANCE CAUSE HELD BY IMPACTS RESTART NOT BEFORE DIGEST"
    assert " ".join(head.split()) == columns
    assert line.split() == [
        *("shop", "orders", "pgm-orders", "spec", "AwaitingApproval", "Restart,Weakens"),
        *("Expected", TONIGHT, "1111222233334444"),
    ]


@pytest.mark.parametrize(
    ("fields", "waits"),
    [
        ({"heldBy": "AwaitingApproval"}, True),
        ({"heldBy": "AwaitingApproval", "notBefore": TONIGHT}, True),
        ({"heldBy": "Suspended"}, True),
        ({"heldBy": "Observing"}, True),
        ({"heldBy": "Drifted"}, True),
        ({"heldBy": "Drifted", "notBefore": TONIGHT}, False),
        ({"heldBy": "ChangeLimitReached", "notBefore": TONIGHT}, False),
        ({"heldBy": "AwaitingWindow", "notBefore": TONIGHT}, False),
        ({"heldBy": "AwaitingWindow"}, True),
        ({"heldBy": "AwaitingBudget"}, False),
        ({"heldBy": "QuietPeriod"}, False),
        ({"heldBy": None}, False),
        ({"heldBy": "AReasonOfALaterVersion"}, True),
    ],
)
def test_a_plan_waits_for_a_person_unless_it_goes_by_itself(
    fields: dict[str, Any], *, waits: bool
) -> None:
    assert pending(**fields).waits_for_person is waits


@pytest.mark.parametrize(
    ("policy", "windows", "waits"),
    [
        ("Correct", False, False),
        ("Correct", True, False),
        ("Report", False, True),
        ("Report", True, True),
    ],
)
def test_a_drift_waits_for_a_person_if_the_gate_only_reports_it(
    policy: str, *, windows: bool, waits: bool
) -> None:
    window = {"schedule": "0 19 * * *", "duration": "2h"}
    spec = {"maintenance": {"windows": [window]}} if windows else {}
    declared = declaration.parse_spec(
        {"instanceID": "pgm-1", "regionID": "cn-hangzhou", "driftPolicy": policy, **spec}
    )
    opens = opening(declared.maintenance, "", now=NOW) if windows else None
    at = gate.Circumstances(now=NOW, seen_since=NOW, opening=opens)

    hold = gate.gate(DRIFT, declared, Observed(enabled=True), at)

    assert hold is not None
    until = gate.not_before(DRIFT, declared, at, hold)
    found = pending(
        heldBy=hold.reason.value,
        message=hold.message,
        notBefore=until.isoformat() if until else None,
    )
    assert found.waits_for_person is waits


def test_restarts_are_counted_by_the_time_at_which_they_may_start() -> None:
    two_steps = [{"changes": statuses.CHANGES}, {"changes": []}]
    sent = seen(statuses.pending(statuses.plan(heldBy=None), operation=statuses.operation()))

    told = openings(
        pending("a", heldBy="AwaitingWindow", notBefore=TONIGHT),
        pending("b", heldBy="AwaitingWindow", notBefore=TONIGHT, steps=two_steps),
        pending("c", heldBy="AwaitingWindow", notBefore="2026-11-26T19:00:00Z"),
        pending("d", heldBy="AwaitingBudget", restart="Unknown"),
        pending("e", heldBy="AwaitingBudget", restart="None"),
        pending("f"),
        pending("g", heldBy="Suspended"),
        pending("h", notBefore=TONIGHT),
        *pending_of([sent]),
    )

    assert told == [
        ("1", "1", "under way already"),
        ("1", "2", "now"),
        ("3", "2", f"{TONIGHT} (in 16h)"),
        ("1", "1", "2026-11-26T19:00:00Z (in 2d 16h)"),
        ("2", "2", "as soon as a person lets them go"),
        ("1", "1", f"{TONIGHT} (in 16h), if a person lets them go before"),
    ]


def test_the_totals_say_how_many_restarts_there_are_and_how_many_plans_wait() -> None:
    last = totals([pending("a"), pending("b", heldBy="Suspended"), pending(heldBy=None)], NOW)[-1]

    assert last == (
        "In all: 3 plans, at most 3 restarts. Waiting for a person: 2. To be approved: 1."
    )


def test_a_time_that_is_over_is_now() -> None:
    assert openings(pending(heldBy="AwaitingWindow", notBefore=statuses.SINCE)) == [
        ("1", "1", "now")
    ]


@pytest.mark.parametrize(
    "reason",
    [
        "AwaitingApproval",
        "Drifted",
        "ChangeLimitReached",
        "NotConverging",
        "ApplyTimedOut",
        "ApplyFailed",
    ],
)
def test_what_an_approval_lets_go_can_be_approved(reason: str) -> None:
    held = reason in {"NotConverging", "ApplyTimedOut", "ApplyFailed"}
    found = stalled(reason) if held else pending(heldBy=reason)

    assert why_not_approvable(found, found.seen, "") is None
    assert f"rds-ssl approve -n shop orders --digest {found.plan.digest}" in way_out(found)


@pytest.mark.parametrize("reason", ["Suspended", "Observing", "AwaitingWindow", "QuietPeriod"])
def test_what_waits_for_something_else_is_not_approved_and_it_says_for_what(reason: str) -> None:
    found = pending(heldBy=reason)

    assert reason in (why_not_approvable(found, found.seen, "") or "")
    assert "approve" not in way_out(found)


def test_a_plan_that_was_stalled_for_another_reason_is_not_approved() -> None:
    found = Pending.of(seen(statuses.stalled("CredentialsInvalid", statuses.plan(heldBy=None))))

    assert found is not None
    assert "CredentialsInvalid" in (why_not_approvable(found, found.seen, "") or "")


def test_without_a_plan_there_is_nothing_to_approve_and_it_says_what_is_wrong() -> None:
    found = seen(statuses.stalled("CredentialsInvalid"))

    told = why_not_approvable(None, found, "") or ""

    assert "no plan" in told
    assert "CredentialsInvalid" in told


def test_another_plan_than_the_one_that_is_meant_is_not_approved() -> None:
    found = pending()

    told = why_not_approvable(found, found.seen, "5555666677778888") or ""

    assert "1111222233334444, not 5555666677778888" in told


def test_a_plan_of_an_older_generation_is_not_approved() -> None:
    found = pending()

    edited = replace(found.seen, generation=2)

    assert "changed after" in (why_not_approvable(found, edited, "") or "")


@pytest.mark.parametrize("where", ["lastApproval", "history"])
def test_an_approval_that_was_spent_is_not_given_a_second_time(where: str) -> None:
    digest = statuses.plan()["digest"]
    spent = {
        "lastApproval": {"digest": digest, "to": "t", "time": statuses.SINCE},
        "history": [
            {
                "time": statuses.SINCE,
                "cause": "spec",
                "changes": "",
                "result": "Failed",
                "approval": digest,
            }
        ],
    }
    found = seen(statuses.pending(**{where: spent[where]}))

    assert "spent" in (why_not_approvable(Pending.of(found), found, "") or "")


def test_a_plan_in_full_shows_each_step_and_what_holds_it_and_what_lets_it_go() -> None:
    steps = [{"changes": statuses.CHANGES[:1]}, {"changes": statuses.CHANGES[1:]}]

    text = "\n".join(plan_detail(pending(steps=steps, message="Because of Weakens."), NOW))

    assert "Step 1 of 2" in text
    assert "serverCertificate  orders (aaaa)  orders (bbbb)" in text
    assert "Step 2 of 2" in text
    assert "clientAuthentication.acl  verify-ca  prefer" in text
    assert "Restart, Weakens" in text
    assert "Expected, at most 2 times" in text
    assert "AwaitingApproval, since 2026-11-24T01:00:00Z (2h ago)" in text
    assert "Because of Weakens." in text
    assert "rds-ssl approve -n shop orders --digest 1111222233334444" in text


def test_every_reason_that_holds_a_plan_has_a_way_out() -> None:
    holds = [Reason.AWAITING_APPROVAL, Reason.AWAITING_WINDOW, Reason.CHANGE_LIMIT_REACHED]
    holds += [Reason.AWAITING_BUDGET, Reason.QUIET_PERIOD, Reason.OBSERVING, Reason.SUSPENDED]
    holds += [Reason.DRIFTED, Reason.APPLY_FAILED, Reason.NOT_CONVERGING, Reason.APPLY_TIMED_OUT]

    without = [each for each in holds if "message" in way_out(pending(heldBy=each.value))]

    assert without == []


def test_the_json_of_a_plan_has_every_key_whatever_there_is() -> None:
    full = plan_json(pending(notBefore=TONIGHT))
    bare = plan_json(
        pending(heldBy=None, since=None, cause=None, steps=None, impacts=None, message="")
    )

    assert full.keys() == bare.keys()
    assert json.loads(json.dumps(full)) == {
        "namespace": "shop",
        "name": "orders",
        "instance": "pgm-orders",
        "digest": "1111222233334444",
        "cause": "spec",
        "summary": statuses.plan()["summary"],
        "steps": [{"changes": statuses.CHANGES}],
        "impacts": ["Restart", "Weakens"],
        "restart": "Expected",
        "restarts": 1,
        "heldBy": "AwaitingApproval",
        "message": "It waits.",
        "since": statuses.SINCE,
        "notBefore": TONIGHT,
        "waitsForPerson": True,
        "approvable": True,
        "underWay": False,
        "upToDate": True,
    }
    assert bare["heldBy"] is bare["since"] is bare["notBefore"] is bare["cause"] is None


def test_text_of_the_cluster_cannot_steer_the_terminal() -> None:
    evil = "\x1b[2J\x9b31mred\r\n\u202edesrever"
    found = pending(
        evil, message=evil, steps=[{"changes": [{"field": evil, "from": evil, "to": evil}]}]
    )

    lines = [*plan_detail(found, NOW), *plan_table([found]), json.dumps(plan_json(found))]

    assert all(line.isprintable() for line in lines)


def test_a_long_wait_is_told_in_days() -> None:
    far = (NOW + timedelta(days=3, hours=4, minutes=5)).isoformat()

    assert "(in 3d 4h)" in openings(pending(heldBy="AwaitingWindow", notBefore=far))[0][2]


def test_newer_material_that_goes_ahead_is_a_plan_of_its_own() -> None:
    ahead = statuses.plan(
        "5555666677778888", cause="rotation", heldBy="AwaitingWindow", notBefore=TONIGHT
    )
    found = seen(statuses.pending(statuses.plan(), rotation=ahead))

    edit, material = pending_of([found])

    assert [each.reason for each in (edit, material)] == ["AwaitingApproval", "AwaitingWindow"]
    assert (edit.approvable, material.approvable) == (True, False)
    assert [plan_json(each)["digest"] for each in (edit, material)] == [
        "1111222233334444",
        "5555666677778888",
    ]
    text = "\n".join(plan_details([edit, material], NOW))
    assert text.index("1111222233334444") < text.index("Newer material, which goes ahead of it")
    assert "5555666677778888" in text.partition("goes ahead of it")[2]


def test_newer_material_on_its_way_is_under_way_while_the_edit_waits() -> None:
    ahead = statuses.plan("5555666677778888", heldBy=None)
    sent = seen(statuses.pending(rotation=ahead, operation=statuses.operation()))

    edit, material = pending_of([sent])

    assert (edit.under_way, material.under_way) == (False, True)
