"""The programs of a run, the ways between them, and what can be done to each by its name."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from chaos.breakage import API_SERVER, CLOUD, ETCD, operator, way
from support.cluster import NAMESPACE, Cluster
from support.controlplane import ControlPlane
from support.operator_process import OperatorProcess
from support.simulator import Simulator
from support.succession import kubeconfig_through
from support.tcp_proxy import TcpProxy

SETTINGS = {
    "QUIET_PERIOD": "1s",
    "POLL": "1s",
    "VERIFY_AFTER": "3s",
    "SETTLE": "20s",
    "MAX_CONCURRENT_CHANGES": "0",
    "MAX_CHANGES_PER_DAY": "0",
    "API_RATE": "0",
}
"""
No budget holds anything, and what is unknown is decided within seconds.

RESYNC stays at ten minutes: what only a resync would mend has not been mended in time.
"""

ELECTION = {"LEADER_ELECTION": "on", "LEASE_NAMESPACE": NAMESPACE}
"""Where several run; one alone needs none, and is at work at once after it was killed."""

DURATIONS = {"window": 12.0, "change": 2.0, "acl": 0.5}
"""
Of a change in the simulated cloud, in seconds.

For the window an accepted change does not show at all, long enough for another process to come and
look: whoever has forgotten it sends it again.
"""

LATENCY = 0.25
"""Seconds of each call of the cloud: long enough to be hit while it is open."""

ETCD_WAY = "etcd-way.sock"

BACK_SECONDS = 2.0
"""After a program has ended by itself: about what a kubelet takes."""


@dataclass(slots=True)
class _Absence:
    """A program that does not run."""

    until: float | None
    """Monotonic; None: it has been asked to end, and has not yet."""
    seconds: float = 0.0
    """From its end to the next one's beginning."""


@dataclass(slots=True)
class Told:
    """What the programs did by themselves."""

    ended: list[str] = field(default_factory=list)
    """Of each end that nobody caused: which program, and how."""


