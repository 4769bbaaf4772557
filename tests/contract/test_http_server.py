"""The three pages that probes and Prometheus read."""

import asyncio

import aiohttp
import pytest

from rds_ssl import web_server
from rds_ssl.http_server import HttpServer
from rds_ssl.metrics import Metrics
from support.polling import patience


async def get(server: HttpServer, path: str) -> tuple[int, str, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{server.port}{path}") as answer,
    ):
        return answer.status, answer.headers["Content-Type"], await answer.text()


def test_probes_answer_ok_or_what_is_wrong() -> None:
    async def work() -> None:
        broken: list[str] = []
        server = HttpServer(
            bind="127.0.0.1:0",
            healthy=lambda: (),
            ready=lambda: broken,
            metrics=Metrics(),
        )
        assert server.port is None
        await server.start()
        try:
            assert (await get(server, "/healthz"))[::2] == (200, "ok\n")
            assert (await get(server, "/readyz"))[::2] == (200, "ok\n")

            broken += ["the CRD is missing", "no watch"]

            assert (await get(server, "/healthz"))[::2] == (200, "ok\n")
            assert (await get(server, "/readyz"))[::2] == (503, "the CRD is missing\nno watch\n")
            assert (await get(server, "/else"))[0] == 404
        finally:
            await server.stop()
        assert server.port is None

    asyncio.run(work())


def test_metrics_are_served_in_the_text_format() -> None:
    async def work() -> None:
        metrics = Metrics()
        metrics.change_verified()
        server = HttpServer(
            bind="127.0.0.1:0", healthy=tuple[str], ready=tuple[str], metrics=metrics
        )
        await server.start()
        try:
            status, content_type, text = await get(server, "/metrics")
        finally:
            await server.stop()

        assert status == 200
        assert content_type == "text/plain; version=0.0.4; charset=utf-8"
        assert "rds_ssl_changes_verified_total 1.0\n" in text

    asyncio.run(work())


def test_an_empty_address_serves_nothing() -> None:
    async def work() -> None:
        server = HttpServer(bind="", healthy=tuple[str], ready=tuple[str], metrics=Metrics())
        await server.start()
        assert server.port is None
        await server.stop()

    asyncio.run(work())


def test_an_address_in_use_is_an_error_and_leaves_nothing_open() -> None:
    async def work() -> None:
        first = HttpServer(
            bind="127.0.0.1:0", healthy=tuple[str], ready=tuple[str], metrics=Metrics()
        )
        await first.start()
        second = HttpServer(
            bind=f"127.0.0.1:{first.port}",
            healthy=tuple[str],
            ready=tuple[str],
            metrics=Metrics(),
        )
        try:
            with pytest.raises(OSError, match="in use"):
                await second.start()
            assert second.port is None
        finally:
            await first.stop()

    asyncio.run(work())


def served() -> HttpServer:
    return HttpServer(bind="127.0.0.1:0", healthy=tuple[str], ready=tuple[str], metrics=Metrics())


async def ended(reader: asyncio.StreamReader) -> bool:
    """Wait for the end of a connection; False if an answer comes first."""
    try:
        return not await reader.read(1)
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ", id="a part of the headers"),
    ],
)
def test_whoever_does_not_finish_a_request_is_let_go(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(web_server, "PATIENCE", 0.2)

    async def work() -> None:
        server = served()
        await server.start()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(sent)
            async with asyncio.timeout(patience(10)):
                assert await ended(reader)
            writer.close()
        finally:
            await server.stop()

    asyncio.run(work())


def test_thousands_of_unfinished_requests_keep_nobody_from_a_probe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(web_server, "PATIENCE", 600.0)  # The number alone ends them.

    async def work() -> None:
        server = served()
        await server.start()
        try:
            connections = []
            for _ in range(5 * web_server.MOST_CONNECTIONS):
                connections.append(await asyncio.open_connection("127.0.0.1", server.port))
                connections[-1][1].write(b"GET /metrics HTTP/1.1\r\n")
            assert (await get(server, "/healthz"))[::2] == (200, "ok\n")

            async with asyncio.timeout(patience(10)):
                first = [reader for reader, _ in connections[: 4 * web_server.MOST_CONNECTIONS]]
                assert all([await ended(reader) for reader in first])
            assert (await get(server, "/readyz"))[::2] == (200, "ok\n")
            for _, writer in connections:
                writer.close()
        finally:
            await server.stop()

    asyncio.run(work())


def test_a_page_is_read_again_on_the_same_connection_and_written_to_never() -> None:
    async def work() -> None:
        server = served()
        await server.start()
        try:
            async with aiohttp.ClientSession() as session:
                url = f"http://127.0.0.1:{server.port}/healthz"
                for _ in range(3):
                    async with session.get(url) as answer:
                        assert answer.status == 200
                async with session.post(url) as answer:
                    assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")
        finally:
            await server.stop()

    asyncio.run(work())
