"""
What the commands have in common: flags, how an answer is printed, how a refusal ends.

This is where the commands get their clock; click reads KUBECONFIG.
"""

# ruff: noqa: PLC0415

import functools
import gc
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from rds_ssl.commands.types import Access, Answer
from rds_ssl.core.errors import CommandRefused
from rds_ssl.core.formats import parse_duration

REFUSED = 1
"""Exit code of what cannot be done; a command line that cannot be read is click's 2."""

_NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)

_Command = Callable[..., None]


@contextmanager
def imported_for_good() -> Iterator[None]:
    """
    Keep the collector of garbage away from what is imported meanwhile, now and later.

    It looks at all of it again and again while more comes, and once more at the end: a sixth of the
    CPU of a command. In the operator each full collection would hold the loop for 50 ms.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def now() -> datetime:
    """Return the time, by the clock of this machine."""
    return datetime.now(UTC)


def checked_namespace(_: click.Context, parameter: click.Parameter, value: str) -> str:
    """Return the value of a flag if it can be the name of a namespace, or is empty."""
    # It becomes part of a path: nothing but names of namespaces gets through.
    if value and not _NAMESPACE.fullmatch(value):
        raise click.BadParameter("it is no name of a namespace", param=parameter)
    return value


def seconds(_: click.Context, parameter: click.Parameter, value: str) -> float:
    """Return how many seconds a flag such as ``5m`` names."""
    try:
        return parse_duration(value).total_seconds()
    except ValueError as error:
        raise click.BadParameter(str(error), param=parameter) from error


_NAMESPACE_OPTION = click.option(
    "-n",
    "--namespace",
    default="",
    callback=checked_namespace,
    help="Namespace; that of the context if it is not given.",
)
_EVERYWHERE_OPTION = click.option(
    "-A", "--all-namespaces", "everywhere", is_flag=True, help="All namespaces."
)
_OF_ACCESS = frozenset(
    {
        *("namespace", "kubeconfig", "context", "everywhere"),
        *("as_user", "as_groups", "as_uid"),
    }
)
"""What is an `Access` all together."""

_ACCESS_OPTIONS = (
    click.option(
        "--kubeconfig",
        envvar="KUBECONFIG",
        default="",
        help="File with access to the cluster, or several with : between them."
        " [KUBECONFIG; ~/.kube/config, then the Pod's own access]",
    ),
    click.option("--context", default="", help="Context of the kubeconfig."),
    click.option(
        "--as", "as_user", default="", help="Act as this user, in place of the kubeconfig's as."
    ),
    click.option(
        "--as-group", "as_groups", multiple=True, help="Act as of this group; may be repeated."
    ),
    click.option("--as-uid", default="", help="Act as the user with this UID."),
)
_OUTPUT_OPTION = click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    help="table for people, json for programs.",
)


def _access(ctx: click.Context) -> Access:
    """Read the flags that say which cluster, as whom and where."""
    given = ctx.params
    kubeconfig = given.get("kubeconfig") or ""
    by_flag = ctx.get_parameter_source("kubeconfig") is ParameterSource.COMMANDLINE
    return Access(
        kubeconfig=kubeconfig if by_flag else "",
        inherited="" if by_flag else kubeconfig or str(Path.home() / ".kube" / "config"),
        context=given.get("context") or "",
        namespace=given.get("namespace") or "",
        everywhere=given.get("everywhere") or False,
        as_user=given.get("as_user") or "",
        as_groups=given.get("as_groups") or (),
        as_uid=given.get("as_uid") or "",
    )


def completed_names(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of objects that a shell can complete a word to."""
    from rds_ssl.commands.completion import object_names

    given = ctx.params.get(parameter.name or "") or ()
    return object_names(
        _access(ctx), incomplete, given=(given,) if isinstance(given, str) else given
    )


def reaching(command: _Command) -> _Command:
    """Return a command with the options that say which cluster, as whom; it gets *access*."""

    @functools.wraps(command)
    def run(**given: Any) -> None:  # noqa: ANN401  # As click gives them.
        rest = {name: value for name, value in given.items() if name not in _OF_ACCESS}
        namespace, everywhere = given["namespace"], given.get("everywhere")
        if everywhere and (namespace or rest.get("names")):
            raise click.UsageError(f"-A and {'-n' if namespace else 'NAME'} exclude each other.")
        access = _access(click.get_current_context())
        with imported_for_good():
            import rds_ssl.commands.actions  # noqa: F401  # With it comes all that takes long.

        try:
            command(access=access, **rest)
        except CommandRefused as refused:
            complain(str(refused))
            sys.exit(REFUSED)

    for option in reversed((_NAMESPACE_OPTION, *_ACCESS_OPTIONS)):
        run = option(run)
    return run


def everyones(command: _Command) -> _Command:
    """Return a command that reaches a cluster and answers once; it gets *output* as well."""
    return reaching(_OUTPUT_OPTION(command))


def looking(command: _Command) -> _Command:
    """Return a command that looks at all objects of a place, for as long as it runs."""
    return _EVERYWHERE_OPTION(reaching(command))


def lists(command: _Command) -> _Command:
    """Return a command that is about all objects of a place, or about those of these names."""
    names = click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=completed_names)
    return names(_EVERYWHERE_OPTION(everyones(command)))


def changes(command: _Command) -> _Command:
    """Return a command that changes the objects of these names."""
    names = click.argument(
        "names", nargs=-1, required=True, metavar="NAME...", shell_complete=completed_names
    )
    return names(everyones(command))


def tell(answer: Answer, output: str) -> None:
    """Print an answer, and end with 1 if not all that was asked for is done."""
    if output == "json":
        click.echo(json.dumps(answer.value, indent=2))  # ASCII: nothing in it steers a terminal.
    else:
        show(answer.lines)
    for note in answer.notes:
        complain(note)
    if not answer.done:
        sys.exit(REFUSED)


def show(lines: Sequence[str]) -> None:
    """Print lines on standard output, with colours if that is a terminal."""
    if sys.stdout.isatty():
        from rds_ssl.commands.terminal import show as shown

        shown(lines)
        return
    for line in lines:
        click.echo(line)


def complain(text: str) -> None:
    """Print a sentence on standard error, with nothing in it that steers a terminal."""
    from rds_ssl.commands.formatting import safe

    click.echo(safe(text), err=True)
