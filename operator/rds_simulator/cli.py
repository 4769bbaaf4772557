"""The command ``rds-simulator``."""

import asyncio

import click

from rds_simulator import admin_instances
from rds_simulator.accounts import DEFAULT_KEY_ID, AccessKey
from rds_simulator.admin_models import InstanceBody
from rds_simulator.clock import wall_time
from rds_simulator.cloud import Cloud
from rds_simulator.config import ConfigError
from rds_simulator.server import Listen, serve


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, show_default=True, help="Port; 0 takes any free one.")
@click.option(
    "--access-key",
    "access_keys",
    multiple=True,
    metavar="ID:SECRET",
    help=f"A further access key that may do everything; {DEFAULT_KEY_ID} is always there.",
)
@click.option(
    "--instance",
    "instances",
    multiple=True,
    metavar="ID=PROFILE[@REGION]",
    help="An instance that is there from the start, such as pgm-1=postgresql-14@cn-shanghai.",
)
@click.option(
    "--max-url-bytes", default=8190, show_default=True, help="Longest request line that is taken."
)
@click.option(
    "--max-body-bytes", default=1024 * 1024, show_default=True, help="Longest body that is taken."
)
@click.option(
    "--exit-with-stdin", is_flag=True, help="End when standard input does (for test runners)."
)
def main(
    *,
    host: str,
    port: int,
    access_keys: tuple[str, ...],
    instances: tuple[str, ...],
    max_url_bytes: int,
    max_body_bytes: int,
    exit_with_stdin: bool,
) -> None:
    """
    Stand in for the API of ApsaraDB RDS, as far as its SSL settings go.

    Prints one line of JSON when it listens: {"url": "http://127.0.0.1:PORT", ...}. Everything is
    kept in memory. The admin interface is under /_sim.
    """
    cloud = Cloud()
    for pair in access_keys:
        key_id, colon, secret = pair.partition(":")
        if not (key_id and colon and secret):
            raise click.BadParameter("expected ID:SECRET", param_hint="--access-key")
        cloud.world.accounts.put(AccessKey(id=key_id, secret=secret))
    for each in instances:
        _add(cloud, each)
    listen = Listen(
        host=host,
        port=port,
        max_url_bytes=max_url_bytes,
        max_body_bytes=max_body_bytes,
        exit_with_stdin=exit_with_stdin,
    )
    try:
        asyncio.run(serve(cloud, listen))
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror}") from error


def _add(cloud: Cloud, described: str) -> None:
    instance_id, equals, kind = described.partition("=")
    profile, at, region = kind.partition("@")
    if not (instance_id and equals and profile) or (at and not region):
        raise click.BadParameter("expected ID=PROFILE[@REGION]", param_hint="--instance")
    body = InstanceBody(profile=profile, region=region) if region else InstanceBody(profile=profile)
    world = cloud.world
    try:
        made = admin_instances.create(instance_id, body, wall_time(), world.authority.issue)
    except ConfigError as error:
        raise click.BadParameter(f"{described}: {error}", param_hint="--instance") from error
    world.put(made)
