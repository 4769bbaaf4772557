"""Describe what the tests beside other people's programs share: those programs, and the system."""

from collections.abc import Callable
from pathlib import Path

import pytest

from support import go_tools
from support.system_fixtures import cluster, operator, rds, shop

__all__ = ["cluster", "operator", "rds", "shop", "tool"]


@pytest.fixture(scope="session")
def tool() -> Callable[[str], Path]:
    """Return what builds a program of go_tools.TOOLS at its first use, and gives its path."""
    return lambda name: go_tools.tool(name, print)
