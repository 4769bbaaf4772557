"""
Access to a cluster: from a kubeconfig, or that of the Pod.

Of several files the first that names a current context chooses it, as for kubectl. Clusters and
certificates are read by the official client, the entry of the user by `rds_ssl.kube.user_entry`.
"""

import asyncio
import base64
import re
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from yaml import YAMLError

from rds_ssl.core.errors import KubeError, KubeUnavailable
from rds_ssl.core.secret_text import SecretText
from rds_ssl.kube.exec_plugin import ExecPlugin, Given
from rds_ssl.kube.imports import Configuration, config, kube_config
from rds_ssl.kube.user_entry import NOBODY_ELSE, Impersonation, UserEntry, parse_user

_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

_SHOWN_CONTEXTS = 10

_UNREADABLE = (
    config.ConfigException,
    OSError,
    YAMLError,
    # What the client makes of a file that is YAML and no kubeconfig.
    AttributeError,
    KeyError,
    TypeError,
    ValueError,
    OverflowError,
    RecursionError,  # Of YAML that is nested deeply.
)


_PLUGIN_PAUSE = 10.0
"""Seconds between two looks at whether a plugin's token is about to expire; one may fail."""

_EARLY = timedelta(minutes=5)
"""Before its end a plugin's token is renewed."""

_FILE_PAUSE = 60.0
"""Seconds between two looks at the file of a token, as kubectl has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeCredentials:
    """The client's own configuration, the namespace that goes with it, and as whom to act."""

    configuration: Any
    namespace: str
    impersonation: Impersonation = NOBODY_ELSE

    @property
    def server(self) -> str:
        """The server's URL, without a slash at its end."""
        return str(self.configuration.host)

    @property
    def server_name(self) -> str | None:
        """What the server's certificate is for, if that is not the host of its URL."""
        return self.configuration.tls_server_name or None

    @property
    def proxy(self) -> str | None:
        """The URL of the proxy."""
        return self.configuration.proxy or None

    @property
    def verifies(self) -> bool:
        """True if nobody but the API server of that name and CA, or this machine, gets a word."""
        url = urlsplit(self.server)
        here = url.hostname in {"localhost", "127.0.0.1", "::1"}
        return bool(self.configuration.verify_ssl) and (url.scheme == "https" or here)

    async def authorization(self) -> str | None:
        """
        Return the header as it is now: a Pod's token is renewed in its file.

        Raises:
            KubeUnavailable: It is there no more.
        """
        try:
            token = await self.configuration.get_api_key_with_prefix("BearerToken")
        except (config.ConfigException, OSError) as error:
            raise KubeUnavailable(f"no token for the API server: {error}") from error
        return str(token) if token else None

    def tls(self) -> ssl.SSLContext:
        """
        Return the context: the cluster's CA or those of the system, and the client's certificate.

        Raises:
            KubeError: A file of them is not there, or is none.
        """
        found = self.configuration
        try:
            context = ssl.create_default_context(cafile=found.ssl_ca_cert)
            if found.cert_file:
                context.load_cert_chain(
                    found.cert_file, keyfile=found.key_file, password=_no_passphrase
                )
        except (OSError, ValueError, TypeError) as error:  # ssl.SSLError is the first.
            raise KubeError(f"TLS to {self.server} cannot be set up: {error}") from error
        if not found.verify_ssl:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


