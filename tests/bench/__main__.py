"""
Measure our operator beside an ordinary one and bare calls, in turns, and print a table.

    PYTHONPATH=tests python -m bench [--objects 200] [--scenarios cold,warm] [--runs 1]

Environment: BENCH_JSON names a file for everything that was measured. Exit status: 1 if something
did not end in time, or if a count is beyond its bar; a time never is a fault.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.programs import Program
from bench.run import PROGRAMS, SCENARIOS, Choice, default_scenarios, measure
from bench.scale import Scale
from bench.table import as_json, faults, lines


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n\n")[0])
    parser.add_argument("--objects", type=int, default=200)
    parser.add_argument("--scenarios", type=_names(SCENARIOS), help=", ".join(SCENARIOS))
    parser.add_argument("--programs", type=_names([each.value for each in PROGRAMS]))
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--change-seconds", type=float, default=180.0, help="of the scenario slow")
    options = parser.parse_args()
    scale = Scale(objects=options.objects, change_seconds=options.change_seconds)
    choice = Choice(
        scale=scale,
        scenarios=options.scenarios or default_scenarios(scale),
        programs=[Program(each) for each in options.programs or PROGRAMS],
        runs=options.runs,
    )
    report = measure(choice)
    print("\n".join(["", *lines(report)]), flush=True)
    if path := os.environ.get("BENCH_JSON"):
        Path(path).write_text(json.dumps(as_json(report), indent=1) + "\n")
    return 1 if any(faults(report)) else 0


def _names(known: Sequence[str]) -> Callable[[str], list[str]]:
    """Make a reader of names with commas between them."""

    def read(text: str) -> list[str]:
        names = text.split(",")
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"no {', '.join(sorted(unknown))}")
        return names

    return read


if __name__ == "__main__":
    sys.exit(main())
