"""
Access to a cluster, as the official client reads it: from a kubeconfig, or that of the Pod.

Of several files the first that names a current context chooses it, as for kubectl.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes.aio import client, config
from kubernetes.aio.config.kube_config import KubeConfigMerger
from yaml import YAMLError

from rds_ssl.core.errors import KubeError

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The client's own configuration, and the namespace that goes with it."""

    configuration: Any
    namespace: str


async def from_kubeconfig(paths: str, context: str = "") -> Credentials:
    """
    Read one file, or several with ``:`` between them; *context* empty is the current one.

    Raises:
        KubeError: None of them exists, they are no kubeconfig, or they have no such context.
    """
    if not _one_exists(paths):
        raise KubeError(f"kubeconfig {paths}: no such file")
    configuration = client.Configuration()
    try:
        merged = KubeConfigMerger(paths)
        known = [str(each.value["name"]) for each in merged.config.value["contexts"]]
        context = context or _current(merged)
        if context not in known:
            raise KubeError(_unknown(paths, context, known))
        loader = await config.load_kube_config(
            config_file=paths, context=context, client_configuration=configuration
        )
        namespace = loader.current_context["context"].get("namespace")
    except _UNREADABLE as error:
        # Not the client's text of what is no kubeconfig: it may repeat a part of it.
        told = isinstance(error, config.ConfigException | OSError)
        why = str(error) if told else f"it is no kubeconfig ({type(error).__name__})"
        raise KubeError(f"kubeconfig {paths} cannot be used: {why}") from error
    return Credentials(configuration=configuration, namespace=str(namespace or "default"))


def from_pod() -> Credentials:
    """
    Read what Kubernetes puts into every Pod.

    Raises:
        KubeError: This is no Pod, or it has no token.
    """
    configuration = client.Configuration()
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
    return Credentials(configuration=configuration, namespace=namespace or "default")


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
