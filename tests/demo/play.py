"""What every step has in hand: the stage, the certificates, the names, and common checks."""

import dataclasses
from collections.abc import Callable

from demo.stage import Json, Stage, lacks, require
from demo.story import NotAsToldError
from support import pki

ORDERS = "orders"
ORDERS_INSTANCE = "pgm-bp1orders0example"
ORDERS_HOST = "orders.pg.rds.aliyuncs.com"
"""Names of deploy/samples/postgresql.yaml."""

INVENTORY = "inventory"
INVENTORY_INSTANCE = "pgm-bp1minimal0example"
INVENTORY_SECRET = "inventory-tls"
"""Names of deploy/samples/postgresql-minimal.yaml, and a Secret of ours."""


@dataclasses.dataclass(slots=True, kw_only=True)
class Play:
    """The stage, and what one step hands on to the next."""

    stage: Stage
    root: pki.Authority
    clients: pki.Authority
    in_force: pki.Leaf
    """What the Secret of `ORDERS` holds, and the instance should show."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step, with the calls and restarts that it is told to cost."""

    title: str
    act: Callable[[Play], None]
    modify: int
    restarts: int


def begin(stage: Stage) -> Play:
    """Make the instances and certificates that the steps need."""
    stage.rds.put_instance(ORDERS_INSTANCE, profile="postgresql-14", connection_string=ORDERS_HOST)
    stage.rds.put_instance(INVENTORY_INSTANCE, profile="postgresql-14")
    root = pki.make_root("Demo server root")
    return Play(
        stage=stage,
        root=root,
        clients=pki.make_root("Demo client root"),
        in_force=new_leaf(root, days=90),
    )


def new_leaf(root: pki.Authority, *, days: int) -> pki.Leaf:
    """Make a certificate for `ORDERS_HOST` with an intermediate and a key of its own."""
    return root.intermediate("Demo intermediate").leaf(
        ORDERS_HOST, not_after=pki.real_now() + days * pki.DAY
    )


def wait_in_force(play: Play) -> None:
    """Wait until the certificate of `Play.in_force` is verified, and look that it is."""

    def problem() -> str | None:
        now = play.stage.get(ORDERS)
        shown = now["status"].get("observed", {}).get("serverCertificate", {}).get("sha256")
        if now["status"].get("operation") or shown != play.in_force.sha256:
            return f"the status shows certificate {shown or 'none'}"
        return lacks(now, "Ready", "True", "Verified")

    play.stage.wait(f"certificate {play.in_force.sha256[:8]} is verified", problem)
    require_in_force(play)


def require_in_force(play: Play) -> None:
    """
    Look that the instance of `ORDERS` has what is declared.

    Raises:
        NotAsToldError: If it has not.
    """
    ssl = play.stage.rds.instance(ORDERS_INSTANCE)["ssl"]
    told = {
        "enabled": True,
        "connection_string": ORDERS_HOST,
        "server_sha256": play.in_force.sha256,
        "client_ca_sha256": [play.clients.sha256],
        "acl": "verify-full",
        "replication_acl": "cert",
    }
    for name, value in told.items():
        require(ssl[name] == value, f"The instance has {name}={ssl[name]}, declared is {value}.")
    play.stage.story.confirm("Ready, and the instance has what is declared")


def require_untouched(before: Json, after: Json) -> None:
    """
    Look that nobody has changed anything of an object but its status.

    Raises:
        NotAsToldError: If somebody has.
    """
    for name in ("generation", "annotations", "labels", "finalizers"):
        if before["metadata"].get(name) != after["metadata"].get(name):
            raise NotAsToldError(f"metadata.{name} of the object was changed.")
