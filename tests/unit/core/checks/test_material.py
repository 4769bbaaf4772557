"""What is in force already is a warning, what would be newly sent is a problem."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rds_ssl.core.api.spec import parse_spec
from rds_ssl.core.api.states import StateStatus
from rds_ssl.core.api.status import AppliedStatus
from rds_ssl.core.checks.material import MAX_WARNINGS, Validation, next_validation, validate
from rds_ssl.core.model import CAType, Observed, Reason
from rds_ssl.core.x509 import pem
from rds_ssl.core.x509.facts import MaterialFacts
from rds_ssl.core.x509.signers import signed_lists
from support import pki
from support.bad_input import LONG_AGO, Stored, declared
from support.pki_world import CA, CRL, CRT, HOST, KEY

NOW = pki.real_now()
LATER = NOW + 40 * pki.DAY
"""When the short-lived things of these tests have ended."""


class Shop:
    """Certificate, CA and list of a year that are all in force, but one that ends in a month."""

    def __init__(self, short: str = "", host: str = HOST) -> None:
        year = dict.fromkeys(("leaf", "ca", "crl"), NOW + 365 * pki.DAY)
        ends = year | ({short: NOW + 30 * pki.DAY} if short else {})
        self.root = pki.make_root("Root", extras=replace(LONG_AGO, not_after=ends["ca"]))
        chain = pki.make_root(extras=LONG_AGO).intermediate(extras=LONG_AGO)
        leaf = chain.leaf(host, not_after=ends["leaf"])
        self.server = pem.parse_server_certificate(
            leaf.chain_pem, leaf.key_pem(), certificate_field=CRT, key_field=KEY
        )
        self.cas = pem.parse_client_ca(self.root.pem, field=CA)
        self.lists = pem.parse_revocation_list(
            self.root.revocation_list(next_update=ends["crl"]), field=CRL
        )
        self.stored = Stored(crt=b"yes", ca=b"yes", crl=b"yes")

    @property
    def shown(self) -> Observed:
        """The instance with all of it."""
        return Observed(
            enabled=True,
            ca_type=CAType.CUSTOM,
            connection_string=HOST,
            server_certificate=self.server.leaf,
            client_ca=self.cas.certificates,
            revocation_list=self.lists.lists,
            expire_time=self.server.leaf.not_after,
        )

    def judge(
        self,
        observed: Observed,
        *,
        now: datetime = LATER,
        endpoint: str = HOST,
        applied: AppliedStatus | None = None,
    ) -> Validation:
        return validate(
            declared(self.stored),
            MaterialFacts(
                server=self.server.facts,
                client_ca=self.cas.cas,
                revocation_list=self.lists.lists,
            ),
            signed_lists(self.cas, self.lists),
            observed,
            applied=applied,
            endpoint=endpoint,
            now=now,
        )


def test_while_all_is_well_nothing_is_said() -> None:
    shop = Shop()

    assert shop.judge(shop.shown) == Validation()
    assert shop.judge(Observed(enabled=False)) == Validation()


@pytest.mark.parametrize(
    ("short", "words"),
    [
        pytest.param("leaf", f"CN={HOST} expired at", id="the certificate"),
        pytest.param("ca", "no CA is valid any more", id="the client CA"),
        pytest.param("crl", "the revocation list of CN=Root expired at", id="the list"),
    ],
)
def test_what_ends_while_it_is_in_force_warns_and_stops_nothing(short: str, words: str) -> None:
    shop = Shop(short)

    judgement = shop.judge(shop.shown)

    assert judgement.problem is None
    assert words in judgement.warnings[0]


@pytest.mark.parametrize("short", ["leaf", "ca", "crl"])
def test_the_same_is_refused_where_it_would_be_newly_sent(short: str) -> None:
    shop = Shop(short)
    others = {"server_certificate": None, "client_ca": (), "revocation_list": ()}

    for observed in (Observed(enabled=False), replace(shop.shown, **others)):  # type: ignore[arg-type]  # Fields by name.
        problem = shop.judge(observed).problem
        assert problem is not None
        assert problem.reason is Reason.MATERIAL_INVALID


def test_what_was_shown_before_ssl_was_turned_off_is_not_in_force() -> None:
    shop = Shop("leaf")

    assert shop.judge(replace(shop.shown, enabled=False)).problem is not None


def test_a_stale_list_in_force_does_not_block_a_new_certificate() -> None:
    shop = Shop("crl")
    observed = replace(shop.shown, server_certificate=Shop().server.leaf)

    judgement = shop.judge(observed)

    assert judgement.problem is None
    assert "revocation list" in judgement.warnings[0]


def test_a_certificate_in_force_for_another_name_warns_until_it_is_to_move() -> None:
    shop = Shop(host="db.example.com")

    stays = shop.judge(shop.shown, now=NOW)
    moves = shop.judge(replace(shop.shown, connection_string="db.example.com"), now=NOW)

    assert stays.problem is None
    assert "does not cover the endpoint" in stays.warnings[0]
    assert moves.problem is not None
    assert "does not cover the endpoint" in moves.problem.message


def test_an_expired_certificate_in_force_may_move_to_another_endpoint_that_it_covers() -> None:
    shop = Shop("leaf")

    assert shop.judge(replace(shop.shown, connection_string="db.example.com")).problem is None


def test_without_an_endpoint_no_name_is_checked() -> None:
    assert Shop(host="db.example.com").judge(Observed(enabled=False), endpoint="") == Validation()


@pytest.mark.parametrize("dated", [True, False])
def test_what_is_not_echoed_is_in_force_if_it_was_applied(*, dated: bool) -> None:
    shop = Shop("leaf")
    shop.stored = Stored(crt=b"yes")
    leaf = shop.server.leaf
    silent = Observed(enabled=True, expire_time=leaf.not_after if dated else None)

    def judged(observed: Observed, sha256: str) -> Validation:
        state = StateStatus(
            enabled=True,
            connection_string=HOST,
            force_encryption=False,
            server_certificate=sha256,
        )
        applied = AppliedStatus(state=state, time=NOW)
        return validate(
            declared(shop.stored),
            MaterialFacts(server=shop.server.facts),
            None,
            observed,
            applied=applied,
            endpoint=HOST,
            now=LATER,
        )

    assert judged(silent, leaf.sha256).problem is None
    assert judged(silent, "another").problem is not None
    assert judged(replace(silent, expire_time=NOW), leaf.sha256).problem is not None


@pytest.mark.parametrize(
    ("acls", "words"),
    [
        pytest.param({}, "acl and replicationACL prefer still accept connections", id="both"),
        pytest.param({"acl": "cert"}, "replicationACL prefer still accepts", id="one"),
        pytest.param({"acl": "cert", "replicationACL": "verify-ca"}, "", id="none"),
    ],
)
def test_prefer_beside_a_client_ca_warns(acls: Mapping[str, str], words: str) -> None:
    ca = pem.parse_client_ca(pki.make_root().pem, field=CA)
    clients = {"ca": {"configMapKeyRef": {"name": "client-ca"}}, **acls}
    spec = {
        "instanceID": "pgm-orders",
        "regionID": "cn-hangzhou",
        "clientAuthentication": clients,
    }

    def warnings(*, enabled: bool) -> tuple[str, ...]:
        return validate(
            parse_spec({**spec, "enabled": enabled}),
            MaterialFacts(client_ca=ca.cas),
            None,
            Observed(enabled=False),
            applied=None,
            endpoint=HOST,
            now=NOW,
        ).warnings

    assert [words in each for each in warnings(enabled=True)] == ([True] if words else [])
    assert warnings(enabled=False) == ()


def test_a_hundred_warnings_still_fit_into_a_condition() -> None:
    root = pki.make_root()
    many = b"".join(root.intermediate(f"{n} {'x' * 50}").pem for n in range(60))
    bundle = pem.parse_client_ca(many, field=CA)

    warnings = validate(
        declared(Stored(ca=many)),
        MaterialFacts(client_ca=bundle.cas),
        None,
        Observed(enabled=False),
        applied=None,
        endpoint=HOST,
        now=NOW,
    ).warnings

    assert len(warnings) == MAX_WARNINGS + 1
    assert warnings[-1] == "And 50 more of the kind."
    assert len(" ".join(warnings)) < 32_768


@pytest.mark.parametrize("short", ["leaf", "ca", "crl"])
def test_a_judgement_stands_until_the_next_one_is_due(short: str) -> None:
    shop = Shop(short)
    facts = MaterialFacts(
        server=shop.server.facts, client_ca=shop.cas.cas, revocation_list=shop.lists.lists
    )
    now, seen = NOW, []

    while (moment := next_validation(facts, now=now)) is not None:
        before = shop.judge(shop.shown, now=now)
        assert shop.judge(shop.shown, now=moment - timedelta(seconds=1)) == before
        seen.append(shop.judge(shop.shown, now=moment) != before)
        now = moment

    assert seen[0]
    assert now > NOW + 3 * 365 * pki.DAY  # The chain's authorities were among them.


def test_without_material_no_judgement_is_due() -> None:
    assert next_validation(MaterialFacts(), now=NOW) is None
