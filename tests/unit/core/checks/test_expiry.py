from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from rds_ssl.core.api.states import IntermediateStatus
from rds_ssl.core.checks.expiry import expiry, next_expiry_change
from rds_ssl.core.model import CAType, CertificateFacts, Observed, Reason, RevocationListFacts
from rds_ssl.core.outcomes import expiring

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
AGO = NOW - 60 * DAY
YESTERDAY = NOW - DAY
TOMORROW = NOW + DAY
LATER = NOW + 60 * DAY


def certificate(name: str, start: datetime, end: datetime) -> CertificateFacts:
    subject = f"CN={name}"
    return CertificateFacts(
        sha256=name,
        subject=subject,
        issuer=subject,
        dns_names=(),
        not_before=start,
        not_after=end,
    )


LASTING = certificate("lasting", AGO, NOW + 3650 * DAY)


def shown(
    server: CertificateFacts | None = None,
    *,
    client_ca: Sequence[CertificateFacts] = (),
    revocation_list: Sequence[RevocationListFacts] = (),
) -> Observed:
    return Observed(
        enabled=True,
        server_certificate=server,
        # A list without a client CA is not in force.
        client_ca=tuple(client_ca) or ((LASTING,) if revocation_list else ()),
        revocation_list=tuple(revocation_list),
        expire_time=server.not_after if server else None,
    )


def crl(
    issuer: str = "A",
    number: int = 1,
    *,
    end: datetime | None,
) -> RevocationListFacts:
    return RevocationListFacts(
        sha256=f"{issuer} {number}",
        issuer=f"CN={issuer}",
        number=number,
        this_update=AGO,
        next_update=end,
        serials=frozenset(),
    )


@pytest.mark.parametrize(
    ("lifetime", "left", "reason"),
    [
        pytest.param(365, 31, None, id="a year, not within 30 days"),
        pytest.param(365, 30, Reason.CERTIFICATE_EXPIRING, id="a year, 30 days left"),
        pytest.param(90, 19, None, id="90 days, not within a fifth"),
        pytest.param(90, 18, Reason.CERTIFICATE_EXPIRING, id="90 days, a fifth left"),
        pytest.param(1, 0.5, None, id="a day, half of it left"),
        pytest.param(1, 0.1, Reason.CERTIFICATE_EXPIRING, id="a day, a tenth left"),
        pytest.param(365, 0, Reason.CERTIFICATE_EXPIRED, id="the end"),
        pytest.param(365, -9, Reason.CERTIFICATE_EXPIRED, id="past the end"),
    ],
)
def test_the_warning_period_is_the_smaller_of_setting_and_a_fifth_of_the_life(
    lifetime: float, left: float, reason: Reason | None
) -> None:
    end = NOW + left * DAY
    found = expiry(shown(certificate("db", end - lifetime * DAY, end)), now=NOW)

    assert [one.reason for one in found] == ([] if reason is None else [reason])
    assert [one.at for one in found] == ([] if reason is None else [end])


def test_the_setting_shortens_the_warning_period() -> None:
    facts = certificate("db", NOW - 300 * DAY, NOW + 20 * DAY)

    assert expiry(shown(facts), now=NOW, warning=7 * DAY) == ()


def test_the_text_names_object_and_date_and_stays_the_same() -> None:
    facts = certificate("db", AGO, NOW + DAY)

    (first,) = expiry(shown(facts), now=NOW)
    (second,) = expiry(shown(facts), now=NOW + timedelta(hours=20))

    assert first == second
    assert first.message.startswith("The server certificate CN=db expires at 2026-11-25T12:00:00Z;")


def test_an_expired_ca_beside_a_valid_one_is_only_a_warning() -> None:
    old, new = certificate("old", AGO, YESTERDAY), certificate("new", AGO, NOW + 999 * DAY)

    (found,) = expiry(shown(client_ca=[old, new]), now=NOW)

    assert found.reason is Reason.CERTIFICATE_EXPIRING
    assert found.message.startswith("The client CA CN=old expired at")


