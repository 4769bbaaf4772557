"""How the client of the API server shows who it is, and whom it talks to; each way on the wire."""

import asyncio
import base64
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rds_ssl.core.errors import KubeError, KubeUnavailable
from rds_ssl.kube import access as credentials
from rds_ssl.kube import imports
from rds_ssl.kube.client import KubeClient
from support import pki
from support.api_stand_in import StandIn, proxying, standing_in, write_kubeconfig

PATH = "/api/v1/namespaces/shop/secrets/orders"


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def data(content: bytes) -> str:
    return base64.b64encode(content).decode()


def trusted(server: StandIn) -> dict[str, Any]:
    return {"server": server.url, "certificate-authority-data": data(server.root.pem)}


@asynccontextmanager
async def connected(kubeconfig: str | None) -> AsyncIterator[KubeClient]:
    client = await KubeClient.connect(kubeconfig)
    try:
        yield client
    finally:
        await client.close()


def exec_user(tmp_path: Path, status: str) -> dict[str, Any]:
    """Make a user whose plugin prints *status*, an expression that may count its runs."""
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        "import json, pathlib, sys\n"
        f"count = pathlib.Path({str(tmp_path / 'runs')!r})\n"
        "runs = len(count.read_text()) + 1 if count.exists() else 1\n"
        "count.write_text('x' * runs)\n"
        f"status = {status}\n"
        "version = 'client.authentication.k8s.io/v1'\n"
        "print(json.dumps({'apiVersion': version, 'kind': 'ExecCredential', 'status': status}))\n"
    )
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": [str(plugin)],
            "interactiveMode": "Never",
        }
    }


def test_a_token_goes_with_each_request_also_of_the_session_for_kopf(tmp_path: Path) -> None:
    async def test() -> None:
        async with standing_in(tmp_path) as server:
            kubeconfig = write_kubeconfig(
                tmp_path / "config", cluster=trusted(server), user={"token": "abc"}
            )
            async with connected(kubeconfig) as client, client.session() as session:
                await client.request("GET", PATH)
                await session.get(server.url + PATH)

            assert [each.authorization for each in server.asked] == ["Bearer abc"] * 2

    run(test())


def test_a_token_may_be_in_a_file_beside_the_kubeconfig(tmp_path: Path) -> None:
    async def test() -> None:
        async with standing_in(tmp_path) as server:
            (tmp_path / "token").write_text("from a file")
            kubeconfig = write_kubeconfig(
                tmp_path / "config", cluster=trusted(server), user={"tokenFile": "token"}
            )
            async with connected(kubeconfig) as client:
                await client.request("GET", PATH)

            assert server.asked[0].authorization == "Bearer from a file"

    run(test())


