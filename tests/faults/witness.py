"""
A plugin of pytest that tells on a file what happens, line by line, also to whoever stops it.

Loaded by ``-p faults.witness --witness FILE``. A line is a JSON object with one of the keys
``source``, ``started``, ``failed``, ``passed`` and ``unusable``.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import rds_ssl


class Witness:
    """Writes to one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._failed: set[str] = set()

    def tell(self, **what: str) -> None:
        """Append a line."""
        with self._path.open("a") as file:
            file.write(json.dumps(what) + "\n")

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Tell which test runs."""
        self.tell(started=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell of a failure in any phase, once, and of a test that has passed."""
        if report.failed and report.nodeid not in self._failed:
            self._failed.add(report.nodeid)
            self.tell(failed=report.nodeid)
        elif report.when == "teardown" and report.nodeid not in self._failed:
            self.tell(passed=report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tell of a file that cannot even be read: no test of it says anything."""
        if report.failed:
            self.tell(unusable=report.nodeid)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the file's name."""
    parser.addoption("--witness", type=Path, required=True)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Begin, with what is under test."""
    witness = Witness(config.getoption("--witness"))
    witness.tell(source=str(Path(rds_ssl.__file__).parent))
    config.pluginmanager.register(witness, "witness-of-faults")


def told(path: Path) -> Iterator[dict[str, str]]:
    """Read what was told; a line that was cut off is left out."""
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue
