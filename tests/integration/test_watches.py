"""
Watches that hang, break and are refused: what was changed meanwhile is acted on, once.

Through a proxy that freezes what is open, and past an API server that is killed and comes back.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from support import polling
from support.cluster import Cluster
from support.shop import Shop, sweep
from support.simulator import Simulator
from support.succession import Succession, kubeconfig_through
from support.tcp_proxy import TcpProxy

NOTICED_SECONDS = 60.0
"""From a change that no watch shows to the call, at most."""

PATIENCE = 3 * NOTICED_SECONDS
"""For it to happen at all, on a loaded machine."""

SETTINGS = {
    "RESYNC": "3600s",  # Nothing is found by looking: it has to be noticed.
    "SETTLE": "3s",
    "POLL": "1s",
    "VERIFY_AFTER": "0s",
}


@pytest.fixture(scope="module")
def proxy(cluster: Cluster) -> Iterator[TcpProxy]:
    """The operator's way to the API server; the tests have another one."""
    with TcpProxy(cluster.control_plane.url) as proxy:
        yield proxy


@pytest.fixture(scope="module", params=["all", "named"])
def operators(
    request: pytest.FixtureRequest,
    cluster: Cluster,
    rds: Simulator,
    proxy: TcpProxy,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Succession]:
    """One operator that lives through all of this."""
    directory: Path = tmp_path_factory.mktemp("proxy")
    kubeconfig = kubeconfig_through(proxy, cluster.kubeconfig, directory)
    settings = {**SETTINGS, "SECRET_WATCH": request.param}
    with Succession(kubeconfig=kubeconfig, api_url=rds.url, **settings) as operators:
        operators.start().wait_ready()
        yield operators
        assert operators.now.poll() is None
    sweep(cluster)


def wait(what: str, fact: Callable[[], object]) -> None:
    polling.wait(lambda: None if fact() else f"not so: {what}", seconds=PATIENCE)


def is_ready(shop: Shop, name: str) -> bool:
    """True if an object is, and nothing is under way."""
    status = shop.status(name)
    return shop.conditions(name)["Ready"][0] == "True" and not status.get("operation")


@pytest.mark.timeout(300)
def test_what_is_changed_while_every_watch_hangs_is_acted_on_within_a_minute(
    shop: Shop, operators: Succession, proxy: TcpProxy
) -> None:
    for name in ("rotated", "edited", "deleted"):
        shop.start_custom(name, deletionPolicy="Disable", approvalRequired=[])
    wanted = shop.leaf("rotated")
    operators.secrets.append(wanted.key_pem())

    proxy.freeze()
    frozen = time.monotonic()
    shop.write_pair(wanted, "rotated")
    shop.patch("edited", serverCertificate=None)
    shop.delete("deleted")
    shop.add_instance("new")
    shop.declare("new")

    took: dict[str, float] = {}

    def noticed() -> bool:
        done = {
            "rotated": shop.truth("rotated")["accepted"] == 2,
            "edited": shop.truth("edited")["accepted"] == 2,
            "deleted": not shop.truth("deleted")["ssl"]["enabled"],
            "new": shop.truth("new")["accepted"] == 1,
        }
        for name, is_done in done.items():
            if is_done:
                took.setdefault(name, time.monotonic() - frozen)
        return all(done.values())

    wait(f"all was noticed: {took}", noticed)
    assert max(took.values()) < NOTICED_SECONDS
    for name in ("rotated", "edited", "new"):
        wait(f"{name} is Ready", partial(is_ready, shop, name))
    wait("it is gone", lambda: not shop.cluster.exists(shop.namespace, "deleted"))
    assert shop.ssl("rotated")["server_sha256"] == wanted.sha256
    assert {name: shop.cost(name) for name in ("rotated", "edited", "deleted", "new")} == {
        "rotated": (2, 2, 2),
        "edited": (2, 2, 2),
        "deleted": (2, 2, 2),
        "new": (1, 1, 1),
    }
    proxy.cut()
    proxy.forward()


@pytest.mark.timeout(300)
def test_what_is_changed_while_the_way_to_the_api_server_is_cut_is_acted_on_once(
    shop: Shop, operators: Succession, proxy: TcpProxy
) -> None:
    names = ("rotated", "edited", "unlinked")
    for name in names:
        shop.start_custom(name, approvalRequired=[])
    wanted = shop.leaf("rotated")
    operators.secrets.append(wanted.key_pem())

    proxy.refuse()
    shop.write_pair(wanted, "rotated")
    shop.patch("edited", serverCertificate=None)
    shop.cluster.delete_secret(shop.namespace, "unlinked-tls")
    # The place of each watch is lost by the time: the API server starts with an empty memory.
    shop.cluster.control_plane.kill_api_server()
    shop.cluster.control_plane.start_api_server()
    proxy.forward()

    wait("rotated", lambda: shop.truth("rotated")["accepted"] == 2)
    wait("edited", lambda: shop.truth("edited")["accepted"] == 2)
    wait(
        "the missing Secret is told of",
        lambda: shop.conditions("unlinked").get("MaterialReady", ("",))[0] == "False",
    )
    for name in ("rotated", "edited"):
        wait(f"{name} is Ready", partial(is_ready, shop, name))
    assert [shop.cost(name) for name in names] == [(2, 2, 2), (2, 2, 2), (1, 1, 1)]
    assert shop.ssl("rotated")["server_sha256"] == wanted.sha256
