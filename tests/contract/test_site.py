"""The site has every page, in a place where it is looked for; `make site` builds it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from support.documents import DOCS
from support.reference import REFERENCE, reference_text
from support.site_build import CONFIGURATION, read


class _Loader(yaml.SafeLoader):
    """Passes over what only mkdocs understands."""


_LOADED_TAGS = ("!ENV", "tag:yaml.org,2002:python/")
for tag in _LOADED_TAGS:
    _Loader.add_multi_constructor(tag, lambda loader, suffix, node: str(node.value))  # noqa: ARG005


def configuration() -> dict[str, Any]:
    read: dict[str, Any] = yaml.load(CONFIGURATION.read_text(), _Loader)  # noqa: S506  # A SafeLoader.
    return read


def in_navigation(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            (below,) = entry.values()
            yield from [below] if isinstance(below, str) else in_navigation(below)


def test_every_page_is_in_the_navigation() -> None:
    pages = {
        each.relative_to(DOCS).as_posix() for each in DOCS.rglob("*.md") if ".zh." not in each.name
    }

    named = set(in_navigation(configuration()["nav"]))

    folders = {each for each in named if each.endswith("/")}
    assert {each for each in pages - named if not any(map(each.startswith, folders))} == set()


def test_every_heading_of_the_navigation_is_translated() -> None:
    found = configuration()
    (chinese,) = (
        each
        for plugin in found["plugins"]
        if isinstance(plugin, dict)
        for each in plugin["i18n"]["languages"]
        if each["locale"] == "zh"
    )

    def headings(entries: list[Any]) -> Iterator[str]:
        for entry in entries:
            if isinstance(entry, dict):
                ((title, below),) = entry.items()
                yield title
                yield from headings(below) if isinstance(below, list) else ()

    assert set(headings(found["nav"])) == set(chinese["nav_translations"])


def test_the_site_takes_nothing_from_another_host() -> None:
    theme = configuration()["theme"]
    sheet = (DOCS / "pictures" / "site.css").read_text()

    assert theme["font"] is False
    assert "http" not in sheet
    assert "@import" not in sheet
    # mermaid would be fetched by the theme when it meets such a block.
    assert not any("```mermaid" in each.read_text() for each in DOCS.rglob("*.md"))


def test_a_picture_has_the_colours_of_light_and_dark_and_loads_nothing() -> None:
    for picture in DOCS.glob("pictures/*.svg"):
        text = picture.read_text()
        addresses = set(re.findall(r"https?://[^\"]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}, picture.name
        if picture.name != "favicon.svg":
            assert "prefers-color-scheme:dark" in text, picture.name
            assert 'class="picture"' in text, picture.name


def test_the_reference_is_what_the_models_say() -> None:
    assert REFERENCE.read_text() == reference_text()


def test_what_a_page_loads_and_leads_to_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<link rel="canonical" href="https://example.com/"><link rel="stylesheet" href="a.css">'
        '<script src="https://cdn.example.com/x.js"></script><h2 id="here">Here</h2>'
        '<a name="there"></a><a href="other.html#here">other</a>'
    )

    found = read(page)

    assert found.loaded == ["a.css", "https://cdn.example.com/x.js"]
    assert found.links == ["other.html#here"]
    assert found.anchors == {"here", "there"}
