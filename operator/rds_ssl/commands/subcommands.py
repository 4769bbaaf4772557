"""
The command lines: names, flags and help. What does the work is imported when a command runs.

This is where the commands get their clock; click reads KUBECONFIG.
"""

# ruff: noqa: PLC0415

import functools
import gc
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

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


def _now() -> datetime:
    return datetime.now(UTC)


def _checked_namespace(_: click.Context, parameter: click.Parameter, value: str) -> str:
    # It becomes part of a path: nothing but names of namespaces gets through.
    if value and not _NAMESPACE.fullmatch(value):
        raise click.BadParameter("it is no name of a namespace", param=parameter)
    return value


def _seconds(_: click.Context, parameter: click.Parameter, value: str) -> float:
    try:
        return parse_duration(value).total_seconds()
    except ValueError as error:
        raise click.BadParameter(str(error), param=parameter) from error


_NAMESPACE_OPTION = click.option(
    "-n",
    "--namespace",
    default="",
    callback=_checked_namespace,
    help="Namespace; that of the context if it is not given.",
)
_EVERYWHERE_OPTION = click.option(
    "-A", "--all-namespaces", "everywhere", is_flag=True, help="All namespaces."
)
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
    click.option(
        "-o",
        "--output",
        type=click.Choice(["table", "json"]),
        default="table",
        help="table for people, json for programs.",
    ),
)


def _everyones(command: _Command) -> _Command:
    """Give a command the options that all have; it gets *access* and *output* from them."""

    @functools.wraps(command)
    def run(
        *,
        namespace: str,
        kubeconfig: str,
        context: str,
        everywhere: bool = False,
        as_user: str,
        as_groups: tuple[str, ...],
        as_uid: str,
        **rest: object,
    ) -> None:
        if everywhere and (namespace or rest.get("names")):
            raise click.UsageError(f"-A and {'-n' if namespace else 'NAME'} exclude each other.")
        source = click.get_current_context().get_parameter_source("kubeconfig")
        by_flag = source is ParameterSource.COMMANDLINE
        access = Access(
            kubeconfig=kubeconfig if by_flag else "",
            inherited="" if by_flag else kubeconfig or str(Path.home() / ".kube" / "config"),
            context=context,
            namespace=namespace,
            everywhere=everywhere,
            as_user=as_user,
            as_groups=as_groups,
            as_uid=as_uid,
        )
        with imported_for_good():
            import rds_ssl.commands.actions  # noqa: F401  # With it comes all that takes long.

        try:
            command(access=access, **rest)
        except CommandRefused as refused:
            _complain(str(refused))
            sys.exit(REFUSED)

    for option in reversed((_NAMESPACE_OPTION, *_ACCESS_OPTIONS)):
        run = option(run)
    return run


def _lists(command: _Command) -> _Command:
    names = click.argument("names", nargs=-1, metavar="[NAME]...")
    return names(_EVERYWHERE_OPTION(_everyones(command)))


def _changes(command: _Command) -> _Command:
    return click.argument("names", nargs=-1, required=True, metavar="NAME...")(_everyones(command))


@click.command(short_help="List the changes that are pending, or show one.")
@_lists
def plan(access: Access, names: tuple[str, ...], output: str) -> None:
    """
    List the changes that are pending; with one NAME, show its plan in full.

    Below the list stands how many restarts may start when, and how many plans wait for a person.
    """
    from rds_ssl.commands.actions import show_plans

    _tell(show_plans(access, names, _now()), output)


@click.command(short_help="List the objects and how they stand, or show one.")
@click.option(
    "--operator-namespace",
    default="rds-ssl-system",
    callback=_checked_namespace,
    help="Where the operator runs; its Lease there says which replica leads. [rds-ssl-system]",
)
@_lists
def status(access: Access, names: tuple[str, ...], output: str, operator_namespace: str) -> None:
    """
    List the objects and how they stand; with one NAME, show everything of it.

    Says which replica of the operator leads as well, to whoever may get its Lease.
    """
    from rds_ssl.commands.actions import show_status

    _tell(show_status(access, names, _now(), operator_namespace=operator_namespace), output)


@click.command(short_help="Show a plan, ask, and approve it.")
@click.argument("name")
@click.option("--digest", default="", help="Approve this plan and no other.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_everyones
def approve(*, access: Access, name: str, digest: str, yes: bool, output: str) -> None:
    """
    Show the plan of NAME that is pending, ask, and approve exactly that.

    If the object changes in between, nothing is approved.
    """
    from rds_ssl.commands import actions
    from rds_ssl.commands.plans import plan_detail

    aside = output == "json"  # Standard output is for the answer alone.
    pending = actions.find_plan(access, name, digest)
    for line in (*plan_detail(pending, _now()), ""):
        click.echo(line, err=aside)
    question = f"Approve plan {pending.plan.digest} of {pending.seen.title}?"
    if not yes and not sys.stdin.isatty():
        raise CommandRefused(
            "Nobody can be asked here, so nothing was approved. If this is the plan that you want,"
            f" add: --yes --digest {pending.plan.digest}"
        )
    if not yes and not click.confirm(question, err=aside):
        raise CommandRefused("Nothing was approved.")
    _tell(actions.approve(access, pending, _now()), output)


@click.command(short_help="Hold back all changes of objects.")
@_changes
def suspend(access: Access, names: tuple[str, ...], output: str) -> None:
    """Hold back all changes of each NAME: reading and planning go on, nothing is sent."""
    from rds_ssl.commands.actions import set_suspend

    _tell(set_suspend(access, names, suspended=True), output)


@click.command(short_help="Let the changes of objects go again.")
@_changes
def resume(access: Access, names: tuple[str, ...], output: str) -> None:
    """Let the changes of each NAME go again."""
    from rds_ssl.commands.actions import set_suspend

    _tell(set_suspend(access, names, suspended=False), output)


@click.command(short_help="Have the operator look again, now.")
@click.option("--wait", is_flag=True, help="Wait until the operator has done it.")
@click.option(
    "--timeout",
    default="2m",
    callback=_seconds,
    help="How long, with --wait, such as 30s or 5m.  [2m]",
)
@_changes
def reconcile(
    *, access: Access, names: tuple[str, ...], output: str, wait: bool, timeout: float
) -> None:
    """
    Have the operator look at each NAME again, now.

    It also allows one more attempt after a refusal, after the third failure and after a time-out.
    """
    from rds_ssl.commands.actions import request_reconcile

    # Fractions, so that two requests within a second are two.
    token = _now().isoformat(timespec="microseconds").replace("+00:00", "Z")
    waited = timeout if wait else None
    _tell(request_reconcile(access, names, token=token, wait=waited), output)


COMMANDS = (plan, approve, suspend, resume, reconcile, status)


def _tell(answer: Answer, output: str) -> None:
    if output == "json":
        click.echo(json.dumps(answer.value, indent=2))  # ASCII: nothing in it steers a terminal.
    else:
        for line in answer.lines:
            click.echo(line)
    for note in answer.notes:
        _complain(note)
    if not answer.done:
        sys.exit(REFUSED)


def _complain(text: str) -> None:
    from rds_ssl.commands.formatting import safe

    click.echo(safe(text), err=True)
