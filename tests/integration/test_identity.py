"""
As whom the commands act: kubectl and ours, with the same kubeconfig, at a real API server.

Each kind of user entry that kubectl documents is a row. Where kubectl refuses, so do we.
"""

import asyncio
import base64
import json
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rds_ssl.commands.error_hints import Request, explain
from rds_ssl.core.errors import KubeError, KubeRefused
from rds_ssl.kube.client import KubeClient
from rds_ssl.kube.user_entry import NOBODY_ELSE, Impersonation
from support import pki
from support.controlplane import ControlPlane

Json = dict[str, Any]

ROOT = pki.make_root("People")
VERSION = "client.authentication.k8s.io/v1"


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A control plane that knows people by token and by certificate; no operator."""
    with ControlPlane.start(controllers=False, client_ca=ROOT.pem) as plane:
        plane.kubectl("create", "serviceaccount", "ann")
        yield plane


class Desk:
    """A directory with a kubeconfig, and what its user entry needs."""

    def __init__(self, plane: ControlPlane, directory: Path) -> None:
        self.plane, self.directory = plane, directory
        self.path = directory / "config"
        config = yaml.safe_load(plane.kubeconfig.read_text())
        self.config: Json = config
        self.admin: str = config["users"][0]["user"]["token"]
        own = yaml.safe_load(plane.kubeconfig_for("default", "ann").read_text())
        self.token: str = own["users"][0]["user"]["token"]
        """A ServiceAccount's: a JWT that ends."""
        leaf = ROOT.leaf("bea", client=True)
        self.certificate, self.key = leaf.chain_pem, leaf.key_pem()

    def file(self, name: str, content: str | bytes) -> str:
        """Write a file beside the kubeconfig; its name, as a relative path."""
        content = content if isinstance(content, bytes) else content.encode()
        (self.directory / name).write_bytes(content)
        return name

    def plugin(self, status: Json | str, **block: object) -> Json:
        """Make a plugin that prints a status: JSON, or an expression that has ``info``."""
        expression = status if isinstance(status, str) else repr(status)
        name = self.file(
            f"plugin-{uuid.uuid4().hex}",
            f"#!{sys.executable}\n"
            "import base64, json, os, sys\n"
            "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
            f"status = {expression}\n"
            f"answer = {{'apiVersion': {VERSION!r}, 'kind': 'ExecCredential', 'status': status}}\n"
            "print(json.dumps(answer))\n",
        )
        (self.directory / name).chmod(0o755)
        given = {"apiVersion": VERSION, "command": f"./{name}", "interactiveMode": "Never"}
        return {"exec": {**given, **block}}

    def user(self, entry: Json | None) -> None:
        """Write the kubeconfig with a user; None: its context names none."""
        config = json.loads(json.dumps(self.config))
        config["users"][0]["user"] = entry
        if entry is None:
            config["users"] = []
            del config["contexts"][0]["context"]["user"]
        self.path.write_text(yaml.safe_dump(config))

    def kubectl(self, *flags: str) -> Json | None:
        """Ask kubectl who it is; None: it does not get so far."""
        done = self.plane.kubectl(
            *("auth", "whoami", "-o", "json", *flags), kubeconfig=self.path, check=False
        )
        if done.returncode:
            return None
        return told(json.loads(done.stdout))

    def ours(self, acting_as: Impersonation = NOBODY_ELSE) -> Json | None:
        """Ask with our client; None: it does not get so far."""
        try:
            return asyncio.run(self.ask(acting_as))
        except KubeError:
            return None

    async def ask(self, acting_as: Impersonation = NOBODY_ELSE) -> Json:
        """
        Ask with our client.

        Raises:
            KubeError: It does not get so far.
        """
        client = await KubeClient.connect(str(self.path), acting_as=acting_as)
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        kind = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            answer = await client.request("POST", path, body=kind)
            async with (
                client.session() as session,
                session.post(client.server + path, json=kind) as of_session,
            ):
                # kopf's requests are as good.
                assert told(await of_session.json()) == told(answer)
        finally:
            await client.close()
        return told(answer)


