"""
Requests to the API server, through the official client's transport and credentials.

The generated API classes are not used: they turn each answer into models, know no custom resource
and leave a request without a deadline. What is used of ``kubernetes.aio`` is its configuration
(kubeconfig, in-cluster, rotating tokens) and its connection pool; knowledge of both traps (a 429
with a text body, a PATCH that becomes a strategic merge) is here.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from rds_ssl.core.errors import KubeConflict, KubeError, KubeNotFound, KubeRefused, KubeUnavailable
from rds_ssl.kube.credentials import from_kubeconfig, from_pod

DEADLINE = 20.0
"""Seconds for one request. With etcd dead the server lets a request hang for a minute."""

MERGE_PATCH = "application/merge-patch+json"


class KubeClient:
    """One connection pool to one API server. Use `connect`, close it at the end."""

    def __init__(self, configuration: Any, *, namespace: str = "default") -> None:  # noqa: ANN401  # The client has no types.
        self.namespace = namespace
        """That of the context, or of the Pod."""
        self._configuration = configuration
        self._api = client.ApiClient(configuration)

    @classmethod
    async def connect(cls, kubeconfig: str | None, *, context: str = "") -> "KubeClient":
        """
        Read the credentials: *kubeconfig* if given, else those of the Pod.

        Args:
            kubeconfig: A path, or several with ``:`` between them.
            context: One of the kubeconfig's; empty for its current one.

        Raises:
            KubeError: There are none, or they cannot be read.
        """
        found = await from_kubeconfig(kubeconfig, context) if kubeconfig else from_pod()
        found.configuration.connection_pool_maxsize = 0  # Watches occupy slots for ever.
        found.configuration.client_session_kwargs = {"trust_env": False}
        return cls(found.configuration, namespace=found.namespace)

    @property
    def server(self) -> str:
        """The server's URL."""
        return str(self._configuration.host)

    def session(self) -> aiohttp.ClientSession:
        """
        Make a session with the same credentials for kopf, which closes it itself.

        The token is asked for at each request, so that a rotated one needs no 401 first.
        """

        async def authorize(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            request.headers.update(await self._authorization())
            return await handler(request)

        return aiohttp.ClientSession(
            connector=self._api.rest_client._create_connector(),  # noqa: SLF001  # No public way.
            middlewares=(authorize,),
            read_bufsize=2**21,
            trust_env=False,
        )

    async def _authorization(self) -> dict[str, str]:
        token = await self._configuration.get_api_key_with_prefix("BearerToken")
        return {"Authorization": str(token)} if token else {}

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        accept: str = "application/json",
        deadline: float = DEADLINE,
    ) -> dict[str, Any]:
        """
        Make one request and decode the answer.

        A PATCH is a merge patch. Not repeated here: whoever asks knows what is safe.

        Raises:
            KubeNotFound: 404.
            KubeConflict: 409.
            KubeRefused: Any other 4xx but 429.
            KubeUnavailable: No answer in *deadline* seconds, 429, 5xx.
        """
        what = f"{method} {path}"
        try:
            async with (
                asyncio.timeout(deadline),
                self._open(
                    method, path, query, body=body, accept=accept, limit=deadline
                ) as response,
            ):
                text = await response.text()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            name = type(error).__name__
            raise KubeUnavailable(f"{what}: no answer ({name})") from error
        except ApiException as error:
            raise KubeUnavailable(f"{what}: {error.reason}", status=error.status or 0) from error
        if response.status >= 400:
            raise _error(what, response.status, response.headers, text)
        try:
            decoded = json.loads(text)
        except ValueError as error:
            raise KubeUnavailable(f"{what}: not JSON", status=response.status) from error
        return decoded if isinstance(decoded, dict) else {}

    @asynccontextmanager
    async def stream(
        self, path: str, *, query: Mapping[str, str], accept: str, idle: float, total: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """
        Open a watch; no bytes for *idle* seconds, or *total* seconds in all, end it.

        Raises:
            KubeError: As `request`.
        """
        what = f"watch {path}"
        timeout = aiohttp.ClientTimeout(total=total, sock_read=idle, sock_connect=10)
        try:
            async with self._open("GET", path, query, accept=accept, limit=timeout) as response:
                if response.status >= 400:
                    raise _error(what, response.status, response.headers, await response.text())
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise KubeUnavailable(f"{what}: broken off ({type(error).__name__})") from error
        except ApiException as error:
            raise KubeUnavailable(f"{what}: {error.reason}", status=error.status or 0) from error

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        *,
        accept: str,
        limit: float | aiohttp.ClientTimeout,
        body: object = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {"Accept": accept}
        if method == "PATCH":
            # The client would turn a dict of another type into a strategic merge: 415 for a CR.
            headers["Content-Type"] = MERGE_PATCH
        arguments = await self._api.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        answer = await self._api.call_api(*arguments, _request_timeout=limit)
        try:
            yield answer.response
        finally:
            answer.response.release()

    async def close(self) -> None:
        """Close the pool."""
        await self._api.close()


def _error(what: str, status: int, headers: Mapping[str, str], text: str) -> KubeError:
    causes: frozenset[str] = frozenset()
    try:
        answer = json.loads(text)
        message = str(answer.get("message", ""))
        causes = frozenset(
            str(each.get("reason")) for each in (answer.get("details") or {}).get("causes") or ()
        )
    except (ValueError, AttributeError):
        message = text.strip()  # Priority and fairness answer 429 in plain text.
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
    return KubeRefused(words, status=status, causes=causes)
