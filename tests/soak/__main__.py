"""
Play random histories for as long as one is told; see `support.random_histories`.

    PYTHONPATH=tests python -m soak [--minutes MINUTES] [--seed SEED] [--processes NUMBER]

Exit status: 0 if every promise held, 1 if one was broken (the shortest such history is printed),
130 after Ctrl-C, when the tables tell what was played by then.
"""

import argparse
import random
import sys

from soak.crew import Crew

MINUTES, PROCESSES = 20.0, 2
FAILED, INTERRUPTED = 1, 130

SEEDS = 1_000_000


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(SEEDS))
    parser.add_argument("--processes", type=int, default=PROCESSES)
    options = parser.parse_args()
    crew = Crew(seed=options.seed, seconds=options.minutes * 60, processes=options.processes)
    say(f"== soak: {options.minutes:g} min, {options.processes} processes, SEED={options.seed}")
    status = 0
    try:
        if not crew.play(say):
            say("A process has fallen; what it played is not counted.")
            status = FAILED
    except KeyboardInterrupt:
        status = INTERRUPTED
    for line in ("", *crew.tally.table(), ""):
        say(line)
    for violation in crew.violations:
        say("\n".join([*violation.lines(), ""]))
    say(f"{len(crew.violations)} violations; SEED={options.seed} begins with the same histories.")
    return FAILED if crew.violations else status


def say(line: str) -> None:
    """Print at once: whoever looks at a file sees it grow."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
