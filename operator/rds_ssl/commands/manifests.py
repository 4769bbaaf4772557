"""
Manifests in files: YAML or JSON, several documents in one, lists of objects, with their lines.

No text of a file is ever repeated in an error: it may be a private key that was pasted wrongly.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

STDIN = "-"
"""In place of a file: standard input."""

_SUFFIXES = frozenset({".json", ".yaml", ".yml"})
"""Of the files that are looked for in a directory."""

_MOST_VALUES = 1_000_000
"""In one document, aliases followed: a cluster takes 3 MiB, which is less than a tenth of them."""

_TOO_LARGE = "it has more values than a cluster takes, by aliases or by nesting"

_TEMPLATE = re.compile(r"\{\{|<%|\$\{")
"""What a template has and a manifest has not, as a rule."""

_UNFIT = (AttributeError, LookupError, OverflowError, TypeError, ValueError)
"""What PyYAML raises of ``!!bool x``, ``!!int ''`` and the like: its constructors check nothing."""

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")

Step = str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """An object in a file."""

    file: str
    value: Mapping[str, Any] = field(repr=False)
    node: yaml.Node = field(repr=False)

    @property
    def line(self) -> int:
        """Where it begins."""
        return int(self.node.start_mark.line) + 1

    def line_of(self, path: Sequence[Step]) -> int:
        """Return where a field is, or the nearest above it that is there; from 1."""
        node, line = self.node, self.line
        for step in path:
            found = _below(node, step)
            if found is None:
                break
            line, node = found
        return line


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A file, or the rest of one, that is no manifest."""

    file: str
    line: int
    message: str
    template: bool = False
    """Whether it looks like one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Twice:
    """A field that stands twice in one block."""

    file: str
    line: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """All that was read."""

    manifests: Sequence[Manifest]
    twice: Sequence[Twice]
    unreadable: Sequence[Unreadable]
    skipped: Sequence[str]
    """Templates in a directory: nobody has said that these are manifests."""
    count: int


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """As kubectl reads YAML: what looks like a time is a text."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # As the class above has it.
        first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read(names: Sequence[str], *, stdin: Callable[[], bytes] | None = None) -> Files:
    """
    Read files, and the YAML and JSON of directories; what cannot be read is told beside.

    Args:
        stdin: Gives what ``-`` stands for.
    """
    manifests: list[Manifest] = []
    twice: list[Twice] = []
    unreadable: list[Unreadable] = []
    skipped: list[str] = []
    files = list(dict.fromkeys(_named(names)))
    for name, asked_for in files:
        text, fault = _text_of(name, stdin or sys.stdin.buffer.read)
        if fault:
            unreadable.append(Unreadable(file=name, line=1, message=fault))
            continue
        for each in parse(text, file=name):
            match each:
                case Manifest():
                    manifests.append(each)
                case Twice():
                    twice.append(each)
                case Unreadable(template=True) if not asked_for:
                    skipped.append(name)
                case Unreadable():
                    unreadable.append(each)
    return Files(
        manifests=manifests,
        twice=twice,
        unreadable=unreadable,
        skipped=skipped,
        count=len(files) - len(skipped),
    )


def _named(names: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield each file, and whether it was named itself."""
    for name in names:
        path = Path(name)
        if name == STDIN or not path.is_dir():
            yield name, True
            continue
        for each in sorted(path.rglob("*")):
            hidden = any(part.startswith(".") for part in each.relative_to(path).parts)
            if each.suffix in _SUFFIXES and not hidden and each.is_file():
                yield str(each), False


def _text_of(name: str, stdin: Callable[[], bytes]) -> tuple[str, str]:
    """Return what a file holds, and else what is wrong with it."""
    try:
        content = stdin() if name == STDIN else Path(name).read_bytes()
        return content.decode("utf-8-sig"), ""
    except OSError as error:
        return "", f"it cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        pass
    return "", "it is no text in UTF-8; save it as such, or leave it out"


def parse(text: str, *, file: str) -> Iterator[Manifest | Twice | Unreadable]:
    """Yield the objects of a text, those of lists one by one; what does not parse ends it."""
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if _size(node, {}) > _MOST_VALUES:
                yield Unreadable(file=file, line=_line(node), message=_TOO_LARGE)
                return
            yield from _twice(node, file)
            try:
                value = loader.construct_document(node)
            except _UNFIT:
                message = "it has a value that its tag does not fit"
                yield Unreadable(file=file, line=_line(node), message=message)
                return
            yield from _objects(value, node, file)
    except yaml.YAMLError as error:
        yield _unparsed(error, text, file)
    except RecursionError:
        yield Unreadable(file=file, line=1, message=_TOO_LARGE)
    finally:
        loader.dispose()


def _unparsed(error: yaml.YAMLError, text: str, file: str) -> Unreadable:
    mark = getattr(error, "problem_mark", None)
    # What it quotes is of the file.
    problem = _QUOTED.sub("…", str(getattr(error, "problem", None) or "no YAML"))
    template = bool(_TEMPLATE.search(text))
    remedy = (
        "it looks like a template: give what is made of it, as in"
        " `helm template … | rds-ssl lint -`"
        if template
        else "correct it there, or just above"
    )
    return Unreadable(
        file=file,
        line=int(mark.line) + 1 if mark else 1,
        message=f"it is no YAML ({problem}); {remedy}",
        template=template,
    )


def _objects(value: object, node: yaml.Node, file: str) -> Iterator[Manifest]:
    if not isinstance(value, Mapping):
        return  # An empty document, or a file of something else.
    items = value.get("items")
    if str(value.get("kind") or "").endswith("List") and isinstance(items, list):
        found = _below(node, "items")
        for number, each in enumerate(items):
            inner = _below(found[1], number) if found else None
            if inner is not None:
                yield from _objects(each, inner[1], file)
        return
    yield Manifest(file=file, value=value, node=node)


def _twice(node: yaml.Node, file: str) -> Iterator[Twice]:
    """Yield the fields that a block has twice, of which the last would count."""
    waiting, seen = [node], set()
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, yaml.ScalarNode):
            continue
        seen.add(id(each))
        if isinstance(each, yaml.SequenceNode):
            waiting += each.value
            continue
        names: set[str] = set()
        for key, part in each.value:
            waiting.append(part)
            if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                continue
            if key.value in names:
                yield Twice(file=file, line=_line(key), name=str(key.value))
            names.add(key.value)


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Count the values of a document as if each alias were written out."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = _MOST_VALUES + 1  # Of one that holds itself.
        parts = node.value
        if isinstance(node, yaml.MappingNode):
            parts = [part for pair in node.value for part in pair]
        known[id(node)] = 1 + sum(_size(each, known) for each in parts)
    return known[id(node)]


def _below(node: yaml.Node, step: Step) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        pairs = [(key, part) for key, part in node.value if key.value == step]
        return (_line(pairs[-1][0]), pairs[-1][1]) if pairs else None
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return _line(node.value[step]), node.value[step]
    return None


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
