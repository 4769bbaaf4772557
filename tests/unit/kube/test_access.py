"""Which cluster, which user and which namespace are found, and what is said if none is."""

import asyncio
import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from rds_ssl.core.errors import KubeError, KubeUnavailable
from rds_ssl.kube import access, imports
from rds_ssl.kube.access import KubeCredentials, from_kubeconfig, from_pod
from support import pki
from support.engine_world import played

TOKENS = {"ann": {"token": "of-ann"}, "bob": {"token": "of-bob"}, "nobody": {}}


def context(name: str, cluster: str, user: str | None = None, **more: str) -> dict[str, Any]:
    found = {"cluster": cluster, **more}
    return {"name": name, "context": found if user is None else {**found, "user": user}}


def write(
    path: Path,
    *contexts: dict[str, Any],
    current: str | None = None,
    clusters: Mapping[str, Mapping[str, Any]] | None = None,
    users: Mapping[str, Mapping[str, Any]] = TOKENS,
) -> str:
    """Write a kubeconfig; its clusters are ``east`` and ``west`` unless told otherwise."""
    there = clusters or {
        each: {"server": f"https://{each}.invalid", "insecure-skip-tls-verify": True}
        for each in ("east", "west")
    }
    content: dict[str, Any] = {
        "contexts": list(contexts),
        "clusters": [{"name": name, "cluster": dict(each)} for name, each in there.items()],
        "users": [{"name": name, "user": dict(each)} for name, each in users.items()],
    }
    if current is not None:
        content["current-context"] = current
    path.write_text(yaml.safe_dump(content))
    return str(path)


def found(paths: str, name: str = "") -> tuple[str, str, str | None]:
    """Give server, namespace and Authorization."""

    async def work() -> tuple[str, str, str | None]:
        credentials = await from_kubeconfig(paths, name)
        return credentials.server, credentials.namespace, await credentials.authorization()

    return asyncio.run(work())


def refusal(paths: str, name: str = "") -> str:
    """Give the text of the error."""
    with pytest.raises(KubeError) as error:
        asyncio.run(from_kubeconfig(paths, name))
    return str(error.value)


def test_the_current_context_says_cluster_user_and_namespace(tmp_path: Path) -> None:
    config = write(
        tmp_path / "config",
        context("a", "east", "ann", namespace="shop"),
        context("b", "west", "bob", namespace="bank"),
        current="b",
    )

    assert found(config) == ("https://west.invalid", "bank", "Bearer of-bob")


def test_a_context_that_is_named_comes_before_the_current_one(tmp_path: Path) -> None:
    config = write(
        tmp_path / "config",
        context("a", "east", "ann", namespace="shop"),
        context("b", "west", "bob", namespace="bank"),
        current="b",
    )

    assert found(config, "a") == ("https://east.invalid", "shop", "Bearer of-ann")


def test_of_several_files_the_first_with_a_current_context_chooses_it(tmp_path: Path) -> None:
    none = write(tmp_path / "0", context("z", "east", "ann"))
    first = write(tmp_path / "1", context("a", "east", "ann"), current="a")
    second = write(tmp_path / "2", context("b", "west", "bob"), current="b")

    assert found(f"{none}:{first}:{second}")[2] == "Bearer of-ann"
    assert found(f"{none}:{second}:{first}")[2] == "Bearer of-bob"
    assert found(f"{none}:{second}:{first}", "z")[0] == "https://east.invalid"


def test_without_a_namespace_it_is_default(tmp_path: Path) -> None:
    config = write(tmp_path / "config", context("a", "east", "ann"), current="a")

    assert found(config)[1] == "default"


def test_a_user_without_a_secret_asks_without_a_name(tmp_path: Path) -> None:
    config = write(tmp_path / "config", context("a", "east", "nobody"), current="a")

    assert found(config)[2] is None


def test_a_cluster_without_more_has_no_proxy_and_the_name_of_its_url(tmp_path: Path) -> None:
    config = write(tmp_path / "config", context("a", "east", "ann"), current="a")

    credentials = asyncio.run(from_kubeconfig(config))

    assert (credentials.proxy, credentials.server_name) == (None, None)


def test_a_file_may_be_in_the_home_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "config", context("a", "east", "ann"), current="a")

    assert found("~/config")[0] == "https://east.invalid"


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    paths = f"{tmp_path}/a:{tmp_path}/b"

    assert refusal(paths) == f"kubeconfig {paths}: no such file"


def test_a_context_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    config = write(tmp_path / "config", context("b", "west"), context("a", "east"), current="a")

    assert refusal(config, "c") == (f"kubeconfig {config} has no context c; its contexts are: a, b")


