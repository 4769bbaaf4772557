"""
Does the operator grow? Memory and file descriptors over a long run with churn.

    PYTHONPATH=tests python -m bench.churn [--minutes NUMBER] [--objects NUMBER]

A real control plane, the simulator, one operator. All the time Secrets are rotated and rewritten
without a change, objects are edited, deleted and made anew, and others come and go that nobody
names. Every half minute its resident memory and its open files are noted. Printed are the slope of
memory from the fifth minute on (least squares, MiB in ten minutes) and the range of files at rest.
Exit status 1 if memory grows by a MiB or more in ten minutes, or files by more than `SPARE`.
"""

import argparse
import random
import statistics
import sys
import time
from pathlib import Path

from support import polling
from support.cluster import Cluster
from support.controlplane import ControlPlane
from support.operator_process import OperatorProcess
from support.shop import Shop
from support.simulator import Simulator

WARM_SECONDS = 300.0
"""Until then caches fill, and Python's allocator finds its size."""

EVERY_SECONDS = 30.0
MOST_GROWTH = 1.0
"""MiB in ten minutes."""

SPARE = 4
"""Files by which the end may be above the beginning: connections come and go."""

_SETTINGS = {
    "QUIET_PERIOD": "1s",
    "VERIFY_AFTER": "0s",
    "POLL": "1s",
    "RESYNC": "60s",
    "LEADER_ELECTION": "off",
}


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.churn")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--objects", type=int, default=50)
    options = parser.parse_args()
    with ControlPlane.start(controllers=False) as control_plane, Simulator() as cloud:
        cluster = Cluster(control_plane)
        cloud.config(durations={"window": 0.1, "change": 0.4, "acl": 0.2})
        shop = Shop(cluster, cloud)
        with OperatorProcess(
            kubeconfig=cluster.kubeconfig,
            api_url=cloud.url,
            environ=None,
            ahead=0.0,
            module="rds_ssl",
            **_SETTINGS,
        ).wait_ready() as operator:
            names = [f"db{number}" for number in range(options.objects)]
            for name in names:
                shop.add_instance(name)
                shop.write_pair(shop.leaf(name), name)
                shop.declare_custom(name, adoptionPolicy="Overwrite")
            return _churn(shop, operator, names, seconds=60 * options.minutes)


def _churn(shop: Shop, operator: OperatorProcess, names: list[str], *, seconds: float) -> int:
    chance = random.Random(1)  # noqa: S311  # The same each time.
    began = time.monotonic()
    samples: list[tuple[float, float, int]] = []
    done = dict.fromkeys(("rotated", "rewritten", "edited", "made anew", "unrelated"), 0)
    while (now := time.monotonic() - began) < seconds:
        what = chance.choices([*done], weights=[4, 4, 2, 1, 4])[0]
        _do(what, shop, chance.choice(names), chance)
        done[what] += 1
        if now >= EVERY_SECONDS * (len(samples) + 1):
            samples.append((now, operator.rss_mib(), _files(operator)))
            print(f"{now:6.0f} s  {samples[-1][1]:7.1f} MiB  {samples[-1][2]:4} files", flush=True)
        time.sleep(0.2)
    print(", ".join(f"{count} {what}" for what, count in done.items()))
    polling.wait(
        lambda: None if operator.metric("rds_ssl_queue_depth") == 0 else "still at work", seconds=60
    )
    passes = operator.metric("rds_ssl_passes_total")
    accepted = sum(shop.truth(name)["accepted"] for name in names)
    warm = [each for each in samples if each[0] >= WARM_SECONDS] or samples
    slope = (
        600
        * statistics.linear_regression([each[0] for each in warm], [each[1] for each in warm]).slope
    )
    files = [each[2] for each in warm]
    print(
        f"{passes:,.0f} passes, {accepted:,} changes; memory {warm[0][1]:.1f} → {warm[-1][1]:.1f}"
        f" MiB, {slope:+.2f} MiB in ten minutes; files {min(files)} to {max(files)}"
    )
    return 1 if slope >= MOST_GROWTH or files[-1] - files[0] > SPARE else 0


def _do(what: str, shop: Shop, name: str, chance: random.Random) -> None:
    if what == "rotated":
        shop.write_pair(shop.leaf(name), name)
    elif what == "rewritten":
        note = str(chance.random())
        shop.cluster.request(
            "PATCH",
            f"/api/v1/namespaces/{shop.namespace}/secrets/{name}-tls",
            {"metadata": {"annotations": {"example.com/note": note}}},
        )
    elif what == "edited":
        policy = chance.choice(["Correct", "Report"])
        shop.patch(name, driftPolicy=policy)
    elif what == "made anew":
        shop.delete(name)
        polling.wait(
            lambda: "there" if shop.cluster.exists(shop.namespace, name) else None, seconds=10
        )
        shop.declare_custom(name, adoptionPolicy="Overwrite")
    else:
        kind = {"example.com": chance.randbytes(600).hex().encode()}
        shop.cluster.config_map(shop.namespace, f"other-{chance.randrange(500)}", kind)


def _files(operator: OperatorProcess) -> int:
    return len(list(Path(f"/proc/{operator.pid}/fd").iterdir()))


if __name__ == "__main__":
    sys.exit(main())
