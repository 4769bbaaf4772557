"""Traces on the wire, to a collector that takes them, refuses them, or says nothing."""

import asyncio
import logging

import pytest

from rds_ssl.tracing import Tracing, open_tracing
from rds_ssl.wiring import counted
from support.collector import Collector
from support.polling import patience

LOGGER = "rds_ssl.tracing"


async def make_passes(tracing: Tracing, number: int = 1) -> None:
    async def step() -> str:
        tracing.telling(lambda *_: None)("DescribeDBInstanceSSL", "OK", 0.1)
        return "done"

    for _ in range(number):
        ended = tracing.begin(("shop", "orders"), lambda: None, lambda *_: None)
        await counted(step(), ended)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for each in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    # Of an export that nobody answers; the SDK gives up by itself after 30.
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "600")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")


@pytest.mark.parametrize(
    ("behind", "path"),
    [("", "/v1/traces"), ("/", "/v1/traces"), ("/otlp/traces", "/otlp/traces")],
)
def test_what_is_left_is_sent_at_the_end(behind: str, path: str) -> None:
    async def story(url: str) -> None:
        tracing = open_tracing(url)
        await make_passes(tracing)
        await tracing.close()

    with Collector() as collector:
        asyncio.run(story(collector.url + behind))

        assert set(collector.paths) == {path}
        call, root = collector.spans
        assert (root.name, root.parent) == ("pass", b"")
        assert collector.children(root) == [call]
        assert root.attributes["rds_ssl.result"] == "done"
        assert root.resource["service.name"] == "rds-ssl-operator"


def test_headers_of_the_collector_come_from_the_variables_of_opentelemetry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-token=a-token")

    async def story(url: str) -> None:
        tracing = open_tracing(url)
        await make_passes(tracing)
        await tracing.close()

    with Collector() as collector:
        asyncio.run(story(collector.url))

        assert {each["x-token"] for each in collector.headers} == {"a-token"}


def test_a_collector_that_never_answers_does_not_keep_the_process() -> None:
    async def story(url: str) -> None:
        tracing = open_tracing(url)
        await make_passes(tracing)
        async with asyncio.timeout(patience(5)):
            await tracing.close()

    with Collector() as collector:
        collector.answers.clear()

        asyncio.run(story(collector.url))

        assert collector.asked.is_set()
        assert not collector.answers.is_set()


def test_passes_do_not_wait_for_a_queue_that_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5")

    async def story(collector: Collector) -> None:
        tracing = open_tracing(collector.url)
        collector.answers.clear()
        await make_passes(tracing, 200)
        collector.answers.set()
        await tracing.close()

    with Collector() as collector:
        asyncio.run(story(collector))

        assert 10 <= len(collector.spans) < 400


def test_that_spans_are_not_taken_is_said_once_and_so_is_their_return(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)

    async def story(collector: Collector) -> None:
        tracing = open_tracing(collector.url)
        for status in (400, 400, 200):
            collector.status = status
            collector.asked.clear()
            await make_passes(tracing)
            await asyncio.to_thread(collector.asked.wait)
        await tracing.close()

    with Collector() as collector:
        asyncio.run(story(collector))

    host = collector.url.removeprefix("http://")
    assert [each.getMessage() for each in caplog.records if each.name != "asyncio"] == [
        f"traces are not taken by {host}, and dropped until they are; nothing waits for it",
        f"traces are taken again by {host}",
    ]
    assert {each.name for each in caplog.records} - {"asyncio"} == {LOGGER}
