"""
A peer that sends a byte now and then, for ever: each kind of request ends by its deadline.

Time-outs between two bytes never come to pass with it, so that only a deadline for the whole helps.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rds_ssl.aliyun import transport as transport_module
from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.identity import metadata as metadata_module
from rds_ssl.aliyun.identity import sts as sts_module
from rds_ssl.aliyun.identity.metadata import Metadata
from rds_ssl.aliyun.identity.roles import Role
from rds_ssl.aliyun.identity.sts import STS_VERSION, Sts
from rds_ssl.aliyun.transport import Transport, make_http_transport
from rds_ssl.core.errors import KubeUnavailable, NoAnswer, NoCredentials
from rds_ssl.core.secret_text import SecretText
from rds_ssl.kube.client import KubeClient
from support.api_stand_in import write_kubeconfig
from support.polling import patience

DEADLINE = 0.4
"""Seconds, in place of the real ones."""

PATIENCE = 8.0
"""Seconds after which a request counts as one that never ends."""

BEAT = 0.02
"""Seconds between two bytes."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"

CREDENTIALS = Credentials(access_key_id="LTAI5tX", access_key_secret=SecretText("hush-hush"))
ROLE = Role(arn="acs:ram::1:role/r", session_name="s")
PATH = "/api/v1/namespaces/shop/secrets/a"

Request = Callable[[str, Path], Awaitable[object]]


def now() -> datetime:
    return datetime.now(UTC)


@contextlib.asynccontextmanager
async def dripping(start: bytes) -> AsyncIterator[str]:
    """Serve *start* at once, and then a space now and then."""
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(start)
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(BEAT)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for each in serving:
            each.cancel()
        await asyncio.gather(*serving)


async def rds(url: str, *, write: bool) -> object:
    async with make_http_transport() as http:
        transport = Transport(http, now=now)
        action = "ModifyDBInstanceSSL" if write else "DescribeDBInstanceSSL"
        return await transport.call(action, {"DBInstanceId": "a"}, CREDENTIALS, url, write=write)


async def a_read(url: str, _: Path) -> object:
    return await rds(url, write=False)


async def a_write(url: str, _: Path) -> object:
    return await rds(url, write=True)


async def a_session(url: str, _: Path) -> object:
    async with make_http_transport() as http:
        sts = Sts(Transport(http, now=now, version=STS_VERSION), url)
        return await sts.assume_role(CREDENTIALS, ROLE)


async def a_role_of_ecs(url: str, _: Path) -> object:
    async with make_http_transport() as http:
        return await Metadata(http, now=now, url=url).issue("", label="ECS")


@contextlib.asynccontextmanager
async def api_server(url: str, directory: Path) -> AsyncIterator[KubeClient]:
    kubeconfig = write_kubeconfig(directory / "config", cluster={"server": url}, user={})
    client = await KubeClient.connect(kubeconfig)
    try:
        yield client
    finally:
        await client.close()


async def an_object(url: str, directory: Path) -> object:
    async with api_server(url, directory) as client:
        return await client.request("GET", PATH, deadline=DEADLINE)


async def a_patch(url: str, directory: Path) -> object:
    async with api_server(url, directory) as client:
        return await client.request("PATCH", PATH, body={}, deadline=DEADLINE)


async def a_watch(url: str, directory: Path) -> object:
    async with (
        api_server(url, directory) as client,
        client.stream(
            PATH, query={}, accept="application/json", idle=PATIENCE, total=DEADLINE
        ) as response,
    ):
        return await response.read()


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (
        (transport_module, "READ_DEADLINE"),
        (transport_module, "WRITE_DEADLINE"),
        (sts_module, "DEADLINE"),
        (metadata_module, "DEADLINE"),
    ):
        monkeypatch.setattr(module, name, DEADLINE)


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX: ", HEAD], ids=["headers", "body"])
@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (a_read, NoAnswer),
        (a_write, NoAnswer),
        (a_session, NoAnswer),
        (a_role_of_ecs, NoCredentials),
        (an_object, KubeUnavailable),
        (a_patch, KubeUnavailable),
        (a_watch, KubeUnavailable),
    ],
    ids=lambda each: each.__name__,
)
def test_an_answer_that_drips_ends_by_the_deadline_of_the_whole(
    request_: Request, error: type[Exception], start: bytes, tmp_path: Path
) -> None:
    async def work() -> None:
        async with dripping(start) as url:
            with pytest.raises(error):
                async with asyncio.timeout(patience(PATIENCE)):
                    await request_(url, tmp_path)

    asyncio.run(work())