def test_of_many_contexts_ten_are_told(tmp_path: Path) -> None:
    many = [context(f"c{number:02}", "east") for number in range(12)]
    ten = [context(f"c{number:02}", "east") for number in range(10)]
    shown = "c00, c01, c02, c03, c04, c05, c06, c07, c08, c09"

    assert refusal(write(tmp_path / "many", *many), "x").endswith(f"are: {shown} and 2 more")
    assert refusal(write(tmp_path / "ten", *ten), "x").endswith(f"are: {shown}")


def test_no_context_is_chosen_where_none_is_current(tmp_path: Path) -> None:
    config = write(tmp_path / "config", context("a", "east", "ann"))
    empty = write(tmp_path / "empty", current="")

    assert refusal(config) == f"kubeconfig {config} has no current context; its contexts are: a"
    assert refusal(empty) == f"kubeconfig {empty} has no current context; its contexts are: none"


def test_a_current_context_that_is_not_there_is_told(tmp_path: Path) -> None:
    config = write(tmp_path / "config", context("a", "east"), current="old")

    assert refusal(config) == f"kubeconfig {config} has no context old; its contexts are: a"


def test_a_cluster_that_is_not_there_is_told(tmp_path: Path) -> None:
    config = write(tmp_path / "config", context("a", "north", "ann"), current="a")

    assert refusal(config).startswith(f"kubeconfig {config} cannot be used: ")
    assert "north" in refusal(config)


def test_a_certificate_that_is_not_there_is_told_with_its_path(tmp_path: Path) -> None:
    clusters = {"east": {"server": "https://east.invalid", "certificate-authority": "ca.crt"}}
    config = write(
        tmp_path / "config", context("a", "east", "nobody"), current="a", clusters=clusters
    )

    assert refusal(config).startswith(f"kubeconfig {config} cannot be used: ")
    assert str(tmp_path / "ca.crt") in refusal(config)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("hush-hush", id="a word"),
        pytest.param("- hush-hush", id="a list"),
        pytest.param("", id="nothing"),
        pytest.param("contexts: hush-hush", id="contexts that are none"),
        pytest.param("contexts: [hush-hush]\ncurrent-context: a", id="a context that is none"),
        pytest.param("token: [hush-hush", id="damaged YAML"),
        pytest.param("contexts:\n- name: a\n  context: hush-hush\ncurrent-context: a", id="text"),
        pytest.param("token: *hush-hush", id="a reference to nothing"),
        pytest.param("\x00hush-hush", id="no text"),
        pytest.param("\xffhush-hush", id="no UTF-8"),
    ],
)
def test_a_file_that_is_no_kubeconfig_is_told_without_its_text(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "config").write_bytes(content.encode("latin-1"))

    said = refusal(str(tmp_path / "config"))

    assert said.startswith(f"kubeconfig {tmp_path / 'config'} cannot be used: ")
    assert "hush" not in said


def test_a_directory_is_no_kubeconfig(tmp_path: Path) -> None:
    assert refusal(str(tmp_path)).startswith(f"kubeconfig {tmp_path} cannot be used: ")


def tls(tmp_path: Path, **cluster: object) -> ssl.SSLContext:
    clusters = {"east": {"server": "https://east.invalid", **cluster}}
    config = write(
        tmp_path / "config", context("a", "east", "nobody"), current="a", clusters=clusters
    )
    return asyncio.run(from_kubeconfig(config)).tls()


