"""What the metrics tell of an object: ends of what is in force, conditions, what holds it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rds_ssl.core.api.status import parse_status
from rds_ssl.core.checks.figures import End, Figures, figures
from rds_ssl.core.formats import write_time
from support import statuses

Json = dict[str, Any]

DAY = timedelta(days=1)
SOON = datetime(2027, 1, 1, tzinfo=UTC)
LATER = SOON + 100 * DAY


def unix(moment: datetime) -> int:
    return int(moment.timestamp())


def of(**status: object) -> Figures:
    return figures(parse_status(status))


def shown(**observed: object) -> Json:
    return {"observed": {"enabled": True, **observed}}


def certificate(name: str, end: datetime) -> Json:
    return {"sha256": name, "subject": f"CN={name}", "notAfter": write_time(end)}


def revocation_list(issuer: str, end: datetime | None, name: str = "list") -> Json:
    made: Json = {"sha256": name, "issuer": f"CN={issuer}"}
    return made | ({"nextUpdate": write_time(end)} if end else {})


def applied(*intermediates: Json, leaf: str = "leaf") -> Json:
    state = {**statuses.STATE, "serverCertificate": leaf, "intermediates": list(intermediates)}
    return {"applied": {"time": statuses.SINCE, "state": state}}


def ends(found: Figures) -> set[tuple[str, str, int]]:
    return {(each.kind, each.refused, each.at) for each in found.ends}


def test_the_server_certificate_ends_when_what_is_in_force_does_and_not_what_is_declared() -> None:
    found = of(
        **shown(serverCertificate=certificate("leaf", SOON), expireTime=write_time(LATER)),
        plan=statuses.plan(),
    )

    assert found.ends == (End("server_certificate", "all", unix(SOON)),)


def test_a_certificate_that_is_not_shown_ends_at_the_time_that_rds_tells() -> None:
    found = of(**shown(expireTime=write_time(SOON)))

    assert ends(found) == {("server_certificate", "all", unix(SOON))}


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({}, id="never looked at"),
        pytest.param({"observed": {"enabled": False, "expireTime": write_time(SOON)}}, id="off"),
        pytest.param(shown(), id="nothing is shown"),
        pytest.param(shown(expireTime="9999-12-31T23:59:59Z"), id="its date cannot be read"),
    ],
)
def test_what_is_not_in_force_or_not_known_has_no_end(status: Json) -> None:
    assert of(**status).ends == ()


def test_of_several_client_cas_the_first_refuses_some_and_the_last_all() -> None:
    cas = [certificate("a", LATER), certificate("b", SOON), certificate("c", SOON + DAY)]

    found = of(**shown(clientCA=cas))

    assert ends(found) == {
        ("client_ca", "some", unix(SOON)),
        ("client_ca", "all", unix(LATER)),
    }


def test_of_several_lists_of_a_ca_the_last_counts_and_one_without_an_end_has_none() -> None:
    one = certificate("a", LATER)
    lists = [revocation_list("a", SOON), revocation_list("A", SOON + DAY, "newer")]

    assert ("revocation_list", "all", unix(SOON + DAY)) in ends(
        of(**shown(clientCA=[one], revocationList=lists))
    )
    endless = [*lists, revocation_list("a", None, "endless")]
    assert {each.kind for each in of(**shown(clientCA=[one], revocationList=endless)).ends} == {
        "client_ca"
    }


def test_a_list_refuses_some_where_another_ca_lives_on_and_nobody_where_its_own_does_not() -> None:
    cas = [certificate("a", LATER), certificate("b", SOON)]

    both = of(**shown(clientCA=cas, revocationList=[revocation_list("a", SOON - DAY)]))
    last = of(**shown(clientCA=cas, revocationList=[revocation_list("a", SOON + DAY)]))
    outlives = of(**shown(clientCA=cas, revocationList=[revocation_list("b", SOON + DAY)]))

    assert ("revocation_list", "some", unix(SOON - DAY)) in ends(both)
    assert ("revocation_list", "all", unix(SOON + DAY)) in ends(last)
    assert {each.kind for each in outlives.ends} == {"client_ca"}


def test_a_list_that_is_left_of_a_client_ca_that_is_gone_ends_nothing() -> None:
    found = of(**shown(clientCA=[], revocationList=[revocation_list("a", SOON)]))

    assert found.ends == ()


def test_intermediates_count_while_their_certificate_is_in_force() -> None:
    chain = certificate("issuer", LATER), certificate("cross", SOON)
    leaf = shown(serverCertificate=certificate("leaf", LATER))

    known = of(**leaf, **applied(*chain))
    elsewhere = of(**leaf, **applied(*chain, leaf="another"))

    assert ends(known) == {
        ("server_certificate", "all", unix(LATER)),
        ("intermediate", "all", unix(LATER)),
        ("intermediate", "some", unix(SOON)),
    }
    assert {each.kind for each in elsewhere.ends} == {"server_certificate"}


def test_conditions_are_those_of_this_operator_with_its_reasons() -> None:
    found = of(
        conditions=[
            statuses.condition("Ready", "False", "Invented", ""),
            statuses.condition("Stalled", "True", "Conflict", ""),
            statuses.condition("Synced", "True", "Foreign", ""),
        ]
    )

    assert found.conditions == (("Ready", "False", "Other"), ("Stalled", "True", "Conflict"))
    assert found.ready == ("False", "Other")
    assert of().ready == ("Unknown", "Pending")
    assert of().conditions == ()


def test_a_held_plan_and_newer_material_beside_it_are_told_with_their_beginning() -> None:
    rotation = statuses.plan(heldBy="AwaitingWindow", since=None)

    found = of(plan=statuses.plan(), rotation=rotation)
    free = of(plan=statuses.plan(heldBy=None))

    since = unix(datetime.fromisoformat(statuses.SINCE))
    assert [(each.plan, each.held_by, each.restart, each.since) for each in found.held] == [
        ("declared", "AwaitingApproval", "Expected", since),
        ("rotation", "AwaitingWindow", "Expected", None),
    ]
    assert free.held == ()


@pytest.mark.parametrize(
    ("status", "at_rest"),
    [
        ({"conditions": [statuses.condition("Ready", "True", "Verified", "")]}, True),
        ({"conditions": [statuses.condition("Ready", "Unknown", "ApiUnavailable", "")]}, False),
        (
            {
                "conditions": [
                    statuses.condition("Ready", "True", "Verified", ""),
                    statuses.condition("CertificateExpiring", "True", "CertificateExpiring", ""),
                ]
            },
            False,
        ),
        (
            {
                "conditions": [
                    statuses.condition("Ready", "True", "Verified", ""),
                    statuses.condition("MaterialReady", "False", "SecretNotFound", ""),
                ]
            },
            False,
        ),
        (
            {
                "conditions": [statuses.condition("Ready", "True", "Verified", "")],
                "plan": statuses.plan(),
            },
            False,
        ),
        ({}, False),
    ],
)
def test_at_rest_is_what_nobody_needs_to_look_at(status: Json, *, at_rest: bool) -> None:
    assert of(**status).at_rest is at_rest
