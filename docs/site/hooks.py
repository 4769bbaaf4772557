"""What the site needs beside mkdocs: a navigation that bends, links out of docs/, pictures."""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.pages import Page

_LINK = re.compile(r"(?<!!)\[([^\]\n]*(?:\[[^\]]*\][^\]\n]*)*)\]\(((?:\.\./)+[^)\s]+)\)")
_FENCED = re.compile(r"(^ *```.*?^ *```$)", re.DOTALL | re.MULTILINE)
_PICTURE = re.compile(r'<img alt="([^"]*)" src="[^"]*?([\w.-]+\.svg)"\s*/?>')

_CHINESE_END = re.compile(r"([\u3000-\u303f\u4e00-\u9fff\uff00-\uffef])\n(?=[^\s<])")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Leave out of the navigation what is not there, and write a folder out as its pages."""
    config.nav = _present(config.nav or [], Path(config.docs_dir))
    return config


def _present(entries: list[Any], docs: Path) -> list[Any]:
    kept: list[Any] = []
    for entry in entries:
        if isinstance(entry, str):
            kept += [entry] if (docs / entry).is_file() else []
            continue
        ((title, below),) = entry.items()
        if isinstance(below, str):
            pages = sorted((docs / below).glob("*.md"))
            below = [each.relative_to(docs).as_posix() for each in pages]
        if found := _present(below, docs):
            kept.append({title: found})
    return kept


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, **_: object) -> str:
    """Lead a link to a file outside docs/ into the repository, or nowhere if none is known."""
    docs = Path(config.docs_dir)
    folder = (docs / page.file.src_uri).parent

    def led(found: re.Match[str]) -> str:
        text, link = found.groups()
        target = (folder / link.partition("#")[0]).resolve()
        if target.is_relative_to(docs):
            return found[0]
        if not config.repo_url:
            return text
        inside = target.relative_to(docs.parent).as_posix()
        return f"[{text}]({config.repo_url.rstrip('/')}/blob/main/{inside})"

    parts = _FENCED.split(markdown)
    return "".join(part if n % 2 else _LINK.sub(led, part) for n, part in enumerate(parts))


def on_page_content(html: str, *, page: Page, config: MkDocsConfig, **_: object) -> str:
    """Put each picture into its page, where it follows the colours that the reader has chosen."""
    chinese = page.file.src_uri.endswith(".zh.md")
    pictures = Path(config.docs_dir) / "pictures"

    def drawn(found: re.Match[str]) -> str:
        text, name = found.groups()
        translated = pictures / name.replace(".svg", ".zh.svg")
        picture = translated if chinese and translated.exists() else pictures / name
        svg = picture.read_text(encoding="utf-8")
        return svg.replace("<svg ", f'<svg role="img" aria-label="{text}" ', 1)

    html = _PICTURE.sub(drawn, html)
    # A sentence per line, and no blank between two of them.
    return _CHINESE_END.sub(r"\1", html) if chinese else html
