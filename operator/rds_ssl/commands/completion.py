"""
Completion in shells: the script, the names of objects, and what kubectl asks its plugins.

What a shell asks while somebody types is answered quickly or not at all, and never with an error.
"""

# ruff: noqa: PLC0415

import contextlib
from collections.abc import Iterator, Sequence

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from rds_ssl.commands.types import Access
from rds_ssl.core.errors import OperatorError

PROGRAM = "rds-ssl"

_VARIABLE = "_RDS_SSL_COMPLETE"
"""By which the script asks; click finds it by the program's name."""

_SECONDS = 2.0
"""For which a cluster is asked: longer, and people think that the shell hangs."""

_NO_FILES, _FILES = ":4", ":0"
"""What kubectl does with no more than the answer: nothing, or complete files."""


def script(shell: str, command: click.Command) -> str:
    """Return what a shell has to read once, so that it completes the program's commands."""
    kind = get_completion_class(shell)
    if kind is None:
        raise LookupError(shell)
    return kind(command, {}, PROGRAM, _VARIABLE).source()


def object_names(access: Access, incomplete: str, *, given: Sequence[str]) -> list[str]:
    """Return the names of objects that begin so, without those that are given already."""
    with contextlib.suppress(OperatorError, OSError, ValueError, LookupError):
        from rds_ssl.commands.cluster import work

        seen = work(access, lambda cluster: cluster.objects(), deadline=_SECONDS)
        names = {each.name for each in seen} - set(given)
        return sorted(each for each in names if each.startswith(incomplete))
    return []


def for_kubectl(command: click.Command, arguments: Sequence[str]) -> Iterator[str]:
    """
    Yield what kubectl wants to know of a plugin: completions with their help, and what is left.

    Source: kubectl, pkg/cmd/plugin_completion.go: the last argument is the word that is typed, and
    the answer is that of a program made with cobra.
    """
    *before, incomplete = arguments or [""]
    # Of no shell in particular.
    asked = ShellComplete(command, {}, "kubectl rds-ssl", _VARIABLE)
    found: list[CompletionItem[str]] = asked.get_completions(list(before), incomplete)
    for each in found:
        if each.type == "plain":
            yield f"{each.value}\t{each.help}" if each.help else str(each.value)
    yield _FILES if any(each.type != "plain" for each in found) else _NO_FILES