def test_when_the_last_ca_has_expired_the_bundle_has() -> None:
    bundle = [certificate("a", AGO, AGO + DAY), certificate("b", AGO, YESTERDAY)]

    first, second = expiry(shown(client_ca=bundle), now=NOW)

    assert (first.reason, first.at) == (Reason.CERTIFICATE_EXPIRED, YESTERDAY)
    assert second.reason is Reason.CERTIFICATE_EXPIRING


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        pytest.param([crl(end=YESTERDAY)], [Reason.CERTIFICATE_EXPIRED], id="expired"),
        pytest.param([crl(end=TOMORROW)], [Reason.CERTIFICATE_EXPIRING], id="expires tomorrow"),
        pytest.param([crl(end=None)], [], id="without nextUpdate"),
        pytest.param([crl(end=YESTERDAY), crl(number=2, end=LATER)], [], id="a newer one beside"),
        pytest.param([crl(end=YESTERDAY), crl(number=2, end=None)], [], id="an endless one beside"),
        pytest.param(
            [crl(end=YESTERDAY), crl("B", end=LATER)],
            [Reason.CERTIFICATE_EXPIRED],
            id="a newer one of another CA",
        ),
    ],
)
def test_a_revocation_list_expires_unless_another_stands_in(
    lists: list[RevocationListFacts], expected: list[Reason]
) -> None:
    found = expiry(shown(revocation_list=lists), now=NOW)

    assert [one.reason for one in found] == expected


def test_what_has_expired_comes_first_then_what_expires_next() -> None:
    found = expiry(
        shown(
            certificate("db", AGO, NOW + 2 * DAY),
            client_ca=[certificate("ca", AGO, NOW + DAY)],
            revocation_list=[crl(end=YESTERDAY)],
        ),
        now=NOW,
    )

    assert [one.at for one in found] == [YESTERDAY, NOW + DAY, NOW + 2 * DAY]


def test_the_next_change_is_told_for_the_timer() -> None:
    facts = certificate("db", NOW - 70 * DAY, NOW + 30 * DAY)
    warns = NOW + 10 * DAY

    assert next_expiry_change(shown(facts), now=NOW) == warns
    assert next_expiry_change(shown(facts), now=warns) == facts.not_after
    assert next_expiry_change(shown(facts), now=facts.not_after) is None
    assert next_expiry_change(shown(), now=NOW) is None


@pytest.mark.parametrize(
    ("ca_type", "left", "warning", "reason"),
    [
        pytest.param(None, 31, 30, None, id="not within the warning period"),
        pytest.param(None, 30, 30, Reason.CERTIFICATE_EXPIRING, id="within it"),
        pytest.param(None, 0, 30, Reason.CERTIFICATE_EXPIRED, id="the end"),
        pytest.param(None, 200, 300, Reason.CERTIFICATE_EXPIRING, id="nobody knows how long"),
        pytest.param(CAType.CUSTOM, 200, 300, Reason.CERTIFICATE_EXPIRING, id="nor of an own one"),
        pytest.param(CAType.ALIYUN, 200, 300, None, id="the vendor's lives a year"),
        pytest.param(CAType.ALIYUN, 73, 300, Reason.CERTIFICATE_EXPIRING, id="a fifth of it"),
    ],
)
def test_a_certificate_that_is_not_echoed_ends_at_the_time_that_is(
    ca_type: CAType | None, left: int, warning: int, reason: Reason | None
) -> None:
    end = NOW + left * DAY
    observed = Observed(enabled=True, ca_type=ca_type, expire_time=end)

    found = expiry(observed, now=NOW, warning=warning * DAY)

    assert [one.reason for one in found] == ([] if reason is None else [reason])
    assert all(one.message.startswith("The server certificate expire") for one in found)


def test_the_next_change_of_a_certificate_that_is_not_echoed_is_told() -> None:
    observed = Observed(enabled=True, expire_time=LATER)

    assert next_expiry_change(observed, now=NOW) == LATER - 30 * DAY
    assert next_expiry_change(observed, now=LATER - 30 * DAY) == LATER


def test_a_certificate_that_is_echoed_is_told_of_once() -> None:
    (found,) = expiry(shown(certificate("db", AGO, TOMORROW)), now=NOW)

    assert "CN=db" in found.message


def test_with_ssl_off_nothing_expires() -> None:
    observed = Observed(enabled=False, expire_time=YESTERDAY)

    assert expiry(observed, now=NOW) == ()
    assert next_expiry_change(observed, now=NOW) is None


def test_each_ca_and_each_list_is_told_of() -> None:
    found = expiry(
        shown(
            client_ca=[certificate("a", AGO, TOMORROW), certificate("b", AGO, NOW + 2 * DAY)],
            revocation_list=[crl(end=TOMORROW), crl("B", end=NOW + 3 * DAY)],
        ),
        now=NOW,
    )

    assert [one.message.split(" expires")[0] for one in found] == [
        "The client CA CN=a",
        "The revocation list of CN=A",
        "The client CA CN=b",
        "The revocation list of CN=B",
    ]


