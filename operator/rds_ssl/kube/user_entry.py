"""
The entry of a user in a kubeconfig, read as kubectl reads it, or refused with a sentence. Pure.

What is not understood is never passed over: it may say as whom to act. No value is repeated in an
error, for it may be a secret.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rds_ssl.core.errors import KubeError
from rds_ssl.core.secret_text import SecretText

CERTIFICATE = frozenset(
    {"client-certificate", "client-certificate-data", "client-key", "client-key-data"}
)
"""Fields with a client certificate and its key."""

_TEXTS = ("token", "tokenFile", "username", "password", *sorted(CERTIFICATE))
_KNOWN = frozenset(
    {*_TEXTS, "as", "as-uid", "as-groups", "as-user-extra", "exec", "auth-provider", "extensions"}
)
_KNOWN_OF_EXEC = frozenset(
    {"apiVersion", "args", "command", "env", "installHint", "interactiveMode", "provideClusterInfo"}
)

_LEGAL_IN_A_HEADER = "!#$&'*+-.^_`|~"
"""Beside letters and digits, of a header's name; % is the escape itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Impersonation:
    """As whom to act; all of it empty: as oneself."""

    user: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def over(self, other: "Impersonation") -> "Impersonation":
        """Return what flags make of a kubeconfig's: each that is given replaces its own."""
        return Impersonation(
            user=self.user or other.user,
            uid=self.uid or other.uid,
            groups=self.groups or other.groups,
            extra={**other.extra, **self.extra},
        )

    def headers(self) -> tuple[tuple[str, str], ...]:
        """
        Return the headers of a request, of which some may come several times.

        Raises:
            KubeError: They say no user, or hold what no header can.
        """
        found = [("Impersonate-User", self.user), ("Impersonate-Uid", self.uid)]
        found += [("Impersonate-Group", each) for each in self.groups]
        for name, values in self.extra.items():
            header = f"Impersonate-Extra-{quote(name, safe=_LEGAL_IN_A_HEADER)}"
            found += [(header, each) for each in values]
        found = [each for each in found if each[1]]
        if found and not self.user:
            raise KubeError("uid, groups or extra are to be impersonated, and no user (as)")
        if not all(value.isprintable() for _, value in found):
            raise KubeError("whom to act as (as) has a character that no header can hold")
        return tuple(found)


