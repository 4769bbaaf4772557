"""
Fields of a spec that the schema does not have. Pure.

The API server prunes them and, for kubectl, refuses them (strict decoding); the operator never sees
them. They matter to whoever reads a file before anybody applies it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from pydantic import BaseModel

from rds_ssl.core.api.spec import Declaration


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownField:
    """A field that is not in the schema, and those that are beside it."""

    block: str
    """Where it stands: ``spec.serverCertificate``."""
    name: str
    """As it is written there, whatever that is."""
    known: tuple[str, ...]


def unknown_fields(spec: object) -> tuple[UnknownField, ...]:
    """Return the fields of a spec that the schema does not have, in their order."""
    return tuple(_unknown(spec, Declaration, "spec"))


def _unknown(value: object, block: type[BaseModel], path: str) -> Iterator[UnknownField]:
    if not isinstance(value, Mapping):
        return  # The wrong type is told by whoever reads it.
    fields = {each.alias or name: each for name, each in block.model_fields.items()}
    for name, part in value.items():
        field = fields.get(str(name))
        if field is None:
            yield UnknownField(block=path, name=str(name), known=tuple(fields))
            continue
        inner = _block_in(field.annotation)
        if inner is None:
            continue
        if isinstance(part, Sequence) and not isinstance(part, str):
            for number, each in enumerate(part):
                yield from _unknown(each, inner, f"{path}.{name}[{number}]")
        else:
            yield from _unknown(part, inner, f"{path}.{name}")


def _block_in(annotation: object) -> type[BaseModel] | None:
    """Find the block in the type of a field: ``tuple[Window, ...]``, ``PFX | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_block_in(each) for each in get_args(annotation))
    return next((each for each in found if each is not None), None)
