"""The client of the API server on the wire: what it sends, makes of answers, and keeps open."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web

from rds_ssl.core.errors import KubeConflict, KubeError, KubeNotFound, KubeRefused, KubeUnavailable
from rds_ssl.kube.client import COMMAND_LINE, OPERATOR, KubeClient
from support.api_stand_in import Answer, StandIn, standing_in, write_kubeconfig
from support.polling import patience

PATH = "/api/v1/namespaces/shop/secrets/orders"
WATCH: dict[str, Any] = {"query": {"watch": "1"}, "accept": "application/json"}


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


@asynccontextmanager
async def talking(tmp_path: Path) -> AsyncIterator[tuple[StandIn, KubeClient]]:
    """Give a server without TLS, and a client of it."""
    async with standing_in(tmp_path, tls=False) as server:
        kubeconfig = write_kubeconfig(
            tmp_path / "config", cluster={"server": f"{server.url}/k8s/"}, user={}
        )
        client = await KubeClient.connect(kubeconfig)
        try:
            yield server, client
        finally:
            await client.close()


def test_a_request_says_who_asks_and_what_it_takes(tmp_path: Path) -> None:
    async def test() -> None:
        async with talking(tmp_path) as (server, client):
            query = {"labelSelector": "team in (a,b),tier!=c/d&e", "limit": "1"}
            await client.request("GET", PATH, query=query, accept="application/json;as=Table")

        (asked,) = server.asked
        path, _, sent = asked.url.partition("?")
        assert (path, dict(parse_qsl(sent))) == (f"/k8s{PATH}", query)
        assert asked.headers["User-Agent"] == f"rds-ssl-operator/{version('rds-ssl-operator')}"
        assert asked.headers["Accept"] == "application/json;as=Table"
        assert "Authorization" not in asked.headers

    run(test())


@pytest.mark.parametrize("manager", [OPERATOR, COMMAND_LINE])
def test_a_write_says_whose_the_fields_are_and_each_request_who_asks(
    tmp_path: Path, manager: str
) -> None:
    async def test() -> None:
        async with standing_in(tmp_path, tls=False) as server:
            kubeconfig = write_kubeconfig(
                tmp_path / "config", cluster={"server": server.url}, user={}
            )
            client = await KubeClient.connect(kubeconfig, manager=manager)
            for method in ("GET", "PATCH", "POST"):
                await client.request(method, PATH, query={"dryRun": "All"})
            async with client.session() as session:
                await session.get(server.url + PATH)
            await client.close()

        sent = [dict(parse_qsl(each.url.partition("?")[2])) for each in server.asked]
        assert [each.get("fieldManager") for each in sent] == [None, manager, manager, None]
        assert [each.get("dryRun") for each in sent[:3]] == ["All"] * 3
        agents = {each.headers["User-Agent"] for each in server.asked}
        assert agents == {f"{manager}/{version('rds-ssl-operator')}"}

    run(test())


@pytest.mark.parametrize(
    ("method", "kind"), [("PATCH", "application/merge-patch+json"), ("POST", "application/json")]
)
def test_a_body_is_json_and_a_patch_is_a_merge_patch(
    tmp_path: Path, method: str, kind: str
) -> None:
    async def test() -> None:
        body = {"status": {"message": "größer", "plan": None, "steps": []}}
        async with talking(tmp_path) as (server, client):
            await client.request(method, PATH, body=body)

        (asked,) = server.asked
        assert (asked.method, asked.headers["Content-Type"]) == (method, kind)
        assert json.loads(asked.body) == body

    run(test())


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, KubeRefused),
        (401, KubeRefused),
        (403, KubeRefused),
        (404, KubeNotFound),
        (409, KubeConflict),
        (410, KubeRefused),
        (422, KubeRefused),
        (429, KubeUnavailable),
        (500, KubeUnavailable),
        (503, KubeUnavailable),
    ],
)
def test_what_a_status_means_is_the_same_for_a_request_and_a_watch(
    tmp_path: Path, status: int, error: type[KubeError]
) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        causes = [{"reason": "NamespaceTerminating"}]
        body = {"message": "no: größer", "details": {"causes": causes}}
        return web.json_response(body, status=status, headers={"Retry-After": "7"})

    async def test() -> None:
        async with talking(tmp_path) as (server, client):
            server.answer = answer
            with pytest.raises(error) as asked:
                await client.request("GET", PATH)
            with pytest.raises(error) as watched:
                async with client.stream(PATH, idle=5, total=5, **WATCH):
                    pass

        assert type(asked.value) is type(watched.value) is error
        assert str(asked.value) == f"GET {PATH}: HTTP {status} no: größer"
        assert str(watched.value) == f"watch {PATH}: HTTP {status} no: größer"
        for each in (asked.value, watched.value):
            assert each.status == status
            if isinstance(each, KubeUnavailable):
                assert each.retry_after == 7
            if isinstance(each, KubeRefused):
                assert each.causes == {"NamespaceTerminating"}

    run(test())


def test_an_answer_need_not_be_json(tmp_path: Path) -> None:
    answers = [
        web.Response(status=429, text="Too many requests, please try again later.\n"),
        web.Response(status=502, body=b"\xff\xfe page of a proxy"),
        web.Response(text="<html>"),
        web.Response(body=b"\xff\xfe\xff"),
        web.json_response(["a list"]),
    ]

    async def answer(_: web.Request) -> web.StreamResponse:
        return answers.pop(0)

    async def test() -> None:
        async with talking(tmp_path) as (server, client):
            server.answer = answer
            for words in ("429 Too many requests, please try again later.$", "page of a proxy"):
                with pytest.raises(KubeUnavailable, match=words):
                    await client.request("POST", PATH)  # Not repeated.
            for _ in range(2):
                with pytest.raises(KubeUnavailable, match="not JSON"):
                    await client.request("GET", PATH)
            assert await client.request("GET", PATH) == {}

    run(test())


def test_a_server_that_is_silent_or_gone_is_no_answer(tmp_path: Path) -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"{")
        return await never(request)

    async def cut(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def test() -> None:
        async with talking(tmp_path) as (server, client):
            for answer in (never, half):
                server.answer = answer
                with pytest.raises(KubeUnavailable, match=r"no answer \(TimeoutError\)") as error:
                    async with asyncio.timeout(patience(5)):
                        await client.request("PATCH", PATH, body={}, deadline=0.1)
                assert error.value.status == 0
            with pytest.raises(KubeUnavailable, match=r"broken off \(.*Timeout.*\)"):
                async with client.stream(PATH, idle=0.1, total=5, **WATCH) as response:
                    await response.read()
            server.answer = cut
            with pytest.raises(KubeUnavailable, match="ServerDisconnectedError"):
                await client.request("PATCH", PATH, body={})
        async with talking(tmp_path) as (server, client):
            client.server = "http://127.0.0.1:1"
            with pytest.raises(KubeUnavailable, match="ClientConnectorError"):
                await client.request("GET", PATH)

    run(test())


def test_watches_keep_no_request_waiting(tmp_path: Path) -> None:
    async def watched(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        if "watch" in request.query:
            await asyncio.Event().wait()
        await response.write(b"{}")
        return response

    async def test() -> None:
        async with talking(tmp_path) as (server, client), AsyncExitStack() as watches:
            server.answer = watched
            for _ in range(120):  # aiohttp's own limit is 100.
                await watches.enter_async_context(client.stream(PATH, idle=60, total=60, **WATCH))

            assert await client.request("GET", PATH, deadline=patience(5)) == {}

    run(test())


def test_requests_after_each_other_share_a_connection_with_the_session_for_kopf(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with talking(tmp_path) as (server, client):
            for _ in range(3):
                await client.request("GET", PATH)
                async with client.session() as session, session.get(f"{client.server}{PATH}"):
                    pass
            await client.request("GET", PATH)  # kopf has closed its session, and no connection.

            assert len(server.asked) == 7
            assert len(server.connections) == 1

    run(test())


def test_cookies_are_not_kept(tmp_path: Path) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response({}, headers={"Set-Cookie": "route=1; Path=/"})

    async def test() -> None:
        async with talking(tmp_path) as (server, client):
            server.answer = answer
            client.server = client.server.replace("127.0.0.1", "localhost")  # An IP has none.
            await client.request("GET", PATH)
            await client.request("GET", PATH)

            assert "Cookie" not in server.asked[-1].headers

    run(test())


def failing(*statuses: int, **headers: str) -> Answer:
    """Answer each request with the next status, and then as it should be."""
    waiting = list(statuses)

    async def answer(_: web.Request) -> web.StreamResponse:
        if waiting:
            return web.json_response({}, status=waiting.pop(0), headers=headers)
        return web.json_response({"metadata": {}})

    return answer


@pytest.mark.parametrize(
    ("method", "repeatable"),
    [
        pytest.param("GET", False, id="GET"),
        pytest.param("PATCH", True, id="PATCH under a version"),
    ],
)
def test_what_the_server_fails_at_is_asked_again_at_once_if_that_is_safe(
    tmp_path: Path, method: str, *, repeatable: bool
) -> None:
    async def test() -> None:
        async with talking(tmp_path) as (server, client):
            server.answer = failing(500, 503)
            answer = await client.request(method, PATH, repeatable=repeatable)

        assert answer == {"metadata": {}}
        assert len(server.asked) == 3

    run(test())


@pytest.mark.parametrize(
    ("method", "repeatable", "answer", "times"),
    [
        pytest.param("POST", False, failing(500), 1, id="a creation"),
        pytest.param("PATCH", False, failing(500), 1, id="a PATCH of whatever is there"),
        pytest.param("GET", False, failing(503, **{"Retry-After": "3"}), 1, id="it says when"),
        pytest.param("GET", False, failing(429), 1, id="too many"),
        pytest.param("GET", False, failing(500, 500, 500), 3, id="it fails for longer"),
        pytest.param("PATCH", True, failing(500, 409), 2, id="the first was carried out after all"),
    ],
)
def test_what_is_asked_again_is_not_asked_for_ever_and_nothing_else_is(
    tmp_path: Path, method: str, *, repeatable: bool, answer: Answer, times: int
) -> None:
    async def test() -> None:
        async with talking(tmp_path) as (server, client):
            server.answer = answer
            with pytest.raises(KubeError):
                await client.request(method, PATH, repeatable=repeatable)

        assert len(server.asked) == times

    run(test())


def test_a_watch_that_is_not_answered_is_given_up_before_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async def test() -> None:
        monkeypatch.setattr("rds_ssl.kube.client.OPENING", 0.1)
        async with talking(tmp_path) as (server, client):
            server.answer = never
            with pytest.raises(KubeUnavailable, match=r"broken off \(TimeoutError\)"):
                async with (
                    asyncio.timeout(patience(5)),
                    client.stream(PATH, idle=60, total=60, **WATCH),
                ):
                    pass

    run(test())
