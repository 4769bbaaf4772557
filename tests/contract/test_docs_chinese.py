"""What is there in Chinese says the same: the same rows, commands, objects, names and places."""

import re
from collections import Counter
from pathlib import Path

import pytest

from support.documents import (
    DOCS,
    FENCE,
    README,
    ROOT,
    anchors,
    codes,
    links,
    relative,
    tables,
    without_fences,
)

PAGES = {
    ROOT / "README.zh-CN.md": README,
    **{each: each.with_name(each.name.replace(".zh.", ".")) for each in DOCS.rglob("*.zh.md")},
}
"""Each page in Chinese, and the one that it is a translation of."""

pairs = pytest.mark.parametrize(
    ("chinese", "english"), list(PAGES.items()), ids=[relative(each) for each in PAGES]
)

_HAN = re.compile(r"[\u4e00-\u9fff]")


def test_the_pages_that_a_newcomer_needs_are_there() -> None:
    names = {relative(each) for each in PAGES}

    assert {"README.zh-CN.md", "docs/quickstart.zh.md", "docs/conditions.zh.md"} <= names


@pairs
def test_it_has_the_same_tables_with_the_same_rows(chinese: Path, english: Path) -> None:
    """Reasons, fields, commands and codes are not translated, so a row is told by them."""

    def told(page: Path) -> list[list[list[Counter[str]]]]:
        text = without_fences(page.read_text())
        return [[[Counter(codes(cell)) for cell in row] for row in table] for table in tables(text)]

    for mine, theirs in zip(told(chinese), told(english), strict=True):
        assert mine == theirs


@pairs
def test_every_cell_of_it_is_translated(chinese: Path, english: Path) -> None:
    """No sentence of the English page stands in it: a cell is a name, or has been translated."""
    here = {cell for table in tables(chinese.read_text()) for row in table for cell in row}
    there = {cell for table in tables(english.read_text()) for row in table for cell in row}

    left = {
        cell
        for cell in here & there
        if not _HAN.search(cell) and len(re.sub(r"`[^`]*`", "", cell).split()) > 3
    }

    # Codes in a list, and what a condition says of itself, are the same in both.
    assert {cell for cell in left if not re.fullmatch(r"(?:`[^`]+`(?:, )?)+", cell)} == set()


@pairs
def test_it_has_the_same_blocks(chinese: Path, english: Path) -> None:
    assert FENCE.findall(chinese.read_text()) == FENCE.findall(english.read_text())


@pairs
def test_it_speaks_of_the_same_names(chinese: Path, english: Path) -> None:
    mine, theirs = (Counter(codes(without_fences(page.read_text()))) for page in (chinese, english))

    assert set(mine) == set(theirs)


@pairs
def test_it_leads_to_the_same_places(chinese: Path, english: Path) -> None:
    def places(page: Path) -> Counter[str]:
        found = [re.sub(r"\.zh(-CN)?\.", ".", link) for link in links(page.read_text())]
        # Each leads to the other.
        return Counter(link for link in found if link != "README.md")

    assert places(chinese) == places(english)


@pytest.mark.parametrize(
    ("chinese", "english"),
    [each for each in PAGES.items() if each[1] != README],
    ids=lambda page: page.name,
)
def test_a_link_that_leads_into_the_english_page_leads_into_it_as_well(
    chinese: Path, english: Path
) -> None:
    """On the site a link from any page, of a place in English, ends in the Chinese one."""
    assert anchors(english) <= anchors(chinese) | {anchors_of_title(english)}


def anchors_of_title(page: Path) -> str:
    title = page.read_text().partition("# ")[2].partition("\n")[0]
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")
