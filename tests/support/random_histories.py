"""
Histories by chance: hypothesis chooses where one takes place and what happens in it.

::

    @given(**STORY)
    def test(setting, beginning, strokes):
        with kept_log() as log:
            assert virtual_time.run(play(setting, told(beginning, strokes), log)) == []
"""

import functools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from rds_simulator.config import SWITCH_VALUES
from rds_ssl.core.operation.verification import Limits
from rds_ssl.engine.reconcile.ports import Timings
from support.engine_world import EngineWorld
from support.histories import INSTANCES, History
from support.referee import complaints
from support.specs import SPECS, WHEN
from support.steps import (
    Approve,
    Crash,
    Declare,
    Edit,
    Fault,
    Foreign,
    Initially,
    KubeFault,
    Maintain,
    Material,
    Step,
    Touch,
    Wait,
)
from support.trouble import FAULTS

LENGTH = 10
"""Strokes, each of one to four steps, at most."""

REST = 3000.0
"""Seconds until everything has ended: settle times, three attempts ten minutes apart, looks."""

INSTANCE_NAMES = st.sampled_from(INSTANCES)
NAMES = st.sampled_from(["a", "a", "a", "b", "b", "b", "r", "c"])
STATES = st.sampled_from(["cloud", "custom", "custom", "clients", "strict", "renew", "other pfx"])

WAITS = st.builds(Wait, st.sampled_from([0.003, 0.05, 0.5, 2.0, 15.0, 200.0, 700.0]))
LONG_WAITS = st.builds(Wait, st.sampled_from([200.0, 700.0, 1900.0, 4000.0]))
"""Long enough for a drift to be put back, and for windows to open and close."""
CRASHES = st.builds(Crash, st.integers(0, 25), st.sampled_from([0.0, 1.0, 60.0]))
FAULTY = st.builds(
    lambda order, times: Fault(order[0], tuple(order[1].items()), times),
    st.sampled_from(FAULTS),
    st.integers(1, 3),
)
KUBE_FAULTS = st.builds(
    KubeFault, st.sampled_from(["unavailable", "conflict"]), st.booleans(), st.integers(1, 3)
)
MEDDLING = st.sampled_from(["on", "off", "off", "custom", "custom"])
FOREIGN = st.builds(
    Foreign,
    INSTANCE_NAMES,
    st.sampled_from(["on", "off", "custom", "renew", "busy", "running"]),
)
APPROVALS = st.builds(
    Approve, NAMES, st.sampled_from(["pending", "pending", "pending", "stale", "nonsense"])
)
WINDOW_SPECS = sorted(each for each in WHEN if "window" in each)
WINDOWS: st.SearchStrategy[Step] = st.one_of(
    st.builds(Edit, NAMES, st.sampled_from(WINDOW_SPECS)),
    st.builds(Maintain, INSTANCE_NAMES, st.sampled_from(["now", "soon", "far"])),
)
CHANGES: st.SearchStrategy[Step] = st.one_of(
    st.builds(Edit, NAMES, STATES),
    st.builds(Material, NAMES, st.just("new")),
    st.builds(Edit, NAMES, st.sampled_from(["off", "cloud"])),
    st.builds(
        Edit, st.just("b"), st.sampled_from(["renew", "renew", "forced", "plain", "tls 1.2"])
    ),
)
STEPS: st.SearchStrategy[Step] = st.one_of(
    WAITS,
    CHANGES,
    FAULTY,
    KUBE_FAULTS,
    CRASHES,
    st.builds(Declare, NAMES, STATES),
    st.builds(Edit, NAMES, st.sampled_from(list(SPECS))),
    st.builds(Material, NAMES, st.sampled_from(["chain", "cosmetic", "broken", "gone"])),
    st.builds(Touch, NAMES, st.sampled_from(["label", "credentials", "ask"])),
    FOREIGN,
    APPROVALS,
    WINDOWS,
)
resume = functools.partial(Edit, spec="resume")
NOTHING: st.SearchStrategy[Step] = st.just(Wait(0.0))
STROKES = st.one_of(
    st.tuples(STEPS),
    st.builds(
        lambda name, state, wait: (Edit(name, "suspend"), Edit(name, state), wait, resume(name)),
        NAMES,
        STATES,
        WAITS,
    ),
    st.tuples(CHANGES, WAITS, CHANGES),
    st.builds(
        lambda name, once, wait, again, between: (
            Wait(200.0),
            Foreign(name, once),
            wait,
            *between,
            Foreign(name, again),
            wait,
        ),
        INSTANCE_NAMES,
        MEDDLING,
        LONG_WAITS,
        MEDDLING,
        st.lists(CRASHES | CHANGES | APPROVALS, max_size=1),
    ),
    st.tuples(st.just(Wait(200.0)), FOREIGN, WAITS),
    st.builds(
        lambda name, window, state, wait, after: (
            Edit(name, window),
            Edit(name, state),
            wait,
            after,
        ),
        NAMES,
        st.sampled_from(WINDOW_SPECS),
        STATES,
        LONG_WAITS,
        st.one_of(CHANGES, CRASHES, APPROVALS, WINDOWS),
    ),
    st.builds(
        lambda name, spec, wait, faulty: (
            Edit(name, "careful"),
            Edit(name, spec),
            Wait(15.0),
            faulty,
            Approve(name, "pending"),
            wait,
        ),
        NAMES,
        st.sampled_from(["off", "cloud", "custom"]),
        WAITS | CRASHES,
        FAULTY | NOTHING | KUBE_FAULTS,
    ),
    st.tuples(FAULTY | NOTHING, CHANGES, KUBE_FAULTS | NOTHING, WAITS | CRASHES),
)