async def from_kubeconfig(
    paths: str, context: str = "", acting_as: Impersonation = NOBODY_ELSE
) -> KubeCredentials:
    """
    Read one file, or several with ``:`` between them.

    Args:
        paths: The files.
        context: Empty is the current one.
        acting_as: What replaces the kubeconfig's own.

    Raises:
        KubeError: None of the files exists, they are no kubeconfig, have no such context, or its
            user is not understood or gets no credentials.
    """
    if not _one_exists(paths):
        raise KubeError(f"kubeconfig {paths}: no such file")
    try:
        return await _read(paths, context, acting_as)
    except _NoContextError:
        raise
    except KubeError as error:
        raise KubeError(f"kubeconfig {paths} cannot be used: {error}") from error
    except _UNREADABLE as error:
        # Not the client's text of what is no kubeconfig: it may repeat a part of it.
        told = isinstance(error, config.ConfigException | OSError)
        # An entry without its `user:` is put into the client's text whole, with its token.
        why = re.sub(r"(Invalid kube-config file[^{]*)\{.*", r"\1…", str(error), flags=re.DOTALL)
        if not told:
            why = f"it is no kubeconfig ({type(error).__name__})"
        raise KubeError(f"kubeconfig {paths} cannot be used: {why}") from error


async def _read(paths: str, context: str, acting_as: Impersonation) -> KubeCredentials:
    merged = kube_config.KubeConfigMerger(paths)
    known = [str(each.value["name"]) for each in merged.config.value["contexts"]]
    context = context or _current(merged)
    if context not in known:
        raise _NoContextError(_unknown(paths, context, known))
    loader = kube_config.KubeConfigLoader(
        config_dict=merged.config,
        active_context=context,
        config_base_path=None,  # Relative paths are those of the file that they are in.
    )
    of_context = loader.current_context["context"]
    user = _user(merged, context, str(of_context.get("user") or ""))
    impersonation = acting_as.over(user.impersonation)
    impersonation.headers()  # They are refused before anything is asked.
    configuration, certificate = Configuration(), dict(user.certificate)
    if user.plugin is not None:
        plugin = ExecPlugin(user.name, user.plugin, _cluster(merged, str(of_context["cluster"])))
        given = await plugin.run()
        _show(configuration, given.token)
        configuration.refresh_api_key_hook = _Plugin(plugin, given).renew
        certificate = _certificate(given)
    elif user.token_file is not None:
        file = _TokenFile(user, user.token_file)
        file.renew(configuration)
        configuration.refresh_api_key_hook = file.renew
    elif user.basic is not None:
        configuration.api_key["BearerToken"] = f"Basic {user.basic.reveal()}"
    else:
        _show(configuration, user.token)
    # The client reads of the user what is left: it would pass over what it does not understand, and
    # over a plugin that fails.
    loader._user = kube_config.ConfigNode("user", certificate)  # noqa: SLF001
    await loader.load_and_set(configuration)
    return KubeCredentials(
        configuration=configuration,
        namespace=str(of_context.get("namespace") or "default"),
        impersonation=impersonation,
    )


def from_pod(acting_as: Impersonation = NOBODY_ELSE) -> KubeCredentials:
    """
    Read what Kubernetes puts into every Pod; *acting_as* is as whom it acts.

    Raises:
        KubeError: This is no Pod, or it has no token.
    """
    configuration = Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)
    except (config.ConfigException, OSError) as error:
        raise KubeError(
            f"no credentials for the API server (service account of the Pod): {error}"
        ) from error
    try:
        namespace = _POD_NAMESPACE.read_text().strip()
    except OSError:
        namespace = ""
    acting_as.headers()  # They are refused before anything is asked.
    return KubeCredentials(
        configuration=configuration, namespace=namespace or "default", impersonation=acting_as
    )


def _no_passphrase() -> str:
    # Without it OpenSSL asks the terminal, and waits for it.
    raise KubeError("the client's key in the kubeconfig is encrypted; store it unencrypted")


class _NoContextError(KubeError):
    """The kubeconfig can be read, and has not got the context that is wanted."""


