"""The server of the page: who is answered, with which headers, and what it asks the cluster."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from rds_ssl.commands.cluster import Cluster
from rds_ssl.commands.page import serving
from rds_ssl.commands.page.serving import Reader, is_own_name
from rds_ssl.core.errors import CommandRefused, KubeError, KubeRefused, KubeUnavailable
from support import statuses
from support.kube_answers import Answer, AnsweringKube, Asked

Json = dict[str, Any]
Get = Callable[..., Awaitable[tuple[int, Mapping[str, str], str]]]

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


def answering(*manifests: Json | KubeError) -> Answer:
    """Answer lists of objects with these, and say that there is no Lease."""

    def answer(asked: Asked) -> Json:
        if "leases" in asked.path:
            raise KubeRefused("forbidden", status=403)
        for each in manifests:
            if isinstance(each, KubeError):
                raise each
        return {"metadata": {}, "items": list(manifests)}

    return answer


def played(answer: Answer, work: Callable[[Get, AnsweringKube, int], Awaitable[None]]) -> None:
    """Serve the page, and do *work* with what asks it."""

    async def run() -> None:
        kube = AnsweringKube(answer)
        kube.server = "https://ann:password@api.example:6443"
        reader = Reader(Cluster(kube, None), lambda: NOW, operator_namespace="rds-ssl-system")
        async with serving.serving(reader, 0) as port, aiohttp.ClientSession() as session:

            async def get(
                path: str, method: str = "GET", **headers: str
            ) -> tuple[int, Mapping[str, str], str]:
                url = f"http://127.0.0.1:{port}{path}"
                async with session.request(method, url, headers=headers) as got:
                    return got.status, got.headers, await got.text()

            await work(get, kube, port)

    asyncio.run(run())


ORDERS = statuses.manifest("orders", statuses.pending())


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/", "shop/"),
        ("/plans", "rds-ssl approve -n shop orders --digest 1111222233334444"),
        ("/changes", "Nothing was changed yet"),
        ("/object?namespace=shop&name=orders", "AwaitingApproval"),
        ("/?state=ready", "No object is like that"),
    ],
)
def test_every_page_is_served_and_forbids_what_it_does_not_need(path: str, told: str) -> None:
    async def work(get: Get, _kube: AnsweringKube, _port: int) -> None:
        status, headers, text = await get(path)

        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert told in text
        assert "api.example:6443" in text
        assert "password" not in text
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"

    played(answering(ORDERS), work)


def test_style_and_icon_are_its_own() -> None:
    async def work(get: Get, kube: AnsweringKube, _port: int) -> None:
        style, icon = await get("/style.css"), await get("/icon.svg")

        assert (style[0], style[1]["Content-Type"]) == (200, "text/css; charset=utf-8")
        assert (icon[0], icon[1]["Content-Type"]) == (200, "image/svg+xml; charset=utf-8")
        assert kube.asked == []

    played(answering(), work)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_nothing_but_reading_is_answered(method: str) -> None:
    async def work(get: Get, kube: AnsweringKube, _port: int) -> None:
        status, headers, _ = await get("/", method)

        assert (status, headers["Allow"]) == (405, "GET,HEAD")
        assert (await get("/", "HEAD"))[::2] == (200, "")
        assert {each.method for each in kube.asked} == {"GET"}

    played(answering(ORDERS), work)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil", "10.0.0.1"],
)
def test_who_comes_by_a_foreign_name_is_told_nothing(host: str) -> None:
    async def work(get: Get, kube: AnsweringKube, _port: int) -> None:
        for path in ("/", "/plans", "/object?namespace=shop&name=orders", "/style.css"):
            status, _, text = await get(path, Host=host)
            assert status == 403
            assert "shop" not in text
        assert kube.asked == []

    played(answering(ORDERS), work)


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("localhost", True),
        ("LOCALHOST:8090", True),
        ("127.0.0.1:1", True),
        ("[::1]:8090", True),
        ("", False),
        ("127.0.0.2", False),
        ("localhost:", False),
        ("localhost@evil.example", False),
        ("localhost\n.evil", False),
        ("0.0.0.0:8090", False),
    ],
)
def test_names_of_this_machine_are_three_with_any_port(host: str, own: bool) -> None:  # noqa: FBT001
    assert is_own_name(host) is own


def test_a_hurried_reload_costs_the_api_server_one_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "FRESH", 3600.0)

    async def work(get: Get, kube: AnsweringKube, _port: int) -> None:
        await asyncio.gather(*(get("/") for _ in range(20)))

        assert [each.path for each in kube.asked].count(
            "/apis/rds-ssl.dev/v1alpha1/dbinstancessls"
        ) == 1

    played(answering(ORDERS), work)


LEASES = "/apis/coordination.k8s.io/v1/namespaces/rds-ssl-system/leases"


def test_nothing_but_objects_and_leases_is_asked_for() -> None:
    async def work(get: Get, kube: AnsweringKube, _port: int) -> None:
        for path in ("/", "/plans", "/changes", "/object?namespace=shop&name=orders"):
            await get(path)

        assert {(each.method, each.path) for each in kube.asked} == {
            ("GET", "/apis/rds-ssl.dev/v1alpha1/dbinstancessls"),
            ("GET", LEASES),
            ("GET", f"{LEASES}/rds-ssl-operator"),  # The one of the usual name, without a list.
        }

    played(answering(ORDERS), work)


def test_what_the_cluster_refuses_is_a_page_that_says_what_to_do() -> None:
    async def work(get: Get, _kube: AnsweringKube, _port: int) -> None:
        status, headers, text = await get("/")

        assert status == 503
        assert "It takes the role view there" in text
        assert "&lt;b&gt;" in text
        assert "default-src 'none'" in headers["Content-Security-Policy"]

    message = 'is forbidden: User "<b>" cannot list'
    played(answering(KubeRefused(message, status=403)), work)


def test_a_page_that_reloads_itself_does_so_although_it_cannot_be_shown() -> None:
    async def work(get: Get, _kube: AnsweringKube, _port: int) -> None:
        reload = '<meta http-equiv="refresh" content="60">'
        assert reload in (await get("/?refresh=60"))[2]
        assert "http-equiv" not in (await get("/"))[2]

    played(answering(KubeUnavailable("HTTP 503", status=503)), work)


def test_an_object_that_is_not_there_is_not_found() -> None:
    async def work(get: Get, _kube: AnsweringKube, _port: int) -> None:
        status, _, text = await get("/object?namespace=shop&name=%3Cscript%3E")

        assert status == 404
        assert "<script" not in text
        assert (await get("/etc/passwd"))[0] == 404

    played(answering(ORDERS), work)


def test_a_port_that_is_taken_is_told_with_the_way_out() -> None:
    async def work(_get: Get, kube: AnsweringKube, port: int) -> None:
        reader = Reader(Cluster(kube, None), lambda: NOW, operator_namespace="x")
        with pytest.raises(CommandRefused, match=r"Address already in use.*--port"):
            async with serving.serving(reader, port):
                pass

    played(answering(), work)
