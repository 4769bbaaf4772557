"""
The command lines that ask the cloud: names, flags and help.

What does the work is imported when a command runs.
"""

# ruff: noqa: PLC0415

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from rds_ssl.commands.options import REFUSED, imported_for_good
from rds_ssl.core.errors import CommandRefused, SettingsError

USAGE = 2
"""Exit code of faulty settings, the same as click's for flags that do not exist."""

INCOMPLETE = 3
"""Exit code where something was left out, or not answered."""

_NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_REGION = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_INSTANCE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_OBJECT = re.compile(r"[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?", re.ASCII)


def _now() -> datetime:
    return datetime.now(UTC)


def _namespace(_: click.Context, parameter: click.Parameter, value: str) -> str:
    if value and not _NAMESPACE.fullmatch(value):
        raise click.BadParameter("it is no name of a namespace", param=parameter)
    return value


def _region(_: click.Context, parameter: click.Parameter, value: str) -> str:
    # It becomes part of a host name.
    if not _REGION.fullmatch(value):
        raise click.BadParameter("it is no id of a region, such as cn-hangzhou", param=parameter)
    return value


def _instances(
    _: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    for value in values:
        if not _INSTANCE.fullmatch(value):
            raise click.BadParameter("it is no id of an instance", param=parameter)
    return values


def _tags(
    _: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    found = []
    for value in values:
        key, equals, text = value.partition("=")
        if not key or not equals:
            raise click.BadParameter("a tag is KEY=VALUE", param=parameter)
        found.append((key, text))
    return tuple(found)


def _object_name(_: click.Context, parameter: click.Parameter, value: str) -> str:
    if value and not _OBJECT.fullmatch(value):
        raise click.BadParameter("it is no name of an object", param=parameter)
    return value


_REGION_OPTION = click.option(
    "--region", "region_id", required=True, callback=_region, help="Region, such as cn-hangzhou."
)


@click.command("import", short_help="Write objects that adopt instances as they are.")
@click.argument("instance_ids", nargs=-1, metavar="[INSTANCE_ID]...", callback=_instances)
@_REGION_OPTION
@click.option("--all", "everything", is_flag=True, help="All instances of the region.")
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="KEY=VALUE",
    callback=_tags,
    help="All of the region with this tag; may be repeated, then with each of them.",
)
@click.option(
    "--terraform",
    "state",
    type=click.Path(dir_okay=False),
    default="",
    help="Read a Terraform state, or terraform show -json, in place of the cloud.",
)
@click.option(
    "-n",
    "--namespace",
    default="",
    callback=_namespace,
    help="Namespace to write into the objects; without it none is written.",
)
@click.option(
    "--credentials-secret",
    default="",
    callback=_object_name,
    help="Secret with the access key, for spec.credentialsSecretRef.",
)
@click.option("--role-arn", default="", help="RAM role, for spec.identity.roleARN.")
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False),
    default="",
    help="Write a file for each object there, in place of standard output.",
)
def import_instances(
    *,
    instance_ids: tuple[str, ...],
    region_id: str,
    everything: bool,
    tags: tuple[tuple[str, str], ...],
    state: str,
    namespace: str,
    credentials_secret: str,
    role_arn: str,
    output_dir: str,
) -> None:
    """
    Write DBInstanceSSL objects, as YAML, that adopt instances as they are.

    Applied, the operator calls nothing for them: their first plan is empty. Reads RDS with the
    operator's own settings and credentials, from the environment; changes nothing, and writes no
    private key. Exits with 3 if an instance was left out; standard error says why.
    """
    given = [
        name
        for name, one in (
            ("INSTANCE_ID", instance_ids),
            ("--all", everything),
            ("--tag", tags),
            ("--terraform", state),
        )
        if one
    ]
    if len(given) != 1:
        raise click.UsageError(
            "Say what to import, in one way: INSTANCE_ID..., --all, --tag or --terraform"
            + (f"; given: {', '.join(given)}." if given else ".")
        )
    if credentials_secret and role_arn:
        raise click.UsageError("--credentials-secret and --role-arn exclude each other.")
    with _refusals_shown():
        with imported_for_good():
            from rds_ssl.commands.adoption import Place
            from rds_ssl.commands.importing import Wanted
            from rds_ssl.commands.importing import import_instances as imported

        wanted = Wanted(region_id=region_id, instance_ids=instance_ids, tags=tags, state=state)
        place = Place(namespace=namespace, credentials_secret=credentials_secret, role_arn=role_arn)
        made = imported(wanted, place, _now)
        _write(made.documents, output_dir)
    for note in made.notes:
        _complain(note)
    if not made.complete:
        sys.exit(INCOMPLETE)


@click.command(short_help="Ask a real account what no document says; report it by shapes.")
@click.argument(
    "instance_ids", nargs=-1, required=True, metavar="INSTANCE_ID...", callback=_instances
)
@_REGION_OPTION
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    help="table for people, json for programs.",
)
def doctor(*, instance_ids: tuple[str, ...], region_id: str, output: str) -> None:
    """
    Ask RDS about each INSTANCE_ID what no document says, and print a report to give away.

    Which signature is read, which words and forms the answers have, what tasks took. It only reads,
    with the operator's own settings and credentials, from the environment. The report has shapes
    and lengths: no key, no certificate, no id of an instance, an access key or an account.
    """
    with _refusals_shown():
        with imported_for_good():
            from rds_ssl.commands.doctor import examine

        answer = examine(region_id, instance_ids, _now)
    if output == "json":
        click.echo(json.dumps(answer.value, indent=2))
    else:
        for line in answer.lines:
            click.echo(line)
    if not answer.done:
        sys.exit(INCOMPLETE)


def _write(documents: Sequence[tuple[str, str]], output_dir: str) -> None:
    if not output_dir:
        for _, text in documents:
            click.echo(text, nl=False)
        return
    folder = Path(output_dir)
    files = {folder / f"{name}.yaml": text for name, text in documents}
    there = [str(each) for each in files if each.exists()]
    if there:
        raise CommandRefused(f"Nothing was written, for this is there already: {', '.join(there)}.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            file.write_text(text, encoding="utf-8")
            click.echo(file)
    except OSError as error:
        raise CommandRefused(f"{error.filename} cannot be written: {error.strerror}.") from None


@contextmanager
def _refusals_shown() -> Iterator[None]:
    try:
        yield
    except CommandRefused as refused:
        _complain(str(refused))
        sys.exit(REFUSED)
    except SettingsError as error:
        for fault in error.faults:
            _complain(fault)
        sys.exit(USAGE)


def _complain(text: str) -> None:
    from rds_ssl.commands.formatting import safe

    click.echo(safe(text), err=True)


CLOUD_COMMANDS: Sequence[click.Command] = (import_instances, doctor)
