"""
Kill, freeze and cut off everything while people edit, and hold the operator to its promises.

    PYTHONPATH=tests python -m chaos [--seed SEED] [--seeds NUMBER] [--minutes MINUTES]
        [--objects NUMBER] [--operators NUMBER] [--json FILE] [--plan] [--keep] [--broken FAULT]

Exit status: 0 if every promise held, 1 if one was broken, 130 after Ctrl-C.
"""

import argparse
import json
import random
import sys
from contextlib import nullcontext
from pathlib import Path

from chaos.broken import broken_copy
from chaos.plan import Plan, make_plan
from chaos.report import figures, lines, summary
from chaos.run import Report, play

MINUTES, OBJECTS, OPERATORS = 3.0, 100, 2
FAILED, INTERRUPTED = 1, 130

SEEDS = 1_000_000


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__.split("\n\n")[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(SEEDS))
    parser.add_argument("--seeds", type=int, default=1, help="so many, one after the other")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--objects", type=int, default=OBJECTS)
    parser.add_argument("--operators", type=int, default=OPERATORS)
    parser.add_argument("--json", type=Path, help="a file for the figures")
    parser.add_argument("--plan", action="store_true", help="tell what would happen, and end")
    parser.add_argument("--keep", action="store_true", help="logs and ledger, whatever happens")
    parser.add_argument("--broken", default="", help="a fault of `make faults` to have in it")
    options = parser.parse_args()
    plans = [
        make_plan(
            seed=options.seed + number,
            seconds=options.minutes * 60,
            objects=options.objects,
            operators=options.operators,
        )
        for number in range(options.seeds)
    ]
    if options.plan:
        for plan in plans:
            say("\n".join(plan.lines()))
        return 0
    reports: list[Report] = []
    try:
        with broken_copy(options.broken) if options.broken else nullcontext() as source:
            reports.extend(one(plan, source, keep=options.keep) for plan in plans)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        if len(plans) > 1 and reports:
            say("\n".join(["", *summary(reports)]))
        if options.json:
            options.json.write_text(json.dumps([figures(each) for each in reports], indent=2))
    return FAILED if any(each.complaints for each in reports) else 0


def one(plan: Plan, source: Path | None, *, keep: bool) -> Report:
    """Play one seed, and tell of it."""
    say(
        f"== chaos: {len(plan.subjects)} objects, {plan.operators} operators,"
        f" {plan.seconds:.0f} s of faults, SEED={plan.seed}"
    )
    report = play(plan, say, source=source, keep=keep)
    say("\n".join(["", *lines(report)]))
    return report


def say(line: str) -> None:
    """Print at once: whoever looks at a file sees it grow."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
