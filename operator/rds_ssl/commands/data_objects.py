"""Secrets and ConfigMaps in files, and the objects that make a Secret. Pure."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rds_ssl.commands.findings import ERROR, UNSHOWN, Finding, name_shown, object_name_shown
from rds_ssl.commands.manifests import Manifest
from rds_ssl.core.checks import contents
from rds_ssl.core.model import Reason

_KEY = re.compile(r"[-._A-Za-z0-9]{1,253}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line of a file."""

    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataObject:
    """A Secret or ConfigMap; its *data* may hold keys, and is never shown."""

    kind: str
    namespace: str
    name: str
    data: Mapping[str, bytes] = field(repr=False)
    broken: frozenset[str]
    """Keys whose value cannot be read; *findings* say why."""
    places: Mapping[str, Place]
    findings: tuple[Finding, ...]
    start: Place

    def value(self, key: str) -> bytes:
        """
        Return what a key holds.

        Raises:
            MaterialError: Nothing.
        """
        data = self.data
        if key not in data:  # The error lists the others.
            data = {each: b"" for each in data if name_shown(each) != UNSHOWN}
        return contents.value_of(data, self.kind, self.name, key)


def data_object(manifest: Manifest) -> DataObject | None:
    """Return the Secret or ConfigMap of a manifest; None if it is none, or is encrypted."""
    value = manifest.value
    kind = _at(value, "kind")
    if kind not in {"Secret", "ConfigMap"} or value.get("apiVersion") != "v1" or "sops" in value:
        return None
    meta = value.get("metadata")
    named: Mapping[str, Any] = meta if isinstance(meta, Mapping) else {}
    namespace, name = str(named.get("namespace") or ""), str(named.get("name") or "")
    reading = _Reading(manifest, kind, namespace, name)
    if kind == "Secret":
        reading.block("data", _decoded)
        reading.block("stringData", _plain)  # It goes before data.
    else:
        reading.block("binaryData", _decoded)
        reading.block("data", _plain)
    return DataObject(
        kind=kind,
        namespace=namespace,
        name=name,
        data=reading.data,
        broken=frozenset(reading.broken),
        places=reading.places,
        findings=tuple(reading.findings),
        start=Place(file=manifest.file, line=manifest.line),
    )


def _decoded(text: str) -> bytes | str:
    try:
        return base64.b64decode(re.sub(r"[\r\n]", "", text), validate=True)
    except (binascii.Error, ValueError):
        pass
    return "is no base64; encode it, or write it below stringData as it is"


def _plain(text: str) -> bytes | str:
    return text.encode(errors="surrogatepass")


class _Reading:
    """One object, block by block."""

    def __init__(self, manifest: Manifest, kind: str, namespace: str, name: str) -> None:
        self._manifest = manifest
        self._blank = Finding(
            file=manifest.file,
            line=manifest.line,
            severity=ERROR,
            kind=kind,
            namespace=object_name_shown(namespace),
            name=object_name_shown(name),
            reason=Reason.MATERIAL_INVALID,
            message="",
        )
        self.data: dict[str, bytes] = {}
        self.broken: set[str] = set()
        self.places: dict[str, Place] = {}
        self.findings: list[Finding] = []

    def block(self, block: str, read: Callable[[str], bytes | str]) -> None:
        content = self._manifest.value.get(block)
        if content is None:
            return
        if not isinstance(content, Mapping):
            self._find((block,), block, "must be a map of keys and texts")
            return
        for name, text in content.items():
            key = str(name)
            path = (block, key)
            if not _KEY.fullmatch(key):
                # It may be a line of a key that was pasted without its indentation.
                self._find(
                    (block,), block, "has a key of other than letters, digits, -, _ and .; name it"
                )
                continue
            self.places[key] = Place(file=self._manifest.file, line=self._manifest.line_of(path))
            value = read(text) if isinstance(text, str) else self._odd(text)
            if isinstance(value, bytes):
                self.data[key] = value
                self.broken.discard(key)
            else:
                self.broken.add(key)
                self._find(path, f"{block}.{name_shown(key)}", value)

    def _odd(self, value: object) -> bytes | str:
        return b"" if value is None else "must be a text; put it into quotes"

    def _find(self, path: tuple[str, ...], field: str, message: str) -> None:
        line = self._manifest.line_of(path)
        self.findings.append(replace(self._blank, line=line, field=field, message=message))


def made_here(manifest: Manifest) -> set[tuple[str, str, str]]:
    """
    Return the Secrets and ConfigMaps that an object makes in the cluster: kind, namespace, name.

    Those of cert-manager, external-secrets, sealed-secrets and trust-manager, and what is
    encrypted by SOPS.
    """
    value = manifest.value
    kind = _at(value, "kind")
    name, namespace = (_at(value, "metadata", part) for part in ("name", "namespace"))
    if kind in {"Secret", "ConfigMap"}:
        return {(kind, namespace, name)}
    if kind == "Certificate":
        return {("Secret", namespace, _at(value, "spec", "secretName"))}
    if kind == "ExternalSecret":
        return {("Secret", namespace, _at(value, "spec", "target", "name") or name)}
    if kind == "SealedSecret":
        return {("Secret", namespace, _at(value, "spec", "template", "metadata", "name") or name)}
    if kind == "Bundle":  # In every namespace.
        return {("ConfigMap", "", name), ("Secret", "", name)}
    return set()


def _at(value: object, *path: str) -> str:
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""
