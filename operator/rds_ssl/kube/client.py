"""
Requests to the API server, by aiohttp with the official client's credentials.

The official client itself is not used: it turns each answer into models, knows no custom resource,
leaves a request without a deadline, and its import takes longer than most commands.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp

from rds_ssl.core.errors import (
    KubeConflict,
    KubeError,
    KubeNotFound,
    KubeRefused,
    KubeTooLarge,
    KubeUnavailable,
)
from rds_ssl.kube.access import KubeCredentials, from_kubeconfig, from_pod
from rds_ssl.kube.pacing import Pacing
from rds_ssl.kube.user_entry import NOBODY_ELSE, Impersonation

DEADLINE = 20.0
"""Seconds for one request. With etcd dead the server lets a request hang for a minute."""

_REPEATS = (0.1, 0.4)
"""
Seconds, at most, before a request that was answered by 5xx is made again: of half of all answers
that one in eight remains, and a pass that fails waits for seconds.
"""

OPENING = 10.0
"""Seconds for the first bytes of a watch."""

OPERATOR, COMMAND_LINE = "rds-ssl-operator", "rds-ssl-cli"
"""Field managers, and with the version user agents: who has written, and who asks."""

_WRITES = frozenset({"PATCH", "POST"})
"""Methods that are used and have a field manager."""

MERGE_PATCH = "application/merge-patch+json"

_LINE = 2**21
"""Bytes that are read ahead; kopf reads lines, and a line is an object."""

LARGEST = 16 * 2**20
"""
Bytes of one object as JSON, at most: etcd takes 1.5 MiB, and Go's JSON makes six of a ``<``.
Nothing longer is read into memory, whoever sends it.
"""

_MESSAGE = 2000
"""Characters that are kept of what an admission policy says."""

_BY_CALLER = aiohttp.ClientTimeout(total=None)
"""No deadline of aiohttp's own: `request` has one around all of it."""


