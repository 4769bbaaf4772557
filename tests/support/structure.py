"""
How the operator's source is built, in numbers.

    PYTHONPATH=tests python -m support.structure [FOLDER]

FOLDER is the ``operator`` of another commit, such as that of ``git worktree add DIR COMMIT``.

Lines of code are those that hold a token of the program: no comment, no docstring, no empty line.
A chain is of imports within one folder, each module once. How a value is followed:
`support.pass_path`.
"""

import ast
import io
import sys
import tokenize
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from support.pass_path import Start, figures, imported

OPERATOR = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2] / "operator")
PACKAGE = OPERATOR / "rds_ssl"

LONG_FUNCTION, LONG_MODULE = 60, 400
"""Lines, with docstring and comments."""

SETTINGS = ("minimum_tls_version", "force_encryption", "replication_acl")
"""Of the declaration: in how many files is each spelled?"""

_STAGES = frozenset({"Gathered", "Seen", "Planned", "Order", "Decided"})

STARTS = (
    Start("rds_ssl.engine.evaluation", "Evaluation.evaluate", "work"),
    Start("rds_ssl.engine.deletion", "Deletion.disable", "work"),
    Start("rds_ssl.engine.reconcile.evaluation", "evaluate", "seen", _STAGES),
    Start("rds_ssl.engine.reconcile.deletion", "turn_off", "seen", _STAGES),
    Start("rds_ssl.engine.reconcile.reconciler", "Reconciler._decide", "seen", _STAGES),
)
"""What a pass knows, by the names of one layout of the engine or another."""

_NO_CODE = frozenset(
    {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    }
)


def main() -> None:
    """Print the table."""
    sources = {file: file.read_text() for file in sorted(PACKAGE.rglob("*.py"))}
    core = sorted((PACKAGE / "core").iterdir())
    chain = longest_chain("rds_ssl.core", sources)
    print(f"lines of rds_ssl: {sum(text.count(chr(10)) for text in sources.values()):,}")
    print(f"of them code: {sum(map(code_lines, sources.values())):,}")
    modules = [each for each in core if each.suffix == ".py" and each.stem != "__init__"]
    folders = [each for each in core if (each / "__init__.py").exists()]
    print(f"modules and folders of core on one level: {len(modules) + len(folders)}")
    print(f"longest chain of imports in core: {len(chain)}: {' → '.join(chain)}")
    for name in SETTINGS:
        print(f"files that {name} is spelled in: {sum(name in text for text in sources.values())}")
    for what, names in (
        (f"functions over {LONG_FUNCTION} lines", list(long_functions(sources))),
        (f"modules over {LONG_MODULE} lines", list(long_modules(sources))),
    ):
        print(f"{what}: {len(names)}{': ' if names else ''}{', '.join(names)}")
    for line in walks(sources):
        print(line)


def code_lines(text: str) -> int:
    """Return how many lines hold code."""
    prose = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = {
        line
        for token in tokens
        if token.type not in _NO_CODE
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(lines - prose)


def longest_chain(package: str, sources: Mapping[Path, str]) -> list[str]:
    """Return the modules of the longest chain of imports within *package*, by their names."""
    trees = {_name(file): ast.parse(text) for file, text in sources.items()}
    within = {name: tree for name, tree in trees.items() if name.startswith(f"{package}.")}
    imports = {name: frozenset(imported(tree)) & within.keys() for name, tree in within.items()}

    @cache
    def below(name: str) -> tuple[str, ...]:
        return (name, *max(map(below, imports[name] - {name}), key=len, default=()))

    longest = max(map(below, within), key=len, default=())
    return [name.removeprefix(f"{package}.") for name in longest]


def walks(sources: Mapping[Path, str]) -> Iterator[str]:
    """Yield how far it is from each of `STARTS`: with the value, its stages, all made of it."""
    trees = {_name(file): ast.parse(text) for file, text in sources.items()}
    for start in STARTS:
        name = f"{start.module.removeprefix('rds_ssl.')}.{start.function}({start.parameter})"
        alone = start._replace(stages=frozenset())
        for what, found in (
            ("alone", figures(trees, alone)),
            ("and its stages", figures(trees, start) if start.stages else None),
            ("and all that is made of it", figures(trees, start, made=True)),
        ):
            if found is not None:
                yield (
                    f"{name} {what}: {found.stays} stays in a module, {found.modules} modules,"
                    f" {found.climbs} climbs to a folder above ({found.climbs_by_import} to a"
                    f" module that imports), {found.returns} returns"
                )


def long_functions(sources: Mapping[Path, str]) -> Iterator[str]:
    """Yield the functions that are too long, with their lines."""
    for file, text in sources.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > LONG_FUNCTION:
                    yield f"{file.relative_to(PACKAGE)} {node.name} ({lines})"


def long_modules(sources: Mapping[Path, str]) -> Iterator[str]:
    """Yield the modules that are too long, with their lines."""
    for file, text in sources.items():
        if (lines := text.count("\n")) > LONG_MODULE:
            yield f"{file.relative_to(PACKAGE)} ({lines})"


def _name(file: Path) -> str:
    parts = file.relative_to(OPERATOR).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


if __name__ == "__main__":
    main()
