"""The command lines: names, flags, help. What does the work is imported when a command runs."""

# ruff: noqa: PLC0415

import sys

import click

from rds_ssl.commands.offline import completion, explain, lint
from rds_ssl.commands.options import (
    changes,
    checked_namespace,
    completed_names,
    everyones,
    lists,
    now,
    seconds,
    tell,
)
from rds_ssl.commands.types import Access
from rds_ssl.core.errors import CommandRefused


@click.command(short_help="List the changes that are pending, or show one.")
@click.option(
    "-w", "--watch", "watching", is_flag=True, help="Go on, and show what changes, until Ctrl-C."
)
@lists
def plan(*, access: Access, names: tuple[str, ...], output: str, watching: bool) -> None:
    """
    List the changes that are pending; with one NAME, show its plan in full.

    Below the list stands how many restarts may start when, and how many plans wait for a person.
    """
    from rds_ssl.commands.actions import show_plans, watch_plans

    if not watching:
        tell(show_plans(access, names, now()), output)
        return
    from rds_ssl.commands.watching import Watcher

    watch_plans(access, names, now, Watcher(output, now).told)


@click.command(short_help="List the objects and how they stand, or show one.")
@click.option(
    "--operator-namespace",
    default="rds-ssl-system",
    callback=checked_namespace,
    help="Where the operator runs; its Leases there say who leads. [rds-ssl-system]",
)
@lists
def status(access: Access, names: tuple[str, ...], output: str, operator_namespace: str) -> None:
    """
    List the objects and how they stand; with one NAME, show everything of it.

    Says which replica of the operator leads as well, of each shard, to whoever may list Leases.
    """
    from rds_ssl.commands.actions import show_status

    tell(show_status(access, names, now(), operator_namespace=operator_namespace), output)


@click.command(short_help="Show a plan, ask, and approve it.")
@click.argument("name", shell_complete=completed_names)
@click.option("--digest", default="", help="Approve this plan and no other.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@everyones
def approve(*, access: Access, name: str, digest: str, yes: bool, output: str) -> None:
    """
    Show the plan of NAME that is pending, ask, and approve exactly that.

    If the object changes in between, nothing is approved.
    """
    from rds_ssl.commands import actions
    from rds_ssl.commands.plans import plan_detail

    aside = output == "json"  # Standard output is for the answer alone.
    pending = actions.find_plan(access, name, digest)
    for line in (*plan_detail(pending, now()), ""):
        click.echo(line, err=aside)
    question = f"Approve plan {pending.plan.digest} of {pending.seen.title}?"
    if not yes and not sys.stdin.isatty():
        raise CommandRefused(
            "Nobody can be asked here, so nothing was approved. If this is the plan that you want,"
            f" add: --yes --digest {pending.plan.digest}"
        )
    if not yes and not click.confirm(question, err=aside):
        raise CommandRefused("Nothing was approved.")
    tell(actions.approve(access, pending, now()), output)


@click.command(short_help="Hold back all changes of objects.")
@changes
def suspend(access: Access, names: tuple[str, ...], output: str) -> None:
    """Hold back all changes of each NAME: reading and planning go on, nothing is sent."""
    from rds_ssl.commands.actions import set_suspend

    tell(set_suspend(access, names, suspended=True), output)


@click.command(short_help="Let the changes of objects go again.")
@changes
def resume(access: Access, names: tuple[str, ...], output: str) -> None:
    """Let the changes of each NAME go again."""
    from rds_ssl.commands.actions import set_suspend

    tell(set_suspend(access, names, suspended=False), output)


@click.command(short_help="Have the operator look again, now.")
@click.option(
    "--wait",
    is_flag=True,
    help="Wait until the operator has done it; a change that it sends is followed to its end.",
)
@click.option(
    "--timeout",
    default="2m",
    callback=seconds,
    help="How long to wait for the operator's answer, such as 30s or 5m.  [2m]",
)
@changes
def reconcile(
    *, access: Access, names: tuple[str, ...], output: str, wait: bool, timeout: float
) -> None:
    """
    Have the operator look at each NAME again, now.

    It also allows one more attempt after a refusal, after the third failure and after a time-out.
    """
    from rds_ssl.commands.actions import request_reconcile

    # Fractions, so that two requests within a second are two.
    token = now().isoformat(timespec="microseconds").replace("+00:00", "Z")
    if not wait:
        tell(request_reconcile(access, names, token=token, wait=None), output)
        return
    from rds_ssl.commands.watching import progress

    with progress(token, now) as look:
        answer = request_reconcile(access, names, token=token, wait=timeout, look=look)
    tell(answer, output)


COMMANDS = (plan, approve, suspend, resume, reconcile, status, lint, explain, completion)
