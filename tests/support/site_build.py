"""
The documents as a site: built by mkdocs, then walked as a browser would.

    PYTHONPATH=tests python -m support.site_build

mkdocs holds the links of the sources; this holds those of what it made, in both languages, and that
no page takes anything from another host.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[2]
CONFIGURATION = ROOT / "docs" / "site" / "mkdocs.yml"
SITE = ROOT / "build" / "site"

_LOADED = {("img", "src"), ("script", "src"), ("link", "href"), ("source", "src"), ("use", "href")}
"""What a browser fetches without a click; of links only those that are no address of a page."""


@dataclass(slots=True)
class Page:
    """What a page leads to, loads, and can be jumped to in."""

    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: text or "" for name, text in attributes}
        if anchor := given.get("id") or (given.get("name") if tag == "a" else None):
            self.page.anchors.add(anchor)
        if tag == "a" and "href" in given:
            self.page.links.append(given["href"])
        for name, text in given.items():
            address_only = tag == "link" and given.get("rel") in {"canonical", "alternate"}
            if (tag, name) in _LOADED and not address_only:
                self.page.loaded.append(text)


def read(path: Path) -> Page:
    """Return what is in a page of the site."""
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.page


def build(site: Path = SITE) -> None:
    """
    Build the site into a folder.

    Raises:
        subprocess.CalledProcessError: If mkdocs has anything to warn about.
    """
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    subprocess.run(
        [*command, "--config-file", str(CONFIGURATION), "--site-dir", str(site)],
        check=True,
        cwd=ROOT,
        # The theme's authors have an advertisement; with it nothing else is seen.
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )


def problems(site: Path = SITE) -> Iterator[str]:
    """Yield what is wrong with the site that is there, a sentence each."""
    pages = {path: read(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        # It is shown at any address, so its links are absolute.
        if path.name == "404.html":
            continue
        name = path.relative_to(site).as_posix()
        yield from (
            f"{name} loads {each} from another host"
            for each in page.loaded
            if urlsplit(each).netloc
        )
        for link in [*page.links, *page.loaded]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            folder = site if parts.path.startswith("/") else path.parent
            target = (folder / unquote(parts.path).lstrip("/")).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                yield f"{name} leads to {link}, which is not there"
            elif parts.fragment and unquote(parts.fragment) not in _anchors(pages, target):
                yield f"{name} leads to {link}, and there is no such place in it"


def _anchors(pages: dict[Path, Page], target: Path) -> set[str]:
    return pages[target].anchors | {"__skip"} if target in pages else set()


def main() -> int:
    """Build and check; return the exit code."""
    try:
        build()
    except subprocess.CalledProcessError as failure:
        return failure.returncode
    found = list(problems())
    for each in found:
        print(each, file=sys.stderr)
    pages = len(list(SITE.rglob("*.html")))
    size = sum(each.stat().st_size for each in SITE.rglob("*") if each.is_file())
    print(f"{pages} pages, {size / 1e6:.1f} MB in {SITE.relative_to(ROOT)}: {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
