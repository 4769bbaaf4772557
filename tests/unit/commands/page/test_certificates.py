"""What ends when of what is in force, as far as a status tells."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rds_ssl.commands.page.certificates import Kind, Life, certificates_of, common_name, life
from rds_ssl.commands.page.items import Item
from support import statuses

Json = dict[str, Any]

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
LEAF = "ab" * 32
INTERMEDIATE = {
    "sha256": "ef" * 32,
    "subject": "CN=Issuing 3,O=Shop\\, Ltd",
    "issuer": "CN=Shop root",
    "notAfter": "2030-01-01T00:00:00Z",
}


def item(status: Json) -> Item:
    return Item.of(statuses.manifest("orders", status))


def applied(**state: object) -> Json:
    return {"state": {**statuses.STATE, **state}, "time": statuses.SINCE}


def test_the_chain_is_read_from_the_leaf_up_and_then_those_who_may_log_in() -> None:
    status = statuses.settled(applied=applied(serverCertificate=LEAF, intermediates=[INTERMEDIATE]))
    status["observed"]["revocationList"] = [
        {"sha256": "11" * 32, "issuer": "CN=Clients", "revokedCount": 3}
    ]

    found = certificates_of(item(status), NOW)

    assert [(each.kind, each.common_name) for each in found] == [
        (Kind.SERVER, "orders"),
        (Kind.INTERMEDIATE, "Issuing 3"),
        (Kind.CLIENT_CA, "Clients"),
        (Kind.REVOCATION_LIST, "Clients"),
    ]
    leaf, _, _, revoked = found
    assert (leaf.issuer, leaf.names) == ("CN=Shop root", ("orders.pg.rds.aliyuncs.com",))
    assert leaf.fingerprint == ":".join(["AB"] * 32)
    assert (revoked.note, revoked.ends, revoked.life) == ("3 revoked", None, Life.UNTOLD)


def test_intermediates_of_an_earlier_certificate_are_not_taken_for_those_in_force() -> None:
    status = statuses.settled(
        applied=applied(serverCertificate="99" * 32, intermediates=[INTERMEDIATE])
    )

    assert Kind.INTERMEDIATE not in {each.kind for each in certificates_of(item(status), NOW)}


def test_of_a_certificate_that_rds_does_not_show_there_is_its_end_and_what_was_applied() -> None:
    status = statuses.settled(
        applied={
            **applied(serverCertificate=LEAF, intermediates=[INTERMEDIATE]),
            "expireTime": "2027-01-23T03:00:00Z",
        }
    )
    del status["observed"]["serverCertificate"]

    server, intermediate, *_ = certificates_of(item(status), NOW)

    assert (server.subject, server.sha256) == ("A certificate of your own", LEAF)
    assert server.ends is not None
    assert server.ends.iso == "2027-01-23T03:00:00Z"
    assert intermediate.sha256 == INTERMEDIATE["sha256"]


def test_nothing_ends_while_ssl_is_off_or_nobody_has_looked() -> None:
    off = statuses.settled(observed={"enabled": False, "expireTime": "2027-01-23T03:00:00Z"})

    assert certificates_of(item(off), NOW) == []
    assert certificates_of(Item.of(statuses.manifest()), NOW) == []


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("start", "end", "warned", "expected"),
    [
        (None, None, True, Life.UNTOLD),
        (NOW - 90 * DAY, NOW, False, Life.ENDED),
        (NOW - 300 * DAY, NOW + 30 * DAY, False, Life.SOON),
        (NOW - 300 * DAY, NOW + 31 * DAY, False, Life.GOOD),
        (NOW - 70 * DAY, NOW + 20 * DAY, False, Life.GOOD),
        (NOW - 72 * DAY, NOW + 18 * DAY, False, Life.SOON),
        (None, NOW + 20 * DAY, False, Life.GOOD),
        (None, NOW + 20 * DAY, True, Life.SOON),
        (None, NOW + 40 * DAY, True, Life.GOOD),
    ],
)
def test_soon_is_thirty_days_or_a_fifth_of_the_life_or_what_the_operator_says(
    start: datetime | None,
    end: datetime | None,
    warned: bool,  # noqa: FBT001  # A column of the table.
    expected: Life,
) -> None:
    assert life(start, end, NOW, warned=warned) is expected


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("CN=orders,O=Shop", "orders"),
        ("O=Shop,cn=orders", "orders"),
        ("CN=a\\,b,O=Shop", "a,b"),
        ("O=Shop+CN=orders", "orders"),
        ("O=Shop", "O=Shop"),
        ("", ""),
        ("CN=", "CN="),
    ],
)
def test_a_name_is_called_by_its_common_name(subject: str, name: str) -> None:
    assert common_name(subject) == name
