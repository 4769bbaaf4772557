"""
The documents as a reader has them: tables, links, anchors, and blocks of commands and YAML.

A block of commands is run by tests/integration/test_docs_commands.py, and one of YAML is held
against the schema. Where that cannot be, a comment right above the block says why::

    <!-- not run: needs docker -->
    <!-- not checked: a patch of somebody else's object -->

or, of a page none of whose commands can be run, once and for all of them::

    <!-- no command of this page is run: it takes an account of the cloud -->
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
SUPPORT = ROOT / "tests" / "support" / "README.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), SUPPORT])

FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)

_BLOCK = re.compile(
    r"^(?: *<!-- not (?:run|checked): (?P<reason>.+?) -->\n)?"
    r"^ *```(?P<kind>\w*)\n(?P<text>.*?)^ *```$",
    re.DOTALL | re.MULTILINE,
)

_PAGE = re.compile(r"^<!-- no command of this page is run: (?P<reason>.+?) -->$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two fences."""

    document: Path
    line: int
    """Of the opening fence, or of the comment above it."""
    kind: str
    text: str
    """Without the indentation that it has in a list."""
    reason: str | None
    """Why it is not run or checked; None: it is."""

    @property
    def place(self) -> str:
        """Where it is, for a person."""
        return f"{relative(self.document)}:{self.line}"


def relative(document: Path) -> str:
    """Return the path from the root."""
    return str(document.relative_to(ROOT))


def blocks(document: Path, kind: str) -> list[Block]:
    """Return the blocks of a language, in their order."""
    text = document.read_text()
    whole = _PAGE.search(text) if kind == "sh" else None
    return [
        Block(
            document=document,
            line=text.count("\n", 0, found.start()) + 1,
            kind=kind,
            text=textwrap.dedent(found["text"]),
            reason=found["reason"] or (whole["reason"] if whole else None),
        )
        for found in _BLOCK.finditer(text)
        if found["kind"] == kind
    ]


def section(document: Path, heading: str) -> str:
    """Return the text below a heading, up to the next one of its level or higher."""
    text = document.read_text()
    level = len(heading) - len(heading.lstrip("#"))
    _, found, rest = text.partition(f"\n{heading}\n")
    assert found, f"{relative(document)} has no heading {heading!r}"
    return re.split(rf"^#{{1,{level}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def tables(text: str) -> Iterator[list[list[str]]]:
    """Yield the rows of each table, without its head."""
    for table in re.findall(r"(?:^ *\|.*\n)+", text + "\n", re.MULTILINE):
        # A cell may hold an escaped bar.
        yield [
            [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
            for line in table.splitlines()[2:]
        ]


def rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of all tables, without their heads."""
    for table in tables(text):
        yield from table


def code(cell: str) -> str:
    """Return the text of a cell that is all code."""
    return cell.strip("`")


def codes(text: str) -> list[str]:
    """Return what stands between backticks."""
    return re.findall(r"`([^`\n]+)`", text)


def without_fences(text: str) -> str:
    """Return the text without its blocks."""
    return FENCE.sub("", text)


def links(text: str) -> list[str]:
    """Return where the text leads to."""
    return re.findall(r"\]\(([^)\s]+)\)", without_fences(text))


def anchors(document: Path) -> set[str]:
    """Return the anchors that a reader's browser finds, as the usual renderers name them."""
    text = without_fences(document.read_text())
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    named = {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }
    return named | set(re.findall(r'<a id="([\w-]+)">', text))
