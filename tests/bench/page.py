"""
The figures of docs/performance.md as a Markdown table, from what `make bench` has kept.

    PYTHONPATH=tests python -m bench.page FILE...

Of several runs each cell holds the best, and the worst behind it; ratios are of the best.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

from bench.figures import TITLES
from bench.programs import Program

COLUMNS = (Program.OURS, Program.ORDINARY, Program.FLOOR)

LEFT_OUT = frozenset({"rss_peak_mib", "checks", "change_seconds", "unrelated", "refused_calls"})
"""Figures that explain others."""

_Cells = dict[Program, list[float]]


def main(paths: list[str]) -> int:
    """Command line."""
    found: defaultdict[tuple[str, str], _Cells] = defaultdict(lambda: defaultdict(list))
    for path in paths:
        kept = json.loads(Path(path).read_text())
        objects, runs, machine = kept["objects"], kept["runs"], kept["machine"]
        print(f"{objects} objects, {runs} run(s), {machine['commit']}", file=sys.stderr)
        for sample in kept["samples"]:
            for figure, value in sample["figures"].items():
                if value is not None and figure not in LEFT_OUT:
                    cells = found[sample["scenario"], figure]
                    cells[Program(sample["program"])].append(value)
    print("| | the operator | an ordinary one | bare calls | of the ordinary | of the bare calls |")
    print("|---|---|---|---|---|---|")
    for (scenario, figure), cells in found.items():
        row = [f"{scenario}: {TITLES[figure]}", *(_cell(cells.get(each, [])) for each in COLUMNS)]
        row += [_ratio(cells, Program.ORDINARY), _ratio(cells, Program.FLOOR)]
        print(f"| {' | '.join(row)} |")
    return 0


def _cell(values: list[float]) -> str:
    if not values:
        return ""
    low, high = f"{min(values):.3g}", f"{max(values):.3g}"
    return low if low == high else f"{low} ({high})"


def _ratio(cells: _Cells, other: Program) -> str:
    ours, theirs = cells.get(Program.OURS), cells.get(other)
    if not ours or not theirs or min(theirs) == 0:
        return ""
    return f"{min(ours) / min(theirs):.2f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
