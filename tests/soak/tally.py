"""What was covered: counted over histories, whatever their settings and steps are called."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

from rds_simulator.config import SWITCH_VALUES
from support.engine_world import MODIFY
from support.histories import INSTANCE_OF, History
from support.random_histories import Setting
from support.steps import Crash

SWITCHES = "switches"
"""The field of `Setting` that is a mapping, one row for each value."""

SUMS = (
    "histories",
    "steps",
    "crashes",
    "faults injected",
    "passes over an object",
    "cloud calls",
    "cloud calls to change something",
    "cloud calls that were accepted",
    "restarts of databases",
    "requests to the API server",
)
"""What is summed up. A crash is followed by a new process; a fault is a request gone wrong."""


@dataclass(slots=True)
class Tally:
    """Sums and tables; two are added by `add`."""

    sums: Counter[str] = field(default_factory=Counter)
    rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By table and row: in how many histories it occurred."""
    combinations: set[tuple[str, ...]] = field(default_factory=set)
    """Of the values of all switches."""

    def note(self, history: History, setting: Setting) -> None:
        """Count a history that has come to rest."""
        world = history.world
        instances = world.rds.admin("GET", "instances")["instances"]
        numbers = (
            1,
            len(history.taken),
            sum(isinstance(each, Crash) for each in history.taken),
            history.spoilt,
            len(world.passes),
            len(world.rds.calls()),
            len(world.rds.calls(action=MODIFY)),
            sum(each["accepted"] for each in instances),
            sum(each["restarts"] for each in instances),
            sum(each.port == "kube" for each in world.line.calls),
        )
        self.sums.update(dict(zip(SUMS, numbers, strict=True)))
        found = {("steps", _title(each)) for each in history.taken}
        found |= {("engines", each["profile"]) for each in instances}
        for name in INSTANCE_OF:
            if any(key[1] == name for key in world.kube.objects):
                status, reason = world.ready(name)
                found.add(("Ready at rest", f"{status} {reason}"))
        for name, value in asdict(setting).items():
            if name == SWITCHES:
                found |= {(SWITCHES, f"{switch}={one}") for switch, one in value.items()}
                self.combinations.add(tuple(value[each] for each in sorted(value)))
            else:
                found.add((f"setting {name}", str(value)))
        self.rows.update(found)

    def add(self, other: "Tally") -> None:
        """Add what another process has counted."""
        self.sums.update(other.sums)
        self.rows.update(other.rows)
        self.combinations |= other.combinations

    def progress(self) -> str:
        """Give the sums that tell most, in a line."""
        names = (*SUMS[:4], SUMS[5])
        return ", ".join(f"{self.sums[name]:,} {name}" for name in names)

    def table(self) -> Iterator[str]:
        """Give everything, in lines."""
        yield from _lines({name: self.sums[name] for name in SUMS})
        tables: dict[str, dict[str, int]] = {}
        for (title, row), number in sorted(self.rows.items()):
            tables.setdefault(title, {})[row] = number
        switches = tables.pop(SWITCHES, {})
        for title, rows in tables.items():
            yield from ("", f"{title} (in how many histories)")
            yield from _lines(rows)
        yield from ("", f"{SWITCHES} (in how many histories)")
        # What was never chosen is told as well.
        every = [f"{name}={value}" for name, values in SWITCH_VALUES.items() for value in values]
        yield from _lines({each: switches.get(each, 0) for each in every})
        yield f"{len(self.combinations):>12,}  different combinations of all {len(SWITCH_VALUES)}"


def _lines(rows: Mapping[str, int]) -> Iterator[str]:
    for row, number in rows.items():
        yield f"{number:>12,}  {row}"


def _title(step: object) -> str:
    kind = getattr(step, "kind", None) or getattr(step, "spec", None)
    return f"{type(step).__name__} {kind}" if kind else type(step).__name__