def told(review: Json) -> Json:
    found: Json = review["status"]["userInfo"]
    return {**found, "groups": sorted(found.get("groups", []))}


@pytest.fixture
def desk(plane: ControlPlane, tmp_path: Path) -> Desk:
    """A desk of its own."""
    return Desk(plane, tmp_path)


def data(content: bytes) -> str:
    return base64.b64encode(content).decode()


def jwt(**claims: object) -> str:
    parts = ({"alg": "none"}, claims, {})
    return ".".join(base64.urlsafe_b64encode(json.dumps(each).encode()).decode() for each in parts)


ENTRIES: dict[str, Any] = {
    "token": (lambda d: {"token": d.token}, "system:serviceaccount:default:ann"),
    "tokenFile": (
        lambda d: {"tokenFile": d.file("token", f"{d.token}\n")},
        "system:serviceaccount:default:ann",
    ),
    "tokenFile before token": (
        lambda d: {"token": d.admin, "tokenFile": d.file("token", d.token)},
        "system:serviceaccount:default:ann",
    ),
    "token where there is no tokenFile": (
        lambda d: {"token": d.admin, "tokenFile": "nowhere"},
        "admin",
    ),
    "no tokenFile": (lambda _: {"tokenFile": "nowhere"}, None),
    "certificate": (
        lambda d: {"client-certificate-data": data(d.certificate), "client-key-data": data(d.key)},
        "bea",
    ),
    "certificate in files": (
        lambda d: {
            "client-certificate": d.file("bea.crt", d.certificate),
            "client-key": d.file("bea.key", d.key),
        },
        "bea",
    ),
    "certificate without a key": (
        lambda d: {"client-certificate-data": data(d.certificate)},
        None,
    ),
    "certificate before plugin": (
        lambda d: {
            "client-certificate-data": data(d.certificate),
            "client-key-data": data(d.key),
            **d.plugin({"token": d.admin}),
        },
        "bea",
    ),
    # It is sent, for a proxy before the API server may know it; the API server does not.
    "name and password": (lambda _: {"username": "ann", "password": "x"}, None),
    "token and password": (lambda d: {"token": d.token, "username": "a", "password": "x"}, None),
    "plugin with a token": (lambda d: d.plugin({"token": d.token}), "system:serviceaccount:"),
    "plugin with a certificate": (
        lambda d: d.plugin(
            {
                "clientCertificateData": d.certificate.decode(),
                "clientKeyData": d.key.decode(),
            }
        ),
        "bea",
    ),
    "plugin that is told the cluster": (
        lambda d: d.plugin(
            f"{{'token': {d.token!r}}} if info['spec']['cluster']['server'].startswith('https:')"
            " and base64.b64decode(info['spec']['cluster']['certificate-authority-data']) else 1",
            provideClusterInfo=True,
        ),
        "system:serviceaccount:",
    ),
    "plugin with arguments and environment": (
        lambda d: d.plugin(
            "{'token': os.environ['SECRET'] + sys.argv[1]}",
            args=[d.token[3:]],
            env=[{"name": "SECRET", "value": d.token[:3]}],
        ),
        "system:serviceaccount:",
    ),
    "token before plugin": (
        lambda d: {"token": d.token, **d.plugin({"token": d.admin})},
        "system:serviceaccount:",
    ),
    "plugin that fails": (lambda d: d.plugin("sys.exit('log in first')"), None),
    "plugin that gives nothing": (lambda d: d.plugin({}), None),
    "plugin that is not there": (lambda d: d.plugin({}, command="./nowhere"), None),
    "plugin of another version": (
        lambda d: d.plugin({"token": d.token}, apiVersion="client.authentication.k8s.io/v1beta1"),
        None,
    ),
    "plugin of a version that is gone": (
        lambda d: d.plugin({"token": d.token}, apiVersion="client.authentication.k8s.io/v1alpha1"),
        None,
    ),
    "plugin that asks a person": (
        lambda d: d.plugin({"token": d.token}, interactiveMode="Always"),
        None,
    ),
    "oidc": (
        lambda d: {"auth-provider": {"name": "oidc", "config": oidc(d.token)}},
        "system:serviceaccount:",
    ),
    "oidc that has ended": (
        lambda _: {"auth-provider": {"name": "oidc", "config": oidc(jwt(exp=1))}},
        None,
    ),
    "auth-provider that is gone": (lambda _: {"auth-provider": {"name": "gcp"}}, None),
    "as": (lambda d: {"token": d.admin, "as": "bob"}, "bob"),
    "as, of groups": (
        lambda d: {"token": d.admin, "as": "bob", "as-groups": ["dev", "ops"]},
        "bob",
    ),
    "as, with everything": (
        lambda d: {
            "token": d.admin,
            "as": "bob",
            "as-uid": "12",
            "as-groups": ["dev"],
            "as-user-extra": {"example.com/Why": ["on call", "5 %"], "scopes": ["view"]},
        },
        "bob",
    ),
    "groups without as": (lambda d: {"token": d.admin, "as-groups": ["dev"]}, None),
    "as of somebody who may not": (lambda d: {"token": d.token, "as": "bob"}, None),
    "as behind a certificate": (
        lambda d: {
            "client-certificate-data": data(d.certificate),
            "client-key-data": data(d.key),
            "as": "bob",
        },
        None,
    ),
    "extensions": (
        lambda d: {"token": d.token, "extensions": [{"name": "x", "extension": {"a": 1}}]},
        "system:serviceaccount:",
    ),
}
"""Of each kind how it is made, and the beginning of the name that it gives; None: refused."""


