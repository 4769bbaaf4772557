"""A part of `make leaks`: failures of each sort, with marked secrets, and nothing of them found."""

import base64
import json
import random
from urllib.parse import quote

import pytest

from leaks.__main__ import hunt
from leaks.failures import of_bugs, of_clients, of_libraries, of_the_cloud
from leaks.marked import finds, marked
from rds_ssl.core.secret_text import SecretText

SEED = 14
KEY = marked()["private key"].text


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(KEY, id="as it is"),
        pytest.param(KEY.replace("\n", ""), id="without line breaks"),
        pytest.param(KEY.replace("\n", "\\n"), id="with escaped line breaks"),
        pytest.param(repr(KEY.encode()), id="repr of bytes"),
        pytest.param(json.dumps(json.dumps({"key": KEY})), id="JSON in JSON"),
        pytest.param(quote(KEY), id="in a URL"),
        pytest.param(quote(quote(KEY, safe=""), safe=""), id="in a URL in a URL"),
        pytest.param(base64.b64encode(KEY.encode()).decode(), id="base64"),
        pytest.param(base64.b64encode(b"x" + KEY.encode()).decode(), id="base64, a byte later"),
        pytest.param(base64.b64encode(b"xy" + KEY.encode()).decode(), id="base64, two bytes later"),
        pytest.param(f"and {KEY[500:530]} in a sentence", id="a part, in a sentence"),
    ],
)
def test_the_search_finds_a_key_however_it_is_written(written: str) -> None:
    assert finds(f"before {written} after".encode())["private key"] > 0


def test_the_search_finds_each_secret_and_nothing_else() -> None:
    assert not finds(b"-----BEGIN PRIVATE KEY----- nothing here -----END PRIVATE KEY-----" * 9)
    for name, each in marked().items():
        assert set(finds(f"x{each.text}y".encode())) == {name}


@pytest.mark.parametrize(
    ("sort", "count"), [(of_libraries, 4), (of_the_cloud, 6), (of_clients, 6), (of_bugs, 16)]
)
def test_nothing_gets_out_whatever_fails(sort: object, count: int) -> None:
    assert callable(sort)
    failures = random.Random(SEED).sample(list(sort()), count)  # noqa: S311

    tally = hunt(failures)

    assert tally.told == []
    assert tally.searched["log, text"] + tally.searched["log, json"] > 1000


def test_every_shape_in_which_libraries_print_is_taken_out_of_both_formats() -> None:
    failures = [each for each in of_libraries() if each.name.startswith("kubernetes,")]

    tally = hunt(failures)

    assert len(failures) == 2
    assert tally.told == []


def test_what_is_revealed_is_said_by_no_text_of_its_own() -> None:
    secret = SecretText(KEY)

    assert not finds(f"{secret} {secret!r} {secret:>9} {[secret]} {vars(SecretText)}".encode())