def test_whom_to_act_as_goes_with_each_request_also_of_the_session_for_kopf(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with standing_in(tmp_path) as server:
            user = {"token": "abc", "as": "bob", "as-groups": ["dev", "ops"]}
            kubeconfig = write_kubeconfig(tmp_path / "config", cluster=trusted(server), user=user)
            async with connected(kubeconfig) as client, client.session() as session:
                await client.request("GET", PATH)
                await client.request("PATCH", PATH, body={})
                await session.get(server.url + PATH)

            for asked in server.asked:
                assert asked.headers["Impersonate-User"] == "bob"
                assert asked.every("Impersonate-Group") == ["dev", "ops"]
            assert len(server.asked) == 3

    run(test())


def test_name_and_password_are_sent_as_basic(tmp_path: Path) -> None:
    async def test() -> None:
        async with standing_in(tmp_path) as server:
            kubeconfig = write_kubeconfig(
                tmp_path / "config",
                cluster=trusted(server),
                user={"username": "ann", "password": "secret"},
            )
            async with connected(kubeconfig) as client:
                await client.request("GET", PATH)

            assert server.asked[0].authorization == f"Basic {data(b'ann:secret')}"

    run(test())


@pytest.mark.parametrize("in_files", [False, True])
def test_a_client_certificate_is_shown(tmp_path: Path, *, in_files: bool) -> None:
    async def test() -> None:
        async with standing_in(tmp_path, wants_client=True) as server:
            leaf = server.root.leaf("ann", client=True)
            if in_files:
                (tmp_path / "ann.crt").write_bytes(leaf.chain_pem)
                (tmp_path / "ann.key").write_bytes(leaf.key_pem())
                user = {"client-certificate": "ann.crt", "client-key": "ann.key"}
            else:
                user = {
                    "client-certificate-data": data(leaf.chain_pem),
                    "client-key-data": data(leaf.key_pem()),
                }
            kubeconfig = write_kubeconfig(tmp_path / "config", cluster=trusted(server), user=user)
            async with connected(kubeconfig) as client, client.session() as session:
                await client.request("GET", PATH)
                await session.get(server.url + PATH)

            assert [each.client for each in server.asked] == ["ann"] * 2

    run(test())


def test_a_client_certificate_that_is_none_is_told_without_its_text(tmp_path: Path) -> None:
    async def test() -> None:
        user = {"client-certificate-data": data(b"secret"), "client-key-data": data(b"secret")}
        cluster = {"server": "https://127.0.0.1:1"}
        kubeconfig = write_kubeconfig(tmp_path / "config", cluster=cluster, user=user)

        with pytest.raises(KubeError, match=r"TLS to https://127\.0\.0\.1:1") as error:
            await KubeClient.connect(kubeconfig)

        assert "secret" not in str(error.value)

    run(test())


def test_a_server_of_another_ca_is_not_talked_to_unless_told_so(tmp_path: Path) -> None:
    async def test() -> None:
        async with standing_in(tmp_path) as server:
            strange = {**trusted(server), "certificate-authority-data": data(pki.make_root().pem)}
            careless = {"server": server.url, "insecure-skip-tls-verify": True}
            for name, cluster in (("strange", strange), ("careless", careless)):
                write_kubeconfig(tmp_path / name, cluster=cluster, user={"token": "abc"})

            async with connected(str(tmp_path / "strange")) as client:
                with pytest.raises(KubeUnavailable, match="ClientConnectorCertificateError"):
                    await client.request("GET", PATH)
            assert not server.asked
            async with connected(str(tmp_path / "careless")) as client:
                await client.request("GET", PATH)
            assert len(server.asked) == 1

    run(test())


def test_the_operator_takes_no_kubeconfig_that_leaves_the_server_unverified(tmp_path: Path) -> None:
    careless = {"server": "https://kube.test", "insecure-skip-tls-verify": True}
    plain = {"server": "http://kube.test"}
    for name, cluster in (("careless", careless), ("plain", plain)):
        path = tmp_path / name
        write_kubeconfig(path, cluster=cluster, user={"token": "abc"})

        with pytest.raises(KubeError, match=f"^kubeconfig {path}: .*insecure-skip-tls-verify"):
            run(_connect(path))


async def _connect(path: Path) -> None:
    await KubeClient.connect(str(path), verified=True)


def test_the_name_in_the_servers_certificate_may_be_another_one(tmp_path: Path) -> None:
    async def test() -> None:
        async with standing_in(tmp_path, name="kube.internal") as server:
            named = {**trusted(server), "tls-server-name": "kube.internal"}
            write_kubeconfig(tmp_path / "named", cluster=named, user={"token": "abc"})
            write_kubeconfig(tmp_path / "plain", cluster=trusted(server), user={"token": "abc"})

            async with connected(str(tmp_path / "plain")) as client:
                with pytest.raises(KubeUnavailable):
                    await client.request("GET", PATH)
            async with connected(str(tmp_path / "named")) as client, client.session() as session:
                await client.request("GET", PATH)
                await session.get(server.url + PATH)

            assert [each.named for each in server.asked] == ["kube.internal"] * 2

    run(test())


def test_a_proxy_of_the_kubeconfig_is_used_and_none_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with standing_in(tmp_path) as server, proxying() as (proxy, connects):
            monkeypatch.setenv("HTTPS_PROXY", proxy)
            for name in ("NO_PROXY", "no_proxy"):
                monkeypatch.delenv(name, raising=False)
            through = {**trusted(server), "proxy-url": proxy}
            write_kubeconfig(tmp_path / "direct", cluster=trusted(server), user={})
            write_kubeconfig(tmp_path / "through", cluster=through, user={})

            async with connected(str(tmp_path / "direct")) as client, client.session() as session:
                await client.request("GET", PATH)
                await session.get(server.url + PATH)
            assert connects == []
            async with connected(str(tmp_path / "through")) as client, client.session() as session:
                await client.request("GET", PATH)
                await session.get(server.url + PATH)
            assert set(connects) == {server.url.removeprefix("https://")}
            assert len(server.asked) == 4

    run(test())


def test_several_kubeconfigs_are_merged_with_paths_of_the_file_that_they_are_in(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with standing_in(tmp_path) as server:
            cluster = {"server": server.url, "certificate-authority": "ca.crt"}
            first = write_kubeconfig(
                tmp_path / "one" / "config", cluster=cluster, context={"namespace": "shop"}
            )
            second = write_kubeconfig(
                tmp_path / "two" / "config",
                cluster={"server": "https://127.0.0.1:1"},
                user={"tokenFile": "token"},
                context={"namespace": "other"},
                current=False,
            )
            (tmp_path / "one" / "ca.crt").write_bytes(server.root.pem)
            (tmp_path / "two" / "token").write_text("abc")

            async with connected(f"{first}:{tmp_path / 'missing'}:{second}") as client:
                await client.request("GET", PATH)

            assert (client.server, client.namespace) == (server.url, "shop")
            assert server.asked[0].authorization == "Bearer abc"

    run(test())


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow")  # The client's, from 3.12 on.
def test_a_plugin_gives_a_token_and_is_asked_again_before_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        monkeypatch.setattr(credentials, "_PLUGIN_PAUSE", 0.0)
        soon = (datetime.now(UTC) + timedelta(minutes=4)).isoformat()
        later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        status = (
            "{'token': f'number {runs}', 'expirationTimestamp':"
            f" {soon!r} if runs < 3 else {later!r}}}"
        )
        async with standing_in(tmp_path) as server:
            kubeconfig = write_kubeconfig(
                tmp_path / "config", cluster=trusted(server), user=exec_user(tmp_path, status)
            )
            async with connected(kubeconfig) as client:
                for _ in range(4):
                    await client.request("GET", PATH)

            told = [each.authorization.removeprefix("Bearer number ") for each in server.asked]
            assert told == ["2", "3", "3", "3"]

    run(test())


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow")  # The client's, from 3.12 on.
def test_a_plugin_that_fails_later_leaves_the_token_that_it_gave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        monkeypatch.setattr(credentials, "_PLUGIN_PAUSE", 0.0)
        soon = (datetime.now(UTC) + timedelta(minutes=4)).isoformat()
        status = (
            f"{{'token': 'first', 'expirationTimestamp': {soon!r}}} if runs == 1 else sys.exit(1)"
        )
        async with standing_in(tmp_path) as server:
            kubeconfig = write_kubeconfig(
                tmp_path / "config", cluster=trusted(server), user=exec_user(tmp_path, status)
            )
            async with connected(kubeconfig) as client:
                await client.request("GET", PATH)

            assert server.asked[0].authorization == "Bearer first"

    run(test())


def test_a_plugin_may_give_a_certificate(tmp_path: Path) -> None:
    async def test() -> None:
        async with standing_in(tmp_path, wants_client=True) as server:
            leaf = server.root.leaf("ann", client=True)
            status = {
                "clientCertificateData": leaf.chain_pem.decode(),
                "clientKeyData": leaf.key_pem().decode(),
            }
            kubeconfig = write_kubeconfig(
                tmp_path / "config", cluster=trusted(server), user=exec_user(tmp_path, repr(status))
            )
            async with connected(kubeconfig) as client:
                await client.request("GET", PATH)

            assert server.asked[0].client == "ann"

    run(test())


def test_a_pods_token_is_read_again_from_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 12, 1, tzinfo=UTC)
    clock = SimpleNamespace(datetime=SimpleNamespace(now=lambda: now), timedelta=timedelta)
    incluster = imports.config.incluster_config
    token, ca, namespace = (tmp_path / each for each in ("token", "ca.crt", "namespace"))
    monkeypatch.setattr(incluster, "datetime", clock)
    monkeypatch.setattr(incluster, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster, "SERVICE_CERT_FILENAME", str(ca))
    monkeypatch.setattr(credentials, "_POD_NAMESPACE", namespace)

    async def test() -> None:
        nonlocal now
        async with standing_in(tmp_path) as server:
            host, port = server.url.removeprefix("https://").split(":")
            monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
            monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
            token.write_text("first")
            ca.write_bytes(server.root.pem)
            namespace.write_text("shop\n")
            async with connected(None) as client:
                await client.request("GET", PATH)
                token.write_text("second")
                await client.request("GET", PATH)
                now += timedelta(minutes=2)
                await client.request("GET", PATH)
                token.unlink()
                now += timedelta(minutes=2)
                with pytest.raises(KubeUnavailable, match="no token"):
                    await client.request("GET", PATH)

            assert client.namespace == "shop"
            told = [each.authorization for each in server.asked]
            assert told == ["bearer first", "bearer first", "bearer second"]

    run(test())
