"""
Play a year of an fleet of databases twice: with the operator, and with an ordinary one.

    PYTHONPATH=tests python -m year [--seed SEED] [--objects NUMBER] [--days DAYS] [--json]

Exit status: 0 if every promise held, 1 if one was broken.
"""

import argparse
import json
import multiprocessing
import sys
import time

from year import run
from year.figures import as_json, broken, table

SEED, OBJECTS, DAYS = 1, 300, 365


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m year", description=__doc__.split("\n\n")[0])
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--objects", type=int, default=OBJECTS)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--json", action="store_true", help="for machines, on stdout")
    options = parser.parse_args()
    say(f"== a year: {options.objects} objects, {options.days} days, SEED={options.seed}")
    began = time.monotonic()
    year = run.Year(seed=options.seed, objects=options.objects, days=options.days)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        played = pool.starmap(run.measured, [(year, gated) for gated in (True, False)])
    wall = time.monotonic() - began
    (gated, cost), (ordinary, other_cost) = played
    faults = broken(gated)
    if options.json:
        told = {
            "seed": options.seed,
            "objects": options.objects,
            "days": options.days,
            "rds-ssl": {**as_json(gated), **cost},
            "ordinary": {**as_json(ordinary), **other_cost},
            "broken": faults,
        }
        print(json.dumps(told, indent=2))
    else:
        print("\n".join(["", *table(gated, ordinary), ""]))
    for name, each in (("rds-ssl", cost), ("ordinary", other_cost)):
        say(f"{name}: {each['cpu_seconds']:.0f} s of CPU, {each['peak_mib']:.0f} MiB at most")
    say(f"{wall:.0f} s in all, SEED={options.seed}")
    for fault in faults:
        say(f"BROKEN: {fault}")
    return 1 if faults else 0


def say(line: str) -> None:
    """Tell a person, beside what a machine may read."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
