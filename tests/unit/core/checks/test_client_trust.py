from collections.abc import Callable
from datetime import datetime

import pytest

from rds_ssl.core.checks.certificates import (
    TRANSIENT,
    check_client_ca,
    check_revocation_list,
    client_ca_warnings,
)
from rds_ssl.core.model import Finding, Reason
from rds_ssl.core.x509.pem import parse_client_ca, parse_revocation_list
from rds_ssl.core.x509.signers import signed_lists
from support import odd_pem, pki

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


def verdict(problem: Finding | None) -> tuple[Reason, bool] | None:
    return None if problem is None else (problem.reason, problem.reason in TRANSIENT)


INVALID = (Reason.MATERIAL_INVALID, False)
WAITS = (Reason.NOT_YET_VALID, True)


def v1_root() -> bytes:
    ca = root()
    return pki.pem(odd_pem.as_v1(ca.certificate, ca.key))


def old_root(name: str, *, start: datetime, end: datetime) -> bytes:
    return pki.make_root(name, extras=pki.Extras(not_before=start, not_after=end)).pem


@pytest.mark.parametrize(
    ("bundle", "expected", "words"),
    [
        pytest.param(lambda: root().pem, None, "", id="a root"),
        pytest.param(
            lambda: old_root("Old", start=AGO, end=YESTERDAY) + root().pem,
            None,
            "",
            id="an expired CA beside a valid one",
        ),
        pytest.param(v1_root, None, "", id="a version 1 root"),
        pytest.param(
            lambda: root().pem + root().leaf(HOST).pem,
            INVALID,
            f"CN={HOST} is not a CA",
            id="a leaf in the bundle",
        ),
        pytest.param(
            lambda: (
                pki.make_root(
                    extras=pki.Extras(key_usage=pki.key_usage(cert_sign=False, crl_sign=True))
                ).pem
            ),
            INVALID,
            "is not a CA",
            id="a CA whose key usage forbids it",
        ),
        pytest.param(
            lambda: (
                old_root("A", start=AGO, end=AGO + pki.DAY)
                + old_root("B", start=AGO, end=YESTERDAY)
            ),
            INVALID,
            f"no CA is valid any more; CN=B expired at {stamp(YESTERDAY)}",
            id="all expired",
        ),
        pytest.param(
            lambda: (
                old_root("A", start=AGO, end=YESTERDAY) + old_root("B", start=TOMORROW, end=LATER)
            ),
            WAITS,
            f"CN=B is from {stamp(TOMORROW)} on",
            id="the only good one is for tomorrow",
        ),
    ],
)
def test_a_client_ca_bundle_has_one_verdict(
    bundle: Callable[[], bytes], expected: tuple[Reason, bool] | None, words: str
) -> None:
    cas = parse_client_ca(bundle(), field=CA).cas

    problem = check_client_ca(cas, now=NOW, where=CA)

    assert verdict(problem) == expected
    assert problem is None or words in problem.message


def test_a_bundle_warns_of_cas_whose_clients_are_refused() -> None:
    ca = root()
    bundle = (
        ca.pem
        + root("Elsewhere").intermediate("Lonely").pem
        + ca.intermediate("Known").pem
        + old_root("Old", start=AGO, end=YESTERDAY)
    )

    lonely, old = client_ca_warnings(parse_client_ca(bundle, field=CA).cas, now=NOW)

    assert lonely.startswith("CN=Lonely is an intermediate whose issuer CN=Elsewhere")
    assert old.startswith(f"CN=Old expired at {stamp(YESTERDAY)}")


def lists_of(cas: list[pki.Authority], *texts: bytes) -> Finding | None:
    bundle = parse_client_ca(b"".join(ca.pem for ca in cas), field=CA)
    lists = parse_revocation_list(b"".join(texts), field=CRL)
    signed = signed_lists(bundle, lists)
    return check_revocation_list(lists.lists, bundle.cas, signed, now=NOW, where=CRL)


def stale(ca: pki.Authority) -> bytes:
    return ca.revocation_list(this_update=AGO, next_update=YESTERDAY)


def early(ca: pki.Authority) -> bytes:
    return ca.revocation_list(this_update=TOMORROW)


