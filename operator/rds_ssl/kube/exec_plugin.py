"""
A program that gives credentials for the API server, as a kubeconfig names it (``exec``).

Not the official client's: it takes a plugin that fails for a user without credentials, hides what
the plugin asks a person for, and tells it nothing of the cluster. Source: the reference of
client.authentication.k8s.io.
"""

import asyncio
import base64
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rds_ssl.core.errors import KubeError
from rds_ssl.core.secret_text import SecretText
from rds_ssl.kube.imports import exec_provider, kube_config

_VERSIONS = frozenset(f"client.authentication.k8s.io/{each}" for each in ("v1", "v1beta1"))

_CLUSTER_FIELDS = (
    *("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data"),
    "proxy-url",
)
_CONFIG = "client.authentication.k8s.io/exec"
"""Of the cluster's extensions the one that is for plugins."""

_SHOWN = 200
"""Characters of what a plugin complains of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a plugin has given: a token, a certificate with its key, or both."""

    token: SecretText | None
    certificate: SecretText | None
    """PEM, with the key below."""
    key: SecretText | None
    ends: datetime | None
    """None: it does not."""


class ExecPlugin:
    """The plugin of a user."""

    def __init__(self, user: str, block: Mapping[str, Any], cluster: Mapping[str, Any]) -> None:
        """
        Check what is declared.

        Args:
            user: Its name, for errors.
            block: As `rds_ssl.kube.user_entry` has read it.
            cluster: The kubeconfig's entry, for a plugin that wants to know it.

        Raises:
            KubeError: It is for another kubectl.
        """
        self._user, self._block, self._cluster = user, block, cluster
        self._version = block.get("apiVersion")
        if self._version not in _VERSIONS:
            raise self._failed(f"has apiVersion {self._version}, which kubectl does not know")

    async def run(self) -> Given:
        """
        Run it, and read what it gives.

        Raises:
            KubeError: It gives nothing; which plugin, why, and what to do.
        """
        mode, person = self._block.get("interactiveMode"), sys.stdin.isatty()
        if mode == "Always" and not person:
            raise self._failed("asks a person, and there is no terminal")
        called = exec_provider.ExecProvider(kube_config.ConfigNode("exec", dict(self._block)))
        spec: dict[str, Any] = {"interactive": person and mode != "Never"}
        if self._block.get("provideClusterInfo"):
            spec["cluster"] = self._about_the_cluster()
        asked = {"apiVersion": self._version, "kind": "ExecCredential", "spec": spec}
        try:
            process = await asyncio.create_subprocess_exec(
                *called.args,
                env={**called.env, "KUBERNETES_EXEC_INFO": json.dumps(asked)},
                stdout=asyncio.subprocess.PIPE,
                # What it asks for, such as a code for a page, a person has to see.
                stderr=None if sys.stderr.isatty() else asyncio.subprocess.PIPE,
            )
        except OSError as error:
            raise self._failed(f"cannot be run ({error.strerror})") from error
        try:
            printed, complaint = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        if process.returncode:
            last = (complaint or b"").decode(errors="replace").strip().splitlines()[-1:]
            why = "".join(f": {each[:_SHOWN]}" for each in last)
            raise self._failed(f"has failed with exit code {process.returncode}{why}")
        return self._read(printed)

    def _read(self, printed: bytes) -> Given:
        try:
            answer = json.loads(printed)
            if answer["apiVersion"] != self._version or answer["kind"] != "ExecCredential":
                raise self._failed(f"does not answer as {self._version}")
            status = answer["status"]
            found = {
                name: status.get(name) or ""
                for name in ("token", "clientCertificateData", "clientKeyData")
            }
            ends = status.get("expirationTimestamp")
            until = datetime.fromisoformat(ends).astimezone(UTC) if ends else None
            for each in found.values():
                each.encode()  # Only a text has that, and only one that can be sent.
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            OverflowError,
            RecursionError,
        ) as error:
            raise self._failed("gives no ExecCredential") from error
        if bool(found["clientCertificateData"]) is not bool(found["clientKeyData"]):
            raise self._failed("gives a certificate or a key without the other")
        if not any(found.values()):
            raise self._failed("gives neither a token nor a certificate")
        token, certificate, key = (SecretText(each) if each else None for each in found.values())
        return Given(token=token, certificate=certificate, key=key, ends=until)

    def _about_the_cluster(self) -> dict[str, Any]:
        known = {name: self._cluster[name] for name in _CLUSTER_FIELDS if name in self._cluster}
        file = self._cluster.get("certificate-authority")
        if file and "certificate-authority-data" not in known:
            content = Path(file).read_bytes()
            known["certificate-authority-data"] = base64.b64encode(content).decode()
        for each in self._cluster.get("extensions") or ():
            if each.get("name") == _CONFIG:
                known["config"] = each.get("extension")
        return known

    def _failed(self, what: str) -> KubeError:
        command = self._block["command"]
        hint = str(self._block.get("installHint") or "").strip()
        remedy = hint or "Log in again with the tool that has made the kubeconfig."
        return KubeError(
            f"no credentials: the plugin {command} of the user {self._user} {what}. {remedy}"
        )
