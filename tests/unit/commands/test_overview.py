"""How objects stand, what an error of the API server means, and what a terminal is spared."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from rds_ssl.commands.error_hints import Request, explain, not_found
from rds_ssl.commands.formatting import safe, span, table
from rds_ssl.commands.leaders import leader_note
from rds_ssl.commands.overview import status_detail, status_json, status_table
from rds_ssl.commands.views import ObjectView
from rds_ssl.core.errors import (
    KubeConflict,
    KubeError,
    KubeNotFound,
    KubeRefused,
    KubeUnavailable,
)
from rds_ssl.core.lease import Lease
from support import statuses

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
PATCH = Request(server="https://api.example", verb="patch", namespace="shop", name="orders")
LIST = Request(server="https://api.example", verb="list", namespace="shop")


def seen(status: dict[str, object] | None = None) -> ObjectView:
    return ObjectView.of(statuses.manifest("orders", status))


def test_an_object_is_one_line_with_days_left_and_its_last_change() -> None:
    head, line = status_table([seen(statuses.settled())], NOW)

    columns = "NAMESPACE NAME INSTANCE ENGINE READY REASON ENDPOINT EXPIRES PENDING LAST CHANGE"
    assert " ".join(head.split()) == columns
    assert line.split() == [
        *("shop", "orders", "pgm-orders", "PostgreSQL", "True", "Verified"),
        *("orders.pg.rds.aliyuncs.com", "2027-01-23T03:00:00Z", "(60d", "left)"),
        *("-", "2026-11-20T03:00:00Z", "rotation", "Verified"),
    ]


def test_an_object_that_nobody_has_looked_at_is_a_line_too() -> None:
    line = status_table([seen()], NOW)[1]

    assert "not looked at yet" in line
    assert line.split()[:3] == ["shop", "orders", "pgm-orders"]


def test_what_has_expired_says_for_how_long() -> None:
    line = status_table([seen(statuses.settled("2026-11-22T03:00:00Z"))], NOW)[1]

    assert "(expired 2d ago)" in line


@pytest.mark.parametrize(
    ("expires", "days"),
    [("2026-11-25T02:59:59Z", 0), ("2026-11-25T03:00:00Z", 1), ("2026-11-24T02:59:59Z", -1)],
)
def test_days_left_are_whole_days(expires: str, days: int) -> None:
    assert status_json(seen(statuses.settled(expires)), NOW)["daysLeft"] == days


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (statuses.pending(), "AwaitingApproval"),
        (statuses.pending(statuses.plan(heldBy=None)), "to be sent"),
        (
            statuses.pending(statuses.plan(heldBy=None), operation=statuses.operation()),
            "under way",
        ),
        (statuses.stalled("NotConverging", statuses.plan(heldBy=None)), "NotConverging"),
    ],
)
def test_what_is_pending_says_what_holds_it(status: dict[str, object], shown: str) -> None:
    head, line = status_table([seen(status)], NOW)

    assert line[head.index("PENDING") :].startswith(shown)


def test_one_object_in_full_shows_everything_that_is_known() -> None:
    status = {
        **statuses.settled(),
        **statuses.pending(message="Because of Weakens."),
        "operation": {**statuses.operation("Failed"), "code": "InternalError"},
    }

    text = "\n".join(status_detail(seen(status), NOW))

    for told in (
        "ChangePending=True AwaitingApproval, since 2026-11-24T01:00:00Z (2h ago)",
        "Because of Weakens.",
        "CN=orders (abababababababab)",
        "CN=Clients",
        "verify-full",
        "1111222233334444",
        "clientAuthentication.acl",
        "Failed",
        "InternalError",
        "REQ-7",
        "PostgreSQL 14.0",
    ):
        assert told in text


def test_one_object_in_full_without_a_status_says_that_there_is_nothing() -> None:
    text = "\n".join(status_detail(seen(), NOW))

    assert "not since it was last changed" in text
    assert "Observed\n  -" in text


def test_the_json_of_an_object_has_every_key_whatever_there_is() -> None:
    full, bare = status_json(seen(statuses.settled()), NOW), status_json(seen(), NOW)

    assert full.keys() == bare.keys()
    told = json.loads(json.dumps(full))
    assert told["ready"] == "True"
    assert told["expires"] == "2027-01-23T03:00:00Z"
    assert told["lastChange"] == {
        "time": "2026-11-20T03:00:00Z",
        "cause": "rotation",
        "result": "Verified",
    }
    assert told["observed"]["serverCertificate"]["subject"] == "CN=orders"
    assert told["observed"]["clientCA"][0]["sha256"] == "cd" * 32
    assert bare["ready"] == "Unknown"
    assert bare["plan"] is bare["observed"] is bare["lastChange"] is None


def said(status: int, message: str) -> KubeRefused:
    return KubeRefused("short", status=status, message=message)


@pytest.mark.parametrize(
    ("error", "request_made", "told"),
    [
        (KubeConflict("", status=409), PATCH, ("changed meanwhile", "Look at it again")),
        (KubeNotFound("", status=404), PATCH, ("deleted meanwhile",)),
        (KubeNotFound("", status=404), LIST, ("kubectl apply -k crds/", "--context")),
        (KubeRefused("", status=401), LIST, ("Log in again", "https://api.example")),
        (
            KubeRefused("", status=403),
            LIST,
            ("list dbinstancessls.rds-ssl.dev in namespace shop", "role view"),
        ),
        (
            KubeRefused("", status=403),
            Request(server="", verb="list", namespace=None),
            ("in all namespaces", "-n"),
        ),
        (
            KubeRefused("", status=403),
            PATCH,
            ("patch dbinstancessls.rds-ssl.dev in namespace shop", "role edit"),
        ),
        (KubeRefused("x: HTTP 422 y", status=422), PATCH, ("HTTP 422 y",)),
        (said(403, 'x is forbidden: User "ann" cannot patch resource "x"'), PATCH, ("role edit",)),
        (
            said(403, 'x is forbidden: User "system:anonymous" cannot list resource "x"'),
            LIST,
            ("You have no credentials", "log in"),
        ),
        (
            said(403, 'users "bob" is forbidden: User "ann" cannot impersonate resource "users"'),
            PATCH,
            ("You may not act as somebody else",),
        ),
        (
            said(403, "x is forbidden: ValidatingAdmissionPolicy 'a' denied request: ask Bob"),
            PATCH,
            ("A policy of the cluster", "(403)", "denied request: ask Bob"),
        ),
        (
            said(422, "x is forbidden: ValidatingAdmissionPolicy 'a' denied request: ask Bob"),
            PATCH,
            ("A policy of the cluster", "(422)", "ask Bob"),
        ),
        (
            said(400, 'admission webhook "policy.example" denied the request: ask Bob'),
            PATCH,
            ("A policy of the cluster", "ask Bob"),
        ),
        (KubeUnavailable("no answer"), LIST, ("cannot be reached", "https://api.example")),
        (KubeUnavailable("HTTP 503", status=503), LIST, ("HTTP 503", "Try again")),
        (KubeError("odd"), LIST, ("odd",)),
    ],
)
def test_an_error_of_the_api_server_says_what_to_do(
    error: KubeError, request_made: Request, told: tuple[str, ...]
) -> None:
    text = explain(error, request_made)

    assert [each for each in told if each not in text] == []
    assert not ("A policy" in text and "It takes the role" in text)


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (["orders", "billing"], "Did you mean orders?"),
        (["billing", "stock"], "There: billing, stock."),
        ([f"db-{each}" for each in range(9)], "db-4 and 4 more."),
        ([], "none at all"),
    ],
)
def test_a_name_that_is_not_there_comes_with_those_that_are(known: list[str], told: str) -> None:
    assert told in not_found("order", "shop", known)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain → ö", "plain → ö"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("a\r\nb\tc", "a  b c"),
        ("\x9b2J\x07\x7f", "2J"),
        ("a\u202eb\u200bc", "abc"),
    ],
)
def test_what_a_terminal_would_obey_is_taken_out(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_columns_stand_below_each_other_and_nothing_is_a_dash() -> None:
    assert table(("A", "B"), [("long", "x"), ("", "y")]) == ["A     B", "long  x", "-     y"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (3_700, "1h 1m"), (86_400, "1d"), (90_061, "1d 1h")],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds: int, shown: str) -> None:
    assert span(timedelta(seconds=seconds)) == shown


def held(holder: str, renewed: datetime | None) -> Lease:
    """Give a Lease."""
    time = "" if renewed is None else renewed.isoformat()
    spec = {"holderIdentity": holder, "renewTime": time}
    return Lease.of({"metadata": {"resourceVersion": "1"}, "spec": spec})


def test_who_leads_is_told() -> None:
    assert leader_note(held("pod-1_ab", NOW - timedelta(seconds=2)), "ops", NOW) == [
        "Operator: pod-1_ab in namespace ops leads."
    ]


@pytest.mark.parametrize(
    ("holder", "age"), [("pod-1_ab", 120), ("", 1)], ids=["run out", "given up"]
)
def test_that_nobody_leads_is_told_with_since_when(holder: str, age: int) -> None:
    told = leader_note(held(holder, NOW - timedelta(seconds=age)), "ops", NOW)

    silent = "the Lease rds-ssl-operator was renewed last"
    assert told[0].startswith(f"Operator: nobody leads in namespace ops, {silent}")
    assert "Nothing is changed" in told[1]


@pytest.mark.parametrize("lease", [None, held("pod-1_ab", None)], ids=["none", "unreadable"])
def test_of_a_lease_that_tells_nothing_nothing_is_told(lease: Lease | None) -> None:
    assert leader_note(lease, "ops", NOW) == []
