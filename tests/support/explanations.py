"""
What `rds-ssl explain` says, out of docs/conditions.md.

    PYTHONPATH=tests python -m support.explanations

writes operator/rds_ssl/commands/explanations.json anew (`make explanations`): the page is the one
place where these texts are written.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "conditions.md"
FILE = ROOT / "operator" / "rds_ssl" / "commands" / "explanations.json"

Entry = dict[str, str]


def main() -> int:
    """Command line."""
    FILE.write_text(text())
    return 0


def text() -> str:
    """Give the file as it has to be."""
    return json.dumps(list(_entries(PAGE.read_text())), indent=1, ensure_ascii=False) + "\n"


def _entries(page: str) -> Iterator[Entry]:
    for cells in _rows(_section(page, "## Types")):
        yield _entry("condition", cells[0], group="Types", where=cells[1], means=cells[2])
    for heading, part in _parts(_section(page, "## Reasons")):
        for cells in _rows(part):
            word, where, means, way_out = cells
            yield _entry("reason", word, group=heading, where=where, means=means, way_out=way_out)
    fields = {cells[0]: cells[1] for cells in _rows(_section(page, "## The plan in status"))}
    for part in fields["`impacts`"].split("; "):
        word, means = re.fullmatch(r"(`\w+`) \((.*)\)", part).groups()  # type: ignore[union-attr]
        yield _entry("impact", word, group="Impacts", where="status.plan.impacts", means=means)
    causes = _section(page, "## What is sent, and what tools see")
    for word, means in re.findall(r"^- \*\*(\w+)\*\*: (.*)$", causes, re.MULTILINE):
        yield _entry("cause", word, group="Causes", where="status.plan.cause", means=means)
    codes = _section(page, "## Error codes of RDS")
    for word, means in re.findall(r"^- (`\w+`): (.*)$", codes, re.MULTILINE):
        yield _entry("disposition", word, group="Dispositions of error codes", means=means)


def _entry(
    kind: str, word: str, *, group: str, means: str, where: str = "", way_out: str = ""
) -> Entry:
    return {
        "word": _plain(word),
        "kind": kind,
        "group": group,
        "where": _plain(where),
        "means": _plain(means),
        "wayOut": _plain(way_out),
    }


def _section(page: str, heading: str) -> str:
    found = page.partition(f"\n{heading}\n")[2]
    return re.split(r"^## ", found, maxsplit=1, flags=re.MULTILINE)[0]


def _parts(section: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^### ", section, flags=re.MULTILINE)[1:]:
        heading, _, rest = part.partition("\n")
        yield heading, rest


def _rows(part: str) -> Iterator[list[str]]:
    for table in re.findall(r"(?:^\|.*\n)+", part + "\n", re.MULTILINE):
        for line in table.splitlines()[2:]:
            yield [cell.strip() for cell in line.strip("|").split("|")]


def _plain(markdown: str) -> str:
    """Write links out, and take out what is for a renderer."""

    def link(found: re.Match[str]) -> str:
        words, target = found.groups()
        page = target if not target.startswith("#") else f"conditions.md{target}"
        return f"{words} (docs/{page})"

    return re.sub(r"\[([^\]]+)\]\(([^)]+)\)", link, markdown).replace("`", "")


if __name__ == "__main__":
    sys.exit(main())
