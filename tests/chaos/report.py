"""What came of runs, as a table and for machines."""

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from chaos.run import CONVERGES_WITHIN, Report

Json = dict[str, Any]


def figures(report: Report) -> Json:
    """Give everything that is counted or measured in a run."""
    verdicts = report.verdicts
    carried_out = sum(each.carried_out for each in verdicts)
    restarts = sum(each.restarts for each in verdicts)
    waits = sorted(wait for each in verdicts for wait in each.waits)
    return {
        "seed": report.plan.seed,
        "seconds": report.plan.seconds,
        "objects": len(report.plan.subjects),
        "operators": report.plan.operators,
        "wall_seconds": round(report.wall, 1),
        "faults": dict(sorted(report.faults.items())),
        "faults_at_an_open_call": report.hits,
        "edits": dict(sorted(report.edits.items())),
        "changes": sum(each.changes for each in verdicts),
        "carried_out": carried_out,
        "replaced_or_undone": sum(each.replaced for each in verdicts),
        "accepted_calls": sum(each.calls for each in verdicts),
        "restarts": restarts,
        "restarts_per_change": round(restarts / carried_out, 4) if carried_out else None,
        "change_to_call_p50": _share(waits, 0.5),
        "change_to_call_max": _share(waits, 1.0),
        "convergence_p50": _share(report.converged, 0.5),
        "convergence_max": _share(report.converged, 1.0),
        "passes_of_the_last_operators": report.passes,
        "operator_processes": report.operators,
        "ended_by_themselves": report.ended,
        "violations": report.complaints,
        "kept": str(report.kept) if report.kept else None,
    }


def _share(values: Sequence[float], share: float) -> float | None:
    if not values:
        return None
    if share == 1.0:
        return round(values[-1], 1)
    return round(statistics.median(values), 1)


def lines(report: Report) -> Iterator[str]:
    """Tell of one run."""
    found = figures(report)
    for title in ("faults", "edits"):
        yield f"{title}: {sum(found[title].values())}"
        yield from (f"{number:>7}  {kind}" for kind, number in found[title].items())
    yield "what came of it"
    yield from (
        f"  {name.replace('_', ' ')}: {found[name]}"
        for name in (
            *("changes", "carried_out", "replaced_or_undone", "accepted_calls", "restarts"),
            *("restarts_per_change", "change_to_call_p50", "change_to_call_max"),
            *(
                "faults_at_an_open_call",
                "convergence_p50",
                "convergence_max",
                "passes_of_the_last_operators",
            ),
            "operator_processes",
        )
    )
    for each, number in Counter(report.ended).items():
        yield f"  ended by itself: {each} (x{number})"
    for each in report.complaints:
        yield f"VIOLATION: {each}"
    if report.kept:
        yield f"logs, ledger and objects are in {report.kept}"
    yield (
        f"{len(report.complaints)} violations; "
        f"at rest {found['convergence_max']} s after the last fault (bar {CONVERGES_WITHIN:.0f}); "
        f"{report.wall:.0f} s in all; SEED={report.plan.seed} gives the same plan again"
    )


COLUMNS = (
    ("seed", "seed"),
    ("faults", "faults"),
    ("faults_at_an_open_call", "at a call"),
    ("edits", "edits"),
    ("changes", "changes"),
    ("carried_out", "carried out"),
    ("restarts", "restarts"),
    ("restarts_per_change", "per change"),
    ("convergence_p50", "rest p50 s"),
    ("convergence_max", "rest max s"),
    ("violations", "violations"),
)


def summary(reports: Sequence[Report]) -> Iterator[str]:
    """Tell of several runs: a line each, and their faults by kind."""
    yield "  ".join(f"{title:>11}" for _, title in COLUMNS)
    for report in reports:
        found = figures(report)
        cells = []
        for name, _ in COLUMNS:
            value = found[name]
            if isinstance(value, dict):
                value = sum(value.values())
            if isinstance(value, list):
                value = len(value)
            cells.append(f"{value!s:>11}")
        yield "  ".join(cells)
    total: Counter[str] = Counter()
    for report in reports:
        total.update(report.faults)
    yield ""
    yield f"faults by kind, {len(reports)} seeds: {total.total()}"
    yield from (f"{number:>7}  {kind}" for kind, number in sorted(total.items()))
