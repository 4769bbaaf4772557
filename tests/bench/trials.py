"""
The scenarios with a population of their own: a rate limit, an outage, a long change, much else.

Each takes the programs in turn; the floor has no part in them.
"""

import base64
import contextlib
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from types import MappingProxyType

from bench import bulk
from bench.bulk import Request
from bench.cloud_facts import wait_accepted
from bench.material import Mint
from bench.meter import HELD, Sample, loop_held
from bench.programs import Pace, Program
from bench.stage import PATIENCE_OF_ONE, Stage
from support import pki
from support.operator_process import OperatorProcess
from support.wire import Wire

LIMIT = 20
"""Calls per second, of each operation, that the cloud takes from one access key."""
LIMIT_PATIENCE = 240.0
"""Seconds; 200 objects take an operator that waits in time about 55."""

OUTAGE_SECONDS = 10.0

UNRELATED_SIZE = 2000
"""Bytes of a Secret that nobody uses."""
BESIDE_UNRELATED = 50
"""Objects that are brought up beside them, at most."""

STEADY_SECONDS = 5.0
"""Until memory is read after a load."""

Figures = dict[str, float | None]


def limit(stage: Stage, program: Program) -> Sample:
    """Bring objects up under a rate limit; how many calls one takes alone is measured first."""
    alone = _calls_of_one(stage, program)
    objects = stage.scale.limited
    stage.world.new_cloud(rate_limit=LIMIT)
    with (
        stage.population("limit", program) as people,
        stage.watch(people) as watch,
    ):
        people.create(range(objects))
        meter = stage.meter(program)
        with stage.start(program, Pace(api_rate=LIMIT)) as process:
            wall = None
            with contextlib.suppress(TimeoutError):
                wall = watch.wait_all(objects, seconds=LIMIT_PATIENCE) - meter.began
            span = meter.span_of(process)
            held = loop_held(process)
        # One among many is looked at less often meanwhile; whoever asks more has to wait.
        least = min(objects * alone, span.all_calls) / LIMIT
        figures = {
            "wall_seconds": wall,
            "calls_of_one": alone,
            "wall_to_least": wall and wall / least,
            "ready": len(watch.ready) / objects,
            "refused_percent": 100 * span.refused / span.all_calls,
            "cpu_seconds": span.usage.cpu_seconds,
            **span.per_object(objects),
            **held,
        }
    return Sample(scenario="limit", program=program, figures=figures, raw=span.raw())


def _calls_of_one(stage: Stage, program: Program) -> int:
    stage.world.new_cloud()
    with (
        stage.population("alone", program) as people,
        stage.watch(people) as watch,
    ):
        people.create(range(1))
        meter = stage.meter(program)
        with stage.start(program) as process:
            watch.wait_all(1, seconds=PATIENCE_OF_ONE)
            return meter.span_of(process).all_calls


def refused(stage: Stage, program: Program) -> Sample:
    """Change certificates while the cloud refuses connections; from its return to the calls."""
    numbers = range(stage.scale.few)
    stage.world.new_cloud()
    with (
        stage.population("refused", program) as people,
        stage.watch(people) as watch,
        Wire(stage.world.rds.url) as wire,
    ):
        people.create(numbers)
        with stage.start(program, api_url=wire.url) as process:
            watch.wait_all(len(numbers), seconds=PATIENCE_OF_ONE)
            writes = [people.rotation(each) for each in numbers]
            meter = stage.meter(program, process)
            wire.refuse()
            bulk.send(stage.world.cluster, writes)
            time.sleep(OUTAGE_SECONDS)
            wire.mend()
            back = time.time()
            accepted = wait_accepted(stage.world.rds, numbers, seconds=PATIENCE_OF_ONE)
            span = meter.span_of(process)
            delays = sorted(accepted[each] - back for each in numbers)
            figures = {
                "delay_p50_seconds": median(delays),
                "delay_max_seconds": delays[-1],
                **span.per_object(len(numbers)),
                **loop_held(process),
            }
    raw = {**span.raw(), "delays_seconds": [round(each, 3) for each in delays]}
    return Sample(scenario="refused", program=program, figures=figures, raw=raw)


