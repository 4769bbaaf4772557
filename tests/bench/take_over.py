"""
What it takes until another replica works: seconds from a signal, and calls of the cloud.

    PYTHONPATH=tests python -m bench.take_over [--runs NUMBER] [--objects NUMBER]

Two replicas and objects at rest. The leader is told to end, is killed, or is stopped; right after
that one Secret is written. Measured are the seconds until the other replica leads, and until it has
sent that rotation, and how many of the objects at rest the cloud was asked for until then.
"""

import argparse
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable

from support import polling
from support.cluster import NAMESPACE, Cluster
from support.controlplane import ControlPlane
from support.operator_process import OperatorProcess
from support.shop import Shop
from support.simulator import Simulator

_SETTINGS = {
    "LEADER_ELECTION": "on",
    "LEASE_NAMESPACE": NAMESPACE,
    "VERIFY_AFTER": "0s",
    "POLL": "0.5s",
}
_PATIENCE = 120.0
_EVERY = 0.01
"""Seconds between two looks: what a figure is exact to, but for the cost of a look."""

Figures = tuple[float, float, int]
"""Seconds to lead, seconds to the call, objects at rest that were asked for."""


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.take_over")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--objects", type=int, default=100)
    options = parser.parse_args()
    with ControlPlane.start(controllers=False) as control_plane, Simulator() as cloud:
        cluster = Cluster(control_plane)
        cloud.config(durations={"window": 0.1, "change": 0.4, "acl": 0.2})
        shop = Shop(cluster, cloud)
        _declare(shop, options.objects)
        print(f"{options.objects} objects at rest, {options.runs} runs: min / median / max")
        for what, end in _ENDS.items():
            found = [_measure(shop, end) for _ in range(options.runs)]
            leads, sends, asked = zip(*found, strict=True)
            print(
                f"{what:24} leads after {_spread(leads)} s, sends after {_spread(sends)} s,"
                f" objects asked for {min(asked)} / {statistics.median(asked):.0f} / {max(asked)}",
                flush=True,
            )
    return 0


def _declare(shop: Shop, objects: int) -> None:
    with _replica(shop):
        for number in range(objects):
            name = f"db{number}"
            shop.add_instance(name, ssl={"enabled": True})
            shop.declare(name)
        shop.start_custom()
        shop.cluster.wait_all_ready(shop.namespace, count=objects + 1, seconds=_PATIENCE)


def _replica(shop: Shop) -> OperatorProcess:
    return OperatorProcess(
        kubeconfig=shop.cluster.kubeconfig,
        api_url=shop.rds.url,
        environ=None,
        ahead=0.0,
        module="rds_ssl",
        **_SETTINGS,
    ).wait_ready()


def _measure(shop: Shop, end: Callable[[OperatorProcess], None]) -> Figures:
    shop.cluster.kubectl(
        "delete", "lease", "rds-ssl-operator", "-n", NAMESPACE, "--ignore-not-found"
    )
    with _replica(shop) as one:
        _wait(lambda: one.metric("rds_ssl_leader") == 1)
        with _replica(shop) as two:
            # The first looks of the first one are over.
            _wait(lambda: one.metric("rds_ssl_queue_depth") == 0)
            time.sleep(1)
            leaf = shop.leaf()
            shop.rds.clear_calls()
            began = time.monotonic()
            end(one)
            shop.write_pair(leaf)
            _wait(lambda: two.metric("rds_ssl_leader") == 1)
            leads = time.monotonic() - began
            _wait(shop.modifies)
            sends = time.monotonic() - began
            asked = {each["instance"] for each in shop.rds.calls()} - {shop.instance_id()}
            shop.wait_ready()
    return leads, sends, len(asked)


def _wait(fact: Callable[[], object]) -> None:
    polling.wait(lambda: None if fact() else "not so yet", seconds=_PATIENCE, every=_EVERY)


def _terminate(operator: OperatorProcess) -> None:
    os.kill(operator.pid, signal.SIGTERM)


def _stop(operator: OperatorProcess) -> None:
    os.kill(operator.pid, signal.SIGSTOP)


_ENDS: dict[str, Callable[[OperatorProcess], None]] = {
    "told to end (SIGTERM)": _terminate,
    "killed (SIGKILL)": OperatorProcess.kill,
    "stopped (SIGSTOP)": _stop,
}


def _spread(figures: tuple[float, ...]) -> str:
    return f"{min(figures):.2f} / {statistics.median(figures):.2f} / {max(figures):.2f}"


if __name__ == "__main__":
    sys.exit(main())
