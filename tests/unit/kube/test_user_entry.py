"""What the entry of a user says, and what is refused rather than passed over."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rds_ssl.core.errors import KubeError
from rds_ssl.kube.user_entry import Impersonation, UserEntry, parse_user

NOW = datetime(2026, 12, 1, tzinfo=UTC)
HOME = Path("/home/ann/.kube")


def parsed(**entry: object) -> UserEntry:
    return parse_user("ann", named(entry), directory=HOME, now=NOW)


def named(entry: dict[str, Any]) -> dict[str, Any]:
    return {name.rstrip("_").replace("_", "-"): value for name, value in entry.items()}


def refusal(**entry: object) -> str:
    with pytest.raises(KubeError) as error:
        parsed(**entry)
    assert "hush" not in str(error.value)
    return str(error.value)


def id_token(**claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"x.{body}.x"


def oidc(token: object) -> dict[str, Any]:
    return {"name": "oidc", "config": {"id-token": token}}


def test_a_token_and_a_password_are_not_shown() -> None:
    assert "hush" not in repr(parsed(token="hush"))
    assert "hush" not in repr(parsed(username="ann", password="hush"))


def test_paths_are_meant_from_the_kubeconfig() -> None:
    entry = parsed(tokenFile="token", client_certificate="/etc/a.crt", client_key="a.key")

    assert entry.token_file == HOME / "token"
    assert entry.certificate == {
        "client-certificate": "/etc/a.crt",
        "client-key": "/home/ann/.kube/a.key",
    }


@pytest.mark.parametrize(
    ("command", "meant"),
    [("aws", "aws"), ("./login", "/home/ann/.kube/login"), ("/bin/login", "/bin/login")],
)
def test_a_plugin_without_a_path_is_sought_in_path(command: str, meant: str) -> None:
    entry = parsed(exec={"apiVersion": "v1", "command": command})

    assert entry.plugin is not None
    assert Path(entry.plugin["command"]) == Path(meant)


def test_null_is_the_same_as_absent() -> None:
    assert parsed(token=None, as_=None, as_groups=None, exec=None) == UserEntry(name="ann")


@pytest.mark.parametrize(
    "entry",
    [
        {"asUser": "bob"},
        {"as-group": ["dev"]},
        {"As": "bob"},
        {"impersonate": "bob"},
        {"token": "hush", "tokenfile": "x"},
    ],
)
def test_a_field_that_nobody_understands_is_refused_by_name(entry: dict[str, Any]) -> None:
    unknown = next(name for name in entry if name != "token")

    assert f"has {unknown}, which is not understood" in refusal(**entry)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"token": 7}, "token of the user ann is no text"),
        ({"token": "hush\nX: y"}, "no header can hold"),
        ({"as": ["hush"]}, "as or as-uid"),
        ({"as": "bob", "as-uid": 7}, "as or as-uid"),
        ({"as": "bob", "as-groups": "hush"}, "as-groups"),
        ({"as": "bob", "as-groups": [7]}, "as-groups"),
        ({"as": "bob", "as-user-extra": ["hush"]}, "as-user-extra"),
        ({"as": "bob", "as-user-extra": {"scopes": "hush"}}, "as-user-extra"),
        ({"token": "hush", "password": "hush"}, "a token and a password"),
        ({"tokenFile": "hush", "username": "hush"}, "a token and a password"),
        ({"client-certificate": "a.crt"}, "without its client-key"),
        ({"exec": "hush"}, "exec of the user ann is no block"),
        ({"exec": {"args": ["hush"]}}, "has no command"),
        ({"exec": {"command": "x", "args": "hush"}}, "no list of texts"),
        ({"exec": {"command": "x", "env": {"A": "hush"}}}, "env of exec"),
        ({"exec": {"command": "x", "env": [{"name": "A"}]}}, "env of exec"),
        ({"exec": {"command": "x", "stdin": "hush"}}, "has stdin, not understood"),
        ({"exec": {"command": "x"}, "auth-provider": oidc("hush")}, "exec and auth-provider"),
        ({"auth-provider": {"name": "gcp"}}, "auth-provider gcp"),
        ({"auth-provider": "hush"}, "is no block"),
        ({"auth-provider": oidc(None)}, "kubectl alone renews it"),
        ({"auth-provider": oidc("hush")}, "kubectl alone renews it"),
        ({"auth-provider": oidc(id_token(exp=NOW.timestamp()))}, "kubectl alone renews it"),
        ({"auth-provider": oidc(id_token(exp="hush"))}, "kubectl alone renews it"),
        ({"auth-provider": oidc(id_token())}, "kubectl alone renews it"),
    ],
)
def test_what_makes_no_sense_is_told_without_its_values(entry: dict[str, Any], told: str) -> None:
    assert told in refusal(**entry)


def test_the_token_of_oidc_counts_until_it_ends() -> None:
    entry = parsed(auth_provider=oidc(id_token(exp=NOW.timestamp() + 1)))

    assert entry.token is not None


@pytest.mark.parametrize(
    "other",
    [
        {"token": "x"},
        {"tokenFile": "x"},
        {"username": "x"},
        {"client-certificate": "x", "client-key": "y"},
    ],
)
def test_a_plugin_counts_only_where_there_is_nothing_else(other: dict[str, Any]) -> None:
    assert parsed(exec={"command": "x"}, **other).plugin is None


def test_whom_to_act_as_is_in_headers_of_which_groups_come_each() -> None:
    entry = parsed(
        as_="bob", as_uid="7", as_groups=["dev", "ops"], as_user_extra={"a/B c%": ["x", "y"]}
    )

    assert entry.impersonation.headers() == (
        ("Impersonate-User", "bob"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "dev"),
        ("Impersonate-Group", "ops"),
        ("Impersonate-Extra-a%2FB%20c%25", "x"),
        ("Impersonate-Extra-a%2FB%20c%25", "y"),
    )


def test_whoever_acts_as_himself_sends_no_header() -> None:
    assert parsed(token="x").impersonation.headers() == ()


@pytest.mark.parametrize(
    "impersonation",
    [
        Impersonation(groups=("dev",)),
        Impersonation(uid="7"),
        Impersonation(extra={"a": ("b",)}),
    ],
)
def test_groups_of_nobody_are_refused(impersonation: Impersonation) -> None:
    with pytest.raises(KubeError, match="no user"):
        impersonation.headers()


@pytest.mark.parametrize("name", ["bob\r\nImpersonate-Group: system:masters", "bob\x00"])
def test_no_header_is_smuggled_in(name: str) -> None:
    with pytest.raises(KubeError, match="no header can hold"):
        Impersonation(user=name).headers()


def test_a_flag_replaces_its_own_part_of_the_kubeconfigs() -> None:
    written = Impersonation(user="bob", groups=("dev",), extra={"a": ("b",)})

    assert Impersonation(user="eve").over(written) == Impersonation(
        user="eve", groups=("dev",), extra={"a": ("b",)}
    )
    assert Impersonation(groups=("sre",)).over(written).groups == ("sre",)
    assert Impersonation().over(written) == written
