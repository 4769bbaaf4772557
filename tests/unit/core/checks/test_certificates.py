from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from rds_ssl.core.checks.certificates import (
    TRANSIENT,
    check_names,
    check_server_certificate,
    covers,
    problem_of,
    server_warnings,
)
from rds_ssl.core.errors import MaterialError
from rds_ssl.core.model import Finding, Reason
from rds_ssl.core.x509.facts import ServerFacts
from rds_ssl.core.x509.pem import parse_certificates, parse_server_certificate
from support import pki

HOST = "orders.pg.rds.aliyuncs.com"
CRT = "Secret orders-tls, key tls.crt"
CA = "ConfigMap client-ca, key ca.crt"
CRL = "ConfigMap client-ca, key ca.crl"
NOW = pki.real_now()
AGO = NOW - 60 * pki.DAY
YESTERDAY = NOW - pki.DAY
TOMORROW = NOW + pki.DAY
LATER = NOW + 60 * pki.DAY
SINCE_LONG = pki.Extras(not_before=NOW - 400 * pki.DAY)
"""Of CAs: older than all that they sign here."""


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def root(name: str = "Test root") -> pki.Authority:
    return pki.make_root(name, extras=SINCE_LONG)


def server(leaf: pki.Leaf) -> ServerFacts:
    return parse_server_certificate(
        leaf.chain_pem, leaf.key_pem(), certificate_field=CRT, key_field="key tls.key"
    ).facts


def check(leaf: pki.Leaf, *, endpoint: str = HOST, now: datetime = NOW) -> Finding | None:
    facts = server(leaf)
    problem = check_server_certificate(facts, now=now, where=CRT)
    return problem or check_names(facts, endpoint=endpoint, where=CRT)


def verdict(problem: Finding | None) -> tuple[Reason, bool] | None:
    return None if problem is None else (problem.reason, problem.reason in TRANSIENT)


INVALID = (Reason.MATERIAL_INVALID, False)
WAITS = (Reason.NOT_YET_VALID, True)
TEMPORARY = (Reason.TEMPORARY_CERTIFICATE, True)


def leaf(*names: str, start: datetime = AGO, end: datetime = LATER, **more: object) -> pki.Leaf:
    return root().leaf(*names, not_before=start, not_after=end, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "expected", "words"),
    [
        pytest.param(lambda: leaf(HOST), None, "", id="the endpoint by its name"),
        pytest.param(lambda: leaf("a.example.com", HOST), None, "", id="the second name"),
        pytest.param(lambda: leaf(HOST, sans=False), None, "", id="by the common name, no SAN"),
        pytest.param(lambda: leaf("*.pg.rds.aliyuncs.com"), None, "", id="a wildcard"),
        pytest.param(lambda: leaf(HOST, common_name=None), None, "", id="an empty subject"),
        pytest.param(lambda: leaf(HOST, end=TOMORROW), None, "", id="expires tomorrow"),
        pytest.param(lambda: leaf(HOST, start=NOW), None, "", id="valid from this second"),
        pytest.param(
            lambda: leaf(HOST, end=YESTERDAY),
            INVALID,
            f"expired at {stamp(YESTERDAY)}; renew it",
            id="expired yesterday",
        ),
        pytest.param(lambda: leaf(HOST, end=NOW), INVALID, "expired at", id="expires this second"),
        pytest.param(
            lambda: leaf(HOST, start=TOMORROW),
            WAITS,
            f"valid from {stamp(TOMORROW)} only",
            id="valid tomorrow",
        ),
        pytest.param(
            lambda: leaf("other.example.com"),
            INVALID,
            f"does not cover the endpoint {HOST}, but other.example.com",
            id="another host",
        ),
        pytest.param(
            lambda: leaf("other.example.com", common_name=HOST),
            INVALID,
            "does not cover",
            id="the common name beside a SAN of another host",
        ),
        pytest.param(
            lambda: leaf("*.rds.aliyuncs.com"), INVALID, "does not cover", id="wildcard too high"
        ),
        pytest.param(lambda: leaf("10.0.0.1"), INVALID, "but 10.0.0.1", id="an address"),
        pytest.param(
            lambda: leaf(HOST, common_name=None, sans=False),
            INVALID,
            "no name at all",
            id="no name",
        ),
        pytest.param(
            lambda: pki.self_signed(HOST, ca=True),
            INVALID,
            "is a CA, not a server",
            id="CA as leaf",
        ),
        pytest.param(
            lambda: pki.cert_manager_temporary(HOST),
            TEMPORARY,
            "cert-manager's temporary certificate",
            id="cert-manager's temporary certificate",
        ),
        pytest.param(
            lambda: pki.cert_manager_temporary("other.example.com"),
            TEMPORARY,
            "the issued one is awaited",
            id="a temporary certificate with other faults",
        ),
    ],
)
def test_a_server_certificate_has_one_verdict(
    made: Callable[[], pki.Leaf], expected: tuple[Reason, bool] | None, words: str
) -> None:
    problem = check(made())

    assert verdict(problem) == expected
    if problem is not None:
        assert problem.message.startswith(f"{CRT}: ")
        assert words in problem.message


