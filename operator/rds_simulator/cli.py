"""The command ``rds-simulator``."""

import asyncio

import click

from rds_simulator.accounts import DEFAULT_KEY_ID, AccessKey
from rds_simulator.cloud import Cloud
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
    "--max-url-bytes", default=8190, show_default=True, help="Longest request line that is taken."
)
@click.option(
    "--max-body-bytes", default=1024 * 1024, show_default=True, help="Longest body that is taken."
)
@click.option(
    "--exit-with-stdin", is_flag=True, help="End when standard input does (for test runners)."
)
def main(
    host: str,
    port: int,
    access_keys: tuple[str, ...],
    max_url_bytes: int,
    max_body_bytes: int,
    *,
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
