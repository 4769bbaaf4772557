"""Every command that the documents print works as it is printed, page by page, in their order."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from support import pki
from support.cluster import NAMESPACE, Cluster
from support.documents import DOCS, DOCUMENTS, Block, blocks, relative
from support.operator_process import OperatorProcess
from support.polling import patience
from support.shop import ORDERS, Shop
from support.simulator import Simulator

# `kubectl get lease` is among the commands.
OPERATOR = {"LEADER_ELECTION": "on", "LEASE_NAMESPACE": NAMESPACE}

QUICK_START = "pgm-bp1234567890abcde"
"""The instance of the documents' examples, which the quick start takes as it is."""

NEW_NAME = "ORDERS-NEW"


@dataclass(frozen=True, slots=True)
class World:
    """A namespace as a page expects it, and a folder with the files that it speaks of."""

    shop: Shop
    namespace: str
    """In the place of the documents' `shop`."""
    folder: Path
    old: pki.Authority
    new: pki.Authority
    """Two CAs of clients, whose files are in the folder."""


def printed(document: Path) -> list[Block]:
    """Give the blocks of a page that are to be run."""
    return [each for each in blocks(document, "sh") if each.reason is None]


PAGES = [each for each in DOCUMENTS if printed(each) and ".zh" not in each.name]
"""Those in Chinese have the same commands, which another test holds."""


# -- what the pages expect -------------------------------------------------------------------------


def empty(world: World) -> None:
    """Prepare an instance in the cloud, and nothing in the cluster."""
    world.shop.rds.put_instance(QUICK_START, profile="postgresql-14")
    (manifest,) = blocks(DOCS / "quickstart.md", "yaml")
    (world.folder / "orders.yaml").write_text(as_it_is_here(manifest, world))


def without_credentials(world: World) -> None:
    """Prepare a namespace in which everything is still to be made."""
    world.shop.cluster.namespace(world.namespace, credentials=False)


def ready(world: World) -> None:
    """Bring `orders` to a certificate of its own, with clients that log in by certificate."""
    shop = world.shop
    shop.add_instance()
    shop.write_pair(shop.root.leaf(*(each["host"] for each in shop.truth()["endpoints"])))
    shop.write_client_ca(world.old.pem, world.old.revocation_list())
    source = {"configMapKeyRef": {"name": "client-ca"}}
    trust = {"ca": source, "revocationList": source, "acl": "verify-full"}
    shop.declare_custom(clientAuthentication=trust)
    shop.wait_ready()


def held(world: World) -> None:
    """Prepare the same, with an edit that waits for an approval."""
    ready(world)
    world.shop.patch(clientAuthentication=None)
    world.shop.wait("ChangePending", "True", "AwaitingApproval")


PREPARED: dict[str, Callable[[World], None]] = {
    "docs/commands.md": held,
    "docs/install.md": without_credentials,
    "docs/operations.md": held,
    "docs/quickstart.md": empty,
    "docs/recipes/client-ca.md": ready,
    "docs/recipes/rename-an-endpoint.md": ready,
    "docs/recipes/revoke-a-client.md": ready,
}
"""Of pages that change something; the others look at one that is `ready`."""


# -- what has to be true afterwards ----------------------------------------------------------------


def moved_to_the_new_ca(world: World) -> None:
    world.shop.wait_ready()
    assert world.shop.ssl()["client_ca_sha256"] == [world.new.sha256]
    # One to come to where the recipe begins, then both CAs, then the new one.
    assert world.shop.cost() == (3, 3, 3)


def has_the_newer_list(world: World) -> None:
    world.shop.wait_cost((2, 2, 2))
    found = world.shop.wait_ready()
    (listed,) = found["status"]["observed"]["revocationList"]
    assert listed["revokedCount"] == 1


def protects_the_other_endpoint(world: World) -> None:
    found = world.shop.wait_ready()
    assert found["status"]["instance"]["endpoint"] == new_name(world)
    assert world.shop.cost() == (2, 2, 2)


