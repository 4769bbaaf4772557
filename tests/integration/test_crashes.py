"""Real SIGKILLs, at the moments where a second call would be one restart too many."""

import time
from collections.abc import Callable, Iterator

import pytest

from support.cluster import Cluster
from support.shop import MODIFY, Shop, sweep
from support.simulator import Simulator
from support.succession import Succession
from support.wire import Wire

SETTLE_SECONDS = 3.0
SETTINGS = {"SETTLE": "3s", "POLL": "0.5s", "VERIFY_AFTER": "1s"}

CHANGE_SECONDS = 1000.0
"""A change lasts until the test moves the cloud's clock on."""

OPEN_SECONDS = 50.0
"""Of a call that is killed meanwhile; no machine needs them, and the client would wait for 60."""

NAMES = ("orders", "billing", "stock")
ROUNDS = 6
"""Of three kills each; the other tests bring them to twenty."""


@pytest.fixture
def wire(rds: Simulator) -> Iterator[Wire]:
    """The way to the cloud."""
    with Wire(rds.url) as wire:
        yield wire


@pytest.fixture
def operators(cluster: Cluster, wire: Wire) -> Iterator[Succession]:
    """Operators to be killed."""
    with Succession(kubeconfig=cluster.kubeconfig, api_url=wire.url, **SETTINGS) as operators:
        yield operators
    sweep(cluster)


def phase(shop: Shop, name: str) -> str | None:
    """Of the write-ahead record."""
    operation = shop.status(name).get("operation") or {}
    found: str | None = operation.get("phase")
    return found


def for_all(what: str, shop: Shop, fact: Callable[[str], object]) -> None:
    """Wait until it is so for each object."""
    shop.wait_until(f"{what}, for all", lambda: all(fact(name) for name in NAMES))


def kill_while_the_calls_are_open(shop: Shop, operators: Succession, accepted: int) -> None:
    for_all("executed", shop, lambda name: shop.truth(name)["accepted"] == accepted)
    assert {phase(shop, name) for name in NAMES} == {"Sending"}
    operators.kill()


def kill_right_after_the_acceptance(shop: Shop, operators: Succession, accepted: int) -> None:
    for_all("recorded", shop, lambda name: phase(shop, name) == "Accepted")
    operators.kill()
    assert all(shop.truth(name)["accepted"] == accepted for name in NAMES)


def kill_while_modifying(shop: Shop, operators: Succession) -> None:
    """It has found out, from the record alone, that it has to wait."""
    seen = {name: len(shop.calls(name)) for name in NAMES}
    operators.start()
    for_all("looked at", shop, lambda name: len(shop.calls(name)) > seen[name])
    assert all(shop.truth(name)["status"] == "SSL_MODIFYING" for name in NAMES)
    operators.kill()


def kill_right_after_running(shop: Shop, operators: Succession) -> None:
    seen = {name: len(shop.calls(name)) for name in NAMES}
    operators.start()
    for_all("looked at", shop, lambda name: len(shop.calls(name)) > seen[name])
    shop.rds.clock(advance=CHANGE_SECONDS + 1)
    assert all(shop.truth(name)["status"] == "Running" for name in NAMES)
    operators.kill()


@pytest.mark.timeout(300)
def test_eighteen_kills_at_the_worst_moments_cost_one_restart_for_each_change(
    shop: Shop, operators: Succession
) -> None:
    operators.start()
    for name in NAMES:
        operators.secrets.append(shop.start_custom(name).key_pem())
    for name in NAMES:
        shop.rds.config(durations={"change": CHANGE_SECONDS}, instance=shop.instance_id(name))
    for done in range(1, ROUNDS + 1):
        leaves = {name: shop.leaf(name) for name in NAMES}
        for name, leaf in leaves.items():
            if done % 2:
                slow = {"kind": "delay", "seconds": OPEN_SECONDS}
                shop.rds.fault(slow, action=MODIFY, instance=shop.instance_id(name))
            operators.secrets.append(leaf.key_pem())
            shop.write_pair(leaf, name)

        if done % 2:
            kill_while_the_calls_are_open(shop, operators, accepted=done + 1)
        else:
            kill_right_after_the_acceptance(shop, operators, accepted=done + 1)
        kill_while_modifying(shop, operators)
        kill_right_after_running(shop, operators)

        operators.start()
        for name, leaf in leaves.items():
            shop.wait_ready(name, reason="Verified")
            assert shop.cost(name) == (done + 1, done + 1, done + 1)
            assert shop.ssl(name)["server_sha256"] == leaf.sha256


def test_a_call_that_never_left_a_killed_process_is_made_by_the_next_one_after_it_has_settled(
    shop: Shop, operators: Succession, wire: Wire
) -> None:
    operators.start().wait_ready()
    wire.hold(MODIFY)
    shop.add_instance()
    shop.write_pair(shop.leaf())
    shop.declare_custom()
    wire.caught()
    assert phase(shop, "orders") == "Sending"
    operators.kill()
    wire.mend()

    started = time.monotonic()
    operators.start()

    shop.wait_ready(reason="Verified")
    assert time.monotonic() - started > SETTLE_SECONDS
    assert shop.cost() == (1, 1, 1)


def test_a_declaration_that_changed_while_nobody_ran_waits_for_the_end_of_what_was_sent(
    shop: Shop, operators: Succession
) -> None:
    operators.start()
    shop.start_custom()
    shop.rds.config(durations={"change": CHANGE_SECONDS}, instance=shop.instance_id())
    shop.write_pair(shop.leaf())
    shop.wait_until("recorded", lambda: phase(shop, "orders") == "Accepted")
    operators.kill()
    wanted = shop.leaf()
    shop.write_pair(wanted)

    seen = len(shop.calls())
    operators.start()
    shop.wait_until("it looks, more than once", lambda: len(shop.calls()) >= seen + 3)
    assert shop.truth()["accepted"] == 2
    shop.rds.config(durations={"change": 0.4}, instance=shop.instance_id())
    shop.rds.clock(advance=CHANGE_SECONDS + 1)

    shop.wait_until("the second is in force", lambda: shop.truth()["accepted"] == 3)
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (3, 3, 3)
    assert shop.ssl()["server_sha256"] == wanted.sha256
    assert what_happened(shop) == ["accepted", "restarted", "succeeded"] * 3


def what_happened(shop: Shop) -> list[str]:
    """To the instance, oldest first: changes that overlap would show."""
    return [each["what"] for each in shop.truth()["events"]]
