"""That nothing of an object becomes part of a page's HTML, and that the HTML is well made."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from importlib import resources
from typing import Any

import pytest

from rds_ssl.commands.leaders import leader_note
from rds_ssl.commands.page import pages, rendering
from rds_ssl.commands.page.items import Item
from rds_ssl.commands.page.query import Query
from rds_ssl.core.lease import Lease
from support import statuses

Json = dict[str, Any]

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)

EVIL = "\"'><script>alert(1)</script><img src=//evil.example onerror=x>{{7*7}}&lt;\u202e\x1b[2J"
"""In every text of an object: HTML, JavaScript, a template, an entity, marks that turn text."""

TEMPLATES = resources.files("rds_ssl.commands.page") / "templates"

_FIXED = {"status", "type", "phase", "restart", "cause", "caType", "acl", "replicationACL"}
"""Keys with a closed set of values: another one would be dropped when it is read."""

_VOID = {"meta", "link", "img", "input", "br"}


class Elements(HTMLParser):
    """The elements of a page, with what they hold; notes what is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.mistakes: list[str] = []
        self.feed(text)
        self.mistakes += [f"{each} is never closed" for each in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.mistakes.append(f"{tag} is closed out of turn")

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for each, attributes in self.found if each == tag]


def poisoned(value: Any, key: str = "") -> Any:  # noqa: ANN401  # JSON.
    """Put EVIL into every text that is not of a closed set, a time, or a number."""
    if isinstance(value, dict):
        return {name: poisoned(part, name) for name, part in value.items()}
    if isinstance(value, list) and key != "impacts":
        return [poisoned(part, key) for part in value]
    if isinstance(value, str) and key not in _FIXED and not re.match(r"\d{4}-\d\d-\d\dT", value):
        return value + EVIL
    return value


def hostile() -> Json:
    """Make an object of which somebody has written every text himself."""
    state = {
        **statuses.STATE,
        "serverCertificate": "ab" * 32 + EVIL,
        "intermediates": [{"sha256": "ef" * 32, "subject": "CN=i", "issuer": "CN=r"}],
    }
    held = statuses.pending()
    status = {
        **statuses.settled(),
        **held,
        "rotation": statuses.plan("55", cause="rotation", steps=None),
        "operation": {**statuses.operation("Failed"), "code": "Code"},
        "applied": {"state": state, "time": statuses.SINCE},
        "conditions": [
            *held["conditions"],
            statuses.condition("Foreign", "True", "Reason", "Message"),
            statuses.condition("Stalled", "True", "Stuck", "Why."),
        ],
    }
    status["observed"]["revocationList"] = [{"sha256": "11", "issuer": "CN=c"}]
    made = statuses.manifest("orders", status)
    made["spec"]["maintenance"] = {"windows": [{"schedule": "x", "duration": "2h"}]}
    made["metadata"]["labels"] = {"kustomize.toolkit.fluxcd.io/name": "x"}
    made["metadata"]["annotations"] = {"a": "b"}
    return {
        key: poisoned({k: v for k, v in part.items() if k != "resourceVersion"}, key)
        | ({"resourceVersion": "7"} if key == "metadata" else {})
        for key, part in made.items()
    }


def snapshot(*manifests: Json) -> pages.Snapshot:
    lease = Lease(version="1", holder=EVIL, duration=15, acquired="", renewed=NOW, transitions=0)
    return pages.Snapshot(
        items=[Item.of(each) for each in manifests],
        leader=leader_note(lease, "rds-ssl-system", NOW),
        now=NOW,
        server=f"api{EVIL}",
        namespace=EVIL,
        flags=["--context", EVIL],
    )


def rendered(seen: pages.Snapshot, query: Query) -> Iterator[tuple[str, str]]:
    """Make every page."""
    yield "overview", rendering.render("overview.html", page=pages.overview(seen, query))
    yield "plans", rendering.render("plans.html", page=pages.plans(seen, query))
    yield "changes", rendering.render("changes.html", page=pages.changes(seen, query))
    for each in seen.items:
        page = pages.one_object(seen, query, each.seen.namespace, each.seen.name)
        yield "object", rendering.render("object.html", page=page)
    yield "problem", rendering.render("problem.html", text=EVIL, refresh=query.refresh)


