"""
Access to a cluster, as the official client reads it: from a kubeconfig, or that of the Pod.

Of several files the first that names a current context chooses it, as for kubectl.
"""

import asyncio
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yaml import YAMLError

from rds_ssl.core.errors import KubeError, KubeUnavailable
from rds_ssl.kube.imports import Configuration, config, kube_config

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
)


_PLUGIN_PAUSE = 10.0
"""Seconds between two looks at whether a plugin's token is about to expire; one may fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeCredentials:
    """The client's own configuration, and the namespace that goes with it."""

    configuration: Any
    namespace: str

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
                context.load_cert_chain(found.cert_file, keyfile=found.key_file)
        except OSError as error:  # ssl.SSLError is one.
            raise KubeError(f"TLS to {self.server} cannot be set up: {error}") from error
        if not found.verify_ssl:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


async def from_kubeconfig(paths: str, context: str = "") -> KubeCredentials:
    """
    Read one file, or several with ``:`` between them; *context* empty is the current one.

    Raises:
        KubeError: None of them exists, they are no kubeconfig, or they have no such context.
    """
    if not _one_exists(paths):
        raise KubeError(f"kubeconfig {paths}: no such file")
    configuration = Configuration()
    try:
        merged = kube_config.KubeConfigMerger(paths)
        known = [str(each.value["name"]) for each in merged.config.value["contexts"]]
        context = context or _current(merged)
        if context not in known:
            raise KubeError(_unknown(paths, context, known))
        loader = kube_config.KubeConfigLoader(
            config_dict=merged.config,
            active_context=context,
            config_base_path=None,  # Relative paths are those of the file that they are in.
        )
        await loader.load_and_set(configuration)
        namespace = loader.current_context["context"].get("namespace")
    except _UNREADABLE as error:
        # Not the client's text of what is no kubeconfig: it may repeat a part of it.
        told = isinstance(error, config.ConfigException | OSError)
        # An entry without its `user:` is put into the client's text whole, with its token.
        why = re.sub(r"(Invalid kube-config file[^{]*)\{.*", r"\1…", str(error), flags=re.DOTALL)
        if not told:
            why = f"it is no kubeconfig ({type(error).__name__})"
        raise KubeError(f"kubeconfig {paths} cannot be used: {why}") from error
    if hasattr(loader, "exec_plugin_expiry"):
        configuration.refresh_api_key_hook = _Plugin(loader).renew
    return KubeCredentials(configuration=configuration, namespace=str(namespace or "default"))


def from_pod() -> KubeCredentials:
    """
    Read what Kubernetes puts into every Pod.

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
    return KubeCredentials(configuration=configuration, namespace=namespace or "default")


class _Plugin:
    """An exec plugin whose token expires; the client's loader knows when, and tells nobody."""

    def __init__(self, loader: Any) -> None:  # noqa: ANN401  # The client has no types.
        self._loader = loader
        self._asked_at = 0.0

    async def renew(self, configuration: Any) -> None:  # noqa: ANN401  # As above.
        """Run it if its token ends within five minutes; until it answers, the old one serves."""
        now = asyncio.get_running_loop().time()
        if now - self._asked_at < _PLUGIN_PAUSE:
            return
        self._asked_at = now
        await self._loader.load_from_exec_plugin()
        configuration.api_key["BearerToken"] = self._loader.token


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
