"""
Questions that commands for people ask RDS beside those of the operator; nothing here changes it.

The operator's own operations are `rds_ssl.aliyun.rds`. An answer comes as it is, but for what may
be a key: that is a `SecretText`, of which somebody may want to know how long it is.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rds_ssl.aliyun.identity.providers import Provider
from rds_ssl.aliyun.rate_limit import RateLimiter
from rds_ssl.aliyun.transport import Transport
from rds_ssl.core.errors import ApiError, NotSent, TransportError
from rds_ssl.core.model import Disposition, Priority
from rds_ssl.core.rds import faults
from rds_ssl.core.rds.listings import Listed, read_listed
from rds_ssl.core.secret_text import SecretText

T = TypeVar("T")

PAGE = 100
"""Instances in a page: the most that there may be."""

MOST_PAGES = 1000
"""Of one list. An account with more instances in a region is none, or the pages never end."""

ATTEMPTS = 6
"""Of a question that was throttled, or got no answer: half a minute in all, without a hint."""

FIRST_PAUSE = 2.0
"""Seconds after the first attempt, twice as many after the second, and so on."""

LONGEST_PAUSE = 60.0
"""Seconds. A longer hint is cut: somebody waits."""

_SLOWER = (Disposition.THROTTLED, Disposition.UNAVAILABLE)

_SECRETS = frozenset({"serverkey", "clientkey", "password"})
"""Names of fields, in lower case, that hold what may not be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """RDS at one endpoint, for one caller who reads."""

    transport: Transport
    endpoint: str
    provider: Provider
    limiter: RateLimiter

    async def ask(self, action: str, **parameters: str) -> Mapping[str, object]:
        """
        Ask a read operation; what is throttled is asked again, more slowly.

        Raises:
            AliyunError: No answer, or a refusal.
            ValueError: It is no read operation.
        """
        return await self.patiently(action, lambda: self.ask_once(action, **parameters))

    async def patiently(self, action: str, ask: Callable[[], Awaitable[T]]) -> T:
        """
        Return what *ask*, which calls *action*, gives; again, and more slowly, if throttled.

        Raises:
            AliyunError: No answer, or a refusal.
        """
        for attempt in range(1, ATTEMPTS):
            try:
                return await ask()
            except (ApiError, TransportError) as error:
                slower = faults.classify(error, write=False).disposition in _SLOWER
                if isinstance(error, NotSent) or not slower:
                    raise
                self._pause(action, error, attempt)
        return await ask()

    async def ask_once(self, action: str, **parameters: str) -> Mapping[str, object]:
        """
        Ask a read operation, whatever comes of it.

        Raises:
            AliyunError: No answer, or a refusal.
            ValueError: It is no read operation.
        """
        if not action.startswith("Describe"):
            raise ValueError("only what reads is asked")
        credentials = await self.provider.credentials()
        await self.limiter.acquire(Priority.CHANGE, action)
        body = await self.transport.call(
            action, parameters, credentials, self.endpoint, write=False
        )
        self.provider.accepted(credentials)
        self.limiter.answered(action)
        return sealed(body)

    async def instances(
        self, region_id: str, tags: Sequence[tuple[str, str]] = ()
    ) -> tuple[Listed, ...]:
        """
        List the instances of a region that have all of *tags*, each once.

        Raises:
            AliyunError: No answer, or a refusal.
            ObservationError: An answer without the list.
        """
        # Of several tags in one question any is enough to be found by.
        found = [
            {each.instance_id: each async for each in self._listed(region_id, one)}
            for one in (tags or (None,))
        ]
        first, *others = found
        return tuple(each for name, each in first.items() if all(name in other for other in others))

    async def _listed(self, region_id: str, tag: tuple[str, str] | None) -> AsyncIterator[Listed]:
        narrowed = {} if tag is None else {"Tags": json.dumps(dict([tag]))}
        for number in range(1, MOST_PAGES + 1):
            body = await self.ask(
                "DescribeDBInstances",
                RegionId=region_id,
                PageSize=str(PAGE),
                PageNumber=str(number),
                **narrowed,
            )
            page = read_listed(body)
            for each in page:
                yield each
            if len(page) < PAGE:
                return

    def _pause(self, action: str, error: ApiError | TransportError, attempt: int) -> None:
        hint = error.retry_after if isinstance(error, ApiError) else None
        wait = min(LONGEST_PAUSE, FIRST_PAUSE * attempt if hint is None else hint)
        self.limiter.pause(action, asyncio.get_running_loop().time() + wait)


def sealed(body: Mapping[str, object]) -> dict[str, object]:
    """Return an answer whose keys and passwords nobody can print."""
    return {
        name: SecretText(value)
        if name.lower() in _SECRETS and isinstance(value, str)
        else _sealed(value)
        for name, value in body.items()
    }


def _sealed(value: object) -> object:
    if isinstance(value, dict):
        return sealed(value)
    return [_sealed(each) for each in value] if isinstance(value, list) else value