class Stage:
    """
    Etcd, API server, simulated cloud, operators, and a proxy on each way between two of them.

    `keep` has to be called now and then: it starts again what is down, as a kubelet would.
    """

    def __init__(self, operators: int, *, source: Path | None = None) -> None:
        """
        Set everything up but the operators; they begin with `start`.

        Args:
            operators: How many run at a time.
            source: Where their code is; None: what is installed.
        """
        self._environ = None if source is None else {"PYTHONPATH": str(source)}
        self.told = Told()
        self._names = [operator(number) for number in range(operators)]
        self._running: dict[str, OperatorProcess] = {}
        self._all: list[tuple[str, OperatorProcess]] = []
        self._absent: dict[str, _Absence] = {}
        self._frozen: dict[str, int] = {}
        with ExitStack() as stack:
            self.plane = stack.enter_context(ControlPlane.start(controllers=False))
            self.cluster = Cluster(self.plane)
            stack.callback(self.cluster.close)
            self.rds = stack.enter_context(Simulator())
            self.rds.config(durations=DURATIONS, latency=LATENCY)
            self._directory = Path(stack.enter_context(TemporaryDirectory(prefix="rds-ssl-chaos-")))
            self.ways: dict[str, TcpProxy] = {}
            for name in self._names:
                self.ways[way(name, API_SERVER)] = stack.enter_context(TcpProxy(self.plane.url))
                self.ways[way(name, CLOUD)] = stack.enter_context(TcpProxy(self.rds.url))
            self._put_proxy_before_etcd(stack)
            self._stack = stack.pop_all()

    def _put_proxy_before_etcd(self, stack: ExitStack) -> None:
        proxy = TcpProxy(self.plane.directory / "etcd.sock", listen=self.plane.directory / ETCD_WAY)
        self.ways[way(API_SERVER, ETCD)] = stack.enter_context(proxy)
        self.plane.reach_etcd_by(ETCD_WAY)
        self.plane.kill_api_server()
        self.plane.start_api_server()

    def close(self) -> None:
        """End everything."""
        for _, each in self._all:
            each.stop()
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- operators ----------------------------------------------------------------------------

    @property
    def operators(self) -> dict[str, OperatorProcess]:
        """Those that run, by name."""
        return {name: each for name, each in self._running.items() if each.poll() is None}

    def logs(self) -> Iterator[tuple[str, str]]:
        """Give name and log of each process that ever was, oldest first."""
        for number, (name, each) in enumerate(self._all, 1):
            yield f"{number:02}-{name}.log", each.log

    def start(self) -> None:
        """Start all operators."""
        for name in self._names:
            self._start_operator(name)

    def _start_operator(self, name: str) -> None:
        directory = self._directory / name
        directory.mkdir(exist_ok=True)
        to_api = self.ways[way(name, API_SERVER)]
        started = OperatorProcess(
            kubeconfig=kubeconfig_through(to_api, self.cluster.kubeconfig, directory),
            api_url=self.ways[way(name, CLOUD)].url,
            environ=self._environ,
            ahead=0.0,
            module="rds_ssl",
            **SETTINGS,
            **(ELECTION if len(self._names) > 1 else {}),
        )
        self._running[name] = started
        self._all.append((name, started))

    def leader(self) -> str:
        """Name the operator that leads now; where nobody can tell, the first that runs."""
        running = self.operators
        for name, each in running.items():
            known = name not in self._frozen and each.port is not None
            if known and each.metric("rds_ssl_leader") == 1:
                return name
        return next(iter(running), self._names[0])

    # -- blows --------------------------------------------------------------------------------

    def kill(self, name: str, *, seconds: float) -> None:
        """SIGKILL a program, to be started again after *seconds*; one that is down stays so."""
        self._frozen.pop(name, None)
        self._absent[name] = _Absence(until=time.monotonic() + seconds)
        if name == API_SERVER:
            self.plane.kill_api_server()
        elif name == ETCD:
            self.plane.kill_etcd()
        elif name in self._running:
            self._running[name].kill()

    def terminate(self, name: str, *, seconds: float) -> None:
        """Ask an operator to end, as Kubernetes does; another one begins *seconds* after that."""
        process = self.operators.get(name)
        if process is not None:
            self._absent[name] = _Absence(until=None, seconds=seconds)
            os.kill(process.pid, signal.SIGTERM)

    def freeze(self, name: str) -> None:
        """SIGSTOP a program, if it runs."""
        process_id = self._process_id(name)
        if process_id is not None:
            os.kill(process_id, signal.SIGSTOP)
            self._frozen[name] = process_id

    def thaw(self, name: str) -> None:
        """Let it go on, unless it was killed meanwhile."""
        process_id = self._frozen.pop(name, None)
        if process_id is not None and process_id == self._process_id(name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGCONT)

    def keep(self) -> None:
        """Start what is due, and note what has ended by itself."""
        now = time.monotonic()
        for name in (ETCD, API_SERVER, *self._names):
            if self._process_id(name) is not None:
                continue
            absence = self._absent.get(name)
            if absence is None:
                self.told.ended.append(f"{name}{self._end_of(name)}")
                self._absent[name] = _Absence(until=now + BACK_SECONDS)
            elif absence.until is None:
                absence.until = now + absence.seconds
            elif now >= absence.until:
                del self._absent[name]
                self._launch(name)

    def is_whole(self) -> bool:
        """Whether everything runs, nothing is frozen, and every way is open."""
        return (
            not self._frozen
            and not self._absent
            and all(self._process_id(name) for name in (ETCD, API_SERVER, *self._names))
            and all(each.trouble is None for each in self.ways.values())
        )

    def _launch(self, name: str) -> None:
        if name == API_SERVER:
            self.plane.launch_api_server()
        elif name == ETCD:
            self.plane.launch_etcd()
        else:
            self._start_operator(name)

    def _process_id(self, name: str) -> int | None:
        if name in {API_SERVER, ETCD}:
            return self.plane.process_ids().get(name)
        process = self._running.get(name)
        return process.pid if process is not None and process.poll() is None else None

    def _end_of(self, name: str) -> str:
        process = self._running.get(name)
        return "" if process is None else f" with exit code {process.poll()}"
