"""What an answer means, and what ends before anything is sent; the rest is on the wire."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rds_ssl.core.errors import KubeConflict, KubeError, KubeNotFound, KubeRefused, KubeUnavailable
from rds_ssl.kube.access import KubeCredentials
from rds_ssl.kube.client import KubeClient, read_error
from rds_ssl.kube.imports import Configuration
from support.api_stand_in import write_kubeconfig
from support.engine_world import played

WHAT = "PATCH /api/v1/namespaces/shop/secrets/orders"


def answer(status: int, content: object = b"", **headers: str) -> KubeError:
    """Read the error of an answer; *content* is JSON unless it is bytes."""
    sent = content if isinstance(content, bytes) else json.dumps(content).encode()
    return read_error(WHAT, status, {k.replace("_", "-"): v for k, v in headers.items()}, sent)


def test_only_a_conflict_asks_to_read_again_and_only_a_404_says_that_there_is_none() -> None:
    by_status = {status: type(answer(status)) for status in range(400, 600)}

    assert [each for each, kind in by_status.items() if kind is KubeConflict] == [409]
    assert [each for each, kind in by_status.items() if kind is KubeNotFound] == [404]
    assert [each for each, kind in by_status.items() if kind is KubeUnavailable] == [
        429,
        *range(500, 600),
    ]
    assert [each for each, kind in by_status.items() if kind is KubeRefused] == [
        each for each in range(400, 500) if each not in {404, 409, 429}
    ]
    assert all(answer(status).status == status for status in by_status)


@pytest.mark.parametrize(
    ("status", "content", "text"),
    [
        (403, {"message": "secrets is forbidden"}, "HTTP 403 secrets is forbidden"),
        (403, {"message": ""}, "HTTP 403"),
        (403, {"kind": "Status"}, "HTTP 403"),
        (403, b"", "HTTP 403"),
        (502, b"\n<html>Bad Gateway</html>\n", "HTTP 502 <html>Bad Gateway</html>"),
        (502, ["a", "list"], 'HTTP 502 ["a", "list"]'),
        (422, {"message": "x" * 1000}, "HTTP 422 " + "x" * 300),
        (502, b"y" * 1000, "HTTP 502 " + "y" * 300),
    ],
)
def test_an_error_tells_what_was_asked_and_the_beginning_of_the_answer(
    status: int, content: object, text: str
) -> None:
    assert str(answer(status, content)) == f"{WHAT}: {text}"


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("1", 1), ("120", 120), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("", None)],
)
def test_seconds_to_wait_are_taken_and_a_date_is_not(given: str, seconds: float | None) -> None:
    error = answer(429, b"Too many requests", Retry_After=given)

    assert isinstance(error, KubeUnavailable)
    assert error.retry_after == seconds


def test_a_server_that_names_no_time_leaves_it_open() -> None:
    error = answer(503)

    assert isinstance(error, KubeUnavailable)
    assert error.retry_after is None


@pytest.mark.parametrize(
    ("details", "causes"),
    [
        (
            {"causes": [{"reason": "NamespaceTerminating"}, {"reason": "B"}]},
            {"NamespaceTerminating", "B"},
        ),
        ({"causes": []}, set()),
        ({"causes": None}, set()),
        ({"name": "orders"}, set()),
        (None, set()),
    ],
)
def test_a_refusal_has_the_causes_that_its_details_name(details: object, causes: set[str]) -> None:
    error = answer(403, {"message": "no", "details": details})

    assert isinstance(error, KubeRefused)
    assert error.causes == causes
    assert str(error) == f"{WHAT}: HTTP 403 no"


@pytest.mark.parametrize("details", ["text", {"causes": ["text"]}])
def test_details_of_another_form_hide_no_status(details: object) -> None:
    error = answer(403, {"message": "no", "details": details})

    assert isinstance(error, KubeRefused)
    assert (error.status, error.causes) == (403, frozenset())


@asynccontextmanager
async def without_token() -> AsyncIterator[KubeClient]:
    """Give a client whose token cannot be read any more; a socket would fail the test."""

    def gone(_: object) -> None:
        raise FileNotFoundError("/var/run/token")

    configuration = Configuration()
    configuration.host = "http://127.0.0.1:1"
    configuration.refresh_api_key_hook = gone
    client = KubeClient(KubeCredentials(configuration=configuration, namespace="shop"))
    try:
        yield client
    finally:
        await client.close()


@played
async def test_a_request_without_its_token_is_not_sent() -> None:
    async with without_token() as client:
        with pytest.raises(KubeUnavailable, match="no token for the API server") as error:
            await client.request("GET", "/api")

    assert error.value.status == 0


@played
async def test_a_watch_without_its_token_is_not_opened() -> None:
    async with without_token() as client:
        with pytest.raises(KubeUnavailable, match="no token for the API server"):
            async with client.stream(
                "/api", query={"watch": "1"}, accept="application/json", idle=5, total=5
            ):
                pass


@played
async def test_the_session_for_kopf_sends_nothing_without_its_token_either() -> None:
    async with without_token() as client, client.session() as session:
        with pytest.raises(KubeUnavailable, match="no token for the API server"):
            await session.get(f"{client.server}/api")


@played
async def test_a_client_has_server_and_namespace_of_its_kubeconfig(tmp_path: Path) -> None:
    kubeconfig = write_kubeconfig(
        tmp_path / "config",
        cluster={"server": "https://kube.invalid/k8s/"},
        user={},
        context={"namespace": "shop"},
    )

    client = await KubeClient.connect(kubeconfig)

    assert (client.server, client.namespace) == ("https://kube.invalid/k8s", "shop")
    await client.close()


@played
async def test_there_is_no_client_of_a_context_that_is_not_there(tmp_path: Path) -> None:
    kubeconfig = write_kubeconfig(tmp_path / "config", cluster={"server": "https://kube.invalid"})

    with pytest.raises(KubeError, match="has no context production"):
        await KubeClient.connect(kubeconfig, context="production")


@played
async def test_without_a_kubeconfig_it_is_that_of_the_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(KubeError, match="service account of the Pod"):
        await KubeClient.connect(None)
