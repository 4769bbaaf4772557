"""
What it costs not to watch all Secrets: `RDS_SSL_SECRET_WATCH` in its three ways, side by side.

    PYTHONPATH=tests .venv/bin/python -m bench.secret_watch --objects 50

One object for each Secret, all in one namespace, with a Secret of credentials in common. After all
are Ready it counts for a while what is asked of the API server, and changes ten Secrets at once.
"""

import argparse
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import yaml

from support import polling, rights
from support.cluster import CREDENTIALS, Cluster
from support.controlplane import ControlPlane
from support.installations import CLUSTER, NAMED, PACE, TEAM, USER, Installation
from support.operator_process import OperatorProcess
from support.shop import Shop, secret
from support.simulator import Simulator

OFF_RESYNC = 60.0
"""Seconds between two looks where nothing is watched, in place of ten minutes."""

ROTATIONS = 10
SPAN = 60.0
"""Seconds for which requests are counted."""

LOOKS_AN_HOUR = 6
"""At each object, with the default `RDS_SSL_RESYNC`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one mode costs."""

    mode: str
    watches: int
    """Of Secrets and ConfigMaps, open at the same time."""
    until_ready: float
    """Seconds from the start of the process until it has looked at all."""
    at_start: int
    """Requests to the API server until then."""
    an_hour: float
    """Requests an hour of objects at rest, from what was counted."""
    reads_of_secrets_an_hour: float
    memory: float
    """MiB, resident."""
    notice: list[float]
    """Seconds from the change of a Secret to the accepted call, sorted."""

    def row(self) -> str:
        """Write it as a row of a table."""
        middle, worst = statistics.median(self.notice), self.notice[-1]
        return (
            f"| `{self.mode}` | {self.watches} | {self.at_start} | {self.until_ready:.1f}"
            f" | {self.an_hour:,.0f} | {self.reads_of_secrets_an_hour:,.0f}"
            f" | {self.memory:.0f} | {middle:.2f}, {worst:.2f} |"
        )


class Measured:
    """A shop of so many objects that are Ready, and their operators, one for each mode."""

    def __init__(self, plane: ControlPlane, rds: Simulator, objects: int) -> None:
        self.plane, self.rds = plane, rds
        self.cluster = Cluster(plane, CLUSTER.manifests)
        self.shop = Shop(self.cluster, rds, TEAM)
        self.names = [f"db-{number}" for number in range(objects)]
        self._grant_names()

    def _grant_names(self) -> None:
        """Let the account read the Secrets by name: with the right to all that is measured too."""
        made = yaml.safe_load_all(self.plane.kubectl("kustomize", str(NAMED.manifests)).stdout)
        for each in made:
            if each["kind"] in {"Role", "RoleBinding"} and each["metadata"]["namespace"] == TEAM:
                for rule in each.get("rules", []):
                    rule["resourceNames"] = [CREDENTIALS, *map(secret, self.names)]
                self.plane.kubectl("apply", "-f", "-", input=yaml.safe_dump(each))

    def prepare(self) -> None:
        """Bring all objects to Ready."""
        with self._operator(CLUSTER):
            self.cluster.in_parallel(self.shop.adopt_custom, self.names)

    def price(self, mode: Installation, settings: dict[str, str]) -> Price:
        """Run one mode."""
        began, place = time.monotonic(), self.plane.audit_log.stat().st_size
        with self._operator(mode, **settings) as operator:
            polling.wait(lambda: self._looked(operator), seconds=120)
            until_ready = time.monotonic() - began
            started = self._requests(place)
            place, passes = self.plane.audit_log.stat().st_size, self._passes(operator)
            time.sleep(SPAN)
            later, looks = self._requests(place), self._passes(operator) - passes
            # What is done at each look is counted for looks of every ten minutes.
            hour = LOOKS_AN_HOUR * len(self.names) / looks if looks else 3600 / SPAN
            resync = float(settings.get("RESYNC", "600s").rstrip("s"))
            with ThreadPoolExecutor(ROTATIONS) as pool:
                notice = sorted(
                    pool.map(lambda name: self._rotate(name, resync), self.names[:ROTATIONS])
                )
            reads = _of(later, "get", "secrets")
            return Price(
                mode=mode.settings.get("SECRET_WATCH", "all"),
                watches=_of(started, "watch", "secrets") + _of(started, "watch", "configmaps"),
                until_ready=until_ready,
                at_start=sum(started.values()),
                an_hour=sum(later.values()) * hour,
                reads_of_secrets_an_hour=reads * hour,
                memory=operator.rss_mib(),
                notice=notice,
            )

    def _operator(self, mode: Installation, **settings: str) -> OperatorProcess:
        # One after the other, and none of them waits for the Lease of the one before.
        chosen = {**PACE, "LEADER_ELECTION": "off", **mode.settings, **settings}
        return OperatorProcess(
            kubeconfig=self.cluster.kubeconfig,
            api_url=self.rds.url,
            environ=None,
            ahead=0.0,
            module="rds_ssl",
            **chosen,
        ).wait_ready()

    def _looked(self, operator: OperatorProcess) -> str | None:
        passes = self._passes(operator)
        return None if passes >= len(self.names) else f"{passes:.0f} passes"

    @staticmethod
    def _passes(operator: OperatorProcess) -> float:
        return operator.metric("rds_ssl_passes_total", result="done")

    def _requests(self, since: int) -> dict[rights.Grant, int]:
        found: dict[rights.Grant, int] = {}
        for (grant, _), count in rights.requests(self.plane.audit_log, USER, since=since).items():
            found[grant] = found.get(grant, 0) + count
        return found

    def _rotate(self, name: str, resync: float) -> float:
        before = self.shop.truth(name)["accepted"]
        leaf = self.shop.leaf(name)
        began = time.monotonic()
        self.shop.write_pair(leaf, name)
        polling.wait(
            lambda: None if self.shop.truth(name)["accepted"] > before else "not yet",
            seconds=2 * resync,
            every=0.02,
        )
        return time.monotonic() - began


def _of(asked: dict[rights.Grant, int], verb: str, resource: str) -> int:
    return sum(
        count for each, count in asked.items() if (each.verb, each.resource) == (verb, resource)
    )


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=50)
    objects = parser.parse_args().objects
    print("| mode | watches | requests at the start | all looked at, s | requests an hour", end="")
    print(" | reads of Secrets an hour | memory, MiB | a rotation until its call, s: p50, worst |")
    print("|---|---|---|---|---|---|---|---|")
    off = Installation(name="off", manifests=NAMED.manifests, settings={"SECRET_WATCH": "off"})
    with ControlPlane.start(controllers=False, audit=True) as plane, Simulator() as rds:
        plane.kubectl("create", "namespace", TEAM)
        measured = Measured(plane, rds, objects)
        measured.prepare()
        for mode, settings in (
            (CLUSTER, {}),
            (NAMED, {}),
            (off, {"RESYNC": f"{OFF_RESYNC:.0f}s"}),
        ):
            print(measured.price(mode, settings).row(), flush=True)


if __name__ == "__main__":
    main()
