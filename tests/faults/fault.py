"""What a deliberate fault is."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TESTS = "tests/unit/"
SOURCE = "operator/rds_ssl/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One place of the source, what to put there, and the tests that are likely to notice."""

    name: str
    """What the operator does wrong then, in words."""
    where: str
    """
    The function, class or constant that is broken, or a module: as much of its dotted name as there
    is one of in the package (``rearm``, ``Budget.release``, ``change.refused``).
    """
    old: str
    """A fragment that it has exactly once."""
    new: str
    tests: tuple[str, ...]
    """
    Files, or tests in them, below `TESTS`, or with their whole path where they are of another tier:
    a selection, for the whole has to stay quick.
    """
    also: tuple[tuple[str, str, str], ...] = ()
    """Further places of the same module: where, old and new."""

    @property
    def selection(self) -> tuple[str, ...]:
        """The tests as pytest takes them."""
        return tuple(each if each.startswith("tests/") else TESTS + each for each in self.tests)

    def file(self, package: Path) -> Path | None:
        """Return the file below *package* that has the place; None if there is not exactly one."""
        files = [
            file
            for file in sorted(package.rglob("*.py"))
            for name, _, _ in definitions(file.relative_to(package), file.read_text())
            if _ends_with(name, self.where)
        ]
        return files[0] if len(files) == 1 else None

    def broken(self, file: Path, source: str) -> str | None:
        """
        Return *source* with the fault; None if it does not fit any more.

        Args:
            file: Below the package.
            source: Its text.
        """
        for where, old, new in ((self.where, self.old, self.new), *self.also):
            spans = [
                (first, last)
                for name, first, last in definitions(file, source)
                if _ends_with(name, where)
            ]
            if len(spans) != 1 or old == new:
                return None
            (first, last) = spans[0]
            lines = source.splitlines(keepends=True)
            place = "".join(lines[first:last])
            if place.count(old) != 1:
                return None
            source = "".join((*lines[:first], place.replace(old, new), *lines[last:]))
        return source


@cache
def definitions(file: Path, source: str) -> tuple[tuple[str, int, int], ...]:
    """Return the dotted name, and the first line and the one after the last, of all in a module."""
    module = ".".join(file.with_suffix("").parts)
    whole = (module, 0, len(source.splitlines()))
    return (whole, *_inside(ast.parse(source), module))


def _inside(node: ast.Module | ast.ClassDef, outer: str) -> Iterator[tuple[str, int, int]]:
    for each in node.body:
        last = each.end_lineno or each.lineno
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min(part.lineno for part in (each, *each.decorator_list)) - 1
            yield f"{outer}.{each.name}", first, last
            if isinstance(each, ast.ClassDef):
                yield from _inside(each, f"{outer}.{each.name}")
        elif isinstance(each, ast.Assign | ast.AnnAssign):
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    yield f"{outer}.{target.id}", each.lineno - 1, last


def _ends_with(name: str, where: str) -> bool:
    return f".{name}".endswith(f".{where}")
