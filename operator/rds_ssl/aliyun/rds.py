"""
The operations of RDS that the operator uses, typed.

Wire names of requests end here, and so does ServerKey: DescribeDBInstanceSSL answers with the
private key in clear, which is dropped before anything else sees the answer.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from rds_ssl.aliyun import answers
from rds_ssl.aliyun.identity.providers import Provider
from rds_ssl.aliyun.names import Names
from rds_ssl.aliyun.pace import Pace
from rds_ssl.aliyun.rate_limit import RateLimiter
from rds_ssl.aliyun.transport import Transport
from rds_ssl.core.errors import ApiError, NoAnswer, NotSent, RegionUnknown
from rds_ssl.core.model import Disposition, Endpoint, Instance, Observed, Priority
from rds_ssl.core.rds import faults, responses
from rds_ssl.core.secret_text import SecretText
from rds_ssl.offloading import offloaded

LONGEST_PAUSE = 300.0
"""Seconds. A longer hint is cut: a caller that is silent for longer notices nothing any more."""

PAUSE_WITHOUT_HINT = 2.0
"""Seconds. Nobody's turn at an operation that was throttled without a hint; each caller backs off
besides."""

_MODIFY = "ModifyDBInstanceSSL"

_KEYS = frozenset({"serverkey", "clientkey", "password"})

_SHORTEST = 8
"""Characters of a line of a key that is looked for in what came beside it."""


class RdsApi:
    """
    RDS at one endpoint, for one caller.

    Reads wait for a token of the limiter by the priority they are given. A write takes none by
    itself: the caller calls `reserve` first, *before* it records that it is about to send.
    """

    def __init__(
        self,
        *,
        transport: Transport,
        endpoint: str,
        provider: Provider,
        limiter: RateLimiter | Pace,
        region_host: str = "",
        names: Names | None = None,
    ) -> None:
        """
        Make it.

        Args:
            provider: Gives the keys that calls are signed with.
            region_host: See `RegionEndpoint.host`.
            names: Tells whether it can be the fault.
        """
        self._region_host = region_host
        self._names = names
        self._transport = transport
        self._endpoint = endpoint
        self._provider = provider
        self._limiter = limiter

    async def reserve(self, priority: Priority) -> None:
        """
        Wait for the token of one `modify_ssl`, and take it.

        Raises:
            TurnAwaited: There is none for now, see `Pace`.
        """
        await self._limiter.acquire(priority, _MODIFY)
        if isinstance(self._limiter, Pace):
            self._limiter.sends()

    async def describe_ssl(
        self,
        instance_id: str,
        region_id: str,
        *,
        priority: Priority,
        engine: str | None = None,
        undeclared: Collection[str] = (),
    ) -> Observed:
        """
        Ask for the SSL settings in force.

        Args:
            engine: See `rds_ssl.core.rds.responses.read_ssl`, also for *undeclared*.

        Raises:
            AliyunError: No answer, or a refusal.
            ObservationError: An answer that cannot be understood.
        """
        body = await self._read("DescribeDBInstanceSSL", instance_id, region_id, priority)
        read = partial(responses.read_ssl, body, engine, undeclared=undeclared)
        return await offloaded(read, size=_size(body))

    async def describe_attribute(
        self, instance_id: str, region_id: str, *, priority: Priority
    ) -> Instance:
        """
        Ask what the instance is, and whether it is running.

        Raises:
            AliyunError: No answer, or a refusal; an answer without an instance is
                ``InvalidDBInstanceId.NotFound`` as well.
            ObservationError: An answer that cannot be understood.
        """
        action = "DescribeDBInstanceAttribute"
        body = await self._read(action, instance_id, region_id, priority)
        if responses.has_no_instance(body):
            raise ApiError(
                action=action,
                code="InvalidDBInstanceId.NotFound",
                http_status=404,
                request_id=answers.read_request_id(body),
                message="the answer holds no instance",
            )
        return await offloaded(partial(responses.read_attribute, body), size=_size(body))

    async def describe_endpoints(
        self, instance_id: str, region_id: str, *, priority: Priority
    ) -> tuple[Endpoint, ...]:
        """
        Ask for the addresses of the instance; also those that cannot have SSL.

        Raises:
            AliyunError: No answer, or a refusal.
            ObservationError: An answer without the list.
        """
        action = "DescribeDBInstanceNetInfo"
        body = await self._read(action, instance_id, region_id, priority)
        return await offloaded(partial(responses.read_endpoints, body), size=_size(body))

    async def describe_hostssl_rows(
        self, instance_id: str, region_id: str, *, priority: Priority
    ) -> tuple[str, ...]:
        """
        Ask for the rows of a PostgreSQL's running pg_hba.conf that demand SSL.

        The right to it, ``rds:DescribePGHbaConfig``, is optional.

        Raises:
            AliyunError: No answer, or a refusal: all other engines, and without the right.
            ObservationError: An answer without the list.
        """
        action = "DescribePGHbaConfig"
        body = await self._read(action, instance_id, region_id, priority)
        return await offloaded(partial(responses.read_hostssl_rows, body), size=_size(body))

    async def modify_ssl(
        self, instance_id: str, region_id: str, parameters: Mapping[str, str | SecretText]
    ) -> str:
        """
        Change the SSL settings; sent once, see `reserve`.

        Args:
            parameters: By wire name, the complete set for the state wanted, without the instance
                and its region.

        Returns:
            The RequestId: accepted. The change itself goes on for minutes.

        Raises:
            ApiError: Refused with a code.
            NotSent: Surely not executed.
            NoAnswer: The outcome is unknown; a 2xx without RequestId is one.
        """
        body = await self._call(_MODIFY, instance_id, region_id, parameters, write=True)
        request_id = answers.read_request_id(body)
        if not request_id:
            raise NoAnswer(action=_MODIFY, kind="answer without RequestId", http_status=200)
        return request_id

    async def _read(
        self, action: str, instance_id: str, region_id: str, priority: Priority
    ) -> Mapping[str, object]:
        # Who has nothing to sign with takes no token from those who have.
        await self._provider.credentials()
        await self._limiter.acquire(priority, action)
        try:
            return await self._call(action, instance_id, region_id, {}, write=False)
        except NotSent as error:
            host = self._region_host if error.no_such_host else ""
            if host and self._names is not None and await self._names.exist_without(host):
                raise RegionUnknown(action=action, kind=error.kind, host=host) from error
            raise

    async def _call(
        self,
        action: str,
        instance_id: str,
        region_id: str,
        parameters: Mapping[str, str | SecretText],
        *,
        write: bool,
    ) -> Mapping[str, object]:
        # No page lists RegionId for these operations; Terraform has sent it for years.
        region = {"RegionId": region_id} if region_id else {}
        try:
            whole = {**parameters, **region, "DBInstanceId": instance_id}
            body = await self._signed(action, whole, write=write)
        except ApiError as error:
            if faults.classify(error, write=write).disposition is Disposition.THROTTLED:
                wait = PAUSE_WITHOUT_HINT if error.retry_after is None else error.retry_after
                now = asyncio.get_running_loop().time()
                self._limiter.pause(action, now + min(wait, LONGEST_PAUSE), error.code)
            raise
        dropped: list[SecretText] = []
        kept = _without_keys(body, dropped)
        lines = {line.strip() for secret in dropped for line in secret.reveal().splitlines()}
        lines = {line for line in lines if len(line) >= _SHORTEST and not line.startswith("-----")}
        return _without_echoes(kept, sorted(lines, key=len, reverse=True)) if lines else kept

    async def _signed(
        self, action: str, parameters: Mapping[str, str | SecretText], *, write: bool
    ) -> Mapping[str, object]:
        """
        Make a call; once more with another key if its own was refused at the door.

        A write is not sent twice by that: who refuses the key has looked at nothing else.
        """
        credentials = await self._provider.credentials()
        try:
            body = await self._transport.call(
                action, parameters, credentials, self._endpoint, write=write
            )
        except ApiError as error:
            other = None
            if faults.renews(error):
                other = await self._provider.after_refusal(credentials)
            if other is None:
                raise
            credentials = other
            body = await self._transport.call(
                action, parameters, other, self._endpoint, write=write
            )
        self._provider.accepted(credentials)
        return body


def _without_keys(fields: Mapping[str, object], dropped: list[SecretText]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in fields.items():
        if name.lower() not in _KEYS:
            found[name] = _cleaned(value, dropped)
        elif isinstance(value, str):
            dropped.append(SecretText(value))
    return found


def _cleaned(value: object, dropped: list[SecretText]) -> object:
    if isinstance(value, dict):
        return _without_keys(value, dropped)
    return [_cleaned(item, dropped) for item in value] if isinstance(value, list) else value


def _without_echoes(fields: Mapping[str, object], lines: Sequence[str]) -> dict[str, object]:
    """Return *fields* without a line of a key beside which they came, where they may be shown."""

    def without(value: object) -> object:
        if not isinstance(value, str) or len(value) > answers.SHOWN:
            return value
        before, begin, rest = value.partition(answers.PEM)
        return answers.replaced(before, lines) + begin + rest

    return {name: without(value) for name, value in fields.items()}


def _size(value: object) -> int:
    """Estimate the bytes of an answer by its long texts and lists; they are of small objects."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    return 64 * len(value) if isinstance(value, list) else 0
