"""What is to be reached, as the issue "Fast" has it: ratios and counts within one run."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.programs import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One figure of ours, alone or divided by another program's, may be so much at most."""

    scenario: str
    figure: str
    at_most: float
    against: Program | None = None
    """None: the figure itself is held against the bar."""
    plus: float = 0.0
    """Added to the other program's figure before."""
    at: int | None = None
    """It is a bar for this number of objects; None: for any."""


BARS: Sequence[Bar] = (
    Bar(
        scenario="cold",
        figure="wall_seconds",
        against=Program.FLOOR,
        # The last change, and reading it back.
        plus=3.0,
        at_most=1.4,
        at=1000,
    ),
    Bar(
        scenario="cold",
        figure="wall_seconds",
        against=Program.ORDINARY,
        at_most=0.6,
        at=1000,
    ),
    Bar(
        scenario="cold",
        figure="cpu_seconds",
        against=Program.FLOOR,
        at_most=2.5,
        at=1000,
    ),
    Bar(
        scenario="cold",
        figure="cpu_seconds",
        against=Program.ORDINARY,
        at_most=0.3,
        at=1000,
    ),
    Bar(scenario="cold", figure="patches", at_most=3),
    Bar(scenario="cold", figure="events_created", at_most=2),
    Bar(scenario="cold", figure="rss_mib", at_most=110, at=1000),
    Bar(scenario="rotation", figure="patches", at_most=3),
    Bar(scenario="rotation", figure="events_created", at_most=2),
    Bar(scenario="rotation", figure="delay_p95_ms", at_most=50),
    Bar(scenario="rotation", figure="not_ready_again", at_most=0),
    Bar(
        scenario="warm",
        figure="cpu_seconds",
        against=Program.ORDINARY,
        at_most=0.15,
        at=1000,
    ),
    Bar(scenario="warm", figure="modifies", at_most=0),
    Bar(scenario="warm", figure="writes", at_most=0),
    Bar(scenario="warm", figure="cloud_calls", at_most=1),
    # A start costs some requests, whatever the number of objects.
    Bar(scenario="warm", figure="api_requests", at_most=1, at=1000),
    Bar(
        scenario="idle",
        figure="cpu_ms_per_check",
        against=Program.ORDINARY,
        at_most=0.25,
    ),
    Bar(scenario="idle", figure="cloud_calls", at_most=1),
    Bar(scenario="idle", figure="api_requests", at_most=0),
    Bar(scenario="limit", figure="wall_to_least", at_most=1.15, at=200),
    Bar(scenario="limit", figure="refused_percent", at_most=1),
    Bar(scenario="limit", figure="modifies", at_most=1),
    Bar(scenario="memory", figure="rss_mib", at_most=110, at=1000),
    Bar(scenario="memory", figure="kib_per_further_object", at_most=15, at=1000),
    *(
        Bar(scenario=each, figure="loop_held_ms", at_most=50)
        for each in (
            "cold",
            "late",
            "rotation",
            "warm",
            "idle",
            "limit",
            "refused",
            "slow",
            "secrets",
            "memory",
        )
    ),
)

COUNTS = frozenset(
    {
        "api_requests",
        "cloud_calls",
        "events_created",
        "modifies",
        "not_ready_again",
        "patches",
        "writes",
    }
)
"""Figures that no machine is too slow for: a bar that one of them does not meet is a fault."""

EACH_RUN = COUNTS | {"loop_held_ms", "refused_percent"}
"""Figures that have to hold in each run; of the others the best of all runs counts."""
