"""
Break the operator, one fault after another, and see which tests notice.

    PYTHONPATH=tests python -m faults [--only WORDS] [--root DIRECTORY]

Exit status: 0 if each fault was noticed by a named test, 1 if one survived, does not fit the
source any more, or if the tests fail without any.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from faults.catalogue import FAULTS
from faults.fault import TESTS, Fault
from faults.workshop import MOST_FAILURES, OF_ONE_TEST, Outcome, Report, Workshop

ROOT = Path(__file__).parents[2]

WORKSHOPS = 2
"""Copies, each with a process of its own at work."""

DEADLINE = 120.0
"""Seconds for the tests of one fault; they take 2 to 10."""

SOUND = 900.0
"""Seconds for all tests together, without any fault; two minutes where nothing else is at work."""

NAMED = 3
"""Tests that the table names, of those that noticed."""

Told = dict[Fault, tuple[Outcome, Report]]


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", default="", help="faults whose name has these words")
    parser.add_argument("--root", type=Path, default=ROOT, help="another repository than this")
    options = parser.parse_args()
    faults = [each for each in FAULTS if options.only.lower() in each.name.lower()]
    if not faults:
        print(f"No fault is called {options.only!r}.", file=sys.stderr)
        return 1
    return run(faults, options.root)


def run(faults: Sequence[Fault], root: Path, *, patience: float = OF_ONE_TEST) -> int:
    """
    Try *faults* on copies of *root*, and print what came of it.

    Args:
        patience: Seconds for one test.

    Returns:
        The exit status.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as scratch:
        shops = [
            Workshop(root, Path(scratch) / f"copy-{number}", patience=patience)
            for number in range(WORKSHOPS)
        ]
        print(f"== {len(faults)} faults; first without any", flush=True)
        if not _is_sound(faults, shops):
            return 1
        results: Told = {}
        for fault, outcome, report in _tried(faults, shops):
            results[fault] = (outcome, report)
            count = f"[{len(results):2}/{len(faults)}]"
            print(f"{count} {outcome:9} {report.seconds:5.1f} s  {fault.name}", flush=True)
    print()
    for line in table(faults, results):
        print(line)
    bad = [fault for fault in faults if results[fault][0] is not Outcome.CAUGHT]
    seconds = time.monotonic() - began
    print(f"\n{len(faults) - len(bad)} of {len(faults)} faults were caught, in {seconds:.0f} s.")
    return 1 if bad else 0


def _is_sound(faults: Iterable[Fault], shops: list[Workshop]) -> bool:
    """Whether the tests pass while nothing is broken."""
    chosen = sorted({each for fault in faults for each in fault.selection})
    halves = [half for half in (chosen[::2], chosen[1::2]) if half]
    with ThreadPoolExecutor(len(shops)) as pool:
        reports = list(
            pool.map(
                lambda shop, half: shop.test(half, deadline=SOUND), shops[: len(halves)], halves
            )
        )
    for report in reports:
        if report.outcome is not Outcome.SURVIVED:
            print(report.output)
            print("The tests fail without any fault, or cannot run: nothing was tried.")
            return False
    passed = sum(report.passed for report in reports)
    seconds = max(report.seconds for report in reports)
    print(f"{passed} tests pass on the unbroken copies, in {seconds:.0f} s", flush=True)
    return True


def _tried(
    faults: Sequence[Fault], shops: Iterable[Workshop]
) -> Iterator[tuple[Fault, Outcome, Report]]:
    """Try each fault in whatever workshop is free."""
    free: SimpleQueue[Workshop] = SimpleQueue()
    for shop in shops:
        free.put(shop)

    @contextmanager
    def borrowed() -> Iterator[Workshop]:
        shop = free.get()
        try:
            yield shop
        finally:
            free.put(shop)

    def attempt(fault: Fault) -> tuple[Fault, Outcome, Report]:
        with borrowed() as shop, shop.broken(fault) as fits:
            if not fits:
                return fault, Outcome.STALE, Report()
            report = shop.test(fault.selection, deadline=DEADLINE)
            return fault, report.outcome, report

    with ThreadPoolExecutor(free.qsize()) as pool:
        try:
            for done in as_completed([pool.submit(attempt, fault) for fault in faults]):
                yield done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def table(faults: Iterable[Fault], results: Told) -> Iterator[str]:
    """Give the lines: fault, how many tests noticed, and the first of them."""
    yield "fault → the tests that caught it"
    for fault in faults:
        outcome, report = results[fault]
        yield ""
        if outcome is Outcome.CAUGHT:
            more = "+" if len(report.failed) >= MOST_FAILURES else ""
            yield f"{fault.name} → {len(report.noticed)}{more}"
        else:
            yield f"{fault.name} → {outcome}"
        for test in report.noticed[:NAMED]:
            yield f"    {test.removeprefix(TESTS)}"
        if outcome is Outcome.STALE:
            yield f"    {fault.where} is not there once, with its text once: describe it anew"
        if outcome is Outcome.UNUSABLE:
            yield from (f"    | {line}" for line in report.output.splitlines()[-15:])
        if outcome is Outcome.SURVIVED:
            yield f"    {report.passed} tests passed: {', '.join(fault.tests)}"


if __name__ == "__main__":
    sys.exit(main())
