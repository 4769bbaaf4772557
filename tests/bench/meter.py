"""What a program has used and asked for in a span of time."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from bench.audit import Requests
from bench.cloud_facts import MODIFY
from bench.programs import Program
from bench.usage import Usage, cpu_seconds, usage
from bench.world import World
from support.operator_process import OperatorProcess
from support.watched_process import WatchedProcess

STILL_SECONDS = 1.0
"""After the end of a span, until the last writes are in the audit log."""

HELD = MappingProxyType(
    {
        "rds_ssl_loop_held_seconds_max": "loop_held_ms",
        "rds_ssl_collection_seconds_max": "collection_ms",
    }
)
"""Figures by the metric of `bench.held` that they come from."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The figures of one program in one scenario of one run; None: not to be had."""

    scenario: str
    program: Program
    figures: Mapping[str, float | None]
    raw: Mapping[str, Any] = field(default_factory=dict)
    """What is behind the figures, for whoever wants to look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A span of time that has ended."""

    usage: Usage
    """At its end; CPU within the span."""
    requests: Requests
    calls: Mapping[str, Mapping[str, int]]
    """Of the cloud, by action and code."""
    accepted: int
    """Changes that the cloud has accepted."""
    cpu_of_others: Mapping[str, float]
    """Seconds of the simulator, the API server, etcd and the bench itself."""
    load: tuple[float, float, float]
    """Of the machine at the end, over 1, 5 and 15 minutes."""

    @property
    def all_calls(self) -> int:
        """How many calls of the cloud there were."""
        return sum(sum(codes.values()) for codes in self.calls.values())

    @property
    def refused(self) -> int:
        """How many of them were answered by an error."""
        return self.all_calls - sum(codes.get("OK", 0) for codes in self.calls.values())

    def per_object(self, objects: int) -> dict[str, float | None]:
        """Give the counts that nearly every scenario tells, for each of so many objects."""
        return {
            "cloud_calls": self.all_calls / objects,
            **self.written_per_object(objects),
            "api_requests": self.requests.total / objects,
        }

    def written_per_object(self, objects: int) -> dict[str, float | None]:
        """Give what was changed; looks at other objects meanwhile do not count."""
        return {
            "modifies": self.accepted / objects,
            "patches": self.requests.patches / objects,
            "patches_of_one": self.requests.patches_of_one,
            "events_created": self.requests.events_created / objects,
            "events_patched": self.requests.events_patched / objects,
        }

    def raw(self) -> Json:
        """Give the rest."""
        return {
            "calls": {action: dict(codes) for action, codes in self.calls.items()},
            "requests": self.requests.by_kind,
            "cpu_of_others": dict(self.cpu_of_others),
            "load": self.load,
        }


class Meter:
    """Measures from now on; forgets the calls of the cloud until now."""

    def __init__(
        self, world: World, program: Program, process: WatchedProcess | None = None
    ) -> None:
        """*process*, if it runs already: its CPU time until now does not count."""
        self._world = world
        self._user = world.accounts[program].user
        self._place = world.audit.place()
        world.rds.clear_calls()
        self._others = {name: cpu_seconds(pid) for name, pid in world.process_ids().items()}
        self._cpu = cpu_seconds(process.pid) if process else 0.0
        self.began = time.time()

    def span_of(self, process: WatchedProcess, *, still: float = STILL_SECONDS) -> Span:
        """End the span, for *process* that still runs."""
        return self.span(usage(process.pid), still=still)

    def span(self, used: Usage, *, still: float = STILL_SECONDS) -> Span:
        """
        End the span, for a process that has used so much since it began.

        Calls and requests of the next *still* seconds belong to it.
        """
        others = {
            name: round(cpu_seconds(pid) - self._others[name], 2)
            for name, pid in self._world.process_ids().items()
        }
        load = os.getloadavg()
        time.sleep(still)  # Nothing tells that no further write is to come.
        calls: dict[str, dict[str, int]] = self._world.rds.stats()["actions"]
        return Span(
            usage=replace(used, cpu_seconds=used.cpu_seconds - self._cpu),
            requests=self._world.audit.requests(self._user, since=self._place),
            calls=calls,
            accepted=calls.get(MODIFY, {}).get("OK", 0),
            cpu_of_others=others,
            load=load,
        )


def loop_held(process: WatchedProcess) -> dict[str, float | None]:
    """Give the longest time that our operator's event loop was held, and a collection took."""
    if not isinstance(process, OperatorProcess):
        return {}
    lines = (line.rpartition(" ") for line in process.get("/metrics")[1].splitlines())
    return {HELD[name]: float(value) * 1000 for name, _, value in lines if name in HELD}


def percentile(ascending: Sequence[float], percent: int) -> float:
    """Give the least value that so many percent do not exceed."""
    rank = -(-percent * len(ascending) // 100)
    return ascending[max(rank, 1) - 1]
