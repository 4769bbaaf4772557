"""
The operator's numbers for Prometheus: docs/monitoring.md has a row for each.

Of the process here, of single objects in `rds_ssl.object_series`.
"""

import platform
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from rds_ssl.core.model import Cause, Impact, Priority, Restart
from rds_ssl.object_series import Entry, object_series

_SECONDS_OF_A_PASS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_SECONDS_OF_A_CALL = (0.03, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)
"""Up to the deadline of a write."""

_SECONDS_OF_A_WAIT = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)

MOST_CODES = 200
"""
Error codes that are counted by name: each makes samples that stay, and it is the API's word, or
that of whoever answers in its place.
"""

OTHER_CODE = "Other"
"""What the others are counted as."""

_RESULTS = ("done", "conflict", "gone", "kube_error", "not_leading", "cancelled", "bug")


class Metrics:
    """The operator's numbers for Prometheus, in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # A second sample for each one, that says when it was made.
        registry = CollectorRegistry()
        self._registry = registry
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)

        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"rds_ssl_{name}", meaning, labels, registry=registry)

        def gauge(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(f"rds_ssl_{name}", meaning, labels, registry=registry)

        def histogram(name: str, meaning: str, buckets: Sequence[float], *labels: str) -> Histogram:
            return Histogram(f"rds_ssl_{name}", meaning, labels, registry=registry, buckets=buckets)

        self._passes = counter("passes_total", "Passes that ended.", "result")
        self._pass_seconds = histogram(
            "pass_duration_seconds", "How long a pass took.", _SECONDS_OF_A_PASS
        )
        self._calls = counter("api_calls_total", "Calls of the cloud API.", "action", "code")
        self._codes: set[str] = set()
        self._call_seconds = histogram(
            "api_call_duration_seconds",
            "How long a call of the cloud API took.",
            _SECONDS_OF_A_CALL,
            "action",
        )
        self._wait_seconds = histogram(
            "api_wait_seconds",
            "How long an object waited for its turn at the cloud API, if its pass ended for it.",
            _SECONDS_OF_A_WAIT,
            "priority",
        )
        self._started = counter("changes_started_total", "Changes sent to an instance.", "cause")
        self._impacts = counter("change_impacts_total", "Impacts of the changes sent.", "impact")
        self._verified = counter("changes_verified_total", "Changes seen in force.")
        self._failed = counter("changes_failed_total", "Changes that ended otherwise.", "reason")
        self._restarts = counter(
            "change_restarts_total",
            "Changes that ended, by the restart predicted, and whether the instance left Running.",
            "predicted",
            "seen",
        )
        self._tables: dict[Gauge, Callable[[], Mapping[Any, float]]] = {}
        """Gauges with labels, and who tells all of their values."""
        self._make_gauges(gauge)
        gauge("build_info", "What runs: always 1.", "version", "python").labels(
            version("rds-ssl-operator"), platform.python_version()
        ).set(1)
        self._entries: Callable[[], Sequence[Entry] | None] = lambda: None
        self._most_entries = 0
        self._begin()

    def _make_gauges(self, gauge: Callable[..., Gauge]) -> None:
        self._objects = gauge("objects", "Objects by their Ready condition.", "ready", "reason")
        self._plans = gauge(
            "plans_pending", "Plans that are not carried out.", "held_by", "restart"
        )
        self._waiting = gauge(
            "api_waiting", "Objects that wait for their turn at the cloud API.", "priority"
        )
        self._slowed = gauge(
            "api_slowed_calls_per_second",
            "How fast an operation is called that was throttled; of several accounts, the slowest.",
            "action",
        )
        self._queue_depth = gauge("queue_depth", "Objects that wait for a pass.")
        self._queue_age = gauge(
            "queue_oldest_age_seconds", "How long the longest waiting object has waited."
        )
        self._watch_age = gauge("watch_age_seconds", "Time since the API server was last heard of.")
        self._leader = gauge(
            "leader", "1 if this process leads, and makes passes; 0 if not.", "shard", "lease"
        )
        self._shards = gauge("shards", "How many shards there are to be.")
        self._clock_skew = gauge(
            "clock_skew_seconds", "How far this clock is ahead of the cloud API's."
        )

    def _begin(self) -> None:
        """Begin with 0 what is known to come: an increase from nothing is none to Prometheus."""
        for each in _RESULTS:
            self._passes.labels(each)
        for cause in Cause:
            self._started.labels(cause.value)
        for impact in Impact:
            self._impacts.labels(impact.value)
        for priority in Priority:
            self._wait_seconds.labels(priority.name.lower())
        for restart in Restart:
            for seen in (False, True):
                self._restarts.labels(restart.value, _word(seen))

    def pass_ended(self, result: str, seconds: float) -> None:
        """Count a pass; *result* is one of a few words."""
        self._passes.labels(result).inc()
        self._pass_seconds.observe(seconds)

    def api_call(self, action: str, code: str, seconds: float) -> None:
        """Count a call; fits ``on_call`` of the cloud's transport."""
        if code not in self._codes and len(self._codes) >= MOST_CODES:
            code = OTHER_CODE
        self._codes.add(code)
        self._calls.labels(action, code).inc()
        self._call_seconds.labels(action).observe(seconds)

    def api_waited(self, priority: Priority, seconds: float) -> None:
        """Count an object that is called back, now that its turn at the cloud API has come."""
        self._wait_seconds.labels(priority.name.lower()).observe(seconds)

    def change_started(self, cause: str, impacts: Sequence[str]) -> None:
        """Count a change that is about to be sent; Restart is among its impacts if it may come."""
        self._started.labels(cause).inc()
        for each in impacts:
            self._impacts.labels(each).inc()

    def change_verified(self) -> None:
        """Count a change that is in force."""
        self._verified.inc()

    def change_failed(self, reason: str) -> None:
        """Count a change that was refused, failed or given up; *reason* is a condition's."""
        self._failed.labels(reason).inc()

    def change_ended(self, predicted: Restart, *, seen: bool) -> None:
        """Count a change that RDS took, by the restart predicted and *seen*."""
        self._restarts.labels(predicted.value, _word(seen)).inc()

    def watch(
        self,
        *,
        queue_depth: Callable[[], float] | None = None,
        queue_oldest_age: Callable[[], float] | None = None,
        watch_age: Callable[[], float] | None = None,
        clock_skew: Callable[[], float | None] | None = None,
        shards: Callable[[], float] | None = None,
        objects: Callable[[], Mapping[tuple[str, str], int]] | None = None,
        plans: Callable[[], Mapping[tuple[str, str], int]] | None = None,
        leads: Callable[[], Mapping[tuple[str, str], float]] | None = None,
        waiting: Callable[[], Mapping[tuple[str], int]] | None = None,
        slowed: Callable[[], Mapping[tuple[str], float]] | None = None,
    ) -> None:
        """
        Ask these whenever the metrics are read; ages in seconds, a skew of None is unknown.

        *objects* gives their numbers by status and reason of their Ready condition, *plans* those
        of the plans that are held by what holds them and the restart that they predict, *leads*
        whether this process does by its shard and its Lease, *waiting* the numbers of the objects
        that wait for their turn by priority, *slowed* the calls per second of throttled operations.
        """
        tables: tuple[tuple[Gauge, Callable[[], Mapping[Any, float]] | None], ...] = (
            (self._objects, objects),
            (self._plans, plans),
            (self._leader, leads),
            (self._waiting, waiting),
            (self._slowed, slowed),
        )
        self._tables |= {gauge: ask for gauge, ask in tables if ask is not None}
        for gauge, ask in (
            (self._queue_depth, queue_depth),
            (self._queue_age, queue_oldest_age),
            (self._watch_age, watch_age),
            (self._shards, shards),
        ):
            if ask is not None:
                gauge.set_function(ask)
        if clock_skew is not None:
            ask_skew = clock_skew

            def skew() -> float:
                seconds = ask_skew()
                return float("nan") if seconds is None else seconds

            self._clock_skew.set_function(skew)

    def watch_objects(self, entries: Callable[[], Sequence[Entry] | None], *, most: int) -> None:
        """
        Ask *entries* for what single objects show, whenever the metrics are read.

        None is for a process that does not lead: whoever leads tells it, and nobody twice. *most*:
        see `object_series`.
        """
        self._entries, self._most_entries = entries, most

    def value(self, name: str, labels: Mapping[str, str] | None = None) -> float | None:
        """Return the present value of a sample, by its full name; None if there is none."""
        return self._registry.get_sample_value(name, dict(labels or {}))

    def render(self) -> bytes:
        """Write the numbers of the process in Prometheus' text format."""
        for gauge, ask in self._tables.items():
            gauge.clear()  # A combination that has no object any more is gone, not 0.
            for labels, count in ask().items():
                gauge.labels(*labels).set(count)
        return generate_latest(self._registry)

    async def exposition(self) -> bytes:
        """Write all of it, the series of single objects included."""
        entries = self._entries()
        if entries is None:
            return self.render()
        of_objects = await object_series(entries, most=self._most_entries)
        return self.render() + of_objects


def _word(seen: bool) -> str:  # noqa: FBT001  # It is the one thing that it spells.
    return "true" if seen else "false"