def was_approved(world: World) -> None:
    world.shop.wait_ready()
    assert not world.shop.ssl()["client_ca_sha256"]
    assert world.shop.status()["history"][0]["approval"]


def turned_ssl_on(world: World) -> None:
    truth = world.shop.rds.instance(QUICK_START)
    assert (truth["ssl"]["enabled"], truth["accepted"]) == (True, 1)


AFTERWARDS: dict[str, Callable[[World], None]] = {
    "docs/commands.md": was_approved,
    "docs/quickstart.md": turned_ssl_on,
    "docs/recipes/client-ca.md": moved_to_the_new_ca,
    "docs/recipes/rename-an-endpoint.md": protects_the_other_endpoint,
    "docs/recipes/revoke-a-client.md": has_the_newer_list,
}
"""Where it is not enough that no command fails."""


# -- running ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def programs(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with kubectl and rds-ssl, for PATH."""
    folder = tmp_path_factory.mktemp("bin")
    for name, command in {
        "kubectl": [str(cluster.control_plane.kubectl_path)],
        "rds-ssl": [sys.executable, "-m", "rds_ssl"],
    }.items():
        (folder / name).write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        (folder / name).chmod(0o755)
    return folder


def make_world(cluster: Cluster, rds: Simulator, folder: Path) -> World:
    """Make a namespace with credentials, and files of two CAs."""
    shop = Shop(cluster, rds)
    old, new = pki.make_root("Old CA"), pki.make_root("New CA")
    files = {
        "ca-old.crt": old.pem,
        "ca-old.crl": old.revocation_list(),
        "ca-new.crt": new.pem,
        "ca-new.crl": new.revocation_list(),
        "ca.crt": old.pem,
        "ca.crl": old.revocation_list(serials=[7], number=2),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return World(shop=shop, namespace=shop.namespace, folder=folder, old=old, new=new)


@pytest.fixture(scope="module")
def at_rest(
    cluster: Cluster,
    rds: Simulator,
    operator: OperatorProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> World:
    """What the pages share that only look."""
    assert operator.poll() is None
    world = make_world(cluster, rds, tmp_path_factory.mktemp("at-rest"))
    ready(world)
    return world


def new_name(world: World) -> str:
    _, *others = world.shop.truth()["endpoints"]
    return str(others[0]["host"])


def as_it_is_here(block: Block, world: World) -> str:
    """Put names of this world in the place of the documents'."""
    shop = world.shop
    text = re.sub(r"\bshop\b(?!-)", world.namespace, block.text)
    text = text.replace("NAMESPACE", world.namespace).replace(" NAME", f" {ORDERS}")
    if NEW_NAME in text:
        text = text.replace(NEW_NAME, new_name(world))
    if "DIGEST" in text or re.search(r"--digest \w{16}", text):
        digest = shop.status()["plan"]["digest"]
        text = re.sub(r"(--digest )\w{16}", rf"\g<1>{digest}", text).replace("DIGEST", digest)
    return text


def run(block: Block, world: World, programs: Path, kubeconfig: Path) -> None:
    script = as_it_is_here(block, world)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        check=False,
        cwd=world.folder,
        env={
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "KUBECONFIG": str(kubeconfig),
        },
        capture_output=True,
        text=True,
        timeout=patience(60),
    )
    assert done.returncode == 0, f"{block.place}\n{script}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_command_of_a_page_works_as_it_is_printed(
    page: Path, cluster: Cluster, at_rest: World, programs: Path, tmp_path: Path
) -> None:
    name = relative(page)
    prepare, check = PREPARED.get(name), AFTERWARDS.get(name)
    world = at_rest
    if prepare:
        world = make_world(cluster, at_rest.shop.rds, tmp_path)
        if prepare in {empty, without_credentials}:
            world = replace(world, namespace=f"{world.namespace}-new")
        prepare(world)

    for block in printed(page):
        # Not everybody has it, and it is about what rds-ssl prints.
        if "| jq " not in block.text or shutil.which("jq"):
            run(block, world, programs, cluster.control_plane.kubeconfig)

    if check:
        check(world)
