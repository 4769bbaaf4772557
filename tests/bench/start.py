"""
What a start costs: CPU seconds (user and system) of a process, and memory of the operator.

    PYTHONPATH=tests python -m bench.start [--runs NUMBER] [--no-bytecode]

Imports, ``rds-ssl --help``, the commands that read an API server with 50 objects, those that read
a cloud with 50 instances, and ``run`` until it is ready for its first pass, with no object.
Bytecode is compiled before, as in the image, unless ``--no-bytecode``: then each process compiles
all that it imports.
"""

import argparse
import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from support import statuses
from support.cluster import Cluster
from support.controlplane import ControlPlane
from support.operator_process import OperatorProcess
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET, Simulator

_OBJECTS = 50
_PYTHON = sys.executable
_PROGRAM = str(Path(_PYTHON).parent / "rds-ssl")
_API = "/apis/rds-ssl.dev/v1alpha1/namespaces"
_HIDDEN = "import sys; sys.modules['kubernetes'] = None; import kopf"

_IMPORTS = {
    "python -c pass": "pass",
    "import aiohttp": "import aiohttp",
    "import kopf": "import kopf",
    "import kopf, no client": _HIDDEN,
    "import kubernetes.aio": "import kubernetes.aio",
    "import rds_ssl.app": "import rds_ssl.app",
}
_SAMPLES = str(Path(__file__).parents[2] / "deploy" / "samples")
_COMMANDS = (
    ("--help",),
    ("run", "--help"),
    ("web", "--help"),
    ("plan", "-A"),
    ("status", "-A"),
    ("explain", "AwaitingWindow"),
    ("lint", _SAMPLES),
)
_OF_THE_CLOUD = (("import", "rm-1"), ("import", "--all"), ("doctor", "rm-1"))


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.start")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--no-bytecode", action="store_true", help="as PYTHONDONTWRITEBYTECODE=1")
    options = parser.parse_args()
    with _environment(bytecode=not options.no_bytecode) as environ:
        _measure(options.runs, environ)
    return 0


@contextlib.contextmanager
def _environment(*, bytecode: bool) -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as directory:
        own = {
            "PYTHONPYCACHEPREFIX": directory,
            "PYTHONDONTWRITEBYTECODE": "" if bytecode else "1",
        }
        yield {**os.environ, **own}


def _measure(runs: int, environ: Mapping[str, str]) -> None:
    print(f"CPU seconds, min/median/max of {runs} runs", flush=True)
    for name, code in _IMPORTS.items():
        _tell(name, [_cpu([_PYTHON, "-c", code], environ) for _ in range(runs + 1)])
    with ControlPlane.start(controllers=False) as control_plane, Simulator() as cloud:
        cluster = Cluster(control_plane)
        namespace = cluster.namespace("bench", credentials=False)
        kubeconfig = control_plane.kubeconfig
        _tell_run(runs, environ, kubeconfig, cloud.url)
        for number in range(_OBJECTS):
            _put(cluster, namespace, f"object-{number}")
        with_access = {**environ, "KUBECONFIG": str(kubeconfig)}
        for arguments in _COMMANDS:
            costs = [_cpu([_PROGRAM, *arguments], with_access) for _ in range(runs + 1)]
            _tell(" ".join(("rds-ssl", *arguments)).replace(_SAMPLES, "SAMPLES"), costs)
        _tell_cloud(runs, environ, cloud)
        cluster.close()


def _tell_cloud(runs: int, environ: Mapping[str, str], cloud: Simulator) -> None:
    cloud.put_instances(
        *({"id": f"rm-{number}", "profile": "mysql-8.0"} for number in range(_OBJECTS))
    )
    access = {
        "RDS_SSL_API_URL": cloud.url,
        "RDS_SSL_API_RATE": "0",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ACCESS_KEY_SECRET,
    }
    for arguments in _OF_THE_CLOUD:
        command = [_PROGRAM, *arguments, "--region", "cn-hangzhou"]
        costs = [_cpu(command, {**environ, **access}) for _ in range(runs + 1)]
        _tell(" ".join(("rds-ssl", *arguments)), costs)


def _put(cluster: Cluster, namespace: str, name: str) -> None:
    cluster.create(namespace, name, instanceID=f"pgm-{name}")
    path = f"{_API}/{namespace}/dbinstancessls/{name}/status"
    cluster.request("PATCH", path, {"status": statuses.pending()})


def _tell_run(runs: int, environ: Mapping[str, str], kubeconfig: Path, api_url: str) -> None:
    costs, memory = [], []
    for _ in range(runs + 1):
        with OperatorProcess(
            kubeconfig=kubeconfig, api_url=api_url, environ=dict(environ)
        ) as operator:
            operator.wait_ready()
            costs.append(_cpu_of(operator.pid))
            memory.append(operator.rss_mib())
    _tell("rds-ssl run, until ready", costs)
    print(f"{'  and its memory (RSS)':26} {statistics.median(memory[1:]):.1f} MiB", flush=True)


def _cpu(command: Sequence[str], environ: Mapping[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _tell(name: str, costs: Sequence[float]) -> None:
    warm = costs[1:]  # The first one has compiled.
    print(
        f"{name:26} {min(warm):.3f} {statistics.median(warm):.3f} {max(warm):.3f}"
        f"{'':4}(load {os.getloadavg()[0]:.1f})",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
