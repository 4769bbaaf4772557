"""The command lines of what needs no cluster: names, flags, help."""

# ruff: noqa: PLC0415, D301  # click wants the character \b before what it must not wrap.

import json
import sys

import click

from rds_ssl.commands.options import REFUSED, complain, imported_for_good, now, show

UNREADABLE = 2
"""Exit code of `lint` where a file could not be read, as of a command line that cannot be."""


@click.command(short_help="Check manifests in files, without a cluster.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    help="text for people, json for programs, github for the log of GitHub Actions.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Also: Secrets and ConfigMaps that no file has; and warnings count as errors.",
)
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(allow_dash=True)
)
def lint(*, files: tuple[str, ...], output: str, strict: bool) -> None:
    """
    Check the DBInstanceSSL objects in each FILE, and the Secrets and ConfigMaps they refer to.

    FILE is YAML or JSON, a directory of such files, or - for standard input. No cluster is asked:
    it is judged as the API server and the operator would.

    \b
    Exit code 0: nothing is wrong, or there are warnings only
              1: something is wrong (with --strict, warnings count)
              2: a file cannot be read
    """
    with imported_for_good():
        from rds_ssl.commands import lint_report, manifests
        from rds_ssl.commands.linting import lint

    report = lint(manifests.read(files), now=now(), strict=strict)
    if output == "json":
        click.echo(json.dumps(lint_report.json_value(report), indent=2))
    elif output == "github":
        for line in lint_report.github_lines(report):
            click.echo(line)
    else:
        show(lint_report.text_lines(report))
    for name in report.skipped:
        complain(f"{name} looks like a template and was left out; give what is made of it.")
    if report.unreadable:
        sys.exit(UNREADABLE)
    if report.errors or (strict and report.findings):
        sys.exit(REFUSED)


def _words(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Complete a word that can be explained."""
    from rds_ssl.commands.explaining import explanations

    words = dict.fromkeys(each.word for each in explanations())
    return [each for each in words if each.lower().startswith(incomplete.lower())]


@click.command(short_help="Say what a reason, an impact or an error code means.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    help="text for people, json for programs.",
)
@click.argument("word", default="", metavar="[REASON|CODE]", shell_complete=_words)
def explain(*, word: str, output: str) -> None:
    """
    Say what a word means that stands in a condition, a plan or a message, and what to do.

    Reasons and types of conditions, impacts, causes, error codes of RDS and STS; without one, all
    of them. No cluster is asked.
    """
    from rds_ssl.commands import explaining

    found = explaining.find(word) if word else list(explaining.explanations())
    if not found:
        complain(explaining.unknown(word))
        sys.exit(REFUSED)
    if output == "json":
        click.echo(json.dumps([each.value for each in found], indent=2))
        return
    show(explaining.detail(found) if word else explaining.all_lines())


@click.command(short_help="Print the script by which a shell completes the commands.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """
    Print the script by which a shell completes commands, flags and names of objects.

    \b
    bash: eval "$(rds-ssl completion bash)" in ~/.bashrc
    zsh:  eval "$(rds-ssl completion zsh)" in ~/.zshrc, after compinit
    fish: rds-ssl completion fish > ~/.config/fish/completions/rds-ssl.fish

    Names are asked of the cluster, for two seconds at most.
    """
    from rds_ssl.commands.completion import script

    click.echo(script(shell, ctx.find_root().command))