def test_a_message_does_not_change_with_the_time_of_the_check() -> None:
    expired = leaf(HOST, end=YESTERDAY)

    first, second = check(expired), check(expired, now=NOW + timedelta(hours=5))

    assert first == second


@pytest.mark.parametrize(
    ("names", "endpoint", "expected"),
    [
        pytest.param(("DB.Example.COM",), "db.example.com", True, id="case of the name"),
        pytest.param(("db.example.com",), "DB.EXAMPLE.com.", True, id="case, trailing dot"),
        pytest.param(("db.example.com",), "db.example.com:3306", True, id="a port"),
        pytest.param(("db.example.com.",), "db.example.com", False, id="a dot after the name"),
        pytest.param(("*.example.com",), "db.example.com", True, id="wildcard"),
        pytest.param(("*.EXAMPLE.com",), "db.example.com", True, id="wildcard, case"),
        pytest.param(("*.example.com",), "example.com", False, id="wildcard, no label"),
        pytest.param(("*.example.com",), "a.db.example.com", False, id="wildcard, two labels"),
        pytest.param(("d*.example.com",), "db.example.com", False, id="part of a label"),
        pytest.param(("db.*.com",), "db.example.com", False, id="wildcard within"),
        pytest.param(("*",), "localhost", False, id="wildcard alone"),
        pytest.param(("*.com",), "example.com", False, id="wildcard of a top-level domain"),
        pytest.param(("*.example.com",), ".example.com", False, id="an empty label"),
        pytest.param(("xdb.example.com",), "db.example.com", False, id="a longer name"),
        pytest.param(("10.0.0.1",), "10.0.0.1", True, id="an address"),
        pytest.param(("*.0.0.1",), "10.0.0.1", False, id="no wildcard for an address"),
        pytest.param(("a.example.com", "b.example.com"), "b.example.com", True, id="any of many"),
    ],
)
def test_names_are_matched_as_clients_do(
    names: tuple[str, ...], endpoint: str, *, expected: bool
) -> None:
    (facts,) = parse_certificates(leaf(*names, common_name="x").pem, field=CRT)

    assert covers(facts, endpoint) is expected


@pytest.mark.parametrize(
    ("made", "words"),
    [
        pytest.param(
            lambda: root().intermediate().leaf(HOST, common_name="orders"),
            "common name of CN=orders is not the endpoint",
            id="another common name",
        ),
        pytest.param(
            lambda: root().intermediate().leaf(HOST, common_name=None),
            f"common name of the certificate for {HOST} is not",
            id="no common name",
        ),
        pytest.param(
            lambda: root().intermediate().leaf(HOST, not_after=NOW + 5 * pki.DAY),
            "lives less than 7 days",
            id="a short life",
        ),
        pytest.param(
            lambda: (
                root()
                .intermediate(extras=pki.Extras(not_before=AGO, not_after=YESTERDAY))
                .leaf(HOST)
            ),
            f"CN=Test intermediate in the chain expired at {stamp(YESTERDAY)}",
            id="an expired intermediate",
        ),
        pytest.param(lambda: root().leaf(HOST), "no intermediate", id="a weakness of the facts"),
    ],
)
def test_what_may_hurt_somebody_is_a_warning(made: Callable[[], pki.Leaf], words: str) -> None:
    facts = server(made())

    (warning,) = server_warnings(facts, endpoint=HOST, now=NOW, updates_restart=True)

    assert words in warning
    assert warning.endswith(".")


def test_a_good_certificate_has_no_warning_and_a_short_life_costs_nothing_without_restarts() -> (
    None
):
    good = server(root().intermediate().leaf("*.pg.rds.aliyuncs.com"))
    short = server(root().intermediate().leaf(HOST, not_after=NOW + pki.DAY))

    assert server_warnings(good, endpoint=HOST, now=NOW, updates_restart=True) == ()
    assert server_warnings(short, endpoint=HOST, now=NOW, updates_restart=False) == ()


@pytest.mark.parametrize(
    ("reason", "transient"),
    [
        (Reason.KEY_MISMATCH, True),
        (Reason.SECRET_NOT_FOUND, True),
        (Reason.SECRET_KEY_MISSING, True),
        (Reason.TEMPORARY_CERTIFICATE, True),
        (Reason.NOT_YET_VALID, True),
        (Reason.CREDENTIALS_NOT_FOUND, True),
        (Reason.MATERIAL_INVALID, False),
    ],
)
def test_a_problem_knows_whether_it_may_be_a_moments_state(
    reason: Reason, *, transient: bool
) -> None:
    problem = problem_of(MaterialError("said", reason=reason, field=CRT))

    assert problem == Finding(reason=reason, message="said")
    assert (problem.reason in TRANSIENT) is transient