def dead() -> pki.Authority:
    usage = pki.key_usage(cert_sign=True, crl_sign=False)  # Which matters no more.
    lived = pki.Extras(not_before=AGO, not_after=YESTERDAY, key_usage=usage)
    return pki.make_root("Dead", extras=lived)


def no_lists() -> pki.Authority:
    usage = pki.key_usage(cert_sign=True, crl_sign=False)
    return pki.make_root(extras=pki.Extras(key_usage=usage))


@pytest.mark.parametrize(
    ("judge", "expected", "words"),
    [
        pytest.param(lambda a, _: lists_of([a], a.revocation_list()), None, "", id="its list"),
        pytest.param(
            lambda a, _: lists_of([a], a.revocation_list(expires=False)),
            None,
            "",
            id="a list without nextUpdate",
        ),
        pytest.param(
            lambda a, b: lists_of([a, b], b.revocation_list(), a.revocation_list()),
            None,
            "",
            id="a list for each, in any order",
        ),
        pytest.param(
            lambda a, _: lists_of([a], stale(a), a.revocation_list(number=2)),
            None,
            "",
            id="a stale list beside a current one",
        ),
        pytest.param(
            lambda a, _: lists_of([a], early(a), a.revocation_list()),
            None,
            "",
            id="tomorrow's list beside a current one",
        ),
        pytest.param(
            lambda a, _: lists_of([a, dead()], a.revocation_list()),
            None,
            "",
            id="no list for a CA that has expired",
        ),
        pytest.param(
            lambda a, _: lists_of([a, old := dead()], a.revocation_list(), stale(old)),
            None,
            "",
            id="a stale list of a CA that has expired",
        ),
        pytest.param(
            lambda a, _: lists_of([dead(), a], stale(a)),
            INVALID,
            f"the revocation list of CN=A expired at {stamp(YESTERDAY)}",
            id="a stale list of the living one",
        ),
        pytest.param(
            lambda a, b: lists_of([a, b], a.revocation_list()),
            INVALID,
            "has no revocation list of CN=B",
            id="no list for one of two CAs",
        ),
        pytest.param(
            lambda a, b: lists_of([a], a.revocation_list(), b.revocation_list()),
            INVALID,
            "holds a revocation list of CN=B, which is not in the client CA bundle",
            id="a list of another CA beside",
        ),
        pytest.param(
            lambda a, b: lists_of([a], b.revocation_list()),
            INVALID,
            "holds a revocation list of CN=B",
            id="a list of another CA only",
        ),
        pytest.param(
            lambda a, _: lists_of([a], root("A").revocation_list()),
            INVALID,
            "CN=A is not signed with the key of that CA",
            id="a list of a namesake",
        ),
        pytest.param(
            lambda a, _: lists_of([a, a.intermediate("Below")], a.revocation_list()),
            INVALID,
            "has no revocation list of CN=Below",
            id="no list for the intermediate",
        ),
        pytest.param(
            lambda a, _: lists_of([a], stale(a)),
            INVALID,
            f"the revocation list of CN=A expired at {stamp(YESTERDAY)}",
            id="stale",
        ),
        pytest.param(
            lambda a, _: lists_of([a], a.revocation_list(this_update=AGO, next_update=NOW)),
            INVALID,
            "expired at",
            id="stale from this second",
        ),
        pytest.param(
            lambda a, _: lists_of([a], early(a)),
            WAITS,
            f"is valid from {stamp(TOMORROW)} only",
            id="for tomorrow",
        ),
        pytest.param(
            lambda a, _: lists_of([a], stale(a), early(a)), WAITS, "valid from", id="a gap today"
        ),
        pytest.param(
            lambda _, __: lists_of([ca := no_lists()], ca.revocation_list()),
            INVALID,
            "its key usage lacks cRLSign",
            id="a CA that may not sign lists",
        ),
    ],
)
def test_revocation_lists_have_one_verdict(
    judge: Callable[[pki.Authority, pki.Authority], Finding | None],
    expected: tuple[Reason, bool] | None,
    words: str,
) -> None:
    problem = judge(root("A"), root("B"))

    assert verdict(problem) == expected
    assert problem is None or words in problem.message
