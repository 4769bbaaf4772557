"""Describe what the tests beside other people's programs share: those programs, and the system."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import go_tools
from support.supervisor import Supervisor
from support.system_fixtures import cluster, operator, rds, shop

__all__ = ["cluster", "operator", "rds", "shop", "tool"]

Row = tuple[object, ...]


@pytest.fixture(scope="session")
def tool() -> Callable[[str], Path]:
    """Return what builds a program of go_tools.TOOLS at its first use, and gives its path."""
    return lambda name: go_tools.tool(name, print)


@pytest.fixture(scope="session")
def source() -> Callable[[str, str], Path]:
    """Return what gives the source of a module, see `go_tools.source`."""
    return lambda name, module: go_tools.source(name, module, print)


@pytest.fixture(scope="module")
def programs() -> Iterator[Supervisor]:
    """Return what starts programs that end with the module."""
    supervisor = Supervisor(prefix="rds-ssl-peers-")
    yield supervisor
    supervisor.stop()


@pytest.fixture(scope="module")
def figures(request: pytest.FixtureRequest) -> Iterator[Callable[..., None]]:
    """Return what takes a row of figures; they are shown once the module is through."""
    rows: list[Row] = []
    yield lambda *cells: rows.append(cells)
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    capture = request.config.pluginmanager.get_plugin("capturemanager")
    if not rows or reporter is None or capture is None:
        return
    with capture.global_and_fixture_disabled():
        head = request.module.FIGURES
        widths = [
            max(len(str(row[column])) for row in (head, *rows)) for column in range(len(head))
        ]
        reporter.write_line("")
        for row in (head, *rows):
            cells = (str(cell).ljust(width) for cell, width in zip(row, widths, strict=True))
            reporter.write_line("  ".join(cells).rstrip())
