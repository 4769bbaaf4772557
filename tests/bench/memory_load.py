"""
Memory of the operator beside what a tenant can put into a cluster to make it suffer.

    PYTHONPATH=tests .venv/bin/python -m bench.memory_load --count 300

Prints the most that the process has ever had, and what it has at the end, in MiB. That it stays
within the limit of deploy/ is held by tests/integration/test_memory.py.
"""

import argparse
import time
from collections.abc import Callable

from support import heavy
from support.cluster import CREDENTIALS, Cluster
from support.controlplane import ControlPlane
from support.operator_process import OperatorProcess
from support.simulator import ACCESS_KEY_SECRET, Simulator

REST = 5.0
"""Seconds until what was begun has ended."""


class Load:
    """One cluster, and operators one after the other; what is put in stays for the next."""

    def __init__(self, cluster: Cluster, rds: Simulator, count: int) -> None:
        self._cluster, self._rds, self._count = cluster, rds, count

    def nothing(self, operator: OperatorProcess) -> None:
        """Do nothing."""

    def touch_config_maps(self, _: OperatorProcess) -> None:
        """Change each, so that the watch shows it."""
        heavy.touch(self._cluster, "maps", self._names(), value="another")

    def rotate_keys(self, _: OperatorProcess) -> None:
        """Write access keys with ids of 900 KB, one after the other."""
        self._rds.put_instance("pgm-keys")
        self._cluster.create("keys", "db", instanceID="pgm-keys")
        for number in range(self._count):
            key = {"accessKeyId": f"LTAI{number:06}" + "x" * 900_000}
            secret = {**key, "accessKeySecret": ACCESS_KEY_SECRET}
            self._cluster.secret("keys", CREDENTIALS, secret)

    def make_config_maps(self) -> None:
        """Put them in while nobody looks."""
        self._cluster.namespace("maps", credentials=False)
        heavy.config_maps(self._cluster, "maps", self._names())

    def make_objects(self) -> None:
        """Put in objects without credentials."""
        self._cluster.namespace("objects", credentials=False)
        heavy.objects(self._cluster, "objects", self._names())

    def measure(self, what: str, work: Callable[[OperatorProcess], None]) -> None:
        """Start an operator, let *work* go on, and print a row."""
        began = time.monotonic()
        with OperatorProcess(
            kubeconfig=self._cluster.kubeconfig, api_url=self._rds.url
        ) as operator:
            operator.wait_ready()
            ready = time.monotonic() - began
            work(operator)
            time.sleep(REST)
            most, now = operator.memory_mib("VmHWM"), operator.rss_mib()
            print(f"| {what} | {ready:.1f} | {most:.0f} | {now:.0f} |", flush=True)

    def _names(self) -> list[str]:
        return [f"x-{number}" for number in range(self._count)]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    count = parser.parse_args().count
    with ControlPlane.start(controllers=False) as plane, Simulator() as rds:
        cluster = Cluster(plane)
        load = Load(cluster, rds, count)
        print("| load | ready after, s | most, MiB | at the end, MiB |\n|---|---|---|---|")
        load.measure("nothing", load.nothing)
        cluster.namespace("keys")
        load.measure(f"{count} access key ids of 900 KB", load.rotate_keys)
        load.make_config_maps()
        load.measure(f"{count} ConfigMaps with annotations", load.nothing)
        load.measure("the same, changed meanwhile", load.touch_config_maps)
        load.make_objects()
        load.measure(f"and {count} objects with annotations", load.nothing)


if __name__ == "__main__":
    main()
