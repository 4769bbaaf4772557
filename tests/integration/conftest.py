"""Describe what the tests of the whole system share: see support.system_fixtures."""

from support.system_fixtures import (
    approver,
    cluster,
    editor,
    guarded,
    office,
    operator,
    rds,
    shop,
)

__all__ = ["approver", "cluster", "editor", "guarded", "office", "operator", "rds", "shop"]
