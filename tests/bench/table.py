"""The report for a person: figures side by side, then the bars; and the same for machines."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.bars import BARS, COUNTS, EACH_RUN, Bar
from bench.figures import TITLES
from bench.programs import Program
from bench.run import Report

Json = dict[str, Any]

NOT_MET = "NOT MET"

COLUMNS = (Program.OURS, Program.ORDINARY, Program.FLOOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """One figure of one program over all runs."""

    values: Sequence[float]

    @property
    def best(self) -> float:
        """The least: of every figure less is better, and other people's load only adds."""
        return min(self.values)

    @property
    def worst(self) -> float:
        """The most."""
        return max(self.values)

    def __str__(self) -> str:
        low, high = _number(self.best), _number(self.worst)
        return low if low == high else f"{low}..{high}"


def spread(report: Report, scenario: str, figure: str, program: Program) -> Spread | None:
    """Collect a figure; None if no run has it."""
    found = [
        value
        for _, sample in report.samples
        if (sample.scenario, sample.program) == (scenario, program)
        and (value := sample.figures.get(figure)) is not None
    ]
    return Spread(values=found) if found else None


def lines(report: Report) -> Iterator[str]:
    """Give the whole report."""
    yield from _figures(report)
    yield ""
    yield from _bars(report)
    yield ""
    yield from _around(report)


def _figures(report: Report) -> Iterator[str]:
    yield (f"{'':42} {'ours':>15} {'ordinary':>15} {'floor':>15} {'÷ ordinary':>11} {'÷ floor':>8}")
    scenarios = dict.fromkeys(sample.scenario for _, sample in report.samples)
    for scenario in scenarios:
        yield scenario
        for figure, title in TITLES.items():
            found = {each: spread(report, scenario, figure, each) for each in COLUMNS}
            if not any(found.values()):
                continue
            cells = " ".join(f"{found[each] or '-'!s:>15}" for each in COLUMNS)
            ours = found[Program.OURS]
            ratios = [_ratio(ours, found[each]) for each in (Program.ORDINARY, Program.FLOOR)]
            yield f"  {title:40} {cells} {ratios[0]:>11} {ratios[1]:>8}"


def _ratio(ours: Spread | None, other: Spread | None) -> str:
    if ours is None or other is None or other.best == 0:
        return ""
    return f"{ours.best / other.best:.2f}"


def _bars(report: Report) -> Iterator[str]:
    yield "to reach (times and memory: best of the runs; counts: each run)"
    for bar, value in held(report):
        if value is None:
            continue
        other = f" ÷ {bar.against}" if bar.against else ""
        plus = f" + {bar.plus:g}" if bar.plus else ""
        what = f"{bar.scenario}: {TITLES[bar.figure]}{other}{plus}"
        verdict = _verdict(report, bar, value)
        yield f"  {what:58} ≤ {bar.at_most:<6g} {_number(value):>10}  {verdict}"


def held(report: Report) -> Iterator[tuple[Bar, float | None]]:
    """Yield each bar with what is held against it; None if that was not measured."""
    for bar in BARS:
        ours = spread(report, bar.scenario, bar.figure, Program.OURS)
        value = None if ours is None else ours.worst if bar.figure in EACH_RUN else ours.best
        if value is not None and bar.against is not None:
            other = spread(report, bar.scenario, bar.figure, bar.against)
            value = None if other is None else value / (other.best + bar.plus)
        yield bar, value


def faults(report: Report) -> Iterator[str]:
    """Yield what has not ended, and the bars for counts that are not met."""
    yield from report.failures
    for bar, value in held(report):
        if bar.figure in COUNTS and value is not None and _verdict(report, bar, value) == NOT_MET:
            title = TITLES[bar.figure]
            yield f"{bar.scenario}: {title}: {_number(value)} instead of {bar.at_most:g}"


def _verdict(report: Report, bar: Bar, value: float) -> str:
    scale = report.choice.scale
    objects = scale.limited if bar.scenario == "limit" else scale.objects
    if bar.at not in {None, objects}:
        return f"a bar for {bar.at:,} objects"
    return "met" if value <= bar.at_most else NOT_MET


def _around(report: Report) -> Iterator[str]:
    scale, machine = report.choice.scale, report.machine
    yield (
        f"{scale.objects:,} objects, {report.choice.runs} run(s), {report.seconds:.0f} s;"
        f" {scale.rotations} rotations, RESYNC {scale.idle_resync} s while idle"
    )
    if machine is not None:
        before, after = (
            "/".join(f"{each:.1f}" for each in load)
            for load in (machine.load_before, machine.load_after)
        )
        yield (
            f"{machine.processors} processors, load {before} before and {after} after;"
            f" Python {machine.python}; {machine.system}; {machine.commit}"
        )
    yield from (f"FAULT: {each}" for each in faults(report))


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    return (
        f"{value:,.0f}"
        if abs(value) >= 100
        else f"{value:.1f}"
        if abs(value) >= 10
        else f"{value:.2f}"
    )


def as_json(report: Report) -> Json:
    """Give everything, for machines."""
    return {
        "machine": asdict(report.machine) if report.machine else None,
        "objects": report.choice.scale.objects,
        "scale": asdict(report.choice.scale),
        "runs": report.choice.runs,
        "seconds": round(report.seconds, 1),
        "samples": [
            {
                "run": run,
                "scenario": sample.scenario,
                "program": sample.program.value,
                "figures": dict(sample.figures),
                "raw": dict(sample.raw),
            }
            for run, sample in report.samples
        ],
        "bars": [
            {**asdict(bar), "measured": value, "verdict": _verdict(report, bar, value)}
            for bar, value in held(report)
            if value is not None
        ],
        "faults": list(faults(report)),
    }