def slow(stage: Stage, program: Program) -> Sample:
    """Follow changes that take minutes."""
    objects, change = stage.scale.few, stage.scale.change_seconds
    stage.world.new_cloud(change=change)
    with (
        stage.population("slow", program) as people,
        stage.watch(people) as watch,
    ):
        people.create(range(objects))
        meter = stage.meter(program)
        with stage.start(program) as process:
            ended = watch.wait_all(objects, seconds=change + PATIENCE_OF_ONE)
            span = meter.span_of(process)
            figures = {
                "wall_seconds": ended - meter.began,
                "change_seconds": change,
                **span.per_object(objects),
                "error_lines": len(_ERROR.findall(process.log)) / objects,
                **loop_held(process),
            }
    return Sample(scenario="slow", program=program, figures=figures, raw=span.raw())


_ERROR = re.compile(r"^.{0,60}\bERROR\b", re.MULTILINE)
"""A line of either program's log; the level stands behind the time."""


def secrets(stage: Stage, programs: Sequence[Program]) -> Iterator[Sample]:
    """Bring some objects up, without and with many Secrets that nobody uses."""
    without = {program: _beside(stage, program, "without") for program in programs}
    namespace = stage.world.cluster.namespace(f"unrelated-{stage.run}", credentials=False)
    path = f"/api/v1/namespaces/{namespace}/secrets"
    names = [f"unrelated-{number:05}" for number in range(stage.scale.unrelated)]
    data = {"content": base64.b64encode(bytes(UNRELATED_SIZE)).decode()}
    bulk.send(
        stage.world.cluster,
        (
            Request(method="POST", path=path, body={"metadata": {"name": each}, "data": data})
            for each in names
        ),
    )
    for program in programs:
        few, many = without[program], _beside(stage, program, "with")
        figures = {
            "unrelated": len(names),
            "rss_without_mib": few["rss_mib"],
            "rss_with_mib": many["rss_mib"],
            "first_ready_without_seconds": few["first_ready_seconds"],
            "first_ready_with_seconds": many["first_ready_seconds"],
            **{each: many[each] for each in HELD.values() if each in many},
        }
        yield Sample(scenario="secrets", program=program, figures=figures)
    bulk.send(
        stage.world.cluster, (Request(method="DELETE", path=f"{path}/{each}") for each in names)
    )


def _beside(stage: Stage, program: Program, name: str) -> Figures:
    objects = min(stage.scale.objects, BESIDE_UNRELATED)
    stage.world.new_cloud()
    with (
        stage.population(name, program) as people,
        stage.watch(people) as watch,
    ):
        people.create(range(objects))
        began = time.time()
        with stage.start(program) as process:
            watch.wait_all(objects, seconds=stage.scale.patience)
            return {
                "rss_mib": process.rss_mib(),
                "first_ready_seconds": min(watch.ready.values()) - began,
                **loop_held(process),
            }


def memory(stage: Stage, program: Program) -> Sample:
    """
    Let one process take over more and more instances that are as declared, and read its memory.

    They are taken over, not changed: what an object costs stays the same, and the time is bearable.
    """
    levels = (stage.scale.objects, 5 * stage.scale.objects)
    stage.world.new_cloud()
    mint = Mint(keys=stage.scale.keys, kind=pki.KeyType.EC)
    rss = []
    with (
        stage.population("memory", program, mint=mint) as people,
        stage.watch(people) as watch,
        stage.start(program) as process,
    ):
        if isinstance(process, OperatorProcess):
            process.wait_ready()
        time.sleep(STEADY_SECONDS)
        rss.append(process.rss_mib())
        known = 0
        for level in levels:
            people.create_as_declared(range(known, level))
            watch.wait_all(level, seconds=stage.scale.patience * level / levels[0])
            time.sleep(STEADY_SECONDS)
            rss.append(process.rss_mib())
            known = level
        held = loop_held(process)
    figures = {
        "rss_empty_mib": rss[0],
        "rss_mib": rss[1],
        "rss_of_five_times_mib": rss[2],
        "kib_per_further_object": 1024 * (rss[2] - rss[1]) / (levels[1] - levels[0]),
        **held,
    }
    return Sample(scenario="memory", program=program, figures=figures)


ONE_BY_ONE: Mapping[str, Callable[[Stage, Program], Sample]] = MappingProxyType(
    {"limit": limit, "refused": refused, "slow": slow, "memory": memory}
)

TRIALS = ("limit", "refused", "slow", "secrets", "memory")
"""In this order."""


def play(stage: Stage, name: str, programs: Sequence[Program]) -> Iterator[Sample]:
    """Play one of `TRIALS`; the memory of ours alone is of interest."""
    if name == "secrets":
        yield from secrets(stage, programs)
        return
    for program in programs:
        if name != "memory" or program is Program.OURS:
            yield ONE_BY_ONE[name](stage, program)