def test_the_servers_certificate_is_verified_by_the_clusters_ca_alone(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(pki.make_root("Kube root").pem)

    made = tls(tmp_path, **{"certificate-authority": "ca.crt"})

    assert (made.verify_mode, made.check_hostname) == (ssl.CERT_REQUIRED, True)
    (trusted,) = made.get_ca_certs()
    assert trusted["subject"] == ((("commonName", "Kube root"),),)


def test_a_server_is_verified_unless_the_kubeconfig_says_otherwise(tmp_path: Path) -> None:
    assert tls(tmp_path).verify_mode is ssl.CERT_REQUIRED
    assert tls(tmp_path, **{"insecure-skip-tls-verify": False}).verify_mode is ssl.CERT_REQUIRED

    careless = tls(tmp_path, **{"insecure-skip-tls-verify": True})

    assert (careless.verify_mode, careless.check_hostname) == (ssl.CERT_NONE, False)


def test_a_ca_that_is_none_is_told_with_the_server(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("hush-hush")

    with pytest.raises(KubeError, match=r"^TLS to https://east\.invalid cannot be set up") as error:
        tls(tmp_path, **{"certificate-authority": "ca.crt"})

    assert "hush" not in str(error.value)


def plugin(tmp_path: Path, status: Mapping[str, str]) -> dict[str, Any]:
    """Make a user whose plugin notes its run and prints *status*, in which ``$runs`` counts."""
    version = "client.authentication.k8s.io/v1"
    printed = {"apiVersion": version, "kind": "ExecCredential", "status": status}
    script = "\n".join(
        (
            f"echo >>{tmp_path}/runs",
            f"runs=$(($(wc -l <{tmp_path}/runs)))",
            "cat <<END",
            json.dumps(printed),
            "END",
        )
    )
    return {"exec": {"apiVersion": version, "command": "/bin/sh", "args": ["-c", script]}}


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow")  # The client's, from 3.12 on.
def test_a_plugin_whose_token_ends_soon_is_not_asked_at_each_request(tmp_path: Path) -> None:
    status = {"token": "$runs", "expirationTimestamp": "2020-01-01T00:00:00Z"}
    users = {"ann": plugin(tmp_path, status)}
    config = write(tmp_path / "config", context("a", "east", "ann"), current="a", users=users)

    async def work() -> list[str | None]:
        credentials = await from_kubeconfig(config)
        return [await credentials.authorization() for _ in range(20)]

    told = asyncio.run(work())

    # Once when the file was read, once when its token was about to end.
    assert (set(told), (tmp_path / "runs").read_text()) == ({"Bearer 2"}, "\n\n")


def test_a_plugin_whose_token_does_not_end_is_asked_once(tmp_path: Path) -> None:
    users = {"ann": plugin(tmp_path, {"token": "$runs"})}
    config = write(tmp_path / "config", context("a", "east", "ann"), current="a", users=users)

    async def work() -> list[str | None]:
        credentials = await from_kubeconfig(config)
        return [await credentials.authorization() for _ in range(3)]

    assert asyncio.run(work()) == ["Bearer 1"] * 3


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a service account; a Pod's is at a place that only root can write."""
    incluster = imports.config.incluster_config
    monkeypatch.setattr(incluster, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setattr(access, "_POD_NAMESPACE", tmp_path / "namespace")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    (tmp_path / "token").write_text("abc")
    (tmp_path / "ca.crt").write_bytes(pki.make_root().pem)
    (tmp_path / "namespace").write_text("shop\n")
    return tmp_path


@pytest.mark.usefixtures("pod")
def test_a_pod_has_server_namespace_and_token_of_its_service_account() -> None:
    credentials = from_pod()

    assert (credentials.server, credentials.namespace) == ("https://[fd00::1]:443", "shop")
    assert asyncio.run(credentials.authorization()) == "bearer abc"


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_pod_that_does_not_know_its_namespace_is_in_default(
    pod: Path, content: str | None
) -> None:
    (pod / "namespace").unlink()
    if content is not None:
        (pod / "namespace").write_text(content)

    assert from_pod().namespace == "default"


@pytest.mark.parametrize("name", ["token", "ca.crt"])
@pytest.mark.parametrize("content", [None, ""])
def test_a_pod_without_a_token_or_the_ca_has_no_credentials(
    pod: Path, name: str, content: str | None
) -> None:
    (pod / name).unlink()
    if content is not None:
        (pod / name).write_text(content)

    with pytest.raises(KubeError, match=r"^no credentials for the API server \(service account"):
        from_pod()


@pytest.mark.usefixtures("pod")
def test_elsewhere_there_are_no_credentials_of_a_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")

    with pytest.raises(KubeError, match="no credentials for the API server"):
        from_pod()


@pytest.mark.parametrize(
    "error",
    [OSError("no such file"), imports.config.ConfigException("Token file exists but empty.")],
)
def test_a_token_that_is_there_no_more_is_an_outage_and_no_end(error: Exception) -> None:
    def gone(_: object) -> None:
        raise error

    configuration = imports.Configuration()
    configuration.refresh_api_key_hook = gone
    credentials = KubeCredentials(configuration=configuration, namespace="shop")

    with pytest.raises(KubeUnavailable, match=f"^no token for the API server: {error}$"):
        asyncio.run(credentials.authorization())


def test_a_token_in_an_entry_that_is_no_user_is_in_no_error(tmp_path: Path) -> None:
    whole = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "c", "user": "ann"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://api.example.com"}}],
        "users": [{"name": "ann", "token": "never-shown"}],
    }
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(whole))

    with pytest.raises(KubeError, match="Expected key user") as caught:
        asyncio.run(from_kubeconfig(str(file)))

    assert "never-shown" not in str(caught.value)


def shell(script: str, **block: str) -> dict[str, Any]:
    """Make a user whose plugin is a line of shell."""
    version = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": version, "command": "/bin/sh", "args": ["-c", script], **block}}


GIVEN = '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": '


@pytest.mark.parametrize(
    ("user", "told"),
    [
        (shell("echo hush; echo ask Bob >&2; exit 7"), "has failed with exit code 7: ask Bob. Log"),
        (shell("exit 7", installHint="Run: corp-login"), "exit code 7. Run: corp-login"),
        (shell("", command="/nowhere/login"), "(No such file or directory). Log in again"),
        (shell("echo hush"), "gives no ExecCredential"),
        (shell(f"echo '{GIVEN}{{}}}}'"), "gives neither a token nor a certificate"),
        (
            shell(f"""echo '{GIVEN}{{"clientKeyData": "hush"}}}}'"""),
            "gives a certificate or a key without the other",
        ),
        (shell(f"echo '{GIVEN}{{}}}}'", apiVersion="v0"), "has apiVersion v0"),
        (
            shell(f"echo '{GIVEN}{{}}}}'", apiVersion="client.authentication.k8s.io/v1beta1"),
            "does not answer as client.authentication.k8s.io/v1beta1",
        ),
    ],
)
def test_a_plugin_that_gives_nothing_leaves_no_credentials(
    tmp_path: Path, user: dict[str, Any], told: str
) -> None:
    config = write(
        tmp_path / "config", context("a", "east", "ann"), current="a", users={"ann": user}
    )

    said = refusal(config)

    plugin = user["exec"]["command"]
    assert f"no credentials: the plugin {plugin} of the user ann" in said
    assert told in said
    assert "hush" not in said


def test_a_plugin_whose_token_has_ended_and_that_fails_is_an_outage(tmp_path: Path) -> None:
    status = {"token": "first", "expirationTimestamp": "2020-01-01T00:00:00Z"}
    once = plugin(tmp_path, status)
    script = once["exec"]["args"][1]
    once["exec"]["args"][1] = f"test ! -e {tmp_path}/runs || exit 1\n{script}"
    config = write(
        tmp_path / "config", context("a", "east", "ann"), current="a", users={"ann": once}
    )

    async def work() -> None:
        credentials = await from_kubeconfig(config)
        await credentials.authorization()

    with pytest.raises(KubeUnavailable, match="no credentials: the plugin"):
        asyncio.run(work())


@played
async def test_the_file_of_a_token_is_read_again_each_minute(tmp_path: Path) -> None:
    users = {"ann": {"tokenFile": "token"}}
    config = write(tmp_path / "config", context("a", "east", "ann"), current="a", users=users)
    (tmp_path / "token").write_text("first\n")
    credentials = await from_kubeconfig(config)

    (tmp_path / "token").write_text("second\n")
    told = [await credentials.authorization()]
    await asyncio.sleep(61)
    told.append(await credentials.authorization())
    (tmp_path / "token").unlink()
    await asyncio.sleep(61)
    told.append(await credentials.authorization())

    assert told == ["Bearer first", "Bearer second", "Bearer second"]


def test_a_token_file_without_a_token_leaves_no_credentials(tmp_path: Path) -> None:
    users = {"ann": {"tokenFile": "token"}}
    config = write(tmp_path / "config", context("a", "east", "ann"), current="a", users=users)

    assert f"no credentials: there is no token in {tmp_path}/token" in refusal(config)


def test_a_context_without_a_user_asks_without_a_name(tmp_path: Path) -> None:
    config = write(tmp_path / "config", context("a", "east"), current="a")

    assert found(config)[2] is None


def test_a_user_that_is_not_there_is_told(tmp_path: Path) -> None:
    config = write(tmp_path / "config", context("a", "east", "eve"), current="a")

    assert "the context a names the user eve, and there is none" in refusal(config)


def test_the_passphrase_of_a_key_is_asked_of_nobody(tmp_path: Path) -> None:
    leaf = pki.make_root().leaf("client", client=True)
    (tmp_path / "crt").write_bytes(leaf.pem)
    (tmp_path / "key").write_bytes(leaf.key_pem(pki.KeyFormat.PKCS8_ENCRYPTED))
    user = {"client-certificate": "crt", "client-key": "key"}
    file = write(
        tmp_path / "config", context("dev", "east", "ann"), current="dev", users={"ann": user}
    )

    with pytest.raises(KubeError, match="key in the kubeconfig is encrypted; store it unencrypted"):
        asyncio.run(from_kubeconfig(file)).tls()


@pytest.mark.parametrize("content", ["[" * 1000, "{a: " * 800 + "}" * 800])
def test_a_kubeconfig_that_is_nested_deeply_is_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "config"
    file.write_text(content)

    assert refusal(str(file)).endswith("it is no kubeconfig (RecursionError)")
