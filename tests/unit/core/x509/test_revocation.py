from datetime import UTC, datetime, timedelta

import pytest

from rds_ssl.core.model import RevocationListFacts
from rds_ssl.core.x509.revocation import revocation_weakens, serials_left

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
YESTERDAY = NOW - timedelta(days=1)
AGO = NOW - timedelta(days=60)


def crl(
    issuer: str = "A",
    number: int | None = 1,
    *,
    start: datetime = AGO,
    serials: tuple[int, ...] = (),
) -> RevocationListFacts:
    return RevocationListFacts(
        sha256=f"{issuer} {number} {start} {serials}",
        issuer=f"CN={issuer}",
        number=number,
        this_update=start,
        next_update=NOW + timedelta(days=60),
        serials=frozenset(serials),
    )


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        pytest.param([], [crl()], None, id="a first list"),
        pytest.param([crl(number=5)], [crl(number=5)], None, id="the same list"),
        pytest.param(
            [crl(number=5, serials=(1,))],
            [crl(number=6, start=YESTERDAY, serials=(1, 2))],
            None,
            id="a newer list with more serials",
        ),
        pytest.param(
            [crl(number=5, serials=(1, 2))],
            [crl(number=6, start=YESTERDAY, serials=(2,))],
            None,
            id="serials that leave a newer list",
        ),
        pytest.param(
            [crl(number=5, serials=(1, 2))],
            [crl(number=5, start=YESTERDAY, serials=(2,))],
            "loses 1 revoked",
            id="serials gone under the same number",
        ),
        pytest.param(
            [crl(number=None, serials=(1, 2))],
            [crl(number=None, start=YESTERDAY)],
            "loses 2 revoked",
            id="serials gone without any number",
        ),
        pytest.param(
            [crl(number=None, serials=(1,))],
            [crl(number=1, start=YESTERDAY)],
            "loses 1 revoked",
            id="serials gone with a first number",
        ),
        pytest.param(
            [crl(number=5)],
            [crl(number=4, start=YESTERDAY)],
            "goes back from number 5 to 4",
            id="a lower number",
        ),
        pytest.param(
            [crl(number=5, start=YESTERDAY)],
            [crl(number=6, start=AGO)],
            "an older one",
            id="an older thisUpdate",
        ),
        pytest.param([crl()], [], "no revocation list is left", id="none at all"),
        pytest.param(
            [crl("A"), crl("B", serials=(1,))],
            [crl("A")],
            None,
            id="the list of one CA goes: all its clients are refused",
        ),
        pytest.param(
            [crl("A", 5), crl("B", 5)],
            [crl("B", 4), crl("A", 6, start=YESTERDAY)],
            "CN=B goes back",
            id="matched by issuer",
        ),
        pytest.param(
            [crl(number=5), crl(number=6, start=YESTERDAY)],
            [crl(number=5)],
            "goes back from number 6 to 5",
            id="the newer of two goes",
        ),
        pytest.param(
            [crl(number=5, serials=(1,)), crl(number=6, start=YESTERDAY)],
            [crl(number=6, start=YESTERDAY)],
            None,
            id="the older of two goes",
        ),
        pytest.param(
            [crl(number=5), crl(number=3, start=YESTERDAY, serials=(1,))],
            [crl(number=5), crl(number=2, start=NOW)],
            "goes back from number 3 to 2",
            id="two CAs of one name: the list that stays is not compared",
        ),
    ],
)
def test_a_revocation_list_that_lets_clients_in_again_is_seen(
    before: list[RevocationListFacts], after: list[RevocationListFacts], words: str | None
) -> None:
    found = revocation_weakens(before, after)

    assert (found is None) == (words is None)
    assert words is None or words in str(found)


def test_serials_that_left_are_named_by_issuer() -> None:
    before = [crl("A", serials=(9, 3, 5)), crl("B", serials=(1,)), crl("C", serials=(7,))]
    after = [crl("A", 2, serials=(5, 6)), crl("B", 2, serials=(1,))]

    assert serials_left(before, after) == {"CN=A": (3, 9)}