class KubeClient:
    """One connection pool to one API server. Use `connect`, close it at the end."""

    def __init__(self, credentials: KubeCredentials, manager: str = OPERATOR) -> None:
        """
        Internal: use `connect`. Needs a running event loop.

        Raises:
            KubeError: Certificates cannot be read.
        """
        self.namespace = credentials.namespace
        """That of the context, or of the Pod."""
        self.server = credentials.server
        """The server's URL."""
        self._credentials = credentials
        self._manager = manager
        agent = f"{manager}/{version('rds-ssl-operator')}"
        # Pairs, for a group comes in each header of its own.
        self._headers = (("User-Agent", agent), *credentials.impersonation.headers())
        self._connector = aiohttp.TCPConnector(
            limit=0,  # Watches occupy slots for ever.
            ssl=credentials.tls() if self.server.startswith("https:") else True,
        )
        self._session = self._new_session()
        self._pacing = Pacing()
        """Of kopf's requests: one for all sessions, for kopf asks for another one at each 401."""

    @classmethod
    async def connect(
        cls,
        kubeconfig: str | None,
        *,
        context: str = "",
        acting_as: Impersonation = NOBODY_ELSE,
        manager: str = OPERATOR,
        verified: bool = False,
    ) -> "KubeClient":
        """
        Read the credentials: *kubeconfig* if given, else those of the Pod.

        Args:
            kubeconfig: A path, or several with ``:`` between them.
            context: One of the kubeconfig's; empty for its current one.
            acting_as: Whom to impersonate; what is empty in it is as in the kubeconfig.
            manager: Field manager and user agent, so that managedFields and the audit log tell
                people from the operator.
            verified: Whether to refuse a kubeconfig that does not have the server verified.

        Raises:
            KubeError: There are none, or they cannot be read, or are refused.
        """
        if not kubeconfig:
            return cls(from_pod(acting_as), manager)
        found = await from_kubeconfig(kubeconfig, context, acting_as)
        if verified and not found.verifies:
            raise KubeError(
                f"kubeconfig {kubeconfig}: the cluster of its context has insecure-skip-tls-verify,"
                " or is reached by plain http, and private keys are read through it; give it a"
                " certificate-authority and an https server"
            )
        return cls(found, manager)

    def session(self) -> aiohttp.ClientSession:
        """
        Return a session with the same credentials and connections for kopf, which closes it itself.

        The token is asked for at each request, so that a rotated one needs no 401 first. Lists and
        watches have a pace, for kopf has none; the pages of a list follow each other at once.
        """
        pacing = self._pacing

        async def authorize(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            if request.method == "GET" and "continue" not in request.url.query:
                await pacing.wait(request.url.path)
            request.headers.update(await self._authorization())
            request.server_hostname = self._credentials.server_name
            return await handler(request)

        return self._new_session(authorize)

    def _new_session(self, *middlewares: aiohttp.ClientMiddlewareType) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=self._connector,
            connector_owner=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            middlewares=middlewares,
            proxy=self._credentials.proxy,
            read_bufsize=_LINE,
            trust_env=False,
        )

    async def _authorization(self) -> dict[str, str]:
        found = await self._credentials.authorization()
        return {"Authorization": found} if found else {}

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        accept: str = "application/json",
        deadline: float = DEADLINE,
        largest: int = LARGEST,
        repeatable: bool = False,
    ) -> dict[str, Any]:
        """
        Make one request and decode the answer, of *largest* bytes at most.

        A PATCH is a merge patch. A GET that the server fails to answer is repeated at once, and so
        is what is *repeatable*: a PATCH under a resourceVersion is carried out once at most.

        Raises:
            KubeNotFound: 404.
            KubeConflict: 409.
            KubeRefused: Any other 4xx but 429.
            KubeTooLarge: The answer is longer; the rest of it was not read.
            KubeUnavailable: No answer in *deadline* seconds, 429, 5xx.
        """
        what = f"{method} {path}"
        again = iter(_REPEATS if repeatable or method == "GET" else ())
        try:
            async with asyncio.timeout(deadline):
                while True:
                    async with self._open(
                        method, path, query, body=body, accept=accept, timeout=_BY_CALLER
                    ) as response:
                        content = await _read(what, response, largest)
                    if response.status < 500 or (pause := next(again, None)) is None:
                        break
                    if "Retry-After" in response.headers:
                        break  # Whoever asks has to wait longer than that.
                    await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # Jitter.
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            name = type(error).__name__
            raise KubeUnavailable(f"{what}: no answer ({name})") from error
        if response.status >= 400:
            raise read_error(what, response.status, response.headers, content)
        try:
            decoded = json.loads(content)
        except ValueError as error:
            raise KubeUnavailable(f"{what}: not JSON", status=response.status) from error
        return decoded if isinstance(decoded, dict) else {}

    @asynccontextmanager
    async def stream(
        self, path: str, *, query: Mapping[str, str], accept: str, idle: float, total: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """
        Open a watch; no bytes for *idle* seconds, or *total* seconds in all, end it.

        The API server answers before it has anything to tell: without an answer for `OPENING`
        seconds, there is nothing to wait for.

        Raises:
            KubeError: As `request`.
        """
        what = f"watch {path}"
        timeout = aiohttp.ClientTimeout(total=total, sock_read=idle, sock_connect=OPENING)
        try:
            async with (
                asyncio.timeout(OPENING) as opening,
                self._open("GET", path, query, accept=accept, timeout=timeout) as response,
            ):
                opening.reschedule(None)
                if response.status >= 400:
                    content = await _read(what, response, LARGEST)
                    raise read_error(what, response.status, response.headers, content)
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise KubeUnavailable(f"{what}: broken off ({type(error).__name__})") from error

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        *,
        accept: str,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # aiohttp's, of its parts.
        body: object = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {"Accept": accept, **await self._authorization()}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = MERGE_PATCH if method == "PATCH" else "application/json"
        url = f"{self.server}{path}"
        if method in _WRITES:
            query = {**(query or {}), "fieldManager": self._manager}
        if query:
            url += f"?{urlencode(query, quote_via=quote)}"
        async with self._session.request(
            method,
            url,
            headers=headers,
            data=data,
            timeout=timeout,
            server_hostname=self._credentials.server_name,
        ) as response:
            yield response

    async def close(self) -> None:
        """Close the connections; sessions that `session` has made are of no use after it."""
        await self._session.close()
        await self._connector.close()


async def _read(what: str, response: aiohttp.ClientResponse, largest: int) -> bytes | bytearray:
    """Read the body; of one that is too long, no more than is read ahead of it."""
    content = bytearray()
    async for part in response.content.iter_any():
        content += part
        if len(content) > largest:
            response.close()
            raise KubeTooLarge(f"{what}: an answer of more than {largest} bytes")
    return content


def read_error(
    what: str, status: int, headers: Mapping[str, str], content: bytes | bytearray
) -> KubeError:
    """Return the error that an answer of 400 or above means; *what* was asked is told first."""
    causes: frozenset[str] = frozenset()
    try:
        answer = json.loads(content)
        message = str(answer.get("message", ""))
        causes = frozenset(
            str(each.get("reason")) for each in (answer.get("details") or {}).get("causes") or ()
        )
    except (ValueError, AttributeError):
        # Priority and fairness answer 429 in plain text.
        message = content.decode(errors="replace").strip()
    words = f"{what}: HTTP {status} {message[:300]}".rstrip()
    if status == 404:
        return KubeNotFound(words, status=status)
    if status == 409:
        return KubeConflict(words, status=status)
    if status == 429 or status >= 500:
        after = headers.get("Retry-After", "")
        return KubeUnavailable(
            words, status=status, retry_after=float(after) if after.isdigit() else None
        )
    return KubeRefused(words, status=status, causes=causes, message=message[:_MESSAGE])
