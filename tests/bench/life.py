"""
The scenarios that share one population: cold start, late Secrets, rotation, warm restart, idling.

Each program lives through them in this order, with objects of its own; the floor knows the first
alone.
"""

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from statistics import median

from bench import bulk
from bench.cloud_facts import DESCRIBE, wait_accepted, wait_described
from bench.meter import STILL_SECONDS, Meter, Sample, Span, loop_held, percentile
from bench.naming import name_of
from bench.population import Population
from bench.programs import Pace, Program
from bench.ready_watch import ReadyWatch
from bench.stage import PATIENCE_OF_ONE, Stage
from support.watched_process import WatchedProcess

COLD, LATE, ROTATION, WARM, IDLE = "cold", "late", "rotation", "warm", "idle"

LIFE = (COLD, LATE, ROTATION, WARM, IDLE)
"""In this order."""

NO_RESYNC = 600
"""Seconds: a warm start is over before anything is looked at again."""

LATE_BY = 3.0
"""Seconds from an object to its Secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One program with a population of its own."""

    stage: Stage
    program: Program
    people: Population

    def samples(self, wanted: Collection[str]) -> Iterator[Sample]:
        """Live it, and tell of the *wanted* scenarios; a cold start is always the first."""
        stage = self.stage
        stage.world.new_cloud()
        self.people.create(range(stage.scale.objects))
        with stage.watch(self.people) as watch:
            if self.program is Program.FLOOR:
                yield self._floor()
                return
            meter = stage.meter(self.program)
            with stage.start(self.program) as process:
                yield self._cold(meter, watch, process)
                if LATE in wanted:
                    yield self._late(watch, process)
                if ROTATION in wanted:
                    yield self._rotation(watch, process)
                process.terminate()
            if WARM in wanted:
                yield self._warm(len(watch.ready))
            if IDLE in wanted:
                yield self._idle(len(watch.ready))

    def _floor(self) -> Sample:
        objects = self.stage.scale.objects
        meter = self.stage.meter(self.program)
        with self.stage.start_floor(self.people, objects=objects) as process:
            used = process.wait_end(seconds=self.stage.scale.patience)
            wall = time.time() - meter.began
        span = meter.span(used)
        figures = {"wall_seconds": wall, **_used(span), **span.per_object(objects)}
        return self._sample(COLD, figures, span)

    def _cold(self, meter: Meter, watch: ReadyWatch, process: WatchedProcess) -> Sample:
        """From the start of the program until all objects are Ready."""
        ended = watch.wait_all(self.stage.scale.objects, seconds=self.stage.scale.patience)
        span = meter.span_of(process)
        took = sorted(at - meter.began for at in watch.ready.values())
        figures = {
            "wall_seconds": ended - meter.began,
            "first_ready_seconds": took[0],
            "median_ready_seconds": median(took),
            **_used(span),
            **span.per_object(self.stage.scale.objects),
            "refused_calls": span.refused,
            **loop_held(process),
        }
        return self._sample(COLD, figures, span)

    def _late(self, watch: ReadyWatch, process: WatchedProcess) -> Sample:
        """From a Secret that comes some seconds after its object to the accepted call."""
        numbers = range(self.stage.scale.objects, self.stage.scale.objects + self.stage.scale.few)
        self.people.create_instances(numbers)
        writes = [self.people.secret(each) for each in numbers]
        meter = self.stage.meter(self.program, process)
        self.people.create_objects(numbers)
        time.sleep(LATE_BY)
        began = time.time()
        bulk.send(self.stage.world.cluster, writes)
        accepted = wait_accepted(self.stage.world.rds, numbers, seconds=PATIENCE_OF_ONE)
        watch.wait_all(self.stage.scale.objects + len(numbers), seconds=PATIENCE_OF_ONE)
        span = meter.span_of(process)
        delays = sorted(accepted[each] - began for each in numbers)
        figures = {
            "delay_p50_seconds": median(delays),
            "delay_max_seconds": delays[-1],
            **span.per_object(len(numbers)),
            **loop_held(process),
        }
        return self._sample(LATE, figures, span, delays_seconds=delays)

    def _rotation(self, watch: ReadyWatch, process: WatchedProcess) -> Sample:
        """From a new certificate in a Secret to the accepted call, Secret after Secret."""
        numbers = range(self.stage.scale.rotations)
        writes = [self.people.rotation(each) for each in numbers]
        meter = self.stage.meter(self.program, process)
        stored = {}
        for number, write in zip(numbers, writes, strict=True):
            self.stage.world.cluster.request(write.method, write.path, write.body)
            stored[number] = time.time()
            # No poll: what comes next is to find a machine at rest.
            time.sleep(self.stage.scale.rotation_gap)
        accepted = wait_accepted(self.stage.world.rds, numbers, seconds=PATIENCE_OF_ONE)
        again = {name_of(each): stored[each] for each in numbers}
        # Whoever does not come to an end is told of, and goes on to the next scenario.
        missing = watch.missing_again(again, seconds=PATIENCE_OF_ONE)
        span = meter.span_of(process)
        delays = sorted((accepted[each] - stored[each]) * 1000 for each in numbers)
        figures = {
            "delay_p50_ms": median(delays),
            "delay_p95_ms": percentile(delays, 95),
            "delay_max_ms": delays[-1],
            "not_ready_again": len(missing),
            **span.written_per_object(len(numbers)),
            **loop_held(process),
        }
        return self._sample(ROTATION, figures, span, delays_ms=delays)

    def _warm(self, objects: int) -> Sample:
        """From the start of the program, all being well, until each instance was looked at."""
        meter = self.stage.meter(self.program)
        with self.stage.start(self.program, Pace(resync=NO_RESYNC)) as process:
            patience = self.stage.scale.patience
            ended = wait_described(self.stage.world.rds, objects, seconds=patience)
            span = meter.span_of(process)
            held = loop_held(process)
            process.terminate()
        figures = {
            "wall_seconds": ended - meter.began,
            **_used(span),
            **span.per_object(objects),
            "writes": span.requests.writes,
            **held,
        }
        return self._sample(WARM, figures, span)

    def _idle(self, objects: int) -> Sample:
        """One whole period of looks at objects with which all is well, after the first looks."""
        scale, rds = self.stage.scale, self.stage.world.rds
        rds.clear_calls()
        with self.stage.start(self.program, Pace(resync=scale.idle_resync)) as process:
            wait_described(rds, objects, seconds=scale.patience)
            time.sleep(STILL_SECONDS)  # The last page of kopf's own first list may be to come.
            meter = self.stage.meter(self.program, process)
            time.sleep(scale.idle_resync)
            span = meter.span_of(process, still=0.0)
            held = loop_held(process)
            process.terminate()
        checks = span.calls[DESCRIBE]["OK"]
        figures = {
            "checks": checks,
            "cpu_ms_per_check": 1000 * span.usage.cpu_seconds / checks,
            "cloud_calls": span.all_calls / checks,
            "api_requests": span.requests.total / checks,
            "modifies": span.accepted,
            "writes": span.requests.writes,
            **held,
        }
        return self._sample(IDLE, figures, span)

    def _sample(
        self, scenario: str, figures: dict[str, float | None], span: Span, **raw: list[float]
    ) -> Sample:
        more = {name: [round(each, 4) for each in values] for name, values in raw.items()}
        return Sample(
            scenario=scenario, program=self.program, figures=figures, raw={**span.raw(), **more}
        )


def _used(span: Span) -> dict[str, float | None]:
    return {
        "cpu_seconds": span.usage.cpu_seconds,
        "rss_peak_mib": span.usage.rss_peak_mib,
        "rss_mib": span.usage.rss_mib,
    }