NOBODY_ELSE = Impersonation()
"""Acts as oneself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEntry:
    """What an entry says; the plugin counts only where there is nothing else, as for kubectl."""

    name: str
    token: SecretText | None = None
    token_file: Path | None = None
    """It comes before *token*, which is for as long as it cannot be read."""
    basic: SecretText | None = None
    """Name and password, as the header has them."""
    certificate: Mapping[str, str] = field(default_factory=dict)
    """The fields of `CERTIFICATE`."""
    plugin: Mapping[str, Any] | None = None
    impersonation: Impersonation = NOBODY_ELSE


def parse_user(name: str, entry: Mapping[str, Any], *, directory: Path, now: datetime) -> UserEntry:
    """
    Read an entry; *directory* is the kubeconfig's, whose relative paths are meant from there.

    Raises:
        KubeError: kubectl would refuse it, or it has what is not understood.
    """
    given = {key: value for key, value in entry.items() if value is not None}
    unknown = sorted(str(key) for key in given.keys() - _KNOWN)
    if unknown:
        raise KubeError(
            f"the user {name} has {', '.join(unknown)}, which is not understood;"
            " nothing is done, for it may say as whom to act"
        )
    for key in _TEXTS:
        if not isinstance(given.get(key, ""), str):
            raise KubeError(f"{key} of the user {name} is no text")
    if not given.get("token", "").isprintable():
        raise KubeError(f"the token of the user {name} has what no header can hold")
    texts = {key: given[key] for key in _TEXTS if given.get(key)}
    _one_way(name, texts, given)
    basic = f"{texts.get('username', '')}:{texts.get('password', '')}"
    token = texts.get("token") or _id_token(name, given.get("auth-provider"), now=now)
    file = texts.get("tokenFile")
    certificate = {
        key: texts[key] if key.endswith("-data") else str(directory / texts[key])
        for key in CERTIFICATE & texts.keys()
    }
    static = token or file or basic != ":" or certificate
    return UserEntry(
        name=name,
        token=SecretText(token) if token else None,
        token_file=directory / Path(file).expanduser() if file else None,
        basic=SecretText(base64.b64encode(basic.encode()).decode()) if basic != ":" else None,
        certificate=certificate,
        plugin=None if static else _plugin(name, given.get("exec"), directory),
        impersonation=_impersonation(name, given),
    )


def _one_way(name: str, texts: Mapping[str, str], given: Mapping[str, Any]) -> None:
    if ("token" in texts or "tokenFile" in texts) and texts.keys() & {"username", "password"}:
        raise KubeError(f"the user {name} has a token and a password; only one of them can count")
    has_certificate = texts.keys() & {"client-certificate", "client-certificate-data"}
    if has_certificate and not texts.keys() & {"client-key", "client-key-data"}:
        raise KubeError(f"the user {name} has a client certificate without its client-key")
    if "exec" in given and "auth-provider" in given:
        raise KubeError(f"the user {name} has exec and auth-provider; only one of them can count")


def _impersonation(name: str, given: Mapping[str, Any]) -> Impersonation:
    user, uid = given.get("as", ""), given.get("as-uid", "")
    groups, extra = given.get("as-groups", []), given.get("as-user-extra", {})
    if not (isinstance(user, str) and isinstance(uid, str)):
        raise KubeError(f"as or as-uid of the user {name} is no text")
    if not _are_texts(groups):
        raise KubeError(f"as-groups of the user {name} is no list of names")
    if not (isinstance(extra, dict) and all(map(_are_texts, extra.values()))):
        raise KubeError(f"as-user-extra of the user {name} is no map of lists of texts")
    return Impersonation(
        user=user,
        uid=uid,
        groups=tuple(groups),
        extra={str(key): tuple(values) for key, values in extra.items()},
    )


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _plugin(name: str, block: object, directory: Path) -> Mapping[str, Any] | None:
    """Return the block of a plugin, with the path of its command."""
    if block is None:
        return None
    if not isinstance(block, dict):
        raise KubeError(f"exec of the user {name} is no block")
    given = {key: value for key, value in block.items() if value is not None}
    unknown = sorted(str(key) for key in given.keys() - _KNOWN_OF_EXEC)
    if unknown:
        raise KubeError(f"exec of the user {name} has {', '.join(unknown)}, not understood")
    command, environment = given.get("command"), given.get("env", [])
    if not (isinstance(command, str) and command):
        raise KubeError(f"exec of the user {name} has no command")
    if not _are_texts(given.get("args", [])):
        raise KubeError(f"args of exec of the user {name} is no list of texts")
    if not (
        isinstance(environment, list)
        and all(
            isinstance(each, dict) and _are_texts([each.get("name"), each.get("value")])
            for each in environment
        )
    ):
        raise KubeError(f"env of exec of the user {name} is no list of names and values")
    # As for kubectl: a bare name is sought in PATH, a path is meant from the kubeconfig.
    return {**given, "command": str(directory / command) if "/" in command else command}


def _id_token(name: str, provider: object, *, now: datetime) -> str:
    """Return the token of the one provider that kubectl still has; empty without a provider."""
    if provider is None:
        return ""
    if not isinstance(provider, dict):
        raise KubeError(f"auth-provider of the user {name} is no block")
    kind = provider.get("name")
    if kind != "oidc":
        raise KubeError(
            f"the user {name} has the auth-provider {kind}, which kubectl does not have any more;"
            " its successor is a plugin (exec)"
        )
    found = (provider.get("config") or {}).get("id-token")
    if not isinstance(found, str) or not _lives(found, now=now):
        raise KubeError(
            f"no credentials: the id-token of the user {name} (auth-provider oidc) has ended or is"
            " not there, and kubectl alone renews it: run kubectl auth whoami, then this again"
        )
    return found


def _lives(token: str, *, now: datetime) -> bool:
    """True if a JWT says of itself that it has not ended."""
    try:
        claims = token.split(".")[1]
        ends = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
        return datetime.fromtimestamp(ends, tz=UTC) > now
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, binascii.Error):
        return False
