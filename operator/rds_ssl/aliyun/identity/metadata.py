"""
The metadata service of ECS, which gives an instance the temporary keys of its RAM role.

Plain HTTP to an address that never leaves the machine's host. Version 2 asks for a token first,
which a page that somebody makes a browser load cannot do; version 1 is asked where there is no
version 2, unless that is forbidden.

Source: the vendor's pages on instance metadata, and its library for Python.
"""

import functools
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

import httpx

from rds_ssl.aliyun import answers
from rds_ssl.aliyun.credentials import is_key_text
from rds_ssl.aliyun.exchange import Answer, exchange
from rds_ssl.aliyun.identity.providers import Issued
from rds_ssl.aliyun.identity.sts import read_issued
from rds_ssl.core.errors import NoAnswer, NoCredentials, TransportError
from rds_ssl.core.rds.sts_codes import METADATA_NO_ROLE, METADATA_REFUSED

METADATA_URL = "http://100.100.100.200"
"""Where every ECS instance finds it."""

CONNECT_DEADLINE, DEADLINE = 1.0, 3.0
"""Seconds, for a connection and for a whole request: it is on the same host, or not there."""

TOKEN_SECONDS = "21600"  # noqa: S105  # A time, no password.
"""How long a token is to live: the most there is, as the vendor's library has it."""

_ANSWER_BYTES = 64 * 1024

_ACTION = "ECSMetadata"
_SERVICE = "The ECS metadata service"
_ROLES = "/latest/meta-data/ram/security-credentials/"

# What a role may be called; it becomes a part of a path.
_ROLE_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class Metadata:
    """The metadata service; one for the process."""

    def __init__(
        self,
        http: httpx.AsyncBaseTransport,
        *,
        now: Callable[[], datetime],
        url: str = METADATA_URL,
        version_1: bool = True,
    ) -> None:
        """*http* stays the caller's; *version_1* is whether it may be asked without a token."""
        self._http = http
        self._now = now
        self._url = url
        self._version_1 = version_1

    async def issue(self, role_name: str, *, label: str) -> Issued:
        """
        Ask for a key of a role; of the one that the instance has, if *role_name* is empty.

        Raises:
            NoCredentials: There is none.
        """
        failed = functools.partial(
            NoCredentials, action=_ACTION, service=_SERVICE, label=label, role=role_name
        )
        try:
            token = await self._token()
            name = role_name or await self._role_name(token)
            if name is None:
                raise failed(code=METADATA_NO_ROLE, http_status=404)
            answer = await self._get(_ROLES + name, token)
            if answer.status == 404:
                raise failed(code=METADATA_NO_ROLE, http_status=404)
            if answer.status in {401, 403}:
                raise failed(code=METADATA_REFUSED, http_status=answer.status)
            body = answers.read_object(answer.raw) if answer.status == 200 else None
            if body is None or body.get("Code") != "Success":
                raise NoAnswer(action=_ACTION, kind="unreadable answer", http_status=answer.status)
            return read_issued(body, action=_ACTION, now=self._their_now(answer.headers))
        except TransportError as error:
            raise failed(kind=error.kind) from error

    async def _token(self) -> str | None:
        """Return a token, None for none: where only version 1 is."""
        try:
            answer = await self._send(
                "PUT",
                "/latest/api/token",
                {"x-aliyun-ecs-metadata-token-ttl-seconds": TOKEN_SECONDS},
            )
            token = answer.raw.decode("ascii", "replace").strip()
            kind = f"HTTP {answer.status} without a token"
            failure = NoAnswer(action=_ACTION, kind=kind, http_status=answer.status)
        except NoAnswer as error:  # If nobody is there, then for version 1 neither.
            failure, token = error, ""
        else:
            if answer.status == 200 and is_key_text(token):
                return token
        if not self._version_1:
            raise failure
        return None

    async def _role_name(self, token: str | None) -> str | None:
        answer = await self._get(_ROLES, token)
        name = answer.raw.decode("ascii", "replace").strip()
        if answer.status == 404 or (answer.status == 200 and not name):
            return None
        if answer.status != 200 or not _ROLE_NAME.fullmatch(name):
            raise NoAnswer(action=_ACTION, kind="unreadable answer", http_status=answer.status)
        return name

    async def _get(self, path: str, token: str | None) -> Answer:
        return await self._send(
            "GET", path, {"x-aliyun-ecs-metadata-token": token} if token else {}
        )

    async def _send(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        request = httpx.Request(
            method,
            self._url + path,
            headers={"accept-encoding": "identity", **headers},
            extensions={"timeout": {"connect": CONNECT_DEADLINE, "pool": CONNECT_DEADLINE}},
        )
        return await exchange(
            self._http, request, action=_ACTION, deadline=DEADLINE, most=_ANSWER_BYTES
        )

    def _their_now(self, headers: Mapping[str, str]) -> datetime:
        try:
            theirs = parsedate_to_datetime(headers.get("date", ""))
        except ValueError:
            return self._now()
        return theirs if theirs.tzinfo is not None else self._now()
