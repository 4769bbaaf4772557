"""The three pages that probes and Prometheus read."""

import asyncio

import aiohttp
import pytest

from rds_ssl.telemetry import HttpServer, Metrics


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