def test_no_text_of_an_object_becomes_an_element_an_attribute_or_a_template() -> None:
    query = Query(text=EVIL)

    for name, html in (
        *rendered(snapshot(hostile()), Query()),
        *rendered(snapshot(hostile()), query),
    ):
        page = Elements(html)
        tags = {tag for tag, _ in page.found}
        assert not tags & {"script", "iframe", "object", "style"}, name
        attributes = {attribute for _, each in page.found for attribute in each}
        assert not {each for each in attributes if each.startswith("on")}, name
        assert "style" not in attributes, name
        assert {each["src"] for each in page.named("img")} == {"/icon.svg"}, name
        assert "<script" in page.text, name
        assert "{{7*7}}" in page.text, name
        assert "&lt;" in page.text, name
        assert "\u202e" not in html, name
        assert "\x1b" not in html, name
        assert page.mistakes == [], name


def test_every_text_of_a_hostile_object_is_shown_somewhere() -> None:
    seen = snapshot(hostile())
    texts = " ".join(Elements(html).text for _, html in rendered(seen, Query()))

    for word in (
        *("pgm-orders", "cn-hangzhou", "PostgreSQL", "14.0", "CN=orders", "CN=Shop root"),
        *(
            "CN=Clients",
            "CN=i",
            "CN=c",
            "It waits.",
            "Message",
            "Reason",
            "clientAuthentication.acl",
        ),
        *("verify-ca", "serverCertificate: a → b.", "REQ-7", "1111222233334444", "Code"),
    ):
        assert f"{word}\"'><script>" in texts or f"{word}\"'>" in texts, word


def test_every_link_leads_to_the_page_itself() -> None:
    for name, html in rendered(snapshot(hostile()), Query(text=EVIL)):
        for each in Elements(html).named("a"):
            href = each["href"] or ""
            assert re.fullmatch(r"(/[a-z]*)?(\?[A-Za-z0-9%&=_.+-]*)?|#main", href), (name, href)
            assert not href.startswith("//"), name


def test_pages_load_nothing_and_run_nothing() -> None:
    for each in TEMPLATES.iterdir():
        text = each.read_text(encoding="utf-8")
        assert "|safe" not in text.replace(" ", ""), each.name
        assert "autoescape" not in text, each.name
        assert "<script" not in text, each.name
        assert " style=" not in text, each.name
        assert not re.search(r"(?<!xmlns=\")https?://", text), each.name
        assert "@import" not in text, each.name
        assert "url(" not in text, each.name


def test_tables_and_fields_are_told_to_those_who_do_not_see_them() -> None:
    some = snapshot(
        statuses.manifest("orders", statuses.pending()),
        statuses.manifest("stock", statuses.settled()),
        *(
            statuses.manifest(f"stuck-{number}", statuses.stalled("Conflict"))
            for number in range(7)
        ),
    )

    for name, html in rendered(some, Query()):
        page = Elements(html)
        assert html.startswith('<!doctype html>\n<html lang="en">'), name
        assert len(page.named("h1")) == 1, name
        assert len(page.named("caption")) == len(page.named("table")), name
        assert all(each.get("scope") in {"col", "row"} for each in page.named("th")), name
        assert all("alt" in each for each in page.named("img")), name
        fields = len(page.named("select")) + len(page.named("input"))
        assert len(page.named("label")) == fields, name
        assert [each["id"] for each in page.named("main")] == ["main"], name
        ids = [each["id"] for _, each in page.found if "id" in each]
        assert len(ids) == len(set(ids)), name


def test_a_page_reloads_itself_only_if_it_is_told_to() -> None:
    seen = snapshot(statuses.manifest("orders", statuses.settled()))

    for seconds in (0, 60):
        for name, html in rendered(seen, Query(refresh=seconds)):
            told = [each for each in Elements(html).named("meta") if "http-equiv" in each]
            expected = [str(seconds)] if seconds else []
            assert [each["content"] for each in told] == expected, name


@pytest.mark.parametrize("text", ["overview.html", "object.html", "style.css", "icon.svg"])
def test_templates_come_with_the_package(text: str) -> None:
    assert (TEMPLATES / text).is_file()


def test_a_page_without_objects_says_what_to_do() -> None:
    empty = pages.overview(snapshot(), Query())

    assert "Start it with -A" in rendering.render("overview.html", page=empty)
