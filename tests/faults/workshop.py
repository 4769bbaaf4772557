"""A copy of the repository in which things are broken: the working tree is never touched."""

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from faults.fault import SOURCE, Fault
from faults.witness import told

MOST_FAILURES = 3
"""More would cost minutes: what goes on for ever under a fault fails slowly."""

OF_ONE_TEST = 40.0
"""Seconds after which a test fails that does not end: those chosen here take 2 at most."""

LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "*.log")


class Outcome(StrEnum):
    """How a fault fared."""

    CAUGHT = "caught"
    SURVIVED = "SURVIVED"
    STALE = "STALE"
    """Its text is not in the source exactly once."""
    UNUSABLE = "UNUSABLE"
    """Not a single test said anything: they could not be collected, or do not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the tests said."""

    passed: int = 0
    failed: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()
    hung: str = ""
    """The test that ran when the time was up."""
    output: str = ""
    seconds: float = 0.0

    @property
    def noticed(self) -> tuple[str, ...]:
        """The tests that failed, or did not come to an end."""
        return (*self.failed, *((f"{self.hung} (did not end)",) if self.hung else ()))

    @property
    def outcome(self) -> Outcome:
        """What this says about a fault that was there."""
        if self.noticed:
            return Outcome.CAUGHT
        return Outcome.SURVIVED if self.passed and not self.unusable else Outcome.UNUSABLE


class Workshop:
    """One scratch copy; one thing at a time is broken in it."""

    def __init__(self, root: Path, place: Path, *, patience: float = OF_ONE_TEST) -> None:
        """Copy *root*, without what is made and without what is hidden, to *place*."""
        self.place = place
        self._patience = patience
        shutil.copytree(root, place, ignore=LEFT_OUT)

    @contextmanager
    def broken(self, fault: Fault) -> Iterator[bool]:
        """Break the copy for a while; False if the fault does not fit the source."""
        package = self.place / SOURCE
        path = fault.file(package)
        if path is None:
            yield False
            return
        whole = path.read_text()
        source = fault.broken(path.relative_to(package), whole)
        if source is None:
            yield False
            return
        try:
            _write(path, source)
            yield True
        finally:
            _write(path, whole)

    def test(
        self, selection: Sequence[str], *, deadline: float, most: int = MOST_FAILURES
    ) -> Report:
        """
        Run tests for *deadline* seconds at most, up to the failure number *most*.

        Raises:
            RuntimeError: They are not about this copy.
        """
        witness, log = self.place / ".witness", self.place / ".output"
        witness.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-p", "faults.witness", f"--witness={witness}"]
        command += ["-q", "--tb=short", "-p", "no:cacheprovider", "-p", "no:xdist"]
        command += [f"--maxfail={most}", f"--timeout={self._patience}", "--hypothesis-seed=1"]
        began = time.monotonic()
        in_time = True
        with log.open("w") as output:
            process = subprocess.Popen(
                [*command, *selection],
                cwd=self.place,
                env={**os.environ, "PYTHONPATH": f"{self.place}/operator:{self.place}/tests"},
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
            try:
                process.wait(deadline)
            except subprocess.TimeoutExpired:
                in_time = False
            finally:
                process.kill()
                process.wait()
        lines = list(told(witness))
        sources = [line["source"] for line in lines if "source" in line]
        if sources and sources != [str(self.place / SOURCE).rstrip("/")]:
            raise RuntimeError(f"the tests are about {sources}, not about {self.place}")
        running = [line["started"] for line in lines if "started" in line][-1:]
        ended = {line.get("failed") or line.get("passed") for line in lines}
        return Report(
            passed=sum("passed" in line for line in lines),
            failed=tuple(line["failed"] for line in lines if "failed" in line),
            unusable=tuple(line["unusable"] for line in lines if "unusable" in line),
            hung="" if in_time or set(running) <= ended else running[0],
            output=log.read_text(errors="replace"),
            seconds=time.monotonic() - began,
        )


def _write(path: Path, source: str) -> None:
    path.write_text(source)
    # Compiled code is looked up by size and whole seconds: two versions may look the same.
    Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)
