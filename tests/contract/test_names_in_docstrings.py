"""What a docstring names between backticks exists: a reader looks for it."""

import ast
import builtins
import importlib
import keyword
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path

import pytest

from rds_ssl.core import model
from rds_ssl.core.api.spec import Declaration

OPERATOR = Path(__file__).parents[2] / "operator"

NAMED = re.compile(r"(?<!`)`([A-Za-z_][\w.]*)(?:\(\))?`(?!`)")
"""Not between two backticks: those hold what is written on the wire, or in a file."""


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(OPERATOR).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(file): ast.parse(file.read_text()) for file in OPERATOR.rglob("*.py")}


def names(tree: ast.Module) -> set[str]:
    """Give every name that a module defines, imports or uses."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found.add(node.name)
            case ast.arg():
                found.add(node.arg)
            case ast.Name():
                found.add(node.id)
            case ast.Attribute():
                found.add(node.attr)
            case ast.alias():
                found.add(node.asname or node.name)
    return found


NAMES: Mapping[str, set[str]] = {module: names(tree) for module, tree in MODULES.items()}

CLASSES = {
    node.name
    for tree in MODULES.values()
    for node in ast.walk(tree)
    if isinstance(node, ast.ClassDef)
}

DEFINED = set().union(*NAMES.values())

WORDS = {
    *dir(builtins),
    *keyword.kwlist,
    *(module.rpartition(".")[2] for module in MODULES),
    *CLASSES,
    *(
        each.value
        for kind in vars(model).values()
        if isinstance(kind, type) and issubclass(kind, StrEnum)
        for each in kind
    ),
    *(field.alias or name for name, field in Declaration.model_fields.items()),
}
"""What any module may name: built in, another module, a class, a word of the API."""


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield every text that stands for itself, and its line: those below attributes as well."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.lineno, node.value.value


def exists(name: str, module: str) -> bool:
    """Whether a name means something to who reads the module."""
    parts = name.split(".")
    if all(part in NAMES[module] or part in WORDS for part in parts):
        return True
    if parts[0] in CLASSES:
        return all(part in DEFINED for part in parts[1:])
    if parts[0] in {"rds_ssl", "rds_simulator"}:
        known = max((each for each in MODULES if f"{name}.".startswith(f"{each}.")), key=len)
        rest = name.removeprefix(known).strip(".")
        return not rest or all(part in NAMES[known] for part in rest.split("."))
    try:
        thing: object = importlib.import_module(parts[0])
        for depth, part in enumerate(parts[1:], start=2):
            if not hasattr(thing, part):
                importlib.import_module(".".join(parts[:depth]))
            thing = getattr(thing, part)
    except (ImportError, AttributeError):
        return False
    return len(parts) > 1


@pytest.mark.parametrize("module", sorted(MODULES))
def test_what_a_docstring_names_between_backticks_exists(module: str) -> None:
    missing = {
        f"line {line}: {name}"
        for line, text in docstrings(MODULES[module])
        for name in NAMED.findall(text)
        if not exists(name, module)
    }

    assert missing == set()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Reconciler.step", True),
        ("rds_ssl.core.planning.planner.make_plan", True),
        ("asyncio.Queue", True),
        ("urllib.parse.parse_qsl", True),
        ("AwaitingApproval", True),
        ("Reconciler._ponder", False),
        ("_ponder", False),
        ("rds_ssl.core.planning.plan.no_such_thing", False),
        ("rds_ssl.core.no_such_module", False),
        ("asyncio.NoSuchThing", False),
    ],
)
def test_the_check_tells_what_exists_from_what_does_not(name: str, found: bool) -> None:  # noqa: FBT001  # A parameter of the table.
    assert exists(name, "rds_ssl.engine.reconcile.reconciler") is found