class _Plugin:
    """An exec plugin whose token may end."""

    def __init__(self, plugin: ExecPlugin, given: Given) -> None:
        self._plugin, self._ends = plugin, given.ends
        self._asked_at = float("-inf")

    async def renew(self, configuration: Any) -> None:  # noqa: ANN401  # The client has no types.
        """
        Run it if its token is about to end; until it answers, the old one serves.

        Raises:
            KubeUnavailable: It fails, and the old one has ended.
        """
        now, clock = asyncio.get_running_loop().time(), _clock()
        if (
            self._ends is None
            or self._ends - clock > _EARLY
            or now - self._asked_at < _PLUGIN_PAUSE
        ):
            return
        self._asked_at = now
        try:
            given = await self._plugin.run()
        except KubeError as error:
            if self._ends <= clock:
                raise KubeUnavailable(str(error)) from error
            return
        self._ends = given.ends
        _show(configuration, given.token)


class _TokenFile:
    """The file of a token, which somebody renews."""

    def __init__(self, user: UserEntry, path: Path) -> None:
        self._user, self._path = user, path
        self._read_at = float("-inf")

    def renew(self, configuration: Any) -> None:  # noqa: ANN401  # The client has no types.
        """
        Read it again from time to time; one that cannot be read leaves the last token.

        Raises:
            KubeError: There has been none yet.
        """
        user, now = self._user, asyncio.get_running_loop().time()
        if now - self._read_at < _FILE_PAUSE:
            return
        self._read_at = now
        try:
            found = self._path.read_text().strip()
        except (OSError, UnicodeDecodeError):
            found = ""
        if found and found.isprintable():
            _show(configuration, SecretText(found))
        elif user.token is not None and "BearerToken" not in configuration.api_key:
            _show(configuration, user.token)
        elif "BearerToken" not in configuration.api_key:
            raise KubeError(
                f"no credentials: there is no token in {self._path}, the tokenFile of the user"
                f" {user.name}. Log in again with the tool that writes it."
            )


def _clock() -> datetime:
    return datetime.now(UTC)


def _show(configuration: Any, token: SecretText | None) -> None:  # noqa: ANN401  # As above.
    if token is not None:
        configuration.api_key["BearerToken"] = f"Bearer {token.reveal()}"


def _certificate(given: Given) -> dict[str, str]:
    """Return what a plugin has given as the fields of a user."""
    if given.certificate is None or given.key is None:
        return {}
    pem = {"client-certificate-data": given.certificate, "client-key-data": given.key}
    return {name: base64.b64encode(each.reveal().encode()).decode() for name, each in pem.items()}


def _user(merged: Any, context: str, name: str) -> UserEntry:  # noqa: ANN401  # As above.
    """Return the user of a context; one without any asks without a name."""
    if not name:
        return UserEntry(name="")
    for node in merged.config.value["users"]:
        if node.value["name"] == name:
            directory = Path(node.path).absolute().parent
            entry = node.value["user"] or {}
            return parse_user(name, entry, directory=directory, now=_clock())
    raise KubeError(f"the context {context} names the user {name}, and there is none")


def _cluster(merged: Any, name: str) -> dict[str, Any]:  # noqa: ANN401  # As above.
    """Return the entry of a cluster, with the whole path of its CA."""
    for node in merged.config.value["clusters"]:
        if node.value["name"] == name:
            found: dict[str, Any] = dict(node.value["cluster"])
            if file := found.get("certificate-authority"):
                found["certificate-authority"] = str(Path(node.path).absolute().parent / file)
            return found
    return {}


def _one_exists(paths: str) -> bool:
    return any(Path(each).expanduser().exists() for each in paths.split(":") if each)


def _current(merged: Any) -> str:  # noqa: ANN401  # The client has no types.
    named = (each.get("current-context") for each in merged.config_files.values())
    return next((str(each) for each in named if each), "")


def _unknown(paths: str, context: str, known: list[str]) -> str:
    there = ", ".join(sorted(known)[:_SHOWN_CONTEXTS]) or "none"
    if len(known) > _SHOWN_CONTEXTS:
        there += f" and {len(known) - _SHOWN_CONTEXTS} more"
    if not context:
        return f"kubeconfig {paths} has no current context; its contexts are: {there}"
    return f"kubeconfig {paths} has no context {context}; its contexts are: {there}"
