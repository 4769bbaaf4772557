"""
Give the parsers, and the whole engine, what nobody writes, for as long as one is told.

    PYTHONPATH=tests python -m fuzz [--minutes MINUTES] [--seed SEED] [--only WORDS]

Exit status: 0 if all of it was read or refused in time, 1 if something else was raised or took too
long (the shortest such input is printed), 130 after Ctrl-C.
"""

import argparse
import logging
import random
import sys
import time

from fuzz.fuzzer import Finding, Tally, corpus, fuzzed
from fuzz.targets import TARGETS

MINUTES = 20.0
SEEDS = 1_000_000
BATCH = 200
"""Inputs of one seed for one target, or as many as take about as long."""


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(SEEDS))
    parser.add_argument("--only", default="", help="targets whose name has these words")
    options = parser.parse_args()
    targets = [each for each in TARGETS if options.only in each.name]
    logging.disable()  # What is refused is logged a thousand times.
    print(f"== fuzz: {options.minutes:g} min, SEED={options.seed}", flush=True)
    tallies = {each.name: Tally() for each in targets}
    findings: list[Finding] = []
    ends = time.monotonic() + options.minutes * 60
    seed, status = options.seed, 0
    try:
        for target in targets:
            findings += corpus(target, tallies[target.name])
        while time.monotonic() < ends and not findings:
            for target in targets:
                size = max(1, BATCH // target.weight)
                findings += fuzzed(target, tallies[target.name], seed=seed, examples=size)
            seed += 1
    except KeyboardInterrupt:
        status = 130
    print(f"{'target':<14} {'inputs':>8} {'longest':>10}  of what")
    for name, tally in tallies.items():
        took = f"{1e3 * tally.longest:.1f} ms"
        print(f"{name:<14} {tally.inputs:>8} {took:>10}  {tally.of_what}")
    for finding in findings:
        print("", *finding.lines(), sep="\n")
    print(f"{len(findings)} findings; SEED={options.seed} begins with the same inputs.")
    return 1 if findings else status


if __name__ == "__main__":
    sys.exit(main())