def test_a_hundred_of_them_still_fit_into_a_condition() -> None:
    bundle = [certificate("x" * 300 + str(n), AGO, TOMORROW) for n in range(100)]

    warning = expiring(shown(client_ca=bundle), expiry(shown(client_ca=bundle), now=NOW))

    assert warning is not None
    assert warning.message.endswith(" And 90 more.")
    assert warning.message.count("The client CA") == 10
    assert len(warning.message) < 32_768


def intermediate(name: str, end: datetime, issuer: str = "root") -> IntermediateStatus:
    return IntermediateStatus(
        sha256=f"{name} {end}", subject=f"CN={name}", issuer=f"CN={issuer}", not_after=end
    )


SERVER = certificate("a", AGO, LATER)
REFUSE = "clients that verify it refuse it from then on"
NEAR, FAR = (f"The intermediate CN={each} of the server certificate" for each in ("near", "far"))


def told(*intermediates: IntermediateStatus) -> list[tuple[Reason, str]]:
    found = expiry(shown(SERVER), now=NOW, intermediates=intermediates)
    return [(each.reason, each.message) for each in found]


def test_the_intermediate_next_to_the_certificate_ends_what_clients_accept() -> None:
    assert told(intermediate("near", YESTERDAY), intermediate("far", LATER)) == [
        (
            Reason.CERTIFICATE_EXPIRED,
            f"{NEAR} expired at 2026-11-23T12:00:00Z; {REFUSE}.",
        )
    ]


def test_an_intermediate_further_up_that_ended_is_a_warning() -> None:
    # A cross-signed root outlived by the root itself: most clients never look at it.
    assert told(intermediate("near", LATER), intermediate("far", YESTERDAY)) == [
        (
            Reason.CERTIFICATE_EXPIRING,
            f"{FAR} expired at 2026-11-23T12:00:00Z; some {REFUSE}.",
        )
    ]


def test_an_intermediate_that_another_one_of_its_name_outlives_is_a_warning() -> None:
    reasons = [one for one, _ in told(intermediate("near", YESTERDAY), intermediate("near", LATER))]

    assert reasons == [Reason.CERTIFICATE_EXPIRING]


def test_an_intermediate_whose_end_a_foreign_hand_took_out_of_the_record_is_passed_over() -> None:
    near = intermediate("near", LATER).model_copy(update={"not_after": None})

    assert [one for one, _ in told(near, intermediate("far", YESTERDAY))] == [
        Reason.CERTIFICATE_EXPIRING
    ]


def test_the_end_of_an_intermediate_is_a_moment_to_look_again() -> None:
    kept = (intermediate("near", TOMORROW),)

    assert next_expiry_change(shown(SERVER), now=NOW, intermediates=kept) == TOMORROW
    assert next_expiry_change(shown(), now=NOW, intermediates=kept) == TOMORROW


def test_a_stale_list_of_a_ca_that_has_expired_matters_to_nobody() -> None:
    old, new = certificate("old", AGO, YESTERDAY), certificate("new", AGO, NOW + 999 * DAY)
    lists = [crl("old", end=YESTERDAY), crl("new", end=NOW + 20 * DAY)]

    found = expiry(shown(client_ca=[old, new], revocation_list=lists), now=NOW)
    while_both_lived = expiry(
        shown(client_ca=[old, new], revocation_list=lists), now=YESTERDAY - DAY
    )

    assert [one.message.split(" expire")[0] for one in found] == ["The client CA CN=old"]
    assert "The revocation list of CN=old" in " ".join(one.message for one in while_both_lived)


def test_what_locks_out_everybody_is_told_before_what_locks_out_few() -> None:
    a, b = (certificate(name, AGO, NOW + 999 * DAY) for name in "AB")
    server = certificate("db", AGO, YESTERDAY)
    lists = [crl("A", end=YESTERDAY - DAY), crl("B", end=LATER)]

    found = expiry(shown(server, client_ca=[a, b], revocation_list=lists), now=NOW)

    assert [one.message.split(" expired")[0] for one in found] == [
        "The server certificate CN=db",
        "The revocation list of CN=A",
    ]


def test_issuers_are_the_same_whatever_their_case_and_blanks() -> None:
    ca = certificate("Clients  of Orders", AGO, YESTERDAY)

    found = expiry(
        shown(client_ca=[ca], revocation_list=[crl("clients of orders", end=YESTERDAY)]), now=NOW
    )

    assert [one.message.split(" ")[1] for one in found] == ["client"]
