"""Every broken or unusual input has its documented verdict, and none is an exception."""

import pytest

from support.bad_input import Case, verdict
from support.bad_server_input import CERTIFICATES, KEYS, SPELLINGS
from support.bad_trust_input import BUNDLES, LISTS
from support.pki_world import CA, CRL, CRT, KEY, World, make_world

TABLES = {
    "spelling": SPELLINGS,
    "key": KEYS,
    "certificate": CERTIFICATES,
    "client CA": BUNDLES,
    "revocation list": LISTS,
}
CASES: dict[str, Case] = {
    f"{table}: {name}": case for table, cases in TABLES.items() for name, case in cases.items()
}


@pytest.fixture(scope="module")
def world() -> World:
    """Some certificates that fit together."""
    return make_world()


@pytest.mark.parametrize("name", CASES)
def test_an_input_has_its_documented_verdict(world: World, name: str) -> None:
    case = CASES[name]

    reason, sentences = verdict(case.stored(world))

    assert reason == case.reason, sentences
    if reason is None and not case.words:
        assert sentences == ()
        return
    (sentence,) = sentences
    assert case.words in sentence
    assert sentence.endswith(".")
    if reason is not None:
        assert sentence.startswith((CRT, KEY, CA, CRL))


def test_the_table_has_more_than_sixty_inputs() -> None:
    assert len(CASES) > 60
    assert sum(case.reason is not None for case in CASES.values()) > 60
