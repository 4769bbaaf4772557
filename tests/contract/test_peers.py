"""
Our verdict on certificates beside that of those who meet them: OpenSSL, Go and PostgreSQL.

Nothing is accepted in silence that one of them refuses, and nothing is refused that all of them
take, but where the table says why.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rds_ssl.core.model import Reason
from support import pki
from support.chain_cases import BUNDLES, CLIENTS, SERVERS, ServerCase, TrustCase
from support.peers import (
    OPENSSL,
    GoClient,
    PostgreSQL,
    openssl_client,
    openssl_server,
    postgres_programs,
)
from support.pki_world import HOST

PAGE = Path(__file__).parents[2] / "docs" / "certificates.md"

needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="there is no openssl here")
needs_postgresql = pytest.mark.skipif(
    postgres_programs() is None, reason="there is no PostgreSQL here"
)


@pytest.fixture(scope="module")
def go_client(tmp_path_factory: pytest.TempPathFactory) -> GoClient | None:
    """A client in Go, if there is Go to build one."""
    return GoClient.build(tmp_path_factory.mktemp("go"))


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL that is started anew for each bundle."""
    with PostgreSQL() as server:
        yield server


def refusals(case: ServerCase, directory: Path, go_client: GoClient | None) -> dict[str, bool]:
    """Ask each client that is there whether it connects."""
    served = case.make()
    root, leaf = served.root.pem, served.leaf
    try:
        with openssl_server(directory, leaf.chain_pem, pki.key_pem(leaf.key)) as port:
            told = {
                "OpenSSL": openssl_client(directory, port, root=root, host=HOST),
                "TLS 1.2": openssl_client(directory, port, root=root, host=HOST, more="-tls1_2"),
            }
            if go_client is not None:
                told["Go"] = go_client.refusal(directory, port, root=root, host=HOST)
    except OSError:  # A server with such a key does not start.
        return dict.fromkeys(CLIENTS, True)
    return {name: bool(words) for name, words in told.items()}


@needs_openssl
@pytest.mark.parametrize("name", SERVERS)
def test_clients_take_a_server_as_the_table_says(
    name: str, tmp_path: Path, go_client: GoClient | None
) -> None:
    case = SERVERS[name]

    asked = refusals(case, tmp_path, go_client)

    assert {each for each, refused in asked.items() if refused} == case.refused_by & asked.keys()


@needs_postgresql
@pytest.mark.parametrize("name", BUNDLES)
def test_postgresql_lets_clients_in_as_the_table_says(name: str, postgresql: PostgreSQL) -> None:
    case = BUNDLES[name]
    trusted = case.make()

    assert postgresql.start(trusted.ca, trusted.crl)

    assert postgresql.lets_in(trusted.its) is case.its
    if trusted.others is not None:
        assert postgresql.lets_in(trusted.others) is case.others


@needs_postgresql
def test_a_replaced_client_ca_locks_its_clients_out_though_no_certificate_is_needed(
    postgresql: PostgreSQL,
) -> None:
    old, new = pki.make_root("Old clients"), pki.make_root("New clients")
    client = old.leaf("app", client=True)

    assert postgresql.start(old.pem, needs_certificate=False)
    assert postgresql.lets_in(client)
    assert postgresql.lets_in(None)

    assert postgresql.start(new.pem, needs_certificate=False)
    assert not postgresql.lets_in(client)
    assert postgresql.lets_in(new.leaf("app", client=True))
    assert postgresql.lets_in(None)


@needs_postgresql
def test_a_client_ca_that_is_taken_away_locks_nobody_out_where_no_certificate_is_needed(
    postgresql: PostgreSQL,
) -> None:
    client = pki.make_root("Old clients").leaf("app", client=True)

    assert postgresql.start(None, needs_certificate=False)

    assert postgresql.lets_in(client)
    assert postgresql.lets_in(None)


def silent(case: ServerCase | TrustCase) -> bool:
    return case.reason is None and not case.words


@pytest.mark.parametrize("name", SERVERS)
def test_no_client_refuses_what_was_accepted_in_silence(name: str) -> None:
    case = SERVERS[name]
    refused = case.reason is not None

    agree = (
        bool(case.refused_by) is not silent(case) and refused is (case.refused_by == set(CLIENTS))
    ) or (silent(case) and not case.refused_by)
    alone = name == "the leaf alone"  # Clients that trust the intermediate itself take it.
    assert agree or case.apart or alone


@pytest.mark.parametrize("name", BUNDLES)
def test_postgresql_refuses_nobody_of_whom_nothing_was_said(name: str) -> None:
    case = BUNDLES[name]

    assert case.others
    assert silent(case) is case.its or case.apart


def verdict(case: ServerCase | TrustCase) -> str:
    if case.reason is Reason.NOT_YET_VALID:
        return "waits"
    return "refused" if case.reason else "warns" if case.words else "sent"


def server_row(name: str, case: ServerCase) -> str:
    cells = ("refuses" if each in case.refused_by else "connects" for each in CLIENTS)
    return f"| {name} | {verdict(case)} | {' | '.join(cells)} | {case.apart} |"


def trust_row(name: str, case: TrustCase) -> str:
    its = "let in" if case.its else "refused"
    return f"| {name} | {verdict(case)} | {its} |"


def test_the_page_has_the_tables_of_what_was_measured() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]

    wanted = [server_row(name, case) for name, case in SERVERS.items()]
    wanted += [trust_row(name, case) for name, case in BUNDLES.items()]

    assert [row for row in wanted if row not in rows] == []
