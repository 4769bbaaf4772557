"""One request of the admin interface, and how it says that something is not there."""

import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rds_simulator.world import World


class NotFoundError(Exception):
    """There is no such thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminTask:
    """One request; `at` is the instances' time, `now` the caller's."""

    world: World
    name: str
    query: Mapping[str, str]
    body: bytes
    at: datetime
    now: datetime

    @property
    def plain_name(self) -> str:
        """The name with its escapes resolved, for names with a colon or a slash."""
        return urllib.parse.unquote(self.name)
