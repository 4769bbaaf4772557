"""
Of the official client what reads credentials, without the rest.

``import kubernetes.aio.config`` runs the ``__init__`` of each package on the way, and these import
both clients with all that they stand on: 0.23 s of CPU and 14 MiB, of which nothing is used. Here
the packages on the way are put into `sys.modules` without having been run, the modules wanted are
imported, and all of it is taken out again, so that nobody who imports the client later gets a part
of it. Source: docs/decisions/007-the-client-in-part.md.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_CLIENT = "kubernetes"
_ON_THE_WAY = ("kubernetes", "kubernetes.aio", "kubernetes.aio.client")
"""Parents before children."""


@contextmanager
def client_hidden() -> Iterator[None]:
    """
    Let what is imported meanwhile find no official client.

    For kopf, which takes two names of it into its namespace if it is there, and works without.
    Not for use while another thread imports.
    """
    if _CLIENT in sys.modules:
        yield
        return
    sys.modules[_CLIENT] = None  # type: ignore[assignment]  # Documented: ModuleNotFoundError.
    try:
        yield
    finally:
        del sys.modules[_CLIENT]


@contextmanager
def _packages_not_run() -> Iterator[None]:
    if _CLIENT in sys.modules:  # Somebody has paid for it.
        yield
        return
    try:
        for name in _ON_THE_WAY:
            spec = importlib.util.find_spec(name)
            if spec is None:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            sys.modules[name] = importlib.util.module_from_spec(spec)
        configuration = importlib.import_module("kubernetes.aio.client.configuration")
        client = sys.modules["kubernetes.aio.client"]
        client.Configuration = configuration.Configuration  # type: ignore[attr-defined]
        # Of use to `new_client_from_config` alone.
        client.ApiClient = None  # type: ignore[attr-defined]
        yield
    finally:
        for name in [each for each in sys.modules if each.partition(".")[0] == _CLIENT]:
            del sys.modules[name]


with _packages_not_run():
    from kubernetes.aio import config
    from kubernetes.aio.client import Configuration
    from kubernetes.aio.config import exec_provider, kube_config

__all__ = ["Configuration", "client_hidden", "config", "exec_provider", "kube_config"]
