"""Many requests to the API server at once, as its administrator."""

import asyncio
import json
import ssl
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import aiohttp

from support.cluster import Cluster

AT_ONCE = 16

MERGE_PATCH = "application/merge-patch+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; a PATCH is a merge patch."""

    method: str
    path: str
    body: object = None
    accepted: Collection[int] = (200, 201)
    """Statuses that are no error."""


def send(cluster: Cluster, requests: Iterable[Request]) -> None:
    """
    Send all of them, some at a time, in no order.

    Raises:
        RuntimeError: The API server refuses one.
    """
    asyncio.run(_send(cluster, requests))


async def _send(cluster: Cluster, requests: Iterable[Request]) -> None:
    waiting = iter(requests)
    context = ssl.create_default_context(cafile=str(cluster.control_plane.ca_file))
    async with aiohttp.ClientSession(
        cluster.control_plane.url,
        connector=aiohttp.TCPConnector(ssl=context, limit=0),
        headers={"Authorization": cluster.api.headers["Authorization"]},
    ) as session:

        async def worker() -> None:
            for request in waiting:
                await _request(session, request)

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(worker())


async def _request(session: aiohttp.ClientSession, request: Request) -> None:
    kind = MERGE_PATCH if request.method == "PATCH" else "application/json"
    body: Any = None if request.body is None else json.dumps(request.body)
    async with session.request(
        request.method, request.path, data=body, headers={"Content-Type": kind}
    ) as answer:
        text = await answer.text()
        if answer.status not in request.accepted:
            raise RuntimeError(f"{request.method} {request.path}: {answer.status} {text[:500]}")
