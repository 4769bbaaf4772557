"""The command line of the page to look at. What serves it is imported when it runs."""

# ruff: noqa: PLC0415

import click

from rds_ssl.commands.options import checked_namespace, looking, now
from rds_ssl.commands.types import Access

PORT = 8090


@click.command(short_help="Serve a page to look at, on this machine alone.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    help=f"Port on 127.0.0.1; 0 takes any free one.  [{PORT}]",
)
@click.option(
    "--operator-namespace",
    default="rds-ssl-system",
    callback=checked_namespace,
    help="Where the operator runs; its Lease there says which replica leads. [rds-ssl-system]",
)
@looking
def web(access: Access, port: int, operator_namespace: str) -> None:
    """
    Serve a page that shows the objects, until Ctrl-C.

    It shows what you may list, as the kubeconfig has you, and changes nothing. It listens on
    127.0.0.1 alone; in a Pod, kubectl port-forward leads there.
    """
    from rds_ssl.commands.page.serving import serve

    serve(
        access,
        port=port,
        operator_namespace=operator_namespace,
        clock=now,
        tell=click.echo,
    )