def oidc(token: str) -> Json:
    return {"client-id": "x", "idp-issuer-url": "https://127.0.0.1:1", "id-token": token}


@pytest.mark.parametrize("kind", ENTRIES)
def test_kubectl_and_ours_are_the_same_person(desk: Desk, kind: str) -> None:
    make, expected = ENTRIES[kind]
    desk.user(make(desk))

    ours, theirs = desk.ours(), desk.kubectl()

    assert ours == theirs
    if expected is None:
        assert ours is None
    else:
        assert ours is not None
        assert ours["username"].startswith(expected)


@pytest.mark.parametrize(
    ("flags", "acting_as"),
    [
        (("--as", "eve"), Impersonation(user="eve")),
        (("--as-group", "sre"), Impersonation(groups=("sre",))),
        (
            ("--as", "eve", "--as-group", "sre", "--as-group", "on-call", "--as-uid", "7"),
            Impersonation(user="eve", groups=("sre", "on-call"), uid="7"),
        ),
    ],
)
@pytest.mark.parametrize(
    "entry", [{}, {"as": "bob", "as-groups": ["dev"], "as-user-extra": {"scopes": ["view"]}}]
)
def test_flags_replace_what_the_kubeconfig_says_as_kubectls_do(
    desk: Desk, entry: Json, flags: tuple[str, ...], acting_as: Impersonation
) -> None:
    desk.user({"token": desk.admin, **entry})

    assert desk.ours(acting_as) == desk.kubectl(*flags)


@pytest.mark.parametrize("entry", [{}, None])
def test_whoever_has_no_credentials_is_nobody_and_told_so(desk: Desk, entry: Json | None) -> None:
    desk.user(entry)

    with pytest.raises(KubeRefused) as error:
        asyncio.run(desk.ask())

    request = Request(server=desk.plane.url, verb="list", namespace="shop")
    assert explain(error.value, request).startswith("You have no credentials:")
    assert desk.kubectl() is None
