"""Manifests as YAML for people: with comments, and PEM as a block. Pure."""

from collections.abc import Iterator, Mapping, Sequence

import yaml

from rds_ssl.commands.adoption import Manifest
from rds_ssl.commands.formatting import safe
from rds_ssl.core.model import API_GROUP, API_VERSION, KIND

_WIDTH = 4096
"""Characters of a line: no value is broken in two."""


def yaml_of(manifest: Manifest) -> str:
    """Return the documents of a manifest, each led by ``---``."""
    return "\n".join([*_object(manifest), *_config_map(manifest)]) + "\n"


def _object(manifest: Manifest) -> Iterator[str]:
    yield "---"
    yield from _comments(manifest.comment, "")
    yield from _lines(
        {
            "apiVersion": f"{API_GROUP}/{API_VERSION}",
            "kind": KIND,
            "metadata": _metadata(manifest.name, manifest.namespace),
        }
    )
    yield "spec:"
    for key, value in manifest.spec.items():
        yield from _comments(manifest.remarks.get(key, ()), "  ")
        yield from (f"  {line}" for line in _lines({key: value}))


def _config_map(manifest: Manifest) -> Iterator[str]:
    if not manifest.config_map:
        return
    yield "---"
    yield from _lines(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": _metadata(manifest.config_map_name, manifest.namespace),
        }
    )
    yield "data:"
    for key, text in manifest.config_map.items():
        yield f"  {key}: |"
        yield from (f"    {line}" for line in text.splitlines())


def _metadata(name: str, namespace: str) -> dict[str, object]:
    return {"name": name, **({"namespace": namespace} if namespace else {})}


def _comments(lines: Sequence[str], indent: str) -> Iterator[str]:
    # What comes from a certificate or a description must not end the comment that it stands in.
    return (f"{indent}# {safe(line)}".rstrip() for line in lines)


def _lines(value: Mapping[str, object]) -> list[str]:
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return text.splitlines()