BEGINNINGS = st.lists(
    st.builds(Declare, NAMES, STATES), min_size=1, max_size=3, unique_by=lambda each: each.name
)

REFUSES_ALL = {("ec-keys", "refused"), ("custom-on-mysql", "refused")}
"""Values under which hardly anything that a history declares would ever be in force."""

SWITCHES = st.fixed_dictionaries(
    {
        str(name): st.sampled_from([each for each in values if (name, each) not in REFUSES_ALL])
        for name, values in SWITCH_VALUES.items()
    }
)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where a history takes place."""

    switches: dict[str, str]
    other: str
    lifetime: float | None
    """Seconds that a cloud certificate of the second instance lives; None: as ever."""
    signatures: str
    """Which the gateway reads."""
    initially: tuple[Initially, Initially]
    quiet_period: float
    budget: int
    most_restarts: int
    """In a day."""
    drift_delay: float
    shared: bool
    """All objects share their material."""
    bold: bool
    """Objects are declared with everything waived: more is sent."""


INITIALLY: st.SearchStrategy[Initially] = st.sampled_from(["off", "off", "on", "custom"])

SETTINGS = st.builds(
    Setting,
    switches=SWITCHES,
    other=st.sampled_from(
        ["postgresql-14", "mysql-8.0", "mysql-5.7", "sqlserver-2019", "sqlserver-2019"]
    ),
    lifetime=st.sampled_from([None, 5000.0]),
    signatures=st.sampled_from(["any", "any", "any", "v1", "v3"]),
    initially=st.tuples(INITIALLY, INITIALLY),
    quiet_period=st.sampled_from([0.0, 10.0]),
    budget=st.sampled_from([0, 1, 5]),
    most_restarts=st.sampled_from([0, 0, 2, 3]),
    drift_delay=st.sampled_from([0.0, 1800.0]),
    shared=st.sampled_from([False, False, True]),
    bold=st.sampled_from([True, True, False]),
)

STORY: Mapping[str, st.SearchStrategy[Any]] = {
    "setting": SETTINGS,
    "beginning": BEGINNINGS,
    "strokes": st.lists(STROKES, min_size=4, max_size=LENGTH),
}
"""The arguments of a test."""


def told(beginning: Iterable[Step], strokes: Iterable[Iterable[Step]]) -> tuple[Step, ...]:
    """Give the steps of a story in a row."""
    return (*beginning, *(step for stroke in strokes for step in stroke))


@contextmanager
def kept_log() -> Iterator[list[str]]:
    """Keep everything that the operator logs, from INFO on."""

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    lines: list[str] = []
    logger, keeper = logging.getLogger("rds_ssl"), Keeper(logging.INFO)
    level = logger.level
    logger.addHandler(keeper)
    logger.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        logger.removeHandler(keeper)
        logger.setLevel(level)


async def play(
    setting: Setting,
    steps: Iterable[Step],
    log: list[str],
    *,
    look: Callable[[History], None] = lambda _history: None,
) -> list[str]:
    """Play a history to its end; give what does not hold. *look* is called once it is at rest."""
    timings = Timings(
        quiet_period=setting.quiet_period,
        limits=Limits(apply_timeout=600.0),
        max_changes_per_day=setting.most_restarts,
        drift_delay=setting.drift_delay,
    )
    async with EngineWorld(timings=timings, budget=setting.budget, started=False) as world:
        world.rds.config(switches=setting.switches, signatures=setting.signatures)
        echoes = setting.switches["echo-connection-string"] == "yes"
        history = History(
            world,
            other=setting.other,
            initially=setting.initially,
            echoes=echoes,
            lifetime=None if setting.other.startswith("postgresql") else setting.lifetime,
            shared=setting.shared,
        )
        # Whole minutes are at the same place in every run.
        await world.run(60 - world.clock().second)
        history.begin()
        for step in steps:
            await history.take(step)
            if setting.bold and isinstance(step, Declare):
                await history.take(Edit(step.name, "bold"))
        await history.settle(REST)
        look(history)
        return complaints(history, "\n".join(log))
