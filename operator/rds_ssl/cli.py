"""
The command ``rds-ssl``.

What a command needs is imported when it runs: ``rds-ssl --help`` should not wait for the clients of
a cluster and a cloud.
"""

# ruff: noqa: PLC0415

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from rds_ssl.commands.cloud_commands import CLOUD_COMMANDS
from rds_ssl.commands.options import imported_for_good
from rds_ssl.commands.subcommands import COMMANDS
from rds_ssl.commands.web import web
from rds_ssl.core.errors import SettingsError

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 and the number of SIGINT."""

FAULTY_SETTINGS = 2
"""Exit code, the same as click's for flags that do not exist."""


class _Program(click.Group):
    """A program that Ctrl-C ends without a word, whatever it is at; a question it answers no."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)


class _WithSettings(click.Command):
    """A command with a flag for each setting, made when they are asked for."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        from rds_ssl.settings import flags

        if not self.params:
            for flag in flags():
                names = [flag.option, flag.setting]
                if flag.switch:
                    names[0] += "/--no-" + flag.option.removeprefix("--")
                shown = f" [{flag.variable}{f'; {flag.default}' if flag.default else ''}]"
                # The values are checked later, all together, whether from flag or environment.
                self.params.append(
                    click.Option(
                        names,
                        type=bool if flag.switch else str,
                        default=None,
                        metavar=None if flag.switch else "TEXT",
                        help=flag.meaning + shown,
                    )
                )
        return super().get_params(ctx)


@click.group(
    cls=_Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="rds-ssl-operator", message="%(prog)s %(version)s")
def main() -> None:
    """Bring ApsaraDB RDS instances to the SSL settings declared in Kubernetes."""


@main.command(cls=_WithSettings)
def run(**overrides: str | bool | None) -> None:
    """
    Run the operator until SIGTERM.

    Each setting is a flag, or a variable of the environment; the flag wins. Access keys are taken
    from the environment only: ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET,
    ALIBABA_CLOUD_SECURITY_TOKEN.
    """
    from rds_ssl.settings import load

    with _faults_shown():
        settings = load(overrides=overrides)
    # All that takes long to import comes with this, after the settings have been found fine.
    with imported_for_good():
        from rds_ssl import app

    sys.exit(app.run(settings))


@main.command("settings", cls=_WithSettings)
def show_settings(**overrides: str | bool | None) -> None:
    """
    Show the settings and where each comes from.

    Takes the flags of `run`. Exits with 2 and all faults if `run` would.
    """
    from rds_ssl.settings import describe, load

    with _faults_shown():
        settings = load(overrides=overrides)
    rows = [("NAME", "VALUE", "SOURCE", "MEANING"), *describe(settings)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        click.echo("  ".join((*cells, row[3])))


for command in (*COMMANDS, *CLOUD_COMMANDS, web):
    main.add_command(command)


def plugin() -> None:
    """Command line of `kubectl rds-ssl`, which kubectl finds as ``kubectl-rds_ssl``."""
    main(prog_name="kubectl rds-ssl")


def complete_plugin() -> None:
    """Complete `kubectl rds-ssl`: kubectl asks ``kubectl_complete-rds_ssl``."""
    from rds_ssl.commands.completion import for_kubectl

    for line in for_kubectl(main, sys.argv[1:]):
        click.echo(line)


@contextmanager
def _faults_shown() -> Iterator[None]:
    try:
        yield
    except SettingsError as error:
        for fault in error.faults:
            click.echo(fault, err=True)
        sys.exit(FAULTY_SETTINGS)
